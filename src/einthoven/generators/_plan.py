"""What is drawn first: when a heart beats, and what is the same in all of its beats. Then comes what lies between them.

Ten seconds hold a dozen beats. Whether they come at equal distances decides between sinus rhythm and fibrillation, and
a network that makes all samples at once is long in bringing a dozen QRS complexes into line. So a small flow
(`einthoven.layers.flow`) learns the intervals between beats by themselves, a sequence of few numbers; and the network
of the signal is told where the beats are, in training those that were found in the signal (`einthoven.signals.pacing`),
in emission those that were drawn.

And the beats of a person are alike, but those of two people are not. What a recording keeps from beat to beat is put
into a few numbers, its *style*, which a network reads off the sequence that the main flow is to make; it learns to tell
what helps that flow, at a price for each nat that it tells (after Preechakul et al. 2022, "Diffusion autoencoders",
https://arxiv.org/abs/2111.15640). Styles are a small crowd of points, for which another small flow is enough.
"""

__all__ = ["Plan", "Planned", "Told", "between", "channels", "tell"]

import math
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from einthoven.generators import Form, normal
from einthoven.layers.flow import Residual, Velocity, integrate, path, waves
from einthoven.layers.temporal import Conv
from einthoven.signals.pacing import pacing

_CENTRE, _SPREAD = math.log(0.8), 0.3  # of the logarithm of an interval in seconds
_WITHIN = (0.2, 3.0)  # seconds from beat to beat
_STYLE = 32  # numbers
_RHYTHM_WIDTH, _STYLE_WIDTH = 32, 256
_READER = (64, 128)  # channels of the network that reads the style
_LOG = (-6.0, 2.0)  # limits of the logarithm of a variance
_STEPS = 5
_PULSE_S = 0.03  # the deviation of a pulse that marks a beat
_FAR_S = 2.0
_FINE_S = 0.01


class Planned(NamedTuple):
    """What a signal is made from.

    Attributes:
        beats: The time of the first beat and the intervals from beat to beat, in seconds.
        style: What its beats have in common.
    """

    beats: Float[Tensor, "batch beat"]
    style: Float[Tensor, "batch style"]


class Told(NamedTuple):
    """What the main flow is told of a plan, the same at every step on its way.

    Attributes:
        wanted: Classes and style.
        beside: Where the beats are, see `between`.
    """

    wanted: Float[Tensor, "batch wanted"]
    beside: Float[Tensor, "batch channel step"]


class Plan(nn.Module):
    """Rhythm and style, each with a flow of its own.

    Arguments:
        form: What is made.
        channels: Of the sequence that style is read off.

    Attributes:
        numbers: Of how many a plan is made.
        told: The length of what a network is told: classes and style.
    """

    def __init__(self, form: Form, channels: int) -> None:
        super().__init__()
        self.beats = len(pacing(np.zeros((1, form.samples)), form.rate_hz))
        self.numbers, self.told = self.beats + _STYLE, form.classes + _STYLE
        self.rhythm = Velocity(1, form.classes, _RHYTHM_WIDTH)
        narrow, wide = _READER
        self.reader = nn.Sequential(
            Conv(channels, narrow, 3, padding=1),
            Residual(narrow, narrow),
            Conv(narrow, wide, 2, stride=2),
            Residual(wide, wide),
        )
        self.style = nn.Linear(wide, 2 * _STYLE)
        self.way = _Dense(_STYLE, form.classes)

    def forward(
        self,
        sequence: Float[Tensor, "batch channel step"],
        beats: Float[Tensor, "batch beat"],
        y: Float[Tensor, "batch class"],
        t: Float[Tensor, " batch"],
        seed: Int[Tensor, " batch"],
    ) -> tuple[Float[Tensor, "batch style"], dict[str, Tensor]]:
        """The style of sequences, a draw of it, and what the objective asks.

        Of the intervals between beats the velocity `rhythm` at the times t between noise and them, and the `rhythm_way`
        that they are to go; of the style likewise `style` and `style_way`, and how many `nats` it tells.
        """
        mean, log = self.style(self.reader(sequence).mean(dim=-1)).float().chunk(2, dim=1)
        log = log.clamp(*_LOG)
        drawn, begun = normal(seed, (2, *mean.shape))
        style = mean + torch.exp(log / 2) * drawn
        at, style_way = path(begun, style.detach(), t)
        intervals = (beats[:, None, 1:].float().log() - _CENTRE) / _SPREAD
        paced, rhythm_way = path(normal(seed, intervals.shape), intervals, t)
        found = {"rhythm": self.rhythm(paced, t, y).float(), "rhythm_way": rhythm_way}
        found |= {"style": self.way(at, t, y).float(), "style_way": style_way}
        return style, found | {"nats": (mean.square() + log.exp() - 1 - log).sum(dim=1) / 2}

    def emit(self, noise: Float[Tensor, "batch number"], y: Float[Tensor, "batch class"]) -> Planned:
        """A plan that is made of noise.

        A recording begins anywhere between two beats, so the first of the numbers is that share of an interval.
        """
        rhythm, style = noise[:, : self.beats], noise[:, self.beats : self.numbers]
        z = integrate(lambda z, t: self.rhythm(z, t, y), rhythm[:, None, 1:], _STEPS)
        intervals = torch.exp(z[:, 0] * _SPREAD + _CENTRE).clamp(*_WITHIN)
        beats = torch.cat([torch.special.ndtr(rhythm[:, :1]) * intervals[:, :1], intervals], dim=1)
        return Planned(beats, integrate(lambda z, t: self.way(z, t, y), style, _STEPS))


class _Dense(nn.Module):
    """Which way a point moves that is no sequence."""

    def __init__(self, numbers: int, wanted: int) -> None:
        super().__init__()
        entering = numbers + wanted + waves(torch.zeros(1)).shape[1]
        widths = [entering, _STYLE_WIDTH, _STYLE_WIDTH, _STYLE_WIDTH]
        layers = [nn.Sequential(nn.Linear(a, b), nn.SiLU()) for a, b in zip(widths[:-1], widths[1:], strict=True)]
        self.layers = nn.Sequential(*layers, nn.Linear(_STYLE_WIDTH, numbers))

    def forward(
        self, x: Float[Tensor, "batch number"], t: Float[Tensor, " batch"], wanted: Float[Tensor, "batch wanted"]
    ) -> Float[Tensor, "batch number"]:
        """The velocity at points `x` and times `t`."""
        found: Tensor = self.layers(torch.cat([x, wanted.to(x.dtype), waves(t).to(x.dtype)], dim=1))
        return found


def tell(plan: Planned, y: Float[Tensor, "batch class"], steps: int, step_s: float) -> Told:
    """What a flow is told of a plan, that makes so many steps of a length in seconds."""
    return Told(torch.cat([y, plan.style.to(y.dtype)], dim=1), between(plan.beats, steps, step_s))


def between(beats: Float[Tensor, "batch beat"], steps: int, step_s: float) -> Float[Tensor, "batch channel step"]:
    """Where the beats are, for each of so many steps of a signal: a pulse at each, and how far the last and next are.

    Arguments:
        beats: The time of the first beat and the intervals from beat to beat, in seconds.
        steps: How many.
        step_s: How long each is; the pulses are told for every 10 ms of it.
    """

    parts = max(1, round(step_s / _FINE_S))
    at = beats.float().cumsum(dim=1)[:, :, None]
    fine = (torch.arange(steps * parts, device=beats.device) + 0.5) * (step_s / parts)
    pulses = torch.exp(-(((fine - at) / _PULSE_S) ** 2) / 2).sum(dim=1).clamp(max=1.0)
    middle = (torch.arange(steps, device=beats.device) + 0.5) * step_s
    gap = middle - at
    last, following = (torch.where(one >= 0, one, _FAR_S).amin(dim=1).clamp(max=_FAR_S) for one in (gap, -gap))
    return torch.cat([pulses.view(len(beats), steps, parts).transpose(1, 2), last[:, None], following[:, None]], dim=1)


def channels(step_s: float) -> int:
    """How many channels `between` has."""
    return max(1, round(step_s / _FINE_S)) + 2
