"""F1: the harmonic mean of precision and sensitivity (van Rijsbergen 1979).

It depends on how common the class is, and on the threshold.
"""

__all__ = ["f1"]

import numpy as np
from jaxtyping import Bool, Float, Shaped

from einthoven.metrics import metric
from einthoven.metrics._confusion import confusion
from einthoven.metrics._ratio import ratio


@metric(needs="decision", higher_is_better=True)
def f1(
    truth: Bool[np.ndarray, " record"],
    decision: Shaped[np.ndarray, " record"],
    weights: Float[np.ndarray, "record resample"],
) -> Float[np.ndarray, " resample"]:
    """2 hits / (2 hits + false alarms + missed); NaN without positives, where it could only be 0."""

    counts = confusion(truth, decision, weights)
    errors = counts.false_alarm + counts.missed
    return ratio(2 * counts.hit, np.where(counts.hit + counts.missed > 0, 2 * counts.hit + errors, 0.0))
