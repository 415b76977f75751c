"""One class of several: cross-entropy over the softmax of the logits, for classes of which a record has exactly one.

A record of unknown class (NaN in any column) says nothing. With `focal` above zero what is easy counts less, as in
`classify`.
"""

__all__ = ["Categorical"]

import dataclasses
from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from einthoven.objectives import answer


@dataclasses.dataclass(frozen=True)
class Categorical:
    """The objective.

    Attributes:
        weights: What a record of each class counts; None for 1.
        focal: The focusing exponent; 0 for plain cross-entropy.
    """

    weights: Sequence[float] | None = None
    focal: float = 0.0

    def __call__(self, model: Callable[..., Tensor], batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """The mean loss over records of known class, and the logits.

        Arguments:
            model: From signals to logits.
            batch: `x`, signals `batch lead time`; `covariates` or none; `y`, labels
                `batch class`: a single 1, or NaN where unknown.
        """
        logits = answer(model, batch).float()
        return {"loss": self.loss(logits, batch["y"]), "logits": logits}

    def loss(self, logits: Float[Tensor, "batch class"], y: Float[Tensor, "batch class"]) -> Float[Tensor, ""]:
        """The weighted mean over known records; zero, with a gradient of zero, if there is none."""
        known = ~torch.isnan(y).any(dim=1)
        truth = torch.where(known[:, None], y, 0.0)
        terms = -(truth * F.log_softmax(logits, dim=1)).sum(dim=1)
        if self.focal:
            terms = terms * (1 - torch.exp(-terms)) ** self.focal
        share = truth.sum(dim=1)
        if self.weights is not None:
            share = truth @ torch.tensor(self.weights, dtype=truth.dtype, device=truth.device)
        return (terms * share).sum() / share.sum().clamp(min=1e-6)

    def probabilities(self, logits: Float[Tensor, "batch class"]) -> Float[Tensor, "batch class"]:
        """What the logits say; they add up to one."""
        return torch.softmax(logits, dim=1)
