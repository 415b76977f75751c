"""CODE-test: every published figure of Ribeiro et al. 2020 again, to its last printed decimal."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from einthoven.evaluation.readers import readers
from einthoven.evaluation.readings import Readings, from_files, from_folder
from einthoven.evaluation.thresholds import best_threshold
from einthoven.evaluation.tuning import looks_tuned
from einthoven.metrics.f1 import f1
from einthoven.report.readers import findings

GROUPS = {
    "DNN": "dnn",
    "cardio.": "cardiology_residents",
    "emerg.": "emergency_residents",
    "stud.": "medical_students",
    "Cert. cardiol. 1": "cardiologist1",
    "Certif. cardiol. 2": "cardiologist2",
}
CLASSES = ("1dAVb", "RBBB", "LBBB", "SB", "AF", "ST")


@pytest.fixture(scope="module")
def folder(data: Path) -> Path:
    found = data / "code-test-annotations"
    if not found.is_dir():
        pytest.skip(f"no reader study in {found}")
    return found


@pytest.fixture(scope="module")
def readings(folder: Path) -> Readings:
    return from_files(*from_folder(folder))


@pytest.fixture(scope="module")
def tables(readings: Readings) -> dict[str, pd.DataFrame]:
    return readers(readings)


def published(folder: Path, name: str, **how: object) -> pd.DataFrame:
    return pd.read_csv(folder / "published_tables" / f"{name}.csv", index_col=0, **how)


def of_pair(table: pd.DataFrame, label: str, column: str) -> list[float]:
    """A column for the two readers of a published row, in the order of the classes."""
    pair = {GROUPS[name] for name in label.split(" vs ")}
    rows = table[table["first"].isin(pair) & table["second"].isin(pair)].set_index("class")
    return rows.loc[list(CLASSES), column].tolist()


def test_who_reads_what(readings: Readings) -> None:
    assert set(readings.readers) == set(GROUPS.values()) and len(readings.patients) == 827
    assert readings.classes == CLASSES and len(readings.probabilities) == 14
    assert np.nansum(readings.gold, axis=0).tolist() == [28, 34, 30, 16, 13, 37]
    assert any("attributes.csv is no reader" in note for note in readings.notes)
    assert any("model and model_6 hold the same numbers" in note for note in readings.notes)


def test_every_score_is_the_published_one(folder: Path, tables: dict[str, pd.DataFrame]) -> None:
    ours = tables["scores"].set_index(["class", "metric", "reader"])["value"]
    names = {"Precision": "precision", "Recall": "sensitivity", "Specificity": "specificity", "F1 score": "f1"}
    theirs = published(folder, "scores", header=[0, 1])
    assert theirs.shape == (6, 16)
    for (metric, group), column in theirs.items():
        for name, value in column.items():
            assert round(ours[name, names[metric], GROUPS[group]], 3) == value, (name, metric, group)


@pytest.mark.parametrize(("name", "rows"), [("kappa", 6), ("kappas_annotators_and_DNN", 3)])
def test_every_kappa_is_the_published_one(folder: Path, tables: dict, name: str, rows: int) -> None:
    theirs = published(folder, name)
    assert theirs.shape == (rows, 6)
    for label, row in theirs.iterrows():
        assert np.round(of_pair(tables["agreement"], label, "kappa"), 3).tolist() == row[list(CLASSES)].tolist()


def test_every_mcnemar_is_the_published_one(folder: Path, tables: dict[str, pd.DataFrame]) -> None:
    theirs = published(folder, "mcnemar")
    assert theirs.shape == (6, 6)
    for label, row in theirs.iterrows():
        assert np.round(of_pair(tables["comparisons"], label, "p"), 3).tolist() == row[list(CLASSES)].tolist()


def test_three_of_five_published_p_below_a_twentieth_are_not_so_by_the_exact_test(folder: Path, tables: dict) -> None:
    labels = list(published(folder, "mcnemar").index)
    p = np.array([of_pair(tables["comparisons"], label, "p") for label in labels])
    exact = np.array([of_pair(tables["comparisons"], label, "p_exact") for label in labels])
    assert ((p < 0.05).sum(), (exact < 0.05).sum()) == (5, 2)
    assert (exact >= p - 1e-12).all()


def test_intervals_are_those_that_were_computed_before(folder: Path, tables: dict[str, pd.DataFrame]) -> None:
    """Other draws of the same 1000 resamples: limits differ by chance, by a step or two of a few dozen patients."""
    theirs = published(folder, "bootstrap_ci_recomputed").reset_index()
    ours = tables["scores"].set_index(["reader", "class", "metric"])
    groups = {
        "DNN": "dnn",
        "cardio": "cardiology_residents",
        "emerg": "emergency_residents",
        "stud": "medical_students",
    }
    keys = [
        (groups[row.rater], row.diagnosis, {"recall": "sensitivity"}.get(row.metric, row.metric))
        for row in theirs.itertuples()
    ]
    assert len(keys) == 96
    found = ours.loc[keys]
    np.testing.assert_allclose(found["value"], theirs["point"], atol=5e-5)
    gap = found[["low", "high"]].to_numpy() - theirs[["p2.5", "p97.5"]].to_numpy(dtype=float)
    assert np.abs(gap).max() < 0.06 and np.abs(gap).mean() < 0.006


def test_the_networks_thresholds_look_tuned_on_the_test(tables: dict[str, pd.DataFrame]) -> None:
    tuning = tables["tuning"]
    assert set(zip(tuning["reader"], tuning["network"], strict=True)) == {("dnn", "model_1")}
    assert tuning["optimum"].all() and len(tuning) == 6 and looks_tuned(tuning)
    assert (tuning["f1_held_out"] < tuning["f1"]).all()
    (title, sentence), *_ = findings(tables)
    assert "look tuned" in title and "6 of 6 classes" in sentence and "model_1" in sentence


def test_six_of_six_is_hardly_luck(readings: Readings) -> None:
    """Thresholds fitted on a random half of the patients are seldom the best of the others, and never in all six."""
    rng, gold = np.random.default_rng(0), readings.gold == 1
    met = []
    for name in (f"model_{k}" for k in range(1, 11)):
        for fitted in (rng.random(len(gold)) < 0.5 for _ in range(40)):
            pairs = zip(gold.T, readings.probabilities[name].T, strict=True)
            met.append(sum(is_best_elsewhere(truth, score, fitted) for truth, score in pairs))
    assert np.mean(met) == pytest.approx(1.6, abs=0.05) and max(met) < 6


def is_best_elsewhere(truth: np.ndarray, score: np.ndarray, fitted: np.ndarray) -> bool:
    """Whether the best threshold of some records is one of the best of the others."""
    threshold, _ = best_threshold(truth[fitted], score[fitted])
    reached = f1(truth[~fitted], (score[~fitted] >= threshold).astype(float))
    return bool(np.isclose(reached, best_threshold(truth[~fitted], score[~fitted])[1]))


def test_ten_seeds_have_the_average_precision_that_was_recomputed(tables: dict[str, pd.DataFrame]) -> None:
    networks = tables["networks"]
    seeds = networks[networks["network"].isin([f"model_{k}" for k in range(1, 11)]) & (networks["metric"] == "auprc")]
    span = seeds.groupby("mean")["value"].agg(["min", "max", "size"]).round(3)
    assert span.loc["micro"].tolist() == [0.946, 0.961, 10] and span.loc["macro"].tolist() == [0.930, 0.955, 10]
