"""A one-dimensional XResNet-101, the strongest plain network of the PTB-XL benchmark.

He et al. 2019, "Bag of tricks for image classification", https://arxiv.org/abs/1812.01187, carried over to ECG by
Strodthoff et al. 2021, https://doi.org/10.1109/JBHI.2020.3022989: a stem of three convolutions, 3 + 4 + 23 + 3
bottleneck blocks of one width (64, expanded to 256) with kernels of five samples, and a head over the maximum and
the mean of time. Trained on crops of 2.5 s at 100 Hz; the length of its input is free.
"""

__all__ = ["XResNet1d101"]

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from einthoven.layers.temporal import AvgPool, BatchNorm, Conv, MaxPool, normed
from einthoven.models import Encoder, Shape

_KERNEL = 5
_STEM = (32, 32, 64)
_WIDTH, _EXPANSION = 64, 4
_DEPTHS = (3, 4, 23, 3)


def _conv(channels: int, out: int, kernel: int, stride: int = 1) -> Conv:
    conv = Conv(channels, out, kernel, stride=stride, padding=kernel // 2, bias=False)
    nn.init.kaiming_normal_(conv.weight)
    return conv


class _Bottleneck(nn.Module):
    """Narrow, convolve, widen; the last normalisation starts at zero, so that a fresh block is its skip."""

    def __init__(self, channels: int, stride: int) -> None:
        super().__init__()
        out = _WIDTH * _EXPANSION
        self.conv1, self.norm1 = _conv(channels, _WIDTH, 1), BatchNorm(_WIDTH)
        self.conv2, self.norm2 = _conv(_WIDTH, _WIDTH, _KERNEL, stride), BatchNorm(_WIDTH)
        self.conv3, self.norm3 = _conv(_WIDTH, out, 1), BatchNorm(out)
        nn.init.zeros_(self.norm3.weight)
        self.pool = AvgPool(stride) if stride > 1 else nn.Identity()
        widen = channels != out
        self.skip = nn.Sequential(_conv(channels, out, 1), BatchNorm(out)) if widen else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(normed(self.conv1, self.norm1, x), inplace=True)
        y = F.relu(normed(self.conv2, self.norm2, y), inplace=True)
        return F.relu(normed(self.conv3, self.norm3, y) + self.skip(self.pool(x)), inplace=True)


class XResNet1d101(Encoder):
    """The network.

    Arguments:
        shape: The form of input and output; the number of samples is that of a crop and does not bind.
        dropout: The share of features left out before the last layer in training.
    """

    any_length: ClassVar[bool] = True
    window_s: ClassVar[float | None] = 2.5

    def __init__(self, shape: Shape, *, dropout: float = 0.5) -> None:
        super().__init__(shape)
        layers: list[nn.Module] = []
        channels = shape.leads
        for i, out in enumerate(_STEM):
            layers += [_conv(channels, out, _KERNEL, 2 if i == 0 else 1), BatchNorm(out), nn.ReLU(inplace=True)]
            channels = out
        layers.append(MaxPool(3, 2, 1))
        for stage, depth in enumerate(_DEPTHS):
            for i in range(depth):
                layers.append(_Bottleneck(channels, 2 if stage > 0 and i == 0 else 1))
                channels = _WIDTH * _EXPANSION
        self.body = nn.Sequential(*layers)
        self.dropout = dropout
        self.stride, self.channels = 2 ** (len(_DEPTHS) + 1), channels
        self.width = 2 * channels
        self.reset_head(shape.classes)

    def reset_head(self, classes: int) -> None:
        """Replaces the head by an untrained one for `classes` classes."""
        width = self.width + self.beside_width
        linear = nn.Linear(width, classes)
        nn.init.kaiming_normal_(linear.weight, nonlinearity="linear")
        nn.init.zeros_(linear.bias)
        self.head = nn.Sequential(nn.BatchNorm1d(width), nn.Dropout(self.dropout), linear)

    def sequence(self, x: Tensor) -> Tensor:
        """From signals in either layout to what the last block makes of them."""
        y: Tensor = self.body(x)
        return y

    def pool(self, sequence: Tensor) -> Tensor:
        """The maximum and the mean of time, side by side."""
        return torch.cat([sequence.amax(dim=-1), sequence.mean(dim=-1)], dim=1)
