"""Sensitivity (recall): the share of the positives that is found."""

__all__ = ["sensitivity"]

import numpy as np
from jaxtyping import Bool, Float, Shaped

from einthoven.metrics import metric
from einthoven.metrics._confusion import confusion
from einthoven.metrics._ratio import ratio


@metric(needs="decision", higher_is_better=True)
def sensitivity(
    truth: Bool[np.ndarray, " record"],
    decision: Shaped[np.ndarray, " record"],
    weights: Float[np.ndarray, "record resample"],
) -> Float[np.ndarray, " resample"]:
    """Hits / positives; NaN without positives."""

    counts = confusion(truth, decision, weights)
    return ratio(counts.hit, counts.hit + counts.missed)
