"""Brier score: the mean squared error of a probability (Brier 1950).

It falls with better calibration and with better discrimination, and for a rare class it is small whatever one
says.
"""

__all__ = ["brier"]

import numpy as np
from jaxtyping import Bool, Float, Real

from einthoven.metrics import metric
from einthoven.metrics._ratio import ratio


@metric(needs="probability", higher_is_better=False)
def brier(
    truth: Bool[np.ndarray, " record"],
    probability: Real[np.ndarray, " record"],
    weights: Float[np.ndarray, "record resample"],
) -> Float[np.ndarray, " resample"]:
    """Σ (probability − truth)² / records; NaN without records."""

    squares = (probability.astype(np.float64) - truth) ** 2
    return ratio(np.einsum("n,nr->r", squares, weights), weights.sum(axis=0, dtype=np.float64))
