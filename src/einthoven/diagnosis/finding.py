"""What is said of one ECG."""

__all__ = ["Diagnosis", "Finding", "Refused"]

import dataclasses
from typing import Any, Literal

DISCLAIMER = "Research use only; not a medical device."


class Refused(ValueError):
    """An ECG that does not fit the contract of the model; the message says what differs."""


@dataclasses.dataclass(frozen=True)
class Finding:
    """The answer for one class.

    Attributes:
        code: The class.
        title: Its name in words.
        probability: Calibrated, from 0 to 1.
        threshold: From here upwards the answer is yes; calibrated too.
        rule_out: Below here the answer is no; between the two it is uncertain.
        missed: The chance that one who has it lies below that point, at home.
        decision: The answer.
        reason: Why it is uncertain, or what the threshold rests on where that is little; else empty.
    """

    code: str
    title: str
    probability: float
    threshold: float
    rule_out: float
    missed: float
    decision: Literal["yes", "no", "uncertain"]
    reason: str = ""


@dataclasses.dataclass(frozen=True)
class Diagnosis:
    """The answers of one model for one ECG.

    Attributes:
        record: The ECG's name.
        model: The model's name, with its seed and fold.
        findings: One a class.
        converted: What was done to the ECG to fit the contract, one sentence each.
        warnings: What should be known before the answers are read.
        quality: The chance that an expert would call the recording acceptable, or None in unit `z`.
    """

    record: str
    model: str
    findings: tuple[Finding, ...]
    converted: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    quality: float | None = None

    def facts(self) -> dict[str, Any]:
        """All of it as JSON values."""
        return {**dataclasses.asdict(self), "disclaimer": DISCLAIMER}
