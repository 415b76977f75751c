"""What must hold of every table that is made from predictions."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal, assert_series_equal
from scipy.special import expit
from sklearn.metrics import average_precision_score, log_loss, roc_auc_score

from einthoven.evaluation import evaluate
from einthoven.evaluation.bootstrap import clusters, interval, resampled
from einthoven.evaluation.calibration import calibration
from einthoven.evaluation.contrasts import contrasts
from einthoven.evaluation.curves import curves
from einthoven.evaluation.decide import decide
from einthoven.evaluation.mistakes import mistakes
from einthoven.evaluation.reliability import reliability
from einthoven.evaluation.subgroups import subgroups
from einthoven.evaluation.summary import summary
from einthoven.evaluation.temperature import fit_temperature, tempered
from einthoven.evaluation.thresholds import best_threshold, thresholds
from einthoven.metrics.auprc import auprc
from einthoven.metrics.auroc import auroc

SETS = {"rhythm": ["AF", "SB"], "rare": ["WPW"]}
SKILL = {"code": 2.0, "boosting": 1.0}


def predictions(
    n: int = 160, folds: int = 2, seeds: int = 2, patients: int = 120, boldness: float = 1.0
) -> pd.DataFrame:
    """Cross-fitted predictions of two models: every record is tested once, and validates another fold's model.

    The models see the truth times their skill plus unit noise, and a boldness of 1 is the calibrated one.
    """

    rng = np.random.default_rng(5)
    owner = [f"p{k}" if k > 9 else pd.NA for k in rng.integers(patients, size=n)]
    fold = rng.permutation(n) % folds
    frames = []
    for name, prevalence in {"AF": 0.4, "SB": 0.25, "WPW": 0.05}.items():
        truth = pd.array(rng.random(n) < prevalence, dtype="boolean").astype("Int8")
        known = truth.to_numpy(dtype=float)
        truth[rng.random(n) < 0.05] = pd.NA
        for model, skill in SKILL.items():
            for seed in range(seeds):
                seen = skill * known + rng.normal(size=n)
                logit = skill * seen - skill**2 / 2 + np.log(prevalence / (1 - prevalence))
                table = {"record": [f"r{k:03d}" for k in range(n)], "patient": owner, "source": "simulated"}
                table |= {"class": name, "truth": truth, "model": model, "seed": seed}
                table["probability"] = expit(boldness * logit).round(3).clip(0.001, 0.999).astype(np.float32)
                for part, at in (("test", fold), ("validation", (fold + 1) % folds if folds > 1 else fold)):
                    frames.append(pd.DataFrame({**table, "part": part, "fold": at}))
    return pd.concat(frames, ignore_index=True).astype({"patient": "string"})


def cohort(table: pd.DataFrame) -> pd.DataFrame:
    people = table[["record", "patient", "source"]].drop_duplicates("record").reset_index(drop=True)
    n = len(people)
    age = pd.Series([39.9, 40.0, 59.9, 60.0, 79.9, 80.0, 101.0, np.nan] * n)[:n]
    sex = pd.Series(["female", "male", pd.NA] * n, dtype="string")[:n]
    return people.assign(age=age, sex=sex)


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return predictions()


@pytest.fixture(scope="module")
def decided(table: pd.DataFrame) -> pd.DataFrame:
    return decide(table, thresholds(table))


def within_folds(peer: Callable[..., float], rows: pd.DataFrame, **more: str) -> float:
    """A peer's metric within each fold, the mean weighted by positives; `more` names columns of further arguments."""
    values, weights = [], []
    for _, fold in rows.groupby("fold"):
        truth = fold["truth"].astype(int)
        count = fold[more["sample_weight"]] if more else pd.Series(1, index=fold.index)
        if len(np.unique(truth[count > 0])) == 2:
            values.append(peer(truth, fold["probability"], **{key: fold[name] for key, name in more.items()}))
            weights.append((truth * count).sum())
    return float(np.average(values, weights=weights))


def shuffled(table: pd.DataFrame) -> pd.DataFrame:
    return table.sample(frac=1, random_state=3)


# Metrics


@settings(deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_rankings_know_only_the_order(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth, score = np.arange(50) % 3 == 0, rng.integers(12, size=50).astype(float)
    for metric in (auroc, auprc):
        assert metric(truth, np.exp(score / 3) - 7) == metric(truth, score)
    assert auroc(~truth, score) == pytest.approx(1 - auroc(truth, score))
    assert auroc(truth, -score) == pytest.approx(1 - auroc(truth, score))
    assert auroc(truth, np.zeros(50)) == 0.5
    assert auprc(truth, np.zeros(50)) == pytest.approx(truth.mean())


# The bootstrap


def test_patients_are_drawn_with_all_their_records() -> None:
    cluster = clusters(pd.Series(["b", "a", "b", None, None, "r4"], index=[f"r{k}" for k in range(6)]))
    assert cluster[0] == cluster[2] and len(set(cluster)) == 5
    weights = resampled(cluster, 200, seed=1)
    assert (weights[:, 0] == 1).all() and (weights[0] == weights[2]).all()
    once = np.unique(cluster, return_index=True)[1]
    assert (weights[once].sum(axis=0) == 5).all()
    assert weights[once, 1:].mean() == pytest.approx(1, abs=1e-6) and weights[once, 1:].std() > 0.5


def test_one_record_a_patient_is_the_ordinary_bootstrap() -> None:
    """As many draws as records, each equally likely: mean 1 and variance 1 − 1/n."""

    weights = resampled(np.arange(50), 4000, seed=0)[:, 1:]
    assert (weights.sum(axis=0) == 50).all()
    assert weights.var(axis=1).mean() == pytest.approx(1 - 1 / 50, rel=0.02)


def test_the_same_seed_draws_the_same_patients_in_any_order() -> None:
    owner = pd.Series(["b", "a", "b", None, "c"], index=[f"r{k}" for k in range(5)])
    order = [3, 0, 4, 2, 1]
    first, second = (resampled(clusters(part), 30, seed=4) for part in (owner, owner.iloc[order]))
    np.testing.assert_array_equal(first[order], second)
    assert not np.array_equal(first, resampled(clusters(owner), 30, seed=5))


def test_copies_of_a_record_add_no_certainty() -> None:
    """Four copies under one patient leave the interval as it was; taken for four patients, they halve it."""

    rng = np.random.default_rng(0)
    truth = np.arange(80) % 2 == 0
    score = rng.normal(size=80) + truth
    truth4, score4, owner4 = np.repeat(truth, 4), np.repeat(score, 4), np.repeat(np.arange(80), 4)

    def width(truth: np.ndarray, score: np.ndarray, cluster: np.ndarray) -> float:
        span = interval(auroc(truth, score, resampled(cluster, 1000, seed=0))[1:])
        return span.high - span.low

    single, honest, fooled = width(truth, score, np.arange(80)), width(truth4, score4, owner4), 0.0
    fooled = width(truth4, score4, np.arange(320))
    assert honest == pytest.approx(single)
    assert fooled == pytest.approx(single / 2, rel=0.15)


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    rng = np.random.default_rng(0)
    expected, held = 0.7602, 0  # Φ(1/√2), of two unit normals one apart
    truth = np.arange(150) % 3 == 0
    for seed in range(300):
        span = interval(auroc(truth, rng.normal(size=150) + truth, resampled(np.arange(150), 300, seed))[1:], 0.9)
        held += span.low <= expected <= span.high
    assert 0.86 < held / 300 < 0.94


def test_an_interval_leaves_out_what_is_undefined() -> None:
    assert interval(np.array([np.nan, 1.0, 2.0, 3.0, np.nan]), level=1.0) == (1.0, 3.0, 3)
    low, high, usable = interval(np.full(4, np.nan))
    assert np.isnan(low) and np.isnan(high) and usable == 0


# Thresholds and temperature


@settings(deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 25))
def test_no_threshold_has_a_higher_f1_and_none_as_good_finds_more(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    truth, probability = rng.permutation(np.arange(n) < rng.integers(1, n + 1)), rng.integers(1, 8, size=n) / 8
    threshold, f1 = best_threshold(truth, probability.astype(np.float32))

    def score(at: float) -> tuple[float, float]:
        said = probability >= at
        return 2 * (truth & said).sum() / (truth.sum() + said.sum()), (truth & said).sum()

    assert score(threshold)[0] == f1
    assert score(threshold) == max(score(at) for at in np.arange(17) / 16)
    assert not np.isin(threshold, probability)


def test_a_threshold_lies_halfway() -> None:
    assert best_threshold(np.array([False, True]), np.array([0.2, 0.6])) == (pytest.approx(0.4), 1.0)
    with pytest.raises(ValueError, match="positive"):
        best_threshold(np.zeros(3, dtype=bool), np.ones(3))


def test_thresholds_never_see_test_truths_or_answers(table: pd.DataFrame) -> None:
    changed = table.copy()
    test = changed["part"] == "test"
    changed.loc[test, "truth"] = 1 - changed.loc[test, "truth"]
    changed.loc[test, "probability"] = 1 - changed.loc[test, "probability"]
    assert_frame_equal(thresholds(changed), thresholds(table))
    changed.loc[~test, "probability"] = 1 - changed.loc[~test, "probability"]
    assert not thresholds(changed)["threshold"].equals(thresholds(table)["threshold"])


def test_a_fallback_borrows_from_other_folds_but_never_a_tested_record() -> None:
    """WPW is rare: cells ask other folds. What they learn does not change with the truth of records they test."""

    table = predictions(folds=4)
    fitted = thresholds(table, minimum_positives=12)
    borrowed = fitted[fitted["class"] == "WPW"]
    assert borrowed["fallback"].all() and borrowed["note"].str.contains("other folds").all()
    assert (fitted["fallback"] == (fitted["note"] != "")).all() and not fitted["fallback"].all()
    tested = table.loc[(table["part"] == "test") & (table["fold"] == 2), "record"]
    changed = table.copy()
    rows = (changed["part"] == "validation") & changed["record"].isin(tested)
    changed.loc[rows, "truth"] = 1 - changed.loc[rows, "truth"]
    again = thresholds(changed, minimum_positives=12)
    kept = ["model", "seed", "class", "threshold", "positives", "negatives", "temperature"]
    same = (borrowed["fold"] == 2).loc[lambda at: at].index
    assert_frame_equal(again.loc[same, kept], fitted.loc[same, kept])
    assert not again["threshold"].equals(fitted["threshold"])


def test_without_a_positive_the_threshold_is_one_half(table: pd.DataFrame) -> None:
    changed = table.assign(truth=table["truth"].where((table["class"] != "SB") | (table["part"] == "test"), 0))
    fitted = thresholds(changed).set_index("class").loc["SB"]
    assert (fitted["threshold"] == 0.5).all() and fitted["fallback"].all() and fitted["f1"].isna().all()


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), boldness=st.floats(0.2, 5))
def test_a_temperature_never_raises_the_loss_it_is_fitted_on(seed: int, boldness: float) -> None:
    rng = np.random.default_rng(seed)
    logit = rng.normal(size=60)
    truth = rng.random(60) < expit(logit)
    truth[:2] = True, False
    bold = expit(boldness * logit).astype(np.float32)
    calm = tempered(bold, fit_temperature(truth, bold))
    assert log_loss(truth, calm) <= log_loss(truth, bold.astype(float)) + 1e-9
    assert auroc(truth, calm) == auroc(truth, bold)
    assert (np.diff(calm[np.argsort(bold)]) >= 0).all()


@pytest.mark.parametrize("boldness", [0.5, 1.0, 3.0])
def test_a_temperature_takes_back_overconfidence(boldness: float) -> None:
    rng = np.random.default_rng(0)
    logit = 2 * rng.normal(size=20_000)
    truth = rng.random(20_000) < expit(logit)
    assert fit_temperature(truth, expit(boldness * logit)) == pytest.approx(boldness, rel=0.05)


def test_a_temperature_is_bounded_and_defined_at_the_edges() -> None:
    assert fit_temperature(np.zeros(0, dtype=bool), np.zeros(0)) == 1
    certain = np.array([0, 1], dtype=np.float32)
    assert fit_temperature(np.array([False, True]), certain) == pytest.approx(0.1, rel=1e-3)
    assert fit_temperature(np.array([True, False]), certain) == pytest.approx(10, rel=1e-3)
    assert np.isfinite(tempered(certain, 2.0)).all() and tempered(np.array([0.3]), 1.0) == pytest.approx(0.3)


def test_decisions_follow_from_what_was_fitted(table: pd.DataFrame, decided: pd.DataFrame) -> None:
    assert (decided["part"] == "test").all() and len(decided) == (table["part"] == "test").sum()
    assert_series_equal(decided["decision"], decided["probability"] >= decided["threshold"], check_names=False)
    fitted = thresholds(table)
    highest = decided["probability"].max()
    reached = decide(table, fitted.assign(threshold=float(highest)))
    assert_series_equal(reached["decision"], decided["probability"] == highest, check_names=False)
    with pytest.raises(ValueError, match="no threshold for model"):
        decide(table, fitted[fitted["class"] != "AF"])


# The summary


def test_values_are_means_over_seeds_of_all_test_rows(decided: pd.DataFrame) -> None:
    made = summary(decided, label_sets=SETS, resamples=20).set_index(["model", "class", "metric"])
    known = decided[decided["truth"].notna()]
    peers = {"auroc": roc_auc_score, "auprc": average_precision_score}
    for (model, name), rows in known.groupby(["model", "class"]):
        for metric, peer in peers.items():
            by_seed = [
                (within_folds(peer, r) if metric == "auroc" else peer(r["truth"].astype(int), r["probability"]))
                for _, r in rows.groupby("seed")
            ]
            assert made.loc[(model, name, metric), "value"] == pytest.approx(np.mean(by_seed))
            assert made.loc[(model, name, metric), "seed_sd"] == pytest.approx(np.std(by_seed, ddof=1))
        one = decided[(decided["model"] == model) & (decided["class"] == name) & (decided["seed"] == 0)]
        row = made.loc[(model, name, "auroc")]
        counts = [(one["truth"] == 1).sum(), (one["truth"] == 0).sum(), one["truth"].isna().sum(), len(one)]
        assert list(row[["positives", "negatives", "unknown", "records"]]) == counts
        patients = one["patient"].nunique() + one["patient"].isna().sum()
        assert row["patients"] == patients < len(one) and row["seeds"] == 2
    wide = made[made["label_set"] == "rhythm"].xs("auroc", level="metric")["value"].unstack()
    np.testing.assert_allclose(wide["macro"], (wide["AF"] + wide["SB"]) / 2)


def test_a_positive_is_compared_with_the_negatives_of_its_fold(table: pd.DataFrame) -> None:
    """Neither the scale of a fold's network nor the prevalence that it was trained with moves a metric of ranks."""
    bent = table.assign(probability=table["probability"] ** np.where(table["fold"] == 0, 3, 0.5))
    how = {"label_sets": SETS, "resamples": 20, "metrics": ["auroc"]}
    plain, moved = (summary(decide(t, thresholds(t)), **how) for t in (table, bent))
    assert_frame_equal(moved, plain)
    uneven = table[(table["part"] == "validation") | (table["fold"] == 0) | (table["record"] > "r120")]
    shift = np.where(uneven["fold"] == 0, 0.0, 0.4)
    for answer, worth in ((0.5, 0.5), (uneven["truth"].astype("Float64").fillna(0.5), 1.0)):
        guess = uneven.assign(probability=(0.3 * answer + shift).astype(np.float32))
        made = summary(decide(guess, thresholds(guess)), **how)
        assert made["value"].to_numpy() == pytest.approx(worth)


def test_a_model_without_mistakes_is_evaluated(table: pd.DataFrame) -> None:
    perfect = table.assign(probability=table["truth"].astype("Float32").fillna(0.5).astype(np.float32))
    made = evaluate(perfect, cohort(table), label_sets=SETS, baseline="boosting", primary="code", resamples=5)
    assert made["mistakes"].empty and list(made["mistakes"].columns)[-1] == "kind"


def test_intervals_are_those_of_a_loop_over_resampled_rows(decided: pd.DataFrame) -> None:
    rows = decided[(decided["model"] == "code") & decided["class"].isin(["AF", "SB"])]
    made = summary(rows, label_sets={"rhythm": ["AF", "SB"]}, resamples=25, level=0.8, metrics=["auroc"])
    owner = rows.drop_duplicates("record").sort_values("record").set_index("record")["patient"]
    counts = pd.DataFrame(resampled(clusters(owner), 25, seed=0), index=owner.index).astype(int)
    replicates = []
    for column in range(1, 26):
        drawn = rows[rows["truth"].notna()].assign(times=lambda r, c=column: r["record"].map(counts[c]))
        cells = [
            within_folds(roc_auc_score, cell, sample_weight="times") for _, cell in drawn.groupby(["class", "seed"])
        ]
        replicates.append(np.mean(cells))
    macro = made[made["class"] == "macro"].iloc[0]
    np.testing.assert_allclose([macro["low"], macro["high"]], np.quantile(replicates, [0.1, 0.9]))
    assert macro["usable"] == macro["resamples"] == 25


def test_rare_and_absent_classes_are_listed_with_a_note(decided: pd.DataFrame) -> None:
    absent = decided["class"] == "SB"
    table = decided.assign(truth=decided["truth"].where(~absent | decided["truth"].isna(), 0))
    sets = {"all": ["AF", "SB", "WPW", "LBBB"]}
    made = summary(table, label_sets=sets, resamples=50, minimum_positives=30)
    ranked = made[(made["model"] == "code") & (made["metric"] == "auroc")].set_index("class")
    assert list(ranked.index) == ["AF", "SB", "WPW", "LBBB", "macro"]
    assert np.isnan(ranked.loc["SB", "value"]) and np.isnan(ranked.loc["LBBB", "value"])
    assert ranked["in_macro"].to_dict() == {"AF": True, "SB": False, "WPW": True, "LBBB": False, "macro": False}
    assert "no positives" in ranked.loc["SB", "note"] and "not predicted" in ranked.loc["LBBB", "note"]
    assert "only" in ranked.loc["WPW", "note"] and ranked.loc["AF", "note"] == ""
    assert "without SB (no positives), LBBB (not predicted)" in ranked.loc["macro", "note"]
    assert "counts WPW (only" in ranked.loc["macro", "note"]
    assert ranked.loc["macro", "value"] == pytest.approx(ranked.loc[["AF", "WPW"], "value"].mean())
    brier = made[(made["model"] == "code") & (made["metric"] == "brier")].set_index("class")
    assert brier.loc["SB", "in_macro"] and brier.loc["SB", "value"] > 0


def test_each_model_is_measured_on_the_records_that_it_answered(decided: pd.DataFrame) -> None:
    gone = (decided["model"] == "boosting") & (decided["record"] < "r050")
    part, whole = (summary(rows, label_sets=SETS, resamples=10) for rows in (decided[~gone], decided))
    assert_frame_equal(part[part["model"] == "code"], whole[whole["model"] == "code"])
    alone = summary(decided[~gone & (decided["model"] == "boosting")], label_sets=SETS, resamples=10)
    both = part[part["model"] == "boosting"].reset_index(drop=True)
    exact = ["class", "metric", "value", "records", "patients", "positives"]
    assert_frame_equal(both[exact], alone[exact])
    assert (both["records"] == 110).all() and both.loc[both["class"] != "WPW", "value"].notna().all()


def test_resamples_without_a_positive_are_counted_as_unusable(decided: pd.DataFrame) -> None:
    rows = decided[decided["class"] == "WPW"]
    lone = rows["record"] == rows.loc[rows["truth"] == 1, "record"].iloc[0]
    table = rows.assign(truth=rows["truth"].where(lone | rows["truth"].isna(), 0))
    made = summary(table, label_sets={"rare": ["WPW"]}, resamples=200, metrics=["auroc"])
    assert made["usable"].between(100, 150).all()  # 1 − 1/e of 200 are 126
    assert made.loc[made["class"] == "WPW", "note"].str.contains("of 200 resamples").all()


def test_the_order_of_the_rows_changes_nothing(table: pd.DataFrame) -> None:
    tables = [
        evaluate(part, cohort(table), label_sets=SETS, baseline="boosting", primary="code", resamples=30)
        for part in (table, shuffled(table))
    ]
    for name, made in tables[0].items():
        assert_frame_equal(made, tables[1][name], obj=name)


def test_other_seeds_draw_other_intervals_around_the_same_values(decided: pd.DataFrame) -> None:
    first, second = (summary(decided, label_sets=SETS, resamples=30, seed=seed) for seed in (0, 1))
    assert_series_equal(first["value"], second["value"])
    assert not first["low"].equals(second["low"])


# Contrasts


def test_a_contrast_is_the_difference_of_the_summary_and_turns_with_its_sides(
    table: pd.DataFrame, decided: pd.DataFrame
) -> None:
    first, second = (contrasts(table, name, label_sets=SETS, resamples=100) for name in ("code", "boosting"))
    macro = summary(decided, label_sets=SETS, resamples=0).query("`class` == 'macro'")
    macro = macro.set_index(["label_set", "metric", "model"])["value"]
    for _, row in first.iterrows():
        ours, other = (macro[row["label_set"], row["metric"], row[side]] for side in ("primary", "other"))
        assert row["difference"] == pytest.approx(ours - other)
    for one, back in (("difference", "difference"), ("low", "high"), ("high", "low")):
        np.testing.assert_allclose(first[one], -second[back])
    for kept in ("p", "se", "detectable"):
        np.testing.assert_allclose(first[kept], second[kept])
    np.testing.assert_allclose(first["detectable"] / first["se"], 2.8016, rtol=1e-4)
    assert not first["planned"].any()
    assert contrasts(table, "code", baseline="boosting", label_sets=SETS, resamples=10)["planned"].tolist() == [
        True,
        False,
        False,
        False,
    ]


def test_a_better_model_is_found_and_a_copy_is_not(table: pd.DataFrame) -> None:
    copy = table[table["model"] == "code"].assign(model="copy")
    made = contrasts(pd.concat([table, copy]), "code", label_sets={"all": ["AF", "SB", "WPW"]}, resamples=200)
    made = made[made["metric"] == "auroc"].set_index("other")
    assert made.loc["copy", "difference"] == 0 == made.loc["copy", "se"] and made.loc["copy", "p"] == 1
    assert made.loc["boosting", "low"] > 0 and made.loc["boosting", "p"] < 0.05


def test_pairing_makes_a_contrast_sharper(table: pd.DataFrame, decided: pd.DataFrame) -> None:
    """Two models that make nearly the same mistakes differ by less than each varies."""

    near = table[table["model"] == "code"].assign(model="near")
    near["probability"] = (near["probability"] + np.arange(len(near)) % 7 / 100).clip(0, 1).astype(np.float32)
    both = pd.concat([table, near])
    chosen = "label_set == 'rhythm' and metric == 'auroc'"
    pair = contrasts(both, "code", label_sets=SETS, resamples=200).query(f"{chosen} and other == 'near'").iloc[0]
    own = summary(decided, label_sets=SETS, resamples=200).query(f"{chosen} and model == 'code'").iloc[-1]
    assert 0 < pair["high"] - pair["low"] < (own["high"] - own["low"]) / 2


def test_models_tested_on_different_records_are_not_compared(table: pd.DataFrame) -> None:
    gone = (table["model"] == "boosting") & (table["record"] == "r007") & (table["seed"] == 1)
    with pytest.raises(ValueError, match="r007"):
        contrasts(table[~gone], "code", label_sets=SETS, resamples=5)
    with pytest.raises(ValueError, match="no predictions of model tree"):
        contrasts(table, "code", baseline="tree", label_sets=SETS, resamples=5)


# Calibration


def test_temperature_mends_bold_probabilities() -> None:
    table = predictions(n=600, patients=600, boldness=3.0)
    bold = decide(table, thresholds(table))
    made = calibration(bold, label_sets=SETS, resamples=50).set_index(["label_set", "class", "model", "metric"])
    brier = made.xs(("rhythm", "macro", "brier"), level=("label_set", "class", "metric"))
    assert (brier["change_high"] < 0).all()
    np.testing.assert_allclose(made["change"], made["after"] - made["before"])
    after = summary(bold, label_sets=SETS, resamples=50).set_index(["label_set", "class", "model", "metric"])
    np.testing.assert_allclose(made["after"], after.loc[made.index, "value"])
    np.testing.assert_allclose(made["after_low"], after.loc[made.index, "low"])


def test_the_reliability_curve_holds_every_answer_once(decided: pd.DataFrame) -> None:
    made = reliability(decided, label_sets=SETS, bins=8, resamples=50)
    known = decided[decided["truth"].notna()]
    for (label_set, model, _), bins in made.groupby(["label_set", "model", "stage"]):
        rows = known[known["class"].isin(SETS[label_set]) & (known["model"] == model)]
        assert bins["count"].sum() == len(rows) and bins["positives"].sum() == rows["truth"].sum()
        np.testing.assert_allclose(bins["observed"], bins["positives"] / bins["count"])
        assert bins["predicted"].is_monotonic_increasing and list(bins["bin"]) == list(range(len(bins)))
        assert bins["count"].max() < 2 * len(rows) / 8
        assert ((bins["low"] <= bins["observed"]) & (bins["observed"] <= bins["high"])).all()
    before = made[(made["stage"] == "before") & (made["label_set"] == "rare")].groupby("model")
    average = [np.average(bins["predicted"], weights=bins["count"]) for _, bins in before]
    rare = known[known["class"] == "WPW"].groupby("model")["probability"].mean()
    np.testing.assert_allclose(average, rare, rtol=1e-5)


def test_a_reliability_interval_is_over_patients(decided: pd.DataFrame) -> None:
    """With one bin it is the interval of the prevalence."""

    made = reliability(decided, label_sets=SETS, bins=1, resamples=50).query("label_set == 'rare'")
    once = decided.query("`class` == 'WPW' and model == 'code' and seed == 0").sort_values("record")
    weights = resampled(clusters(once.set_index("record")["patient"]), 50, seed=0)[once["truth"].notna()]
    prevalence = once["truth"].dropna().to_numpy(dtype=float) @ weights / weights.sum(axis=0)
    span = interval(prevalence[1:])
    np.testing.assert_allclose(made[["observed", "low", "high"]], [[prevalence[0], span.low, span.high]] * 4, rtol=1e-5)


# Subgroups


def test_groups_part_the_records_and_a_group_of_all_is_the_whole(table: pd.DataFrame, decided: pd.DataFrame) -> None:
    made = subgroups(table, cohort(table), label_sets=SETS, resamples=50)
    groups = made.drop_duplicates(["attribute", "group"]).groupby("attribute")["group"].agg(list)
    assert groups["sex"] == ["female", "male", "unknown"] and groups["source"] == ["simulated"]
    assert groups["age"] == ["<40", "40–59", "60–79", "≥80", "unknown"]
    assert (made.groupby(["label_set", "model", "attribute"])["records"].sum() == 160).all()
    eighths = made[(made["attribute"] == "age") & (made["model"] == "code") & (made["label_set"] == "rare")]
    assert list(eighths["records"]) == [20, 40, 40, 40, 20]
    whole = made[made["attribute"] == "source"].set_index(["label_set", "model"])
    macro = summary(decided, label_sets=SETS, resamples=50).query("`class` == 'macro' and metric == 'auroc'")
    macro = macro.set_index(["label_set", "model"])
    for column in ("value", "low", "high", "patients", "usable"):
        np.testing.assert_allclose(whole[column], macro.loc[whole.index, column])


def test_small_groups_are_flagged_and_kept(table: pd.DataFrame) -> None:
    made = subgroups(table, cohort(table), label_sets=SETS, resamples=20)
    rare = made[(made["label_set"] == "rare") & (made["attribute"] == "age")]
    assert rare["few"].all() and (rare["note"] != "").all()
    assert rare["value"].isna().equals(rare["classes"] == 0)
    large = made[(made["label_set"] == "rhythm") & (made["attribute"] == "source")]
    assert not large["few"].any() and (large["few_classes"] == 0).all() and (large["classes"] == 2).all()


def test_a_record_outside_the_cohort_is_refused(table: pd.DataFrame) -> None:
    people = cohort(table)
    with pytest.raises(ValueError, match="r000"):
        subgroups(table, people[people["record"] != "r000"], label_sets=SETS, resamples=5)
    with pytest.raises(ValueError, match="r003 twice"):
        subgroups(table, pd.concat([people, people[people["record"] == "r003"]]), label_sets=SETS, resamples=5)


# Curves and mistakes


def test_areas_under_the_curves_are_the_metrics() -> None:
    table = predictions(folds=1)
    made = curves(table, label_sets=SETS)
    rows = table[(table["part"] == "test") & (table["seed"] == 0) & table["truth"].notna()]
    for (model, name), cell in rows.groupby(["model", "class"]):
        of = made[(made["model"] == model) & (made["class"] == name)]
        roc, pr = (of[of["kind"] == kind] for kind in ("roc", "pr"))
        truth = cell["truth"].to_numpy(dtype=float)
        assert np.trapezoid(roc["y"], roc["x"]) == pytest.approx(auroc(truth, cell["probability"].to_numpy()))
        steps = (np.diff(pr["x"]) * pr["y"].to_numpy()[1:]).sum()
        assert steps == pytest.approx(auprc(truth, cell["probability"].to_numpy()))


def test_thinned_curves_keep_their_ends_and_their_area(table: pd.DataFrame) -> None:
    full, thin = (curves(table, label_sets=SETS, points=points) for points in (10_000, 40))
    keys = ["label_set", "class", "model"]
    areas = [
        [np.trapezoid(curve["y"], curve["x"]) for _, curve in made[made["kind"] == "roc"].groupby(keys)]
        for made in (full, thin)
    ]
    np.testing.assert_allclose(areas[0], areas[1], atol=0.02)
    sizes = thin.groupby([*keys, "kind"]).size()
    assert sizes.max() <= 40 < full.groupby([*keys, "kind"]).size().max()
    for _, curve in thin[thin["kind"] == "roc"].groupby(keys):
        assert tuple(curve[["x", "y"]].iloc[0]) == (0, 0) and tuple(curve[["x", "y"]].iloc[-1]) == (1, 1)


def test_mistakes_are_wrong_strong_and_take_turns(decided: pd.DataFrame) -> None:
    made = mistakes(decided, n=8, model="boosting")
    assert len(made) == 8 and (made["model"] == "boosting").all() and (made["seed"] == 0).all()
    alarm = made["probability"] >= made["threshold"]
    assert (alarm == (made["truth"] == 0)).all() and (alarm == (made["kind"] == "false alarm")).all()
    assert made["kind"].nunique() == 2 and set(made["class"].head(3)) == {"AF", "SB", "WPW"}
    assert (made["kind"].head(3) == made["kind"].head(3).shift()).sum() == 0
    known = decided[(decided["model"] == "boosting") & (decided["seed"] == 0) & (decided["class"] == "AF")]
    missed = known[(known["truth"] == 1) & ~known["decision"]]
    first = made[(made["class"] == "AF") & (made["kind"] == "missed")].iloc[0]
    assert first["calibrated"] == missed["calibrated"].min()
    assert len(mistakes(decided, n=10_000, model="boosting")) < len(decided)
    tied = decided.assign(calibrated=0.5)
    assert_frame_equal(mistakes(shuffled(tied)), mistakes(tied))
    with pytest.raises(ValueError, match="tree"):
        mistakes(decided, model="tree")


# All of it


def test_every_table_is_made_and_can_be_kept(table: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> None:
    made = evaluate(table, cohort(table), label_sets=SETS, baseline="boosting", primary="code", resamples=20)
    folder = tmp_path_factory.mktemp("results")
    expected = [
        "summary",
        "contrasts",
        "thresholds",
        "abstention",
        "transfer",
        "challenge",
        "calibration",
        "reliability",
        "subgroups",
        "curves",
        "mistakes",
    ]
    assert list(made) == expected
    assert (made["mistakes"]["model"] == "code").all() and made["contrasts"]["planned"].sum() == 1
    for name, part in made.items():
        assert (len(part) or name in ("transfer", "challenge")) and part.columns.is_unique
        part.to_parquet(folder / f"{name}.parquet")
        assert_frame_equal(pd.read_parquet(folder / f"{name}.parquet"), part, check_dtype=False)


def test_a_lone_model_has_no_contrasts(table: pd.DataFrame) -> None:
    alone = table[table["model"] == "code"]
    made = evaluate(alone, cohort(table), label_sets=SETS, baseline=None, primary="code", resamples=5)
    assert made["contrasts"].empty and "difference" in made["contrasts"]


def broken(table: pd.DataFrame, how: str) -> pd.DataFrame:
    first = table.index[(table["part"] == "test") & table["truth"].notna()][0]
    table = table.copy()
    if how == "diverge":
        table.loc[first, "probability"] = np.nan
    elif how == "different truths":
        table.loc[first, "truth"] = 1 - table.loc[first, "truth"]
    elif how == "different patients":
        table.loc[first, "patient"] = "somebody else"
    elif how == "answers twice":
        table = pd.concat([table, table.loc[[first]].assign(fold=99)], ignore_index=True)
    elif how == "no column truth":
        table = table.drop(columns="truth")
    elif how == "part":
        table.loc[first, "part"] = "train"
    elif how == "nothing to evaluate":
        table = table[table["part"] == "validation"]
    return table


@pytest.mark.parametrize(
    "how",
    [
        "diverge",
        "different truths",
        "different patients",
        "answers twice",
        "no column truth",
        "part",
        "nothing to evaluate",
    ],
)
def test_a_table_that_is_none_is_refused_with_the_reason(table: pd.DataFrame, how: str) -> None:
    with pytest.raises(ValueError, match=how):
        contrasts(broken(table, how), "code", label_sets=SETS, resamples=5)


def test_a_class_outside_every_label_set_is_not_forgotten(decided: pd.DataFrame) -> None:
    with pytest.raises(ValueError, match="WPW"):
        summary(decided, label_sets={"rhythm": ["AF", "SB"]}, resamples=5)
