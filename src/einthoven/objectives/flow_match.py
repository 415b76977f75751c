"""A generator learns which way noise has to go to become a signal, and to plan its rhythm and style.

Lipman et al. 2023, "Flow matching for generative modeling", https://arxiv.org/abs/2210.02747, along straight lines; see
`einthoven.layers.flow`.
"""

__all__ = ["FlowMatch"]

import dataclasses
from collections.abc import Callable

import numpy as np
from jaxtyping import Float
from torch import Tensor

from einthoven.objectives._flow import drawn, flow_errors, flow_loss, plan_loss


@dataclasses.dataclass(frozen=True)
class FlowMatch:
    """The objective."""

    def draw(
        self, x: Float[np.ndarray, "batch lead time"], rate_hz: float, rng: np.random.Generator, progress: float = 1.0
    ) -> dict[str, np.ndarray]:
        """The signals and their beats, and where on its way each is looked at, and by which chance."""
        return drawn(x, rate_hz, rng)

    def __call__(self, model: Callable[..., dict[str, Tensor]], batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """The loss and what the network tells.

        Arguments:
            model: A generator with a flow.
            batch: What `draw` gave, and the classes `y`.
        """
        found = model(**batch)
        return {"loss": flow_loss(found).mean() + plan_loss(found).mean(), **found}

    def measure(self, found: dict[str, Tensor], batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """For each signal the `flow_error` and the `rhythm_error`: the mean squared errors of the velocities."""
        return flow_errors(found)
