"""Linear systems with a memory, one for each channel, as a convolution over time in both directions.

A system of n states, x' = A x + B u and y = Re C x, answers a signal u by its impulse response. With A diagonal that is
a sum of n decaying waves (Gupta, Gu and Berant 2022, https://arxiv.org/abs/2203.14343; Gu et al. 2022, "On the
parameterization and initialization of diagonal state space models", https://arxiv.org/abs/2206.11893), so no state is
computed one after the other: the response over the whole signal is one convolution. Held over a sample (zero-order
hold), the recurrence is x ← e^(δA) x + (e^(δA) − 1) A⁻¹ B u for a step of δ seconds. All that is learnt is in seconds,
so one system hears the same at any rate: δ follows it.

A wave always decays, since the real part of A is minus an exponential: the response is bounded at any length.

Short signals are convolved by a product with the matrix of all lags, which processors are quick at, or with those of
its rows that are asked for; long ones by the fast Fourier transform, whose cost grows as n log n. Channels come last,
as the layers around have them; the one copy that brings them to the front and the one that takes them back cost less
than strides everywhere. A response of n samples takes some 2 √n exponentials a state: that of a lag is the product of
two.
"""

__all__ = ["DiagonalStateSpace", "convolved"]

import math
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

_SHORT = 512  # samples up to which the whole matrix of lags is the faster way
_FEW = 16  # channels whose products fit a processor's cache together
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
        fine = math.isqrt(max(0, length - 1)) + 1
        small = torch.exp(step[..., None] * torch.arange(fine, device=step.device))
        great = torch.exp(step[..., None] * (fine * torch.arange(-(-length // fine), device=step.device)))
        one = (weight[..., None] * great).permute(1, 0, 3, 2).flatten(1, 2)  # channel, direction and step, state
        waves = torch.cat([one.real, -one.imag], dim=2) @ torch.cat([small.real, small.imag], dim=1)
        return 2 * waves.reshape(len(waves), 2, -1).transpose(0, 1)[..., :length]

    def forward(
        self, u: Float[Tensor, "time batch channel"], rate_hz: float, every: int = 1
    ) -> Float[Tensor, "step batch channel"]:
        """What the systems answer to signals; of their answers only the first of `every` so many samples."""
        with torch.autocast(u.device.type, enabled=False):
            after, before = self.response(u.shape[0], rate_hz)
            after = torch.cat([after[:, :1] + self.through[:, None], after[:, 1:]], dim=1)
        return convolved(u, after, before, every)


def convolved(
    u: Float[Tensor, "time batch channel"],
    after: Float[Tensor, "channel time"],
    before: Float[Tensor, "channel time"],
    every: int = 1,
    short: int = _SHORT,
) -> Float[Tensor, "step batch channel"]:
    """Signals convolved with responses that reach from the sample itself onwards, and from the one before it backwards.

    Arguments:
        u: Signals.
        after: Weights of lags 0, 1, 2, …
        before: Weights of lags −1, −2, −3, …
        every: Of so many samples only the first is computed.
        short: Up to how many samples the matrix of lags is multiplied; more if not each is computed, as long as it
            holds no more weights than then.
    """
    length, batch, channels = u.shape
    if length * length > every * short * short:
        with torch.autocast(u.device.type, enabled=False):
            whole = torch.cat([after, before.flip(-1)], dim=-1)  # lags modulo twice the length
            first = u.float().permute(2, 1, 0)
            spectrum = torch.fft.rfft(first, 2 * length) * torch.fft.rfft(whole)[:, None]
            return torch.fft.irfft(spectrum, 2 * length)[..., :length:every].permute(2, 1, 0).to(u.dtype)
    device = u.device.type
    form = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else u.dtype
    first = u.to(form).flip(0).flatten(0, 1).t().contiguous().view(channels, length, batch)
    weights = torch.cat([before.flip(-1)[:, 1:], after], dim=-1)
    found: Tensor = _Lagged.apply(first, weights, every)  # type: ignore[no-untyped-call]
    return found.flatten(1).t().contiguous().view(-1, batch, channels)


class _Lagged(torch.autograd.Function):
    """Signals whose time runs backwards, times the matrix of all lags, or one of `every` so many of its rows.

    Row j and column s hold the weight `every` j + s. The slope of a weight is a sum along such a diagonal, which is a
    column once each row begins by as much later.
    """

    @staticmethod
    def forward(
        ctx: Any, x: Float[Tensor, "channel time batch"], weights: Float[Tensor, "channel lag"], every: int = 1
    ) -> Float[Tensor, "channel step batch"]:
        lags = weights.to(x.dtype).unfold(-1, x.shape[1], every).contiguous()
        ctx.save_for_backward(x, lags)
        ctx.form, ctx.every, ctx.lags = weights.dtype, every, weights.shape[1]
        return torch.bmm(lags, x)

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor, Tensor, None]:
        x, lags = ctx.saved_tensors
        slope = slope.flatten(1).contiguous().view(*slope.shape)  # a matrix is transposed faster than three axes
        steps, length = lags.shape[1:]
        ones, sums = x.new_ones(1, steps), []
        for some, theirs in zip(torch.split(slope, _FEW), torch.split(x, _FEW), strict=True):
            each = F.pad(torch.bmm(some, theirs.transpose(1, 2)), (0, ctx.lags + ctx.every - length)).flatten(1)
            sums.append((ones @ each[:, : steps * ctx.lags].view(len(some), steps, -1))[:, 0])
        return torch.bmm(lags.transpose(1, 2), slope), torch.cat(sums).to(ctx.form), None
