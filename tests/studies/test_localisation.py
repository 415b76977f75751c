"""The study localisation on simulated tachycardias and on a folder of files, down to the page."""

import dataclasses
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from einthoven import datasets, run
from einthoven.pipeline import Experiment, Few, RunError, evaluate_run
from einthoven.records import write as write_record
from einthoven.registry import UnknownName
from einthoven.report import write
from einthoven.studies import localisation, pretrain
from einthoven.training import Device

CPU = Device("cpu", "32-true")
VT = "simulated=60,duration_s=5,rate_hz=100,prevalence=VT:1"
SMALL = {"features": 16, "depth": 1}


def small(experiment: Experiment) -> Experiment:
    arms = [dataclasses.replace(arm, options=SMALL) if arm.model == "state_space" else arm for arm in experiment.arms]
    return dataclasses.replace(experiment, arms=tuple(arms), resamples=20)


@pytest.fixture(scope="module")
def learnt(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A network that has learnt from other simulated people."""
    made = pretrain(["simulated=40,seed=7,duration_s=5"], model="state_space", objective="masked", epochs=1)
    made = dataclasses.replace(small(made), samples=500)
    return str(run(made, tmp_path_factory.mktemp("origins") / "begun", device=CPU, progress=False))


def test_a_page_tells_each_way_at_each_number_of_patients(learnt: str, tmp_path: Path) -> None:
    told: dict[str, Any] = {"split": "by_patient", "fold_count": 4, "fold": 4, "epochs": 1, "draws": 32}
    made = localisation([VT], from_=[learnt], patients=[10], seeds=[0, 1], **told)
    out = run(small(made), tmp_path / "run", device=CPU, progress=False)
    table = pd.read_parquet(out / "results" / "localisation.parquet")
    assert set(table["way"]) == {"masked", "scratch", "boosting", "naive"} and set(table["level"]) == {"10", "all"}
    assert table["value"].notna().all() and set(table["metric"]) > {"accuracy", "error_mm"}
    gaps = pd.read_parquet(out / "results" / "gaps.parquet")
    planned = gaps[gaps["planned"]]
    assert planned[["model", "against", "metric"]].values.tolist() == [["masked@10", "scratch@10", "accuracy"]]
    page, card = write(out).read_text(encoding="utf-8"), (out / "model_card.md").read_text(encoding="utf-8")
    assert "rv_free_wall" in page and "nothing of patients" in page and "12-lead paper" not in page
    assert "On simulated tachycardias, masked@10 names the right one of" in page
    assert "One probability" not in card and "segment of the ventricles" in card
    assert "from below" in page and "mm to the feet" in page
    shutil.rmtree(out / "cells" / "masked@all-seed1-fold4")
    evaluate_run(out)
    assert "13 of 14 trainings of this grid are finished" in write(out).read_text(encoding="utf-8")


def test_places_of_a_folder_become_regions(tmp_path: Path) -> None:
    made = datasets.get("simulated", 24, duration_s=5, rate_hz=100, prevalence="VT:1", visits=(1, 1))
    rows = []
    for i, row in enumerate(made.table().to_dict("records")):
        write_record(made.read(row["record_id"]), tmp_path / f"{i}.hea")
        rows.append({"path": f"{i}.hea", "patient": i, **{axis: row[axis] for axis in ("x_mm", "y_mm", "z_mm")}})
    pd.DataFrame(rows).to_csv(tmp_path / "labels.csv", index=False)
    told: dict[str, Any] = {"fold_count": 3, "fold": 1, "split": "by_patient", "length_s": 5.0, "epochs": 1}
    asked = localisation(
        [f"folder={tmp_path}"], patients=[], regions=3, seeds=[0], model="state_space", draws=32, **told
    )
    out = run(small(asked), tmp_path / "run", device=CPU, progress=False)
    confusion = pd.read_parquet(out / "results" / "confusion.parquet")
    assert set(confusion["truth"]) == {"region 1", "region 2", "region 3"}
    page = write(out).read_text(encoding="utf-8")
    assert "nothing of patients" not in page and "x_mm and z_mm" in page and "mm to the feet" not in page


def test_the_grid_holds_what_was_planned() -> None:
    made = localisation([VT], regions=12)
    assert made.labels == ("origin:12",) and made.localises
    assert (made.primary, made.baseline) == ("boosting@25", "scratch@25")
    assert {arm.few for arm in made.arms} == {Few(), *(Few(patients=count) for count in (10, 25, 50))}
    first = {cell.arm.name.rpartition("@")[2] for cell in made.stages()[0]}
    assert first == {"25"}


def test_encoders_of_one_objective_go_by_the_names_of_their_folders(learnt: str, tmp_path: Path) -> None:
    other = shutil.copytree(learnt, tmp_path / "other")
    made = localisation([VT], from_=[learnt, str(other)], patients=[])
    assert {arm.name for arm in made.arms} == {
        f"{way}@all" for way in ("begun", "other", "scratch", "boosting", "naive")
    }
    with pytest.raises(RunError, match="scratch twice"):
        localisation([VT], from_=[learnt, str(shutil.copytree(learnt, tmp_path / "scratch"))], patients=[])
    with pytest.raises(RunError, match="other twice"):
        localisation([VT], from_=[str(other), str(shutil.copytree(learnt, tmp_path / "more" / "other"))])


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"patients": [0]}, "patients is 1 or more"),
        ({"model": "boosting"}, "unknown encoder"),
        ({"model": "state_space,depth=0"}, "depth and states are 1 or more"),
        ({"others": ["naive"]}, "unknown way of learning"),
        ({"regions": -1}, "regions is 0 or more"),
    ],
)
def test_what_cannot_be_is_refused(told: dict[str, Any], words: str) -> None:
    with pytest.raises((ValueError, UnknownName), match=words):
        localisation([VT], **told)


def test_the_network_is_that_of_the_encoder(learnt: str) -> None:
    with pytest.raises(RunError, match="model is ecg_vit, but .* holds"):
        localisation([VT], from_=[learnt], model="ecg_vit")
    (options,) = {
        tuple(arm.options.items()) for arm in localisation([VT], model="state_space,depth=2").arms if arm.recipe
    }
    assert options == (("depth", 2),)


def test_data_without_origins_are_refused(tmp_path: Path) -> None:
    asked = localisation(["simulated=20,duration_s=5,prevalence=VT:0"], patients=[], length_s=5.0)
    with pytest.raises(ValueError, match="no record says where a tachycardia comes from"):
        run(asked, tmp_path / "run", progress=False)
