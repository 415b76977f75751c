"""The metrics against scikit-learn, with ties and with weights."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu
from sklearn import metrics as peer

from einthoven import registry


def precision_or_nan(truth: np.ndarray, answer: np.ndarray, **kwargs: object) -> float:
    return peer.precision_score(truth, answer, zero_division=np.nan, **kwargs)


def specificity(truth: np.ndarray, answer: np.ndarray, **kwargs: object) -> float:
    return peer.recall_score(truth, answer, pos_label=0, **kwargs)


def sensitivity_at_99(truth: np.ndarray, answer: np.ndarray, **kwargs: object) -> float:
    false, found, _ = peer.roc_curve(truth, answer, drop_intermediate=False, **kwargs)
    return float(found[false <= 0.01].max())


PEERS: dict[str, Callable[..., float]] = {
    "auroc": peer.roc_auc_score,
    "auprc": peer.average_precision_score,
    "f1": peer.f1_score,
    "accuracy": peer.accuracy_score,
    "balanced_accuracy": peer.balanced_accuracy_score,
    "sensitivity": peer.recall_score,
    "specificity": specificity,
    "precision": precision_or_nan,
    "brier": peer.brier_score_loss,
    "sensitivity_at_99": sensitivity_at_99,
}


def case(n: int, levels: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Truths of both kinds, scores with as many levels, and counts, each kind drawn at least once."""

    rng = np.random.default_rng(seed)
    truth = rng.permutation(np.arange(n) < rng.integers(1, n)).astype(int)
    counts = rng.integers(0, 4, size=n)
    counts[[np.flatnonzero(truth)[0], np.flatnonzero(truth == 0)[0]]] = 1
    return truth, (rng.integers(levels, size=n) / max(levels - 1, 1)).astype(np.float32), counts


@pytest.mark.parametrize("name", PEERS)
@settings(deadline=None)
@given(n=st.integers(2, 40), levels=st.integers(1, 60), seed=st.integers(0, 2**32 - 1))
def test_scikit_learn_agrees(name: str, n: int, levels: int, seed: int) -> None:
    metric = registry.get("metrics", name)
    truth, score, counts = case(n, levels, seed)
    answer = (score > 0.4).astype(int) if metric.needs == "decision" else score
    repeated = np.repeat(np.arange(n), counts)
    expected = [
        PEERS[name](truth, answer),
        PEERS[name](truth, answer, sample_weight=counts),
        PEERS[name](truth[repeated], answer[repeated]),
    ]
    ours = [
        metric(truth, answer),
        metric(truth, answer, counts),
        metric(truth, answer, np.stack([counts, counts], axis=1).astype(np.float32))[1],
    ]
    # scikit-learn takes a Brier score in the precision of the probabilities, float32 here.
    np.testing.assert_allclose(ours, expected, rtol=1e-6 if name == "brier" else 1e-10, atol=1e-12)


@pytest.mark.parametrize("name", ["auroc", "auprc"])
def test_weights_need_not_be_whole(name: str) -> None:
    truth, score, _ = case(300, 40, 3)
    weights = np.random.default_rng(0).exponential(size=300)
    ours = registry.get("metrics", name)(truth, score, weights)
    assert ours == pytest.approx(PEERS[name](truth, score, sample_weight=weights), abs=1e-12)


def test_auroc_is_mann_whitneys_u() -> None:
    truth, score, _ = case(200, 15, 5)
    u = mannwhitneyu(score[truth == 1], score[truth == 0]).statistic
    assert registry.get("metrics", "auroc")(truth, score) == pytest.approx(u / (truth.sum() * (1 - truth).sum()))


def test_calibration_error_by_hand() -> None:
    """Of 15 bins the first holds .02, .05 and its own edge, 1/15; the second holds .07 and the last 1."""

    ece = registry.get("metrics", "ece")
    truth, probability = np.array([0, 1, 0, 1, 0]), np.array([0.02, 0.05, 0.07, 1.0, 1 / 15])
    expected = (abs(0.02 + 0.05 + 1 / 15 - 1) + abs(0.07) + abs(1 - 1)) / 5
    assert ece(truth, probability) == pytest.approx(expected)
    assert ece(truth, probability, np.array([1, 0, 2, 0, 0])) == pytest.approx((0.02 + 2 * 0.07) / 3)


def test_expected_calibration_error_falls_to_nothing_with_calibrated_probabilities() -> None:
    rng = np.random.default_rng(0)
    probability = rng.random(200_000)
    truth = rng.random(200_000) < probability
    ece = registry.get("metrics", "ece")
    assert ece(truth, probability) < 0.01 < 0.1 < ece(truth, probability**2)
