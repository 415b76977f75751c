"""What the readers of HDF5 corpora share: one array of a file, checked, and open only while it is read.

No file stays open between two recordings, so a data set travels to a worker as any other value does; and what is
indexed is what is read, so one recording never loads the thousands beside it.
"""

__all__ = ["array", "write"]

import contextlib
from collections.abc import Iterator
from pathlib import Path

import h5py  # type: ignore[import-untyped]
import numpy as np

from einthoven.datasets import DatasetError
from einthoven.records.writing import replacing


@contextlib.contextmanager
def array(path: Path, name: str, shape: tuple[int | None, ...], kinds: str = "f") -> Iterator[h5py.Dataset]:
    """An array of an HDF5 file, to be indexed while the block lasts.

    Arguments:
        path: The file.
        name: The array in it.
        shape: How long each axis is; None where any length will do.
        kinds: What its numbers may be, as letters of `numpy.dtype.kind`: `f` for floating point, `iu` for whole.

    Raises:
        DatasetError: If the file is missing or damaged, holds no such array, or one of another shape or type.
    """

    try:
        with h5py.File(path, "r") as file:
            found = file.get(name)
            if not isinstance(found, h5py.Dataset):
                raise DatasetError(
                    f"{path} holds no array '{name}', only {', '.join(file) or 'nothing'}; fetch it again"
                )
            _check(found, path, shape, kinds)
            yield found
    except FileNotFoundError:
        raise DatasetError(f"{path} is missing; is this the folder of the corpus?") from None
    except (OSError, RuntimeError) as error:
        raise DatasetError(f"{path} is damaged or no HDF5 file ({error}); fetch it again") from None


def _check(found: h5py.Dataset, path: Path, shape: tuple[int | None, ...], kinds: str) -> None:
    name = found.name.lstrip("/")
    fits = len(found.shape) == len(shape) and all(n in (None, m) for n, m in zip(shape, found.shape, strict=True))
    if not fits:
        wanted = " × ".join("any" if n is None else str(n) for n in shape)
        raise DatasetError(f"{path}: '{name}' has shape {found.shape}, not {wanted}; is this the publisher's file?")
    if found.dtype.kind not in kinds:
        numbers = "floating-point" if kinds == "f" else "whole"
        raise DatasetError(
            f"{path}: '{name}' holds {found.dtype}, not {numbers} numbers; is this the publisher's file?"
        )


def write(path: Path, **arrays: np.ndarray) -> None:
    """Writes arrays into one HDF5 file, compressed, whole or not at all.

    Raises:
        WriteError: If the folder cannot be written.
    """

    with replacing(path) as scratch, h5py.File(scratch, "w") as file:
        for name, values in arrays.items():
            file.create_dataset(name, data=values, compression="gzip")
