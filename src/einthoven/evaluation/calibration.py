"""Whether the probabilities mean what they say, before and after the temperature."""

__all__ = ["calibration"]

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from einthoven.evaluation._measure import macro, measure
from einthoven.evaluation._trials import trials
from einthoven.evaluation.bootstrap import interval, resampled

METRICS = ("ece", "brier")
STAGES = {"before": "probability", "after": "calibrated"}


def calibration(
    decided: pd.DataFrame,
    *,
    label_sets: Mapping[str, Sequence[str]],
    resamples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """Calibration error and Brier score of each model, and what the temperature changed.

    Arguments:
        decided: Test rows as `decide` gives them.
        label_sets: The classes of each label set.
        resamples: How many times the patients are drawn.
        level: Of the intervals.
        seed: Of the draws.

    Returns:
        One row a label set, model, class (and `macro`) and metric: before, after and change (after − before;
        negative is better), each with `_low` and `_high`, then resamples, usable, note. The values are means over
        seeds.
    """

    table = trials(decided, tuple(STAGES.values()))
    weights = resampled(table.cluster, resamples, seed)
    values = {stage: measure(table, weights, dict.fromkeys(METRICS, column)) for stage, column in STAGES.items()}
    rows = []
    for label_set, classes in label_sets.items():
        members = {name: table.classes.index(name) for name in classes if name in table.classes}
        for model in sorted(table.seeds):
            for metric in METRICS:
                before, after = (values[stage][metric, model].mean(axis=0) for stage in STAGES)
                keys = {"label_set": label_set, "model": model, "metric": metric}
                for name, label in members.items():
                    rows.append({**keys, "class": name, **_change(before[label], after[label], level)})
                means = [macro(part, list(members.values()))[0] for part in (before, after)]
                rows.append({**keys, "class": "macro", **_change(means[0], means[1], level)})
    first = ["label_set", "model", "class", "metric"]
    parts = [f"{stage}{end}" for stage in ("before", "after", "change") for end in ("", "_low", "_high")]
    return pd.DataFrame(rows, columns=[*first, *parts, "resamples", "usable", "note"])


def _change(before: np.ndarray, after: np.ndarray, level: float) -> dict[str, object]:
    row: dict[str, object] = {"note": "" if not np.isnan(before[0]) else "not predicted, or no truth known"}
    for name, series in (("before", before), ("after", after), ("change", after - before)):
        span = interval(series[1:], level)
        row |= {name: float(series[0]), f"{name}_low": span.low, f"{name}_high": span.high, "usable": span.usable}
        row["note"] = row["note"] or span.doubt(float(series[0]))
    return {**row, "resamples": len(before) - 1}
