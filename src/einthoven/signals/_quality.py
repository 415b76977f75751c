"""What can be measured of a lead's quality, whoever judges it.

Eight measures a lead. Three find a lead that is missing, flat or overdriven; one is the height of the beats, and the
others what disturbs them: noise above their band, the baseline below it, swings inside it, and whether one beat looks
like the others, since the heart repeats itself and noise does not.
"""

__all__ = ["SUMMARY", "measured", "repeating", "summed_up"]

import numpy as np
from jaxtyping import Bool, Float, Int

from einthoven.signals.bandpass import bandpass
from einthoven.signals.beats import beats
from einthoven.signals.fill import fill

SUMMARY = ("agreement", "burst", "idle", "noise")

_FLAT_MV = 0.02  # in a whole second; even a low QRS complex is higher
_BEAT_HZ, _NOISE_HZ = (0.7, 25.0), (25.0, 100.0)
_NYQUIST = 0.45  # of the rate, beyond which a filter has no room
_BEFORE_S, _AFTER_S = 0.08, 0.12  # the QRS complex around its steepest part
_RAIL_S, _RAIL_MV = 0.006, 0.3  # how long a signal rests at a rail, and how far that is from its middle
_REPEATING = 0.3
_FLOOR_MV = {"height": 0.05, "noise": 0.002}  # below, the steps of the converter are measured


def measured(signal: Float[np.ndarray, "lead time"], rate_hz: float) -> dict[str, Float[np.ndarray, " lead"]]:
    """The measures of each lead.

    Arguments:
        signal: In mV; NaN where samples are missing.
        rate_hz: At least 100; what lies above .45 of it is no part of the noise.

    Returns:
        By name: `missing` (share of samples), `idle` (share of seconds that are flat or for the greater part
        missing), `clipped` (share of samples that rest at the lead's highest or lowest value), `height` (mV from peak
        to peak in a typical second, 0.7–25 Hz), `burst` (the same in the worst second, as a multiple), `noise` (RMS in
        mV in a typical tenth of a second, 25–100 Hz), `wander` (mV between the highest and the lowest second) and
        `agreement` (mean correlation of each beat with the others; 0 without two beats).
    """

    gaps = np.isnan(signal)
    whole = fill(signal).astype(np.float64)
    centred = whole - np.median(whole, axis=1, keepdims=True)
    wave = bandpass(centred, rate_hz, *_BEAT_HZ, order=2)
    rough = bandpass(centred, rate_hz, _NOISE_HZ[0], min(_NOISE_HZ[1], _NYQUIST * rate_hz), order=2)
    seconds, swings = _pieces(centred, rate_hz, 1.0), np.ptp(_pieces(wave, rate_hz, 1.0), axis=2)
    height = np.median(swings, axis=1)
    levels = np.median(seconds, axis=2)
    flat = (np.ptp(seconds, axis=2) <= _FLAT_MV) | (_pieces(gaps, rate_hz, 1.0).mean(axis=2) > 0.5)
    return {
        "missing": gaps.mean(axis=1),
        "idle": flat.mean(axis=1),
        "clipped": _clipped(centred, rate_hz),
        "height": height,
        "burst": swings.max(axis=1) / np.maximum(height, _FLOOR_MV["height"]),
        "noise": np.median(_pieces(rough, rate_hz, 0.1).std(axis=2), axis=1),
        "wander": np.ptp(levels, axis=1),
        "agreement": _agreement(wave, beats(wave, rate_hz), rate_hz),
    }


def summed_up(leads: dict[str, Float[np.ndarray, " lead"]]) -> Float[np.ndarray, " number"]:
    """The numbers of `SUMMARY` for a whole recording.

    The agreement and the burst of the worst lead, the mean idle share, and the noise of the worst lead. Burst and noise
    are decimal logarithms, of at least 1 and at least .002 mV.
    """

    burst, noise = leads["burst"].max(), leads["noise"].max()
    logarithms = np.log10([max(burst, 1.0), max(noise, _FLOOR_MV["noise"])])
    return np.array([leads["agreement"].min(), logarithms[0], leads["idle"].mean(), logarithms[1]])


def repeating(leads: dict[str, Float[np.ndarray, " lead"]]) -> float:
    """How far the recording repeats itself at all: from 0 to 1, which a mean agreement of .3 reaches."""

    return float(np.clip(leads["agreement"].mean() / _REPEATING, 0.0, 1.0))


def _pieces(
    signal: Float[np.ndarray, "lead time"] | Bool[np.ndarray, "lead time"], rate_hz: float, piece_s: float
) -> np.ndarray:
    """The signal in pieces of `piece_s` or a little more, so that all but a few samples at the end are in one."""

    count = max(1, int(signal.shape[1] / (piece_s * rate_hz) + 1e-9))
    length = signal.shape[1] // count
    return signal[:, : count * length].reshape(len(signal), count, length)


def _clipped(centred: Float[np.ndarray, "lead time"], rate_hz: float) -> Float[np.ndarray, " lead"]:
    """The share of samples at a rail: at an extreme, far from the middle, and for more than a moment."""

    run = max(3, round(_RAIL_S * rate_hz))
    share = np.zeros(len(centred))
    for extreme in (centred.max(axis=1), centred.min(axis=1)):
        near = abs(centred - extreme[:, None]) <= 1e-5 * np.ptp(centred, axis=1, keepdims=True)
        near &= (abs(extreme) > _RAIL_MV)[:, None]
        total = np.cumsum(np.pad(near, ((0, 0), (1, 0))), axis=1)
        starts = total[:, run:] - total[:, :-run] == run
        # A sample rests there if any run that holds it does.
        share += _spread(starts, run).mean(axis=1)
    return share


def _spread(starts: Bool[np.ndarray, "lead start"], run: int) -> Bool[np.ndarray, "lead time"]:
    """Which samples lie in a run, given where runs start."""

    edges = np.pad(starts.astype(np.int64), ((0, 0), (0, run - 1))).cumsum(axis=1)
    return edges - np.pad(edges, ((0, 0), (run, 0)))[:, : edges.shape[1]] > 0


def _agreement(
    wave: Float[np.ndarray, "lead time"], found: Int[np.ndarray, " beat"], rate_hz: float
) -> Float[np.ndarray, " lead"]:
    """The mean correlation of a beat's QRS complex with the sum of the others'."""

    before, after = round(_BEFORE_S * rate_hz), round(_AFTER_S * rate_hz)
    inside = found[(found >= before) & (found + after <= wave.shape[1])]
    if len(inside) < 2:
        return np.zeros(len(wave))
    each = wave[:, inside[:, None] + np.arange(-before, after)]
    each = each - each.mean(axis=2, keepdims=True)
    others = each.sum(axis=1, keepdims=True) - each
    power = (each**2).sum(axis=2) * (others**2).sum(axis=2)
    return ((each * others).sum(axis=2) / np.sqrt(power + 1e-12)).mean(axis=1)
