"""What the objectives of generators share: chance that a batch carries as numbers, and the loss of a flow."""

__all__ = ["chance", "flow_loss"]

import numpy as np
from torch import Tensor


def chance(count: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """For each signal a time `t` of a flow, spread evenly over the batch, and a `seed` of what the network draws."""
    t = (rng.permutation(count) + rng.random(count)) / count
    return {"t": t.astype(np.float32), "seed": rng.integers(2**31, size=count)}


def flow_loss(found: dict[str, Tensor]) -> Tensor:
    """The squared error of the velocity, a mean for each signal."""
    return (found["velocity"] - found["way"]).square().mean(dim=(1, 2))
