"""The predictions table as arrays: the one place where rows become columns."""

__all__ = ["Trials", "checked", "trials"]

import dataclasses
from collections.abc import Sequence

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from einthoven.evaluation.bootstrap import clusters

COLUMNS = ("record", "patient", "source", "part", "class", "truth", "probability", "model", "seed", "fold")


@dataclasses.dataclass(frozen=True)
class Trials:
    """What was asked and answered in the test part.

    Attributes:
        records: Names, sorted.
        cluster: The number of each record's patient.
        classes: Names, sorted.
        truth: 1, 0 or NaN where it is unknown or nobody asked.
        answers: For each column (such as `probability`), model and seed what was answered, NaN where it was not
            asked.
        seeds: The seeds of each model, models and seeds sorted.
    """

    records: tuple[str, ...]
    cluster: Int[np.ndarray, " record"]
    classes: tuple[str, ...]
    truth: Float[np.ndarray, "record class"]
    answers: dict[tuple[str, str, int], Float[np.ndarray, "record class"]]
    seeds: dict[str, tuple[int, ...]]

    def asked(self, model: str, seed: int | None = None) -> Bool[np.ndarray, "record class"]:
        """Which records a model answered for, with its first seed unless another is named."""
        seed = self.seeds[model][0] if seed is None else seed
        asked: np.ndarray = ~np.isnan(self.answers["probability", model, seed])
        return asked

    def counts(self, chosen: Sequence[int]) -> dict[str, int]:
        """Of some classes the positives, and of how many records and patients one at least is known."""
        truth = self.truth[:, list(chosen)]
        known = ~np.isnan(truth).all(axis=1)
        patients = len(np.unique(self.cluster[known]))
        return {"positives": int((truth == 1).sum()), "records": int(known.sum()), "patients": patients}

    def select(self, chosen: Bool[np.ndarray, " record"]) -> "Trials":
        """The same for some of the records."""
        return dataclasses.replace(
            self,
            records=tuple(np.array(self.records, dtype=object)[chosen]),
            cluster=self.cluster[chosen],
            truth=self.truth[chosen],
            answers={key: answer[chosen] for key, answer in self.answers.items()},
        )


def checked(predictions: pd.DataFrame, *more: str) -> pd.DataFrame:
    """The predictions, with the truth as 1.0, 0.0 or NaN.

    Arguments:
        predictions: The predictions table.
        more: Columns that it must have besides the usual ones.

    Raises:
        ValueError: If a column is missing or holds what it must not.
    """

    missing = [name for name in (*COLUMNS, *more) if name not in predictions]
    if missing:
        raise ValueError(
            f"the predictions have no column {', '.join(missing)}; they have {', '.join(predictions.columns)}"
        )
    strange = sorted(set(predictions["part"].unique()) - {"validation", "test", "external"}, key=str)
    if strange:
        raise ValueError(f"a prediction's part is 'validation', 'test' or 'external', not {strange}")
    truth = predictions["truth"].astype("Float64").to_numpy(dtype=np.float64, na_value=np.nan)
    if not (np.isnan(truth) | (truth == 0) | (truth == 1)).all():
        raise ValueError("a truth is 1, 0 or missing; the predictions hold other numbers")
    wrong = ~predictions["probability"].between(0, 1)
    if wrong.any():
        first = predictions[wrong].iloc[0]
        raise ValueError(
            f"{wrong.sum()} probabilities are not numbers from 0 to 1, the first of model {first['model']}, seed "
            f"{first['seed']}, fold {first['fold']}; did its training diverge? Train it again or leave it out"
        )
    return predictions.assign(truth=truth)


def trials(predictions: pd.DataFrame, columns: Sequence[str] = ("probability",)) -> Trials:
    """Arranges the test rows.

    Arguments:
        predictions: The predictions table; other parts are left out.
        columns: The answers to arrange; `probability` and `fold` are always among them.

    Raises:
        ValueError: If the table is not one, has no test rows, or answers or tells a truth twice.
    """

    test = checked(predictions, *columns)
    test = test[test["part"] == "test"].reset_index(drop=True)
    if test.empty:
        raise ValueError("the predictions have no rows in the part 'test'; there is nothing to evaluate")
    record, records = pd.factorize(test["record"].to_numpy(dtype=object), sort=True)
    label, classes = pd.factorize(test["class"].to_numpy(dtype=object), sort=True)
    shape = len(records), len(classes)
    truth = np.full(shape, np.nan)
    truth[record, label] = test["truth"]
    if not np.array_equal(truth[record, label], test["truth"], equal_nan=True):
        raise ValueError("a record has different truths in the rows of different models, seeds or folds")
    answers: dict[tuple[str, str, int], np.ndarray] = {}
    seeds: dict[str, tuple[int, ...]] = {}
    for (model, seed), rows in test.groupby(["model", "seed"]):
        place = record[rows.index], label[rows.index]
        run = str(model), int(rows["seed"].iloc[0])
        if len(np.unique(place[0] * shape[1] + place[1])) < len(rows):
            raise ValueError(f"model {model}, seed {seed} answers twice for a test record; do its folds overlap?")
        for name in {"probability", "fold", *columns}:
            answers[name, *run] = table = np.full(shape, np.nan)
            table[place] = rows[name]
        seeds[run[0]] = (*seeds.get(run[0], ()), run[1])
    return Trials(tuple(records), clusters(_patients(test)), tuple(classes), truth, answers, seeds)


def _patients(test: pd.DataFrame) -> pd.Series:
    """The patient of each record, records sorted."""

    patients = test.assign(patient=test["patient"].astype("string")).groupby("record")["patient"]
    if (patients.nunique(dropna=False) > 1).any():
        raise ValueError("a record has different patients in different rows of the predictions")
    return patients.first()
