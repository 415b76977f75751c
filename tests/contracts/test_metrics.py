"""What every metric promises, swept over the files of the room."""

import numpy as np
import pytest

from einthoven import registry
from einthoven.metrics import Metric

NAMES = registry.names("metrics")
# What a metric must see to be defined; all others are defined for any record.
WANTS = {
    "auroc": {0, 1},
    "auprc": {0, 1},
    "f1": {1},
    "sensitivity": {1},
    "precision": {1},
    "specificity": {0},
    "sensitivity_at_99": {0, 1},
    "balanced_accuracy": {0, 1},
}
COARSE = {"sensitivity_at_99"}  # of so few negatives none may be a false alarm, and a guess finds nobody


def answers(metric: Metric, belief: np.ndarray) -> np.ndarray:
    """A belief from 0 to 1 as what the metric needs."""
    return (belief >= 0.5).astype(int) if metric.needs == "decision" else belief


@pytest.fixture(params=NAMES)
def metric(request: pytest.FixtureRequest) -> Metric:
    return registry.get("metrics", request.param)


@pytest.fixture
def case() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(7)
    truth = (rng.random(60) < 0.4).astype(float)
    return truth, rng.random(60).round(1), rng.integers(0, 4, size=(60, 5))


def test_is_named_like_its_file_and_states_its_facts() -> None:
    for name in NAMES:
        metric = registry.get("metrics", name)
        assert isinstance(metric, Metric) and metric.name == name
        assert metric.needs in ("score", "probability", "decision")
        assert isinstance(metric.higher_is_better, bool)
        assert metric.__doc__ and metric.__doc__ != Metric.__doc__


def test_perfect_answers_beat_random_ones_and_those_beat_inverted_ones(metric: Metric, case: tuple) -> None:
    truth, belief, _ = case
    inverted, random, perfect = (metric(truth, answers(metric, b)) for b in (1 - truth, belief, truth))
    if metric.name in COARSE:
        assert inverted <= random < perfect
    else:
        assert inverted < random < perfect if metric.higher_is_better else inverted > random > perfect
    assert perfect == (1 if metric.higher_is_better else 0)


@pytest.mark.parametrize("only", [0.0, 1.0])
def test_undefined_is_nan_and_only_undefined_is(metric: Metric, only: float) -> None:
    belief = np.array([0.1, 0.6, 0.8])
    value = metric(np.full(3, only), answers(metric, belief))
    assert np.isnan(value) == (not WANTS.get(metric.name, set()) <= {only})


def test_nothing_known_is_nan(metric: Metric) -> None:
    assert np.isnan(metric(np.full(3, np.nan), answers(metric, np.array([0.1, 0.6, 0.8]))))
    assert np.isnan(metric(np.zeros(0), np.zeros(0)))
    assert np.isnan(metric(np.array([1.0, 0.0]), np.array([1.0, 0.0]), np.zeros((2, 3)))).all()


def test_a_metric_of_answers_that_are_no_numbers_is_nan(metric: Metric, case: tuple) -> None:
    truth, belief, weights = case
    belief[3] = np.nan
    assert np.isnan(metric(truth, belief))
    assert np.isnan(metric(truth, belief, weights)).all()
    truth[3] = np.nan
    assert not np.isnan(metric(truth, belief if metric.needs != "decision" else answers(metric, belief)))


def test_unknown_truths_are_left_out(metric: Metric, case: tuple) -> None:
    truth, belief, weights = case
    answer = answers(metric, belief)
    known = np.arange(60) % 3 > 0
    left = metric(np.where(known, truth, np.nan), answer, weights)
    np.testing.assert_allclose(left, metric(truth[known], answer[known], weights[known]), rtol=1e-12)


def test_weights_of_one_are_none_and_zero_is_absence(metric: Metric, case: tuple) -> None:
    truth, belief, weights = case
    answer = answers(metric, belief)
    assert metric(truth, answer, np.ones(60)) == metric(truth, answer)
    drawn = weights[:, 0] > 0
    np.testing.assert_allclose(
        metric(truth, answer, drawn.astype(int)), metric(truth[drawn], answer[drawn]), rtol=1e-12
    )


def test_columns_of_weights_are_resamples(metric: Metric, case: tuple) -> None:
    """A matrix of counts gives, column by column, the metric of the repeated records."""

    truth, belief, weights = case
    answer = answers(metric, belief)
    together = metric(truth, answer, weights.astype(np.float32))
    assert together.shape == (5,) and together.dtype == np.float64
    for column, count in enumerate(weights.T):
        repeated = np.repeat(np.arange(60), count)
        alone = metric(truth[repeated], answer[repeated])
        assert isinstance(alone, float)
        np.testing.assert_allclose(together[column], alone, rtol=1e-6)
        np.testing.assert_allclose(metric(truth, answer, count), alone, rtol=1e-12)


def test_many_resamples_in_blocks_are_the_same(metric: Metric, case: tuple, monkeypatch: pytest.MonkeyPatch) -> None:
    truth, belief, weights = case
    whole = metric(truth, answers(metric, belief), weights)
    monkeypatch.setattr("einthoven.metrics.BLOCK", 100)
    np.testing.assert_allclose(metric(truth, answers(metric, belief), weights), whole, rtol=1e-12)


def test_the_order_of_the_records_does_not_matter(metric: Metric, case: tuple) -> None:
    truth, belief, weights = case
    answer = answers(metric, belief)
    order = np.random.default_rng(1).permutation(60)
    shuffled = metric(truth[order], answer[order], weights[order])
    np.testing.assert_allclose(metric(truth, answer, weights), shuffled, rtol=1e-12)


def test_shapes_that_do_not_fit_are_refused(metric: Metric) -> None:
    for truth, answer, weights in ((3, 2, 3), (3, 3, 2)):
        with pytest.raises((ValueError, TypeError)):
            metric(np.ones(truth), np.ones(answer), np.ones(weights))
