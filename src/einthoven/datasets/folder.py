"""A user's own files, in any format that is read here, with a `labels.csv` beside them.

Columns of `labels.csv`, one row a file:

- `path`: the file, relative to the folder (for WFDB the record's name, with or without `.hea`);
- `patient`: whose it is; empty where nobody knows. Ids are namespaced by the folder's name (or
`folder=DIR,namespace=NAME`); an id that carries its own
  namespace (`ptbxl:15709`) keeps it, so that a patient whom two corpora share can be recognised;
- optionally `age` (years), `sex` (`female`, `male` or empty), `source`, `fold` (from 1);
- optionally, of a ventricular tachycardia, where it comes from: `segment` (any name) or `x_mm`, `y_mm` and `z_mm`, or
  both; empty where nobody knows;
- optionally `unit`, `rate_hz` and `leads` (separated by spaces), for files that do not state them (CSV, NPY);
- every other column is a class: 1 (has it), 0 (looked for and absent) or empty (unknown). A column named like a CODE-6
  class (1dAVb, RBBB, LBBB, SB, AF, ST), or `scp:CODE` for a statement of PTB-XL, is that class; any other name is your
  own.
"""

__all__ = ["Folder"]

import functools
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd

from einthoven import records
from einthoven.datasets import Card, DatasetError
from einthoven.datasets._tables import class_columns, finish, known, namespaced, origins, read_csv
from einthoven.datasets.simulated import Simulated
from einthoven.labels import ORIGIN
from einthoven.records.ecg import ECG

_META = ("path", "patient", "age", "sex", "source", "fold", "unit", "rate_hz", "leads", *ORIGIN)


class Folder:
    """The files of a folder.

    Arguments:
        root: The folder that holds `labels.csv`.
        namespace: What its records and patients are named under; by default the folder's name.

    Raises:
        DatasetError: If `labels.csv` is missing or breaks its schema, or names files that are not there.
    """

    card: ClassVar[Card] = Card(
        name="folder",
        title="Your own files",
        description="A folder of ECG files (WFDB, CSV, NPY) with a labels.csv: path, patient, one column a class.",
        licence="that of your data",
        citation="that of your data",
    )
    synthetic: ClassVar[bool] = False

    def __init__(self, root: str | Path, *, namespace: str | None = None) -> None:
        self.root = Path(root)
        self.namespace = namespace or self.root.resolve().name
        self._csv = self.root / "labels.csv"
        raw = read_csv(self._csv, ("path", "patient"))
        classes = [column for column in raw.columns if column not in _META]
        for column in classes:
            if column.lower() in _META:
                meant = f"write column '{column}' as {column.lower()}, or as own:{column} for a class of your own"
                raise DatasetError(f"{self._csv}: {meant}")
        lists, codes = class_columns(raw, classes, self._csv)
        places = origins(raw, self._csv)
        if not codes and places.empty:
            raise DatasetError(f"{self._csv} has no class column; add one, with 1, 0 or empty")
        self.annotated = codes
        self._check(raw)
        space = self.namespace
        columns: dict[str, Any] = {
            "record_id": [f"{space}:{Path(p).as_posix().removesuffix('.hea')}" for p in raw["path"]],
            "patient_id": [namespaced(space, p) for p in raw["patient"]],
            "source": raw["source"].replace("", None) if "source" in raw else space,
            "sex": raw["sex"].replace("", None) if "sex" in raw else None,
        }
        self._table = finish(raw.assign(**columns, **lists), self._csv).join(places)
        self._raw = raw.set_index(self._table["record_id"])
        self.settings: dict[str, Any] = {c: raw[c].tolist() for c in ("unit", "rate_hz", "leads") if c in raw}

    def _check(self, raw: pd.DataFrame) -> None:
        absent = [p for p in raw["path"] if not self._exists(p)]
        if absent:
            raise DatasetError(f"{self._csv} names {len(absent)} files that are not there, the first {absent[0]}")

    def _exists(self, name: str) -> bool:
        path = self.root / name
        return path.is_file() or path.with_name(path.name + ".hea").is_file()

    def table(self) -> pd.DataFrame:
        """One row a record; see `einthoven.datasets.COLUMNS`."""
        return self._table.copy()

    @functools.cached_property
    def _rows(self) -> pd.DataFrame:
        return self._table.set_index("record_id")

    def read(self, record_id: str) -> ECG:
        """One recording in mV (or z).

        Raises:
            DatasetError: If there is no such record.
            RecordError: If the file is damaged or does not state a fact that `labels.csv` leaves out too.
        """
        facts, raw = known(self._rows, record_id, self._csv), self._raw.loc[record_id]
        try:
            rate = float(str(raw["rate_hz"])) if raw.get("rate_hz") else None
        except ValueError:
            raise DatasetError(f"{self._csv}: rate_hz of {raw['path']} is '{raw['rate_hz']}', not a number") from None
        ecg = records.read(
            self.root / raw["path"],
            unit=raw.get("unit") or None,
            rate_hz=rate,
            leads=raw["leads"].split() if raw.get("leads") else None,
        )
        age = ecg.age if facts["age"] is None else facts["age"]
        return ecg.replace(**{**facts, "age": age, "sex": facts["sex"] or ecg.sex})

    @staticmethod
    def miniature(folder: Path, seed: int = 0) -> "Folder":
        """A few simulated patients as WFDB, CSV and NPY files."""
        made = Simulated(6, seed=seed)
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        rows = []
        for i, row in enumerate(made.table().to_dict("records")):
            name = row["record_id"].partition(":")[2] + (".hea", ".csv", ".npy")[i % 3]
            records.write(made.read(row["record_id"]), folder / name, overwrite=True)
            rows.append(
                {
                    "path": name,
                    "patient": row["patient_id"].partition(":")[2],
                    "age": row["age"],
                    "sex": row["sex"],
                    "AF": int("scp:AFIB" in row["positive"]),
                    "scp:LVH": int("scp:LVH" in row["positive"]),
                    "tall": "" if i == 0 else i % 2,
                }
            )
        pd.DataFrame(rows).to_csv(folder / "labels.csv", index=False)
        return Folder(folder)
