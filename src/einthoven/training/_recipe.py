"""How a network is trained, and the schedule as a pure function of what has happened.

Learning rate, momentum and early stopping are computed from the step and the history alone, so there is no state
of theirs to save: a run that goes on after an interruption computes what it would have computed anyway.
"""

__all__ = ["Recipe", "best_epoch", "decays", "rate_and_momentum", "should_stop"]

import dataclasses
import math
from collections.abc import Sequence
from typing import Any, Literal

_LOOKS = 5  # at validation records that choose nothing
_ONE_CYCLE_RISE, _ONE_CYCLE_START, _ONE_CYCLE_END = 0.25, 25.0, 1e5


@dataclasses.dataclass(frozen=True)
class Recipe:
    """The settings of a training.

    Attributes:
        epochs: At most.
        batch_size: Recordings a step.
        rate: Learning rate; the highest one of a one-cycle schedule.
        optimizer: `adam` or `adamw`.
        weight_decay: Of AdamW.
        schedule: `plateau` multiplies the rate by 0.1 when the validation loss has not improved for `plateau`
            epochs; `one_cycle` rises over a quarter of the steps and falls by a cosine (Smith 2018,
            https://arxiv.org/abs/1803.09820).
        plateau: Epochs without improvement before the rate falls.
        patience: Epochs without improvement before training stops, or None.
        monitor: What chooses the best epoch: `loss` or `auroc` (macro) on validation; `last` takes the last one, and
            needs no validation records; those that there are are looked at five times, for the curve.
        crop_s: Length of training windows in seconds, or None for whole recordings; in testing the maximum over
            windows counts.
        draws: How many records an epoch has, each as often as the others but for one time; None for every record once.
            So a training has as many steps, however few records there are.
        average: How much of the weights that are kept stays at each step, the rest being what the step came to: a
            running mean, which generators are the better for (Karras et al. 2024, https://arxiv.org/abs/2312.02696). It
            begins short and grows; 0 keeps the last weights themselves.

    Raises:
        ValueError: If a choice by validation is asked for and forbidden at once, or the rate lies below 0.
    """

    epochs: int
    batch_size: int
    rate: float
    optimizer: Literal["adam", "adamw"] = "adam"
    weight_decay: float = 0.0
    schedule: Literal["constant", "plateau", "one_cycle"] = "constant"
    plateau: int = 7
    patience: int | None = None
    monitor: Literal["loss", "auroc", "last"] = "loss"
    crop_s: float | None = None
    draws: int | None = None
    average: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.average < 1 or (self.average and self.monitor != "last"):
            what = "a mean of the weights keeps a share from 0 to below 1 of them, and needs the monitor 'last'"
            raise ValueError(f"{what}; not {self.average:g} and '{self.monitor}'")
        if not self.rate >= 0:
            raise ValueError(f"a learning rate is not below 0, like {self.rate:g}")
        if self.monitor == "last" and (self.patience is not None or self.schedule == "plateau"):
            raise ValueError("patience and a plateau look at validation, which monitor='last' does not; drop them")

    def looks(self, epoch: int) -> bool:
        """Whether the validation records are looked at after an epoch, counted from 0."""
        last = self.epochs - 1
        return self.monitor != "last" or epoch in {round(look * last / (_LOOKS - 1)) for look in range(_LOOKS)}

    def records(self, train: int) -> int:
        """How many records an epoch has, of so many training records."""
        return train if self.draws is None else self.draws


def _scores(recipe: Recipe, history: Sequence[dict[str, Any]]) -> list[float]:
    """What is to be made small, one number an epoch; an undefined one is the worst."""
    sign = 1.0 if recipe.monitor == "loss" else -1.0
    values = [sign * float(epoch[f"validation_{recipe.monitor}"]) for epoch in history]
    return [math.inf if math.isnan(v) else v for v in values]


def best_epoch(recipe: Recipe, history: Sequence[dict[str, Any]]) -> int:
    """The position of the best epoch so far; the first of equals."""
    if recipe.monitor == "last":
        return len(history) - 1
    scores = _scores(recipe, history)
    return scores.index(min(scores))


def should_stop(recipe: Recipe, history: Sequence[dict[str, Any]]) -> bool:
    """Whether training has ended: by its epochs, or by its patience."""
    if len(history) >= recipe.epochs:
        return True
    if recipe.patience is None or not history:
        return False
    return len(history) - 1 - best_epoch(recipe, history) >= recipe.patience


def decays(recipe: Recipe, history: Sequence[dict[str, Any]]) -> int:
    """How often the rate has fallen on a plateau of the validation loss; after a fall the count begins anew.

    As in Keras, which the CODE study used: `plateau` epochs without improvement make the rate fall.
    """
    best, waited, falls = math.inf, 0, 0
    for epoch in history:
        loss = float(epoch["validation_loss"])
        best, waited = (loss, 0) if loss < best else (best, waited + 1)
        if waited >= recipe.plateau:
            falls, waited = falls + 1, 0
    return falls


def rate_and_momentum(recipe: Recipe, step: int, steps: int, history: Sequence[dict[str, Any]]) -> tuple[float, float]:
    """The learning rate and Adam's first beta at a step.

    Arguments:
        recipe: The settings.
        step: The step of the whole training, from 0.
        steps: How many there will be at most.
        history: The finished epochs.
    """

    if recipe.schedule == "constant":
        return recipe.rate, 0.9
    if recipe.schedule == "plateau":
        return recipe.rate * 0.1 ** decays(recipe, history), 0.9
    peak = _ONE_CYCLE_RISE * steps - 1
    if step <= peak:
        share, low = step / max(peak, 1e-9), recipe.rate / _ONE_CYCLE_START
        return _cosine(low, recipe.rate, share), _cosine(0.95, 0.85, share)
    share, low = (step - peak) / max(steps - 1 - peak, 1e-9), recipe.rate / _ONE_CYCLE_START / _ONE_CYCLE_END
    return _cosine(recipe.rate, low, share), _cosine(0.85, 0.95, share)


def _cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) / 2 * (1 + math.cos(math.pi * share))
