"""Whether one model is better than another: paired differences on the same patients.

Both models are measured on the same resamples of patients, and the difference of their macro means is taken
within each. So what the patients have in common cancels, and the interval is that of the difference. Every row
says which true difference it could have found at all: one of 2.8 standard errors is found with a power of 0.8 at
the 5 % level, since 2.8 = z(0.975) + z(0.8). "No difference" in a table that could not have seen it is no finding.
"""

__all__ = ["contrasts", "gap"]

from collections.abc import Mapping, Sequence
from statistics import NormalDist

import numpy as np
import pandas as pd
from jaxtyping import Float

from einthoven.evaluation._measure import macro, measure
from einthoven.evaluation._trials import Trials, trials
from einthoven.evaluation.bootstrap import interval, resampled

METRICS = {"auroc": "probability", "auprc": "probability"}
POWER = NormalDist().inv_cdf(0.975) + NormalDist().inv_cdf(0.8)


def contrasts(
    predictions: pd.DataFrame,
    primary: str,
    *,
    label_sets: Mapping[str, Sequence[str]],
    baseline: str | None = None,
    resamples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """The primary model against every other one.

    Arguments:
        predictions: The predictions table; its test rows are compared.
        primary: The model that the differences favour when they are positive.
        label_sets: The classes of each label set.
        baseline: The model of the one contrast that was planned before the run, if any: in macro AUROC of the first
            label set. The other rows were not.
        resamples: How many times the patients are drawn.
        level: Of the intervals.
        seed: Of the draws.

    Returns:
        One row a label set, metric (macro AUROC and macro AUPRC) and other model: planned, difference, low, high,
        se, p (two-sided, from the share of resamples on either side of 0; not corrected for the number of rows),
        detectable, classes, records, patients, resamples, usable, note.

    Raises:
        ValueError: If a model is not in the table, or the models did not answer for the same records.
    """

    table = trials(predictions)
    for name in (primary, *([baseline] if baseline else [])):
        if name not in table.seeds:
            raise ValueError(f"there are no predictions of model {name}; there are of {', '.join(table.seeds)}")
    others = [name for name in table.seeds if name != primary]
    for other in others:
        _same_records(table, primary, other)
    values = measure(table, resampled(table.cluster, resamples, seed), METRICS)
    means = {key: by_seed.mean(axis=0) for key, by_seed in values.items()}
    rows = []
    for label_set, classes in label_sets.items():
        members = [table.classes.index(name) for name in classes if name in table.classes]
        asked = table.asked(primary)[:, members].any(axis=1)
        facts = {
            "records": int(asked.sum()),
            "patients": len(np.unique(table.cluster[asked])),
            "resamples": resamples,
        }
        for metric in METRICS:
            ours, counted = macro(means[metric, primary], members)
            left = ", ".join(table.classes[label] for label in members if label not in counted)
            for other in others:
                keys = {"label_set": label_set, "metric": metric, "primary": primary, "other": other}
                found = gap(ours - macro(means[metric, other], members)[0], level)
                counts = {**facts, "classes": len(counted), "note": f"without {left}" if left else ""}
                rows.append(
                    {
                        **keys,
                        "planned": other == baseline and metric == "auroc" and label_set == next(iter(label_sets)),
                        **found,
                        **counts,
                    }
                )
    order = [
        "label_set",
        "metric",
        "primary",
        "other",
        "planned",
        "difference",
        "low",
        "high",
        "se",
        "p",
        "detectable",
    ]
    return pd.DataFrame(rows, columns=[*order, "classes", "records", "patients", "resamples", "usable", "note"])


def gap(difference: Float[np.ndarray, " resample"], level: float) -> dict[str, float]:
    """What the resamples say of a difference, whose value in the sample itself comes first.

    Returns:
        difference, low, high, se, p (two-sided), detectable, usable.
    """

    low, high, usable = interval(difference[1:], level)
    drawn = difference[1:][~np.isnan(difference[1:])]
    se = float(drawn.std(ddof=1)) if usable > 1 else float("nan")
    # The sample itself counts as a resample, so that p is never 0 (Davison and Hinkley 1997, section 4.2).
    tail = min((drawn <= 0).sum(), (drawn >= 0).sum())
    p = min(1.0, 2 * (1 + int(tail)) / (1 + usable)) if usable else float("nan")
    value = float(difference[0])
    return {
        "difference": value,
        "low": low,
        "high": high,
        "se": se,
        "p": p,
        "detectable": POWER * se,
        "usable": usable,
    }


def _same_records(table: Trials, first: str, second: str) -> None:
    """Holds that two models answered the same questions with every seed."""

    reference = table.asked(first)
    for model in (first, second):
        for seed in table.seeds[model]:
            differ = np.flatnonzero((table.asked(model, seed) != reference).any(axis=1))
            if len(differ):
                raise ValueError(
                    f"models {first} and {second} cannot be compared: {len(differ)} test records were not "
                    f"answered alike with seed {seed} of {model}, the first is {table.records[differ[0]]}"
                )
