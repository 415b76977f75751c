"""How well models tell where a ventricular tachycardia comes from: which segment, and how far off in millimetres.

A model gives each segment a probability. The likeliest one is its answer; the place that it says is the mean of the
segments' centres, weighted by these, where a centre is the mean place of the segment's records outside the test part of
the same fold. So it cannot come nearer than what is known of a segment. Intervals are over patients and seeds at once
(`einthoven.evaluation._seeds`).
"""

__all__ = ["METRICS", "localisation"]

from collections.abc import Iterator

import numpy as np
import pandas as pd
from jaxtyping import Float

from einthoven.evaluation._seeds import DIFFERENCE, Seeds, difference, value
from einthoven.evaluation._trials import Trials, trials
from einthoven.evaluation.bootstrap import resampled
from einthoven.evaluation.efficiency import family
from einthoven.evaluation.remedies import level_of

METRICS = ("accuracy", "balanced_accuracy", "error_mm", "median_error_mm")
_AXES = ("x_mm", "y_mm", "z_mm")
_LEAST = 1e-6  # probability of segments whose place is known, below which no place is said

Places = Float[np.ndarray, "record 3"]


def localisation(
    predictions: pd.DataFrame,
    cohort: pd.DataFrame,
    *,
    baseline: str,
    primary: str,
    resamples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
    n: int = 12,
) -> dict[str, pd.DataFrame]:
    """The tables.

    Arguments:
        predictions: The predictions table of models named WAY@PATIENTS, one row a record and segment; its test rows
            are judged.
        cohort: One row a record: `record`, `segment`, and where places are known `x_mm`, `y_mm` and `z_mm`.
        baseline: The model that the primary one was planned to be compared with; its way is what all others are held
            against with as many patients.
        primary: The model whose accuracy against it was written down before the run, and whose answers are listed.
        resamples: How many times the patients are drawn.
        level: Of the intervals.
        seed: Of the draws.
        n: How many mistakes.

    Returns:
        `localisation`: one row a model and metric: model, way, level (patients it learnt from), value, low, high,
        seeds, seed_sd, records, patients. Balanced accuracy is the mean over the segments of the share found; errors
        are in mm, mean and median over records of known place. `gaps`: one row a model and metric, less the baseline's
        way at the same level: against, planned and the columns of `einthoven.evaluation._seeds.DIFFERENCE`.
        `confusion`: model, truth, said, records (mean over seeds). `places`: of the primary model's first seed record,
        patient, truth, said, and in mm `x_mm` … and `said_x_mm` …, and error_mm. `mistakes`: its wrong answers that it
        was surest of, at most `n`, as rows of the predictions with class (what was said), truth (the segment that it
        is), threshold (NaN: there is none) and kind.

    Raises:
        ValueError: If the tables are not what they should be, or there is nothing of the primary model or the baseline.
    """

    table = trials(predictions, ("probability", "fold"))
    if lacking := [name for name in (baseline, primary) if name not in table.seeds]:
        raise ValueError(f"there are no predictions of {lacking[0]}; there are of {', '.join(table.seeds)}")
    weights = resampled(table.cluster, resamples, seed).astype(np.float64)
    found = _Places(table, cohort)
    values: dict[tuple[str, str], Seeds] = {}
    confused, listed = [], pd.DataFrame()
    for model, seeds in table.seeds.items():
        counts = np.zeros((len(table.classes),) * 2)
        for one in seeds:
            said, error = found.answers(model, one)
            for metric, drawn in _figures(table.truth.argmax(axis=1), said, error, weights):
                values.setdefault((model, metric), {})[one] = drawn
            np.add.at(counts, (table.truth.argmax(axis=1), said), 1 / len(seeds))
            if model == primary and one == seeds[0]:
                listed = found.listed(said, model, one)
        for place, truth in enumerate(table.classes):
            told = zip(table.classes, counts[place], strict=True)
            confused += [{"model": model, "truth": truth, "said": said, "records": count} for said, count in told]
    judged = {"records": len(table.records), "patients": len(np.unique(table.cluster))}
    placed = {"records": int(found.known.sum()), "patients": len(np.unique(table.cluster[found.known]))}
    rows, gaps = [], []
    for (model, metric), series in values.items():
        keys = {"model": model, "way": family(model), "level": level_of(model), "metric": metric}
        most = np.inf if metric.endswith("mm") else 1.0
        counted = placed if metric.endswith("mm") else judged
        patients = counted["patients"]
        rows.append({**keys, **value(series, patients, level, most), **counted})
        against = f"{family(baseline)}@{level_of(model)}"
        if against != model and (theirs := values.get((against, metric))):
            planned = (model, against, metric) == (primary, baseline, METRICS[0])
            gaps.append({**keys, "against": against, "planned": planned, **difference(series, theirs, patients, level)})
    order = ["model", "way", "level", "metric", "against", "planned", *DIFFERENCE]
    return {
        "localisation": pd.DataFrame(rows),
        "gaps": pd.DataFrame(gaps, columns=order),
        "confusion": pd.DataFrame(confused),
        "places": listed,
        "mistakes": _mistaken(predictions, listed, primary, table.seeds[primary][0], n),
    }


class _Places:
    """Where the records of a table come from, and where models say that they do."""

    def __init__(self, table: Trials, cohort: pd.DataFrame) -> None:
        self._table = table
        rows = cohort.set_index("record")
        self._rows, self._segment = rows, rows["segment"]
        self.true = self._of(list(table.records))
        self.known = ~np.isnan(self.true).any(axis=1)

    def _of(self, records: list[str]) -> Places:
        found: np.ndarray = self._rows.reindex(index=records, columns=list(_AXES)).to_numpy(np.float64)
        return found

    def _centres(self, tested: np.ndarray) -> Float[np.ndarray, "segment 3"]:
        """The middle of each segment's records that are not tested; NaN of one of which no place is known."""
        others = self._rows.index[~self._rows.index.isin(np.array(self._table.records, dtype=object)[tested])]
        where = pd.DataFrame(self._of(list(others)), index=self._segment.reindex(others).to_numpy())
        mean = where.dropna().groupby(level=0).mean()
        centres: np.ndarray = mean.reindex(list(self._table.classes)).to_numpy()
        return centres

    def said(self, model: str, seed: int) -> Places:
        """The place that a model says, NaN where it says none; a segment of which no place is known has no weight."""
        probability, fold = (self._table.answers[name, model, seed] for name in ("probability", "fold"))
        out = np.full_like(self.true, np.nan)
        for number in np.unique(fold[~np.isnan(fold)]):
            tested = (fold == number).any(axis=1)
            centres = self._centres(tested)
            somewhere = ~np.isnan(centres).any(axis=1)
            share = probability[tested][:, somewhere]
            whole = share.sum(axis=1, keepdims=True)
            out[tested] = share @ centres[somewhere] / np.where(whole > _LEAST, whole, np.nan)
        return np.where(np.isnan(probability).any(axis=1)[:, None], np.nan, out)

    def answers(self, model: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """The number of the segment that a model says, and how far off the place is in mm."""
        probability = self._table.answers["probability", model, seed]
        if np.isnan(probability).any():
            raise ValueError(f"{model} did not answer for all test records with seed {seed}; train it again")
        error: np.ndarray = np.linalg.norm(self.said(model, seed) - self.true, axis=1)
        return probability.argmax(axis=1), error

    def listed(self, said: np.ndarray, model: str, seed: int) -> pd.DataFrame:
        """The answers of a training, record by record."""
        table, names = self._table, np.array(self._table.classes, dtype=object)
        where = self.said(model, seed)
        facts = {"record": table.records, "patient": self._rows["patient"].reindex(list(table.records)).to_numpy()}
        facts |= {"truth": names[table.truth.argmax(axis=1)], "said": names[said]}
        facts |= {axis: self.true[:, place] for place, axis in enumerate(_AXES)}
        facts |= {f"said_{axis}": where[:, place] for place, axis in enumerate(_AXES)}
        return pd.DataFrame({**facts, "error_mm": np.linalg.norm(where - self.true, axis=1)})


def _mistaken(predictions: pd.DataFrame, listed: pd.DataFrame, model: str, seed: int, n: int) -> pd.DataFrame:
    wrong = listed.loc[listed["truth"] != listed["said"], ["record", "truth", "said"]]
    answers = predictions[(predictions["model"] == model) & (predictions["seed"] == seed)]
    answers = answers[answers["part"] == "test"].drop(columns="truth")
    found = wrong.merge(answers, left_on=["record", "said"], right_on=["record", "class"])
    found = found.sort_values(["probability", "record"], ascending=[False, True]).head(n).reset_index(drop=True)
    kind = [f"said {said}, is {true}" for said, true in zip(found["said"], found["truth"], strict=True)]
    order = ["record", "patient", "source", "model", "seed", "fold", "class", "truth", "probability"]
    return found[order].assign(threshold=np.nan, kind=pd.Series(kind, dtype="str"))


def _figures(
    truth: np.ndarray, said: np.ndarray, error: np.ndarray, weights: Float[np.ndarray, "record resample"]
) -> Iterator[tuple[str, Float[np.ndarray, " resample"]]]:
    """The metrics in the sample and in every resample; errors only where places are known."""
    right = (truth == said).astype(np.float64)
    yield METRICS[0], right @ weights / weights.sum(axis=0)
    classes = np.unique(truth)
    member = (truth == classes[:, None]).astype(np.float64)
    with np.errstate(invalid="ignore"):  # a segment that a resample lacks is left out of its mean
        recalls = (member * right) @ weights / (member @ weights)
    yield METRICS[1], np.nanmean(recalls, axis=0)
    known = ~np.isnan(error)
    if known.any():
        with np.errstate(invalid="ignore"):  # a resample without a known place has no error
            yield METRICS[2], error[known] @ weights[known] / weights[known].sum(axis=0)
        order = np.argsort(error[known])
        climbing = np.cumsum(weights[known][order], axis=0)
        median = error[known][order][np.minimum((climbing < climbing[-1] / 2).sum(axis=0), known.sum() - 1)]
        yield METRICS[3], np.where(climbing[-1] > 0, median, np.nan)
