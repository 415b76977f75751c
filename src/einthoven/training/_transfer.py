"""Learning that begins from what another training has learnt.

A `Transfer` says whose weights, which part of the network is kept as it is, and how much slower the rest learns the
nearer it lies to the input (layer-wise decay: Howard and Ruder 2018, https://arxiv.org/abs/1801.06146; the grouping by
depth is that of Bao et al. 2021, https://arxiv.org/abs/2106.08254). A linear probe is `freeze="trunk"`, full
fine-tuning is `freeze=0`.

Nothing here knows a network by name. Its depth is read off the module: each block of a sequence is a stage of its own,
a normalisation belongs to the convolution before it, and `head` comes last.
"""

__all__ = ["Loaded", "Transfer", "hash_weights", "hold", "load_weights", "parameter_groups", "read_contract", "stages"]

import dataclasses
import difflib
import functools
import hashlib
import json
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from einthoven.training._checkpoint import load_checkpoint
from einthoven.training._published import IMAGENET, read_published

_CONTRACT = "contract.json"
_BESIDE = "beside."  # the parameters of a network that read covariates; like the head they belong to a task


@dataclasses.dataclass(frozen=True)
class Transfer:
    """How a training begins.

    Attributes:
        weights: Whose weights: a file of safetensors, the folder of a checkpoint or of a run, torchvision's ResNet-18
            file, or `imagenet` for that file where `fetch_imagenet` puts it; None for those that the network has.
        freeze: How many stages, counted from the input, keep their weights and their statistics and compute as in
            testing; `trunk` for all but the head.
        head: Whether the head is the source's too (`keep`) or the untrained one of the network (`reset`); the same
            holds for what reads covariates.
        layer_decay: The learning rate of a stage as a share of that of the next; the head learns at the full rate.

    Raises:
        ValueError: If one of them is none of these.
    """

    weights: str | None = None
    freeze: int | Literal["trunk"] = 0
    head: Literal["reset", "keep"] = "reset"
    layer_decay: float = 1.0

    def __post_init__(self) -> None:
        if self.freeze != "trunk" and not (isinstance(self.freeze, int) and self.freeze >= 0):
            raise ValueError(f"freeze is a number of stages, from 0, or 'trunk', not {self.freeze!r}")
        if self.head not in ("reset", "keep"):
            raise ValueError(f"the head is 'reset' or 'keep', not {self.head!r}")
        if not 0 < self.layer_decay <= 1:
            raise ValueError(f"layer_decay lies above 0 and up to 1, not at {self.layer_decay}")
        if self.weights is None and self.head == "keep":
            raise ValueError("there is no head to keep without weights from elsewhere; name them, or say head='reset'")


@dataclasses.dataclass(frozen=True)
class Loaded:
    """Whose weights a network got.

    Attributes:
        origin: The file.
        sha256: Its hash.
        contract: That of a checkpoint, with the patients it has seen; of published weights the `data`; else empty.
        notes: What was not taken as it was.
    """

    origin: str
    sha256: str
    contract: dict[str, Any]
    notes: tuple[str, ...]


def load_weights(model: nn.Module, transfer: Transfer) -> Loaded | None:
    """Puts the weights of a transfer into a network, all of them or none.

    Where the first convolution has other input channels than the source's, each gets the mean over the source's, times
    their ratio: an image repeated on all channels is then seen as the source saw it.

    Arguments:
        model: The network; it has a `head`.
        transfer: Whose weights.

    Returns:
        What was loaded; None where the network keeps its own weights.

    Raises:
        ValueError: If there are no such weights, they are damaged or not what they should be, or do not fit.
    """

    if transfer.weights is None:
        return None
    fresh = () if transfer.head == "keep" else (_head(model), _BESIDE)
    file = _file(transfer.weights)
    found, contract = _read(file)
    own = model.state_dict()
    tensors = {key: tensor for key, tensor in found.items() if not key.startswith(fresh)}
    wanted = {key: tensor for key, tensor in own.items() if not key.startswith(fresh)}
    tensors, notes = _adapted(model, tensors, wanted)
    _check(file, tensors, wanted)
    model.load_state_dict({**own, **tensors})
    notes += ("the head is untrained",) if fresh else ()
    return Loaded(str(file), _hash(file), contract, notes)


def hash_weights(transfer: Transfer) -> str:
    """The SHA-256 of the file whose weights a transfer takes; empty where it takes none.

    Raises:
        ValueError: If there are no such weights.
    """

    return "" if transfer.weights is None else _hash(_file(transfer.weights))


def read_contract(transfer: Transfer) -> dict[str, Any]:
    """The contract of the weights that a transfer takes: whom they have seen; empty where nobody says.

    Raises:
        ValueError: If there are no such weights, or they are damaged.
    """

    return {} if transfer.weights is None else _read(_file(transfer.weights))[1]


def _hash(file: Path) -> str:
    facts = file.stat()
    return _hash_once(file, facts.st_mtime_ns, facts.st_size)


@functools.lru_cache
def _hash_once(file: Path, changed_ns: int, size: int) -> str:
    """The hash of a file as it was then: every cell of a run asks for it."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _file(weights: str) -> Path:
    """The file that is meant."""
    if weights == "imagenet":
        if not IMAGENET.path.is_file():
            how = "fetch it with einthoven.training.fetch_imagenet(), or name a file of weights"
            raise ValueError(f"{IMAGENET.path} is not there; {how}")
        return IMAGENET.path
    path = Path(weights)
    if path.is_file():
        return path
    folder = _checkpoint_of_run(path) if (path / "experiment.json").is_file() else path
    if not (folder / _CONTRACT).is_file():
        raise ValueError(f"{path} holds no weights; name a file, or the folder of a checkpoint or of a run")
    return folder / "model.safetensors"


def _checkpoint_of_run(run: Path) -> Path:
    """The checkpoint of a run's primary model, its first seed and its first fold."""
    try:
        facts = json.loads((run / "experiment.json").read_text(encoding="utf-8"))
        name = f"{facts['primary']}-seed{facts['seeds'][0]}-fold{facts['folds'][0]}"
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise ValueError(f"{run / 'experiment.json'} is damaged ({error}); name a checkpoint of that run") from None
    folder = run / "cells" / name / "checkpoint"
    if not (folder / _CONTRACT).is_file():
        raise ValueError(f"{run} has no checkpoint of {name} yet; finish that run, or name a checkpoint in it")
    return folder


def _read(file: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors of a file, and what is known of their origin."""
    if (file.parent / _CONTRACT).is_file():
        return load_checkpoint(file.parent)
    if file.suffix != ".safetensors":
        return read_published(file), {"data": [IMAGENET.data]}
    try:
        return load_file(file), {}
    except (SafetensorError, ValueError) as error:
        raise ValueError(f"{file} is damaged ({error}); fetch or train it again") from None


def _adapted(
    model: nn.Module, tensors: dict[str, Tensor], wanted: dict[str, Tensor]
) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    """The tensors with counters that old files lack, and with the first convolution for other input channels."""
    counters = {k: torch.zeros_like(t) for k, t in wanted.items() if k.endswith("num_batches_tracked")}
    tensors = {**counters, **tensors}
    first = next((f"{k}.weight" for k, m in model.named_modules() if isinstance(m, nn.Conv1d | nn.Conv2d)), "")
    if not (first in wanted and first in tensors):
        return tensors, ()
    there, want = tensors[first], wanted[first].shape
    if there.ndim != len(want) or there.shape[1] == want[1] or there.shape[:1] + there.shape[2:] != want[:1] + want[2:]:
        return tensors, ()
    channels, count = there.shape[1], want[1]
    mean = there.mean(dim=1, keepdim=True) * (channels / count)
    note = f"{first} takes {count} channels instead of {channels}: each the mean over those, times {channels}/{count}"
    return {**tensors, first: mean.expand(want).contiguous()}, (note,)


def _check(file: Path, tensors: dict[str, Tensor], wanted: dict[str, Tensor]) -> None:
    """Lets nothing pass but the wanted tensors, in their shapes and with numbers in them."""
    missing = [key for key in wanted if key not in tensors]
    strange = [key for key in tensors if key not in wanted]
    faults = []
    for key in missing:
        alike = [k for k in strange if tensors[k].shape == wanted[key].shape]
        close = difflib.get_close_matches(key, alike, n=1, cutoff=0.5)
        faults.append(f"{key} is missing" + (f", unless it is what is called {close[0]} there" if close else ""))
    faults += [f"the network has no {key}" for key in strange] if not missing else []
    for key in wanted:
        if key in tensors and tensors[key].shape != wanted[key].shape:
            shapes = (" × ".join(map(str, t[key].shape)) or "one number" for t in (tensors, wanted))
            faults.append("{} is {} there and {} in the network".format(key, *shapes))
        elif key in tensors and not torch.isfinite(tensors[key]).all():
            faults.append(f"{key} holds what is no number")
    if faults:
        more = f" (and {len(faults) - 1} more such faults)" if len(faults) > 1 else ""
        raise ValueError(f"{file} does not fit the network: {faults[0]}{more}; name weights of the same network")


def _head(model: nn.Module) -> str:
    """How the names of the head's parameters begin."""
    head = getattr(model, "head", None)
    for name, module in model.named_modules():
        if name and module is head:
            return f"{name}."
    raise ValueError(f"a {type(model).__name__} has no head, which a transfer leaves trainable")


def stages(model: nn.Module) -> list[list[str]]:
    """The names of a network's parameters from the input on; the last stage is the head and what reads covariates."""
    head = (_head(model), _BESIDE)
    found, weighed = [[name for name, _ in model.named_parameters(recurse=False)]], False
    for name, module in _blocks(model, ""):
        inside = {f"{name}.{key}": parameter for key, parameter in module.named_parameters()}
        names = [key for key in inside if not key.startswith(head)]
        weighs = any(inside[key].ndim > 1 for key in names)
        if weighs and weighed:
            found.append([])
        weighed |= weighs
        found[-1] += names
    last = [key for key, _ in model.named_parameters() if key.startswith(head)]
    return [*(names for names in found if names), last]


def _blocks(module: nn.Module, prefix: str) -> list[tuple[str, nn.Module]]:
    """The parts of a module in their order, with those of sequences in the place of the sequence."""
    found = []
    for name, part in module.named_children():
        opened = isinstance(part, nn.Sequential | nn.ModuleList)
        found += _blocks(part, f"{prefix}{name}.") if opened else [(prefix + name, part)]
    return found


def parameter_groups(model: nn.Module, transfer: Transfer | None) -> list[dict[str, Any]]:
    """Freezes what a transfer keeps, and gives the other parameters to the optimizer, in groups of one rate each.

    Arguments:
        model: The network; without a transfer it is left as it is.
        transfer: What is frozen and how the rate decays.

    Returns:
        Groups with `params` and `scale`, the share of the learning rate.

    Raises:
        ValueError: If more stages shall be frozen than lie before the head.
    """

    if transfer is None:
        return [{"params": list(model.parameters()), "scale": 1.0}]
    names = stages(model)
    frozen = len(names) - 1 if transfer.freeze == "trunk" else transfer.freeze
    if frozen >= len(names):
        raise ValueError(f"{frozen} stages shall be frozen, but the head is stage {len(names)}; say 'trunk' for all")
    depth = {key: i for i, keys in enumerate(names) for key in keys}
    groups: dict[float, list[nn.Parameter]] = {}
    for key, parameter in model.named_parameters():
        parameter.requires_grad_(depth[key] >= frozen)
        if parameter.requires_grad:
            scale = transfer.layer_decay ** (len(names) - 1 - depth[key])
            groups.setdefault(scale, []).append(parameter)
    return [{"params": parameters, "scale": scale} for scale, parameters in groups.items()]


def hold(model: nn.Module) -> None:
    """Lets every part whose parameters are all frozen compute as in testing, its statistics and dropout included."""
    for module in model.modules():
        parameters = list(module.parameters())
        if parameters and not any(parameter.requires_grad for parameter in parameters):
            module.eval()
