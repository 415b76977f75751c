"""What must hold of an ECG whose heart beats at other times."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from einthoven.signals.beats import beats
from einthoven.signals.repacing import repaced

RATE_HZ = 100.0


def beating(times: np.ndarray, samples: int = 1000) -> np.ndarray:
    """A P wave, a QRS complex and a T wave around each time, in samples; the second lead upside down."""
    at = np.arange(samples)[:, None] - times
    waves = 0.2 * np.exp(-((at + 16) ** 2) / 18) + np.exp(-(at**2) / 4) + 0.3 * np.exp(-((at - 28) ** 2) / 60)
    return np.stack([waves.sum(axis=1), -waves.sum(axis=1)]).astype(np.float32)


def rhythm(start: float, interval: float, samples: int = 1000) -> np.ndarray:
    return np.arange(start, samples, interval)


@given(start=st.integers(5, 60), interval=st.integers(45, 130))
def test_at_its_own_rhythm_a_signal_is_left_as_it_is(start: int, interval: int) -> None:
    times = rhythm(start, interval)
    signal = np.random.default_rng(start).normal(size=(3, 1000))
    assert np.allclose(repaced(signal, RATE_HZ, times, times), signal, atol=1e-9)


@pytest.mark.parametrize(("old", "new"), [(90, 90), (80, 100), (100, 82), (120, 84)])
def test_beats_come_when_they_are_wanted_and_keep_their_form(old: int, new: int) -> None:
    signal, wanted = beating(rhythm(40, old)), rhythm(55, new)
    moved = repaced(signal, RATE_HZ, rhythm(40, old), wanted)
    whole = wanted[(wanted > 40) & (wanted < 950)]
    assert all(np.abs(beats(moved, RATE_HZ) - time).min() <= 1 for time in whole)
    assert len(beats(moved, RATE_HZ)) == pytest.approx(len(wanted), abs=1)
    form = beating(np.array([500]))[:, 500 - 26 : 500 + 34]
    for time in whole.astype(int):
        assert np.abs(moved[:, time - 26 : time + 34] - form).max() < 0.02, "P, QRS and T are those of before"


def test_intervals_are_used_again_from_the_first_on_where_they_are_too_few() -> None:
    times = np.array([40, 140, 240])
    moved = repaced(beating(times, 300), RATE_HZ, times, np.arange(20, 300, 60))
    assert np.abs(beats(moved, RATE_HZ) - np.arange(20, 300, 60)).max() <= 1


def test_a_signal_of_one_level_stays_at_it() -> None:
    level = np.full((2, 1000), 0.7)
    assert np.allclose(repaced(level, RATE_HZ, rhythm(30, 80), rhythm(10, 55)), 0.7)


def test_one_beat_makes_no_rhythm() -> None:
    with pytest.raises(ValueError, match="not 1 to 3"):
        repaced(np.zeros((1, 100)), RATE_HZ, np.array([5.0]), np.array([5.0, 30.0, 60.0]))
