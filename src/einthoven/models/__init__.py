"""What reads an ECG and gives a probability for each class.

A *network* is a torch module that is trained by gradient: `forward` is `head` after `features`, and `reset_head(n)`
gives it another number of classes. An *estimator* is fitted at once: `fit(x, y)` and `predict(x)`. Both are made
by `build(name, …)` from the form of their input.
"""

__all__ = ["Estimator", "Network", "Shape", "build", "names"]

import dataclasses
from abc import ABC, abstractmethod
from functools import partial
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float
from torch import Tensor, nn

from einthoven import registry
from einthoven.layers.temporal import flat, wide


@dataclasses.dataclass(frozen=True)
class Shape:
    """What goes in and what comes out.

    Attributes:
        leads: How many leads.
        samples: How many samples a lead.
        rate_hz: Samples per second.
        classes: How many classes are predicted, each on its own.
    """

    leads: int
    samples: int
    rate_hz: float
    classes: int


class Network(nn.Module, ABC):
    """A network for signals of a fixed form.

    Attributes:
        fast: Whether to compute in channels-last memory; the parameters and, up to rounding, the numbers stay the same.
        head: The last layer, from features to one logit a class.
        any_length: Whether it takes signals of another length than that of its shape.
    """

    any_length: ClassVar[bool] = False
    head: nn.Module

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.fast = False

    @abstractmethod
    def trunk(self, x: Tensor) -> Tensor:
        """From signals in either layout to features `batch feature`."""

    @abstractmethod
    def reset_head(self, classes: int) -> None:
        """Replaces the head by an untrained one for `classes` classes."""

    def features(self, x: Float[Tensor, "batch lead time"]) -> Float[Tensor, "batch feature"]:
        """What the network makes of each signal before it decides."""
        return self.trunk(wide(x) if self.fast else flat(x))

    def forward(self, x: Float[Tensor, "batch lead time"]) -> Float[Tensor, "batch class"]:
        """One logit a class."""
        logits: Tensor = self.head(self.features(x))
        return logits


class Estimator(ABC):
    """A model that is fitted at once."""

    @abstractmethod
    def __init__(self, shape: Shape, *, seed: int) -> None: ...

    @abstractmethod
    def fit(self, x: Float[np.ndarray, "batch lead time"], y: Float[np.ndarray, "batch class"]) -> None:
        """Learns from signals and their labels: 1, 0, or NaN where unknown."""

    @abstractmethod
    def predict(self, x: Float[np.ndarray, "batch lead time"]) -> Float[np.ndarray, "batch class"]:
        """One probability a class."""


names = partial(registry.names, "models")


def build(name: str, shape: Shape, **options: Any) -> Network | Estimator:
    """A model for a form of input.

    Raises:
        UnknownName: If there is no such model.
        ValueError: If it cannot be built for that form.
    """

    model: Network | Estimator = registry.get("models", name)(shape, **options)
    return model
