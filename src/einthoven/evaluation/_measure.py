"""Metrics of every model, seed and class on every resample, and their mean over the classes.

Each fold of a cross-fitting has a network of its own, with a scale of its own. To rank the answers of all folds
together punishes every model for that: the prevalence of the training records, the same for all records of a fold, is
low where the test fold has many positives, so its AUROC falls below one half (to .43 on 2285 real ECGs). A metric of
pairs is therefore measured within each fold, and the folds are averaged with a weight of their positives: every
positive is compared with the negatives of its own fold, and counts once. Other metrics need one threshold or one scale
for all records; they pool the probabilities as they are, which is a little hard on every model alike. (The mean of the
folds' average precision would be kinder than the truth in resamples, where few positives are drawn again and again.)
"""

__all__ = ["columns_of", "macro", "mean_defined", "measure", "shared"]

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float

from einthoven import registry
from einthoven.evaluation._trials import Trials
from einthoven.metrics import Metric

_READS = {"score": "probability", "probability": "calibrated", "decision": "decision"}


def columns_of(metrics: Sequence[str]) -> dict[str, str]:
    """The column of the decided table that each metric reads."""

    return {name: _READS[registry.get("metrics", name).needs] for name in metrics}


def measure(
    trials: Trials, weights: Float[np.ndarray, "record resample"], columns: Mapping[str, str]
) -> dict[tuple[str, str], Float[np.ndarray, "seed class resample"]]:
    """The values of each metric and model.

    Arguments:
        trials: What was asked and answered.
        weights: The resamples.
        columns: For each metric the column that it reads.
    """

    metrics = {name: registry.get("metrics", name) for name in columns}
    size = len(trials.classes), weights.shape[1]
    values = {(name, m): np.full((len(s), *size), np.nan) for name in columns for m, s in trials.seeds.items()}
    known = ~np.isnan(trials.truth)
    for label in range(len(trials.classes)):
        rows, part = None, weights
        for model, seeds in trials.seeds.items():
            for place, seed in enumerate(seeds):
                asked = known[:, label] & trials.asked(model, seed)[:, label]
                if rows is None or not np.array_equal(asked, rows):
                    rows, part = asked, weights if asked.all() else weights[asked]
                for name, metric in metrics.items():
                    answer = trials.answers[columns[name], model, seed][rows, label]
                    fold = trials.answers["fold", model, seed][rows, label] if metric.pairwise else None
                    values[name, model][place, label] = _by_fold(metric, trials.truth[rows, label], answer, part, fold)
    return values


def _by_fold(
    metric: Metric,
    truth: Float[np.ndarray, " record"],
    answer: Float[np.ndarray, " record"],
    weights: Float[np.ndarray, "record resample"],
    fold: Float[np.ndarray, " record"] | None,
) -> Float[np.ndarray, " resample"]:
    """The metric, within each fold where folds are given and there are several."""

    parts = [] if fold is None else [fold == number for number in np.unique(fold)]
    if len(parts) < 2:
        return np.asarray(metric(truth, answer, weights))
    total, mass = np.zeros(weights.shape[1]), np.zeros(weights.shape[1])
    for rows in parts:
        value = metric(truth[rows], answer[rows], weights[rows])
        positives = np.where(np.isnan(value), 0.0, (truth[rows] == 1) @ weights[rows])
        total, mass = total + np.nan_to_num(value) * positives, mass + positives
    return np.divide(total, mass, out=np.full_like(mass, np.nan), where=mass > 0)


def macro(
    values: Float[np.ndarray, "class resample"], members: Sequence[int]
) -> tuple[Float[np.ndarray, " resample"], list[int]]:
    """The mean over the classes whose value is defined, and which they are.

    A class without a value in the sample itself (the first column) is left out of every resample; one that only a
    resample leaves without positives or negatives is left out of that resample.
    """

    defined = [label for label in members if not np.isnan(values[label, 0])]
    return mean_defined(values[defined]), defined


def shared(
    first: Float[np.ndarray, "class resample"], second: Float[np.ndarray, "class resample"], members: Sequence[int]
) -> list[int]:
    """The classes whose value is defined in both samples themselves."""

    return [label for label in members if not np.isnan(first[label, 0] + second[label, 0])]


def mean_defined(values: Float[np.ndarray, "row column"]) -> Float[np.ndarray, " column"]:
    """The mean of what is not NaN in each column; NaN where nothing is."""

    count, mean = (~np.isnan(values)).sum(axis=0), np.full(values.shape[1], np.nan)
    np.divide(np.nansum(values, axis=0), count, out=mean, where=count > 0)
    return mean
