"""CODE-test: 827 tracings of as many patients, read by two cardiologists, residents, students and a network.

Read in its publisher's layout (Zenodo 3765780): `ecg_tracings.hdf5`, `attributes.csv` and `annotations/*.csv`, in the
folder or in its `data/`. The publisher gives no ids: the i-th row of every file is the i-th tracing, counted from 0.

The publisher's pages contradict each other on the order of the augmented leads (aVR, aVL, aVF or aVL, aVF, aVR), so
the order is taken from the tracings: only one of the two fulfils Goldberger's identities. Of unit and amplitude, see
`_code`.
"""

__all__ = ["CodeTest"]

import functools
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd

from einthoven import registry
from einthoven.datasets import Card, DatasetError
from einthoven.datasets._code import NOTE, RATE_HZ, SHAPE, augmented, cube, six, trimmed
from einthoven.datasets._hdf5 import array, write
from einthoven.datasets._tables import class_columns, finish, known, read_csv
from einthoven.datasets.simulated import Simulated
from einthoven.labels.code6 import CODE6
from einthoven.records.ecg import ECG
from einthoven.records.leads import TWELVE

_SEX = {"M": "male", "F": "female", "": None}
_ENOUGH = 32  # tracings that decide the order of the leads


class CodeTest:
    """The test set in a folder.

    Arguments:
        root: The folder that holds `ecg_tracings.hdf5` or a `data/` with it.
        reader: Whose annotations count, by the name of a file in `annotations/`: `gold_standard`, `cardiologist1`,
            `cardiologist2`, `cardiology_residents`, `emergency_residents`, `medical_students` or `dnn`.

    Raises:
        DatasetError: If the folder is not CODE-test's, there is no such reader, its files are not equally long, or the
            limb leads fit neither published order.
    """

    card: ClassVar[Card] = Card(
        name="code_test",
        title="CODE-test, an annotated 12-lead ECG dataset",
        description="827 tracings of 827 patients in Minas Gerais, 7 or 10 s, 400 Hz; six diagnoses by two "
        "cardiologists and a third where they differ. For testing: 13 to 37 positives a class.",
        licence="CC BY 4.0",
        citation="Ribeiro et al. 2020, Nature Communications 11:1760, doi 10.1038/s41467-020-15432-4",
        url="https://zenodo.org/records/3765780",
        download="zenodo:3765780",
    )
    synthetic: ClassVar[bool] = False

    def __init__(self, root: str | Path, *, reader: str = "gold_standard") -> None:
        data = Path(root) / "data"
        self.root = data if data.is_dir() else Path(root)
        self._hdf5 = self.root / "ecg_tracings.hdf5"
        with array(self._hdf5, "tracings", SHAPE) as tracings:
            count, order = len(tracings), augmented(tracings[:_ENOUGH])
        if order is None:
            raise DatasetError(f"{self._hdf5}: the limb leads fit neither published order; fetch it again")
        self._leads = (*TWELVE[:3], *order, *TWELVE[6:])
        self.settings: dict[str, Any] = {"leads": list(self._leads)}
        self._csv = self._annotations(reader)
        self.annotated, self._table = self._parse(count)

    def _annotations(self, reader: str) -> Path:
        readers = [path.stem for path in (self.root / "annotations").glob("*.csv")]
        try:
            return self.root / "annotations" / f"{registry.nearest(reader, readers or [reader], 'reader')}.csv"
        except registry.UnknownName as error:
            raise DatasetError(f"{self.root / 'annotations'}: {error}") from None

    def _parse(self, count: int) -> tuple[tuple[str, ...], pd.DataFrame]:
        raw = read_csv(self._csv, CODE6.codes)
        who = read_csv(self.root / "attributes.csv", ("age", "sex"))
        for rows, path in ((raw, self._csv), (who, self.root / "attributes.csv")):
            if len(rows) != count:
                raise DatasetError(
                    f"{path} has {len(rows)} rows for the {count} tracings of {self._hdf5}; rows are tracings"
                )
        lists, codes = class_columns(raw, list(CODE6.codes), self._csv)
        ids = [f"code-test:{i}" for i in range(count)]
        columns: dict[str, Any] = {"record_id": ids, "patient_id": ids, "source": self.card.name}
        columns |= {"age": who["age"], "sex": who["sex"].replace(_SEX)}
        return codes, finish(lists.assign(**columns), self.root / "attributes.csv")

    def table(self) -> pd.DataFrame:
        """One row a record; see `einthoven.datasets.COLUMNS`."""
        return self._table.copy()

    @functools.cached_property
    def _rows(self) -> pd.DataFrame:
        return self._table.assign(row=self._table.index).set_index("record_id")

    def read(self, record_id: str) -> ECG:
        """One recording in mV, twelve leads, without its padding.

        Raises:
            DatasetError: If there is no such record, the file is damaged, or the tracing holds nothing but zeros.
        """
        facts = known(self._rows, record_id, self._csv)
        row = self._rows["row"][record_id]
        with array(self._hdf5, "tracings", SHAPE) as tracings:
            signal = trimmed(tracings[row])
        if not signal.size:
            raise DatasetError(f"{self._hdf5}, row {row}: the tracing holds nothing but zeros; leave it out")
        return ECG(signal, unit="mV", rate_hz=RATE_HZ, leads=self._leads, notes=(NOTE,), **facts)

    @staticmethod
    def miniature(folder: Path, seed: int = 0) -> "CodeTest":
        """Eight simulated patients, and a second reader who sees no fibrillation."""
        made = Simulated(8, visits=(1, 1), seed=seed, rate_hz=RATE_HZ)
        folder = Path(folder)
        (folder / "annotations").mkdir(parents=True, exist_ok=True)
        table, found = made.table(), six(made).astype(int)
        write(folder / "ecg_tracings.hdf5", tracings=cube([made.read(r).signal for r in table["record_id"]]))
        sex = table["sex"].map({"male": "M", "female": "F"})
        pd.DataFrame({"age": table["age"], "sex": sex}).to_csv(folder / "attributes.csv", index=False)
        found.to_csv(folder / "annotations" / "gold_standard.csv", index=False)
        found.assign(AF=0).to_csv(folder / "annotations" / "cardiologist1.csv", index=False)
        return CodeTest(folder)
