"""ROC and precision-recall curves, thinned for drawing."""

__all__ = ["curves"]

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int
from scipy.stats import rankdata

from einthoven.evaluation._trials import trials


def curves(predictions: pd.DataFrame, *, label_sets: Mapping[str, Sequence[str]], points: int = 200) -> pd.DataFrame:
    """The curves of every class and model.

    They are those of each model's first seed, since a mean of curves belongs to no model that anybody could use;
    the spread over seeds is in the summary. Several folds are drawn as one, by the place of an
    answer among those of its fold; the figures of the summary compare within folds and may differ a little.

    Arguments:
        predictions: The predictions table; its test rows are drawn.
        label_sets: The classes of each label set.
        points: How many a curve has at most, chosen evenly along its length, the first and last included.

    Returns:
        Rows in drawing order: label_set, class, model, kind (`roc` with x = 1 − specificity and y = sensitivity,
        or `pr` with x = sensitivity and y = precision), x, y. A class without positives or negatives has no curve.
    """

    table = trials(predictions)
    frames = []
    for label_set, classes in label_sets.items():
        for name in (name for name in classes if name in table.classes):
            label = table.classes.index(name)
            for model in sorted(table.seeds):
                answer, fold = (
                    table.answers[k, model, table.seeds[model][0]][:, label] for k in ("probability", "fold")
                )
                rows = ~np.isnan(answer) & ~np.isnan(table.truth[:, label])
                score = _placed(answer[rows], fold[rows])
                for kind, (x, y) in _curves(table.truth[rows, label] > 0.5, score).items():
                    kept = _thinned(x, y, points)
                    keys = {"label_set": label_set, "class": name, "model": model, "kind": kind}
                    frames.append(pd.DataFrame({**keys, "x": x[kept], "y": y[kept]}))
    columns = ["label_set", "class", "model", "kind", "x", "y"]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=columns)


def _placed(answer: Float[np.ndarray, " record"], fold: Float[np.ndarray, " record"]) -> Float[np.ndarray, " record"]:
    """The share of its fold that an answer reaches, ties at their middle."""

    place = np.empty(len(answer))
    for number in np.unique(fold):
        rows = fold == number
        place[rows] = (rankdata(answer[rows]) - 0.5) / rows.sum()
    return place


def _curves(
    truth: Bool[np.ndarray, " record"], score: Float[np.ndarray, " record"]
) -> dict[str, tuple[Float[np.ndarray, " point"], Float[np.ndarray, " point"]]]:
    """Every point of both curves, from the strictest threshold to the laxest."""

    if truth.all() or not truth.any():
        return {}
    _, level = np.unique(score, return_inverse=True)
    hits = np.bincount(level, weights=truth)[::-1].cumsum()
    alarms = np.bincount(level)[::-1].cumsum()
    sensitivity, precision = hits / truth.sum(), hits / alarms
    noise = (alarms - hits) / (~truth).sum()
    roc = np.concatenate([[0.0], noise]), np.concatenate([[0.0], sensitivity])
    return {"roc": roc, "pr": (np.concatenate([[0.0], sensitivity]), np.concatenate([precision[:1], precision]))}


def _thinned(x: Float[np.ndarray, " point"], y: Float[np.ndarray, " point"], points: int) -> Int[np.ndarray, " kept"]:
    """Which points to keep."""

    if len(x) <= points:
        return np.arange(len(x))
    along = np.concatenate([[0.0], np.cumsum(np.abs(np.diff(x)) + np.abs(np.diff(y)))])
    kept = np.searchsorted(along, np.linspace(0.0, along[-1], points - 1))
    return np.unique(np.concatenate([kept, [len(x) - 1]]))
