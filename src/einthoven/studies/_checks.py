"""What every study asks of its arguments."""

__all__ = ["at_least", "listed"]

from collections.abc import Sequence

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


def at_least(least: int, **numbers: int | Sequence[int]) -> None:
    """Holds that numbers are not too small.

    Raises:
        RunError: If one is.
    """
    for name, value in numbers.items():
        for number in [value] if isinstance(value, int) else value:
            if number < least:
                raise RunError(f"{name} is {least} or more, not {number}")
