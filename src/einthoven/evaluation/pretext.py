"""How well an encoder does its own task without labels, on records that it has not learnt from.

Each measure of `einthoven.objectives` is a number a record; its mean over the test records stands beside what needs no
learning: a guess among the leads, a straight line over what is hidden. It says whether anything was learnt, not whether
that is of use: see `efficiency`.
"""

__all__ = ["pretext"]

from typing import Any

import numpy as np
import pandas as pd

from einthoven.evaluation.bootstrap import clusters, interval, resampled


def pretext(measured: pd.DataFrame, *, resamples: int = 1000, level: float = 0.95, seed: int = 0) -> pd.DataFrame:
    """The table.

    Arguments:
        measured: One row a record and measure: record, patient, source, part, measure, value, model, seed, fold.
        resamples: How many times the patients are drawn.
        level: Of the intervals.
        seed: Of the draws.

    Returns:
        One row a model, measure and source (all of them first): value, the mean over records and seeds; low, high,
        records, patients, seeds, seed_sd.

    Raises:
        ValueError: If there are no test records.
    """

    test = measured[(measured["part"] == "test") & measured["value"].notna()]
    if test.empty:
        raise ValueError("no test record was measured; there is nothing to say of this pretraining")
    rows = []
    for (model, measure), mine in test.groupby(["model", "measure"]):
        sources = sorted(mine["source"].unique())
        groups = [("all", mine), *((name, mine[mine["source"] == name]) for name in sources if len(sources) > 1)]
        for source, group in groups:
            keys = {"model": str(model), "measure": str(measure), "source": source}
            rows.append({**keys, **_row(group, resamples, level, seed)})
    return pd.DataFrame(rows)


def _row(group: pd.DataFrame, resamples: int, level: float, seed: int) -> dict[str, Any]:
    by_record = group.groupby("record")["value"].mean()
    patient = group.assign(patient=group["patient"].astype("string")).groupby("record")["patient"].first()
    cluster = clusters(patient)
    weights = resampled(cluster, resamples, seed)
    means = by_record.to_numpy(np.float64) @ weights / weights.sum(axis=0)
    span = interval(means[1:], level)
    seeds = group.groupby("seed")["value"].mean()
    return {
        "value": float(means[0]),
        "low": span.low,
        "high": span.high,
        "records": len(by_record),
        "patients": len(np.unique(cluster)),
        "seeds": len(seeds),
        "seed_sd": float(seeds.std(ddof=1)) if len(seeds) > 1 else float("nan"),
    }
