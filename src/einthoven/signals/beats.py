"""Where the heart beats.

The QRS complex is what changes fastest in many leads at once: the slopes of all leads are squared, added and smoothed,
and the peaks that stand out from that, at least a refractory time apart, are beats (after Pan and Tompkins 1985, with
several leads).
"""

__all__ = ["beats"]

import numpy as np
from jaxtyping import Float, Int
from scipy.ndimage import uniform_filter1d
from scipy.signal import find_peaks

_REFRACTORY_S = 0.24
_SMOOTH_S = 0.10
_SHARE = 0.30  # of the typical peak, below which there is no beat


def beats(signal: Float[np.ndarray, "lead time"], rate_hz: float) -> Int[np.ndarray, " beat"]:
    """The sample of each beat's steepest part.

    Arguments:
        signal: One recording, any unit; leads are weighed by their own spread.
        rate_hz: Samples per second.

    Returns:
        Positions in ascending order; empty for a signal without slopes.
    """

    spread = signal.std(axis=1, keepdims=True)
    scaled = np.divide(signal, spread, out=np.zeros_like(signal), where=spread > 1e-6)
    slope = np.gradient(scaled, axis=1)
    energy = uniform_filter1d((slope**2).sum(axis=0), max(1, round(_SMOOTH_S * rate_hz)))
    if not energy.any():
        return np.empty(0, dtype=np.int64)
    width = max(1, round(_REFRACTORY_S * rate_hz))
    second = max(1, round(rate_hz))
    windows = energy[: len(energy) // second * second].reshape(-1, second) if len(energy) >= second else energy[None]
    typical = np.median(windows.max(axis=1))
    peaks, _ = find_peaks(energy, height=_SHARE * typical, distance=width)
    return peaks
