"""What remedies for rare classes give over none, and the costly ones over the best of the cheap ones.

Every remedy is learnt at each number of positives with several seeds, which also draw the positives. A difference is
paired by seed and by patient, over the seeds that both have; its interval is over patients and over seeds at once:
either are drawn with replacement (the two-way bootstrap of Owen 2007, https://doi.org/10.1214/07-AOAS122). Which cheap
remedy is the best one is told by the validation records, so that the test has no part in the choice. Where several
remedies, or remedies and classes, are tested at once, the p beside is Holm's.
"""

__all__ = ["choice", "gains", "level_of", "remedies"]

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from einthoven.evaluation._measure import columns_of, macro, measure
from einthoven.evaluation._trials import Trials, checked, trials
from einthoven.evaluation.bootstrap import interval, resampled
from einthoven.evaluation.contrasts import gap
from einthoven.evaluation.efficiency import family
from einthoven.evaluation.holm import holm
from einthoven.metrics.auprc import auprc

METRICS = ("auprc", "f1", "auroc", "sensitivity_at_99")
NONE = "none"
_KEYS = ("label_set", "metric", "level", "remedy", "class")

Values = dict[int, Float[np.ndarray, "class resample"]]  # of each seed


def level_of(model: str) -> str:
    """At how many positives of each class a model learnt: `10` of `mixup@10`, or `all`."""
    return model.rpartition("@")[2]


def remedies(
    decided: pd.DataFrame,
    *,
    label_sets: Mapping[str, Sequence[str]],
    resamples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """What each remedy is worth, and what it gives over none.

    Arguments:
        decided: Test rows as `decide` gives them, of models named as REMEDY@POSITIVES.
        label_sets: The classes of each label set.
        resamples: How many times patients and seeds are drawn.
        level: Of the intervals.
        seed: Of the draws.

    Returns:
        One row a label set, metric, level, remedy and class (`macro` last): value, low, high, positives, records,
        patients, seeds, seed_sd; and over none at the same level difference, difference_low, difference_high, p,
        p_holm (among the remedies of the level, of their classes apart from their means), detectable, pairs (seeds that
        both have); NaN for none itself.
    """

    table, found = _measured(decided, resamples, seed)
    rows = []
    for label_set, members in _members(table, label_sets).items():
        for metric in METRICS:
            for model in table.seeds:
                mine = found[metric, model]
                other = found.get((metric, f"{NONE}@{level_of(model)}"), {})
                theirs = other if family(model) != NONE else {}
                keys = {"label_set": label_set, "metric": metric, "level": level_of(model), "remedy": family(model)}
                for name, chosen in _each(table, members, mine):
                    row = _value(mine, chosen, level) | _difference(mine, theirs, chosen, level)
                    rows.append({**keys, "class": name, **row, **_counts(table, chosen)})
    return _corrected(pd.DataFrame(rows))


def choice(predictions: pd.DataFrame, cheap: Sequence[str]) -> pd.DataFrame:
    """The best of the cheap remedies at each level, by the macro AUPRC on the validation records of its cells.

    Arguments:
        predictions: The predictions table; only validation rows are read.
        cheap: The remedies among which to choose.

    Returns:
        One row a level and remedy: value (the mean of the seeds that all of the level have), seeds, chosen.
    """

    rows = checked(predictions)
    rows = rows[(rows["part"] == "validation") & rows["truth"].notna()]
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
        for name, value in means.items():
            made.append({"level": level, "remedy": name, "value": value, "seeds": len(seeds), "chosen": name == best})
    return pd.DataFrame(made, columns=["level", "remedy", "value", "seeds", "chosen"])


def gains(
    decided: pd.DataFrame,
    chosen: Mapping[str, str],
    costly: Sequence[str],
    *,
    label_sets: Mapping[str, Sequence[str]],
    planned: str,
    resamples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """What costly remedies give over the best cheap one.

    Arguments:
        decided: Test rows as `decide` gives them.
        chosen: The best cheap remedy of each level.
        costly: The others.
        label_sets: The classes of each label set.
        planned: The model whose macro AUPRC on the first label set was the one contrast written down before the run.
        resamples, level, seed: As of `remedies`.

    Returns:
        One row a label set, metric, level, remedy and class (`macro` last): against (the cheap one), difference,
        difference_low, difference_high, p, p_holm, detectable, pairs, planned.
    """

    table, found = _measured(decided, resamples, seed)
    rows = []
    for label_set, members in _members(table, label_sets).items():
        for metric in METRICS:
            for model in (name for name in table.seeds if family(name) in costly):
                against = chosen.get(level_of(model), "")
                theirs = found.get((metric, f"{against}@{level_of(model)}"), {})
                if not theirs:
                    continue
                keys = {"label_set": label_set, "metric": metric, "level": level_of(model), "remedy": family(model)}
                first = metric == METRICS[0] and label_set == next(iter(label_sets)) and model == planned
                for name, place in _each(table, members, found[metric, model]):
                    row = {**keys, "class": name, "against": against, "planned": first and name == "macro"}
                    rows.append({**row, **_difference(found[metric, model], theirs, place, level)})
    columns = [*_KEYS, "against", "planned", *_DIFFERENCE, "p_holm"]
    return _corrected(pd.DataFrame(rows)) if rows else pd.DataFrame(columns=columns)


_DIFFERENCE = ("difference", "difference_low", "difference_high", "p", "detectable", "pairs")


def _measured(decided: pd.DataFrame, resamples: int, seed: int) -> tuple[Trials, dict[tuple[str, str], Values]]:
    """Every metric of every model, by seed."""
    columns = columns_of(METRICS)
    table = trials(decided, tuple(set(columns.values())))
    values = measure(table, resampled(table.cluster, resamples, seed), columns)
    found = {key: dict(zip(table.seeds[key[1]], each, strict=True)) for key, each in values.items()}
    return table, found


def _members(table: Trials, label_sets: Mapping[str, Sequence[str]]) -> dict[str, list[int]]:
    return {
        name: [table.classes.index(code) for code in classes if code in table.classes]
        for name, classes in label_sets.items()
    }


def _each(table: Trials, members: Sequence[int], mine: Values) -> list[tuple[str, list[int]]]:
    """The classes, each alone and those with a value together."""
    mean = np.mean(list(mine.values()), axis=0)
    return [*((table.classes[place], [place]) for place in members), ("macro", macro(mean, members)[1])]


def _means(values: Values, seeds: Sequence[int], chosen: Sequence[int]) -> Float[np.ndarray, "seed resample"]:
    return np.stack([macro(values[seed], chosen)[0] for seed in seeds])


def _over_seeds(each: Float[np.ndarray, "seed resample"]) -> Float[np.ndarray, " resample"]:
    """The mean of the seeds; in each resample of patients that of seeds drawn with replacement."""
    count, width = each.shape
    drawn: Int[np.ndarray, "draw resample"] = np.random.default_rng(count).integers(count, size=(count, width))
    drawn[:, 0] = np.arange(count)
    mean: np.ndarray = np.take_along_axis(each, drawn, axis=0).mean(axis=0)
    return mean


def _value(mine: Values, chosen: Sequence[int], level: float) -> dict[str, Any]:
    each = _means(mine, list(mine), chosen)
    mean = _over_seeds(each)
    span = interval(mean[1:], level)
    spread = float(each[:, 0].std(ddof=1)) if len(each) > 1 else float("nan")
    return {"value": float(mean[0]), "low": span.low, "high": span.high, "seeds": len(each), "seed_sd": spread}


def _difference(mine: Values, theirs: Values, chosen: Sequence[int], level: float) -> dict[str, Any]:
    """How far one remedy is from another, over the seeds that both have."""
    both = sorted(mine.keys() & theirs.keys())
    if not both:
        return dict.fromkeys(_DIFFERENCE, float("nan")) | {"pairs": 0}
    apart = gap(_over_seeds(_means(mine, both, chosen) - _means(theirs, both, chosen)), level)
    row = {"difference": apart["difference"], "difference_low": apart["low"], "difference_high": apart["high"]}
    return row | {"p": apart["p"], "detectable": apart["detectable"], "pairs": len(both)}


def _counts(table: Trials, chosen: Sequence[int]) -> dict[str, int]:
    truth = table.truth[:, list(chosen)]
    known = ~np.isnan(truth).all(axis=1)
    patients = len(np.unique(table.cluster[known]))
    return {"positives": int((truth == 1).sum()), "records": int(known.sum()), "patients": patients}


def _corrected(rows: pd.DataFrame) -> pd.DataFrame:
    """With Holm's p: the means of a level are one family of tests for each metric, their classes another."""
    mean = rows["class"].eq("macro").map({True: "macro", False: "classes"})
    groups = [rows["label_set"], rows["metric"], rows["level"], mean]
    return rows.assign(p_holm=rows.groupby(groups)["p"].transform(lambda column: holm(column.to_numpy())))


def _average_precision(part: pd.DataFrame) -> float:
    truth = part["truth"].to_numpy() > 0.5
    return float(auprc(truth, part["probability"].to_numpy(np.float64)))
