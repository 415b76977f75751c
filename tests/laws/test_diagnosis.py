"""What must hold when a trained model answers for a file: it converts, warns, abstains or refuses, and says so."""

import csv
import io
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from einthoven import records, studies
from einthoven.cli import main
from einthoven.datasets.simulated import Simulated
from einthoven.diagnosis import Diagnosis, Model, Refused, find_checkpoint
from einthoven.pipeline import run
from einthoven.records import ECG
from einthoven.training._checkpoint import VERSION


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small run whose model has learnt next to nothing, which is all that its contract needs."""
    experiment = studies.code(
        ["simulated=60,rate_hz=100"],
        models=["code_resnet", "naive"],
        rate_hz=100,
        fold_count=5,
        folds=(5,),
        epochs={"code_resnet": 1},
    )
    return run(experiment, tmp_path_factory.mktemp("diagnosis") / "run", progress=False)


@pytest.fixture(scope="module")
def model(finished: Path) -> Model:
    return Model(finished)


@pytest.fixture(scope="module")
def ecg() -> ECG:
    made = Simulated(3, seed=9)
    return made.read(made.table()["record_id"][0])


def probabilities(diagnosis: Diagnosis) -> np.ndarray:
    return np.array([finding.probability for finding in diagnosis.findings])


def edited(finished: Path, folder: Path, **changes: Any) -> Path:
    """A copy of the checkpoint with another contract."""
    shutil.copytree(find_checkpoint(finished), folder)
    contract = json.loads((folder / "contract.json").read_text())
    (folder / "contract.json").write_text(json.dumps({**contract, **changes}))
    return folder


# What it answers


def test_it_answers_as_the_study_did(finished: Path, model: Model) -> None:
    """The probability of a test record is that of the run, but for the rounding of the store."""
    table = pd.read_parquet(finished / "predictions.parquet")
    test = table[(table["part"] == "test") & (table["model"] == "code_resnet")]
    made = Simulated(60, rate_hz=100)
    record = test["record"].iloc[0]
    calibrated = probabilities(model.diagnose(made.read(record)))
    temperature = model.contract["temperature"]
    raw = test[test["record"] == record]["probability"].to_numpy(np.float64)
    expected = 1 / (1 + ((1 - raw) / raw) ** (1 / temperature))
    np.testing.assert_allclose(calibrated, expected, atol=5e-3)


def test_decisions_follow_from_the_contract(finished: Path, ecg: ECG, tmp_path: Path) -> None:
    codes = Model(finished).contract["classes"]
    for thresholds, rule_out, decision in (
        (1e-6, 1e-6, "yes"),
        (1 - 1e-6, 1 - 1e-6, "no"),
        (1 - 1e-6, 1e-9, "uncertain"),
    ):
        limits = {"thresholds": dict.fromkeys(codes, thresholds), "rule_out": dict.fromkeys(codes, rule_out)}
        found = Model(edited(finished, tmp_path / decision, **limits)).diagnose(ecg)
        assert {finding.decision for finding in found.findings} == {decision}
        assert all(("rule-out" in finding.reason) == (decision == "uncertain") for finding in found.findings)


def test_the_temperature_makes_probabilities_modest_and_leaves_decisions(
    finished: Path, ecg: ECG, tmp_path: Path
) -> None:
    bold = Model(edited(finished, tmp_path / "bold", temperature=1.0)).diagnose(ecg)
    calm = Model(edited(finished, tmp_path / "calm", temperature=3.0)).diagnose(ecg)
    assert (abs(probabilities(calm) - 0.5) <= abs(probabilities(bold) - 0.5)).all()
    assert [f.decision for f in calm.findings] == [f.decision for f in bold.findings]


def test_the_order_of_leads_does_not_matter_and_derived_ones_are_said(model: Model, ecg: ECG) -> None:
    whole = probabilities(model.diagnose(ecg))
    turned = ecg.select(ecg.leads[::-1])
    np.testing.assert_allclose(probabilities(model.diagnose(turned)), whole, atol=1e-6)
    eight = ecg.select(("I", "II", "V1", "V2", "V3", "V4", "V5", "V6"))
    answer = model.diagnose(eight)
    np.testing.assert_allclose(probabilities(answer), whole, atol=1e-4)
    assert "derived from the other limb leads: III, aVR, aVL, aVF" in answer.converted


def test_what_was_converted_is_said(model: Model, ecg: ECG) -> None:
    more = np.concatenate([ecg.signal, ecg.signal[:1]])
    answer = model.diagnose(ecg.replace(signal=more, leads=(*ecg.leads, "V7")))
    assert "left aside: V7" in answer.converted
    assert f"resampled from {ecg.rate_hz:g} to 100 Hz" in answer.converted
    long = ecg.replace(signal=np.tile(ecg.signal, 2))
    assert "the middle 10.24 s of 20 s used" in model.diagnose(long).converted
    assert model.diagnose(ecg.resample(100)).converted == ("padded with zeros from 10 to 10.24 s",)


# What it warns of


def test_a_model_of_simulated_ecgs_warns_of_a_real_one(model: Model, ecg: ECG) -> None:
    assert ecg.synthetic and not model.diagnose(ecg).warnings
    (warning,) = model.diagnose(ecg.replace(synthetic=False)).warnings
    assert "simulated" in warning and "real patient" in warning


def test_a_patient_whom_it_has_seen_is_named(finished: Path, model: Model, ecg: ECG) -> None:
    table = pd.read_parquet(finished / "predictions.parquet")
    seen = table[table["part"] == "validation"]["patient"].iloc[0]
    tested = table[table["part"] == "test"]["patient"].iloc[0]
    assert any("seen this patient" in w for w in model.diagnose(ecg.replace(patient_id=seen)).warnings)
    assert not model.diagnose(ecg.replace(patient_id=tested)).warnings
    assert any("nobody could look" in w for w in model.diagnose(ecg.replace(patient_id=None)).warnings)


def test_it_abstains_on_noise(model: Model, ecg: ECG) -> None:
    noise = np.random.default_rng(0).normal(scale=2.0, size=ecg.signal.shape).astype(np.float32)
    answer = model.diagnose(ecg.replace(signal=noise))
    assert {finding.decision for finding in answer.findings} == {"uncertain"}
    assert any("poor" in warning for warning in answer.warnings) and answer.quality is not None
    good = model.diagnose(ecg)
    assert good.quality is not None and answer.quality < good.quality


# What it refuses


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda e: e.select(("I", "II", "V1")),
            "lead V2 is neither in the record nor derivable.*the model reads I, II",
        ),
        (lambda e: e.crop(0, 0.5), r"lasts 0\.5 s; the model reads recordings of \d+ s or more"),
        (lambda e: e.replace(unit="z"), "have lost their amplitude"),
        (lambda e: e.replace(signal=e.signal * 1000), "is it in uV"),
        (lambda e: e.replace(signal=np.zeros_like(e.signal)), "every lead is flat"),
        (lambda e: e.replace(signal=np.where(np.arange(e.signal.shape[1]) < 2000, np.nan, e.signal)), "missing"),
    ],
)
def test_what_does_not_fit_is_refused(model: Model, ecg: ECG, change: Any, message: str) -> None:
    with pytest.raises(Refused, match=message):
        model.diagnose(change(ecg))


def test_a_model_of_another_version_or_unfinished_is_refused(finished: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=f"version {VERSION + 1}, this program reads {VERSION}"):
        Model(edited(finished, tmp_path / "other", version=VERSION + 1))
    unfinished = edited(finished, tmp_path / "unfinished")
    contract = json.loads((unfinished / "contract.json").read_text())
    del contract["thresholds"]
    (unfinished / "contract.json").write_text(json.dumps(contract))
    with pytest.raises(ValueError, match="no thresholds yet"):
        Model(unfinished)
    with pytest.raises(ValueError, match="weights do not fit"):
        Model(edited(finished, tmp_path / "classes", classes=["AF"]))


def test_what_is_no_model_is_refused(finished: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="neither a run nor a checkpoint"):
        find_checkpoint(tmp_path)
    with pytest.raises(ValueError, match="no checkpoint of naive; it has of: code_resnet"):
        find_checkpoint(finished, "naive")


# The command


def words(*parts: object) -> list[str]:
    return [str(part) for part in parts]


def test_one_bad_file_does_not_stop_the_others(
    finished: Path, ecg: ECG, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = records.write(ecg, tmp_path / "good.hea")
    other = records.write(ecg.select(("I", "II", "V1")), tmp_path / "three.npy")
    (tmp_path / "letter.txt").write_text("Dear doctor")
    files = words(good, other, tmp_path / "letter.txt", tmp_path / "absent.csv")
    with pytest.raises(SystemExit) as stopped:
        main(["diagnose", *files, "--model", str(finished), "--format", "json"])
    said = capsys.readouterr()
    assert stopped.value.code == 1 and said.err == "einthoven: 3 of 4 files refused\n"
    answers = json.loads(said.out)["answers"]
    assert [("refused" in answer) for answer in answers] == [False, True, True, True]
    assert "not a medical device" in said.out and len(answers[0]["findings"]) == 6
    main(["diagnose", files[0], "--model", str(finished)])
    text = capsys.readouterr().out
    assert "atrial fibrillation" in text and "warning: the model was trained on simulated" in text
    assert text.endswith("Research use only; not a medical device.\n")


def test_the_table_holds_what_the_text_says(
    finished: Path, ecg: ECG, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = records.write(ecg, tmp_path / "good.csv")
    out = tmp_path / "answers.csv"
    main(words("diagnose", good, "--model", finished, "--format", "csv", "--out", out))
    rows = list(csv.DictReader(io.StringIO(out.read_text())))
    assert len(rows) == 6 and {row["file"] for row in rows} == {str(good)}
    assert all(0 <= float(row["probability"]) <= 1 and row["decision"] in ("yes", "no", "uncertain") for row in rows)
    with pytest.raises(SystemExit):
        main(words("diagnose", good, "--model", finished, "--format", "csv", "--out", out))
    assert "exists already" in capsys.readouterr().err
