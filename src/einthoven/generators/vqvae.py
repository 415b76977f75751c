"""An alphabet of short pieces of ECG, and sequences of its letters: the generator of system S3.

After Liu et al. 2020, Computer Methods and Programs in Biomedicine 196:105639,
https://doi.org/10.1016/j.cmpb.2020.105639, of which the abstract was to be had: ECGs of one diagnosis are interpolated
in the latent space of a VQ-VAE, to have more of it. The autoencoder is that of van den Oord et al. 2017,
https://arxiv.org/abs/1711.00937: 25 times a second a few vectors, each replaced by the nearest of a codebook
(`einthoven.layers.quantizer`). What a sequence of letters says is the same whatever the class, so encoder and decoder
are told none. Number and size of the layers are our choice.

An ECG between two others is decoded from the mix of their vectors, each replaced by its nearest letter *after* mixing.
ECGs of nobody come from a prior over sequences of letters: a flow (`_prior`), whose end is put in letters as well.
"""

__all__ = ["VQVAE"]

from typing import ClassVar, Literal

from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from einthoven.generators import Autoencoder, Form
from einthoven.generators._prior import UNSAMPLED, Prior
from einthoven.layers.flow import Residual
from einthoven.layers.quantizer import Coded, FiniteScalar, VectorQuantizer
from einthoven.layers.temporal import Conv, coarser, finer
from einthoven.records.leads import EIGHT

_STEP_S = 0.04
_WIDE = 128  # channels
_CODES = 256
_GRID = (4, 4, 4, 4)  # levels, as many codes
_LETTER = 4  # numbers of a vector


class VQVAE(Autoencoder):
    """The network.

    Arguments:
        form: What it makes.
        quantizer: `codebook`, which follows the vectors, or `grid`, which is fixed.
        letters: Vectors a step.
        prior: `flow`, or `none` for one that only interpolates, which is sooner learnt.
        steps: From noise to a sequence of vectors, of the flow.
    """

    objective: ClassVar[str] = "quantized"

    def __init__(
        self,
        form: Form,
        *,
        quantizer: Literal["codebook", "grid"] = "codebook",
        letters: int = 8,
        prior: Literal["flow", "none"] = "flow",
        steps: int = 5,
    ) -> None:
        super().__init__(form)
        self.stride = max(1, round(_STEP_S * form.rate_hz))
        self.inside = letters * _LETTER, -(-form.samples // self.stride)
        wide = len(EIGHT) * self.stride
        self.encoder = nn.Sequential(
            Conv(wide, _WIDE, 3, padding=1),
            Residual(_WIDE, _WIDE),
            Residual(_WIDE, _WIDE),
            Conv(_WIDE, self.inside[0], 1),
        )
        self.quantizer = FiniteScalar(_GRID) if quantizer == "grid" else VectorQuantizer(_CODES, _LETTER)
        self.decoder = nn.Sequential(
            Conv(self.inside[0], _WIDE, 3, padding=1),
            Residual(_WIDE, _WIDE),
            Residual(_WIDE, _WIDE),
            Residual(_WIDE, _WIDE),
            Conv(_WIDE, wide, 3, padding=1),
        )
        self.prior = None
        if prior == "flow":
            self.prior = Prior(form, self.inside, self.stride / form.rate_hz, steps=steps)
        self.noise = (self.prior.numbers if self.prior is not None else 0,)

    def encode(self, x: Float[Tensor, "batch lead time"]) -> Float[Tensor, "batch latent step"]:
        """The vectors of signals, before they are put in letters."""
        patches = coarser(F.pad(x / self.spread, (0, -x.shape[-1] % self.stride)), self.stride)
        return self._whole(self.quantizer.bound(self._apart(self.encoder(patches))))

    def codes(self, z: Float[Tensor, "batch latent step"], seed: int = 0) -> Coded:
        """The letters of vectors, those of a step as so many of a batch."""
        found: Coded = self.quantizer(self._apart(z), seed)
        return found

    def decode(
        self, z: Float[Tensor, "batch latent step"], y: Float[Tensor, "batch class"]
    ) -> Float[Tensor, "batch lead time"]:
        """The signals that the nearest letters of vectors make, whatever the class."""
        return self._said(self._whole(self.codes(z).z)) * self.spread

    def emit(
        self, noise: Float[Tensor, "batch number"], y: Float[Tensor, "batch class"]
    ) -> Float[Tensor, "batch lead time"]:
        """The signals that are made of some noise.

        Raises:
            ValueError: If there is no prior.
        """
        if self.prior is None:
            raise ValueError(UNSAMPLED)
        return self.decode(self.prior.emit(noise, y), y)

    def forward(
        self,
        x: Float[Tensor, "batch lead time"],
        y: Float[Tensor, "batch class"],
        t: Float[Tensor, " batch"],
        seed: Int[Tensor, " batch"],
        beats: Float[Tensor, "batch beat"],
    ) -> dict[str, Tensor]:
        """What comes back of letters, `signal`, beside the `wanted`, in leads of deviation 1, and their `spread`.

        The `index` of the letters of each signal, and how far `away` from them its vectors are; and what the prior
        tells (`_prior`), where there is one.
        """
        codes = self.codes(self.encode(x), int(seed[0]))
        z = self._whole(codes.z)
        found = {"signal": self._said(z), "wanted": x / self.spread, "spread": self.spread}
        found |= {"index": codes.number.view(len(x), -1), "away": codes.away.view(len(x), -1)}
        if self.prior is not None:
            found |= self.prior(z.detach(), x / self.spread, y, t, seed, beats)
        return found

    def _apart(self, z: Tensor) -> Tensor:
        """Each letter by itself."""
        return z.reshape(-1, _LETTER, z.shape[-1])

    def _whole(self, z: Tensor) -> Tensor:
        return z.reshape(-1, self.inside[0], z.shape[-1])

    def _said(self, z: Tensor) -> Tensor:
        """What letters say, in leads of deviation 1."""
        return finer(self.decoder(z), self.stride)[..., : self.form.samples].float()
