"""What reads an ECG and gives a probability for each class.

A *network* is a torch module that is trained by gradient: `forward` is `head` after `features`, and `reset_head(n)`
gives it another number of classes. An *estimator* is fitted at once: `fit(x, y)` and `predict(x)`. Both are made
by `build(name, …)` from the form of their input.

An *encoder* is a network whose features are pooled from a sequence, one vector for every few samples, so that it can
also learn from signals without labels. What is not known of a signal is NaN: a lead that is missing, a span that is
hidden. An encoder whose shape has `gaps` puts a value that it learns in the place of each such sample.

What is known beside the signal, such as the intervals between beats, are *covariates*: numbers near 0 with a spread
near 1. A network joins what two small layers make of them to its features; an estimator has them as further columns.
"""

__all__ = ["Encoder", "Estimator", "Network", "Shape", "build", "encoders", "names", "parse"]

import dataclasses
from abc import ABC, abstractmethod
from functools import partial
from typing import Any, ClassVar

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from einthoven import registry
from einthoven.layers.temporal import flat, wide

_BESIDE = 32


@dataclasses.dataclass(frozen=True)
class Shape:
    """What goes in and what comes out.

    Attributes:
        leads: How many leads.
        samples: How many samples a lead.
        rate_hz: Samples per second.
        classes: How many classes are predicted.
        exclusive: Whether each record is of exactly one of them; otherwise each is predicted on its own.
        covariates: How many numbers are known beside the signal.
        gaps: Whether samples may be missing, which are NaN then; only encoders take such signals.
    """

    leads: int
    samples: int
    rate_hz: float
    classes: int
    exclusive: bool = False
    covariates: int = 0
    gaps: bool = False


class Network(nn.Module, ABC):
    """A network for signals of a fixed form.

    Attributes:
        fast: Whether to compute in channels-last memory; the parameters and, up to rounding, the numbers stay the same.
        head: The last layer, from features to one logit a class.
        any_length: Whether it takes signals of another length than that of its shape.
        beside: From covariates to features of theirs, which the head sees beside those of the signal.
        beside_width: How many these are.
    """

    any_length: ClassVar[bool] = False
    head: nn.Module

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.fast = False
        self.beside_width = _BESIDE if shape.covariates else 0
        if shape.covariates:
            first, second = nn.Linear(shape.covariates, _BESIDE), nn.Linear(_BESIDE, _BESIDE)
            self.beside = nn.Sequential(first, nn.ReLU(), second, nn.ReLU())

    @abstractmethod
    def trunk(self, x: Tensor) -> Tensor:
        """From signals in either layout to features `batch feature`."""

    @abstractmethod
    def reset_head(self, classes: int) -> None:
        """Replaces the head by an untrained one for `classes` classes, which takes `beside_width` more features."""

    def features(self, x: Float[Tensor, "batch lead time"]) -> Float[Tensor, "batch feature"]:
        """What the network makes of each signal before it decides."""
        return self.trunk(wide(x) if self.fast else flat(x))

    def forward(
        self, x: Float[Tensor, "batch lead time"], covariates: Float[Tensor, "batch covariate"] | None = None
    ) -> Float[Tensor, "batch class"]:
        """One logit a class.

        Raises:
            ValueError: If the covariates are not as many as the shape says.
        """
        there = 0 if covariates is None else covariates.shape[1]
        if there != self.shape.covariates:
            raise ValueError(f"this network takes {self.shape.covariates} covariates beside the signal, not {there}")
        features = self.features(x)
        if covariates is not None:
            features = torch.cat([features, self.beside(covariates)], dim=1)
        logits: Tensor = self.head(features)
        return logits


class Encoder(Network):
    """A network that makes a sequence of vectors of a signal and pools it.

    Attributes:
        stride: Samples from one vector of the sequence to the next.
        channels: The length of such a vector.
        width: How many features there are after pooling.
        window_s: The window of a signal that suits its training, in seconds; None for the whole.
        absent: For each lead what stands in the place of a sample that is not known; only where the shape has gaps.
    """

    window_s: ClassVar[float | None] = None
    stride: int
    channels: int
    width: int

    def __init__(self, shape: Shape) -> None:
        super().__init__(shape)
        if shape.gaps:
            self.absent = nn.Parameter(torch.zeros(shape.leads))

    @abstractmethod
    def sequence(self, x: Tensor) -> Tensor:
        """From signals without gaps, in either layout, to vectors `batch channel step` in the same."""

    @abstractmethod
    def pool(self, sequence: Float[Tensor, "batch channel step"]) -> Float[Tensor, "batch feature"]:
        """From the sequence to features."""

    def offset(self, samples: int) -> int:
        """How many samples before a signal of that length the first vector of its sequence begins."""
        return 0

    def trunk(self, x: Tensor) -> Tensor:
        """From signals without gaps to features."""
        return self.pool(flat(self.sequence(x)))

    def steps(self, x: Float[Tensor, "batch lead time"]) -> Float[Tensor, "batch channel step"]:
        """The sequence: one vector for every `stride` samples. In the signals NaN is what is not known."""
        x = self._filled(x)
        return flat(self.sequence(wide(x) if self.fast else flat(x)))

    def features(self, x: Float[Tensor, "batch lead time"]) -> Float[Tensor, "batch feature"]:
        """What the network makes of each signal before it decides. In the signals NaN is what is not known."""
        return super().features(self._filled(x))

    def _filled(self, x: Tensor) -> Tensor:
        return torch.where(torch.isnan(x), self.absent[:, None], x) if self.shape.gaps else x


class Estimator(ABC):
    """A model that is fitted at once."""

    @abstractmethod
    def __init__(self, shape: Shape, *, seed: int) -> None: ...

    @abstractmethod
    def fit(
        self,
        x: Float[np.ndarray, "batch lead time"],
        y: Float[np.ndarray, "batch class"],
        covariates: Float[np.ndarray, "batch covariate"] | None = None,
    ) -> None:
        """Learns from signals and their labels: 1, 0, or NaN where unknown."""

    @abstractmethod
    def predict(
        self, x: Float[np.ndarray, "batch lead time"], covariates: Float[np.ndarray, "batch covariate"] | None = None
    ) -> Float[np.ndarray, "batch class"]:
        """One probability a class."""


names = partial(registry.names, "models")


def encoders() -> dict[str, type[Encoder]]:
    """All encoders by their names."""
    found = {name: registry.get("models", name) for name in names()}
    return {name: kind for name, kind in found.items() if issubclass(kind, Encoder)}


def parse(words: str) -> tuple[str, dict[str, Any]]:
    """The name of an encoder and what it is told, as the studies write it: `state_space,depth=8,features=64`.

    What it would take by itself is left out.

    Raises:
        UnknownName: If there is no such encoder, or it cannot be told that.
        ValueError: If it cannot be built so.
    """

    name, *rest = words.split(",")
    kind = encoders()[registry.nearest(name, encoders(), "encoder")]
    known = registry.defaults("models", name)
    options: dict[str, Any] = {}
    for each in rest:
        told, _, value = each.partition("=")
        registry.nearest(told, known, f"option of the encoder '{name}':")
        options[told] = registry.value(value)
    try:
        kind(Shape(12, 1000, 100.0, 1), **options)
    except (AssertionError, RuntimeError, TypeError, ValueError, ZeroDivisionError) as error:
        raise ValueError(f"the encoder '{words}' cannot be built: {error}") from error
    return name, registry.unusual("models", name, options)


def build(name: str, shape: Shape, **options: Any) -> Network | Estimator:
    """A model for a form of input.

    Raises:
        UnknownName: If there is no such model.
        ValueError: If it cannot be built for that form.
    """

    model: Network | Estimator = registry.get("models", name)(shape, **options)
    return model
