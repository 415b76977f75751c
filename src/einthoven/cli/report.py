"""Writes the report of a run again, from its tables alone."""

__all__ = ["report"]

from pathlib import Path

from einthoven.report import write


def report(run: Path) -> None:
    """Writes the report of a run again, from its tables alone.

    Arguments:
        run: The run folder.
    """

    print(write(run))
