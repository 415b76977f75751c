"""What the metrics of decisions share: the four counts of the confusion matrix."""

__all__ = ["Confusion", "confusion"]

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Shaped
from scipy.sparse import csr_array


class Confusion(NamedTuple):
    """Weights of the four outcomes, one value a resample."""

    hit: Float[np.ndarray, " resample"]
    false_alarm: Float[np.ndarray, " resample"]
    missed: Float[np.ndarray, " resample"]
    rejected: Float[np.ndarray, " resample"]


def confusion(
    truth: Bool[np.ndarray, " record"],
    decision: Shaped[np.ndarray, " record"],
    weights: Float[np.ndarray, "record resample"],
) -> Confusion:
    """The weight of the true positives, false positives, false negatives and true negatives.

    Each record is in one of the four, so the product is sparse. A dense one would be as short to write, but starts
    threads, for which a busy machine makes it wait fifty times longer than it counts.
    """

    outcome = np.where(decision.astype(bool), 0, 2) + np.where(truth, 0, 1)
    ones = np.ones(len(truth), dtype=weights.dtype)
    counts = csr_array((ones, (outcome, np.arange(len(truth)))), shape=(4, len(truth))) @ weights
    hit, false_alarm, missed, rejected = counts.astype(np.float64)
    return Confusion(hit, false_alarm, missed, rejected)
