"""Give each lead zero mean and unit variance; its amplitude is lost."""

__all__ = ["standardise"]

import numpy as np
from jaxtyping import Float


def standardise(signal: Float[np.ndarray, "*batch time"]) -> Float[np.ndarray, "*batch time"]:
    """The signal less its mean, divided by its standard deviation, over time; a constant signal becomes zero."""

    centred = signal - signal.mean(axis=-1, keepdims=True, dtype=np.float64)
    spread = centred.std(axis=-1, keepdims=True)
    return np.divide(centred, spread, out=np.zeros_like(centred), where=spread > 1e-9).astype(signal.dtype)
