"""One file a score, which says how good answers are.

A metric is a formula with three facts beside it: what it reads (`needs`), whether more of it is better
(`higher_is_better`), and that it is *weighted*. A bootstrap resample is nothing but a vector of weights, the
number of times that each record was drawn; so one call with a matrix of weights gives the metric in a thousand
resamples, by the same lines that give its value:

    auroc(truth, score)                   a number
    auroc(truth, score, weights)          a number for `weights` of shape (records,)
    auroc(truth, score, weights)          resamples numbers for `weights` of shape (records, resamples)

What is undefined, such as the sensitivity where nobody is ill, is NaN: not an error, and never 0.
"""

__all__ = ["Metric", "metric"]

import dataclasses
from collections.abc import Callable
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Num, Shaped

Formula = Callable[
    [Bool[np.ndarray, " record"], Shaped[np.ndarray, " record"], Float[np.ndarray, "record resample"]],
    Float[np.ndarray, " resample"],
]
Needs = Literal["score", "probability", "decision"]
BLOCK = 2**25


@dataclasses.dataclass(frozen=True)
class Metric:
    """A score, callable as `metric(truth, answer, weights=None)`.

    Attributes:
        formula: The metric where everything is known: of the truth (bool), the answer and the weights, with one
            value a column of the weights.
        needs: What the answer is: `"score"` (any number that grows with the belief), `"probability"` (a number
            from 0 to 1) or `"decision"` (0 or 1).
        higher_is_better: Whether more of it is better.
        pairwise: Whether it is a share of pairs of a positive and a negative, which can be formed within parts.
    """

    formula: Formula
    needs: Needs
    higher_is_better: bool
    pairwise: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "__doc__", self.formula.__doc__)

    @property
    def name(self) -> str:
        """Its name, that of its file."""
        return getattr(self.formula, "__name__", "metric")

    def __call__(
        self,
        truth: Shaped[np.ndarray, " record"],
        answer: Shaped[np.ndarray, " record"],
        weights: Num[np.ndarray, "record ..."] | None = None,
    ) -> float | Float[np.ndarray, " resample"]:
        """The metric of these records.

        Arguments:
            truth: 1, 0 or NaN; what is unknown (NaN) is left out.
            answer: What the metric `needs`, one a record; a NaN that meets a known truth makes the result NaN.
            weights: How often each record counts, with shape `record` or `record resample`; once by default. Whole
                numbers as float32 are exact, and the fastest.

        Returns:
            A number, or one a resample where `weights` has two axes; NaN where the metric is undefined.

        Raises:
            ValueError: If the shapes do not fit together.
        """

        truth, answer = np.asarray(truth, dtype=np.float64), np.asarray(answer)
        table = _as_table(weights, len(truth))
        if truth.ndim != 1 or answer.shape != truth.shape or len(table) != len(truth):
            raise ValueError(
                f"{self.name} takes one truth, answer and weight a record, not the shapes "
                f"{truth.shape}, {answer.shape} and {table.shape}"
            )
        known = ~np.isnan(truth)
        if not known.all():
            truth, answer, table = truth[known], answer[known], table[known]
        if np.isnan(answer).any():
            values = np.full(table.shape[1], np.nan)
        else:
            # A few resamples at a time where there are many records, so that memory stays bounded.
            blocks = np.array_split(table, 1 + table.size // BLOCK, axis=1)
            values = np.concatenate([self.formula(truth > 0.5, answer, block) for block in blocks])
        return values if weights is not None and np.ndim(weights) == 2 else float(values[0])


def metric(needs: Needs, higher_is_better: bool, pairwise: bool = False) -> Callable[[Formula], Metric]:
    """Makes a `Metric` of the formula below it."""

    def wrap(formula: Formula) -> Metric:
        return Metric(formula, needs, higher_is_better, pairwise)

    return wrap


def _as_table(weights: Num[np.ndarray, "record ..."] | None, records: int) -> Float[np.ndarray, "record resample"]:
    table = np.ones(records) if weights is None else np.asarray(weights)
    if not np.issubdtype(table.dtype, np.floating):
        table = table.astype(np.float64)
    return table[:, None] if table.ndim == 1 else table
