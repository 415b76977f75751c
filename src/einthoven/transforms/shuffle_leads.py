"""The leads of each signal in an order of its own."""

__all__ = ["ShuffleLeads"]

import dataclasses

import numpy as np
from jaxtyping import Float, Int


@dataclasses.dataclass(frozen=True)
class ShuffleLeads:
    """The change."""

    def draw(self, batch: int, leads: int, rng: np.random.Generator) -> Int[np.ndarray, "batch lead"]:
        """Which lead comes to stand in each place, all orders being equally likely."""
        return rng.permuted(np.tile(np.arange(leads), (batch, 1)), axis=1)

    def apply(
        self, x: Float[np.ndarray, "batch lead time"], order: Int[np.ndarray, "batch lead"]
    ) -> Float[np.ndarray, "batch lead time"]:
        """The signals in that order."""
        return np.take_along_axis(x, order[:, :, None], axis=1)

    def invert(self, order: Int[np.ndarray, "batch lead"]) -> Int[np.ndarray, "batch lead"]:
        """The order that undoes another: in which place each lead stands."""
        return np.argsort(order, axis=1)
