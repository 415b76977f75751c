"""A transformer block over a sequence, for which only the distance of two steps counts.

Vaswani et al. 2017, "Attention is all you need", https://arxiv.org/abs/1706.03762, with the normalisation before each
part (Xiong et al. 2020, https://arxiv.org/abs/2002.04745) and positions as rotations of queries and keys (Su et al.
2021, https://arxiv.org/abs/2104.09864), so that a sequence may be of any length.
"""

__all__ = ["Block", "rotated"]

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from einthoven.layers.dropout import Dropout

_LONGEST = 10_000.0  # the longest wave length is 2 π times that many steps
_WIDEN = 4


def rotated(x: Float[Tensor, "batch head step feature"]) -> Float[Tensor, "batch head step feature"]:
    """Each pair of features turned by an angle that grows with the step, so that products tell distances.

    Raises:
        ValueError: If the number of features is odd.
    """

    steps, width = x.shape[-2:]
    if width % 2:
        raise ValueError(f"features are turned in pairs, and {width} of them are none")
    speed = _LONGEST ** (-torch.arange(0, width, 2, device=x.device, dtype=torch.float32) / width)
    angle = torch.arange(steps, device=x.device, dtype=torch.float32)[:, None] * speed
    cos, sin = angle.cos().to(x.dtype), angle.sin().to(x.dtype)
    first, second = x[..., : width // 2], x[..., width // 2 :]
    return torch.cat([first * cos - second * sin, first * sin + second * cos], dim=-1)


class Block(nn.Module):
    """Attention to all steps, then a small network for each; both are added to what came in.

    Arguments:
        width: Features of a step.
        heads: Of the attention, each with an equal part of them.
        dropout: The share of activations left out in training, after each part.
    """

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.asked, self.answered = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.widen, self.narrow = nn.Linear(width, _WIDEN * width), nn.Linear(_WIDEN * width, width)
        self.dropout = Dropout(dropout)

    def forward(self, x: Float[Tensor, "batch step feature"]) -> Float[Tensor, "batch step feature"]:
        """The sequence after the block."""
        x = x + self.dropout(self._attend(self.norm1(x)))
        return x + self.dropout(self.narrow(F.gelu(self.widen(self.norm2(x)))))

    def _attend(self, x: Tensor) -> Tensor:
        batch, steps, width = x.shape
        query, key, value = self.asked(x).view(batch, steps, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(rotated(query), rotated(key), value)
        answer: Tensor = self.answered(mixed.transpose(1, 2).reshape(batch, steps, width))
        return answer
