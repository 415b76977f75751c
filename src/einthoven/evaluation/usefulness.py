"""Of what use synthetic ECGs are: to learn from them and answer for real ones, and the reverse.

A model that learnt from synthetic records, alone or beside real ones, answers for the same real test records as one
that learnt from the real records that the generator had learnt from; what is lost is their paired difference. Training
on synthetic and testing on real records asks whether what matters is in them (Esteban et al. 2017,
https://arxiv.org/abs/1706.02633). The reverse, a model of real records that answers for synthetic ones, asks whether
they look like what they were made to be; a generator that makes but one perfect ECG of each class does well there, and
in the former badly.
"""

__all__ = ["reverse", "useful"]

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from einthoven.evaluation._measure import columns_of, macro, measure
from einthoven.evaluation._trials import trials
from einthoven.evaluation.bootstrap import interval, resampled
from einthoven.evaluation.contrasts import gap
from einthoven.metrics.auprc import auprc
from einthoven.metrics.auroc import auroc

METRICS = ("balanced_accuracy", "auroc", "auprc", "accuracy")


def useful(
    decided: pd.DataFrame,
    pairs: Sequence[tuple[str, str]],
    *,
    label_sets: Mapping[str, Sequence[str]],
    resamples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """What models are worth on real test records, and how far they are from another one.

    Balanced accuracy is that of the decisions by the thresholds of validation. Plain accuracy is that of probabilities
    above one half, as published; where a group is rare it is high for a model that never finds it.

    Arguments:
        decided: Test rows as `decide` gives them.
        pairs: Models, each beside the one that learnt from real records; a model may stand beside itself.
        label_sets: The classes of each label set.
        resamples: How many times the patients are drawn.
        level: Of the intervals.
        seed: Of the draws.

    Returns:
        One row a label set, metric, model and class (`macro` last): value, low, high, and from the model `against` the
        paired difference, difference_low, difference_high, p, detectable; NaN where it stands beside itself. Then
        positives, records, patients, seeds, seed_sd.

    Raises:
        ValueError: If there is nothing of a model.
    """

    columns = columns_of(METRICS) | {"accuracy": "likely"}
    table = trials(decided.assign(likely=decided["probability"] > 0.5), tuple(set(columns.values())))
    if missing := sorted({name for pair in pairs for name in pair} - set(table.seeds)):
        raise ValueError(f"there are no answers of {', '.join(missing)}; there are of {', '.join(table.seeds)}")
    found = measure(table, resampled(table.cluster, resamples, seed), columns)
    rows = []
    for label_set, classes in label_sets.items():
        members = [table.classes.index(name) for name in classes if name in table.classes]
        for metric in METRICS:
            for model, against in pairs:
                ours, theirs = found[metric, model], found[metric, against]
                keys = {"label_set": label_set, "metric": metric, "model": model, "against": against}
                counted = macro(theirs.mean(axis=0), members)[1]
                for name, chosen in [*((table.classes[place], [place]) for place in members), ("macro", counted)]:
                    mine, real = (np.stack([macro(one, chosen)[0] for one in side]) for side in (ours, theirs))
                    row = _row(mine, real, model == against, level)
                    rows.append({**keys, "class": name, **row, **table.counts(chosen)})
    return pd.DataFrame(rows)


def _row(ours: np.ndarray, theirs: np.ndarray, same: bool, level: float) -> dict[str, Any]:
    """A value and its distance from another; both are `seed resample`."""
    mean = ours.mean(axis=0)
    span = interval(mean[1:], level)
    row: dict[str, Any] = {"value": float(mean[0]), "low": span.low, "high": span.high}
    apart = gap(np.full_like(mean, np.nan) if same else mean - theirs.mean(axis=0), level)
    row |= {"difference": apart["difference"], "difference_low": apart["low"], "difference_high": apart["high"]}
    row |= {"p": apart["p"], "detectable": apart["detectable"], "seeds": len(ours)}
    return row | {"seed_sd": float(ours[:, 0].std(ddof=1)) if len(ours) > 1 else float("nan")}


def reverse(
    answers: pd.DataFrame,
    *,
    label_sets: Mapping[str, Sequence[str]],
    resamples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """How well models of real records find in synthetic ones what these were made to be.

    Arguments:
        answers: One row a synthetic record and class: model, seed, fold, made_by, record, class, truth, probability.
        label_sets: The classes of each label set.
        resamples: How many times the records are drawn.
        level: Of the intervals, which are over the records of a cell, the mean of all cells.
        seed: Of the draws.

    Returns:
        One row a label set, model, made_by and metric (macro AUROC and AUPRC): value, low, high, records (of a cell),
        cells.
    """

    rows = []
    for label_set, classes in label_sets.items():
        asked = answers[answers["class"].isin(classes)]
        for (model, made_by), mine in asked.groupby(["model", "made_by"], sort=False):
            cells = [cell for _, cell in mine.groupby(["seed", "fold"])]
            sizes = [cell["record"].nunique() for cell in cells]
            weights = [resampled(np.arange(size), resamples, seed + place) for place, size in enumerate(sizes)]
            for name, metric in (("auroc", auroc), ("auprc", auprc)):
                each = [_macro(metric, cell, classes, drawn) for cell, drawn in zip(cells, weights, strict=True)]
                mean = np.mean(each, axis=0)
                span = interval(mean[1:], level)
                keys = {"label_set": label_set, "model": model, "made_by": made_by, "metric": name}
                value = {"value": float(mean[0]), "low": span.low, "high": span.high}
                rows.append({**keys, **value, "records": sizes[0], "cells": len(cells)})
    return pd.DataFrame(rows)


def _macro(metric: Any, cell: pd.DataFrame, classes: Sequence[str], weights: np.ndarray) -> np.ndarray:
    """The mean over classes in each resample."""
    wide = cell.pivot(index="record", columns="class", values=["truth", "probability"])
    values = [
        metric(wide["truth", name].to_numpy(np.float64), wide["probability", name].to_numpy(np.float64), weights)
        for name in classes
        if ("truth", name) in wide
    ]
    return macro(np.stack(values), range(len(values)))[0]
