"""McNemar's test: whether two who answered for the same records are right equally often (McNemar 1947).

Records on which both are right, or both wrong, say nothing; of the others each is a toss that either may win. The
square of the difference over the sum follows χ² with one degree of freedom where there are many of them. With few
(below 25, as most textbooks have it) it does not, and only the exact, binomial test counts. Ribeiro et al. 2020
quote the former, without continuity correction, for as few as three records; here the two stand side by side.
"""

__all__ = ["FEW", "McNemar", "mcnemar"]

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool
from scipy.stats import binomtest, chi2

FEW = 25  # records that tell the two apart, below which χ² is not to be trusted


class McNemar(NamedTuple):
    """The test's result.

    Attributes:
        only_first: On how many records the first alone is right.
        only_second: On how many the second alone is.
        statistic: (only_first − only_second)² / (only_first + only_second); 0 where both are 0.
        p: Of χ² with one degree of freedom, two-sided, uncorrected.
        p_exact: Of the binomial test of a fair coin, two-sided.
    """

    only_first: int
    only_second: int
    statistic: float
    p: float
    p_exact: float


def mcnemar(first_right: Bool[np.ndarray, " record"], second_right: Bool[np.ndarray, " record"]) -> McNemar:
    """Tests whether two are right equally often; where they never differ nothing is found, and p is 1.

    Arguments:
        first_right: Whether the first is right, for each record.
        second_right: Whether the second is, for the same records.
    """

    first, second = int((first_right & ~second_right).sum()), int((second_right & ~first_right).sum())
    if not first + second:
        return McNemar(0, 0, 0.0, 1.0, 1.0)
    statistic = (first - second) ** 2 / (first + second)
    exact = binomtest(first, first + second).pvalue
    return McNemar(first, second, statistic, float(chi2.sf(statistic, df=1)), float(exact))
