"""What a checkpoint asks of its input and promises of its output."""

__all__ = ["contract", "keep"]

import dataclasses
import os
import shutil
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import numpy as np
from jaxtyping import Int
from torch import Tensor

from einthoven import registry
from einthoven.pipeline.cohort import Cohort
from einthoven.pipeline.experiment import Cell, Experiment
from einthoven.pipeline.task import Task
from einthoven.training import SALT_VARIABLE, Loaded, hash_patient, save_checkpoint

_OF_STAGE = (
    *("model", "generator", "objective", "classes", "data", "trained_on_synthetic", "pretrained"),
    *("patients_seen", "patients_salted", "unknown_patients_seen", "records_seen"),
)


def contract(
    experiment: Experiment, cell: Cell, cohort: Cohort, seen: Int[np.ndarray, " seen"], loaded: Loaded | None
) -> dict[str, Any]:
    """The facts that make weights usable: form of input and output, whom they have seen, and where they come from.

    Arguments:
        experiment: What was run.
        cell: Which training.
        cohort: The records.
        seen: Those that took part, also in choosing an epoch.
        loaded: Whose weights the training began with.
    """

    arm = cell.arm
    kind = ("generators", arm.generator) if arm.generator else ("models", arm.model)
    patients, records = (cohort.table[name].iloc[seen] for name in ("patient_id", "record_id"))
    cards = [store.facts["card"] for store in cohort.signals.stores]
    facts: dict[str, Any] = {
        "model": arm.model,
        "options": registry.defaults(*kind) | arm.options,  # all, since a later version may take others by itself
        "recipe": dataclasses.asdict(arm.recipe) if arm.recipe else None,
        "seed": cell.seed,
        "fold": cell.fold,
        "leads": list(experiment.leads),
        "unit": experiment.unit,
        "rate_hz": experiment.rate_hz,
        "samples": experiment.samples,
        "shortest_s": float(cohort.table["samples"].iloc[seen].min() / experiment.rate_hz),
        "preparation": dataclasses.asdict(experiment.preparation),
        "label_sets": {
            name: [{"code": c.code, "title": c.title} for c in v.classes]
            for name, v in zip(experiment.labels, cohort.vocabularies, strict=True)
        },
        "classes": list(cohort.groups if arm.generator else cohort.classes),
        "data": [{"name": c["name"], "licence": c["licence"], "citation": c["citation"]} for c in cards],
        "trained_on_synthetic": cohort.synthetic or arm.made is not None,
        "patients_seen": sorted(hash_patient(p) for p in patients.dropna().unique()),
        "patients_salted": SALT_VARIABLE in os.environ,
        "unknown_patients_seen": int(patients.isna().sum()),
        "records_seen": sorted(hash_patient(r) for r in records[patients.isna()]),  # for whom no patient stands
        "versions": {name: version(name) for name in ("einthoven", "torch", "numpy")},
    }
    if cohort.exclusive:
        facts["exclusive"] = True
    if arm.generator:
        facts["generator"] = arm.generator
    if arm.objective:
        facts["objective"] = {"name": arm.objective, **arm.asks}
    if arm.sees != "leads":
        facts["sees"] = arm.sees
    if arm.gaps:
        facts["gaps"] = True
    if arm.places:
        facts["places"] = list(arm.places)
    if arm.covariates:
        facts["covariates"] = list(arm.covariates)
    before = [{"data_set": name, **_stage(ledger)} for name, ledger in cohort.ledgers.items()]
    if loaded is not None:
        before.insert(0, {"sha256": loaded.sha256, "notes": list(loaded.notes), **_stage(loaded.contract)})
    if before:
        facts["pretrained"] = before
    return facts


def keep(
    task: Task, weights: dict[str, Tensor], facts: dict[str, Any], *, heads: dict[str, Tensor] | None = None
) -> None:
    """Keeps the weights of a cell with their contract, in the place of any that an interrupted session left there."""
    target = task.folder / "checkpoint"
    shutil.rmtree(target, ignore_errors=True)
    save_checkpoint(target, weights, {**facts, "precision": task.device.resolved}, heads=heads)


def _stage(contract: Mapping[str, Any]) -> dict[str, Any]:
    """What of an earlier stage, of learning or of making synthetic data, stays with what came of it."""
    return {key: value for key, value in contract.items() if key in _OF_STAGE}
