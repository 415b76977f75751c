"""The simulator as a generator: ECGs of the wanted conditions that have seen nobody.

What it knows of hearts was written by hand (`einthoven.datasets.simulated`), so it gives nobody away. A learner that is
no more faithful than this has learnt nothing worth its risk.
"""

__all__ = ["Simulator"]

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from einthoven import registry
from einthoven.datasets import DatasetError
from einthoven.datasets.simulated import Simulated
from einthoven.generators import Form, Generator
from einthoven.records.leads import EIGHT
from einthoven.signals.bandpass import bandpass

_RATE_HZ = 500.0  # at which it is filtered, before it is resampled
_SHORTEST_S = 3.0
_NORMAL = ("NORM", "SR")


class Simulator(Generator):
    """The generator.

    Arguments:
        form: What it makes.
        groups: The name of each class, such as AFIB; the simulator has to know it.
        bandpass_hz: The band that is kept, or None.
        difficulty: See `einthoven.datasets.simulated`.

    Raises:
        UnknownName: If it does not know a class.
        ValueError: If there is not one name a class.
    """

    def __init__(
        self,
        form: Form,
        *,
        groups: Sequence[str],
        bandpass_hz: tuple[float, float] | list[float] | None = (0.5, 40.0),
        difficulty: float = 0.5,
    ) -> None:
        super().__init__(form)
        if len(groups) != form.classes:
            raise ValueError(f"{len(groups)} names for {form.classes} classes; give each its own")
        for group in groups:
            registry.nearest(group, self.conditions(), "condition of the simulator:")
        self.noise = (1,)
        self.groups, self.difficulty = tuple(groups), difficulty
        self.band = None if bandpass_hz is None else (bandpass_hz[0], bandpass_hz[1])

    @staticmethod
    def conditions() -> tuple[str, ...]:
        """What it can be asked for."""
        return tuple(code.partition(":")[2] for code in Simulated(1).annotated)

    def emit(
        self, noise: Float[Tensor, "batch 1"], y: Float[Tensor, "batch class"]
    ) -> Float[Tensor, "batch lead time"]:
        """Simulated ECGs that have the wanted conditions and no other; the first of those that exclude each other."""
        share = torch.special.ndtr(noise[:, 0].double()).cpu().numpy()
        made = [self._one(int(at * 2**31), wanted) for at, wanted in zip(share, y.cpu().numpy(), strict=True)]
        return torch.from_numpy(np.stack(made)).to(noise.device)

    def _one(self, seed: int, wanted: Float[np.ndarray, " class"]) -> Float[np.ndarray, "lead time"]:
        codes = [group for group, one in zip(self.groups, wanted, strict=True) if one and group not in _NORMAL]
        source = self._source(seed, codes)
        ecg = source.read(source.table()["record_id"][0]).select(EIGHT)
        if self.band is not None:
            ecg = ecg.replace(signal=bandpass(ecg.signal, ecg.rate_hz, *self.band))
        return ecg.resample(self.form.rate_hz).signal[:, : self.form.samples]

    def _source(self, seed: int, codes: Sequence[str]) -> Simulated:
        """One patient with as many of the conditions as can be had together, and one visit."""
        nothing = dict.fromkeys((code for code in self.conditions() if code not in _NORMAL), 0.0)
        try:
            return Simulated(
                1,
                visits=(1, 1),
                seed=seed,
                rate_hz=_RATE_HZ,
                duration_s=max(_SHORTEST_S, self.form.samples / self.form.rate_hz),
                prevalence=nothing | dict.fromkeys(codes, 1.0),
                difficulty=self.difficulty,
            )
        except DatasetError:
            if not codes:
                raise
            return self._source(seed, codes[:-1])
