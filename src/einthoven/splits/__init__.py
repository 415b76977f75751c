"""Who goes where.

A splitter gives each record a fold; one fold is the test set, the one before it (cyclically) validation, the rest
training. So a hold-out split and cross-fitting, in which every record is predicted once by a network that has not seen
its patient, are the same thing. A splitter that lets a patient stand on both sides is called leaky, and says so.

Where a splitter is named, a file may stand: `my.csv` or `my.parquet` is the split that it lists.
"""

__all__ = [
    "UNKNOWN",
    "LeakError",
    "SplitFile",
    "Splitter",
    "get",
    "is_file",
    "known",
    "many",
    "names",
    "overlap",
    "owners",
    "read_split",
    "split",
    "stratify",
]

import dataclasses
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float, Int, Shaped

from einthoven import registry
from einthoven.splits._file import SplitFile, check_parts, completed, listed, read_split
from einthoven.splits._listing import UNKNOWN, Listing, is_file, load, many
from einthoven.splits._stratify import stratify

PARTS = ("train", "validation", "test")
OUTSIDE = -1


class LeakError(ValueError):
    """A split that lets a patient or a record stand on both sides though nobody asked for that."""


@dataclasses.dataclass(frozen=True)
class Splitter:
    """A way to split.

    Attributes:
        assign: `assign(table, targets, folds, seed)` gives each record a fold from 1, 0 for none, or `OUTSIDE`: nothing
            is learnt from such a record and every model answers for it (the part `external`).
        leaky: Whether it may put one patient on both sides.
        shared: Of a leaky splitter, the only patients that it may put on both sides; empty for anybody.
        named: Further parts by their number below `OUTSIDE`. Nothing is learnt from them or tested on them unless a
            study asks for them, and no check of the split looks at them.
        within: Whether validation is drawn by patient from the training records, rather than being a fold.
        fixed: Whether the test set is given, so that no fold but the last can be it.
        complete: Adds to a table what the splitter knows of patients.
    """

    assign: Callable[[pd.DataFrame, Float[np.ndarray, "record class"], int, int], Int[np.ndarray, " record"]]
    leaky: bool = False
    within: bool = False
    fixed: bool = False
    complete: Callable[[pd.DataFrame], pd.DataFrame] = lambda table: table
    shared: tuple[str, ...] = ()
    named: Mapping[int, str] = dataclasses.field(default_factory=dict)


names = partial(registry.names, "splits")


def get(name: str) -> Splitter:
    """A splitter by its name, or made from the file of that name.

    Raises:
        UnknownName: If there is none.
        ValueError: If there is no such file, or it cannot be understood.
    """

    if is_file(name):
        return _of_file(load(Path(name)))
    splitter: Splitter = registry.get("splits", name)
    return splitter


def known(name: str) -> str:
    """`name` itself where `get` has a splitter for it.

    Raises:
        UnknownName: If there is none.
        ValueError: If there is no such file, or it cannot be understood.
    """

    if is_file(name):
        load(Path(name))
        return name
    return registry.nearest(name, names(), "split")


def _of_file(listing: Listing) -> Splitter:
    """Folds as they are; of parts, test is the last fold, validation the one before, and training fold 1."""

    def assign(table: pd.DataFrame, targets: np.ndarray, folds: int, seed: int) -> np.ndarray:
        found = listed(listing, table)
        if found.conflicts:
            raise LeakError(
                f"{listing.path} puts {many(len(found.conflicts), 'record')} on two sides, such as "
                f"{found.conflicts[0]}; keep one row of each record"
            )
        if found.folds is not None:
            if listing.folds > folds:
                raise ValueError(f"{listing.path} names fold {listing.folds}, more than the {folds} asked for")
            return found.folds
        if folds < 3:
            raise ValueError(f"the parts of {listing.path} take three folds, not {folds}")
        check_parts(listing, found.parts, [part for part in PARTS if part != "validation" or not within])
        number = {"train": 1, "validation": folds - 1, "test": folds, "external": OUTSIDE, "": 0}
        return np.array([number[part] for part in found.parts], dtype=np.int64)

    fixed = not listing.folds
    within = fixed and "validation" not in listing.values
    return Splitter(assign, within=within, fixed=fixed, complete=partial(completed, listing))


def split(
    name: str,
    table: pd.DataFrame,
    targets: Float[np.ndarray, "record class"],
    *,
    test_fold: int,
    folds: int = 10,
    seed: int = 0,
    refuse: bool = True,
) -> Shaped[np.ndarray, " record"]:
    """The part of each record: `train`, `validation`, `test`, `external`, or empty for none.

    Arguments:
        name: The splitter, or a CSV or Parquet file; see `read_split`.
        table: Records, with `record_id` and `patient_id` and what the splitter needs.
        targets: Their labels, which a stratified splitter spreads evenly.
        test_fold: The fold that becomes the test set.
        folds: How many there are.
        seed: Of a random splitter.
        refuse: Whether a leak is an error; an audit wants to see it.

    Raises:
        LeakError: If a patient or a record is on both sides, and the splitter is not a leaky one or is known to share
            other patients only.
        ValueError: If a part would be empty or the splitter lacks what it needs.
    """

    splitter = get(name)
    if splitter.fixed and test_fold != folds:
        raise ValueError(f"{name} names its test set; it counts as fold {folds}, so test on fold {folds} alone")
    table = splitter.complete(table)
    fold = splitter.assign(table, targets, folds, seed)
    parts = np.where(fold == 0, "", "train").astype(object)
    parts[fold == test_fold] = "test"
    for number, part in {OUTSIDE: "external", **splitter.named}.items():
        parts[fold == number] = part
    if splitter.within:
        train = np.flatnonzero(parts == "train")
        inner = get("by_patient").assign(table.iloc[train], targets[train], 10, seed)
        parts[train[inner == 10]] = "validation"
    else:
        parts[fold == (test_fold - 2) % folds + 1] = "validation"
    for part in PARTS:
        if not (parts == part).any():
            there = sorted(set(fold.tolist()) - {0, OUTSIDE})
            what = f"the split '{name}' leaves the {part} part empty for test fold {test_fold} of {folds}; "
            if len(there) < len(PARTS):
                held = f"{many(owners(table).nunique(), 'patient')} in {many(len(there), 'fold')}"
                raise ValueError(f"{what}it has {held}, and three parts take three: add records of other patients")
            raise ValueError(f"{what}there are records in folds {', '.join(map(str, there))}: test on one of them")
    strangers = ~table["patient_id"].isin(splitter.shared).to_numpy(dtype=bool)
    found = overlap(table[strangers], parts[strangers])
    if len(found) and refuse and (not splitter.leaky or splitter.shared):
        first = found.iloc[0]
        raise LeakError(
            f"the split '{name}' puts {first['count']} {first['kind']}s into both parts of {first['parts']}, for one "
            f"{first['examples'][0]}; split by_patient instead, or ask for by_example if the leak is what you study"
        )
    return parts


def owners(table: pd.DataFrame) -> pd.Series:
    """Whose each record is: its patient's, or its own where nobody knows the patient."""
    return ("patient " + table["patient_id"]).fillna("record " + table["record_id"])


def overlap(table: pd.DataFrame, parts: Shaped[np.ndarray, " record"]) -> pd.DataFrame:
    """Who stands in two parts: one row for each kind (patient, record) and pair of parts that share one.

    Records of unknown patients cannot be looked at; they are in no row.

    Returns:
        Columns `kind`, `parts` (`train|test`), `count` and `examples` (at most three).
    """

    rows = []
    for kind, column in (("patient", "patient_id"), ("record", "record_id")):
        known = table[column].notna().to_numpy()
        every = (*PARTS, "external")
        members = {part: set(table[column][known & (parts == part)]) for part in every}
        for i, left in enumerate(every):
            for right in every[i + 1 :]:
                if shared := sorted(members[left] & members[right]):
                    row = {"kind": kind, "parts": f"{left}|{right}", "count": len(shared), "examples": shared[:3]}
                    rows.append(row)
    return pd.DataFrame(rows, columns=["kind", "parts", "count", "examples"])
