"""Two models, or two runs, on the same test patients.

Differences are paired: the bootstrap draws the same patients for both, DeLong's test uses the covariance of the two
AUROCs, McNemar's the records that only one decides rightly. The classes of a label set are several tests at once, so
each p has its corrected one beside it (Holm). What was not asked of both alike is not compared.
"""

__all__ = ["compare"]

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from einthoven.evaluation._measure import columns_of, macro, measure, shared
from einthoven.evaluation._trials import Trials, trials
from einthoven.evaluation.bootstrap import resampled
from einthoven.evaluation.contrasts import gap
from einthoven.evaluation.delong import DeLong, delong
from einthoven.evaluation.holm import holm
from einthoven.evaluation.mcnemar import mcnemar

METRICS = ("auroc", "auprc", "f1")
FIRST, SECOND = "first", "second"


def compare(
    first: pd.DataFrame,
    second: pd.DataFrame,
    *,
    label_sets: Mapping[str, Sequence[str]],
    resamples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The differences between two models.

    Arguments:
        first, second: Test rows of one model each, as `decide` gives them; several seeds are averaged.
        label_sets: The classes of each label set.
        resamples: How many times the patients are drawn.
        level: Of the intervals.
        seed: Of the draws.

    Returns:
        Differences, one row a label set, class (and `macro`) and metric (AUROC, AUPRC, F1): first, second, difference
        (first − second), low, high, p (bootstrap, two-sided), p_holm, detectable, p_delong, p_delong_holm (AUROC of a
        class alone), positives, records, patients. And decisions, one row a label set and class, of the first seed of
        each: only_first and only_second (records that one alone decides rightly), p_mcnemar (χ², uncorrected),
        p_exact, p_exact_holm.

    Raises:
        ValueError: If the two were not tested on the same records of the same patients with the same truth.
    """

    _same_questions(first, second)
    table = trials(pd.concat([first.assign(model=FIRST), second.assign(model=SECOND)]), ("decision",))
    values = measure(table, resampled(table.cluster, resamples, seed), columns_of(METRICS))
    means = {key: by_seed.mean(axis=0) for key, by_seed in values.items()}
    differences: list[dict[str, Any]] = []
    decisions: list[dict[str, Any]] = []
    for label_set, classes in label_sets.items():
        members = [table.classes.index(name) for name in classes if name in table.classes]
        for metric in METRICS:
            pair = means[metric, FIRST], means[metric, SECOND]
            counted = shared(*pair, members)
            keys = {"label_set": label_set, "metric": metric}
            if counted:
                both = [macro(part, counted)[0] for part in pair]
                differences.append({**keys, "class": "macro", **_row(table, both, counted, level)})
            for label in members:
                row = _row(table, [part[label] for part in pair], [label], level)
                test = _delong(table, label) if metric == "auroc" else None
                differences.append({**keys, "class": table.classes[label], **row, "p_delong": test.p if test else None})
        decisions += [{"label_set": label_set, "class": table.classes[m], **_mcnemar(table, m)} for m in members]
    return _corrected(pd.DataFrame(differences), pd.DataFrame(decisions))


def _same_questions(first: pd.DataFrame, second: pd.DataFrame) -> None:
    """Holds that both answered the same questions.

    Raises:
        ValueError: If not; it says how many and which.
    """
    keys = ["record", "class"]
    asked = [table[[*keys, "patient", "truth"]].drop_duplicates(keys) for table in (first, second)]
    whole = asked[0].merge(asked[1], on=keys, how="outer", indicator=True, suffixes=("", "_second"))
    alone = whole[whole["_merge"] != "both"]
    if len(alone):
        records = alone["record"].nunique()
        raise ValueError(
            f"the two were not tested on the same records and classes: {records} records differ, the first is "
            f"{alone['record'].iloc[0]} (class {alone['class'].iloc[0]}); compare runs with the same data, labels, "
            "split and folds"
        )
    for column in ("patient", "truth"):
        left, right = (whole[name].astype("string").fillna("") for name in (column, f"{column}_second"))
        if (left != right).any():
            name = whole.loc[left != right, "record"].iloc[0]
            raise ValueError(f"the two runs give record {name} another {column}; were they made from the same data?")


def _row(table: Trials, pair: Sequence[np.ndarray], members: Sequence[int], level: float) -> dict[str, Any]:
    asked = table.asked(FIRST)[:, members].any(axis=1)
    return {
        FIRST: float(pair[0][0]),
        SECOND: float(pair[1][0]),
        **gap(pair[0] - pair[1], level),
        "positives": int((table.truth[:, members] == 1).sum()),
        "records": int(asked.sum()),
        "patients": len(np.unique(table.cluster[asked])),
    }


def _scores(table: Trials, model: str, label: int, rows: np.ndarray) -> np.ndarray:
    return np.stack([table.answers["probability", model, seed][rows, label] for seed in table.seeds[model]])


def _delong(table: Trials, label: int) -> DeLong:
    """Within each fold, as AUROC is measured; the folds' differences are averaged with a weight of their positives."""
    fold = table.answers["fold", FIRST, table.seeds[FIRST][0]][:, label]
    known = ~np.isnan(table.truth[:, label]) & table.asked(FIRST)[:, label]
    parts, weights = [], []
    for number in np.unique(fold[known]):
        rows = known & (fold == number)
        truth = table.truth[rows, label] > 0.5
        ours, theirs = (_scores(table, model, label, rows) for model in (FIRST, SECOND))
        part = delong(truth, ours, theirs, table.cluster[rows])
        if not np.isnan(part.difference):
            parts.append(part)
            weights.append(truth.sum())
    if len(parts) < 2:
        return parts[0] if parts else DeLong(float("nan"), float("nan"), float("nan"))
    share = np.array(weights) / sum(weights)
    return DeLong.of(
        float(share @ [part.difference for part in parts]), float(np.sqrt(share**2 @ [p.se**2 for p in parts]))
    )


def _mcnemar(table: Trials, label: int) -> dict[str, Any]:
    right = []
    known = ~np.isnan(table.truth[:, label]) & table.asked(FIRST)[:, label]
    for model in (FIRST, SECOND):
        said = table.answers["decision", model, table.seeds[model][0]][known, label] > 0.5
        right.append(said == (table.truth[known, label] > 0.5))
    found = mcnemar(*right)
    counts = {"only_first": found.only_first, "only_second": found.only_second}
    return {**counts, "p_mcnemar": found.p, "p_exact": found.p_exact}


def _corrected(differences: pd.DataFrame, decisions: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The classes of a label set are one family of tests for each metric; the macro rows are one together."""
    family = differences["label_set"] + "/" + differences["metric"]
    family = family.where(differences["class"] != "macro", "macro")
    for name in ("p", "p_delong"):
        p = differences[name].astype(float)
        differences[f"{name}_holm"] = p.groupby(family).transform(lambda column: holm(column.to_numpy()))
    exact = decisions["p_exact"].groupby(decisions["label_set"])
    decisions["p_exact_holm"] = exact.transform(lambda column: holm(column.to_numpy()))
    order = ["label_set", "class", "metric", FIRST, SECOND, "difference", "low", "high", "p", "p_holm", "detectable"]
    order += ["p_delong", "p_delong_holm", "positives", "records", "patients"]
    return differences[order], decisions
