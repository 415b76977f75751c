"""What is learnt without labels: an encoder with the heads that a pretext task needs, and the two tasks' losses.

An objective of this kind has three parts: `network(encoder)` puts its heads on an encoder, `draw` makes of signals a
batch that asks something of them, and the objective itself compares the answer with what was there. After pretraining
the encoder is what is kept; the heads serve only to show what it has learnt.
"""

__all__ = ["Pretext", "amplitude", "correlation", "line", "named", "naming_loss", "reconstruction_loss"]

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from einthoven.layers.temporal import Conv, finer
from einthoven.models import Encoder

# A lead counts as at least so high, beside the mean over the leads and in its own unit (mV, or z), so that no noise is
# blown up: a record of 10 s may have one artefact, beside which the rest is flat.
_QUIETEST, _LEAST = 0.1, 0.05


class Pretext(nn.Module):
    """An encoder with heads that answer in signals, in names of leads, or both.

    Arguments:
        encoder: The network; its own head is left aside.
        reconstructs: Whether it gives the signals of all leads, from each vector of the sequence those of its stride.
        names: Whether it says of each place which lead stands there.
    """

    def __init__(self, encoder: Encoder, *, reconstructs: bool, names: bool) -> None:
        super().__init__()
        self.encoder = encoder
        encoder.head = nn.Identity()
        leads, channels = encoder.shape.leads, encoder.channels
        self.decoder, self.namer = None, None
        if reconstructs:
            self.decoder = nn.Sequential(
                Conv(channels, channels, 3, padding=1), nn.GELU(), Conv(channels, leads * encoder.stride, 1)
            )
        if names:
            self.namer = nn.Linear(encoder.width, leads * leads)

    def forward(self, x: Float[Tensor, "batch lead time"]) -> dict[str, Tensor]:
        """The answers: `signal`, `batch lead time`, and `names`, logits `batch place lead`."""
        steps, found = self.encoder.steps(x), {}
        if self.decoder is not None:
            found["signal"] = self._signal(self.decoder(steps), x.shape[-1])
        if self.namer is not None:
            leads = self.encoder.shape.leads
            found["names"] = self.namer(self.encoder.pool(steps)).view(-1, leads, leads)
        return found

    def _signal(self, patches: Float[Tensor, "batch value step"], samples: int) -> Float[Tensor, "batch lead time"]:
        first = self.encoder.offset(samples)
        return finer(patches, self.encoder.stride)[..., first : first + samples]


def amplitude(x: Float[np.ndarray, "batch lead time"]) -> Float[np.ndarray, "batch lead 1"]:
    """The deviation of each lead, by which errors are measured; of a nearly flat one that of a tenth of the mean."""
    known = np.isfinite(x)
    count = np.maximum(known.sum(axis=2, keepdims=True), 1)
    filled = np.where(known, x, 0.0)
    mean = filled.sum(axis=2, keepdims=True) / count
    spread = np.sqrt(np.where(known, np.square(filled - mean), 0.0).sum(axis=2, keepdims=True) / count)
    least = np.maximum(_QUIETEST * spread.mean(axis=1, keepdims=True), _LEAST)
    return np.maximum(spread, least).astype(np.float32)


def _asked(signal: Tensor, hidden: Tensor) -> Bool[Tensor, "batch lead time"]:
    """What is hidden and was there."""
    return hidden[:, None] & ~torch.isnan(signal)


def reconstruction_loss(
    found: Float[Tensor, "batch lead time"],
    signal: Float[Tensor, "batch lead time"],
    spread: Float[Tensor, "batch lead 1"],
    hidden: Bool[Tensor, "batch time"],
) -> Float[Tensor, ""]:
    """Twice the Huber loss of the error beside the deviation of the lead, its mean over what is hidden and was there.

    Small errors count by their square, large ones by their size, so that artefacts do not outweigh everything.
    """
    asked = _asked(signal, hidden)
    error = (found.float() - torch.nan_to_num(signal)) / spread
    terms = 2 * F.huber_loss(error, torch.zeros_like(error), reduction="none")
    return (terms * asked).sum() / asked.sum().clamp(min=1)


def correlation(
    found: Float[Tensor, "batch lead time"],
    signal: Float[Tensor, "batch lead time"],
    hidden: Bool[Tensor, "batch time"],
) -> Float[Tensor, " batch"]:
    """Of what is hidden and was there, over all leads together, each less its mean; NaN where nothing was."""
    asked = _asked(signal, hidden)
    count = asked.sum(dim=2, keepdim=True).clamp(min=1)
    sides = []
    for values in (found.double(), signal.double()):
        kept = torch.where(asked, values, 0.0)
        sides.append(torch.where(asked, kept - kept.sum(dim=2, keepdim=True) / count, 0.0))
    dot = (sides[0] * sides[1]).sum(dim=(1, 2))
    norms = [side.square().sum(dim=(1, 2)).sqrt() for side in sides]
    value = dot / (norms[0] * norms[1]).clamp(min=1e-9)
    return torch.where(asked.any(dim=(1, 2)), value, torch.nan)


def line(
    signal: Float[Tensor, "batch lead time"], hidden: Bool[Tensor, "batch time"]
) -> Float[Tensor, "batch lead time"]:
    """The signals with straight lines over what is hidden, level at the ends: what needs no learning."""
    made, time = signal.cpu().numpy().copy(), np.arange(signal.shape[-1])
    for one, gaps in zip(made, hidden.cpu().numpy(), strict=True):
        for lead in one:
            there = ~gaps & np.isfinite(lead)
            if there.any():
                lead[gaps] = np.interp(time[gaps], time[there], lead[there])
    return torch.from_numpy(made).to(signal.device)


def naming_loss(
    names: Float[Tensor, "batch place lead"], order: Int[Tensor, "batch place"], there: Bool[Tensor, "batch place"]
) -> Float[Tensor, ""]:
    """The mean over leads that are there of the cross-entropy of their names; ln 12 for a guess among twelve."""
    terms = F.cross_entropy(names.float().flatten(0, 1), order.flatten(), reduction="none")
    return (terms * there.flatten()).sum() / there.sum().clamp(min=1)


def named(
    names: Float[Tensor, "batch place lead"], order: Int[Tensor, "batch place"], there: Bool[Tensor, "batch place"]
) -> Float[Tensor, " batch"]:
    """The share of the leads of each signal that are named rightly; NaN where none is there."""
    right = (names.argmax(dim=2) == order) & there
    return right.sum(dim=1) / torch.where(there.any(dim=1), there.sum(dim=1), torch.nan)
