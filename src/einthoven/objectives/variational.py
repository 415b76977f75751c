"""An autoencoder learns to give back signals from little, and a flow what that little looks like.

The evidence lower bound of Kingma and Welling 2014, https://arxiv.org/abs/1312.6114, for signals that are known up to a
noise of `sigma`: the squared error, and how far what a signal is made of is from standard normal numbers, in the ratio
that `sigma` makes. The differences of neighbouring samples count besides, which keeps QRS complexes sharp. A network
with a flow for its prior learns that by flow matching at the same time, from what signals are made of; and to plan
their rhythm and style.
"""

__all__ = ["Variational"]

import dataclasses
from collections.abc import Callable

import numpy as np
from jaxtyping import Float
from torch import Tensor

from einthoven.objectives._flow import drawn, flow_errors, likeness, prior_loss, signal_loss


@dataclasses.dataclass(frozen=True)
class Variational:
    """The objective.

    Attributes:
        sigma: The deviation of the noise of a sample, in those of its lead.

    Raises:
        ValueError: If it is not above 0.
    """

    sigma: float = 0.1

    def __post_init__(self) -> None:
        if not self.sigma > 0:
            raise ValueError(f"the noise of a signal has a deviation above 0, not {self.sigma:g}")

    def draw(
        self, x: Float[np.ndarray, "batch lead time"], rate_hz: float, rng: np.random.Generator, progress: float = 1.0
    ) -> dict[str, np.ndarray]:
        """The signals and their beats, and by which chance each is looked at."""
        return drawn(x, rate_hz, rng)

    def __call__(self, model: Callable[..., dict[str, Tensor]], batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """The loss and what the network tells.

        Arguments:
            model: An autoencoder.
            batch: What `draw` gave, and the classes `y`.
        """
        found = model(**batch)
        told = divergence(found["mean"], found["log"]) / found["wanted"][0].numel()
        loss = signal_loss(found) + 2 * self.sigma**2 * told
        return {"loss": loss + prior_loss(found), **found}

    def measure(self, found: dict[str, Tensor], batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """For each signal how like it is to what comes back of it, and the errors of the flows."""
        return likeness(found) | flow_errors(found)


def divergence(mean: Tensor, log: Tensor) -> Tensor:
    """Of normal distributions, from their means and the logarithms of their variances, from the standard one, in nats.

    The mean over the batch of the sum over each signal.
    """
    return (mean.square() + log.exp() - 1 - log).sum(dim=(1, 2)).mean() / 2
