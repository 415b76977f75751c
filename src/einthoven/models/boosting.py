"""Gradient boosting on hand-made features: the baseline that a network has to beat.

Histogram boosting classifiers of scikit-learn on the features of `einthoven.signals.features`, or on others: one
classifier a class, or one for all classes where these exclude each other.
"""

__all__ = ["Boosting"]

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from sklearn.ensemble import HistGradientBoostingClassifier

from einthoven import registry
from einthoven.models import Estimator, Shape
from einthoven.signals.features import features


class Boosting(Estimator):
    """The classifiers.

    Covariates are further columns, in which NaN is allowed: a split sends it to the side that does better.

    Arguments:
        shape: The form of input and output.
        seed: Of the share of features that each split may look at.
        measured: What is measured in a signal: the `name` of a function among the signals, with its other arguments if
            it has any, that makes `batch feature` of signals `batch lead time` and their rate in Hz, such as
            `{"name": "beat_shape", "peak_s": 0.3}`. By default the features of a 12-lead ECG.
        rounds: Trees a class.
        rate: Learning rate.
        leaves: Of each tree at most.
        share: Of the features that each split may look at.
        balance: How far rare classes count more: a record weighs the inverse frequency of its class (or, of a class on
            its own, of its label) to this power; 0 for not at all and 1 for classes that weigh the same.

    Raises:
        UnknownName: If there is no such function.
        ValueError: If it does not give one row of features a record.
    """

    def __init__(
        self,
        shape: Shape,
        *,
        seed: int,
        measured: str | Mapping[str, Any] = "features",
        rounds: int = 200,
        rate: float = 0.06,
        leaves: int = 8,
        share: float = 0.3,
        balance: float = 0.0,
    ) -> None:
        self._shape = shape
        self._measure = _measure(measured, shape)
        settings = {
            "max_iter": rounds,
            "learning_rate": rate,
            "max_leaf_nodes": leaves,
            "max_features": share,
            "min_samples_leaf": 10,
            "l2_regularization": 1.0,
            "early_stopping": False,
            "random_state": seed,
        }
        kinds = [shape.classes] if shape.exclusive else [2] * shape.classes
        self._classifiers = [_Classifier(count, balance, settings) for count in kinds]

    def fit(
        self,
        x: Float[np.ndarray, "batch lead time"],
        y: Float[np.ndarray, "batch class"],
        covariates: Float[np.ndarray, "batch covariate"] | None = None,
    ) -> None:
        """Fits each class on the records whose label is known; a class with one kind of label gets its share.

        Of classes that exclude each other, those that do not occur get 0.

        Raises:
            ValueError: If the covariates are not as many as the shape says, or a record is of several classes that
                exclude each other, or of none.
        """
        table = self._table(x, covariates)
        if self._shape.exclusive:
            known = ~np.isnan(y).any(axis=1)
            if (wrong := (y[known] != 0).sum(axis=1) != 1).any():
                raise ValueError(
                    f"{wrong.sum()} records are of several classes or of none, but the shape says that classes exclude "
                    "each other; leave these records out, or say exclusive=False"
                )
            self._classifiers[0].fit(table[known], y[known].argmax(axis=1))
            return
        for classifier, truth in zip(self._classifiers, y.T, strict=True):
            known = ~np.isnan(truth)
            classifier.fit(table[known], truth[known].astype(int))

    def predict(
        self, x: Float[np.ndarray, "batch lead time"], covariates: Float[np.ndarray, "batch covariate"] | None = None
    ) -> Float[np.ndarray, "batch class"]:
        """One probability a class; of classes that exclude each other, they add up to one.

        Raises:
            ValueError: If the covariates are not as many as the shape says.
        """
        table = self._table(x, covariates)
        found = [classifier.predict(table) for classifier in self._classifiers]
        p = found[0] if self._shape.exclusive else np.stack([kinds[:, 1] for kinds in found], axis=1)
        return p.astype(np.float32)

    def _table(self, x: np.ndarray, covariates: np.ndarray | None) -> Float[np.ndarray, "batch feature"]:
        there = 0 if covariates is None else covariates.shape[1]
        if there != self._shape.covariates:
            raise ValueError(f"this model takes {self._shape.covariates} covariates beside the signal, not {there}")
        found = self._measure(x, self._shape.rate_hz)
        return found if covariates is None else np.concatenate([found, covariates], axis=1)


class _Classifier:
    """One of several kinds, of which some may not occur in training.

    Arguments:
        count: How many kinds there are.
        balance: The power of the inverse frequency with which a record weighs.
        settings: Of scikit-learn's classifier.
    """

    def __init__(self, count: int, balance: float, settings: Mapping[str, Any]) -> None:
        self._count, self._balance, self._settings = count, balance, settings

    def fit(self, table: Float[np.ndarray, "batch feature"], kind: Int[np.ndarray, " batch"]) -> None:
        counts = np.bincount(kind, minlength=self._count)
        # Without two kinds there is nothing to tell apart: all of it goes to the one, or each gets the same.
        self._share = np.where(counts.any(), counts > 0, 1 / self._count)
        self._model = None
        self._told = ~np.isnan(table).all(axis=0)  # scikit-learn 1.9 fails at a column of which nothing is known
        if (counts > 0).sum() > 1:
            weight = (len(kind) / counts[kind]) ** self._balance if self._balance else None
            self._model = HistGradientBoostingClassifier(**self._settings).fit(table[:, self._told], kind, weight)

    def predict(self, table: Float[np.ndarray, "batch feature"]) -> Float[np.ndarray, "batch kind"]:
        p = np.tile(self._share, (len(table), 1)).astype(float)
        if self._model is not None:
            p[:, self._model.classes_] = self._model.predict_proba(table[:, self._told])
        return p


def _measure(
    wanted: str | Mapping[str, Any], shape: Shape
) -> Callable[[np.ndarray, float], Float[np.ndarray, "batch feature"]]:
    """The function of that name, with its arguments as JSON may have left them, tried on a flat line."""
    given = {"name": wanted} if isinstance(wanted, str) else wanted
    options = {key: tuple(value) if isinstance(value, list) else value for key, value in given.items()}
    name = str(options.pop("name"))
    measure = partial(registry.get("signals", name), **options)
    if measure.func is features:  # which sees one recording at a time
        return lambda x, rate_hz: np.stack([measure(signal, rate_hz) for signal in x])
    tried = measure(np.zeros((1, shape.leads, shape.samples), dtype=np.float32), shape.rate_hz)
    if tried.ndim != 2 or len(tried) != 1:
        raise ValueError(
            f"features have the axes batch feature, but with '{name}' signals 1 × {shape.leads} × {shape.samples} "
            f"became {' × '.join(map(str, tried.shape))}; measure something else"
        )
    return measure
