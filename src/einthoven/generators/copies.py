"""A training record and some noise: as faithful as can be, and private not at all.

The opponent that a measure of privacy must catch at every level of noise at which the record is still one. A copy is
chosen among the training records of the wanted classes by the first number of the noise.
"""

__all__ = ["Copies"]

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from einthoven.generators import Form, Generator
from einthoven.records.leads import EIGHT


class Copies(Generator):
    """The generator.

    Arguments:
        form: What it makes.
        level: The deviation of the noise, in those of the leads.

    Raises:
        ValueError: If the level lies below 0.
    """

    def __init__(self, form: Form, *, level: float = 0.1) -> None:
        super().__init__(form)
        if level < 0:
            raise ValueError(f"the level of the noise is 0 or more, not {level:g}")
        self.noise, self.level = (len(EIGHT), form.samples), level
        self.seen: tuple[Tensor, Tensor] | None = None

    def look(self, x: Float[np.ndarray, "batch lead time"], y: Float[np.ndarray, "batch class"]) -> None:
        """Keeps the training signals; they are no part of its state, so that no checkpoint holds them."""
        super().look(x, y)
        self.seen = torch.from_numpy(x), torch.from_numpy(y)

    def emit(
        self, noise: Float[Tensor, "batch lead time"], y: Float[Tensor, "batch class"]
    ) -> Float[Tensor, "batch lead time"]:
        """Training signals of the wanted classes, or of most of them, with noise.

        Raises:
            ValueError: If it has not looked at any.
        """
        if self.seen is None:
            raise ValueError("there is nothing to copy; let it look at training signals first")
        x, known = (part.to(noise.device) for part in self.seen)
        apart = (y[:, None] != known[None]).sum(dim=2)
        share = torch.special.ndtr(noise[:, 0, 0].double())
        chosen = []
        for row, at in zip(apart, share, strict=True):
            like = torch.nonzero(row == row.min())[:, 0]
            chosen.append(like[int(at * len(like))])
        return x[torch.stack(chosen)] + self.level * self.spread * noise
