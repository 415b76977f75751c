"""A cell whose generator learns to make ECGs: what is kept of it, and how well it does on records not seen before."""

__all__ = ["eight_of", "fitting", "generator_of", "learn_to_generate", "looked"]

import gc
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, Int

from einthoven import generators, objectives, splits
from einthoven.generators import Generator, Learner
from einthoven.pipeline.cohort import Cohort
from einthoven.pipeline.contract import keep
from einthoven.pipeline.emitting import emitted
from einthoven.pipeline.experiment import Arm, Cell, Experiment, RunError, columns_of
from einthoven.pipeline.learning import of_class, pages, part_of, twelve_of
from einthoven.pipeline.proving import prove
from einthoven.pipeline.selftaught import learn
from einthoven.pipeline.task import Task
from einthoven.records.leads import TWELVE, independent
from einthoven.records.writing import replacing
from einthoven.training import Data

_APART = 0.05  # of a standardised recording whose limb leads do not fit together any more
_BATCH = 1024
_LOOKED = 4096  # records, which fit into memory
_FEWEST = 3  # records of a group
_DRAWN = 2  # ECGs of a group
_REAL = "real"  # the model of samples that nobody made


def generator_of(experiment: Experiment, cohort: Cohort, arm: Arm) -> Generator:
    """The generator of an arm, untrained.

    Raises:
        RunError: If it is not to see the twelve leads, or there is no class to make.
        UnknownName, ValueError: If there is no such generator, or it cannot be built for these signals.
    """

    if set(experiment.leads) != set(TWELVE):
        raise RunError("a generator learns from all twelve leads, of which eight say all; leave the others in")
    if not cohort.groups:
        raise RunError("a generator is told what to make; name the groups")
    page = arm.sees == "page"
    form = columns_of(experiment.samples, experiment.rate_hz) if page else (experiment.samples, experiment.rate_hz)
    generator = generators.build(arm.generator, generators.Form(*form, len(cohort.groups)), **arm.options)
    if (generator.emits == "image") != page or (page and not arm.serves):
        raise RunError(f"'{arm.generator}' makes {generator.emits}; pages are made for arms that see them, by an image")
    return generator


def fitting(
    experiment: Experiment, cohort: Cohort, arm: Arm, rows: Int[np.ndarray, " row"]
) -> Int[np.ndarray, " kept"]:
    """The records that a generator can learn from: with limb leads that fit together, and of one of the classes.

    One that is there for other arms alone learns from those of none of the classes too.

    Raises:
        RunError: If a class has none.
    """

    wanted = rows if arm.serves else of_class(cohort, rows)
    parts = [wanted[i : i + _BATCH] for i in range(0, len(wanted), _BATCH)]
    apart = [eight_of(experiment, cohort, part)[1] for part in parts]
    kept = wanted[np.concatenate(apart) <= _APART] if parts else wanted
    for code, count in zip(cohort.groups, cohort.wanted(kept).sum(axis=0).astype(int), strict=True):
        if count < _FEWEST:
            found = splits.many(int(count), "training record") if count else "no training record"
            remedy = f"a generator takes {_FEWEST} at least; leave the group out or add data"
            verb = "is" if count < 2 else "are"
            raise RunError(f"there {verb} {found} of {code} to learn from; {remedy}")
    return kept


def looked(experiment: Experiment, cohort: Cohort, cell: Cell, train: Int[np.ndarray, " train"]) -> Generator:
    """The generator of a cell that has looked at its training records, and learnt nothing yet."""
    network, data = generator_of(experiment, cohort, cell.arm), _data(experiment, cohort, cell.arm)
    some = np.random.default_rng(cell.seed).permutation(train)[:_LOOKED]
    network.look(data.fetch(some), data.y[some])
    return network


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
    network = looked(task.experiment, cohort, task.cell, train)
    data = _data(task.experiment, cohort, task.cell.arm)
    table, history = pd.DataFrame(), list[dict[str, Any]]()
    if isinstance(network, Learner):
        objective = objectives.build(network.objective, **task.cell.arm.asks)
        rest, often = partial(of_class, cohort), _often(cohort, train)
        found = learn(task, cohort, network, objective, data, train, working, on_epoch, fitting=rest, often=often)
        keep(task, network.state_dict(), found.facts)
        table, history = found.table, found.history
    if not task.cell.arm.serves:
        _keep_samples(task, cohort, network)
        prove(task, cohort, network, train)
    del network
    gc.collect()
    return table, history


def _often(cohort: Cohort, train: Int[np.ndarray, " train"]) -> Int[np.ndarray, " often"]:
    """The training records, of which those of a rare group stand there several times.

    A record counts as the root of how much rarer the rarest of its groups is than the commonest one, one of no group
    once.
    """
    wanted = cohort.wanted(train)
    size = wanted.sum(axis=0)
    rarest = np.where(wanted == 1, size, np.inf).min(axis=1)
    return np.repeat(train, np.maximum(np.round(np.sqrt(size.max() / rarest)), 1).astype(np.int64))


def _keep_samples(task: Task, cohort: Cohort, network: Generator) -> None:
    """Keeps two ECGs of each class that the network makes of noise, and two real ones of the test, to be drawn."""
    experiment, count = task.experiment, len(cohort.groups)
    how: dict[str, Any] = {"seed": task.cell.seed, "unit": experiment.unit, "device": task.device}
    made = emitted(network, np.repeat(np.eye(count), _DRAWN, axis=0), numbers=range(count * _DRAWN), **how)
    rows = [(task.cell.arm.name, group, made[place]) for place, group in enumerate(np.repeat(cohort.groups, _DRAWN))]
    test = part_of(task.cell, cohort, "test")
    for group, column in zip(cohort.groups, cohort.wanted(test).T, strict=True):
        shown = np.random.default_rng(task.cell.seed).permutation(test[column == 1])[:_DRAWN]
        rows += [(_REAL, group, one) for one in twelve_of(experiment, cohort, shown)]
    with replacing(task.folder / "samples.parquet") as scratch:
        table = pd.DataFrame({"model": [model for model, _, _ in rows], "group": [group for _, group, _ in rows]})
        table["rate_hz"], table["leads"] = experiment.rate_hz, [list(TWELVE)] * len(rows)
        table["signal"] = [signal.ravel() for _, _, signal in rows]
        table.to_parquet(scratch, index=False)


def _data(experiment: Experiment, cohort: Cohort, arm: Arm) -> Data:
    """What the records show the generator, and their classes: those of which nobody knows are not wanted."""
    y = cohort.wanted(np.arange(len(cohort.y)))
    return Data(lambda rows: _shown(experiment, cohort, arm, rows), y, experiment.rate_hz)


def _shown(
    experiment: Experiment, cohort: Cohort, arm: Arm, rows: Int[np.ndarray, " row"]
) -> Float[np.ndarray, "row lead time"]:
    """Records as the generator of an arm sees them: their eight leads, or pages."""
    if arm.sees == "page":
        return pages(experiment, cohort.signals.batch(cohort.rows[rows], experiment.samples))
    return eight_of(experiment, cohort, rows)[0]


def eight_of(
    experiment: Experiment, cohort: Cohort, rows: Int[np.ndarray, " row"]
) -> tuple[Float[np.ndarray, "row lead time"], Float[np.ndarray, " row"]]:
    """The eight leads of records, and how far each is from obeying the identities of the limb leads."""
    signal = cohort.signals.batch(cohort.rows[rows], experiment.samples)
    return independent(signal, experiment.leads, experiment.unit)
