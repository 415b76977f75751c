"""Preprocessing that was fitted beyond the training records.

Means and deviations that scale the signals are learnt from records like anything else. From the mean, the deviation and
the number of samples of each record, those of any set of records follow exactly, so that given numbers tell which set
they were fitted on: the records of training, or those of training and test. It is the one whose numbers lie nearest, if
they fit at all and every set with another verdict fits clearly worse.
"""

__all__ = ["preprocessing"]

import dataclasses
from collections.abc import Iterator, Mapping
from decimal import Decimal
from itertools import chain, combinations

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float

from einthoven.audit import Finding, Subject, Verdict

TOLERANCE = 1e-3  # standard deviations: how far given numbers may lie from those of the set that they are of
CLEAR = 10.0  # how many times farther those of a set with another verdict must lie
_EXACT = 1e-5  # standard deviations: nearer than that is no evidence, sums being rounded
_COLUMNS = ("lead_names", "lead_mean", "lead_std", "lead_count")


@dataclasses.dataclass(frozen=True)
class _Explanation:
    """A set of sides that the numbers may have been fitted on, and how far from its own they lie at most."""

    sides: tuple[str, ...]
    distance: float

    @property
    def words(self) -> str:
        """The sides in words."""
        return " + ".join(side or "unused records" for side in self.sides)


def preprocessing(subject: Subject) -> Verdict:
    """Which records the means and deviations were fitted on.

    Arguments:
        subject: Its `fitted` numbers are compared with the columns `lead_names`, `lead_mean`, `lead_std` (both in mV)
            and `lead_count` of its table; rounding of the given numbers is allowed for. What a contract says it was
            `fitted_on` is read, too.
    """

    said = list(_said(subject))
    stated = any("fitted_on" in contract for contract in subject.contracts.values())
    if subject.split is None or (subject.fitted is None and not stated):
        why = "no split says what training is" if subject.split is None else "no fitted means and deviations were given"
        return Verdict("preprocessing", why, asked=False)
    if subject.fitted is None:
        return Verdict("preprocessing", "what the contracts say of it", tuple(said))
    if missing := [name for name in _COLUMNS if name not in subject.table]:
        sentence = f"The records have no column {', '.join(missing)}, from which means and deviations would follow."
        return Verdict("preprocessing", "the means and deviations given", (*said, Finding("could not look", sentence)))
    moments = _moments(subject)
    numbers = _numbers(subject.fitted, set(moments["lead"]))
    looked = f"{len(numbers)} means and deviations, against those of {moments['row'].nunique()} records"
    if numbers.empty:
        sentence = "None of the leads that were given is among those of the records."
        return Verdict("preprocessing", looked, (*said, Finding("could not look", sentence)))
    explained = sorted(_explanations(moments, numbers), key=lambda each: each.distance)
    return Verdict("preprocessing", looked, (*said, *_finding(explained)))


def _said(subject: Subject) -> Iterator[Finding]:
    """What contracts say themselves."""
    for name, contract in subject.contracts.items():
        if contract.get("fitted_on", "train") != "train":
            sentence = f"The checkpoint {name} says that its preprocessing was fitted on {contract['fitted_on']}."
            yield Finding("leak", f"{sentence} Fit it on the training records alone.", 1, (name,))


def _moments(subject: Subject) -> pd.DataFrame:
    """One row a record and lead: row, side, lead, mean, std and count; records without numbers are left out."""

    lists = [subject.column(name).to_numpy() for name in _COLUMNS]
    whole = [row for row, cells in enumerate(zip(*lists, strict=True)) if all(np.ndim(cell) == 1 for cell in cells)]
    width = [len(lists[0][row]) for row in whole]
    names, *rest = (list(chain.from_iterable(column[row] for row in whole)) for column in lists)
    values = dict(zip(("mean", "std", "count"), (np.asarray(each, dtype=np.float64) for each in rest), strict=True))
    row = np.repeat(np.asarray(whole, dtype=np.int64), width)
    moments = pd.DataFrame({"row": row, "side": subject.side[row], "lead": names, **values})
    return moments[(moments["count"] > 0) & moments[["mean", "std"]].notna().all(axis=1)]


def _numbers(fitted: Mapping[str, Mapping[str, float]], leads: set[str]) -> pd.DataFrame:
    """The given numbers: kind, lead, value, and by how much rounding may have changed it."""

    rows = []
    for kind in ("mean", "std"):
        given = {lead: float(value) for lead, value in fitted.get(kind, {}).items()}
        digits = [
            Decimal(repr(value)).normalize().as_tuple().exponent for value in given.values() if np.isfinite(value)
        ]
        last = min(0, *map(int, digits)) if digits else 0
        rows += [(kind, lead, value, 0.5 * 10.0**last) for lead, value in given.items() if lead in leads]
    return pd.DataFrame(rows, columns=["kind", "lead", "value", "rounding"])


def _explanations(moments: pd.DataFrame, numbers: pd.DataFrame) -> Iterator[_Explanation]:
    """Training with any of the other sides, and each other side alone."""

    sides = [side for side in ("train", "validation", "test", "external", "") if (moments["side"] == side).any()]
    others = [side for side in sides if side != "train"]
    more = chain.from_iterable(combinations(others, size) for size in range(len(others) + 1))
    for chosen in [*(("train", *extra) for extra in more if "train" in sides), *((side,) for side in others)]:
        yield _Explanation(chosen, _distance(_pooled(moments, moments["side"].isin(chosen).to_numpy()), numbers))


def _pooled(moments: pd.DataFrame, chosen: Bool[np.ndarray, " row"]) -> pd.DataFrame:
    """The mean and deviation of all samples of some records, by lead."""

    rows = moments[chosen]
    weight = rows.groupby("lead")["count"].sum()
    mean = (rows["count"] * rows["mean"]).groupby(rows["lead"]).sum() / weight
    square = rows["std"] ** 2 + (rows["mean"] - rows["lead"].map(mean)) ** 2
    return pd.DataFrame({"mean": mean, "std": np.sqrt((rows["count"] * square).groupby(rows["lead"]).sum() / weight)})


def _distance(pooled: pd.DataFrame, numbers: pd.DataFrame) -> float:
    """The farthest that a given number lies from that of a set, in standard deviations, beyond rounding."""

    if not numbers["lead"].isin(pooled.index).all():
        return float("inf")
    at = pooled.loc[numbers["lead"]]
    there: Float[np.ndarray, " number"] = np.where(numbers["kind"] == "mean", at["mean"], at["std"])
    beyond = np.abs(numbers["value"].to_numpy() - there) - numbers["rounding"].to_numpy() * (1 + 1e-9)
    worst = np.max(np.maximum(beyond, 0.0) / np.maximum(at["std"].to_numpy(), 1e-12))
    return float(worst) if np.isfinite(worst) else float("inf")


def _finding(explained: list[_Explanation]) -> Iterator[Finding]:
    """What follows from the distances, nearest first; nothing if it is training alone."""

    best = explained[0]
    honest = best.sides == ("train",)
    rival = next((each for each in explained if (each.sides == ("train",)) != honest), None)
    far = rival.distance if rival is not None else float("inf")
    if best.distance > TOLERANCE:
        sentence = (
            f"The numbers are not the means and deviations of any part of the signals: the nearest, of {best.words}, "
        )
        sentence += f"lie {best.distance:.2g} standard deviations off. Give them of the raw signals, in mV."
        yield Finding("could not look", sentence)
    elif rival is not None and far < CLEAR * max(best.distance, _EXACT):
        sentence = f"The numbers fit {best.words} and {rival.words} about equally ({best.distance:.2g} and {far:.2g} "
        yield Finding("could not look", f"{sentence}standard deviations off). Give them with more digits.")
    elif not honest:
        off = f"{far:.2g} standard deviations off" if np.isfinite(far) else "nowhere near"
        sentence = (
            f"The means and deviations are those of {best.words} ({best.distance:.2g} standard deviations off at "
        )
        sentence += f"most; those of training alone are {off}). Fit them on the training records alone."
        yield Finding("leak", sentence, 1, (best.words,))
