"""Recordings of equal length in one NumPy array, with a CSV that says whose they are.

The folder holds `arrays.json` with the physical facts, none of which has a default:

    {"signals": "signals.npy", "table": "index.csv", "unit": "mV", "scale": 1000, "rate_hz": 500,
     "leads": ["I", "II", ...], "axes": ["record", "lead", "time"], "namespace": "mycorpus"}

A sample of `signals.npy` divided by `scale` is in `unit` (mV or z). `index.csv` has the columns
`row` (into the array), `record`, `patient`, optionally `age`, `sex`, `source` and `fold`, and one column a class with
1, 0 or empty. Patients and records are namespaced, so that two array folders of one corpus are known to share them.

One published derivative without such a file is known by its file names: 1819 z-scored records of PTB-XL, whose
`index.csv` has PTB-XL's own columns.
"""

__all__ = ["Arrays"]

import functools
import json
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from einthoven.datasets import Card, DatasetError
from einthoven.datasets._tables import SCP, class_columns, finish, known, namespaced, ptbxl_table, read_csv
from einthoven.datasets.simulated import Simulated
from einthoven.records.ecg import ECG
from einthoven.records.leads import TWELVE

_FACTS = ("signals", "table", "unit", "scale", "rate_hz", "leads", "axes", "namespace")
_AXES = ("record", "lead", "time")
_META = ("row", "record", "patient", "age", "sex", "source", "fold")
_PTBXL_ZSCORED: dict[str, Any] = {
    "signals": "signals_100hz_int16_x200.npy",
    "table": "index.csv",
    "unit": "z",
    "scale": 200,
    "rate_hz": 100,
    "leads": list(TWELVE),
    "axes": ["record", "time", "lead"],
    "namespace": "ptbxl",
}


class Arrays:
    """The array and its table in a folder.

    Arguments:
        root: The folder that holds `arrays.json`, or the z-scored derivative of PTB-XL.

    Raises:
        DatasetError: If a file or a fact is missing or does not fit.
    """

    card: ClassVar[Card] = Card(
        name="arrays",
        title="Recordings in a NumPy array",
        description="Your own recordings of equal length as one NPY array with a CSV beside it; also the z-scored "
        "derivative of PTB-XL.",
        licence="that of your data",
        citation="that of your data",
        contains=("whatever shares its namespace",),
    )
    synthetic: ClassVar[bool] = False

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)
        self._facts = self._read_facts()
        self._ptbxl = self._facts is _PTBXL_ZSCORED
        self._csv = self.root / self._facts["table"]
        needed = ("row", "ecg_id", "patient_id", "age", "sex", "scp_codes", "strat_fold")
        raw = read_csv(self._csv, needed if self._ptbxl else ("row", "record", "patient"))
        self.annotated, self._table = self._parse(raw)
        rows = pd.to_numeric(raw["row"], errors="coerce")
        if not rows.isin(range(len(self._signals))).all():
            raise DatasetError(f"{self._csv}: 'row' must count into the {len(self._signals)} rows of {self._npy}")
        self._row = dict(zip(self._table["record_id"], rows.astype(int), strict=True))
        self.settings = {**self._facts, "rows": list(self._row.values())}

    def _read_facts(self) -> dict[str, Any]:
        path = self.root / "arrays.json"
        if not path.exists() and (self.root / _PTBXL_ZSCORED["signals"]).exists():
            return _PTBXL_ZSCORED
        try:
            facts = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise DatasetError(f"{path} is missing; it states {', '.join(_FACTS)}") from None
        except (OSError, ValueError) as error:
            raise DatasetError(f"{path} is not readable JSON: {error}") from None
        missing = [fact for fact in _FACTS if fact not in facts]
        if missing:
            raise DatasetError(f"{path} does not state {', '.join(missing)}; none of these has a default")
        if sorted(facts["axes"]) != sorted(_AXES):
            raise DatasetError(f"{path}: axes are 'record', 'lead' and 'time' in some order, not {facts['axes']}")
        if facts["unit"] not in ("mV", "z"):
            raise DatasetError(f"{path}: unit is 'mV' or 'z', not '{facts['unit']}'; choose 'scale' to match")
        return dict(facts)

    @property
    def _npy(self) -> Path:
        return self.root / self._facts["signals"]

    @functools.cached_property
    def _signals(self) -> np.ndarray:
        try:
            signals = np.load(self._npy, mmap_mode="r", allow_pickle=False)
        except FileNotFoundError:
            raise DatasetError(f"{self._npy} is missing, which arrays.json names") from None
        except (OSError, ValueError) as error:
            raise DatasetError(f"{self._npy} is not a readable NPY array: {error}") from None
        if signals.ndim == 3:
            signals = signals.transpose([self._facts["axes"].index(axis) for axis in _AXES])
        if signals.ndim != 3 or signals.shape[1] != len(self._facts["leads"]):
            raise DatasetError(
                f"{self._npy} has shape {signals.shape}, which does not fit axes {self._facts['axes']} and "
                f"{len(self._facts['leads'])} leads"
            )
        return signals

    def __getstate__(self) -> dict[str, Any]:
        # A worker maps the array for itself; it is not sent through a pipe.
        return {key: value for key, value in self.__dict__.items() if key != "_signals"}

    def _parse(self, raw: pd.DataFrame) -> tuple[tuple[str, ...], pd.DataFrame]:
        if self._ptbxl:
            return SCP, ptbxl_table(raw, self._csv)
        lists, codes = class_columns(raw, [c for c in raw.columns if c not in _META], self._csv)
        space = self._facts["namespace"]
        columns: dict[str, Any] = {
            "record_id": [namespaced(space, r) for r in raw["record"]],
            "patient_id": [namespaced(space, p) for p in raw["patient"]],
            "source": raw["source"].replace("", None) if "source" in raw else space,
            "sex": raw["sex"].replace("", None) if "sex" in raw else None,
        }
        return codes, finish(raw.assign(**columns, **lists), self._csv)

    def table(self) -> pd.DataFrame:
        """One row a record; see `einthoven.datasets.COLUMNS`."""
        return self._table.copy()

    def read(self, record_id: str) -> ECG:
        """One recording in the unit that the folder states.

        Raises:
            DatasetError: If there is no such record.
        """
        facts = known(self._rows, record_id, self._csv)
        signal = self._signals[self._row[record_id]].astype(np.float32) / np.float32(self._facts["scale"])
        return ECG(
            signal=signal,
            unit=self._facts["unit"],
            rate_hz=float(self._facts["rate_hz"]),
            leads=tuple(self._facts["leads"]),
            **facts,
        )

    @functools.cached_property
    def _rows(self) -> pd.DataFrame:
        return self._table.set_index("record_id")

    @staticmethod
    def miniature(folder: Path, seed: int = 0) -> "Arrays":
        """A few simulated patients as an array."""
        made = Simulated(6, seed=seed)
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        table = made.table()
        signals = np.stack([made.read(r).signal for r in table["record_id"]])
        np.save(folder / "signals.npy", np.round(signals * 1000).astype(np.int16))
        facts = dict(_PTBXL_ZSCORED, signals="signals.npy", unit="mV", scale=1000, rate_hz=500, namespace="miniature")
        facts["axes"] = list(_AXES)
        (folder / "arrays.json").write_text(json.dumps(facts), encoding="utf-8")
        index = pd.DataFrame({"row": range(len(table)), "record": [r.partition(":")[2] for r in table["record_id"]]})
        index["patient"] = [p.partition(":")[2] for p in table["patient_id"]]
        index["AF"] = [int("scp:AFIB" in codes) for codes in table["positive"]]
        index.to_csv(folder / "index.csv", index=False)
        return Arrays(folder)
