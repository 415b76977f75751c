"""Bring a signal to a length: cut alike at both ends, or put into the middle between zeros."""

__all__ = ["centre"]

import numpy as np
from jaxtyping import Float


def centre(signal: Float[np.ndarray, "*batch time"], samples: int) -> Float[np.ndarray, "*batch samples"]:
    """The middle `samples` of the signal, or all of it between zeros (as Ribeiro et al. 2020 pad).

    Arguments:
        signal: Any unit, time last.
        samples: The length of the result.
    """

    length = signal.shape[-1]
    inside, at = max(0, (length - samples) // 2), max(0, (samples - length) // 2)
    out = np.zeros((*signal.shape[:-1], samples), dtype=signal.dtype)
    part = signal[..., inside : inside + samples]
    out[..., at : at + part.shape[-1]] = part
    return out
