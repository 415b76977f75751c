"""What can be said of an ECG: one file a vocabulary, and one crosswalk between them.

Each vocabulary says for each of its classes which codes of which system mean it, so the crosswalk is the vocabularies
themselves: a class that codes of two systems define can be read off data annotated in either.
"""

__all__ = ["Class", "Vocabulary", "get", "names", "own", "targets"]

import dataclasses
from collections.abc import Sequence
from functools import partial

from einthoven import registry
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
        name: A file of this room, or `own` for the classes that the data name themselves. With a colon and some of its
            classes it has those only, in that order: `statements:NORM,AFIB`. One with a stroke is told from another
            alone: `statements:AFIB/NORM`.
        annotated: The codes of the data, for `own`.

    Raises:
        UnknownName: If there is no such vocabulary, or it has no such class.
    """

    room, _, some = name.partition(":")
    registry.nearest(room, [*names(), "own"], "label set")
    vocabulary: Vocabulary = own(annotated) if room == "own" else registry.get("labels", room)
    if not some:
        return vocabulary
    by_code = {found.code: found for found in vocabulary.classes}
    named = [[words] if words in by_code else words.split("/", 1) for words in some.split(",")]
    chosen = [[by_code[registry.nearest(code, by_code, f"class of '{room}'")] for code in codes] for codes in named]
    return dataclasses.replace(vocabulary, name=name, classes=tuple(_told_from(*each) for each in chosen))


def _told_from(cls: Class, other: Class | None = None) -> Class:
    """A class that is told from another one alone, where there is one."""
    if other is None:
        return cls
    title = f"{cls.title}, told from {other.title} alone"
    return Class(f"{cls.code}/{other.code}", title, cls.means, against=other.means)
