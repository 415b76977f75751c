"""Several tests at once: each p is made larger so that the chance of any false alarm stays what one test's was."""

__all__ = ["holm"]

import numpy as np
from jaxtyping import Float


def holm(p: Float[np.ndarray, " test"]) -> Float[np.ndarray, " test"]:
    """Holm's corrected p (Holm 1979): the k-th smallest of n times n − k + 1, never below a smaller one, at most 1.

    Arguments:
        p: One a test; NaN for a test that was not made, which is not counted.
    """

    made = np.flatnonzero(~np.isnan(p))
    order = made[np.argsort(p[made], kind="stable")]
    corrected = np.full(len(p), np.nan)
    corrected[order] = np.minimum(np.maximum.accumulate(p[order] * np.arange(len(order), 0, -1)), 1.0)
    return corrected
