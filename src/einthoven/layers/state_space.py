"""Linear systems with a memory, one for each channel, as a convolution over time in both directions.

A system of n states, x' = A x + B u and y = Re C x, answers a signal u by its impulse response. With A diagonal that is
a sum of n decaying waves (Gupta, Gu and Berant 2022, https://arxiv.org/abs/2203.14343; Gu et al. 2022, "On the
parameterization and initialization of diagonal state space models", https://arxiv.org/abs/2206.11893), so no state is
computed one after the other: the response over the whole signal is one convolution. Held over a sample (zero-order
hold), the recurrence is x ← e^(δA) x + (e^(δA) − 1) A⁻¹ B u for a step of δ seconds. All that is learnt is in seconds,
so one system hears the same at any rate: δ follows it.

A wave always decays, since the real part of A is minus an exponential: the response is bounded at any length.

Short signals are convolved by a product with the matrix of all lags, which processors are quick at; long ones by the
fast Fourier transform, whose cost grows as n log n.
"""

__all__ = ["DiagonalStateSpace", "convolved"]

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

_SHORT = 512  # samples up to which the matrix of lags is the faster way
_SPEEDS = (0.1, 10.0)  # of the slowest and the fastest channel at the beginning, in 1/s


class DiagonalStateSpace(nn.Module):
    """One system for each channel and direction of time, and what it passes on unchanged.

    Arguments:
        channels: How many.
        states: Pairs of conjugate states of each.
    """

    def __init__(self, channels: int, states: int) -> None:
        super().__init__()
        low, high = map(math.log, _SPEEDS)
        self.speed = nn.Parameter(low + (high - low) * torch.rand(channels))
        self.decay = nn.Parameter(torch.full((channels, states), math.log(0.5)))
        self.turn = nn.Parameter(math.pi * torch.arange(states).float().repeat(channels, 1))
        self.read = nn.Parameter(torch.randn(2, channels, states, 2) * math.sqrt(0.5))
        self.through = nn.Parameter(torch.randn(channels))

    def response(self, length: int, rate_hz: float) -> Float[Tensor, "2 channel length"]:
        """What each system answers to a single 1, after it, and, of time reversed, before it.

        Arguments:
            length: In samples.
            rate_hz: Samples per second.
        """
        a = torch.complex(-torch.exp(self.decay), self.turn)
        step = a * (torch.exp(self.speed) / rate_hz)[:, None]
        weight = torch.view_as_complex(self.read) * (torch.exp(step) - 1) / a
        waves = torch.exp(step[..., None] * torch.arange(length, device=step.device))
        return 2 * torch.einsum("dcn,cnl->dcl", weight, waves).real

    def forward(self, u: Float[Tensor, "batch channel time"], rate_hz: float) -> Float[Tensor, "batch channel time"]:
        """What the systems answer to signals."""
        with torch.autocast(u.device.type, enabled=False):
            after, before = self.response(u.shape[-1], rate_hz)
        return convolved(u, after, before) + self.through.to(u.dtype)[:, None] * u


def convolved(
    u: Float[Tensor, "batch channel time"],
    after: Float[Tensor, "channel time"],
    before: Float[Tensor, "channel time"],
    short: int = _SHORT,
) -> Float[Tensor, "batch channel time"]:
    """Signals convolved with responses that reach from the sample itself onwards, and from the one before it backwards.

    Arguments:
        u: Signals.
        after: Weights of lags 0, 1, 2, …
        before: Weights of lags −1, −2, −3, …
        short: Up to how many samples the matrix of lags is multiplied.
    """
    length = u.shape[-1]
    if length > short:
        with torch.autocast(u.device.type, enabled=False):
            whole = torch.cat([after, before.flip(-1)], dim=-1)  # lags modulo twice the length
            found = torch.fft.irfft(torch.fft.rfft(u.float(), 2 * length) * torch.fft.rfft(whole), 2 * length)
        return found[..., :length].to(u.dtype)
    lags = F.pad(torch.cat([before.flip(-1), after], dim=-1), (0, 1)).unfold(-1, length, 1)[:, 1 : length + 1]
    return torch.bmm(lags, u.flip(-1).permute(1, 2, 0)).permute(2, 0, 1)
