"""An alphabet of pieces of paper, and pages written in it: the generator of system S3 as published, on images.

After Liu et al. 2020, Computer Methods and Programs in Biomedicine 196:105639,
https://doi.org/10.1016/j.cmpb.2020.105639, of which the abstract was to be had: short 12-lead ECGs as two-dimensional
images, a VQ-VAE (`vqvae` says after whom) of two-dimensional convolutions, interpolation in its latent space, then
sampling. Number and size of the layers are our choice: three halvings of height and width, and a few letters at each
place that is left.

A page is what `einthoven.drawing.raster` draws; its rows stand in the place of leads and its columns in that of time,
in what goes in and what comes out. Pages of nobody flow out of noise column by column (`einthoven.layers.flow`), told
their classes alone: a page has no beats that could be planned.
"""

__all__ = ["ImageVQVAE"]

from typing import ClassVar, Literal

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from einthoven.generators import Autoencoder, Form, normal
from einthoven.generators._prior import UNSAMPLED
from einthoven.layers.flow import Velocity, integrate, path
from einthoven.layers.quantizer import Coded, VectorQuantizer

_HALVINGS = 3
_WIDE = 64  # channels
_CODES, _LETTERS, _LETTER = 256, 4, 4  # letters of a place, and numbers of one
_INK = 0.2  # the deviation of the pixels of a page, about


class ImageVQVAE(Autoencoder):
    """The network.

    Arguments:
        form: What it makes: as many columns as it has samples, and columns per second.
        rows: Of a page.
        prior: `flow`, or `none` for one that only interpolates.
        steps: From noise to a page, of the flow.

    Raises:
        ValueError: If rows or columns are no multiple of eight.
    """

    emits: ClassVar[Literal["leads", "image"]] = "image"
    objective: ClassVar[str] = "pictured"

    def __init__(self, form: Form, *, rows: int = 96, prior: Literal["flow", "none"] = "flow", steps: int = 5) -> None:
        super().__init__(form)
        if rows % 2**_HALVINGS or form.samples % 2**_HALVINGS:
            raise ValueError(f"rows and columns are halved {_HALVINGS} times, which {rows} × {form.samples} are not")
        self.register_buffer("spread", torch.full((1, 1), _INK))
        self.places = rows // 2**_HALVINGS
        self.inside = _LETTERS * _LETTER * self.places, form.samples // 2**_HALVINGS
        self.steps = steps
        widths = [1, _WIDE // 2, *[_WIDE] * (_HALVINGS - 1)]
        pairs = list(zip(widths[:-1], widths[1:], strict=True))
        halve = (layer for a, b in pairs for layer in (nn.Conv2d(a, b, 4, 2, 1), nn.SiLU()))
        double = (layer for a, b in reversed(pairs[1:]) for layer in (nn.ConvTranspose2d(b, a, 4, 2, 1), nn.SiLU()))
        self.encoder = nn.Sequential(*halve, _Residual(_WIDE), _Residual(_WIDE))
        self.to_letters = nn.Conv2d(_WIDE, _LETTERS * _LETTER, 1)
        self.quantizer = VectorQuantizer(_CODES, _LETTER)
        self.from_letters = nn.Conv2d(_LETTERS * _LETTER, _WIDE, 3, padding=1)
        last = nn.ConvTranspose2d(widths[1], 1, 4, 2, 1)
        self.decoder = nn.Sequential(_Residual(_WIDE), _Residual(_WIDE), *double, last)
        self.velocity = Velocity(self.inside[0], form.classes) if prior == "flow" else None
        self.noise = self.inside

    def look(self, x: Float[np.ndarray, "batch row column"], y: Float[np.ndarray, "batch class"]) -> None:
        """Takes nothing from the training pages: ink is ink."""

    def encode(self, x: Float[Tensor, "batch row column"]) -> Float[Tensor, "batch latent step"]:
        """The vectors of pages, those of a column of places one below the other, before they are put in letters."""
        z = self.to_letters(self.encoder((x / _INK)[:, None]))
        return self._whole(self.quantizer.bound(self._apart(z.flatten(1, 2))))

    def codes(self, z: Float[Tensor, "batch latent step"], seed: int = 0) -> Coded:
        """The letters of vectors, those of a place as so many of a batch."""
        found: Coded = self.quantizer(self._apart(z), seed)
        return found

    def decode(
        self, z: Float[Tensor, "batch latent step"], y: Float[Tensor, "batch class"]
    ) -> Float[Tensor, "batch row column"]:
        """The pages that the nearest letters of vectors make, whatever the class, with ink from 0 to 1."""
        return (self._said(self._whole(self.codes(z).z)) * _INK).clamp(0, 1)

    def emit(
        self, noise: Float[Tensor, "batch latent step"], y: Float[Tensor, "batch class"]
    ) -> Float[Tensor, "batch row column"]:
        """The pages that are made of some noise.

        Raises:
            ValueError: If there is no prior.
        """
        if (velocity := self.velocity) is None:
            raise ValueError(UNSAMPLED)
        return self.decode(integrate(lambda x, t: velocity(x, t, y), noise, self.steps), y)

    def forward(
        self,
        x: Float[Tensor, "batch row column"],
        y: Float[Tensor, "batch class"],
        t: Float[Tensor, " batch"],
        seed: Int[Tensor, " batch"],
        beats: Float[Tensor, "batch beat"] | None = None,
    ) -> dict[str, Tensor]:
        """What comes back of letters, `signal`, beside the `wanted`, both of deviation about 1, and their `spread`.

        The `index` of the letters of each page, how far `away` from them its vectors are, and where there is a flow its
        `velocity` beside the `way` that is to be gone.
        """
        codes = self.codes(self.encode(x), int(seed[0]))
        z = self._whole(codes.z)
        found = {"signal": self._said(z), "wanted": x / _INK, "spread": self.spread}
        found |= {"index": codes.number.view(len(x), -1), "away": codes.away.view(len(x), -1)}
        if self.velocity is None:
            return found
        at, way = path(normal(seed, z.shape, stream=3), z.detach(), t)
        return found | {"velocity": self.velocity(at, t, y).float(), "way": way}

    def _apart(self, z: Tensor) -> Tensor:
        """Each letter by itself, at all places one after the other; a latent is letter, number, place of a column."""
        batch, _, steps = z.shape
        parts = z.reshape(batch, _LETTERS, _LETTER, self.places, steps)
        return parts.flatten(3).reshape(batch * _LETTERS, _LETTER, self.places * steps)

    def _whole(self, z: Tensor) -> Tensor:
        return z.reshape(-1, self.inside[0], self.inside[1])

    def _said(self, z: Tensor) -> Tensor:
        """What letters say, of deviation about 1."""
        places = z.reshape(len(z), _LETTERS * _LETTER, self.places, self.inside[1])
        page: Tensor = self.decoder(self.from_letters(places))[:, 0]
        return page.float()


class _Residual(nn.Module):
    """Two convolutions, added to what came in."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.GroupNorm(8, channels), nn.GroupNorm(8, channels)
        self.conv1, self.conv2 = (nn.Conv2d(channels, channels, 3, padding=1) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv2(F.silu(self.norm2(self.conv1(F.silu(self.norm1(x))))))
        return x + y
