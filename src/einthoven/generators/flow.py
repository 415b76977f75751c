"""Noise of the form of an ECG flows to an ECG, in five steps of Heun.

Flow matching (see `einthoven.layers.flow`) on the signals themselves, in patches of 40 ms, by a rhythm and
a style that smaller flows have drawn (`_plan`). The modern bar beside the generator of system S1: methods of its kind
lead the published tables of train-on-synthetic, test-on-real for 12-lead ECGs, in hundreds of steps (Alcaraz and
Strodthoff 2023, https://arxiv.org/abs/2301.08227).
"""

__all__ = ["Flow"]

from typing import ClassVar

from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from einthoven.generators import Form, Learner, normal
from einthoven.generators._plan import Plan, Planned, Told, channels
from einthoven.layers.flow import Velocity, integrate, path
from einthoven.layers.temporal import coarser, finer
from einthoven.records.leads import EIGHT

_PATCH_S = 0.04


class Flow(Learner):
    """The network.

    Arguments:
        form: What it makes.
        width: Channels of the U-Net at its finest.
        steps: From noise to signal, each but the last of two looks at the network.
    """

    objective: ClassVar[str] = "flow_match"

    def __init__(self, form: Form, *, width: int = 64, steps: int = 5) -> None:
        super().__init__(form)
        self.steps = steps
        self.patch = max(1, round(_PATCH_S * form.rate_hz))
        self.step_s, self.inside = self.patch / form.rate_hz, -(-form.samples // self.patch)
        wide = len(EIGHT) * self.patch
        self.plan = Plan(form)
        self.noise = (self.plan.numbers + len(EIGHT) * form.samples,)
        self.network = Velocity(wide, self.plan.told, width, beside=channels(self.step_s))

    def forward(
        self,
        x: Float[Tensor, "batch lead time"],
        y: Float[Tensor, "batch class"],
        t: Float[Tensor, " batch"],
        seed: Int[Tensor, " batch"],
        beats: Float[Tensor, "batch beat"],
    ) -> dict[str, Tensor]:
        """The `velocity` at the times t between noise and signals, the `way` that they are to go, and of the plan."""
        style, found = self.plan(x / self.spread, beats, y, t, seed)
        at, way = path(normal(seed, x.shape), x / self.spread, t)
        told = self.plan.tell(Planned(beats, style), y, self.inside, self.step_s)
        return {"velocity": self._velocity(at, t, told), "way": way, **found}

    def emit(
        self, noise: Float[Tensor, "batch number"], y: Float[Tensor, "batch class"]
    ) -> Float[Tensor, "batch lead time"]:
        """The signals that are made of some noise."""
        told = self.plan.tell(self.plan.emit(noise, y), y, self.inside, self.step_s)
        begun = noise[:, self.plan.numbers :].view(-1, len(EIGHT), self.form.samples)
        return integrate(lambda x, t: self._velocity(x, t, told), begun, self.steps) * self.spread

    def _velocity(self, x: Tensor, t: Tensor, told: Told) -> Tensor:
        """Which way points go, in leads of deviation 1."""
        return finer(self.network(self._patches(x), t, *told), self.patch)[..., : x.shape[-1]].float()

    def _patches(self, x: Tensor) -> Tensor:
        return coarser(F.pad(x, (0, -x.shape[-1] % self.patch)), self.patch)
