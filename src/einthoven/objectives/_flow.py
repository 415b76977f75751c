"""What the objectives of generators share: chance that a batch carries as numbers, and the losses of their parts."""

__all__ = [
    "codes_used",
    "drawn",
    "flow_errors",
    "flow_loss",
    "likeness",
    "moments",
    "plan_loss",
    "prior_loss",
    "signal_loss",
]

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from einthoven.layers.quantizer import perplexity
from einthoven.signals.pacing import pacing

_SLOPES = 1.0  # how much differences of neighbours count beside values
_NAT = 5e-4  # what each nat of the style costs


def drawn(x: Float[np.ndarray, "batch lead time"], rate_hz: float, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """What the networks of generators ask for.

    The signals; a time `t` of a flow for each, spread evenly over the batch; a `seed` of what the network draws; and
    where the `beats` are, see `einthoven.signals.pacing`.
    """
    return {"x": x, **moments(len(x), rng), "beats": np.stack([pacing(one, rate_hz) for one in x])}


def moments(count: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """The time `t` of a flow and the `seed` for each of a batch."""
    t = (rng.permutation(count) + rng.random(count)) / count
    return {"t": t.astype(np.float32), "seed": rng.integers(2**31, size=count)}


def signal_loss(found: dict[str, Tensor]) -> Tensor:
    """The squared error of what comes back, and of its differences, which keeps QRS complexes sharp."""
    apart = found["signal"] - found["wanted"]
    return apart.square().mean() + _SLOPES * apart.diff(dim=-1).square().mean()


def flow_loss(found: dict[str, Tensor]) -> Tensor:
    """The squared error of the velocity, a mean for each signal."""
    return (found["velocity"] - found["way"]).square().mean(dim=(1, 2))


def plan_loss(found: dict[str, Tensor]) -> Tensor:
    """The squared errors of the velocities of rhythm and style and of the beat that it means, and what style costs."""
    style = (found["style"] - found["style_way"]).square().mean(dim=1)
    return _rhythm_loss(found) + style + found["unlike"] + _NAT * found["nats"]


def prior_loss(found: dict[str, Tensor]) -> Tensor | float:
    """What a prior costs beside an autoencoder, flow and plan; 0 where there is none."""
    if "velocity" not in found:
        return 0.0
    flow = flow_loss(found).mean()
    return flow + plan_loss(found).mean() if "rhythm" in found else flow


def likeness(found: dict[str, Tensor]) -> dict[str, Tensor]:
    """How like each signal is to what comes back of it, in its own unit, of all leads and samples.

    `rmse`, the root of the mean squared error, and `cosine`.
    """
    back, x = ((found[name] * found["spread"]).double().flatten(1) for name in ("signal", "wanted"))
    cosine = (back * x).sum(dim=1) / (back.norm(dim=1) * x.norm(dim=1)).clamp(min=1e-12)
    return {"rmse": (back - x).square().mean(dim=1).sqrt(), "cosine": cosine}


def codes_used(found: dict[str, Tensor]) -> dict[str, Tensor]:
    """How many `codes` each signal uses: e to the entropy of their shares."""
    return {"codes": torch.tensor([perplexity(index) for index in found["index"]], dtype=torch.float64)}


def flow_errors(found: dict[str, Tensor]) -> dict[str, Tensor]:
    """The mean squared errors of the velocities, as far as there are flows.

    `flow_error`, and `rhythm_error` of the intervals between beats.
    """
    told = {"velocity": ("flow_error", flow_loss), "rhythm": ("rhythm_error", _rhythm_loss)}
    return {name: loss(found) for key, (name, loss) in told.items() if key in found}


def _rhythm_loss(found: dict[str, Tensor]) -> Tensor:
    return (found["rhythm"] - found["rhythm_way"]).square().mean(dim=(1, 2))
