"""From noise to data along straight lines, and the network that says which way.

A flow carries noise to data in the time 0 to 1. On the straight line from a draw of noise to a datum the way is their
difference, and a network that learns to tell it from a point of the line and the time knows the mean way of all lines
through that point; following it carries the whole of the noise to the whole of the data (Lipman et al. 2023, "Flow
matching for generative modeling", https://arxiv.org/abs/2210.02747; Liu et al. 2023, https://arxiv.org/abs/2209.03003).

The network is a small U-Net over time (Ronneberger et al. 2015, https://arxiv.org/abs/1505.04597) with attention at its
narrowest, and every block is told the time and what is wanted by a gain and a shift of each channel (Perez et al. 2018,
https://arxiv.org/abs/1709.07871).
"""

__all__ = ["Residual", "Velocity", "integrate", "path", "waves"]

import math
from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from einthoven.layers.attention import Block
from einthoven.layers.temporal import Conv, finer

_GROUPS, _KERNEL, _HEADS = 8, 3, 4
_FREQUENCIES = 32


def path(
    noise: Float[Tensor, "*shape"], x: Float[Tensor, "*shape"], t: Float[Tensor, " batch"]
) -> tuple[Float[Tensor, "*shape"], Float[Tensor, "*shape"]]:
    """The point at time t of the line from noise to data, and the way along it: (1 − t) noise + t x, and x − noise."""
    at = t.to(x.dtype).view(-1, *(1,) * (x.dim() - 1))
    return torch.lerp(noise, x, at), x - noise


def integrate(
    velocity: Callable[[Tensor, Tensor], Tensor], noise: Float[Tensor, "*shape"], steps: int
) -> Float[Tensor, "*shape"]:
    """Follows a velocity from time 0 to 1 by Heun's method, which asks it twice a step and in the last one once.

    Arguments:
        velocity: Of a point and the time of each of the batch.
        noise: Where to begin.
        steps: How many, of equal length.
    """
    x, length = noise, 1.0 / steps
    for step in range(steps):
        time = torch.full((len(x),), step * length, device=x.device)
        first = velocity(x, time).float()
        if step == steps - 1:
            return x + length * first
        second = velocity(x + length * first, time + length).float()
        x = x + length * (first + second) / 2
    return x


class Residual(nn.Module):
    """Two convolutions, each after a norm and an activation, added to what came in.

    Arguments:
        channels: What comes in.
        out: What goes out.
        condition: The length of the vector that says what is wanted; 0 for none.
    """

    def __init__(self, channels: int, out: int, condition: int = 0) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.GroupNorm(_GROUPS, channels), nn.GroupNorm(_GROUPS, out)
        self.conv1 = Conv(channels, out, _KERNEL, padding=1)
        self.conv2 = Conv(out, out, _KERNEL, padding=1)
        self.skip = Conv(channels, out, 1) if channels != out else nn.Identity()
        self.told = nn.Linear(condition, 2 * out) if condition else None

    def forward(
        self, x: Float[Tensor, "batch channel step"], condition: Float[Tensor, "batch condition"] | None = None
    ) -> Float[Tensor, "batch out step"]:
        """The sequence after the block."""
        y = self.norm2(self.conv1(F.silu(self.norm1(x))))
        if self.told is not None:
            gain, shift = self.told(condition)[..., None].chunk(2, dim=1)
            y = y * (1 + gain) + shift
        found: Tensor = self.skip(x) + self.conv2(F.silu(y))
        return found


class Velocity(nn.Module):
    """Which way a point of a flow moves.

    Arguments:
        channels: Of the sequence.
        wanted: The length of the vector that says what is wanted.
        width: Channels inside, a multiple of 8; twice as many where time is coarser.
        halvings: How often time is halved.
        beside: Channels of a sequence that is told beside, at the same steps.
    """

    def __init__(self, channels: int, wanted: int, width: int = 96, halvings: int = 2, beside: int = 0) -> None:
        super().__init__()
        condition = 2 * width
        self.halvings = halvings
        self.time = nn.Sequential(nn.Linear(2 * _FREQUENCIES, condition), nn.SiLU(), nn.Linear(condition, condition))
        self.wanted = nn.Linear(wanted, condition)
        self.enter = Conv(channels + beside, width, _KERNEL, padding=1)
        widths = [width] + [2 * width] * halvings
        pairs = list(zip(widths[:-1], widths[1:], strict=True))
        self.down = nn.ModuleList(Residual(a, a, condition) for a, _ in pairs)
        self.halve = nn.ModuleList(Conv(a, b, 2, stride=2) for a, b in pairs)
        self.middle = nn.ModuleList(Residual(widths[-1], widths[-1], condition) for _ in range(2))
        self.attend = Block(widths[-1], _HEADS, 0.0)
        self.refine = nn.ModuleList(Conv(b, 2 * a, 1) for a, b in reversed(pairs))
        self.up = nn.ModuleList(Residual(2 * a, a, condition) for a, _ in reversed(pairs))
        self.norm, self.leave = nn.GroupNorm(_GROUPS, width), Conv(width, channels, _KERNEL, padding=1)
        nn.init.zeros_(self.leave.weight)

    def forward(
        self,
        x: Float[Tensor, "batch channel step"],
        t: Float[Tensor, " batch"],
        wanted: Float[Tensor, "batch wanted"],
        beside: Float[Tensor, "batch beside step"] | None = None,
    ) -> Float[Tensor, "batch channel step"]:
        """The velocity at points `x` and times `t`."""
        if beside is not None:
            x = torch.cat([x, beside.to(x.dtype)], dim=1)
        condition = F.silu(self.time(waves(t)) + self.wanted(wanted))
        length = x.shape[-1]
        x = self.enter(F.pad(x, (0, -length % 2**self.halvings)))
        kept = []
        for block, halve in zip(self.down, self.halve, strict=True):
            x = block(x, condition)
            kept.append(x)
            x = halve(x)
        x = self.middle[0](x, condition)
        x = self.attend(x.transpose(1, 2)).transpose(1, 2)
        x = self.middle[1](x, condition)
        for block, refine in zip(self.up, self.refine, strict=True):
            x = block(torch.cat([finer(refine(x), 2), kept.pop()], dim=1), condition)
        found: Tensor = self.leave(F.silu(self.norm(x)))
        return found[..., :length]


def waves(t: Float[Tensor, " batch"]) -> Float[Tensor, "batch wave"]:
    """The time as sines and cosines of frequencies from half a turn to some hundred."""
    speed = math.pi * torch.exp(torch.linspace(0.0, math.log(200.0), _FREQUENCIES, device=t.device))
    angle = t.float()[:, None] * speed
    return torch.cat([angle.sin(), angle.cos()], dim=1)
