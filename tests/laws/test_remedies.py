"""What remedies give: paired by seed and patient, the best cheap one chosen by validation alone."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t as student
from sklearn.metrics import average_precision_score

from einthoven.evaluation.decide import decide
from einthoven.evaluation.remedies import METRICS, choice, level_of, remedies
from einthoven.evaluation.thresholds import thresholds

SETS = {"own": ["A", "B", "C"]}
SKILL = {"none": 1.0, "mixup": 1.0, "focal": 1.6, "interpolation": 3.0}


def answers(skill: dict[str, float], seeds: int = 3, level: str = "10", count: int = 240) -> pd.DataFrame:
    """Models that tell the classes so well, with chance of each seed's own."""
    truth = np.random.default_rng(0).random((count, 3)) < (0.1, 0.2, 0.3)
    frames = []
    for place, (name, well) in enumerate(skill.items()):
        for seed in range(seeds):
            noise = np.random.default_rng([place, seed]).standard_normal(truth.shape)
            frames.append(
                pd.DataFrame(
                    {
                        "record": np.repeat([f"r{i}" for i in range(count)], 3),
                        "patient": np.repeat([f"p{i // 2}" for i in range(count)], 3),
                        "source": "made",
                        "part": np.repeat(np.where(np.arange(count) % 3 == 0, "validation", "test"), 3),
                        "class": np.tile(SETS["own"], count),
                        "truth": pd.array(truth.ravel().astype(int), dtype="Int8"),
                        "probability": (1 / (1 + np.exp(-(well * truth + noise)))).ravel().astype(np.float32),
                        "model": f"{name}@{level}",
                        "seed": seed,
                        "fold": 1,
                    }
                )
            )
    return pd.concat(frames, ignore_index=True)


def decided(table: pd.DataFrame) -> pd.DataFrame:
    return decide(table, thresholds(table))


def helped(table: pd.DataFrame, **told: Any) -> pd.DataFrame:
    return remedies(decided(table), {}, label_sets=SETS, **{"resamples": 100, **told})[0]


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return answers(SKILL)


@pytest.fixture(scope="module")
def found(table: pd.DataFrame) -> pd.DataFrame:
    return helped(table, resamples=300).set_index(["metric", "remedy", "class"])


def test_values_are_means_over_seeds_of_what_scikit_learn_says(table: pd.DataFrame, found: pd.DataFrame) -> None:
    test = table[table["part"] == "test"]
    for remedy in SKILL:
        by_class = []
        for name in SETS["own"]:
            mine = test[(test["model"] == f"{remedy}@10") & (test["class"] == name)]
            each = [average_precision_score(s["truth"].astype(int), s["probability"]) for _, s in mine.groupby("seed")]
            row = found.loc["auprc", remedy, name]
            assert row["value"] == pytest.approx(np.mean(each), abs=1e-6)
            assert row["seed_sd"] == pytest.approx(np.std(each, ddof=1), abs=1e-6)
            assert row["low"] < row["value"] < row["high"] and row["seeds"] == 3
            by_class.append(np.mean(each))
        assert found.loc["auprc", remedy, "macro"]["value"] == pytest.approx(np.mean(by_class), abs=1e-6)


def test_differences_are_from_none_at_the_same_level(found: pd.DataFrame) -> None:
    for (metric, remedy, name), row in found.iterrows():
        other = found.loc[(metric, "none", name)]
        if remedy == "none":
            assert np.isnan(row["difference"]) and row["both"] == 0
        else:
            assert row["difference"] == pytest.approx(row["value"] - other["value"], abs=1e-6)
    assert set(found.index.get_level_values("metric")) == set(METRICS)
    macro = found.xs("macro", level="class").loc["auprc"]
    assert macro.loc["interpolation", "difference_low"] > 0 and macro.loc["interpolation", "p_holm"] < 0.05
    assert macro.loc["mixup", "difference_low"] < 0 < macro.loc["mixup", "difference_high"]
    assert (found["p_holm"].dropna() >= found["p"].dropna() - 1e-12).all()


def test_only_seeds_that_both_have_are_compared(table: pd.DataFrame) -> None:
    fewer = table[(table["model"] != "interpolation@10") | (table["seed"] < 2)]
    rows, whole = helped(fewer), helped(table[table["seed"] < 2])
    keys = ["metric", "remedy", "class"]
    one, other = (each[each["remedy"] == "interpolation"].set_index(keys) for each in (rows, whole))
    assert (one["both"] == 2).all()
    pd.testing.assert_series_equal(one["difference"], other["difference"])


def test_an_interval_also_holds_what_seeds_change(table: pd.DataFrame) -> None:
    """Of one seed, and of seeds that are one and the same, it is that of the patients; of seeds apart it is wider."""
    once = table[table["seed"] == 0]
    same = pd.concat([once.assign(seed=seed) for seed in range(3)], ignore_index=True)
    wild = table.assign(probability=table["probability"].where(table["seed"] > 0, 0.5))
    width, value = {}, {}
    for name, each in (("once", once), ("same", same), ("wild", wild)):
        row = helped(each, resamples=300).set_index(["metric", "remedy", "class"]).loc["auroc", "mixup", "macro"]
        width[name], value[name] = row["high"] - row["low"], row["value"]
    assert width["same"] == pytest.approx(width["once"], rel=1e-6) and value["same"] == value["once"]
    assert width["wild"] > 2 * width["same"]


def test_with_many_seeds_it_is_students_interval_of_the_seeds() -> None:
    """Where patients hardly differ, what is left is the ordinary interval of a mean of few numbers."""
    wide = answers({"none": 1.0, "mixup": 1.5}, seeds=5, count=3000)
    row = helped(wide, resamples=200).set_index(["metric", "remedy", "class"]).loc["auroc", "mixup", "macro"]
    each = [
        helped(wide[wide["seed"] == seed], resamples=2).set_index(["metric", "remedy", "class"])["difference"][
            "auroc", "mixup", "macro"
        ]
        for seed in range(5)
    ]
    low, high = student.interval(0.95, 4, np.mean(each), np.std(each, ddof=1) / np.sqrt(5))
    assert row["difference"] == pytest.approx(np.mean(each), abs=1e-9)
    assert row["difference_high"] - row["difference_low"] >= 0.5 * (high - low)
    assert row["difference_low"] > 0 and row["p"] < 0.01


def test_what_is_no_remedy_is_not_among_the_tests_and_a_mean_is_over_rare_classes(table: pd.DataFrame) -> None:
    whole, some = helped(table), helped(table, apart=["focal"], rare=["A", "C"])
    keys = ["metric", "remedy", "class"]
    one, other = whole.set_index(keys), some.set_index(keys)
    assert np.isnan(other.loc["auprc", "focal", "macro"]["p_holm"])
    assert other.loc["auprc", "mixup", "A"]["p_holm"] <= one.loc["auprc", "mixup", "A"]["p_holm"]
    mean = np.mean([one.loc["auprc", "mixup", name]["value"] for name in ("A", "C")])
    assert other.loc["auprc", "mixup", "macro"]["value"] == pytest.approx(mean)


def test_the_best_cheap_remedy_is_that_of_validation(table: pd.DataFrame) -> None:
    best = choice(table, ["none", "mixup", "focal"])
    assert best.loc[best["chosen"], "remedy"].tolist() == ["focal"]
    turned = table.assign(truth=table["truth"].mask(table["part"] == "test", 1 - table["truth"]))
    pd.testing.assert_frame_equal(choice(turned, ["none", "mixup", "focal"]), best)
    rows = table[(table["part"] == "validation") & (table["model"] == "focal@10")]
    each = [
        average_precision_score(s["truth"].astype(int), s["probability"]) for _, s in rows.groupby(["seed", "class"])
    ]
    assert best.set_index("remedy").loc["focal", "value"] == pytest.approx(np.mean(each), abs=1e-6)


def test_gains_are_over_the_chosen_one_and_one_of_them_was_planned(table: pd.DataFrame) -> None:
    pairs = {"10": [("interpolation", "focal"), ("interpolation", "mixup")]}
    whole, rows = remedies(decided(table), pairs, label_sets=SETS, planned="interpolation@10", resamples=100)
    values = whole.set_index(["metric", "remedy", "class"])["value"]
    for row in rows.to_dict("records"):
        mine, other = (values[row["metric"], name, row["class"]] for name in ("interpolation", row["against"]))
        assert row["difference"] == pytest.approx(mine - other, abs=1e-6)
    planned = rows[rows["planned"]]
    assert planned[["metric", "class", "against"]].values.tolist() == [["auprc", "macro", "focal"]]
    assert planned["difference_low"].item() > 0 and set(rows["against"]) == {"focal", "mixup"}


def test_levels_are_kept_apart() -> None:
    both = pd.concat([answers(SKILL), answers({"none": 0.5, "mixup": 2.0}, level="all")], ignore_index=True)
    rows = helped(both).set_index(["metric", "level", "remedy", "class"])
    assert rows.loc["auprc", "all", "mixup", "macro"]["difference"] > 0.1
    assert level_of("mixup@all") == "all"
    best = choice(both, ["none", "mixup", "focal"])
    assert best[best["chosen"]].set_index("level")["remedy"].to_dict() == {"10": "focal", "all": "mixup"}
    nothing = remedies(decided(both), {}, label_sets=SETS, resamples=10)[1]
    assert nothing.empty and "difference" in nothing


def test_a_positive_that_stands_for_others_counts_as_they_would(table: pd.DataFrame) -> None:
    """To take positives of validation away and let the rest stand for them is to repeat the rest."""
    held = (table["part"] == "validation") & (table["truth"] == 1)
    told = table.assign(stands_for=np.where(held, 3.0, 1.0))
    again = [table[held].assign(record=table.loc[held, "record"] + f"+{copy}") for copy in range(2)]
    repeated = pd.concat([table, *again], ignore_index=True)
    keys = ["model", "seed", "fold", "class"]
    one, other = (thresholds(each).set_index(keys).sort_index() for each in (told, repeated))
    pd.testing.assert_series_equal(one["threshold"], other["threshold"])
    pd.testing.assert_series_equal(one["f1"], other["f1"])
    best = [choice(each, ["none", "mixup", "focal"]) for each in (told, repeated)]
    pd.testing.assert_frame_equal(*best)
