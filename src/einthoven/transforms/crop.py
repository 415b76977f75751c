"""Random windows of a fixed length in training, and evenly spaced ones in testing."""

__all__ = ["Crop"]

import dataclasses

import numpy as np
from jaxtyping import Float, Int


@dataclasses.dataclass(frozen=True)
class Crop:
    """A window of `samples` samples.

    Attributes:
        samples: Its length.
    """

    samples: int

    def draw(self, batch: int, length: int, rng: np.random.Generator) -> Int[np.ndarray, " batch"]:
        """Where each window begins, for signals of `length` samples.

        Raises:
            ValueError: If the signals are shorter than the window.
        """
        self._check(length)
        return rng.integers(0, length - self.samples + 1, size=batch)

    def apply(
        self, x: Float[np.ndarray, "batch lead time"], starts: Int[np.ndarray, " batch"]
    ) -> Float[np.ndarray, "batch lead samples"]:
        """The windows that begin there."""
        at = starts[:, None] + np.arange(self.samples)
        return np.take_along_axis(x, at[:, None, :], axis=2)

    def cover(self, length: int) -> Int[np.ndarray, " window"]:
        """Where windows begin that cover a signal of `length` samples, each overlapping the next by half or more.

        Raises:
            ValueError: If the signal is shorter than the window.
        """
        self._check(length)
        rest = length - self.samples
        count = -(-rest // max(1, self.samples // 2)) + 1
        return np.linspace(0, rest, count).round().astype(np.int64)

    def _check(self, length: int) -> None:
        if length < self.samples:
            raise ValueError(f"a window of {self.samples} samples does not fit into a signal of {length}")
