"""Area under the precision-recall curve, as average precision.

The precision at the rank of each positive, averaged over the positives, without interpolation; records with equal
scores enter together. Chance gives the prevalence, so values of classes or cohorts of different prevalence do not
compare (Davis and Goadrich 2006).
"""

__all__ = ["auprc"]

import numpy as np
from jaxtyping import Bool, Float, Real

from einthoven.metrics import metric
from einthoven.metrics._ranking import ranking
from einthoven.metrics._ratio import ratio


@metric(needs="score", higher_is_better=True)
def auprc(
    truth: Bool[np.ndarray, " record"],
    score: Real[np.ndarray, " record"],
    weights: Float[np.ndarray, "record resample"],
) -> Float[np.ndarray, " resample"]:
    """Σ positives · precision where they are found / all positives; NaN without positives or negatives."""

    positives, ahead, negatives = ranking(truth, score, weights, tied=1.0)
    found = np.cumsum(positives, axis=0)
    # Where nothing has been found there is nothing to weigh its precision with either: any divisor but 0 will do.
    precision = found / np.where(found > 0, found + ahead, 1.0)
    total = positives.sum(axis=0)
    return ratio(np.einsum("lr,lr->r", positives, precision), np.where(negatives > 0, total, 0.0))
