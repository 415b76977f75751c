"""A transformer over patches of time: each patch holds a fifth of a second of all leads.

After Dosovitskiy et al. 2021, "An image is worth 16 × 16 words", https://arxiv.org/abs/2010.11929, for signals: patches
that do not overlap become vectors by one linear map, pass a few blocks of attention, and their mean is what is known of
the signal. Small on purpose: 2.7 million parameters at 100 Hz with twelve leads. Only distances between patches count
(`einthoven.layers.attention`), so the length of the input is free; an incomplete last patch is filled with zeros.
"""

__all__ = ["EcgViT"]

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from einthoven.layers.attention import Block
from einthoven.layers.temporal import Conv, flat
from einthoven.models import Encoder, Shape

_PATCH_S = 0.2


class EcgViT(Encoder):
    """The network.

    Arguments:
        shape: The form of input and output; the number of samples does not bind.
        features: Of a patch.
        depth: Blocks.
        heads: Of the attention.
        dropout: The share of activations left out in training.
    """

    any_length: ClassVar[bool] = True
    window_s: ClassVar[float | None] = 5.0

    def __init__(
        self, shape: Shape, *, features: int = 192, depth: int = 6, heads: int = 6, dropout: float = 0.1
    ) -> None:
        super().__init__(shape)
        self.stride = max(1, round(_PATCH_S * shape.rate_hz))
        self.channels = self.width = features
        self.patch = Conv(shape.leads, features, self.stride, stride=self.stride)
        self.blocks = nn.ModuleList(Block(features, heads, dropout) for _ in range(depth))
        self.norm = nn.LayerNorm(features)
        self.reset_head(shape.classes)

    def reset_head(self, classes: int) -> None:
        """Replaces the last layer by an untrained one for `classes` classes."""
        self.head = nn.Linear(self.width + self.beside_width, classes)

    def sequence(self, x: Tensor) -> Tensor:
        """From signals in either layout to what the last block makes of each patch."""
        x = flat(self.patch(F.pad(x, (0, -x.shape[-1] % self.stride)))).transpose(1, 2)
        for block in self.blocks:
            x = block(x)
        y: Tensor = self.norm(x)
        return y.transpose(1, 2)

    def pool(self, sequence: Tensor) -> Tensor:
        """The mean over patches."""
        return torch.mean(sequence, dim=-1)
