"""One electrocardiogram and what is known about it.

An `ECG` is a value: a `lead time` array with its unit, its rate and the names of its leads, and beside it the
facts that an honest evaluation needs: whose it is, where it came from, which records it was made of.
"""

__all__ = ["ECG", "LEDGER"]

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np
from jaxtyping import Float

from einthoven.records.leads import TWELVE, canonical, derive
from einthoven.signals.resample import resample

LEDGER = "ledger:"


@dataclasses.dataclass(frozen=True, eq=False)
class ECG:
    """One recording.

    Attributes:
        signal: Samples with shape `lead time`, float32; NaN where the device recorded none.
        unit: `"mV"`, or `"z"` for leads that were standardised one by one and have lost their amplitude.
        rate_hz: Samples per second.
        leads: The name of each row.
        record_id: Its name, or None; data sets namespace it by corpus (`ptbxl:1`).
        patient_id: Whose it is, or None where nobody knows.
        source: The corpus it came from, or None.
        age: In years, or None.
        sex: `"female"`, `"male"` or None.
        parents: The records that it was made from, as `source:record_id`, or the ledger of whom its generator has
            learnt from, as `LEDGER` and a name; empty for an original.
        synthetic: Whether it was made by a simulator or a generator.
        notes: What the reader had to assume or convert, one sentence each.

    Raises:
        ValueError: If the parts do not fit together.
    """

    signal: Float[np.ndarray, "lead time"]
    unit: Literal["mV", "z"]
    rate_hz: float
    leads: tuple[str, ...]
    record_id: str | None = None
    patient_id: str | None = None
    source: str | None = None
    age: float | None = None
    sex: Literal["female", "male"] | None = None
    parents: tuple[str, ...] = ()
    synthetic: bool = False
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        signal = np.asarray(self.signal, dtype=np.float32)
        leads = tuple(canonical(name) for name in self.leads)
        if signal.ndim != 2:
            raise ValueError(f"a signal has the axes lead and time, this one has shape {signal.shape}")
        if len(leads) != len(signal):
            raise ValueError(f"{len(signal)} rows of samples but {len(leads)} lead names: {', '.join(leads)}")
        if len(set(leads)) != len(leads):
            twice = sorted({name for name in leads if leads.count(name) > 1})
            raise ValueError(f"lead {', '.join(twice)} appears more than once; give each lead its own name")
        if self.unit not in ("mV", "z"):
            raise ValueError(f"the unit of an ECG is 'mV' or 'z', not '{self.unit}'; convert the samples first")
        if not 0 < self.rate_hz < np.inf:
            raise ValueError(f"the rate of an ECG is a positive number of samples per second, not {self.rate_hz}")
        if self.sex not in ("female", "male", None):
            raise ValueError(f"the sex of a patient is 'female', 'male' or None, not '{self.sex}'")
        object.__setattr__(self, "signal", signal)
        object.__setattr__(self, "leads", leads)

    def __repr__(self) -> str:
        name = self.record_id or "unnamed"
        return (
            f"ECG({name}, {len(self.leads)} leads × {self.signal.shape[1]} samples "
            f"at {self.rate_hz:g} Hz, {self.duration_s:g} s, {self.unit})"
        )

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.signal.shape[1] / self.rate_hz

    def replace(self, **changes: object) -> "ECG":
        """The same recording with some fields changed."""
        return dataclasses.replace(self, **changes)  # type: ignore[arg-type]

    def select(self, leads: Sequence[str]) -> "ECG":
        """These leads in this order; limb leads that are absent are derived where that is exact.

        Raises:
            ValueError: If a lead is neither present nor derivable, or would be derived from unit `z`, whose
                per-lead scaling breaks the identities.
        """
        if isinstance(leads, str):
            raise ValueError(f"leads are a list of names: write ('{leads}',)")
        want = tuple(canonical(name) for name in leads)
        missing = [name for name in want if name not in self.leads]
        if missing and self.unit == "z":
            raise ValueError(f"lead {', '.join(missing)} cannot be derived from standardised leads (unit 'z')")
        return self.replace(signal=derive(self.signal, self.leads, want), leads=want)

    def twelve(self) -> "ECG":
        """The standard twelve leads in the standard order."""
        return self.select(TWELVE)

    def resample(self, rate_hz: float) -> "ECG":
        """The same recording at another rate, low-passed against aliasing.

        Raises:
            ValueError: If the rate is not positive or samples are missing (NaN).
        """
        if rate_hz == self.rate_hz:
            return self
        if np.isnan(self.signal).any():
            raise ValueError(f"{self!r} has missing samples; fill or crop them before resampling")
        return self.replace(signal=resample(self.signal, self.rate_hz, rate_hz), rate_hz=float(rate_hz))

    def crop(self, start_s: float, stop_s: float) -> "ECG":
        """The part from `start_s` to `stop_s`.

        Raises:
            ValueError: If that part is empty or lies outside the recording.
        """
        first, last = round(start_s * self.rate_hz), round(stop_s * self.rate_hz)
        if not 0 <= first < last <= self.signal.shape[1]:
            raise ValueError(f"{start_s:g}–{stop_s:g} s is not inside a recording of {self.duration_s:g} s")
        return self.replace(signal=self.signal[:, first:last])

    def flat_leads(self) -> Iterator[str]:
        """The leads that never change or have no sample at all."""
        for name, row in zip(self.leads, self.signal, strict=True):
            known = row[~np.isnan(row)]
            if not known.size or known.min() == known.max():
                yield name
