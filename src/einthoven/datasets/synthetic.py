"""A synthetic data set that a generator wrote: WFDB records in PTB-XL's layout, and what is known of their making.

    synthetic.json         the generator, its seed and its ledger: hashed ids of all patients it has learnt from
    ptbxl_database.csv     one row a record, with PTB-XL's columns; every record is a patient of its own
    records100/ …          WFDB; each header says that it was made, by what, and under which number
    RECORDS  README.md  SHA256SUMS.txt

So whatever reads PTB-XL reads it, and nobody can take one of its records for a recording.
"""

__all__ = ["Synthetic"]

import functools
import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd

from einthoven import records
from einthoven.datasets import Card, DatasetError
from einthoven.datasets._tables import finish, read_csv, recording
from einthoven.datasets.simulated import Simulated
from einthoven.records.ecg import ECG, LEDGER
from einthoven.records.writing import replacing

_FACTS = ("name", "generator", "seed", "unit", "rate_hz", "annotated", "licence", "data", "patients_seen")
_FOLDS = 10
_A_FOLDER = 1000  # records, as PTB-XL has it


class Synthetic:
    """The data set in a folder.

    Arguments:
        root: The folder that holds `synthetic.json`.

    Raises:
        DatasetError: If a file or a fact is missing.
    """

    card: ClassVar[Card] = Card(
        name="synthetic",
        title="Synthetic 12-lead ECGs",
        description="Made by a generator of `einthoven study synthesis`; no record is of anybody.",
        licence="the strictest of those that the generator has learnt from; see synthetic.json",
        citation="that of the data that the generator has learnt from; see synthetic.json",
        single=True,
    )
    synthetic: ClassVar[bool] = True

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)
        path = self.root / "synthetic.json"
        try:
            self.facts: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            lacking = [name for name in _FACTS if name not in self.facts]
        except FileNotFoundError:
            raise DatasetError(f"{path} is missing; is this a folder that `einthoven generate` wrote?") from None
        except (OSError, ValueError, TypeError) as error:
            raise DatasetError(f"{path} cannot be read ({error}); generate the data set again") from None
        if lacking:
            raise DatasetError(f"{path} does not tell '{lacking[0]}'; generate the data set again")
        self._csv = self.root / "ptbxl_database.csv"
        self._raw = read_csv(self._csv, ("ecg_id", "codes", "strat_fold", "file"))
        self.settings = {name: self.facts[name] for name in ("name", "unit", "rate_hz")}

    @property
    def ledgers(self) -> dict[str, dict[str, Any]]:
        """Whom the generator has learnt from, as a contract has it, by the name of the data set."""
        return {self.facts["name"]: self.facts}

    @property
    def annotated(self) -> tuple[str, ...]:
        """The codes that the generator could be asked for."""
        return tuple(self.facts["annotated"])

    def table(self) -> pd.DataFrame:
        """One row a record; see `einthoven.datasets.COLUMNS`."""
        ids = [f"{self.facts['name']}:{number}" for number in self._raw["ecg_id"]]
        rows = pd.DataFrame(
            {
                "record_id": ids,
                "patient_id": ids,
                "source": self.facts["name"],
                "fold": self._raw["strat_fold"],
                "positive": [text.split() for text in self._raw["codes"]],
                "unknown": [[] for _ in ids],
            }
        )
        return finish(rows, self._csv)

    @functools.cached_property
    def _rows(self) -> pd.DataFrame:
        return self.table().assign(file=self._raw["file"]).set_index("record_id")

    def read(self, record_id: str) -> ECG:
        """One record, twelve leads, in mV or standardised.

        Raises:
            DatasetError: If there is no such record.
            RecordError: If its files are missing or damaged.
        """
        return recording(self._rows, record_id, self._csv, "file")

    @staticmethod
    def file(number: int, rate_hz: float) -> str:
        """Where a record lies, without the end of its name, from 1."""
        tag = "hr" if rate_hz > 250 else "lr"
        return f"records{rate_hz:g}/{number // _A_FOLDER * _A_FOLDER:05d}/{number:05d}_{tag}"

    @staticmethod
    def write_record(folder: Path, number: int, ecg: ECG) -> None:
        """Writes the record of a number; one that is there already is replaced."""
        path = folder / f"{Synthetic.file(number, ecg.rate_hz)}.hea"
        path.parent.mkdir(parents=True, exist_ok=True)
        records.write(ecg, path, overwrite=True)

    @staticmethod
    def finish(folder: Path, facts: Mapping[str, Any], codes: Iterable[Iterable[str]], about: str) -> None:
        """Writes all but the records: facts, table, list, what a reader is to know, and the checksums last.

        Arguments:
            folder: Where the records are.
            facts: What `synthetic.json` tells.
            codes: Of each record, as `system:code`.
            about: The text of `README.md`.
        """
        files, rows = [], []
        for number, each in enumerate((list(some) for some in codes), start=1):
            file = Synthetic.file(number, facts["rate_hz"])
            low, high = (file, "") if facts["rate_hz"] <= 250 else ("", file)
            files.append(file)
            rows.append(
                {
                    "ecg_id": number,
                    "patient_id": number,
                    "age": "",
                    "sex": "",
                    "scp_codes": str({c.removeprefix("scp:"): 100.0 for c in each if c.startswith("scp:")}),
                    "strat_fold": (number - 1) % _FOLDS + 1,
                    "filename_lr": low,
                    "filename_hr": high,
                    "file": file,
                    "codes": " ".join(each),
                    "synthetic": 1,
                }
            )
        texts = {
            "ptbxl_database.csv": pd.DataFrame(rows).to_csv(index=False),
            "RECORDS": "".join(f"{file}\n" for file in files),
            "README.md": about,
            "synthetic.json": json.dumps(dict(facts), indent=1) + "\n",
        }
        for name, text in texts.items():
            _put(folder / name, text)
        names = [*texts, *(f"{file}{end}" for file in files for end in (".hea", ".dat"))]
        sums = (f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in names)
        _put(folder / "SHA256SUMS.txt", "".join(sums))

    @staticmethod
    def miniature(folder: Path, seed: int = 0) -> "Synthetic":
        """A few simulated ECGs in the layout of the data set."""
        made = Simulated(6, visits=(1, 1), seed=seed, rate_hz=100)
        codes = []
        for number, row in enumerate(made.table().to_dict("records"), start=1):
            ecg = made.read(row["record_id"]).replace(
                age=None, sex=None, notes=(f"made as number {number}",), parents=(f"{LEDGER}synthetic-{seed}",)
            )
            Synthetic.write_record(Path(folder), number, ecg)
            codes.append([code for code in row["positive"] if code in ("scp:NORM", "scp:AFIB")])
        facts = dict.fromkeys(_FACTS, "simulated") | {"name": f"synthetic-{seed}", "seed": seed, "unit": "mV"}
        facts |= {"rate_hz": 100.0, "annotated": ["scp:NORM", "scp:AFIB"], "data": [], "patients_seen": []}
        Synthetic.finish(Path(folder), facts, codes, "Simulated.\n")
        return Synthetic(folder)


def _put(path: Path, text: str) -> None:
    with replacing(path) as scratch:
        scratch.write_text(text, encoding="utf-8")
