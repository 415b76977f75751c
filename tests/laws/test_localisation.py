"""Where a tachycardia comes from: what tables say of it, and how answers are judged."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from einthoven import datasets, labels
from einthoven.datasets import DatasetError
from einthoven.evaluation.localisation import METRICS, localisation
from einthoven.records import write

AXES = ["x_mm", "y_mm", "z_mm"]
CENTRES = np.array([[0.0, 0.0, 0.0], [30.0, 0.0, 0.0], [0.0, 40.0, 10.0]])
NAMES = ["apex", "base", "septum"]


def table(places: np.ndarray, **more: Any) -> pd.DataFrame:
    """Records at places, of which nothing else is known."""
    lists: list[list[str]] = [[] for _ in places]
    facts = {"record_id": [f"r{i}" for i in range(len(places))], "dataset": "d", "positive": lists, "unknown": lists}
    return pd.DataFrame({**facts, **dict(zip(AXES, places.T, strict=True)), **more})


def blobs(each: int = 20, spread: float = 2.0) -> np.ndarray:
    noise = np.random.default_rng(0).normal(0, spread, (3 * each, 3))
    places: np.ndarray = np.repeat(CENTRES, each, axis=0) + noise
    return places


def test_places_that_lie_together_are_one_region_whatever_the_order_of_the_records() -> None:
    places = blobs()
    found, codes = labels.located(table(places), regions=3)
    assert codes == ("origin:region 1", "origin:region 2", "origin:region 3")
    regions = found["segment"].to_numpy().reshape(3, -1)
    assert all(len(set(row)) == 1 for row in regions) and len(set(regions[:, 0])) == 3
    order = np.random.default_rng(1).permutation(len(places))
    again = labels.located(table(places[order]), regions=3)[0]["segment"].to_numpy()
    assert (again == found["segment"].to_numpy()[order]).all()


def test_a_record_has_one_origin_and_that_of_another_is_unknown() -> None:
    places = blobs(each=2)
    places[-1] = np.nan
    segment = ["apex", "apex", "base", "base", "septum", None]
    one, vocabularies, y = labels.told(["origin"], table(places, segment=segment), {"d": ("scp:AFIB",)})
    assert vocabularies[0].exclusive and vocabularies[0].codes == ("apex", "base", "septum")
    np.testing.assert_array_equal(y[:5], np.eye(3, dtype=np.float32)[[0, 0, 1, 1, 2]])
    assert np.isnan(y[5]).all() and one["positive"].iloc[0] == ["origin:apex"]
    assert labels.told(["own"], table(places, segment=segment), {"d": ("scp:AFIB",)})[1][0].codes == ("AFIB",)


def test_ten_regions_stand_in_the_order_of_their_numbers() -> None:
    places = np.column_stack([np.arange(12) * 10.0, np.zeros(12), np.zeros(12)])
    _, (vocabulary,), y = labels.told(["origin:12"], table(places), {"d": ()})
    assert vocabulary.codes == tuple(f"region {i}" for i in range(1, 13))
    np.testing.assert_array_equal(y, np.eye(12, dtype=np.float32))


def test_what_cannot_be_located_is_refused() -> None:
    nowhere = np.full((3, 3), np.nan)
    with pytest.raises(ValueError, match="no record says where"):
        labels.located(table(nowhere))
    with pytest.raises(ValueError, match="3 different places cannot be put together into 8"):
        labels.located(table(blobs(each=1)))
    with pytest.raises(ValueError, match="all tachycardias come from apex"):
        labels.located(table(blobs(each=1), segment=["apex", "apex", None]))


def test_regions_that_are_asked_for_stand_in_the_place_of_segments() -> None:
    found, codes = labels.located(table(blobs(), segment=["apex", "base"] * 30), regions=3)
    assert codes == ("origin:region 1", "origin:region 2", "origin:region 3") and found["segment"].notna().all()


def test_the_table_of_the_simulator_says_what_its_records_do() -> None:
    made = datasets.parse("simulated=40,prevalence=VT:0.4")
    assert isinstance(made, datasets.get("simulated", 1).__class__)
    rows = made.table()
    assert 0.2 < rows["segment"].notna().mean() < 0.6
    for row in rows.to_dict("records"):
        origin = made.origin(row["record_id"])
        assert (origin is None) == pd.isna(row["segment"]) == ("own:VT" not in row["positive"])
        if origin is not None:
            assert origin.site == row["segment"]
            np.testing.assert_allclose(origin.position_mm, [row[axis] for axis in AXES])


@pytest.mark.parametrize("text", ["VT", "VT:much", "VT:0.5,AFIB"])
def test_a_prevalence_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(DatasetError, match="VT:1"):
        datasets.get("simulated", 10, prevalence=text)


def folder(where: Path, rows: list[dict[str, Any]]) -> datasets.Dataset:
    """A folder of simulated files with such a labels.csv."""
    made = datasets.get("simulated", len(rows), visits=(1, 1))
    for i, record in enumerate(made.table()["record_id"]):
        write(made.read(record), where / f"{i}.hea", overwrite=True)
    facts = [{"path": f"{i}.hea", "patient": i, **row} for i, row in enumerate(rows)]
    pd.DataFrame(facts).to_csv(where / "labels.csv", index=False)
    return datasets.get("folder", where)


def test_a_folder_says_where_its_tachycardias_come_from(tmp_path: Path) -> None:
    rows = [{"segment": "apex", "x_mm": 1, "y_mm": -2.5, "z_mm": 3}, {"segment": " ", "x_mm": ""}]
    found = folder(tmp_path, rows).table()
    assert found["segment"].iloc[0] == "apex" and pd.isna(found["segment"].iloc[1])
    assert found[AXES].iloc[0].tolist() == [1.0, -2.5, 3.0] and found[AXES].iloc[1].isna().all()


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"x_mm": 1, "y_mm": 2}, "lacks the column 'z_mm'"),
        ({"x_mm": 1, "y_mm": 2, "z_mm": ""}, "line 2: a place has three numbers or none, not 2"),
        ({"x_mm": "left", "y_mm": 2, "z_mm": 3}, "line 2: x_mm is a number of millimetres, or empty, not 'left'"),
        ({"x_mm": 1, "y_mm": "inf", "z_mm": 3}, "line 2: y_mm is a number of millimetres, or empty, not 'inf'"),
        ({"Segment": "apex"}, "write column 'Segment' as segment, or as own:Segment"),
    ],
)
def test_a_place_that_is_none_is_refused(tmp_path: Path, row: dict[str, Any], words: str) -> None:
    with pytest.raises(DatasetError, match=words):
        folder(tmp_path, [row])


def test_segments_that_differ_in_capitals_alone_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="names the segments 'apex' and 'Apex'; write one of them throughout"):
        folder(tmp_path, [{"segment": "apex"}, {"segment": "Apex"}])


def answers(skill: dict[str, float], seeds: int = 4, each: int = 20) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Predictions of models that tell segments so well, and the cohort; every second patient is tested."""
    places = blobs(each)
    count = len(places)
    record, patient = [f"r{i}" for i in range(count)], [f"p{i // 2}" for i in range(count)]
    segment = np.repeat(NAMES, each)
    cohort = pd.DataFrame({"record": record, "patient": patient, "segment": segment})
    cohort[AXES] = places
    tested = np.flatnonzero(np.arange(count) // 2 % 2 == 0)
    frames = []
    for place, (model, well) in enumerate(skill.items()):
        for seed in range(seeds):
            logits = np.random.default_rng([place, seed]).normal(size=(len(tested), 3))
            logits += well * (segment[tested][:, None] == NAMES)
            share = np.exp(logits - logits.max(axis=1, keepdims=True))
            share /= share.sum(axis=1, keepdims=True)
            facts: dict[str, Any] = {"record": np.repeat(np.array(record)[tested], 3)}
            facts |= {"patient": np.repeat(np.array(patient)[tested], 3), "source": "made", "part": "test"}
            facts |= {"class": np.tile(NAMES, len(tested)), "probability": share.ravel()}
            facts["truth"] = (np.repeat(segment[tested], 3) == facts["class"]).astype(int)
            frames.append(pd.DataFrame({**facts, "model": model, "seed": seed, "fold": 1}))
    return pd.concat(frames, ignore_index=True), cohort


SKILL = {"scratch@10": 1.0, "scratch@all": 3.0, "taught@10": 3.0, "perfect@10": 1e3}


@pytest.fixture(scope="module")
def judged() -> dict[str, pd.DataFrame]:
    predictions, cohort = answers(SKILL)
    return judge(predictions, cohort)


def judge(predictions: pd.DataFrame, cohort: pd.DataFrame) -> dict[str, pd.DataFrame]:
    return localisation(predictions, cohort, baseline="scratch@10", primary="taught@10", resamples=200)


def test_who_is_always_right_is_as_far_off_as_the_middle_of_a_segment(judged: dict[str, pd.DataFrame]) -> None:
    found = judged["localisation"].set_index(["model", "metric"])["value"]
    predictions, cohort = answers(SKILL)
    tested = cohort["record"].isin(predictions["record"])
    middle = cohort[~tested].groupby("segment")[AXES].mean()
    off = np.linalg.norm(cohort.loc[tested, AXES].to_numpy() - middle.loc[cohort.loc[tested, "segment"]], axis=1)
    assert found["perfect@10", "accuracy"] == found["perfect@10", "balanced_accuracy"] == 1.0
    np.testing.assert_allclose(found["perfect@10", "error_mm"], off.mean())
    np.testing.assert_allclose(found["perfect@10", "median_error_mm"], np.sort(off)[len(off) // 2 - 1])


def test_figures_are_those_of_plain_counting(judged: dict[str, pd.DataFrame]) -> None:
    predictions, _ = answers(SKILL)
    own = predictions[predictions["model"] == "taught@10"]
    said = own.loc[own.groupby(["seed", "record"])["probability"].idxmax()]
    found = judged["localisation"].set_index(["model", "metric"])
    np.testing.assert_allclose(found.loc[("taught@10", "accuracy"), "value"], said["truth"].mean())
    by_seed = said.groupby("seed")["truth"].mean()
    np.testing.assert_allclose(found.loc[("taught@10", "accuracy"), "seed_sd"], by_seed.std())
    confusion = judged["confusion"].query("model == 'taught@10'")
    right = confusion.loc[confusion["truth"] == confusion["said"], "records"].sum()
    np.testing.assert_allclose(right / confusion["records"].sum(), said["truth"].mean())


def test_ways_are_held_against_the_baselines_way_with_as_many_patients(judged: dict[str, pd.DataFrame]) -> None:
    gaps, values = judged["gaps"], judged["localisation"].set_index(["model", "metric"])["value"]
    assert dict(zip(gaps["model"], gaps["against"], strict=True)) == dict.fromkeys(
        ["perfect@10", "taught@10"], "scratch@10"
    )
    for row in gaps.to_dict("records"):
        difference = values[row["model"], row["metric"]] - values[row["against"], row["metric"]]
        np.testing.assert_allclose(row["difference"], difference)
        assert row["planned"] == ((row["model"], row["metric"]) == ("taught@10", METRICS[0]))
    perfect = gaps[gaps["model"] == "perfect@10"].set_index("metric")
    assert perfect.loc["error_mm", "difference_high"] < 0 < perfect.loc["accuracy", "difference_low"]


def test_order_says_nothing_and_mistakes_are_mistakes(judged: dict[str, pd.DataFrame]) -> None:
    predictions, cohort = answers(SKILL)
    mixed = judge(predictions.sample(frac=1, random_state=3), cohort.sample(frac=1, random_state=4))
    for name in ("localisation", "gaps", "confusion"):
        pd.testing.assert_frame_equal(mixed[name], judged[name])
    wrong = judged["mistakes"]
    assert len(wrong) and (wrong["class"] != wrong["truth"]).all() and wrong["probability"].is_monotonic_decreasing
    places = judged["places"].set_index("record")
    assert (places.loc[wrong["record"], "said"].to_numpy() == wrong["class"].to_numpy()).all()


def test_without_places_segments_alone_are_judged() -> None:
    predictions, cohort = answers(SKILL)
    found = judge(predictions, cohort.drop(columns=AXES))["localisation"]
    assert set(found["metric"]) == {"accuracy", "balanced_accuracy"}


def test_where_no_place_is_known_none_is_said() -> None:
    predictions, cohort = answers(SKILL)
    tested = cohort["record"].isin(predictions["record"])
    cohort.loc[~tested, AXES] = np.nan
    assert set(judge(predictions, cohort)["localisation"]["metric"]) == {"accuracy", "balanced_accuracy"}


def test_errors_are_of_the_patients_whose_places_are_known_and_of_one_alone_have_no_interval() -> None:
    predictions, cohort = answers(SKILL)
    tested = cohort["record"].isin(predictions["record"])
    cohort.loc[tested & (cohort["patient"] != "p0"), AXES] = np.nan
    found = judge(predictions, cohort)["localisation"].set_index(["model", "metric"])
    errors = found.loc[("taught@10", ["error_mm", "median_error_mm"]), :]
    assert errors["patients"].eq(1).all() and errors["records"].eq(2).all() and errors["value"].notna().all()
    assert found.loc[("taught@10", "accuracy"), "patients"] == 15


def test_an_unanswered_record_is_refused() -> None:
    predictions, cohort = answers(SKILL)
    lost = predictions["record"].eq("r0") & predictions["model"].eq("taught@10")
    with pytest.raises(ValueError, match="taught@10 did not answer for all"):
        judge(predictions[~lost], cohort)
