"""What readers said of records whose truth is known: one CSV a reader, brought to the order of the gold standard.

Columns are classes and are matched by name. Rows are matched by record where the files name records, and else taken in
their order, which is then said. An empty cell is an answer that nobody gave. An NPY file of probabilities has neither
names nor records: its columns and rows are those of the gold standard.
"""

__all__ = ["Readings", "ReadingsError", "from_files", "from_folder", "from_run"]

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float

from einthoven.datasets._tables import read_csv
from einthoven.records.writing import replacing

_IDS = ("record", "record_id", "id", "exam_id", "ecg_id")
_WORTH = {"1": 1.0, "1.0": 1.0, "0": 0.0, "0.0": 0.0, "": np.nan}
_AUTHORS = (
    "In CODE-test, cardiologist1 and cardiologist2 made the gold standard, and a third decided where they differed "
    "(Ribeiro et al. 2020): their own figures against it are too good."
)
Answers = Mapping[str, Float[np.ndarray, "record class"]]


class ReadingsError(ValueError):
    """Readings that cannot be used as they are; the message names the file, the fact and the remedy."""


@dataclasses.dataclass(frozen=True, eq=False)
class Readings:
    """Everybody's answers for the same records and classes.

    Attributes:
        patients: The patient of each record, indexed by the record's name; missing where nobody knows.
        classes: Their names, as the gold standard orders them.
        gold: 1, 0 or NaN (unknown).
        readers: 1, 0 or NaN (no answer), for each reader.
        probabilities: From 0 to 1, for each network.
        notes: What had to be assumed, or is worth knowing, as sentences.
    """

    patients: pd.Series
    classes: tuple[str, ...]
    gold: Float[np.ndarray, "record class"]
    readers: Answers
    probabilities: Answers
    notes: tuple[str, ...]

    def long(self, answers: Answers) -> pd.DataFrame:
        """Some answers as test rows of a predictions table, in which an answer is a decision and a probability."""
        shape = self.gold.shape
        common = {
            "record": np.repeat(self.patients.index.to_numpy(dtype=object), shape[1]),
            "patient": np.repeat(self.patients.to_numpy(dtype=object), shape[1]),
            "class": np.tile(np.array(self.classes, dtype=object), shape[0]),
            "truth": self.gold.ravel(),
        }
        facts = {"source": "readers", "part": "test", "seed": 0, "fold": 0}
        tables = [
            pd.DataFrame({**common, **facts, "model": name, "probability": one.ravel(), "decision": one.ravel()})
            for name, one in answers.items()
        ]
        return pd.concat(tables, ignore_index=True).dropna(subset=["probability"]).astype({"patient": "string"})


def from_folder(folder: Path) -> tuple[Path, dict[str, Path], dict[str, Path], list[str]]:
    """The files of a folder: the gold standard, the readers, the probabilities, and what was passed over.

    `gold_standard.csv` is the gold standard; every other CSV beside it that has one of its classes is a reader; every
    NPY file there or one folder below holds probabilities.

    Raises:
        ReadingsError: If there is no such folder.
        DatasetError: If a CSV cannot be read.
    """

    if not folder.is_dir():
        raise ReadingsError(f"{folder} is no folder; give one with a gold_standard.csv, or name the files by --gold")
    gold = folder / "gold_standard.csv"
    classes = set(_classes(_table(gold)))
    readers, notes = {}, []
    for path in sorted(folder.glob("*.csv")):
        if path == gold:
            continue
        if classes & set(_table(path).columns):
            readers[path.stem] = path
        else:
            notes.append(f"{path.name} is no reader: it has none of the classes.")
    if {"cardiologist1", "cardiologist2"} <= set(readers):
        notes.append(_AUTHORS)
    arrays = sorted([*folder.glob("*.npy"), *folder.glob("*/*.npy")], key=lambda path: _natural(path.stem))
    probabilities = {path.stem: path for path in arrays}
    if len(probabilities) < len(arrays):
        raise ReadingsError(f"two NPY files in {folder} have one name; name the files by --probabilities NAME=FILE")
    return gold, readers, probabilities, notes


def from_run(run: Path, models: Sequence[str] = ()) -> tuple[Path, dict[str, Path]]:
    """Writes what readers of the test records of a run are compared with, as CSVs in its folder `readings`.

    Arguments:
        run: The run folder.
        models: Whose probabilities, the mean over seeds; none for the primary one.

    Returns:
        The gold standard, and the probabilities of each model.

    Raises:
        ReadingsError: If it is no run, or has no answers of a model for its test.
    """

    try:
        primary = json.loads((run / "experiment.json").read_text(encoding="utf-8"))["primary"]
        answers = pd.read_parquet(run / "predictions.parquet")
    except (OSError, ValueError, KeyError):
        raise ReadingsError(f"{run} is no run with predictions; name the folder that a study wrote") from None
    test = answers[answers["part"] == "test"]
    truth = test.drop_duplicates(["record", "class"]).pivot(index="record", columns="class", values="truth")
    patients = test.drop_duplicates("record").set_index("record")["patient"].reindex(truth.index)
    tables = {"gold_standard": truth.astype("Int8").assign(patient=patients)}
    for model in models or [primary]:
        mine = test[test["model"] == model]
        if mine.empty:
            known = ", ".join(sorted(test["model"].unique())) or "none"
            raise ReadingsError(f"{run} has no answers of '{model}' for its test; it has of: {known}")
        tables[model] = mine.groupby(["record", "class"])["probability"].mean().unstack().reindex(truth.index)
    folder = run / "readings"
    folder.mkdir(exist_ok=True)
    for name, table in tables.items():
        with replacing(folder / f"{name}.csv") as scratch:
            table.reset_index().to_csv(scratch, index=False)
    return folder / "gold_standard.csv", {name: folder / f"{name}.csv" for name in tables if name != "gold_standard"}


def from_files(
    gold: Path, readers: Mapping[str, Path], probabilities: Mapping[str, Path], notes: Sequence[str] = ()
) -> Readings:
    """Reads and aligns the files.

    Arguments:
        gold: A CSV with a column a class (1, 0 or empty for unknown), optionally one named record, record_id, id,
            exam_id or ecg_id, and optionally `patient`.
        readers: A CSV with the same classes and records for each reader; empty is no answer.
        probabilities: For each network such a CSV with numbers from 0 to 1, or an NPY array `record class`.
        notes: What is known already.

    Raises:
        ReadingsError: If there is no reader, or a file does not fit the gold standard.
        DatasetError: If a CSV cannot be read.
    """

    if not readers:
        raise ReadingsError("there is no reader to compare with the gold standard; name one by --reader NAME=FILE")
    table = _table(gold)
    classes, names = _classes(table), _names(table, gold)
    if not classes:
        raise ReadingsError(f"{gold} has no class; give it one column a class, with 1, 0 or empty for unknown")
    records = [f"row {k:06d}" for k in range(1, len(table) + 1)] if names is None else names
    owners = table["patient"].str.strip().replace("", None) if "patient" in table else [None] * len(table)
    patients = pd.Series(list(owners), index=records, dtype="string")
    aligned = partial(_aligned, classes=classes, names=names, count=len(table), gold=gold)
    told = {name: _decisions(aligned(path), classes, path) for name, path in readers.items()}
    found = {name: _probabilities(path, classes, len(table), gold, aligned) for name, path in probabilities.items()}
    said = [*notes, *_assumptions(names, "patient" in table, probabilities), *_twins(told), *_twins(found)]
    return Readings(patients, tuple(classes), _decisions(table, classes, gold), told, found, tuple(said))


def _table(path: Path, needed: Sequence[str] = ()) -> pd.DataFrame:
    """A CSV as text, each of whose rows can be told from a blank line."""
    table = read_csv(path, needed)
    if table.shape[1] == 1 and "" in path.read_text(encoding="utf-8-sig").rstrip().splitlines():
        raise ReadingsError(f"{path} has one column and a blank line, which may be an answer; add a column 'record'")
    return table


def _classes(table: pd.DataFrame) -> list[str]:
    """The columns that are neither ids nor a counter without a name."""
    return [name for name in table.columns if name not in (*_IDS, "patient") and not name.startswith("Unnamed: ")]


def _names(table: pd.DataFrame, path: Path) -> list[str] | None:
    """What each row calls its record, or None where no column does."""
    column = next((name for name in _IDS if name in table), None)
    if column is None:
        return None
    names = table[column].str.strip()
    if (names == "").any():
        raise ReadingsError(f"{path}, line {int((names == '').argmax()) + 2}: '{column}' is empty; name every record")
    if names.duplicated().any():
        raise ReadingsError(f"{path} has more than one row of record {names[names.duplicated()].iloc[0]}; keep one")
    return list(names)


def _aligned(path: Path, classes: list[str], names: list[str] | None, count: int, gold: Path) -> pd.DataFrame:
    """A CSV with the rows of the gold standard, in its order."""
    table = _table(path, classes)
    if strange := [name for name in _classes(table) if name not in classes]:
        raise ReadingsError(f"{path} has a column '{strange[0]}' that {gold} lacks; add it there, or leave it out here")
    own = _names(table, path)
    if (own is None) != (names is None):
        named, bare = (gold, path) if own is None else (path, gold)
        raise ReadingsError(f"{named} names its records and {bare} does not; add the column to it, or leave it out")
    if own is None or names is None:
        if len(table) != count:
            raise ReadingsError(
                f"{path} has {len(table)} rows and {gold} has {count}; without a column 'record' they must be the same"
            )
        return table
    for first, second, these, those in ((path, gold, own, names), (gold, path, names, own)):
        if lacking := sorted(set(those) - set(these)):
            more = f" and {len(lacking) - 1} more" if len(lacking) > 1 else ""
            raise ReadingsError(
                f"{first} lacks record {lacking[0]}{more}, which {second} has; a row of empty cells says 'not answered'"
            )
    return table.set_index(pd.Index(own)).loc[names].reset_index(drop=True)


def _decisions(table: pd.DataFrame, classes: list[str], path: Path) -> Float[np.ndarray, "record class"]:
    """Cells of 1, 0 and nothing as numbers."""
    columns = []
    for name in classes:
        cells = table[name].str.strip()
        strange = cells[~cells.isin(list(_WORTH))]
        if len(strange):
            raise ReadingsError(f"{path}, class '{name}' holds '{strange.iloc[0]}'; an answer is 1, 0 or empty")
        columns.append(cells.map(_WORTH).to_numpy(dtype=np.float64))
    if np.isnan(columns).all():
        raise ReadingsError(f"{path} holds no answer: every cell is empty; fill it in, or leave the file out")
    return np.stack(columns, axis=1)


def _probabilities(
    path: Path, classes: list[str], count: int, gold: Path, aligned: Callable[[Path], pd.DataFrame]
) -> Float[np.ndarray, "record class"]:
    """Probabilities from an NPY or a CSV file."""
    if path.suffix == ".npy":
        try:
            array = np.load(path, allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise ReadingsError(f"{path} is not a readable NPY array of numbers: {error}") from None
        if array.shape != (count, len(classes)):
            raise ReadingsError(
                f"{path} has the shape {array.shape}, not ({count}, {len(classes)}): the records and classes of {gold}"
            )
        if array.dtype.kind not in "fiub":
            raise ReadingsError(f"{path} holds {array.dtype}, not numbers; save probabilities from 0 to 1")
        values = array.astype(np.float64)
    else:
        values = aligned(path)[classes].apply(pd.to_numeric, errors="coerce").to_numpy(dtype=np.float64)
    wrong = ~((values >= 0) & (values <= 1))
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        raise ReadingsError(
            f"{path}, class '{classes[column]}', row {row + 1}: {values[row, column]} is no probability from 0 to 1; "
            "save the network's output after the sigmoid, with none missing"
        )
    return values


def _assumptions(names: list[str] | None, patients: bool, probabilities: Mapping[str, Path]) -> list[str]:
    """What was taken on trust."""
    said = [] if names else ["No file names its records: row by row, they are taken to be the same in every file."]
    if any(path.suffix == ".npy" for path in probabilities.values()):
        said.append("NPY files name nothing: their rows and columns are taken to be those of the gold standard.")
    return said + ([] if patients else ["No patients are named: each record counts as a patient of its own."])


def _twins(answers: Answers) -> list[str]:
    """Answers that are the same under two names."""
    names = list(answers)
    pairs = ((a, b) for k, a in enumerate(names) for b in names[k + 1 :])
    return [
        f"{a} and {b} hold the same numbers: one of them is a copy."
        for a, b in pairs
        if np.array_equal(answers[a], answers[b], equal_nan=True)
    ]


def _natural(name: str) -> tuple[str, int]:
    """Orders model_2 before model_10."""
    stem = name.rstrip("0123456789")
    return stem, int(name[len(stem) :] or -1)
