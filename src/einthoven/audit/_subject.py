"""What an audit looks at, and what it says."""

__all__ = ["STATUSES", "Finding", "Status", "Subject", "Verdict", "exit_code"]

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Shaped

from einthoven.splits import UNKNOWN
from einthoven.store import Fingerprint

Status = Literal["leak", "could not look", "warning", "clean", "not asked"]
STATUSES: tuple[Status, ...] = ("leak", "could not look", "warning", "clean", "not asked")  # the worst first
_EXIT = {"leak": 10, "could not look": 11}


@dataclasses.dataclass(frozen=True, eq=False)
class Subject:
    """What is audited: records, the side of the split that each stands on, and whatever else is at hand.

    Attributes:
        table: One row a record, with `einthoven.datasets.COLUMNS` and `dataset`. Where they are known also `content` (a
            hash of the samples), `recording`, `start_s` and `stop_s` (of a window cut from a longer recording),
            `synthetic` (whether it was made) and `parents` (the records that it was made from). Any other column is a
            field that could tell the label.
        side: For each record `train`, `validation`, `test`, `external` or empty for unused; where no split was given,
            the name of its data set.
        split: What the sides are: the name of a split, or None where they are data sets.
        fingerprints: One a record, or None for a record without.
        found: What `find_pairs` gave for the fingerprints, if it has been asked already.
        absent: Ids that the split names and that are not among the records.
        cards: Of the data sets, by name: `einthoven.datasets.Card` as JSON values.
        targets: Labels, `record class`: 1, 0 or NaN where unknown.
        classes: The names of the columns of `targets`.
        contracts: Of checkpoints, by name; see `einthoven.training`.
        predictions: The predictions table of a run (`record`, `part`, `class`, `truth`, `probability`, `model`, `seed`,
            `fold`), or None.
        thresholds: The thresholds of that run (`model`, `seed`, `fold`, `class`, `threshold`), or None.
        fitted: Means and deviations by lead that were fitted to scale the signals, as `{"mean": …, "std": …}`; or None.
    """

    table: pd.DataFrame
    side: Shaped[np.ndarray, " record"]
    split: str | None = None
    fingerprints: Sequence[Fingerprint | None] = ()
    found: tuple[pd.DataFrame, Bool[np.ndarray, " record"]] | None = None
    absent: tuple[str, ...] = ()
    cards: Mapping[str, Mapping[str, Any]] = dataclasses.field(default_factory=dict)
    targets: Float[np.ndarray, "record class"] | None = None
    classes: tuple[str, ...] = ()
    contracts: Mapping[str, Mapping[str, Any]] = dataclasses.field(default_factory=dict)
    predictions: pd.DataFrame | None = None
    thresholds: pd.DataFrame | None = None
    fitted: Mapping[str, Mapping[str, float]] | None = None

    @property
    def sides(self) -> tuple[str, ...]:
        """The sides that hold a record, training first, then in the order of a split, then by name."""
        order = ("train", "validation", "test", "external")
        found = set(self.side[self.side != ""])
        return (*(name for name in order if name in found), *sorted(found - set(order)))

    @property
    def patients(self) -> pd.Series:
        """The patient of each record, missing where nobody knows: words such as `unknown` name nobody."""
        ids = self.column("patient_id").astype("string").str.strip()
        return ids.mask(ids.str.lower().isin(UNKNOWN))

    @property
    def parents(self) -> list[list[str]]:
        """The records that each was made from, by their ids."""
        lists = (list, tuple, np.ndarray)
        return [list(map(str, value)) if isinstance(value, lists) else [] for value in self.column("parents")]

    def column(self, name: str) -> pd.Series:
        """A column of the table, or missing values where it has none."""
        empty = pd.Series([None] * len(self.table), index=self.table.index, dtype=object)
        return self.table[name] if name in self.table else empty


@dataclasses.dataclass(frozen=True)
class Finding:
    """One thing that was found.

    Attributes:
        status: How bad it is.
        sentence: What it is, with numbers, and what to do about it.
        count: How many records, patients or pairs.
        examples: At most three of them, in words.
    """

    status: Status
    sentence: str
    count: int = 0
    examples: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, eq=False)
class Verdict:
    """The answer of one check.

    Attributes:
        check: Its name.
        looked: What was looked at, in words and numbers; why it was not, where the status is *not asked*.
        findings: What was found; none if it is clean.
        asked: Whether there was anything to look at.
        pairs: Records that belong together though they stand on two sides, or None: columns `record`, `other`, `side`,
            `other_side`, and what the check measured of them.
    """

    check: str
    looked: str
    findings: tuple[Finding, ...] = ()
    asked: bool = True
    pairs: pd.DataFrame | None = None

    @property
    def status(self) -> Status:
        """The worst of its findings."""
        if not self.asked:
            return "not asked"
        return min((finding.status for finding in self.findings), key=STATUSES.index, default="clean")


def exit_code(verdicts: Sequence[Verdict]) -> int:
    """0 if all is clean, 10 if there is a leak, else 11 if something could not be looked at, or nothing was."""
    if all(verdict.status == "not asked" for verdict in verdicts):
        return _EXIT["could not look"]
    worst = min((verdict.status for verdict in verdicts), key=STATUSES.index, default="clean")
    return _EXIT.get(worst, 0)
