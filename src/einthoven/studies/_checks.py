"""What every study asks of its arguments."""

__all__ = ["above", "at_least", "beats_of", "known", "listed"]

from collections.abc import Sequence

from einthoven import labels as label_sets
from einthoven import splits
from einthoven.pipeline import RunError


def listed(**lists: Sequence[object]) -> None:
    """Holds that each argument is a list of one thing or more, none of them twice.

    Raises:
        RunError: If one is not.
    """
    for name, value in lists.items():
        if isinstance(value, str):
            raise RunError(f"{name} is a list: write [{value!r}]")
        if not value:
            raise RunError(f"a study needs at least one of {name}")
        if twice := [v for i, v in enumerate(value) if v in value[:i]]:
            raise RunError(f"{name} names {twice[0]} twice; name it once")


def at_least(least: int, **numbers: float | Sequence[float]) -> None:
    """Holds that numbers are whole and not too small, and none of a list is there twice.

    Raises:
        RunError: If one is.
    """
    for name, value in numbers.items():
        several = [value] if isinstance(value, int | float) else list(value)
        for place, number in enumerate(several):
            if not isinstance(number, int):
                raise RunError(f"{name} is a whole number, not {number}")
            if number < least:
                raise RunError(f"{name} is {least} or more, not {number}")
            if number in several[:place]:
                raise RunError(f"{name} names {number} twice; name it once")


def above(least: float, **numbers: float) -> None:
    """Holds that numbers are greater than another.

    Raises:
        RunError: If one is not.
    """
    for name, value in numbers.items():
        if not value > least:
            raise RunError(f"{name} is above {least:g}, not {value:g}")


def known(labels: Sequence[str], split: str) -> None:
    """Holds that there are such label sets and such a split.

    Raises:
        UnknownName: If one of them does not exist.
        RunError: If a label set is another study's.
        ValueError: If a split is a file that cannot be understood.
    """
    for name in labels:
        if name.startswith("own:"):  # which only the data can tell
            continue
        if name.partition(":")[0] == "origin":
            raise RunError(f"{name} is judged by how far off it is: ask `einthoven study localisation`")
        label_sets.get(name)
    splits.known(split)


def beats_of(data: Sequence[str], before_s: float, after_s: float) -> None:
    """Holds that beats are cut as the study expects them.

    Raises:
        RunError: If another window is asked for.
    """
    for spec in data:
        if "window_s=" in spec:
            raise RunError(
                f"{spec}: this study looks for the peak of a beat {before_s:g} s after its window's start, and for its "
                f"end {after_s:g} s after the peak, as mitdb cuts them; leave window_s out"
            )
