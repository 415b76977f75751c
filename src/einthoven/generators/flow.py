"""Noise of the form of an ECG flows to an ECG, in five steps of Heun.

Flow matching (see `einthoven.layers.flow`) on the signals themselves, in patches of 40 ms, by a rhythm and a style that
smaller flows have drawn (`_plan`). The modern bar beside the generator of system S1: methods of its kind
lead the published tables of train-on-synthetic, test-on-real for 12-lead ECGs, in hundreds of steps (Alcaraz and
Strodthoff 2023, https://arxiv.org/abs/2301.08227).
"""

__all__ = ["Flow"]

from typing import ClassVar

from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from einthoven.generators import Form, Learner
from einthoven.generators._prior import Prior
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
        self.patch = max(1, round(_PATCH_S * form.rate_hz))
        inside = len(EIGHT) * self.patch, -(-form.samples // self.patch)
        self.prior = Prior(form, inside, self.patch / form.rate_hz, width=width, steps=steps)
        self.noise = (self.prior.numbers,)

    def forward(
        self,
        x: Float[Tensor, "batch lead time"],
        y: Float[Tensor, "batch class"],
        t: Float[Tensor, " batch"],
        seed: Int[Tensor, " batch"],
        beats: Float[Tensor, "batch beat"],
    ) -> dict[str, Tensor]:
        """What the flow tells (`_prior`), of patches of leads of deviation 1."""
        signal = x / self.spread
        patches = coarser(F.pad(signal, (0, -x.shape[-1] % self.patch)), self.patch)
        found: dict[str, Tensor] = self.prior(patches, signal, y, t, seed, beats)
        return found

    def emit(
        self, noise: Float[Tensor, "batch number"], y: Float[Tensor, "batch class"]
    ) -> Float[Tensor, "batch lead time"]:
        """The signals that are made of some noise."""
        return finer(self.prior.emit(noise, y), self.patch)[..., : self.form.samples] * self.spread
