"""What the judge of signal quality promises: what it calls each fault, and which way its score moves."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from einthoven.datasets.simulated import Simulated
from einthoven.records.leads import TWELVE
from einthoven.signals.bandpass import bandpass
from einthoven.signals.quality import quality
from einthoven.signals.resample import resample

RATE = 500.0
CORPUS = Simulated(12, visits=(1, 1), seed=11, difficulty=0.0)
CLEAN = [CORPUS.clean(record).signal for record in CORPUS.table()["record_id"]]
RNG = np.random.default_rng(0)


def muscle(rng: np.random.Generator) -> np.ndarray:
    noise = bandpass(rng.standard_normal((12, 5000)), RATE, 20, 120)
    return noise / noise.std()


def motion(rng: np.random.Generator) -> np.ndarray:
    noise = bandpass(rng.standard_normal((12, 5000)), RATE, 0.8, 8)
    return noise / noise.std()


# ----------------------------------------------------------------------------------------------------------- the score


@pytest.mark.parametrize("signal", CLEAN)
def test_a_clean_ecg_is_acceptable_and_nothing_is_wrong_with_its_rest(signal: np.ndarray) -> None:
    found = quality(signal, RATE, TWELVE)
    assert found.acceptable and found.score > 0.95
    assert not {"missing", "flat", "clipped", "noisy"} & set().union(*found.findings.values())
    assert tuple(found.findings) == TWELVE


@pytest.mark.parametrize("level_mv", [0.3, 1.0, 10.0])
def test_noise_alone_is_not_acceptable(level_mv: float) -> None:
    for noise in (RNG.standard_normal((12, 5000)), muscle(RNG), motion(RNG)):
        found = quality(level_mv * noise, RATE)
        assert not found.acceptable
        assert any("unlike" in faults for faults in found.findings.values())


@pytest.mark.parametrize("noise", [muscle, motion])
def test_more_noise_is_worse_on_average(noise: Callable[[np.random.Generator], np.ndarray]) -> None:
    levels = (0.0, 0.1, 0.3, 1.0, 3.0)
    rng = np.random.default_rng(3)
    mean = np.mean(
        [[quality(clean + level * added, RATE).score for level in levels] for clean in CLEAN for added in [noise(rng)]],
        axis=0,
    )
    assert (np.diff(mean) < 0).all(), mean
    assert mean[0] > 0.95 and mean[-1] < 0.3


@given(st.integers(0, 99), st.floats(0, 5), st.integers(1, 12), st.floats(2, 12))
@settings(max_examples=20)
def test_the_score_is_a_probability(seed: int, level_mv: float, leads: int, seconds: float) -> None:
    rng = np.random.default_rng(seed)
    signal = np.round(level_mv * rng.standard_normal((leads, round(seconds * 250) + 1)), 2)
    signal[rng.random(signal.shape) < 0.1] = np.nan
    found = quality(signal, 250.0)
    assert 0 <= found.score <= 1 and found.acceptable == (found.score >= 0.5)


def test_neither_the_order_of_leads_nor_an_offset_matters() -> None:
    signal = CLEAN[0] + 0.1 * muscle(np.random.default_rng(5))
    order = np.random.default_rng(6).permutation(12)
    first = quality(signal, RATE, TWELVE)
    moved = quality(signal[order] + np.arange(-6.0, 6.0)[:, None], RATE, [TWELVE[row] for row in order])
    assert moved.score == pytest.approx(first.score, abs=1e-6)
    assert moved.findings == first.findings


@pytest.mark.parametrize("rate_hz", [250.0, 360.0, 1000.0])
def test_the_rate_hardly_matters(rate_hz: float) -> None:
    rng = np.random.default_rng(8)
    for signal in CLEAN[:6]:
        noisy = signal.astype(np.float64) + 0.15 * motion(rng) + 0.02 * muscle(rng)
        assert quality(resample(noisy, RATE, rate_hz), rate_hz).score == pytest.approx(
            quality(noisy, RATE).score, abs=0.03
        )


def test_seconds_and_leads_may_be_fewer_or_more() -> None:
    long = Simulated(1, visits=(1, 1), seed=2, difficulty=0.0, duration_s=60.0)
    signal = long.clean(long.table()["record_id"][0]).signal
    assert quality(signal, RATE).acceptable
    assert quality(signal[:, :2000], RATE).acceptable
    assert quality(signal[1:2], RATE).acceptable
    assert quality(resample(signal, RATE, 100), 100).acceptable


# -------------------------------------------------------------------------------------------------------- the findings


def spoilt(change: Callable[[np.ndarray], np.ndarray], lead: str = "V3") -> tuple[str, ...]:
    """What is found of one lead of a clean ECG once it has been changed; of the others nothing new may be found."""
    signal = CLEAN[1].astype(np.float64)
    before = quality(signal, RATE, TWELVE)
    row = TWELVE.index(lead)
    signal[row] = change(signal[row].copy())
    after = quality(signal, RATE, TWELVE)
    assert after.score <= before.score + 1e-3
    assert {name: f for name, f in after.findings.items() if name != lead} == {
        name: f for name, f in before.findings.items() if name != lead
    }
    return after.findings[lead]


def gone(row: np.ndarray) -> np.ndarray:
    row[1000:2500] = np.nan
    return row


def late(row: np.ndarray) -> np.ndarray:
    row[:3500] = row[3500]
    return row


def jolted(row: np.ndarray) -> np.ndarray:
    row[3000:3100] += 30 * np.ptp(row)
    return row


TIME_S = np.arange(5000) / RATE
FAULTS = {
    "missing": [gone, lambda row: np.full_like(row, np.nan)],
    "flat": [np.zeros_like, lambda row: np.full_like(row, -16.0), late],
    "clipped": [lambda row: np.clip(row, *(0.35 * np.array([row.min(), row.max()]) * 3).clip(-0.4, 0.4))],
    "noisy": [lambda row: row + 0.3 * np.ptp(row) * np.sin(2 * np.pi * 50 * TIME_S)],
    "wandering": [lambda row: row + 2 * np.ptp(row) * np.sin(2 * np.pi * 0.15 * TIME_S)],
    "loose": [jolted],
    "unlike": [lambda row: row.std() * motion(np.random.default_rng(1))[0]],
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_named(fault: str) -> None:
    for change in FAULTS[fault]:
        assert fault in spoilt(change)


@pytest.mark.parametrize("change", [gone, np.zeros_like])
def test_of_a_dead_lead_nothing_more_is_said(change: Callable[[np.ndarray], np.ndarray]) -> None:
    assert len(spoilt(change)) == 1


def test_every_dead_lead_costs() -> None:
    signal = CLEAN[2].astype(np.float64)
    scores = [quality(signal, RATE).score]
    for row in range(12):
        signal[row] = np.nan if row % 2 else 0.0
        scores.append(quality(signal, RATE).score)
    assert (np.diff(scores) < 0).all() and scores[2] < 0.5


def test_a_few_missing_samples_are_bridged() -> None:
    signal = CLEAN[3].copy()
    signal[:, 700:705] = np.nan
    assert quality(signal, RATE).acceptable
    assert "missing" not in set().union(*quality(signal, RATE).findings.values())


def test_leads_without_names_are_numbered_and_bad_input_is_refused() -> None:
    assert tuple(quality(CLEAN[0][:3], RATE).findings) == ("0", "1", "2")
    with pytest.raises(ValueError, match="at 100 Hz and more, not at 50 Hz"):
        quality(np.zeros((12, 5000)), 50.0)
    with pytest.raises(ValueError, match="at least 2 s, not on 12 leads of 1 s"):
        quality(np.zeros((12, 500)), RATE)
    with pytest.raises(ValueError, match="not on 0 leads"):
        quality(np.zeros((0, 5000)), RATE)
    with pytest.raises(ValueError, match="2 leads need as many different names, not I, I"):
        quality(np.zeros((2, 5000)), RATE, ["I", "I"])
    with pytest.raises(ValueError, match="infinite samples; write NaN"):
        quality(np.full((1, 5000), np.inf), RATE)
