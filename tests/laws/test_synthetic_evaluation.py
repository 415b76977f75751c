"""What must hold of the figures that say how faithful and how private synthetic records are."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ks_2samp, norm

from einthoven.evaluation.fidelity import crowds, frechet_distance, measurements, precision_and_recall
from einthoven.evaluation.privacy import privacy
from einthoven.evaluation.usefulness import reverse, useful
from einthoven.metrics.auroc import auroc
from einthoven.metrics.balanced_accuracy import balanced_accuracy


def cloud(count: int, mean: float = 0.0, deviation: float = 1.0, features: int = 3, seed: int = 0) -> np.ndarray:
    return mean + deviation * np.random.default_rng(seed).standard_normal((count, features))


def real(shift: float, each: int = 2, patients: int = 150, seed: int = 0) -> pd.DataFrame:
    """Records of members, which are nearer by `shift`, and of others."""
    rng = np.random.default_rng(seed)
    owner = np.repeat(np.arange(2 * patients), each)
    member = owner < patients
    near = rng.standard_normal(len(owner)) + shift * member
    ids = [f"r{n}" for n in range(len(owner))]
    return pd.DataFrame(
        {"record": ids, "patient": [f"p{n}" for n in owner], "member": member, "space": "s", "near": near}
    )


def made(share: float, count: int = 400, copies: int = 0) -> pd.DataFrame:
    """Synthetic records of which that share is nearer to training, and so many are taken for copies."""
    gap = np.where(np.arange(count) < share * count, 1.0, -1.0)
    return pd.DataFrame(
        {
            "record": [f"m{n}" for n in range(count)],
            "space": "s",
            "near_training": gap,
            "near_held_out": 0.0,
            "copies_training": np.arange(count) < copies,
            "copies_held_out": np.arange(count) < 4,
        }
    )


# Privacy


def test_members_that_are_no_nearer_than_others_are_safe() -> None:
    table = privacy(real(0.0), made(0.5), resamples=200).set_index(["measure", "unit"])
    for unit in ("record", "patient"):
        row = table.loc[("membership", unit)]
        assert row["low"] < 0.5 < row["high"] and row["verdict"] == "none"
    assert table.loc[("nearer_to_training", "synthetic"), "value"] == 0.5
    assert (table["verdict"] != "leak").all()


def test_copies_are_caught_by_every_measure() -> None:
    table = privacy(real(8.0), made(1.0, copies=400), resamples=200)
    assert (table["verdict"] == ["leak"] * 4 + ["not judged", "leak"]).all() and (table["value"] > 0.99).all()


def test_membership_is_the_overlap_of_two_normal_distributions() -> None:
    table = privacy(real(1.0, each=1, patients=4000), made(0.5), resamples=50).set_index(["measure", "unit"])
    assert table.loc[("membership", "record"), "value"] == pytest.approx(norm.cdf(1 / np.sqrt(2)), abs=0.02)
    wanted = norm.sf(norm.isf(0.01) - 1.0)
    assert table.loc[("membership_at_99", "record"), "value"] == pytest.approx(wanted, abs=0.02)
    assert table.loc[("membership", "patient"), "value"] == table.loc[("membership", "record"), "value"]


def test_a_patient_with_several_records_is_easier_to_name_than_one_of_them() -> None:
    table = privacy(real(1.0, each=8), made(0.5), resamples=20).set_index(["measure", "unit"])
    assert table.loc[("membership", "patient"), "value"] > table.loc[("membership", "record"), "value"] + 0.02
    assert table.loc[("membership", "patient"), "members"] == 150


def test_few_people_cannot_tell() -> None:
    table = privacy(real(0.0, each=1, patients=8, seed=1), made(0.5, count=6), resamples=200).set_index(
        ["measure", "unit"]
    )
    assert table.loc[("membership", "record"), "verdict"] == "cannot tell"
    with pytest.raises(ValueError, match="one kind is missing"):
        privacy(real(0.0).assign(member=True), made(0.5))


def test_a_tie_is_half_a_case() -> None:
    table = privacy(real(0.0), made(0.0).assign(near_training=0.0), resamples=20)
    assert table.set_index("measure").loc["nearer_to_training", "value"] == 0.5


def test_copies_that_an_audit_finds_are_a_leak() -> None:
    for copies, verdict in ((0, "none"), (4, "cannot tell"), (40, "leak")):
        row = privacy(real(0.0), made(0.5, copies=copies), resamples=200).set_index("measure").loc["copies"]
        assert (row["value"], row["chance"], row["verdict"]) == (copies / 400, 0.01, verdict)


# Fidelity


@pytest.mark.parametrize("seed", range(4))
def test_the_distance_of_two_distributions_is_the_statistic_of_kolmogorov_and_smirnov(seed: int) -> None:
    rng = np.random.default_rng(seed)
    first, second = rng.normal(0, 1, 60 + seed).round(1), rng.normal(0.3, 1.2, 45).round(1)  # with ties
    table = pd.DataFrame({"value": np.concatenate([first, second]), "kind": ["real"] * len(first) + ["flow"] * 45})
    table = table.assign(record=[f"r{i}" for i in range(len(table))], patient=None, group="NORM")
    found = measurements(table, ["value"], resamples=5).set_index("kind")
    expected = ks_2samp(first, second, method="asymp").statistic
    assert found.loc["flow", "distance"] == pytest.approx(expected, abs=1e-12)


def test_frechet_distance_of_normal_clouds_is_that_of_their_distributions() -> None:
    first, second = cloud(20_000), cloud(20_000, mean=2.0, deviation=3.0, seed=1)
    assert frechet_distance(first, second) == pytest.approx(3 * (4.0 + (3.0 - 1.0) ** 2), rel=0.05)
    assert frechet_distance(first, first) == pytest.approx(0, abs=1e-6)
    assert frechet_distance(first, second) == pytest.approx(frechet_distance(second, first))
    one = np.linalg.qr(cloud(3, seed=2))[0]
    assert frechet_distance(first @ one, second @ one) == pytest.approx(frechet_distance(first, second))


def test_precision_and_recall_tell_a_narrow_generator_from_a_wide_one() -> None:
    people = cloud(400)
    narrow, wide = cloud(400, deviation=0.2, seed=1), cloud(400, deviation=4.0, seed=1)
    assert precision_and_recall(people, narrow)[0] > 0.99 > 0.5 > precision_and_recall(people, narrow)[1]
    assert precision_and_recall(people, wide)[0] < 0.4 < 0.9 < precision_and_recall(people, wide)[1]
    assert min(precision_and_recall(people, cloud(400, seed=1))) > 0.9
    assert precision_and_recall(people, cloud(400, mean=50, seed=1)) == (0, 0)
    with pytest.raises(ValueError, match="5 neighbours"):
        precision_and_recall(people[:5], narrow)


def test_a_crowd_stands_beside_its_floor() -> None:
    found = crowds(cloud(300), cloud(500, mean=1.0, seed=1), cloud(400, seed=2))
    assert found["frechet"] > 10 * found["frechet_floor"] > 0
    assert found["precision"] < found["precision_floor"] and found["recall"] < found["recall_floor"]
    narrow = crowds(cloud(300), cloud(500, deviation=0.25, seed=1), cloud(400, seed=2))
    assert narrow["diversity"] == pytest.approx(0.25, rel=0.1) and found["diversity"] == pytest.approx(1, rel=0.1)


def test_measurements_are_compared_group_by_group() -> None:
    rng = np.random.default_rng(0)
    frames = []
    for kind, shift in (("real", 0.0), ("other", 0.0), ("flow", 2.0)):
        for group in ("NORM", "AFIB"):
            values = rng.standard_normal(200) + shift * (group == "AFIB")
            ids = [f"{kind}-{group}-{n}" for n in range(200)]
            frames.append(pd.DataFrame({"record": ids, "patient": pd.NA, "group": group, "kind": kind, "rate": values}))
    table = pd.concat(frames, ignore_index=True)
    table.loc[table["record"] == "flow-NORM-0", "rate"] = np.nan
    found = measurements(table, ["rate"], resamples=100).set_index(["group", "kind"])
    far = found.loc[("AFIB", "flow")]
    assert (
        far["distance"] == pytest.approx(2 * norm.cdf(1.0) - 1, abs=0.1) and far["low"] < far["distance"] < far["high"]
    )
    assert found.loc[("NORM", "flow"), "distance"] < 0.2 and found.loc[("NORM", "other"), "distance"] < 0.2
    assert found.loc[("NORM", "flow"), "unmeasured"] == pytest.approx(1 / 200)
    assert np.isnan(found.loc[("NORM", "real"), "distance"])
    assert found.loc[("AFIB", "flow"), "median"] == pytest.approx(2, abs=0.3)


# Usefulness


def answers(shift: dict[str, float], records: int = 200, seed: int = 0) -> pd.DataFrame:
    """Decided test rows of models that tell a class by so many deviations; of `b/a` half of the truth is unknown."""
    rng = np.random.default_rng(seed)
    truth = {"a": rng.random(records) < 0.3, "b/a": rng.random(records) < 0.5}
    rows = []
    for model, far in shift.items():
        for name, wanted in truth.items():
            probability = norm.cdf(rng.standard_normal(records) + far * (wanted - 0.5))
            told = pd.array(np.where((np.arange(records) % 2 == 0) & (name == "b/a"), np.nan, wanted), dtype="Float64")
            table = pd.DataFrame(
                {"record": [f"r{n}" for n in range(records)], "class": name, "model": model, "seed": 0}
            )
            table["patient"] = [f"p{n // 2}" for n in range(records)]
            rows.append(table.assign(truth=told, probability=probability, source="s", part="test", fold=1))
    found = pd.concat(rows, ignore_index=True)
    return found.assign(calibrated=found["probability"], decision=found["probability"] > 0.4)


SETS = {"all": ["a"], "pairs": ["b/a"]}


def test_what_is_lost_is_the_paired_difference_from_real_records() -> None:
    table = answers({"real": 2.0, "made": 0.5, "both": 2.0})
    pairs = [("real", "real"), ("made", "real"), ("both", "real")]
    found = useful(table, pairs, label_sets=SETS, resamples=200)
    by = found.set_index(["label_set", "metric", "model", "class"])
    for label_set, name in (("all", "a"), ("pairs", "b/a")):
        mine = table[(table["model"] == "made") & (table["class"] == name) & table["truth"].notna()]
        truth = mine["truth"].to_numpy(np.float64)
        row = by.loc[(label_set, "auroc", "made", "macro")]
        assert row["value"] == auroc(truth, mine["probability"].to_numpy()) and row["records"] == len(mine)
        assert row["difference"] == row["value"] - by.loc[(label_set, "auroc", "real", "macro"), "value"]
        assert row["difference_low"] < row["difference"] < row["difference_high"] < 0 and row["p"] < 0.05
        half = (mine["probability"].to_numpy() > 0.5) == (truth == 1)
        assert by.loc[(label_set, "accuracy", "made", name), "value"] == pytest.approx(half.mean())
        decided = balanced_accuracy(truth, mine["decision"].to_numpy())
        assert by.loc[(label_set, "balanced_accuracy", "made", name), "value"] == decided
        alike = by.loc[(label_set, "auroc", "both", "macro")]
        assert alike["difference_low"] < 0 < alike["difference_high"]
        assert np.isnan(by.loc[(label_set, "auroc", "real", "macro"), "difference"])
    with pytest.raises(ValueError, match="no answers of flow"):
        useful(table, [("flow", "real")], label_sets=SETS)


def test_the_reverse_is_the_mean_over_cells() -> None:
    table = answers({"one": 1.0})
    asked = pd.concat([table.assign(made_by="flow", fold=fold, model="real") for fold in (1, 2)], ignore_index=True)
    asked["truth"] = asked["truth"].astype("float64")
    found = reverse(asked, label_sets=SETS, resamples=50).set_index(["label_set", "metric"])
    mine = table[table["class"] == "a"]
    want = auroc(mine["truth"].to_numpy(np.float64), mine["probability"].to_numpy())
    row = found.loc[("all", "auroc")]
    assert row["value"] == pytest.approx(want) and row["cells"] == 2 and row["low"] < want < row["high"]
