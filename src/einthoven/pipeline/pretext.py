"""A cell whose encoder learns from signals without labels: what is kept of it, and how well it does its own task."""

__all__ = ["pretext_of", "pretrain"]

import gc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from jaxtyping import Int
from torch import Tensor

from einthoven import models, objectives
from einthoven.pipeline.cohort import Cohort
from einthoven.pipeline.contract import keep
from einthoven.pipeline.experiment import Arm
from einthoven.pipeline.learning import part_of, view
from einthoven.pipeline.selftaught import learn
from einthoven.pipeline.task import Task, shape_of
from einthoven.records.writing import replacing
from einthoven.training import ask
from einthoven.transforms.shuffle_leads import ShuffleLeads

_DRAWN = 4  # test records whose answers are kept, for the report to draw


def pretext_of(arm: Arm, model: Any) -> tuple[Any, Any]:
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

    arm = task.cell.arm
    torch.manual_seed(task.cell.seed)
    encoder = models.build(arm.model, shape_of(task.experiment, cohort, arm), **arm.options)
    objective, network = pretext_of(arm, encoder)
    network.encoder.fast = task.device.fast_layout
    data = view(task.experiment, task.cell, cohort)
    found = learn(task, cohort, network, objective, data, train, working, on_epoch)
    _draw(task, cohort, found.asked)
    state = {key: _halved(tensor) for key, tensor in network.state_dict().items()}
    heads = {key: tensor for key, tensor in state.items() if not key.startswith("encoder.")}
    kept = {key.removeprefix("encoder."): tensor for key, tensor in state.items() if key not in heads}
    keep(task, kept, found.facts, heads=heads)
    del network
    gc.collect()
    return found.table, found.history


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
