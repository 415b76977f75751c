"""Sensitivity where the specificity is at least 99 %: what is found while at most one in a hundred is a false alarm.

Of a classifier that is what it is worth where alarms are costly; of an attack on privacy how many people it names
nearly for sure, which an area under the curve hides (Carlini et al. 2022, https://arxiv.org/abs/2112.03570).
"""

__all__ = ["sensitivity_at_99"]

import numpy as np
from jaxtyping import Bool, Float, Real

from einthoven.metrics import metric
from einthoven.metrics._ranking import ranking
from einthoven.metrics._ratio import ratio

_FALSE = 0.01


@metric(needs="score", higher_is_better=True)
def sensitivity_at_99(
    truth: Bool[np.ndarray, " record"],
    score: Real[np.ndarray, " record"],
    weights: Float[np.ndarray, "record resample"],
) -> Float[np.ndarray, " resample"]:
    """The most that a threshold finds with a false positive rate of 1 % or less; NaN without positives or negatives."""

    positives, ahead, negatives = ranking(truth, score, weights, tied=1.0)
    allowed = ahead <= _FALSE * negatives * (1 + 1e-12)
    found = np.where(allowed, np.cumsum(positives, axis=0), 0.0).max(axis=0, initial=0.0)
    return ratio(found, np.where(negatives > 0, positives.sum(axis=0), 0.0))
