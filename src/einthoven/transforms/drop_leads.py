"""Signals of which only some leads are known, as from a device with fewer electrodes."""

__all__ = ["DropLeads"]

import dataclasses

import numpy as np
from jaxtyping import Bool, Float


@dataclasses.dataclass(frozen=True)
class DropLeads:
    """The change.

    Attributes:
        share: Of signals that lose leads; how many they keep is drawn, and at least one.

    Raises:
        ValueError: If the share does not lie in [0, 1].
    """

    share: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise ValueError(f"the share of signals that lose leads lies in [0, 1], not at {self.share}")

    def draw(self, batch: int, leads: int, rng: np.random.Generator) -> Bool[np.ndarray, "batch lead"]:
        """Which leads are lost."""
        kept = np.where(rng.random(batch) < self.share, rng.integers(1, leads, size=batch, endpoint=True), leads)
        return rng.permuted(np.arange(leads) >= kept[:, None], axis=1)

    def apply(
        self, x: Float[np.ndarray, "batch lead time"], lost: Bool[np.ndarray, "batch lead"]
    ) -> Float[np.ndarray, "batch lead time"]:
        """The signals with NaN in the leads that are lost."""
        return np.where(lost[:, :, None], np.float32(np.nan), x)
