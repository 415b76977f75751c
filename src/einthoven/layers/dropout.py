"""Dropout whose random numbers are cheap.

PyTorch draws a Bernoulli number of its own for each activation on a CPU, which takes a quarter of a training step
of the CODE network. Sixteen random bits decide just as well: one 64-bit draw serves four activations.
"""

__all__ = ["Dropout"]

import torch
from torch import Tensor, nn


class Dropout(nn.Module):
    """Sets a random share of activations to zero in training and scales up the rest.

    Arguments:
        share: Of activations, taken to the nearest 1/65 536.

    Raises:
        ValueError: If the share is not in [0, 1).
    """

    def __init__(self, share: float) -> None:
        super().__init__()
        if not 0 <= share < 1:
            raise ValueError(f"a dropout share lies in [0, 1), not at {share}")
        self.share = share

    def forward(self, x: Tensor) -> Tensor:
        """The thinned activations; in evaluation the activations as they are."""
        if not self.training or self.share == 0:
            return x
        dropped = min(round(self.share * 2**16), 2**16 - 1)
        words = torch.empty(-(-x.numel() // 4), dtype=torch.int64, device=x.device).random_(-(2**63), None)
        bits = words.view(torch.int16)[: x.numel()]
        keep = (bits >= dropped - 2**15).to(x.dtype).mul_(2**16 / (2**16 - dropped))
        dense = torch.empty_like(x, device="meta").stride()  # those of x, unless it is a view with gaps or repeats
        return x * keep.as_strided(x.shape, dense)
