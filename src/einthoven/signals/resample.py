"""Change the sampling rate of a signal.

Polyphase filtering with a Kaiser-windowed anti-aliasing filter (`scipy.signal.resample_poly`). The straight line
between the first and the last sample is taken off before and put back after, so that an offset does not ring at
the edges.
"""

__all__ = ["resample"]

from fractions import Fraction

import numpy as np
from jaxtyping import Float
from scipy.signal import resample_poly


def resample(
    signal: Float[np.ndarray, "*batch time"], rate_hz: float, new_rate_hz: float
) -> Float[np.ndarray, "*batch newtime"]:
    """The signal at `new_rate_hz`.

    Arguments:
        signal: Samples, any unit, time last.
        rate_hz: The present rate.
        new_rate_hz: The wanted rate; the ratio of the two is taken to within 1 in 10 000.

    Returns:
        `ceil(time * new_rate_hz / rate_hz)` samples of the same type.

    Raises:
        ValueError: If a rate is not positive.
    """

    if not (rate_hz > 0 and new_rate_hz > 0):
        raise ValueError(f"sampling rates are positive, not {rate_hz} and {new_rate_hz}")
    ratio = Fraction(new_rate_hz / rate_hz).limit_denominator(10_000)
    if ratio == 1:
        return signal
    first, last = signal[..., :1], signal[..., -1:]
    slope = (last - first) / max(signal.shape[-1] - 1, 1)
    out = resample_poly(signal - (first + slope * np.arange(signal.shape[-1])), *ratio.as_integer_ratio(), axis=-1)
    out += first + slope * (np.arange(out.shape[-1]) / float(ratio))
    return out.astype(signal.dtype, copy=False)
