"""Noise of the form of an ECG flows to an ECG, in five steps of Heun.

Flow matching (see `einthoven.layers.flow`) on the signals themselves, in patches of 40 ms. The modern bar beside the
generator of system S1: methods of its kind lead the published tables of train-on-synthetic, test-on-real for 12-lead
ECGs, in hundreds of steps (Alcaraz and Strodthoff 2023, https://arxiv.org/abs/2301.08227).
"""

__all__ = ["Flow"]

from typing import ClassVar

from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from einthoven.generators import Form, Learner, normal
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

    def __init__(self, form: Form, *, width: int = 96, steps: int = 5) -> None:
        super().__init__(form)
        self.noise = (len(EIGHT), form.samples)
        self.steps = steps
        self.patch = max(1, round(_PATCH_S * form.rate_hz))
        self.network = Velocity(len(EIGHT) * self.patch, form.classes, width)

    def velocity(
        self, x: Float[Tensor, "batch lead time"], t: Float[Tensor, " batch"], y: Float[Tensor, "batch class"]
    ) -> Float[Tensor, "batch lead time"]:
        """Which way points go, in leads of deviation 1."""
        length = x.shape[-1]
        patches = coarser(F.pad(x, (0, -length % self.patch)), self.patch)
        return finer(self.network(patches, t, y), self.patch)[..., :length].float()

    def forward(
        self,
        x: Float[Tensor, "batch lead time"],
        y: Float[Tensor, "batch class"],
        t: Float[Tensor, " batch"],
        seed: Int[Tensor, " batch"],
    ) -> dict[str, Tensor]:
        """The `velocity` at the times t between noise and signals, and the `way` that they are to go."""
        at, way = path(normal(seed, x.shape), x / self.spread, t)
        return {"velocity": self.velocity(at, t, y), "way": way}

    def emit(
        self, noise: Float[Tensor, "batch lead time"], y: Float[Tensor, "batch class"]
    ) -> Float[Tensor, "batch lead time"]:
        """The signals that are made of some noise."""
        return integrate(lambda x, t: self.velocity(x, t, y), noise, self.steps) * self.spread
