"""The share of positives among the training records, whatever the ECG: the floor of every table."""

__all__ = ["Naive"]

import numpy as np
from jaxtyping import Float

from einthoven.models import Estimator, Shape


class Naive(Estimator):
    """The prevalence as everybody's probability; covariates have no effect.

    Arguments:
        shape: The form of input and output.
        seed: Has no effect.
    """

    def __init__(self, shape: Shape, *, seed: int) -> None:
        self._shape = shape

    def fit(
        self,
        x: Float[np.ndarray, "batch lead time"],
        y: Float[np.ndarray, "batch class"],
        covariates: Float[np.ndarray, "batch covariate"] | None = None,
    ) -> None:
        """Counts; unknown labels do not count, and a class of which nothing is known gets one half.

        Of classes that exclude each other a record counts for all or none, and where nothing is known they share alike.
        """
        nothing = 0.5
        if self._shape.exclusive:
            y, nothing = y[~np.isnan(y).any(axis=1)], 1 / self._shape.classes
        known = (~np.isnan(y)).sum(axis=0)
        self._prevalence = np.where(known > 0, np.nansum(y, axis=0) / np.maximum(known, 1), nothing)

    def predict(
        self, x: Float[np.ndarray, "batch lead time"], covariates: Float[np.ndarray, "batch covariate"] | None = None
    ) -> Float[np.ndarray, "batch class"]:
        """The same row for each recording."""
        return np.tile(self._prevalence, (len(x), 1)).astype(np.float32)
