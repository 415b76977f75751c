"""What the readers of tables share: PTB-XL's metadata, and columns of ones and zeros."""

__all__ = [
    "SCP",
    "class_columns",
    "finish",
    "headers",
    "known",
    "namespaced",
    "origins",
    "ptbxl_table",
    "read_csv",
    "recording",
]

import ast
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from einthoven import labels, records, registry
from einthoven.datasets import COLUMNS, DatasetError
from einthoven.labels.code6 import CODE6
from einthoven.records.ecg import ECG

SCP = tuple(f"scp:{code}" for code in labels.get("statements").codes)  # what PTB-XL's annotators looked for
_OVER_89 = 300.0  # how PTB-XL hides the age of its oldest patients


def read_csv(path: Path, needed: Sequence[str]) -> pd.DataFrame:
    """A CSV as text, with the columns that must be there.

    Raises:
        DatasetError: If it is missing, no CSV, empty, lacks a column, or names one twice or not at all.
    """

    try:
        head = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig", header=None, nrows=1).loc[0]
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except FileNotFoundError:
        raise DatasetError(f"{path} is missing; is this the folder of the corpus?") from None
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise DatasetError(f"{path} is not a readable CSV: {error}") from None
    if len(twice := head[head.duplicated()]):
        raise DatasetError(f"{path} has two columns '{twice.iloc[0]}'; give each its own name")
    if not isinstance(table.index, pd.RangeIndex):  # pandas takes a first column without a name for an index
        raise DatasetError(f"{path} has more cells in a row than names in its header; name each column")
    for column in needed:
        if column not in table.columns:
            try:
                registry.nearest(column, table.columns, "column")
            except registry.UnknownName as error:
                raise DatasetError(f"{path} lacks the column '{column}'; {str(error).split('; ')[-1]}") from None
    if table.empty:
        raise DatasetError(f"{path} has no rows")
    return table


def headers(folder: Path, pattern: str = "**/*.hea") -> list[Path]:
    """The WFDB headers in a folder, in the order of their paths.

    Raises:
        DatasetError: If there is none.
    """

    found = sorted(folder.glob(pattern))
    if not found:
        raise DatasetError(f"{folder / pattern} is missing; is this the folder of the corpus?")
    return found


def finish(rows: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Brings the columns to their types and insists that each record appears once.

    Raises:
        DatasetError: If a number is none, a fold is below 1, a sex is neither female nor male nor missing, or a
            record id appears twice.
    """

    table = pd.DataFrame({column: rows[column] if column in rows else None for column in COLUMNS})
    try:
        table["age"] = pd.to_numeric(table["age"].replace("", None)).astype(float)
        table["fold"] = pd.to_numeric(table["fold"].replace("", None)).astype("Int64")
    except (ValueError, TypeError) as error:
        raise DatasetError(f"{path}: age is a number and fold a whole one, or empty: {error}") from None
    if (table["fold"] < 1).any():
        raise DatasetError(f"{path}: folds count from 1, but one is {table['fold'].min()}")
    wrong = table["sex"].dropna()[~table["sex"].dropna().isin(["female", "male"])]
    if len(wrong):
        raise DatasetError(f"{path}: sex is 'female', 'male' or empty, not '{wrong.iloc[0]}'")
    for column in ("record_id", "patient_id", "source", "sex"):
        table[column] = table[column].astype("string")
    twice = table["record_id"][table["record_id"].duplicated()]
    if len(twice):
        raise DatasetError(f"{path} lists {twice.iloc[0]} more than once ({len(twice)} such rows); keep one of each")
    return table


def known(rows: pd.DataFrame, record_id: str, path: Path) -> dict[str, Any]:
    """What a table says of one record, as fields of an `ECG`; None where it is missing.

    Arguments:
        rows: The table of a data set, indexed by `record_id`.
        record_id: Which record.
        path: The table's file, for the message.

    Raises:
        DatasetError: If there is no such record.
    """

    if record_id not in rows.index:
        raise DatasetError(f"{path} lists no record '{record_id}'; table() says which there are")
    row = rows.loc[record_id]
    facts = {name: None if pd.isna(row[name]) else row[name] for name in ("patient_id", "source", "age", "sex")}
    return {"record_id": record_id, **facts}


def recording(rows: pd.DataFrame, record_id: str, path: Path, file: str) -> ECG:
    """One WFDB recording of a data set, with what the table says of it.

    Arguments:
        rows: The table, indexed by `record_id`.
        record_id: Which record.
        path: The table's file, beside which the recordings are.
        file: The column that says where a recording is, without the end of its name.

    Raises:
        DatasetError: If there is no such record.
        RecordError: If its files are missing or damaged.
    """

    facts = known(rows, record_id, path)
    return records.read(path.parent / f"{rows[file][record_id]}.hea").replace(**facts)


def namespaced(namespace: str, name: str) -> str | None:
    """`name` under its corpus; a name that carries a namespace of its own keeps it, an empty one is unknown."""
    name = name.strip()
    return (name if ":" in name else f"{namespace}:{name}") if name else None


def ptbxl_table(raw: pd.DataFrame, path: Path) -> pd.DataFrame:
    """The metadata of PTB-XL (`ptbxl_database.csv` and its derivatives) as a data set's table.

    Age 300 stands for "over 89" and becomes 90. Every statement counts, whatever its likelihood.

    Raises:
        DatasetError: If the statements of a row cannot be read.
    """

    try:
        codes = [list(ast.literal_eval(text)) for text in raw["scp_codes"]]
        age = pd.to_numeric(raw["age"].replace("", None)).replace(_OVER_89, 90.0)
        patient = [f"ptbxl:{float(p):.0f}" if p else None for p in raw["patient_id"]]
        record = [f"ptbxl:{int(e)}" for e in raw["ecg_id"]]
    except (ValueError, SyntaxError, TypeError) as error:
        raise DatasetError(f"{path}: a row is not as PTB-XL writes it: {error}") from None
    statements = labels.get("statements").codes
    for name, row, sex in zip(record, codes, raw["sex"], strict=True):
        try:
            for code in row:
                registry.nearest(code, statements, "SCP statement")
            registry.nearest(sex, ("0", "1", ""), "sex")
        except registry.UnknownName as error:
            raise DatasetError(f"{path}, record {name}: {error}") from None
    rows = pd.DataFrame(
        {
            "record_id": record,
            "patient_id": patient,
            "source": "ptbxl",
            "age": age,
            "sex": raw["sex"].map({"0": "male", "1": "female"}),
            "fold": raw["strat_fold"],
            "positive": [[f"scp:{c}" for c in row] for row in codes],
            "unknown": [[] for _ in codes],
        }
    )
    return finish(rows, path)


def origins(raw: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Those columns of `labels.ORIGIN` that are there: text, and millimetres as numbers.

    Raises:
        DatasetError: If a coordinate is no number, one of three is missing, or two segments differ in capitals alone.
    """

    segment, *axes = labels.ORIGIN
    found = pd.DataFrame(index=raw.index)
    if segment in raw:
        found[segment] = raw[segment].str.strip().replace("", None).astype("string")
        alike: dict[str, str] = {}
        for name in found[segment].dropna().unique():
            if (other := alike.setdefault(name.lower(), name)) != name:
                raise DatasetError(f"{path} names the segments '{other}' and '{name}'; write one of them throughout")
    if not any(axis in raw for axis in axes):
        return found
    if lacking := [axis for axis in axes if axis not in raw]:
        raise DatasetError(f"{path} lacks the column '{lacking[0]}'; a place has three: {', '.join(axes)}")
    for axis in axes:
        text = raw[axis].str.strip().replace("", None)
        found[axis] = pd.to_numeric(text, errors="coerce").astype(float)
        if len(wrong := raw.index[text.notna() & ~np.isfinite(found[axis])]):
            what = f"{axis} is a number of millimetres, or empty, not '{text[wrong[0]]}'"
            raise DatasetError(f"{path}, line {wrong[0] + 2}: {what}")
    some = found[axes].notna().sum(axis=1)
    if len(wrong := raw.index[(some > 0) & (some < len(axes))]):
        raise DatasetError(f"{path}, line {wrong[0] + 2}: a place has three numbers or none, not {some[wrong[0]]}")
    return found


def class_columns(raw: pd.DataFrame, columns: Sequence[str], path: Path) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Columns of 1, 0 or empty as the lists `positive` and `unknown`.

    A column named like a CODE-6 class, or `scp:CODE` or `code6:CODE`, is that class; any other is a class of the
    user's own, written `own:NAME` where the name is a known code too.

    Returns:
        A table with the two lists, and the code of each column.

    Raises:
        DatasetError: If a value is none of 1, 0 and empty, a code is not in its vocabulary, or two columns mean one
            class.
    """

    codes = tuple(_code(column, path) for column in columns)
    if twice := [code for code in codes if codes.count(code) > 1]:
        raise DatasetError(f"{path} has two columns for the class '{twice[0]}'; keep one")
    for column in columns:
        wrong = raw.index[~raw[column].str.strip().isin(["1", "0", "", "1.0", "0.0"])]
        if len(wrong):
            raise DatasetError(
                f"{path}, line {wrong[0] + 2}: column '{column}' holds '{raw[column][wrong[0]]}'; "
                f"a class is 1, 0 or empty (unknown)"
            )
    stripped = [raw[column].str.strip().str[:1].to_numpy() for column in columns]
    positive = [[c for c, v in zip(codes, values, strict=True) if v == "1"] for values in zip(*stripped, strict=True)]
    unknown = [[c for c, v in zip(codes, values, strict=True) if v == ""] for values in zip(*stripped, strict=True)]
    empty: list[list[str]] = [[] for _ in range(len(raw))]
    return pd.DataFrame({"positive": positive or empty, "unknown": unknown or empty}, index=raw.index), codes


def _code(column: str, path: Path) -> str:
    if column in CODE6.codes:
        return f"code6:{column}"
    system, colon, code = column.partition(":")
    if not colon:
        known_codes = {c.lower(): f"code6:{c}" for c in CODE6.codes}
        known_codes |= {c.lower(): f"scp:{c}" for c in labels.get("statements").codes}
        if meant := known_codes.get(column.lower()):
            raise DatasetError(
                f"{path}: write column '{column}' as {meant}, or as own:{column} for a class of your own"
            )
        return f"own:{column}"
    known = {"scp": labels.get("statements").codes, "code6": CODE6.codes, "own": (code,)}
    try:
        registry.nearest(system, known, "coding system")
        registry.nearest(code, known[system], f"{system} code")
    except registry.UnknownName as error:
        raise DatasetError(f"{path}, column '{column}': {error}") from None
    return column
