"""A small one-dimensional network for a single beat, or for any short signal: the plain baseline of image networks.

Five convolutions over time, each of which halves it, and one dense layer over the maximum and the mean of what is left.
It is no paper's network: whoever turns beats into images should be asked what a network of a fiftieth of the size does
with the beats themselves. The mean of each lead is subtracted first, so an offset changes nothing.
"""

__all__ = ["BeatCNN"]

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from einthoven.layers.temporal import BatchNorm, Conv, flat, normed
from einthoven.models import Network, Shape

_CHANNELS = (32, 64, 128, 128, 128)
_KERNELS = (7, 5, 5, 5, 5)


class _Stage(nn.Module):
    """Convolve with a stride of 2, normalise, cut off below zero."""

    def __init__(self, channels: int, out: int, kernel: int) -> None:
        super().__init__()
        self.conv = Conv(channels, out, kernel, stride=2, padding=kernel // 2, bias=False)
        self.norm = BatchNorm(out)
        nn.init.kaiming_normal_(self.conv.weight, nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(normed(self.conv, self.norm, x), inplace=True)


class BeatCNN(Network):
    """The network.

    Arguments:
        shape: The form of input and output; the number of samples does not bind.
        dropout: The share of features left out before the last layer in training.
    """

    any_length: ClassVar[bool] = True

    def __init__(self, shape: Shape, *, dropout: float = 0.3) -> None:
        super().__init__(shape)
        widths = zip((shape.leads, *_CHANNELS[:-1]), _CHANNELS, _KERNELS, strict=True)
        self.body = nn.Sequential(*(_Stage(channels, out, kernel) for channels, out, kernel in widths))
        self.dropout = dropout
        self.width = 2 * _CHANNELS[-1]
        self.reset_head(shape.classes)

    def reset_head(self, classes: int) -> None:
        """Replaces the head by an untrained one for `classes` classes."""
        self.head = nn.Sequential(nn.Dropout(self.dropout), nn.Linear(self.width + self.beside_width, classes))

    def trunk(self, x: Tensor) -> Tensor:
        """From signals in either layout to the maximum and the mean of time, side by side."""
        y = flat(self.body(x - x.mean(dim=-1, keepdim=True)))
        return torch.cat([y.amax(dim=-1), y.mean(dim=-1)], dim=1)
