"""What the ranking metrics share: how much stands ahead of the positives.

A ranking is known once every distinct score of a positive, from the best downwards, knows the weight of the
positives that have it and of the negatives ahead of it. Which record counts where depends on the scores alone. So
it is worked out once, as a sparse matrix of ones, and all resamples follow by one product with the weights and a
running sum. Ties are exact: a negative with the same score counts as ahead by the share `tied`.
"""

__all__ = ["ranking"]

import numpy as np
from jaxtyping import Bool, Float, Real
from scipy.sparse import csr_array


def ranking(
    truth: Bool[np.ndarray, " record"],
    score: Real[np.ndarray, " record"],
    weights: Float[np.ndarray, "record resample"],
    tied: float,
) -> tuple[Float[np.ndarray, "level resample"], Float[np.ndarray, "level resample"], Float[np.ndarray, " resample"]]:
    """The weights of a ranking, for the distinct scores of the positives from the highest to the lowest.

    Arguments:
        truth: Whether each record is positive.
        score: Grows with the belief that it is.
        weights: How often each record counts.
        tied: The share by which a negative of the same score counts as ahead.

    Returns:
        The weight of the positives with each score, that of the negatives ahead of it, and that of all negatives.
    """

    positive, negative = np.flatnonzero(truth), np.flatnonzero(~truth)
    levels = np.unique(score[positive])
    n = len(levels)
    # A negative stands ahead of the levels below its score: from row `n - passed` on, counted from the highest.
    passed = np.searchsorted(levels, score[negative], side="left")
    ties = np.searchsorted(levels, score[negative], side="right") > passed
    rows = [n - 1 - np.searchsorted(levels, score[positive]), 2 * n - passed, 2 * n - 1 - passed[ties]]
    columns = [positive, negative, negative[ties]]
    shares = [np.ones(len(positive)), np.where(ties, 1 - tied, 1.0), np.full(ties.sum(), tied)]
    entries = np.concatenate(shares).astype(weights.dtype), (np.concatenate(rows), np.concatenate(columns))
    sums = csr_array(entries, shape=(2 * n + 1, len(truth))) @ weights
    ahead = np.cumsum(sums[n:], axis=0, dtype=np.float64)
    return sums[:n].astype(np.float64), ahead[:n], ahead[n]
