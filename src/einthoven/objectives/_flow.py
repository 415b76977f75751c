"""What the objectives of generators share: chance that a batch carries as numbers, and the loss of a flow."""

__all__ = ["drawn", "flow_loss"]

import numpy as np
from jaxtyping import Float
from torch import Tensor


def drawn(x: Float[np.ndarray, "batch lead time"], rng: np.random.Generator) -> dict[str, np.ndarray]:
    """The signals; a time `t` of a flow for each, spread evenly over the batch; a `seed` of what the network draws."""
    t = (rng.permutation(len(x)) + rng.random(len(x))) / len(x)
    return {"x": x, "t": t.astype(np.float32), "seed": rng.integers(2**31, size=len(x))}


def flow_loss(found: dict[str, Tensor]) -> Tensor:
    """The squared error of the velocity, a mean for each signal."""
    return (found["velocity"] - found["way"]).square().mean(dim=(1, 2))
