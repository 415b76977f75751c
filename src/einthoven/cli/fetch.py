"""Downloads a corpus from its publisher, once you agree to its licence."""

__all__ = ["fetch"]

from collections.abc import Sequence
from pathlib import Path

from einthoven import datasets


def fetch(
    name: str,
    *,
    to: Path,
    only: Sequence[str] = (),
    yes: bool = False,
    base: str | None = None,
    overwrite: bool = False,
    connections: int = 4,
) -> None:
    """Downloads a corpus from its publisher, once you agree to its licence; the same command goes on where it stopped.

    Arguments:
        name: The corpus; `einthoven datasets` lists them.
        to: The folder it shall lie in.
        only: Patterns of the files to fetch, such as 'records500/*'; a * stands for slashes too. By default all.
        yes: Agrees to the licence without being asked.
        base: The address of a mirror, in place of the publisher's.
        overwrite: Whether files that are there and are not the publisher's may be replaced.
        connections: Files fetched at a time.
    """

    datasets.fetch(name, to, agree=yes, only=only, base=base, overwrite=overwrite, connections=connections)
