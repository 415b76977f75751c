"""What must hold of the figures that say how faithful and how private synthetic records are."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from einthoven.evaluation.fidelity import crowds, frechet_distance, measurements, precision_and_recall
from einthoven.evaluation.privacy import privacy


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


def made(share: float, count: int = 400) -> pd.DataFrame:
    """Synthetic records of which that share is nearer to training."""
    gap = np.where(np.arange(count) < share * count, 1.0, -1.0)
    return pd.DataFrame(
        {"record": [f"m{n}" for n in range(count)], "space": "s", "near_training": gap, "near_held_out": 0.0}
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
    table = privacy(real(8.0), made(1.0), resamples=200)
    assert (table["verdict"] == ["leak"] * 4 + ["not judged"]).all() and (table["value"] > 0.99).all()


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


# Fidelity


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
