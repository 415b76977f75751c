"""Writes a data set of synthetic ECGs from a trained generator."""

__all__ = ["generate"]

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from einthoven.pipeline import release
from einthoven.training import Device


def generate(
    run: Path,
    *,
    label: Sequence[str],
    count: Annotated[int, Parameter(name=["--count", "-n"])],
    to: Path,
    model: str | None = None,
    seed: int = 0,
    accelerator: str = "auto",
) -> None:
    """Writes a data set of synthetic ECGs: WFDB in PTB-XL's layout, each marked as made, with a data sheet.

    It can be read wherever PTB-XL can, and here as --data synthetic=DIR.

    Arguments:
        run: A run of `einthoven study synthesis`, or a checkpoint in it.
        label: The groups that are wanted.
        count: How many ECGs of each.
        to: A folder that is not there yet, or empty.
        model: Of a run, which generator; by default the primary one.
        seed: Other records with another seed.
        accelerator: What to compute on: auto, cpu, cuda or mps.
    """

    groups = [group for words in label for group in words.split(",")]
    wanted = dict.fromkeys(groups, count)
    print(release(run, wanted, to, model=model, seed=seed, device=Device(accelerator)))
