"""CODE-15 %: 345 779 exams of 233 770 patients of the Telehealth Network of Minas Gerais, 7 or 10 s, six diagnoses.

Read in its publisher's layout (Zenodo 4916206): `exams.csv` beside the unpacked `exams_part0.hdf5` to
`exams_part17.hdf5`. Part of the corpus will do: the records are those whose `trace_file` is in the folder. A part ends
with a row of zeros whose exam id is 0; it is no exam. Exams are found in a part by their id.

The twelve columns are I, II, III, aVR, aVL, aVF, V1 to V6, as the publisher says; in ten exams of eight parts
Goldberger's identities hold in that order to .02 mV in the median, and in no other. Of unit and amplitude, see `_code`.

`own:normal` is the publisher's `normal_ecg`. Not labelled is not normal, nor abnormal: 173 347 exams have none of the
six diagnoses and are not marked normal, so normality is negative only beside one of the six, and unknown for the rest.
"""

__all__ = ["Code15"]

import functools
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from einthoven.datasets import Card, DatasetError
from einthoven.datasets._code import NOTE, RATE_HZ, SHAPE, cube, six, trimmed
from einthoven.datasets._hdf5 import array, write
from einthoven.datasets._tables import class_columns, finish, known, read_csv
from einthoven.datasets.simulated import Simulated
from einthoven.labels.code6 import CODE6
from einthoven.records.ecg import ECG
from einthoven.records.leads import TWELVE

_NEEDED = ("exam_id", "age", "is_male", *CODE6.codes, "patient_id", "normal_ecg", "trace_file")


class Code15:
    """The corpus in a folder.

    Arguments:
        root: The folder that holds `exams.csv` and at least one part.

    Raises:
        DatasetError: If the folder is not CODE-15's, has no part, or a part lacks an exam that the table puts there.
    """

    card: ClassVar[Card] = Card(
        name="code15",
        title="CODE-15 %, a large scale annotated dataset of 12-lead ECGs (1.0.0)",
        description="345 779 exams of 233 770 patients in Minas Gerais, 2010 to 2016, 7 or 10 s, 400 Hz; six diagnoses "
        "taken from the reports. A sample of the patients of CODE: the published CODE network has seen them.",
        licence="CC BY 4.0",
        citation="Ribeiro et al. 2021, Zenodo, doi 10.5281/zenodo.4916206; Ribeiro et al. 2020, Nature Communications "
        "11:1760, doi 10.1038/s41467-020-15432-4",
        url="https://zenodo.org/records/4916206",
        contains=("CODE (the training data of the published network)", "PhysioNet Challenge 2025 (its CODE-15 % part)"),
        download="zenodo:4916206",
    )
    synthetic: ClassVar[bool] = False

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)
        self.settings: dict[str, Any] = {}
        self._csv = self.root / "exams.csv"
        raw = read_csv(self._csv, _NEEDED)
        present = sorted(name for name in raw["trace_file"].unique() if (self.root / name).is_file())
        if not present:
            raise DatasetError(
                f"{self.root} has no part of the corpus, such as {raw['trace_file'].iloc[0]}; unpack one"
            )
        raw = raw[raw["trace_file"].isin(present)]
        self._place = pd.DataFrame({"file": raw["trace_file"].to_numpy(), "row": self._find(raw, present)})
        self.annotated, self._table = self._parse(raw)

    def _find(self, raw: pd.DataFrame, present: list[str]) -> np.ndarray:
        """The row of each exam in its part."""
        exam = pd.to_numeric(raw["exam_id"], errors="coerce")
        row = pd.Series(-1, index=raw.index)
        for name in present:
            with array(self.root / name, "exam_id", (None,), kinds="iu") as ids:
                held = pd.Series(ids[()])
            held = held[held != 0]  # the row of zeros
            if held.duplicated().any():
                raise DatasetError(f"{self.root / name} holds an exam twice; fetch it again")
            here = raw["trace_file"] == name
            row[here] = exam[here].map(pd.Series(held.index, index=held)).fillna(-1).astype(int)
        if (row < 0).any():
            lost = raw.iloc[int(row.argmin())]
            raise DatasetError(f"{self.root / lost['trace_file']} lacks exam '{lost['exam_id']}' of {self._csv}")
        return row.to_numpy()

    def _parse(self, raw: pd.DataFrame) -> tuple[tuple[str, ...], pd.DataFrame]:
        flags = raw[list(CODE6.codes)].replace({"True": "1", "False": "0"})
        ill = (flags == "1").any(axis=1)
        flags["own:normal"] = raw["normal_ecg"].replace({"True": "1", "False": ""}).mask(lambda n: ill & (n == ""), "0")
        lists, codes = class_columns(flags, list(flags.columns), self._csv)
        columns: dict[str, Any] = {
            "record_id": [f"code:{exam}" for exam in raw["exam_id"]],
            "patient_id": [f"code:{patient}" if patient else None for patient in raw["patient_id"]],
            "source": self.card.name,
            "sex": raw["is_male"].replace({"True": "male", "False": "female", "": None}),
        }
        return codes, finish(raw.assign(**columns, **lists).reset_index(drop=True), self._csv)

    def table(self) -> pd.DataFrame:
        """One row a record; see `einthoven.datasets.COLUMNS`."""
        return self._table.copy()

    @functools.cached_property
    def _rows(self) -> pd.DataFrame:
        return pd.concat([self._table, self._place], axis=1).set_index("record_id")

    def read(self, record_id: str) -> ECG:
        """One recording in mV, twelve leads, without its padding.

        Raises:
            DatasetError: If there is no such record, its part is damaged, or it holds nothing but zeros.
        """
        facts = known(self._rows, record_id, self._csv)
        path, row = self.root / self._rows["file"][record_id], self._rows["row"][record_id]
        with array(path, "tracings", SHAPE) as tracings:
            signal = trimmed(tracings[row])
        if not signal.size:
            raise DatasetError(f"{path}, row {row}: {record_id} holds nothing but zeros; leave it out")
        return ECG(signal, unit="mV", rate_hz=RATE_HZ, leads=TWELVE, notes=(NOTE,), **facts)

    @staticmethod
    def miniature(folder: Path, seed: int = 0) -> "Code15":
        """Four simulated patients, who come twice, in two parts; the second time lasts 7 s."""
        made = Simulated(4, visits=(2, 2), seed=seed, rate_hz=RATE_HZ)
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        table = made.table()
        exams = table.assign(
            exam_id=1001 + table.index,
            is_male=table["sex"] == "male",
            patient_id=101 + table.index // 2,
            normal_ecg=["scp:NORM" in codes for codes in table["positive"]],
            trace_file=[f"exams_part{i // 4}.hdf5" for i in range(len(table))],
        )
        exams = pd.concat([exams, six(made)], axis=1)
        exams.reindex(columns=list(_NEEDED)).to_csv(folder / "exams.csv", index=False)
        for name, part in exams.groupby("trace_file"):
            signals = [made.read(r).crop(0, 7 if r.endswith("-2") else 10).signal for r in part["record_id"]]
            tracings = cube([*signals, np.zeros((12, 0), np.float32)])
            write(folder / str(name), exam_id=np.array([*part["exam_id"], 0]), tracings=tracings)
        return Code15(folder)
