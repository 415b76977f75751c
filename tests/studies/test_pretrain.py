"""Learning without labels from end to end on simulated ECGs: an encoder, what is learnt from it, and who saw whom."""

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from safetensors.torch import load_file

from einthoven import studies
from einthoven.audit import audit, open_run
from einthoven.cli.report import report
from einthoven.datasets.simulated import Simulated
from einthoven.diagnosis import Model, Refused, reconstruct
from einthoven.drawing.paper import paper
from einthoven.pipeline import Experiment, Few, RunError, evaluate_run, run
from einthoven.pipeline.cohort import open_cohort
from einthoven.pipeline.learning import learnt_from, part_of
from einthoven.records.leads import TWELVE
from einthoven.registry import UnknownName
from einthoven.report import write
from einthoven.splits import LeakError
from einthoven.studies import finetune, label_efficiency, pretrain
from einthoven.training import Device, Transfer, hash_patient, load_checkpoint, load_weights
from einthoven.training._checkpoint import load_state

CPU = Device("cpu", "32-true")
DATA = ["simulated=80,rate_hz=100"]
TINY = {"epochs": 1, "draws": 32}
OBJECTIVES = ("masked_lead_order", "masked", "lead_order", "predictive")


def small(experiment: Experiment) -> Experiment:
    """The same with networks that are soon trained."""
    options = {"features": 24, "depth": 1, "heads": 2}
    arms = [
        dataclasses.replace(arm, model="ecg_vit", options=options) if arm.recipe else arm for arm in experiment.arms
    ]
    return dataclasses.replace(experiment, arms=tuple(arms), resamples=20)


@pytest.fixture(scope="session")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.getbasetemp() / "pretrain-stores"


@pytest.fixture(scope="session")
def encoders(tmp_path_factory: pytest.TempPathFactory, stores: Path) -> dict[str, Path]:
    """A run of each objective."""
    found = {}
    for name in OBJECTIVES:
        experiment = small(pretrain(DATA, objective=name, model="ecg_vit", fold=10, epochs=2))
        out = tmp_path_factory.mktemp("pretrain") / name
        found[name] = run(experiment, out, stores=stores, device=CPU, progress=False, command="einthoven study …")
    return found


def checkpoint(out: Path) -> Path:
    (found,) = out.glob("cells/*/checkpoint")
    return found


# An encoder


@pytest.mark.parametrize("name", OBJECTIVES)
def test_an_encoder_is_kept_with_its_ledger_and_its_own_task_is_judged(encoders: dict[str, Path], name: str) -> None:
    weights, contract = load_checkpoint(checkpoint(encoders[name]))
    assert contract["objective"]["name"] == name and contract["gaps"] and not contract["classes"]
    heads = ("head", "decoder", "namer", "predict.", "know.", "encoder.")
    assert not any(key.startswith(heads) for key in weights) and "absent" in weights
    apart = load_file(checkpoint(encoders[name]) / "heads.safetensors")
    parts = {"masked": {"decoder"}, "lead_order": {"namer"}, "predictive": {"predict", "know"}}
    assert {key.partition(".")[0] for key in apart} == parts.get(name, {"decoder", "namer"})
    table = pd.read_parquet(encoders[name] / "predictions.parquet")
    assert set(table["part"]) == {"validation", "test"}
    own = {"masked": {"correlation", "correlation_of_lines"}, "lead_order": {"named"}, "predictive": {"picked"}}
    assert set(table["measure"]) == own.get(name, own["masked"] | own["lead_order"])
    test = set(table.loc[table["part"] == "test", "patient"])
    seen = set(contract["patients_seen"])
    assert test and not {hash_patient(patient) for patient in test} & seen and not contract["records_seen"]
    cohort = pd.read_parquet(encoders[name] / "cohort.parquet")
    validation = set(table.loc[table["part"] == "validation", "patient"])
    assert seen == {hash_patient(patient) for patient in set(cohort["patient"]) - test - validation}


def test_the_run_of_an_encoder_can_be_audited(encoders: dict[str, Path], stores: Path) -> None:
    found = open_run(encoders["masked"], stores=stores, progress=False)
    assert set(found.side) == {"train", "validation", "test"} and list(found.contracts) == ["masked-seed0-fold10"]
    (verdict,) = audit(found, ("checkpoints",))
    assert verdict.status == "clean"


def test_a_page_says_what_the_encoder_learnt(encoders: dict[str, Path]) -> None:
    page = write(encoders["masked_lead_order"]).read_text(encoding="utf-8")
    for words in ("correlates with what was there", "of shuffled leads rightly", "What it puts where it sees nothing"):
        assert words in page
    assert page.count("<svg") >= 5 and "Strongest mistakes" not in page and "The classes" not in page
    card = (encoders["masked_lead_order"] / "model_card.md").read_text(encoding="utf-8")
    assert "answers nothing until it is fine-tuned" in card
    assert "What it puts" not in write(encoders["lead_order"]).read_text(encoding="utf-8")


def test_the_same_seed_gives_the_same_encoder_and_a_killed_run_goes_on(
    encoders: dict[str, Path], tmp_path: Path, stores: Path
) -> None:
    experiment = small(pretrain(DATA, objective="masked", model="ecg_vit", fold=10, epochs=2))
    kept = load_checkpoint(checkpoint(encoders["masked"]))[0]

    def killed(record: dict) -> None:
        raise KeyboardInterrupt

    from einthoven.pipeline import cell as cells

    original = cells.pretrain
    cells.pretrain = lambda task, cohort, train, working, on_epoch: original(task, cohort, train, working, killed)
    try:
        with pytest.raises(KeyboardInterrupt):
            run(experiment, tmp_path / "again", stores=stores, device=CPU, progress=False)
    finally:
        cells.pretrain = original
    (state,) = (tmp_path / "again").glob("cells/*/working/state.safetensors")
    assert len(load_state(state)[1]["history"]) == 1
    run(experiment, tmp_path / "again", stores=stores, device=CPU, progress=False)
    again = load_checkpoint(checkpoint(tmp_path / "again"))[0]
    assert all((again[key] == kept[key]).all() for key in kept)
    assert len(json.loads(next((tmp_path / "again").glob("cells/*/history.json")).read_text())) == 2


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"objective": "maskd"}, UnknownName, "did you mean 'masked'"),
        ({"objective": "classify"}, UnknownName, "objective without labels"),
        ({"model": "resnet18"}, UnknownName, "encoder"),
        ({"ratio": (0.6, 0.2)}, ValueError, "from small to large"),
        ({"epochs": 0}, RunError, "epochs is 1 or more"),
        ({"split": "stabl"}, UnknownName, "did you mean 'stable'"),
        ({"data": []}, RunError, "at least one of data"),
    ],
)
def test_what_cannot_be_pretrained_is_refused_at_once(arguments: dict, error: type, words: str) -> None:
    with pytest.raises(error, match=words):
        pretrain(**{"data": DATA, **arguments})


# What is learnt from it


def test_an_encoder_is_fine_tuned_with_a_fraction_of_the_labels(
    encoders: dict[str, Path], tmp_path: Path, stores: Path
) -> None:
    start = encoders["masked_lead_order"]
    experiment = finetune(DATA, from_=str(start), labels=["code6"], fraction=0.3, folds=[10], **TINY)
    assert experiment.primary == "finetune" and experiment.baseline == "scratch"
    assert {arm.model for arm in experiment.arms if arm.recipe} == {"ecg_vit"} and experiment.unit == "z"
    out = run(
        dataclasses.replace(experiment, resamples=20), tmp_path / "run", stores=stores, device=CPU, progress=False
    )
    table = pd.read_parquet(out / "predictions.parquet")
    assert set(table["model"]) == {"finetune", "probe", "scratch", "untrained", "boosting", "naive"}
    sizes = table.groupby(["model", "part"])["patient"].nunique().unstack()
    assert sizes["validation"].nunique() == 1 and sizes["validation"].iloc[0] < sizes["test"].iloc[0] * 0.6
    cells = {name: out / "cells" / f"{name}-seed0-fold10" for name in ("finetune", "probe", "untrained", "scratch")}
    learnt = {
        name: json.loads((cell / "cell.json").read_text())["learnt_from"]["patients"] for name, cell in cells.items()
    }
    cohort = open_cohort(experiment, stores, progress=False)
    everybody = cohort.table["patient_id"][cohort.parts[10] == "train"].nunique()
    assert set(learnt.values()) == {round(0.3 * everybody)}
    source = load_checkpoint(checkpoint(start))[0]
    weights = {name: load_checkpoint(cell / "checkpoint")[0] for name, cell in cells.items()}
    body = [key for key in source if "running" not in key and "batches" not in key and key != "absent"]
    assert all((weights["probe"][key] == source[key]).all() for key in body)
    assert not all((weights["finetune"][key] == source[key]).all() for key in body)
    assert not all((weights["untrained"][key] == source[key]).all() for key in body)
    contract = load_checkpoint(cells["finetune"] / "checkpoint")[1]
    assert contract["pretrained"][0]["objective"]["name"] == "masked_lead_order" and contract["gaps"]
    assert "pretrained" not in load_checkpoint(cells["scratch"] / "checkpoint")[1]
    assert write(out).is_file()


def test_an_encoder_reads_data_with_fewer_leads(encoders: dict[str, Path], tmp_path: Path, stores: Path) -> None:
    start, arms = str(encoders["masked"]), ["finetune", "scratch", "naive"]
    experiment = finetune(
        ["simulated=40,rate_hz=100"], from_=start, labels=["code6"], leads=["V5", "II"], arms=arms, folds=[10], **TINY
    )
    assert experiment.leads == ("II", "V5") and [arm.places for arm in experiment.arms] == [TWELVE, (), ()]
    out = run(
        dataclasses.replace(experiment, resamples=20), tmp_path / "run", stores=stores, device=CPU, progress=False
    )
    weights, contract = load_checkpoint(out / "cells" / "finetune-seed0-fold10" / "checkpoint")
    assert contract["leads"] == ["II", "V5"] and contract["places"] == list(TWELVE)
    assert weights["patch.weight"].shape[1] == 12 and (weights["absent"] != 0).any()
    scratch = load_checkpoint(out / "cells" / "scratch-seed0-fold10" / "checkpoint")[0]
    assert scratch["patch.weight"].shape[1] == 2
    ecg = Simulated(1, seed=5).read("simulated:5-00000-1")
    both = [Model(out, "finetune").diagnose(each) for each in (ecg, ecg.select(("II", "V5")))]
    assert [f.probability for f in both[0].findings] == [f.probability for f in both[1].findings]
    with pytest.raises(UnknownName, match="lead of this encoder"):
        finetune(DATA, from_=start, leads=["V9"])


def test_an_encoder_alone_diagnoses_nothing_but_completes_what_is_hidden(encoders: dict[str, Path]) -> None:
    with pytest.raises(ValueError, match="answers nothing yet"):
        Model(encoders["masked"])
    ecg = Simulated(1, seed=5).read("simulated:5-00000-1")
    for name in ("masked", "masked_lead_order"):
        found, again, other = (reconstruct(ecg, encoders[name], seed=seed) for seed in (0, 0, 1))
        assert found.whole.unit == "mV" and 0.1 < found.hidden.mean() < 0.7
        assert (np.isnan(found.found.signal) == ~found.hidden).all()
        np.testing.assert_array_equal(found.found.signal, again.found.signal)
        assert not np.array_equal(found.hidden, other.hidden)
        louder = reconstruct(ecg.replace(signal=3 * ecg.signal), encoders[name]).found.signal
        np.testing.assert_allclose(louder, 3 * found.found.signal, atol=1e-3)
        drawn = paper(found.whole, over=found.found)
        assert drawn.axes[0].findobj(lambda artist: artist.get_gid() == "over-lead-V1")
    with pytest.raises(ValueError, match="no encoder that reconstructs"):
        reconstruct(ecg, encoders["lead_order"])
    with pytest.raises(Refused, match="lasts 2 s and the encoder reads 5 s"):
        reconstruct(ecg.crop(0, 2), encoders["masked"])
    with pytest.raises(ValueError, match="cannot lie over"):
        paper(found.whole, over=ecg.select(("I", "II")))


def test_a_test_patient_whom_the_encoder_has_seen_is_refused(
    encoders: dict[str, Path], tmp_path: Path, stores: Path
) -> None:
    other = finetune(DATA, from_=str(encoders["masked"]), labels=["code6"], arms=["probe", "naive"], folds=[2])
    with pytest.raises(LeakError, match="has seen .* patients in "):
        run(other, tmp_path / "leak", stores=stores, device=CPU, progress=False)
    assert not (tmp_path / "leak" / "cells").exists()
    second = dataclasses.replace(other, folds=(10, 2))
    with pytest.raises(LeakError, match=r"Fold 2: .* has seen .* patients in test .* Test on the fold"):
        run(second, tmp_path / "leak", stores=stores, device=CPU, progress=False)


def test_data_that_the_encoder_has_not_seen_join_those_that_it_has(
    encoders: dict[str, Path], tmp_path: Path, stores: Path
) -> None:
    """And nobody need know the patients: nothing but training was learnt from."""
    more = [*DATA, "simulated=20,seed=7"]
    mixed = finetune(more, from_=str(encoders["masked"]), labels=["code6"], arms=["probe", "naive"], folds=[10], **TINY)
    quick = small(mixed)
    out = run(quick, tmp_path / "run", stores=stores, device=CPU, progress=False)
    audit = json.loads((out / "audit" / "audit.json").read_text())
    (verdict,) = [entry for entry in audit["verdicts"] if entry["check"] == "checkpoints"]
    assert verdict["status"] == "clean"


def test_only_an_encoder_that_learnt_without_labels_is_begun_with(tmp_path: Path, encoders: dict[str, Path]) -> None:
    with pytest.raises(ValueError, match="holds no weights"):
        finetune(DATA, from_=str(tmp_path))
    bare = tmp_path / "checkpoint"
    shutil.copytree(checkpoint(encoders["masked"]), bare)
    contract = json.loads((bare / "contract.json").read_text())
    del contract["objective"]
    (bare / "contract.json").write_text(json.dumps(contract))
    with pytest.raises(RunError, match="no encoder that learnt without labels"):
        finetune(DATA, from_=str(bare))
    for arguments, words in (
        ({"fraction": 0.0}, "above 0 and up to 1"),
        ({"fraction": 1.5}, "above 0 and up to 1"),
        ({"arms": []}, "at least one of arms"),
    ):
        with pytest.raises(RunError, match=words):
            finetune(DATA, from_=str(encoders["masked"]), **arguments)
    with pytest.raises(UnknownName, match="did you mean 'probe'"):
        finetune(DATA, from_=str(encoders["masked"]), arms=["prob"])


# How many labels it saves


@pytest.fixture(scope="session")
def grid(encoders: dict[str, Path]) -> Experiment:
    runs = [str(encoders[name]) for name in ("masked_lead_order", "masked")]
    made = label_efficiency(
        DATA, from_=runs, labels=["code6"], fractions=[0.1, 0.6, 1.0], seeds=[0, 1], seeds_of_many=1, fold=10,
        **TINY,
    )  # fmt: skip
    return dataclasses.replace(made, resamples=20)


def test_the_grid_holds_every_way_at_every_share_and_begins_with_what_was_planned(grid: Experiment) -> None:
    names = {arm.name for arm in grid.arms}
    ways = ("masked_lead_order", "scratch", "masked", "untrained", "boosting")
    assert names == {"naive", *(f"{way}@{share}%" for way in ways for share in (10, 60, 100))}
    assert (grid.primary, grid.baseline) == ("masked_lead_order@60%", "scratch@100%")
    cells = grid.cells()
    assert len(cells) == 2 + 5 * (2 + 1 + 1)  # naive and 10 % with both seeds
    first = {cell.arm.name for cell in cells[:8]}
    assert first == {f"{way}@{share}%" for way in ways[:2] for share in (10, 60, 100)}
    assert {arm.few for arm in grid.arms} == {Few(), Few(share=0.1), Few(share=0.6), Few(share=1.0)}


def test_shares_of_the_labels_are_nested_and_validation_shrinks_with_them(grid: Experiment, stores: Path) -> None:
    cohort = open_cohort(grid, stores, progress=False)
    before: dict[str, set[int]] = {"learnt": set(), "decided": set()}
    for share in (0.1, 0.6, 1.0):
        (cell,) = [c for c in grid.cells() if c.arm.name == f"scratch@{share * 100:g}%" and c.seed == 0]
        now = {"learnt": set(learnt_from(cell, cohort)), "decided": set(part_of(cell, cohort, "validation"))}
        for kind, rows in now.items():
            assert before[kind] < rows
        patients = cohort.table["patient_id"].iloc[sorted(now["learnt"])].nunique()
        everybody = cohort.table["patient_id"][cohort.parts[10] == "train"].nunique()
        assert patients == round(share * everybody)
        before = now
    assert before["learnt"] == set(np.flatnonzero(cohort.parts[10] == "train"))
    assert before["decided"] == set(np.flatnonzero(cohort.parts[10] == "validation"))


def test_an_unfinished_grid_is_evaluated_once_the_planned_contrast_is_there(
    grid: Experiment, tmp_path: Path, stores: Path
) -> None:
    chosen = [arm for arm in grid.arms if arm.rank == 0]
    out = run(
        dataclasses.replace(grid, arms=tuple(chosen)), tmp_path / "run", stores=stores, device=CPU, progress=False
    )
    facts = json.loads((out / "experiment.json").read_text())
    (out / "experiment.json").write_text(json.dumps({**facts, "arms": json.loads(json.dumps(grid.facts()["arms"]))}))
    (out / "results.json").unlink()
    report(out)
    table = pd.read_parquet(out / "results" / "efficiency.parquet")
    assert set(table["family"]) == {"masked_lead_order", "scratch"} and set(table["share"]) == {0.1, 0.6, 1.0}
    reaches = pd.read_parquet(out / "results" / "reaches.parquet")
    assert ((reaches["family"] == "masked_lead_order") & (reaches["share"] == 0.6)).any()
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "8 of 22 trainings of this grid are finished" in page and "How many labels" in page
    assert "masked_lead_order with 60\u00a0% of the labels against scratch with all" in page
    shutil.rmtree(out / "cells" / "scratch@100%-seed0-fold10")
    with pytest.raises(RunError, match="not finished: 1 cell of 22, such as scratch@100%-seed0-fold10"):
        evaluate_run(out)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"fractions": [0.1, 1.0]}, RunError, "needs the fraction 0.6"),
        ({"fractions": [0.0, 0.6, 1.0]}, RunError, "above 0 and up to 1"),
        ({"others": ["scrach"]}, UnknownName, "did you mean 'scratch'"),
        ({"seeds": []}, RunError, "at least one of seeds"),
    ],
)
def test_a_grid_that_cannot_be_is_refused(encoders: dict[str, Path], arguments: dict, error: type, words: str) -> None:
    with pytest.raises(error, match=words):
        label_efficiency(DATA, from_=[str(encoders["masked"])], **arguments)


def test_two_encoders_of_one_objective_or_of_two_forms_do_not_go_together(
    encoders: dict[str, Path], tmp_path: Path
) -> None:
    other = tmp_path / "other"
    shutil.copytree(checkpoint(encoders["masked"]), other)
    with pytest.raises(RunError, match="two encoders learnt by masked"):
        label_efficiency(DATA, from_=[str(encoders["masked"]), str(other)])
    contract = json.loads((other / "contract.json").read_text())
    (other / "contract.json").write_text(json.dumps({**contract, "rate_hz": 200.0}))
    with pytest.raises(RunError, match="another network or input"):
        label_efficiency(DATA, from_=[str(encoders["lead_order"]), str(other)])


def test_what_was_pretrained_fits_a_network_with_gaps_alone(encoders: dict[str, Path]) -> None:
    from einthoven.models import Shape, build

    options = {"features": 24, "depth": 1, "heads": 2}
    loaded = load_weights(
        build("ecg_vit", Shape(12, 500, 100.0, 4, gaps=True), **options), Transfer(str(encoders["masked"]))
    )
    assert loaded is not None and "the head is untrained" in loaded.notes
    with pytest.raises(ValueError, match="the network has no absent"):
        load_weights(build("ecg_vit", Shape(12, 500, 100.0, 4), **options), Transfer(str(encoders["masked"])))


def test_the_studies_of_learning_without_labels_are_in_the_room() -> None:
    assert {"pretrain", "finetune", "label_efficiency"} <= set(studies.names())
