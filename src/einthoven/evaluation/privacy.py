"""Whether synthetic records give away whom their generator has learnt from.

Who holds a record of somebody may ask whether it was learnt from: he looks how near it comes to any synthetic record,
and if those that were learnt from come nearer than others, he is right more often than by guessing. That is membership
inference; it is measured for single records and for patients with all of theirs (the nearest counts). Its area under
the curve is 0.5 for a guess, and the share that is named while one in a hundred others is named too is 0.01.

From the synthetic side, the share of records is told that an audit would take for another recording of a training
record, beside the share that it would take for one of a held-out record. And of as many training and held-out records,
the nearest to a synthetic one is a training record in about half of the cases, unless the generator repeats what it has
seen. That interval is over synthetic records; what other people would have changed it does not hold, so it is shown and
not judged.

How near is measured in several spaces by who calls this; the worst of them counts. A verdict says that a leak of a
stated size was found, or that it can be excluded, or that these records cannot tell. It proves nothing about attacks
that were not tried, nor about a record that has a twin elsewhere.
"""

__all__ = ["LIMITS", "privacy"]

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float

from einthoven.evaluation.bootstrap import clusters, interval, resampled
from einthoven.metrics.auroc import auroc
from einthoven.metrics.sensitivity_at_99 import sensitivity_at_99


class Limit(NamedTuple):
    """What a measure is by chance, and from where on it is a leak."""

    chance: float
    leak: float


# A generator that has learnt anything has learnt it from its training records; from here on that is called a leak.
LIMITS = {
    "membership": Limit(0.5, 0.6),
    "membership_at_99": Limit(0.01, 0.05),
    "copies": Limit(0.0, 0.01),
}
_METRICS = {"membership": auroc, "membership_at_99": sensitivity_at_99}


def privacy(
    real: pd.DataFrame, made: pd.DataFrame, *, resamples: int = 1000, level: float = 0.95, seed: int = 0
) -> pd.DataFrame:
    """The table.

    Arguments:
        real: One row a real record and space: `record`, `patient` (or missing), `member` (whether it was learnt from),
            `space`, `near` (how near the nearest synthetic record is; more is nearer).
        made: One row a synthetic record and space: `record`, `space`, `near_training` and `near_held_out`, to the
            nearest of as many records of either kind, and `copies_training` and `copies_held_out`, whether an audit
            takes it for another recording of one of them.
        resamples: How many times the patients, and the synthetic records, are drawn.
        level: Of the intervals.
        seed: Of the draws.

    Returns:
        One row a space, measure and unit (`record`, `patient`, or `synthetic` for what is measured from that side):
        value, low, high, chance, limit, verdict (`leak`: the interval lies above the limit; `none`: below it; `cannot
        tell`; or `not judged`), members, others.

    Raises:
        ValueError: If there are no members or no others.
    """

    if real["member"].nunique() < 2:
        raise ValueError("membership is asked of records that were learnt from and of others; one kind is missing")
    rows = []
    for space, records in real.groupby("space", sort=False):
        for unit in ("record", "patient"):
            rows += _membership(str(space), unit, _units(records, unit), resamples, level, seed)
    for space, records in made.groupby("space", sort=False):
        rows.append(_nearer(str(space), records, resamples, level, seed))
    rows.append(_copied(made.drop_duplicates("record"), resamples, level, seed))
    return pd.DataFrame(rows)


def _units(records: pd.DataFrame, unit: str) -> pd.DataFrame:
    """Records, or patients with the nearest of their records, and the cluster that each belongs to."""
    owner = clusters(records.set_index("record")["patient"])
    table = records.assign(cluster=owner)
    if unit == "record":
        return table
    return table.groupby("cluster", as_index=False).agg(near=("near", "max"), member=("member", "max"))


def _membership(
    space: str, unit: str, table: pd.DataFrame, resamples: int, level: float, seed: int
) -> list[dict[str, Any]]:
    weights = resampled(table["cluster"].to_numpy(np.int64), resamples, seed)
    truth, near = table["member"].to_numpy(np.float64), table["near"].to_numpy(np.float64)
    counts = {"members": int(truth.sum()), "others": int((1 - truth).sum())}
    return [
        {
            "space": space,
            "measure": name,
            "unit": unit,
            **_judged(name, np.asarray(metric(truth, near, weights)), level),
            **counts,
        }
        for name, metric in _METRICS.items()
    ]


def _nearer(space: str, made: pd.DataFrame, resamples: int, level: float, seed: int) -> dict[str, Any]:
    """The share of synthetic records whose nearest real one was learnt from; a tie counts half."""
    gap = made["near_training"].to_numpy(np.float64) - made["near_held_out"].to_numpy(np.float64)
    share = np.where(gap > 0, 1.0, np.where(gap < 0, 0.0, 0.5))
    weights = resampled(np.arange(len(share)), resamples, seed)
    values = share @ weights / weights.sum(axis=0)
    span = interval(values[1:], level)
    facts = {"value": float(values[0]), "low": span.low, "high": span.high, "chance": 0.5, "limit": float("nan")}
    who = {"space": space, "measure": "nearer_to_training", "unit": "synthetic"}
    return {**who, **facts, "verdict": "not judged", "members": 0, "others": 0}


def _copied(made: pd.DataFrame, resamples: int, level: float, seed: int) -> dict[str, Any]:
    """The share of synthetic records that an audit takes for another recording of a training record."""
    weights = resampled(np.arange(len(made)), resamples, seed)
    values = made["copies_training"].to_numpy(np.float64) @ weights / weights.sum(axis=0)
    who = {"space": "audit", "measure": "copies", "unit": "synthetic"}
    by_chance = {"chance": float(made["copies_held_out"].mean())}
    return {**who, **_judged("copies", values, level), **by_chance, "members": 0, "others": 0}


def _judged(name: str, values: Float[np.ndarray, " resample"], level: float) -> dict[str, Any]:
    span, limit = interval(values[1:], level), LIMITS[name]
    verdict = "leak" if span.low > limit.leak else "none" if span.high <= limit.leak else "cannot tell"
    facts = {"value": float(values[0]), "low": span.low, "high": span.high}
    return {**facts, "chance": limit.chance, "limit": limit.leak, "verdict": verdict}
