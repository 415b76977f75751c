"""What the two releases of CODE share: tracings in a cube of zeros, and the six diagnoses.

A tracing is a row of `tracings` with the axes `record time lead`: 4096 samples at 400 Hz, of which a shorter
recording fills the middle and zeros the ends (Ribeiro et al. 2020). Only samples that are zero in all twelve leads are
padding.

The unit is millivolt. The publisher's pages speak of "the scale 1e-4V" and in the same sentence of volts times 1000,
which is mV; asked, the authors answer millivolts (github.com/antonior92/automatic-ecg-diagnosis, issue 3), and the
PhysioNet Challenge of 2025 reads CODE-15 % so. Amplitudes are about twice those of other corpora all the same: in ten
exams the median peak-to-peak of a beat is 2.2 mV, where SPH and PTB-XL have 1.0; 1e-4 V would make it 0.2. Others find
the same in 100 000 exams (github.com/antonior92/ecg-age-prediction, issue 5). Nobody has published a factor, so none is
applied and every recording carries a note; voltage criteria do not hold on it.
"""

__all__ = ["NOTE", "RATE_HZ", "SHAPE", "AUGMENTED", "augmented", "cube", "six", "trimmed"]

from collections.abc import Sequence

import numpy as np
import pandas as pd
from jaxtyping import Float, Float32

from einthoven import labels
from einthoven.datasets.simulated import Simulated
from einthoven.labels.code6 import CODE6
from einthoven.records.leads import LIMB, identity_error
from einthoven.signals.centre import centre

RATE_HZ = 400.0
SHAPE = (None, 4096, 12)
AUGMENTED = (("aVR", "aVL", "aVF"), ("aVL", "aVF", "aVR"))  # the orders that the publisher's pages give
NOTE = "unit mV as the authors say, though amplitudes are about twice those of other corpora"
_TOLERANCE_MV = 0.1


def trimmed(tracing: Float[np.ndarray, "4096 lead"]) -> Float32[np.ndarray, "lead time"]:
    """The recording without its padding; empty where there is nothing but zeros."""

    found = np.flatnonzero(tracing.any(axis=1))
    inside = tracing[found[0] : found[-1] + 1] if found.size else tracing[:0]
    return np.ascontiguousarray(inside.T, dtype=np.float32)


def cube(signals: Sequence[Float[np.ndarray, "lead _"]]) -> Float32[np.ndarray, "record 4096 lead"]:
    """Recordings as the publisher lays them out, each in the middle of 4096 samples."""

    return np.stack([centre(signal, 4096).T for signal in signals]).astype(np.float32)


def augmented(tracings: Float[np.ndarray, "record time lead"]) -> tuple[str, ...] | None:
    """Which of the publisher's two orders the augmented leads are in, by Goldberger's identities.

    Arguments:
        tracings: Some recordings in mV with I, II and III first; those of zeros alone do not count.

    Returns:
        The names of the fourth to the sixth lead, or None where neither order fits half of the recordings.
    """

    signals = [trimmed(tracing)[:6] for tracing in tracings if tracing.any()]
    errors = [[identity_error(signal, (*LIMB[:3], *order)) for order in AUGMENTED] for signal in signals]
    typical = np.median(errors, axis=0) if errors else np.array([np.inf])
    return AUGMENTED[int(typical.argmin())] if typical.min() <= _TOLERANCE_MV else None


def six(made: Simulated) -> pd.DataFrame:
    """Which of the six diagnoses simulated records have, one column a class, in the order of the table."""

    table = made.table().assign(dataset=made.card.name)
    found = labels.targets(table, CODE6, {made.card.name: made.annotated})
    return pd.DataFrame(found == 1, columns=list(CODE6.codes))
