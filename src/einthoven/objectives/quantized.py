"""An autoencoder learns to give back signals from codes, and a flow what sequences of codes look like.

van den Oord et al. 2017, "Neural discrete representation learning", https://arxiv.org/abs/1711.00937: the squared
error, and how far vectors are from their codes, which the codes themselves follow by running means
(`einthoven.layers.quantizer`). The differences of neighbouring samples count besides, and the flow and the plan of the
prior as in `variational`.
"""

__all__ = ["Quantized"]

import dataclasses
from collections.abc import Callable

import numpy as np
from jaxtyping import Float
from torch import Tensor

from einthoven.objectives._flow import codes_used, drawn, flow_errors, likeness, prior_loss, signal_loss


@dataclasses.dataclass(frozen=True)
class Quantized:
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
        self, x: Float[np.ndarray, "batch lead time"], rate_hz: float, rng: np.random.Generator, progress: float = 1.0
    ) -> dict[str, np.ndarray]:
        """The signals and their beats, and by which chance each is looked at."""
        return drawn(x, rate_hz, rng)

    def __call__(self, model: Callable[..., dict[str, Tensor]], batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """The loss and what the network tells.

        Arguments:
            model: An autoencoder with a quantiser.
            batch: What `draw` gave, and the classes `y`.
        """
        found = model(**batch)
        loss = signal_loss(found) + self.pull * found["away"].mean()
        return {"loss": loss + prior_loss(found), **found}

    def measure(self, found: dict[str, Tensor], batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """For each signal how like it is to what comes back of it, the errors of the flows, and its `codes`."""
        return likeness(found) | flow_errors(found) | codes_used(found)
