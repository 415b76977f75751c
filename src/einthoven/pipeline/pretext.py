"""A cell whose encoder learns from signals without labels: what is kept of it, and how well it does its own task."""

__all__ = ["examined", "pretext_of", "pretrain", "seen"]

import gc
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from jaxtyping import Int
from torch import Tensor

from einthoven import models, objectives
from einthoven.objectives import Pretext
from einthoven.pipeline.cohort import Cohort
from einthoven.pipeline.contract import contract
from einthoven.pipeline.experiment import Arm
from einthoven.pipeline.learning import part_of, view
from einthoven.pipeline.task import Task, shape_of
from einthoven.records.writing import replacing
from einthoven.training import ask, examine, fit, save_checkpoint
from einthoven.transforms.shuffle_leads import ShuffleLeads

_DRAWN = 4  # test records whose answers are kept, for the report to draw


def pretext_of(arm: Arm, model: Any) -> tuple[Any, Pretext]:
    """The objective of an arm, and its model with the heads of that objective.

    Raises:
        TypeError: If the model is no encoder.
        UnknownName, ValueError: If there is no such objective, or it cannot be made as the arm says.
    """

    objective = objectives.build(arm.objective, **arm.asks)
    if not isinstance(model, models.Encoder):
        raise TypeError(f"{arm.model} is no encoder, so it learns nothing from signals without labels")
    return objective, objective.network(model)


def pretrain(
    task: Task,
    cohort: Cohort,
    train: Int[np.ndarray, " train"],
    working: Path,
    on_epoch: Callable[[dict[str, Any]], None],
) -> tuple[pd.DataFrame, list[dict[str, Any]]]:
    """Trains the encoder and keeps it as a checkpoint with its ledger.

    Returns:
        How well it did on validation and test records, one row a record and measure, and the history.
    """

    arm, seed = task.cell.arm, task.cell.seed
    assert arm.recipe is not None
    torch.manual_seed(seed)
    encoder = models.build(arm.model, shape_of(task.experiment, cohort, arm), **arm.options)
    objective, network = pretext_of(arm, encoder)
    network.encoder.fast = task.device.fast_layout
    data = view(task.experiment, task.cell, cohort)
    watched = part_of(task.cell, cohort, arm.watches)
    settings: dict[str, Any] = {"seed": seed, "folder": working, "device": task.device, "on_epoch": on_epoch}
    history = fit(network, objective, data, train, watched, arm.recipe, **settings)
    fabric = task.device.fabric()
    asked: dict[str, Any] = {"network": fabric.setup_module(network), "objective": objective, "data": data}
    asked |= {"recipe": arm.recipe, "fabric": fabric}
    rest = [part_of(task.cell, cohort, part) for part in ("validation", "test", "external")]
    table = examined(task, cohort, asked, np.concatenate(rest))
    _draw(task, cohort, asked)
    facts = contract(task.experiment, task.cell, cohort, seen(arm, train, watched), None)
    target = task.folder / "checkpoint"
    shutil.rmtree(target, ignore_errors=True)
    state = {key: _halved(tensor) for key, tensor in network.state_dict().items()}
    heads = {key: tensor for key, tensor in state.items() if not key.startswith("encoder.")}
    kept = {key.removeprefix("encoder."): tensor for key, tensor in state.items() if key not in heads}
    save_checkpoint(target, kept, {**facts, "precision": task.device.resolved}, heads=heads)
    del network
    gc.collect()
    return table, history


def seen(arm: Arm, train: Int[np.ndarray, " train"], watched: Int[np.ndarray, " watched"]) -> Int[np.ndarray, " seen"]:
    """The records that took part: those that only gave a curve decided nothing."""
    assert arm.recipe is not None
    return train if arm.recipe.monitor == "last" else np.union1d(train, watched)


def examined(task: Task, cohort: Cohort, asked: dict[str, Any], rows: Int[np.ndarray, " row"]) -> pd.DataFrame:
    """How well the task was done on records that were not learnt from, long: one row a record and measure.

    Arguments:
        task: The cell.
        cohort: The records.
        asked: Network, objective, data, recipe and fabric, as `einthoven.training.examine` takes them.
        rows: Which records.
    """

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


def _halved(tensor: Tensor) -> Tensor:
    """In 16 bits, of which weights to begin with need no more; as it is where that would lose a thousandth."""
    if not tensor.is_floating_point():
        return tensor
    half = tensor.half()
    return half if torch.allclose(half.float(), tensor, rtol=1e-3, atol=1e-7) else tensor


def _draw(task: Task, cohort: Cohort, asked: dict[str, Any]) -> None:
    """Keeps what a few test records look like, what of them was hidden, and what came in its place."""
    cell = task.cell
    rows = part_of(cell, cohort, "test")[:_DRAWN]
    batch, found = next(ask(**asked, rows=rows, rng=np.random.default_rng([cell.seed, 0xD7A])))
    if "signal" not in found:
        return
    answer, signal = (each["signal"].float().cpu().numpy() for each in (found, batch))
    if "order" in batch:
        shuffle, order = ShuffleLeads(), batch["order"].cpu().numpy()
        answer, signal = (shuffle.apply(each, shuffle.invert(order)) for each in (answer, signal))
    with replacing(task.folder / "reconstructions.parquet") as scratch:
        pd.DataFrame(
            {
                "record": cohort.table["record_id"].iloc[rows].to_numpy(),
                "rate_hz": task.experiment.rate_hz,
                "leads": pd.Series([list(task.experiment.leads)] * len(rows), dtype=object),
                "signal": [one.ravel() for one in signal],
                "found": [one.ravel() for one in answer],
                "hidden": list(batch["hidden"].cpu().numpy()),
            }
        ).to_parquet(scratch, index=False)
