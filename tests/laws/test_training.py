"""What must hold of training: schedules, seeds, stopping, and going on after an interruption with the same numbers."""

import ast
import dataclasses
import json
import math
import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file
from torch import Tensor, nn

import einthoven
from einthoven.objectives.classify import Classify
from einthoven.training import Data, Device, Recipe, fit, load_checkpoint, predict, save_checkpoint
from einthoven.training._checkpoint import VERSION, hash_patient, load_state, save_state
from einthoven.training._recipe import best_epoch, decays, rate_and_momentum, should_stop

CPU = Device("cpu", "32-true")
ADAM = Recipe(epochs=6, batch_size=16, rate=3e-3, schedule="plateau", plateau=1)
CROPS = Recipe(
    epochs=6,
    batch_size=16,
    rate=1e-2,
    optimizer="adamw",
    weight_decay=1e-2,
    schedule="one_cycle",
    monitor="auroc",
    crop_s=0.4,
)


class Tiny(nn.Module):
    """A convolution, a normalisation with statistics, a dropout, a mean over time, and a dense layer."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv1d(2, 8, 7, padding=3), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.2))
        self.head = nn.Linear(8, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x).mean(dim=-1))


def tiny(seed: int = 0) -> Tiny:
    torch.manual_seed(seed)
    return Tiny()


def task(records: int = 83, seed: int = 0) -> Data:
    """Two leads of 100 samples: the first class is a faster wave, the second a raised one; some labels are unknown."""
    rng = np.random.default_rng(seed)
    fast, high = rng.random((2, records)) < 0.5
    phase = 2 * np.pi * (np.where(fast, 9, 4)[:, None] * np.linspace(0, 1, 100) + rng.random((records, 1)))
    x = np.stack([np.sin(phase), np.cos(phase) + high[:, None]], axis=1) + rng.normal(0, 0.3, (records, 2, 100))
    x, y = x.astype(np.float32), np.column_stack([fast, high]).astype(np.float32)
    y[rng.random(y.shape) < 0.1] = np.nan
    return Data(fetch=lambda rows: x[rows], y=y, rate_hz=100.0)


TRAIN, VALIDATION = np.arange(60), np.arange(60, 83)


def train(
    folder: Path, recipe: Recipe = ADAM, *, seed: int = 0, data: Data | None = None, **kwargs: Any
) -> tuple[Tiny, list]:
    model = tiny(seed)
    history = fit(
        model, Classify(), data or task(), TRAIN, VALIDATION, recipe, seed=seed, folder=folder, device=CPU, **kwargs
    )
    return model, history


def plainly(model: nn.Module, data: Data, rows: np.ndarray, recipe: Recipe) -> np.ndarray:
    """Predictions in 32 bits."""
    fabric = CPU.fabric()
    return predict(fabric.setup_module(model), data, rows, recipe, fabric=fabric)


def timeless(history: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{key: value for key, value in epoch.items() if key != "seconds"} for epoch in history]


def assert_same(one: tuple[nn.Module, list], other: tuple[nn.Module, list]) -> None:
    for (key, a), b in zip(one[0].state_dict().items(), other[0].state_dict().values(), strict=True):
        assert torch.equal(a, b), key
    assert timeless(one[1]) == timeless(other[1])


def losses(*values: float, monitor: str = "loss") -> list[dict[str, float]]:
    return [{"validation_loss": v, "validation_auroc": 1 - v} for v in values]


# Schedules


@pytest.mark.parametrize("steps", [5, 8, 37, 400])
def test_one_cycle_is_that_of_pytorch(steps: int) -> None:
    parameter = nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.Adam([parameter], lr=1.0)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=0.01, total_steps=steps, pct_start=0.25, div_factor=25, final_div_factor=1e5,
        base_momentum=0.85, max_momentum=0.95,
    )  # fmt: skip
    recipe = Recipe(epochs=1, batch_size=1, rate=0.01, schedule="one_cycle")
    for step in range(steps):
        rate, momentum = rate_and_momentum(recipe, step, steps, [])
        group = optimizer.param_groups[0]
        assert rate == pytest.approx(group["lr"], rel=1e-9, abs=1e-15)
        assert momentum == pytest.approx(group["betas"][0], rel=1e-9)
        optimizer.step()
        if step < steps - 1:
            scheduler.step()


@given(
    st.lists(st.one_of(st.floats(0, 1).map(lambda v: round(v, 1)), st.floats(0, 2)), min_size=1, max_size=60),
    st.integers(0, 5),
)
@settings(deadline=None, max_examples=150)
def test_plateau_is_that_of_pytorch_with_one_more_to_wait(values: list[float], patience: int) -> None:
    optimizer = torch.optim.Adam([nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, factor=0.1, patience=patience, threshold=0, threshold_mode="abs", eps=0
    )
    recipe = Recipe(epochs=99, batch_size=1, rate=1.0, schedule="plateau", plateau=patience + 1)
    for epoch, value in enumerate(values):
        scheduler.step(value)
        rate, momentum = rate_and_momentum(recipe, 0, 1, losses(*values[: epoch + 1]))
        assert rate == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-6)
        assert momentum == 0.9


def test_a_plateau_begins_anew_after_a_fall() -> None:
    recipe = Recipe(epochs=99, batch_size=1, rate=1.0, schedule="plateau", plateau=2)
    assert [decays(recipe, losses(*[1.0] * n)) for n in range(9)] == [0, 0, 0, 1, 1, 2, 2, 3, 3]


def test_a_constant_rate_is_constant() -> None:
    recipe = Recipe(epochs=9, batch_size=1, rate=0.3)
    assert {rate_and_momentum(recipe, step, 50, losses(*[1.0] * 30)) for step in range(50)} == {(0.3, 0.9)}


# The best epoch and the end


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30), st.integers(1, 9), st.sampled_from(["loss", "auroc"]))
@settings(deadline=None, max_examples=100)
def test_it_stops_when_patience_has_run_out(values: list[float], patience: int, monitor: str) -> None:
    recipe = Recipe(epochs=30, batch_size=1, rate=1.0, patience=patience, monitor=monitor)
    history = losses(*values)
    best = best_epoch(recipe, history)
    scores = [epoch[f"validation_{monitor}"] for epoch in history]
    wanted = min(scores) if monitor == "loss" else max(scores)
    assert scores[best] == wanted and wanted not in scores[:best]  # the first of equals
    assert should_stop(recipe, history) == (len(values) == 30 or len(values) - 1 - best >= patience)


def test_it_stops_at_the_last_epoch_and_not_before_the_first() -> None:
    recipe = Recipe(epochs=3, batch_size=1, rate=1.0)
    assert [should_stop(recipe, losses(*[1.0] * n)) for n in range(5)] == [False, False, False, True, True]
    assert not should_stop(Recipe(epochs=3, batch_size=1, rate=1.0, patience=0), [])


def test_an_undefined_score_is_the_worst() -> None:
    recipe = Recipe(epochs=9, batch_size=1, rate=1.0, monitor="auroc", patience=2)
    history = losses(math.nan, 0.9, math.nan, math.nan)
    assert best_epoch(recipe, history) == 1 and should_stop(recipe, history)
    assert best_epoch(recipe, losses(math.nan, math.nan)) == 0


# Fitting


@pytest.mark.parametrize("recipe", [ADAM, CROPS], ids=["adam", "crops"])
def test_it_learns_what_can_be_learnt(recipe: Recipe, tmp_path: Path) -> None:
    recipe = Recipe(**{**vars(recipe), "epochs": 12})
    model, history = train(tmp_path, recipe)
    assert [epoch["epoch"] for epoch in history] == list(range(12))
    assert set(history[0]) == {"epoch", "train_loss", "validation_loss", "validation_auroc", "lr", "seconds"}
    assert history[-1]["train_loss"] < 0.8 * history[0]["train_loss"]
    assert max(epoch["validation_auroc"] for epoch in history) > 0.9


def test_the_same_seed_gives_the_same_numbers_and_another_others(tmp_path: Path) -> None:
    one, two = train(tmp_path / "1", CROPS, seed=4), train(tmp_path / "2", CROPS, seed=4)
    assert_same(one, two)
    other = train(tmp_path / "3", CROPS, seed=5)
    assert timeless(other[1]) != timeless(one[1])


def test_chance_is_the_runs_own(tmp_path: Path) -> None:
    """Neither the global state of others' chance nor the order in which things are asked changes a number."""
    one = train(tmp_path / "1")
    disturb = {"on_epoch": lambda epoch: (torch.rand(epoch["epoch"] + 1), np.random.rand(3)) and None}  # noqa: NPY002
    assert_same(one, train(tmp_path / "2", **disturb))


def test_an_epoch_sees_each_training_record_once(tmp_path: Path) -> None:
    asked: list[np.ndarray] = []
    data = task()
    spy = Data(fetch=lambda rows: asked.append(rows) or data.fetch(rows), y=data.y, rate_hz=data.rate_hz)
    recipe = Recipe(epochs=2, batch_size=16, rate=1e-3)
    assert_same(train(tmp_path / "1", recipe), train(tmp_path / "2", recipe, data=spy))
    steps = -(-len(TRAIN) // 16)
    for epoch in range(2):
        batches = asked[epoch * (steps + 1) : (epoch + 1) * (steps + 1)]
        assert sorted(np.concatenate(batches[:steps])) == sorted(TRAIN)  # each once
        np.testing.assert_array_equal(batches[steps], VALIDATION)
    assert not np.array_equal(asked[0], asked[steps + 1])  # another order


@pytest.mark.parametrize("draws", [7, 60, 150])
def test_an_epoch_of_a_fixed_size_sees_each_record_as_often_but_for_one_time(draws: int, tmp_path: Path) -> None:
    seen: list[int] = []
    data = task()

    def fetch(rows: np.ndarray) -> np.ndarray:
        seen.extend(rows.tolist())
        return data.fetch(rows)

    recipe = dataclasses.replace(ADAM, epochs=1, schedule="constant", monitor="last", draws=draws)
    nobody = np.empty(0, dtype=np.int64)
    watched = dataclasses.replace(data, fetch=fetch)
    fit(tiny(), Classify(), watched, TRAIN, nobody, recipe, seed=0, folder=tmp_path, device=CPU)
    times = np.bincount(seen, minlength=60)
    assert len(seen) == draws and times[60:].sum() == 0
    assert set(times[:60]) <= {draws // 60, -(-draws // 60)}


def test_as_many_steps_whatever_there_is_to_learn_from(tmp_path: Path) -> None:
    recipe = dataclasses.replace(CROPS, monitor="last", draws=64, crop_s=None)
    nobody, rates = np.empty(0, dtype=np.int64), []
    for count in (5, 60):
        settings = {"seed": 0, "folder": tmp_path / str(count), "device": CPU}
        rates.append([e["lr"] for e in fit(tiny(), Classify(), task(), TRAIN[:count], nobody, recipe, **settings)])
    assert rates[0] == rates[1]


def test_validation_that_chooses_nothing_is_looked_at_five_times_and_changes_nothing(tmp_path: Path) -> None:
    recipe, nobody = dataclasses.replace(CROPS, epochs=9, monitor="last"), np.empty(0, dtype=np.int64)
    looked, history = train(tmp_path / "looked", recipe)
    assert [epoch["epoch"] for epoch in history if epoch["validation_auroc"] is not None] == [0, 2, 4, 6, 8]
    alone = tiny()
    fit(alone, Classify(), task(), TRAIN, nobody, recipe, seed=0, folder=tmp_path / "alone", device=CPU)
    assert all(torch.equal(a, b) for a, b in zip(looked.parameters(), alone.parameters(), strict=True))
    for epochs in (1, 2, 3, 7):
        few = dataclasses.replace(recipe, epochs=epochs)
        assert few.looks(0) and few.looks(epochs - 1) and sum(map(few.looks, range(epochs))) == min(5, epochs)
    assert all(map(CROPS.looks, range(9)))


def test_without_validation_the_last_weights_count_and_nothing_is_measured(tmp_path: Path) -> None:
    recipe, nobody = dataclasses.replace(ADAM, schedule="constant", monitor="last"), np.empty(0, dtype=np.int64)
    model = tiny()
    history = fit(model, Classify(), task(), TRAIN, nobody, recipe, seed=0, folder=tmp_path, device=CPU)
    assert len(history) == ADAM.epochs and all(epoch["validation_loss"] is None for epoch in history)
    last = load_state(tmp_path / "state.safetensors")[0]
    assert all(torch.equal(tensor, last[f"model.{name}"]) for name, tensor in model.state_dict().items())
    with pytest.raises(ValueError, match="the loss on no validation record chooses no epoch"):
        fit(tiny(), Classify(), task(), TRAIN, nobody, ADAM, seed=0, folder=tmp_path / "other", device=CPU)
    with pytest.raises(ValueError, match="drop them"):
        dataclasses.replace(ADAM, monitor="last")


def test_the_weights_that_are_kept_are_a_running_mean_of_those_of_the_steps(tmp_path: Path) -> None:
    seen: list[Tensor] = []

    class Watched(Classify):
        def __call__(self, model: Any, batch: dict[str, Tensor]) -> dict[str, Tensor]:
            if model.training:
                seen.append(model.head.weight.detach().clone())
            return super().__call__(model, batch)

    recipe = Recipe(epochs=3, batch_size=16, rate=3e-3, monitor="last", average=0.8)
    model = tiny()
    fit(model, Watched(), task(), TRAIN, VALIDATION, recipe, seed=0, folder=tmp_path, device=CPU)
    last = load_state(tmp_path / "state.safetensors")[0]["model.head.weight"]
    mean = seen[0]
    for step, weight in enumerate([*seen[1:], last]):
        mean = torch.lerp(weight, mean, min(0.8, (1 + step) / (10 + step)))
    assert torch.allclose(model.head.weight, mean, atol=1e-6) and not torch.allclose(model.head.weight, last)
    with pytest.raises(ValueError, match="needs the monitor 'last'"):
        dataclasses.replace(recipe, monitor="loss")


class Beside(Tiny):
    """It sees nothing but what stands beside the signal."""

    def forward(self, x: Tensor, covariates: Tensor | None = None) -> Tensor:
        assert covariates is not None
        return self.head(covariates.repeat(1, 4)) + 0 * super().forward(x)


def test_covariates_reach_the_model_in_training_and_testing(tmp_path: Path) -> None:
    known = task()
    values = np.nan_to_num(known.y).astype(np.float32)
    data = dataclasses.replace(known, covariates=values)
    torch.manual_seed(0)
    model = Beside()
    recipe = dataclasses.replace(ADAM, epochs=30, rate=3e-2)
    fit(model, Classify(), data, TRAIN, VALIDATION, recipe, seed=0, folder=tmp_path, device=CPU)
    answers = plainly(model, data, VALIDATION, recipe) > 0
    assert (answers == (values[VALIDATION] == 1)).all()


def test_a_last_batch_of_one_gets_company(tmp_path: Path) -> None:
    asked: list[int] = []
    data = task()
    spy = Data(fetch=lambda rows: asked.append(len(rows)) or data.fetch(rows), y=data.y, rate_hz=data.rate_hz)
    fit(tiny(), Classify(), spy, np.arange(33), VALIDATION, Recipe(1, 16, 1e-3), seed=0, folder=tmp_path, device=CPU)
    assert asked == [16, 16, 2, len(VALIDATION)]


def test_the_best_weights_are_restored(tmp_path: Path) -> None:
    data = task()
    data.y[VALIDATION] = 1 - data.y[VALIDATION]  # the better it learns, the worse it gets
    kept: list[dict[str, Tensor]] = []
    model = tiny()
    recipe = Recipe(epochs=9, batch_size=16, rate=1e-2, patience=3)
    keep = {"on_epoch": lambda epoch: kept.append({k: t.clone() for k, t in model.state_dict().items()})}
    history = fit(model, Classify(), data, TRAIN, VALIDATION, recipe, seed=0, folder=tmp_path, device=CPU, **keep)
    best = best_epoch(recipe, history)
    assert best < len(history) - 1 == best + 3  # stopped by patience
    assert all(torch.equal(t, kept[best][k]) for k, t in model.state_dict().items())
    assert any(not torch.equal(t, kept[-1][k]) for k, t in model.state_dict().items())


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_loss_that_is_no_number_is_an_error(value: float, tmp_path: Path) -> None:
    data = task()
    broken = Data(fetch=lambda rows: data.fetch(rows) * np.float32(value), y=data.y, rate_hz=data.rate_hz)
    with pytest.raises(ValueError, match=r"the loss is nan in epoch 0"):
        train(tmp_path, data=broken)
    assert not list(tmp_path.glob("*.safetensors*"))


def test_a_crop_longer_than_the_signal_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="a window of 200 samples does not fit into a signal of 100"):
        train(tmp_path, Recipe(**{**vars(CROPS), "crop_s": 2.0}))


def test_training_sees_windows_and_testing_the_maximum_over_them(tmp_path: Path) -> None:
    data, lengths = task(), []
    model = tiny().eval()
    model.register_forward_pre_hook(lambda module, given: lengths.append(given[0].shape[-1]))
    found = plainly(model, data, VALIDATION, CROPS)
    starts = data.crop(CROPS).cover(100)
    assert len(starts) > 1 and set(lengths) == {40}
    with torch.inference_mode():
        views = [model(torch.from_numpy(data.fetch(VALIDATION)[..., s : s + 40])).numpy() for s in starts]
    np.testing.assert_allclose(found, np.max(views, axis=0), rtol=1e-5)
    lengths.clear()
    train_model = tiny()
    train_model.register_forward_pre_hook(lambda module, given: lengths.append(given[0].shape[-1]))
    fit(
        train_model,
        Classify(),
        data,
        TRAIN,
        VALIDATION,
        Recipe(1, 16, 1e-3, crop_s=0.4),
        seed=0,
        folder=tmp_path,
        device=CPU,
    )
    assert set(lengths) == {40}


def test_predictions_do_not_depend_on_the_batch() -> None:
    data = task(300)
    model, rows = tiny(), np.arange(300)
    whole = plainly(model, data, rows, ADAM)
    assert whole.shape == (300, 2) and whole.dtype == np.float32
    parts = np.concatenate([plainly(model, data, rows[i : i + 7], ADAM) for i in range(0, 300, 7)])
    np.testing.assert_allclose(whole, parts, rtol=1e-4, atol=1e-5)


def test_the_device_says_what_auto_is() -> None:
    assert CPU.resolved == "32-true" and not CPU.fast_layout
    assert Device("cpu").resolved in ("32-true", "bf16-mixed")
    assert Device("cpu", "bf16-mixed").fast_layout
    fabric = CPU.fabric()
    assert fabric.world_size == 1 and fabric.device.type == "cpu"


# Going on


def stopped_after(epochs: int) -> Callable[[dict[str, Any]], None]:
    def stop(epoch: dict[str, Any]) -> None:
        if epoch["epoch"] == epochs - 1:
            raise KeyboardInterrupt

    return stop


MEAN = Recipe(epochs=6, batch_size=16, rate=3e-3, monitor="last", average=0.8)


@pytest.mark.parametrize("recipe", [ADAM, CROPS, MEAN], ids=["adam", "crops", "mean"])
def test_a_stopped_training_ends_with_the_numbers_of_the_unbroken_one(recipe: Recipe, tmp_path: Path) -> None:
    whole = train(tmp_path / "whole", recipe)
    broken = tmp_path / "broken"
    for epochs in (1, 4):
        with pytest.raises(KeyboardInterrupt):
            train(broken, recipe, on_epoch=stopped_after(epochs))
    told: list[int] = []
    again = train(broken, recipe, on_epoch=lambda epoch: told.append(epoch["epoch"]))
    assert_same(whole, again)
    assert told == list(range(6))  # the earlier session's epochs are told too


def test_a_finished_training_is_not_done_again(tmp_path: Path) -> None:
    whole = train(tmp_path)
    refuse = Data(fetch=lambda rows: pytest.fail("it trained again"), y=task().y, rate_hz=100.0)
    assert_same(whole, train(tmp_path, data=refuse))


_SCRIPT = """
import importlib.util, os, sys, time
from pathlib import Path
import torch
torch.set_num_threads(1)
spec = importlib.util.spec_from_file_location("laws", {file!r})
laws = importlib.util.module_from_spec(spec)
spec.loader.exec_module(laws)
data = laws.task()
def fetch(rows):
    time.sleep(0.01)  # so that a kill may hit anything
    return data.fetch(rows)
slow = laws.Data(fetch=fetch, y=data.y, rate_hz=data.rate_hz)
model, history = laws.train(Path({folder!r}), laws.CROPS, data=slow, on_epoch=lambda e: print(e["epoch"], flush=True))
laws.save_state(Path({folder!r}) / "end.safetensors", model.state_dict(), {{"history": history}})
"""


def test_a_killed_training_ends_with_the_numbers_of_the_unbroken_one(tmp_path: Path) -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        whole = train(tmp_path / "whole", CROPS)
    finally:
        torch.set_num_threads(threads)
    folder = tmp_path / "killed"
    script = textwrap.dedent(_SCRIPT.format(file=str(Path(__file__).resolve()), folder=str(folder)))
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
    chance, reached = random.Random(0), []
    for kill_after in (0, 3, None):
        child = subprocess.Popen(
            [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
        )
        with child:
            if kill_after is not None:
                for line in child.stdout:
                    if int(line) == kill_after:
                        break
                time.sleep(chance.uniform(0, 0.06))
                child.send_signal(signal.SIGKILL)
                child.wait()
                assert child.returncode == -signal.SIGKILL
                reached.append(len(load_state(folder / "state.safetensors")[1]["history"]))
            else:
                _, errors = child.communicate()
                assert child.returncode == 0, errors
    assert reached[0] >= 1 and 4 <= reached[1] < 6
    weights, facts = load_state(folder / "end.safetensors")
    assert all(torch.equal(t, weights[k]) for k, t in whole[0].state_dict().items())
    assert timeless(facts["history"]) == timeless(whole[1])


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1},
        {"recipe": Recipe(**{**vars(ADAM), "rate": 1e-3})},
        {"recipe": Recipe(**{**vars(ADAM), "epochs": 9})},
    ],
)
def test_the_state_of_other_settings_is_refused(change: dict[str, Any], tmp_path: Path) -> None:
    train(tmp_path)
    with pytest.raises(ValueError, match=r"state\.safetensors was left by a training with other settings"):
        train(tmp_path, **change)


@pytest.mark.parametrize("damage", [lambda b: b[: len(b) // 2], lambda b: b"", lambda b: b"\xff" * 64 + b[64:]])
def test_a_damaged_state_is_named(damage: Callable[[bytes], bytes], tmp_path: Path) -> None:
    train(tmp_path)
    path = tmp_path / "state.safetensors"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ValueError, match=r"state\.safetensors is damaged .*delete it and train again"):
        train(tmp_path)


def test_a_state_without_facts_is_damaged(tmp_path: Path) -> None:
    save_file({"a": torch.zeros(1)}, tmp_path / "state.safetensors")
    with pytest.raises(ValueError, match="is damaged"):
        load_state(tmp_path / "state.safetensors")


def test_a_state_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "state.safetensors"
    save_state(path, {"a": torch.ones(3)}, {"n": 1})
    monkeypatch.setattr(os, "replace", lambda *names: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        save_state(path, {"a": torch.zeros(3)}, {"n": 2})
    tensors, facts = load_state(path)
    assert facts == {"n": 1} and torch.equal(tensors["a"], torch.ones(3))


# Checkpoints


CONTRACT = {"model": "tiny", "leads": ["I", "II"], "rate_hz": 100.0}


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    save_checkpoint(tmp_path / "checkpoint", tiny().state_dict(), CONTRACT)
    return tmp_path / "checkpoint"


def test_a_checkpoint_comes_back(checkpoint: Path) -> None:
    weights, contract = load_checkpoint(str(checkpoint))
    assert contract == {"version": VERSION, **CONTRACT}
    assert all(torch.equal(t, weights[k]) for k, t in tiny().state_dict().items())
    assert sorted(p.name for p in checkpoint.iterdir()) == ["contract.json", "model.safetensors"]
    assert [p.name for p in checkpoint.parent.iterdir()] == ["checkpoint"]  # no scratch is left


def test_a_checkpoint_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    with pytest.raises(TypeError):
        save_checkpoint(tmp_path / "checkpoint", tiny().state_dict(), {"what": object()})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["contract.json", "model.safetensors"])
def test_an_incomplete_checkpoint_is_refused(checkpoint: Path, name: str) -> None:
    (checkpoint / name).unlink()
    with pytest.raises(ValueError, match=rf"is no checkpoint: {name.replace('.', '[.]')} is missing"):
        load_checkpoint(checkpoint)


def test_what_is_no_folder_is_no_checkpoint(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for name in ("nowhere", "file"):
        with pytest.raises(ValueError, match="is no checkpoint"):
            load_checkpoint(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "content"),
    [("contract.json", "{"), ("contract.json", "[1]"), ("contract.json", "\udcff"), ("model.safetensors", "what")],
)
def test_a_damaged_checkpoint_is_refused(checkpoint: Path, name: str, content: str) -> None:
    (checkpoint / name).write_bytes(content.encode(errors="surrogateescape"))
    with pytest.raises(ValueError, match=r"is damaged .*fetch or train it again"):
        load_checkpoint(checkpoint)


def test_a_checkpoint_of_another_version_is_refused(checkpoint: Path) -> None:
    (checkpoint / "contract.json").write_text(json.dumps({**CONTRACT, "version": VERSION + 1}))
    with pytest.raises(ValueError, match=rf"of version {VERSION + 1}, this program reads {VERSION}"):
        load_checkpoint(checkpoint)


def test_patients_are_hashed_with_the_owners_salt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EINTHOVEN_SALT", raising=False)
    plain = hash_patient("ptbxl:1")
    assert plain == hash_patient("ptbxl:1") != hash_patient("ptbxl:2")
    assert "ptbxl" not in plain and len(plain) == 32
    monkeypatch.setenv("EINTHOVEN_SALT", "secret")
    assert hash_patient("ptbxl:1") != plain


# No pickle


_PICKLERS = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}


def pickling(code: str) -> list[str]:
    """What in a module's code could read or write a pickle."""
    found = []
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names if alias.name.partition(".")[0] in _PICKLERS]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found += [node.module] if node.module.partition(".")[0] in _PICKLERS else []
            found += [a.name for a in node.names if node.module == "torch" and a.name in ("load", "save")]
        elif isinstance(node, ast.Attribute):
            owner = node.value.id if isinstance(node.value, ast.Name) else ""
            found += [node.attr] if node.attr in ("read_pickle", "to_pickle") else []
            found += [f"torch.{node.attr}"] if owner == "torch" and node.attr in ("load", "save") else []
        elif isinstance(node, ast.keyword) and node.arg == "allow_pickle":
            found += [] if isinstance(node.value, ast.Constant) and node.value.value is False else ["allow_pickle"]
    return found


@pytest.mark.parametrize(
    "code",
    ["import pickle", "from joblib import load", "torch.load(f)",
     "from torch import load", "np.load(f, allow_pickle=True)",
     "pd.read_pickle(f)", "np.load(f, allow_pickle=flag)"],
)  # fmt: skip
def test_the_search_for_pickles_finds_them(code: str) -> None:
    assert pickling(code)


def test_no_pickle_is_ever_loaded() -> None:
    files = sorted(Path(einthoven.__file__).parent.rglob("*.py"))
    assert len(files) > 50
    assert {str(f): found for f in files if (found := pickling(f.read_text(encoding="utf-8")))} == {}
