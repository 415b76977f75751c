"""Where the waves of each beat begin, peak and end.

Three ideas carry it. A wave is one event of the heart that each lead sees from its own side, so slope and curvature are
taken as root mean squares over the leads. A wave is found by its curvature at a scale of its own (the second derivative
of a Gaussian is a wavelet: Martínez et al. 2004, IEEE Trans. Biomed. Eng. 51:570), which neither drift nor a raised ST
segment can imitate. It begins and ends where the slope has fallen to a fraction of the steepest slope of its flank. QRS
complexes come first and are replaced by straight lines; T and then P are sought in what is left.

Where P and QRS begin and end is one instant for all leads. T has ends of its own in each lead, near those of all.

The fractions and times were chosen on the records of LUDB with odd numbers; `benchmarks/waves.py` measures the others.
"""

__all__ = ["KINDS", "delineate"]

import numpy as np
from jaxtyping import Float, Int
from scipy.ndimage import gaussian_filter1d, maximum_filter1d

from einthoven.signals.beats import beats

KINDS = ("P", "QRS", "T")

_SHORTEST_S = 1.0
_FLAT = 1e-6  # of the largest deviation of any lead
_HOLD_S = 0.008  # a slope that is up again within this time has not fallen
_SLOW_S = 0.006  # smoothing before the peak of P and T is read

# Smoothing of the slope, how far from its steepest part a complex may reach, and the slope at its ends.
_QRS_SMOOTH_S = 0.012
_QRS_AROUND_S = 0.08
_QRS_REACH_S = (0.15, 0.20)
_QRS_SHARE = (0.14, 0.24)
_QRS_REST_S = (0.30, 0.40)  # around a beat, the tenth of the slopes that is least is no slope at all
_R_SHARE = 0.05  # of the largest deflection: what is lower is no R wave, and the complex is a QS

# Scale of the curvature, smoothing of the slope, where the steepest part lies, the reach and the slope at the ends.
_T_SCALE_S, _T_SMOOTH_S = 0.045, 0.020
_T_FLANK_S, _T_REACH_S, _T_SHARE = 0.12, 0.22, (0.50, 0.45)
_T_AFTER_S = 0.08  # from the end of QRS to the first possible peak
_T_LATEST = 0.44  # √s: from the onset of QRS to the last possible peak, over the root of the interval
_T_LEAD_SMOOTH_S, _T_LEAD_REACH_S, _T_LEAD_SHARE = 0.016, 0.04, (0.35, 0.45)

_P_SCALE_S, _P_SMOOTH_S = 0.020, 0.010
_P_FLANK_S, _P_REACH_S, _P_SHARE = 0.06, 0.11, (0.48, 0.75)
_P_BEFORE_S = (0.05, 0.36)  # from the peak to the onset of QRS
_P_FAR_S, _P_FAR_WIDTH_S = 0.28, 0.02  # beyond that a peak is hardly P
_P_ROVE_S = 0.06  # how far the peak of a beat lies from where it usually is
_P_ALIKE_S, _P_ALIKE = (0.06, 0.28), 0.15
_P_APART_S, _P_GREATEST = 0.04, 0.9

Marks = Int[np.ndarray, "beat 3"]


def delineate(signal: Float[np.ndarray, "lead time"], rate_hz: float) -> dict[str, Int[np.ndarray, "lead beat 3"]]:
    """Onset, peak and offset in samples of each kind of wave in each lead and beat; −1 where there is none.

    Arguments:
        signal: One recording, any unit, without NaN.
        rate_hz: Samples per second.
    """

    deviation = np.ptp(signal, axis=1) if signal.size else np.zeros(len(signal))
    alive = deviation > _FLAT * deviation.max(initial=0.0)
    live = signal[alive].astype(np.float64)
    found = np.empty(0, dtype=np.int64)
    if signal.shape[1] >= _SHORTEST_S * rate_hz and len(live):
        # A constant would leak into the second derivative of a Gaussian that is cut off somewhere.
        live -= live.mean(axis=1, keepdims=True)
        # The noise of muscles is steeper than many a QRS complex, unless it is smoothed.
        found = beats(gaussian_filter1d(live, _QRS_SMOOTH_S * rate_hz, axis=1), rate_hz)
    marks = {kind: np.full((len(signal), len(found), 3), -1, dtype=np.int64) for kind in KINDS}
    if not len(found):
        return marks
    qrs = _qrs(live, found, rate_hz)
    rest = _without(live, qrs)
    t = _t(rest, qrs, rate_hz)
    p = _p(rest, qrs, t, rate_hz)
    smooth = gaussian_filter1d(rest, _SLOW_S * rate_hz, axis=1)
    marks["QRS"][alive] = _lead_marks(live, qrs, r_wave=True)
    marks["T"][alive] = _own_ends(rest, _lead_marks(smooth, t), rate_hz)
    marks["P"][alive] = _lead_marks(smooth, p)
    return marks


def _qrs(signal: Float[np.ndarray, "lead time"], found: Int[np.ndarray, " beat"], rate_hz: float) -> Marks:
    """For all leads together: onset, steepest part and offset."""
    slope = _slope(signal, _QRS_SMOOTH_S, rate_hz)
    around, early, late, before, after = (round(s * rate_hz) for s in (_QRS_AROUND_S, *_QRS_REACH_S, *_QRS_REST_S))
    out = np.empty((len(found), 3), dtype=np.int64)
    for row, beat in enumerate(found.tolist()):
        first = max(beat - around, 0)
        top = first + int(slope[0, first : beat + around].argmax())
        rest = float(np.percentile(slope[0, max(beat - before, 0) : beat + after], 10))
        window = (max(top - early, 0), min(top + late, signal.shape[1] - 1))
        (onset,), (offset,) = _ends(slope, np.array([top]), window, _QRS_SHARE, rest=rest)
        out[row] = onset, top, offset
    return out


def _without(signal: Float[np.ndarray, "lead time"], qrs: Marks) -> Float[np.ndarray, "lead time"]:
    """The signal with a straight line in place of each QRS complex."""
    out = signal.copy()
    for onset, _, offset in qrs.tolist():
        out[:, onset : offset + 1] = _chord(signal[:, onset : offset + 1])
    return out


def _t(rest: Float[np.ndarray, "lead time"], qrs: Marks, rate_hz: float) -> Marks:
    """The T wave after each QRS complex, for all leads together; −1 where there is no room for one."""
    curvature, slope = _curvature(rest, _T_SCALE_S, rate_hz), _slope(rest, _T_SMOOTH_S, rate_hz)
    samples = rest.shape[1]
    after, flank, reach, room = (round(s * rate_hz) for s in (_T_AFTER_S, _T_FLANK_S, _T_REACH_S, _P_BEFORE_S[0]))
    usual = float(np.median(np.diff(qrs[:, 1]))) if len(qrs) > 1 else rate_hz
    out = np.full_like(qrs, -1)
    for row, (onset, _, offset) in enumerate(qrs.tolist()):
        following = int(qrs[row + 1, 0]) if row + 1 < len(qrs) else samples
        interval_s = (usual if row + 1 == len(qrs) else min(usual, following - onset)) / rate_hz
        first = offset + after
        last = min(onset + int(_T_LATEST * np.sqrt(max(interval_s, 0.0)) * rate_hz), following - room)
        if last - first < room:
            continue
        peak = first + int(curvature[first : last + 1].argmax())
        window = (max(offset, peak - reach), min(following - 1, peak + reach))
        (begin,), (end,) = _ends(slope, np.array([peak]), window, _T_SHARE, flank=flank)
        out[row] = begin, peak, end
    return out


def _p(rest: Float[np.ndarray, "lead time"], qrs: Marks, t: Marks, rate_hz: float) -> Marks:
    """The P wave before each QRS complex, for all leads together; −1 everywhere where the atria do not lead.

    They do not where what precedes the QRS complexes differs from beat to beat (fibrillation, dissociation), and
    where something between T and P is usually as large as P (fibrillation, flutter).
    """
    parts = gaussian_filter1d(rest, _P_SCALE_S * rate_hz, axis=1, order=2)
    out = np.full_like(qrs, -1)
    if not _alike(parts, qrs[:, 0], rate_hz):
        return out
    curvature, slope = _rms(parts), _slope(rest, _P_SMOOTH_S, rate_hz)
    flank, reach, apart = (round(s * rate_hz) for s in (_P_FLANK_S, _P_REACH_S, _P_APART_S))
    ended = np.r_[0, np.where(t[:-1, 2] >= 0, t[:-1, 2], qrs[:-1, 2])]
    elsewhere = []
    for row, peak in enumerate(_p_peaks(curvature, qrs[:, 0], ended, rate_hz).tolist()):
        if peak < 0:
            continue
        window = (max(peak - reach, 0), min(peak + reach, int(qrs[row, 0])))
        (begin,), (end,) = _ends(slope, np.array([peak]), window, _P_SHARE, flank=flank)
        out[row] = begin, peak, end
        between = curvature[ended[row] + apart : max(begin - apart, 0)]
        if row and len(between) > 2 * apart:
            elsewhere.append(between.max() / curvature[peak])
    return np.full_like(out, -1) if elsewhere and np.median(elsewhere) > _P_GREATEST else out


def _alike(parts: Float[np.ndarray, "lead time"], onsets: Int[np.ndarray, " beat"], rate_hz: float) -> bool:
    """Whether what precedes QRS repeats itself: the mean correlation of two beats."""
    near, far = (round(s * rate_hz) for s in _P_ALIKE_S)
    windows = np.array([parts[:, onset - far : onset - near].ravel() for onset in onsets if onset >= far])
    if len(windows) < 3:
        return True
    windows /= np.linalg.norm(windows, axis=1, keepdims=True) + np.finfo(np.float64).tiny
    square = windows.sum(axis=0) @ windows.sum(axis=0)
    return bool((square / len(windows) - 1) / (len(windows) - 1) >= _P_ALIKE)


def _p_peaks(
    curvature: Float[np.ndarray, " time"],
    onsets: Int[np.ndarray, " beat"],
    ended: Int[np.ndarray, " beat"],
    rate_hz: float,
) -> Int[np.ndarray, " beat"]:
    """The greatest curvature between the last wave and QRS, near where it usually is; −1 without room for one."""
    near, far, room = (round(s * rate_hz) for s in (*_P_BEFORE_S, _P_APART_S))
    before = np.arange(near, far + 1)
    at = onsets[:, None] - before
    free = (at >= ended[:, None]) & (at >= room)
    if not free.any():
        return np.full(len(onsets), -1)
    bend = np.where(free, curvature[np.maximum(at, 0)], 0.0)
    likely = 1 / (1 + np.exp((before / rate_hz - _P_FAR_S) / _P_FAR_WIDTH_S))
    usual = before[(np.median(bend[free.any(axis=1)], axis=0) * likely).argmax()]
    bend /= 1 + ((before - usual) / (_P_ROVE_S * rate_hz)) ** 2
    return np.where(free.sum(axis=1) >= room, at[np.arange(len(at)), bend.argmax(axis=1)], -1)


def _lead_marks(
    signal: Float[np.ndarray, "lead time"], marks: Marks, r_wave: bool = False
) -> Int[np.ndarray, "lead beat 3"]:
    """The marks of all leads, with each lead's own peak: what is farthest from the line from onset to offset.

    With `r_wave` it is the highest point above that line, or, where hardly anything is above it, the lowest.
    A wave that the record's ends cut has no marks.
    """
    out = np.full((len(signal), *marks.shape), -1)
    for row, (onset, _, offset) in enumerate(marks):
        if onset < 1 or offset > signal.shape[1] - 2 or offset - onset < 2:
            continue
        wave = signal[:, onset : offset + 1]
        above = wave - _chord(wave)
        size = abs(above)
        peak = size.argmax(axis=1)
        if r_wave:
            peak = np.where(above.max(axis=1) > _R_SHARE * size.max(axis=1), above.argmax(axis=1), above.argmin(axis=1))
        out[:, row, 0], out[:, row, 1], out[:, row, 2] = onset, onset + peak, offset
    return out


def _own_ends(
    rest: Float[np.ndarray, "lead time"], marks: Int[np.ndarray, "lead beat 3"], rate_hz: float
) -> Int[np.ndarray, "lead beat 3"]:
    """The T waves with each lead's own onset and offset."""
    slope = _held(abs(gaussian_filter1d(rest, _T_LEAD_SMOOTH_S * rate_hz, axis=1, order=1)), rate_hz)
    reach = round(_T_LEAD_REACH_S * rate_hz)
    out = marks.copy()
    for row in np.flatnonzero(marks[0, :, 0] >= 0):
        window = (max(int(marks[0, row, 0]) - reach, 0), min(int(marks[0, row, 2]) + reach, rest.shape[1] - 1))
        out[:, row, 0], out[:, row, 2] = _ends(slope, marks[:, row, 1], window, _T_LEAD_SHARE)
    return out


def _ends(
    slope: Float[np.ndarray, "row time"],
    peak: Int[np.ndarray, " row"],
    window: tuple[int, int],
    share: tuple[float, float],
    *,
    rest: float = 0.0,
    flank: int | None = None,
) -> tuple[Int[np.ndarray, " row"], Int[np.ndarray, " row"]]:
    """Where, seen from the peak and beyond the steepest part of each flank, the slope first falls to its share.

    Arguments:
        slope: Without sign.
        peak: A sample for each row.
        window: The first and the last sample looked at.
        share: Of the steepest slope above `rest`, at onset and offset.
        rest: A slope that is none.
        flank: How far from the peak the steepest part may be; None for anywhere in the window.
    """
    first, last = window
    part = slope[:, first : last + 1]
    before = _last_low(part, peak - first, share[0], rest, flank)
    after = _last_low(part[:, ::-1], last - peak, share[1], rest, flank)
    return first + before, last - after


def _last_low(
    slope: Float[np.ndarray, "row time"], peak: Int[np.ndarray, " row"], share: float, rest: float, flank: int | None
) -> Int[np.ndarray, " row"]:
    """The last sample before the steepest part with a low slope; the lowest where none is low."""
    time = np.arange(slope.shape[1])
    ahead = (time <= peak[:, None]) & (time >= peak[:, None] - (flank if flank is not None else len(time)))
    steepest = np.where(ahead, slope, -1.0).argmax(axis=1)
    top = slope[np.arange(len(slope)), steepest][:, None]
    early = time < steepest[:, None]
    low = early & (slope < rest + share * (top - rest))
    last = len(time) - 1 - low[:, ::-1].argmax(axis=1)
    lowest = np.where(early, slope, np.inf).argmin(axis=1)
    return np.where(low.any(axis=1), last, lowest)


def _slope(signal: Float[np.ndarray, "lead time"], width_s: float, rate_hz: float) -> Float[np.ndarray, "1 time"]:
    """The first derivative of the smoothed signal, over all leads."""
    return _held(_rms(gaussian_filter1d(signal, width_s * rate_hz, axis=1, order=1))[None], rate_hz)


def _curvature(signal: Float[np.ndarray, "lead time"], scale_s: float, rate_hz: float) -> Float[np.ndarray, " time"]:
    """The second one."""
    return _rms(gaussian_filter1d(signal, scale_s * rate_hz, axis=1, order=2))


def _held(slope: Float[np.ndarray, "row time"], rate_hz: float) -> Float[np.ndarray, "row time"]:
    """The slope with its short dips filled."""
    return maximum_filter1d(slope, max(1, round(_HOLD_S * rate_hz)), axis=1)


def _rms(signal: Float[np.ndarray, "lead time"]) -> Float[np.ndarray, " time"]:
    return np.sqrt((signal**2).mean(axis=0))


def _chord(part: Float[np.ndarray, "lead time"]) -> Float[np.ndarray, "lead time"]:
    """The straight line from the first to the last sample."""
    return part[:, :1] + (part[:, -1:] - part[:, :1]) * np.linspace(0, 1, part.shape[1])
