"""What a recording of a heart at rest might also have: recorded noise, and another height.

The noise is that of a bank of recordings without a heart, such as those of the MIT-BIH Noise Stress Test Database
(`einthoven.datasets.nstdb`): each lead gets a stretch of its own from one of them, as high as chance has it, so the
leads no longer fit together to the last. The height is one for all leads of a signal; a diagnosis that hangs on
millivolts may change with it, so it is small.
"""

__all__ = ["Noise"]

import dataclasses
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int


class Disturbance(NamedTuple):
    """For each signal and lead where its noise begins and how high it is, and how high the signal becomes."""

    kind: Int[np.ndarray, "batch lead"]
    start: Int[np.ndarray, "batch lead"]
    level: Float[np.ndarray, "batch lead"]
    gain: Float[np.ndarray, "batch 1"]


@dataclasses.dataclass(frozen=True, eq=False)
class Noise:
    """The change.

    Attributes:
        bank: Recordings of noise of deviation 1, at the rate of the signals.
        level: The least and the most deviation of the noise, in deviations of its lead.
        gain: The most by which a signal becomes higher or lower, as a share.

    Raises:
        ValueError: If the bank is empty, levels are not a pair from small to large, or the gain is not in [0, 1).
    """

    bank: Float[np.ndarray, "kind time"]
    level: tuple[float, float] = (0.0, 0.4)
    gain: float = 0.1

    def __post_init__(self) -> None:
        if not self.bank.size:
            raise ValueError("there is no noise to add; give recordings of some")
        if not 0 <= self.level[0] <= self.level[1]:
            raise ValueError(f"levels of noise go from 0 or more up, not {self.level}")
        if not 0 <= self.gain < 1:
            raise ValueError(f"a signal becomes higher or lower by a share from 0 to below 1, not {self.gain:g}")

    def draw(self, x: Float[np.ndarray, "batch lead time"], rate_hz: float, rng: np.random.Generator) -> Disturbance:
        """Which noise each lead gets.

        Raises:
            ValueError: If the signals are longer than the noise.
        """
        size, room = x.shape[:2], self.bank.shape[1] - x.shape[-1] + 1
        if room < 1:
            raise ValueError(f"the noise has {self.bank.shape[1]} samples, fewer than the {x.shape[-1]} of a signal")
        kind = np.repeat(rng.integers(len(self.bank), size=(size[0], 1)), size[1], axis=1)
        level = rng.uniform(*self.level, size=(size[0], 1)) * rng.uniform(size=size)
        gain = 1 + rng.uniform(-self.gain, self.gain, size=(size[0], 1))
        return Disturbance(kind, rng.integers(room, size=size), level, gain)

    def apply(
        self, x: Float[np.ndarray, "batch lead time"], y: Float[np.ndarray, "batch class"], drawn: Disturbance
    ) -> tuple[Float[np.ndarray, "batch lead time"], Float[np.ndarray, "batch class"]]:
        """The signals with the noise, and the same labels."""
        stretches = np.lib.stride_tricks.sliding_window_view(self.bank, x.shape[-1], axis=1)[drawn.kind, drawn.start]
        spread = x.std(axis=-1, keepdims=True)
        changed = drawn.gain[..., None] * (x + drawn.level[..., None] * spread * stretches)
        return changed.astype(np.float32), y
