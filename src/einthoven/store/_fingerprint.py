"""What a store keeps of each recording as it was read: its fingerprint and its statistics."""

__all__ = ["Fingerprint", "account"]

import dataclasses
import hashlib
from typing import Any

import numpy as np
from jaxtyping import Int8

from einthoven.records.ecg import ECG
from einthoven.signals.fill import fill
from einthoven.signals.fingerprint import FINGERPRINT_HZ, fingerprint


@dataclasses.dataclass(frozen=True, eq=False)
class Fingerprint:
    """The part of a recording that survives copying, `lead sample`; see `einthoven.signals.fingerprint`."""

    leads: tuple[str, ...]
    samples: Int8[np.ndarray, "lead sample"]

    @classmethod
    def of(cls, ecg: ECG) -> "Fingerprint":
        """The fingerprint of a recording; zeros for a lead of which nothing is known."""
        if ecg.rate_hz < FINGERPRINT_HZ:
            return cls(ecg.leads, np.zeros((len(ecg.leads), 0), dtype=np.int8))
        signal = ecg.signal
        if not np.isfinite(signal).all():
            signal = np.nan_to_num(fill(np.where(np.isinf(signal), np.nan, signal)))
        return cls(ecg.leads, fingerprint(signal, ecg.rate_hz))


def account(ecg: ECG) -> dict[str, Any]:
    """Columns of the store's table.

    Returns:
        `content`, a hash of the samples, rate and leads, by which an exact copy is known (None where no lead ever
        changes, which is nobody's); and per lead `lead_names`,
        `lead_mean`, `lead_std` (in the recording's own unit) and `lead_count` of known samples, from which the mean and
        the deviation of any set of records follow.
    """

    signal = ecg.signal
    known = np.isfinite(signal)
    count = known.sum(axis=1)
    clean = np.where(known, signal, 0.0).astype(np.float64)
    mean = clean.sum(axis=1) / np.maximum(count, 1)
    square = (np.where(known, clean - mean[:, None], 0.0) ** 2).sum(axis=1) / np.maximum(count, 1)
    digest = hashlib.blake2b(np.ascontiguousarray(signal).tobytes(), digest_size=16)
    digest.update(f"{ecg.rate_hz:g} {ecg.leads}".encode())
    return {
        "content": digest.hexdigest() if (square > 0).any() else None,
        "lead_names": list(ecg.leads),
        "lead_mean": mean.tolist(),
        "lead_std": np.sqrt(square).tolist(),
        "lead_count": count.tolist(),
    }
