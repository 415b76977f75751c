"""What must hold when two models are compared, when one may abstain, and when one is tried elsewhere."""

import itertools
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal
from scipy.special import expit
from sklearn.metrics import roc_auc_score

from einthoven.cli.compare import compare as compare_runs
from einthoven.evaluation.abstention import abstention
from einthoven.evaluation.comparison import compare
from einthoven.evaluation.decide import decide
from einthoven.evaluation.delong import delong
from einthoven.evaluation.holm import holm
from einthoven.evaluation.thresholds import rule_out_point, thresholds
from einthoven.evaluation.transfer import transfer
from einthoven.pipeline import RunError

SETS = {"rhythm": ["AF", "SB"]}


def predictions(
    n: int = 240, skills: tuple[float, ...] = (2.0, 1.0), seeds: int = 2, away: float = 0.0
) -> pd.DataFrame:
    """One fold: a third validation, a third test, a third external, where each model's skill is `away` less."""
    rng = np.random.default_rng(3)
    part = np.repeat(["validation", "test", "external"], n // 3)
    records = pd.DataFrame({"record": [f"r{k:03d}" for k in range(n)], "patient": [f"p{k // 2}" for k in range(n)]})
    records["part"], records["source"] = part, np.where(part == "external", "elsewhere", "home")
    frames = []
    for name, prevalence in {"AF": 0.4, "SB": 0.25}.items():
        truth = rng.random(n) < prevalence
        for (model, skill), seed in itertools.product(zip(("good", "plain"), skills, strict=True), range(seeds)):
            seen = np.where(part == "external", skill - away, skill) * truth + rng.normal(size=n)
            table = records.assign(**{"class": name}, truth=truth.astype(int), model=model, seed=seed, fold=1)
            frames.append(table.assign(probability=expit(seen - 1).astype(np.float32)))
    return pd.concat(frames, ignore_index=True).astype({"truth": "Int8"})


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return predictions()


def decided(table: pd.DataFrame, model: str) -> pd.DataFrame:
    rows = decide(table, thresholds(table))
    return rows[rows["model"] == model]


# DeLong


def by_hand(truth: np.ndarray, first: np.ndarray, second: np.ndarray) -> tuple[float, float]:
    """The difference and its variance from every pair of a positive and a negative, as the paper writes them."""
    gaps = []
    for score in (first, second):
        pairs = score[truth][:, None] - score[~truth][None]
        gaps.append((pairs > 0) + 0.5 * (pairs == 0))
    gap = gaps[0] - gaps[1]
    rows, columns = gap.mean(axis=1), gap.mean(axis=0)
    return gap.mean(), rows.var(ddof=1) / len(rows) + columns.var(ddof=1) / len(columns)


@given(seed=st.integers(0, 2**32 - 1), ties=st.booleans())
def test_delong_is_the_variance_of_all_pairs(seed: int, ties: bool) -> None:
    rng = np.random.default_rng(seed)
    truth = rng.permutation(np.arange(40) < 12)
    first, second = rng.normal(size=(2, 40)) + truth
    if ties:
        first, second = first.round(), second.round()
    found = delong(truth, first[None], second[None], np.arange(40))
    difference, variance = by_hand(truth, first, second)
    assert found.difference == pytest.approx(difference, abs=1e-12)
    assert found.difference == pytest.approx(roc_auc_score(truth, first) - roc_auc_score(truth, second), abs=1e-12)
    assert found.se**2 == pytest.approx(variance, abs=1e-12)
    back = delong(truth, second[None], first[None], np.arange(40))
    assert back.p == pytest.approx(found.p) and back.difference == pytest.approx(-found.difference)


def test_copies_of_every_record_add_no_certainty_to_delong() -> None:
    rng = np.random.default_rng(0)
    truth, cluster = np.arange(60) < 20, np.arange(60)
    scores = rng.normal(size=(2, 1, 60)) + truth
    once = delong(truth, *scores, cluster)
    twice = delong(np.tile(truth, 2), *np.tile(scores, 2), np.tile(cluster, 2))
    assert twice.difference == pytest.approx(once.difference) and twice.se == pytest.approx(once.se)
    assert delong(np.tile(truth, 2), *np.tile(scores, 2), np.arange(120)).se < 0.8 * once.se


def test_the_mean_over_seeds_of_delong_is_that_of_the_aurocs() -> None:
    rng = np.random.default_rng(1)
    truth = np.arange(50) % 4 == 0
    first, second = rng.normal(size=(3, 50)) + truth, rng.normal(size=(2, 50))
    found = delong(truth, first, second, np.arange(50))
    means = [np.mean([roc_auc_score(truth, row) for row in rows]) for rows in (first, second)]
    assert found.difference == pytest.approx(means[0] - means[1])


def test_delong_knows_where_there_is_nothing_to_test() -> None:
    score = np.arange(6.0)[None]
    same = delong(np.arange(6) > 2, score, score, np.arange(6))
    assert same.difference == 0 and same.p == 1
    assert np.isnan(delong(np.zeros(6, dtype=bool), score, score, np.arange(6)).difference)
    assert np.isnan(delong(np.arange(6) > 4, score, -score, np.arange(6)).p)


# Holm


@given(p=st.lists(st.floats(0, 1), max_size=8))
def test_holm_rejects_what_the_step_down_procedure_rejects(p: list[float]) -> None:
    """At every level the corrected p is below it exactly where each smaller p passed its own, ever laxer, bound."""
    corrected = holm(np.array(p))
    ranked = sorted(p)
    for level in (0.01, 0.05, 0.2, 0.5):
        failed = [k for k, value in enumerate(ranked) if value * (len(p) - k) > level]
        assert (corrected <= level).sum() == min(failed, default=len(p))


def test_a_test_that_was_not_made_is_not_counted() -> None:
    np.testing.assert_allclose(holm(np.array([0.01, np.nan, 0.04])), [0.02, np.nan, 0.04])


# Comparison


def test_a_comparison_is_antisymmetric_and_quotes_the_metrics(table: pd.DataFrame) -> None:
    good, plain = decided(table, "good"), decided(table, "plain")
    there, decisions = compare(good, plain, label_sets=SETS, resamples=60)
    back, turned = compare(plain, good, label_sets=SETS, resamples=60)
    for left, right in (("difference", "difference"), ("low", "high"), ("first", "second")):
        sign = 1 if left == "first" else -1
        np.testing.assert_allclose(there[left], sign * back[right], atol=1e-12)
    np.testing.assert_allclose(there["p_delong"].astype(float), back["p_delong"].astype(float))
    assert (decisions["only_first"] == turned["only_second"]).all()
    row = there[(there["class"] == "AF") & (there["metric"] == "auroc")].iloc[0]
    seeds = [
        roc_auc_score(part["truth"].astype(int), part["probability"])
        for _, part in good[good["class"] == "AF"].groupby("seed")
    ]
    assert row["first"] == pytest.approx(np.mean(seeds))
    assert (there["p_holm"] >= there["p"] - 1e-12).all()
    macro = there[(there["class"] == "macro") & (there["metric"] == "auroc")].iloc[0]
    assert macro["low"] > 0 and macro["difference"] == pytest.approx(
        there[(there["class"] != "macro") & (there["metric"] == "auroc")]["difference"].mean()
    )


def test_nothing_differs_from_itself(table: pd.DataFrame) -> None:
    good = decided(table, "good")
    differences, decisions = compare(good, good, label_sets=SETS, resamples=20)
    assert (differences[["difference", "low", "high"]] == 0).all(axis=None) and (differences["p"] == 1).all()
    assert (decisions["p_exact"] == 1).all() and (differences["p_delong"].dropna() == 1).all()


def test_other_patients_are_not_compared(table: pd.DataFrame) -> None:
    good, plain = decided(table, "good"), decided(table, "plain")
    with pytest.raises(ValueError, match="1 records differ, the first is r080"):
        compare(good[good["record"] != "r080"], plain, label_sets=SETS)
    with pytest.raises(ValueError, match="record r081 another patient"):
        moved = plain.assign(patient=plain["patient"].where(plain["record"] != "r081", "somebody"))
        compare(good, moved, label_sets=SETS)
    with pytest.raises(ValueError, match="another truth"):
        compare(good, plain.assign(truth=1 - plain["truth"]), label_sets=SETS)


# Abstention


@given(n=st.integers(1, 200), seed=st.integers(0, 2**32 - 1))
def test_few_positives_lie_below_the_rule_out_point(n: int, seed: int) -> None:
    positives = np.random.default_rng(seed).random(n)
    point, missed = rule_out_point(positives)
    assert (positives < point).sum() == max(1, int(0.05 * (n + 1))) - 1
    assert missed == pytest.approx(((positives < point).sum() + 1) / (n + 1))
    assert missed <= 0.05 or (positives >= point).all()


def test_another_positive_falls_below_it_as_rarely_as_promised() -> None:
    rng = np.random.default_rng(0)
    draws = rng.exponential(size=(4000, 60))
    below = [draw[-1] < rule_out_point(draw[:-1])[0] for draw in draws]
    assert np.mean(below) == pytest.approx(rule_out_point(draws[0, :-1])[1], abs=0.012)


def test_who_may_abstain_misses_less(table: pd.DataFrame) -> None:
    rows = decide(table, thresholds(table))
    assert not (rows["uncertain"] & rows["decision"]).any()
    shares = abstention(rows, label_sets=SETS, resamples=20).set_index(["model", "class"])
    one = rows[(rows["model"] == "good") & (rows["class"] == "AF")]
    assert shares.loc[("good", "AF"), "uncertain"] == pytest.approx(one["uncertain"].mean())
    positive = one[one["truth"] == 1]
    said_no = ~positive["decision"] & ~positive["uncertain"]
    assert shares.loc[("good", "AF"), "missed"] == pytest.approx(said_no.mean()) and said_no.mean() < 0.15
    assert (~positive["decision"]).mean() > said_no.mean()
    assert shares.loc[("good", "AF"), "uncertain"] < shares.loc[("plain", "AF"), "uncertain"]


# Elsewhere


def test_a_drop_is_home_less_away(table: pd.DataFrame) -> None:
    worse = predictions(away=1.5)
    found = transfer(worse, thresholds(worse), label_sets=SETS, resamples=100)
    macro = found[(found["class"] == "macro") & (found["metric"] == "auroc")].set_index("model")
    assert macro.loc["good", "drop_low"] > 0
    assert (found["drop"] == found["home"] - found["away"]).all()
    part = worse[(worse["part"] == "external") & (worse["model"] == "good") & (worse["class"] == "SB")]
    seeds = [roc_auc_score(rows["truth"].astype(int), rows["probability"]) for _, rows in part.groupby("seed")]
    row = found[(found["class"] == "SB") & (found["metric"] == "auroc") & (found["model"] == "good")].iloc[0]
    assert row["away"] == pytest.approx(np.mean(seeds)) and row["source"] == "elsewhere"
    none = transfer(table, thresholds(table), label_sets=SETS, resamples=100)
    still = none[(none["class"] == "macro") & (none["metric"] == "auroc")]
    assert ((still["drop_low"] < 0) & (still["drop_high"] > 0)).all()


def test_external_records_change_nothing_at_home(table: pd.DataFrame) -> None:
    home = table[table["part"] != "external"]
    assert_frame_equal(thresholds(home), thresholds(table))
    assert_frame_equal(decide(home, thresholds(home)), decide(table, thresholds(table)))
    assert transfer(home, thresholds(home), label_sets=SETS).empty


def test_a_class_that_one_place_cannot_measure_is_named() -> None:
    table = predictions()
    table.loc[(table["part"] == "external") & (table["class"] == "SB"), "truth"] = pd.NA
    found = transfer(table, thresholds(table), label_sets=SETS, resamples=20)
    assert set(found["class"]) == {"AF", "macro"}
    assert (found.loc[found["class"] == "macro", "note"] == "without SB").all()


# Elsewhere


def test_two_models_are_compared_elsewhere_with_the_thresholds_of_home(tmp_path: Path) -> None:
    table = predictions(away=1.0)
    for name in ("one", "two"):
        (tmp_path / name / "results").mkdir(parents=True)
        facts = {"primary": "good", "label_sets": SETS}
        (tmp_path / name / "experiment.json").write_text(json.dumps(facts))
        rows = table if name == "one" else table[table["part"] != "external"]
        rows.to_parquet(tmp_path / name / "predictions.parquet")
        thresholds(table).to_parquet(tmp_path / name / "results" / "thresholds.parquet")
    one, out = tmp_path / "one", tmp_path / "found.json"
    compare_runs(one, one, models=("good", "plain"), part="external", out=out, resamples=50)
    found = {(row["class"], row["metric"]): row for row in json.loads(out.read_text())["differences"]}
    for model, column in (("good", "first"), ("plain", "second")):
        mine = table[(table["part"] == "external") & (table["model"] == model) & (table["class"] == "AF")]
        wanted = [roc_auc_score(rows["truth"], rows["probability"]) for _, rows in mine.groupby("seed")]
        assert found["AF", "auroc"][column] == pytest.approx(np.mean(wanted))
    with pytest.raises(RunError, match="two has no external records"):
        compare_runs(one, tmp_path / "two", part="external")
