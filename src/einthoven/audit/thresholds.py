"""Thresholds that were chosen on the test records.

A threshold that has the highest F1 of all on the test records was probably looked for there, and the figures are too
good. One that was fitted on validation records has its highest F1 on those, and on the test records by luck alone; one
that is best in both places says nothing. Luck is common where a class is easy or rare: of honest thresholds for
simulated classes with three to ten positives, up to 42 in 100 were within one record of the best of the test, and up to
21 in 100 if they must not be the best of other, validation records as well. So luck is taken to be one half and one
quarter. A model is judged over all its classes, and suspected if most of its thresholds are the best of the test.
"""

__all__ = ["thresholds"]

from collections.abc import Iterator

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float
from scipy.stats import binom

from einthoven.audit import Finding, Subject, Verdict
from einthoven.evaluation.thresholds import best_threshold
from einthoven.evaluation.tuning import looks_tuned
from einthoven.metrics.f1 import f1

FEWEST = 3  # positives and negatives, for a threshold to be judged
_LUCK = {True: 0.25, False: 0.5}  # the chance of an honest threshold, with validation rows and without
_SURE = 0.1  # suspicion is a leak if luck would do as much with this probability at most
_KEYS = ["model", "seed", "fold", "class"]


def thresholds(subject: Subject) -> Verdict:
    """Models most of whose thresholds are the best of the test records, within one record, and not of the validation's.

    Arguments:
        subject: Its `thresholds` and `predictions` are read; the answer is yes from the threshold upwards.
    """

    if subject.predictions is None or subject.thresholds is None:
        missing = "predictions" if subject.predictions is None else "thresholds"
        return Verdict("thresholds", f"no {missing} were given", asked=False)
    table = pd.DataFrame(
        _rows(subject.predictions, subject.thresholds), columns=[*_KEYS, "test", "validation", "f1_best"]
    )
    judged = table[~((table["test"] == 1) & (table["validation"] == 1))].assign(optimum=lambda rows: rows["test"] == 1)
    looked = f"{len(table)} of {len(subject.thresholds)} thresholds, by F1: those with at least {FEWEST} positives and "
    looked += "negatives in the test part"
    looked += (
        f"; {len(table) - len(judged)} are the best of test and validation alike" if len(judged) < len(table) else ""
    )
    if judged.empty:
        sentence = "No threshold tells where it was chosen: their classes are too rare, or too easy."
        return Verdict("thresholds", looked, (Finding("could not look", sentence, len(subject.thresholds)),))
    return Verdict("thresholds", looked, tuple(_findings(judged)))


def _rows(predictions: pd.DataFrame, thresholds: pd.DataFrame) -> Iterator[tuple[object, ...]]:
    """For each threshold whether it is the best of the test, and of the validation (or NaN), and the best F1."""

    known = predictions[predictions["truth"].notna()]
    cells = {part: dict(iter(rows.groupby(_KEYS))) for part, rows in known.groupby("part")}
    for row in thresholds[[*_KEYS, "threshold"]].itertuples(index=False):
        key, threshold = tuple(row[:4]), float(row[4])
        test = cells.get("test", {}).get(key)
        if test is None or _fewest(test) < FEWEST:
            continue
        validation = cells.get("validation", {}).get(key)
        other = np.nan if validation is None or not _fewest(validation) else _is_best(*_arrays(validation), threshold)
        yield (*key, _is_best(*_arrays(test), threshold), other, best_threshold(*_arrays(test))[1])


def _arrays(rows: pd.DataFrame) -> tuple[Bool[np.ndarray, " record"], Float[np.ndarray, " record"]]:
    return rows["truth"].to_numpy(dtype=np.float64) > 0.5, rows["probability"].to_numpy(dtype=np.float64)


def _fewest(rows: pd.DataFrame) -> int:
    positives = int((rows["truth"] == 1).sum())
    return min(positives, len(rows) - positives)


def _is_best(truth: Bool[np.ndarray, " record"], probability: Float[np.ndarray, " record"], threshold: float) -> float:
    """1 if the answers have the highest F1 that a threshold reaches, or would with one answer changed, else 0."""

    answer = probability >= threshold
    fewer = probability > probability[answer].min(initial=np.inf)
    more = probability >= probability[~answer].max(initial=-np.inf)
    best = best_threshold(truth, probability)[1]
    near = [other for other in (answer, fewer, more) if (other != answer).sum() <= 1]
    return float(any(np.isclose(f1(truth, other), best) for other in near))


def _findings(judged: pd.DataFrame) -> Iterator[Finding]:
    """The models that are suspected."""

    for model, rows in judged.groupby("model", sort=False):
        if not looks_tuned(rows):
            continue
        tuned, validated = rows[rows["optimum"]], bool(rows["validation"].notna().all())
        luck = float(binom.sf(len(tuned) - 1, len(rows), _LUCK[validated]))
        sentence = (
            f"{len(tuned)} of {len(rows)} thresholds of {model} have, within one record, the highest F1 that any "
        )
        sentence += "has on the test records"
        sentence += (
            ", and not on the validation records" if validated else " (there are no validation records to compare)"
        )
        sentence += ": they look chosen on the test. Choose them on validation records."
        sentence += "" if luck <= _SURE else f" So few may be luck, with a probability of up to {luck:.2g}."
        named = ", ".join(map(str, tuned["class"].drop_duplicates().head(3)))
        yield Finding("leak" if luck <= _SURE else "warning", sentence, len(tuned), (f"{model}: {named}",))
