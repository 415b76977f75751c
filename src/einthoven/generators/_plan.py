"""What is drawn first: when a heart beats, and what is the same in all of its beats. Then comes what lies between them.

Ten seconds hold a dozen beats. Whether they come at equal distances decides between sinus rhythm and fibrillation, and
a network that makes all samples at once is long in bringing a dozen QRS complexes into line. So a small flow
(`einthoven.layers.flow`) learns the intervals between beats by themselves, a sequence of few numbers; and the network
of the signal is told where the beats are, in training those that were found in the signal (`einthoven.signals.pacing`),
in emission those that were drawn.

And the beats of a person are alike, but those of two people are not. What a recording keeps from beat to beat is put
into a few numbers, its *style*, which a network reads off its mean beat and its course; it learns to tell what helps
the main flow, at a price for each nat that it tells (after Preechakul et al. 2022, "Diffusion autoencoders",
https://arxiv.org/abs/2111.15640). Styles are a small crowd of points, for which another small flow is enough. A style
becomes one beat again, which is laid at every place where the heart beats: the main flow is told it there, and has to
add only what differs from beat to beat.
"""

__all__ = ["Plan", "Planned", "Told", "between", "channels"]

import math
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from einthoven.generators import Form, normal
from einthoven.layers.flow import Residual, Velocity, integrate, path, waves
from einthoven.layers.temporal import Conv, coarser
from einthoven.records.leads import EIGHT
from einthoven.signals.pacing import pacing

_CENTRE, _SPREAD = math.log(0.8), 0.3  # of the logarithm of an interval in seconds
_WITHIN = (0.2, 3.0)  # seconds from beat to beat
_STYLE = 32  # numbers
_RHYTHM_WIDTH, _WIDTH = 32, 256
_READER = (64, 128)  # channels of the network that reads a course
_LOG = (-6.0, 2.0)  # limits of the logarithm of a variance
_STEPS = 5
_PULSE_S = 0.03  # the deviation of a pulse that marks a beat
_FAR_S = 2.0
_FINE_S = 0.01
_PATCH = 4  # such steps, of which the network that reads a course sees one
_BEFORE, _AFTER = 36, 80  # such steps of a beat on either side of its steepest part
_SHARE = 0.4  # of the way from beat to beat that belongs to the next at most
_NOWHERE = _BEFORE + _AFTER + 1


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
        beside: Where the beats are, see `between`, and the beat that the style means at each.
    """

    wanted: Float[Tensor, "batch wanted"]
    beside: Float[Tensor, "batch channel step"]


class Plan(nn.Module):
    """Rhythm and style, each with a flow of its own, and the beat that a style means.

    Arguments:
        form: What is made.

    Attributes:
        numbers: Of how many a plan is made.
        told: The length of what a network is told: classes and style.
    """

    fine: Tensor
    at: Tensor

    def __init__(self, form: Form) -> None:
        super().__init__()
        self.beats = len(pacing(np.zeros((1, form.samples)), form.rate_hz))
        self.numbers, self.told = self.beats + _STYLE, form.classes + _STYLE
        fine = torch.arange(max(1, round(form.samples / form.rate_hz / _FINE_S))) * _FINE_S
        self.register_buffer("fine", fine, persistent=False)
        self.register_buffer("at", (fine * form.rate_hz).round().long().clamp(max=form.samples - 1), persistent=False)
        self.rhythm = Velocity(1, form.classes, _RHYTHM_WIDTH)
        leads, (narrow, wide) = len(EIGHT), _READER
        self.reader = nn.Sequential(
            Conv(leads * _PATCH, narrow, 3, padding=1),
            Residual(narrow, narrow),
            Conv(narrow, wide, 2, stride=2),
            Residual(wide, wide),
        )
        self.style = _dense(wide + leads * _NOWHERE, 2 * _STYLE)
        self.way = _Way(_STYLE, form.classes)
        self.beat = _dense(self.told, leads * _NOWHERE)

    def forward(
        self,
        signal: Float[Tensor, "batch lead time"],
        beats: Float[Tensor, "batch beat"],
        y: Float[Tensor, "batch class"],
        t: Float[Tensor, " batch"],
        seed: Int[Tensor, " batch"],
    ) -> tuple[Float[Tensor, "batch style"], dict[str, Tensor]]:
        """The style of signals in leads of deviation 1, a draw of it, and what the objective asks.

        Of the intervals between beats the velocity `rhythm` at the times t between noise and them, and the `rhythm_way`
        that they are to go; of the style likewise `style` and `style_way`, and how many `nats` it tells; and the
        `unlike`, mean squared differences from the beat that the style means, where there is one.
        """
        signal = signal[..., self.at]
        places = _places(beats, self.fine)
        read = self.reader(coarser(F.pad(signal, (0, -signal.shape[-1] % _PATCH)), _PATCH)).mean(dim=-1)
        told = self.style(torch.cat([read, _mean_beat(signal, places).flatten(1).to(read.dtype)], dim=1))
        mean, log = told.float().chunk(2, dim=1)
        log = log.clamp(*_LOG)
        drawn, begun = normal(seed, (2, *mean.shape), stream=1)
        style = mean + torch.exp(log / 2) * drawn
        at, style_way = path(begun, style.detach(), t)
        intervals = (beats[:, None, 1:].float().log() - _CENTRE) / _SPREAD
        paced, rhythm_way = path(normal(seed, intervals.shape, stream=2), intervals, t)
        found = {"rhythm": self.rhythm(paced, t, y).float(), "rhythm_way": rhythm_way}
        found |= {"style": self.way(at, t, y).float(), "style_way": style_way}
        found |= {"nats": (mean.square() + log.exp() - 1 - log).sum(dim=1) / 2}
        apart = (signal - self._beats(style, y, places)).square().mean(dim=1)
        return style, found | {"unlike": torch.where(places < _NOWHERE, apart, 0.0).mean(dim=1)}

    def tell(self, plan: Planned, y: Float[Tensor, "batch class"], steps: int, step_s: float) -> Told:
        """What a flow is told of a plan, that makes so many steps of a length in seconds."""
        parts = _parts(step_s)
        fine = torch.arange(steps * parts, device=y.device) * (step_s / parts)
        beat = coarser(self._beats(plan.style, y, _places(plan.beats, fine)), parts)
        beside = torch.cat([between(plan.beats, steps, step_s), beat], dim=1)
        return Told(torch.cat([y, plan.style.to(y.dtype)], dim=1), beside)

    def _beats(self, style: Tensor, y: Tensor, places: Tensor) -> Tensor:
        """The beat that a style means, in leads of deviation 1, wherever there is a place in one."""
        beat = self.beat(torch.cat([y, style.to(y.dtype)], dim=1)).float().view(len(y), len(EIGHT), _NOWHERE)
        return F.pad(beat, (0, 1)).gather(2, places[:, None].expand(-1, len(EIGHT), -1))

    def emit(self, noise: Float[Tensor, "batch number"], y: Float[Tensor, "batch class"]) -> Planned:
        """A plan that is made of noise.

        A recording begins anywhere between two beats, so the first of the numbers is that share of an interval.
        """
        rhythm, style = noise[:, : self.beats], noise[:, self.beats : self.numbers]
        z = integrate(lambda z, t: self.rhythm(z, t, y), rhythm[:, None, 1:], _STEPS)
        intervals = torch.exp(z[:, 0] * _SPREAD + _CENTRE).clamp(*_WITHIN)
        beats = torch.cat([torch.special.ndtr(rhythm[:, :1]) * intervals[:, :1], intervals], dim=1)
        return Planned(beats, integrate(lambda z, t: self.way(z, t, y), style, _STEPS))


class _Way(nn.Module):
    """Which way a point moves that is no sequence."""

    def __init__(self, numbers: int, wanted: int) -> None:
        super().__init__()
        self.layers = _dense(numbers + wanted + waves(torch.zeros(1)).shape[1], numbers, 3)

    def forward(
        self, x: Float[Tensor, "batch number"], t: Float[Tensor, " batch"], wanted: Float[Tensor, "batch wanted"]
    ) -> Float[Tensor, "batch number"]:
        """The velocity at points `x` and times `t`."""
        found: Tensor = self.layers(torch.cat([x, wanted.to(x.dtype), waves(t).to(x.dtype)], dim=1))
        return found


def _dense(enter: int, leave: int, hidden: int = 1) -> nn.Sequential:
    """Layers in which everything is joined with everything."""
    widths = [enter] + [_WIDTH] * hidden
    layers = [nn.Sequential(nn.Linear(a, b), nn.SiLU()) for a, b in zip(widths[:-1], widths[1:], strict=True)]
    return nn.Sequential(*layers, nn.Linear(_WIDTH, leave))


def _gaps(beats: Float[Tensor, "batch beat"], fine: Float[Tensor, " step"]) -> tuple[Tensor, Tensor]:
    """How long ago the last beat was at some times and how far the next is, in seconds, at most `_FAR_S`."""
    gap = fine - beats.float().cumsum(dim=1)[:, :, None]
    last, following = (torch.where(one >= 0, one, _FAR_S).amin(dim=1).clamp(max=_FAR_S) for one in (gap, -gap))
    return last, following


def _places(beats: Float[Tensor, "batch beat"], fine: Float[Tensor, " step"]) -> Int[Tensor, "batch step"]:
    """Which place of a beat some times have, `_NOWHERE` those that are far from all.

    What comes shortly before a beat belongs to it, all else to the last.
    """
    last, following = _gaps(beats, fine)
    ago, until = ((one / _FINE_S).round().long() for one in (last, following))
    found = torch.where(ago <= _AFTER, _BEFORE + ago, _NOWHERE)
    early = (until <= _BEFORE) & (following < _SHARE * (last + following))
    return torch.where(early, _BEFORE - until, found)


def _mean_beat(
    signal: Float[Tensor, "batch lead step"], places: Int[Tensor, "batch step"]
) -> Float[Tensor, "batch lead place"]:
    """What signals are in the mean at every place of a beat, 0 at those that never occur."""
    sums = signal.new_zeros(len(signal), signal.shape[1] + 1, _NOWHERE + 1)
    counted = torch.cat([signal, torch.ones_like(signal[:, :1])], dim=1)
    sums = sums.scatter_add(2, places[:, None].expand_as(counted), counted)[..., :_NOWHERE]
    return sums[:, :-1] / sums[:, -1:].clamp(min=1)


def between(beats: Float[Tensor, "batch beat"], steps: int, step_s: float) -> Float[Tensor, "batch channel step"]:
    """Where the beats are, for each of so many steps of a signal: a pulse at each, and how far the last and next are.

    Arguments:
        beats: The time of the first beat and the intervals from beat to beat, in seconds.
        steps: How many.
        step_s: How long each is; the pulses are told for about every 10 ms of it.
    """

    parts = _parts(step_s)
    fine = torch.arange(steps * parts, device=beats.device) * (step_s / parts)
    at = beats.float().cumsum(dim=1)[:, :, None]
    pulses = torch.exp(-(((fine - at) / _PULSE_S) ** 2) / 2).sum(dim=1).clamp(max=1.0)
    last, following = _gaps(beats, (torch.arange(steps, device=beats.device) + 0.5) * step_s)
    return torch.cat([coarser(pulses[:, None], parts), last[:, None], following[:, None]], dim=1)


def channels(step_s: float) -> int:
    """How many channels a network is told beside its own, see `Plan.tell`."""
    return _parts(step_s) * (1 + len(EIGHT)) + 2


def _parts(step_s: float) -> int:
    """Of about 10 ms in a step."""
    return max(1, round(step_s / _FINE_S))
