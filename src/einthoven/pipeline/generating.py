"""A cell whose generator learns to make ECGs: what is kept of it, and how well it does on records not seen before."""

__all__ = ["fitting", "generator_of", "learn_to_generate"]

import gc
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, Int

from einthoven import generators, objectives
from einthoven.generators import Generator, Learner
from einthoven.pipeline.cohort import Cohort
from einthoven.pipeline.contract import keep
from einthoven.pipeline.emitting import emitted
from einthoven.pipeline.experiment import Arm, Experiment, RunError
from einthoven.pipeline.learning import of_class
from einthoven.pipeline.proving import prove
from einthoven.pipeline.selftaught import learn
from einthoven.pipeline.task import Task
from einthoven.records.leads import TWELVE, independent
from einthoven.records.writing import replacing
from einthoven.training import Data

_APART = 0.05  # of a standardised recording whose limb leads do not fit together any more
_BATCH = 1024
_LOOKED = 4096  # records, which fit into memory


def generator_of(experiment: Experiment, cohort: Cohort, arm: Arm) -> Generator:
    """The generator of an arm, untrained.

    Raises:
        RunError: If it is not to see the twelve leads, or there is no class to make.
        UnknownName, ValueError: If there is no such generator, or it cannot be built for these signals.
    """

    if set(experiment.leads) != set(TWELVE):
        raise RunError("a generator learns from all twelve leads, of which eight say all; leave the others in")
    if not cohort.classes:
        raise RunError("a generator is told what to make; name the groups")
    form = generators.Form(experiment.samples, experiment.rate_hz, len(cohort.classes))
    return generators.build(arm.generator, form, **arm.options)


def fitting(experiment: Experiment, cohort: Cohort, rows: Int[np.ndarray, " row"]) -> Int[np.ndarray, " kept"]:
    """The records that a generator can learn from: of one of the classes, and with limb leads that fit together.

    Raises:
        RunError: If a class has none.
    """

    wanted = of_class(cohort, rows)
    parts = [wanted[i : i + _BATCH] for i in range(0, len(wanted), _BATCH)]
    apart = [_eight(experiment, cohort, part)[1] for part in parts]
    kept = wanted[np.concatenate(apart) <= _APART] if parts else wanted
    for code, count in zip(cohort.classes, (cohort.y[kept] == 1).sum(axis=0), strict=True):
        if not count:
            raise RunError(f"there is no training record of {code} to learn from; leave the group out or add data")
    return kept


def learn_to_generate(
    task: Task,
    cohort: Cohort,
    train: Int[np.ndarray, " train"],
    working: Path,
    on_epoch: Callable[[dict[str, Any]], None],
) -> tuple[pd.DataFrame, list[dict[str, Any]]]:
    """Trains the generator, keeps it as a checkpoint with its ledger, and leaves what tells what its records are worth.

    Returns:
        How well a learner did on validation and test records of its classes, one row a record and measure, and the
        history; nothing for what does not learn, of which no checkpoint is kept either.
    """

    torch.manual_seed(task.cell.seed)
    network, data = generator_of(task.experiment, cohort, task.cell.arm), _data(task.experiment, cohort)
    some = np.random.default_rng(task.cell.seed).permutation(train)[:_LOOKED]
    network.look(data.fetch(some), data.y[some])
    table, history = pd.DataFrame(), list[dict[str, Any]]()
    if isinstance(network, Learner):
        objective = objectives.build(network.objective, **task.cell.arm.asks)
        rest = partial(of_class, cohort)
        found = learn(task, cohort, network, objective, data, train, working, on_epoch, fitting=rest)
        keep(task, network.state_dict(), found.facts)
        table, history = found.table, found.history
    _keep_samples(task, cohort, network)
    prove(task, cohort, network, train)
    del network
    gc.collect()
    return table, history


def _keep_samples(task: Task, cohort: Cohort, network: Generator) -> None:
    """Keeps one ECG of each class that the network makes of noise, for the report to draw."""
    experiment, count = task.experiment, len(cohort.classes)
    how: dict[str, Any] = {"seed": task.cell.seed, "unit": experiment.unit, "device": task.device}
    made = emitted(network, np.eye(count), numbers=range(count), **how)
    with replacing(task.folder / "samples.parquet") as scratch:
        pd.DataFrame(
            {
                "model": task.cell.arm.name,
                "group": list(cohort.classes),
                "rate_hz": experiment.rate_hz,
                "leads": pd.Series([list(TWELVE)] * count, dtype=object),
                "signal": [one.ravel() for one in made],
            }
        ).to_parquet(scratch, index=False)


def _data(experiment: Experiment, cohort: Cohort) -> Data:
    """The eight leads of the records, and their classes: those of which nobody knows are not wanted."""
    return Data(lambda rows: _eight(experiment, cohort, rows)[0], np.nan_to_num(cohort.y), experiment.rate_hz)


def _eight(
    experiment: Experiment, cohort: Cohort, rows: Int[np.ndarray, " row"]
) -> tuple[Float[np.ndarray, "row lead time"], Float[np.ndarray, " row"]]:
    signal = cohort.signals.batch(cohort.rows[rows], experiment.samples)
    return independent(signal, experiment.leads, experiment.unit)
