"""Convolutions and a bidirectional LSTM on either side of a narrow sequence: the generator of system S1.

After Yoo, Moon, Kim and Joo 2023, "Medical data sharing with a synthetic 12-lead data set", Health Information Science
and Systems 11:41, https://doi.org/10.1007/s13755-023-00241-y, of which the abstract was to be had: a generator of a CNN
and a bidirectional LSTM, whose output is compared with its original. So it is an autoencoder; number and size of its
layers are our choice. It is a variational one (Kingma and Welling 2014, https://arxiv.org/abs/1312.6114): ten vectors a
second, of which each is a draw.

Two ways to emit are kept apart. `reconstruct` gives back an original, which is what the published likeness measures.
`emit` starts from noise, which is what is released. The vectors of an ECG depend on each other, as a heart beats, so
drawn one by one they would make none; a small flow (`einthoven.layers.flow`) that learns beside carries noise to such
sequences, by a rhythm and a style that smaller flows have drawn (`_plan`). `prior="normal"` leaves all of that out and
shows why it is there.
"""

__all__ = ["CnnBiLSTM"]

import math
from typing import ClassVar, Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from einthoven.generators import Autoencoder, Form, normal
from einthoven.generators._prior import Prior
from einthoven.layers.flow import Residual
from einthoven.layers.recurrent import BiLSTM
from einthoven.layers.temporal import Conv, finer
from einthoven.records.leads import EIGHT

_FINE_HZ = 50.0  # the rate at which the outermost blocks work
_COARSE = 5  # from there to ten vectors a second
_FINE, _WIDE = 64, 192  # channels
_SMOOTH = 5  # samples over which neighbours of the output are joined
_LOWEST = -8.0  # of the logarithm of a variance


class CnnBiLSTM(Autoencoder):
    """The network.

    Arguments:
        form: What it makes.
        latent: The length of each of the ten vectors a second.
        prior: `flow`, or `normal` for vectors that are drawn one by one.
        steps: From noise to a sequence of vectors, of the flow.

    Raises:
        ValueError: If the signals are too short or too slow for the network.
    """

    objective: ClassVar[str] = "variational"

    def __init__(
        self, form: Form, *, latent: int = 16, prior: Literal["flow", "normal"] = "flow", steps: int = 5
    ) -> None:
        super().__init__(form)
        enter = max(1, round(form.rate_hz / _FINE_HZ))
        self.stride = enter * _COARSE
        if form.samples < 2 * self.stride or form.rate_hz < _FINE_HZ / 2:
            raise ValueError(
                f"{form.samples} samples at {form.rate_hz:g} Hz are too little for 'cnn_bilstm', which takes "
                f"{_FINE_HZ / 2:g} Hz and {2 * self.stride} samples at least"
            )
        self.inside = latent, -(-form.samples // self.stride)
        leads = len(EIGHT)
        self.encoder = nn.Sequential(
            Conv(leads, _FINE, 3 * enter, stride=enter, padding=enter),
            Residual(_FINE, _FINE),
            Conv(_FINE, _WIDE, _COARSE, stride=_COARSE),
            Residual(_WIDE, _WIDE),
            BiLSTM(_WIDE),
            Conv(_WIDE, 2 * latent, 1),
        )
        self.wanted = nn.Linear(form.classes, _WIDE)
        self.enter = Conv(latent, _WIDE, 3, padding=1)
        self.decoder = nn.Sequential(
            BiLSTM(_WIDE),
            Residual(_WIDE, _WIDE),
            _Finer(_WIDE, _FINE, _COARSE),
            Residual(_FINE, _FINE),
            _Finer(_FINE, leads, enter),
            Conv(leads, leads, _SMOOTH, padding=_SMOOTH // 2),
        )
        self.prior = None
        if prior == "flow":  # it is the cheaper part and the longer in learning: it gets a second look
            self.prior = Prior(form, self.inside, self.stride / form.rate_hz, steps=steps, looks=2)
        self.noise = (self.prior.numbers if self.prior is not None else math.prod(self.inside),)

    def posterior(
        self, x: Float[Tensor, "batch lead time"]
    ) -> tuple[Float[Tensor, "batch latent step"], Float[Tensor, "batch latent step"]]:
        """The mean and the logarithm of the variance of what signals are made of."""
        short = self.inside[1] * self.stride - x.shape[-1]
        mean, log = self.encoder(nn.functional.pad(x / self.spread, (0, short))).chunk(2, dim=1)
        return mean, torch.clamp(log.float(), min=_LOWEST)

    def encode(self, x: Float[Tensor, "batch lead time"]) -> Float[Tensor, "batch latent step"]:
        """What signals are made of, in the mean."""
        return self.posterior(x)[0].float()

    def decode(
        self, z: Float[Tensor, "batch latent step"], y: Float[Tensor, "batch class"]
    ) -> Float[Tensor, "batch lead time"]:
        """The signals that are made of that."""
        made = self.decoder(self.enter(z) + self.wanted(y)[..., None])
        return made[..., : self.form.samples].float() * self.spread

    def reconstruct(
        self, x: Float[Tensor, "batch lead time"], y: Float[Tensor, "batch class"]
    ) -> Float[Tensor, "batch lead time"]:
        """What the network gives back of signals."""
        return self.decode(self.encode(x), y)

    def emit(
        self, noise: Float[Tensor, "batch number"], y: Float[Tensor, "batch class"]
    ) -> Float[Tensor, "batch lead time"]:
        """The signals that are made of some noise."""
        z = noise.view(-1, *self.inside) if self.prior is None else self.prior.emit(noise, y)
        return self.decode(z, y)

    def forward(
        self,
        x: Float[Tensor, "batch lead time"],
        y: Float[Tensor, "batch class"],
        t: Float[Tensor, " batch"],
        seed: Int[Tensor, " batch"],
        beats: Float[Tensor, "batch beat"],
    ) -> dict[str, Tensor]:
        """What comes back through draws, `signal`, beside the `wanted`, in leads of deviation 1, and their `spread`.

        Of what it is made of the `mean` and the `log` of the variance; and what the prior tells (`_prior`). In
        evaluation a signal comes back from the mean.
        """
        mean, log = self.posterior(x)
        mean = mean.float()
        z = mean + torch.exp(log / 2) * normal(seed, mean.shape)
        found = {"signal": self.decode(z if self.training else mean, y) / self.spread, "wanted": x / self.spread}
        found |= {"spread": self.spread, "mean": mean, "log": log}
        if self.prior is not None:
            found |= self.prior(z.detach(), x / self.spread, y, t, seed, beats)
        return found


class _Finer(nn.Module):
    """So many times as many steps, after a convolution that gives each its own channels."""

    def __init__(self, channels: int, out: int, times: int) -> None:
        super().__init__()
        self.times = times
        self.conv = Conv(channels, out * times, _SMOOTH, padding=_SMOOTH // 2)

    def forward(self, x: Float[Tensor, "batch channel step"]) -> Float[Tensor, "batch out fine"]:
        return finer(self.conv(x), self.times)
