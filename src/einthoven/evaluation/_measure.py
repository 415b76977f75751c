"""Metrics of every model, seed and class on every resample, and their mean over the classes."""

__all__ = ["READS", "macro", "measure", "mean_defined"]

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float

from einthoven import registry
from einthoven.evaluation._trials import Trials

READS = {"score": "ranked", "probability": "calibrated", "decision": "decision"}


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
                    values[name, model][place, label] = metric(trials.truth[rows, label], answer, part)
    return values


def macro(
    values: Float[np.ndarray, "class resample"], members: Sequence[int]
) -> tuple[Float[np.ndarray, " resample"], list[int]]:
    """The mean over the classes whose value is defined, and which they are.

    A class without a value in the sample itself (the first column) is left out of every resample; one that only a
    resample leaves without positives or negatives is left out of that resample.
    """

    defined = [label for label in members if not np.isnan(values[label, 0])]
    return mean_defined(values[defined]), defined


def mean_defined(values: Float[np.ndarray, "row column"]) -> Float[np.ndarray, " column"]:
    """The mean of what is not NaN in each column; NaN where nothing is."""

    count, mean = (~np.isnan(values)).sum(axis=0), np.full(values.shape[1], np.nan)
    np.divide(np.nansum(values, axis=0), count, out=mean, where=count > 0)
    return mean
