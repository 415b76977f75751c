"""Bridge missing samples with straight lines."""

__all__ = ["fill"]

import numpy as np
from jaxtyping import Float


def fill(signal: Float[np.ndarray, "lead time"]) -> Float[np.ndarray, "lead time"]:
    """The signal with each run of NaN replaced by the line between its neighbours, or by the nearest sample at an end.

    A lead without any sample becomes zero.
    """

    out = signal.copy()
    for row in out:
        gaps = np.isnan(row)
        if gaps.all():
            row[:] = 0.0
        elif gaps.any():
            row[gaps] = np.interp(np.flatnonzero(gaps), np.flatnonzero(~gaps), row[~gaps])
    return out
