"""How a cell learns what signals are like: the part that encoders and generators have in common."""

__all__ = ["SelfTaught", "learn"]

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Int
from torch import nn

from einthoven.pipeline.cohort import Cohort
from einthoven.pipeline.contract import contract
from einthoven.pipeline.learning import part_of
from einthoven.pipeline.task import Task
from einthoven.training import Data, examine, fit

Rows = Int[np.ndarray, " row"]


class SelfTaught(NamedTuple):
    """What comes of it.

    Attributes:
        table: How well the task is done on records that were not learnt from, one row a record and measure.
        history: Of the training.
        asked: Network, objective, data, recipe and fabric, as `einthoven.training.ask` takes them.
        facts: The contract.
    """

    table: pd.DataFrame
    history: list[dict[str, Any]]
    asked: dict[str, Any]
    facts: dict[str, Any]


def learn(
    task: Task,
    cohort: Cohort,
    network: nn.Module,
    objective: Any,
    data: Data,
    train: Rows,
    working: Path,
    on_epoch: Callable[[dict[str, Any]], None],
    *,
    fitting: Callable[[Rows], Rows] = lambda rows: rows,
    often: Int[np.ndarray, " often"] | None = None,
) -> SelfTaught:
    """Trains a network by an objective that needs no answer from outside, and examines it.

    Arguments:
        task: The cell.
        cohort: The records.
        network: The network with all that the objective asks.
        objective: The objective.
        data: Signals.
        train: The records that it learns from.
        working: Where the state is kept.
        on_epoch: Is told each epoch.
        fitting: Of other records, those that it can be asked about.
        often: The training records as often as they are drawn; by default each once. An epoch is as long either way.
    """

    arm, cell = task.cell.arm, task.cell
    if arm.recipe is None:
        raise TypeError(f"{arm.name} learns by gradient; give its arm a recipe")
    watched = fitting(part_of(cell, cohort, arm.watches))
    settings: dict[str, Any] = {"seed": cell.seed, "folder": working, "device": task.device, "on_epoch": on_epoch}
    recipe = arm.recipe if often is None else dataclasses.replace(arm.recipe, draws=arm.recipe.records(len(train)))
    drawn = train if often is None else often
    history = fit(network, objective, data, drawn, watched, recipe, **settings)
    fabric = task.device.fabric()
    asked = {"network": fabric.setup_module(network), "objective": objective, "data": data, "recipe": arm.recipe}
    asked["fabric"] = fabric
    rest = [part_of(cell, cohort, part) for part in ("validation", "test", "external")]
    table = _examined(task, cohort, asked, fitting(np.concatenate(rest)))
    # Those that only gave a curve decided nothing.
    seen = train if arm.recipe.monitor == "last" else np.union1d(train, watched)
    return SelfTaught(table, history, asked, contract(task.experiment, cell, cohort, seen, None))


def _examined(task: Task, cohort: Cohort, asked: dict[str, Any], rows: Rows) -> pd.DataFrame:
    """How well the task is done, long: one row a record and measure."""
    cell = task.cell
    table = cohort.table.iloc[rows]
    wide = pd.DataFrame(
        {
            "record": table["record_id"].to_numpy(),
            "patient": table["patient_id"].to_numpy(),
            "source": table["source"].to_numpy(),
            "part": cohort.parts[cell.fold][rows].astype(str),
            **examine(**asked, rows=rows, seed=cell.seed),
        }
    )
    long = wide.melt(["record", "patient", "source", "part"], var_name="measure", value_name="value")
    return long.assign(model=cell.arm.name, seed=np.int64(cell.seed), fold=np.int64(cell.fold))
