"""Computes one cell of the grid: fit, predict, and leave a folder that says so."""

__all__ = ["Task", "cell_folder", "compute", "is_done", "write_json"]

import dataclasses
import gc
import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from einthoven import models
from einthoven.objectives.classify import Classify
from einthoven.pipeline.cohort import Cohort
from einthoven.pipeline.experiment import Arm, Cell, Experiment, RunError
from einthoven.records.writing import replacing
from einthoven.training import SALT_VARIABLE, Data, Device, fit, hash_patient, predict, save_checkpoint

_MOST_WEIGHT = 20.0


@dataclasses.dataclass(frozen=True)
class Task:
    """A cell with all that it takes to compute it."""

    experiment: Experiment
    cell: Cell
    folder: Path
    identity: str
    device: Device


def cell_folder(run: Path, cell: Cell) -> Path:
    """Where a cell lies in its run."""
    return run / "cells" / cell.name


def is_done(folder: Path, identity: str) -> bool:
    """Whether the cell is finished.

    Raises:
        RunError: If it is finished, but not the one that is wanted.
    """
    try:
        facts = json.loads((folder / "cell.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return False
    if "identity" not in facts:
        return False
    if facts["identity"] != identity:
        raise RunError(
            f"{folder} was computed with other settings, data or precision; choose another folder with --out, or "
            "delete that cell to compute it again"
        )
    return (folder / "predictions.parquet").is_file()


def compute(task: Task, cohort: Cohort, on_epoch: Callable[[dict[str, Any]], None] = lambda epoch: None) -> None:
    """Computes a cell; `cell.json` is written last and marks it finished.

    A cell whose arm has members is computed after theirs, from their predictions.
    """
    began = time.perf_counter()
    working = task.folder / "working"
    _clear_stale(task, working)
    if task.cell.arm.members:
        history: list[dict[str, Any]] = []
        table = _mean_of_members(task)
    else:
        table, history = _learnt(task, cohort, working, on_epoch)
    with replacing(task.folder / "predictions.parquet") as scratch:
        table.to_parquet(scratch, index=False)
    write_json(task.folder / "history.json", history)
    shutil.rmtree(working, ignore_errors=True)
    facts = {"identity": task.identity, "seconds": time.perf_counter() - began, "threads": torch.get_num_threads()}
    facts["precision"] = task.device.resolved if task.cell.arm.recipe else "64-true"
    write_json(task.folder / "cell.json", facts)


def write_json(path: Path, value: Any) -> None:
    """Writes JSON, atomically."""
    with replacing(path) as scratch:
        scratch.write_text(json.dumps(value, indent=1, default=str) + "\n", encoding="utf-8")


def _learnt(
    task: Task, cohort: Cohort, working: Path, on_epoch: Callable[[dict[str, Any]], None]
) -> tuple[pd.DataFrame, list[dict[str, Any]]]:
    """Trains the arm's model and lets it answer for validation and test records."""
    parts = cohort.parts[task.cell.fold]
    asked = ("validation", "test", "external")
    train, validation = (np.flatnonzero(parts == name) for name in ("train", "validation"))
    rest = np.concatenate([np.flatnonzero(parts == name) for name in asked])
    history: list[dict[str, Any]] = []
    if task.cell.arm.recipe is None:
        probability = _at_once(task, cohort, train, rest)
    else:
        probability, history = _by_gradient(task, cohort, train, validation, rest, working, on_epoch)
    return _predictions(task.cell, cohort, rest, probability), history


def _mean_of_members(task: Task) -> pd.DataFrame:
    """The mean of the members' probabilities, record by record and class by class."""
    cell = task.cell
    folders = [task.folder.with_name(Cell(Arm(name), cell.seed, cell.fold).name) for name in cell.arm.members]
    tables = [pd.read_parquet(folder / "predictions.parquet") for folder in folders]
    mean = np.mean([table["probability"].to_numpy(np.float64) for table in tables], axis=0)
    return tables[0].assign(probability=mean.astype(np.float32), model=cell.arm.name)


def _clear_stale(task: Task, working: Path) -> None:
    """Empties the folder of another cell's leftovers, and keeps those of this one to go on from."""
    mark = working / "identity"
    if task.folder.exists() and not (mark.exists() and mark.read_text() == task.identity):
        shutil.rmtree(task.folder)
    working.mkdir(parents=True, exist_ok=True)
    mark.write_text(task.identity)


def _shape(task: Task, cohort: Cohort) -> models.Shape:
    experiment = task.experiment
    return models.Shape(len(experiment.leads), experiment.samples, experiment.rate_hz, len(cohort.classes))


def _by_gradient(
    task: Task,
    cohort: Cohort,
    train: np.ndarray,
    validation: np.ndarray,
    rest: np.ndarray,
    working: Path,
    on_epoch: Callable[[dict[str, Any]], None],
) -> tuple[np.ndarray, list[dict[str, Any]]]:
    arm, seed = task.cell.arm, task.cell.seed
    assert arm.recipe is not None
    torch.manual_seed(seed)
    network = models.build(arm.model, _shape(task, cohort), **arm.options)
    if not isinstance(network, models.Network):
        raise TypeError(f"{arm.model} is not trained by gradient; give its arm no recipe")
    network.fast = task.device.fast_layout
    data = Data(
        fetch=lambda rows: cohort.signals.batch(cohort.rows[rows], task.experiment.samples),
        y=cohort.y,
        rate_hz=task.experiment.rate_hz,
    )
    objective = Classify(weights=_weights(cohort.y[train]) if arm.balance else None, focal=arm.focal)
    settings: dict[str, Any] = {"seed": seed, "folder": working, "device": task.device, "on_epoch": on_epoch}
    history = fit(network, objective, data, train, validation, arm.recipe, **settings)
    fabric = task.device.fabric()
    logits = predict(fabric.setup_module(network), data, rest, arm.recipe, fabric=fabric)
    target = task.folder / "checkpoint"
    shutil.rmtree(target, ignore_errors=True)
    save_checkpoint(target, network.state_dict(), _contract(task, cohort, train, validation))
    del network
    gc.collect()
    return objective.probabilities(torch.from_numpy(logits).double()).numpy(), history


def _weights(y: np.ndarray) -> list[float]:
    positive, negative = np.nansum(y == 1, axis=0), np.nansum(y == 0, axis=0)
    return [float(min(_MOST_WEIGHT, n / max(p, 1))) for p, n in zip(positive, negative, strict=True)]


def _at_once(task: Task, cohort: Cohort, train: np.ndarray, rest: np.ndarray) -> np.ndarray:
    arm = task.cell.arm
    model = models.build(arm.model, _shape(task, cohort), seed=task.cell.seed, **arm.options)
    if not isinstance(model, models.Estimator):
        raise TypeError(f"{arm.model} is trained by gradient; give its arm a recipe")
    samples = task.experiment.samples
    model.fit(cohort.signals.batch(cohort.rows[train], samples), cohort.y[train])
    return model.predict(cohort.signals.batch(cohort.rows[rest], samples))


def _contract(task: Task, cohort: Cohort, train: np.ndarray, validation: np.ndarray) -> dict[str, Any]:
    """What the checkpoint asks of its input and promises of its output; see the design, section 3."""
    experiment, arm = task.experiment, task.cell.arm
    seen = cohort.table["patient_id"].iloc[np.concatenate([train, validation])].dropna().unique()
    cards = [store.facts["card"] for store in cohort.signals.stores]
    return {
        "model": arm.model,
        "options": arm.options,
        "recipe": dataclasses.asdict(arm.recipe) if arm.recipe else None,
        "seed": task.cell.seed,
        "fold": task.cell.fold,
        "leads": list(experiment.leads),
        "unit": experiment.unit,
        "rate_hz": experiment.rate_hz,
        "samples": experiment.samples,
        "shortest_s": float(cohort.table["samples"].iloc[train].min() / experiment.rate_hz),
        "preparation": dataclasses.asdict(experiment.preparation),
        "precision": task.device.resolved,
        "label_sets": {
            name: [{"code": c.code, "title": c.title} for c in v.classes]
            for name, v in zip(experiment.labels, cohort.vocabularies, strict=True)
        },
        "classes": list(cohort.classes),
        "data": [{"name": c["name"], "licence": c["licence"], "citation": c["citation"]} for c in cards],
        "trained_on_synthetic": cohort.synthetic,
        "patients_seen": sorted(hash_patient(p) for p in seen),
        "patients_salted": SALT_VARIABLE in os.environ,
        "unknown_patients_seen": int(cohort.table["patient_id"].iloc[np.concatenate([train, validation])].isna().sum()),
        "versions": _versions(),
    }


def _versions() -> dict[str, str]:
    from importlib.metadata import version

    return {name: version(name) for name in ("einthoven", "torch", "numpy")}


def _predictions(cell: Cell, cohort: Cohort, rows: np.ndarray, probability: np.ndarray) -> pd.DataFrame:
    """The predictions table of a cell: long, one row a record and class."""
    classes = cohort.classes
    repeated = np.repeat(rows, len(classes))
    table = cohort.table.iloc[repeated]
    truth = cohort.y[rows].ravel()
    part = np.repeat(cohort.parts[cell.fold][rows].astype(str), len(classes))
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
        }
    )
