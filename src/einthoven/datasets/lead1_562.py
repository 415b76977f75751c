"""Lead I of 562 people, ten recordings of 10 s each at 125 Hz: who is who.

Read in its publisher's layout (github.com/juanbernalr/ECG_database): `Database_information.xlsx` beside
`data_ECG/subject_<n>.csv`, or beside the CSV files themselves, each ten rows of 1250 samples; or with all of them in
one array, int16 = 310 times the CSV's numbers. Some of the people will do.

The numbers are volts at a converter of 10 bits and 3.3 V (1 LSB = 3.3/1023 V, so 310 to the volt) with an offset of
about 1.4; the publisher's plots call the same numbers mV. What the amplifier or the conversion did to the voltage of
each source database is nowhere stated, so a recording is standardised by the reader and its unit is z: amplitudes
neither compare between sources nor mean anything.

The health group is confounded with the source (every person of staffiii has ischaemia), so nothing is annotated, and
`source` keeps what the table calls the source database, to compare within it.
"""

__all__ = ["Lead1Of562"]

import functools
import zipfile
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from jaxtyping import Float32

from einthoven.datasets import Card, DatasetError
from einthoven.datasets._tables import finish, known
from einthoven.datasets.simulated import Simulated
from einthoven.records.ecg import ECG
from einthoven.signals.standardise import standardise

_RATE_HZ = 125.0
_PEOPLE, _TIMES, _SAMPLES = 562, 10, 1250
_ARRAY = "ecg_int16_x310_562x10x1250_125hz.npy"
_SEX = {"M": "male", "F": "female", "": None}
_HEADER = ("Subject ID", "Sex", "Age [years]", "Source database")
_NOTE = "standardised: volts at the converter, after a conversion that nobody states"


class Lead1Of562:
    """The database in a folder.

    Arguments:
        root: The folder that holds `Database_information.xlsx`.

    Raises:
        DatasetError: If the folder is not the database's or holds no recording.
    """

    card: ClassVar[Card] = Card(
        name="lead1_562",
        title="An open-access database of lead-I ECG signals with practical variability scenarios",
        description="Ten 10-s recordings of lead I of each of 562 people, 125 Hz, standardised; made of a database of "
        "the authors' own and seven others. For re-identification and duplicates; no diagnoses.",
        licence="CC BY 4.0",
        citation="Bernal-Romero and Ramirez-Cortes 2024, IEEE CBMS 543, doi 10.1109/CBMS61543.2024.00096",
        url="https://github.com/juanbernalr/ECG_database",
        contains=(
            "ECG-ID",
            "CYBHi",
            "CEBS",
            "CiPA ECG validation",
            "STAFF III",
            "PTB Diagnostic",
            "Pulse Transit Time PPG",
        ),
    )
    synthetic: ClassVar[bool] = False
    annotated: tuple[str, ...] = ()

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)
        self.settings: dict[str, Any] = {}
        self._xlsx = self.root / "Database_information.xlsx"
        people = self._people()
        data = self.root / "data_ECG"
        self._files = data if data.is_dir() else self.root
        self._one = self.root / _ARRAY
        if not self._one.is_file():
            people = people[[self._csv(n).is_file() for n in people["subject"]]]
        if people.empty:
            raise DatasetError(f"{self._files} holds neither {_ARRAY} nor a subject_<n>.csv; fetch the recordings")
        self._table = self._parse(people)

    def _csv(self, subject: str) -> Path:
        return self._files / f"subject_{subject}.csv"

    def _people(self) -> pd.DataFrame:
        """One row a person: subject, sex, age, source."""
        try:
            sheet = pd.read_excel(self._xlsx, header=None, dtype=str, keep_default_na=False)
        except FileNotFoundError:
            raise DatasetError(f"{self._xlsx} is missing; is this the folder of the corpus?") from None
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise DatasetError(f"{self._xlsx} is no readable workbook ({error}); fetch it again") from None
        names = [" ".join(str(name).split()) for name in sheet.iloc[0]] if len(sheet) else []
        for name in _HEADER:
            if name not in names:
                raise DatasetError(f"{self._xlsx} lacks the column '{name}'; is this the publisher's file?")
        at = [names.index(name) for name in _HEADER]
        at[3] += 1  # below "Source database" stand a number there and, at the first of its people, the name
        people = sheet.iloc[1:, at].set_axis(["subject", "sex", "age", "source"], axis=1)
        people["source"] = people["source"].replace("", None).ffill().str.split().str.join(" ")
        wrong = people["subject"][~people["subject"].isin([str(n) for n in range(1, _PEOPLE + 1)])]
        if len(wrong):
            raise DatasetError(f"{self._xlsx}: subjects are 1 to {_PEOPLE}, not '{wrong.iloc[0]}'")
        return people

    def _parse(self, people: pd.DataFrame) -> pd.DataFrame:
        rows = people.loc[people.index.repeat(_TIMES)].reset_index(drop=True)
        rows["sex"] = rows["sex"].replace(_SEX)
        rows["patient_id"] = "lead1-562:" + rows["subject"]
        rows["record_id"] = [f"{p}-{1 + i % _TIMES}" for i, p in enumerate(rows["patient_id"])]
        rows["positive"] = [[] for _ in range(len(rows))]
        rows["unknown"] = [[] for _ in range(len(rows))]
        return finish(rows, self._xlsx)

    def table(self) -> pd.DataFrame:
        """One row a record; see `einthoven.datasets.COLUMNS`."""
        return self._table.copy()

    @functools.cached_property
    def _rows(self) -> pd.DataFrame:
        return self._table.set_index("record_id")

    def read(self, record_id: str) -> ECG:
        """One recording of lead I, standardised (unit z).

        Raises:
            DatasetError: If there is no such record, or its file is damaged or of another shape.
        """
        facts = known(self._rows, record_id, self._xlsx)
        subject, _, time = record_id.partition(":")[2].partition("-")
        volts = self._array(int(subject)) if self._one.is_file() else self._text(self._csv(subject))
        signal = standardise(volts[int(time) - 1 : int(time)])
        return ECG(signal, unit="z", rate_hz=_RATE_HZ, leads=("I",), notes=(_NOTE,), **facts)

    def _array(self, subject: int) -> Float32[np.ndarray, "recording time"]:
        try:
            cube = np.load(self._one, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError) as error:
            raise DatasetError(f"{self._one} is not a readable NPY array: {error}") from None
        if cube.shape != (_PEOPLE, _TIMES, _SAMPLES) or cube.dtype.kind != "i":
            raise DatasetError(f"{self._one} holds {cube.dtype} of shape {cube.shape}, not what its name says")
        return cube[subject - 1].astype(np.float32)

    @staticmethod
    def _text(path: Path) -> Float32[np.ndarray, "recording time"]:
        try:
            volts = np.loadtxt(path, delimiter=",", dtype=np.float32, ndmin=2)
        except (OSError, ValueError) as error:
            raise DatasetError(f"{path} is not a readable CSV of numbers: {error}") from None
        if volts.shape != (_TIMES, _SAMPLES):
            raise DatasetError(f"{path} holds {' × '.join(map(str, volts.shape))} samples, not {_TIMES} × {_SAMPLES}")
        return volts

    @staticmethod
    def miniature(folder: Path, seed: int = 0) -> "Lead1Of562":
        """Three simulated people of two sources, as CSV files."""
        made = Simulated(3, visits=(_TIMES, _TIMES), seed=seed, rate_hz=_RATE_HZ)
        files = Path(folder) / "data_ECG"
        files.mkdir(parents=True, exist_ok=True)
        table = made.table()
        people = table.drop_duplicates("patient_id").reset_index(drop=True)
        for n, patient in enumerate(people["patient_id"], start=1):
            records = table["record_id"][table["patient_id"] == patient]
            volts = np.stack([made.read(record).select(["I"]).signal[0] for record in records]) + 1.4
            np.savetxt(files / f"subject_{n}.csv", np.round(310 * volts) / 310, delimiter=",", fmt="%.14g")
        sheet = {
            "Subject\nID": [1, 2, 3],
            "Sex": [sex[0].upper() for sex in people["sex"]],
            "Age\n[years]": people["age"].astype(int),
            "Source\ndatabase": [1, 2, 1],
            "": ["owndb", "", "ptbdb"],
        }
        pd.DataFrame(sheet).to_excel(Path(folder) / "Database_information.xlsx", index=False)
        return Lead1Of562(folder)
