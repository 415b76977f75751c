"""Hidden spans of time are reconstructed from what is left of a signal.

A part of system S5: Ran and Liu 2024, "A joint spatio-temporal self-supervision", Biomedical Engineering Letters
14:209, https://doi.org/10.1007/s13534-023-00329-0, of which the abstract was to be had: masks that change at random,
and the loss on what they hide. Ratios, spans, schedule and decoder are our choice. All leads are hidden at once, since
six of the twelve are sums of others.
"""

__all__ = ["Masked"]

import dataclasses
from collections.abc import Callable

import numpy as np
from jaxtyping import Float
from torch import Tensor

from einthoven.models import Encoder
from einthoven.objectives._pretext import Pretext, amplitude, correlation, line, reconstruction_loss
from einthoven.signals.recorded import recorded
from einthoven.transforms.drop_leads import DropLeads
from einthoven.transforms.hide import Hide


@dataclasses.dataclass(frozen=True)
class Masked:
    """The objective.

    Attributes:
        ratio, span_s, rise: What is hidden; see `einthoven.transforms.hide.Hide`.
        subset: The share of signals of which only some leads are there.

    Raises:
        ValueError: If one of them cannot be.
    """

    ratio: tuple[float, float] = Hide.ratio
    span_s: tuple[float, float] = Hide.span_s
    rise: float = Hide.rise
    subset: float = 0.0

    def __post_init__(self) -> None:
        self._changes()

    def _changes(self) -> tuple[Hide, DropLeads]:
        return Hide(self.ratio, self.span_s, self.rise), DropLeads(self.subset)

    def network(self, encoder: Encoder) -> Pretext:
        """The encoder with a head that gives signals."""
        return Pretext(encoder, reconstructs=True, names=False)

    def draw(
        self, x: Float[np.ndarray, "batch lead time"], rate_hz: float, rng: np.random.Generator, progress: float = 1.0
    ) -> dict[str, np.ndarray]:
        """What is asked of some signals.

        Arguments:
            x: The signals; NaN is what is not known.
            rate_hz: Samples per second.
            rng: The source of chance.
            progress: The share of the training that is over.

        Returns:
            `x`, the signals with NaN where they are hidden; `signal`, the signals with NaN where nothing was recorded,
            as in padding; `hidden`, what of their time is; and `spread`, by what the errors of each lead are measured.
        """
        hide, drop = self._changes()
        seen = drop.apply(x, drop.draw(x.shape[0], x.shape[1], rng))
        hidden = hide.draw(len(x), x.shape[-1], rate_hz, rng, progress)
        signal = np.where(recorded(seen), seen, np.float32(np.nan))
        return {"x": hide.apply(seen, hidden), "signal": signal, "hidden": hidden, "spread": amplitude(signal)}

    def __call__(self, model: Callable[..., dict[str, Tensor]], batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """The loss and the signals that the model gives.

        Arguments:
            model: What `network` made.
            batch: What `draw` gave.
        """
        found = model(batch["x"])
        loss = reconstruction_loss(found["signal"], batch["signal"], batch["spread"], batch["hidden"])
        return {"loss": loss, **found}

    def measure(self, found: dict[str, Tensor], batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """For each signal the `correlation` of what was hidden with its reconstruction, and with straight lines."""
        signal, hidden = batch["signal"], batch["hidden"]
        return {
            "correlation": correlation(found["signal"], signal, hidden),
            "correlation_of_lines": correlation(line(signal, hidden), signal, hidden),
        }
