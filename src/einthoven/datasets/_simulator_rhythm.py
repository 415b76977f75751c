"""When the simulated heart beats: sinus rhythm, fibrillation, flutter, tachycardia, and beats that come too soon.

A rhythm is a list of beats, each at the time at which its QRS complex begins. Where the atria flutter or
fibrillate, their current goes on without beats: it is a dipole with a waveform of its own.
"""

__all__ = ["Beats", "Breath", "fibrillation", "flutter", "interrupt", "sinus", "ventricular"]

import dataclasses

import numpy as np
from jaxtyping import Float, Shaped

_MARGIN_S = 2.0  # beats go on so long before and after the record, so that it begins and ends inside the rhythm


@dataclasses.dataclass(frozen=True, eq=False)
class Beats:
    """The beats of a record and of a margin around it.

    Attributes:
        time_s: When each QRS complex begins, from the record's first sample.
        kind: `"sinus"`, `"pac"`, `"pvc"`, `"af"`, `"afl"` or `"vt"`.
    """

    time_s: Float[np.ndarray, " beat"]
    kind: Shaped[np.ndarray, " beat"]

    @property
    def before_s(self) -> Float[np.ndarray, " beat"]:
        """The interval before each beat."""
        return np.diff(self.time_s, prepend=2 * self.time_s[0] - self.time_s[1])

    @property
    def after_s(self) -> Float[np.ndarray, " beat"]:
        """The interval after each beat."""
        return np.diff(self.time_s, append=2 * self.time_s[-1] - self.time_s[-2])


@dataclasses.dataclass(frozen=True)
class Breath:
    """Regular breathing at `hz`, beginning at `phase`."""

    hz: float
    phase: float

    def __call__(self, time_s: Float[np.ndarray, " time"]) -> Float[np.ndarray, " time"]:
        """How full the lungs are, from −1 to 1."""
        return np.sin(2 * np.pi * self.hz * time_s + self.phase)


def _start(rng: np.random.Generator, interval_s: Float[np.ndarray, " beat"], kind: str) -> Beats:
    time = np.cumsum(interval_s) - interval_s[0] * (1 + rng.random()) - _MARGIN_S
    return Beats(time, np.full(len(time), kind, dtype=object))


def _number(duration_s: float, interval_s: float) -> int:
    return int(1.4 * (duration_s + 2 * _MARGIN_S) / interval_s) + 6


def sinus(
    rng: np.random.Generator, duration_s: float, rate_bpm: float, breath: Breath, breathing: float, restless: float
) -> Beats:
    """A regular rhythm that follows the breath (respiratory sinus arrhythmia) and wanders a little.

    Arguments:
        rng: Where it is drawn from.
        duration_s: Length of the record.
        rate_bpm: Beats per minute.
        breath: What the rhythm follows.
        breathing: By which fraction of itself the interval follows the breath.
        restless: By which fraction it wanders.
    """

    mean = 60 / rate_bpm
    count = _number(duration_s, mean)
    steps = rng.normal(0, 1, count + 2)
    wander = (steps[2:] + steps[1:-1] + steps[:-2]) / np.sqrt(3)
    tide = breath(mean * np.arange(count) - _MARGIN_S)
    return _start(rng, mean * np.clip(1 + breathing * tide + restless * wander, 0.6, 1.5), "sinus")


def fibrillation(
    rng: np.random.Generator, duration_s: float, rate_bpm: float, irregularity: float
) -> tuple[Beats, Float[np.ndarray, "3 time"], float]:
    """Atrial fibrillation: independent intervals, and three wavelets at 4 to 9 Hz that wax, wane and drift.

    Returns:
        The beats, the wavelets on a grid over the record, and the rate of that grid in Hz.
    """

    mean, rate_hz = 60 / rate_bpm, 100.0
    interval = mean * np.exp(rng.normal(0, irregularity, _number(duration_s, mean)))
    beats = _start(rng, np.clip(interval, 0.33, 2.0), "af")
    time = np.arange(int(np.ceil(duration_s * rate_hz)) + 2) / rate_hz
    hz = rng.uniform(4.8, 8) + rng.normal(0, 0.3, (3, 1))
    slow_hz, lag = rng.uniform(0.15, 0.6, (2, 3, 1)), rng.uniform(0, 2 * np.pi, (3, 3, 1))
    phase = 2 * np.pi * hz * time + 1.2 * np.sin(2 * np.pi * slow_hz[0] * time + lag[0]) + lag[1]
    swell = 1 + 0.5 * np.sin(2 * np.pi * slow_hz[1] * time + lag[2])
    return beats, swell * (np.sin(phase) + 0.3 * np.sin(2 * phase + 1)), rate_hz


def flutter(rng: np.random.Generator, duration_s: float) -> tuple[Beats, Float[np.ndarray, "2 time"], float]:
    """Atrial flutter: a sawtooth near 300/min of which every second to fourth tooth is conducted.

    Returns:
        The beats, the sawtooth and its quarter-period echo on a grid over the record, and that grid's rate in Hz.
    """

    tooth, rate_hz = 60 / rng.uniform(270, 330), 250.0
    ratio = rng.choice([2, 3, 4], p=[0.4, 0.2, 0.4])
    count = _number(duration_s, tooth * ratio) * 2
    teeth = np.full(count, ratio)
    if rng.random() < 0.3:
        teeth = rng.choice([2, 4], count)
    beats = _start(rng, tooth * teeth, "afl")
    time = np.arange(int(np.ceil(duration_s * rate_hz)) + 2) / rate_hz
    phase = 2 * np.pi * ((time - beats.time_s[0]) / tooth + rng.random())
    saw = [sum(np.sin(n * (phase - lag)) / n**1.2 for n in range(1, 5)) for lag in (0, np.pi / 2)]
    return beats, np.array(saw), rate_hz


def ventricular(rng: np.random.Generator, duration_s: float, rate_bpm: float) -> Beats:
    """Monomorphic ventricular tachycardia: nearly as regular as a clock."""

    mean = 60 / rate_bpm
    return _start(rng, mean * (1 + rng.normal(0, 0.008, _number(duration_s, mean))), "vt")


def interrupt(rng: np.random.Generator, beats: Beats, kind: str, duration_s: float, coupling: float) -> Beats:
    """The same rhythm with one or more beats too soon, at least one of them well inside the record.

    A ventricular beat (`"pvc"`) leaves the sinus node alone: the next beat comes when it would have come, after a
    compensatory pause. An atrial one (`"pac"`) resets the node: all later beats come earlier by as much.

    Arguments:
        rng: Where it is drawn from.
        beats: The rhythm so far.
        kind: `"pvc"` or `"pac"`.
        duration_s: Length of the record.
        coupling: The interval before such a beat, as a fraction of the interval there was.
    """

    time, kinds = beats.time_s.copy(), beats.kind.copy()
    free = kinds == kinds[0]
    free[:2] = free[-2:] = False
    inside = free & (time > 0.6) & (time < duration_s - 0.8)
    if not inside.any():
        inside = free & (np.abs(time - duration_s / 2) == np.abs(time[free] - duration_s / 2).min())
    wanted = 1 + rng.poisson(0.15 * duration_s)
    for number, i in enumerate(rng.permutation(np.flatnonzero(inside))[:wanted]):
        if number and (kinds[i - 1 : i + 2] != kinds[0]).any():
            continue
        early = time[i] - time[i - 1]
        early -= min(max(coupling * early, 0.36), early)
        kinds[i] = kind
        time[i:] -= early
        if kind == "pvc":
            time[i + 1 :] += early
    return Beats(time, kinds)
