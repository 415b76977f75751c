"""What remedies for rare classes give over none, and the costly ones over the best of the cheap ones.

Every remedy is learnt at each number of positives with several seeds, which also draw the positives. A difference is
paired by seed and by patient, over the seeds that both have, and its interval is over both; see
`einthoven.evaluation._seeds`.

Which cheap remedy is the best one is told by the validation records, so that the test has no part in the choice. Where
several remedies, or remedies and classes, are tested at once, the p beside is Holm's; what is no remedy is not among
them. A mean over classes is over those that are rare.
"""

__all__ = ["choice", "level_of", "remedies"]

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from einthoven.evaluation._measure import columns_of, macro, measure
from einthoven.evaluation._seeds import DIFFERENCE, Seeds, difference, value
from einthoven.evaluation._trials import checked, trials
from einthoven.evaluation.bootstrap import resampled
from einthoven.evaluation.efficiency import family
from einthoven.evaluation.holm import holm
from einthoven.metrics.auprc import auprc

METRICS = ("auprc", "f1", "auroc", "sensitivity_at_99")
NONE = "none"

Values = dict[int, Float[np.ndarray, "class resample"]]  # of each seed


def level_of(model: str) -> str:
    """At how many positives of each class a model learnt: `10` of `mixup@10`, or `all`."""
    return model.rpartition("@")[2]


def remedies(
    decided: pd.DataFrame,
    pairs: Mapping[str, Sequence[tuple[str, str]]],
    *,
    label_sets: Mapping[str, Sequence[str]],
    rare: Sequence[str] = (),
    apart: Sequence[str] = (),
    planned: str = "",
    resamples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What each remedy is worth, what it gives over none, and over others.

    Arguments:
        decided: Test rows as `decide` gives them, of models named as REMEDY@POSITIVES.
        pairs: For each level remedies, and another one that each is compared with besides none.
        label_sets: The classes of each label set.
        rare: Over which of them a mean goes; by default over all.
        apart: What is no remedy, and not counted among the tests.
        planned: The model whose macro AUPRC on the first label set, against the other of its first pair, was the one
            contrast written down before the run.
        resamples: How many times patients are drawn.
        level: Of the intervals.
        seed: Of the draws.

    Returns:
        One row a label set, metric, level, remedy and class (`macro` last): value, low, high, positives, records,
        patients, seeds, seed_sd; and over none at the same level difference, difference_low, difference_high, p,
        p_holm (among the remedies of the level, of their classes apart from their means), detectable, both (the seeds
        that both have); NaN for none itself. And one row a label set, metric, level, remedy, against and class of the
        pairs, with the same of their difference, and planned.
    """

    columns = columns_of(METRICS)
    table = trials(decided, tuple(set(columns.values())))
    values = measure(table, resampled(table.cluster, resamples, seed), columns)
    found = {key: dict(zip(table.seeds[key[1]], each, strict=True)) for key, each in values.items()}
    patients = len(np.unique(table.cluster))
    over_none: list[dict[str, Any]] = []
    over_others: list[dict[str, Any]] = []
    for label_set, classes in label_sets.items():
        members = [table.classes.index(code) for code in classes if code in table.classes]
        counted = [place for place in members if not rare or table.classes[place] in rare]
        for metric, model in ((metric, model) for metric in METRICS for model in table.seeds):
            mine, at = found[metric, model], level_of(model)
            keys = {"label_set": label_set, "metric": metric, "level": at, "remedy": family(model)}
            whole = macro(np.mean(list(mine.values()), axis=0), counted)[1]
            each = [*((table.classes[place], [place]) for place in members), ("macro", whole)]
            others = [other for remedy, other in pairs.get(at, ()) if remedy == family(model)]
            for name, chosen in each:
                theirs = found.get((metric, f"{NONE}@{at}"), {}) if family(model) != NONE else {}
                own = _means(mine, chosen)
                row = value(own, patients, level) | difference(own, _means(theirs, chosen), patients, level)
                over_none.append({**keys, "class": name, **row, **table.counts(chosen)})
                for place, other in enumerate(others):
                    theirs = found.get((metric, f"{other}@{at}"), {})
                    first = (metric, label_set) == (METRICS[0], next(iter(label_sets)))
                    told = {"against": other, "planned": first and name == "macro" and model == planned and not place}
                    row = difference(own, _means(theirs, chosen), patients, level)
                    over_others.append({**keys, **told, "class": name, **row})
    return _corrected(pd.DataFrame(over_none), apart), _corrected(pd.DataFrame(over_others, columns=_OTHERS), apart)


def choice(predictions: pd.DataFrame, cheap: Sequence[str], rare: Sequence[str] = ()) -> pd.DataFrame:
    """The best of the cheap remedies at each level, by the macro AUPRC on the validation records of its cells.

    Arguments:
        predictions: The predictions table of one fold; only validation rows are read, each as often as it
            `stands_for`, where it says so.
        cheap: The remedies among which to choose.
        rare: The classes that count; by default all.

    Returns:
        One row a level and remedy: value (the mean of the seeds that all of the level have), seeds, chosen.
    """

    rows = checked(predictions)
    rows = rows[(rows["part"] == "validation") & rows["truth"].notna()]
    rows = rows[rows["class"].isin(rare)] if rare else rows
    scores: dict[str, dict[str, dict[int, float]]] = {}
    for (model, seed), cell in rows.groupby(["model", "seed"]):
        if family(str(model)) in cheap:
            each = [_average_precision(part) for _, part in cell.groupby("class")]
            mine = scores.setdefault(level_of(str(model)), {}).setdefault(family(str(model)), {})
            mine[int(str(seed))] = float(np.nanmean(each)) if np.isfinite(each).any() else float("nan")
    made = []
    for level, by_remedy in scores.items():
        seeds = sorted(set.intersection(*(set(mine) for mine in by_remedy.values())))
        means = {name: float(np.mean([mine[seed] for seed in seeds])) for name, mine in by_remedy.items() if seeds}
        best = max(means, key=lambda name: (means[name], -cheap.index(name)), default="")
        for name, mean in means.items():
            made.append({"level": level, "remedy": name, "value": mean, "seeds": len(seeds), "chosen": name == best})
    return pd.DataFrame(made, columns=["level", "remedy", "value", "seeds", "chosen"])


_OTHERS = ["label_set", "metric", "level", "remedy", "against", "planned", "class", *DIFFERENCE]


def _means(values: Values, chosen: Sequence[int]) -> Seeds:
    return {seed: macro(each, chosen)[0] for seed, each in values.items()}


def _corrected(rows: pd.DataFrame, apart: Sequence[str]) -> pd.DataFrame:
    """With Holm's p: the means of a level are one family of tests for each metric, their classes another."""
    mean = rows["class"].eq("macro").map({True: "macro", False: "classes"})
    tested = rows["p"].astype(float).mask(rows["remedy"].isin(apart))
    groups = [rows["label_set"], rows["metric"], rows["level"], mean]
    return rows.assign(p_holm=tested.groupby(groups).transform(lambda column: holm(column.to_numpy())))


def _average_precision(part: pd.DataFrame) -> float:
    truth, weight = part["truth"].to_numpy() > 0.5, None
    if "stands_for" in part:
        weight = part["stands_for"].fillna(1.0).to_numpy(np.float64)
    return float(auprc(truth, part["probability"].to_numpy(np.float64), weight))
