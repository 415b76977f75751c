"""What a file format of this room is, and what its readers share."""

__all__ = ["TO_MILLIVOLT", "Format", "RecordError", "replacing", "to_millivolt"]

import contextlib
import dataclasses
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from einthoven.records.ecg import ECG

TO_MILLIVOLT = {"mv": 1.0, "uv": 1e-3, "µv": 1e-3, "μv": 1e-3, "v": 1e3, "nv": 1e-6}


class RecordError(ValueError):
    """A recording that cannot be read or written; the message names the file, the fact and the remedy."""


@dataclasses.dataclass(frozen=True)
class Format:
    """A file format.

    Attributes:
        suffixes: The file name endings it answers to, in lower case.
        read: `read(path, *, unit, rate_hz, leads) -> ECG`.
        write: `write(ecg, path, *, overwrite) -> path`.
    """

    suffixes: tuple[str, ...]
    read: Callable[..., ECG]
    write: Callable[..., Path]


def to_millivolt(path: Path, unit: str) -> float:
    """The factor that turns a voltage in `unit` into mV.

    Raises:
        RecordError: If the unit is not one of voltage.
    """

    try:
        return TO_MILLIVOLT[unit.strip().lower()]
    except KeyError:
        raise RecordError(
            f"{path}: unit '{unit}' is not a voltage this reader knows; give the samples in mV, uV or V"
        ) from None


@contextlib.contextmanager
def replacing(path: Path, overwrite: bool) -> Iterator[Path]:
    """A temporary file beside `path` that takes its place when the block ends well, and vanishes otherwise.

    Raises:
        RecordError: If `path` exists and may not be replaced, or its folder cannot be written.
    """

    if path.exists() and not overwrite:
        raise RecordError(f"{path} exists already; choose another name or allow overwriting")
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    except OSError as error:
        raise RecordError(f"{path}: the folder {path.parent} cannot be written ({error.strerror})") from None
    os.close(handle)
    scratch = Path(name)
    try:
        yield scratch
        scratch.chmod(0o644)
        os.replace(scratch, path)
    except OSError as error:
        raise RecordError(f"{path}: could not be written ({error.strerror}); free some space or go elsewhere") from None
    finally:
        scratch.unlink(missing_ok=True)


def missing_fact(path: Path, fact: str, argument: str) -> RecordError:
    """The error for a file that does not state a physical fact; there is no default for one."""
    return RecordError(f"{path} does not state its {fact}; pass {argument}")


def as_float32(samples: np.ndarray) -> np.ndarray:
    """The samples as contiguous float32 with the axes lead and time."""
    return np.ascontiguousarray(samples, dtype=np.float32)
