"""What a file format of this room is, and what its readers share."""

__all__ = ["Format", "RecordError", "as_float32", "missing_fact", "to_millivolt"]

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np

from einthoven.records.ecg import ECG

_TO_MILLIVOLT = {"mv": 1.0, "uv": 1e-3, "µv": 1e-3, "μv": 1e-3, "v": 1e3, "nv": 1e-6}


class RecordError(ValueError):
    """A recording that cannot be read, or not be held by a format; the message names the file, fact and remedy."""


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
        return _TO_MILLIVOLT[unit.strip().lower()]
    except KeyError:
        raise RecordError(
            f"{path}: unit '{unit}' is not a voltage this reader knows; give the samples in mV, uV or V"
        ) from None


def missing_fact(path: Path, fact: str, argument: str) -> RecordError:
    """The error for a file that does not state a physical fact; there is no default for one."""
    return RecordError(f"{path} does not state its {fact}; pass {argument}")


def as_float32(samples: np.ndarray) -> np.ndarray:
    """The samples as contiguous float32 with the axes lead and time."""
    return np.ascontiguousarray(samples, dtype=np.float32)
