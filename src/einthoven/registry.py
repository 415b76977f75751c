"""Finds a component by the room it lives in and the name of its file.

A room is a sub-package such as `einthoven.models`; each public file in it holds one component, and that
component is the single entry of the file's `__all__`. Dropping a file into a room is all it takes to add one:
there is no list to edit. Files that begin with an underscore are a room's own parts, not components.
"""

__all__ = ["UnknownName", "defaults", "get", "names", "nearest", "unusual", "value"]

import difflib
import functools
import importlib
import inspect
import json
import pkgutil
from collections.abc import Iterable, Mapping
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


def defaults(room: str, name: str) -> dict[str, Any]:
    """What a component is made with where nothing else is told.

    Raises:
        UnknownName: If the room has no such file.
    """

    told = inspect.signature(get(room, name)).parameters.values()
    return {each.name: each.default for each in told if each.default is not each.empty}


def unusual(room: str, name: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Those of a component's options that it would not take by itself."""
    usual = defaults(room, name)
    return {option: told for option, told in options.items() if option not in usual or usual[option] != told}


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
