"""Windows: drawn with a seed, applied from the draw, and covering all of a signal in testing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from einthoven import registry, transforms
from einthoven.transforms.crop import Crop

windows = st.tuples(st.integers(1, 40), st.integers(0, 60)).map(lambda pair: (pair[0], pair[0] + pair[1]))


def test_the_room_is_swept_by_name() -> None:
    assert "crop" in transforms.names() and registry.get("transforms", "crop") is Crop


@given(windows, st.integers(0, 9), st.integers(0, 5))
def test_a_draw_applied_is_a_window_of_the_signal(sizes: tuple[int, int], seed: int, batch: int) -> None:
    samples, length = sizes
    crop = Crop(samples)
    starts = crop.draw(batch, length, np.random.default_rng(seed))
    np.testing.assert_array_equal(starts, crop.draw(batch, length, np.random.default_rng(seed)))
    assert starts.shape == (batch,) and ((starts >= 0) & (starts + samples <= length)).all()
    x = np.random.default_rng(0).standard_normal((batch, 3, length)).astype(np.float32)
    got = crop.apply(x, starts)
    assert got.shape == (batch, 3, samples) and got.dtype == x.dtype
    for row, start in enumerate(starts):
        np.testing.assert_array_equal(got[row], x[row, :, start : start + samples])


def test_every_place_is_drawn() -> None:
    starts = Crop(5).draw(2000, 9, np.random.default_rng(0))
    assert np.bincount(starts, minlength=5).min() > 300 and starts.max() == 4


@given(windows)
def test_windows_cover_everything_and_overlap_by_half_or_more(sizes: tuple[int, int]) -> None:
    samples, length = sizes
    starts = Crop(samples).cover(length)
    assert starts[0] == 0 and starts[-1] == length - samples
    assert len(set(starts)) == len(starts), "none twice"
    steps = np.diff(starts)
    assert (steps > 0).all() and (steps <= max(1, samples / 2)).all()
    assert not len(steps) or np.ptp(steps) <= 1, "evenly spaced"
    assert set(np.add.outer(starts, np.arange(samples)).ravel()) == set(range(length))


@pytest.mark.parametrize("act", [lambda c: c.cover(9), lambda c: c.draw(1, 9, np.random.default_rng(0))])
def test_a_window_longer_than_the_signal_is_refused(act) -> None:
    with pytest.raises(ValueError, match="a window of 10 samples does not fit into a signal of 9"):
        act(Crop(10))
