"""How much is lost at a place that the model has not seen.

Records of the part `external` come from sources that nothing was learnt from; the test part is at home. The drop is the
metric at home less that away, the macro mean over the classes that can be measured at both. The patients differ, so the
two are resampled independently and the difference is not paired. Thresholds are those of home, fitted on its validation
rows: nobody has labels at a new place to fit them again.
"""

__all__ = ["transfer"]

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float

from einthoven.evaluation._measure import columns_of, macro, measure, shared
from einthoven.evaluation._trials import Trials, trials
from einthoven.evaluation.bootstrap import interval, resampled
from einthoven.evaluation.contrasts import gap
from einthoven.evaluation.decide import decide

COLUMNS = columns_of(("auroc", "auprc", "f1"))


def transfer(
    predictions: pd.DataFrame,
    thresholds: pd.DataFrame,
    *,
    label_sets: Mapping[str, Sequence[str]],
    resamples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
    minimum_positives: int = 10,
) -> pd.DataFrame:
    """The metrics at home and at each place away.

    Arguments:
        predictions: The predictions table; its test rows are home, its external rows away.
        thresholds: As `thresholds` gives them.
        label_sets: The classes of each label set.
        resamples: How many times the patients are drawn.
        level: Of the intervals.
        seed: Of the draws.
        minimum_positives: With fewer positives at either place, a class gets a note.

    Returns:
        One row a label set, model, source away, class (and `macro`) and metric: home, away, drop (home − away), each
        with `_low` and `_high`, detectable (the smallest drop that could have been found, see `contrasts`), positives
        at home and away, classes (that the mean counts), seeds, resamples, note. No rows where nothing is external.
    """

    external = predictions[predictions["part"] == "external"]
    rows: list[dict[str, Any]] = []
    if len(external):
        home = decide(predictions, thresholds)
        away = decide(external.assign(part="test"), thresholds)
        table = trials(pd.concat([home, away]), tuple(set(COLUMNS.values())))
        weights = resampled(table.cluster, resamples, seed)
        inside = np.isin(table.records, home["record"].to_numpy(dtype=object))
        near = _measured(table, weights, inside)
        for place, records in external.groupby("source")["record"]:
            outside = np.isin(table.records, records.to_numpy(dtype=object))
            far = _measured(table, weights, outside)
            for label_set, classes in label_sets.items():
                members = [table.classes.index(name) for name in classes if name in table.classes]
                for metric, model in near:
                    keys = {"label_set": label_set, "model": model, "source": place, "metric": metric}
                    pair = near[metric, model], far[metric, model]
                    for row in _rows(table, pair, members, (inside, outside), level, minimum_positives):
                        rows.append({**keys, **row, "seeds": len(table.seeds[model]), "resamples": resamples})
    order = ["label_set", "model", "source", "class", "metric"]
    ends = [f"{name}{end}" for name in ("home", "away", "drop") for end in ("", "_low", "_high")]
    rest = ["detectable", "positives_home", "positives_away", "classes", "seeds", "resamples", "note"]
    return pd.DataFrame(rows, columns=[*order, *ends, *rest])


def _measured(
    table: Trials, weights: Float[np.ndarray, "record resample"], chosen: Bool[np.ndarray, " record"]
) -> dict[tuple[str, str], Float[np.ndarray, "class resample"]]:
    values = measure(table.select(chosen), weights[chosen], COLUMNS)
    return {key: by_seed.mean(axis=0) for key, by_seed in values.items()}


def _rows(
    table: Trials,
    pair: tuple[Float[np.ndarray, "class resample"], Float[np.ndarray, "class resample"]],
    members: Sequence[int],
    where: tuple[Bool[np.ndarray, " record"], Bool[np.ndarray, " record"]],
    level: float,
    minimum: int,
) -> list[dict[str, Any]]:
    """The classes that both places can measure, and their mean."""
    both = shared(*pair, members)
    left = ", ".join(table.classes[m] for m in members if m not in both)
    rows: list[dict[str, Any]] = []
    for label in both:
        counts = [int((table.truth[chosen, label] == 1).sum()) for chosen in where]
        few = f"few positives ({counts[0]} at home, {counts[1]} away)" if min(counts) < minimum else ""
        row = {"class": table.classes[label], "positives_home": counts[0], "positives_away": counts[1]}
        rows.append({**row, **_drop(pair[0][label], pair[1][label], level), "classes": 1, "note": few})
    if both:
        near, far = (macro(part, both)[0] for part in pair)
        totals = {f"positives_{end}": sum(row[f"positives_{end}"] for row in rows) for end in ("home", "away")}
        note = f"without {left}" if left else ""
        rows.append({"class": "macro", **totals, **_drop(near, far, level), "classes": len(both), "note": note})
    return rows


def _drop(home: Float[np.ndarray, " resample"], away: Float[np.ndarray, " resample"], level: float) -> dict[str, float]:
    row: dict[str, float] = {}
    for name, series in (("home", home), ("away", away)):
        span = interval(series[1:], level)
        row |= {name: float(series[0]), f"{name}_low": span.low, f"{name}_high": span.high}
    lost = gap(home - away, level)
    drop = {"drop": lost["difference"], "drop_low": lost["low"], "drop_high": lost["high"]}
    return {**row, **drop, "detectable": lost["detectable"]}
