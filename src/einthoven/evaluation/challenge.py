"""The score of the PhysioNet/CinC challenges of 2020 and 2021.

Perez Alday et al. 2020, https://doi.org/10.1088/1361-6579/abc960. A record whose truth is the set T and whose answer
is the set D has, for each pair of a class of T and one of D, an entry of 1 / |T ∪ D| in a confusion matrix, and every
entry is credited with the weight of its two classes: a diagnosis that is treated alike is nearly right. The sum over
the records is then stretched so that the truth has 1, and the answer "sinus rhythm" to every record 0. It may be
negative.

A label that nobody gave counts as absent here, as it does in the challenge. A class of which hardly any record is
positive can only cost, by false alarms; so there is a second score over the classes with enough positives, as though
there were no others.
"""

__all__ = ["challenge", "challenge_score"]

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Num

from einthoven import labels
from einthoven.evaluation._trials import trials
from einthoven.evaluation.bootstrap import interval, resampled
from einthoven.labels._cinc import YEARS
from einthoven.labels._cinc import weights as worth_of

_COLUMNS = [
    *("label_set", "model", "over", "value", "low", "high", "classes", "without", "unknown", "records", "seeds"),
    "resamples",
]


def challenge_score(
    truth: Bool[np.ndarray, "record class"],
    decision: Bool[np.ndarray, "record class"],
    year: int,
    weights: Num[np.ndarray, "record resample"] | None = None,
) -> float | Float[np.ndarray, " resample"]:
    """The challenge score of these records.

    Arguments:
        truth: Which classes each record has, in the order of the vocabulary `cinc2020` or `cinc2021`.
        decision: Which classes it was given.
        year: 2020 or 2021.
        weights: How often each record counts in each resample; once by default.

    Returns:
        A number, or one a resample where `weights` are given. NaN where sinus rhythm is all that is true, so that
        the two ends of the scale are one (the challenge says 0 there).

    Raises:
        ValueError: If there is no score of that year, or the arrays do not fit together or with its classes.
    """

    worth, codes = worth_of(year), labels.get(f"cinc{year}").codes
    table = np.ones((len(truth), 1)) if weights is None else np.asarray(weights, dtype=np.float64)
    if truth.shape != decision.shape or truth.shape[1] != len(codes) or len(table) != len(truth):
        raise ValueError(
            f"the challenge score of {year} takes a truth and an answer to {len(codes)} classes and a row of weights a "
            f"record, not the shapes {truth.shape}, {decision.shape} and {table.shape}"
        )
    sinus = np.zeros_like(truth)
    sinus[:, codes.index("NSR")] = True
    given, most, least = (_credit(truth, answer, worth) for answer in (decision, truth, sinus))
    part, whole = (given - least) @ table, (most - least) @ table
    score = np.divide(part, whole, out=np.full_like(whole, np.nan), where=whole > 0)
    return float(score[0]) if weights is None else score


def _credit(
    truth: Bool[np.ndarray, "record class"],
    decision: Bool[np.ndarray, "record class"],
    worth: Float[np.ndarray, "class class"],
) -> Float[np.ndarray, " record"]:
    """What each record adds to the sum; nothing where neither truth nor answer names a class."""

    either = (truth | decision).sum(axis=1)
    return (truth @ worth * decision).sum(axis=1) / np.maximum(either, 1)


def challenge(
    decided: pd.DataFrame,
    *,
    label_sets: Mapping[str, Sequence[str]],
    resamples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
    minimum_positives: int = 10,
) -> pd.DataFrame:
    """The score of each model on each label set that is a challenge's.

    Arguments:
        decided: Test rows as `decide` gives them.
        label_sets: The classes of each label set.
        resamples: How many times the patients are drawn.
        level: Of the intervals.
        seed: Of the draws.
        minimum_positives: With fewer positives a class is left out of the score over `enough`.

    Returns:
        One row a label set, model and `over`, which is `all` classes or those with `enough` positives, where some have
        not: value (the mean over seeds), low, high, classes (how many), without (which are left out, with their
        positives), unknown (truths that nobody gave and that count as absent), records, seeds, resamples. No rows for
        other label sets.
    """

    years = {f"cinc{year}": year for year in YEARS}
    rows: list[dict[str, Any]] = []
    for name in [name for name in label_sets if name in years]:
        table = trials(decided[decided["class"].isin(list(label_sets[name]))], ("decision",))
        weights = resampled(table.cluster, resamples, seed)
        order = [table.classes.index(code) for code in label_sets[name]]
        truth = table.truth[:, order]
        positives = (truth > 0.5).sum(axis=0)
        enough = positives >= minimum_positives
        left = [f"{code} ({n})" for code, n in zip(label_sets[name], positives, strict=True) if n < minimum_positives]
        choices = [("all", np.ones_like(enough)), *([("enough", enough)] if left and enough.any() else [])]
        for (over, counted), (model, seeds) in itertools.product(choices, table.seeds.items()):
            said = [table.answers["decision", model, one][:, order] > 0.5 for one in seeds]
            each = [challenge_score((truth > 0.5) & counted, yes & counted, years[name], weights) for yes in said]
            scores = np.mean([np.asarray(one) for one in each], axis=0)
            span = interval(scores[1:], level)
            row = {"label_set": name, "model": model, "over": over, "value": float(scores[0]), "low": span.low}
            row |= {"high": span.high, "classes": int(counted.sum()), "without": ", ".join(left * (over != "all"))}
            row |= {"unknown": int(np.isnan(truth[:, counted]).sum()), "records": len(truth), "seeds": len(seeds)}
            rows.append({**row, "resamples": resamples})
    return pd.DataFrame(rows, columns=_COLUMNS)
