"""The part of an ECG that survives copying: 2 to 20 Hz, fifty times a second, eight bits a sample.

A recording that was resampled, scaled, filtered (0.5–40 Hz), standardised, rounded, cut or made a little noisy keeps
that part, up to a factor per lead and a shift. So a fingerprint of one copy, slid along that of another, fits it; see
`einthoven.audit`. It does not depend on the sampling rate: the band is cut out of the spectrum by a window that is
stated in hertz, and the rest of the spectrum is not kept.
"""

__all__ = ["fingerprint"]

import numpy as np
from jaxtyping import Float, Int8
from scipy.fft import irfft, next_fast_len, rfft

FINGERPRINT_HZ = 50.0
_LOW_HZ, _HIGH_HZ = (0.5, 2.0), (18.0, 24.0)  # where the window rises and falls
_PAD_S = 1.0
_STILL = 0.005  # of the deviation: what counts as no change
_FILLED_S = 0.5
_TYPICAL, _TALLEST = 0.7, 3.0  # the share of seconds that reach no higher, and how often that fits into eight bits


def fingerprint(signal: Float[np.ndarray, "lead time"], rate_hz: float) -> Int8[np.ndarray, "lead sample"]:
    """The fingerprint of a recording, lead by lead.

    Arguments:
        signal: Any unit, no NaN.
        rate_hz: Samples per second, at least 50.

    Returns:
        `FINGERPRINT_HZ` samples a second; zeros for a lead without anything in the band.

    Raises:
        ValueError: If the rate is below 50 Hz, so that the band is not in the signal.
    """

    if rate_hz < FINGERPRINT_HZ:
        raise ValueError(f"a fingerprint needs at least {FINGERPRINT_HZ:g} samples a second, not {rate_hz:g}")
    signal = np.asarray(signal, dtype=np.float32)
    out = np.zeros((len(signal), int(signal.shape[1] * FINGERPRINT_HZ / rate_hz + 1e-6)), dtype=np.int8)
    start, stop = _recorded(signal, rate_hz)
    first = int(np.ceil(start * FINGERPRINT_HZ / rate_hz - 1e-6))
    last = min(out.shape[1], int(stop * FINGERPRINT_HZ / rate_hz + 1e-6))
    if last - first >= 2:
        late_s = first / FINGERPRINT_HZ - start / rate_hz
        out[:, first:last] = _rounded(_cut(signal[:, start:stop], rate_hz, late_s, last - first))
    return out


def _recorded(signal: Float[np.ndarray, "lead time"], rate_hz: float) -> tuple[int, int]:
    """From where to where there is a recording: half a second or more without any change at an end was filled up."""
    spread = signal.std(axis=1)
    edges = []
    for end in (signal, signal[:, ::-1]):
        moved = (np.abs(end - end[:, :1]).T > _STILL * spread).any(axis=1)
        still = int(moved.argmax()) if moved.any() else 0
        edges.append(still if still >= _FILLED_S * rate_hz else 0)
    return edges[0], signal.shape[1] - edges[1]


def _cut(
    signal: Float[np.ndarray, "lead time"], rate_hz: float, late_s: float, samples: int
) -> Float[np.ndarray, "lead sample"]:
    """The band, from `late_s` after the first sample on."""
    time = signal.shape[1]
    pad = min(time - 1, round(_PAD_S * rate_hz))
    length, long = _lengths(time + 2 * pad, rate_hz)
    frequency = np.arange(long // 2 + 1) * rate_hz / length
    turn = np.exp(2j * np.pi * frequency * (pad / rate_hz + late_s))
    kept = rfft(_continued(signal, pad), length, axis=1)[:, : len(frequency)] * (_window(frequency) * turn)
    return irfft(kept.astype(np.complex64), long, axis=1)[:, :samples]


def _lengths(time: int, rate_hz: float) -> tuple[int, int]:
    """Lengths of the transforms at both rates, at least `time`, that last equally long."""
    candidates = np.arange(time, time + max(2, round(rate_hz)))
    there = candidates * FINGERPRINT_HZ / rate_hz
    exact = candidates[np.abs(there - np.round(there)) <= np.abs(there - np.round(there)).min() + 1e-9]
    length = min(map(int, exact), key=lambda n: (next_fast_len(n, real=True) != n, n))
    return length, round(length * FINGERPRINT_HZ / rate_hz)


def _continued(signal: Float[np.ndarray, "lead time"], pad: int) -> Float[np.ndarray, "lead padded"]:
    """The signal continued at both ends as in a point mirror, without the straight line between its new ends."""
    first, last = signal[:, :1], signal[:, -1:]
    out = np.concatenate([2 * first - signal[:, pad:0:-1], signal, 2 * last - signal[:, -2 : -pad - 2 : -1]], axis=1)
    slope = (out[:, -1:] - out[:, :1]) / max(out.shape[1] - 1, 1)
    return out - (out[:, :1] + slope * np.arange(out.shape[1], dtype=np.float32))


def _window(frequency_hz: Float[np.ndarray, " bin"]) -> Float[np.ndarray, " bin"]:
    """How much of each frequency is kept: sine-squared flanks, so that nothing rings for long."""
    rise, fall = (np.clip((frequency_hz - a) / (b - a), 0, 1) for a, b in (_LOW_HZ, _HIGH_HZ[::-1]))
    return np.sin(np.pi / 2 * rise) ** 2 * np.sin(np.pi / 2 * fall) ** 2


def _rounded(signal: Float[np.ndarray, "lead sample"]) -> Int8[np.ndarray, "lead sample"]:
    """Eight bits a sample; a third of the range is the peak of a typical second: seven in ten reach no higher."""
    second = int(FINGERPRINT_HZ)
    whole = signal.shape[1] // second * second
    seconds = np.abs(signal[:, :whole] if whole else signal).reshape(len(signal), -1, min(second, signal.shape[1]))
    typical = np.quantile(seconds.max(axis=2), _TYPICAL, axis=1)[:, None].astype(np.float32)
    scaled = np.divide(signal * 127, _TALLEST * typical, out=np.zeros_like(signal), where=typical > 1e-6)
    return np.clip(np.round(scaled), -127, 127).astype(np.int8)
