"""The audit as a user meets it: the command, the split that it mends, and the run that it stops."""

import dataclasses
import functools
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from einthoven.audit import Fingerprint, Subject, fix, open_run, open_subject
from einthoven.audit import audit as look
from einthoven.cli import main
from einthoven.datasets.simulated import Simulated
from einthoven.pipeline import Arm, Experiment, run
from einthoven.splits import LeakError
from einthoven.training import Device

PEOPLE, VISITS, FOLDS = 24, 2, 4
FIRST, TWIN = 0, PEOPLE * VISITS  # rows: the twin of the first record has another name and no known patient
EXPERIMENT = Experiment(
    study="law",
    title="A law",
    data=(),
    labels=("own",),
    arms=(Arm("naive", "naive"), Arm("again", "naive")),
    seeds=(0,),
    folds=(FOLDS,),
    split="official",
    samples=1000,
    rate_hz=100.0,
    baseline="again",
    primary="naive",
    fold_count=FOLDS,
    resamples=20,
)


@functools.cache
def simulated() -> tuple[np.ndarray, ...]:
    """The signals of all patients, two of each."""
    source = Simulated(PEOPLE, visits=(VISITS, VISITS), seed=3, rate_hz=100.0)
    return tuple(source.read(name).signal for name in source.table()["record_id"])


def corpus(folder: Path, twin: bool = True, fold_of_twin: int = FOLDS) -> str:
    """Patients in folds, as an array at 100 Hz; perhaps one record more, which is the first one, late and smaller."""
    signals = list(simulated())
    index = pd.DataFrame({"row": range(len(signals)), "record": [f"r{i}" for i in range(len(signals))]})
    index["patient"] = [f"p{i // VISITS}" for i in range(len(signals))]
    index["fold"] = [i // VISITS % FOLDS + 1 for i in range(len(signals))]
    index["odd"] = [int(i % 3 == 0) for i in range(len(signals))]
    if twin:
        late = np.pad(signals[FIRST][:, 200:], ((0, 0), (0, 200))) * np.float32(0.7)
        signals.append(late)
        index.loc[TWIN] = [TWIN, "another", "", fold_of_twin, 1]
    folder.mkdir(parents=True)
    np.save(folder / "signals.npy", np.round(np.stack(signals) * 1000).astype(np.int16))
    index.to_csv(folder / "index.csv", index=False)
    leads = ["I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6"]
    facts = {"signals": "signals.npy", "table": "index.csv", "unit": "mV", "scale": 1000, "rate_hz": 100}
    facts |= {"leads": leads, "axes": ["record", "lead", "time"], "namespace": "mine"}
    (folder / "arrays.json").write_text(json.dumps(facts))
    return f"arrays={folder}"


@pytest.fixture
def call(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[int, str, str]]:
    """Runs a command in an empty folder: its exit code, what it said and what it complained of."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "300")

    def command(*words: str) -> tuple[int, str, str]:
        code: int | str | None = 0
        try:
            main(list(words))
        except SystemExit as end:
            code = end.code
        out, err = capsys.readouterr()
        return int(code or 0), out, err

    return command


def start(data: str, out: Path, **changes: object) -> Path:
    allowed = bool(changes.pop("allow_leaks", False))
    experiment = dataclasses.replace(EXPERIMENT, data=(data,), **changes)  # type: ignore[arg-type]
    return run(experiment, out, device=Device("cpu", "32-true"), progress=False, allow_leaks=allowed)


# The command


def test_a_clean_split_ends_with_zero(call: Callable[..., tuple[int, str, str]]) -> None:
    data = corpus(Path("ours"), twin=False)
    code, out, _ = call("audit", "--data", data, "--split", "official", "--folds", str(FOLDS), "--labels", "own")
    assert code == 0, out
    assert out.splitlines()[-1] == "runs/audit/audit.html" and Path("runs/audit/audit.html").is_file()
    facts = json.loads(Path("runs/audit/audit.json").read_text())
    assert facts["exit_code"] == 0 and facts["records"] == PEOPLE * VISITS


def test_a_twin_ends_with_ten_and_is_shown(call: Callable[..., tuple[int, str, str]]) -> None:
    data = corpus(Path("ours"))
    code, out, _ = call("audit", "--data", data, "--split", "official", "--folds", str(FOLDS))
    assert code == 10
    assert "mine:r0 (train) = mine:another (test)" in out
    (pair,) = pd.read_csv("runs/audit/pairs.csv").query("check == 'waveforms'").to_dict("records")
    assert (pair["record"], pair["other"]) == ("mine:r0", "mine:another") and abs(pair["shift_s"] - 2) < 0.01
    drawn = pd.read_parquet("runs/audit/drawn.parquet")
    for one, another in zip(drawn["one"], drawn["another"], strict=True):
        assert np.corrcoef(one, another)[0, 1] > 0.98


def test_a_twin_on_one_side_and_an_unknown_patient_end_with_eleven(call: Callable[..., tuple[int, str, str]]) -> None:
    code, out, _ = call(
        "audit", "--data", corpus(Path("ours"), fold_of_twin=1), "--split", "official", "--folds", str(FOLDS)
    )
    assert code == 11 and "the patients of 1 record (1 in train)" in out and "counts twice" in out


def test_without_a_split_the_data_sets_are_the_sides(call: Callable[..., tuple[int, str, str]]) -> None:
    one, other = corpus(Path("ours"), twin=False), corpus(Path("theirs"), twin=False)
    code, out, _ = call("audit", "--data", one, "--data", other, "--checks", "records", "patients")
    assert code == 10 and f"{PEOPLE * VISITS} records on two sides" in out
    code, _, err = call("audit", "--data", one, "--fix", "better.csv")
    assert code == 1 and "--fix mends a --split; give one" in err


def test_a_file_by_itself_is_looked_at(call: Callable[..., tuple[int, str, str]]) -> None:
    rows = pd.DataFrame({"record": ["a", "b", "c", "d"], "patient": ["p", "q", "p", "s"]})
    rows.assign(split=["train", "val", "test", "test"]).to_csv("mine.csv", index=False)
    code, out, _ = call("audit", "--split", "mine.csv")
    assert code == 10 and "1 patient on two sides (1 in train and test)" in out
    assert "could not look" in out, "nobody has seen a sample"
    rows.assign(splt=["train", "val", "test", "test"]).to_csv("typo.csv", index=False)
    code, _, err = call("audit", "--split", "typo.csv")
    assert code == 1 and "typo.csv has no column for the part; is 'splt' meant to be 'split'?" in err, err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "there is nothing to audit"),
        (("--data", "simulated=4", "--split", "by_pateint"), "did you mean 'by_patient'"),
        (("--data", "simulated=4", "--checks", "waveform"), "did you mean 'waveforms'"),
        (("--data", "simulated=4", "--checkpoint", "nowhere"), "nowhere holds no checkpoint"),
        (("--data", "simulated=4", "--fitted", "nowhere.json"), "nowhere.json is not readable JSON"),
        (("--run", "nowhere"), "nowhere is not a finished run"),
        (("--run", "nowhere", "--split", "official"), "a run brings its own data"),
        (("--data", "simulated=4", "--out", "full"), "full holds files that are not of `einthoven audit`"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(
    words: tuple[str, ...], said: str, call: Callable[..., tuple[int, str, str]]
) -> None:
    Path("full").mkdir()
    Path("full/thesis.txt").write_text("all of it")
    code, _, err = call("audit", *words)
    assert code == 1 and said in " ".join(err.split()) and "Traceback" not in err, err


# The split that it mends


def test_the_proposal_is_clean_and_is_not_written_over(call: Callable[..., tuple[int, str, str]]) -> None:
    data = corpus(Path("ours"))
    words = ("audit", "--data", data, "--split", "official", "--folds", str(FOLDS))
    code, out, _ = call(*words, "--fix", "better.csv")
    assert code == 10 and "better.csv: 1 moved" in out
    assert "the patients of 1 record" in out, "of whom the proposal cannot know either"
    code, out, _ = call("audit", "--data", data, "--split", "better.csv", "--out", "again")
    assert code == 11 and not [line for line in out.splitlines() if line.startswith("leak")]
    code, _, err = call(*words, "--fix", "better.csv")
    assert code == 1 and "better.csv is there already" in err


def test_a_proposal_keeps_what_need_not_move(tmp_path: Path) -> None:
    subject, _ = open_subject(
        [corpus(tmp_path / "ours")], split="official", folds=FOLDS, stores=tmp_path, progress=False
    )
    proposal = fix(subject, look(subject, ["waveforms", "patients"]))
    moved = proposal[proposal["split"] != proposal["was"]]
    assert set(moved["record_id"]) <= {"mine:another", "mine:r0", "mine:r1"} and len(moved) in (1, 2)


# The run that it stops


def test_a_run_stops_before_it_trains(tmp_path: Path) -> None:
    data = corpus(tmp_path / "ours")
    with pytest.raises(
        LeakError, match=r"1 pair of records on two sides, each one recording .*--fix split\.csv.*--allow-leaks"
    ):
        start(data, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_who_wants_to_may_train_all_the_same(tmp_path: Path) -> None:
    out = start(corpus(tmp_path / "ours"), tmp_path / "run", allow_leaks=True)
    facts = json.loads((out / "audit" / "audit.json").read_text())
    assert facts["exit_code"] == 10 and facts["sides"]["test"] == PEOPLE * VISITS // FOLDS + 1
    status = {row["check"]: row["status"] for row in facts["verdicts"]}
    assert status["waveforms"] == "leak" and status["thresholds"] != "not asked" and len(status) == 12


def test_by_patient_keeps_a_recording_with_its_twin(tmp_path: Path) -> None:
    out = start(corpus(tmp_path / "ours"), tmp_path / "run", split="by_patient", folds=(1, 2, 3, 4))
    facts = json.loads((out / "audit" / "audit.json").read_text())
    status = {row["check"]: row["status"] for row in facts["verdicts"]}
    assert status["waveforms"] == "warning" and status["patients"] == "could not look" and facts["exit_code"] == 11
    assert facts["sides"] == {
        f"tested in fold {fold}": facts["sides"][f"tested in fold {fold}"] for fold in (1, 2, 3, 4)
    }
    tested = pd.read_parquet(out / "predictions.parquet").query("part == 'test'").drop_duplicates("record")
    fold = tested.set_index("record")["fold"]
    assert fold["mine:r0"] == fold["mine:r1"] == fold["mine:another"]


def test_a_leaky_split_that_was_asked_for_runs(tmp_path: Path) -> None:
    out = start(corpus(tmp_path / "ours"), tmp_path / "run", split="by_example")
    assert json.loads((out / "audit" / "audit.json").read_text())["exit_code"] == 10


def test_a_finished_run_is_looked_at_again(tmp_path: Path, call: Callable[..., tuple[int, str, str]]) -> None:
    out = start(corpus(tmp_path / "ours", twin=False), tmp_path / "run")
    subject = open_run(out, stores=tmp_path / "prints", progress=False)
    parts = pd.read_parquet(out / "predictions.parquet").drop_duplicates("record").set_index("record")["part"]
    given = pd.Series(subject.side, index=subject.table["record_id"])
    assert (given[parts.index] == parts).all() and (given.drop(parts.index) == "train").all()
    code, printed, _ = call("audit", "--run", str(out), "--out", "again")
    assert code == 11 and "could not look  thresholds" in printed, "of a naive model they tell nothing"
    assert "leak in what was looked at" in printed


def test_pairs_are_looked_for_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = corpus(tmp_path / "ours")
    start(data, tmp_path / "one", allow_leaks=True)
    monkeypatch.setattr("einthoven.pipeline.audited.find_pairs", lambda *prints: pytest.fail("looked again"))
    start(data, tmp_path / "two", allow_leaks=True)


# What it must not call clean


def by_file(folder: Path, text: str, **options: object) -> object:
    (folder / "mine.csv").write_text(text)
    data = [corpus(folder / "ours", twin=False)]
    return open_subject(data, split=str(folder / "mine.csv"), stores=folder, progress=False, **options)[0]  # type: ignore[arg-type]


def statuses(subject: object, *checks: str) -> dict[str, str]:
    return {verdict.check: verdict.status for verdict in look(subject, checks)}  # type: ignore[arg-type]


def rows_of(parts: list[str], **columns: list[str]) -> str:
    table = pd.DataFrame({"record": [f"r{i}" for i in range(len(parts))], "split": parts, **columns})
    return table.to_csv(index=False)


HALF = ["train"] * PEOPLE + ["test"] * PEOPLE  # of two records each, patient by patient


def test_ids_that_are_not_there_were_not_looked_at(tmp_path: Path) -> None:
    text = rows_of(HALF) + "".join(f"ghost{i},test\n" for i in range(30))
    subject = by_file(tmp_path, text)
    (verdict,) = look(subject, ["records"])  # type: ignore[arg-type]
    assert verdict.status == "could not look" and "names 30 ids" in verdict.findings[0].sentence


@pytest.mark.parametrize("word", ["NA", "n/a", "unknown", "-1", "None", ""])
def test_a_word_for_nobody_is_nobody(word: str, tmp_path: Path) -> None:
    folder = tmp_path / "lost"
    (tmp_path / "mine.csv").write_text(rows_of(HALF, patient=[word] * len(HALF)))
    data = corpus(folder, twin=False)
    index = pd.read_csv(folder / "index.csv").assign(patient="")
    index.to_csv(folder / "index.csv", index=False)
    subject, _ = open_subject([data], split=str(tmp_path / "mine.csv"), stores=tmp_path, progress=False)
    assert statuses(subject, "patients") == {"patients": "could not look"}
    assert fix(subject, look(subject))["split"].tolist() == HALF


def test_a_record_on_two_sides_takes_its_patient_and_its_signal_along(tmp_path: Path) -> None:
    subject = by_file(tmp_path, rows_of(HALF) + "r0,test\n")
    found = statuses(subject, "records", "patients", "waveforms")
    assert found == {"records": "leak", "patients": "leak", "waveforms": "leak"}


def test_a_dead_recording_is_nobody_s_copy(tmp_path: Path) -> None:
    folder = tmp_path / "ours"
    data = corpus(folder, twin=False)
    signals = np.load(folder / "signals.npy")
    signals[[0, -1]] = 80
    np.save(folder / "signals.npy", signals)
    subject, _ = open_subject([data], split="official", folds=FOLDS, stores=tmp_path, progress=False)
    assert statuses(subject, "records") == {"records": "could not look"}


def test_the_file_may_tell_of_windows_and_of_synthetic_children(tmp_path: Path) -> None:
    n = len(HALF)
    parents = [""] * (n - 1) + ["r0; r1"]
    more = {"recording": ["long"] * 2 + [f"own{i}" for i in range(2, n)], "synthetic": ["False"] * (n - 1) + ["True"]}
    parts = ["test", *HALF[1:-1], "train"]
    subject = by_file(tmp_path, rows_of(parts, parents=parents, **more))
    assert statuses(subject, "windows", "synthetic") == {"windows": "leak", "synthetic": "leak"}


def test_pairs_without_a_common_lead_were_not_compared(tmp_path: Path) -> None:
    source = Simulated(8, visits=(1, 1), seed=1)
    ecgs = [source.read(name) for name in source.table()["record_id"]]
    prints = [Fingerprint.of(ecg.select(["I" if i % 2 else "II"])) for i, ecg in enumerate(ecgs)]
    table = source.table().assign(dataset="simulated", patient_id=None)
    subject = Subject(table, np.array(["train", "test"] * 4, dtype=object), "mine.csv", prints)
    (verdict,) = look(subject, ["waveforms"])
    assert verdict.status == "could not look" and verdict.findings[0].count == 16 and "12 pairs" in verdict.looked
    assert statuses(subject, "identity") == {"identity": "not asked"}


@pytest.mark.parametrize("seconds", [0.02, 1.0, 2.4, 3.0])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_few_and_short_recordings_do_not_stop_it(seconds: float, count: int) -> None:
    source = Simulated(count, visits=(1, 1), seed=1)
    ecgs = [source.read(name).crop(0, seconds).select(["I"]) for name in source.table()["record_id"]]
    side = np.array(["train", "test", "test"][:count], dtype=object)
    subject = Subject(source.table().assign(dataset="simulated"), side, "mine.csv", [Fingerprint.of(e) for e in ecgs])
    assert all(verdict.status != "leak" for verdict in look(subject))


def test_the_audit_splits_as_a_study_does(tmp_path: Path) -> None:
    data = corpus(tmp_path / "ours")
    out = start(data, tmp_path / "run", split="by_patient")
    part = pd.read_parquet(out / "predictions.parquet").drop_duplicates("record").set_index("record")["part"]
    subject, _ = open_subject(
        [data], split="by_patient", labels_of=["own"], folds=FOLDS, stores=tmp_path, progress=False
    )
    given = pd.Series(subject.side, index=subject.table["record_id"])
    assert (given[part.index] == part).all() and (given.drop(part.index) == "train").all()


def test_a_scale_and_a_contract_that_are_not_what_they_should_be(call: Callable[..., tuple[int, str, str]]) -> None:
    Path("scale.json").write_text('{"mean": {"I": null}, "std": {"I": 1}}')
    code, _, err = call("audit", "--data", "simulated=4", "--fitted", "scale.json")
    assert code == 1 and 'scale.json shall hold {"mean"' in err
    Path("made").mkdir()
    contract = {"patients_seen": [], "unknown_patients_seen": 0, "pretrained": {"patients_seen": []}}
    Path("made/contract.json").write_text(json.dumps(contract))
    code, _, err = call("audit", "--data", "simulated=4", "--checkpoint", "made", "--checks", "checkpoints")
    assert code == 0, err
    code, _, err = call("audit", "--data", "simulated=4", "--split", "by_patient", "--fix", "nowhere/better.csv")
    assert code == 1 and "nowhere is no folder" in err


def test_the_fingerprints_of_a_study_serve_the_audit(tmp_path: Path) -> None:
    data = corpus(tmp_path / "ours", twin=False)
    start(data, tmp_path / "run")
    before = set((tmp_path / "stores").iterdir())
    subject, _ = open_subject([data], stores=tmp_path / "stores", progress=False)
    assert set((tmp_path / "stores").iterdir()) == before and None not in subject.fingerprints
    index = tmp_path / "ours" / "index.csv"
    index.write_text(index.read_text().replace("p0", "p99"))
    open_subject([data], stores=tmp_path / "stores", progress=False)
    assert len(set((tmp_path / "stores").iterdir()) - before) == 1, "other tables are other data"
