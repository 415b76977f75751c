"""One number that takes back overconfidence.

The logits of a cell are divided by a temperature T, fitted by the log loss on its validation rows, all classes
together (Guo et al. 2017, with one sigmoid a class in place of the softmax). One parameter cannot overfit a small
validation part, and it keeps the order of the answers, so that rankings and thresholds stay what they were; a
class that is wrong by a constant it cannot mend.
"""

__all__ = ["fit_temperature", "tempered"]

import numpy as np
from jaxtyping import Bool, Float, Real
from scipy.optimize import minimize_scalar
from scipy.special import expit

LOWEST, HIGHEST = 0.1, 10.0
# A float32 probability next to 1 says no more than this; next to 0 it could, but then one wrong answer of exactly
# 0 would outweigh all others.
INSIDE = 2.0**-25, 1 - 2.0**-25


def tempered(
    probability: Real[np.ndarray, " record"], temperature: float | Real[np.ndarray, " record"]
) -> Float[np.ndarray, " record"]:
    """The probability whose logit is the given one's divided by the temperature: p = σ(logit(p₀) / T).

    Arguments:
        probability: From 0 to 1.
        temperature: Above 1 makes the answers more modest, below 1 bolder.
    """

    softened: np.ndarray = expit(_logit(probability) / temperature)
    return softened


def fit_temperature(truth: Bool[np.ndarray, " record"], probability: Real[np.ndarray, " record"]) -> float:
    """The temperature from 0.1 to 10 with the lowest log loss; 1 where there are no rows, or no lower loss.

    The loss is convex in 1/T, so a bounded search finds its only minimum. A model that is right about every row
    would be made ever bolder: there the bound answers.
    """

    margin = np.where(truth, 1.0, -1.0) * _logit(probability)

    def loss(inverse: float) -> float:
        return float(np.logaddexp(0.0, -inverse * margin).mean())

    if not len(margin):
        return 1.0
    found = minimize_scalar(loss, bounds=(1 / HIGHEST, 1 / LOWEST), method="bounded", options={"xatol": 1e-6})
    return float(1 / found.x) if loss(found.x) < loss(1.0) else 1.0


def _logit(probability: Real[np.ndarray, " record"]) -> Float[np.ndarray, " record"]:
    inside = np.clip(probability.astype(np.float64), *INSIDE)
    return np.log(inside) - np.log1p(-inside)
