"""The leads of a signal come in an order of their own, and each is to be named.

A part of system S5 (Ran and Liu 2024, https://doi.org/10.1007/s13534-023-00329-0, after its abstract). The head, and
what follows, are our choice: all leads of a recording are first brought to one spectrum and one amplitude
(`einthoven.signals.equalise`), and where one of them is padded none says anything. Otherwise a fixed gain of a lead,
its usual height, its filter or its padding would give its name away, and nobody need look at the shape of the waves.
"""

__all__ = ["LeadOrder"]

import dataclasses
from collections.abc import Callable

import numpy as np
from jaxtyping import Float
from torch import Tensor

from einthoven.models import Encoder
from einthoven.objectives._pretext import Pretext, named, naming_loss
from einthoven.signals.equalise import equalise
from einthoven.transforms.drop_leads import DropLeads
from einthoven.transforms.shuffle_leads import ShuffleLeads


@dataclasses.dataclass(frozen=True)
class LeadOrder:
    """The objective.

    Attributes:
        subset: The share of signals of which only some leads are there.

    Raises:
        ValueError: If that is no share.
    """

    subset: float = 0.0

    def __post_init__(self) -> None:
        DropLeads(self.subset)

    def network(self, encoder: Encoder) -> Pretext:
        """The encoder with a head that names leads."""
        return Pretext(encoder, reconstructs=False, names=True)

    def draw(
        self, x: Float[np.ndarray, "batch lead time"], rate_hz: float, rng: np.random.Generator, progress: float = 1.0
    ) -> dict[str, np.ndarray]:
        """What is asked of some signals.

        Arguments:
            x: The signals; NaN is what is not known.
            rate_hz: Samples per second.
            rng: The source of chance.
            progress: The share of the training that is over, which changes nothing here.

        Returns:
            `x`, the signals in one spectrum and another order; `order`, which lead stands in each place; and `there`,
            of which places a lead is known.
        """
        shuffle, drop = ShuffleLeads(), DropLeads(self.subset)
        order = shuffle.draw(x.shape[0], x.shape[1], rng)
        signal = shuffle.apply(equalise(x, rate_hz), order)
        signal = drop.apply(signal, drop.draw(x.shape[0], x.shape[1], rng))
        return {"x": signal, "order": order, "there": np.isfinite(signal).any(axis=2)}

    def __call__(self, model: Callable[..., dict[str, Tensor]], batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """The loss and the logits of the names.

        Arguments:
            model: What `network` made.
            batch: What `draw` gave.
        """
        found = model(batch["x"])
        return {"loss": naming_loss(found["names"], batch["order"], batch["there"]), **found}

    def measure(self, found: dict[str, Tensor], batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """For each signal the share of its leads that are `named` rightly; 1/12 by guessing."""
        return {"named": named(found["names"], batch["order"], batch["there"])}
