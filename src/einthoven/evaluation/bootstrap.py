"""The bootstrap over patients.

Two ECGs of one patient are not two pieces of evidence, so patients are drawn, with replacement, and bring all
their records along (the cluster bootstrap; Davison and Hinkley 1997, section 3.8). A resample is kept as the
number of times that each record was drawn, and every model, class and seed is measured on the same resamples, so
that differences between them are paired. What such an interval says is how the result would vary with other
patients; how it varies with another training is the spread over seeds, which tables state beside it.
"""

__all__ = ["Interval", "clusters", "interval", "resampled"]

from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float, Int


class Interval(NamedTuple):
    """A percentile interval, and the number of resamples in which there was a value."""

    low: float
    high: float
    usable: int

    def doubt(self, value: float) -> str:
        """What is odd about it where it does not hold the value of the sample itself, else nothing."""
        if not self.usable or self.low <= value <= self.high:
            return ""
        return "the resamples are biased: the value lies outside its percentile interval"


def clusters(patients: pd.Series) -> Int[np.ndarray, " record"]:
    """The patients, numbered from 0 in the order of their names.

    Arguments:
        patients: The patient of each record, indexed by the record's name. A record whose patient nobody knows is
            a patient of its own.
    """

    own = "record " + patients.index.astype("string").to_series(index=patients.index)
    names = ("patient " + patients.astype("string")).fillna(own)
    return pd.factorize(names.to_numpy(dtype=object), sort=True)[0].astype(np.int64)


def resampled(cluster: Int[np.ndarray, " record"], resamples: int, seed: int) -> Float[np.ndarray, "record resample"]:
    """How often each record counts: once in the sample itself, the first column, and as drawn in the others.

    Arguments:
        cluster: The number of each record's patient.
        resamples: How many to draw; the result has one column more.
        seed: The same seed draws the same patients, whatever the order of the records.

    One patient alone says nothing of others: the draws are NaN then, and so is every interval.
    """

    patients = int(cluster.max(initial=-1)) + 1
    drawn = np.random.default_rng(seed).integers(patients, size=(resamples, patients)) if patients else np.zeros(0)
    counts = np.ones((patients, 1 + resamples), dtype=np.float32)
    for column, draw in enumerate(drawn, start=1):
        counts[:, column] = np.bincount(draw, minlength=patients)
    if patients == 1:
        counts[:, 1:] = np.nan
    weights: np.ndarray = counts[cluster]
    return weights


def interval(replicates: Float[np.ndarray, " resample"], level: float = 0.95) -> Interval:
    """The central part of the replicates that are defined; NaN to NaN where none is."""

    defined = replicates[~np.isnan(replicates)]
    if not defined.size:
        return Interval(float("nan"), float("nan"), 0)
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high), int(defined.size))
