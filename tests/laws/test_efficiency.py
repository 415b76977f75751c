"""What must hold of labels: curves are those of the summary, equal answers are worth equal labels, margins bind."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t as student

from einthoven.evaluation import efficiency, pretext, summary
from einthoven.evaluation.decide import decide
from einthoven.evaluation.efficiency import MARGIN, family
from einthoven.evaluation.thresholds import thresholds

SETS = {"two": ("A", "B")}
SHARES = {0.1: 0.6, 0.25: 1.2, 0.6: 2.0, 1.0: 3.0}  # the share of the labels, and how far apart the classes are then


def answers(model: str, apart: float, seeds: tuple[int, ...] = (0, 1), chance: int = 0) -> pd.DataFrame:
    """The predictions of a model for 150 patients with two records each; the same noise for one chance and seed."""
    truth = np.random.default_rng(9).random((300, 2)) < (0.3, 0.5)
    tables = []
    for seed in seeds:
        noise = np.random.default_rng([chance, seed]).standard_normal((300, 2))
        probability = 1 / (1 + np.exp(-(apart * (truth - 0.5) + noise)))
        for part in ("validation", "test"):
            tables.append(
                pd.DataFrame(
                    {
                        "record": np.repeat([f"{part}:{i}" for i in range(300)], 2),
                        "patient": np.repeat([f"{part}:p{i // 2}" for i in range(300)], 2),
                        "source": "here",
                        "part": part,
                        "class": ["A", "B"] * 300,
                        "truth": pd.array(truth.astype(int).ravel(), dtype="Int8"),
                        "probability": probability.ravel().astype(np.float32),
                        "model": model,
                        "seed": seed,
                        "fold": 10,
                    }
                )
            )
    return pd.concat(tables, ignore_index=True)


def run(
    more: dict[str, tuple[float, float]], chance: int = 0
) -> tuple[pd.DataFrame, dict[str, float], dict[str, pd.DataFrame]]:
    """The tables of scratch at every share and of others, each a model's share and how far apart its classes are."""
    models = {f"scratch@{share * 100:g}%": (share, apart) for share, apart in SHARES.items()}
    tables = [answers(model, apart) for model, (_, apart) in models.items()]
    tables += [answers(model, apart, chance=chance) for model, (_, apart) in more.items()]
    predictions = pd.concat(tables, ignore_index=True)
    shares = {model: share for model, (share, _) in {**models, **more}.items()}
    return predictions, shares, efficiency(predictions, shares, label_sets=SETS, supervised="scratch", resamples=200)


def only(table: pd.DataFrame, **keys: object) -> pd.Series:
    for key, value in keys.items():
        table = table[table[key] == value]
    assert len(table) == 1, table
    return table.iloc[0]


def test_a_family_is_what_stands_before_the_share() -> None:
    assert [family(name) for name in ("scratch@2.5%", "a@b@10%", "naive")] == ["scratch", "a@b", "naive"]


def test_the_curves_are_those_of_the_summary() -> None:
    predictions, shares, found = run({})
    table = summary(decide(predictions, thresholds(predictions)), label_sets=SETS, resamples=200)
    for model, share in shares.items():
        for metric in ("auroc", "auprc"):
            ours = only(found["efficiency"], family="scratch", share=share, metric=metric)
            theirs = only(table, model=model, metric=metric, **{"class": "macro"})
            for key in ("value", "low", "high", "seed_sd"):
                assert ours[key] == pytest.approx(theirs[key])
            assert ours["seeds"] == 2 and ours["model"] == model
    values = found["efficiency"].query("metric == 'auroc'")["value"]
    assert values.is_monotonic_increasing


def test_a_label_set_comes_once_more_without_its_rarest_classes() -> None:
    predictions, shares, two = run({})
    rare = predictions[predictions["class"] == "A"].assign(**{"class": "C"})
    rare["truth"] = pd.array(rare["record"].isin([f"test:{i}" for i in range(4)]).astype(int), dtype="Int8")
    whole = pd.concat([predictions, rare], ignore_index=True)
    how = {"supervised": "scratch", "resamples": 200}
    found = efficiency(whole, shares, label_sets={"three": ("A", "B", "C")}, **how)
    name = "three, 10 positives or more"
    assert dict(found["efficiency"].groupby("label_set")["without"].first()) == {"three": "", name: "C (4)"}
    for key in ("efficiency", "reaches", "worth"):
        kept = found[key][found[key]["label_set"] == name].drop(columns=["label_set", "without"], errors="ignore")
        alone = two[key].drop(columns=["label_set", "without"], errors="ignore")
        pd.testing.assert_frame_equal(kept.reset_index(drop=True), alone.reset_index(drop=True))


def test_the_same_answers_are_worth_the_same_labels_and_reach_what_they_are() -> None:
    found = run({"s5@10%": (0.1, SHARES[0.25]), "s5@60%": (0.6, SHARES[1.0])})[2]
    for share, worth, bound in ((0.1, 0.25, ""), (0.6, 1.0, "at_least")):
        row = only(found["worth"], family="s5", share=share, metric="auroc")
        assert row["share_worth"] == pytest.approx(worth) and row["bound"] == bound
        assert row["low"] == pytest.approx(worth) and row["high"] == pytest.approx(worth)
    full = only(found["reaches"], family="s5", share=0.6, kind="full", metric="auroc")
    assert full["difference"] == full["low"] == full["high"] == 0 and full["reaches"] and full["against"] == 1
    same = only(found["reaches"], family="s5", share=0.1, kind="same", metric="auroc")
    assert same["difference"] > 0 and same["low"] > 0 and not same["reaches"]


def test_a_value_between_two_shares_is_read_between_them_and_none_outside() -> None:
    found = run({"s5@10%": (0.1, 1.6), "s5@25%": (0.25, 0.1), "s5@60%": (0.6, 9.0)})[2]
    worth = {share: only(found["worth"], family="s5", share=share, metric="auroc") for share in (0.1, 0.25, 0.6)}
    assert 0.25 < worth[0.1]["share_worth"] < 0.6 and worth[0.1]["low"] < worth[0.1]["share_worth"]
    assert worth[0.25]["share_worth"] == pytest.approx(0.1) and worth[0.25]["bound"] == "at_most"
    assert worth[0.6]["share_worth"] == pytest.approx(1.0) and worth[0.6]["bound"] == "at_least"


def test_full_supervision_is_reached_only_if_the_whole_interval_says_so() -> None:
    found = run({"s5@60%": (0.6, 2.9), "weak@60%": (0.6, 1.0)}, chance=5)[2]["reaches"]
    for name in ("s5", "weak"):
        row = only(found, family=name, share=0.6, kind="full", metric="auroc")
        assert row["reaches"] == (row["low"] > -MARGIN)
    assert not only(found, family="weak", share=0.6, kind="full", metric="auroc")["reaches"]
    own = found[(found["family"] == "scratch") & (found["kind"] == "full") & (found["metric"] == "auroc")]
    assert sorted(own["share"]) == [0.1, 0.25, 0.6] and (own["difference"] < 0).all()
    assert not ((found["family"] == "scratch") & (found["kind"] == "same")).any()


def test_without_supervision_there_is_nothing_to_hold_against() -> None:
    table = answers("s5@10%", 1.0)
    with pytest.raises(ValueError, match="nothing of scratch"):
        efficiency(table, {"s5@10%": 0.1}, label_sets=SETS, supervised="scratch", resamples=10)


def test_seeds_that_differ_widen_a_difference_and_one_alone_does_not() -> None:
    predictions, shares, found = run({"s5@10%": (0.1, 1.0)}, chance=7)
    row = only(found["reaches"], family="s5", share=0.1, kind="same", metric="auroc")
    variance = row["se"] ** 2 + row["seed_sd"] ** 2 / row["seeds"]
    assert row["high_seeds"] - row["low_seeds"] > 2 * 1.96 * np.sqrt(variance)
    assert (row["high_seeds"] + row["low_seeds"]) / 2 == pytest.approx(row["difference"])
    alone = efficiency(
        predictions[predictions["seed"] == 0], shares, label_sets=SETS, supervised="scratch", resamples=200
    )
    row = only(alone["reaches"], family="s5", share=0.1, kind="same", metric="auroc")
    assert row["high_seeds"] - row["low_seeds"] == pytest.approx(2 * student.ppf(0.975, 149) * row["se"], rel=1e-6)


# An encoder's own task


def measured(seed: int, shift: float = 0.0) -> pd.DataFrame:
    values = np.random.default_rng(3).random(80) + shift
    return pd.DataFrame(
        {
            "record": [f"r{i}" for i in range(80)],
            "patient": [f"p{i // 4}" for i in range(40)] + [None] * 40,
            "source": ["one"] * 40 + ["two"] * 40,
            "part": ["test"] * 70 + ["validation"] * 10,
            "measure": "named",
            "value": values,
            "model": "lead_order",
            "seed": seed,
            "fold": 10,
        }
    )


def test_an_encoder_is_judged_by_the_mean_over_test_records() -> None:
    table = pd.concat([measured(0), measured(1, shift=0.5)])
    found = pretext(table, resamples=500)
    test = table[table["part"] == "test"]
    whole = only(found, source="all")
    assert whole["value"] == pytest.approx(test["value"].mean()) and whole["low"] < whole["value"] < whole["high"]
    assert (whole["records"], whole["patients"], whole["seeds"]) == (70, 40, 2)
    assert whole["seed_sd"] == pytest.approx(0.5 / np.sqrt(2))
    one = only(found, source="one")
    assert one["value"] == pytest.approx(test[test["source"] == "one"]["value"].mean()) and one["patients"] == 10
    missing = test.assign(value=np.where(test["record"] == "r0", np.nan, test["value"]))
    assert only(pretext(missing, resamples=50), source="all")["records"] == 69
    with pytest.raises(ValueError, match="no test record"):
        pretext(table[table["part"] == "validation"])
