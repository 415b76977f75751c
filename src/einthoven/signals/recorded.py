"""Which samples of a recording were recorded, as far as they show it themselves."""

__all__ = ["recorded"]

import numpy as np
from jaxtyping import Bool, Float


def recorded(x: Float[np.ndarray, "batch lead time"]) -> Bool[np.ndarray, "batch lead time"]:
    """Which samples are numbers and lie between the first and the last change of their lead.

    So padding at the ends is none, nor is a lead that never changes; a flat line in between is.
    """

    numbers, last = np.isfinite(x), x.shape[-1] - 2
    moves = numbers[..., 1:] & numbers[..., :-1] & (np.diff(x, axis=2) != 0)
    first_move, last_move = moves.argmax(axis=2), last - moves[..., ::-1].argmax(axis=2)
    begins = np.where(first_move > 0, first_move + 1, 0)[:, :, None]
    ends = np.where(last_move < last, last_move, last + 1)[:, :, None]
    time = np.arange(x.shape[-1])
    return numbers & (time >= begins) & (time <= ends) & moves.any(axis=2)[:, :, None]
