"""The reader study against scikit-learn and SciPy."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, chisquare
from sklearn.metrics import cohen_kappa_score, precision_recall_curve, precision_recall_fscore_support

from einthoven.evaluation.mcnemar import mcnemar
from einthoven.evaluation.readers import readers
from einthoven.evaluation.readings import Readings
from einthoven.metrics.kappa import kappa


@given(n=st.integers(2, 40), seed=st.integers(0, 2**32 - 1))
def test_kappa_is_scikit_learns(n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    first, second = rng.integers(0, 2, size=(2, n)).astype(float)
    counts = rng.integers(0, 4, size=n)
    first[:2], second[:2], counts[:2] = (0, 1), (1, 0), 1  # so that both say both, and chance is below 1
    repeated = np.repeat(np.arange(n), counts)
    expected = [
        cohen_kappa_score(first, second),
        cohen_kappa_score(first, second, sample_weight=counts),
        cohen_kappa_score(first[repeated], second[repeated]),
    ]
    columns = kappa(first, second, np.stack([counts, counts], axis=1).astype(np.float32))
    ours = [kappa(first, second), kappa(first, second, counts), columns[1]]
    np.testing.assert_allclose(ours, expected, rtol=1e-10, atol=1e-12)


def test_two_who_always_say_the_same_have_no_kappa() -> None:
    assert np.isnan(kappa(np.zeros(5), np.zeros(5)))
    assert kappa(np.array([0.0, 1.0]), np.zeros(2)) == 0


@given(only_first=st.integers(0, 60), only_second=st.integers(0, 60), both=st.integers(0, 5))
def test_mcnemar_is_a_fair_coin(only_first: int, only_second: int, both: int) -> None:
    first = np.array([True] * (only_first + both) + [False] * (only_second + 3))
    second = np.array([False] * only_first + [True] * (both + only_second) + [False] * 3)
    found = mcnemar(first, second)
    assert (found.only_first, found.only_second) == (only_first, only_second)
    if not only_first + only_second:
        assert (found.statistic, found.p, found.p_exact) == (0, 1, 1)
        return
    statistic, p = chisquare([only_first, only_second])
    exact = min(1.0, 2 * binom.cdf(min(only_first, only_second), only_first + only_second, 0.5))
    np.testing.assert_allclose([found.statistic, found.p, found.p_exact], [statistic, p, exact], rtol=1e-9)


@pytest.fixture(scope="module")
def readings() -> Readings:
    """Two readers and a network with ties, of two classes; some truths and answers are unknown."""
    rng = np.random.default_rng(1)
    gold = (rng.random((150, 2)) < (0.2, 0.4)).astype(float)
    told = {name: np.abs(gold - (rng.random(gold.shape) < wrong)) for name, wrong in (("ann", 0.1), ("bob", 0.25))}
    gold[rng.random(gold.shape) < 0.05] = np.nan
    told["bob"][rng.random(gold.shape) < 0.05] = np.nan
    network = (0.4 * np.nan_to_num(gold) + 0.6 * rng.random(gold.shape)).round(1)
    told["machine"] = (network >= 0.5).astype(float)
    patients = pd.Series(None, index=[f"r{k}" for k in range(150)], dtype="string")
    return Readings(patients, ("AF", "SB"), gold, told, {"network": network}, ())


def test_scores_and_agreement_are_scikit_learns(readings: Readings) -> None:
    tables = readers(readings, resamples=20)
    scores = tables["scores"].set_index(["reader", "class", "metric"])["value"]
    for reader, answers in readings.readers.items():
        for label, name in enumerate(readings.classes):
            known = ~np.isnan(readings.gold[:, label]) & ~np.isnan(answers[:, label])
            truth, answer = readings.gold[known, label], answers[known, label]
            found = precision_recall_fscore_support(truth, answer, labels=[0, 1])
            expected = {
                "precision": found[0][1],
                "sensitivity": found[1][1],
                "specificity": found[1][0],
                "f1": found[2][1],
            }
            for metric, value in expected.items():
                assert scores[reader, name, metric] == pytest.approx(value, abs=1e-12)
    for row in tables["agreement"].itertuples():
        first, second = (readings.readers[name][:, readings.classes.index(row[3])] for name in (row.first, row.second))
        both = ~np.isnan(first) & ~np.isnan(second)
        assert row.records == both.sum()
        assert row.kappa == pytest.approx(cohen_kappa_score(first[both], second[both]), abs=1e-12)


def test_the_best_f1_is_that_of_scikit_learns_curve(readings: Readings) -> None:
    tuning = readers(readings, resamples=0)["tuning"].set_index("class")
    assert set(tuning["reader"]) == {"machine"}
    for label, name in enumerate(readings.classes):
        known = ~np.isnan(readings.gold[:, label])
        truth, network = readings.gold[known, label], readings.probabilities["network"][known, label]
        precision, recall, _ = precision_recall_curve(truth, network)
        best = (2 * precision * recall / np.maximum(precision + recall, 1e-9)).max()
        assert tuning.loc[name, "f1_best"] == pytest.approx(best, abs=1e-9)
        assert tuning.loc[name, "low"] < 0.5 <= tuning.loc[name, "high"]
