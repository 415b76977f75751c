"""What must hold of the ratios of intervals: identities between them, what they see, and what they do not."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from einthoven.signals.rhythm import rhythm

NAMES = "before_local after_local before_usual after_usual after_before local_usual previous_usual next_usual"
NAN = np.nan

gap = st.floats(0.2, 5.0) | st.just(NAN)
recordings = st.lists(gap, max_size=40).map(lambda gaps: np.array([NAN, *gaps, NAN]))


def mean(gaps: list[float]) -> float:
    return float(np.mean(gaps)) if gaps else NAN


@given(recordings)
def test_each_ratio_by_hand(rr_s: np.ndarray) -> None:
    """A loop over the beats, as one would say it."""
    got = rhythm(rr_s)
    assert list(got) == NAMES.split() and all(column.shape == (len(rr_s) - 1,) for column in got.values())
    usual = mean([gap for gap in rr_s if gap == gap])
    for beat in range(len(rr_s) - 1):
        local = mean([gap for gap in rr_s[:beat] if gap == gap][-10:])
        before, after = rr_s[beat], rr_s[beat + 1]
        previous = rr_s[beat - 1] if beat else NAN
        following = rr_s[beat + 2] if beat + 2 < len(rr_s) else NAN
        want = [before / local, after / local, before / usual, after / usual, after / before, local / usual]
        want += [previous / usual, following / usual]
        np.testing.assert_allclose([column[beat] for column in got.values()], np.log(want), atol=1e-12)


@given(recordings, st.floats(0.1, 10))
def test_a_heart_that_beats_faster_in_all_has_the_same_rhythm(rr_s: np.ndarray, factor: float) -> None:
    slow, fast = rhythm(rr_s), rhythm(rr_s * factor)
    for name, column in slow.items():
        np.testing.assert_allclose(fast[name], column, atol=1e-12)


@given(recordings)
def test_a_gap_is_seen_alike_from_both_its_ends(rr_s: np.ndarray) -> None:
    got = rhythm(rr_s)
    np.testing.assert_array_equal(got["after_usual"][:-1], got["before_usual"][1:])
    np.testing.assert_array_equal(got["next_usual"][:-1], got["after_usual"][1:])
    np.testing.assert_array_equal(got["previous_usual"][1:], got["before_usual"][:-1])
    np.testing.assert_allclose(got["after_before"], got["after_usual"] - got["before_usual"], atol=1e-12)


@given(recordings, st.integers(0, 40))
def test_what_is_local_knows_nothing_of_later(rr_s: np.ndarray, until: int) -> None:
    short = np.append(rr_s[: min(until, len(rr_s) - 1)], NAN)
    kept = len(short) - 1
    np.testing.assert_array_equal(rhythm(short)["before_local"], rhythm(rr_s)["before_local"][:kept])


def test_a_regular_rhythm_is_0() -> None:
    got = rhythm(np.array([NAN, *[0.8] * 20, NAN]))
    for name, column in got.items():
        known = column[~np.isnan(column)]
        assert np.allclose(known, 0, atol=1e-12) and len(known) in (18, 19, 20, 21), name
    assert np.isnan(got["before_local"][:2]).all() and not np.isnan(got["before_local"][2:]).any()


def test_an_early_beat_and_its_pause() -> None:
    """The beat after 0.5 s, with a pause of 1.5 s, in a rhythm of 1 s."""
    got = rhythm(np.array([NAN, 1, 1, 1, 0.5, 1.5, 1, 1, NAN]))
    early = {name: column[4] for name, column in got.items()}
    assert early["before_local"] == early["before_usual"] == np.log(0.5)
    assert early["after_usual"] == np.log(1.5) and early["after_before"] == np.log(3)
    assert early["local_usual"] == early["previous_usual"] == early["next_usual"] == 0
    after = {name: column[5] for name, column in got.items()}
    assert after["before_usual"] == np.log(1.5) and after["previous_usual"] == np.log(0.5)


def test_a_change_of_pace_is_usual_after_ten_beats_but_not_for_the_recording() -> None:
    got = rhythm(np.array([NAN, *[1.0] * 30, *[0.5] * 20, NAN]))
    means = [1 - k / 20 for k in range(11)]  # as the ten gaps before fill with short ones
    assert got["before_local"][31:42] == pytest.approx(np.log(0.5 / np.array([1.0, *means[1:]])))
    assert np.allclose(got["before_local"][41:51], 0, atol=1e-12), "after ten beats it is usual"
    assert got["before_usual"][31:51] == pytest.approx(np.log(0.5 / 0.8)), "which the recording never takes it for"


def test_over_flutter_the_gaps_before_it_stay_known() -> None:
    got = rhythm(np.array([NAN, 1, 1, 1, NAN, 2, 2, NAN]))
    assert np.isnan(got["before_local"][4]) and got["before_local"][5] == np.log(2)
    assert np.isnan(got["after_usual"][3]) and np.isnan(got["previous_usual"][5]) and np.isnan(got["next_usual"][2])


def test_what_is_no_interval_is_unknown() -> None:
    """Two marks at one place, or none at all."""
    for wrong in (0.0, -1.0):
        for name, column in rhythm(np.array([NAN, 1, wrong, 1, NAN])).items():
            np.testing.assert_array_equal(column, rhythm(np.array([NAN, 1, NAN, 1, NAN]))[name])
    for gaps in ([NAN, NAN], [NAN, NAN, NAN]):
        assert all(np.isnan(column).all() for column in rhythm(np.array(gaps)).values())
    assert all(column.shape == (0,) for column in rhythm(np.array([NAN])).values())
