"""What the metrics of decisions share: the four counts of the confusion matrix."""

__all__ = ["confusion"]

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Shaped


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
    """The weight of the true positives, false positives, false negatives and true negatives."""

    said = decision.astype(bool)
    outcomes = np.stack([truth & said, ~truth & said, truth & ~said, ~truth & ~said])
    return Confusion(*(outcomes.astype(weights.dtype) @ weights).astype(np.float64))
