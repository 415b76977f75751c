"""What one person's beats have in common, from the fingerprints of their records.

The beats of a record are found in its fingerprint, laid on top of each other and brought to a median, lead by lead.
What lies behind the QRS complex is stretched as the QT interval is, by a power of the RR interval, and every lead is
centred on its own QRS and scaled to length one. So pulse, gain and lag are gone, while polarity stays: a lead upside
down is another lead. Fisher's discriminant turns that into few numbers, of which the scatter within a person is small
against that between people, and weighs them by their share of the latter. Likeness is the mean cosine over the leads
that two records share.

The map was fitted on lead I and serves every lead; only the mean beat, which is taken off first, is each lead's own.
Map, thresholds and error rates are in `identity.npz`, which `benchmarks/identity.py` writes: the people on whom they
were measured had no part in the fit.
"""

__all__ = ["AFTER_S", "BEFORE_S", "STEP_S", "Fit", "embed", "fit", "likeness", "median_beat"]

import functools
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Float32, Int
from scipy.fft import irfft, rfft

from einthoven.records.leads import TWELVE
from einthoven.signals.beats import beats
from einthoven.signals.fingerprint import FINGERPRINT_HZ
from einthoven.store import Fingerprint

BEFORE_S, AFTER_S, STEP_S = 0.20, 0.42, 0.02  # of the median beat, around the centre of the QRS, at 60 beats a minute
_TIMES = 4  # as many samples: a fingerprint has nothing above 24 Hz, so more of them lose nothing and align better
_RATE_HZ = _TIMES * FINGERPRINT_HZ
_MIRROR = 25  # samples of the fingerprint that continue it at either end
_FEWEST = 3  # beats that make a median
_QRS_S, _NEAR_S = 0.10, 0.04  # half of what beats are aligned by, and how far one is moved
_REACH_S = (0.30, 0.60)  # around a beat: what the longest RR interval and the centring can ask for
_CENTRE_S = 0.05  # standard deviation of the window in which a lead's QRS is centred
_KNEE_S, _POWER, _RR_S = 0.10, 0.6, (0.4, 1.6)  # from where on the beat stretches, and how much with the RR interval


class Fit(NamedTuple):
    """The fitted map, and what was measured with it on people who had no part in it.

    A rate is a value with its 95 % interval over people. All arrays but the first three have one row for each number of
    shared leads in `leads`.

    Attributes:
        centre: The mean beat of each lead, in the order of `TWELVE`.
        map: From a beat to its embedding.
        session_error: Equal error rate of lead I within the sources of lead1-562, mostly one session.
        leads: Numbers of shared leads, ascending.
        threshold: The likeness above which a pair is named.
        false_match: The share of pairs of different people above that.
        found: The share of pairs of one person, at different visits, above that.
        sure: The likeness above which even people of different ids are named.
        sure_match: The share of pairs of different people above that.
        error: Equal error rate between visits.
    """

    centre: Float32[np.ndarray, "twelve phase"]
    map: Float32[np.ndarray, "dimension phase"]
    session_error: Float[np.ndarray, " three"]
    leads: Int[np.ndarray, " row"]
    threshold: Float[np.ndarray, " row"]
    false_match: Float[np.ndarray, "row three"]
    found: Float[np.ndarray, "row three"]
    sure: Float[np.ndarray, " row"]
    sure_match: Float[np.ndarray, "row three"]
    error: Float[np.ndarray, "row three"]

    def row(self, shared: int) -> int:
        """The row that holds for so many shared leads: that of the largest number not above it; −1 for no lead."""
        return int(np.searchsorted(self.leads, shared, side="right")) - 1


@functools.cache
def fit() -> Fit:
    """The one that ships."""

    with np.load(Path(__file__).with_name("identity.npz"), allow_pickle=False) as file:
        return Fit(**{name: file[name] for name in Fit._fields})


def embed(
    fingerprint: Fingerprint, centre: np.ndarray | None = None, mapped: np.ndarray | None = None
) -> Float32[np.ndarray, "twelve dimension"]:
    """The embedding of a record.

    Arguments:
        fingerprint: Of the record; leads other than the twelve are not looked at.
        centre: Another mean beat of each lead, and `mapped` another map, than those that ship.

    Returns:
        For each of `TWELVE` a vector of length one, or zeros for a lead that the record does not have, or without
        three whole beats.
    """

    centre, mapped = (fit().centre, fit().map) if centre is None or mapped is None else (centre, mapped)
    out = np.zeros((len(TWELVE), len(mapped)), dtype=np.float32)
    rows = [row for row, lead in enumerate(fingerprint.leads) if lead in TWELVE]
    beat = median_beat(Fingerprint(tuple(fingerprint.leads[row] for row in rows), fingerprint.samples[rows]))
    if beat is None:
        return out
    places = np.array([TWELVE.index(fingerprint.leads[row]) for row in rows])
    there = beat.any(axis=1)
    vectors = (beat[there] - centre[places[there]]) @ mapped.T
    out[places[there]] = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    return out


def likeness(
    first: Float32[np.ndarray, "one twelve dimension"], second: Float32[np.ndarray, "other twelve dimension"]
) -> tuple[Float32[np.ndarray, "one other"], Float32[np.ndarray, "one other"]]:
    """How alike the records of two groups are, from −1 to 1, and on how many leads: 0 and 0 where they share none."""

    has = [np.asarray(group.any(axis=2), dtype=np.float32) for group in (first, second)]
    shared = has[0] @ has[1].T
    total = first.reshape(len(first), -1) @ second.reshape(len(second), -1).T
    return total / np.maximum(shared, 1), shared


def median_beat(fingerprint: Fingerprint) -> Float32[np.ndarray, "lead phase"] | None:
    """The median beat of each lead, `BEFORE_S` to `AFTER_S` by `STEP_S`, of length one; zeros for a flat lead.

    None for a record with fewer than three whole beats.
    """

    if not len(fingerprint.leads) or fingerprint.samples.shape[1] <= _MIRROR:
        return None
    signal = _denser(fingerprint.samples)
    at = beats(signal, _RATE_HZ)
    before, after = (round((reach + _NEAR_S) * _RATE_HZ) for reach in _REACH_S)
    whole = at[(at >= before) & (at < signal.shape[1] - after)]
    if len(whole) < _FEWEST:
        return None
    interval_s = float(np.median(np.diff(at))) / _RATE_HZ
    around = np.arange(-round(_REACH_S[0] * _RATE_HZ), round(_REACH_S[1] * _RATE_HZ) + 1)
    median = np.median(signal[:, _aligned(signal, whole)[:, None] + around], axis=1)
    return _in_phase(median, interval_s)


def _denser(samples: np.ndarray) -> Float32[np.ndarray, "lead sample"]:
    """The fingerprint at `_RATE_HZ`, continued at its ends as in a point mirror so that nothing rings."""
    signal = samples.astype(np.float32)
    front, back = 2 * signal[:, :1] - signal[:, _MIRROR:0:-1], 2 * signal[:, -1:] - signal[:, -2 : -_MIRROR - 2 : -1]
    padded = np.concatenate([front, signal, back], axis=1)
    dense = irfft(rfft(padded, axis=1), padded.shape[1] * _TIMES, axis=1) * _TIMES
    return dense[:, _MIRROR * _TIMES : (_MIRROR + signal.shape[1]) * _TIMES]


def _aligned(signal: Float32[np.ndarray, "lead sample"], at: Int[np.ndarray, " beat"]) -> Int[np.ndarray, " beat"]:
    """The beats, moved to where their QRS complexes fit the median best, over all leads; twice."""
    spread = signal.std(axis=1, keepdims=True)
    scaled = np.divide(signal, spread, out=np.zeros_like(signal), where=spread > 1e-6)
    half, near = round(_QRS_S * _RATE_HZ), round(_NEAR_S * _RATE_HZ)
    cut = scaled[:, at[:, None] + np.arange(-half - near, half + near + 1)].transpose(1, 0, 2)
    moved = np.zeros(len(at), dtype=np.int64)
    width = 2 * half + 1
    for _ in range(2):
        index = (near + moved)[:, None] + np.arange(width)
        template = np.median(np.take_along_axis(cut, index[:, None], axis=2), axis=0).ravel()
        fits = [cut[:, :, lag : lag + width].reshape(len(at), -1) @ template for lag in range(2 * near + 1)]
        moved = np.argmax(fits, axis=0) - near
    return at + moved


def _in_phase(beat: Float32[np.ndarray, "lead sample"], interval_s: float) -> Float32[np.ndarray, "lead phase"]:
    """A beat around its own centre, stretched to 60 beats a minute, of length one."""
    time_s = np.arange(beat.shape[1]) / _RATE_HZ - _REACH_S[0]
    energy = beat**2 * np.exp(-0.5 * (time_s / _CENTRE_S) ** 2)
    centre_s = energy @ time_s / np.maximum(energy.sum(axis=1), 1e-9)
    phase = np.arange(-round(BEFORE_S / STEP_S), round(AFTER_S / STEP_S) + 1) * STEP_S
    stretch = np.clip(interval_s, *_RR_S) ** _POWER
    wanted_s = np.where(phase > _KNEE_S, _KNEE_S + (phase - _KNEE_S) * stretch, phase)
    place = np.clip((wanted_s + centre_s[:, None] + _REACH_S[0]) * _RATE_HZ, 0, beat.shape[1] - 1.001)
    low = place.astype(np.int64)
    part = (place - low).astype(np.float32)
    row = np.arange(len(beat))[:, None]
    out = beat[row, low] * (1 - part) + beat[row, low + 1] * part
    length = np.linalg.norm(out, axis=1, keepdims=True)
    return np.divide(out, length, out=np.zeros_like(out), where=length > 1e-6).astype(np.float32)
