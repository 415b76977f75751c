"""Computes one cell of the grid: fit, predict, and leave a folder that says so."""

__all__ = ["check", "compute"]

import dataclasses
import gc
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from einthoven import models, objectives
from einthoven.evaluation import weighted
from einthoven.pipeline.audited import descent
from einthoven.pipeline.changing import changes_of
from einthoven.pipeline.cohort import Cohort
from einthoven.pipeline.contract import contract, keep
from einthoven.pipeline.covariates import standardised
from einthoven.pipeline.experiment import Arm, Cell, Experiment, Made, RunError
from einthoven.pipeline.generating import fitting, generator_of, learn_to_generate
from einthoven.pipeline.learning import learnt_from, part_of, repeated, view
from einthoven.pipeline.making import MadeRecords, made_records, makeable
from einthoven.pipeline.measuring import no_judge
from einthoven.pipeline.pretext import pretext_of, pretrain
from einthoven.pipeline.task import Task, shape_of, write_json
from einthoven.records.ecg import ECG
from einthoven.records.writing import replacing
from einthoven.store import Fingerprint
from einthoven.training import Data, fit, load_weights, predict

_MOST_WEIGHT = 20.0


def compute(task: Task, cohort: Cohort, on_epoch: Callable[[dict[str, Any]], None] = lambda epoch: None) -> None:
    """Computes a cell; `cell.json` is written last and marks it finished.

    A cell is computed after those that its arm is computed from, see `Arm.after`.
    """
    began = time.perf_counter()
    working = task.folder / "working"
    _clear_stale(task, working)
    history: list[dict[str, Any]] = []
    facts: dict[str, Any] = {}
    if task.cell.arm.members:
        table = _mean_of_members(task)
    else:
        train = learnt_from(task.cell, cohort)
        if task.cell.arm.generator:
            train = fitting(task.experiment, cohort, task.cell.arm, train)
        facts["learnt_from"] = _account(cohort, train)
        learn = learn_to_generate if task.cell.arm.generator else pretrain if task.cell.arm.objective else _learnt
        table, history = learn(task, cohort, train, working, on_epoch)
    with replacing(task.folder / "predictions.parquet") as scratch:
        table.to_parquet(scratch, index=False)
    write_json(task.folder / "history.json", history)
    shutil.rmtree(working, ignore_errors=True)
    facts |= {"identity": task.identity, "seconds": time.perf_counter() - began, "threads": torch.get_num_threads()}
    facts["precision"] = task.device.resolved if task.cell.arm.recipe else "64-true"
    write_json(task.folder / "cell.json", facts)


def check(experiment: Experiment, cohort: Cohort) -> None:
    """Builds each model, loads its weights and draws what it learns from: what cannot be fails before any training.

    Raises:
        RunError: If an arm learns from nothing, or asks for more patients than there are.
        UnknownName: If there is no such model or covariate.
        ValueError: If a model cannot be built, or its weights do not fit.
    """

    looked = set()  # generators that learn from the same records are asked for once
    for cell in (cell for stage in experiment.stages() for cell in stage):
        for name in (*((cell.arm.made.by,) if cell.arm.made else ()), *cell.arm.tried):
            if not experiment.cell_of(name, cell.seed, cell.fold).arm.generator:
                raise RunError(f"{cell.arm.name} asks {name} for records, which makes none; name a generator's arm")
        if not cell.arm.members:
            rows = learnt_from(cell, cohort)
            if cell.arm.generator and rows.tobytes() not in looked:
                rest = [part_of(cell, cohort, part) for part in ("validation", "test")]
                no_judge(experiment, cohort, np.concatenate([fitting(experiment, cohort, cell.arm, rows), *rest]))
                looked.add(rows.tobytes())
            _check_rare(experiment, cohort, cell, rows)
    for arm in experiment.arms:
        if arm.generator:
            generator_of(experiment, cohort, arm)
        elif not arm.members:
            shape = shape_of(experiment, cohort, arm, cohort.covariates(arm, experiment.samples))
            model = models.build(arm.model, shape, **({} if arm.recipe else {"seed": 0}), **arm.options)
            if arm.objective:
                pretext_of(arm, model)
            if arm.transfer is not None and isinstance(model, models.Network):
                load_weights(model, arm.transfer)
            if arm.recipe and not arm.objective:
                _objective(arm, cohort, cohort.y[:0])
                changes_of(experiment, arm)


def _check_rare(experiment: Experiment, cohort: Cohort, cell: Cell, rows: np.ndarray) -> None:
    """Holds that what a cell does for rare classes can be done.

    Raises:
        RunError: If a class has lost all its positives to others, nothing would be made, or the classes exclude each
            other.
    """

    arm, few = cell.arm, cell.arm.few
    if cohort.exclusive and (arm.loss or arm.adjust or arm.changes or (arm.made and arm.made.between)):
        raise RunError(f"{arm.name} is for classes that may go together; of these a record is of exactly one")
    if few.positives is not None and arm.learns:
        for column, code in enumerate(cohort.classes):
            if code in (few.of or cohort.classes) and not (cohort.y[rows, column] == 1).any():
                what = (
                    f"of {few.positives} positives a class none is left of {code}, all of whose records are others' too"
                )
                raise RunError(f"{what}; leave it out, or ask for more positives")
    if arm.made and arm.made.upto is not None:
        makeable(experiment, cohort, cell)


def _learnt(
    task: Task, cohort: Cohort, train: np.ndarray, working: Path, on_epoch: Callable[[dict[str, Any]], None]
) -> tuple[pd.DataFrame, list[dict[str, Any]]]:
    """Trains the arm's model and lets it answer for validation and test records."""
    arm = task.cell.arm
    asked = [part for part in ("validation", "test", "external") if part not in arm.learns]
    watched = part_of(task.cell, cohort, arm.watches)
    rest = np.concatenate([part_of(task.cell, cohort, part) for part in asked])
    made = [made_records(task, cohort, arm.made)] if arm.made else []
    learnt = sum(len(block.y) for block in made)
    for block in made:
        if task.experiment.cell_of(block.by, task.cell.seed, task.cell.fold).arm.serves:  # others are measured there
            _keep_made(task, cohort, block)
    made += [made_records(task, cohort, Made(name)) for name in arm.tried]
    data = view(task.experiment, task.cell, cohort, [(block.signal, block.y) for block in made])
    synthetic = np.arange(len(cohort.y), len(data.y))
    train, answered = np.concatenate([train, synthetic[:learnt]]), np.concatenate([rest, synthetic[learnt:]])
    history: list[dict[str, Any]] = []
    if arm.recipe is None:
        probability = _at_once(task, cohort, data, train, answered)
    else:
        seen = np.concatenate([block.seen for block in made]) if arm.made else synthetic[:0]
        probability, history = _by_gradient(task, cohort, data, (train, watched, answered), seen, working, on_epoch)
    if arm.tried:
        _keep_answers(task, cohort, made[bool(arm.made) :], probability[len(rest) :])
    return _predictions(task.cell, cohort, rest, probability[: len(rest)]), history


def _keep_made(task: Task, cohort: Cohort, made: MadeRecords) -> None:
    """Keeps what synthetic records that are learnt from were made from, and what the audit says of that."""
    experiment = task.experiment
    prints: list[Fingerprint | None] = [None] * len(made.y)  # none of a page
    if task.cell.arm.sees == "leads":
        ecgs = (ECG(signal, experiment.unit, experiment.rate_hz, experiment.leads) for signal in made.signal)
        prints = [Fingerprint.of(ecg) for ecg in ecgs]
    verdict = descent(cohort.subject(experiment.split), cohort.parts[task.cell.fold], made.parents, prints)
    table = pd.DataFrame({"parents": list(map(list, made.parents))})
    table["alpha"] = np.nan if made.alpha is None else made.alpha
    for place, name in enumerate(cohort.classes):
        table[name] = made.y[:, place]
    with replacing(task.folder / "synthetic.parquet") as scratch:
        table.to_parquet(scratch, index=False)
    said = {"status": verdict.status, "looked": verdict.looked, "findings": [f.sentence for f in verdict.findings]}
    write_json(task.folder / "synthetic.json", {"made_by": made.by, "records": len(made.y), "audit": said})


def _keep_answers(task: Task, cohort: Cohort, made: list[MadeRecords], probability: np.ndarray) -> None:
    """Keeps what was answered for synthetic records, long: one row a record and class."""
    count = len(cohort.classes)
    answers = pd.DataFrame(
        {
            "made_by": np.repeat([block.by for block in made for _ in block.y], count),
            "record": np.repeat([number for block in made for number in range(len(block.y))], count),
            "class": np.tile(cohort.classes, sum(len(block.y) for block in made)),
            "truth": np.concatenate([block.y for block in made]).ravel(),
            "probability": probability.astype(np.float32).ravel(),
        }
    )
    with replacing(task.folder / "answers.parquet") as scratch:
        answers.to_parquet(scratch, index=False)


def _account(cohort: Cohort, rows: np.ndarray) -> dict[str, Any]:
    """How much there was to learn from: records, patients, and positives of each class."""
    positives = dict(zip(cohort.classes, (cohort.y[rows] == 1).sum(axis=0).tolist(), strict=True))
    patients = int(cohort.table["patient_id"].iloc[rows].nunique())
    return {"records": len(rows), "patients": patients, "positives": positives}


def _mean_of_members(task: Task) -> pd.DataFrame:
    """The mean of the members' probabilities, record by record and class by class."""
    cell = task.cell
    folders = [task.folder.with_name(Cell(Arm(name), cell.seed, cell.fold).name) for name in cell.arm.members]
    tables = [pd.read_parquet(folder / "predictions.parquet") for folder in folders]
    mean = np.mean([table["probability"].to_numpy(np.float64) for table in tables], axis=0)
    table = tables[0].assign(probability=mean.astype(np.float32), model=cell.arm.name)
    return weighted(table, cell.arm.decides) if cell.arm.decides else table


def _clear_stale(task: Task, working: Path) -> None:
    """Empties the folder of another cell's leftovers, and keeps those of this one to go on from."""
    mark = working / "identity"
    if task.folder.exists() and not (mark.exists() and mark.read_text() == task.identity):
        shutil.rmtree(task.folder)
    working.mkdir(parents=True, exist_ok=True)
    mark.write_text(task.identity)


def _by_gradient(
    task: Task,
    cohort: Cohort,
    data: Data,
    rows: tuple[np.ndarray, np.ndarray, np.ndarray],
    seen: np.ndarray,
    working: Path,
    on_epoch: Callable[[dict[str, Any]], None],
) -> tuple[np.ndarray, list[dict[str, Any]]]:
    arm, seed, (train, watched, rest) = task.cell.arm, task.cell.seed, rows
    assert arm.recipe is not None
    torch.manual_seed(seed)
    scale: dict[str, Any] = {}
    if data.covariates is not None:
        values, scale = standardised(data.covariates, train)
        data = dataclasses.replace(data, covariates=values)
    network = models.build(arm.model, shape_of(task.experiment, cohort, arm, data.covariates), **arm.options)
    if not isinstance(network, models.Network):
        raise TypeError(f"{arm.model} is not trained by gradient; give its arm no recipe")
    network.fast = task.device.fast_layout
    loaded = load_weights(network, arm.transfer) if arm.transfer is not None else None
    objective = _objective(arm, cohort, data.y[train])
    settings: dict[str, Any] = {"seed": seed, "folder": working, "device": task.device, "on_epoch": on_epoch}
    settings |= {"transfer": arm.transfer, "changes": changes_of(task.experiment, arm)}
    rare = [cohort.classes.index(code) for code in arm.few.of or cohort.classes]
    often = repeated(train, data.y[train][:, rare], arm.repeat) if arm.repeat else train
    history = fit(network, objective, data, often, watched, arm.recipe, **settings)
    fabric = task.device.fabric()
    logits = predict(fabric.setup_module(network), data, rest, arm.recipe, fabric=fabric)
    if arm.keeps:
        known = np.concatenate([train[train < len(cohort.y)], watched, seen])  # what made records have learnt from too
        facts = contract(task.experiment, task.cell, cohort, np.unique(known), loaded)
        keep(task, network.state_dict(), {**facts, **scale})
    del network
    gc.collect()
    return objective.probabilities(torch.from_numpy(logits).double()).numpy(), history


def _objective(arm: Arm, cohort: Cohort, y: np.ndarray) -> Any:
    """By what a network learns these labels."""
    name, told = arm.loss or ("categorical" if cohort.exclusive else "classify"), dict(arm.asks)
    if arm.balance:
        told["weights"] = _weights(y)
    if arm.adjust:
        positive, negative = np.nansum(y == 1, axis=0), np.nansum(y == 0, axis=0)
        told["shift"] = tuple((arm.adjust * np.log((positive + 1) / (negative + 1))).tolist())
    return objectives.build(name, **told)


def _weights(y: np.ndarray) -> list[float]:
    positive, negative = np.nansum(y == 1, axis=0), np.nansum(y == 0, axis=0)
    return [float(min(_MOST_WEIGHT, n / max(p, 1))) for p, n in zip(positive, negative, strict=True)]


def _at_once(task: Task, cohort: Cohort, data: Data, train: np.ndarray, rest: np.ndarray) -> np.ndarray:
    arm = task.cell.arm
    shape = shape_of(task.experiment, cohort, arm, data.covariates)
    model = models.build(arm.model, shape, seed=task.cell.seed, **arm.options)
    if not isinstance(model, models.Estimator):
        raise TypeError(f"{arm.model} is trained by gradient; give its arm a recipe")
    beside = [None if data.covariates is None else data.covariates[rows] for rows in (train, rest)]
    model.fit(data.fetch(train), data.y[train], beside[0])
    return model.predict(data.fetch(rest), beside[1])


def _predictions(cell: Cell, cohort: Cohort, rows: np.ndarray, probability: np.ndarray) -> pd.DataFrame:
    """The predictions table of a cell: long, one row a record and class.

    Where positives were taken away, one of validation that was left `stands_for` several.
    """
    classes = cohort.classes
    repeated = np.repeat(rows, len(classes))
    table = cohort.table.iloc[repeated]
    truth = cohort.y[rows].ravel()
    part = np.repeat(cohort.parts[cell.fold][rows].astype(str), len(classes))
    more: dict[str, Any] = {}
    if cell.arm.few.positives is not None:
        held = (part == "validation") & (truth == 1)
        there = (cohort.y[cohort.parts[cell.fold] == "validation"] == 1).sum(axis=0)
        left = (cohort.y[rows[cohort.parts[cell.fold][rows] == "validation"]] == 1).sum(axis=0)
        more["stands_for"] = np.where(held, np.tile(there / np.maximum(left, 1), len(rows)), 1.0)
    return pd.DataFrame(
        {
            "record": table["record_id"].to_numpy(),
            "patient": table["patient_id"].to_numpy(),
            "source": table["source"].to_numpy(),
            "part": part,
            "class": np.tile(classes, len(rows)),
            "truth": pd.array(truth, dtype="Float32").astype("Int8"),
            "probability": probability.astype(np.float32).ravel(),
            "model": cell.arm.name,
            "seed": np.int64(cell.seed),
            "fold": np.int64(cell.fold),
            **more,
        }
    )
