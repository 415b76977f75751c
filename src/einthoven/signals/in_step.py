"""Two ECGs brought to one rhythm between theirs, so that they can be mixed sample by sample."""

__all__ = ["in_step"]

import numpy as np
from jaxtyping import Float

from einthoven.signals.beats import beats
from einthoven.signals.pacing import pacing
from einthoven.signals.repacing import repaced


def in_step(
    first: Float[np.ndarray, "lead time"], second: Float[np.ndarray, "lead time"], rate_hz: float, alpha: float
) -> tuple[Float[np.ndarray, "lead time"], Float[np.ndarray, "lead time"]]:
    """Both at the same rhythm: at `alpha` 0 that of the first, at 1 that of the second.

    Intervals are mixed one by one, so that the rhythm of a wild heart and a steady one is half as wild.

    Arguments:
        first, second: One recording each, any unit.
        rate_hz: Samples per second of both.
        alpha: From 0 to 1.

    Raises:
        ValueError: If one of them has fewer than two beats.
    """

    at = [beats(signal, rate_hz) for signal in (first, second)]
    if min(map(len, at)) < 2:
        raise ValueError("two rhythms are mixed from beat to beat; there are fewer than two beats")
    beating = _mix(pacing(first, rate_hz), pacing(second, rate_hz), alpha).cumsum() * rate_hz
    wanted = beating[beating < _mix(at[0][-1:], at[1][-1:], alpha) + 0.5]
    return repaced(first, rate_hz, at[0], wanted), repaced(second, rate_hz, at[1], wanted)


def _mix(first: np.ndarray, second: np.ndarray, alpha: float) -> np.ndarray:
    return (1 - alpha) * first + alpha * second
