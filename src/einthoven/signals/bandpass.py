"""Band-pass filter without a shift in time.

A Butterworth filter run forwards and backwards (`scipy.signal.sosfiltfilt`), which squares its magnitude response and
cancels its phase.
"""

__all__ = ["bandpass"]

import numpy as np
from jaxtyping import Float
from scipy.signal import butter, sosfiltfilt


def bandpass(
    signal: Float[np.ndarray, "*batch time"], rate_hz: float, low_hz: float, high_hz: float, order: int = 4
) -> Float[np.ndarray, "*batch time"]:
    """The part of the signal between `low_hz` and `high_hz`.

    Arguments:
        signal: Samples, any unit, time last.
        rate_hz: Samples per second.
        low_hz: The lower corner frequency, where the double pass has −6 dB.
        high_hz: The upper one.
        order: Of the Butterworth prototype; each pass has twice that many poles.

    Raises:
        ValueError: If the band is empty or reaches half the sampling rate, or the signal is shorter than the
            filter's settling.
    """

    if not 0 < low_hz < high_hz < rate_hz / 2:
        raise ValueError(f"the band {low_hz:g}–{high_hz:g} Hz does not lie between 0 and {rate_hz / 2:g} Hz")
    sections = butter(order, (low_hz, high_hz), btype="bandpass", fs=rate_hz, output="sos")
    return sosfiltfilt(sections, signal, axis=-1).astype(signal.dtype, copy=False)
