"""How good each model is, by class and on average, with intervals over patients.

A value is the mean over seeds of the metric on all test rows of that seed, pooled over folds where there are
several. An interval is the percentile interval of the same mean over resampled patients, the same resamples for
every row of the table. Nothing is dropped silently: a class with too few positives is listed with a note, one
that has no value is listed as NaN, and the macro row says which classes it is the mean of.
"""

__all__ = ["summary"]

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from einthoven.evaluation._measure import columns_of, macro, measure
from einthoven.evaluation._trials import Trials, trials
from einthoven.evaluation.bootstrap import Interval, interval, resampled

METRICS = ("auroc", "auprc", "f1", "sensitivity", "specificity", "precision", "brier", "ece")


def summary(
    decided: pd.DataFrame,
    *,
    label_sets: Mapping[str, Sequence[str]],
    resamples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
    minimum_positives: int = 10,
    metrics: Sequence[str] = METRICS,
) -> pd.DataFrame:
    """The main table.

    Arguments:
        decided: Test rows as `decide` gives them. AUROC and AUPRC read `probability` (AUROC within each fold, see
            `_measure`); Brier score and calibration error read `calibrated`; the others read `decision`.
        label_sets: The classes of each label set; every class of the table is in one.
        resamples: How many times the patients are drawn.
        level: Of the intervals.
        seed: Of the draws.
        minimum_positives: With fewer positives, or negatives, a class gets a note.
        metrics: Names in `einthoven.metrics`.

    Returns:
        One row a label set, model, class and metric: value, low, high, positives, negatives, unknown, records,
        patients, seeds, seed_sd, resamples, usable (those in which the metric was defined), in_macro, note.

    Raises:
        ValueError: If the table is not one, or has a class that is in no label set.
    """

    columns = columns_of(metrics)
    table = trials(decided, tuple(set(columns.values())))
    _listed(table, label_sets)
    values = measure(table, resampled(table.cluster, resamples, seed), columns)
    rows = []
    for label_set, classes in label_sets.items():
        for model in sorted(table.seeds):
            facts = {name: _facts(table, model, name, minimum_positives) for name in classes}
            for metric in metrics:
                rows += _rows(
                    table, values[metric, model], facts, level, label_set=label_set, model=model, metric=metric
                )
    return pd.DataFrame(rows)


def _listed(table: Trials, label_sets: Mapping[str, Sequence[str]]) -> None:
    """Holds that every class is in a label set, so that none is forgotten.

    Raises:
        ValueError: If one is not.
    """

    homeless = sorted(set(table.classes) - {name for classes in label_sets.values() for name in classes})
    if homeless:
        raise ValueError(f"class {', '.join(homeless)} of the predictions is in no label set; name it in one")


def _facts(table: Trials, model: str, name: str, minimum: int) -> dict[str, Any]:
    """Counts of a class, the same for every metric, and what they make doubtful."""

    if name not in table.classes:
        return {"positives": 0, "negatives": 0, "unknown": 0, "records": 0, "patients": 0, "why": "not predicted"}
    label = table.classes.index(name)
    asked = table.asked(model)[:, label]
    truth = table.truth[asked, label]
    positives, negatives = int((truth == 1).sum()), int((truth == 0).sum())
    why = "" if asked.any() else "not predicted"
    for count, kind in ((positives, "positives"), (negatives, "negatives")):
        if not why and count < minimum:
            why = f"only {count} {kind}" if count else f"no {kind}"
    return {
        "positives": positives,
        "negatives": negatives,
        "unknown": int(np.isnan(truth).sum()),
        "records": int(asked.sum()),
        "patients": len(np.unique(table.cluster[asked])),
        "why": why,
    }


def _rows(
    table: Trials,
    values: Float[np.ndarray, "seed class resample"],
    facts: Mapping[str, dict[str, Any]],
    level: float,
    **keys: str,
) -> list[dict[str, Any]]:
    """The rows of the classes of one label set, and their macro row."""

    order = {name: table.classes.index(name) for name in facts if name in table.classes}
    counted = macro(values.mean(axis=0), list(order.values()))[1]
    nothing = np.full((len(values), values.shape[2]), np.nan)
    rows = []
    for name, fact in facts.items():
        inside = order.get(name) in counted
        row = _row(values[:, order[name]] if name in order else nothing, fact, level)
        rows.append({**keys, "class": name, **row, "in_macro": inside, "note": _note(row, fact["why"], inside)})
    asked = table.asked(keys["model"])[:, list(order.values())].any(axis=1)
    total = {kind: sum(fact[kind] for fact in facts.values()) for kind in ("positives", "negatives", "unknown")}
    total |= {"records": int(asked.sum()), "patients": len(np.unique(table.cluster[asked]))}
    row = _row(np.stack([macro(one, counted)[0] for one in values]), total, level)
    left = [f"{row['class']} ({facts[row['class']]['why'] or 'no alarms'})" for row in rows if not row["in_macro"]]
    few = [f"{name} ({facts[name]['why']})" for name in order if order[name] in counted and facts[name]["why"]]
    why = "; ".join(f"{word} {', '.join(names)}" for word, names in (("without", left), ("counts", few)) if names)
    return [*rows, {**keys, "class": "macro", **row, "in_macro": False, "note": _note(row, why, inside=True)}]


def _row(by_seed: Float[np.ndarray, "seed resample"], fact: Mapping[str, Any], level: float) -> dict[str, Any]:
    together = by_seed.mean(axis=0)
    span = interval(together[1:], level)
    return {
        "value": float(together[0]),
        "low": span.low,
        "high": span.high,
        **{kind: fact[kind] for kind in ("positives", "negatives", "unknown", "records", "patients")},
        "seeds": len(by_seed),
        "seed_sd": float(by_seed[:, 0].std(ddof=1)) if len(by_seed) > 1 else float("nan"),
        "resamples": len(together) - 1,
        "usable": span.usable,
    }


def _note(row: Mapping[str, Any], why: str, inside: bool) -> str:
    parts = [why or ("undefined: no alarms with at least one seed" if np.isnan(row["value"]) else "")]
    if not inside:
        parts.append("not in the macro mean")
    elif row["usable"] < row["resamples"]:
        parts.append(f"defined in {row['usable']} of {row['resamples']} resamples")
    parts.append(Interval(row["low"], row["high"], row["usable"]).doubt(row["value"]))
    return "; ".join(filter(None, parts))
