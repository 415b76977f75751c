"""The CODE study: the paper's settings by default, and a small run of it on simulated ECGs from end to end."""

import dataclasses
import inspect
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from einthoven import models, studies
from einthoven.evaluation import evaluate
from einthoven.pipeline import Arm, Experiment, Few, RunError, run
from einthoven.pipeline.cohort import Cohort, open_cohort
from einthoven.records.leads import TWELVE
from einthoven.registry import UnknownName
from einthoven.studies import code
from einthoven.training import Data, Device, Recipe, load_checkpoint, predict
from einthoven.training._checkpoint import hash_patient

DATA = ("simulated=60,rate_hz=100",)
MODELS = ("code_resnet", "boosting", "naive")
TINY = dataclasses.replace(
    code(DATA, models=MODELS, rate_hz=100, fold_count=5, folds=(5,), epochs={"code_resnet": 2}), resamples=30
)
TABLES = (
    "summary contrasts thresholds abstention transfer challenge calibration reliability subgroups curves mistakes"
).split()


# What it asks for


def test_the_defaults_are_those_of_the_paper() -> None:
    experiment = code(["ptbxl=/data"])
    assert (experiment.rate_hz, experiment.samples, experiment.unit) == (400.0, 4096, "mV")
    assert experiment.leads == TWELVE and experiment.labels == ("code6",) and experiment.bandpass_hz is None
    assert experiment.split == "by_patient"  # the paper's split keeps a patient on one side
    first = experiment.arms[0]
    assert first.model == "code_resnet" == experiment.primary and first.options == {}
    assert not first.loss and not first.asks and not first.balance
    recipe = first.recipe
    assert (recipe.epochs, recipe.batch_size, recipe.rate, recipe.optimizer) == (70, 64, 1e-3, "adam")
    assert (recipe.schedule, recipe.plateau, recipe.patience, recipe.monitor) == ("plateau", 7, 9, "loss")
    assert recipe.weight_decay == 0 and recipe.crop_s is None
    network = models.build(first.model, models.Shape(12, experiment.samples, experiment.rate_hz, 6), **first.options)
    assert sum(p.numel() for p in network.parameters()) == 6_421_910


def test_the_xresnet_is_trained_as_the_benchmark_does() -> None:
    (arm,) = (arm for arm in code(["ptbxl=/data"]).arms if arm.model == "xresnet1d101")
    assert arm.recipe == Recipe(50, 128, 1e-2, "adamw", 1e-2, "one_cycle", monitor="auroc", crop_s=2.5)


def test_boosting_and_the_naive_model_are_rows_of_every_table() -> None:
    experiment = code(["ptbxl=/data"])
    assert {"boosting", "naive"} <= {arm.name for arm in experiment.arms}
    assert experiment.baseline == "boosting"
    assert all((arm.recipe is None) == (arm.model in ("boosting", "naive")) for arm in experiment.arms)


@pytest.mark.parametrize(
    ("names", "primary", "baseline"),
    [
        (("xresnet1d101", "boosting", "naive"), "xresnet1d101", "boosting"),
        (("code_resnet", "naive"), "code_resnet", "naive"),
        (("boosting", "naive"), "boosting", "naive"),
        (("naive",), "naive", "naive"),
    ],
)
def test_the_first_model_is_compared_with_boosting_or_the_last(
    names: tuple[str, ...], primary: str, baseline: str
) -> None:
    experiment = code(DATA, models=names)
    assert (experiment.primary, experiment.baseline) == (primary, baseline)


@pytest.mark.parametrize("rate_hz", [100, 250.0, 400, 500])
def test_the_signal_lasts_as_long_at_every_rate(rate_hz: float) -> None:
    assert code(DATA, rate_hz=rate_hz).samples == round(10.24 * rate_hz)


def test_it_is_a_function_of_plain_values() -> None:
    assert studies.names() == (
        *("augmentation", "code", "encoders", "finetune", "fourier", "fourier_weights", "label_efficiency"),
        *("leakage", "localisation", "pretrain", "synthesis"),
    )
    assert code(DATA) == code(list(DATA), labels=["code6"], seeds=[0], folds=[10])
    given = [p for name, p in inspect.signature(code).parameters.items() if name != "data"]
    assert all(p.kind is p.KEYWORD_ONLY and p.default is not p.empty for p in given)


def tuples(value: Any) -> Any:
    return tuple(tuples(v) for v in value) if isinstance(value, list) else value


@pytest.mark.parametrize("experiment", [code(["ptbxl=/data"]), TINY, code(DATA, unit="z", bandpass_hz=(0.5, 40.0))])
def test_through_json_and_back_it_is_the_same(experiment: Experiment) -> None:
    facts = json.loads(json.dumps(experiment.facts()))
    arms = []
    for arm in facts.pop("arms"):
        few = Few(**{key: tuples(value) for key, value in arm["few"].items()})
        made = {"recipe": Recipe(**arm["recipe"]) if arm["recipe"] else None, "few": few}
        lists = {key: tuples(value) for key, value in arm.items() if isinstance(value, list)}
        arms.append(Arm(**{**arm, **lists, **made}))
    again = Experiment(**{key: tuples(value) for key, value in facts.items()}, arms=tuple(arms))
    assert again == experiment
    assert [c.name for c in again.cells()] == [c.name for c in experiment.cells()]
    identities = [[e.cell_identity(cell, "x", "32-true") for cell in e.cells()] for e in (again, experiment)]
    assert identities[0] == identities[1]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"models": ["code_resnt"]}, "unknown model 'code_resnt'; did you mean 'code_resnet'"),
        ({"labels": ["superclas"]}, "did you mean 'superclass'"),
        ({"split": "by_patent"}, "did you mean 'by_patient'"),
        ({"epochs": {"code_resnett": 3}}, "did you mean 'code_resnet'"),
        ({"epochs": {"boosting": 3}}, "unknown trained model 'boosting'"),
        ({"models": ["naive"], "epochs": {"code_resnet": 3}}, "unknown trained model 'code_resnet'"),
    ],
)
def test_unknown_names_are_refused_with_the_nearest(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(UnknownName, match=message):
        code(DATA, **wrong)


@pytest.mark.parametrize("name", ["labels", "models", "seeds", "folds"])
def test_nothing_is_not_enough(name: str) -> None:
    with pytest.raises(RunError, match=f"at least one of {name}"):
        code(DATA, **{name: ()})
    with pytest.raises(RunError, match="at least one of data"):
        code(())


def test_a_word_is_not_a_list_of_letters() -> None:
    with pytest.raises(RunError, match=r"models is a list: write \['naive'\]"):
        code(DATA, models="naive")


def test_another_unit_is_refused() -> None:
    plain = getattr(code, "__wrapped__", code)  # without the annotations that tests check
    with pytest.raises(UnknownName, match="unknown unit 'mv'; did you mean 'mV'"):
        plain(DATA, unit="mv")


@pytest.mark.parametrize("wrong", [{"folds": (11,)}, {"folds": (0,)}, {"fold_count": 2, "folds": (1,)}])
def test_folds_that_are_not_there_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(RunError, match="test folds go from 1 to"):
        code(DATA, **wrong)


@pytest.mark.parametrize("wrong", [{"models": ("naive", "naive")}, {"seeds": (1, 1)}, {"folds": (2, 2)}])
def test_a_name_given_twice_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(RunError, match=f"{next(iter(wrong))} names .* twice"):
        code(DATA, **wrong)


@pytest.mark.parametrize("epochs", [0, -1])
def test_no_epoch_is_no_training(epochs: int) -> None:
    with pytest.raises(RunError, match="epochs is 1 or more"):
        code(DATA, epochs={"code_resnet": epochs})


# What it leaves behind


@pytest.fixture(scope="session")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.getbasetemp() / "stores"


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory, stores: Path) -> Path:
    out = tmp_path_factory.mktemp("study") / "runs" / "code"
    device = Device("cpu", "32-true")
    return run(TINY, out, stores=stores, device=device, progress=False, command="einthoven study code")


@pytest.fixture(scope="session")
def cohort(finished: Path, stores: Path) -> Cohort:
    return open_cohort(TINY, stores, progress=False)


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def test_it_writes_every_file(finished: Path) -> None:
    found = {str(p.relative_to(finished)) for p in finished.rglob("*") if p.is_file()}
    expected = {"experiment.json", "environment.json", "flow.json", "results.json"}
    expected |= {"cohort.parquet", "predictions.parquet", "examples.parquet"}
    expected |= {f"results/{table}.parquet" for table in TABLES}
    expected |= {"audit/audit.json", "audit/pairs.csv", "audit/drawn.parquet"}
    for name in MODELS:
        cell = f"cells/{name}-seed0-fold5"
        expected |= {f"{cell}/{file}" for file in ("cell.json", "history.json", "predictions.parquet")}
    expected |= {f"cells/code_resnet-seed0-fold5/checkpoint/{f}" for f in ("model.safetensors", "contract.json")}
    assert found == expected


def test_the_settings_are_written_down(finished: Path) -> None:
    facts = read(finished / "experiment.json")
    assert {key: facts[key] for key in TINY.facts()} == TINY.facts()
    assert facts["models"] == list(MODELS)
    assert facts["label_sets"] == {"code6": ["1dAVb", "RBBB", "LBBB", "SB", "AF", "ST"]}
    assert facts["split_is_leaky"] is False and facts["length_s"] == 10.24
    assert [card["name"] for card in facts["cards"]] == ["simulated"] and facts["synthetic"] is True
    environment = read(finished / "environment.json")
    assert environment["command"] == "einthoven study code"
    assert {"python", "einthoven", "torch"} <= set(environment["versions"])
    assert environment["settings"]["precision"] == "32-true"


def test_the_account_adds_up(finished: Path, cohort: Cohort) -> None:
    flow = read(finished / "flow.json")
    assert flow["steps"][-1]["records"] == len(cohort.table) == sum(part["records"] for part in flow["parts"])
    assert sum(part["patients"] for part in flow["parts"]) == 60
    assert all(row["count"] == 0 for row in flow["overlap"]) and flow["overlap"]
    for row in flow["classes"]:
        assert row["positive"] + row["negative"] + row["unknown"] == len(cohort.table)
    people = pd.read_parquet(finished / "cohort.parquet")
    assert {"record", "patient", "source", "age", "sex", "fold", "positive", "unknown"} <= set(people.columns)
    assert people["record"].is_unique and len(people) == len(cohort.table)


def test_the_predictions_have_their_schema(finished: Path, cohort: Cohort) -> None:
    table = pd.read_parquet(finished / "predictions.parquet")
    columns = "record patient source part class truth probability model seed fold".split()
    assert list(table.columns) == columns
    kinds = {"truth": "Int8", "probability": "float32", "seed": "int64", "fold": "int64"}
    assert {key: str(table[key].dtype) for key in kinds} == kinds
    assert all(pd.api.types.is_string_dtype(table[key]) for key in ("record", "patient", "class", "model"))
    assert table["probability"].between(0, 1).all()
    assert set(table["part"]) == {"validation", "test"}
    assert set(table["fold"]) == {5} and set(table["seed"]) == {0} and set(table["model"]) == set(MODELS)
    assert not table.duplicated(["record", "class", "model"]).any()
    rest = np.isin(cohort.parts[5], ("validation", "test"))
    assert len(table) == rest.sum() * len(cohort.classes) * len(MODELS)
    position = {name: i for i, name in enumerate(cohort.table["record_id"])}
    column = {name: i for i, name in enumerate(cohort.classes)}
    truth = cohort.y[table["record"].map(position), table["class"].map(column)]
    np.testing.assert_array_equal(truth, table["truth"].to_numpy(dtype=float, na_value=np.nan))
    assert (cohort.parts[5][table["record"].map(position)] == table["part"]).all()
    assert (cohort.table["patient_id"].iloc[table["record"].map(position)].to_numpy() == table["patient"]).all()


def test_no_patient_of_the_test_was_seen_in_training(finished: Path, cohort: Cohort) -> None:
    _, contract = load_checkpoint(finished / "cells" / "code_resnet-seed0-fold5" / "checkpoint")
    table = pd.read_parquet(finished / "predictions.parquet")
    tested = {hash_patient(p) for p in table.loc[table["part"] == "test", "patient"]}
    validated = {hash_patient(p) for p in table.loc[table["part"] == "validation", "patient"]}
    seen = set(contract["patients_seen"])
    assert tested and validated and not tested & seen and validated < seen
    assert len(tested | seen) == cohort.table["patient_id"].nunique() == 60
    assert contract["unknown_patients_seen"] == 0


def test_the_checkpoint_is_a_contract_that_gives_the_predictions(finished: Path, cohort: Cohort) -> None:
    weights, contract = load_checkpoint(finished / "cells" / "code_resnet-seed0-fold5" / "checkpoint")
    assert contract["leads"] == list(TWELVE) and contract["classes"] == list(cohort.classes)
    assert (contract["unit"], contract["rate_hz"], contract["samples"]) == ("mV", 100.0, 1024)
    assert contract["trained_on_synthetic"] is True and contract["data"][0]["name"] == "simulated"
    assert [c["code"] for c in contract["label_sets"]["code6"]] == contract["classes"]
    shape = models.Shape(len(contract["leads"]), contract["samples"], contract["rate_hz"], len(contract["classes"]))
    network = models.build(contract["model"], shape, **contract["options"])
    network.load_state_dict(weights)
    fabric = Device("cpu", contract["precision"]).fabric()
    data = Data(lambda rows: cohort.signals.batch(cohort.rows[rows], contract["samples"]), cohort.y, 100.0)
    rows = np.flatnonzero(cohort.parts[5] == "test")
    logits = predict(fabric.setup_module(network), data, rows, Recipe(**contract["recipe"]), fabric=fabric)
    table = pd.read_parquet(finished / "predictions.parquet").query("part == 'test' and model == 'code_resnet'")
    np.testing.assert_allclose(1 / (1 + np.exp(-logits.ravel())), table["probability"], rtol=1e-4)


def test_the_history_is_that_of_the_network_alone(finished: Path) -> None:
    history = read(finished / "cells" / "code_resnet-seed0-fold5" / "history.json")
    assert [epoch["epoch"] for epoch in history] == [0, 1]
    assert all(np.isfinite(epoch["train_loss"]) for epoch in history)
    for name in ("boosting", "naive"):
        assert read(finished / "cells" / f"{name}-seed0-fold5" / "history.json") == []


def test_the_naive_model_says_the_prevalence_in_training(finished: Path, cohort: Cohort) -> None:
    table = pd.read_parquet(finished / "predictions.parquet").query("model == 'naive'")
    expected = np.nanmean(cohort.y[cohort.parts[5] == "train"], axis=0)
    found = table.groupby("class")["probability"].agg(["min", "max"]).loc[list(cohort.classes)]
    np.testing.assert_allclose(found["min"], expected, rtol=1e-6)
    np.testing.assert_allclose(found["max"], expected, rtol=1e-6)


def test_the_tables_follow_from_the_predictions(finished: Path) -> None:
    again = evaluate(
        pd.read_parquet(finished / "predictions.parquet"),
        pd.read_parquet(finished / "cohort.parquet"),
        label_sets={"code6": ["1dAVb", "RBBB", "LBBB", "SB", "AF", "ST"]},
        baseline="boosting",
        primary="code_resnet",
        resamples=30,
    )
    assert set(again) == set(TABLES) == set(read(finished / "results.json"))
    summary = pd.read_parquet(finished / "results" / "summary.parquet")
    assert set(summary["model"]) == set(MODELS)
    assert_frame_equal(again["summary"], summary, check_dtype=False)
    for name in TABLES:
        assert len(read(finished / "results.json")[name]) == len(again[name])


def test_the_examples_carry_their_signals(finished: Path, cohort: Cohort) -> None:
    examples = pd.read_parquet(finished / "examples.parquet")
    assert len(examples) and set(examples["kind"]) <= {"missed", "false alarm"}
    assert set(examples["model"]) == {"code_resnet"}
    one = examples.iloc[0]
    assert list(one["leads"]) == list(TWELVE) and one["rate_hz"] == 100 and one["unit"] == "mV"
    at = cohort.table.index[cohort.table["record_id"] == one["record"]].to_numpy()
    signal = cohort.signals.batch(cohort.rows[at], 1000)[0]
    np.testing.assert_array_equal(np.reshape(one["samples"], (12, -1)), signal)
