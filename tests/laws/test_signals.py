"""What the functions on arrays promise: resampling, filtering, standardising, filling, beats and features."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from einthoven.datasets.simulated import Simulated
from einthoven.signals.bandpass import bandpass
from einthoven.signals.beats import beats
from einthoven.signals.features import features
from einthoven.signals.fill import fill
from einthoven.signals.resample import resample
from einthoven.signals.standardise import standardise

rates = st.sampled_from([100.0, 125.0, 250.0, 257.0, 360.0, 400.0, 500.0, 1000.0])


def sine(hz: float, rate_hz: float, seconds: float = 10.0, phase: float = 0.3) -> np.ndarray:
    return np.sin(2 * np.pi * hz * np.arange(round(rate_hz * seconds)) / rate_hz + phase)


def inner(x: np.ndarray, share: float = 0.2) -> np.ndarray:
    """Without the edges."""
    cut = round(x.shape[-1] * share)
    return x[..., cut:-cut]


# -------------------------------------------------------------------------------------------------------- resample


@given(rates, rates, st.floats(0.02, 0.7))
def test_a_sine_below_both_nyquists_survives(old: float, new: float, share: float) -> None:
    hz = share * min(old, new) / 2
    got = resample(sine(hz, old), old, new)
    assert len(got) == int(np.ceil(10 * old * new / old))
    np.testing.assert_allclose(inner(got), inner(sine(hz, new)), atol=0.02)


@given(rates, rates, st.floats(1.3, 1.9))
def test_a_sine_above_the_new_nyquist_is_gone(old: float, new: float, share: float) -> None:
    if share * new / 2 > 0.9 * old / 2:
        return
    assert abs(inner(resample(sine(share * new / 2, old), old, new))).max() < 0.02


@given(rates, rates, st.floats(-100, 100), st.floats(-1, 1))
def test_an_offset_and_a_slope_do_not_ring(old: float, new: float, offset: float, slope: float) -> None:
    time_old, time_new = np.arange(round(3 * old)) / old, np.arange(round(3 * new)) / new
    got = resample(offset + slope * time_old, old, new)
    np.testing.assert_allclose(got, offset + slope * time_new, atol=1e-9)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_resampling_is_linear_and_keeps_type_and_axes(dtype: type) -> None:
    x = np.random.default_rng(0).standard_normal((2, 3, 500)).astype(dtype)
    got = resample(x, 500, 200)
    assert got.dtype == dtype and got.shape == (2, 3, 200)
    np.testing.assert_allclose(got[1, 2], resample(x[1, 2], 500, 200), atol=1e-6)
    np.testing.assert_allclose(resample(3 * x, 500, 200), 3 * got, atol=1e-5)


def test_the_same_rate_changes_nothing_and_a_rate_is_positive() -> None:
    x = sine(5, 100)
    np.testing.assert_array_equal(resample(x, 100, 100), x)
    for pair in ((0, 100), (100, 0), (-1, 100), (100, float("nan"))):
        with pytest.raises(ValueError, match="sampling rates are positive"):
            resample(x, *pair)


def test_an_uneven_number_of_samples_is_rounded_up() -> None:
    for samples in (4999, 5000, 5001, 7):
        assert resample(np.zeros(samples), 500, 100).shape == (int(np.ceil(samples / 5)),)


# -------------------------------------------------------------------------------------------------------- bandpass


@pytest.mark.parametrize("rate", [250.0, 500.0, 1000.0])
@pytest.mark.parametrize("hz", [1.5, 5.0, 15.0, 25.0])
def test_the_band_passes_without_a_shift(hz: float, rate: float) -> None:
    x = sine(hz, rate, 40)
    np.testing.assert_allclose(inner(bandpass(x, rate, 0.5, 40)), inner(x), atol=0.02)


def test_what_lies_outside_the_band_goes() -> None:
    for hz, left in ((50, 0.15), (60, 0.03), (100, 1e-3), (0.1, 1e-3)):
        assert abs(inner(bandpass(sine(hz, 500, 60), 500, 0.5, 40), 0.4)).max() < left, hz
    assert abs(bandpass(np.full(5000, 7.0), 500, 0.5, 40)).max() < 1e-6, "an offset goes at once, edges included"


@pytest.mark.parametrize("hz", [2.0, 40.0])
def test_corners_have_half_the_amplitude(hz: float) -> None:
    got = bandpass(sine(hz, 500, 30), 500, 2.0, 40.0)
    assert abs(inner(got)).max() == pytest.approx(0.5, abs=0.01)


def test_a_pulse_stays_where_it_is_and_symmetric() -> None:
    pulse = np.zeros(4001)
    pulse[2000] = 1.0
    got = bandpass(pulse, 500, 0.5, 40)
    assert got.argmax() == 2000
    np.testing.assert_allclose(got, got[::-1], atol=1e-4)


def test_impossible_bands_and_short_signals_are_refused() -> None:
    for band in ((0, 40), (40, 0.5), (5, 5), (0.5, 50), (0.5, 60), (-1, 5)):
        with pytest.raises(ValueError, match="does not lie between 0 and 50 Hz"):
            bandpass(np.zeros(1000), 100, *band)
    with pytest.raises(ValueError, match="length"):
        bandpass(np.zeros(10), 100, 0.5, 40)


def test_bandpass_keeps_type_and_axes() -> None:
    x = np.random.default_rng(0).standard_normal((3, 600)).astype(np.float32)
    got = bandpass(x, 100, 0.5, 40)
    assert got.dtype == np.float32 and got.shape == x.shape
    np.testing.assert_allclose(got[1], bandpass(x[1], 100, 0.5, 40), atol=1e-6)


# -------------------------------------------------------------------------------------------------- standardise, fill


@given(st.floats(1e-3, 1e3), st.floats(-100, 100), st.integers(0, 99))
def test_zero_mean_and_unit_variance_whatever_gain_and_offset(gain: float, offset: float, seed: int) -> None:
    x = np.random.default_rng(seed).standard_normal((2, 300))
    got = standardise(gain * x + offset)
    np.testing.assert_allclose(got.mean(axis=-1), 0, atol=1e-9)
    np.testing.assert_allclose(got.std(axis=-1), 1, atol=1e-9)
    np.testing.assert_allclose(got, standardise(x), atol=1e-6)


@pytest.mark.parametrize("value", [0.0, 0.1, -3.3, 1e4])
def test_a_flat_lead_becomes_zero(value: float) -> None:
    x = np.stack([np.full(333, value), sine(3, 33.3)]).astype(np.float32)
    got = standardise(x)
    assert got.dtype == np.float32 and not got[0].any() and got[1].std() == pytest.approx(1, abs=1e-5)


@given(hnp.arrays(np.float32, (2, 12), elements=st.floats(-9, 9, width=32) | st.just(np.nan)))
def test_gaps_are_bridged_by_lines(x: np.ndarray) -> None:
    before = x.copy()
    got = fill(x)
    np.testing.assert_array_equal(x, before)
    assert not np.isnan(got).any()
    for row, want in zip(got, x, strict=True):
        known = np.flatnonzero(~np.isnan(want))
        np.testing.assert_array_equal(row[known], want[known])
        if not len(known):
            assert not row.any()
            continue
        assert (row[: known[0]] == want[known[0]]).all() and (row[known[-1] :] == want[known[-1]]).all()
        for left, right in zip(known[:-1], known[1:], strict=True):
            line = np.linspace(float(want[left]), float(want[right]), right - left + 1)
            np.testing.assert_allclose(row[left : right + 1], line, atol=1e-5)


# ------------------------------------------------------------------------------------------------- beats and features


@pytest.mark.parametrize("rate_hz", [100.0, 500.0])
def test_beats_are_where_the_simulator_put_them(rate_hz: float) -> None:
    corpus = Simulated(24, visits=(1, 1), seed=3, rate_hz=rate_hz, difficulty=0.2)
    table = corpus.table()
    hits = misses = extra = 0
    for record in table["record_id"][["scp:SR" in codes for codes in table["positive"]]][:12]:
        truth = corpus.truth(record)
        want = truth.loc[truth["wave"] == "QRS", "peak_s"].to_numpy()
        found = beats(corpus.read(record).signal, rate_hz) / rate_hz
        assert (np.diff(found) >= 0.2).all()
        near = abs(want[:, None] - found).min(axis=1, initial=9) < 0.08
        hits, misses = hits + near.sum(), misses + (~near).sum()
        inside = (found > want[0] - 0.1) & (found < want[-1] + 0.1)
        extra += (abs(found[inside, None] - want).min(axis=1, initial=9) >= 0.08).sum()
    assert hits > 80 and misses <= 0.03 * hits and extra <= 0.03 * hits


@given(st.floats(0.1, 10), st.floats(-5, 5))
def test_beats_do_not_depend_on_gain_and_offset(gain: float, offset: float) -> None:
    signal = Simulated(1, seed=5).read("simulated:5-00000-1").signal
    np.testing.assert_array_equal(beats((gain * signal + offset).astype(np.float32), 500), beats(signal, 500))


def test_no_slopes_no_beats() -> None:
    assert beats(np.full((12, 1000), 0.3, np.float32), 100).shape == (0,)


def test_features_have_one_length_and_are_missing_where_there_is_nothing_to_measure() -> None:
    corpus = Simulated(3, seed=1)
    rows = [features(corpus.read(r).resample(100).signal, 100) for r in corpus.table()["record_id"]]
    assert len({row.shape for row in rows}) == 1 and rows[0].dtype == np.float32
    assert np.isfinite(rows[0]).mean() > 0.95 and not np.allclose(rows[0], rows[-1], equal_nan=True)
    short = features(corpus.read(corpus.table()["record_id"][0]).resample(100).signal[:, :60], 100)
    assert short.shape == rows[0].shape and np.isnan(short).any()
    empty = features(np.zeros((12, 1000), np.float32), 100)
    assert empty.shape == rows[0].shape and empty[0] == 0


def test_features_measure_the_rate() -> None:
    corpus = Simulated(40, visits=(1, 1), seed=2, difficulty=0.0, prevalence={"STACH": 0.4, "SBRAD": 0.4})
    table = corpus.table()

    def mean_rr(code: str) -> list[float]:
        chosen = [r for r, codes in zip(table["record_id"], table["positive"], strict=True) if f"scp:{code}" in codes]
        return [float(features(corpus.read(r).resample(100).signal, 100)[1]) for r in chosen[:5]]

    assert max(mean_rr("STACH")) < 0.68 and min(mean_rr("SBRAD")) > 0.9
