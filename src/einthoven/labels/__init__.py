"""What can be said of an ECG: one file a vocabulary, and one crosswalk between them.

Each vocabulary says for each of its classes which codes of which system mean it, so the crosswalk is the vocabularies
themselves: a class that codes of two systems define can be read off data annotated in either.
"""

__all__ = ["ORIGIN", "Class", "Vocabulary", "get", "located", "names", "own", "targets", "told"]

import dataclasses
from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
import pandas as pd
from jaxtyping import Float

from einthoven import registry
from einthoven.labels._origin import ORIGIN, located, origin
from einthoven.labels._vocabulary import Class, Vocabulary, targets

names = partial(registry.names, "labels")


def own(annotated: Sequence[str]) -> Vocabulary:
    """The vocabulary of a data set itself: one class for each code that its annotators looked for."""
    classes = tuple(
        Class(code=code.partition(":")[2], title=code.partition(":")[2], means=(frozenset([code]),))
        for code in annotated
    )
    return Vocabulary(name="own", title="the data set's own classes", classes=classes)


def get(name: str, annotated: Sequence[str] = ()) -> Vocabulary:
    """A vocabulary by its name.

    Arguments:
        name: A file of this room, `own` for the classes that the data name themselves, or `origin` for the segments
            that a ventricular tachycardia comes from in them; `origin:12` for as many regions where they name places
            alone. With a colon and some of its classes it has those only, in that order: `statements:NORM,AFIB`. One
            with a stroke is told from another alone: `statements:AFIB/NORM`.
        annotated: The codes of the data, for `own` and `origin`.

    Raises:
        UnknownName: If there is no such vocabulary, or it has no such class.
    """

    room, _, some = name.partition(":")
    read_off = {"own": own, "origin": origin}
    registry.nearest(room, [*names(), *read_off], "label set")
    vocabulary: Vocabulary = read_off[room](annotated) if room in read_off else registry.get("labels", room)
    if not some or (room == "origin" and some.isdigit()):
        return vocabulary
    by_code = {found.code: found for found in vocabulary.classes}
    named = [[words] if words in by_code else words.split("/", 1) for words in some.split(",")]
    chosen = [[by_code[registry.nearest(code, by_code, f"class of '{room}'")] for code in codes] for codes in named]
    return dataclasses.replace(vocabulary, name=name, classes=tuple(_told_from(*each) for each in chosen))


def told(
    names: Sequence[str], table: pd.DataFrame, annotated: Mapping[str, Sequence[str]]
) -> tuple[pd.DataFrame, tuple[Vocabulary, ...], Float[np.ndarray, "record class"]]:
    """The records, vocabularies by their names, and what they say of each record, side by side; see `targets`.

    Arguments:
        names: As `get` takes them.
        table: Records with the columns `positive`, `unknown` and `dataset`; for `origin` some of `ORIGIN` too.
        annotated: For each data set the codes that its annotators looked for.

    Raises:
        UnknownName: If there is no such vocabulary or class.
        ValueError: If origins are asked for and none is known.
    """

    codes = sorted({code for each in annotated.values() for code in each})
    if regions := [some for room, _, some in (name.partition(":") for name in names) if room == "origin"]:
        table, segments = located(table, int(regions[0]) if regions[0].isdigit() else None)
        codes, annotated = [*codes, *segments], {name: (*each, *segments) for name, each in annotated.items()}
    vocabularies = tuple(get(name, codes) for name in names)
    nothing = np.zeros((len(table), 0), dtype=np.float32)
    return table, vocabularies, np.hstack([nothing, *(targets(table, each, annotated) for each in vocabularies)])


def _told_from(cls: Class, other: Class | None = None) -> Class:
    """A class that is told from another one alone, where there is one."""
    if other is None:
        return cls
    title = f"{cls.title}, told from {other.title} alone"
    return Class(f"{cls.code}/{other.code}", title, cls.means, against=other.means)
