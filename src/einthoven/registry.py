"""Finds a component by the room it lives in and the name of its file.

A room is a sub-package such as `einthoven.models`; each public file in it holds one component, and that
component is the single entry of the file's `__all__`. Dropping a file into a room is all it takes to add one:
there is no list to edit. Files that begin with an underscore are a room's own parts, not components.
"""

__all__ = ["UnknownName", "get", "names", "nearest", "value"]

import difflib
import functools
import importlib
import json
import pkgutil
from collections.abc import Iterable
from typing import Any


class UnknownName(LookupError):
    """A name that nothing answers to; the message gives the nearest known one."""


@functools.cache
def names(room: str) -> tuple[str, ...]:
    """The component names of a room, sorted.

    Arguments:
        room: The room's name, such as `"models"`.
    """

    package = importlib.import_module(f"einthoven.{room}")
    found = (m.name for m in pkgutil.iter_modules(package.__path__) if not m.name.startswith("_"))
    return tuple(sorted(found))


def get(room: str, name: str) -> Any:
    """The component that the file `name` of `room` holds.

    Raises:
        UnknownName: If the room has no such file.
    """

    nearest(name, names(room), room.removesuffix("s"))
    module = importlib.import_module(f"einthoven.{room}.{name}")
    (entry,) = module.__all__
    return getattr(module, entry)


def nearest(name: str, known: Iterable[str], what: str) -> str:
    """`name` itself where it is known.

    Arguments:
        name: What somebody wrote.
        known: What could have been meant.
        what: What is looked up, for the message.

    Raises:
        UnknownName: If `name` is not known, with the nearest name or else all of them.
    """

    known = sorted(known)
    if name in known:
        return name
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"did you mean '{close[0]}'?" if close else f"known: {', '.join(known) or 'none'}."
    raise UnknownName(f"unknown {what} '{name}'; {hint}")


def value(text: str) -> Any:
    """What stands after the name of an option: a number, true, false or a list as JSON has them, else a text."""
    try:
        return json.loads(text)
    except ValueError:
        return text
