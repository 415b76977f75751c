"""What must hold of the command line: one sentence for what the user can mend, and the same command goes on."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import einthoven
from einthoven import datasets, records, registry
from einthoven.cli import main
from einthoven.datasets.simulated import Simulated
from einthoven.store import Store

STUDY = (
    "study code --data simulated=40,rate_hz=100 --rate-hz 100 --models naive --fold-count 5 --folds 5 --accelerator cpu"
).split()


class Answer:
    """What a command left: its exit code, and what it said and complained of."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, " ".join(out.split()), err

    def __repr__(self) -> str:
        return f"{self.code}\n{self.out}\n{self.err}"


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Runs a command in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.delenv("EINTHOVEN_TRACEBACK", raising=False)

    def run(*words: str) -> Answer:
        code: int | str | None = 0
        try:
            main(list(words))
        except SystemExit as error:
            code = error.code
        return Answer(int(code or 0), *capsys.readouterr())

    return run


def one_sentence(answer: Answer) -> str:
    """The complaint, which is one line without a traceback."""
    assert answer.code == 1, answer
    (line,) = answer.err.splitlines()
    assert line.startswith("einthoven: ") and "Traceback" not in answer.err
    return line


# Help


def test_help_names_every_verb(call) -> None:
    answer = call("--help")
    assert answer.code == 0 and "not a medical device" in answer.out
    assert all(verb in answer.out for verb in registry.names("cli"))
    assert call("--version").out == einthoven.__version__


@pytest.mark.parametrize("verb", registry.names("cli"))
def test_every_verb_explains_itself(verb: str, call) -> None:
    answer = call(verb, "--help")
    assert answer.code == 0 and f"einthoven {verb}" in answer.out


def test_a_study_shows_its_arguments_and_the_papers_defaults(call) -> None:
    answer = call("study", "code", "--help")
    assert answer.code == 0
    for word in ("--data", "--labels", "--models", "--split", "--seeds", "--rate-hz", "--unit", "--out", "--workers"):
        assert word in answer.out
    assert "400.0" in answer.out and "code_resnet" in answer.out and "by_patient" in answer.out


def test_help_imports_no_torch() -> None:
    code = "import sys; from einthoven.cli import main; main(['--help']); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "False"


# What each verb does


def test_datasets_shows_every_card(call) -> None:
    answer = call("datasets")
    assert answer.code == 0
    for name in datasets.names():
        card = registry.get("datasets", name).card
        assert f"{name}: {card.title}" in answer.out and card.licence in answer.out
    one = call("datasets", "ptbxl")
    assert "CC BY 4.0" in one.out and "simulated" not in one.out


def test_compile_makes_a_store(call, tmp_path: Path) -> None:
    words = (
        "compile",
        "simulated=3,rate_hz=100,duration_s=4",
        "store",
        "--rate-hz",
        "50",
        "--workers",
        "1",
        "--verify",
    )
    answer = call(*words)
    store = Store(tmp_path / "store")
    assert answer.code == 0 and answer.out == f"{len(store)} records in store"
    source = Simulated(3, rate_hz=100.0, duration_s=4.0)
    assert store.table["record_id"].tolist() == source.table()["record_id"].tolist()
    assert store.preparation.rate_hz == 50 and (store.table["samples"] == 200).all()
    assert call(*words).code == 0  # it is there already
    assert "another preparation" in one_sentence(call(*words[:3], "--rate-hz", "100"))


def test_plot_draws_a_recording(call, tmp_path: Path) -> None:
    made = Simulated(1, rate_hz=250.0)
    records.write(made.read(made.table()["record_id"][0]), tmp_path / "one.csv")
    answer = call("plot", "one.csv", "-o", "one.svg")
    assert answer.code == 0 and answer.out == "one.svg"
    assert "<svg" in (tmp_path / "one.svg").read_text()


def test_plot_asks_for_the_facts_that_a_file_does_not_state(call, tmp_path: Path) -> None:
    np.save(tmp_path / "bare.npy", np.random.default_rng(0).normal(size=(12, 2500)).astype(np.float32))
    assert "rate_hz" in one_sentence(call("plot", "bare.npy", "--out", "a.png", "--unit", "mV"))
    assert "nowhere.csv" in one_sentence(call("plot", "nowhere.csv", "--out", "a.png"))


def test_a_study_runs_to_its_report_and_goes_on(call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["einthoven", *STUDY])
    answer = call(*STUDY)
    assert answer.code == 0 and answer.out.endswith("runs/code/report.html"), answer
    out = tmp_path / "runs" / "code"
    facts = json.loads((out / "environment.json").read_text())
    assert facts["command"] == " ".join(["einthoven", *STUDY])
    assert facts["settings"]["device"]["accelerator"] == "cpu"
    table = pd.read_parquet(out / "predictions.parquet")
    assert set(table["model"]) == {"naive"}
    (out / "report.html").unlink()
    again = call(*STUDY, "--seeds", "0", "1")
    assert again.code == 0 and "1 cells to do, 1 done" in again.err
    assert (out / "report.html").exists()
    assert "another rate_hz" in one_sentence(call(*STUDY[:4], "--models", "naive", "--rate-hz", "200"))
    (out / "report.html").unlink()
    assert call("report", "runs/code").out == "runs/code/report.html"
    assert "research use only" in (out / "report.html").read_text(encoding="utf-8").lower()


# What goes wrong


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("compile", "simulated=3", "out", "--rate-hz", "100", "--unt", "z"), "--unit"),
        (("study", "code", "--dta", "simulated=3"), "--data"),
        (("study", "cod", "--data", "simulated=3"), '"code"'),
        (("datsets",), '"datasets"'),
    ],
)
def test_an_unknown_option_is_answered_with_the_nearest(words: tuple[str, ...], hint: str, call) -> None:
    answer = call(*words)
    assert answer.code not in (0, 1) and f"Did you mean {hint}?" in " ".join(answer.err.split()), answer


def test_what_is_missing_is_named(call) -> None:
    answer = call("compile", "simulated=3", "out")
    assert answer.code not in (0, 1) and "--rate-hz" in answer.err  # a physical fact has no default


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("datasets", "ptbx"), "did you mean 'ptbxl'?"),
        (("compile", "simulatd=3", "out", "--rate-hz", "100"), "did you mean 'simulated'?"),
        (("compile", "ptbxl", "out", "--rate-hz", "100"), "ptbxl=DIR"),
        (("compile", "ptbxl=nowhere", "out", "--rate-hz", "100"), "nowhere/ptbxl_database.csv is missing"),
        (("study", "code", "--data", "simulatd=3"), "did you mean 'simulated'?"),
        (("study", "code", "--data", "simulated=3", "--models", "code_resnt"), "did you mean 'code_resnet'?"),
        (("report", "nowhere"), "nowhere/experiment.json is missing"),
    ],
)
def test_what_can_be_mended_is_said_in_one_sentence(words: tuple[str, ...], sentence: str, call) -> None:
    assert sentence in one_sentence(call(*words))


def test_a_traceback_can_be_had(call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EINTHOVEN_TRACEBACK", "1")
    with pytest.raises(registry.UnknownName):
        call("datasets", "ptbx")


@pytest.mark.parametrize(
    "words", [STUDY, ["compile", "simulated=3", "out", "--rate-hz", "100"]], ids=["study", "compile"]
)
def test_ctrl_c_says_that_the_work_goes_on(words: list[str], call, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(self: Simulated, record_id: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Simulated, "read", interrupt)
    answer = call(*words)
    assert answer.code == 130
    assert answer.err.splitlines()[-1] == "einthoven: stopped; the same command goes on from here"
    monkeypatch.undo()


def test_the_process_behaves_as_the_function() -> None:
    """One true process: its exit code and its complaint."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "einthoven", "datasets", "ptbx"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr == "einthoven: unknown data set 'ptbx'; did you mean 'ptbxl'?\n"


# Conversion and comparison


def test_a_recording_survives_every_format(call, tmp_path: Path) -> None:
    made = Simulated(1)
    ecg = made.read(made.table()["record_id"][0])
    records.write(ecg, tmp_path / "a.hea")
    first = records.read(tmp_path / "a")
    for source, target in (("a", "b.csv"), ("b.csv", "c.npy"), ("c.npy", "d.hea")):
        assert call("convert", source, target).code == 0
    back = records.read(tmp_path / "d")
    np.testing.assert_array_equal(back.signal, first.signal)
    assert (back.rate_hz, back.leads) == (first.rate_hz, first.leads)
    assert "does not hold the patient's age and sex" in call("convert", "a", "e.csv").out


def test_conversion_overwrites_nothing_and_names_what_it_cannot_write(call, tmp_path: Path) -> None:
    made = Simulated(1)
    ecg = made.read(made.table()["record_id"][0])
    records.write(ecg, tmp_path / "a.csv")
    assert "exists already" in one_sentence(call("convert", "a.csv", "a.csv"))
    assert call("convert", "a.csv", "a.csv", "--overwrite").code == 0
    assert "the format '.dcm' is not known" in one_sentence(call("convert", "a.csv", "b.dcm"))


def test_standardised_leads_stay_standardised_in_every_format(call, tmp_path: Path) -> None:
    made = Simulated(1)
    ecg = made.read(made.table()["record_id"][0]).replace(unit="z")
    records.write(ecg, tmp_path / "z.npy")
    assert call("convert", "z.npy", "z.hea").code == 0
    back = records.read(tmp_path / "z")
    assert back.unit == "z" and np.abs(back.signal - ecg.signal).max() < 0.00051
    mixed = (tmp_path / "z.hea").read_text().replace("/z 16", "/mV 16", 1)
    (tmp_path / "z.hea").write_text(mixed)
    with pytest.raises(records.RecordError, match="standardised leads"):
        records.read(tmp_path / "z")


def test_two_models_of_a_run_are_compared(call, tmp_path: Path) -> None:
    models = ["--models", "boosting", "naive"]
    call(*STUDY[:6], "--models", "boosting", "naive", *STUDY[8:], "--out", "one")
    answer = call("compare", "one", "one", *models, "--resamples", "50", "--out", "c.json")
    assert answer.code == 0 and "first: boosting (one); second: naive (one)" in answer.out
    rows = pd.DataFrame(json.loads((tmp_path / "c.json").read_text())["differences"])
    summary = pd.read_parquet(tmp_path / "one/results/summary.parquet")
    macro = summary[(summary["class"] == "macro") & (summary["metric"] == "auroc")].set_index("model")["value"]
    row = rows[(rows["class"] == "macro") & (rows["metric"] == "auroc")].iloc[0]
    assert row["difference"] == pytest.approx(macro["boosting"] - macro["naive"])
    assert "exists already" in one_sentence(call("compare", "one", "one", *models, "--out", "c.json"))
    assert "compared with itself" in one_sentence(call("compare", "one", "one"))
    assert "did you mean 'boosting'" in one_sentence(call("compare", "one", "one", "--models", "bosting", "naive"))
    assert "is not a finished run" in one_sentence(call("compare", "one", "two"))
    call(*STUDY[:10], "--folds", "4", *STUDY[12:], "--out", "two")
    assert "not tested on the same records" in one_sentence(call("compare", "one", "two"))
