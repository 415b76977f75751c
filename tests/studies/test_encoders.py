"""The study encoders on simulated ECGs: every network at every share, from scratch and begun with what it knows."""

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from einthoven import models, registry, run
from einthoven.cli.compare import compare
from einthoven.pipeline import Few, RunError
from einthoven.registry import UnknownName
from einthoven.report import write
from einthoven.studies import encoders, pretrain
from einthoven.studies._encoders import begun
from einthoven.training import Device

CPU = Device("cpu", "32-true")
DATA = ["simulated=70,duration_s=5"]
VIT, SPACE = "ecg_vit,features=24,depth=1,heads=2", "state_space,features=16,depth=1"
FORM = {"length_s": 5.0, "epochs": 1, "draws": 32}


@pytest.fixture(scope="module")
def learnt(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A state-space network that has learnt to tell what comes next."""
    experiment = pretrain(DATA, objective="predictive", model=SPACE, epochs=1)
    experiment = dataclasses.replace(experiment, samples=500)
    return str(run(experiment, tmp_path_factory.mktemp("encoders") / "begun", device=CPU, progress=False))


def test_a_page_tells_each_encoder_at_each_share(learnt: str, tmp_path: Path) -> None:
    made = encoders(
        DATA, models=[VIT, SPACE], from_=[learnt], probe=True, labels=["code6"], fractions=[0.5, 1.0],
        seeds=[0], **FORM,
    )  # fmt: skip
    stores = Path(learnt).parent / "stores"
    out = run(dataclasses.replace(made, resamples=20), tmp_path / "run", stores=stores, device=CPU, progress=False)
    table = pd.read_parquet(out / "results" / "efficiency.parquet")
    ways = {VIT, SPACE, f"{SPACE}+predictive", f"{SPACE}+predictive probe", "boosting"}
    ways |= {f"{VIT} untrained", f"{SPACE} untrained"}
    assert set(table["family"]) == ways and set(table["share"]) == {0.5, 1.0}
    against = pd.read_parquet(out / "results" / "reaches.parquet")
    assert set(against.loc[against["kind"] == "same", "family"]) == ways - {VIT}
    page = write(out).read_text(encoding="utf-8")
    assert f"{SPACE}+predictive probe" in page and "Encoders side by side" in page
    assert f"What {SPACE} is worth" in page and f"less {VIT} with as many" in page and "supervision" not in page
    told = tmp_path / "half.json"
    compare(out, out, models=(f"{SPACE}@50%", f"{VIT}@50%"), out=told, resamples=20)
    (found,) = (
        row
        for row in json.loads(told.read_text())["differences"]
        if (row["class"], row["metric"]) == ("macro", "auroc")
    )
    half = table.query("share == 0.5 and metric == 'auroc' and label_set == 'code6'").set_index("family")["value"]
    assert (found["first"], found["second"]) == (pytest.approx(half[SPACE]), pytest.approx(half[VIT]))


def test_the_grid_holds_what_was_planned() -> None:
    small = "state_space,depth=2"
    told = {"rounds": {"state_space": 7}, "rates": {"ecg_vit": 5e-4, small: 2e-3}}
    made = encoders(DATA, models=["xresnet1d101", "state_space", "ecg_vit", small], labels=["code6"], **told)
    assert (made.primary, made.baseline) == ("state_space@100%", "xresnet1d101@100%")
    recipes = {arm.name: arm.recipe for arm in made.arms if arm.recipe}
    assert recipes["state_space@10%"].epochs == 7 and recipes["xresnet1d101@10%"].epochs == 50
    assert recipes[f"{small}@10%"].epochs == 7 and recipes[f"{small}@10%"].rate == 2e-3
    assert recipes["ecg_vit@50%"].rate == 5e-4 and {recipe.draws for recipe in recipes.values()} == {1280}
    assert {arm.few for arm in made.arms} == {Few(), *(Few(share=share) for share in (0.1, 0.25, 0.5, 1.0))}
    first = {cell.arm.name.rpartition("@")[2] for stage in made.stages()[:1] for cell in stage}
    assert first == {"100%"}


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"fractions": [0.5]}, "and 1 is one"),
        ({"models": ["state_spac"]}, "did you mean 'state_space'"),
        ({"rounds": {"ecg_vitt": 3}}, "did you mean 'ecg_vit'"),
        ({"models": ["ecg_vit", "ecg_vit"]}, "twice"),
        ({"rounds": {"ecg_vit": 0}}, "rounds of ecg_vit is 1 or more"),
        ({"rates": {"ecg_vit": 0.0}}, "rate of ecg_vit is above 0"),
        ({"labels": ["origin:12"]}, "einthoven study localisation"),
        ({"models": ["state_space,dept=3"]}, "did you mean 'depth'"),
        ({"models": ["state_space,depth=many"]}, "'state_space,depth=many' cannot be built"),
        ({"models": ["state_space,depth=0"]}, "cannot be built: features, depth and states are 1 or more, not 256, 0 "),
        ({"models": ["state_space", "state_space,depth=4"]}, "names state_space again as state_space,depth=4"),
    ],
)
def test_what_cannot_be_is_refused(told: dict[str, Any], words: str) -> None:
    with pytest.raises((ValueError, UnknownName), match=words):
        encoders(DATA, **told)


def test_an_encoder_stays_what_it_is_when_the_usual_options_change(
    learnt: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its contract holds all of them, and studies ask for those that are unusual today."""
    usual = registry.defaults("models", "state_space")
    (contract,) = Path(learnt).glob("cells/*/checkpoint/contract.json")
    assert json.loads(contract.read_text())["options"] == usual | {"features": 16, "depth": 1}
    assert models.parse("state_space,dropout=0.1,depth=1") == ("state_space", {"depth": 1})
    monkeypatch.setattr(registry, "defaults", lambda *kind: usual | {"depth": 1, "states": 16})
    assert begun(learnt).options == {"features": 16, "states": 8}


def test_an_encoder_that_is_not_among_them_is_not_begun_with(learnt: str, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="holds state_space,features=16,depth=1, none of ecg_vit; state_space;"):
        encoders(DATA, models=["ecg_vit", "state_space"], from_=[learnt])
    with pytest.raises(RunError, match="two runs hold state_space,features=16,depth=1 that learnt by predictive"):
        encoders(DATA, models=["ecg_vit", SPACE], from_=[learnt, str(shutil.copytree(learnt, tmp_path / "other"))])


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"rate_hz": 500.0}, "rate_hz is 500.0, but .* saw 100.0; leave it out"),
        ({"bandpass_hz": None}, "bandpass_hz is None, but"),
        ({"length_s": 7.0}, "length_s is 7.0, but .* saw 5.0"),
    ],
)
def test_what_an_encoder_saw_is_not_told_otherwise(learnt: str, told: dict[str, Any], words: str) -> None:
    assert encoders(DATA, models=[SPACE], from_=[learnt], labels=["code6"], length_s=5.0).samples == 500
    with pytest.raises(RunError, match=words):
        encoders(DATA, models=[SPACE], from_=[learnt], labels=["code6"], **told)


def test_one_encoder_alone_is_held_against_what_it_was_before(learnt: str) -> None:
    made = encoders(DATA, models=[SPACE], from_=[learnt], labels=["code6"])
    assert (made.primary, made.baseline) == (f"{SPACE}+predictive@100%", f"{SPACE}@100%")
    assert encoders(DATA, models=[SPACE], labels=["code6"]).primary == "boosting@100%"
    with pytest.raises(RunError, match="stands beside nothing"):
        encoders(DATA, models=[SPACE], others=[])
