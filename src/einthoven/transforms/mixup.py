"""Two signals laid over each other, and their labels likewise.

Zhang et al. 2018, "mixup: beyond empirical risk minimization", https://arxiv.org/abs/1710.09412: a share λ of one
signal of a batch and 1 − λ of another, λ from a beta distribution, and λ of the one's labels with 1 − λ of the
other's. What is unknown of either is unknown of both.
"""

__all__ = ["Mixup"]

import dataclasses
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int


class Pairing(NamedTuple):
    """With which other signal each is mixed, and the share that stays of itself."""

    partner: Int[np.ndarray, " batch"]
    share: Float[np.ndarray, " batch"]


@dataclasses.dataclass(frozen=True)
class Mixup:
    """The change.

    Attributes:
        alpha: Both parameters of the beta distribution; small ones leave most signals nearly as they are.

    Raises:
        ValueError: If it is not above 0.
    """

    alpha: float = 0.2

    def __post_init__(self) -> None:
        if not self.alpha > 0:
            raise ValueError(f"the parameter of the beta distribution is above 0, not {self.alpha:g}")

    def draw(self, x: Float[np.ndarray, "batch lead time"], rate_hz: float, rng: np.random.Generator) -> Pairing:
        """Who is mixed with whom, and how much of each stays."""
        return Pairing(rng.permutation(len(x)), rng.beta(self.alpha, self.alpha, size=len(x)).astype(np.float32))

    def apply(
        self, x: Float[np.ndarray, "batch lead time"], y: Float[np.ndarray, "batch class"], drawn: Pairing
    ) -> tuple[Float[np.ndarray, "batch lead time"], Float[np.ndarray, "batch class"]]:
        """The mixed signals and their labels."""
        stays, other = drawn.share[:, None], drawn.partner
        mixed = stays[:, :, None] * x + (1 - stays[:, :, None]) * x[other]
        return mixed, stays * y + (1 - stays) * y[other]
