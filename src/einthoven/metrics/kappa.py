"""Cohen's kappa: the agreement beyond what two would reach by chance (Cohen 1960).

Truth and answer have the same part in it, so it is also how well two readers agree. Chance is what two would reach who
say yes as often as these do, so kappa depends on how common the class is.
"""

__all__ = ["kappa"]

import numpy as np
from jaxtyping import Bool, Float, Shaped

from einthoven.metrics import metric
from einthoven.metrics._confusion import confusion
from einthoven.metrics._ratio import ratio


@metric(needs="decision", higher_is_better=True)
def kappa(
    truth: Bool[np.ndarray, " record"],
    decision: Shaped[np.ndarray, " record"],
    weights: Float[np.ndarray, "record resample"],
) -> Float[np.ndarray, " resample"]:
    """(agreement − chance) / (1 − chance), both times the square of the records; NaN where all say one and the same."""

    hit, false_alarm, missed, rejected = confusion(truth, decision, weights)
    beyond = 2 * (hit * rejected - false_alarm * missed)
    return ratio(beyond, (hit + missed) * (missed + rejected) + (hit + false_alarm) * (false_alarm + rejected))
