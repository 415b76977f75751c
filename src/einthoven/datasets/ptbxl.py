"""PTB-XL: 21 799 clinical 12-lead ECGs of 18 869 patients, 10 s each, with 71 SCP-ECG statements and ten folds.

Read in its publisher's layout: `ptbxl_database.csv` beside `records500/` and `records100/`. Part of the corpus will do:
the records are those that the table lists.
"""

__all__ = ["PTBXL"]

import functools
from pathlib import Path
from typing import ClassVar

import pandas as pd

from einthoven import records
from einthoven.datasets import Card, DatasetError
from einthoven.datasets._tables import SCP, ptbxl_table, read_csv, recording
from einthoven.datasets.simulated import Simulated
from einthoven.records.ecg import ECG


class PTBXL:
    """The corpus in a folder.

    Arguments:
        root: The folder that holds `ptbxl_database.csv`.
        rate_hz: 500 for the original signals, 100 for the publisher's downsampled ones.

    Raises:
        DatasetError: If the folder is not PTB-XL's.
    """

    card: ClassVar[Card] = Card(
        name="ptbxl",
        title="PTB-XL, a large publicly available electrocardiography dataset (1.0.3)",
        description="21 799 clinical 12-lead ECGs of 18 869 patients, 10 s, 500 and 100 Hz; 71 SCP-ECG statements; "
        "ten folds by patient, of which 9 and 10 were checked by a human.",
        licence="CC BY 4.0",
        citation="Wagner et al. 2020, Scientific Data 7:154, doi 10.1038/s41597-020-0495-6",
        url="https://physionet.org/content/ptb-xl/1.0.3/",
        contains=("CinC 2021 records HR…",),
        download="physionet:ptb-xl/1.0.3",
    )
    synthetic: ClassVar[bool] = False

    def __init__(self, root: str | Path, *, rate_hz: int = 500) -> None:
        if rate_hz not in (100, 500):
            raise DatasetError(f"PTB-XL comes at 500 and at 100 Hz, not at {rate_hz}; resample what it gives")
        self.root = Path(root)
        self.rate_hz = rate_hz
        self.settings = {"rate_hz": rate_hz}
        self._csv = self.root / "ptbxl_database.csv"
        needed = ("ecg_id", "patient_id", "age", "sex", "scp_codes", "strat_fold", "filename_lr", "filename_hr")
        self._raw = read_csv(self._csv, needed)

    annotated = SCP

    def table(self) -> pd.DataFrame:
        """One row a record; see `einthoven.datasets.COLUMNS`."""
        return ptbxl_table(self._raw, self._csv)

    @functools.cached_property
    def _rows(self) -> pd.DataFrame:
        table = self.table()
        table["file"] = self._raw["filename_hr" if self.rate_hz == 500 else "filename_lr"]
        return table.set_index("record_id")

    def read(self, record_id: str) -> ECG:
        """One recording in mV, twelve leads.

        Raises:
            DatasetError: If there is no such record.
            RecordError: If its files are missing or damaged.
        """
        return recording(self._rows, record_id, self._csv, "file")

    @staticmethod
    def miniature(folder: Path, seed: int = 0) -> "PTBXL":
        """A few simulated patients in the layout of the corpus."""
        made = Simulated(6, seed=seed)
        folder = Path(folder)
        rows = []
        for ecg_id, row in enumerate(made.table().to_dict("records"), start=1):
            names = {hz: f"records{hz}/00000/{ecg_id:05d}_{tag}" for hz, tag in ((500, "hr"), (100, "lr"))}
            for hz, name in names.items():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                records.write(made.read(row["record_id"]).resample(hz), folder / f"{name}.hea", overwrite=True)
            codes = {c.removeprefix("scp:"): 100.0 for c in row["positive"] if c.startswith("scp:")}
            rows.append(
                {
                    "ecg_id": ecg_id,
                    "patient_id": float(row["patient_id"].rpartition("-")[2]),
                    "age": row["age"],
                    "sex": int(row["sex"] == "female"),
                    "scp_codes": str(codes),
                    "strat_fold": row["fold"],
                    "filename_lr": names[100],
                    "filename_hr": names[500],
                }
            )
        pd.DataFrame(rows).to_csv(folder / "ptbxl_database.csv", index=False)
        return PTBXL(folder)
