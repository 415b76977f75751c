"""A user's own split: a CSV or Parquet file that says of each record where it stands.

One column holds record ids, one the part or a fold, and one may say whose the record is; `COLUMNS` of `_listing.py`
has the names that these columns may have (capitals and spaces do not matter). Ids are recognised as they are, without
the namespace (`15709` for `ptbxl:15709`), as numbers (`00015`, `15.0`) and as file names
(`records500/00000/00015_hr.hea`), each only where it can mean one record alone.
"""

__all__ = ["SplitFile", "check_parts", "completed", "listed", "read_split"]

import dataclasses
import difflib
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Int, Shaped
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from einthoven.datasets import COLUMNS
from einthoven.splits._listing import Listing, load, many

_FEW = 0.1  # below this share of the file and of the data it is the file of other data
_NEAR = 20_000  # ids among which the nearest is looked for


@dataclasses.dataclass(frozen=True, eq=False)
class SplitFile:
    """A split file beside the data that it splits.

    Attributes:
        path: The file.
        table: The records: those given, or those of the file; `patient_id` is filled in from the file.
        parts: The part of each record: `train`, `validation`, `test`, `external`, or empty for none.
        folds: The fold of each record, 0 for none; None where the file names parts.
        patients: The patient of each record: the table's, else the file's, else None.
        notes: How the file was understood, in sentences.
        conflicts: Records that the file puts on two sides, which is a leak. Each stands where the file lists it first.
        second: Where else they stand: record and part.
        absent: Ids of the file that are not in the data, or may mean several records of it.
        fields: What else the file says of each record, as text: one column for each of its columns that has no meaning
            here.
    """

    path: Path
    table: pd.DataFrame
    parts: Shaped[np.ndarray, " record"]
    folds: Int[np.ndarray, " record"] | None
    patients: Shaped[np.ndarray, " record"]
    notes: tuple[str, ...]
    conflicts: tuple[str, ...]
    second: tuple[tuple[str, str], ...]
    absent: tuple[str, ...]
    fields: pd.DataFrame


def read_split(path: str | Path, table: pd.DataFrame | None, *, test_fold: int | None = None) -> SplitFile:
    """Reads a split.

    Parts are train (training, trn), validation (valid, val, dev, development), test (testing, tst, eval, evaluation),
    external, and empty or unused. A column `fold` or `strat_fold` may hold whole numbers from 1 instead.

    Arguments:
        path: A CSV (comma, semicolon or tab) or a Parquet file.
        table: The records, as `einthoven.datasets.COLUMNS`; None makes a table of the file itself, in which columns
            that mean nothing here stay as they are.
        test_fold: Of a file of folds, the one that is the test set, by default the last; the one before it (cyclically)
            is validation.

    Raises:
        ValueError: If the file is missing, unreadable, lacks a column or has two for one thing, holds a value that is
            no part, is of other records, or leaves training or test empty; or if there is no such fold.
    """

    listing = load(Path(path))
    found = listed(listing, table)
    if found.folds is None:
        if test_fold is not None:
            spare = f"The file names its test set, so test fold {test_fold} was not needed."
            found = dataclasses.replace(found, notes=(*found.notes, spare))
    else:
        last = listing.folds
        if test_fold is not None and not 1 <= test_fold <= last:
            raise ValueError(f"{path} holds folds 1 to {last}, not {test_fold}; choose the test set among them")
        test = last if test_fold is None else test_fold
        names = {0: "", (test - 2) % last + 1: "validation", test: "test"}
        assert found.folds is not None
        said = f"Fold {test} of the file is taken for the test set and fold {(test - 2) % last + 1} for validation."
        found = dataclasses.replace(
            found,
            parts=np.array([names.get(int(fold), "train") for fold in found.folds], dtype=object),
            second=tuple((record, names.get(int(fold), "train")) for record, fold in found.second),
            notes=found.notes if test_fold is not None else (*found.notes, said),
        )
    check_parts(listing, found.parts, ("train", "test"))
    return found


def check_parts(listing: Listing, parts: Shaped[np.ndarray, " record"], needed: Iterable[str]) -> None:
    """Insists that each of some parts holds a record of the data.

    Raises:
        ValueError: If one is empty.
    """

    for part in needed:
        if not (parts == part).any():
            there = ", ".join(f"{name} {(parts == name).sum()}" for name in sorted(set(parts) - {""}))
            raise ValueError(
                f"{listing.path} leaves the {part} part empty: of the {len(parts)} records at hand it has "
                f"{there or 'none in any part'}; add some to {part}, or take data that hold them"
            )


def listed(listing: Listing, table: pd.DataFrame | None) -> SplitFile:
    """The file beside the data; the parts of a file of folds are left empty.

    Raises:
        ValueError: If no record of the file, or hardly any, is in the data.
    """

    notes: list[str] = []
    if table is None:
        absent: tuple[str, ...] = ()
        table, record = _own_table(listing, notes), listing.ids
    else:
        record, absent = _match(listing, list(dict.fromkeys(table["record_id"])), notes)
    rows = pd.DataFrame({"record": record, "value": listing.values, "patient": listing.patients}).dropna()
    stated = rows[rows["value"] != ""]
    sides = stated.groupby("record", sort=False)["value"].nunique()
    conflicts = tuple(sides.index[sides > 1])
    if again := int(rows["record"].duplicated().sum()):
        notes.append(f"The file lists records again, in {many(again, 'row')}.")
    if conflicts:
        notes.append(f"The file puts {many(len(conflicts), 'record')} on two sides, such as {_some(conflicts)}.")
    if silent := int((~table["record_id"].isin(rows["record"])).sum()):
        notes.append(f"Not in the file, and so unused: {many(silent, 'record')} of the data.")
    first = stated.drop_duplicates("record").set_index("record")["value"].to_dict()
    values = np.array([first.get(name, "") for name in table["record_id"]], dtype=object)
    patients = _patients(table, rows, notes)
    whose = pd.Series(patients, index=table.index, dtype=table["patient_id"].dtype)
    folds = np.array([int(value or 0) for value in values], dtype=np.int64) if listing.folds else None
    parts = np.full(len(table), "", dtype=object) if listing.folds else values
    torn = stated[stated["record"].isin(conflicts)].drop_duplicates(["record", "value"])
    second = torn[torn["record"].duplicated()]
    return SplitFile(
        path=listing.path,
        table=table.assign(patient_id=whose),
        parts=parts,
        folds=folds,
        patients=patients,
        notes=tuple(notes),
        conflicts=conflicts,
        second=tuple(zip(second["record"], second["value"], strict=True)),
        absent=absent,
        fields=_fields(listing, record, table),
    )


def _fields(listing: Listing, record: np.ndarray, table: pd.DataFrame) -> pd.DataFrame:
    """The columns of the file that mean nothing here, beside the records of the table."""
    rest = listing.rows.drop(columns=list(listing.used)).assign(_record=record)
    first = rest.dropna(subset="_record").drop_duplicates("_record").set_index("_record")
    return first.reindex(table["record_id"]).reset_index(drop=True)


def completed(listing: Listing, table: pd.DataFrame) -> pd.DataFrame:
    """The table with the patients of the file where it names none, and each of them one `owner` if there are any."""
    done = listed(listing, table).table
    if "owner" not in done or done["patient_id"].equals(table["patient_id"]):
        return done
    owner, names = pd.factorize(done["owner"])
    patient, people = pd.factorize(done["patient_id"])
    known, size = patient >= 0, len(names) + len(people)
    graph = coo_array((np.ones(known.sum()), (owner[known], len(names) + patient[known])), shape=(size, size))
    return done.assign(owner=connected_components(graph, directed=False)[1][owner])


# Which record an id means


def _space(text: str) -> tuple[str, str]:
    """Namespace and name; what stands before `:/` is a drive."""
    space, _, name = text.partition(":")
    return (space, name) if name and name[0] not in "/\\" else ("", text)


def _number(name: str) -> str:
    return name.lstrip("0") or "0" if name.isdecimal() else name


def _recording(name: str) -> str:
    """A file name without its ending and without what tells two rates of one recording apart."""
    name = re.sub(r"\.[A-Za-z]\w{0,4}$", "", name.replace("\\", "/"))
    return re.sub(r"(^|/)records(100|500)/", r"\1", re.sub(r"_[hl]r$", "", name))


_WAYS: tuple[tuple[str, Callable[[str], str]], ...] = (  # the strictest first
    ("exactly", lambda text: text),
    ("without their namespace", lambda text: _space(text)[1]),
    ("as numbers", lambda text: _number(_space(text)[1])),
    ("as file names", lambda text: _recording(_space(text)[1])),
    ("as file names without their folder", lambda text: _number(_recording(_space(text)[1]).rpartition("/")[2])),
)


def _agree(one: str, other: str) -> bool:
    """Whether two ids may be of one corpus: one of them names none, or both the same."""
    return len({space for space, _ in (_space(one), _space(other)) if space}) < 2


def _match(listing: Listing, known: list[str], notes: list[str]) -> tuple[np.ndarray, tuple[str, ...]]:
    """The record of the data that each row of the file means, or None; and the ids that mean none for certain."""
    todo = list(dict.fromkeys(listing.ids))
    record: dict[str, str] = {}
    unclear: dict[str, list[str]] = {}
    names: dict[str, list[str]] = {}  # what the file calls a record
    for way, key in _WAYS:
        hits = _hits(todo, known, key, unclear)
        for name, asked in hits.items():
            called = names.get(name, []) + asked
            if len(called) > 1 and len({_recording(_space(one)[1]) for one in called}) > 1:
                unclear.update({one: [name] for one in asked})  # 15 and 00015 may be two records, one of them elsewhere
            else:
                names[name] = called
                record.update(dict.fromkeys(asked, name))
        if clear := sum(one in record for one in todo):
            notes.append(f"{many(clear, 'id')} of the file matched {way}.")
        todo = [one for one in todo if one not in record and one not in unclear]
    _check_matched(listing, known, record, todo, unclear)
    if unclear:
        one, meant = next(iter(unclear.items()))
        notes.append(
            f"Left out, as it is not clear which record is meant: {many(len(unclear), 'id')} of the file, such as "
            f"{one} ({_some(meant)}); write ids as the data do."
        )
    if todo:
        notes.append(f"Not in the data: {many(len(todo), 'id')} of the file, such as {_some(todo)}.")
    return np.array([record.get(one) for one in listing.ids], dtype=object), (*todo, *unclear)


def _hits(
    todo: list[str], known: list[str], key: Callable[[str], str], unclear: dict[str, list[str]]
) -> dict[str, list[str]]:
    """For records of the data the ids that mean them; an id that fits several is put among the unclear."""
    asked: dict[str, list[str]] = defaultdict(list)
    for one in todo:
        asked[key(one)].append(one)
    index: dict[str, list[str]] = defaultdict(list)
    for name in known if todo else ():
        if (said := key(name)) in asked:
            index[said].append(name)
    hits: dict[str, list[str]] = defaultdict(list)
    for one, said in ((one, said) for said, ones in asked.items() if said in index for one in ones):
        fitting = [name for name in index[said] if _agree(one, name)]
        if len(fitting) == 1:
            hits[fitting[0]].append(one)
        elif fitting:
            unclear[one] = fitting
    return hits


def _check_matched(
    listing: Listing, known: list[str], record: dict[str, str], todo: list[str], unclear: dict[str, list[str]]
) -> None:
    count = len(record) + len(todo) + len(unclear)
    if record and max(len(record) / count, len(set(record.values())) / len(known)) >= _FEW:
        return
    short = {_space(name)[1]: name for name in known[:_NEAR]}
    said = []
    for one in todo[:3]:
        close = difflib.get_close_matches(_space(one)[1], short, n=1, cutoff=0.0)
        said.append(f"'{one}'" + (f" (the nearest is '{short[close[0]]}')" if close else ""))
    said += [f"'{one}' (which may mean {_some(meant)})" for one, meant in list(unclear.items())[: 3 - len(said)]]
    raise ValueError(
        f"{listing.path}: of its {many(count, 'id')} {len(record) or 'none'} can be found among the {len(known)} "
        f"records of the data; it lists {', '.join(said)}. Is it the file of these data? Write ids as the data do"
    )


# Tables


def _own_table(listing: Listing, notes: list[str]) -> pd.DataFrame:
    """The file itself as a table: the first row of each record."""
    keep = ~pd.Series(listing.ids).duplicated().to_numpy()
    rows = listing.rows[keep].reset_index(drop=True).drop(columns=list(listing.used))
    said = {str(name).strip().lower(): rows[name].str.strip().replace("", None) for name in rows}
    nothing = pd.Series([None] * len(rows), dtype=object)
    sexes = {"f": "female", "female": "female", "m": "male", "male": "male"}
    understood: dict[str, pd.Series] = {
        "age": pd.to_numeric(said.get("age", nothing), errors="coerce").astype(float),
        "sex": said.get("sex", nothing).astype("string").str.lower().map(sexes).astype("string"),
    }
    for name, column in understood.items():
        if lost := int((column.isna() & said.get(name, nothing).notna()).sum()):
            notes.append(f"Not understood, and taken as missing: {many(lost, 'cell')} of the column '{name}'.")
    fold = [int(value) if value and listing.folds else None for value in listing.values[keep]]
    columns = {
        "record_id": pd.Series(listing.ids[keep], dtype="string"),
        "patient_id": pd.Series([name or None for name in listing.patients[keep]], dtype="string"),
        "source": said.get("source", pd.Series([listing.path.stem] * len(rows))).astype("string"),
        **understood,
        "fold": pd.Series(fold, dtype="Int64"),
        "positive": pd.Series([[] for _ in range(len(rows))], dtype=object),
        "unknown": pd.Series([[] for _ in range(len(rows))], dtype=object),
    }
    others = {str(name): _field(rows[name]) for name in rows if str(name).strip().lower() not in COLUMNS}
    return pd.DataFrame({**columns, **others})


def _field(column: pd.Series) -> pd.Series:
    """Numbers where all of it is numbers, else text; an empty cell is missing."""
    text = column.str.strip().replace("", None)
    number = pd.to_numeric(text, errors="coerce").astype(float)
    return number if (number.notna() == text.notna()).all() else text.astype("string")


def _patients(table: pd.DataFrame, rows: pd.DataFrame, notes: list[str]) -> np.ndarray:
    """The patient of each record: the table's, or else the file's under the namespace of the record."""
    said = rows[rows["patient"] != ""].drop_duplicates("record").set_index("record")["patient"].to_dict()
    ours = table["patient_id"].astype(object).where(table["patient_id"].notna(), None).to_numpy()
    theirs = np.full(len(table), None, dtype=object)
    for i, name in enumerate(table["record_id"]):
        if patient := said.get(name):
            space = _space(name)[0]
            theirs[i] = f"{space}:{patient}" if space and not _space(patient)[0] else patient
    known, given = (np.array([one is not None for one in side], dtype=bool) for side in (ours, theirs))
    if fresh := int((given & ~known).sum()):
        notes.append(f"The file names the patients of {many(fresh, 'record')} for which the data name none.")
    names = table["record_id"].to_numpy(dtype=object)
    both = np.flatnonzero(given & known).tolist()
    if differ := [i for i in both if not _same_patient(ours[i], said[names[i]])]:
        i = differ[0]
        doubt = " Is it the file of these data, or does it number patients anew?" if len(differ) == len(both) else ""
        notes.append(
            f"The file names another patient than the data for {len(differ)} of {many(len(both), 'record')}, such as "
            f"{names[i]} ({theirs[i]} for {ours[i]}); the data were believed.{doubt}"
        )
    return np.where(known, ours, theirs)


def _same_patient(one: str, other: str) -> bool:
    return _agree(one, other) and _number(_space(one)[1]) == _number(_space(other)[1])


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:3])
