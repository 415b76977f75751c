"""A span of one signal in the place of the same span of another, and labels by the share of the time.

After Yun et al. 2019, "CutMix", https://arxiv.org/abs/1905.04899, whose rectangles of an image are spans of time here:
all leads change at once, so that no beat is of two hearts but at the two cuts.
"""

__all__ = ["Cutmix"]

import dataclasses
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int


class Cut(NamedTuple):
    """From which other signal a span is taken, where it begins, and where the signal itself goes on."""

    partner: Int[np.ndarray, " batch"]
    start: Int[np.ndarray, " batch"]
    stop: Int[np.ndarray, " batch"]


@dataclasses.dataclass(frozen=True)
class Cutmix:
    """The change.

    Attributes:
        alpha: Both parameters of the beta distribution of the share that stays; 1 for every share alike.

    Raises:
        ValueError: If it is not above 0.
    """

    alpha: float = 1.0

    def __post_init__(self) -> None:
        if not self.alpha > 0:
            raise ValueError(f"the parameter of the beta distribution is above 0, not {self.alpha:g}")

    def draw(self, x: Float[np.ndarray, "batch lead time"], rate_hz: float, rng: np.random.Generator) -> Cut:
        """Who gives which span to whom."""
        count, length = len(x), x.shape[-1]
        span = np.round((1 - rng.beta(self.alpha, self.alpha, size=count)) * length).astype(np.int64)
        start = rng.integers(0, length - span + 1)
        return Cut(rng.permutation(count), start, start + span)

    def apply(
        self, x: Float[np.ndarray, "batch lead time"], y: Float[np.ndarray, "batch class"], drawn: Cut
    ) -> tuple[Float[np.ndarray, "batch lead time"], Float[np.ndarray, "batch class"]]:
        """The mixed signals and their labels; what is unknown of either is unknown of both."""
        time = np.arange(x.shape[-1])
        taken = (time >= drawn.start[:, None]) & (time < drawn.stop[:, None])
        gives = ((drawn.stop - drawn.start) / x.shape[-1]).astype(np.float32)[:, None]
        return np.where(taken[:, None], x[drawn.partner], x), (1 - gives) * y + gives * y[drawn.partner]
