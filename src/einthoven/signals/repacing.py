"""An ECG whose heart beats at other times: what lies around each beat is moved, what lies between is stretched."""

__all__ = ["repaced"]

import numpy as np
from jaxtyping import Float, Real

_BEFORE_S, _AFTER_S = 0.28, 0.36  # of a beat, which stay as they are: P wave and QRS complex, and most of the T wave
_KEPT = 0.8  # of an interval at most


def repaced(
    signal: Float[np.ndarray, "lead time"],
    rate_hz: float,
    beats: Real[np.ndarray, " beat"],
    wanted: Real[np.ndarray, " want"],
) -> Float[np.ndarray, "lead time"]:
    """The same heart at another rhythm.

    Two ECGs can be mixed sample by sample only where their hearts beat at the same times. P wave, QRS complex and the
    beginning of the T wave keep their length, the rest of an interval is stretched or squeezed; where intervals are too
    short for that all of a beat is squeezed. Where more beats are wanted than there are, their intervals are used
    again from the first on. At its own rhythm a signal is left as it is.

    Arguments:
        signal: One recording, any unit.
        rate_hz: Samples per second.
        beats: Where its heart beats, in samples, ascending; two at least.
        wanted: Where it is to beat, in samples, ascending; one at least.

    Raises:
        ValueError: If there are too few beats.
    """

    if len(beats) < 2 or not len(wanted):
        raise ValueError(
            f"a rhythm is changed from two beats or more to one or more, not {len(beats)} to {len(wanted)}"
        )
    length = signal.shape[1]
    from_s, to_s = np.asarray(beats, np.float64), np.asarray(wanted, np.float64)
    time = np.arange(length, dtype=np.float64)
    # Before the first beat and after the last one nothing is stretched.
    first = from_s[0] if from_s[0] >= to_s[0] else from_s[1]
    last = from_s[-1] if from_s[-1] <= to_s[-1] else from_s[-2]
    found = np.where(time < to_s[0], time - to_s[0] + first, time - to_s[-1] + last)
    for k, (start, end) in enumerate(zip(to_s[:-1], to_s[1:], strict=True)):
        j = k % (len(from_s) - 1)
        inside = (time >= start) & (time < end)
        found[inside] = _within(time[inside] - start, end - start, from_s[j + 1] - from_s[j], rate_hz) + from_s[j]
    found = np.clip(found, 0, length - 1)
    left = found.astype(np.int64)
    right, share = np.minimum(left + 1, length - 1), found - left
    mixed: Float[np.ndarray, "lead time"] = (signal[:, left] * (1 - share) + signal[:, right] * share).astype(
        signal.dtype
    )
    return mixed


def _within(
    time: Float[np.ndarray, " time"], wanted: float, interval: float, rate_hz: float
) -> Float[np.ndarray, " time"]:
    """How far into an interval that is, of the samples after a beat that is to be followed after so many."""
    keeps = min(1.0, _KEPT * min(wanted, interval) / ((_BEFORE_S + _AFTER_S) * rate_hz))
    before, after = keeps * _BEFORE_S * rate_hz, keeps * _AFTER_S * rate_hz
    return np.interp(time, [0, after, wanted - before, wanted], [0, after, interval - before, interval])
