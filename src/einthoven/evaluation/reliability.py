"""The reliability curve: whether, of those given a probability of 30 %, 30 % have it.

All answers of a label set (record, class and seed) are put into bins of equal count, equal probabilities
together. Each bin compares the mean probability with the share of positives, with an interval over patients.
"""

__all__ = ["reliability"]

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd
from jaxtyping import Float
from scipy.sparse import csr_array

from einthoven.evaluation._trials import Trials, trials
from einthoven.evaluation.bootstrap import interval, resampled
from einthoven.evaluation.calibration import STAGES


def reliability(
    decided: pd.DataFrame,
    *,
    label_sets: Mapping[str, Sequence[str]],
    bins: int = 10,
    resamples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """The curve of each label set and model, before and after the temperature.

    Arguments:
        decided: Test rows as `decide` gives them.
        label_sets: The classes of each label set.
        bins: How many at most; fewer where many probabilities are equal.
        resamples: How many times the patients are drawn.
        level: Of the intervals.
        seed: Of the draws.

    Returns:
        One row a label set, model, stage and bin: predicted (mean probability), observed (share of positives),
        low and high (of observed), count (answers in the bin), positives.
    """

    table = trials(decided, tuple(STAGES.values()))
    weights = resampled(table.cluster, resamples, seed)
    rows = []
    for label_set, classes in label_sets.items():
        members = [table.classes.index(name) for name in classes if name in table.classes]
        for model in sorted(table.seeds):
            for stage, column in STAGES.items():
                keys = {"label_set": label_set, "model": model, "stage": stage}
                rows += [{**keys, **point} for point in _curve(table, members, model, column, weights, bins, level)]
    first = ["label_set", "model", "stage", "bin", "predicted", "observed"]
    return pd.DataFrame(rows, columns=[*first, "low", "high", "count", "positives"])


def _curve(
    table: Trials,
    members: Sequence[int],
    model: str,
    column: str,
    weights: Float[np.ndarray, "record resample"],
    bins: int,
    level: float,
) -> Iterator[dict[str, object]]:
    """The points of one curve."""

    answers = np.stack([table.answers[column, model, seed][:, members] for seed in table.seeds[model]])
    truth = np.broadcast_to(table.truth[:, members], answers.shape)
    known = ~np.isnan(answers) & ~np.isnan(truth)
    if not known.any():
        return
    record = np.nonzero(known)[1]
    probability, positive = answers[known], truth[known]
    edges = np.unique(np.quantile(probability, np.arange(1, bins) / bins))
    _, place = np.unique(np.searchsorted(edges, probability, side="right"), return_inverse=True)
    shape = int(place.max()) + 1, len(weights)
    count, hits = (
        csr_array((part, (place, record)), shape=shape) @ weights for part in (np.ones(len(place)), positive)
    )
    observed = np.divide(hits, count, out=np.full(count.shape, np.nan), where=count > 0)
    predicted = np.bincount(place, weights=probability) / np.bincount(place)
    for spot in range(shape[0]):
        low, high, _ = interval(observed[spot, 1:], level)
        share = {
            "predicted": float(predicted[spot]),
            "observed": float(observed[spot, 0]),
            "low": low,
            "high": high,
        }
        yield {"bin": spot, **share, "count": int(count[spot, 0]), "positives": int(hits[spot, 0])}
