"""What else the electrodes pick up: drift, breathing, muscle, mains and motion.

All of it is added to the electrodes' potentials, so the identities between the leads survive it.
"""

__all__ = ["make_noise"]

import numpy as np
from jaxtyping import Float

# (from Hz, to Hz, falling with the frequency as f^-power, root mean square in mV)
_BANDS = ((0.05, 1.0, 1.0, 0.05), (15.0, 150.0, 0.3, 0.012), (0.5, 1e9, 0.0, 0.004))
_MAINS_HZ = 50.0


def make_noise(
    rng: np.random.Generator, level: float, breath: Float[np.ndarray, " time"], rate_hz: float, electrodes: int
) -> Float[np.ndarray, "electrode time"]:
    """The noise of one record in mV, float32.

    Arguments:
        rng: Where it is drawn from.
        level: Multiplies all of it.
        breath: How full the lungs are.
        rate_hz: Samples per second.
        electrodes: How many.
    """

    samples = len(breath)
    time = (np.arange(samples) / rate_hz).astype(np.float32)
    rough = np.exp(rng.normal(0, 0.4, (len(_BANDS), electrodes, 1)))
    noise = _bands(rng, rough, samples, rate_hz, electrodes)
    noise += rng.normal(0, 0.03, (electrodes, 1)).astype(np.float32) * breath.astype(np.float32)
    if rng.random() < 0.35 and rate_hz > 2.2 * _MAINS_HZ:
        size = rng.exponential(0.02) * rng.uniform(0.3, 1, (electrodes, 1))
        lag = rng.normal(0, 0.3, (electrodes, 1))
        noise += (size * np.sin(2 * np.pi * _MAINS_HZ * time + lag)).astype(np.float32)
    for _ in range(rng.poisson(0.04 * time[-1])):
        when, long_s = rng.uniform(0, time[-1]), rng.uniform(0.08, 0.4)
        jolt = rng.normal(0, 0.3) * np.exp(-0.5 * ((time - when) / long_s) ** 2)
        noise[rng.integers(electrodes)] += jolt.astype(np.float32)
    return np.float32(level) * noise


def _bands(
    rng: np.random.Generator,
    rough: Float[np.ndarray, "band electrode 1"],
    samples: int,
    rate_hz: float,
    electrodes: int,
) -> Float[np.ndarray, "electrode time"]:
    """Gaussian noise with the spectrum of `_BANDS`, drawn as its Fourier coefficients."""

    hz = np.fft.rfftfreq(samples, 1 / rate_hz)
    power = np.zeros((electrodes, len(hz)))
    for (low, high, fall, rms), factor in zip(_BANDS, rough, strict=True):
        inside = (hz >= low) & (hz <= high)
        density = np.where(inside, np.maximum(hz, low) ** (-2 * fall), 0)
        if density.any():
            power += density / density.sum() * (rms * factor) ** 2
    parts = rng.standard_normal((2, electrodes, len(hz)), dtype=np.float32)
    spectrum = (parts[0] + 1j * parts[1]) * (np.sqrt(power) * (samples / 2)).astype(np.float32)
    return np.fft.irfft(spectrum, samples).astype(np.float32)
