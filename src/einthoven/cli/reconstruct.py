"""Draws on paper what an encoder that learnt without labels puts where it sees nothing."""

__all__ = ["reconstruct"]

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
from cyclopts import Parameter

from einthoven import diagnosis, records
from einthoven.drawing.figures import save
from einthoven.drawing.paper import paper


def reconstruct(
    file: Path,
    *,
    model: Path,
    out: Annotated[Path, Parameter(name=["--out", "-o"])],
    seed: int = 0,
    unit: str | None = None,
    rate_hz: float | None = None,
    leads: Sequence[str] | None = None,
) -> None:
    """Draws on paper what an encoder that learnt without labels puts where it sees nothing.

    Spans of time are hidden in all leads; the recording is drawn in black, what the encoder put there in blue.

    Arguments:
        file: A WFDB record, CSV or NPY file, in mV.
        model: A run of `einthoven study pretrain` whose objective masks, or a checkpoint in it.
        out: The picture: .png, .svg or .pdf.
        seed: Decides what is hidden, 0 or more.
        unit: The unit of the samples, where the file does not state it: mV, uV or V.
        rate_hz: Samples per second, where the file does not state it.
        leads: The names of the leads, where the file does not state them; for WFDB the signals to take.
    """

    if seed < 0:
        raise ValueError(f"--seed is 0 or more, not {seed}")
    found = diagnosis.reconstruct(records.read(file, unit=unit, rate_hz=rate_hz, leads=leads), model, seed=seed)
    share = float(np.mean(found.hidden))
    title = f"{share:.0%} of the time was hidden in all leads; in blue what the encoder put there"
    print(save(paper(found.whole, title=title, over=found.found), out))
