"""Accuracy: the share of the records that is decided rightly.

Where a class is rare it says little: to say no to everybody is right nearly always.
"""

__all__ = ["accuracy"]

import numpy as np
from jaxtyping import Bool, Float, Shaped

from einthoven.metrics import metric
from einthoven.metrics._confusion import confusion
from einthoven.metrics._ratio import ratio


@metric(needs="decision", higher_is_better=True)
def accuracy(
    truth: Bool[np.ndarray, " record"],
    decision: Shaped[np.ndarray, " record"],
    weights: Float[np.ndarray, "record resample"],
) -> Float[np.ndarray, " resample"]:
    """(Hits + rejected) / records."""

    counts = confusion(truth, decision, weights)
    return ratio(counts.hit + counts.rejected, weights.sum(axis=0, dtype=np.float64))
