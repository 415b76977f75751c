"""Spans of time that are hidden in all leads at once, so that one lead cannot be copied from the others.

The share that is hidden and the length of its blocks are drawn for each signal. Time is cut into blocks of that length,
from an offset of chance, and some of them are hidden; so the share is kept about, blocks that touch make a longer span,
and those at the ends are shorter. The largest share grows while a training proceeds, from the smallest one: first small
gaps, then large ones.
"""

__all__ = ["Hide"]

import dataclasses

import numpy as np
from jaxtyping import Bool, Float


@dataclasses.dataclass(frozen=True)
class Hide:
    """The change.

    Attributes:
        ratio: The smallest and the largest share of a signal that is hidden, about.
        span_s: The shortest and the longest block; lengths are drawn on a logarithmic scale.
        rise: The share of a training after which the largest ratio is reached.

    Raises:
        ValueError: If a pair is not one from small to large, a ratio does not lie between 0 and 1, or the rise does not
            lie in [0, 1].
    """

    ratio: tuple[float, float] = (0.2, 0.6)
    span_s: tuple[float, float] = (0.1, 0.8)
    rise: float = 0.5

    def __post_init__(self) -> None:
        if not 0 < self.ratio[0] <= self.ratio[1] < 1:
            raise ValueError(f"the share that is hidden lies between 0 and 1, from small to large, not {self.ratio}")
        if not 0 < self.span_s[0] <= self.span_s[1]:
            raise ValueError(f"spans are longer than 0 s, from short to long, not {self.span_s}")
        if not 0 <= self.rise <= 1:
            raise ValueError(f"the rise is a share of the training, from 0 to 1, not {self.rise}")

    def largest(self, progress: float) -> float:
        """The largest share that is hidden after so much of a training, from 0 to 1."""
        low, high = self.ratio
        return low + (high - low) * (min(1.0, progress / self.rise) if self.rise else 1.0)

    def draw(
        self, batch: int, length: int, rate_hz: float, rng: np.random.Generator, progress: float = 1.0
    ) -> Bool[np.ndarray, "batch time"]:
        """What is hidden of each signal: at least one span, and never everything.

        Arguments:
            batch: How many signals.
            length: Their samples.
            rate_hz: Samples per second.
            rng: The source of chance.
            progress: The share of the training that is over.
        """
        ratio = rng.uniform(self.ratio[0], self.largest(progress), size=batch)
        low, high = np.log(self.span_s)
        span = np.exp(rng.uniform(float(low), float(high), size=batch)) * rate_hz
        hidden = np.zeros((batch, length), dtype=bool)
        for row, share, samples in zip(hidden, ratio, span, strict=True):
            size = int(np.clip(round(samples), 1, max(1, length // 2)))
            place = (np.arange(length) + rng.integers(size)) // size  # blocks of that size, the first one cut at random
            blocks = place[-1] + 1
            count = int(np.clip(round(share * length / size), 1, blocks - 1))
            row[:] = np.isin(place, rng.permutation(blocks)[:count])
        return hidden

    def apply(
        self, x: Float[np.ndarray, "batch lead time"], hidden: Bool[np.ndarray, "batch time"]
    ) -> Float[np.ndarray, "batch lead time"]:
        """The signals with NaN where they are hidden."""
        return np.where(hidden[:, None], np.float32(np.nan), x)
