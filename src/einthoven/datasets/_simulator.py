"""The physics of the simulated ECG: dipoles in a torso, waves in time, potentials on electrodes.

A wave is a sum of Gaussians in time, each of which is a current dipole at its own place in the heart (McSharry et
al. 2003, IEEE Trans. Biomed. Eng. 50:289; with dipoles, Sameni et al. 2007, EURASIP J. Adv. Signal Process.,
43407). In an infinite homogeneous medium a dipole p at the place q makes on an electrode at e the potential

    u = (e − q)·p / |e − q|³,

which depends on where the dipole is: dipoles at different places leave twelve leads that are not of rank three.

The axes are Frank's: x to the patient's left, y to the feet, z to the back, from the middle of the heart; one unit
of length is about 10 cm. The electrodes stand where that infinite medium gives a dipole in the middle of the heart
the lead vectors of Dower et al. 1980 (Clin. Cardiol. 3:87), which stand for a real torso; so amplitudes are in mV.
"""

__all__ = ["EDGE", "ELECTRODES", "LEADS", "Shape", "Torso", "Train", "Wave", "electrodes", "make_wave", "render"]

import dataclasses

import numpy as np
from jaxtyping import Float, Int

EDGE = 0.05
"""A wave begins and ends where its envelope passes this fraction of its own peak."""

ELECTRODES = ("RA", "LA", "LL", "V1", "V2", "V3", "V4", "V5", "V6")

_LIMBS = np.array([[-1, 1, 0], [-1, 0, 1]], dtype=np.float64)  # I and II from RA, LA and LL
_WILSON = np.full((6, 3), 1 / 3)
LEADS: Float[np.ndarray, "8 9"] = np.block([[_LIMBS, np.zeros((2, 6))], [-_WILSON, np.eye(6)]])
"""I, II, V1 … V6 from the electrodes' potentials; the V leads are taken against Wilson's central terminal."""

_DOWER = np.array(
    [
        [0.632, -0.235, 0.059],
        [0.235, 1.066, -0.132],
        [-0.515, 0.157, -0.917],
        [0.044, 0.164, -1.387],
        [0.882, 0.098, -1.277],
        [1.213, 0.127, -0.601],
        [1.125, 0.127, -0.086],
        [0.831, 0.076, 0.230],
    ]
)
_REACH = 4.5  # a Gaussian is cut off so many widths from its centre, at 4e-5 of its peak


def electrodes() -> Float[np.ndarray, "9 3"]:
    """The places of the nine electrodes: e = v / |v|^(3/2) for an electrode with the lead vector v."""

    one, two = _DOWER[:2]
    vectors = np.vstack([-(one + two) / 3, (2 * one - two) / 3, (2 * two - one) / 3, _DOWER[2:]])
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True) ** 1.5)


@dataclasses.dataclass(frozen=True, eq=False)
class Torso:
    """Where the electrodes are, and how the heart lies among them.

    Attributes:
        electrodes: Their places.
        rotation: Turns the heart's axes into the torso's.
        heart: The middle of the heart.
        breath: By how much a full breath moves the heart.
    """

    electrodes: Float[np.ndarray, "9 3"]
    rotation: Float[np.ndarray, "3 3"]
    heart: Float[np.ndarray, "3"]
    breath: Float[np.ndarray, "3"]

    def field(
        self, place: Float[np.ndarray, "k 3"], moment: Float[np.ndarray, "k 3"], breath: float = 0.0
    ) -> Float[np.ndarray, "9 k"]:
        """The potentials in mV that dipoles `moment` at `place`, in the heart's own axes, make on the electrodes.

        Arguments:
            place: Where each dipole is.
            moment: Its direction and strength.
            breath: How full the lungs are, from −1 to 1.
        """
        there = place @ self.rotation.T + self.heart + breath * self.breath
        away = self.electrodes[:, None] - there
        along = np.einsum("ekx,kx->ek", away, moment @ self.rotation.T)
        return np.asarray(along / np.linalg.norm(away, axis=-1) ** 3)


@dataclasses.dataclass(frozen=True, eq=False)
class Shape:
    """A wave in the heart: Gaussians in an arbitrary unit of time, each a dipole at its place.

    Attributes:
        centre, width: When each Gaussian peaks and its standard deviation.
        moment, place: Its dipole.
    """

    centre: Float[np.ndarray, " k"]
    width: Float[np.ndarray, " k"]
    moment: Float[np.ndarray, "k 3"]
    place: Float[np.ndarray, "k 3"]


@dataclasses.dataclass(frozen=True, eq=False)
class Wave:
    """A wave on the electrodes, in units of its own duration: it begins at 0 and ends at 1, as `EDGE` has it.

    Attributes:
        centre, width: When each Gaussian peaks and its standard deviation.
        gain: What it does on each electrode, mV.
        swing: How a full breath changes that, mV.
        peak: When the wave's envelope is highest.
    """

    centre: Float[np.ndarray, " k"]
    width: Float[np.ndarray, " k"]
    gain: Float[np.ndarray, "9 k"]
    swing: Float[np.ndarray, "9 k"]
    peak: float


def make_wave(shape: Shape, torso: Torso) -> Wave:
    """The shape as the electrodes of this torso see it, its time measured in its own duration.

    Its envelope is the root mean square over the eight independent leads.
    """

    gain = torso.field(shape.place, shape.moment)
    swing = torso.field(shape.place, shape.moment, breath=1.0) - gain
    time = np.linspace((shape.centre - 4 * shape.width).min(), (shape.centre + 4 * shape.width).max(), 512)
    bells = np.exp(-0.5 * ((time - shape.centre[:, None]) / shape.width[:, None]) ** 2)
    envelope = np.sqrt(np.square(LEADS @ gain @ bells).mean(axis=0))
    edge = EDGE * envelope.max()
    above = np.flatnonzero(envelope >= edge)
    step = time[1] - time[0]
    a, b = max(above[0], 1), min(above[-1], len(time) - 2)
    onset = time[a] - step * (envelope[a] - edge) / (envelope[a] - envelope[a - 1])
    offset = time[b] + step * (envelope[b] - edge) / (envelope[b] - envelope[b + 1])
    duration = offset - onset
    return Wave(
        centre=(shape.centre - onset) / duration,
        width=shape.width / duration,
        gain=gain,
        swing=swing,
        peak=float((time[envelope.argmax()] - onset) / duration),
    )


@dataclasses.dataclass(frozen=True, eq=False)
class Train:
    """One wave, played once in each of some beats.

    Attributes:
        name: `"P"`, `"QRS"`, `"ST"` or `"T"`.
        wave: What is played.
        beat: The number of the beat.
        start_s: When it begins.
        duration_s: How long it lasts.
    """

    name: str
    wave: Wave
    beat: Int[np.ndarray, " n"]
    start_s: Float[np.ndarray, " n"]
    duration_s: Float[np.ndarray, " n"]

    def bells(self, samples: int, rate_hz: float) -> Float[np.ndarray, "k time"]:
        """Its Gaussians, summed over the beats, from time 0 on."""
        kinds = len(self.wave.centre)
        if not len(self.start_s):
            return np.zeros((kinds, samples), dtype=np.float32)
        centre = (self.start_s[:, None] + self.duration_s[:, None] * self.wave.centre) * rate_hz
        width = self.duration_s[:, None] * self.wave.width * rate_hz
        reach = int(np.ceil(_REACH * width.max()))
        index = np.round(centre).astype(np.int64)[..., None] + np.arange(-reach, reach + 1)
        value = np.exp(-0.5 * ((index - centre[..., None]) / width[..., None]) ** 2)
        inside = (index >= 0) & (index < samples)
        row = np.arange(kinds)[:, None] * samples
        sums = np.bincount((index + row)[inside], weights=value[inside], minlength=kinds * samples)
        return sums.reshape(kinds, samples).astype(np.float32)


def render(trains: list[Train], breath: Float[np.ndarray, " time"], rate_hz: float) -> Float[np.ndarray, "9 time"]:
    """The potentials in mV of all waves, float32, with the heart moving as the patient breathes."""

    bells = np.concatenate([train.bells(len(breath), rate_hz) for train in trains])
    gain, swing = (
        np.concatenate([getattr(train.wave, name) for train in trains], axis=1).astype(np.float32)
        for name in ("gain", "swing")
    )
    return np.asarray(gain @ bells + breath.astype(np.float32) * (swing @ bells))
