"""Balanced accuracy: the mean of sensitivity and specificity (Brodersen et al. 2010, ICPR, p. 3121).

To guess, or to say the same of everybody, gives one half, however rare the class.
"""

__all__ = ["balanced_accuracy"]

import numpy as np
from jaxtyping import Bool, Float, Shaped

from einthoven.metrics import metric
from einthoven.metrics._confusion import confusion
from einthoven.metrics._ratio import ratio


@metric(needs="decision", higher_is_better=True)
def balanced_accuracy(
    truth: Bool[np.ndarray, " record"],
    decision: Shaped[np.ndarray, " record"],
    weights: Float[np.ndarray, "record resample"],
) -> Float[np.ndarray, " resample"]:
    """(Hits / positives + rejected / negatives) / 2; NaN without positives or without negatives."""

    counts = confusion(truth, decision, weights)
    found = ratio(counts.hit, counts.hit + counts.missed)
    return (found + ratio(counts.rejected, counts.rejected + counts.false_alarm)) / 2
