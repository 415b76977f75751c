"""Runs a study from data on disk to a report."""

__all__ = ["study"]

import shlex
import sys
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

from einthoven import registry, studies
from einthoven.pipeline import run
from einthoven.report import write
from einthoven.training import Device

_studies = App(
    name="study",
    default_parameter=Parameter(negative=(), consume_multiple=True),
    suppress_keyboard_interrupt=False,
)
for _name in studies.names():
    _studies.command(registry.get("studies", _name), name=_name)


def _run(
    *words: Annotated[str, Parameter(show=False, allow_leading_hyphen=True)],
    out: Path | None = None,
    workers: int = 1,
    stores: Path | None = None,
    accelerator: str = "auto",
    precision: Literal["auto", "bf16-mixed", "32-true"] = "auto",
    allow_leaks: bool = False,
) -> None:
    """Runs a study from data on disk to a report; the same command goes on where it was stopped.

    Arguments:
        words: The study and its arguments.
        out: The run folder; by default runs/STUDY.
        workers: Cells (model × seed × fold) computed at a time, among which the cores are shared.
        stores: Where compiled corpora are kept; by default the folder `stores` beside the run.
        accelerator: What to compute on: auto, cpu, cuda or mps.
        precision: auto takes bf16 where the hardware multiplies it.
        allow_leaks: Train although the audit found one recording on two sides of the split.
    """

    experiment = _studies(words, exit_on_error=True, result_action="return_value")
    if experiment is None:  # it printed its help
        return
    folder = out or Path("runs") / experiment.study
    device = Device(accelerator, precision)
    command = shlex.join(["einthoven", *sys.argv[1:]])
    run(experiment, folder, stores=stores, workers=workers, device=device, command=command, allow_leaks=allow_leaks)
    print(write(folder))


_run.__name__ = "study"  # from which the command takes its name
_studies.meta.default(_run)
study = _studies.meta
