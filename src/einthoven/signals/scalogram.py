"""Wavelet images: how strong each frequency is at each time, with a window that shortens as the frequency rises.

The continuous transform with the analytic Morlet wavelet (Torrence and Compo 1998, doi
10.1175/1520-0477(1998)079<0061:APGTWA>2.0.CO;2): one spectrum of the signal, times one Gaussian a row, back into time.
The signal is continued by its mirror images for ever, so it is periodic without a jump and the FFT makes no error at
the ends; and the way back leads straight to the image's columns, with no more steps than the band needs.
"""

__all__ = ["scalogram"]

import math

import numpy as np
import torch
from jaxtyping import Complex, Float
from torch import Tensor

from einthoven.signals.spectrogram import FLOOR, centres, checked, image, in_parts, up

_ANALYTIC = 5.0  # below, the Gaussian reaches negative frequencies
_REACH = 6.0  # deviations of the Gaussian, beyond which lies 1.5e-8 of it


def scalogram(
    x: Float[Tensor, "batch lead time"],
    rate_hz: float,
    *,
    band_hz: tuple[float, float],
    size: tuple[int, int],
    cycles: float = 6.0,
    log: bool = True,
    floor: float = FLOOR,
    standardised: bool = False,
) -> Float[Tensor, "batch lead height width"]:
    """One wavelet image a lead; differentiable, in 32 bits or more, whatever autocast says.

    The scale is that of `spectrogram`: a sine of amplitude a has the magnitude a / 2 at its frequency. An offset has
    none. The wavelet of frequency f is a Gaussian of the deviation `cycles` / 2πf in time and f / `cycles` in
    frequency: rows in which that is longer than the signal, such as those below 1 Hz for one beat, see its mirror
    images more than itself.

    Arguments:
        x: Signals of any unit, without NaN, such as beats or whole recordings.
        rate_hz: Samples per second.
        band_hz: The lower edge of the first row and the upper edge of the last; rows have equal ratios.
        size: Height and width in pixels. Row 0 is the lowest frequency; the columns cover the whole signal. A pixel
            is the mean power over its area.
        cycles: The parameter of the wavelet, ω₀; more is sharper in frequency and less so in time.
        log: Power in decibels, 10 log10(power + `floor`); otherwise the magnitude, in the unit of `x`.
        floor: The power that is added, in the square of the unit: with mV, the default is that of 1 µV.
        standardised: Whether each lead's image is brought to zero mean and unit variance over its pixels by itself, so
            that nothing is learnt from other images; an even image becomes zero.

    Raises:
        ValueError: If the signal is empty, the band does not lie above 0 and up to half the sampling rate, there are
            fewer than 5 cycles, or size or floor are not positive.
    """

    time = x.shape[-1]
    if not time:
        raise ValueError("there is no sample to make an image of")
    if not 0 < band_hz[0] < band_hz[1] <= rate_hz / 2:
        raise ValueError(f"the band {band_hz[0]:g}–{band_hz[1]:g} Hz does not lie above 0 and up to {rate_hz / 2:g} Hz")
    if not cycles >= _ANALYTIC:
        raise ValueError(f"a Morlet wavelet is analytic from {_ANALYTIC:g} cycles on, not with {cycles:g}")
    height, width = checked(size, floor)
    low, high = np.log(band_hz)
    rows = np.exp(centres(height * up((high - low) * cycles / height), low, high)) / rate_hz
    octaves = np.array_split(rows.reshape(height, -1), min(height, up((high - low) / math.log(2))))
    tables = [_table(octave, time, width, cycles) for octave in octaves]

    def shown(part: Float[Tensor, "signal time"]) -> Float[Tensor, "signal height width"]:
        spectrum = torch.fft.fft(torch.cat([part, part.flip(-1)], dim=-1), norm="forward")
        power = torch.cat([_power(spectrum, table, width) for table in tables], dim=1)
        return image(power, log, floor, standardised)

    most = max(table[..., 0].size * max(2 * width, table.shape[-1]) for table in tables)
    return in_parts(x, 2 * most, shown)


def _table(
    rows: Float[np.ndarray, "height row"], time: int, width: int, cycles: float
) -> Complex[np.ndarray, "height row bin"]:
    """What each row keeps of the spectrum of a signal and its mirror image, as far as its wavelets reach.

    The phases are turned so that the way back begins at the first step of the first column.

    Arguments:
        rows: Frequencies in cycles a sample; a row of the image is the mean of several.
        time: The length of the signal.
        width: Of the image.
        cycles: The parameter of the wavelet.
    """
    bins = min(time, math.floor(2 * time * rows.max() * (1 + _REACH / cycles)) + 1)
    frequencies = np.arange(bins) / (2 * time)
    gauss = np.exp(-0.5 * (cycles * (frequencies / rows[..., None] - 1)) ** 2) * (frequencies > 0)
    first = time / (2 * width * _steps(bins, width)) - 0.5
    return gauss * np.exp(2j * np.pi * frequencies * first)


def _steps(bins: int, width: int) -> int:
    """How many times in a column a wave of so many lines is looked at: its power changes twice as fast as itself."""
    return math.ceil(bins / width)


def _power(
    spectrum: Complex[Tensor, "signal bin"], table: Complex[np.ndarray, "height row wave"], width: int
) -> Float[Tensor, "signal height width"]:
    bins = table.shape[-1]
    steps = _steps(bins, width)
    lines = spectrum[:, None, None, :bins] * torch.from_numpy(table).to(spectrum)
    wave = torch.fft.ifft(lines, 2 * width * steps, norm="forward")[..., : width * steps]
    power = wave.real.square().addcmul(wave.imag, wave.imag)
    return power.unflatten(-1, (width, steps)).mean(dim=(2, 4))
