"""How well beats are told apart, as ANSI/AAMI EC57 reports it.

The classes exclude each other, so the decision is the class of the highest probability, and all that follows is a
matrix of counts: the true class by the class that was said, one for each recording. Gross figures are those of the sum
of these matrices; average ones are the mean over the recordings in which they are defined, each with the same weight
whatever its length. The figures themselves, and the beats that EC57 spares, stand in `_ec57`.

A recording has some thousand beats of one heart, and a rare class lies in few hearts. So patients are drawn, with all
their recordings; of a recording whose patient nobody knows, the recording is drawn. Where one recording holds most of a
class (232 holds 1382 of the 1837 S of DS2), that is hardly more than one case, and no resampling makes it more: the
interval is too narrow. So each class says which recording carries it. F and Q have their own rows and are in no mean.
"""

__all__ = ["against", "beats", "carriers", "each_pair", "mistaken", "paired", "recordings"]

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from einthoven.evaluation._beats import Judged, answered, judge, of_model, wrong
from einthoven.evaluation._ec57 import AVERAGED, by_class, macro_f1, overall
from einthoven.evaluation._trials import trials
from einthoven.evaluation.bootstrap import Interval, interval, resampled
from einthoven.evaluation.contrasts import gap
from einthoven.metrics._ratio import ratio

CARRIED = 0.5  # A recording with more than this share of a class is named in the notes of the class.
FIRST, SECOND = "first", "second"
Series = Float[np.ndarray, "seed resample"]


def beats(
    predictions: pd.DataFrame,
    *,
    resamples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
    minimum_positives: int = 10,
) -> pd.DataFrame:
    """The figures of each model, gross and on average over the recordings.

    Arguments:
        predictions: The predictions table, one row a beat and class; its test rows are judged. The classes are N, S
            and V, with F and Q or without. The recording of a beat is the column `recording`, or where there is none
            what stands before the last `-` of its record: `mitdb:100` of `mitdb:100-000123`. Of classes that are
            equally probable the first in the order of EC57 is said.
        resamples: How many times the patients are drawn.
        level: Of the intervals.
        seed: Of the draws.
        minimum_positives: With fewer beats, a class gets a note.

    Returns:
        One row a model, way (`over`: `beats` or `recordings`), class and metric: value (the mean over seeds), low,
        high, beats (of the class, with the first seed), recordings (that have such beats; over recordings, in which the
        figure is defined), patients (of these recordings), unknown (beats that are not judged, since nobody knows their
        class), seeds, seed_sd, resamples, usable, note. The metrics of a class are those of `_ec57.by_class`; class
        `macro` has f1 over N, S and V; class `all` has accuracy, kappa, j and jk. The last three and the macro mean are
        over beats alone, since few recordings have all the classes.

    Raises:
        ValueError: If the table is not one, its classes are others, a beat is of no class or of several or was not
            answered for all of them, or a recording has no name or several patients.
    """

    table = trials(predictions)
    judged = judge(table, predictions)
    weights = resampled(judged.patient, resamples, seed).astype(np.float64)
    rows = []
    for model in sorted(judged.counts):
        facts = _facts(judged, model, minimum_positives)
        alone = _alone(judged, model)
        for over, figures in (("beats", _gross(judged, model, weights)), ("recordings", _mean(alone, weights))):
            for (name, metric), values in figures.items():
                defined = ~np.isnan(alone[name, metric][0]) if over == "recordings" else facts[name]["carried"]
                row = {"model": model, "over": over, "class": name, "metric": metric, **_row(values, level)}
                row |= {"beats": facts[name]["beats"], "recordings": int(defined.sum()), "resamples": resamples}
                row |= {"patients": len(np.unique(judged.patient[defined])), "unknown": judged.unknown[model]}
                rows.append({**row, "seeds": len(values), "note": _note(row, facts[name]["why"])})
    order = ["model", "over", "class", "metric", "value", "low", "high", "beats", "recordings", "patients", "unknown"]
    return pd.DataFrame(rows)[[*order, "seeds", "seed_sd", "resamples", "usable", "note"]]


def recordings(predictions: pd.DataFrame) -> pd.DataFrame:
    """The figures of each recording by itself.

    Arguments:
        predictions: As `beats` takes them.

    Returns:
        One row a model, recording, class (and `all`) and metric: value (the mean over seeds, NaN where it is not
        defined with one of them), beats (of the class, with the first seed), seeds.

    Raises:
        ValueError: As `beats`.
    """

    judged = judge(trials(predictions), predictions)
    rows = []
    for model, counts in sorted(judged.counts.items()):
        figures = {key: values.mean(axis=0) for key, values in _alone(judged, model).items()}
        true = counts[0].sum(axis=-1)
        for place, recording in enumerate(judged.recordings):
            for (name, metric), values in figures.items():
                of_class = true[place] if name == "all" else true[place, judged.classes.index(name)]
                row = {"model": model, "recording": recording, "class": name, "metric": metric}
                rows.append({**row, "value": values[place], "beats": int(of_class.sum()), "seeds": len(counts)})
    return pd.DataFrame(rows)


def carriers(predictions: pd.DataFrame) -> pd.DataFrame:
    """Which recordings the beats of each class come from.

    Arguments:
        predictions: As `beats` takes them.

    Returns:
        One row a class and recording that has such beats, most beats first: beats, share (of all tested beats of the
        class), total (of the class).

    Raises:
        ValueError: As `beats`.
    """

    judged = judge(trials(predictions), predictions)
    rows = []
    for label, name in enumerate(judged.classes):
        of_class = judged.true[:, label]
        for place in np.argsort(-of_class, kind="stable")[: np.count_nonzero(of_class)]:
            row = {"class": name, "recording": judged.recordings[place], "beats": int(of_class[place])}
            rows.append({**row, "share": of_class[place] / of_class.sum(), "total": int(of_class.sum())})
    return pd.DataFrame(rows, columns=["class", "recording", "beats", "share", "total"])


def mistaken(predictions: pd.DataFrame, model: str, *, n: int = 12, each: int = 3) -> pd.DataFrame:
    """The wrong answers that a model's first seed was surest of.

    A recording has many beats of one shape, so what is taken for what shows each of its recordings once before any of
    them twice.

    Arguments:
        predictions: As `beats` takes them.
        model: Whose mistakes.
        n: How many at most.
        each: How many at most of one class that was taken for one other.

    Returns:
        At most `n` rows, the pairs of classes in turn: record, patient, source, model, seed, fold, class (what was
        said), truth (the class that it is), probability (of what was said), threshold (NaN: there is none), kind (such
        as `said S, is N`).

    Raises:
        ValueError: As `beats`; also if there is nothing of that model.
    """

    own = of_model(predictions, model)
    table = trials(own)
    answers = own[(own["part"] == "test") & (own["seed"] == table.seeds[model][0])].drop(columns="truth")
    found = wrong(table, own, model).merge(answers.drop(columns="recording", errors="ignore"), on=["record", "class"])
    found = found.sort_values(["probability", "record"], ascending=[False, True])
    found["again"] = found.groupby(["pair", "recording"]).cumcount()
    found = found.sort_values(["pair", "again"], kind="stable")
    found["turn"] = found.groupby("pair").cumcount()
    chosen = found[found["turn"] < each].sort_values(["turn", "pair"]).head(n).reset_index(drop=True)
    kind = [f"said {said}, is {true}" for said, true in zip(chosen["class"], chosen["truth"], strict=True)]
    order = ["record", "patient", "source", "model", "seed", "fold", "class", "truth", "probability"]
    return chosen[order].assign(threshold=np.nan, kind=pd.Series(kind, dtype="str"))


def against(
    predictions: pd.DataFrame, primary: str, *, baseline: str | None = None, resamples: int = 1000, seed: int = 0
) -> pd.DataFrame:
    """One model against every other one, each on the beats that both were tested on.

    Arguments:
        predictions: As `beats` takes them.
        primary: The model that the differences favour when they are positive.
        baseline: The model that the primary one was planned to be compared with, if any. All rows of this pair are
            marked, though the one figure that was planned is the macro F1.
        resamples: How many times the patients are drawn.
        seed: Of the draws.

    Returns:
        One row an other model, class and metric: primary, other, planned (whether that is the baseline), then the
        columns of `paired`.

    Raises:
        ValueError: As `paired`; also if there is nothing of the primary model or the baseline.
    """

    of_model(predictions, primary)
    if baseline is not None:
        of_model(predictions, baseline)
    others = sorted(set(predictions["model"].astype(str)) - {primary})
    found = each_pair(predictions, [(primary, other) for other in others], resamples=resamples, seed=seed)
    found.insert(2, "planned", found["other"] == baseline)
    return found


def each_pair(
    predictions: pd.DataFrame, pairs: Sequence[tuple[str, str]], *, resamples: int = 1000, seed: int = 0
) -> pd.DataFrame:
    """Models two by two, each pair on the beats that both were tested on.

    Arguments:
        predictions: As `beats` takes them.
        pairs: Names of models, the first of each against the second.
        resamples: How many times the patients are drawn.
        seed: Of the draws.

    Returns:
        One row a pair, class and metric: primary (the first), other, then the columns of `paired`; without a pair a
        table without rows.

    Raises:
        ValueError: As `paired`; also if there is nothing of one of the models.
    """

    tables = []
    for names in pairs:
        first, second = (of_model(predictions, name) for name in names)
        tables.append(paired(first, second, resamples=resamples, seed=seed))
    # A model against itself has the columns of a table without rows.
    alone = predictions[predictions["model"] == predictions["model"].iloc[0]]
    found = pd.concat(tables or [paired(alone, alone, resamples=1).iloc[:0]], ignore_index=True)
    sizes = [len(table) for table in tables]
    for place, name in enumerate(("primary", "other")):
        named = np.repeat(np.array([names[place] for names in pairs], dtype=object), sizes)
        found.insert(place, name, pd.Series(named, index=found.index, dtype="str"))
    return found


def paired(
    first: pd.DataFrame, second: pd.DataFrame, *, resamples: int = 1000, level: float = 0.95, seed: int = 0
) -> pd.DataFrame:
    """The gross figures of two models, or of one model under two splits, on the beats that both were tested on.

    Arguments:
        first, second: Predictions tables as `beats` takes them, of one model each. Beats that a seed of either did not
            answer for are left out of both, so a value here is that of `beats` only where nothing was left out.
        resamples: How many times the patients are drawn, the same for both.
        level: Of the intervals.
        seed: Of the draws.

    Returns:
        One row a class and metric (f1 of N, S, V and `macro`; accuracy, kappa, j and jk of `all`): first, second,
        difference (first − second), low, high, se, p (two-sided, from the resamples, not corrected for the number of
        rows), detectable (see `contrasts`), beats, recordings and patients that both were tested on, beats_first and
        beats_second (what each was tested on), resamples, usable.

    Raises:
        ValueError: As `beats`; also if a table holds several models, or they have no beat in common.
    """

    for name, predictions in ((FIRST, first), (SECOND, second)):
        if predictions["model"].nunique() != 1:
            several = ", ".join(sorted(predictions["model"].astype(str).unique()))
            raise ValueError(f"the {name} predictions are of the models {several or '(none)'}; choose one")
    both = pd.concat([first.assign(model=FIRST), second.assign(model=SECOND)], ignore_index=True)
    table = trials(both)
    tested = [answered(table, name) & (table.truth == 1).any(axis=1) for name in (FIRST, SECOND)]
    if not (tested[0] & tested[1]).any():
        raise ValueError("the two were tested on no beat in common; compare runs whose test parts overlap")
    judged = judge(table.select(tested[0] & tested[1]), both)
    weights = resampled(judged.patient, resamples, seed).astype(np.float64)
    ours, theirs = (_gross(judged, name, weights) for name in (FIRST, SECOND))
    facts = {"beats": int(judged.true.sum()), "recordings": len(judged.recordings)}
    facts |= {"patients": len(np.unique(judged.patient)), "resamples": resamples}
    facts |= {f"beats_{name}": int(one.sum()) for name, one in zip((FIRST, SECOND), tested, strict=True)}
    rows = []
    for name, metric in ours:
        if name == "all" or (metric == "f1" and name in (*AVERAGED, "macro")):
            pair = [values[name, metric].mean(axis=0) for values in (ours, theirs)]
            ends = {FIRST: float(pair[0][0]), SECOND: float(pair[1][0])}
            rows.append({"class": name, "metric": metric, **ends, **gap(pair[0] - pair[1], level), **facts})
    order = ["class", "metric", FIRST, SECOND, "difference", "low", "high", "se", "p", "detectable", "beats"]
    order += ["recordings", "patients", f"beats_{FIRST}", f"beats_{SECOND}", "resamples", "usable"]
    return pd.DataFrame(rows)[order]


def _gross(
    judged: Judged, model: str, weights: Float[np.ndarray, "recording resample"]
) -> dict[tuple[str, str], Series]:
    """The figures of all beats by class and metric, in every resample."""

    # The product is small and is summed as it is: threads would wait longer for each other than they count.
    matrices = np.einsum("rb,srij->sbij", weights, judged.counts[model])
    figures = by_class(matrices, judged.classes)
    found = {(c, m): values[..., k] for k, c in enumerate(judged.classes) for m, values in figures.items()}
    found["macro", "f1"] = np.stack([macro_f1(one, judged.classes) for one in figures["f1"]])
    return found | {("all", metric): values for metric, values in overall(matrices, judged.classes).items()}


def _alone(judged: Judged, model: str) -> dict[tuple[str, str], Float[np.ndarray, "seed recording"]]:
    """The figures of each recording, those that few beats of few classes can have."""

    figures = by_class(judged.counts[model], judged.classes)
    found = {(c, m): values[..., k] for k, c in enumerate(judged.classes) for m, values in figures.items()}
    return found | {("all", "accuracy"): overall(judged.counts[model], judged.classes)["accuracy"]}


def _mean(
    alone: Mapping[tuple[str, str], Float[np.ndarray, "seed recording"]],
    weights: Float[np.ndarray, "recording resample"],
) -> dict[tuple[str, str], Series]:
    """The mean over the recordings in which a figure is defined, in every resample."""

    return {
        key: ratio(np.nan_to_num(values) @ weights, (~np.isnan(values)).astype(np.float64) @ weights)
        for key, values in alone.items()
    }


def _facts(judged: Judged, model: str, minimum: int) -> dict[str, dict[str, Any]]:
    """Of each class with the first seed: its beats, which recordings have any, and what there is to say of that."""

    true = judged.counts[model][0].sum(axis=-1)
    facts: dict[str, dict[str, Any]] = {}
    for label, name in enumerate(judged.classes):
        of_class = true[:, label]
        beats, most = int(of_class.sum()), int(of_class.argmax())
        why = "" if beats >= minimum else f"only {beats} beats" if beats else "no beats"
        if of_class[most] > CARRIED * beats:
            carrier = f"{judged.recordings[most]} holds {of_class[most]:.0f} of {beats}"
            why = "; ".join(filter(None, (why, carrier)))
        facts[name] = {"beats": beats, "carried": of_class > 0, "why": why}
    whole = {"beats": int(true.sum()), "carried": true.any(axis=1), "why": ""}
    left = ", ".join(name for name in AVERAGED if not facts[name]["beats"])
    return facts | {
        "all": whole,
        "macro": {**whole, "why": f"without {left}, of which there are no beats" if left else ""},
    }


def _row(by_seed: Series, level: float) -> dict[str, Any]:
    together = by_seed.mean(axis=0)
    low, high, usable = interval(together[1:], level)
    spread = float(by_seed[:, 0].std(ddof=1)) if len(by_seed) > 1 else float("nan")
    return {"value": float(together[0]), "low": low, "high": high, "seed_sd": spread, "usable": usable}


def _note(row: Mapping[str, Any], why: str) -> str:
    parts = [why, "not in the macro mean" if row["metric"] == "f1" and row["class"] in ("F", "Q") else ""]
    if np.isnan(row["value"]):
        parts.append("undefined with at least one seed")
    elif row["usable"] < row["resamples"]:
        parts.append(f"defined in {row['usable']} of {row['resamples']} resamples")
    parts.append(Interval(row["low"], row["high"], row["usable"]).doubt(row["value"]))
    return "; ".join(filter(None, parts))
