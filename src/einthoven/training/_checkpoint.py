"""Weights on disk, with the contract under which they may be used; safetensors and JSON, never a pickle."""

__all__ = [
    "SALT_VARIABLE",
    "VERSION",
    "hash_patient",
    "lineage",
    "load_checkpoint",
    "load_state",
    "save_checkpoint",
    "save_state",
]

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from einthoven.records.writing import replacing

VERSION = 2
SALT_VARIABLE = "EINTHOVEN_SALT"


def hash_patient(patient: str) -> str:
    """Half of the SHA-256 of a patient's id, salted with `EINTHOVEN_SALT` where that is set."""
    return hashlib.sha256((os.environ.get(SALT_VARIABLE, "") + patient).encode()).hexdigest()[:32]


def lineage(
    name: str, contract: Mapping[str, Any], early: bool = False
) -> Iterator[tuple[str, Mapping[str, Any], bool]]:
    """A contract and those of the stages before it, with a name for each, and whether it is an earlier stage."""
    yield name, contract, early
    before = contract.get("pretrained") or ()
    for number, earlier in enumerate([before] if isinstance(before, Mapping) else before, start=1):
        yield from lineage(f"{name}, pretraining {number}", earlier, early=True)


def save_state(path: Path, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
    """Writes tensors and JSON facts into one safetensors file, atomically."""
    with replacing(path) as scratch:
        _save(tensors, scratch, {"facts": json.dumps(facts)})


def _save(tensors: dict[str, Tensor], path: Path, facts: dict[str, str] | None = None) -> None:
    try:
        save_file({k: t.detach().cpu().contiguous() for k, t in tensors.items()}, path, facts)
    except SafetensorError as error:  # what it makes of a full disk
        raise OSError(f"the weights could not be written: {error}") from None


def load_state(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Reads what `save_state` wrote.

    Raises:
        ValueError: If the file is damaged.
    """

    try:
        with safe_open(path, framework="pt") as file:
            facts = json.loads(file.metadata()["facts"])
        return load_file(path), facts
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} is damaged ({error}); delete it and train again") from None


def save_checkpoint(
    folder: Path, weights: dict[str, Tensor], contract: dict[str, Any], *, heads: dict[str, Tensor] | None = None
) -> None:
    """Writes `model.safetensors` and `contract.json` into a new folder, all or nothing.

    Arguments:
        folder: Where; it must not exist.
        weights: The model's state dict; how many bits a number has is the caller's choice.
        contract: What goes in, what comes out, and whom the model has seen.
        heads: Of an encoder that learnt without labels, what its own task took besides, as `heads.safetensors`.
    """

    folder.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}-"))
    try:
        scratch.chmod(0o755)
        _save(weights, scratch / "model.safetensors")
        if heads:
            _save(heads, scratch / "heads.safetensors")
        text = json.dumps({"version": VERSION, **contract}, indent=1)
        (scratch / "contract.json").write_text(text + "\n", encoding="utf-8")
        os.replace(scratch, folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def load_checkpoint(folder: str | Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Reads the weights and the contract of a checkpoint.

    Raises:
        ValueError: If it is missing, damaged, or of another version.
    """

    folder = Path(folder)
    try:
        contract = json.loads((folder / "contract.json").read_text(encoding="utf-8"))
        version = contract.get("version")
        weights = load_file(folder / "model.safetensors")
    except (FileNotFoundError, NotADirectoryError) as error:
        name = Path(error.filename or "model.safetensors").name
        raise ValueError(f"{folder} is no checkpoint: {name} is missing") from None
    except (SafetensorError, AttributeError, ValueError) as error:
        raise ValueError(f"{folder} is damaged ({error}); fetch or train it again") from None
    if version != VERSION:
        raise ValueError(f"{folder} is a checkpoint of version {version}, this program reads {VERSION}; train it again")
    return weights, contract
