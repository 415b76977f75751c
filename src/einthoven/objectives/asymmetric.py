"""Each class a yes or no of its own, where almost every answer is no: easy negatives count less than easy positives.

Ridnik et al. 2021, "Asymmetric loss for multi-label classification", https://arxiv.org/abs/2009.14119: the focusing
exponent of `classify` is one for positives and another for negatives, and a negative whose probability lies below a
margin counts nothing at all.
"""

__all__ = ["Asymmetric"]

import dataclasses
from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from einthoven.objectives import answer

_LEAST = 1e-8


@dataclasses.dataclass(frozen=True)
class Asymmetric:
    """The objective; its defaults are those of the authors' code.

    Attributes:
        positive: The focusing exponent of positives.
        negative: The focusing exponent of negatives.
        margin: What is taken off the probability of a negative.

    Raises:
        ValueError: If an exponent is below 0, or the margin is not in [0, 1).
    """

    positive: float = 1.0
    negative: float = 4.0
    margin: float = 0.05

    def __post_init__(self) -> None:
        if self.positive < 0 or self.negative < 0 or not 0 <= self.margin < 1:
            what = f"{self.positive:g} and {self.negative:g}, and {self.margin:g}"
            raise ValueError(f"exponents are 0 or more, and the margin lies from 0 to below 1; not {what}")

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
        known = ~torch.isnan(y)
        truth = torch.where(known, y, 0.0)
        p = torch.sigmoid(logits)
        alarm = (p - self.margin).clamp(min=0)
        found = (1 - p) ** self.positive * -F.logsigmoid(logits)
        spared = alarm**self.negative * -torch.log((1 - alarm).clamp(min=_LEAST))
        return ((truth * found + (1 - truth) * spared) * known).sum() / known.sum().clamp(min=1)

    def probabilities(self, logits: Float[Tensor, "batch class"]) -> Float[Tensor, "batch class"]:
        """What the logits say, each class for itself."""
        return torch.sigmoid(logits)
