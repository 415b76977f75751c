"""One visit of a simulated patient: rhythm, heart and breath put together, before any noise."""

__all__ = ["Visit", "make_visit"]

import dataclasses

import numpy as np
from jaxtyping import Float

from einthoven.datasets import _simulator_rhythm as rhythm
from einthoven.datasets._simulator import Torso, Train, render
from einthoven.datasets._simulator_conditions import PREVALENCE, RHYTHMS, strengths
from einthoven.datasets._simulator_heart import Patient, make_heart, trains

# Moment (x, y, z) and place (x, y, z) of the dipoles of fibrillating and of fluttering atria.
_FIBRILLATION = np.array(
    [
        [-0.020, 0.015, -0.035, -0.14, -0.10, -0.12],
        [0.010, 0.025, -0.015, -0.05, -0.15, 0.00],
        [0.015, 0.010, 0.025, 0.05, -0.15, 0.14],
    ]
)
_FLUTTER = np.array([[0.010, -0.105, -0.050, -0.10, -0.05, 0.00], [0.020, 0.035, -0.040, 0.00, -0.15, 0.10]])

_TOO_SOON = (("scp:PVC", "pvc", (0.50, 0.66)), ("scp:PAC", "pac", (0.62, 0.76)))


@dataclasses.dataclass(frozen=True, eq=False)
class Visit:
    """A record before noise.

    Attributes:
        beats: When the heart beats.
        trains: The waves of these beats.
        breath: How full the lungs are, from −1 to 1.
        atria: What atria without beats do to the electrodes, mV, or 0.
    """

    beats: rhythm.Beats
    trains: list[Train]
    breath: Float[np.ndarray, " time"]
    atria: Float[np.ndarray, "9 time"] | float

    def potentials(self, rate_hz: float) -> Float[np.ndarray, "9 time"]:
        """On the electrodes, in mV."""
        return render(self.trains, self.breath, rate_hz) + self.atria


def make_visit(
    rng: np.random.Generator,
    patient: Patient,
    codes: tuple[str, ...],
    difficulty: float,
    time_s: Float[np.ndarray, " time"],
) -> Visit:
    """Draws what differs from visit to visit, and plays it over `time_s`, which is regular and begins at 0."""

    faint = np.clip(patient.faint + rng.normal(0, 0.1, len(PREVALENCE)), 0, 1)
    strength = strengths(codes, difficulty, faint)
    breath = rhythm.Breath(rng.uniform(0.2, 0.33), rng.uniform(0, 2 * np.pi))
    (name,) = set(codes).intersection(RHYTHMS)
    duration_s = float(time_s[-1])
    atria: Float[np.ndarray, "9 time"] | float = 0.0
    if name == "scp:AFIB":
        marked = 0.2 + 0.8 * strength[name]
        beats, waves, grid_hz = rhythm.fibrillation(rng, duration_s, rng.uniform(62, 135), 0.24 * marked)
        atria = _atria(_FIBRILLATION * [*3 * [marked], 1, 1, 1], patient.torso, waves, grid_hz, time_s)
    elif name == "scp:AFLT":
        marked = 0.3 + 0.7 * strength[name]
        beats, waves, grid_hz = rhythm.flutter(rng, duration_s)
        atria = _atria(_FLUTTER * [*3 * [marked], 1, 1, 1], patient.torso, waves, grid_hz, time_s)
    elif name == "own:VT":
        beats = rhythm.ventricular(rng, duration_s, rng.uniform(140, 210))
    else:
        beats = _sinus(rng, patient, strength, breath, duration_s)
    rate_bpm = float(60 / beats.before_s.mean())
    for code, kind, coupling in _TOO_SOON:
        if code in codes:
            soon = rng.uniform(*coupling) + 0.15 * (1 - strength[code])
            beats = rhythm.interrupt(rng, beats, kind, duration_s, soon)
    heart = make_heart(rng, patient, strength, rate_bpm)
    return Visit(beats, trains(heart, beats), breath(time_s), atria)


def _sinus(
    rng: np.random.Generator,
    patient: Patient,
    strength: dict[str, float],
    breath: rhythm.Breath,
    duration_s: float,
) -> rhythm.Beats:
    """Sinus rhythm at the patient's own rate, drawn towards a slow and a fast one as far as they are marked."""

    rate_bpm = patient.rate_bpm + rng.uniform(-3, 6)
    for code, limit in (("scp:SBRAD", rng.uniform(40, 50)), ("scp:STACH", rng.uniform(108, 148))):
        rate_bpm += strength[code] * (limit - rate_bpm)
    restless = rng.uniform(0.008, 0.03) + 0.15 * strength["scp:AFIB"]
    return rhythm.sinus(rng, duration_s, rate_bpm, breath, rng.uniform(0.01, 0.05), restless)


def _atria(
    dipoles: Float[np.ndarray, "k 6"],
    torso: Torso,
    waves: Float[np.ndarray, "k grid"],
    grid_hz: float,
    time_s: Float[np.ndarray, " time"],
) -> Float[np.ndarray, "9 time"]:
    grid = np.arange(waves.shape[1]) / grid_hz
    there = np.array([np.interp(time_s, grid, wave) for wave in waves], dtype=np.float32)
    return torso.field(dipoles[:, 3:], dipoles[:, :3]).astype(np.float32) @ there
