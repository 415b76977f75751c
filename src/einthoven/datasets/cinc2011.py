"""PhysioNet/CinC Challenge 2011: is this ECG, taken with a mobile phone, good enough to read?

The folder is the publisher's (https://physionet.org/content/challenge-2011/1.0.0/: `set-a` with the lists
`RECORDS-acceptable` and `RECORDS-unacceptable`, and `set-b`, whose answers are not published), or one set alone, or an
excerpt that holds the records and an `index.csv` with `record` and `label`. A record that neither list names, or whose
label is neither word, is of unknown quality. Patients are not known; age and sex neither, for the headers write 0 for
an unknown age.

The challenge has 200 units a millivolt (https://physionet.org/challenge/2011/faq.shtml). The headers of the excerpt
with the `index.csv` say 1000, which would make its QRS complexes a fifth as high as anybody's; its samples are
multiplied by five, saying so.
"""

__all__ = ["CinC2011"]

import functools
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from einthoven import records
from einthoven.datasets import Card, DatasetError
from einthoven.datasets._tables import finish, headers, known, read_csv
from einthoven.datasets.simulated import Simulated
from einthoven.records.ecg import ECG

_UNACCEPTABLE = "quality:unacceptable"
_UNLABELLED = "set-b"
_REWRITTEN = 5.0


class CinC2011:
    """The challenge's records.

    Arguments:
        root: The folder that holds the sets, a set, or the excerpt.

    Raises:
        DatasetError: If there is no record, a list is missing or names a record that is not there, or a record is
            listed as both.
    """

    card: ClassVar[Card] = Card(
        name="cinc2011",
        title="PhysioNet/CinC Challenge 2011",
        description="Ten-second 12-lead ECGs taken with mobile phones, graded as acceptable or not by many readers: "
        "1000 with the answer (set A) and 500 without (set B).",
        licence="ODC-By 1.0",
        citation="Silva, Moody and Celi 2011, Computing in Cardiology 38:273",
        url="https://physionet.org/content/challenge-2011/1.0.0/",
        download="physionet:challenge-2011/1.0.0",
    )
    synthetic: ClassVar[bool] = False
    annotated = (_UNACCEPTABLE,)

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)
        self._factor = _REWRITTEN if (self.root / "index.csv").exists() else 1.0
        self.settings: dict[str, Any] = {"factor": self._factor}
        sets = [folder for folder in (self.root / "set-a", self.root / _UNLABELLED) if folder.is_dir()]
        rows = [row for folder in sets or [self.root] for row in _rows(folder)]
        self._table = finish(pd.DataFrame(rows), self.root)
        self._paths = [row["path"] for row in rows]

    def table(self) -> pd.DataFrame:
        """One row a record; see `einthoven.datasets.COLUMNS`."""
        return self._table.copy()

    @functools.cached_property
    def _rows(self) -> pd.DataFrame:
        return self._table.assign(path=self._paths).set_index("record_id")

    def read(self, record_id: str) -> ECG:
        """One recording in mV, twelve leads.

        Raises:
            DatasetError: If there is no such record.
            RecordError: If its files are missing or damaged.
        """
        facts = known(self._rows, record_id, self.root)
        ecg = records.read(self._rows["path"][record_id]).replace(**facts)
        if self._factor == 1:
            return ecg
        note = "the header's gain is 1000 where the challenge has 200: multiplied by 5"
        return ecg.replace(signal=ecg.signal * np.float32(self._factor), notes=(*ecg.notes, note))

    @staticmethod
    def miniature(folder: Path, seed: int = 0) -> "CinC2011":
        """A few simulated records in both sets."""
        made = Simulated(6, visits=(1, 1), seed=seed)
        names: dict[str, list[str]] = {"acceptable": [], "unacceptable": [], "": []}
        for i, record in enumerate(made.table()["record_id"]):
            place, name = Path(folder) / ("set-b" if i > 3 else "set-a"), f"{1000001 + i}"
            place.mkdir(parents=True, exist_ok=True)
            records.write(made.read(record), place / f"{name}.hea", overwrite=True)
            names["" if i > 2 else "unacceptable" if i == 1 else "acceptable"].append(name)
        for word in ("acceptable", "unacceptable"):
            (Path(folder) / "set-a" / f"RECORDS-{word}").write_text("\n".join(names[word]) + "\n", encoding="utf-8")
        return CinC2011(folder)


def _rows(folder: Path) -> list[dict[str, Any]]:
    """The records of a set and what is said of them."""
    paths = headers(folder, "*.hea")
    good, bad = (set[str](), set[str]()) if folder.name == _UNLABELLED else _grades(folder)
    if both := sorted(good & bad):
        raise DatasetError(f"{folder}: record {both[0]} is listed as acceptable and as unacceptable; keep one")
    if absent := sorted((good | bad) - {path.stem for path in paths}):
        raise DatasetError(f"{folder / absent[0]}.hea is missing, though its quality is listed; fetch it")
    return [
        {
            "record_id": f"cinc2011:{path.stem}",
            "source": "cinc2011",
            "positive": [_UNACCEPTABLE] if path.stem in bad else [],
            "unknown": [_UNACCEPTABLE] if path.stem not in good | bad else [],
            "path": path,
        }
        for path in paths
    ]


def _grades(folder: Path) -> tuple[set[str], set[str]]:
    """The acceptable records and the unacceptable ones."""
    words = ("acceptable", "unacceptable")
    if (index := folder / "index.csv").exists():
        table = read_csv(index, ("record", "label"))
        good, bad = (set(table["record"][table["label"] == word]) for word in words)
        return good, bad
    lists = [folder / f"RECORDS-{word}" for word in words]
    for path in lists:
        if not path.is_file():
            raise DatasetError(f"{path} is missing; the quality of the records stands there (or in index.csv)")
    good, bad = (set(path.read_text(encoding="utf-8").split()) for path in lists)
    return good, bad
