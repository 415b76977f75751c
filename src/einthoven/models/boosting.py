"""Gradient boosting on hand-made features: the baseline that a network has to beat.

One histogram boosting classifier of scikit-learn a class, on the features of `einthoven.signals.features`.
"""

__all__ = ["Boosting"]

import numpy as np
from jaxtyping import Float
from sklearn.ensemble import HistGradientBoostingClassifier

from einthoven.models import Estimator, Shape
from einthoven.signals.features import features


class Boosting(Estimator):
    """The classifiers.

    Arguments:
        shape: The form of input and output.
        seed: Of the share of features that each split may look at.
        rounds: Trees a class.
        rate: Learning rate.
        leaves: Of each tree at most.
        share: Of the features that each split may look at.
    """

    def __init__(
        self, shape: Shape, *, seed: int, rounds: int = 200, rate: float = 0.06, leaves: int = 8, share: float = 0.3
    ) -> None:
        self._shape = shape
        self._settings = {
            "max_iter": rounds,
            "learning_rate": rate,
            "max_leaf_nodes": leaves,
            "max_features": share,
            "min_samples_leaf": 10,
            "l2_regularization": 1.0,
            "early_stopping": False,
            "random_state": seed,
        }

    def _measure(self, x: np.ndarray) -> Float[np.ndarray, "batch feature"]:
        return np.stack([features(signal, self._shape.rate_hz) for signal in x])

    def fit(self, x: Float[np.ndarray, "batch lead time"], y: Float[np.ndarray, "batch class"]) -> None:
        """Fits each class on the records whose label is known; a class with one kind of label gets its share."""
        table = self._measure(x)
        self._models: list[HistGradientBoostingClassifier | float] = []
        for truth in y.T:
            known = ~np.isnan(truth)
            if len(np.unique(truth[known])) < 2:
                self._models.append(float(truth[known].mean()) if known.any() else 0.5)
                continue
            model = HistGradientBoostingClassifier(**self._settings)
            self._models.append(model.fit(table[known], truth[known].astype(int)))

    def predict(self, x: Float[np.ndarray, "batch lead time"]) -> Float[np.ndarray, "batch class"]:
        """One probability a class."""
        table = self._measure(x)
        columns = [np.full(len(x), m) if isinstance(m, float) else m.predict_proba(table)[:, 1] for m in self._models]
        return np.stack(columns, axis=1).astype(np.float32)
