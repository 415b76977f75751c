"""Vectors that are replaced by the nearest of a few: by a codebook that follows them, or by a fixed grid.

A network that may pass on one of so many codes at each step has learnt an alphabet. The codebook of van den Oord et al.
2017, "Neural discrete representation learning", https://arxiv.org/abs/1711.00937, moves each code to the running mean
of the vectors that fall to it; the gradient passes through the choice as if it were not there. Codes to which nothing
falls any more are set anew among the vectors, as Dhariwal et al. 2020, https://arxiv.org/abs/2005.00341, do. The grid
of Mentzer et al. 2023, "Finite scalar quantization", https://arxiv.org/abs/2309.15505, rounds every number of a vector
to one of a few levels: nothing is to be learnt and nothing can die.
"""

__all__ = ["Coded", "FiniteScalar", "VectorQuantizer", "perplexity"]

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

_EPSILON = 1e-5
_DEAD = 0.05  # of an even share of the vectors, below which a code is set anew


class Coded(NamedTuple):
    """What is left of vectors.

    Attributes:
        z: The codes in their place; its gradient is that of the vectors.
        number: Of the code of each.
        away: How far each vector is from its code, the mean square over its numbers, which pulls vectors to codes.
    """

    z: Float[Tensor, "batch channel step"]
    number: Int[Tensor, "batch step"]
    away: Float[Tensor, "batch step"]


class VectorQuantizer(nn.Module):
    """A codebook that follows the vectors.

    Arguments:
        codes: How many there are.
        channels: Numbers of a vector.
        decay: What is kept of the running means at every look.

    Raises:
        ValueError: If there are fewer than two codes, or the decay is not from 0 to below 1.
    """

    codebook: Tensor
    count: Tensor
    total: Tensor
    begun: Tensor

    def __init__(self, codes: int, channels: int, *, decay: float = 0.99) -> None:
        super().__init__()
        if codes < 2:
            raise ValueError(f"a codebook has two codes at least, not {codes}")
        if not 0 <= decay < 1:
            raise ValueError(f"a running mean keeps from 0 to below 1 of itself, not {decay:g}")
        self.codes, self.decay = codes, decay
        self.register_buffer("codebook", torch.randn(codes, channels))
        self.register_buffer("count", torch.ones(codes))
        self.register_buffer("total", torch.zeros(codes, channels))
        self.register_buffer("begun", torch.zeros((), dtype=torch.bool))

    def bound(self, z: Float[Tensor, "batch channel step"]) -> Float[Tensor, "batch channel step"]:
        """Vectors at a distance from 0 at which their numbers have a mean square of 1, so that codes lie close.

        Yu et al. 2022, https://arxiv.org/abs/2110.04627: it is the direction that is looked up.
        """
        return F.normalize(z.float(), dim=1) * math.sqrt(z.shape[1])

    def forward(self, z: Float[Tensor, "batch channel step"], seed: int = 0) -> Coded:
        """The codes that are nearest to vectors; in training the codebook follows them afterwards.

        Arguments:
            z: The vectors.
            seed: Decides which of them codes are set to, at the beginning and when nothing falls to a code any more.
        """
        batch, channels, steps = z.shape
        vectors = z.detach().float().transpose(1, 2).reshape(-1, channels)
        if self.training and not self.begun:
            self._set(torch.ones_like(self.count, dtype=torch.bool), vectors, seed)
            self.begun.fill_(True)
        index = self._nearest(vectors)
        found = self._quantized(z, index.view(batch, steps))
        if self.training:
            self._follow(vectors, index, seed)
        return found

    def lookup(self, index: Int[Tensor, "batch step"]) -> Float[Tensor, "batch channel step"]:
        """The codes of some numbers."""
        return F.embedding(index, self.codebook).transpose(1, 2)

    def _nearest(self, vectors: Tensor) -> Tensor:
        far = self.codebook.square().sum(dim=1) - 2 * vectors @ self.codebook.T  # but for a constant of each vector
        return far.argmin(dim=1)

    def _quantized(self, z: Tensor, index: Tensor) -> Coded:
        codes = self.lookup(index)
        return Coded(z + (codes - z).detach(), index, (z.float() - codes).square().mean(dim=1))

    @torch.no_grad()
    def _follow(self, vectors: Tensor, index: Tensor, seed: int) -> None:
        fell = torch.bincount(index, minlength=self.codes).to(vectors.dtype)
        self.count.lerp_(fell, 1 - self.decay)
        self.total.lerp_(torch.zeros_like(self.total).index_add_(0, index, vectors), 1 - self.decay)
        alive = self.count > _EPSILON
        self.codebook.copy_(
            torch.where(alive[:, None], self.total / self.count.clamp(min=_EPSILON)[:, None], self.codebook)
        )
        self._set(self.count < _DEAD * len(vectors) / self.codes, vectors, seed)

    def _set(self, which: Tensor, vectors: Tensor, seed: int) -> None:
        """Sets some codes to vectors, each as if an even share of all had fallen to it."""
        if not which.any():
            return
        generator = torch.Generator().manual_seed(seed)
        chosen = torch.randint(len(vectors), (int(which.sum()),), generator=generator).to(vectors.device)
        share = len(vectors) / self.codes
        self.codebook[which] = vectors[chosen]
        self.count[which], self.total[which] = share, share * vectors[chosen]


class FiniteScalar(nn.Module):
    """A fixed grid: each number of a vector is rounded to one of a few levels from −1 to 1.

    Arguments:
        levels: How many levels each number has, as many as a vector has numbers.

    Raises:
        ValueError: If a number has fewer than two.
    """

    steps: Tensor
    places: Tensor

    def __init__(self, levels: Sequence[int]) -> None:
        super().__init__()
        if not levels or min(levels) < 2:
            raise ValueError(f"each number of a vector has two levels at least, not {', '.join(map(str, levels))}")
        self.codes = math.prod(levels)
        steps = torch.tensor(list(levels)) - 1
        places = torch.cumprod(torch.tensor([1, *levels[:-1]]), dim=0)
        self.register_buffer("steps", steps[:, None], persistent=False)
        self.register_buffer("places", places[:, None], persistent=False)

    def bound(self, z: Float[Tensor, "batch channel step"]) -> Float[Tensor, "batch channel step"]:
        """Vectors in the reach of the grid, of numbers from −1 to 1."""
        return torch.tanh(z.float())

    def forward(self, z: Float[Tensor, "batch channel step"], seed: int = 0) -> Coded:
        """The points of the grid that vectors are rounded to."""
        place = ((z.float().clamp(-1, 1) + 1) / 2 * self.steps).round()
        codes = place / self.steps * 2 - 1
        index = (place.long() * self.places).sum(dim=1)
        return Coded(z + (codes - z).detach(), index, torch.zeros_like(codes[:, 0]))

    def lookup(self, index: Int[Tensor, "batch step"]) -> Float[Tensor, "batch channel step"]:
        """The points of some numbers."""
        place = index[:, None] // self.places % (self.steps + 1)
        return place / self.steps * 2 - 1


def perplexity(index: Int[Tensor, "..."]) -> float:
    """How many codes are in use: e to the entropy of their shares."""
    share = torch.bincount(index.flatten()).double() / index.numel()
    return float((-torch.special.xlogy(share, share).sum()).exp())
