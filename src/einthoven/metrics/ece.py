"""Expected calibration error: how far the probabilities stand from the frequencies.

The probabilities are put into 15 bins of equal width, (0, 1/15] and so on, 0 in the first (Naeini et al. 2015,
Guo et al. 2017); the error is the distance between the mean probability and the share of positives in each bin,
averaged over the records. The bins do not depend on the data, so resamples use the same. Of a perfectly
calibrated model it is not quite 0: bins hold few records, and a resample has more of that error than the sample
itself, so a bootstrap interval of it reaches too high.
"""

__all__ = ["ece"]

import numpy as np
from jaxtyping import Bool, Float, Real
from scipy.sparse import csr_array

from einthoven.metrics import metric
from einthoven.metrics._ratio import ratio

BINS = 15


@metric(needs="probability", higher_is_better=False)
def ece(
    truth: Bool[np.ndarray, " record"],
    probability: Real[np.ndarray, " record"],
    weights: Float[np.ndarray, "record resample"],
) -> Float[np.ndarray, " resample"]:
    """Σ over bins |Σ probability − Σ truth| / records; NaN without records."""

    probability = probability.astype(np.float64)
    bins = np.clip(np.ceil(probability * BINS) - 1, 0, BINS - 1).astype(int)
    cells = bins, np.arange(len(truth))
    gaps = csr_array((probability - truth, cells), shape=(BINS, len(truth))) @ weights
    return ratio(np.abs(gaps).sum(axis=0), weights.sum(axis=0, dtype=np.float64))
