"""Whether two AUROCs on the same records differ, without resampling.

An AUROC is the mean of its records' placements: for a positive the share of negatives that it outranks, for a negative
the share of positives that outrank it. So its variance, and that of any difference, is that of two means (DeLong,
DeLong and Clarke-Pearson 1988). Records of one patient are summed first, since they are no independent evidence
(Obuchowski 1997); with one record a patient the two are the same. Placements are linear too: the mean over several
trainings has the mean of their placements.
"""

__all__ = ["DeLong", "delong"]

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int, Real
from scipy.stats import norm, rankdata


class DeLong(NamedTuple):
    """The test's result.

    Attributes:
        difference: The first AUROC less the second.
        se: Its standard error; NaN with fewer than two patients with positives, or with negatives.
        p: Two-sided, of the normal distribution; 1 where the two rank alike.
    """

    difference: float
    se: float
    p: float

    @classmethod
    def of(cls, difference: float, se: float) -> "DeLong":
        """The result for a difference and its standard error."""
        return cls(difference, se, float(2 * norm.sf(abs(difference) / se)) if se else float(difference == 0))


def delong(
    truth: Bool[np.ndarray, " record"],
    first: Real[np.ndarray, "seed record"],
    second: Real[np.ndarray, "other record"],
    cluster: Int[np.ndarray, " record"],
) -> DeLong:
    """Compares two scores, each the mean over its rows' AUROCs.

    Arguments:
        truth: Whether each record is positive.
        first, second: One row a training.
        cluster: The number of each record's patient.
    """

    gap = _placements(truth, first) - _placements(truth, second)
    count = truth.sum(), (~truth).sum()
    if not all(count):
        return DeLong(float("nan"), float("nan"), float("nan"))
    difference = float(gap[truth].mean())
    sums = [_by_patient(gap - difference, part, cluster) for part in (truth, ~truth)]
    there = [_by_patient(np.ones(len(truth)), part, cluster) > 0 for part in (truth, ~truth)]
    sizes = [int(kind.sum()) for kind in (*there, there[0] | there[1])]
    if min(sizes[:2]) < 2:
        return DeLong(difference, float("nan"), float("nan"))
    parts = [n / (n - 1) * (s**2).sum() / m**2 for n, s, m in zip(sizes[:2], sums, count, strict=True)]
    both = sizes[2] / (sizes[2] - 1) * (sums[0] * sums[1]).sum() / (count[0] * count[1])
    se = float(np.sqrt(max(sum(parts) + 2 * both, 0.0)))
    return DeLong.of(difference, se)


def _placements(truth: Bool[np.ndarray, " record"], scores: Real[np.ndarray, "seed record"]) -> Float[np.ndarray, " r"]:
    """The share of the other kind on the right side of each record, ties counting one half; the mean over rows."""

    out = np.zeros(len(truth))
    for score in scores:
        everywhere = rankdata(score)
        for kind, sign in ((truth, 1), (~truth, -1)):
            others = max(int((~kind).sum()), 1)
            below = (everywhere[kind] - rankdata(score[kind])) / others
            out[kind] += below if sign > 0 else 1 - below
    return out / len(scores)


def _by_patient(
    values: Float[np.ndarray, " record"], kind: Bool[np.ndarray, " record"], cluster: Int[np.ndarray, " record"]
) -> Float[np.ndarray, " patient"]:
    return np.bincount(cluster, weights=values * kind, minlength=int(cluster.max(initial=-1)) + 1)
