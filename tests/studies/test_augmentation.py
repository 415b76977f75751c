"""The study augmentation on simulated ECGs: few positives, remedies for that, and records that are made in memory."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from einthoven import registry, run, studies
from einthoven.audit import Subject
from einthoven.evaluation.efficiency import family
from einthoven.pipeline import Arm, Experiment, Few, Made, RunError
from einthoven.pipeline.audited import descent
from einthoven.pipeline.changing import bank_of, changes_of
from einthoven.pipeline.learning import rarer, repeated
from einthoven.report import write
from einthoven.report._run import read
from einthoven.studies.augmentation import CHEAP, COSTLY
from einthoven.training import Device, Recipe

DATA = ["simulated=140,rate_hz=100,duration_s=5"]
LABELS = "statements:CLBBB,CRBBB,LVH"
CPU = Device("cpu", "32-true")


def small(**told: Any) -> Experiment:
    """With networks that are soon trained."""
    quick = {"epochs": 1, "draws": 64, "generator_epochs": 1, "length_s": 5.0, "labels": LABELS, "upto": 9}
    made = studies.augmentation(DATA, **{**quick, "model": "state_space", **told})
    options = {"state_space": {"features": 16, "depth": 1}, "resnet18": {"width": 8}}
    arms = [dataclasses.replace(arm, options=arm.options | options.get(arm.model, {})) for arm in made.arms]
    return dataclasses.replace(made, arms=tuple(arms), resamples=50)


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("stores")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, stores: Path) -> Path:
    """Every remedy at one number of positives, one seed of what takes a generator."""
    remedies = ["mixup", "cutmix", "noise", "oversampling", "asymmetric", "logit_adjustment", *COSTLY]
    experiment = small(remedies=remedies, positives=[4], seeds=[0, 1], generator_seeds=1, generator="flow")
    out = tmp_path_factory.mktemp("augmentation") / "run"
    return run(experiment, out, stores=stores, progress=False, device=CPU)


def cell(made: Path, remedy: str, seed: int = 0) -> Path:
    return made / "cells" / f"{remedy}@4-seed{seed}-fold1"


def test_each_class_keeps_as_many_positives_as_are_asked_for(made: Path) -> None:
    for remedy in ("none", "interpolation", "boosting", "vqvae"):
        told = json.loads((cell(made, remedy) / "cell.json").read_text())["learnt_from"]
        assert max(told["positives"].values()) == 4 and min(told["positives"].values()) >= 3
    seen = [pd.read_parquet(cell(made, "none", seed) / "predictions.parquet") for seed in (0, 1)]
    for part in seen:  # of validation so many too, of the test all
        positives = part[part["truth"] == 1].groupby(["part", "class"]).size()
        assert positives["validation"].max() <= 4 < positives["test"].max()
    chosen = [set(part.loc[part["part"] == "validation", "record"]) for part in seen]
    assert chosen[0] != chosen[1], "another seed draws others"


def test_made_records_say_whose_children_they_are(made: Path) -> None:
    train = set(pd.read_parquet(cell(made, "none") / "predictions.parquet")["record"])
    for remedy, maker in (("interpolation", "vqvae"), ("page_interpolation", "image_vqvae")):
        table = pd.read_parquet(cell(made, remedy) / "synthetic.parquet")
        told = json.loads((cell(made, remedy) / "synthetic.json").read_text())
        assert told["made_by"] == f"{maker}@4" and told["records"] == len(table) >= 15
        assert table["alpha"].between(0, 1).all() and table["alpha"].nunique() == len(table)
        for parents in table["parents"]:
            assert len(set(parents)) == 2 and not set(parents) & train, "validation and test are never parents"
        assert (table[["CLBBB", "CRBBB", "LVH"]] == 1).any(axis=1).all()
        assert told["audit"]["status"] in ("clean", "could not look")
    sampled = pd.read_parquet(cell(made, "sampling") / "synthetic.parquet")
    assert all(parents[0] == "ledger:vqvae@4-seed0-fold1" for parents in sampled["parents"])
    assert sampled["alpha"].isna().all()


def test_classes_are_brought_up_to_as_many_as_are_asked_for(made: Path) -> None:
    told = json.loads((cell(made, "vqvae") / "cell.json").read_text())["learnt_from"]["positives"]
    table = pd.read_parquet(cell(made, "sampling") / "synthetic.parquet")
    for name, count in told.items():
        assert count + (table[name] == 1).sum() == 9


def test_a_class_on_which_parents_differ_is_unknown(made: Path) -> None:
    table = pd.read_parquet(cell(made, "interpolation") / "synthetic.parquet")
    cohort = pd.read_parquet(made / "cohort.parquet").set_index("record")["positive"]
    for row in table.to_dict("records"):
        for name in ("CLBBB", "CRBBB", "LVH"):
            has = [f"scp:{name}" in cohort[parent] for parent in row["parents"]]
            assert np.isnan(row[name]) if has[0] != has[1] else row[name] == has[0]


def test_the_report_says_what_each_gives(made: Path) -> None:
    page = write(made).read_text(encoding="utf-8")
    table = pd.read_parquet(made / "results" / "remedies.parquet")
    assert set(table["remedy"]) == {family(arm["name"]) for arm in read(made).experiment["arms"] if arm["model"]}
    assert set(table["level"]) == {"4"}
    for words in ("At 4 positives a class, interpolation gives", "over none", "Where it hurts", "Holm", "vqvae@4"):
        assert words in page
    assert page.count("<svg") >= 1 and "nan" not in page.replace("finance", "").lower().split()
    planned = pd.read_parquet(made / "results" / "gains.parquet").query("planned")
    best = pd.read_parquet(made / "results" / "choice.parquet").query("chosen")
    assert planned["remedy"].tolist() == ["interpolation"] and planned["against"].item() == best["remedy"].item()
    assert best["remedy"].item() in CHEAP
    card = (made / "model_card.md").read_text(encoding="utf-8")
    assert "| interpolation |" in card and "checkpoint is a classifier" in card


def test_the_same_seed_makes_the_same_numbers(made: Path, tmp_path: Path, stores: Path) -> None:
    experiment = small(remedies=["interpolation", "noise"], positives=[4], seeds=[0], generator_seeds=1, others=[])
    again = run(experiment, tmp_path / "run", stores=stores, progress=False, device=CPU)
    for remedy in ("interpolation", "noise", "none"):
        one, other = (pd.read_parquet(cell(each, remedy) / "predictions.parquet") for each in (made, again))
        pd.testing.assert_frame_equal(one, other)


def test_pages_keep_no_checkpoint_and_what_sees_leads_does(made: Path) -> None:
    assert (cell(made, "none") / "checkpoint" / "contract.json").is_file()
    assert not (cell(made, "page") / "checkpoint").exists()
    told = json.loads((cell(made, "interpolation") / "checkpoint" / "contract.json").read_text())
    assert told["trained_on_synthetic"]
    assert json.loads((cell(made, "image_vqvae") / "checkpoint" / "contract.json").read_text())["sees"] == "page"


@pytest.mark.parametrize("seed", range(5))
def test_fewer_positives_are_among_more(seed: int) -> None:
    y = (np.random.default_rng(seed).random((300, 3)) < (0.05, 0.2, 0.4)).astype(np.float32)
    y[::17, 1] = np.nan
    rows, before = np.arange(20, 300), set(range(20, 300))
    for count in (60, 25, 10, 3, 1):
        kept = rarer(Few(positives=count), y, "ABC", rows, seed)
        positives = (y[kept] == 1).sum(axis=0)
        assert (positives <= count).all() and set(kept) <= before and (np.diff(kept) > 0).all()
        assert positives[2] == min(count, (y[rows, 2] == 1).sum()) or count > 25
        none = rows[~(y[rows] == 1).any(axis=1)]
        assert set(none) <= set(kept), "what is of no class stays"
        left = rows[np.isin(rows, kept, invert=True)]
        full = positives >= count
        assert ((y[left] == 1) & full).any(axis=1).all(), "nothing is left out that there is room for"
        before = set(kept)
    one = rarer(Few(positives=5, of=("B",)), y, "ABC", rows, seed)
    assert (y[one, 1] == 1).sum() == 5 and (y[one, 2] == 1).sum() > 50
    assert rarer(Few(), y, "ABC", rows, seed) is rows
    with pytest.raises(registry.UnknownName, match="unknown class 'D'"):
        rarer(Few(positives=5, of=("D",)), y, "ABC", rows, seed)


def test_records_of_a_rare_class_are_repeated_until_it_has_enough() -> None:
    y = np.zeros((100, 3), dtype=np.float32)
    y[:60, 0], y[55:65, 1], y[90:93, 2] = 1, 1, np.nan
    rows = np.arange(1000, 1100)
    often = repeated(rows, y, 30)
    counts = np.bincount(often - 1000, minlength=100)
    assert (counts >= 1).all() and set(np.flatnonzero(counts > 1)) == set(range(55, 65))
    assert counts[55:65].sum() == 30 and set(counts[55:65]) == {3}
    assert np.array_equal(repeated(rows, y, 5), rows)


def test_noise_is_of_deviation_one_and_simulated_noise_has_no_heart() -> None:
    bank = bank_of("simulated=3,duration_s=8", 100.0, (0.5, 40.0))
    assert bank.shape[1] == 800 and len(bank) >= 6 and np.isfinite(bank).all()
    np.testing.assert_allclose(bank.std(axis=1), 1.0, rtol=1e-2)
    arm = Arm("x", "xresnet1d101", changes=({"name": "noise"},))
    with pytest.raises(RunError, match="no recordings of noise are named; give --noise nstdb=DIR"):
        changes_of(dataclasses.replace(small(), noise=""), arm)
    with pytest.raises(registry.UnknownName, match="did you mean 'mixup'"):
        changes_of(small(), dataclasses.replace(arm, changes=({"name": "mixupp"},)))


def test_a_child_of_a_test_record_is_a_leak() -> None:
    table = pd.DataFrame({"record_id": ["a", "b", "c"], "patient_id": ["1", "2", "3"]})
    subject = Subject(table, np.array(["", "", ""], dtype=object), "by_patient", [None] * 3)
    part = np.array(["train", "train", "test"])
    good = descent(subject, part, [("a", "b")], [None])
    bad = descent(subject, part, [("a", "b"), ("a", "c")], [None, None])
    assert good.status == "could not look" and bad.status == "leak"
    assert "1 synthetic record made from records of another side" in bad.findings[0].sentence


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"remedies": ["mixupp"]}, "did you mean 'mixup'"),
        ({"others": ["boostin"]}, "did you mean 'boosting'"),
        ({"generator": "copies"}, "unknown generator that learns 'copies'"),
        ({"positives": [2]}, "positives are 3 or more"),
        ({"positives": [5, 5]}, "names 5 twice"),
        ({"rare": ["auto", "CLBBB"]}, "rare is auto, or names classes; not both"),
        ({"fold_count": 2}, "fold_count is 3 or more"),
        ({"upto": 0}, "upto is 1 or more"),
    ],
)
def test_what_cannot_be_is_refused(told: dict[str, Any], words: str) -> None:
    with pytest.raises((ValueError, registry.UnknownName), match=words):
        small(**told)


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"loss": "asymmetric", "balance": True}, "asymmetric is told no weights and no log odds"),
        ({"changes": ({"name": "mixup"},), "covariates": ("age",)}, "does not change with it"),
        ({"sees": "page", "recipe": Recipe(1, 8, 1e-3, crop_s=2.5)}, "a page has no leads, samples or windows"),
    ],
)
def test_arms_that_cannot_be_are_refused(told: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Arm("x", "resnet18", **told)


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"each": 0}, "fewer than one synthetic record"),
        ({"each": 3, "upto": 3}, "not both"),
        ({"between": True}, "say how many"),
    ],
)
def test_records_that_cannot_be_made_are_refused(told: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Made("vqvae", **told)


def test_what_cannot_read_makes_nothing_between_two(tmp_path: Path, stores: Path) -> None:
    experiment = small(remedies=["interpolation"], positives=[4], seeds=[0], others=[])
    flow = {"generator": "flow", "options": {}}
    arms = [dataclasses.replace(arm, **flow) if arm.generator else arm for arm in experiment.arms]
    with pytest.raises(
        RunError, match="'vqvae@4' cannot read an ECG, so it makes none between two; take cnn_bilstm or"
    ):
        changed = dataclasses.replace(experiment, arms=tuple(arms))
        run(changed, tmp_path / "run", stores=stores, progress=False, device=CPU)


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"remedies": ["sampling"], "upto": 3}, "sampling@all: no rare class has fewer than 3 positives"),
        ({"remedies": ["sampling"], "rare": ["CLBB"]}, "did you mean 'CLBBB'"),
        ({"remedies": ["mixup"], "rare": ["CLBB"], "positives": [4]}, "did you mean 'CLBBB'"),
        ({"remedies": ["mixup"], "labels": "own:x"}, "own"),
    ],
)
def test_what_cannot_be_is_known_before_anything_is_trained(
    told: dict[str, Any], words: str, tmp_path: Path, stores: Path
) -> None:
    with pytest.raises((RunError, registry.UnknownName, ValueError), match=words):
        run(small(**told, seeds=[0], others=[]), tmp_path / "run", stores=stores, progress=False, device=CPU)
    assert not list(tmp_path.rglob("cell.json"))


def test_oversampling_keeps_to_the_rare_classes() -> None:
    experiment = small(remedies=["oversampling"], rare=["LVH"])
    arm = next(arm for arm in experiment.arms if arm.repeat)
    assert arm.few.of == ("LVH",) and arm.repeat == 9


def test_the_planned_comparison_is_computed_first() -> None:
    experiment = small(remedies=["mixup", "interpolation"], positives=[5, 10], seeds=[0, 1], others=["boosting"])
    order = [cell.arm.name for stage in experiment.stages() for cell in stage]
    assert max(order.index(name) for name in ("none@10", "mixup@10", "interpolation@10")) < order.index("none@5")
    assert order.index("vqvae@5") < order.index("interpolation@5")


def test_by_default_no_class_is_cut() -> None:
    experiment = small(remedies=["interpolation"])
    assert experiment.primary == "interpolation@all" and all(arm.few == Few() for arm in experiment.arms)
    named = small(remedies=["interpolation"], rare=["LVH"], positives=[5, 10])
    assert {arm.few.of for arm in named.arms} == {("LVH",)} and named.primary == "interpolation@10"
    assert [arm.name for arm in named.arms if arm.generator] == ["vqvae@5", "vqvae@10"]


def test_a_generator_learns_a_prior_where_something_is_sampled_from_it() -> None:
    for prefix, maker in (("", "vqvae"), ("page_", "image_vqvae")):
        for more, told in (([], {"prior": "none"}), ([f"{prefix}sampling"], {})):
            experiment = small(remedies=[f"{prefix}interpolation", *more])
            assert [arm.options for arm in experiment.arms if arm.generator == maker] == [told]
