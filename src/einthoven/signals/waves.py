"""P waves, QRS complexes and T waves, lead by lead.

How they are found stands in `_delineate`; how well, against cardiologists' marks, in `benchmarks/results/waves.md`.
"""

__all__ = ["waves"]

import dataclasses

import numpy as np
from jaxtyping import Float, Int, Shaped

from einthoven.signals._delineate import KINDS, delineate


@dataclasses.dataclass(frozen=True, eq=False)
class Waves:
    """The waves of one recording, by lead and then by time.

    Attributes:
        lead: The row of the signal.
        beat: The number of the beat from 0, the same in all leads; a P wave belongs to the QRS complex it precedes.
        kind: `"P"`, `"QRS"` or `"T"`.
        onset, peak, offset: Samples, with onset ≤ peak ≤ offset; none is ever missing.
    """

    lead: Int[np.ndarray, " wave"]
    beat: Int[np.ndarray, " wave"]
    kind: Shaped[np.ndarray, " wave"]
    onset: Int[np.ndarray, " wave"]
    peak: Int[np.ndarray, " wave"]
    offset: Int[np.ndarray, " wave"]

    def __len__(self) -> int:
        return len(self.lead)

    def of(self, kind: str) -> "Waves":
        """The waves of one kind."""
        chosen = self.kind == kind
        return Waves(*(getattr(self, field.name)[chosen] for field in dataclasses.fields(self)))


def waves(signal: Float[np.ndarray, "lead time"], rate_hz: float) -> Waves:
    """All waves of a recording.

    The peak of P and T is where they are farthest from the line between their ends, upwards or downwards. That of a
    QRS complex is its R wave, or its lowest point where there is none. A wave that the recording cuts has no row,
    nor has any wave of a flat lead. There are no P waves where the atria fibrillate, or beat without the ventricles.

    Arguments:
        signal: One recording without NaN (`signals.fill` bridges gaps), in any unit.
        rate_hz: Samples per second, from 100 on.

    Returns:
        A table of waves (`Waves`) as arrays of one length; empty for a recording of less than 1 s.
    """

    found = delineate(signal, rate_hz)
    marks = np.stack([found[kind] for kind in KINDS], axis=2)
    lead, beat, kind = np.nonzero(marks[..., 0] >= 0)
    onset, peak, offset = marks[lead, beat, kind].T
    return Waves(lead, beat, np.array(KINDS)[kind], onset, peak, offset)
