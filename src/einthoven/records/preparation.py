"""How a recording is brought to the form that a model is built for.

The steps are fixed, deterministic and part of a checkpoint's contract: choose the leads, bridge missing samples,
filter, standardise, resample.
"""

__all__ = ["Preparation"]

import dataclasses
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from einthoven.records.ecg import ECG
from einthoven.records.leads import TWELVE
from einthoven.signals.bandpass import bandpass
from einthoven.signals.fill import fill
from einthoven.signals.standardise import standardise

_HIGHEST_MV = 100.0  # a saturated amplifier reaches a third of it


@dataclasses.dataclass(frozen=True)
class Preparation:
    """A recipe from any recording to a fixed rate, unit and set of leads.

    Attributes:
        rate_hz: Samples per second of the result.
        unit: `"mV"`, or `"z"` to standardise each lead, which loses the amplitude.
        bandpass_hz: The band to keep, filtered at the recording's own rate, or None; recordings that are in unit `z`
            already are taken as they are.
        leads: The leads of the result.
        longest_gap: The share of a lead's samples that may be missing and are bridged by straight lines.
    """

    rate_hz: float
    unit: Literal["mV", "z"] = "mV"
    bandpass_hz: tuple[float, float] | None = None
    leads: tuple[str, ...] = TWELVE
    longest_gap: float = 0.1

    @classmethod
    def told(cls, facts: Mapping[str, Any]) -> "Preparation":
        """The recipe that JSON tells, in which tuples are lists."""
        band = tuple(facts["bandpass_hz"]) if facts["bandpass_hz"] else None
        return cls(**{**facts, "leads": tuple(facts["leads"]), "bandpass_hz": band})

    def __call__(self, ecg: ECG) -> ECG:
        """The recording in that form; what was done to mend it stands in its notes.

        Raises:
            ValueError: If a lead is missing, too much of one is missing, nothing is in it, or its unit cannot be
                converted.
        """
        if self.unit == "mV" and ecg.unit == "z":
            raise ValueError(
                "standardised leads (unit 'z') have lost their amplitude; millivolts cannot be had from them; "
                "ask for unit 'z' throughout"
            )
        ecg = self._mended(ecg.select(self.leads))
        if ecg.unit == "mV" and self.bandpass_hz is not None:
            ecg = ecg.replace(signal=bandpass(ecg.signal, ecg.rate_hz, *self.bandpass_hz))
        if ecg.unit == "mV" and self.unit == "z":
            ecg = ecg.replace(signal=standardise(ecg.signal), unit="z")
        return ecg.resample(self.rate_hz)

    def _mended(self, ecg: ECG) -> ECG:
        notes = list(ecg.notes)
        if np.isinf(ecg.signal).any():
            raise ValueError("it holds infinite samples")
        peak = float(np.nanmax(np.abs(ecg.signal), initial=0.0))
        if ecg.unit == "mV" and peak > _HIGHEST_MV:
            raise ValueError(f"it reaches {peak:.4g} mV, which no ECG does; is it in uV?")
        missing = np.isnan(ecg.signal).mean(axis=1)
        if (worst := float(missing.max(initial=0.0))) > self.longest_gap:
            lead = ecg.leads[int(missing.argmax())]
            raise ValueError(f"{worst:.0%} of lead {lead} is missing; at most {self.longest_gap:.0%} is bridged")
        if worst > 0:
            notes.append(f"missing samples bridged in {', '.join(np.array(ecg.leads)[missing > 0])}")
            ecg = ecg.replace(signal=fill(ecg.signal))
        flat = list(ecg.flat_leads())
        if len(flat) == len(ecg.leads):
            raise ValueError("every lead is flat; there is no ECG in it")
        if flat:
            notes.append(f"flat: {', '.join(flat)}")
        return ecg.replace(notes=tuple(notes))
