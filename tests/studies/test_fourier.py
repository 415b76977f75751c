"""The studies of beats: what they ask for, and small runs on the miniature of MIT-BIH from end to end."""

import dataclasses
import inspect
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from einthoven import studies
from einthoven.cli.compare import compare
from einthoven.datasets.mitdb import MITDB
from einthoven.diagnosis import Model
from einthoven.evaluation import weighted
from einthoven.pipeline import Experiment, Few, RunError, run
from einthoven.pipeline.cohort import Cohort, open_cohort
from einthoven.pipeline.covariates import gather, standardised
from einthoven.pipeline.experiment import Cell
from einthoven.pipeline.learning import fewer, learnt_from, view
from einthoven.registry import UnknownName
from einthoven.report import write
from einthoven.signals.likeness import likeness
from einthoven.splits import LeakError
from einthoven.studies import fourier, fourier_weights, leakage
from einthoven.training import Device, Transfer, load_checkpoint

CPU = Device("cpu", "32-true")
TINY = {"epochs": 1, "draws": 128}


def small(experiment: Experiment) -> Experiment:
    """The same with a narrow network."""
    arms = [
        dataclasses.replace(arm, options={**arm.options, "width": 8}) if arm.model == "resnet18" else arm
        for arm in experiment.arms
    ]
    return dataclasses.replace(experiment, arms=tuple(arms), resamples=20)


@pytest.fixture(scope="session")
def db(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("mitdb")
    MITDB.miniature(folder)
    return f"mitdb={folder},paced=false"


@pytest.fixture(scope="session")
def beat_stores(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.getbasetemp() / "beat-stores"


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory, beat_stores: Path) -> Path:
    out = tmp_path_factory.mktemp("weights") / "run"
    experiment = fourier_weights(["simulated=40,rate_hz=100"], labels=["code6"], fold_count=5, folds=[5], epochs=1)
    return run(small(experiment), out, stores=beat_stores, device=CPU, progress=False)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory, beat_stores: Path, db: str, weights: Path) -> Path:
    out = tmp_path_factory.mktemp("fourier") / "run"
    experiment = fourier([db], weights=str(weights), beside=["nothing", "usual"], patients=[2], **TINY)
    return run(
        small(experiment), out, stores=beat_stores, device=CPU, progress=False, command="einthoven study fourier"
    )


@pytest.fixture(scope="session")
def cohort(finished: Path, beat_stores: Path, db: str) -> Cohort:
    return open_cohort(fourier([db]), beat_stores, progress=False)


def contract(run_folder: Path, cell: str) -> dict[str, Any]:
    return load_checkpoint(run_folder / "cells" / cell / "checkpoint")[1]


# What they ask for


def test_every_arm_learns_from_the_whole_first_half_and_chooses_nothing() -> None:
    for arm in fourier(["mitdb=x"]).arms:
        assert arm.learns == ("train", "validation") and arm.watches == "" and not arm.scaled
        assert arm.recipe is None or (arm.recipe.monitor == "last" and arm.recipe.patience is None)


def test_the_naive_model_boosting_and_the_cnn_are_rows_of_every_table() -> None:
    names = [arm.name for arm in fourier(["mitdb=x"]).arms]
    assert {"resnet18", "beat_cnn", "boosting", "naive", "resnet18-rr", "beat_cnn-rr", "boosting-rr"} == set(names)


@pytest.mark.parametrize(
    ("settings", "primary", "baseline"),
    [
        ({}, "resnet18-rr", "boosting-rr"),
        ({"weights": "w"}, "resnet18-transfer-rr", "resnet18-rr"),
        ({"weights": "w", "beside": ["nothing"]}, "resnet18-transfer", "resnet18"),
        ({"models": ["boosting", "naive"], "beside": ["nothing"]}, "boosting", "naive"),
        ({"models": ["beat_cnn"], "beside": ["usual"]}, "beat_cnn-rr-usual", "beat_cnn-rr-usual"),
        ({"models": ["resnet18"], "beside": ["nothing"], "patients": [1]}, "resnet18", "resnet18"),
        ({"models": ["naive", "beat_cnn"]}, "beat_cnn-rr", "naive"),
    ],
)
def test_the_primary_contrast_is_written_down(settings: dict[str, Any], primary: str, baseline: str) -> None:
    experiment = fourier(["mitdb=x"], **settings)
    assert (experiment.primary, experiment.baseline) == (primary, baseline)


def test_transfer_stands_beside_scratch_at_every_size_and_rhythm_beside_nothing() -> None:
    experiment = fourier(["mitdb=x"], weights="w", models=["resnet18"], patients=[1, 5], beats=[10])
    names = {arm.name: arm for arm in experiment.arms}
    for size in ("", "@1p", "@5p", "@10b"):
        for suffix in ("", "-rr"):
            ours, other = f"resnet18-transfer{suffix}{size}", f"resnet18{suffix}{size}"
            assert (ours, other) in experiment.pairs
            changed = dataclasses.replace(names[other], name=ours, transfer=names[ours].transfer)
            assert changed == names[ours], "they differ in nothing but the weights they begin with"
    assert ("resnet18-rr", "resnet18") in experiment.pairs
    assert names["resnet18@5p"].few == Few(patients=5) and names["resnet18@10b"].few == Few(each=10)


def test_what_stays_of_the_weights_is_the_transfers() -> None:
    arms = fourier(["mitdb=x"], weights="w", freeze="trunk", layer_decay=0.5).arms
    begun = [arm.transfer for arm in arms if arm.transfer is not None]
    assert begun and set(begun) == {Transfer("w", freeze="trunk", layer_decay=0.5)}
    with pytest.raises(ValueError, match="layer_decay lies above 0"):
        fourier(["mitdb=x"], weights="w", layer_decay=2.0)


@pytest.mark.parametrize("study", [fourier, fourier_weights, leakage])
def test_a_study_is_a_function_of_plain_values(study: Any) -> None:
    assert study.__name__ in studies.names()
    given = [p for name, p in inspect.signature(study).parameters.items() if name != "data"]
    assert all(p.kind is p.KEYWORD_ONLY and p.default is not p.empty for p in given)
    facts = study(["mitdb=x"]).facts()
    assert json.loads(json.dumps(facts)) == facts


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        ({"models": ["resnet81"]}, UnknownName, "did you mean 'resnet18'"),
        ({"models": ["code_resnet"]}, UnknownName, "unknown model of this study"),
        ({"split": "inter_patent"}, UnknownName, "did you mean 'inter_patient'"),
        ({"patients": [0]}, RunError, "patients is 1 or more, not 0"),
        ({"beats": [5, 0]}, RunError, "beats is 1 or more, not 0"),
        ({"beats": [5, 5]}, RunError, "beats names 5 twice"),
        ({"epochs": 0}, RunError, "epochs is 1 or more"),
        ({"fold_count": 2}, RunError, "fold_count is 3 or more"),
        ({"models": ["naive", "naive"]}, RunError, "models names naive twice"),
        ({"models": "naive"}, RunError, "models is a list"),
        ({"seeds": []}, RunError, "at least one of seeds"),
        ({"weights": "w", "models": ["naive"]}, RunError, "the weights are for resnet18"),
    ],
)
def test_what_cannot_be_is_refused_before_any_work(wrong: dict[str, Any], error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        fourier(["mitdb=x"], **wrong)


@pytest.mark.parametrize("study", [fourier, leakage])
def test_beats_that_are_cut_otherwise_are_refused(study: Any) -> None:
    with pytest.raises(RunError, match="leave window_s out"):
        study(["mitdb=x,window_s=0.5 0.5"])


def test_weights_that_are_not_there_are_refused_before_any_training(db: str, beat_stores: Path, tmp_path: Path) -> None:
    experiment = fourier([db], models=["resnet18"], beside=["nothing"], weights=str(tmp_path / "none"), **TINY)
    with pytest.raises(ValueError, match="holds no weights"):
        run(experiment, tmp_path / "run", stores=beat_stores, device=CPU, progress=False)
    assert not list((tmp_path / "run").glob("cells/*"))


def test_classes_that_exclude_each_other_stand_alone(db: str, beat_stores: Path, tmp_path: Path) -> None:
    experiment = dataclasses.replace(fourier([db], models=["naive"], beside=["nothing"]), labels=("aami5", "aami3"))
    with pytest.raises(RunError, match="exclude each other"):
        open_cohort(experiment, beat_stores, progress=False)


# What they leave behind


def test_probabilities_of_a_beat_add_up_to_one(finished: Path) -> None:
    predictions = pd.read_parquet(finished / "predictions.parquet")
    total = predictions.groupby(["model", "record"])["probability"].sum()
    assert np.allclose(total, 1.0, atol=1e-5)
    assert set(predictions["part"]) == {"test"}, "nothing is answered of what was learnt from"


def test_the_report_speaks_of_beats(finished: Path) -> None:
    page = write(finished).read_text(encoding="utf-8")
    assert "resnet18-transfer@2p" in page and "EC57" in page
    tables = {path.stem for path in (finished / "results").glob("*.parquet")}
    assert tables == {"beats", "recordings", "carriers", "paired", "pairs", "mistakes"}
    paired = pd.read_parquet(finished / "results" / "pairs.parquet")
    pairs = set(zip(paired["primary"], paired["other"], strict=True))
    assert ("resnet18-transfer@2p", "resnet18@2p") in pairs and ("resnet18-rr-usual", "resnet18") not in pairs


def test_a_checkpoint_says_whose_weights_it_began_with_and_whom_they_saw(finished: Path, weights: Path) -> None:
    source = contract(weights, "resnet18-seed0-fold5")
    ours = contract(finished, "resnet18-transfer-seed0-fold10")
    (stage,) = ours["pretrained"]
    assert stage["patients_seen"] == source["patients_seen"] and stage["data"] == source["data"]
    assert "pretrained" not in contract(finished, "resnet18-seed0-fold10")
    assert ours["exclusive"] and ours["leads"] == ["MLII"]
    assert len(contract(finished, "resnet18-transfer@2p-seed0-fold10")["patients_seen"]) == 2


def test_covariates_are_in_the_contract_with_their_scale(finished: Path) -> None:
    ours = contract(finished, "resnet18-rr-usual-seed0-fold10")
    assert ours["covariates"] == ["rhythm_*", {"name": "likeness", "peak_s": 0.3}]
    assert len(ours["covariate_mean"]) == len(ours["covariate_spread"]) == 12
    assert "covariates" not in contract(finished, "resnet18-seed0-fold10")


def test_other_weights_are_another_cell(db: str, weights: Path, tmp_path: Path) -> None:
    experiment = fourier([db], models=["resnet18"], beside=["nothing"], weights=str(weights))
    cells = {cell.arm.name: cell for cell in experiment.cells()}
    before = {name: experiment.cell_identity(cell, "x", "32-true") for name, cell in cells.items()}
    file = weights / "cells" / "resnet18-seed0-fold5" / "checkpoint" / "model.safetensors"
    kept = file.read_bytes()
    try:
        file.write_bytes(kept + b" ")
        after = {name: experiment.cell_identity(cell, "x", "32-true") for name, cell in cells.items()}
    finally:
        file.write_bytes(kept)
    assert after["resnet18"] == before["resnet18"] and after["resnet18-transfer"] != before["resnet18-transfer"]


@pytest.fixture(scope="session")
def leaky(tmp_path_factory: pytest.TempPathFactory, beat_stores: Path, db: str) -> Path:
    out = tmp_path_factory.mktemp("leakage") / "run"
    experiment = small(leakage([db], models=["resnet18"], **TINY))
    return run(experiment, out, stores=beat_stores, device=CPU, progress=False)


def test_leaky_arms_stand_beside_their_twins_on_the_same_beats(leaky: Path, db: str) -> None:
    predictions = pd.read_parquet(leaky / "predictions.parquet")
    tested = predictions[predictions["part"] == "test"].groupby("model")["record"].apply(frozenset)
    assert tested.nunique() == 1, "a difference is the mechanism's, since the beats are the same"
    pairs = pd.read_parquet(leaky / "results" / "pairs.parquet")
    assert set(leakage([db], models=["resnet18"]).pairs) == set(zip(pairs["primary"], pairs["other"], strict=True))
    kept = {path.parent.parent.name.removesuffix("-seed0-fold10") for path in leaky.glob("cells/*/checkpoint/*.json")}
    assert kept == {"resnet18", "resnet18-stopping-on-validation"}, "nobody gets a network that saw the test"


def test_twins_learn_from_as_many_beats_of_each_class(leaky: Path) -> None:
    accounts = {
        path.parent.name.removesuffix("-seed0-fold10"): json.loads(path.read_text()).get("learnt_from")
        for path in leaky.glob("cells/*/cell.json")
    }
    assert accounts["resnet18-deciding-on-test"] is None, "it learns nothing, it moves the answers of another"
    counts = {json.dumps(account["positives"]) for account in accounts.values() if account}
    assert len(counts) == 1


def test_each_mechanism_does_what_it_says(leaky: Path, db: str, beat_stores: Path) -> None:
    experiment = leakage([db], models=["resnet18"], **TINY)
    whole = open_cohort(experiment, beat_stores, progress=False)
    parts, arms = whole.parts[10], {arm.name.removeprefix("resnet18").lstrip("-"): arm for arm in experiment.arms}
    rows = {name: set(learnt_from(Cell(arm, 0, 10), whole)) for name, arm in arms.items() if not arm.members}
    assert rows["neighbours"] == set(np.flatnonzero(parts == "between"))
    assert rows["patients"] == set(np.flatnonzero(parts == "earlier"))
    assert all(rows[name] == rows[""] for name in rows if name not in ("neighbours", "patients"))
    used = np.flatnonzero(parts != "")
    x = view(experiment, Cell(arms["scaling-on-all"], 0, 10), whole).fetch(used)
    assert np.allclose(x.mean(axis=0), 0, atol=1e-3)
    train = np.flatnonzero(parts == "train")
    x = view(experiment, Cell(arms["scaling-on-training"], 0, 10), whole).fetch(train)
    assert np.allclose(x.mean(axis=0), 0, atol=1e-3)
    tables = {
        name: pd.read_parquet(leaky / "cells" / f"resnet18{name}-seed0-fold10" / "predictions.parquet")
        for name in ("", "-deciding-on-test", "-deciding-on-validation")
    }
    for part in ("test", "validation"):
        expected = weighted(tables[""], part)["probability"]
        assert np.allclose(tables[f"-deciding-on-{part}"]["probability"], expected, atol=1e-6)


def test_the_headline_calls_a_leak_a_leak(leaky: Path) -> None:
    page = write(leaky).read_text(encoding="utf-8")
    assert "resnet18-neighbours, shown something of the test on purpose, seems to reach" in page
    assert "The leakage gap is" in page
    card = (leaky / "model_card.md").read_text(encoding="utf-8")
    assert "resnet18" in card.splitlines()[0] + card and "neighbours" not in card.splitlines()[0]


def test_two_splits_are_compared_on_the_beats_of_both(
    leaky: Path, finished: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    out = tmp_path / "gap.json"
    compare(leaky, finished, models=("resnet18", "resnet18"), resamples=20, out=out)
    shown = capsys.readouterr().out
    (rows,) = [v for k, v in json.loads(out.read_text()).items() if k == "beats"]
    tables = [pd.read_parquet(folder / "predictions.parquet") for folder in (leaky, finished)]
    tables = [t[(t["model"] == "resnet18") & (t["part"] == "test")] for t in tables]
    both = set(tables[0]["record"]) & set(tables[1]["record"])
    assert rows[0]["beats"] == len(both) and f"{len(both)} beats of" in shown and "nan" not in shown.lower()
    with pytest.raises(RunError, match="is not a finished run"):
        compare(leaky, tmp_path)


def test_weights_that_saw_the_tested_patients_are_refused_before_training(
    finished: Path, db: str, beat_stores: Path, tmp_path: Path
) -> None:
    settings = {"models": ["resnet18"], "beside": ["nothing"], "split": "inter_patient_strict"}
    experiment = small(fourier([db], weights=str(finished), **settings, **TINY))
    tested = load_checkpoint(finished / "cells" / "resnet18-transfer-seed0-fold10" / "checkpoint")[1]["patients_seen"]
    assert tested, "it learnt from DS1, and 201 of DS1 is tested by the strict split"
    with pytest.raises(LeakError, match="has seen"):
        run(experiment, tmp_path / "run", stores=beat_stores, device=CPU, progress=False)
    assert not list((tmp_path / "run").glob("cells/*"))


def test_what_an_arm_cannot_have_is_refused_before_any_training(db: str, beat_stores: Path, tmp_path: Path) -> None:
    experiment = fourier([db], models=["beat_cnn"], beside=["nothing"], patients=[99], **TINY)
    with pytest.raises(RunError, match="fewer than the 99 asked for"):
        run(experiment, tmp_path / "run", stores=beat_stores, device=CPU, progress=False)
    assert not list((tmp_path / "run").glob("cells/*"))


def test_a_network_of_beats_answers_for_no_recording(finished: Path) -> None:
    with pytest.raises(ValueError, match="tells classes apart"):
        Model(finished)


# Its parts


@pytest.mark.parametrize("seed", [0, 1])
def test_fewer_are_nested_and_drawn_by_patient(cohort: Cohort, seed: int) -> None:
    rows = np.flatnonzero(cohort.parts[10] == "train")
    table = cohort.table
    last: set[int] = set()
    for count in (1, 2, 3):
        kept = fewer(Few(patients=count), table, rows, seed)
        assert table["patient_id"].iloc[kept].nunique() == count and last <= set(kept.tolist())
        whole = rows[table["patient_id"].iloc[rows].isin(table["patient_id"].iloc[kept])]
        assert set(whole.tolist()) == set(kept.tolist()), "all records of a patient that is drawn"
        last = set(kept.tolist())
    last = set()
    for count in (1, 3, 9):
        kept = fewer(Few(each=count), table, rows, seed)
        assert (table["patient_id"].iloc[kept].value_counts() == count).all() and last <= set(kept.tolist())
        last = set(kept.tolist())
    assert np.array_equal(fewer(Few(), table, rows, seed), rows)


def test_another_seed_draws_others_and_too_many_are_refused(cohort: Cohort) -> None:
    rows = np.flatnonzero(cohort.parts[10] == "train")
    drawn = {tuple(fewer(Few(patients=2), cohort.table, rows, seed)) for seed in range(8)}
    assert len(drawn) > 1
    with pytest.raises(RunError, match="fewer than the 99 asked for"):
        fewer(Few(patients=99), cohort.table, rows, 0)
    with pytest.raises(ValueError, match="fewer than one"):
        Few(patients=0)


def test_covariates_are_scaled_by_what_is_learnt_from_alone() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(3, 5, (50, 2)).astype(np.float32)
    values[3, 0] = np.nan
    train = np.arange(20)
    scaled, facts = standardised(values, train)
    known = scaled[train][~np.isnan(values[train]).any(axis=1)]
    assert abs(known[:, 1].mean()) < 0.3 and scaled[3, 0] == 0
    moved = values.copy()
    moved[20:] += 1000
    assert np.array_equal(standardised(moved, train)[0][:20], scaled[:20])
    assert np.allclose(facts["covariate_mean"], np.nanmean(values[train], axis=0), atol=1e-4)


def test_covariates_are_columns_or_computed_and_others_are_refused(cohort: Cohort) -> None:
    samples = 324
    rows = cohort.rows
    rr = gather(["rr_before_s"], cohort.signals, rows, samples)[:, 0]
    assert np.array_equal(rr, cohort.table["rr_before_s"].to_numpy(np.float32), equal_nan=True)
    assert gather(["rhythm_*"], cohort.signals, rows, samples).shape[1] == 8
    alike = gather([{"name": "likeness", "peak_s": 0.3}], cohort.signals, rows, samples)
    recording = cohort.signals.table["recording"].to_numpy()
    one = np.flatnonzero(recording == recording[rows[0]])
    expected = likeness(cohort.signals.batch(one, samples), 360.0, peak_s=0.3)
    assert np.array_equal(alike[np.isin(rows, one)], expected[np.isin(one, rows)])
    with pytest.raises(RunError, match="no column of numbers 'patient_id'"):
        gather(["patient_id"], cohort.signals, rows, samples)


def experiment_with(db: str, **changes: Any) -> tuple[Experiment, Cell]:
    experiment = fourier([db], models=["resnet18"], beside=["nothing"])
    arm = dataclasses.replace(experiment.arms[0], **changes)
    return experiment, Cell(arm, 0, 10)


def test_scaling_brings_the_named_parts_to_mean_0_and_deviation_1(cohort: Cohort, db: str) -> None:
    rows = np.flatnonzero(cohort.parts[10] == "train")
    experiment, cell = experiment_with(db, scaled=("train",))
    x = view(experiment, cell, cohort).fetch(rows)
    assert np.allclose(x.mean(axis=0), 0, atol=1e-3) and np.allclose(x.std(axis=0), 1, atol=1e-3)
    plain = view(*experiment_with(db), cohort).fetch(rows)
    assert np.allclose(np.corrcoef(x[:, 0, 50], plain[:, 0, 50])[0, 1], 1.0, atol=1e-6)


# Likeness


def test_likeness_is_blind_to_scale_and_offset_and_sees_the_odd_one() -> None:
    rng = np.random.default_rng(1)
    time = np.arange(324) / 360 - 0.3
    usual = np.exp(-((time / 0.02) ** 2)) + 0.3 * np.exp(-(((time - 0.25) / 0.05) ** 2))
    beats = (usual + 0.01 * rng.normal(size=(21, 1, 324))).astype(np.float32)
    beats[4, 0] = -np.exp(-((time / 0.06) ** 2))
    found = likeness(beats, 360.0, peak_s=0.3)
    assert found.shape == (21, 4) and (np.delete(found[:, 0], 4) > 2).all() and found[4, 0] < 0
    moved = beats * rng.uniform(0.5, 2, (21, 1, 1)).astype(np.float32)
    moved[:, :, :] += rng.normal(size=(21, 1, 1)).astype(np.float32)
    again = likeness(moved, 360.0, peak_s=0.3)
    assert np.allclose(again, found, atol=1e-3)
    assert np.array_equal(likeness(beats[::-1], 360.0, peak_s=0.3), found[::-1]), "the order of beats changes nothing"


def test_a_flat_beat_is_like_nothing() -> None:
    beats = np.zeros((5, 2, 100), dtype=np.float32)
    assert np.array_equal(likeness(beats, 100.0, peak_s=0.3), np.zeros((5, 8), dtype=np.float32))


# Weighted decisions


def of_one_model(part: list[str], true: list[int], probability: np.ndarray) -> pd.DataFrame:
    classes = np.array(["N", "S", "V"])
    rows = len(true)
    return pd.DataFrame(
        {
            "record": np.repeat([f"r-{i}" for i in range(rows)], 3),
            "part": np.repeat(part, 3),
            "class": np.tile(classes, rows),
            "truth": pd.array((np.arange(3)[None] == np.array(true)[:, None]).ravel().astype(float), dtype="Int8"),
            "probability": probability.ravel(),
        }
    )


def test_weights_find_the_rare_class_where_its_labels_are_and_nowhere_else() -> None:
    rng = np.random.default_rng(2)
    true = rng.choice(3, 400, p=[0.8, 0.1, 0.1])
    logits = rng.normal(size=(400, 3)) + 2.0 * np.eye(3)[true] + np.array([3.0, 0.0, 0.0])
    probability = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    part = ["validation"] * 200 + ["test"] * 200
    table = of_one_model(part, true.tolist(), probability)
    moved = weighted(table, "validation")
    after = moved["probability"].to_numpy().reshape(-1, 3)
    assert np.allclose(after.sum(axis=1), 1.0, atol=1e-6)

    def macro(said: np.ndarray, rows: slice) -> float:
        truth = true[rows]
        each = [
            2 * ((said[rows] == k) & (truth == k)).sum() / ((said[rows] == k).sum() + (truth == k).sum())
            for k in range(3)
        ]
        return float(np.mean(each))

    seen, held = slice(0, 200), slice(200, 400)
    assert macro(after.argmax(axis=1), seen) > macro(probability.argmax(axis=1), seen)
    best = weighted(table, "test")["probability"].to_numpy().reshape(-1, 3).argmax(axis=1)
    assert macro(best, held) >= macro(after.argmax(axis=1), held), "the test's own weights are the best of the test"
    other = table.copy()
    other.loc[other["part"] == "test", "truth"] = 0
    assert np.array_equal(weighted(other, "validation")["probability"], moved["probability"])
    with pytest.raises(ValueError, match="no record of the part 'external'"):
        weighted(table, "external")
