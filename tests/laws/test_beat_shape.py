"""What must hold of the form of a beat: closed forms, invariances, and what is missing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from einthoven.signals.beat_shape import beat_shape

RATE_HZ, PEAK_S, TIME = 360.0, 0.3, 324
QRS = HIGH, LOW, HIGH_S, LOW_S, ENERGY, CENTRE_S, WIDTH_S, BREADTH_S = range(8)
P = P_HIGH, P_LOW, P_HIGH_S, P_SPREAD = range(8, 12)
T = T_HIGH, T_LOW, T_HIGH_S, T_LOW_S = range(12, 16)
PIECES = 16
VOLTS = [HIGH, LOW, P_HIGH, P_LOW, P_SPREAD, T_HIGH, T_LOW]

seeds = st.integers(0, 2**32 - 1)


def noise(seed: int = 0, beats: int = 3, leads: int = 2) -> np.ndarray:
    """Beats that are nothing but noise, smooth enough to have slopes."""
    return np.cumsum(np.random.default_rng(seed).standard_normal((beats, leads, TIME)), axis=-1)


def bump(at_s: float, width_s: float, height: float = 1.0, rate_hz: float = RATE_HZ, samples: int = TIME) -> np.ndarray:
    """A Gaussian so many seconds from the peak, as one beat of one lead."""
    times_s = np.arange(samples) / rate_hz - PEAK_S
    return height * np.exp(-0.5 * ((times_s - at_s) / width_s) ** 2)[None, None]


def shape(x: np.ndarray, rate_hz: float = RATE_HZ, peak_s: float = PEAK_S) -> np.ndarray:
    """Features by lead: `beat lead feature`."""
    return beat_shape(x, rate_hz, peak_s=peak_s).reshape(*x.shape[:2], -1)


@given(seeds, st.floats(-50, 50))
def test_an_offset_changes_nothing(seed: int, offset: float) -> None:
    x = noise(seed)
    moved = x + offset * np.array([[1.0], [-2.0]])
    np.testing.assert_allclose(beat_shape(moved, RATE_HZ, peak_s=PEAK_S), shape(x).reshape(3, -1), atol=1e-4, rtol=1e-5)


@given(seeds, st.sampled_from([0.125, 0.5, 2.0, 64.0]))
def test_a_stronger_beat_has_other_volts_and_the_same_times(seed: int, factor: float) -> None:
    """A power of two, by which a number changes without rounding."""
    x, volts = noise(seed), [*VOLTS, *range(PIECES, PIECES + 36)]
    one, other = shape(x), shape(factor * x)
    np.testing.assert_array_equal(other[..., volts], factor * one[..., volts])
    np.testing.assert_allclose(other[..., ENERGY], one[..., ENERGY] + 2 * np.log(factor), rtol=1e-5)
    rest = [column for column in range(one.shape[-1]) if column not in [*volts, ENERGY]]
    assert len(rest) == 8
    np.testing.assert_array_equal(other[..., rest], one[..., rest])


@given(seeds)
def test_a_beat_upside_down_has_its_lowest_where_the_highest_was(seed: int) -> None:
    x = noise(seed)
    one, other = shape(x), shape(-x)
    for high, low in ((HIGH, LOW), (P_HIGH, P_LOW), (T_HIGH, T_LOW)):
        np.testing.assert_array_equal(other[..., high], -one[..., low])
    for high_s, low_s in ((HIGH_S, LOW_S), (T_HIGH_S, T_LOW_S)):
        np.testing.assert_array_equal(other[..., high_s], one[..., low_s])
    same = [ENERGY, CENTRE_S, WIDTH_S, BREADTH_S, P_SPREAD]
    np.testing.assert_array_equal(other[..., same], one[..., same])


@pytest.mark.parametrize("rate_hz", [360.0, 500.0, 1000.0])
@pytest.mark.parametrize("width_s", [0.010, 0.016])
@pytest.mark.parametrize("height", [1.5, -0.7])
def test_a_gaussian_has_the_integrals_of_one(rate_hz: float, width_s: float, height: float) -> None:
    """Of the slope's square: √π h² / 2w, and a variance of 3w² / 2; the area is √2π h w."""
    got = shape(bump(0.02, width_s, height, rate_hz, round(0.9 * rate_hz)), rate_hz)[0, 0]
    assert got[ENERGY] == pytest.approx(np.log(np.sqrt(np.pi) * height**2 / (2 * width_s)), abs=0.03)
    assert got[CENTRE_S] == pytest.approx(0.02, abs=1e-5)
    assert got[WIDTH_S] == pytest.approx(np.sqrt(1.5) * width_s, rel=0.01)
    assert got[BREADTH_S] == pytest.approx(np.sqrt(2 * np.pi) * width_s, rel=0.01)
    extreme, time_s = (HIGH, HIGH_S) if height > 0 else (LOW, LOW_S)
    assert got[extreme] == pytest.approx(height, rel=0.01) and got[time_s] == pytest.approx(0.02, abs=0.51 / rate_hz)


def test_a_wider_complex_is_wider() -> None:
    widths = np.stack([shape(bump(0, width_s))[0, 0, [WIDTH_S, BREADTH_S]] for width_s in np.linspace(0.01, 0.05, 9)])
    assert (np.diff(widths, axis=0) > 0).all()


def test_each_wave_is_found_in_its_own_window() -> None:
    beat = bump(-0.2, 0.01, 0.2) + bump(0.02, 0.01, 1.2) + bump(0.31, 0.02, -0.4)
    got = shape(beat)[0, 0]
    assert got[P_HIGH] == pytest.approx(0.2, abs=0.01) and got[P_HIGH_S] == pytest.approx(-0.2, abs=0.002)
    assert got[HIGH] == pytest.approx(1.2, abs=0.02) and got[HIGH_S] == pytest.approx(0.02, abs=0.002)
    assert got[T_LOW] == pytest.approx(-0.4, abs=0.01) and got[T_LOW_S] == pytest.approx(0.31, abs=0.002)
    without = shape(beat - bump(-0.2, 0.01, 0.2))[0, 0]
    assert got[P_SPREAD] > 0.05 > 0.001 > without[P_SPREAD]
    np.testing.assert_allclose(without[[*QRS, *T]], got[[*QRS, *T]], atol=1e-3)


def test_pieces_are_means_and_the_last_may_be_shorter() -> None:
    x = noise(beats=2)[..., :320]
    centred = x - np.median(x, axis=-1, keepdims=True)
    got = shape(x)[..., PIECES:]
    assert got.shape[-1] == 36
    for i in range(36):
        np.testing.assert_allclose(got[..., i], centred[..., 9 * i : 9 * (i + 1)].mean(axis=-1), atol=1e-5)


def test_beats_and_leads_do_not_see_each_other() -> None:
    x = noise(beats=4, leads=3)
    whole = shape(x)
    np.testing.assert_array_equal(shape(x[2:, ::-1]), whole[2:, ::-1])
    np.testing.assert_array_equal(beat_shape(x[1:2, 2:], RATE_HZ, peak_s=PEAK_S), whole[1:2, 2])


def test_a_window_outside_the_signal_is_unknown_and_the_others_stay() -> None:
    samples = np.arange(TIME) - 108
    beat = np.where(np.abs(samples) < 20, np.sin(samples / 6), 0.0) * np.array([[[1.0], [-2.0]]])
    whole = shape(beat)
    late, early = shape(beat[..., 80:], peak_s=28 / RATE_HZ), shape(beat[..., :160])
    assert np.isnan(late[..., P]).all() and np.isnan(early[..., T]).all()
    np.testing.assert_allclose(late[..., [*QRS, *T]], whole[..., [*QRS, *T]], atol=1e-6)
    np.testing.assert_allclose(early[..., [*QRS, *P]], whole[..., [*QRS, *P]], atol=1e-6)
    alone = shape(beat[..., 108:109], peak_s=0.0)
    assert alone.shape[-1] == PIECES + 1 and np.isfinite(alone[..., [HIGH, LOW, PIECES]]).all()
    assert np.isnan(alone[..., [*QRS[4:], *P, *T]]).all()


def test_of_a_flat_line_only_levels_are_known() -> None:
    flat = shape(np.full((1, 1, TIME), 3.0))[0, 0]
    assert np.flatnonzero(np.isnan(flat)).tolist() == [ENERGY, CENTRE_S, WIDTH_S, BREADTH_S]
    assert (flat[[*VOLTS, *range(PIECES, PIECES + 36)]] == 0).all()


def test_a_lead_with_a_gap_is_unknown_and_the_other_is_not() -> None:
    x = noise()
    x[1, 0, 5] = np.nan
    got = shape(x)
    assert np.isnan(got[1, 0]).all() and np.isnan(got).sum() == got.shape[-1]


def test_it_takes_no_beat_and_32_bits() -> None:
    assert beat_shape(noise()[:0], RATE_HZ, peak_s=PEAK_S).shape == (0, 2 * 52)
    x = noise()
    np.testing.assert_allclose(shape(x.astype(np.float32)), shape(x), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("peak_s", [-0.01, 0.9, 300.0, float("nan")])
def test_a_peak_outside_is_refused(peak_s: float) -> None:
    with pytest.raises(ValueError, match=r"does not lie within 324 samples at 360 Hz"):
        beat_shape(noise(), RATE_HZ, peak_s=peak_s)
