"""What is left open when the model may say that it does not know.

A probability in the grey zone below the threshold is answered neither with yes nor with no (see `thresholds`). Three
shares say what that is worth on test records: how many are left open, how many positives are answered no all the same,
and how many negatives yes.
"""

__all__ = ["abstention"]

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float

from einthoven.evaluation._measure import mean_defined
from einthoven.evaluation._trials import Trials, trials
from einthoven.evaluation.bootstrap import interval, resampled
from einthoven.metrics import Metric
from einthoven.metrics.sensitivity import sensitivity
from einthoven.metrics.specificity import specificity

SHARES = ("uncertain", "missed", "false_alarm")


def abstention(
    decided: pd.DataFrame,
    *,
    label_sets: Mapping[str, Sequence[str]],
    resamples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """The three shares of each model and class.

    Arguments:
        decided: Test rows as `decide` gives them.
        label_sets: The classes of each label set.
        resamples: How many times the patients are drawn.
        level: Of the intervals.
        seed: Of the draws.

    Returns:
        One row a label set, model and class: uncertain (of the records whose truth is known), missed (of the
        positives, answered no) and false_alarm (of the negatives, answered yes), means over seeds, each with `_low`
        and `_high`; positives, resamples.
    """

    table = trials(decided, ("decision", "uncertain"))
    weights = resampled(table.cluster, resamples, seed)
    rows = []
    for label_set, classes in label_sets.items():
        for model in sorted(table.seeds):
            for name in (name for name in classes if name in table.classes):
                label = table.classes.index(name)
                by_seed = [_shares(table, weights, label, model, one) for one in table.seeds[model]]
                row: dict[str, Any] = {"label_set": label_set, "model": model, "class": name}
                for share in SHARES:
                    values = mean_defined(np.stack([one[share] for one in by_seed]))
                    span = interval(values[1:], level)
                    row |= {share: float(values[0]), f"{share}_low": span.low, f"{share}_high": span.high}
                positives = int((table.truth[table.asked(model)[:, label], label] == 1).sum())
                rows.append({**row, "positives": positives, "resamples": resamples})
    ends = [f"{share}{end}" for share in SHARES for end in ("", "_low", "_high")]
    return pd.DataFrame(rows, columns=["label_set", "model", "class", *ends, "positives", "resamples"])


def _shares(
    table: Trials, weights: Float[np.ndarray, "record resample"], label: int, model: str, seed: int
) -> dict[str, Float[np.ndarray, " resample"]]:
    known = ~np.isnan(table.truth[:, label]) & table.asked(model, seed)[:, label]
    truth, part = table.truth[known, label], weights[known]
    yes, open_ = (table.answers[name, model, seed][known, label] > 0.5 for name in ("decision", "uncertain"))
    everyone = np.ones(len(truth))
    return {
        "uncertain": _share(sensitivity, everyone, open_, part),
        "missed": 1 - _share(sensitivity, truth, yes | open_, part),
        "false_alarm": 1 - _share(specificity, truth, yes, part),
    }


def _share(
    metric: Metric,
    truth: Float[np.ndarray, " record"],
    answer: Bool[np.ndarray, " record"],
    weights: Float[np.ndarray, "record resample"],
) -> Float[np.ndarray, " resample"]:
    return np.asarray(metric(truth, answer, weights))
