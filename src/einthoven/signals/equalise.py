"""All leads of a recording with one spectrum, so that none is known by its own amplitude or bandwidth.

Each lead passes a filter that changes no phase and brings its smoothed power spectrum to the mean over the leads of the
recording. A gain of a lead, a low-pass or a mains filter in one of them is then gone, and so is what a lead's usual
amplitude or bandwidth would say of where its electrode sat. What is left are the phases: where a wave points, when it
comes and how it is formed; and how the leads go together, their correlations, without which they were no ECG. Where a
lead is a constant to begin or to end with, as between padding, the recording says nothing in any lead.
"""

__all__ = ["equalise"]

import numpy as np
from jaxtyping import Float
from scipy.fft import irfft, next_fast_len, rfft
from scipy.ndimage import uniform_filter1d

from einthoven.signals.recorded import recorded

_FLOOR = 1e-5  # of a lead's largest power: below it there is nothing to bring up


def equalise(
    x: Float[np.ndarray, "batch lead time"], rate_hz: float, *, width_hz: float = 2.0
) -> Float[np.ndarray, "batch lead time"]:
    """The signals, of which all leads have the same smoothed spectrum, mean 0 and a mean square of 1.

    Arguments:
        x: Signals in any unit; NaN is what is not known. A lead counts as missing that is constant, or so for more than
            half of the time at its ends.
        rate_hz: Samples per second.
        width_hz: The width over which power is smoothed.

    Returns:
        float32, NaN in missing leads, and in all leads wherever one that is not missing is padded or not known.
    """

    length = x.shape[-1]
    known = recorded(x)
    missing = known.mean(axis=2) < 0.5
    usable = (known | missing[:, :, None]).all(axis=1, keepdims=True) & ~missing[:, :, None]
    count = np.maximum(usable.sum(axis=2, keepdims=True), 1)
    filled = np.where(usable, x, 0.0).astype(np.float32)
    filled = np.where(usable, filled - filled.sum(axis=2, keepdims=True) / count, 0.0)
    size = next_fast_len(length + round(rate_hz / width_hz), real=True)
    spectrum = rfft(filled, size, axis=2)
    width = max(1, round(width_hz * size / rate_hz))
    power = uniform_filter1d(np.square(np.abs(spectrum)), width, axis=2, mode="nearest")
    power = np.maximum(power, _FLOOR * power.max(axis=2, keepdims=True) + 1e-20)
    share = np.where(missing[:, :, None], 0.0, power / power.sum(axis=2, keepdims=True))
    common = share.sum(axis=1, keepdims=True) / np.maximum((~missing).sum(axis=1), 1)[:, None, None]
    out = irfft(spectrum * np.sqrt(common / power), size, axis=2)[..., :length]
    mean = np.where(usable, out, 0.0).sum(axis=2, keepdims=True) / count
    square = np.where(usable, np.square(out - mean), 0.0).sum(axis=2, keepdims=True) / count
    return np.where(usable, (out - mean) / np.sqrt(square + 1e-20), np.nan).astype(np.float32)
