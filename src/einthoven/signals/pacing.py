"""How a heart is paced: the time of the first beat, and the intervals from each beat to the next."""

__all__ = ["pacing"]

import math

import numpy as np
from jaxtyping import Float

from einthoven.signals.beats import beats

_SHORTEST_S = 0.25  # as `beats` finds no two that are nearer
_RESTING_S = 0.8


def pacing(signal: Float[np.ndarray, "lead time"], rate_hz: float) -> Float[np.ndarray, " beat"]:
    """As many numbers for every recording of a length as a heart could fill at most, in seconds.

    Where the beats of a recording are fewer, its own intervals are told again from the first on; they lie behind its
    end. A recording with fewer than two beats has an even pulse of 75 a minute.

    Arguments:
        signal: One recording, any unit.
        rate_hz: Samples per second.
    """

    count = math.ceil(signal.shape[1] / rate_hz / _SHORTEST_S)
    times = beats(signal, rate_hz) / rate_hz
    intervals = np.diff(times) if len(times) > 1 else np.array([_RESTING_S])
    first = times[0] if len(times) else _RESTING_S / 2
    return np.concatenate([[first], np.resize(intervals, count)]).astype(np.float32)
