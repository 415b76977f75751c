"""Sequences that flow out of noise, by a rhythm and a style that are planned first."""

__all__ = ["UNSAMPLED", "Prior"]

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from einthoven.generators import Form, normal
from einthoven.generators._plan import Plan, Planned, Told, channels
from einthoven.layers.flow import Velocity, integrate, path

UNSAMPLED = "it has learnt to interpolate and not to make ECGs of noise; train it with the option prior=flow"


class Prior(nn.Module):
    """A flow (see `einthoven.layers.flow`) that is told a plan.

    Arguments:
        form: Of the signals that the sequences stand for.
        inside: Channels and steps of a sequence, whose numbers have a deviation of about 1.
        step_s: How long a step is.
        width: Channels of the network.
        steps: From noise to sequence, each but the last of two looks at the network.
        looks: At how many times between noise and sequence it looks in training.

    Attributes:
        numbers: Of how many a sequence is made.
    """

    def __init__(
        self, form: Form, inside: tuple[int, int], step_s: float, *, width: int = 64, steps: int = 5, looks: int = 1
    ) -> None:
        super().__init__()
        self.inside, self.step_s, self.steps, self.looks = inside, step_s, steps, looks
        self.plan = Plan(form)
        self.numbers = self.plan.numbers + math.prod(inside)
        self.network = Velocity(inside[0], self.plan.told, width, beside=channels(step_s))

    def forward(
        self,
        sequence: Float[Tensor, "batch channel step"],
        signal: Float[Tensor, "batch lead time"],
        y: Float[Tensor, "batch class"],
        t: Float[Tensor, " batch"],
        seed: Int[Tensor, " batch"],
        beats: Float[Tensor, "batch beat"],
    ) -> dict[str, Tensor]:
        """The `velocity` at the times t between noise and sequences, the `way` that they are to go, and of the plan.

        In training several times are looked at, spread evenly after the first.
        """
        style, found = self.plan(signal, beats, y, t, seed)
        told = self.plan.tell(Planned(beats, style), y, self.inside[1], self.step_s)
        looks = self.looks if self.training else 1
        begun = normal(seed, (looks, *sequence.shape), stream=3).flatten(0, 1)
        times = torch.cat([(t + look / looks) % 1 for look in range(looks)])
        at, way = path(begun, sequence.repeat(looks, 1, 1), times)
        told = Told(told.wanted.repeat(looks, 1), told.beside.repeat(looks, 1, 1))
        return {"velocity": self._velocity(at, times, told), "way": way, **found}

    def emit(
        self, noise: Float[Tensor, "batch number"], y: Float[Tensor, "batch class"]
    ) -> Float[Tensor, "batch channel step"]:
        """The sequences that are made of some noise."""
        told = self.plan.tell(self.plan.emit(noise, y), y, self.inside[1], self.step_s)
        begun = noise[:, self.plan.numbers :].view(-1, *self.inside)
        return integrate(lambda x, t: self._velocity(x, t, told), begun, self.steps)

    def _velocity(self, x: Tensor, t: Tensor, told: Told) -> Tensor:
        found: Tensor = self.network(x, t, *told)
        return found.float()
