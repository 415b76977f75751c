"""Each class a yes or no of its own: binary cross-entropy over the labels that are known.

With `focal` above zero, what is easy counts less: each term is weighted by (1 − p)^focal, where p is the
probability given to the truth (Lin et al. 2017, https://arxiv.org/abs/1708.02002). With a `shift` the logits of the
loss are higher or lower by it than those of the answer: where it is the log odds of a class, learning need not spend
itself on how rare the class is (Menon et al. 2021, https://arxiv.org/abs/2007.07314).
"""

__all__ = ["Classify"]

import dataclasses
from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from einthoven.objectives import answer


@dataclasses.dataclass(frozen=True)
class Classify:
    """The objective.

    Attributes:
        weights: What a positive of each class counts beside a negative; None for 1.
        focal: The focusing exponent; 0 for plain cross-entropy.
        shift: What is added to the logits of each class in the loss alone; None for nothing.
    """

    weights: Sequence[float] | None = None
    focal: float = 0.0
    shift: Sequence[float] | None = None

    def __call__(self, model: Callable[..., Tensor], batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """The mean loss over known labels, and the logits.

        Arguments:
            model: From signals to logits.
            batch: `x`, signals `batch lead time`; `covariates` or none; `y`, labels
                `batch class`: from 0 to 1, or NaN where unknown.
        """
        logits = answer(model, batch).float()
        return {"loss": self.loss(logits, batch["y"]), "logits": logits}

    def loss(self, logits: Float[Tensor, "batch class"], y: Float[Tensor, "batch class"]) -> Float[Tensor, ""]:
        """The mean over known labels; zero, with a gradient of zero, if there is none."""
        if self.shift is not None:
            logits = logits + torch.tensor(self.shift, dtype=logits.dtype, device=logits.device)
        known = ~torch.isnan(y)
        truth = torch.where(known, y, 0.0)
        weights = None if self.weights is None else torch.tensor(self.weights, device=logits.device)
        terms = F.binary_cross_entropy_with_logits(logits, truth, pos_weight=weights, reduction="none")
        if self.focal:
            right = torch.where(truth > 0.5, torch.sigmoid(logits), torch.sigmoid(-logits))
            terms = terms * (1 - right) ** self.focal
        return (terms * known).sum() / known.sum().clamp(min=1)

    def probabilities(self, logits: Float[Tensor, "batch class"]) -> Float[Tensor, "batch class"]:
        """What the logits say, each class for itself."""
        return torch.sigmoid(logits)
