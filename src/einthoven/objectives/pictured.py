"""An autoencoder learns to give back pages from codes, and a flow what columns of codes look like.

As in `quantized`, with the squared error of the pixels alone: a page has no neighbours in time whose differences would
count besides, and no rhythm that a plan could be made of.
"""

__all__ = ["Pictured"]

import dataclasses
from collections.abc import Callable

import numpy as np
from jaxtyping import Float
from torch import Tensor

from einthoven.objectives._flow import codes_used, flow_errors, likeness, moments, prior_loss


@dataclasses.dataclass(frozen=True)
class Pictured:
    """The objective.

    Attributes:
        pull: How much the distance from vectors to their codes counts.

    Raises:
        ValueError: If it is below 0.
    """

    pull: float = 0.25

    def __post_init__(self) -> None:
        if not self.pull >= 0:
            raise ValueError(f"vectors are pulled to their codes by 0 or more, not {self.pull:g}")

    def draw(
        self, x: Float[np.ndarray, "batch row column"], rate_hz: float, rng: np.random.Generator, progress: float = 1.0
    ) -> dict[str, np.ndarray]:
        """The pages, and by which chance each is looked at."""
        return {"x": x, **moments(len(x), rng)}

    def __call__(self, model: Callable[..., dict[str, Tensor]], batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """The loss and what the network tells.

        Arguments:
            model: An autoencoder of pages with a quantiser.
            batch: What `draw` gave, and the classes `y`.
        """
        found = model(**batch)
        loss = (found["signal"] - found["wanted"]).square().mean() + self.pull * found["away"].mean()
        return {"loss": loss + prior_loss(found), **found}

    def measure(self, found: dict[str, Tensor], batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """For each page how like it is to what comes back of it, the error of the flow, and its `codes`."""
        return likeness(found) | flow_errors(found) | codes_used(found)
