"""Hidden spans are reconstructed and shuffled leads are named, from one look at a signal: system S5.

Ran and Liu 2024, "A joint spatio-temporal self-supervision", Biomedical Engineering Letters 14:209,
https://doi.org/10.1007/s13534-023-00329-0, after its abstract; `masked` and `lead_order` say what of their parts is our
choice. The signals are reconstructed in the order in which their leads came.
"""

__all__ = ["MaskedLeadOrder"]

import dataclasses
from collections.abc import Callable

import numpy as np
from jaxtyping import Float
from torch import Tensor

from einthoven.models import Encoder
from einthoven.objectives._pretext import Pretext
from einthoven.objectives.lead_order import LeadOrder
from einthoven.objectives.masked import Masked
from einthoven.transforms.hide import Hide


@dataclasses.dataclass(frozen=True)
class MaskedLeadOrder:
    """The objective.

    Attributes:
        ratio, span_s, rise: What is hidden; see `einthoven.transforms.hide.Hide`.
        subset: The share of signals of which only some leads are there.
        weight: What the names count beside the reconstruction, of which a beginner has losses near 1 and ln 12.

    Raises:
        ValueError: If one of them cannot be.
    """

    ratio: tuple[float, float] = Hide.ratio
    span_s: tuple[float, float] = Hide.span_s
    rise: float = Hide.rise
    subset: float = 0.0
    weight: float = 0.4

    def __post_init__(self) -> None:
        if not self.weight > 0:
            raise ValueError(f"the names count more than nothing, not {self.weight}; for nothing there is 'masked'")
        _ = self._parts

    @property
    def _parts(self) -> tuple[Masked, LeadOrder]:
        return Masked(self.ratio, self.span_s, self.rise), LeadOrder(self.subset)

    def network(self, encoder: Encoder) -> Pretext:
        """The encoder with both heads."""
        return Pretext(encoder, reconstructs=True, names=True)

    def draw(
        self, x: Float[np.ndarray, "batch lead time"], rate_hz: float, rng: np.random.Generator, progress: float = 1.0
    ) -> dict[str, np.ndarray]:
        """What is asked of some signals: first their leads are shuffled, then spans are hidden.

        Arguments:
            x: The signals; NaN is what is not known.
            rate_hz: Samples per second.
            rng: The source of chance.
            progress: The share of the training that is over.

        Returns:
            What the two objectives give, of the signals in their new order.
        """
        masked, lead_order = self._parts
        shuffled = lead_order.draw(x, rate_hz, rng, progress)
        return {**shuffled, **masked.draw(shuffled["x"], rate_hz, rng, progress)}

    def __call__(self, model: Callable[..., dict[str, Tensor]], batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """The weighted sum of the losses, and the answers.

        Arguments:
            model: What `network` made.
            batch: What `draw` gave.
        """
        found = model(batch["x"])
        masked, lead_order = (part(lambda x: found, batch)["loss"] for part in self._parts)
        return {"loss": masked + self.weight * lead_order, **found}

    def measure(self, found: dict[str, Tensor], batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """What the two objectives measure."""
        return {key: value for part in self._parts for key, value in part.measure(found, batch).items()}
