"""What must hold of a run: nothing is computed twice, a stop costs nothing, and nobody stands on two sides unasked."""

import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from pandas.testing import assert_frame_equal

from einthoven import splits
from einthoven.datasets.simulated import Simulated
from einthoven.pipeline import Arm, Experiment, RunError, run
from einthoven.pipeline.cohort import open_cohort
from einthoven.records.writing import WriteError, alone
from einthoven.registry import UnknownName
from einthoven.training import Device, Recipe

CPU = Device("cpu", "32-true")
NETWORK = Arm("code_resnet", "code_resnet", recipe=Recipe(epochs=3, batch_size=32, rate=1e-3))
NAIVE = Arm("naive", "naive")
SMALL = Experiment(
    study="law",
    title="A law",
    data=("simulated=40,rate_hz=100",),
    labels=("code6",),
    arms=(NETWORK, NAIVE),
    seeds=(0,),
    folds=(5,),
    split="by_patient",
    samples=192,
    rate_hz=100.0,
    baseline="naive",
    primary="code_resnet",
    fold_count=5,
    resamples=20,
)
CHEAP = dataclasses.replace(SMALL, arms=(NAIVE, Arm("again", "naive")), primary="again")


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """As many threads here as in the processes that are started, for the same sums in the same order."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.getbasetemp() / "stores"


def start(experiment: Experiment, out: Path, stores: Path, **kwargs: Any) -> Path:
    return run(experiment, out, stores=stores, device=CPU, progress=False, **kwargs)


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory, stores: Path) -> Path:
    return start(SMALL, tmp_path_factory.mktemp("unbroken") / "run", stores)


@pytest.fixture
def copy(unbroken: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(unbroken, tmp_path / "run"))


def predictions(out: Path) -> pd.DataFrame:
    return pd.read_parquet(out / "predictions.parquet")


def of_cells(out: Path) -> dict[str, int]:
    """When each file of the cells was last written."""
    return {str(p.relative_to(out)): p.stat().st_mtime_ns for p in (out / "cells").rglob("*") if p.is_file()}


def assert_same_run(one: Path, other: Path) -> None:
    assert_frame_equal(predictions(one), predictions(other))
    a, b = (json.loads((out / "results.json").read_text()) for out in (one, other))
    assert a == b


# The values


def test_an_experiment_fits_into_json() -> None:
    facts = SMALL.facts()
    assert json.loads(json.dumps(facts)) == facts
    assert set(facts) == {field.name for field in dataclasses.fields(Experiment)}


def test_the_first_seed_and_fold_of_every_model_comes_first() -> None:
    grid = dataclasses.replace(SMALL, seeds=(3, 4), folds=(1, 2))
    names = [cell.name for cell in grid.cells()]
    assert names[:2] == ["code_resnet-seed3-fold1", "naive-seed3-fold1"]
    assert len(names) == len(set(names)) == 8


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({"title": "another"}, True),
        ({"seeds": (0, 1)}, True),
        ({"arms": (NETWORK,)}, True),
        ({"resamples": 5}, True),
        ({"rate_hz": 200.0}, False),
        ({"samples": 99}, False),
        ({"unit": "z"}, False),
        ({"bandpass_hz": (0.5, 40.0)}, False),
        ({"data": ("simulated=41",)}, False),
        ({"labels": ("superclass",)}, False),
        ({"split": "official"}, False),
    ],
)
def test_what_makes_a_finished_cell_worthless(change: dict[str, Any], same: bool) -> None:
    other = dataclasses.replace(SMALL, **change)
    cell = SMALL.cells()[0]
    assert (other.cell_identity(cell, "data", "32-true") == SMALL.cell_identity(cell, "data", "32-true")) == same
    assert SMALL.cell_identity(cell, "other data", "32-true") != SMALL.cell_identity(cell, "data", "32-true")


# Going on


def test_a_finished_run_computes_nothing_again(copy: Path, unbroken: Path, stores: Path) -> None:
    before = of_cells(copy)
    start(SMALL, copy, stores)
    assert of_cells(copy) == before
    assert_same_run(copy, unbroken)


def test_a_seed_more_keeps_the_old_cells(copy: Path, unbroken: Path, stores: Path) -> None:
    before = of_cells(copy)
    more = dataclasses.replace(SMALL, arms=(NAIVE,), primary="naive", seeds=(0, 1))
    start(more, copy, stores)
    after = of_cells(copy)
    assert {name: after[name] for name in before} == before
    assert {name.split("/")[1] for name in set(after) - set(before)} == {"naive-seed1-fold5"}
    assert set(predictions(copy)["seed"]) == {0, 1}
    start(SMALL, copy, stores)
    assert_same_run(copy, unbroken)  # and back: only what is asked for is evaluated


def test_another_rate_is_refused(copy: Path, stores: Path) -> None:
    before = of_cells(copy)
    with pytest.raises(RunError, match=r"another rate_hz \(100.0, now 200.0\); choose another folder with --out"):
        start(dataclasses.replace(SMALL, rate_hz=200.0, samples=384), copy, stores)
    assert of_cells(copy) == before


def test_a_folder_of_something_else_is_refused(tmp_path: Path, stores: Path) -> None:
    (tmp_path / "thesis.tex").write_text("")
    with pytest.raises(RunError, match="is not empty and not a run"):
        start(CHEAP, tmp_path, stores)


def test_a_folder_is_one_process_s_own(tmp_path: Path, stores: Path) -> None:
    out = tmp_path / "run"
    out.mkdir()
    with alone(out / ".lock"), pytest.raises(WriteError, match=r"run: another process is at work there; wait until"):
        start(CHEAP, out, stores)
    assert list(out.iterdir()) == []
    (out / ".lock").touch()  # of a process that was killed
    start(CHEAP, out, stores)
    assert not (out / ".lock").exists()


def test_another_recipe_does_not_destroy_a_finished_cell(tmp_path: Path, stores: Path) -> None:
    out = start(CHEAP, tmp_path / "run", stores)
    before = of_cells(out)
    with pytest.raises(RunError, match="again-seed0-fold5 was computed with other settings"):
        start(dataclasses.replace(CHEAP, arms=(NAIVE, Arm("again", "boosting", {"rounds": 2}))), out, stores)
    assert of_cells(out) == before


@pytest.mark.parametrize("mark", [None, "{", '{"what": 1}'])
def test_a_cell_that_is_not_finished_is_computed_again(
    mark: str | None, copy: Path, unbroken: Path, stores: Path
) -> None:
    cell = copy / "cells" / "naive-seed0-fold5"
    (cell / "predictions.parquet").write_bytes(b"PAR1 half")
    if mark is None:
        (cell / "cell.json").unlink()
    else:
        (cell / "cell.json").write_text(mark)
    before = {name: at for name, at in of_cells(copy).items() if "code_resnet" in name}
    start(SMALL, copy, stores)
    assert before.items() <= of_cells(copy).items()
    assert_same_run(copy, unbroken)


def test_leftovers_of_another_training_are_not_gone_on_from(copy: Path, unbroken: Path, stores: Path) -> None:
    cell = copy / "cells" / "code_resnet-seed0-fold5"
    (cell / "cell.json").unlink()
    (cell / "working").mkdir()
    (cell / "working" / "identity").write_text("another")
    (cell / "working" / "state.safetensors").write_bytes(b"of another network")
    start(SMALL, copy, stores)
    assert not (cell / "working").exists()
    assert_same_run(copy, unbroken)


def test_a_killed_run_of_two_workers_ends_with_the_numbers_of_the_unbroken_one(
    unbroken: Path, tmp_path: Path, stores: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its workers end with it: one that went on would write into the cells of the run that follows."""
    out = tmp_path / "run"
    script = tmp_path / "script.py"
    script.write_text(
        "import os; os.cpu_count = lambda: 2  # so that each worker has one thread\n"
        "from einthoven.pipeline import Arm, Experiment, Few, run\n"
        "from einthoven.training import Device, Recipe\n"
        "if __name__ == '__main__':\n"
        f"    run({SMALL!r}, {str(out)!r}, stores={str(stores)!r}, device={CPU!r}, workers=2, progress=False)\n"
    )
    state = out / "cells" / "code_resnet-seed0-fold5" / "working" / "state.safetensors"
    with subprocess.Popen(
        [sys.executable, str(script)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"},
    ) as child:
        while not state.exists() and child.poll() is None:
            time.sleep(0.002)
        child.send_signal(signal.SIGKILL)
        _, errors = child.communicate(timeout=20)  # which waits for everybody who may write to these pipes
    assert child.returncode == -signal.SIGKILL, errors
    assert state.exists() and not (out / "predictions.parquet").exists()
    monkeypatch.setattr(os, "cpu_count", lambda: 2)  # so that each worker has one thread, as here
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    start(SMALL, out, stores, workers=2)
    assert_same_run(out, unbroken)
    assert not state.exists()
    assert all(json.loads(p.read_text())["threads"] == 1 for p in out.glob("cells/*/cell.json"))


@pytest.mark.parametrize("workers", [0, -1])
def test_no_worker_is_an_error(workers: int, tmp_path: Path, stores: Path) -> None:
    with pytest.raises(RunError, match="at least one worker"):
        start(CHEAP, tmp_path / "run", stores, workers=workers)


def test_a_run_says_when_it_began(unbroken: Path) -> None:
    facts = json.loads((unbroken / "environment.json").read_text())
    began = pd.Timestamp(facts["started"]).timestamp()
    assert began <= (unbroken / "flow.json").stat().st_mtime + 1  # which is written before the first cell
    assert facts["seconds"] >= sum(facts["seconds_of_cells"].values())


# Who goes where


def test_each_record_is_tested_once_in_a_cross_fitting(tmp_path: Path, stores: Path) -> None:
    out = start(dataclasses.replace(CHEAP, folds=(1, 2, 3, 4, 5)), tmp_path / "run", stores)
    table = predictions(out)
    tested = table[table["part"] == "test"].groupby(["model", "seed", "class"])["record"]
    everybody = sorted(pd.read_parquet(out / "cohort.parquet")["record"])
    assert all(sorted(records) == everybody for _, records in tested)
    sides = table.groupby(["fold", "patient"])["part"].nunique()
    assert (sides == 1).all()


def test_the_leaky_split_runs_when_named_and_says_so(tmp_path: Path, stores: Path) -> None:
    out = start(dataclasses.replace(CHEAP, split="by_example"), tmp_path / "run", stores)
    assert json.loads((out / "experiment.json").read_text())["split_is_leaky"] is True
    overlap = json.loads((out / "flow.json").read_text())["overlap"]
    assert any(row["kind"] == "patient" and row["count"] > 0 for row in overlap)
    assert [name for name in splits.names() if splits.get(name).leaky] == ["by_example", "inter_patient"]


def folder(root: Path, people: list[str], *, seed: int, columns: dict[str, list[Any]] | None = None) -> str:
    """A data set of the user's own: one simulated record each, for people whose ids carry a namespace of their own."""
    made = Simulated(len(people), visits=(1, 1), seed=seed, rate_hz=100.0, duration_s=3.0)
    root.mkdir(parents=True)
    rows = []
    for i, record in enumerate(made.table()["record_id"]):
        np.save(root / f"{i}.npy", made.read(record).signal)
        rows.append({"path": f"{i}.npy", "patient": people[i], "unit": "mV", "rate_hz": 100})
    leads = " ".join(made.read(record).leads)
    table = pd.DataFrame(rows).assign(leads=leads, **(columns or {"tired": [i % 2 for i in range(len(people))]}))
    table.to_csv(root / "labels.csv", index=False)
    return f"folder={root}"


OWN = dataclasses.replace(CHEAP, labels=("own",), samples=300)
PEOPLE = [f"town:{i}" for i in range(15)]


def test_a_patient_of_two_data_sets_stays_on_one_side(tmp_path: Path, stores: Path) -> None:
    data = (folder(tmp_path / "east", PEOPLE, seed=1), folder(tmp_path / "west", PEOPLE[::-1], seed=2))
    experiment = dataclasses.replace(OWN, data=data, folds=(1, 2, 3, 4, 5))
    cohort = open_cohort(experiment, stores, workers=1, progress=False)
    assert len(cohort.table) == 30 and cohort.table["patient_id"].nunique() == 15
    assert set(cohort.table["record_id"].str.partition(":")[0]) == {"east", "west"}
    for fold, parts in cohort.parts.items():
        assert (cohort.table.groupby("patient_id")["record_id"].size() == 2).all()
        assert (pd.Series(parts).groupby(cohort.table["patient_id"]).nunique() == 1).all(), fold
    leaky = open_cohort(dataclasses.replace(experiment, split="by_example"), stores, workers=1, progress=False)
    assert any((pd.Series(p).groupby(leaky.table["patient_id"]).nunique() > 1).any() for p in leaky.parts.values())


def test_folds_that_leak_are_refused_unless_asked_for(tmp_path: Path, stores: Path) -> None:
    """The publisher's folds are not believed either."""
    columns = {"tired": [0, 1] * 10, "fold": [i % 5 + 1 for i in range(20)]}
    data = folder(tmp_path / "town", [f"town:{i // 2}" for i in range(20)], seed=1, columns=columns)
    experiment = dataclasses.replace(OWN, data=(data,), split="official")
    with pytest.raises(splits.LeakError, match=r"split by_patient instead, or ask for by_example"):
        start(experiment, tmp_path / "run", stores)
    assert not (tmp_path / "run").exists()


def test_data_without_the_wanted_labels_are_refused_with_the_remedy(tmp_path: Path, stores: Path) -> None:
    data = folder(tmp_path / "town", PEOPLE, seed=1)
    for labels in ("superclass", "code6"):
        with pytest.raises(RunError, match=rf"no record is positive for any class of {labels}.*`--labels own`"):
            start(dataclasses.replace(OWN, data=(data,), labels=(labels,)), tmp_path / "run", stores)


def test_records_of_unknown_label_or_patient_are_accounted_for(tmp_path: Path, stores: Path) -> None:
    columns = {"tired": [None, *[i % 2 for i in range(14)]]}
    data = folder(tmp_path / "town", ["", "", *PEOPLE[2:]], seed=1, columns=columns)
    cohort = open_cohort(dataclasses.replace(OWN, data=(data,)), stores, workers=1, progress=False)
    last = cohort.flow["steps"][-1]
    assert (last["records"], last["left_out"], last["unknown_patients"]) == (14, 1, 1)
    assert "no class of the study is known" in last["why"]
    assert sum(part["records"] for part in cohort.flow["parts"]) == 14
    assert sum(part["unknown_patients"] for part in cohort.flow["parts"]) == 1
    (row,) = cohort.flow["classes"]
    assert (row["class"], row["positive"], row["negative"], row["unknown"]) == ("tired", 7, 7, 0)


def test_changed_labels_are_another_experiment(tmp_path: Path, stores: Path) -> None:
    data = folder(tmp_path / "town", PEOPLE, seed=1)
    experiment = dataclasses.replace(OWN, data=(data,))
    out = start(experiment, tmp_path / "run", stores)
    before = of_cells(out)
    csv = tmp_path / "town" / "labels.csv"
    table = pd.read_csv(csv)
    table.assign(tired=1 - table["tired"]).to_csv(csv, index=False)
    with pytest.raises(RunError, match="was computed with other settings, data or precision"):
        start(experiment, out, stores)
    assert of_cells(out) == before


def test_standardised_data_do_not_pass_for_millivolts(tmp_path: Path, stores: Path) -> None:
    root = tmp_path / "z"
    root.mkdir()
    made = Simulated(15, visits=(1, 1), rate_hz=100.0, duration_s=3.0, seed=3)
    table = made.table()
    signals = np.stack([made.read(record).signal for record in table["record_id"]])
    signals /= signals.std(axis=2, keepdims=True)
    np.save(root / "signals.npy", np.round(200 * signals).astype(np.int16))
    facts = {"signals": "signals.npy", "table": "index.csv", "unit": "z", "scale": 200, "rate_hz": 100}
    facts |= {"leads": list(made.read(table["record_id"][0]).leads), "axes": ["record", "lead", "time"]}
    (root / "arrays.json").write_text(json.dumps({**facts, "namespace": "town"}))
    index = {"row": range(15), "record": range(15), "patient": range(15)}
    index["1dAVb"] = [i % 2 for i in range(15)]
    pd.DataFrame(index).to_csv(root / "index.csv", index=False)
    both = dataclasses.replace(CHEAP, data=("simulated=40,rate_hz=100", f"arrays={root}"))
    with pytest.raises(ValueError, match=r"unit 'z'.* millivolts cannot be had from them"):
        start(both, tmp_path / "run", stores)
    cohort = open_cohort(dataclasses.replace(both, unit="z"), stores, workers=1, progress=False)
    assert set(cohort.table["dataset"]) == {"simulated", "arrays"}
    made_z = cohort.table["dataset"] == "simulated"
    for rows, samples in ((cohort.rows[made_z], 1000), (cohort.rows[~made_z], 300)):
        np.testing.assert_allclose(cohort.signals.batch(rows, samples).std(axis=2), 1, atol=0.05)


def test_two_variants_of_one_corpus_have_their_own_stores(tmp_path: Path, stores: Path) -> None:
    """The simulated people are the same, and so are their labels, but not how their ECGs look."""
    seen = []
    for difficulty in ("0.1", "0.9"):
        data = (f"simulated=40,rate_hz=100,difficulty={difficulty}",)
        seen.append(open_cohort(dataclasses.replace(CHEAP, data=data), stores, workers=1, progress=False))
    assert seen[0].fingerprint != seen[1].fingerprint
    assert seen[0].table["record_id"].tolist() == seen[1].table["record_id"].tolist()


def test_one_class_in_two_label_sets_is_refused(tmp_path: Path, stores: Path) -> None:
    with pytest.raises(RunError, match="share the classes"):
        start(dataclasses.replace(CHEAP, labels=("code6", "code6")), tmp_path / "run", stores)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"data": ("simulatd=9",)}, "did you mean 'simulated'"),
        ({"labels": ("cod6",)}, "did you mean 'code6'"),
        ({"split": "by_patients"}, "did you mean 'by_patient'"),
    ],
)
def test_unknown_names_are_refused_with_the_nearest(
    change: dict[str, Any], message: str, tmp_path: Path, stores: Path
) -> None:
    with pytest.raises(UnknownName, match=message):
        start(dataclasses.replace(CHEAP, **change), tmp_path / "run", stores)


@pytest.mark.parametrize("arm", [Arm("a", "code_resnet"), Arm("a", "naive", recipe=NETWORK.recipe)])
def test_a_model_is_trained_as_its_kind_is(arm: Arm, tmp_path: Path, stores: Path) -> None:
    with pytest.raises(TypeError):
        start(dataclasses.replace(SMALL, arms=(arm,), primary="a", baseline="a"), tmp_path / "run", stores)


def test_two_folders_of_one_name_are_not_taken_for_one(tmp_path: Path, stores: Path) -> None:
    data = [folder(tmp_path / town / "ecg", PEOPLE, seed=seed) for seed, town in enumerate(("east", "west"))]
    with pytest.raises(RunError, match="share the name 'ecg'.*namespace=OTHER"):
        open_cohort(dataclasses.replace(OWN, data=tuple(data)), stores, workers=1, progress=False)
    named = (data[0], f"{data[1]},namespace=west")
    cohort = open_cohort(dataclasses.replace(OWN, data=named), stores, workers=1, progress=False)
    assert cohort.signals.duplicates == [0, 0] and set(cohort.table["source"]) == {"ecg", "west"}


def test_an_accelerator_that_is_not_here_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="the accelerator 'tpuu' is not to be had here; there is auto, cpu"):
        Device("tpuu")
