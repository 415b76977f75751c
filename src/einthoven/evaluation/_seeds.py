"""Values of several trainings, and differences between such: their intervals over patients and seeds at once.

The variance is that of the mean over seeds when patients are drawn again, and that of the seeds' own values beside,
divided by their number; the interval is Student's, with as many degrees of freedom as both together have (Satterthwaite
1946). Of one seed it holds the patients alone.
"""

__all__ = ["DIFFERENCE", "Seeds", "difference", "value"]

from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.stats import t as student

_POWER = 0.8
DIFFERENCE = ("difference", "difference_low", "difference_high", "p", "detectable", "both")

Seeds = dict[int, Float[np.ndarray, " resample"]]


def value(of: Seeds, patients: int, level: float, most: float = 1.0) -> dict[str, Any]:
    """The mean over seeds.

    Arguments:
        of: Of each seed the value in the sample, and then in resamples of patients.
        patients: How many there are.
        level: Of the interval.
        most: The highest that a value can be; the lowest is 0.

    Returns:
        value, low, high, seeds and seed_sd, the deviation of their own values.
    """
    each = np.stack(list(of.values()))
    mean, (se, freedom) = float(each[:, 0].mean()), _spread(each, patients)
    reach = float(student.ppf((1 + level) / 2, freedom)) * se
    low, high = np.clip([mean - reach, mean + reach], 0.0, most)
    spread = float(each[:, 0].std(ddof=1)) if len(each) > 1 else float("nan")
    return {"value": mean, "low": float(low), "high": float(high), "seeds": len(each), "seed_sd": spread}


def difference(mine: Seeds, theirs: Seeds, patients: int, level: float) -> dict[str, Any]:
    """How far one is from the other, over the seeds that both have.

    Returns:
        The columns `DIFFERENCE`: p is two-sided; detectable is the difference that a true one must have to be found
        with a power of 0.8; both is the number of seeds; all NaN where that is 0.
    """
    both = sorted(mine.keys() & theirs.keys())
    if not both:
        return dict.fromkeys(DIFFERENCE, float("nan")) | {"both": 0}
    each = np.stack([mine[seed] - theirs[seed] for seed in both])
    mean, (se, freedom) = float(each[:, 0].mean()), _spread(each, patients)
    sure, likely = (float(student.ppf(share, freedom)) for share in ((1 + level) / 2, _POWER))
    p = float(2 * student.sf(abs(mean) / se, freedom)) if se > 0 else 1.0
    row = {"difference": mean, "difference_low": mean - sure * se, "difference_high": mean + sure * se}
    return row | {"p": p, "detectable": (sure + likely) * se, "both": len(both)}


def _spread(each: Float[np.ndarray, "seed resample"], patients: int) -> tuple[float, float]:
    """The standard error of the mean over seeds, and its degrees of freedom."""
    drawn = each.mean(axis=0)[1:]
    of_patients = float(np.nanvar(drawn, ddof=1)) if np.isfinite(drawn).sum() > 1 else float("nan")
    of_seeds = float(each[:, 0].var(ddof=1)) / len(each) if len(each) > 1 else 0.0
    total = of_patients + of_seeds
    inverse = of_patients**2 / max(1, patients - 1) + (of_seeds**2 / (len(each) - 1) if len(each) > 1 else 0.0)
    return float(np.sqrt(total)), total**2 / inverse if inverse > 0 else float(max(1, patients - 1))
