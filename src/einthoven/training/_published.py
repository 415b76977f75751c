"""Weights that others have published as a PyTorch file, read without unpickling anything.

Such a file is a zip archive: the numbers, one entry a tensor, and a pickle that says which is which. A pickle is a
program, and here none is run: `pickletools` takes it apart into its instructions, and the few that a table of tensors
needs are followed; any other is an error, and no name in it is ever looked up. Besides, only a file whose SHA-256 is
known is opened at all.

Published are the ResNet-18 weights of torchvision (`IMAGENET1K_V1`), learnt from the million photographs of ImageNet.
"""

__all__ = ["IMAGENET", "Published", "fetch_imagenet", "read_published"]

import dataclasses
import hashlib
import io
import math
import pickletools
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import requests
import torch
from torch import Tensor

from einthoven.records.writing import replacing

# What taking a damaged file apart may end in.
_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, LookupError, AttributeError, TypeError, ValueError, RuntimeError)
_TIMEOUT_S = (15.0, 30.0)  # to connect, and between two pieces of an answer
_PIECE = 1 << 16


@dataclasses.dataclass(frozen=True)
class Published:
    """A file of weights and how to know it.

    Attributes:
        url: Its official address.
        sha256: Its hash.
        size: In bytes.
        data: What it was learnt from: `name`, `licence` and `citation`, as in the contract of a checkpoint.
    """

    url: str
    sha256: str
    size: int
    data: dict[str, str]

    @property
    def path(self) -> Path:
        """Where PyTorch keeps such files, so that one that torchvision has fetched is found."""
        return Path(torch.hub.get_dir()) / "checkpoints" / self.url.rpartition("/")[2]


IMAGENET = Published(
    url="https://download.pytorch.org/models/resnet18-f37072fd.pth",
    sha256="f37072fd47e89c5e827621c5baffa7500819f7896bbacec160b1a16c560e07ec",
    size=46_830_571,
    data={
        "name": "imagenet",
        "licence": "weights: BSD-3-Clause, with torchvision; photographs: ImageNet's terms of access",
        "citation": "Deng et al. 2009, ImageNet: a large-scale hierarchical image database, CVPR",
    },
)


def fetch_imagenet(to: Path | None = None, *, url: str | None = None) -> Path:
    """Downloads torchvision's ResNet-18 weights, 47 MB, whole and with the right hash or not at all.

    Arguments:
        to: The file to write; by default where PyTorch keeps it.
        url: The address of a mirror.

    Returns:
        The file, which is not asked for again where it is there already.

    Raises:
        ValueError: If the file cannot be had or written, is another than promised, or another is in its place.
    """

    path, url = to or IMAGENET.path, url or IMAGENET.url
    if path.exists():
        _verified(path)
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as scratch:
        try:
            _download(url, scratch)
        except requests.RequestException as error:
            raise ValueError(f"{url} cannot be had ({type(error).__name__}); try again, or copy it to {path}") from None
    return path


def _download(url: str, scratch: Path) -> None:
    """Writes what is at an address, and compares it with what is promised."""
    digest, came = hashlib.sha256(), 0
    with requests.get(url, stream=True, timeout=_TIMEOUT_S) as answer, scratch.open("wb") as file:
        answer.raise_for_status()
        for piece in answer.iter_content(_PIECE):
            digest.update(piece)
            came += file.write(piece)
            if came > IMAGENET.size:
                break
    if digest.hexdigest() != IMAGENET.sha256:
        raise ValueError(
            f"{url} gave another file than promised ({came} bytes, not {IMAGENET.size} with the SHA-256 "
            f"{IMAGENET.sha256[:8]}…), so it was deleted; try again, or ask who keeps that address"
        )


def _verified(path: Path) -> bytes:
    """A file's contents, once they are known to be those of the published file."""
    contents = path.read_bytes()
    found = hashlib.sha256(contents).hexdigest()
    if found == IMAGENET.sha256:
        return contents
    cut = len(contents) < IMAGENET.size and path.name == IMAGENET.path.name
    why = f"it is cut off after {len(contents)} of {IMAGENET.size} bytes" if cut else "it may hold a program"
    raise ValueError(
        f"{path} was not opened: its SHA-256 begins with {found[:8]}, that of torchvision's ResNet-18 with "
        f"{IMAGENET.sha256[:8]}, and {why}; move it away and call fetch_imagenet(), or give weights as safetensors"
    )


def read_published(path: Path) -> dict[str, Tensor]:
    """The tensors of a published file, by name.

    Raises:
        ValueError: If it is not a published one, or holds anything but tensors.
    """

    contents = _verified(path)
    try:
        with zipfile.ZipFile(io.BytesIO(contents)) as archive:
            (table,) = [name for name in archive.namelist() if name.endswith("/data.pkl")]
            folder = table.removesuffix("data.pkl")
            return _Table(lambda key: archive.read(f"{folder}data/{key}")).read(archive.read(table))
    except _DAMAGE as error:
        raise ValueError(f"{path} is no table of tensors ({error}); give weights as safetensors") from None


_TYPES = {"torch FloatStorage": torch.float32, "torch LongStorage": torch.int64}
_CONSTANTS: dict[str, Callable[[], Any]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_TUPLE": tuple,
    "EMPTY_DICT": dict,
}


@dataclasses.dataclass(frozen=True)
class _Name:
    """A name that the pickle would have imported; here no more than a name."""

    name: str


class _Table:
    """Follows the instructions of a pickled table of tensors.

    Arguments:
        entry: Gives the bytes of one tensor's numbers by their key.
    """

    def __init__(self, entry: Callable[[str], bytes]) -> None:
        self._entry = entry
        self._stack: list[Any] = []
        self._marks: list[int] = []
        self._memo: dict[Any, Any] = {}

    def read(self, pickled: bytes) -> dict[str, Tensor]:
        """The table.

        Raises:
            ValueError: If there is an instruction that a table of tensors does not need, or the end is missing.
        """

        for code, given, _ in pickletools.genops(pickled):
            if code.name in ("BINUNICODE", "BININT", "BININT1", "BININT2", "LONG1"):
                self._stack.append(given)
            elif code.name in _CONSTANTS:
                self._stack.append(_CONSTANTS[code.name]())
            elif code.name in ("BINPUT", "LONG_BINPUT"):
                self._memo[given] = self._stack[-1]
            elif code.name in ("BINGET", "LONG_BINGET"):
                self._stack.append(self._memo[given])
            elif code.name not in ("PROTO", "STOP"):
                self._follow(code.name, given)
        (table,) = self._stack
        if not (isinstance(table, dict) and all(isinstance(t, Tensor) for t in table.values())):
            raise ValueError("it holds something else")
        return table

    def _follow(self, code: str, given: Any) -> None:
        """An instruction that does more than to put something there."""
        stack = self._stack
        if code == "GLOBAL":
            stack.append(_Name(given))
        elif code == "MARK":
            self._marks.append(len(stack))
        elif code in ("TUPLE", "TUPLE1", "TUPLE2", "TUPLE3"):
            stack.append(self._taken(len(stack) - int(code[5:]) if code[5:] else self._marks.pop()))
        elif code in ("SETITEM", "SETITEMS"):
            pairs = self._taken(len(stack) - 2 if code == "SETITEM" else self._marks.pop())
            stack[-1].update(zip(pairs[::2], pairs[1::2], strict=True))
        elif code == "BINPERSID":
            stack.append(self._numbers(*stack.pop()))
        elif code == "REDUCE":
            stack[-2:] = [_made(*stack[-2:])]
        elif code == "BUILD":  # notes beside the table, such as versions
            stack.pop()
        else:
            raise ValueError(f"a table of tensors needs no {code}")

    def _taken(self, start: int) -> tuple[Any, ...]:
        """Everything from there on, off the stack."""
        taken = tuple(self._stack[start:])
        del self._stack[start:]
        return taken

    def _numbers(self, kind: str, of: _Name, key: str, place: str, count: int) -> Tensor:
        """One tensor's numbers, in a row."""
        if of.name not in _TYPES:
            raise ValueError(f"entry {key} is of the kind {of.name.replace(' ', '.')}")
        contents, dtype = self._entry(key), _TYPES[of.name]
        if kind != "storage" or len(contents) != count * dtype.itemsize:
            raise ValueError(f"entry {key} has {len(contents)} bytes for {count} numbers")
        return torch.frombuffer(bytearray(contents), dtype=dtype) if contents else torch.empty(0, dtype=dtype)


def _made(called: _Name, given: tuple[Any, ...]) -> Any:
    """What the three functions that a table of tensors calls would have returned."""
    if called.name == "collections OrderedDict" and not given:
        return {}
    if called.name == "torch._utils _rebuild_tensor_v2":
        numbers, offset, shape, stride, *_ = given
        last = offset + sum((n - 1) * s for n, s in zip(shape, stride, strict=True))
        if math.prod(shape) > len(numbers) or last >= max(len(numbers), 1):
            raise ValueError(f"a tensor of the shape {shape} reaches beyond its {len(numbers)} numbers")
        return numbers.as_strided(shape, stride, offset).clone(memory_format=torch.contiguous_format)
    if called.name == "torch._utils _rebuild_parameter":
        return given[0]
    raise ValueError(f"it would call {called.name.replace(' ', '.')}")
