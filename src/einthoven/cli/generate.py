"""Writes synthetic ECGs from a trained generator: a data set of them, or the way from one ECG to another."""

__all__ = ["generate"]

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from einthoven import records
from einthoven.drawing.figures import save
from einthoven.drawing.paper import paper
from einthoven.pipeline import RunError, interpolated, release
from einthoven.training import Device


def generate(
    run: Path,
    *,
    to: Path,
    label: Sequence[str] = (),
    count: Annotated[int, Parameter(name=["--count", "-n"])] = 0,
    interpolate: tuple[Path, Path] | None = None,
    steps: int = 9,
    model: str | None = None,
    seed: int = 0,
    accelerator: str = "auto",
) -> None:
    """Writes a data set of synthetic ECGs: WFDB in PTB-XL's layout, each marked as made, with a data sheet.

    It can be read wherever PTB-XL can, and here as --data synthetic=DIR. With --interpolate instead the way from one
    ECG to another, each step as WFDB with its parents and drawn on paper.

    Arguments:
        run: A run of `einthoven study synthesis` or `augmentation`, or a checkpoint in it.
        to: A folder that is not there yet, or empty.
        label: The groups that are wanted; with --interpolate the one of both ECGs, or none.
        count: How many ECGs of each.
        interpolate: Two WFDB records, CSV or NPY files, in mV.
        steps: How many ECGs from the one to the other, the ends among them.
        model: Of a run, which generator; by default the primary one, or the first.
        seed: Other records with another seed.
        accelerator: What to compute on: auto, cpu, cuda or mps.
    """

    groups, device = [group for words in label for group in words.split(",")], Device(accelerator)
    if interpolate is None:
        if not groups or count < 1:
            raise RunError(
                "name the groups with --label and how many ECGs of each with -n, or two ECGs with --interpolate"
            )
        print(release(run, dict.fromkeys(groups, count), to, model=model, seed=seed, device=device))
        return
    if count or len(groups) > 1:
        raise RunError("the way from one ECG to another has one --label at most, and --steps in place of -n")
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise RunError(f"{to} is not an empty folder; choose another one with --to")
    first, second = (records.read(file) for file in interpolate)
    told = groups[0] if groups else None
    found = interpolated(run, first, second, steps, label=told, model=model, device=device)
    to.mkdir(parents=True, exist_ok=True)
    for number, ecg in enumerate(found, start=1):
        records.write(ecg, to / f"step{number:02d}.hea")
        save(paper(ecg, title=f"Step {number} of {steps}: {ecg.notes[0]}"), to / f"step{number:02d}.png")
    print(to)
