"""From probabilities of beats to matrices: the true class by the class that was said, one for each recording.

The classes exclude each other, so what is said of a beat is the class of its highest probability, and of equal ones the
first in the order of EC57.
"""

__all__ = ["Judged", "answered", "judge", "of_model", "wrong"]

import dataclasses
from collections.abc import Sequence

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from einthoven.evaluation._ec57 import AVERAGED, CLASSES
from einthoven.evaluation._trials import Trials
from einthoven.evaluation.bootstrap import clusters


@dataclasses.dataclass(frozen=True)
class Judged:
    """The beats that were tested, counted.

    Attributes:
        classes: Names, in the order of EC57.
        recordings: Names, sorted.
        patient: The number of each recording's patient.
        true: Of every beat that any model was asked for.
        counts: Of each model.
        unknown: How many beats each model was asked for of which nobody knows the class; they are not counted.
    """

    classes: tuple[str, ...]
    recordings: tuple[str, ...]
    patient: Int[np.ndarray, " recording"]
    true: Float[np.ndarray, "recording class"]
    counts: dict[str, Float[np.ndarray, "seed recording true said"]]
    unknown: dict[str, int]


def judge(table: Trials, predictions: pd.DataFrame) -> Judged:
    """Counts the beats of each model, seed and recording.

    Arguments:
        table: The test rows, or some of their beats.
        predictions: The rows that they come from.

    Raises:
        ValueError: If the classes are not those of EC57, a beat is of no class or of several or was not answered for
            all of them, or a recording has no name or several patients.
    """

    classes, order = _classes(table)
    size = len(classes)
    place, names, patient = _places(table, predictions)
    true = _true(table, order)
    counts: dict[str, np.ndarray] = {}
    unknown: dict[str, int] = {}
    for model, seeds in table.seeds.items():
        matrices = []
        for one in seeds:
            asked = answered(table, model, (one,))
            rows = asked & (true >= 0)
            said = table.answers["probability", model, one][:, order][rows].argmax(axis=1)
            cell = (place[rows] * size + true[rows]) * size + said
            matrices.append(np.bincount(cell, minlength=len(names) * size**2).reshape(len(names), size, size))
            unknown.setdefault(model, int((asked & (true < 0)).sum()))
        counts[model] = np.stack(matrices).astype(np.float64)
    whole = np.bincount((place * size + true)[true >= 0], minlength=len(names) * size).reshape(len(names), size)
    return Judged(classes, names, patient, whole.astype(np.float64), counts, unknown)


def wrong(table: Trials, predictions: pd.DataFrame, model: str) -> pd.DataFrame:
    """The beats of which something else was said than they are, by a model's first seed.

    Arguments:
        table: The test rows.
        predictions: The rows that they come from.
        model: Whose answers.

    Returns:
        One row a beat, by name: record, recording, class (what was said), truth (what it is) and pair, the number of
        the two in the order of EC57.

    Raises:
        ValueError: As `judge`.
    """

    classes, order = _classes(table)
    place, names, _ = _places(table, predictions)
    true, seed = _true(table, order), table.seeds[model][0]
    rows = np.flatnonzero(answered(table, model, (seed,)) & (true >= 0))
    said = table.answers["probability", model, seed][:, order][rows].argmax(axis=1)
    rows, said = rows[said != true[rows]], said[said != true[rows]]
    columns = {"record": np.array(table.records, dtype=object)[rows], "recording": np.array(names)[place[rows]]}
    columns |= {"class": np.array(classes)[said], "truth": np.array(classes)[true[rows]]}
    return pd.DataFrame({**columns, "pair": true[rows] * len(classes) + said})


def answered(table: Trials, model: str, seeds: Sequence[int] | None = None) -> Bool[np.ndarray, " record"]:
    """Which beats a model answered for with all these seeds, or with all that it has.

    Raises:
        ValueError: If a beat has the probabilities of some classes alone.
    """

    whole = np.ones(len(table.records), dtype=bool)
    for seed in table.seeds[model] if seeds is None else seeds:
        asked = table.asked(model, seed)
        part = asked.any(axis=1) & ~asked.all(axis=1)
        if part.any():
            raise ValueError(
                f"model {model}, seed {seed} gave {part.sum()} beats no probability of some class, the first is "
                f"{table.records[int(np.argmax(part))]}; a decision needs those of all classes"
            )
        whole &= asked.all(axis=1)
    return whole


def of_model(predictions: pd.DataFrame, model: str) -> pd.DataFrame:
    """The rows of one model.

    Raises:
        ValueError: If there is none.
    """

    own = predictions[predictions["model"] == model]
    if own.empty:
        there = ", ".join(sorted(predictions["model"].astype(str).unique()))
        raise ValueError(f"there are no predictions of model {model}; there are of {there or '(none)'}")
    return own


def _classes(table: Trials) -> tuple[tuple[str, ...], list[int]]:
    """The classes in the order of EC57, and where each stands in the table."""

    classes = tuple(name for name in CLASSES if name in table.classes)
    if set(table.classes) - set(classes) or set(AVERAGED) - set(classes):
        raise ValueError(
            f"EC57 judges the classes N, S and V, with F and Q or without; the predictions have "
            f"{', '.join(map(str, table.classes))}"
        )
    return classes, [table.classes.index(name) for name in classes]


def _true(table: Trials, order: Sequence[int]) -> Int[np.ndarray, " record"]:
    """The place of each beat's class in an order of the classes, −1 where nobody knows it."""

    truth = table.truth[:, order]
    ones = (truth == 1).sum(axis=1)
    wrong = (ones > 1) | ((ones == 0) & (truth == 0).all(axis=1))
    if wrong.any():
        first = int(np.argmax(wrong))
        raise ValueError(
            f"a beat is of one class or of an unknown one; {wrong.sum()} are not, the first is {table.records[first]}, "
            f"which is of {ones[first]} of {', '.join(table.classes)}; where none of them fits, the truth is missing"
        )
    return np.where(ones == 1, (truth == 1).argmax(axis=1), -1)


def _places(
    table: Trials, predictions: pd.DataFrame
) -> tuple[Int[np.ndarray, " record"], tuple[str, ...], Int[np.ndarray, " recording"]]:
    """The place of each beat's recording, the names of these, and the number of each one's patient."""

    test = predictions[predictions["part"] == "test"].drop_duplicates("record").set_index("record")
    test = test.loc[list(table.records)]
    stem = pd.Series(table.records, index=test.index, dtype="string").str.rpartition("-")[0].replace("", pd.NA)
    recording = test["recording"].astype("string") if "recording" in test else stem
    if recording.isna().any():
        raise ValueError(
            f"nobody knows which recording beat {recording.index[recording.isna()][0]} is of; give the predictions a "
            "column 'recording', or name the beats like 'mitdb:100-000123'"
        )
    place, names = pd.factorize(recording.to_numpy(dtype=object), sort=True)
    people = pd.DataFrame({"recording": recording, "patient": test["patient"].astype("string")}).drop_duplicates()
    twice = people["recording"].duplicated()
    if twice.any():
        raise ValueError(f"recording {people['recording'][twice].iloc[0]} is of several patients")
    return place, tuple(names), clusters(people.set_index("recording")["patient"].loc[list(names)])
