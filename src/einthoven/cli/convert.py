"""Converts a recording between WFDB, CSV and NPY."""

__all__ = ["convert"]

from collections.abc import Sequence
from pathlib import Path

from einthoven import records


def convert(
    source: Path,
    target: Path,
    *,
    unit: str | None = None,
    rate_hz: float | None = None,
    leads: Sequence[str] | None = None,
    overwrite: bool = False,
) -> None:
    """Converts a recording between WFDB, CSV and NPY; the names of the files say which.

    Arguments:
        source: What to read: a WFDB record, a CSV or an NPY file.
        target: What to write: NAME.hea (with NAME.dat), NAME.csv or NAME.npy (with NAME.json).
        unit: The unit of the samples, where the source does not state it: mV, uV, V or z.
        rate_hz: Samples per second, where the source does not state it.
        leads: The names of the leads, where the source does not state them; for WFDB the signals to take.
        overwrite: Whether the target may be replaced.
    """

    ecg = records.read(source, unit=unit, rate_hz=rate_hz, leads=leads)
    for note in ecg.notes:
        print(f"note: {note}")
    written = records.write(ecg, target, overwrite=overwrite)
    back = records.read(written)
    lost = [name for name in ("age", "sex") if getattr(ecg, name) is not None and getattr(back, name) is None]
    if lost:
        print(f"note: {written.suffix} does not hold the patient's {' and '.join(lost)}")
    print(written)
