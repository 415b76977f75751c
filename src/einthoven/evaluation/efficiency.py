"""How many labels a way of learning needs: curves over shares of the labelled patients, and what is read off them.

The yardstick is written down before any run: a way of learning *reaches* full supervision at a share of the labels if
the lower bound of its paired difference from full supervision, learnt from all of them, lies above −0.01. What it is
*worth* is the share of the labels that supervision alone needs for the same value: its own curve, straight between its
shares on a logarithmic scale and never falling, read backwards. Outside the shares that were run nothing is read:
`at_least` and `at_most` say so.
"""

__all__ = ["MARGIN", "efficiency", "family"]

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from einthoven.evaluation._measure import macro, measure
from einthoven.evaluation._seeds import difference
from einthoven.evaluation._trials import Trials, trials
from einthoven.evaluation.bootstrap import interval, resampled
from einthoven.evaluation.contrasts import gap

MARGIN = 0.01
METRICS = {"auroc": "probability", "auprc": "probability"}

Points = dict[int, Float[np.ndarray, " resample"]]  # the macro value of each seed
Curves = dict[str, dict[float, Points]]


def family(model: str) -> str:
    """The way of learning of a model at a share of the labels: `scratch` of `scratch@10%`."""
    return model.rpartition("@")[0] or model


def efficiency(
    predictions: pd.DataFrame,
    shares: Mapping[str, float],
    *,
    label_sets: Mapping[str, Sequence[str]],
    supervised: str,
    resamples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
    minimum_positives: int = 10,
) -> dict[str, pd.DataFrame]:
    """The tables.

    Arguments:
        predictions: The predictions table; its test rows are judged.
        shares: The share of the labelled patients that each model learnt from.
        label_sets: The classes of each label set.
        supervised: The family that is supervision alone, against which the others are held.
        resamples: How many times the patients are drawn.
        level: Of the intervals.
        seed: Of the draws.
        minimum_positives: Where some classes of a label set have positives, but fewer, and at least two have enough,
            the set comes once more with those alone, as `SET, 10 positives or more`: a mean over classes of one or two
            positives says little.

    Returns:
        `efficiency`: one row a label set, metric (macro AUROC and AUPRC), family and share, with value, low, high,
        seeds, seed_sd, classes (how many), without (those of the set that have too few). `reaches`: the paired
        differences from supervision `against` its own largest share (`kind` full) and from supervision at the same
        share (`kind` same), over the seeds that both have: difference, low, high, p, detectable, reaches, verdict (of
        `full`: yes, no or cannot tell), seeds, and seed_sd, the deviation of the seeds' own differences. The interval
        is over patients; low_seeds and high_seeds bound one over patients and seeds, each of which begins anew with
        another draw of the labels. `worth`: the share that supervision needs for the same value:
        share_worth, low, high, bound (`at_least`, `at_most` or empty).

    Raises:
        ValueError: If there are no predictions of the supervised family.
    """

    table = trials(predictions[predictions["model"].isin(list(shares))])
    patients = len(np.unique(table.cluster))
    values = measure(table, resampled(table.cluster, resamples, seed), METRICS)
    if not any(family(model) == supervised for model in table.seeds):
        raise ValueError(f"there is nothing of {supervised} to hold the others against")
    found: dict[str, list[dict[str, Any]]] = {"efficiency": [], "reaches": [], "worth": []}
    for label_set, classes, without in _with_enough(label_sets, table, minimum_positives):
        members = [table.classes.index(name) for name in classes if name in table.classes]
        for metric in METRICS:
            curves: Curves = {}
            keys = {"label_set": label_set, "metric": metric}
            for model, seeds in table.seeds.items():
                counted = macro(values[metric, model].mean(axis=0), members)[1]
                each = [macro(one, counted)[0] for one in values[metric, model]]
                points = dict(zip(seeds, each, strict=True))
                curves.setdefault(family(model), {})[shares[model]] = points
                means = _mean(points)
                span = interval(means[1:], level)
                row = {"family": family(model), "share": shares[model], "value": means[0]}
                row |= {"low": span.low, "high": span.high, "seeds": len(seeds), "classes": len(counted)}
                row |= {"seed_sd": _spread([one[0] for one in each]), "without": without}
                found["efficiency"].append({**keys, **row, "model": model})
            found["reaches"] += [{**keys, **row} for row in _reaches(curves, supervised, patients, level)]
            found["worth"] += [{**keys, **row} for row in _worth(curves, supervised, level)]
    order = {"efficiency": _CURVE, "reaches": _REACHES, "worth": _WORTH}
    made = {name: pd.DataFrame(rows, columns=[*_KEYS, *order[name]]) for name, rows in found.items()}
    return {name: made[name].sort_values([*_KEYS, "share"], kind="stable", ignore_index=True) for name in made}


_KEYS = ("label_set", "metric", "family")
_CURVE = ("share", "value", "low", "high", "seeds", "seed_sd", "classes", "without", "model")
_REACHES = (
    *("share", "kind", "against", "difference", "low", "high", "se", "p", "detectable", "usable", "reaches"),
    *("verdict", "seeds", "seed_sd", "low_seeds", "high_seeds"),
)
_WORTH = ("share", "share_worth", "low", "high", "bound")


def _with_enough(
    label_sets: Mapping[str, Sequence[str]], table: Trials, least: int
) -> Iterator[tuple[str, Sequence[str], str]]:
    """Each label set, whole, and where that is less, its classes with enough positives; and which are left out."""
    positives = dict(zip(table.classes, (table.truth > 0.5).sum(axis=0).tolist(), strict=True))
    for name, classes in label_sets.items():
        yield name, classes, ""
        enough = [code for code in classes if positives.get(code, 0) >= least]
        if len(enough) >= 2 and any(0 < positives.get(code, 0) < least for code in classes):
            rest = [f"{code} ({positives.get(code, 0)})" for code in classes if code not in enough]
            yield f"{name}, {least} positives or more", enough, ", ".join(rest)


def _mean(points: Points) -> Float[np.ndarray, " resample"]:
    mean: np.ndarray = np.mean(list(points.values()), axis=0)
    return mean


def _spread(values: Sequence[float]) -> float:
    return float(np.std(values, ddof=1)) if len(values) > 1 else float("nan")


def _reaches(curves: Curves, supervised: str, patients: int, level: float) -> list[dict[str, Any]]:
    """Each point against full supervision, and against supervision at the same share."""
    full = max(curves[supervised])
    rows = []
    for name, curve in curves.items():
        for share, mine in curve.items():
            for kind, against in (("full", full), ("same", share)):
                itself = name == supervised and against == share
                if itself or against not in curves[supervised] or (kind == "same" and name == supervised):
                    continue
                theirs = curves[supervised][against]
                if not (both := sorted(mine.keys() & theirs.keys())):
                    continue
                each = [mine[seed] - theirs[seed] for seed in both]
                found = gap(np.mean(each, axis=0), level)
                row = {"family": name, "share": share, "kind": kind, "against": against, **found}
                row |= {"seeds": len(both), "seed_sd": _spread([one[0] for one in each])}
                wide = difference(mine, theirs, patients, level)
                row |= {"low_seeds": wide["difference_low"], "high_seeds": wide["difference_high"]}
                reaches = kind == "full" and found["low"] > -MARGIN
                rows.append({**row, "reaches": reaches, "verdict": _verdict(kind, found)})
    return rows


def _verdict(kind: str, found: Mapping[str, float]) -> str:
    """Whether full supervision is reached: by the lower bound yes, by the upper one no."""
    if kind != "full":
        return ""
    return "yes" if found["low"] > -MARGIN else "no" if found["high"] < -MARGIN else "cannot tell"


def _worth(curves: Curves, supervised: str, level: float) -> list[dict[str, Any]]:
    """The share of the labels that supervision needs for what each other family reaches."""
    own = curves[supervised]
    at = np.array(sorted(own))
    if len(at) < 2:
        return []
    climbing = np.maximum.accumulate(np.stack([_mean(own[share]) for share in at]), axis=0)
    rows = []
    for name, curve in curves.items():
        for share, mine in curve.items():
            if name != supervised:
                means = _mean(mine)
                worth = np.array([_read(climbing[:, i], at, means[i]) for i in range(len(means))])
                span = interval(worth[1:], level)
                bound = "at_least" if worth[0] >= at[-1] else "at_most" if worth[0] <= at[0] else ""
                row = {"family": name, "share": share, "share_worth": worth[0], "low": span.low, "high": span.high}
                rows.append({**row, "bound": bound})
    return rows


def _read(climbing: Float[np.ndarray, " share"], at: Float[np.ndarray, " share"], value: float) -> float:
    """The smallest share at which a curve that never falls has a value, or the nearest one that was run."""
    if not np.isfinite(value) or not np.isfinite(climbing).all():
        return float("nan")
    above = int(np.searchsorted(climbing, value, side="left"))
    if above in (0, len(at)):
        return float(at[min(above, len(at) - 1)])
    low, high = climbing[above - 1], climbing[above]
    part = (value - low) / (high - low)
    return float(np.exp(np.log(at[above - 1]) + part * (np.log(at[above]) - np.log(at[above - 1]))))
