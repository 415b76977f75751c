"""Windows and other changes: drawn with a seed, and applied from the draw."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from einthoven import registry, transforms
from einthoven.transforms.crop import Crop
from einthoven.transforms.cutmix import Cutmix
from einthoven.transforms.mixup import Mixup
from einthoven.transforms.noise import Noise

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


CHANGES = [Mixup(), Cutmix(), Noise(np.random.default_rng(9).standard_normal((3, 500)).astype(np.float32))]


def batch(count: int = 12, length: int = 200) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(4)
    y = (rng.random((count, 3)) < 0.3).astype(np.float32)
    y[0, 0], y[3, 2] = np.nan, np.nan
    return rng.standard_normal((count, 5, length)).astype(np.float32), y


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: type(change).__name__)
def test_the_same_draw_makes_the_same_batch_and_leaves_what_came_in(change: Mixup | Cutmix | Noise) -> None:
    x, y = batch()
    before = x.copy(), y.copy()
    draws = [change.draw(x, 100.0, np.random.default_rng(seed)) for seed in (0, 0, 1)]
    found = [change.apply(x, y, drawn) for drawn in draws]  # type: ignore[arg-type]
    for one, other in zip(found[0], found[1], strict=True):
        np.testing.assert_array_equal(one, other)
    assert not np.array_equal(found[0][0], found[2][0])
    assert found[0][0].shape == x.shape and found[0][0].dtype == found[0][1].dtype == np.float32
    np.testing.assert_array_equal(x, before[0])
    np.testing.assert_array_equal(y, before[1])


@pytest.mark.parametrize("change", CHANGES[:2], ids=lambda change: type(change).__name__)
def test_labels_are_mixed_as_signals_are(change: Mixup | Cutmix) -> None:
    """Signals that are their own labels at every sample show by their mean which label is due."""
    _, y = batch()
    y = np.nan_to_num(y, nan=1.0)
    x = np.repeat(y[:, :, None], 200, axis=2)
    mixed, told = change.apply(x, y, change.draw(x, 100.0, np.random.default_rng(2)))  # type: ignore[arg-type]
    np.testing.assert_allclose(mixed.mean(axis=2), told, atol=1e-5)
    assert ((told > 0) & (told < 1)).any()


@pytest.mark.parametrize("change", CHANGES[:2], ids=lambda change: type(change).__name__)
def test_what_is_unknown_of_one_of_two_is_unknown_of_both(change: Mixup | Cutmix) -> None:
    x, y = batch()
    drawn = change.draw(x, 100.0, np.random.default_rng(2))
    told = change.apply(x, y, drawn)[1]  # type: ignore[arg-type]
    np.testing.assert_array_equal(np.isnan(told), np.isnan(y) | np.isnan(y[drawn.partner]))


def test_a_cut_takes_a_span_of_all_leads_from_one_other() -> None:
    x, y = batch()
    drawn = Cutmix().draw(x, 100.0, np.random.default_rng(5))
    mixed, _ = Cutmix().apply(x, y, drawn)
    for row, (partner, start, stop) in enumerate(zip(*drawn, strict=True)):
        np.testing.assert_array_equal(mixed[row, :, start:stop], x[partner, :, start:stop])
        np.testing.assert_array_equal(mixed[row, :, :start], x[row, :, :start])
        np.testing.assert_array_equal(mixed[row, :, stop:], x[row, :, stop:])
    assert (np.diff(drawn[1:], axis=0) > 0).sum() > 8


def test_noise_is_a_stretch_of_the_bank_as_high_as_was_drawn() -> None:
    x, y = batch()
    noise = Noise(np.random.default_rng(9).standard_normal((3, 500)).astype(np.float32), level=(0.1, 0.3), gain=0.2)
    drawn = noise.draw(x, 100.0, np.random.default_rng(0))
    mixed, told = noise.apply(x, y, drawn)
    assert told is y
    for row in range(len(x)):
        for lead in range(x.shape[1]):
            start, spread = drawn.start[row, lead], x[row, lead].std()
            added = mixed[row, lead] / drawn.gain[row, 0] - x[row, lead]
            expected = noise.bank[drawn.kind[row, lead], start : start + 200] * spread * drawn.level[row, lead]
            np.testing.assert_allclose(added, expected, atol=1e-5)
    assert drawn.level.max() <= 0.3 and abs(drawn.gain - 1).max() <= 0.2 and len(set(drawn.kind[:, 0])) > 1
    same = Noise(noise.bank, level=(0.0, 0.0), gain=0.0)
    np.testing.assert_allclose(same.apply(x, y, same.draw(x, 100.0, np.random.default_rng(0)))[0], x, atol=1e-6)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Mixup(0.0), "above 0, not 0"),
        (lambda: Cutmix(-1.0), "above 0, not -1"),
        (lambda: Noise(np.zeros((0, 9), np.float32)), "no noise to add"),
        (lambda: Noise(np.zeros((1, 9), np.float32), level=(0.3, 0.1)), "levels of noise go from 0 or more up"),
        (lambda: Noise(np.zeros((1, 9), np.float32), gain=1.0), "a share from 0 to below 1, not 1"),
    ],
)
def test_settings_that_cannot_be_are_refused(make: Callable[[], object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make()


def test_noise_that_is_shorter_than_a_signal_is_refused() -> None:
    with pytest.raises(ValueError, match="the noise has 9 samples, fewer than the 200 of a signal"):
        Noise(np.ones((1, 9), np.float32)).draw(batch()[0], 100.0, np.random.default_rng(0))
