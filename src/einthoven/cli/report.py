"""Writes the report of a run again, from its tables; of an unfinished one, from the cells that are finished."""

__all__ = ["report"]

from pathlib import Path

from einthoven.pipeline import evaluate_run, stale
from einthoven.report import write


def report(run: Path) -> None:
    """Writes the report of a run again, from its tables; of an unfinished one, from the cells that are finished.

    Arguments:
        run: The run folder.
    """

    if stale(run):
        evaluate_run(run)
    print(write(run))
