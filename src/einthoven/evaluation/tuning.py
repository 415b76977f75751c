"""Whether a reader is a network with thresholds, and whether those look chosen on the very records of the test.

Yes-or-no answers follow from probabilities if in every class one threshold parts the yes from the no. If, besides,
that threshold has the highest F1 that any threshold reaches on these records, it was probably looked for on them, and
the reader's figures are too good. In one class that may be luck, or the class easy; hardly in most of them. By how much
they are too good is told by thresholds that are fitted on nine tenths of the patients and applied to the others.
"""

__all__ = ["looks_tuned", "tuning"]

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from einthoven.evaluation.bootstrap import clusters
from einthoven.evaluation.readings import Readings
from einthoven.evaluation.thresholds import best_threshold
from einthoven.metrics.f1 import f1

_FOLDS = 10
_COLUMNS = ("reader", "network", "class", "low", "high", "f1", "f1_best", "optimum", "f1_held_out")


def tuning(readings: Readings) -> pd.DataFrame:
    """The readers whose answers follow from a network.

    Returns:
        One row a reader, network and class, for each pair of which every class follows: low and high (any threshold
        above the one and up to the other gives the answers), f1, f1_best (the highest of any threshold on these
        records), optimum (whether they are the same), f1_held_out (with thresholds fitted on the other patients).
    """

    cluster = clusters(readings.patients)
    rows = []
    for reader, answers in readings.readers.items():
        for network, probabilities in readings.probabilities.items():
            if not _follows(answers, probabilities):
                continue
            for label, name in enumerate(readings.classes):
                truth, answer, probability = (each[:, label] for each in (readings.gold, answers, probabilities))
                given = ~np.isnan(answer) & ~np.isnan(truth)
                keys = {"reader": reader, "network": network, "class": name}
                rows.append({**keys, **_class(truth[given], answer[given], probability[given], cluster[given])})
    return pd.DataFrame(rows, columns=list(_COLUMNS))


def looks_tuned(of_pair: pd.DataFrame) -> bool:
    """Whether a pair's thresholds are the best of these records in most classes that have a best one."""
    judged = of_pair[of_pair["f1_best"].notna()]
    return bool(judged["optimum"].sum() > len(judged) / 2)


def _follows(answers: Float[np.ndarray, "record class"], probabilities: Float[np.ndarray, "record class"]) -> bool:
    """Whether a threshold gives the answers in every class; one with a yes and a no must be among them."""
    yes, no = answers == 1, answers == 0
    least = np.where(yes, probabilities, np.inf).min(axis=0)
    most = np.where(no, probabilities, -np.inf).max(axis=0)
    return bool((most < least).all() and (yes.any(axis=0) & no.any(axis=0)).any())


def _class(
    truth: Float[np.ndarray, " record"],
    answer: Float[np.ndarray, " record"],
    probability: Float[np.ndarray, " record"],
    cluster: Int[np.ndarray, " record"],
) -> dict[str, object]:
    """One class, on the records whose truth is known and for which there is an answer."""

    low, high = probability[answer == 0].max(initial=0.0), probability[answer == 1].min(initial=1.0)
    reached = f1(truth, answer)
    best = best_threshold(truth == 1, probability)[1] if truth.any() else float("nan")
    held_out = f1(truth, _held_out(truth == 1, probability, cluster))
    found = {"low": float(low), "high": float(high), "f1": reached, "f1_best": best}
    return {**found, "optimum": bool(np.isclose(reached, best)), "f1_held_out": held_out}


def _held_out(
    truth: Bool[np.ndarray, " record"], probability: Float[np.ndarray, " record"], cluster: Int[np.ndarray, " record"]
) -> Float[np.ndarray, " record"]:
    """Answers by thresholds that were fitted on the other patients; one half where none of them is positive."""

    answer = np.zeros(len(truth))
    for fold in range(_FOLDS):
        out = cluster % _FOLDS == fold
        rest = truth[~out]
        threshold = best_threshold(rest, probability[~out])[0] if rest.any() else 0.5
        answer[out] = probability[out] >= threshold
    return answer
