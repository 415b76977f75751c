"""Specificity: the share of the negatives that is left alone."""

__all__ = ["specificity"]

import numpy as np
from jaxtyping import Bool, Float, Shaped

from einthoven.metrics import metric
from einthoven.metrics._confusion import confusion
from einthoven.metrics._ratio import ratio


@metric(needs="decision", higher_is_better=True)
def specificity(
    truth: Bool[np.ndarray, " record"],
    decision: Shaped[np.ndarray, " record"],
    weights: Float[np.ndarray, "record resample"],
) -> Float[np.ndarray, " resample"]:
    """Rejected / negatives; NaN without negatives."""

    counts = confusion(truth, decision, weights)
    return ratio(counts.rejected, counts.rejected + counts.false_alarm)
