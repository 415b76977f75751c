"""A small network of linear systems with a memory: the field's strongest encoder of ECGs at few parameters.

After Gu et al. 2022, "Efficiently modeling long sequences with structured state spaces",
https://arxiv.org/abs/2111.00396, in the diagonal form of `einthoven.layers.state_space`; Mehari and Strodthoff 2023,
https://arxiv.org/abs/2308.15291, found such a network ahead of convolutions on PTB-XL. Every block lets each channel
hear the whole signal, both ways, and then mixes the channels moment by moment. The first block hears every sample and
answers once a frame of 0.04 s, which is what the others hear, at a fraction of the cost. What is learnt of time is in
seconds: the length of the input and its rate are free.
"""

__all__ = ["StateSpace"]

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from einthoven.layers.dropout import Dropout
from einthoven.layers.state_space import DiagonalStateSpace
from einthoven.layers.temporal import flat, wide
from einthoven.models import Encoder, Shape


class StateSpace(Encoder):
    """The network.

    Arguments:
        shape: The form of input and output; the number of samples does not bind.
        features: Channels.
        depth: Blocks.
        states: Pairs of states of each channel.
        frame_s: Every so many seconds the first block answers; at every sample if that is below two of them.
        dropout: The share of activations left out in training.

    Raises:
        ValueError: If there is no channel, block or state.
    """

    any_length: ClassVar[bool] = True
    window_s: ClassVar[float | None] = 2.5

    def __init__(
        self,
        shape: Shape,
        *,
        features: int = 256,
        depth: int = 4,
        states: int = 8,
        frame_s: float = 0.04,
        dropout: float = 0.1,
    ) -> None:
        super().__init__(shape)
        if min(features, depth, states) < 1:
            raise ValueError(f"features, depth and states are 1 or more, not {features}, {depth} and {states}")
        self.stride = max(1, round(frame_s * shape.rate_hz))
        self.channels, self.width = features, 2 * features
        self.enter = nn.Linear(shape.leads, features)
        self.blocks = nn.ModuleList(_Block(features, states, dropout) for _ in range(depth))
        self.norm = nn.LayerNorm(features)
        self.dropout = Dropout(dropout)
        self.reset_head(shape.classes)

    def reset_head(self, classes: int) -> None:
        """Replaces the last layer by an untrained one for `classes` classes."""
        self.head = nn.Sequential(self.dropout, nn.Linear(self.width + self.beside_width, classes))

    def sequence(self, x: Tensor) -> Tensor:
        """From signals in either layout to what the last block makes of each frame, in the same."""
        y = self.enter(flat(x).permute(2, 0, 1).contiguous())  # time, batch, channel: what the systems take
        rate_hz, every = self.shape.rate_hz, self.stride
        for block in self.blocks:
            y = block(y, rate_hz, every)
            rate_hz, every = rate_hz / every, 1
        found: Tensor = self.norm(y).permute(1, 2, 0)
        return wide(found) if x.dim() == 4 else found

    def pool(self, sequence: Tensor) -> Tensor:
        """The maximum and the mean over time."""
        return torch.cat([sequence.amax(dim=-1), sequence.mean(dim=-1)], dim=1)


def _framed(x: Tensor, size: int) -> Tensor:
    """Means over `size` steps of `time batch channel`; an incomplete last frame counts."""
    whole = len(x) // size * size
    means = x[:whole].reshape(-1, size, *x.shape[1:]).mean(dim=1)
    return torch.cat([means, x[whole:].mean(dim=0, keepdim=True)]) if whole < len(x) else means


class _Block(nn.Module):
    """Each channel hears the signal, then all are mixed by a gated layer; added to what came in."""

    def __init__(self, features: int, states: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(features)
        self.systems = DiagonalStateSpace(features, states)
        self.mix = nn.Linear(features, 2 * features)
        self.dropout = Dropout(dropout)

    def forward(self, x: Tensor, rate_hz: float, every: int) -> Tensor:
        heard = self.systems(self.norm(x), rate_hz, every)
        if every > 1:
            x = _framed(x, every)
        return x + self.dropout(F.glu(self.mix(F.gelu(heard)), dim=-1))
