"""Networks that make ECGs of noise.

A generator turns noise of a fixed shape and the classes that are wanted into a signal, always the same signal of the
same noise: `emit(noise, y)`. What is drawn is therefore data (`draw`), and record number n of a seed is the same
whether ten are made or ten thousand.

It works on the eight leads that are independent (`einthoven.records.leads.EIGHT`); the other four follow from them, so
no synthetic ECG breaks the identities of Einthoven and Goldberger. An *autoencoder* besides has a way from a signal to
what it is made of (`encode`, `decode`): so a signal can be reconstructed, and two be mixed (`interpolate`).

One that learns by gradient, a *learner*, names the objective by which it does. That gives `forward` signals, their
classes, for each a time of a flow, a seed and its beats, and gets back all that its loss is made of. The others are
what a learner has to beat: they take what they need from a look at the training signals, or need nothing.
"""

__all__ = ["Autoencoder", "Form", "Generator", "Learner", "build", "draw", "learners", "names", "normal"]

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from jaxtyping import Float, Float32, Int
from torch import Tensor, nn

from einthoven import registry
from einthoven.records.leads import EIGHT

_STREAMS = 8  # of random numbers of one seed


@dataclasses.dataclass(frozen=True)
class Form:
    """What a generator makes.

    Attributes:
        samples: How many samples a lead.
        rate_hz: Samples per second.
        classes: How many classes can be wanted.
    """

    samples: int
    rate_hz: float
    classes: int


class Generator(nn.Module, ABC):
    """What makes signals of noise.

    Arguments:
        form: What it makes.

    Attributes:
        emits: What comes out: `leads`, the eight independent ones, or `image`.
        noise: The shape of the noise that one signal is made of.
        spread: The deviation of each lead over the training signals, in their unit.
    """

    emits: ClassVar[Literal["leads", "image"]] = "leads"
    noise: tuple[int, ...]
    spread: Tensor

    def __init__(self, form: Form) -> None:
        super().__init__()
        self.form = form
        self.register_buffer("spread", torch.ones(len(EIGHT), 1))

    def look(self, x: Float[np.ndarray, "batch lead time"], y: Float[np.ndarray, "batch class"]) -> None:
        """Takes the spread of the leads from the training signals, before anything is learnt."""
        spread = x.std(axis=(0, 2), dtype=np.float64)
        self.spread.copy_(torch.from_numpy(np.maximum(spread, 1e-6))[:, None])

    @abstractmethod
    def emit(
        self, noise: Float[Tensor, "batch ..."], y: Float[Tensor, "batch class"]
    ) -> Float[Tensor, "batch lead time"]:
        """The signals that are made of some noise.

        Arguments:
            noise: Standard normal numbers, of the shape `noise`.
            y: 1 for each class that is wanted, else 0.
        """


class Learner(Generator):
    """A network that learns to make signals; inside, every lead has a deviation of about 1.

    Attributes:
        objective: The file of `einthoven.objectives` by which it learns.
    """

    objective: ClassVar[str]

    @abstractmethod
    def forward(
        self,
        x: Float[Tensor, "batch lead time"],
        y: Float[Tensor, "batch class"],
        t: Float[Tensor, " batch"],
        seed: Int[Tensor, " batch"],
        beats: Float[Tensor, "batch beat"],
    ) -> dict[str, Tensor]:
        """All that its objective asks, of signals of classes at times of a flow; the seed decides what is drawn.

        Where the beats of the signals are is told as by `einthoven.signals.pacing`.
        """


class Autoencoder(Learner):
    """A learner that also finds what a signal is made of."""

    @abstractmethod
    def encode(self, x: Float[Tensor, "batch lead time"]) -> Float[Tensor, "batch latent step"]:
        """What signals are made of."""

    @abstractmethod
    def decode(
        self, z: Float[Tensor, "batch latent step"], y: Float[Tensor, "batch class"]
    ) -> Float[Tensor, "batch lead time"]:
        """The signals that are made of that."""

    def interpolate(
        self,
        first: Float[Tensor, "batch lead time"],
        second: Float[Tensor, "batch lead time"],
        alpha: Float[Tensor, " batch"],
        y: Float[Tensor, "batch class"],
    ) -> Float[Tensor, "batch lead time"]:
        """What lies between signals: `alpha` 0 reconstructs the first, 1 the second."""
        return self.decode(torch.lerp(self.encode(first), self.encode(second), alpha[:, None, None]), y)


def draw(shape: Sequence[int], *, seed: int, numbers: Sequence[int]) -> Float32[np.ndarray, "record ..."]:
    """Noise for some records; that of a record depends on the seed and its own number alone.

    Arguments:
        shape: Of the noise of one record.
        seed: Other records with another seed.
        numbers: Of the records, from 0.
    """

    draws = [np.random.default_rng([seed, number]).standard_normal(shape, np.float32) for number in numbers]
    return np.stack(draws) if draws else np.empty((0, *shape), np.float32)


def normal(seed: Int[Tensor, " batch"], shape: Sequence[int], stream: int = 0) -> Tensor:
    """Standard normal numbers of a shape, which the seed of the first of a batch decides, on any device the same.

    What is drawn for one purpose must not say anything of what is drawn for another: each has a stream of its own.
    """
    generator = torch.Generator().manual_seed((_STREAMS * int(seed[0]) + stream) % 2**32)
    return torch.randn(*shape, generator=generator).to(seed.device)


names = partial(registry.names, "generators")


def learners(emits: Literal["leads", "image"] = "leads") -> tuple[str, ...]:
    """The names of those that learn, by what comes out of them."""
    found = {name: registry.get("generators", name) for name in names()}
    return tuple(name for name, kind in found.items() if issubclass(kind, Learner) and kind.emits == emits)


def build(name: str, form: Form, **options: Any) -> Generator:
    """A generator of a form of signals.

    Raises:
        UnknownName: If there is none of that name.
        ValueError: If it cannot be built for that form.
    """

    generator: Generator = registry.get("generators", name)(form, **options)
    return generator
