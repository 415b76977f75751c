"""Readers and networks against a gold standard, as in Ribeiro et al. 2020 (Nature Communications 11:1760).

Every reader answers yes or no for the same records and classes. What comes of it are tables: how good each is, how far
they agree, whether one is right more often, and whether a network among them had its thresholds tuned on this test.
"""

__all__ = ["readers"]

from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd
from jaxtyping import Float

from einthoven.evaluation.agreement import agreement, comparisons
from einthoven.evaluation.bootstrap import clusters, interval, resampled
from einthoven.evaluation.curves import curves
from einthoven.evaluation.readings import Readings
from einthoven.evaluation.summary import summary
from einthoven.evaluation.tuning import tuning
from einthoven.metrics.auprc import auprc

METRICS = ("precision", "sensitivity", "specificity", "f1")
_SCORES = ("class", "metric", "value", "low", "high", "positives", "negatives", "unknown", "records", "patients")
_NETWORKS = ("network", "metric", "mean", "value", "low", "high")


def readers(readings: Readings, *, resamples: int = 1000, seed: int = 0) -> dict[str, pd.DataFrame]:
    """Every table of a reader study.

    Arguments:
        readings: The answers.
        resamples: How many times the patients are drawn for the intervals.
        seed: Of the draws.

    Returns:
        `scores` (a row a reader, class or macro mean, and metric, with its interval and counts), `agreement`,
        `comparisons`, `tuning` (the functions of these names say what their columns are), `networks` (average
        precision and AUROC of the probabilities) and `curves` (network, class, kind, x, y).

    Raises:
        ValueError: If `resamples` is negative.
    """

    if resamples < 0:
        raise ValueError(f"resamples is how often the patients are drawn, 0 or more, not {resamples}")
    label_sets = {"readers": readings.classes}
    weights = resampled(clusters(readings.patients), resamples, seed)
    ask = partial(summary, label_sets=label_sets, resamples=resamples, seed=seed)
    scores = ask(readings.long(readings.readers), metrics=METRICS)
    scores["model"] = pd.Categorical(scores["model"], list(readings.readers))
    scores = scores.sort_values("model", kind="stable").astype({"model": str}).rename(columns={"model": "reader"})
    return {
        "scores": scores[["reader", *_SCORES, "resamples", "usable", "note"]].reset_index(drop=True),
        "agreement": agreement(readings, weights),
        "comparisons": comparisons(readings),
        "tuning": tuning(readings),
        "networks": _networks(readings, weights, ask),
        "curves": _curves(readings, label_sets),
    }


def _networks(
    readings: Readings, weights: Float[np.ndarray, "record resample"], ask: Callable[..., pd.DataFrame]
) -> pd.DataFrame:
    """Average precision over all answers together (micro) and as the mean of the classes; AUROC as the latter."""

    if not readings.probabilities:
        return pd.DataFrame(columns=list(_NETWORKS))
    found = ask(readings.long(readings.probabilities), metrics=("auprc", "auroc"))
    means = found[found["class"] == "macro"].rename(columns={"model": "network", "class": "mean"})
    every = np.repeat(weights, len(readings.classes), axis=0)
    tables = []
    for network, probabilities in readings.probabilities.items():
        values = np.asarray(auprc(readings.gold.ravel(), probabilities.ravel(), every))
        span = interval(values[1:])
        keys = {"network": network, "metric": "auprc", "mean": "micro"}
        micro = {**keys, "value": values[0], "low": span.low, "high": span.high}
        tables += [pd.DataFrame([micro]), means.loc[means["network"] == network, list(_NETWORKS)]]
    return pd.concat(tables, ignore_index=True)


def _curves(readings: Readings, label_sets: dict[str, tuple[str, ...]]) -> pd.DataFrame:
    """ROC and precision–recall curves of the probabilities, with every corner: readers stand close to them."""

    columns = ["network", "class", "kind", "x", "y"]
    if not readings.probabilities:
        return pd.DataFrame(columns=columns)
    whole = 1 + len(readings.patients)
    found = curves(readings.long(readings.probabilities), label_sets=label_sets, points=whole)
    found = found.rename(columns={"model": "network"})[columns]
    inside = pd.Series(False, index=found.index)
    places = found.groupby(["network", "class", "kind"], sort=False)
    for axis in ("x", "y"):
        inside |= (places[axis].diff() == 0) & (places[axis].diff(-1) == 0)
    return found[~inside].reset_index(drop=True)
