"""The loop.

An objective learns what is said of signals, or what signals are like; the latter kind draws its batches itself, and
what it has learnt is `examine`d rather than predicted.

Every epoch begins with a seed of its own, made from the run's seed and the epoch's number, and ends with all that
matters on disk. A run that was killed anywhere goes on from its last whole epoch and ends with the numbers of the
unbroken run.
"""

__all__ = ["Change", "Data", "SelfSupervised", "ask", "examine", "fit", "predict"]

import dataclasses
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from einthoven.metrics.auroc import auroc
from einthoven.training._checkpoint import load_state, save_state
from einthoven.training._device import Device
from einthoven.training._recipe import Recipe, best_epoch, rate_and_momentum, should_stop
from einthoven.training._transfer import Transfer, hold, parameter_groups
from einthoven.transforms.crop import Crop

_PREDICT_BATCH = 256


@dataclasses.dataclass(frozen=True)
class Data:
    """Signals on demand, and their labels.

    Attributes:
        fetch: Gives the signals of some records, `batch lead time`, float32.
        y: The labels of all records, `record class`: 1, 0, or NaN where unknown.
        rate_hz: Samples per second.
        covariates: What is known of all records beside the signal, without NaN.
    """

    fetch: Callable[[Int[np.ndarray, " batch"]], Float[np.ndarray, "batch lead time"]]
    y: Float[np.ndarray, "record class"]
    rate_hz: float
    covariates: Float[np.ndarray, "record covariate"] | None = None

    def beside(self, rows: Int[np.ndarray, " batch"]) -> dict[str, Tensor]:
        """The covariates of some records as a part of a batch; nothing where there are none."""
        return {} if self.covariates is None else {"covariates": torch.from_numpy(self.covariates[rows])}

    def crop(self, recipe: Recipe) -> Crop | None:
        """The training window of a recipe."""
        return Crop(round(recipe.crop_s * self.rate_hz)) if recipe.crop_s else None


@runtime_checkable
class Change(Protocol):
    """A change to a batch of labelled signals; see `einthoven.transforms`."""

    def draw(self, x: Float[np.ndarray, "batch lead time"], rate_hz: float, rng: np.random.Generator) -> Any:
        """What is to happen to these signals."""
        ...

    def apply(
        self, x: Float[np.ndarray, "batch lead time"], y: Float[np.ndarray, "batch class"], drawn: Any
    ) -> tuple[Float[np.ndarray, "batch lead time"], Float[np.ndarray, "batch class"]]:
        """Signals and labels after that."""
        ...


@runtime_checkable
class SelfSupervised(Protocol):
    """An objective that asks something of signals themselves; see `einthoven.objectives`."""

    def draw(
        self, x: Float[np.ndarray, "batch lead time"], rate_hz: float, rng: np.random.Generator, progress: float
    ) -> dict[str, np.ndarray]:
        """A batch that asks something of these signals, after so much of the training."""
        ...

    def measure(self, found: dict[str, Tensor], batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """How well that was answered, for each signal."""
        ...

    def __call__(self, model: Any, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """The loss and the answers."""
        ...


def fit(
    model: nn.Module,
    objective: Callable[[Any, dict[str, Tensor]], dict[str, Tensor]],
    data: Data,
    train: Int[np.ndarray, " train"],
    validation: Int[np.ndarray, " validation"],
    recipe: Recipe,
    *,
    seed: int,
    folder: Path,
    device: Device | None = None,
    transfer: Transfer | None = None,
    changes: Sequence[Change] = (),
    on_epoch: Callable[[dict[str, Any]], None] = lambda epoch: None,
) -> list[dict[str, Any]]:
    """Trains a model in place and leaves it with the weights of its best epoch.

    Arguments:
        model: From signals to logits.
        objective: From the model and a batch to `loss` and, where there are labels, `logits`.
        data: Signals and labels; an objective that needs none does not look at them.
        train, validation: Which records are which; with the monitor `last` there may be none for validation.
        recipe: The settings.
        seed: Of the order, the windows and the dropout.
        folder: Where the state is kept after each epoch; a state that is there already is gone on from.
        device: What to compute on.
        transfer: What of the model is frozen, and how the rate decays towards the input; it loads no weights.
        changes: What happens to each training batch of labelled signals, one after the other.
        on_epoch: Called with the record of each epoch, those of an earlier session included.

    Returns:
        One record an epoch: `epoch`, `train_loss`, `validation_loss` and `validation_auroc` (None where no validation
        record was looked at), `lr`, `seconds`.

    Raises:
        ValueError: If there are no validation records to choose an epoch by, or the loss is no number; or labelled
            signals are to be changed, and also what is known beside them would have to be.
    """

    if not len(validation) and recipe.monitor != "last":
        raise ValueError(f"the {recipe.monitor} on no validation record chooses no epoch; monitor='last' needs none")
    if changes and (data.covariates is not None or isinstance(objective, SelfSupervised)):
        raise ValueError("only signals that are told their labels, and nothing beside them, are changed in training")

    fabric = (device or Device()).fabric()
    path = folder / "state.safetensors"
    settings = {"seed": seed, "recipe": dataclasses.asdict(recipe), "records": [len(train), len(validation)]}
    settings["transfer"] = None if transfer is None else dataclasses.asdict(transfer)
    optimizer = _optimizer(model, recipe, transfer)
    network, optimizer = fabric.setup(model, optimizer)
    history, best, mean = _resume(path, model, optimizer, settings)
    if recipe.average and not mean:
        mean = {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}
    for record in history:
        on_epoch(record)
    steps = recipe.epochs * -(-recipe.records(len(train)) // recipe.batch_size)
    while not should_stop(recipe, history):
        began, number = time.perf_counter(), len(history)
        state = (seed, number, steps, history)
        loss, rate = _epoch(fabric, network, optimizer, (objective, changes), data, train, recipe, state, mean)
        looked = validation if recipe.looks(number) else validation[:0]
        judged = _judge(network, objective, data, looked, recipe, seed, fabric)
        record = {"epoch": number, "train_loss": loss, **judged}
        history.append({**record, "lr": rate, "seconds": time.perf_counter() - began})
        if best_epoch(recipe, history) == number:
            best = {name: tensor.detach().cpu().clone() for name, tensor in (mean or model.state_dict()).items()}
        save_state(path, _tensors(model, optimizer, best), {"history": history, **settings})
        on_epoch(history[-1])
    model.load_state_dict(best)
    return history


def _optimizer(model: nn.Module, recipe: Recipe, transfer: Transfer | None) -> torch.optim.Optimizer:
    kinds = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}
    groups = parameter_groups(model, transfer)
    return kinds[recipe.optimizer](groups, lr=recipe.rate, weight_decay=recipe.weight_decay, fused=True)


def _epoch(
    fabric: Any,
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    asked: tuple[Callable[..., dict[str, Tensor]], Sequence[Change]],
    data: Data,
    train: np.ndarray,
    recipe: Recipe,
    state: tuple[int, int, int, list[dict[str, Any]]],
    mean: dict[str, Tensor],
) -> tuple[float, float]:
    """One pass over the training records; the mean loss and the last learning rate. Weights join their running mean."""
    (seed, number, steps, history), (objective, changes) = state, asked
    rng = np.random.default_rng([seed, number])
    torch.manual_seed(int(rng.integers(2**62)))
    order, crop = _order(recipe, train, rng), data.crop(recipe)
    network.train()
    hold(network)
    losses, counted, rate = 0.0, 0, 0.0
    starts = range(0, len(order), recipe.batch_size)
    for i, start in enumerate(starts):
        rows = order[start : start + recipe.batch_size]
        if len(rows) == 1 < len(order):  # batch normalisation needs two
            rows = order[-2:]
        x = data.fetch(rows)
        if crop is not None:
            x = crop.apply(x, crop.draw(len(x), x.shape[-1], rng))
        rate, momentum = rate_and_momentum(recipe, number * len(starts) + i, steps, history)
        for group in optimizer.param_groups:
            group["lr"], group["betas"] = rate * group["scale"], (momentum, group["betas"][1])
        batch = _batch(objective, data, rows, x, rng, (number * len(starts) + i) / steps, changes)
        loss = objective(network, fabric.to_device(batch))["loss"]
        if not torch.isfinite(loss):
            raise ValueError(f"the loss is {loss.item()} in epoch {number}; lower the learning rate ({rate:g})")
        optimizer.zero_grad()
        fabric.backward(loss)
        optimizer.step()
        _join(mean, network, recipe, number * len(starts) + i)
        losses, counted = losses + loss.item() * len(rows), counted + len(rows)
    return losses / counted, rate


def _join(mean: dict[str, Tensor], network: nn.Module, recipe: Recipe, step: int) -> None:
    """Brings the running mean of the weights nearer to what they are after a step."""
    stays = min(recipe.average, (1 + step) / (10 + step))
    with torch.no_grad():
        for name, tensor in network.state_dict().items() if mean else ():
            mean[name] = torch.lerp(tensor, mean[name], stays) if tensor.is_floating_point() else tensor.clone()


def _order(recipe: Recipe, train: Int[np.ndarray, " train"], rng: np.random.Generator) -> Int[np.ndarray, " step"]:
    """The training records of an epoch one after the other."""
    count = recipe.records(len(train))
    return np.concatenate([rng.permutation(train) for _ in range(-(-count // len(train)))])[:count]


def _batch(
    objective: Any,
    data: Data,
    rows: Int[np.ndarray, " batch"],
    x: Float[np.ndarray, "batch lead time"],
    rng: np.random.Generator,
    progress: float,
    changes: Sequence[Change] = (),
) -> dict[str, Tensor]:
    """What the objective is given of some records."""
    if isinstance(objective, SelfSupervised):
        drawn = objective.draw(x, data.rate_hz, rng, progress)
        if data.y.shape[1]:
            drawn["y"] = data.y[rows]
        return {key: torch.from_numpy(value) for key, value in drawn.items()}
    y = data.y[rows]
    for change in changes:
        x, y = change.apply(x, y, change.draw(x, data.rate_hz, rng))
    return {"x": torch.from_numpy(x), "y": torch.from_numpy(y), **data.beside(rows)}


def _judge(
    network: nn.Module,
    objective: Any,
    data: Data,
    rows: Int[np.ndarray, " batch"],
    recipe: Recipe,
    seed: int,
    fabric: Any,
) -> dict[str, float | None]:
    """Loss and macro AUROC on validation records, as far as there are such."""
    if not len(rows):
        return {"validation_loss": None, "validation_auroc": None}
    if isinstance(objective, SelfSupervised):
        asked = ask(network, objective, data, rows, recipe, rng=_examiner(seed), fabric=fabric)
        loss = sum(float(found["loss"]) * len(batch["x"]) for batch, found in asked) / len(rows)
        return {"validation_loss": loss, "validation_auroc": None}
    logits, y = predict(network, data, rows, recipe, fabric=fabric), data.y[rows]
    scores = [auroc(y[:, i], logits[:, i]) for i in range(y.shape[1])]
    defined = [float(s) for s in scores if not np.isnan(s)]
    return {
        "validation_loss": float(objective.loss(torch.from_numpy(logits), torch.from_numpy(y))),
        "validation_auroc": float(np.mean(defined)) if defined else float("nan"),
    }


def _examiner(seed: int) -> np.random.Generator:
    """The chance of an examination, which is the same after every epoch and at the end."""
    return np.random.default_rng([seed, 0xE7A])


def ask(
    network: nn.Module,
    objective: SelfSupervised,
    data: Data,
    rows: Int[np.ndarray, " batch"],
    recipe: Recipe,
    *,
    rng: np.random.Generator,
    fabric: Any,
) -> Iterator[tuple[dict[str, Tensor], dict[str, Tensor]]]:
    """Asks a network what an objective asks at the end of a training, of one window of each record.

    Arguments:
        network: What the objective's `network` made, as Fabric has set it up.
        objective: The objective.
        data: Signals.
        rows: Which records.
        recipe: Says how long the windows are.
        rng: The chance of the windows and of what is asked.
        fabric: The launcher that set the network up.

    Yields:
        Batches that the objective drew, and what it and the network made of them.
    """

    network.eval()
    crop = data.crop(recipe)
    for start in range(0, len(rows), _PREDICT_BATCH):
        some = rows[start : start + _PREDICT_BATCH]
        x = data.fetch(some)
        if crop is not None:
            x = crop.apply(x, crop.draw(len(x), x.shape[-1], rng))
        batch = fabric.to_device(_batch(objective, data, some, x, rng, 1.0))
        with torch.inference_mode():
            found = objective(network, batch)
        yield batch, found


def examine(
    network: nn.Module,
    objective: SelfSupervised,
    data: Data,
    rows: Int[np.ndarray, " batch"],
    recipe: Recipe,
    *,
    seed: int,
    fabric: Any,
) -> dict[str, Float[np.ndarray, " batch"]]:
    """What an objective measures of each record, of the same windows every time; see `ask` for the arguments."""

    found: dict[str, list[np.ndarray]] = {}
    for batch, answer in ask(network, objective, data, rows, recipe, rng=_examiner(seed), fabric=fabric):
        for name, value in objective.measure(answer, batch).items():
            found.setdefault(name, []).append(value.float().cpu().numpy())
    return {name: np.concatenate(values) for name, values in found.items()}


def predict(
    network: nn.Module, data: Data, rows: Int[np.ndarray, " batch"], recipe: Recipe, *, fabric: Any = None
) -> Float[np.ndarray, "batch class"]:
    """The logits of some records; with windows, the largest over the windows that cover a record.

    Arguments:
        network: A model, or one that Fabric has set up.
        data: Signals.
        rows: Which records.
        recipe: Says whether there are windows.
        fabric: The launcher that set the network up; by default the network is set up here.
    """

    if fabric is None:
        fabric = Device().fabric()
        network = fabric.setup_module(network)
    network.eval()
    crop, out = data.crop(recipe), []
    with torch.inference_mode():
        for start in range(0, len(rows), _PREDICT_BATCH):
            x = data.fetch(rows[start : start + _PREDICT_BATCH])
            views = [x] if crop is None else [x[..., s : s + crop.samples] for s in crop.cover(x.shape[-1])]
            beside = fabric.to_device(data.beside(rows[start : start + _PREDICT_BATCH]))
            inputs = (fabric.to_device(torch.from_numpy(np.ascontiguousarray(view))) for view in views)
            logits = [network(x, **beside).float() for x in inputs]
            out.append(torch.stack(logits).amax(dim=0).cpu().numpy())
    return np.concatenate(out)


def _tensors(model: nn.Module, optimizer: torch.optim.Optimizer, best: dict[str, Tensor]) -> dict[str, Tensor]:
    tensors = {f"model.{k}": t for k, t in model.state_dict().items()} | {f"best.{k}": t for k, t in best.items()}
    for i, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{i}.{k}": torch.as_tensor(v) for k, v in state.items()}
    return tensors


def _resume(
    path: Path, model: nn.Module, optimizer: torch.optim.Optimizer, settings: dict[str, Any]
) -> tuple[list[dict[str, Any]], dict[str, Tensor], dict[str, Tensor]]:
    """Puts model and optimizer back to the last whole epoch, if there is one.

    Returns:
        The history, the best weights and, where the recipe keeps one, their running mean, which are the best so far.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        return [], {}, {}
    tensors, facts = load_state(path)
    if {key: facts.get(key) for key in settings} != settings:
        raise ValueError(f"{path} was left by a training with other settings; delete it or choose another folder")
    parts: dict[str, dict[str, Tensor]] = {"model": {}, "best": {}, "optimizer": {}}
    for name, tensor in tensors.items():
        part, _, rest = name.partition(".")
        parts[part][rest] = tensor
    model.load_state_dict(parts["model"])
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in parts["optimizer"].items():
        index, _, key = name.partition(".")
        state.setdefault(int(index), {})[key] = tensor
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    device = next(model.parameters()).device
    mean = {name: tensor.to(device) for name, tensor in parts["best"].items()} if settings["recipe"]["average"] else {}
    return facts["history"], parts["best"], mean
