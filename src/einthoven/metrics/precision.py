"""Precision (positive predictive value): the share of the alarms that is right.

It depends on how common the class is.
"""

__all__ = ["precision"]

import numpy as np
from jaxtyping import Bool, Float, Shaped

from einthoven.metrics import metric
from einthoven.metrics._confusion import confusion
from einthoven.metrics._ratio import ratio


@metric(needs="decision", higher_is_better=True)
def precision(
    truth: Bool[np.ndarray, " record"],
    decision: Shaped[np.ndarray, " record"],
    weights: Float[np.ndarray, "record resample"],
) -> Float[np.ndarray, " resample"]:
    """Hits / alarms; NaN without alarms, and without positives, where no alarm could be right."""

    counts = confusion(truth, decision, weights)
    alarms = counts.hit + counts.false_alarm
    return ratio(counts.hit, np.where(counts.hit + counts.missed > 0, alarms, 0.0))
