"""Hand-made features of a 12-lead ECG, for a classifier that is not a network.

Rhythm from the intervals between beats, form from the median beat of each lead (P, QRS, ST and T amplitudes, times and
areas), the likeness of each beat to the median one, and the power in bands of frequency. What a careful engineer would
write down in a day; whoever leaves that baseline out fools himself.
"""

__all__ = ["features"]

import numpy as np
from jaxtyping import Float
from scipy.signal import welch

from einthoven.signals.beats import beats

_BEFORE_S, _AFTER_S = 0.32, 0.52
# Windows around the beat in seconds: P wave, QRS complex, ST segment, T wave.
_WAVES = {"p": (-0.30, -0.08), "qrs": (-0.08, 0.10), "st": (0.10, 0.16), "t": (0.16, 0.46)}
_BANDS_HZ = ((0.5, 3), (3, 7), (7, 15), (15, 25), (25, 40))


def features(signal: Float[np.ndarray, "lead time"], rate_hz: float) -> Float[np.ndarray, " feature"]:
    """The features of one recording; NaN where there is nothing to measure, such as intervals of fewer than two beats.

    Arguments:
        signal: Any unit, a fixed order of leads.
        rate_hz: Samples per second, at least 80.
    """

    found = beats(signal, rate_hz)
    windows = _windows(signal, found, rate_hz)
    median = np.median(windows, axis=0) if len(windows) else np.full(windows.shape[1:], np.nan)
    parts = [_rhythm(found / rate_hz), _likeness(windows, median), _form(median, rate_hz), _global(median, rate_hz)]
    return np.concatenate([*parts, _spectrum(signal, rate_hz)]).astype(np.float32)


def _windows(signal: np.ndarray, found: np.ndarray, rate_hz: float) -> Float[np.ndarray, "beat lead sample"]:
    before, after = round(_BEFORE_S * rate_hz), round(_AFTER_S * rate_hz)
    inside = found[(found >= before) & (found + after <= signal.shape[1])]
    at = inside[:, None] + np.arange(-before, after)
    return signal[:, at].transpose(1, 0, 2)


def _rhythm(times_s: np.ndarray) -> np.ndarray:
    rr = np.diff(times_s)
    if len(rr) < 2:
        return np.r_[float(len(times_s)), np.full(13, np.nan)]
    jumps = np.abs(np.diff(rr))
    quartiles = np.percentile(rr, (10, 25, 50, 75, 90))
    spread = [rr.std(), rr.std() / rr.mean(), np.sqrt((jumps**2).mean()), np.median(jumps) / rr.mean()]
    rest = [(jumps > 0.05).mean(), rr.min() / quartiles[2], rr.max() / quartiles[2]]
    return np.r_[float(len(times_s)), rr.mean(), quartiles, spread, rest]


def _likeness(windows: np.ndarray, median: np.ndarray) -> np.ndarray:
    """How far single beats are from the median one: an extrasystole is far."""
    if len(windows) < 3:
        return np.full(5, np.nan)
    power = (median**2).sum() + 1e-9
    gaps = ((windows - median) ** 2).sum(axis=(1, 2)) / power
    energy = (windows**2).sum(axis=(1, 2)) / power
    return np.array([np.median(gaps), gaps.max(), np.sort(gaps)[-2], energy.max(), energy.min()])


def _form(median: np.ndarray, rate_hz: float) -> np.ndarray:
    """Per lead and wave the highest and lowest value, their times and the mean, above the level before the QRS."""
    level = median[:, _slice((-0.10, -0.06), rate_hz)].mean(axis=1, keepdims=True)
    beat, columns = median - level, []
    for name, window in _WAVES.items():
        part = beat[:, _slice(window, rate_hz)]
        columns += [part.max(axis=1), part.min(axis=1), part.mean(axis=1)]
        if name != "st":
            columns += [part.argmax(axis=1) / rate_hz, part.argmin(axis=1) / rate_hz]
    return np.concatenate(columns)


def _global(median: np.ndarray, rate_hz: float) -> np.ndarray:
    """Widths that need all leads: the spread of QRS and T energy in time, and the P wave's strength and place."""
    if np.isnan(median).any():
        return np.full(9, np.nan)
    speed = (np.gradient(median, axis=1) ** 2).sum(axis=0)
    out = []
    for window in (_WAVES["p"], _WAVES["qrs"], _WAVES["t"]):
        part = speed[_slice(window, rate_hz)]
        time = np.arange(len(part)) / rate_hz
        total = part.sum() + 1e-12
        centre = (part * time).sum() / total
        out += [np.log(total), centre, np.sqrt((part * (time - centre) ** 2).sum() / total)]
    return np.array(out)


def _spectrum(signal: np.ndarray, rate_hz: float) -> np.ndarray:
    frequency, power = welch(signal, fs=rate_hz, nperseg=min(signal.shape[1], round(2 * rate_hz)), axis=1)
    bands = [power[:, (frequency >= low) & (frequency < high)].sum(axis=1) for low, high in _BANDS_HZ]
    return np.log(np.stack(bands) + 1e-9).ravel()


def _slice(window_s: tuple[float, float], rate_hz: float) -> slice:
    start, stop = (round((_BEFORE_S + edge) * rate_hz) for edge in window_s)
    return slice(start, max(stop, start + 1))
