"""What a vocabulary of labels is, and how codes become targets.

A code is written `system:code`. A class of a vocabulary is the set of codes that mean it; a record is positive for a
class if it has any of them, negative if every one of them was looked for and is absent, and unknown otherwise. A class
may be told from one other alone: of what is neither, its label is unknown.
"""

__all__ = ["Class", "Vocabulary", "targets"]

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from jaxtyping import Float


@dataclasses.dataclass(frozen=True)
class Class:
    """One class.

    Attributes:
        code: Its short name, unique in its vocabulary.
        title: Its name in words.
        means: Sets of codes, one set a coding system, as `system:code`; the codes of any one system define it in full.
        against: What the class means that it is told from alone; empty where it is told from everything else.
    """

    code: str
    title: str
    means: tuple[frozenset[str], ...]
    against: tuple[frozenset[str], ...] = ()


@dataclasses.dataclass(frozen=True)
class Vocabulary:
    """A set of classes that are predicted together.

    Attributes:
        name: Its name here, the file's.
        title: Its name in words.
        classes: The classes in a fixed order.
        source: Where it is defined.
        exclusive: Whether a record is of exactly one of the classes.
    """

    name: str
    title: str
    classes: tuple[Class, ...]
    source: str = ""
    exclusive: bool = False

    @property
    def codes(self) -> tuple[str, ...]:
        """The short names of the classes."""
        return tuple(c.code for c in self.classes)


def targets(
    table: pd.DataFrame, vocabulary: Vocabulary, annotated: Mapping[str, Sequence[str]]
) -> Float[np.ndarray, "record class"]:
    """The labels of each record for each class: 1, 0, or NaN where it is unknown.

    Arguments:
        table: Records with the columns `positive`, `unknown` and `dataset`.
        vocabulary: The classes.
        annotated: For each data set the codes that its annotators looked for.
    """

    out = np.full((len(table), len(vocabulary.classes)), np.nan, dtype=np.float32)
    dataset = table["dataset"].to_numpy()
    looked_for = {name: frozenset(codes) for name, codes in annotated.items()}
    positive = [frozenset(codes) for codes in table["positive"]]
    unknown = [frozenset(codes) for codes in table["unknown"]]
    for column, cls in enumerate(vocabulary.classes):
        complete = {name: [codes for codes in cls.means if codes <= known] for name, known in looked_for.items()}
        anything, other = frozenset().union(*cls.means), frozenset().union(*cls.against)
        for row in range(len(table)):
            if positive[row] & anything:
                out[row, column] = 1.0
            elif other and not positive[row] & other:
                continue
            elif any(not (codes & unknown[row]) for codes in complete[dataset[row]]):
                out[row, column] = 0.0
    return out
