"""Fits the score of `einthoven.signals.quality` on CinC 2011, set A, and measures it on recordings it has not seen.

Ten-fold cross-validation, stratified and repeated: every recording is judged ten times by a model that has not seen
it. The intervals are over recordings (patients are unknown). Two peers: a rule that counts flat and overdriven leads,
and gradient boosting on all measures of all leads, on the folds of the first two repeats. Prints the tables as Markdown
and the coefficients as they stand in the code.

    python benchmarks/quality.py --data ../shared/data/cinc2011 --out benchmarks/results/quality.json
"""

import argparse
import json
import platform
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import scipy
import sklearn
from sklearn.base import ClassifierMixin
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold

from einthoven import datasets
from einthoven.evaluation.bootstrap import interval, resampled
from einthoven.metrics.auroc import auroc
from einthoven.metrics.brier import brier
from einthoven.metrics.ece import ece
from einthoven.metrics.sensitivity import sensitivity
from einthoven.metrics.specificity import specificity
from einthoven.signals._quality import SUMMARY, measured, repeating, summed_up
from einthoven.signals.quality import quality

FOLDS, REPEATS, RESAMPLES = 10, 10, 1000
FLAT, OVERDRIVEN_MV = 0.5, 10.0  # of the rule
CHOICE_SEED, CHOICE_SHARE = 2011, 0.6  # the recordings on which the four numbers were chosen among some sixty


def verdicts(corpus: datasets.Dataset) -> dict[str, bool]:
    """Whether each recording is unacceptable; the few without a verdict are left out."""

    table = corpus.table()
    known = table[table["unknown"].str.len() == 0]
    return dict(zip(known["record_id"], known["positive"].str.len() > 0, strict=True))


def signals(corpus: datasets.Dataset, records: list[str]) -> Iterator[tuple[np.ndarray, float]]:
    """Each recording in mV, and its rate."""

    for ecg in map(corpus.read, records):
        yield ecg.signal, ecg.rate_hz


def rule(each: dict[str, np.ndarray], signal: np.ndarray) -> float:
    """The floor: the share of leads that are flat in half of their seconds or swing by more than 10 mV."""

    return float(((each["idle"] > FLAT) | (np.ptp(signal, axis=1) > OVERDRIVEN_MV)).mean())


def logistic() -> ClassifierMixin:
    return LogisticRegression(C=np.inf, solver="newton-cholesky")


def boosting() -> ClassifierMixin:
    return HistGradientBoostingClassifier(
        max_iter=150, learning_rate=0.06, max_leaf_nodes=8, min_samples_leaf=10, max_features=0.3, random_state=0
    )


def out_of_fold(make: Any, table: np.ndarray, truth: np.ndarray, repeats: int) -> np.ndarray:
    """The probability of "unacceptable" of each repeat and recording, from a model that has not seen it."""

    answers = np.full((repeats, len(truth)), np.nan)
    for repeat in range(repeats):
        for train, test in StratifiedKFold(FOLDS, shuffle=True, random_state=repeat).split(table, truth):
            model = make().fit(table[train], truth[train])
            answers[repeat, test] = model.predict_proba(table[test])[:, 1]
    return answers


def held_back(table: np.ndarray, factor: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Truth and answers of the recordings without a say in the choice of the four numbers, fitted on the others."""

    chosen = np.random.default_rng(CHOICE_SEED).random(len(truth)) < CHOICE_SHARE
    answers = logistic().fit(table[chosen], truth[chosen]).predict_proba(table[~chosen])[:, 1]
    return truth[~chosen], 1 - factor[~chosen] * (1 - answers[None])


def figures(truth: np.ndarray, answers: np.ndarray) -> dict[str, list[float]]:
    """Value, low and high of each metric: means over repeats, intervals over recordings."""

    weights = resampled(np.arange(len(truth)), RESAMPLES, seed=0)
    series: dict[str, np.ndarray] = {}
    for name, metric in (("auroc", auroc), ("brier", brier), ("ece", ece)):
        series[name] = np.mean([metric(truth, answer, weights) for answer in answers], axis=0)
    # At a tie of a half the recording is acceptable, as in the package.
    decided = (answers > 0.5).astype(float)
    for name, metric in (("sensitivity", sensitivity), ("specificity", specificity)):
        series[name] = np.mean([metric(truth, answer, weights) for answer in decided], axis=0)
    right = (decided == truth).mean(axis=0)
    series["accuracy"] = right @ weights / weights.sum(axis=0)
    return {name: [float(row[0]), *map(float, interval(row[1:])[:2])] for name, row in series.items()}


def reliability(truth: np.ndarray, answers: np.ndarray) -> list[dict[str, float]]:
    """Of those given such a score, how many were acceptable: out of fold, in five ranges."""

    score, acceptable = (1 - answers).ravel(), np.tile(~truth, len(answers))
    rows = []
    for low, high in ((0.0, 0.1), (0.1, 0.5), (0.5, 0.9), (0.9, 0.97), (0.97, 1.0)):
        inside = (score >= low) & ((score < high) | (high == 1.0))
        row = {"low": low, "high": high, "records": inside.sum() / len(answers)}
        rows.append(row | {"score": float(score[inside].mean()), "acceptable": float(acceptable[inside].mean())})
    return rows


def coefficients(table: np.ndarray, truth: np.ndarray) -> tuple[float, dict[str, float]]:
    """Fitted on all recordings: the log-odds of "acceptable"."""

    model = logistic().fit(table, ~truth)
    return round(float(model.intercept_[0]), 3), dict(zip(SUMMARY, model.coef_[0].round(3).tolist(), strict=True))


def milliseconds(corpus: datasets.Dataset, records: list[str]) -> float:
    """The median processor time of `quality` for one recording."""

    spent = []
    for signal, rate_hz in signals(corpus, records):
        start = time.process_time()
        quality(signal, rate_hz)
        spent.append(1000 * (time.process_time() - start))
    return float(np.median(spent))


def tables(facts: dict[str, Any]) -> str:
    """The Markdown."""

    names = ("auroc", "sensitivity", "specificity", "accuracy", "brier", "ece")
    lines = [f"| model | recordings | {' | '.join(names)} |", "|---|---|" + "---|" * len(names)]
    for row in facts["rows"]:
        cells = ("{:.3f} [{:.3f}, {:.3f}]".format(*row[name]) for name in names)
        lines.append(f"| {row['model']} | {row['records']} | {' | '.join(cells)} |")
    lines += ["", "| score | recordings | mean score | acceptable |", "|---|---|---|---|"]
    for row in facts["reliability"]:
        span = f"{row['low']:g}–{row['high']:g}"
        lines.append(f"| {span} | {row['records']:.0f} | {row['score']:.3f} | {row['acceptable']:.3f} |")
    return "\n".join(lines)


def main() -> None:
    """Measures, prints, and writes the JSON."""

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="the folder of the challenge, or of set A")
    parser.add_argument("--out", type=Path, help="where to write the numbers as JSON")
    options = parser.parse_args()
    corpus = datasets.get("cinc2011", options.data)
    found = verdicts(corpus)
    records, truth = list(found), np.array(list(found.values()))
    summaries, factors, every, floor = [], [], [], []
    for signal, rate_hz in signals(corpus, records):
        each = measured(signal, rate_hz)
        summaries.append(summed_up(each))
        factors.append(repeating(each))
        every.append(np.concatenate(list(each.values())))
        floor.append(rule(each, signal))
    table, factor = np.array(summaries), np.array(factors)
    ours = 1 - factor * (1 - out_of_fold(logistic, table, truth, REPEATS))
    answers = {
        "quality": ours,
        "boosting, all measures": out_of_fold(boosting, np.array(every), truth, 2),
        "rule": (np.array(floor)[None] > 0).astype(float),
        "all acceptable": np.zeros((1, len(truth))),
    }
    rows = [{"model": name, "records": len(truth), **figures(truth, answer)} for name, answer in answers.items()]
    rest, answer = held_back(table, factor, truth)
    rows.append({"model": "quality, held back", "records": len(rest), **figures(rest, answer)})
    intercept, weights = coefficients(table, truth)
    facts = {
        "records": len(truth),
        "unacceptable": int(truth.sum()),
        "rows": rows,
        "reliability": reliability(truth, ours),
        "intercept": intercept,
        "weights": weights,
        "milliseconds": milliseconds(corpus, records[:200]),
        "machine": platform.machine(),
        "versions": {m.__name__: m.__version__ for m in (np, scipy, sklearn)},
    }
    print(f"{len(truth)} recordings, {truth.sum()} unacceptable\n\n{tables(facts)}\n")
    print(f"_INTERCEPT = {intercept}\n_WEIGHTS = {json.dumps(weights)}\n\n{facts['milliseconds']:.1f} ms a recording")
    if options.out:
        options.out.write_text(json.dumps(facts, indent=1) + "\n")


if __name__ == "__main__":
    main()
