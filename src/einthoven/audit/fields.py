"""A field of the table that tells the label better than the ECG does.

Age, source, the length of a recording or a column that somebody left in the table may give the label away: then a model
need not read an ECG, and one that does is beaten by a column. Each field is turned into a score, by records of other
patients alone: a number as it is, upwards or downwards as it goes with the class there; a word, or a number of few
values, by the share of the class among the records there that have it. Its AUROC on the test records is compared with
that of the best model on the same records, on resamples of patients (`einthoven.evaluation.contrasts`).
"""

__all__ = ["fields"]

import dataclasses
from collections.abc import Iterator

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int, Shaped
from scipy.stats import norm, rankdata

from einthoven import labels
from einthoven.audit import STATUSES, Finding, Status, Subject, Verdict
from einthoven.evaluation.bootstrap import clusters
from einthoven.evaluation.contrasts import contrasts
from einthoven.metrics.auroc import auroc

FEWEST = 5  # positives and negatives among the test records, for a class to be judged
SUSPICIOUS = 0.9  # AUROC of a field where there is no model to compare with
_FOLDS = 10
_PRIOR = 1.0  # records that a word counts beside its own, with the share of all
# Ids, labels and bookkeeping. What is left tells of the patient or the recording.
_NO_FIELDS = frozenset(
    "record_id patient_id positive unknown fold content recording start_s stop_s synthetic parents store row shard "
    "offset scale kept_leads notes skipped split part side owner".split()
).union(labels.ORIGIN)
_NO_PREFIXES = ("lead_", "fingerprint_")
_WORDS = {"samples": "recording length"}
_MANY = 20  # numbers of fewer different values are taken for words
_SURE = 0.05
_FIELD = "the field"


@dataclasses.dataclass(frozen=True, eq=False)
class _Field:
    """A field as numbers, NaN where it is missing; or as the numbers of its words, a missing one being a word too."""

    name: str
    values: Float[np.ndarray, " record"]
    words: bool


@dataclasses.dataclass(frozen=True, eq=False)
class _Asked:
    """One class, on the records that count.

    Attributes:
        name: Of the class.
        rows: The records, as rows of the table.
        truth: Of each.
        fold: Of each, within which positives are compared with negatives.
        model: The best model, or empty where there is none.
        auroc: Of that model.
        answers: Its predictions of this class, or None.
    """

    name: str
    rows: Int[np.ndarray, " record"]
    truth: Bool[np.ndarray, " record"]
    fold: Shaped[np.ndarray, " record"]
    model: str = ""
    auroc: float = float("nan")
    answers: pd.DataFrame | None = None


def fields(subject: Subject) -> Verdict:
    """Fields that tell a class of the test records better than the best model, or nearly tell it where there is none.

    Arguments:
        subject: Every column of its table is a field, but ids, labels, bookkeeping and those that describe the stored
            signal; so are `age`, `sex`, `source` and `samples`, the recording's length. Its `predictions` are those of
            the models; without them its test records count, or all where there is no split.
    """

    if subject.targets is None or not subject.classes:
        return Verdict("fields", "no labels were given", asked=False)
    found = list(_fields(subject))
    if not found:
        return Verdict("fields", "the table has no field that differs between records", asked=False)
    asked = list(_asked(subject))
    left = len(subject.classes) - len(asked)
    looked = f"{len(found)} fields ({', '.join(field.name for field in found)}) for {len(asked)} classes"
    looked += f"; {left} others have fewer than {FEWEST} positives or negatives in the test part" if left else ""
    if not asked:
        sentence = f"No class has {FEWEST} positives and negatives among the test records."
        return Verdict("fields", looked, (Finding("could not look", sentence, left),))
    known = subject.patients.to_numpy(object)
    cluster = clusters(pd.Series(known, index=subject.column("record_id").to_numpy()))
    fold = np.random.default_rng(0).permutation(cluster.max() + 1)[cluster] % _FOLDS
    findings = [_finding(subject, field, asked, fold, len(found) * len(asked)) for field in found]
    return Verdict("fields", looked, tuple(finding for finding in findings if finding is not None))


def _fields(subject: Subject) -> Iterator[_Field]:
    """The fields, and where a number is missing for some records, whether it is."""

    for name in subject.table.columns:
        if name in _NO_FIELDS or name in subject.classes or str(name).startswith(_NO_PREFIXES):
            continue
        values, column = _numbers(subject.table[name]), subject.table[name]
        called = _WORDS.get(str(name), str(name))
        if values is None and any(np.ndim(value) for value in column.dropna().head(10)):
            continue
        if values is not None and (distinct := len(np.unique(values[~np.isnan(values)]))) > _MANY:
            yield _Field(called, values, words=False)
            missing = np.isnan(values).astype(np.float64)
            if 0 < missing.mean() < 1:
                yield _Field(f"whether {called} is missing", missing, words=True)
        elif (values is None and column.nunique(dropna=False) > 1) or (values is not None and distinct > 1):
            codes = pd.factorize(column.astype("string") if values is None else values)[0]
            yield _Field(called, codes.astype(np.float64), words=True)


def _numbers(column: pd.Series) -> Float[np.ndarray, " record"] | None:
    """A column as numbers, dates too; None if it holds words or anything else."""

    if pd.api.types.is_datetime64_any_dtype(column):
        column = column.astype("string")
    if any(np.ndim(value) for value in column.dropna().head(10)):
        return None
    there = column.notna().to_numpy()
    numbers = pd.to_numeric(column, errors="coerce")
    if (numbers.isna().to_numpy() & there).any():
        dates = pd.to_datetime(column.astype("string"), errors="coerce", format="ISO8601", utc=True)
        if (dates.isna().to_numpy() & there).any() or not there.any():
            return None
        return np.where(there, (dates - dates.min()).dt.total_seconds().to_numpy(np.float64), np.nan)
    values = numbers.to_numpy(dtype=np.float64, na_value=np.nan)
    return np.where(np.isfinite(values), values, np.nan)


def _asked(subject: Subject) -> Iterator[_Asked]:
    """The classes that can be judged, each with its best model where there are predictions."""

    assert subject.targets is not None
    if subject.predictions is None:
        chosen = subject.side == "test" if subject.split is not None else subject.side != ""
        for name, y in zip(subject.classes, subject.targets.T, strict=True):
            rows = np.flatnonzero(chosen & ~np.isnan(y))
            if min((y[rows] == 1).sum(), (y[rows] == 0).sum()) >= FEWEST:
                yield _Asked(name, rows, y[rows] == 1, np.zeros(len(rows)))
        return
    at = pd.Series(np.arange(len(subject.table)), index=subject.column("record_id").astype(str).to_numpy())
    test = subject.predictions[(subject.predictions["part"] == "test") & subject.predictions["truth"].notna()]
    at = at[~at.index.duplicated()]
    test = test[test["record"].astype(str).isin(at.index)]
    for name in subject.classes:
        models = {str(model): _auroc(rows) for model, rows in test[test["class"] == name].groupby("model")}
        if not models:
            continue
        best = max(models, key=lambda model: np.nan_to_num(models[model]))
        answers = test[(test["class"] == name) & (test["model"] == best)].assign(source="")  # which plays no part here
        one = answers[answers["seed"] == answers["seed"].min()]
        truth = one["truth"].to_numpy(dtype=np.float64) == 1
        if min(truth.sum(), (~truth).sum()) >= FEWEST:
            rows = at.loc[one["record"].astype(str)].to_numpy()
            yield _Asked(name, rows, truth, one["fold"].to_numpy(), best, models[best], answers)


def _auroc(rows: pd.DataFrame) -> float:
    """The AUROC of a model and class, the mean over seeds, each within its folds."""
    columns = ("truth", "probability", "fold")
    by_seed = [_within(*(same[name].to_numpy(np.float64) for name in columns)) for _, same in rows.groupby("seed")]
    return float(np.mean(by_seed))


def _within(
    truth: Shaped[np.ndarray, " record"], score: Float[np.ndarray, " record"], fold: Shaped[np.ndarray, " record"]
) -> float:
    """The AUROC within each fold, the folds weighted by their positives; NaN where no fold has both kinds."""

    parts = [fold == number for number in np.unique(fold)]
    values = np.array([auroc(truth[part], score[part]) for part in parts])
    mass = np.array([(truth[part] == 1).sum() for part in parts]) * ~np.isnan(values)
    return float((np.nan_to_num(values) * mass).sum() / mass.sum()) if mass.sum() else float("nan")


def _score(
    field: _Field, y: Float[np.ndarray, " record"], fold: Int[np.ndarray, " record"]
) -> Float[np.ndarray, " record"]:
    """What the field says of a class, from 0 to 1, learnt of the records of other folds."""

    known = ~np.isnan(y)
    if field.words:
        code = field.values.astype(np.int64) - int(field.values.min())
        cell, size = code * _FOLDS + fold, (int(code.max()) + 1, _FOLDS)
        count = np.bincount(cell[known], minlength=size[0] * _FOLDS).reshape(size)
        hits = np.bincount(cell[known], weights=y[known], minlength=size[0] * _FOLDS).reshape(size)
        count, hits = (each.sum(axis=1, keepdims=True) - each for each in (count, hits))
        share = hits.sum(axis=0) / np.maximum(count.sum(axis=0), 1)
        return ((hits + _PRIOR * share) / (count + _PRIOR))[code, fold]
    there = ~np.isnan(field.values)
    rank = np.full(len(y), 0.5)
    rank[there] = rankdata(field.values[there]) / (there.sum() + 1)
    score = rank.copy()
    for number in range(_FOLDS):
        rest, out = known & there & (fold != number), fold == number
        positive = y[rest] == 1
        if positive.any() and not positive.all() and rank[rest][positive].mean() < rank[rest][~positive].mean():
            score[out] = 1 - rank[out]
    return score


def _finding(
    subject: Subject, field: _Field, asked: list[_Asked], fold: Int[np.ndarray, " record"], made: int
) -> Finding | None:
    """What a field tells too well, with the class that it tells best."""

    assert subject.targets is not None
    column = dict(zip(subject.classes, subject.targets.T, strict=True))
    told: list[tuple[Status, float, str]] = []
    for one in asked:
        score = _score(field, column[one.name].astype(np.float64), fold)[one.rows]
        value = _within(one.truth, score, one.fold)
        if one.answers is None:
            if value > SUSPICIOUS:
                told.append(("warning", value, f"{one.name} with an AUROC of {value:.3f}"))
        elif value > one.auroc and (verdict := _better(one, score, made)) is not None:
            told.append(
                (verdict[0], value - one.auroc, f"{one.name}, {value:.3f} against {one.auroc:.3f} {verdict[1]}")
            )
    if not told:
        return None
    told.sort(key=lambda each: (STATUSES.index(each[0]), -each[1]))
    words = [each[2] for each in told]
    if asked[0].answers is None:
        sentence = f"{field.name} alone tells {len(told)} of {len(asked)} classes, the best {words[0]}; there are no "
        sentence += "predictions to compare with. Make sure that a model cannot see it, or balance it."
    else:
        sentence = f"{field.name} alone tells {len(told)} of {len(asked)} classes better than the best model: AUROC of "
        sentence += f"{words[0]}. What is measured there may be {field.name} and not the ECG."
    return Finding(told[0][0], sentence, len(told), tuple(words[:3]))


def _better(one: _Asked, score: Float[np.ndarray, " record"], made: int) -> tuple[Status, str] | None:
    """Whether a field beats the model beyond chance, and beyond that of the many comparisons made; and in words."""

    assert one.answers is not None
    first = one.answers[one.answers["seed"] == one.answers["seed"].min()]
    rival = first.assign(probability=score, model=_FIELD)
    found = contrasts(pd.concat([one.answers, rival], ignore_index=True), _FIELD, label_sets={"class": [one.name]})
    row = found[found["metric"] == "auroc"].iloc[0]
    if not row["low"] > 0:
        return None
    p = 2 * float(norm.sf(row["difference"] / row["se"])) if row["se"] > 0 else 0.0
    words = f"of {one.model} (difference {row['difference']:.3f}, 95 % from {row['low']:.3f} to {row['high']:.3f}"
    if p * made < _SURE:
        return "leak", f"{words})"
    return "warning", f"{words}, which may be chance among {made} comparisons)"
