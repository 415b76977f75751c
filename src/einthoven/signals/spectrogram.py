"""Fourier images: how strong each frequency is at each time.

The short-time Fourier transform with a Hann window (Gabor 1946, Allen 1977), taken at the image's own pixels. A row is
a frequency and a column a time, neither of which need be a bin or a sample: the transform is a matrix product, and the
window is a formula. So nothing is resized. Where pixels lie further apart than the transform can see, a pixel is the
mean power over its area, so that nothing falls between two of them either: an image of any size holds the same energy.

The signal is continued by its mirror image at both ends, which makes no jump there.
"""

__all__ = ["spectrogram"]

import math
from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

FLOOR = 1e-6
_OVERLAP = 4  # transforms a window, at which the squared windows add up to a constant
_FEWEST = 4  # samples a window
_CACHED = 1 << 19  # numbers that a processor's cache holds
_NOTHING = 1e-30  # a power below is none: its root is 0, and so is the slope of that
_EVEN, _STILL = 1e-8, 1e-20  # of an image's mean square, and of any: a variance below is rounding


def spectrogram(
    x: Float[Tensor, "batch lead time"],
    rate_hz: float,
    *,
    window_s: float,
    band_hz: tuple[float, float],
    size: tuple[int, int],
    hop_s: float | None = None,
    log: bool = True,
    floor: float = FLOOR,
    standardised: bool = False,
) -> Float[Tensor, "batch lead height width"]:
    """One Fourier image a lead; differentiable, in 32 bits or more, whatever autocast says.

    The scale does not depend on window, rate or size: a sine of amplitude a has the magnitude a / 2 at its frequency,
    and a constant c has c at 0 Hz. A frequency spreads over ± 2 / `window_s`, and so does an offset: take it off
    before where it means nothing.

    Arguments:
        x: Signals of any unit, without NaN, such as beats or whole recordings.
        rate_hz: Samples per second.
        window_s: The length of the Hann window, rounded to samples.
        band_hz: The lower edge of the first row and the upper edge of the last.
        size: Height and width in pixels. Row 0 is the lowest frequency; the columns cover the whole signal. A pixel
            stands for its centre.
        hop_s: The longest step between two transforms; a quarter of the window where nobody says. A column that is
            wider holds the mean power of several.
        log: Power in decibels, 10 log10(power + `floor`); otherwise the magnitude, in the unit of `x`.
        floor: The power that is added, in the square of the unit: with mV, the default is that of 1 µV.
        standardised: Whether each lead's image is brought to zero mean and unit variance over its pixels by itself, so
            that nothing is learnt from other images; an even image becomes zero.

    Raises:
        ValueError: If the window is shorter than 4 samples or longer than the signal, the band is empty or reaches
            beyond half the sampling rate, or size, hop or floor are not positive.
    """

    taps, time = round(window_s * rate_hz), x.shape[-1]
    if not _FEWEST <= taps <= time:
        window = f"a window of {window_s:g} s has {taps} samples at {rate_hz:g} Hz"
        raise ValueError(f"{window}; it takes at least {_FEWEST} and at most the {time} of the signal")
    if not 0 <= band_hz[0] < band_hz[1] <= rate_hz / 2:
        raise ValueError(f"the band {band_hz[0]:g}–{band_hz[1]:g} Hz does not lie between 0 and {rate_hz / 2:g} Hz")
    hop = taps / _OVERLAP if hop_s is None else hop_s * rate_hz
    if not hop > 0:
        raise ValueError(f"the step between two transforms is positive, not {hop_s} s")
    height, width = checked(size, floor)
    columns, rows = up(time / (hop * width)), up((band_hz[1] - band_hz[0]) * taps / (rate_hz * height))
    frequencies = centres(height * rows, *band_hz)
    times = centres(width * columns, 0, time) - 0.5
    tables = _tables(frequencies / rate_hz, times, taps)

    def shown(part: Float[Tensor, "signal time"]) -> Float[Tensor, "signal height width"]:
        power = _power(part, *tables).reshape(len(part), width, columns, height, rows)
        return image(power.mean(dim=(2, 4)).transpose(1, 2).contiguous(), log, floor, standardised)

    return in_parts(x, 2 * len(times) * len(frequencies), shown)


def _tables(
    frequencies: Float[np.ndarray, " row"], times: Float[np.ndarray, " column"], taps: int
) -> tuple[Int[np.ndarray, " column"], Float[np.ndarray, "column tap"], Float[np.ndarray, "tap wave"]]:
    """Of frequencies (cycles a sample) and times (samples): where each window starts, the windows, and the waves."""
    first = np.floor(times - taps / 2).astype(np.int64) + 1
    late = first - times
    window = (1 + np.cos(2 * np.pi * (late[:, None] + np.arange(taps)) / taps)) / taps  # the sum is 1
    angle = 2 * np.pi * np.arange(taps)[:, None] * frequencies
    return first, window, np.concatenate([np.cos(angle), np.sin(angle)], axis=1)


def _power(
    x: Float[Tensor, "signal time"],
    first: Int[np.ndarray, " column"],
    window: Float[np.ndarray, "column tap"],
    waves: Float[np.ndarray, "tap wave"],
) -> Float[Tensor, "signal column row"]:
    taps = len(waves)
    long = torch.cat([x[:, :taps].flip(-1), x, x[:, -taps:].flip(-1)], dim=-1)
    pieces = long.unfold(-1, taps, 1)[:, torch.from_numpy(first + taps).to(x.device)]
    real, imaginary = (pieces * torch.from_numpy(window).to(x) @ torch.from_numpy(waves).to(x)).chunk(2, dim=-1)
    return real.square().addcmul(imaginary, imaginary)


def checked(size: tuple[int, int], floor: float) -> tuple[int, int]:
    """The size, once it and the floor are known to be positive."""
    if not (len(size) == 2 and min(size) >= 1 and floor > 0):
        raise ValueError(f"height, width and floor are positive, not {size} and {floor:g}")
    return size


def up(quotient: float) -> int:
    """The quotient, at least 1, as the next whole number, where it is not one up to rounding."""
    return max(1, math.ceil(quotient - 1e-9))


def centres(count: int, low: float, high: float) -> Float[np.ndarray, " count"]:
    """The middles of `count` equal parts of what lies between `low` and `high`."""
    return low + (np.arange(count) + 0.5) * ((high - low) / count)


def in_parts(
    x: Float[Tensor, "batch lead time"],
    values: int,
    shown: Callable[[Float[Tensor, "signal time"]], Float[Tensor, "signal height width"]],
) -> Float[Tensor, "batch lead height width"]:
    """The images of all signals in at least 32 bits, on a CPU of as many at once as its cache holds.

    Arguments:
        x: The signals.
        values: How many numbers the transform of one of them has.
        shown: Makes the images of some of them.
    """
    signals = x.to(torch.promote_types(x.dtype, torch.float32)).flatten(0, 1)
    many = max(1, _CACHED // values if x.device.type == "cpu" else len(signals))
    with torch.autocast(x.device.type, enabled=False):
        images = torch.cat([shown(part) for part in torch.split(signals, many)])
    return images.reshape(*x.shape[:2], *images.shape[1:])


def image(
    power: Float[Tensor, "signal height width"], log: bool, floor: float, standardised: bool
) -> Float[Tensor, "signal height width"]:
    """Power as it is shown; the gradient is finite where there is none."""
    if log:
        shown = 10 * torch.log10(power + floor)
    else:
        some = power > _NOTHING
        shown = torch.where(some, torch.where(some, power, 1).sqrt(), 0)
    if not standardised:
        return shown
    centred = shown - shown.mean(dim=(1, 2), keepdim=True)
    variance = centred.square().mean(dim=(1, 2), keepdim=True)
    even = _EVEN * shown.square().mean(dim=(1, 2), keepdim=True) + _STILL
    return centred * torch.rsqrt(variance + even)
