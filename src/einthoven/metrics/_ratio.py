"""Division that says NaN where there is nothing to divide by."""

__all__ = ["ratio"]

import numpy as np
from jaxtyping import Float


def ratio(part: Float[np.ndarray, "*shape"], whole: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
    """`part / whole`, and NaN where `whole` is not positive."""

    result = np.full(np.shape(whole), np.nan)
    np.divide(part, whole, out=result, where=whole > 0)
    return result
