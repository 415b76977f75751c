"""Fourier and wavelet images: tones, shifts, energy, gradients and precision."""

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from einthoven.signals.scalogram import scalogram
from einthoven.signals.spectrogram import spectrogram

RATE_HZ, BEAT = 360.0, 325
fourier = partial(spectrogram, rate_hz=RATE_HZ, window_s=0.2, band_hz=(0.0, 60.0), size=(24, 65))
wavelet = partial(scalogram, rate_hz=RATE_HZ, band_hz=(3.0, 60.0), size=(24, 65))
BOTH = pytest.mark.parametrize("draw", [fourier, wavelet], ids=["fourier", "wavelet"])
Draw = Callable[..., Tensor]


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def tone(hz: float, samples: int, rate_hz: float = RATE_HZ, phase: float = 0.3) -> Tensor:
    return torch.sin(2 * np.pi * hz * torch.arange(samples, dtype=torch.float64) / rate_hz + phase)[None, None]


# ------------------------------------------------------------------------------------------------------- tones, shifts


@settings(max_examples=20)
@given(st.floats(8, 55), st.floats(0.01, 100), st.floats(0, 6))
def test_a_tone_sits_in_its_row_with_half_its_amplitude(hz: float, amplitude: float, phase: float) -> None:
    x = amplitude * tone(hz, 3600, phase=phase)
    middle = slice(20, 45)
    linear = spectrogram(x, RATE_HZ, window_s=0.5, band_hz=(0, 60), size=(120, 65), log=False)[0, 0, :, middle]
    row = int(hz / 0.5)
    assert ((linear.argmax(dim=0) - row).abs() <= (1 if abs(hz / 0.5 - row - 0.5) > 0.4 else 0)).all()
    np.testing.assert_allclose(linear.amax(dim=0), amplitude / 2, rtol=0.02)
    ratio = scalogram(x, RATE_HZ, band_hz=(3, 60), size=(120, 65), log=False)[0, 0, :, middle]
    row = np.log(hz / 3) / np.log(20) * 120
    assert ((ratio.argmax(dim=0) + 0.5 - row).abs() <= 0.6).all()
    np.testing.assert_allclose(ratio.amax(dim=0), amplitude / 2, rtol=0.02)


@pytest.mark.parametrize("rate_hz", [100.0, 360.0, 500.0])
def test_the_scale_does_not_depend_on_the_rate(rate_hz: float) -> None:
    x = tone(12, round(10 * rate_hz), rate_hz)
    at_100 = tone(12, 1000, 100.0)
    for draw in (partial(spectrogram, window_s=0.5), scalogram):
        images = [draw(s, r, band_hz=(4.0, 40.0), size=(32, 64), log=False) for s, r in ((x, rate_hz), (at_100, 100.0))]
        np.testing.assert_allclose(images[0][..., 8:-8], images[1][..., 8:-8], atol=0.005)


@BOTH
def test_a_later_signal_is_an_image_further_right(draw: Draw) -> None:
    """One column is 5 samples; the ends differ, since another part is mirrored there."""
    pulse = torch.exp(-0.5 * ((torch.arange(BEAT, dtype=torch.float64) - 150) / 4) ** 2)[None, None]
    here, later = draw(pulse, log=False), draw(pulse.roll(20, -1), log=False)
    inner = slice(8, None)  # rows whose wavelets do not see the ends
    np.testing.assert_allclose(later[:, :, inner, 20:50], here[:, :, inner, 16:46], atol=1e-3 * float(here.max()))
    assert not np.allclose(later[:, :, inner, 20:50], here[:, :, inner, 20:50], atol=0.1 * float(here.max()))


@pytest.mark.parametrize("hop", range(1, 26, 2))
def test_a_step_of_one_column_is_one_transform_whatever_the_rounding(hop: int) -> None:
    for rate_hz in (360.0, 500.0, 257.0):
        x, options = noise(1, 1, 12 * hop + 72), {"window_s": 72 / rate_hz, "band_hz": (0.0, 0.1 * rate_hz)}
        step = x.shape[-1] / 12 / rate_hz
        exact, longer, none = (
            spectrogram(x, rate_hz, size=(9, 12), hop_s=h, **options) for h in (step, 1.1 * step, float("inf"))
        )
        np.testing.assert_array_equal(exact, longer)
        np.testing.assert_array_equal(exact, none)
        assert not torch.equal(exact, spectrogram(x, rate_hz, size=(9, 12), hop_s=0.9 * step, **options))


@BOTH
def test_time_turned_round_is_the_image_turned_round(draw: Draw) -> None:
    x = noise(2, 3, BEAT)
    np.testing.assert_allclose(draw(x.flip(-1)), draw(x).flip(-1), atol=1e-7)


def test_an_offset_is_in_the_lowest_rows_and_in_no_wavelet() -> None:
    x = noise(1, 1, BEAT)
    np.testing.assert_allclose(wavelet(x + 5, log=False), wavelet(x, log=False), atol=1e-9)
    flat = fourier(torch.full((1, 1, BEAT), 5.0), log=False)[0, 0]
    assert flat[0].min() > 4 and flat[4:].max() < 0.15 and flat[0].std() < 1e-5, "row 4 begins at 2 / window_s"


# -------------------------------------------------------------------------------------------------------------- energy


@settings(max_examples=30)
@given(st.integers(1, 90), st.integers(1, 90), st.integers(16, 100), st.integers(200, 400), st.integers(0, 99))
def test_an_image_of_any_size_holds_the_same_energy(height: int, width: int, taps: int, time: int, seed: int) -> None:
    """Parseval in time and frequency: the mean pixel is the signal's power times that of the window."""
    x = noise(1, 2, time, seed=seed)
    got = spectrogram(x, 100, window_s=taps / 100, band_hz=(0, 50), size=(height, width), log=False).square()
    want = 1.5 / taps * x.square().mean(dim=-1)
    np.testing.assert_allclose(got.mean(dim=(2, 3)), want, rtol=2e-3)


@settings(max_examples=30)
@given(st.integers(1, 60), st.integers(1, 90), st.floats(5, 12), st.integers(0, 99))
def test_the_wavelets_keep_energy_whatever_the_width(height: int, width: int, cycles: float, seed: int) -> None:
    x = noise(1, 1, 300, seed=seed)
    whole, got = (
        scalogram(x, 100, band_hz=(2, 40), size=(height, w), cycles=cycles, log=False).square().mean(dim=-1)
        for w in (300, width)
    )
    np.testing.assert_allclose(got, whole, rtol=1e-9)


@pytest.mark.parametrize("height", [3, 7, 64])
def test_no_tone_falls_between_two_rows(height: int) -> None:
    for window, band in ((0.5, (0.0, 50.0)), (3.0, (0.0, 50.0))):
        power = [
            float(spectrogram(tone(hz, 1000, 100), 100, window_s=window, band_hz=band, size=(height, 4), log=False)
                  .square()[..., 1:3].sum())
            for hz in np.linspace(10, 40, 31)
        ]  # fmt: skip
        assert max(power) < 1.02 * min(power)
    power = [
        float(
            scalogram(tone(hz, 1000, 100), 100, band_hz=(1, 50), size=(height, 4), log=False).square()[..., 1:3].sum()
        )
        for hz in np.geomspace(3, 16, 31)
    ]
    assert max(power) < 1.02 * min(power)


# ------------------------------------------------------------------------------------- decibels and standardised images


@BOTH
def test_decibels_are_those_of_power_and_floor(draw: Draw) -> None:
    x = noise(2, 2, BEAT)
    power = draw(x, log=False).square()
    np.testing.assert_allclose(draw(x, floor=1e-3), 10 * torch.log10(power + 1e-3), atol=1e-9)
    np.testing.assert_allclose(draw(torch.zeros(1, 1, BEAT)), -60, atol=1e-4)
    assert not draw(torch.zeros(1, 1, BEAT), log=False).any()


@BOTH
@pytest.mark.parametrize("log", [True, False])
def test_a_standardised_image_stands_for_itself(draw: Draw, log: bool) -> None:
    x = noise(3, 2, BEAT)
    got = draw(x, standardised=True, log=log)
    np.testing.assert_allclose(got.mean(dim=(2, 3)), 0, atol=1e-9)
    np.testing.assert_allclose(got.std(dim=(2, 3), correction=0), 1, atol=1e-6)
    np.testing.assert_allclose(draw(x[1:2, 1:], standardised=True, log=log)[0, 0], got[1, 1], atol=1e-9)
    louder = draw(30 * x, standardised=True, log=log, floor=1e-12)
    np.testing.assert_allclose(louder, draw(x, standardised=True, log=log, floor=1e-12), atol=1e-4)
    for height in range(20, 40):
        even = draw(torch.zeros(1, 1, BEAT), size=(height, 53), floor=1e-7 * height, standardised=True, log=log)
        assert even.abs().max() < 0.01, "rounding is not blown up"


# ------------------------------------------------------------------------------------------------------------ gradients


@BOTH
@pytest.mark.parametrize("log", [True, False])
@pytest.mark.parametrize("standardised", [True, False])
def test_gradients_are_right(draw: Draw, log: bool, standardised: bool) -> None:
    x = noise(1, 1, 72).requires_grad_()
    small = partial(draw, size=(3, 4), log=log, standardised=standardised)
    assert torch.autograd.gradcheck(small, (x,))


@BOTH
@pytest.mark.parametrize("log", [True, False])
@pytest.mark.parametrize("standardised", [True, False])
def test_gradients_are_finite_where_there_is_no_power(draw: Draw, log: bool, standardised: bool) -> None:
    pulse = torch.zeros(1, 1, BEAT)
    pulse[..., 200] = 1.0
    for signal in (torch.zeros(1, 1, BEAT), torch.ones(1, 1, BEAT), pulse, 1e-15 * pulse, 1e-30 * pulse, 1e15 * pulse):
        x = signal.clone().requires_grad_()
        image = draw(x, log=log, standardised=standardised)
        (image * torch.linspace(-1, 1, image.shape[-1])).sum().backward()
        assert torch.isfinite(image).all() and x.grad is not None and torch.isfinite(x.grad).all()


# ------------------------------------------------------------------------------------------------------------ precision


@BOTH
@pytest.mark.parametrize("time", [BEAT, 5000])
def test_32_bits_suffice(draw: Draw, time: int) -> None:
    x = noise(2, 2, time) + 3
    exact, got = draw(x, log=False), draw(x.float(), log=False)
    assert got.dtype == torch.float32
    assert (got - exact).abs().max() < 2e-6 * x.abs().max()
    assert (draw(x.float()) - draw(x)).abs().max() < 0.05, "decibels, with a floor of -60"


@BOTH
def test_autocast_and_half_precision_do_not_lower_it(draw: Draw) -> None:
    x = noise(2, 2, BEAT).float()
    with torch.autocast("cpu", torch.bfloat16):
        got = draw(x)
    np.testing.assert_array_equal(got, draw(x))
    half = x.bfloat16()
    assert draw(half).dtype == torch.float32
    np.testing.assert_array_equal(draw(half), draw(half.float()))


@BOTH
def test_an_image_does_not_depend_on_the_rest_of_the_batch(draw: Draw) -> None:
    x = noise(40, 3, BEAT)
    together = draw(x)
    assert together.shape == (40, 3, 24, 65)
    for record in (0, 17, 39):
        np.testing.assert_allclose(together[record, 1], draw(x[record, 1][None, None])[0, 0], atol=1e-9)


@BOTH
@pytest.mark.parametrize("size", [(1, 1), (1, 50), (50, 1), (224, 224), (7, 400)])
@pytest.mark.parametrize("time", [72, 325, 1001])
def test_any_size_of_any_length(draw: Draw, size: tuple[int, int], time: int) -> None:
    image = draw(noise(1, 2, time).float(), size=size)
    assert image.shape == (1, 2, *size) and torch.isfinite(image).all() and image.is_contiguous()


# ------------------------------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (
            {"window_s": 1.0},
            "a window of 1 s has 360 samples at 360 Hz; it takes at least 4 and at most the 325 of the",
        ),
        ({"window_s": 0.005}, "has 2 samples at 360 Hz"),
        ({"band_hz": (5.0, 5.0)}, "the band 5–5 Hz does not lie between 0 and 180 Hz"),
        ({"band_hz": (-1.0, 5.0)}, "the band -1–5 Hz"),
        ({"band_hz": (1.0, 181.0)}, "the band 1–181 Hz"),
        ({"hop_s": 0.0}, "the step between two transforms is positive, not 0.0 s"),
        ({"size": (0, 5)}, r"height, width and floor are positive, not \(0, 5\) and 1e-06"),
        ({"floor": 0.0}, "height, width and floor are positive"),
    ],
)
def test_what_cannot_be_drawn_is_refused(wrong: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        fourier(torch.zeros(1, 1, BEAT), **wrong)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"band_hz": (0.0, 40.0)}, "the band 0–40 Hz does not lie above 0 and up to 180 Hz"),
        ({"band_hz": (9.0, 181.0)}, "the band 9–181 Hz"),
        ({"cycles": 4.0}, "a Morlet wavelet is analytic from 5 cycles on, not with 4"),
        ({"size": (5, -1)}, "height, width and floor are positive"),
    ],
)
def test_what_no_wavelet_can_draw_is_refused(wrong: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        wavelet(torch.zeros(1, 1, BEAT), **wrong)


def test_an_empty_signal_is_refused() -> None:
    with pytest.raises(ValueError, match="there is no sample to make an image of"):
        wavelet(torch.zeros(1, 1, 0))
    with pytest.raises(ValueError, match="at most the 0 of the signal"):
        fourier(torch.zeros(1, 1, 0))
