"""SPH: 25 770 ECGs of 24 666 patients of Shandong Provincial Hospital, 10 to 60 s, 44 primary statements of the AHA.

Read in its publisher's layout: `metadata.csv` beside `records/NAME.h5`, or beside the files themselves. An `ecg` is
`lead time` in mV, 500 Hz, in half precision: Einthoven's and Goldberger's identities hold to .002 mV, its rounding.
The machine has filtered the signals. A file without a row is not listed.

An entry of `AHA_Code` is a primary statement with modifiers (`30+310`, frequent atrial premature complexes; several
entries are separated by `;`); here it is the primary statement, however it is modified, as PTB-XL's statements count
whatever their likelihood. The numbers are those of Mason, Hancock and Gettes 2007, Circulation 115:1325.

A statement is also given as SNOMED CT where the code table of the PhysioNet challenges has the same finding in other
words. Leinonen et al. (github.com/UTU-Health-Research/dl-ecg-classifier) map all that is here and there alike, except
that only we let a prolonged PR interval be both of the challenge's codes and premature complexes both of theirs. The
AHA does not tell complete from unqualified bundle-branch block: whoever has a block has the unqualified code, and the
complete one is unknown. Gaps: "normal ECG" (1) is a verdict on the whole, not the challenge's sinus rhythm, which is
therefore not annotated; ST and T changes (145 to 147, 153) and infarctions (160 to 166) are divided otherwise there;
37, 54, 81, 85 to 87 and 152 are left without a counterpart.
"""

__all__ = ["SPH"]

import functools
import itertools
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from einthoven import registry
from einthoven.datasets import Card, DatasetError
from einthoven.datasets._hdf5 import array, write
from einthoven.datasets._tables import finish, known, read_csv
from einthoven.datasets.simulated import Simulated
from einthoven.labels._snomed import FINDINGS
from einthoven.records.ecg import ECG
from einthoven.records.leads import TWELVE

_RATE_HZ = 500.0
_SEX = {"M": "male", "F": "female", "": None}
_STATEMENTS = (
    "1 21 22 23 30 31 36 37 50 51 54 60 80 81 82 83 84 85 86 87 88 101 102 104 105 106 108 120 121 125 140 142 143 "
    "145 146 147 148 152 153 155 160 161 165 166"
).split()
_SNOMED = {  # the challenges' abbreviations
    "21": "STach",
    "22": "SB",
    "23": "SA",
    "30": "PAC SVPB",  # an atrial premature complex is a supraventricular one
    "31": "PAC SVPB",  # not conducted
    "36": "SVPB",  # junctional
    "50": "AF",
    "51": "AFL",
    "60": "PVC VPB",
    "80": "SPRI",
    "82": "IAVB LPR",  # a prolonged PR interval, and the list has no other name for a first-degree AV block
    "83": "MoI",
    "84": "IIAVBII",
    "88": "CHB",
    "101": "LAnFB",
    "102": "LPFB",
    "104": "LBBB",
    "105": "IRBBB",
    "106": "RBBB",
    "108": "VPEx",
    "120": "RAD",
    "121": "LAD",
    "125": "LQRSV",
    "142": "LVH",
    "143": "RVH",
    "148": "LQT",
    "155": "ERe",
}
_SNOMED_OF = {statement: tuple(FINDINGS[a].code for a in text.split()) for statement, text in _SNOMED.items()}
_COMPLETE = {"104": FINDINGS["CLBBB"].code, "106": FINDINGS["CRBBB"].code}  # perhaps with a block, not without one
_SIMULATED = {"SBRAD": 22, "STACH": 21, "AFIB": 50, "AFLT": 51, "CRBBB": 106, "CLBBB": 104, "1AVB": 82, "PVC": 60}
_SIMULATED |= {"PAC": 30, "LVH": 142, "STE_": 145, "INVT": 147, "LVOLT": 125, "NORM": 1}


class SPH:
    """The corpus in a folder.

    Arguments:
        root: The folder that holds `metadata.csv`.

    Raises:
        DatasetError: If the folder is not SPH's, or a statement is none of its 44.
    """

    card: ClassVar[Card] = Card(
        name="sph",
        title="SPH, a large-scale multi-label 12-lead ECG database with standardized diagnostic statements",
        description="25 770 12-lead ECGs of 24 666 patients in Jinan, 2019 to 2020, 10 to 60 s, 500 Hz; 44 primary "
        "statements of the AHA by cardiologists.",
        licence="CC BY 4.0",
        citation="Liu et al. 2022, Scientific Data 9:272, doi 10.1038/s41597-022-01403-5",
        url="https://doi.org/10.6084/m9.figshare.c.5779802.v1",
    )
    synthetic: ClassVar[bool] = False
    annotated = (
        *(f"aha:{code}" for code in _STATEMENTS),
        *dict.fromkeys([*itertools.chain(*_SNOMED_OF.values()), *_COMPLETE.values()]),
    )

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)
        self.settings: dict[str, Any] = {}
        self._csv = self.root / "metadata.csv"
        raw = read_csv(self._csv, ("ECG_ID", "AHA_Code", "Patient_ID", "Age", "Sex", "N"))
        self._table, self._samples = self._parse(raw)

    def _parse(self, raw: pd.DataFrame) -> tuple[pd.DataFrame, list[int]]:
        names = raw["ECG_ID"].str.strip().str.removesuffix(".h5")
        samples = pd.to_numeric(raw["N"], errors="coerce").fillna(0).astype(int)
        if (samples < 1).any():
            raise DatasetError(
                f"{self._csv}: N of {names.iloc[int(samples.argmin())]} is no number of samples; fetch it again"
            )
        statements = [self._statements(text, name) for text, name in zip(raw["AHA_Code"], names, strict=True)]
        rows = {
            "record_id": [f"sph:{name}" for name in names],
            "patient_id": [f"sph:{patient}" if patient else None for patient in raw["Patient_ID"].str.strip()],
            "source": self.card.name,
            "age": raw["Age"],
            "sex": raw["Sex"].replace(_SEX),
            "positive": [_positive(codes) for codes in statements],
            "unknown": [[_COMPLETE[code] for code in codes if code in _COMPLETE] for codes in statements],
        }
        return finish(pd.DataFrame(rows), self._csv), samples.tolist()

    def _statements(self, text: str, name: str) -> list[str]:
        codes = list(dict.fromkeys(entry.partition("+")[0].strip() for entry in text.split(";")))
        try:
            return [registry.nearest(code, _STATEMENTS, "primary statement") for code in codes]
        except registry.UnknownName as error:
            raise DatasetError(f"{self._csv}, record {name}: {error}") from None

    def table(self) -> pd.DataFrame:
        """One row a record; see `einthoven.datasets.COLUMNS`."""
        return self._table.copy()

    @functools.cached_property
    def _rows(self) -> pd.DataFrame:
        return self._table.assign(samples=self._samples).set_index("record_id")

    def read(self, record_id: str) -> ECG:
        """One recording in mV, twelve leads.

        Raises:
            DatasetError: If there is no such record, or its file is missing, damaged or of another length than the
                table says.
        """
        facts = known(self._rows, record_id, self._csv)
        folder = self.root / "records"
        path = (folder if folder.is_dir() else self.root) / f"{record_id.removeprefix('sph:')}.h5"
        with array(path, "ecg", (len(TWELVE), int(self._rows["samples"][record_id]))) as ecg:
            signal = ecg[()].astype(np.float32)
        return ECG(signal, unit="mV", rate_hz=_RATE_HZ, leads=TWELVE, **facts)

    @staticmethod
    def miniature(folder: Path, seed: int = 0) -> "SPH":
        """Six simulated patients, some of whom return."""
        made = Simulated(6, visits=(1, 2), seed=seed, rate_hz=_RATE_HZ)
        records = Path(folder) / "records"
        records.mkdir(parents=True, exist_ok=True)
        table = made.table()
        signals = [made.read(record).signal for record in table["record_id"]]
        names = [f"A{i:05d}" for i in range(1, 1 + len(table))]
        for name, signal in zip(names, signals, strict=True):
            write(records / f"{name}.h5", ecg=signal.astype(np.float16))
        codes = [[_SIMULATED[c[4:]] for c in row if c[4:] in _SIMULATED] for row in table["positive"]]
        columns = {
            "ECG_ID": names,
            "AHA_Code": [";".join("30+310" if code == 30 else str(code) for code in row) or "37" for row in codes],
            "Patient_ID": ["S" + patient[-5:] for patient in table["patient_id"]],
            "Age": table["age"].astype(int),
            "Sex": table["sex"].map({"male": "M", "female": "F"}),
            "N": [signal.shape[1] for signal in signals],
        }
        pd.DataFrame(columns).to_csv(Path(folder) / "metadata.csv", index=False)
        return SPH(folder)


def _positive(statements: list[str]) -> list[str]:
    snomed = dict.fromkeys(code for statement in statements for code in _SNOMED_OF.get(statement, ()))
    return [*(f"aha:{code}" for code in statements), *snomed]
