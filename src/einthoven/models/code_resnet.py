"""The residual network of the CODE study.

Ribeiro et al. 2020, "Automatic diagnosis of the 12-lead ECG using a deep neural network", Nature Communications
11:1760, https://doi.org/10.1038/s41467-020-15432-4. A convolution, then four residual blocks that narrow time by
four and widen the channels, then one dense layer over everything. 6 421 910 trainable parameters at 12 × 4096 with
six classes.

The length is fixed at construction. The paper has 400 Hz and 4096 samples, centred between zeros; a shorter input is
centred here in the same way.
"""

__all__ = ["CodeResNet"]

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from einthoven.layers.dropout import Dropout
from einthoven.layers.temporal import BatchNorm, Conv, MaxPool, normed
from einthoven.models import Encoder, Shape

_KERNEL = 16
_CHANNELS = (64, 128, 196, 256, 320)
_STRIDE = 4


class _Block(nn.Module):
    """Conv–norm–ReLU–dropout–conv with stride, to which the narrowed skip is added.

    Two streams pass through: `y`, the raw sum, is the next block's skip, and `x`, the sum after norm, ReLU and
    dropout, its input.
    """

    def __init__(self, channels: int, out: int, dropout: float) -> None:
        super().__init__()
        self.conv1 = Conv(channels, out, _KERNEL, padding="same", bias=False)
        self.norm1 = BatchNorm(out)
        self.conv2 = _strided(out)
        self.pool = MaxPool(_STRIDE, _STRIDE)
        self.skip = Conv(channels, out, 1, bias=False)
        self.norm2 = BatchNorm(out)
        self.dropout = Dropout(dropout)

    def forward(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        x = self.conv2(self.dropout(F.relu(normed(self.conv1, self.norm1, x), inplace=True)))
        y = x + self.skip(self.pool(_even(y)))
        return self.dropout(F.relu(self.norm2(y), inplace=True)), y


def _strided(channels: int) -> Conv:
    conv = Conv(channels, channels, _KERNEL, bias=False)
    conv.stride, conv.padding = (_STRIDE,), "same"  # the constructor refuses the two together
    return conv


def _even(x: Tensor) -> Tensor:
    """Padded on the right to whole windows with what no maximum chooses."""
    missing = -x.shape[-1] % _STRIDE
    return F.pad(x, (0, missing), value=-math.inf) if missing else x


class CodeResNet(Encoder):
    """The network.

    Arguments:
        shape: The form of input and output; the paper's is 12 leads × 4096 samples at 400 Hz, six classes.
        dropout: The share of activations left out in training.
    """

    def __init__(self, shape: Shape, *, dropout: float = 0.2) -> None:
        super().__init__(shape)
        self.stem = Conv(shape.leads, _CHANNELS[0], _KERNEL, padding="same", bias=False)
        self.norm = BatchNorm(_CHANNELS[0])
        pairs = zip(_CHANNELS[:-1], _CHANNELS[1:], strict=True)
        self.blocks = nn.ModuleList(_Block(c, out, dropout) for c, out in pairs)
        length = shape.samples
        for _ in self.blocks:
            length = -(-length // _STRIDE)
        self.stride, self.channels = _STRIDE ** len(self.blocks), _CHANNELS[-1]
        self.width = self.channels * length
        for module in self.modules():
            if isinstance(module, Conv):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        self.reset_head(shape.classes)

    def reset_head(self, classes: int) -> None:
        """Replaces the dense layer by an untrained one for `classes` classes."""
        self.head = nn.Linear(self.width + self.beside_width, classes)
        nn.init.kaiming_normal_(self.head.weight, nonlinearity="relu")
        nn.init.zeros_(self.head.bias)

    def sequence(self, x: Tensor) -> Tensor:
        """From signals in either layout, at most as long as the shape says, to what the last block makes of them.

        Raises:
            ValueError: If the signal is longer.
        """
        missing = self.shape.samples - x.shape[-1]
        if missing < 0:
            raise ValueError(
                f"this network takes {self.shape.samples} samples a lead, not {x.shape[-1]}; crop the signal"
            )
        if missing:
            x = F.pad(x, (missing // 2, missing - missing // 2))
        x = y = F.relu(normed(self.stem, self.norm, x), inplace=True)
        for block in self.blocks:
            x, y = block(x, y)
        return x

    def offset(self, samples: int) -> int:
        """The zeros before a signal that is shorter than the shape says."""
        return (self.shape.samples - samples) // 2

    def pool(self, sequence: Tensor) -> Tensor:
        """All vectors one after the other."""
        return torch.flatten(sequence, 1)
