"""Draws a recording on 12-lead paper."""

__all__ = ["plot"]

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from einthoven import records
from einthoven.drawing.figures import save
from einthoven.drawing.paper import paper


def plot(
    file: Path,
    *,
    out: Annotated[Path, Parameter(name=["--out", "-o"])],
    unit: str | None = None,
    rate_hz: float | None = None,
    leads: Sequence[str] | None = None,
) -> None:
    """Draws a recording on 12-lead paper, 25 mm/s and 10 mm/mV.

    Arguments:
        file: A WFDB record, CSV or NPY file.
        out: The picture: .png, .svg or .pdf.
        unit: The unit of the samples, where the file does not state it.
        rate_hz: Samples per second, where the file does not state it.
        leads: The names of the leads, where the file does not state them.
    """

    ecg = records.read(file, unit=unit, rate_hz=rate_hz, leads=leads)
    for note in ecg.notes:
        print(f"note: {note}")
    print(save(paper(ecg), out))
