"""What one ECG is, and one reader and writer a file format.

A format is a file here with a `Format` in it; `read` and `write` find it by the name of the file on disk.
"""

__all__ = ["ECG", "Format", "RecordError", "WriteError", "read", "write"]

from collections.abc import Sequence
from pathlib import Path

from einthoven import registry
from einthoven.records._format import Format, RecordError
from einthoven.records.ecg import ECG
from einthoven.records.writing import WriteError

_FORMATS = ("wfdb", "csv", "npy")


def read(
    path: str | Path,
    *,
    unit: str | None = None,
    rate_hz: float | None = None,
    leads: Sequence[str] | None = None,
) -> ECG:
    """Reads one recording, whatever its format.

    Arguments:
        path: A file; for WFDB the record's name with or without `.hea`, `.dat` or `.mat`.
        unit: The unit of the samples, for files that do not state it (CSV, NPY): mV, uV, V or z.
        rate_hz: Samples per second, for files that do not state it.
        leads: For CSV and NPY the name of each column or row, where the file does not state it; for WFDB the
            signals to read.

    Returns:
        The recording in mV (or in unit `z`).

    Raises:
        RecordError: If the file is missing, damaged or not understood, or a fact is missing.
    """

    path = Path(path)
    if path.is_dir() and not path.with_name(path.name + ".hea").exists():
        raise RecordError(f"{path} is a folder; name a recording in it")
    return _format_of(path).read(path, unit=unit, rate_hz=rate_hz, leads=leads)


def write(ecg: ECG, path: str | Path, *, overwrite: bool = False) -> Path:
    """Writes one recording in the format that the file's name asks for; atomically.

    Arguments:
        ecg: What to write.
        path: Where: `NAME.hea` (WFDB, with `NAME.dat`), `NAME.csv` or `NAME.npy` (with `NAME.json`).
        overwrite: Whether an existing file may be replaced.

    Raises:
        WriteError: If the file exists or the folder cannot be written.
        RecordError: If the format cannot hold this recording.
    """

    path = Path(path)
    return _format_of(path).write(ecg, path, overwrite=overwrite)


def _format_of(path: Path) -> Format:
    for name in _FORMATS:
        candidate: Format = registry.get("records", name)
        if path.suffix.lower() in candidate.suffixes:
            return candidate
    if path.with_name(path.name + ".hea").exists() or not path.suffix:
        return registry.get("records", "wfdb")
    known = sorted(s for name in _FORMATS for s in registry.get("records", name).suffixes if s)
    through = "; HDF5 is read through its data set (sph, code15, code_test)" if path.suffix in (".h5", ".hdf5") else ""
    raise RecordError(f"{path}: the format '{path.suffix}' is not known; known are {', '.join(known)}{through}")
