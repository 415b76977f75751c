"""Area under the receiver operating characteristic.

The probability that a positive, drawn at random, has a higher score than a negative; a tie counts one half (Hanley
and McNeil 1982). It does not depend on how common the class is.
"""

__all__ = ["auroc"]

import numpy as np
from jaxtyping import Bool, Float, Real

from einthoven.metrics import metric
from einthoven.metrics._ranking import ranking
from einthoven.metrics._ratio import ratio


@metric(needs="score", higher_is_better=True, pairwise=True)
def auroc(
    truth: Bool[np.ndarray, " record"],
    score: Real[np.ndarray, " record"],
    weights: Float[np.ndarray, "record resample"],
) -> Float[np.ndarray, " resample"]:
    """1 − Σ positives · negatives ahead of them / (all positives · all negatives); NaN without either kind."""

    positives, ahead, negatives = ranking(truth, score, weights, tied=0.5)
    return 1 - ratio(np.einsum("lr,lr->r", positives, ahead), positives.sum(axis=0) * negatives)
