"""The form of a single beat in numbers, for a classifier that is not a network.

Windows at fixed times around a marked peak, as de Chazal et al. 2004 (doi 10.1109/TBME.2004.827359) have them too: the
QRS complex, in which a ventricular beat is wide and strange; the P wave, which an ectopic beat lacks or has elsewhere;
and the T wave. Besides them the whole waveform, thinned out.
"""

__all__ = ["beat_shape"]

import numpy as np
from jaxtyping import Float

_PIECE_S = 0.025
# Windows around the peak in seconds.
_P, _QRS, _T = (-0.28, -0.08), (-0.10, 0.15), (0.15, 0.47)


def beat_shape(
    x: Float[np.ndarray, "beat lead time"], rate_hz: float, *, peak_s: float
) -> Float[np.ndarray, "beat feature"]:
    """The features of each beat, one lead after another; no beat sees another.

    All are taken after the lead's median over the beat is subtracted, so an offset changes nothing. Times are seconds
    from the peak. In this order, for each lead:

    - QRS: highest and lowest value and their times; the logarithm of the slope's energy, its centre and its width in
      time; the area under the magnitude as a share of the height, in seconds.
    - P wave: highest and lowest value, the time of the highest, the standard deviation.
    - T wave: highest and lowest value and their times.
    - The means over pieces of 25 ms, from the first sample on; the last piece may be shorter.

    NaN where there is nothing to measure: windows that lie outside the signal, slopes and heights of a flat line, and
    a lead with a missing sample.

    Arguments:
        x: Beats of any unit, each cut out around its peak.
        rate_hz: Samples per second.
        peak_s: Where the peak lies, in seconds from the first sample.

    Raises:
        ValueError: If the peak lies outside the signal.
    """

    time = x.shape[-1]
    if not 0 <= peak_s * rate_hz <= time - 1:
        raise ValueError(f"a peak at {peak_s:g} s does not lie within {time} samples at {rate_hz:g} Hz")
    centred = x - np.median(x, axis=-1, keepdims=True)
    (p, p_s), (qrs, qrs_s), (t, t_s) = (_window(centred, rate_hz, peak_s, reach) for reach in (_P, _QRS, _T))
    starts = np.arange(0, time, max(1, round(_PIECE_S * rate_hz)))
    pieces = np.add.reduceat(centred, starts, axis=-1) / np.diff(np.append(starts, time))
    columns = [*_extremes(qrs, qrs_s), *_steepness(qrs, qrs_s, rate_hz), _breadth(qrs, rate_hz)]
    columns += [*_extremes(p, p_s)[:3], p.std(axis=-1) if len(p_s) else np.full(p.shape[:2], np.nan)]
    columns += _extremes(t, t_s)
    out = np.concatenate([np.stack(columns, axis=-1), pieces], axis=-1)
    out[np.isnan(x).any(axis=-1)] = np.nan
    return out.reshape(len(x), out.shape[1] * out.shape[2]).astype(np.float32)


def _window(
    x: Float[np.ndarray, "beat lead time"], rate_hz: float, peak_s: float, reach_s: tuple[float, float]
) -> tuple[Float[np.ndarray, "beat lead sample"], Float[np.ndarray, " sample"]]:
    """What of the signal lies in a window, and its times from the peak."""
    start, stop = (max(0, round((peak_s + edge_s) * rate_hz)) for edge_s in reach_s)
    part = x[..., start:stop]
    return part, (start + np.arange(part.shape[-1])) / rate_hz - peak_s


def _extremes(part: np.ndarray, times_s: np.ndarray) -> list[Float[np.ndarray, "beat lead"]]:
    """The highest and the lowest value, and when they are."""
    if not len(times_s):
        return [np.full(part.shape[:2], np.nan)] * 4
    return [part.max(axis=-1), part.min(axis=-1), times_s[part.argmax(axis=-1)], times_s[part.argmin(axis=-1)]]


def _steepness(part: np.ndarray, times_s: np.ndarray, rate_hz: float) -> list[Float[np.ndarray, "beat lead"]]:
    """The logarithm of the energy of the slope, and its centre and width in time."""
    energy = np.diff(part, axis=-1) ** 2 * rate_hz
    middle_s = (times_s[1:] + times_s[:-1]) / 2
    total = energy.sum(axis=-1)
    total = np.where(total > 0, total, np.nan)
    centre_s = energy @ middle_s / total
    width_s = np.sqrt((energy * (middle_s - centre_s[..., None]) ** 2).sum(axis=-1) / total)
    return [np.log(total), centre_s, width_s]


def _breadth(part: np.ndarray, rate_hz: float) -> Float[np.ndarray, "beat lead"]:
    """How long a rectangle of the same height and area is."""
    if not part.shape[-1]:
        return np.full(part.shape[:2], np.nan)
    height = np.ptp(part, axis=-1)
    return np.abs(part).sum(axis=-1) / rate_hz / np.where(height > 0, height, np.nan)
