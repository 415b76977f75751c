"""What a user's split file says, row by row, before anyone looks at the data."""

__all__ = ["COLUMNS", "UNKNOWN", "Listing", "is_file", "load", "many", "plain"]

import csv
import dataclasses
import difflib
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Int, Shaped

COLUMNS = {
    "record ids": ("record_id", "record", "ecg_id", "exam_id", "id"),
    "file names": ("filename", "file_name", "file", "path", "filepath", "file_path"),
    "the part": ("split", "part", "set", "subset", "partition", "fold", "strat_fold"),
    "the patient": ("patient_id", "patient", "subject_id", "subject"),
}
_FOLDS = ("fold", "strat_fold")  # where a number is a fold
_PARTS = {
    "train": ("train", "training", "trn"),
    "validation": ("validation", "valid", "val", "dev", "development"),
    "test": ("test", "testing", "tst", "eval", "evaluation"),
    "external": ("external",),
    "": ("", "unused", "none", "nan", "na", "<na>"),
}
_MEANING = {word: part for part, words in _PARTS.items() for word in words}
UNKNOWN = ("", "nan", "none", "null", "na", "n/a", "<na>", "unknown", "unk", "-1", "?")  # what tables write for nobody
_WHOLE = re.compile(r"(\d+)(\.0+)?")


@dataclasses.dataclass(frozen=True, eq=False)
class Listing:
    """What a file says, row by row, before anyone looks at the data.

    Attributes:
        path: The file.
        rows: Its columns, as text.
        lines: Where each row stands: the line of a CSV, the row of a Parquet file, from 1.
        ids: The record of each row.
        values: Its part or, as text, its fold; empty for none.
        patients: Its patient; empty where nobody knows.
        folds: How many folds there are; 0 where the file names parts.
        used: The columns of `rows` that were understood.
    """

    path: Path
    rows: pd.DataFrame
    lines: Int[np.ndarray, " row"]
    ids: Shaped[np.ndarray, " row"]
    values: Shaped[np.ndarray, " row"]
    patients: Shaped[np.ndarray, " row"]
    folds: int
    used: tuple[str, ...]


def is_file(name: str) -> bool:
    """Whether a split is a file rather than a component."""
    return name.lower().endswith((".csv", ".parquet"))


def load(path: Path) -> Listing:
    """Reads a file without regard to any data.

    Raises:
        ValueError: If it is missing, unreadable, or not understood; see `read_split`.
    """

    rows, lines = _parquet(path) if path.suffix.lower() == ".parquet" else _csv(path)
    spoken = {str(name): re.sub(r"[\s\-]+", "_", str(name).strip().lower()) for name in rows.columns}
    ids = _column(path, spoken, "record ids") or _column(path, spoken, "file names")
    part, patient = _column(path, spoken, "the part"), _column(path, spoken, "the patient")
    for column, what in ((ids, "record ids"), (part, "the part")):
        if column is None:
            raise ValueError(f"{path} has no column for {what}; {_typo(spoken, what)}")
    assert ids is not None and part is not None
    names = np.array([plain(text) for text in rows[ids]], dtype=object)
    if (names == "").any():
        raise ValueError(f"{path}: {_lines(path, lines[names == ''])}: the column '{ids}' is empty; name the record")
    values, folds = _values(path, part, rows[part].str.strip().to_numpy(dtype=object), lines, spoken[part] in _FOLDS)
    people = [plain(text) for text in rows[patient]] if patient else [""] * len(rows)
    patients = np.array(["" if name.lower() in UNKNOWN else name for name in people], dtype=object)
    used = (ids, part, *([patient] if patient else []))
    return Listing(path, rows, lines, names, values, patients, folds, used)


def plain(text: str) -> str:
    """An id as it is meant: `15709.0` is how tables write 15709 where others are missing."""
    text = text.strip()
    found = _WHOLE.fullmatch(text)
    return found[1] if found else "" if text.lower() in ("nan", "none", "<na>") else text


def many(count: int, what: str) -> str:
    """A number of things: 1 record, 2 records."""
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _csv(path: Path) -> tuple[pd.DataFrame, np.ndarray]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            separator = max(",;\t", key=file.readline().count)
            file.seek(0)
            reader = csv.reader(file, delimiter=separator, strict=True)
            rows = [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    except FileNotFoundError:
        raise ValueError(f"there is no split file {path}; is the path right, from the folder you are in?") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path} is not a readable CSV ({error}); save it as CSV in UTF-8") from None
    if len(rows) < 2:
        raise ValueError(f"{path} has no rows; it needs a header and a row for each record")
    header = rows[0][1]
    for line, row in rows[1:]:
        if len(row) != len(header):
            raise ValueError(f"{path}, line {line}: {many(len(row), 'cell')}, but the header has {len(header)}")
    table = pd.DataFrame([row for _, row in rows[1:]], columns=header, dtype=object)
    if table.columns.duplicated().any():
        raise ValueError(f"{path} has two columns '{table.columns[table.columns.duplicated()][0]}'; rename one")
    return table, np.array([line for line, _ in rows[1:]])


def _parquet(path: Path) -> tuple[pd.DataFrame, np.ndarray]:
    try:
        table = pd.read_parquet(path)
    except FileNotFoundError:
        raise ValueError(f"there is no split file {path}; is the path right, from the folder you are in?") from None
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} is not a readable Parquet file ({error}); write it again") from None
    if table.index.name is not None:
        table = table.reset_index()
    if table.empty:
        raise ValueError(f"{path} has no rows; it needs one for each record")
    text = {str(name): [_text(value) for value in table[name]] for name in table}
    return pd.DataFrame(text, dtype=object), np.arange(1, len(table) + 1)


def _text(value: Any) -> str:
    return "" if value is None or value is pd.NA or (isinstance(value, float) and value != value) else str(value)


def _column(path: Path, spoken: dict[str, str], what: str) -> str | None:
    found = [name for name, said in spoken.items() if said in COLUMNS[what]]
    if len(found) > 1:
        listed = " and ".join(f"'{name}'" for name in found)
        raise ValueError(f"{path} has {len(found)} columns for {what}, {listed}; keep one, or rename the other")
    return found[0] if found else None


def _typo(spoken: dict[str, str], what: str) -> str:
    accepted = COLUMNS[what] + (COLUMNS["file names"] if what == "record ids" else ())
    understood = {name for names in COLUMNS.values() for name in names}
    free = {said: name for name, said in spoken.items() if said not in understood}
    near = [(said, close) for close in accepted for said in difflib.get_close_matches(close, free, n=1, cutoff=0.7)]
    if near:
        said, close = max(near, key=lambda pair: difflib.SequenceMatcher(None, *pair).ratio())
        return f"is '{free[said]}' meant to be '{close}'?"
    return f"it has {', '.join(spoken)}; name one of them {', '.join(accepted[:-1])} or {accepted[-1]}"


def _values(
    path: Path, column: str, texts: np.ndarray, lines: np.ndarray, may_be_folds: bool
) -> tuple[np.ndarray, int]:
    words = np.array([text.lower() for text in texts], dtype=object)
    whole = np.array([_WHOLE.fullmatch(word) is not None for word in words])
    named = np.array([word in _MEANING for word in words])
    if whole.any() and not may_be_folds:
        raise ValueError(
            f"{path}: the column '{column}' holds numbers ({_lines(path, lines[whole])}); call it 'fold' if they are "
            "folds, else write train, validation or test"
        )
    if whole.any():
        return _folds(path, column, texts, words, whole, lines)
    if not named.all():
        wrong = texts[~named][0]
        at = _lines(path, lines[texts == wrong])
        near = [difflib.get_close_matches(wrong.lower(), words, n=1, cutoff=0.6) for words in (_PARTS, _MEANING)]
        close = near[0] or near[1]
        hint = f"did you mean '{close[0]}'?" if close else "write train, validation, test, external, or leave it empty"
        raise ValueError(f"{path}, {at}: '{wrong}' is no part; {hint}")
    return np.array([_MEANING[word] for word in words], dtype=object), 0


def _folds(
    path: Path, column: str, texts: np.ndarray, words: np.ndarray, whole: np.ndarray, lines: np.ndarray
) -> tuple[np.ndarray, int]:
    strange = ~whole & ~np.array([_MEANING.get(word) == "" for word in words])
    if strange.any():
        raise ValueError(
            f"{path}, {_lines(path, lines[strange])}: the column '{column}' holds folds, but also "
            f"'{texts[strange][0]}'; a fold is a whole number from 1, or empty for unused"
        )
    folds = np.array([int(float(word)) if ok else 0 for word, ok in zip(words, whole, strict=True)])
    if (zero := whole & (folds == 0)).any():
        raise ValueError(
            f"{path}, {_lines(path, lines[zero])}: a fold 0; folds count from 1: add 1 to each, or leave the cells of "
            "unused records empty"
        )
    return np.array([str(fold) if fold else "" for fold in folds], dtype=object), int(folds.max())


def _lines(path: Path, lines: np.ndarray) -> str:
    what = "row" if path.suffix.lower() == ".parquet" else "line"
    more = f" and {len(lines) - 3} more" if len(lines) > 3 else ""
    return f"{what}{'s' if len(lines) > 1 else ''} {', '.join(map(str, lines[:3].tolist()))}{more}"
