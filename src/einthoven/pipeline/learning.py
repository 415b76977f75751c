"""What a cell learns from: fewer records where labels are made scarce, and the signals as it sees them."""

__all__ = ["fewer", "learnt_from", "of_class", "pages", "part_of", "rarer", "repeated", "sources", "twelve_of", "view"]

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from einthoven import registry, splits
from einthoven.drawing.raster import raster
from einthoven.pipeline.cohort import Cohort
from einthoven.pipeline.experiment import Cell, Experiment, Few, RunError
from einthoven.records.leads import TWELVE, derive, placed
from einthoven.training import Data, read_contract

_BATCH = 4096

Synthetic = tuple[Float[np.ndarray, "record lead time"], Float[np.ndarray, "record class"]]


def sources(experiment: Experiment) -> dict[str, dict[str, Any]]:
    """The contracts of the weights that arms begin with, of those that have one.

    Raises:
        ValueError: If there are no such weights, or they are damaged.
    """

    taken = {arm.transfer.weights: arm.transfer for arm in experiment.arms if arm.transfer and arm.transfer.weights}
    found = {str(name): read_contract(transfer) for name, transfer in taken.items()}
    return {name: contract for name, contract in found.items() if "patients_seen" in contract}


def learnt_from(cell: Cell, cohort: Cohort) -> Int[np.ndarray, " row"]:
    """The records that a cell learns from.

    Raises:
        RunError: If there are none, or fewer patients than the arm asks for.
    """

    arm = cell.arm
    rows = np.flatnonzero(np.isin(cohort.parts[cell.fold], arm.learns))
    if not len(rows) and (arm.learns or not arm.made):
        raise RunError(f"{arm.name} learns from {' and '.join(arm.learns)}, where no record is; name other parts")
    rows = fewer(arm.few, cohort.table, rows, cell.seed)
    return rarer(arm.few, cohort.y, cohort.classes, rows, cell.seed)


def part_of(cell: Cell, cohort: Cohort, part: str) -> Int[np.ndarray, " row"]:
    """The records of a part: where labels are scarce, those of validation are so too. None for the part ''."""
    few, rows = cell.arm.few, np.flatnonzero((cohort.parts[cell.fold] == part) & (part != ""))
    if part != "validation" or not len(rows):
        return rows
    if few.share is not None:
        rows = fewer(Few(share=few.share), cohort.table, rows, cell.seed)
    return rarer(few, cohort.y, cohort.classes, rows, cell.seed)


def of_class(cohort: Cohort, rows: Int[np.ndarray, " row"]) -> Int[np.ndarray, " kept"]:
    """The records of one class or more."""
    return rows[(cohort.y[rows] == 1).any(axis=1)]


def twelve_of(
    experiment: Experiment, cohort: Cohort, rows: Int[np.ndarray, " row"]
) -> Float[np.ndarray, "row lead time"]:
    """The twelve leads of records, in the order of `TWELVE`, prepared as every arm sees them."""
    return derive(cohort.signals.batch(cohort.rows[rows], experiment.samples), experiment.leads, TWELVE)


def fewer(few: Few, table: pd.DataFrame, rows: Int[np.ndarray, " row"], seed: int) -> Int[np.ndarray, " kept"]:
    """Some of the rows; with the same seed, those of a smaller number are among those of a larger one.

    Arguments:
        few: How many.
        table: The records, of which one whose patient is unknown is a patient by itself.
        rows: Of which to choose.
        seed: Of the choice.

    Raises:
        RunError: If there are not as many patients.
    """

    rng = np.random.default_rng([seed, 0xF3])
    owner = splits.owners(table.iloc[rows]).to_numpy(dtype=object)
    order = rng.permutation(sorted(set(owner)))
    mixed = rng.permutation(len(rows))
    if few.patients is not None and few.patients > len(order):
        raise RunError(f"there are {len(order)} patients to learn from, fewer than the {few.patients} asked for")
    count = few.patients if few.share is None else max(1, round(few.share * len(order)))
    kept = mixed[pd.Series(owner[mixed]).isin(order[:count]).to_numpy()]
    if few.each is not None:
        kept = kept[pd.Series(owner[kept]).groupby(owner[kept]).cumcount().to_numpy() < few.each]
    return np.sort(rows[kept])


def rarer(
    few: Few, y: Float[np.ndarray, "record class"], classes: Sequence[str], rows: Int[np.ndarray, " row"], seed: int
) -> Int[np.ndarray, " kept"]:
    """The rows without the positives of each class that are too many; a smaller number takes none that a larger leaves.

    In an order of chance records are taken until each class has one positive, or none of them is left that would not
    make two of another class; then until each has two, and so on. So a record of several classes counts for each, and a
    class may end with fewer than are wanted.

    Arguments:
        few: How many, and of which classes.
        y: The labels of all records.
        classes: The names of their columns.
        rows: Of which to choose.
        seed: Of the order.

    Raises:
        UnknownName: If there is no such class.
    """

    named = [registry.nearest(code, classes, "class") for code in few.of] or list(classes)
    if few.positives is None:
        return rows
    positive = y[rows][:, [list(classes).index(code) for code in named]] == 1
    left = np.random.default_rng([seed, 0x9051]).permutation(np.flatnonzero(positive.any(axis=1))).tolist()
    counts, taken = np.zeros(len(named), dtype=np.int64), ~positive.any(axis=1)
    for most in range(1, few.positives + 1):
        passed = []
        for place in left:
            if (counts[positive[place]] < most).all():
                counts, taken[place] = counts + positive[place], True
            else:
                passed.append(place)
        left = passed
    return rows[taken]


def repeated(rows: Int[np.ndarray, " row"], y: Float[np.ndarray, "row class"], upto: int) -> Int[np.ndarray, " often"]:
    """The rows, with records of each class that has fewer positives again and again until it has so many.

    Arguments:
        rows: The rows.
        y: Their labels.
        upto: How many positives a class has then, about: a record that is repeated for one class counts for all of its
            own.
    """

    often, counts = [rows], (y == 1).sum(axis=0)
    for column in np.argsort(counts, kind="stable"):
        own = rows[y[:, column] == 1]
        lacking = int(upto - counts[column])
        if len(own) and lacking > 0:
            more = np.resize(np.arange(len(own)), lacking)
            often.append(own[more])
            counts = counts + (y[y[:, column] == 1][more] == 1).sum(axis=0)
    return np.concatenate(often)


def view(experiment: Experiment, cell: Cell, cohort: Cohort, more: Sequence[Synthetic] = ()) -> Data:
    """The signals as the arm sees them, pages where it sees paper, the labels, and the covariates as in the table.

    Arguments:
        experiment: What is run.
        cell: Whose arm sees them.
        cohort: The real records.
        more: What the arm sees of synthetic records, and their labels; they are numbered behind the real ones.
    """

    samples, rows, arm = experiment.samples, cohort.rows, cell.arm
    beside = cohort.covariates(arm, samples)
    count, y = len(cohort.y), np.concatenate([cohort.y, *(labels for _, labels in more)])
    made = np.concatenate([signal for signal, _ in more]) if more else None

    def fetch(asked: Int[np.ndarray, " batch"]) -> Float[np.ndarray, "batch lead time"]:
        real = asked < count
        x = cohort.signals.batch(rows[asked[real]], samples)
        if arm.sees == "page":
            x = pages(experiment, x)
        if made is not None:
            both = np.empty((len(asked), *x.shape[1:]), dtype=x.dtype)
            both[real], both[~real] = x, made[asked[~real] - count]
            x = both
        return placed(x, experiment.leads, arm.places) if arm.places else x

    plain = Data(fetch, y, experiment.rate_hz, beside)
    if not arm.scaled:
        return plain
    mean, spread = _scale(plain, np.flatnonzero(np.isin(cohort.parts[cell.fold], arm.scaled)))
    return dataclasses.replace(plain, fetch=lambda asked: (plain.fetch(asked) - mean) / spread)


def pages(
    experiment: Experiment, signal: Float[np.ndarray, "batch lead time"]
) -> Float[np.ndarray, "batch row column"]:
    """Recordings as an arm sees them that sees paper."""
    return raster(signal, experiment.leads, experiment.unit)


def _scale(
    data: Data, rows: Int[np.ndarray, " record"]
) -> tuple[Float[np.ndarray, "lead time"], Float[np.ndarray, "lead time"]]:
    """Mean and deviation of each lead and sample over some records."""
    sums = [np.zeros(()), np.zeros(())]
    for start in range(0, len(rows), _BATCH):
        x = data.fetch(rows[start : start + _BATCH]).astype(np.float64)
        sums = [sums[0] + x.sum(axis=0), sums[1] + (x**2).sum(axis=0)]
    mean, square = (each / len(rows) for each in sums)
    spread = np.sqrt(np.maximum(square - mean**2, 0.0))
    return mean.astype(np.float32), np.where(spread > 0, spread, 1.0).astype(np.float32)
