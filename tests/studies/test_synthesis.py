"""The study synthesis on simulated ECGs, and the data set that its generators write."""

import dataclasses
import json
import subprocess
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from einthoven import datasets, records, registry, run, studies
from einthoven.audit import audit, open_subject
from einthoven.cli.generate import generate
from einthoven.datasets import DatasetError
from einthoven.diagnosis import Model
from einthoven.pipeline import Experiment, RunError, interpolated, release
from einthoven.records.ecg import ECG
from einthoven.records.leads import TWELVE, identity_error, limb_factors
from einthoven.report import write
from einthoven.report._generator import facts
from einthoven.report._run import read
from einthoven.splits import LeakError
from einthoven.training import Device

with warnings.catch_warnings():  # it uses what pandas deprecates
    warnings.simplefilter("ignore", DeprecationWarning)
    import wfdb

DATA = ["simulated=90,rate_hz=100"]
GROUPS = ["NORM", "AFIB"]
CPU = Device("cpu", "32-true")
SMALL = {"flow": {"width": 16, "steps": 2}, "cnn_bilstm": {"steps": 2}}


def small(experiment: Experiment) -> Experiment:
    """With generators that soon make a record, and intervals of few draws."""
    arms = (dataclasses.replace(arm, options=arm.options | SMALL.get(arm.generator, {})) for arm in experiment.arms)
    return dataclasses.replace(experiment, arms=tuple(arms), resamples=50)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both generators, two epochs each, in unit z, beside copies and the simulator, and what learns from them."""
    experiment = studies.synthesis(DATA, groups=GROUPS, copies=[0.2], epochs=2, classifiers=["boosting"], seeds=[0, 1])
    tried = ("boosting@real", "boosting@cnn_bilstm", "boosting@flow", "boosting@real+flow", "naive@real")
    arms = [arm for arm in experiment.arms if arm.generator or arm.name in tried]
    pairs = tuple(pair for pair in experiment.pairs if pair[0] in tried)
    experiment = small(dataclasses.replace(experiment, arms=tuple(arms), pairs=pairs))
    return run(experiment, tmp_path_factory.mktemp("synthesis") / "run", progress=False, device=CPU)


@pytest.fixture(scope="module")
def millivolts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One of the flow in mV, for a single epoch."""
    experiment = studies.synthesis(
        DATA,
        groups=GROUPS,
        models=["flow"],
        copies=[],
        simulator=False,
        classifiers=[],
        per_group=2,
        unit="mV",
        epochs=1,
    )
    out = tmp_path_factory.mktemp("synthesis") / "mv"
    return run(small(experiment), out, progress=False, device=CPU)


def test_it_reports_what_comes_back_of_records_never_seen(made: Path) -> None:
    table = pd.read_parquet(made / "results" / "pretext.parquet")
    found = {(row["model"], row["measure"]): row for row in table.to_dict("records")}
    flows = {(name, f"{what}_error") for name in ("cnn_bilstm", "flow") for what in ("flow", "rhythm")}
    assert set(found) == {("cnn_bilstm", m) for m in ("rmse", "cosine")} | flows
    assert -1 <= found["cnn_bilstm", "cosine"]["value"] <= 1
    page = write(made).read_text(encoding="utf-8")
    assert "cnn_bilstm gives back records that it has never seen with a cosine of" in page
    assert page.count("<svg") >= 2 * len(GROUPS) and "cnn_bilstm: AFIB" in page


def test_it_reports_how_faithful_and_how_private_they_are(made: Path) -> None:
    private = pd.read_parquet(made / "results" / "privacy.parquet")
    measured = pd.read_parquet(made / "results" / "measurements.parquet")
    crowd = pd.read_parquet(made / "results" / "crowds.parquet")
    held = pd.read_parquet(made / "cells/flow-seed0-fold10/predictions.parquet")["record"].nunique()
    for name in ("cnn_bilstm", "flow", "copies@0.2", "simulator"):
        cell = json.loads((made / f"cells/{name}-seed0-fold10/cell.json").read_text())
        records = private[(private["model"] == name) & (private["unit"] == "record")]
        assert set(records["space"]) == {"waveform", "beats"}
        assert (records["members"] == cell["learnt_from"]["records"]).all() and (records["others"] == held).all()
        assert {"real", "other", name} == set(measured[measured["model"] == name]["kind"])
        assert len(crowd[crowd["model"] == name]) == 1
        copied = private[(private["model"] == name) & (private["measure"] == "copies")]["value"]
        assert len(copied) == 1 and (copied.item() > 0.1) == (name == "copies@0.2"), (name, copied)
    crowded = crowd.set_index("model")["frechet"]
    assert crowded[["copies@0.2", "simulator"]].max() < crowded[["cnn_bilstm", "flow"]].min()
    near = private[private["measure"] == "membership"].groupby("model")["value"].max()
    assert near["copies@0.2"] > 0.75 and near.idxmax() == "copies@0.2"
    assert not (made / "cells/copies@0.2-seed0-fold10/checkpoint").exists()
    rate = measured[measured["measurement"] == "rate_bpm"].set_index(["model", "group", "kind"])["distance"]
    assert (rate.xs("flow", level="kind") > 0.5).all(), "two epochs of learning make no heart"
    page = write(made).read_text(encoding="utf-8")
    read_run = read(made)
    rates = {
        row["group"]: row["cells"] for row in facts(read_run)["measured"] if row["measurement"] == "heart rate (/min)"
    }
    for model, group in ((model, group) for model in read_run.models for group in GROUPS):
        mine = measured.query("model == @model and kind == @model and group == @group and measurement == 'rate_bpm'")
        wanted = "–" if np.isnan(mine["median"].item()) else f"{mine['median'].item():.0f} ("
        assert rates[group][2 + read_run.models.index(model)].startswith(wanted), "each under its own head"
    assert "heart rate (/min)" in page and "AUROC of telling who was learnt from" in page


def test_classifiers_tell_of_what_use_they_are(made: Path) -> None:
    """Each beside those that learnt from real records, and the reverse."""
    table = pd.read_parquet(made / "results" / "useful.parquet")
    labels = ["statements:NORM,AFIB", "statements:AFIB/NORM"]
    assert list(dict.fromkeys(table["label_set"])) == labels
    auroc = table[(table["class"] == "macro") & (table["metric"] == "auroc")].set_index(["label_set", "model"])
    for name in labels:
        found = auroc.loc[name]
        assert found.loc["boosting@real", "value"] > 0.6 and found.loc["naive@real", "value"] == 0.5
        assert (found["seeds"] == 2).all() and np.isnan(found.loc["boosting@real", "difference"])
        gap = found["value"] - found.loc["boosting@real", "value"]
        assert np.allclose(found["difference"].dropna(), gap.drop("boosting@real"))
    pairs = table[(table["label_set"] == labels[1]) & (table["class"] == "AFIB/NORM")]
    cohort = pd.read_parquet(made / "cohort.parquet").set_index("record")["positive"]
    tested = pd.read_parquet(made / "cells/boosting@real-seed0-fold10/predictions.parquet").query("part == 'test'")
    codes = cohort[tested["record"].unique()]
    assert (pairs["records"] == sum("scp:AFIB" in c or "scp:NORM" in c for c in codes)).all()
    backwards = pd.read_parquet(made / "results" / "reverse.parquet").query("metric == 'auroc'")
    found = backwards[backwards["label_set"] == labels[0]].set_index("made_by")["value"]
    assert found["simulator"] > 0.9 > found["flow"]
    page = write(made).read_text(encoding="utf-8")
    assert "Having learnt from ECGs of cnn_bilstm alone, boosting reaches a macro AUROC of" in page


def test_what_learns_from_synthetic_records_hands_the_ledger_on(tmp_path: Path) -> None:
    """Also where it has learnt from no real record itself; the seeds of the classifier share the generator."""
    study = studies.synthesis(
        ["simulated=40,rate_hz=100"], groups=["NORM"], models=["flow"], copies=[], simulator=False, epochs=1
    )
    arms = [arm for arm in study.arms if arm.name in ("flow", "xresnet1d101@flow", "xresnet1d101@real")]
    arms = [dataclasses.replace(arm, recipe=dataclasses.replace(arm.recipe, epochs=1, draws=32)) for arm in arms]
    pairs = tuple((arm.name, "xresnet1d101@real") for arm in arms if arm.model)
    study = small(dataclasses.replace(study, arms=tuple(arms), seeds=(3, 4), pairs=pairs))
    out = run(study, tmp_path / "run", progress=False, device=CPU)
    assert sorted(path.name for path in (out / "cells").glob("flow*")) == ["flow-seed3-fold10"]
    contracts = {
        name: json.loads((out / f"cells/{name}/checkpoint/contract.json").read_text())
        for name in ("flow-seed3-fold10", "xresnet1d101@flow-seed4-fold10")
    }
    first, second = contracts.values()
    assert second["trained_on_synthetic"] and first["generator"] == "flow"
    assert set(first["patients_seen"]) <= set(second["patients_seen"]) and first["patients_seen"]


def test_an_encoder_that_has_seen_nobody_of_them_is_a_second_judge(tmp_path: Path) -> None:
    def encoder(data: str, name: str) -> str:
        return str(
            run(
                studies.pretrain([data], model="state_space,features=16,depth=1", epochs=1),
                tmp_path / name,
                progress=False,
                device=CPU,
            )
        )

    asked = {"groups": ["NORM"], "models": ["flow"], "copies": [], "simulator": False, "classifiers": [], "epochs": 1}
    own = encoder("simulated=24,rate_hz=100", "own")
    with pytest.raises(RunError, match=r"has seen \d+ of the people whose ECGs it is to judge"):
        run(studies.synthesis(["simulated=24,rate_hz=100"], encoder=own, **asked), tmp_path / "no", progress=False)
    with pytest.raises(RunError, match="reads the unit z, not mV"):
        study = studies.synthesis(["simulated=24,rate_hz=100"], encoder=own, unit="mV", **asked)
        run(study, tmp_path / "no", progress=False)
    assert not (tmp_path / "no").exists()
    other = encoder("simulated=12,rate_hz=100,seed=1", "other")
    study = studies.synthesis(["simulated=120,rate_hz=100"], encoder=other, **asked)
    out = run(small(study), tmp_path / "run", progress=False, device=CPU)
    crowds = pd.read_parquet(out / "results" / "crowds.parquet").set_index("embedding")
    assert list(crowds.index) == ["features", "encoder"] and crowds["frechet"].notna().all()
    assert crowds.loc["encoder", "frechet"] > crowds.loc["encoder", "frechet_floor"]


def test_only_training_patients_are_in_the_ledger(made: Path) -> None:
    answers = pd.read_parquet(made / "cells/flow-seed0-fold10/predictions.parquet")
    cohort = pd.read_parquet(made / "cohort.parquet")
    groups = {f"scp:{group}" for group in GROUPS}
    wanted = np.array([bool(groups & set(codes)) for codes in cohort["positive"]])
    learnt = cohort[wanted & ~cohort["record"].isin(answers["record"])]
    for name in ("cnn_bilstm", "flow"):
        contract = json.loads((made / f"cells/{name}-seed0-fold10/checkpoint/contract.json").read_text())
        assert contract["generator"] == name and contract["classes"] == GROUPS
        assert len(contract["patients_seen"]) == learnt["patient"].nunique()
        cell = json.loads((made / f"cells/{name}-seed0-fold10/cell.json").read_text())
        assert cell["learnt_from"]["records"] == len(learnt)


def test_a_data_set_is_written_checked_and_read_by_others(made: Path, tmp_path: Path) -> None:
    folder = release(made, {"AFIB": 3, "NORM": 2}, tmp_path / "set", device=CPU, progress=False)
    done = subprocess.run(
        ["sha256sum", "-c", "SHA256SUMS.txt"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    assert not list(tmp_path.glob("*.partial"))
    corpus = datasets.parse(f"synthetic={folder}")
    table = corpus.table()
    assert corpus.synthetic and corpus.annotated == ("scp:AFIB", "scp:NORM")
    assert [list(codes) for codes in table["positive"]] == [["scp:AFIB"]] * 3 + [["scp:NORM"]] * 2
    assert table["patient_id"].is_unique
    for number, record in enumerate(table["record_id"], start=1):
        ecg = corpus.read(record)
        assert (ecg.unit, ecg.rate_hz, ecg.leads, ecg.synthetic) == ("z", 100.0, TWELVE, True)
        assert f"seed 0, number {number - 1}" in ecg.notes[-1]
        assert limb_factors(ecg.signal, ecg.leads)[1] < 0.02
        other = wfdb.rdrecord(str(folder / f"records100/00000/{number:05d}_lr"))
        assert np.abs(other.p_signal.T - ecg.signal).max() < 1e-6
        assert other.units == ["z"] * 12 and other.comments[0].startswith("Synthetic: made by cnn_bilstm")
    plain = datasets.parse(f"ptbxl={folder},rate_hz=100")
    assert [list(codes) for codes in plain.table()["positive"]] == [list(codes) for codes in table["positive"]]
    assert np.array_equal(plain.read(plain.table()["record_id"][0]).signal, corpus.read(table["record_id"][0]).signal)
    facts = json.loads((folder / "synthetic.json").read_text())
    contract = json.loads((made / "cells/cnn_bilstm-seed0-fold10/checkpoint/contract.json").read_text())
    assert facts["patients_seen"] == contract["patients_seen"] and facts["wanted"] == {"AFIB": 3, "NORM": 2}


def test_the_audit_asks_the_ledger(made: Path, tmp_path: Path) -> None:
    """Beside the records that it was made for nothing is wrong; tested on those that it has learnt from it leaks."""
    folder = release(made, {"AFIB": 30, "NORM": 30}, tmp_path / "set", device=CPU, progress=False)
    data = [*DATA, f"synthetic={folder}"]
    for fold, status in ((10, "clean"), (3, "leak")):
        subject, _ = open_subject(data, split="stable", test_fold=fold, stores=tmp_path / "stores", progress=False)
        here = np.where(subject.table["record_id"].str.startswith("synthetic-"), "train", subject.side)
        verdicts = {v.check: v for v in audit(dataclasses.replace(subject, side=here), ("checkpoints", "synthetic"))}
        assert verdicts["checkpoints"].status == status, verdicts["checkpoints"]
        assert not [f for f in verdicts["synthetic"].findings if "name no parents" in f.sentence]
    experiment = studies.code(data, models=["naive"], labels=["statements:NORM,AFIB"], rate_hz=100, unit="z")
    with pytest.raises(LeakError, match="has seen"):
        run(dataclasses.replace(experiment, split="stable", folds=(3,)), tmp_path / "leaky", progress=False)


def test_in_millivolts_the_identities_hold(millivolts: Path, tmp_path: Path) -> None:
    corpus = datasets.parse(f"synthetic={millivolts / 'synthetic'}")
    assert len(corpus.table()) == 2 * len(GROUPS), "per_group writes the data set beside the report"
    for record in corpus.table()["record_id"]:
        ecg = corpus.read(record)
        assert ecg.unit == "mV" and identity_error(ecg.signal, ecg.leads) < 0.0031  # three roundings to a microvolt


def test_the_same_seed_makes_the_same_records_and_an_interruption_changes_nothing(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("einthoven.pipeline.releasing._CHUNK", 2)
    how = {"model": "flow", "device": CPU, "progress": False}
    whole = release(made, {"NORM": 5}, tmp_path / "a", **how)
    write_one = registry.get("datasets", "synthetic").write_record
    written = []

    def stop(folder: Path, number: int, ecg: object) -> None:
        if number == 4 and len(written) == 3:
            raise KeyboardInterrupt
        written.append(number)
        write_one(folder, number, ecg)

    monkeypatch.setattr(registry.get("datasets", "synthetic"), "write_record", staticmethod(stop))
    with pytest.raises(KeyboardInterrupt):
        release(made, {"NORM": 5}, tmp_path / "b", **how)
    assert (tmp_path / "b.partial").is_dir() and not (tmp_path / "b").exists()
    again = release(made, {"NORM": 5}, tmp_path / "b", **how)
    assert written == [1, 2, 3, 3, 4, 5]
    assert (again / "SHA256SUMS.txt").read_text() == (whole / "SHA256SUMS.txt").read_text()
    other = release(made, {"NORM": 5}, tmp_path / "c", seed=1, **how)
    assert (other / "SHA256SUMS.txt").read_text() != (whole / "SHA256SUMS.txt").read_text()


def test_what_cannot_be_is_said_before_anything_is_written(made: Path, tmp_path: Path) -> None:
    with pytest.raises(registry.UnknownName, match="did you mean 'AFIB'"):
        release(made, {"AFIBB": 1}, tmp_path / "x")
    with pytest.raises(RunError, match="0 ECGs of NORM are none"):
        release(made, {"NORM": 0}, tmp_path / "x")
    with pytest.raises(RunError, match="this generator knows NORM, AFIB"):
        release(made, {}, tmp_path / "x")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    with pytest.raises(RunError, match="is not an empty folder"):
        release(made, {"NORM": 1}, tmp_path / "full")
    assert [path.name for path in tmp_path.iterdir()] == ["full"] and (tmp_path / "full" / "mine.txt").exists()
    with pytest.raises(DatasetError, match=r"synthetic\.json is missing"):
        datasets.parse(f"synthetic={tmp_path}")


# From one ECG to another


def two() -> list[ECG]:
    """ECGs of two people, one of them twice as long as the generator reads."""
    source = datasets.parse("simulated=8,rate_hz=500,duration_s=20")
    names = source.table()["record_id"]
    return [source.read(names.iloc[0]).crop(0.0, 10.0), source.read(names.iloc[-1])]


def test_the_way_from_one_ecg_to_another(made: Path) -> None:
    first, second = two()
    way = interpolated(made, first, second, 5, device=CPU)
    names = tuple(f"{ecg.source}:{ecg.record_id}" for ecg in (first, second))
    assert [ecg.synthetic for ecg in way] == [True] * 5 and all(ecg.parents == names for ecg in way)
    assert all(ecg.unit == "mV" and ecg.leads == TWELVE and ecg.signal.shape == (12, 1000) for ecg in way)
    assert max(float(identity_error(ecg.signal, TWELVE)) for ecg in way) < 1e-5
    assert "75% and 25% of its parents, by cnn_bilstm" in way[1].notes[0]
    back = interpolated(made, second, first, 5, device=CPU)
    assert all(np.allclose(one.signal, other.signal, atol=1e-4) for one, other in zip(way, back[::-1], strict=True))
    told = interpolated(made, first, second, 5, label="AFIB", device=CPU)
    assert not np.allclose(told[2].signal, way[2].signal, atol=1e-3), "this generator is told the group"


def test_its_ends_are_what_comes_back_of_the_two(made: Path) -> None:
    first, second = two()
    alone = interpolated(made, first, first, 2, device=CPU)
    way = interpolated(made, first, second, 3, device=CPU)
    assert np.allclose(way[0].signal, alone[0].signal, atol=1e-5) and not np.allclose(way[2].signal, way[0].signal)
    assert np.allclose(alone[0].signal, alone[1].signal, atol=1e-5)


def test_what_cannot_be_interpolated_is_said(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = two()
    with pytest.raises(RunError, match="'flow' cannot read an ECG, so it makes none between two; take cnn_bilstm"):
        interpolated(made, first, second, model="flow")
    with pytest.raises(registry.UnknownName, match="did you mean 'AFIB'"):
        interpolated(made, first, second, label="AFIBB")
    with pytest.raises(RunError, match="lasts 4 s, and the generator reads 10 s"):
        interpolated(made, first, second.crop(0.0, 4.0))
    with pytest.raises(ValueError, match="two steps or more, not 1"):
        interpolated(made, first, second, 1)
    monkeypatch.setattr("einthoven.pipeline.interpolating.beats", lambda *_: np.array([300]))
    with pytest.raises(RunError, match="fewer than two beats"):
        interpolated(made, first, second)


def test_the_command_draws_the_way_on_paper(made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = []
    for name, ecg in zip(("one", "other"), two(), strict=True):
        files.append(records.write(ecg, tmp_path / f"{name}.hea"))
    generate(made, interpolate=(files[0], files[1]), steps=2, to=tmp_path / "way")
    assert capsys.readouterr().out == f"{tmp_path / 'way'}\n"
    assert sorted(path.name for path in (tmp_path / "way").iterdir()) == [
        f"step{number:02d}.{kind}" for number in (1, 2) for kind in ("dat", "hea", "png")
    ]
    back = records.read(tmp_path / "way" / "step02.hea")
    assert back.synthetic and len(back.parents) == 2
    with pytest.raises(RunError, match="is not an empty folder"):
        generate(made, interpolate=(files[0], files[1]), to=tmp_path / "way")
    with pytest.raises(RunError, match="one --label at most"):
        generate(made, interpolate=(files[0], files[1]), count=3, to=tmp_path / "more")
    with pytest.raises(RunError, match="name the groups with --label and how many"):
        generate(made, to=tmp_path / "more")
    assert not (tmp_path / "more").exists()


def test_a_generator_reads_no_ecg(made: Path) -> None:
    with pytest.raises(ValueError, match="makes ECGs and reads none"):
        Model(made)


def test_a_study_names_what_it_does_not_know(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(registry.UnknownName, match="did you mean 'AFIB'"):
        studies.synthesis(DATA, groups=["NORM", "AFIBB"])
    with pytest.raises(registry.UnknownName, match="did you mean 'flow'"):
        studies.synthesis(DATA, models=["flwo"])
    with pytest.raises(RunError, match="groups names NORM twice"):
        studies.synthesis(DATA, groups=["NORM,AFIB", "NORM"])
    with pytest.raises(registry.UnknownName, match="did you mean 'boosting'"):
        studies.synthesis(DATA, classifiers=["bosting"])
    rare = studies.synthesis(["simulated=12,rate_hz=100"], groups=["NORM", "WPW"], epochs=1)
    with pytest.raises(RunError, match="there is no training record of WPW"):
        run(rare, tmp_path / "rare", progress=False)
    monkeypatch.setattr("einthoven.pipeline.generating._FEWEST", 1000)
    few = studies.synthesis(["simulated=12,rate_hz=100"], groups=["NORM"], epochs=1)
    with pytest.raises(RunError, match=r"there are \d+ training records of NORM to learn from; a generator takes 1000"):
        run(few, tmp_path / "rare", progress=False)
    assert not (tmp_path / "rare").exists()


def test_a_grid_is_computed_in_stages() -> None:
    study = studies.synthesis(DATA, groups=GROUPS, models=["flow"], copies=[], classifiers=["boosting"], seeds=[3, 4])
    *before, last = study.stages()
    assert [{cell.arm.name for cell in stage} for stage in before] == [{"flow"}, {"simulator"}, {"naive@real"}]
    assert {cell.arm.name for cell in last if cell.arm.after} == {cell.arm.name for cell in last}
    assert study.cell_of("flow", 4, 10).seed == 3, "a generator has the first seed alone"
    lonely = dataclasses.replace(study, arms=tuple(arm for arm in study.arms if arm.name != "simulator"))
    with pytest.raises(RunError, match="there is no arm simulator in this grid; it has flow"):
        lonely.stages()
