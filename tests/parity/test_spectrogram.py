"""Fourier and wavelet images against SciPy and against the formulas, written out."""

import numpy as np
import pytest
import torch
from scipy.signal import ShortTimeFFT, fftconvolve, stft, zoom_fft
from scipy.signal.windows import hann

from einthoven.datasets.simulated import Simulated
from einthoven.signals.scalogram import scalogram
from einthoven.signals.spectrogram import spectrogram

BEAT, RATE_HZ = 325, 360.0


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape)


def mirrored(x: np.ndarray, pad: int) -> np.ndarray:
    return np.pad(x, [(0, 0)] * (x.ndim - 1) + [(pad, pad)], mode="symmetric")


def magnitude(x: np.ndarray, rate_hz: float, **options: object) -> np.ndarray:
    return spectrogram(torch.from_numpy(x), rate_hz, log=False, **options).numpy()  # type: ignore[arg-type]


def on_bins(rate_hz: float, taps: int, rows: int) -> tuple[float, float]:
    """The band whose rows have the bins 1 to `rows` in their middle."""
    return 0.5 * rate_hz / taps, (rows + 0.5) * rate_hz / taps


# A periodic Hann window of odd length has its middle between two samples, as the columns of an even step have theirs.
@pytest.mark.parametrize(("taps", "hop"), [(72, 5), (72, 25), (30, 1), (71, 12), (29, 4)])
def test_short_time_fft_agrees_in_every_column(taps: int, hop: int) -> None:
    x, pad = noise(2, 3, BEAT), (72 // hop + 1) * hop
    width, rows = BEAT // hop, taps // 3
    x = x[..., : width * hop]
    peer = ShortTimeFFT(hann(taps, sym=False), hop, RATE_HZ, scale_to="magnitude")
    first = pad // hop
    want = abs(peer.stft(mirrored(x, pad)[..., (hop - 1) // 2 :], p0=first, p1=first + width))[..., 1 : rows + 1, :]
    options = {"window_s": taps / RATE_HZ, "hop_s": hop / RATE_HZ}
    got = magnitude(x, RATE_HZ, band_hz=on_bins(RATE_HZ, taps, rows), size=(rows, width), **options)
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-13)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_whole_recording_as_the_older_stft_has_it(dtype: type) -> None:
    x = Simulated(1, seed=5).read("simulated:5-00000-1").signal.astype(dtype)
    taps, hop, rows = 250, 25, 20
    width = x.shape[1] // hop
    x = x[:, : width * hop]
    want = abs(stft(mirrored(x, 500)[:, hop // 2 :], 500, nperseg=taps, noverlap=taps - hop, boundary=None)[2])
    options = {"window_s": taps / 500, "hop_s": hop / 500}
    got = magnitude(x[None], 500, band_hz=on_bins(500, taps, rows), size=(rows, width), **options)[0]
    # Its column number c begins at c * hop, and has its middle half a window later.
    first = (500 - taps // 2) // hop
    near = 1e-6 if dtype is np.float32 else 1e-12  # single precision rounds otherwise on every kind of processor
    np.testing.assert_allclose(got, want[:, 1 : rows + 1, first : first + width], rtol=0, atol=near)


def test_rows_between_the_bins_are_those_of_a_zoomed_transform() -> None:
    x, taps, (low, high) = noise(BEAT), 72, (3.0, 47.0)
    want = abs(zoom_fft(x[100 : 100 + taps] * hann(taps, sym=False), [low, high], 100, fs=RATE_HZ, endpoint=True))
    edge = (high - low) / 99 / 2
    # One column over 273 samples has its middle at 136, where that window has its own.
    got = magnitude(
        x[None, None, :273], RATE_HZ, window_s=0.2, band_hz=(low - edge, high + edge), size=(100, 1), hop_s=1
    )
    np.testing.assert_allclose(got[0, 0, :, 0], want / (taps / 2), atol=1e-13)


def test_columns_between_the_samples_are_those_of_the_formula() -> None:
    x, width, hz = noise(BEAT), 50, 20.0
    at = np.arange(-BEAT, 2 * BEAT)
    want = []
    for column in range(width):
        far = (at - ((column + 0.5) * BEAT / width - 0.5)) / 72
        window = np.where(abs(far) < 0.5, 1 + np.cos(2 * np.pi * far), 0)
        want.append(abs((mirrored(x, BEAT) * window * np.exp(-2j * np.pi * hz * at / RATE_HZ)).sum()) / 72)
    got = magnitude(x[None, None], RATE_HZ, window_s=0.2, band_hz=(19, 21), size=(1, width), hop_s=1)
    np.testing.assert_allclose(got[0, 0, 0], want, atol=1e-13)


def test_a_wide_pixel_is_the_mean_power_of_the_fine_ones() -> None:
    x, options = noise(1, 2, 360), {"window_s": 0.2, "band_hz": (0.0, 60.0)}
    fine = magnitude(x, 360, size=(12, 72), **options) ** 2
    coarse = magnitude(x, 360, size=(4, 12), hop_s=5 / 360, **options) ** 2
    np.testing.assert_allclose(coarse, fine.reshape(1, 2, 4, 3, 12, 6).mean(axis=(3, 5)), atol=1e-13)


# ------------------------------------------------------------------------------------------------------------- wavelets


@pytest.mark.parametrize("cycles", [6.0, 8.0])
def test_the_wavelet_transform_is_a_convolution(cycles: float) -> None:
    """With the Morlet wavelet of Torrence and Compo, written in time; one column a sample."""
    x, rows, (low, high) = noise(2, BEAT), 24, (5.0, 60.0)  # so many rows that none is a mean
    time = np.arange(-2 * BEAT, 2 * BEAT + 1) / RATE_HZ
    want = np.empty((2, rows, BEAT))
    for row, hz in enumerate(low * (high / low) ** ((np.arange(rows) + 0.5) / rows)):
        deviation = cycles / (2 * np.pi * hz)
        wavelet = np.exp(2j * np.pi * hz * time - 0.5 * (time / deviation) ** 2)
        wavelet /= np.sqrt(2 * np.pi) * deviation * RATE_HZ
        whole = fftconvolve(mirrored(x, 2 * BEAT), wavelet[None], mode="same", axes=1)
        want[:, row] = abs(whole)[:, 2 * BEAT : 3 * BEAT]
    options = {"band_hz": (low, high), "size": (rows, BEAT), "cycles": cycles, "log": False}
    got = scalogram(torch.from_numpy(x[None]), RATE_HZ, **options)[0].numpy()
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-7)


def test_columns_between_the_samples_are_those_of_the_wavelet_formula() -> None:
    x, width, hz, cycles = noise(BEAT), 50, 8.0, 6.0
    at = np.arange(-2 * BEAT, 3 * BEAT)
    deviation = cycles / (2 * np.pi * hz) * RATE_HZ
    want = []
    for column in range(width):
        late = at - ((column + 0.5) * BEAT / width - 0.5)
        wavelet = np.exp(2j * np.pi * hz * late / RATE_HZ - 0.5 * (late / deviation) ** 2)
        want.append(abs((mirrored(x, 2 * BEAT) * wavelet).sum()) / (np.sqrt(2 * np.pi) * deviation))
    got = scalogram(torch.from_numpy(x[None, None]), RATE_HZ, band_hz=(8 / 1.01, 8 * 1.01), size=(1, width), log=False)
    np.testing.assert_allclose(got[0, 0, 0].numpy(), want, rtol=0, atol=1e-7)


def test_a_wide_pixel_of_wavelets_is_the_mean_power_of_its_samples() -> None:
    x, options = torch.from_numpy(noise(1, 2, BEAT)), {"band_hz": (2.0, 40.0), "log": False}
    fine = scalogram(x, RATE_HZ, size=(64, BEAT), **options).square()
    for width in (5, 25, 65):
        coarse = scalogram(x, RATE_HZ, size=(64, width), **options).square()
        want = fine.unflatten(-1, (width, -1)).mean(dim=-1)
        assert (coarse - want).abs().max() < 0.003 * want.max()
