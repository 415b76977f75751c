"""What the objectives of generators share: chance that a batch carries as numbers, and the loss of a flow."""

__all__ = ["drawn", "flow_loss", "plan_loss", "rhythm_loss"]

import numpy as np
from jaxtyping import Float
from torch import Tensor

from einthoven.signals.pacing import pacing

_NAT = 5e-4  # what each nat of the style costs


def drawn(x: Float[np.ndarray, "batch lead time"], rate_hz: float, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """What the networks of generators ask for.

    The signals; a time `t` of a flow for each, spread evenly over the batch; a `seed` of what the network draws; and
    where the `beats` are, see `einthoven.signals.pacing`.
    """
    t = (rng.permutation(len(x)) + rng.random(len(x))) / len(x)
    found = {"x": x, "t": t.astype(np.float32), "seed": rng.integers(2**31, size=len(x))}
    return found | {"beats": np.stack([pacing(one, rate_hz) for one in x])}


def flow_loss(found: dict[str, Tensor]) -> Tensor:
    """The squared error of the velocity, a mean for each signal."""
    return (found["velocity"] - found["way"]).square().mean(dim=(1, 2))


def rhythm_loss(found: dict[str, Tensor]) -> Tensor:
    """The squared error of the velocity of the intervals between beats, a mean for each signal."""
    return (found["rhythm"] - found["rhythm_way"]).square().mean(dim=(1, 2))


def plan_loss(found: dict[str, Tensor]) -> Tensor:
    """The squared errors of the velocities of rhythm and style and of the beat that it means, and what style costs."""
    style = (found["style"] - found["style_way"]).square().mean(dim=1)
    return rhythm_loss(found) + style + found["unlike"] + _NAT * found["nats"]
