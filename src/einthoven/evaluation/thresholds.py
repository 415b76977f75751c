"""Where each class turns from no to yes, fitted on validation rows alone.

The threshold of a class is the one with the highest F1 on the validation rows of its own cell (model, seed and
fold): halfway between two neighbouring probabilities, and of several equally good ones the most sensitive. Where
the cell's validation part has too few positives, the validation rows of the same model and seed in other folds
are added, except those of records that this cell is tested on (the networks of those folds may have been trained on
them, though); and where there is no positive at all the threshold is one half. Either is flagged as a fallback.

Below the threshold lies a grey zone (Coste and Pouchot 2003), in which a careful model does not say no. It ends at
the rule-out point: the k-th smallest probability of the n positives with k = ⌊α (n + 1)⌋, below which another positive
of the same kind falls with a chance of k / (n + 1) at most, whatever the distribution (split conformal prediction; Vovk
et al. 2005). Where n is too small for that α, the smallest is taken, and the chance is 1 / (n + 1).
"""

__all__ = ["best_threshold", "rule_out_point", "thresholds"]

from collections.abc import Iterator

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Real

from einthoven.evaluation._trials import checked
from einthoven.evaluation.temperature import fit_temperature

MISSED = 0.05  # the share of positives that may lie below the rule-out point


def thresholds(predictions: pd.DataFrame, *, minimum_positives: int = 5) -> pd.DataFrame:
    """The threshold of every cell and class, and the temperature of every cell.

    Arguments:
        predictions: The predictions table. Of test rows nothing is read but which record, cell and class they are
            of. Where it has a column `stands_for`, a validation row counts so often: one of a positive of which others
            were taken away, so that the share of positives is again what it was.
        minimum_positives: With fewer in the validation part, other folds help out.

    Returns:
        One row a model, seed, fold and class: threshold (on the raw probability), f1, positives and negatives (of
        the rows that it was fitted on), fallback, temperature (the same for all classes of a cell), rule_out (on the
        raw probability; not above the threshold), missed (the chance that a positive lies below it), note.

    Raises:
        ValueError: If the predictions are not such a table.
    """

    table = checked(predictions)
    columns = ["model", "seed", "fold", "class", "threshold", "f1", "positives", "negatives"]
    rows = [row for _, run in table.groupby(["model", "seed"]) for row in _of_run(run, minimum_positives)]
    return pd.DataFrame(rows, columns=[*columns, "fallback", "temperature", "rule_out", "missed", "note"])


def best_threshold(
    truth: Bool[np.ndarray, " record"],
    probability: Real[np.ndarray, " record"],
    weight: Float[np.ndarray, " record"] | None = None,
) -> tuple[float, float]:
    """The threshold with the highest F1, and that F1.

    Arguments:
        truth: Whether each record is positive; one at least is.
        probability: Its probability; the answer is yes from the threshold upwards.
        weight: How often each counts; by default once.

    Raises:
        ValueError: If there is no positive.
    """

    if not truth.any():
        raise ValueError("a threshold needs a positive to be fitted on; there is none")
    scores, level = np.unique(probability.astype(np.float64), return_inverse=True)
    # Answers from the n-th highest score upwards: how many alarms, and how many of them right.
    counts = np.ones(len(truth)) if weight is None else weight
    alarms = np.bincount(level, weights=counts)[::-1].cumsum()
    hits = np.bincount(level, weights=truth * counts)[::-1].cumsum()
    f1 = 2 * hits / (alarms + (truth * counts).sum())
    best = len(f1) - 1 - int(np.argmax(f1[::-1]))
    above, below = scores[::-1][best], scores[::-1][best + 1] if best + 1 < len(scores) else 0.0
    return float((above + below) / 2), float(f1[best])


def rule_out_point(positives: Real[np.ndarray, " positive"], missed: float = MISSED) -> tuple[float, float]:
    """The probability below which few positives lie, and the chance that another one does.

    Arguments:
        positives: The probabilities of positives that the model was not trained on.
        missed: The chance that is aimed at.

    Returns:
        0 and 0 where there are no positives: nothing can be ruled out.
    """

    if not len(positives):
        return 0.0, 0.0
    place = max(1, int(missed * (len(positives) + 1)))
    return float(np.partition(positives, place - 1)[place - 1]), place / (len(positives) + 1)


def _of_run(run: pd.DataFrame, minimum: int) -> Iterator[dict[str, object]]:
    """The rows of one model and seed."""

    validation = run[(run["part"] == "validation") & run["truth"].notna()]
    by_class = dict(iter(validation.groupby("class")))
    for fold, cell in run.groupby("fold"):
        own = validation[validation["fold"] == fold]
        tested = set(cell.loc[cell["part"] == "test", "record"])
        first = cell.iloc[0]
        temperature = fit_temperature(own["truth"].to_numpy() > 0.5, own["probability"].to_numpy())
        for name in sorted(cell["class"].unique()):
            known = by_class.get(name, validation[:0])
            keys = {"model": first["model"], "seed": int(first["seed"]), "fold": int(first["fold"]), "class": name}
            yield {**keys, **_fit(known, known["fold"] == fold, tested, minimum), "temperature": temperature}


def _fit(known: pd.DataFrame, own: pd.Series, tested: set[str], minimum: int) -> dict[str, object]:
    """The threshold of a class from the cell's own validation rows, or else from those of other folds too."""

    rows, note = known[own], ""
    few = int(rows["truth"].sum())
    if few < minimum:
        wider = known[own | ~known["record"].isin(tested)]
        found = f"{few or 'no'} positive{'' if few == 1 else 's'} in validation"
        if wider["truth"].sum() > few:
            rows, note = wider, f"{found}: fitted on the validation rows of other folds too"
        else:
            note = f"{found}: {'fitted on them all the same' if few else 'set to one half'}"
    truth = rows["truth"].to_numpy() > 0.5
    weight = rows["stands_for"].fillna(1.0).to_numpy(np.float64) if "stands_for" in rows else None
    threshold, f1 = best_threshold(truth, rows["probability"].to_numpy(), weight) if truth.any() else (0.5, np.nan)
    rule_out, missed = rule_out_point(rows["probability"].to_numpy()[truth])
    return {
        "threshold": threshold,
        "f1": f1,
        "positives": int(truth.sum()),
        "negatives": int((~truth).sum()),
        "fallback": few < minimum,
        "rule_out": min(rule_out, threshold),
        "missed": missed,
        "note": note,
    }
