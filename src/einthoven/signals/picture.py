"""Pictures as they are, for networks that look at images: rows and columns of ink.

Ink is rare on paper, so it is brought to a mean near 0 and a spread near 1 by fixed numbers, the same for every page.
"""

__all__ = ["picture"]

from jaxtyping import Float
from torch import Tensor

_MEAN, _SPREAD = 0.07, 0.2


def picture(pages: Float[Tensor, "batch row column"], rate_hz: float) -> Float[Tensor, "batch 1 row column"]:
    """An image of one channel.

    Arguments:
        pages: The ink of each pixel, from 0 to 1.
        rate_hz: Columns of pixels per second, which nothing hangs on.
    """
    return ((pages - _MEAN) / _SPREAD)[:, None]
