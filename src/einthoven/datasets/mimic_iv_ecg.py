"""MIMIC-IV-ECG: 800 035 diagnostic 12-lead ECGs of 161 352 patients of one hospital in Boston.

The folder is the publisher's (https://physionet.org/content/mimic-iv-ecg/1.0/): `record_list.csv` says whose each
record is and where it lies, `files/p1000/p10000032/s40689238/40689238` and so on. Its leads come in the order I, II,
III, aVR, aVF, aVL, V1 … V6. Age and sex stand in MIMIC-IV itself, not here.

Nobody has labelled these ECGs. `machine_measurements.csv` holds what the cardiograph printed (`report_0` …
`report_17`), which no reader has confirmed; asked to (`statements=true`), this reader takes those sentences for labels
that mean exactly one thing (`_SENTENCES`). A record has a code if a sentence says so in full; where another sentence
touches the matter (`_TOUCHES`: "probable atrial fibrillation"), or no report is there, it is unknown.
"""

__all__ = ["MIMICIVECG"]

import functools
import re
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd

from einthoven import records
from einthoven.datasets import Card, DatasetError
from einthoven.datasets._cinc import snomed, with_twins
from einthoven.datasets._tables import finish, read_csv, recording
from einthoven.datasets.simulated import Simulated
from einthoven.records.ecg import ECG

_ORDER = ("I", "II", "III", "aVR", "aVF", "aVL", "V1", "V2", "V3", "V4", "V5", "V6")
_SINUS, _SLOW, _FAST = snomed("NSR"), snomed("SB"), snomed("STach")
_AF, _FLUTTER, _FIRST_DEGREE = snomed("AF"), snomed("AFL"), snomed("IAVB")
_RBBB, _LBBB = snomed("RBBB"), snomed("LBBB")
_SENTENCES = {  # in lower case, without the full stop
    "sinus rhythm": (_SINUS,),
    "normal sinus rhythm": (_SINUS,),
    "sinus bradycardia": (_SLOW,),
    "sinus tachycardia": (_FAST,),
    "atrial fibrillation": (_AF,),
    "atrial flutter": (_FLUTTER,),
    "1st degree a-v block": (_FIRST_DEGREE,),
    "sinus rhythm with 1st degree a-v block": (_SINUS, _FIRST_DEGREE),
    "sinus bradycardia with 1st degree a-v block": (_SLOW, _FIRST_DEGREE),
    "sinus tachycardia with 1st degree a-v block": (_FAST, _FIRST_DEGREE),
    "right bundle branch block": (_RBBB,),
    "left bundle branch block": (_LBBB,),
}
_TOUCHES = {
    _SINUS: "sinus",
    _SLOW: "bradycardia|slow",
    _FAST: "tachycardia|rapid",
    _AF: "fibrillation|flutter|irregular",
    _FLUTTER: "fibrillation|flutter",
    _FIRST_DEGREE: "a-?v block|av conduction|pr interval|1st degree|first degree",
    _RBBB: "bundle branch|rbbb|intraventricular",
    _LBBB: "bundle branch|lbbb|intraventricular",
}
_CODES = tuple(sorted(with_twins(_TOUCHES)))
_WORDS = {code: re.compile(pattern) for stem, pattern in _TOUCHES.items() for code in sorted(with_twins([stem]))}
_SCP = {
    "scp:SR": "Sinus rhythm",
    "scp:SBRAD": "Sinus bradycardia",
    "scp:STACH": "Sinus tachycardia",
    "scp:AFIB": "Atrial fibrillation",
    "scp:AFLT": "Atrial flutter",
    "scp:1AVB": "1st degree A-V block",
    "scp:CRBBB": "Right bundle branch block",
    "scp:CLBBB": "Left bundle branch block",
}


class MIMICIVECG:
    """The corpus in a folder.

    Arguments:
        root: The folder that holds `record_list.csv`.
        statements: Whether to take what the cardiograph printed for labels; nobody has verified it.

    Raises:
        DatasetError: If a table is missing or not as the publisher writes it.
    """

    card: ClassVar[Card] = Card(
        name="mimic_iv_ecg",
        title="MIMIC-IV-ECG",
        description="800 035 ten-second 12-lead ECGs of 161 352 patients at 500 Hz, without labels; the cardiograph's "
        "own sentences, which nobody verified, can be taken for some.",
        licence="ODbL 1.0",
        citation="Gow et al. 2023, MIMIC-IV-ECG: Diagnostic Electrocardiogram Matched Subset (version 1.0), PhysioNet, "
        "doi 10.13026/4nqg-sb35",
        url="https://physionet.org/content/mimic-iv-ecg/1.0/",
        download="physionet:mimic-iv-ecg/1.0",
    )
    synthetic: ClassVar[bool] = False

    def __init__(self, root: str | Path, *, statements: bool = False) -> None:
        self.root = Path(root)
        self.settings: dict[str, Any] = {}
        self.annotated = _CODES if statements else ()
        self._csv = self.root / "record_list.csv"
        raw = read_csv(self._csv, ("subject_id", "study_id", "path"))
        codes = self._statements(raw["study_id"]) if statements else [([], []) for _ in raw["study_id"]]
        rows = pd.DataFrame(
            {
                "record_id": "mimic-iv-ecg:" + raw["study_id"],
                "patient_id": "mimic-iv:" + raw["subject_id"],
                "source": "mimic-iv-ecg",
                "positive": [positive for positive, _ in codes],
                "unknown": [unknown for _, unknown in codes],
            }
        )
        self._table = finish(rows, self._csv)
        self._paths = raw["path"].tolist()

    def _statements(self, studies: pd.Series) -> list[tuple[list[str], list[str]]]:
        """What the machine says of each study, and what it leaves open."""
        path = self.root / "machine_measurements.csv"
        raw = read_csv(path, ("study_id", "report_0"))
        columns = [column for column in raw if re.fullmatch(r"report_\d+", str(column))]
        lines = [[_plain(line) for line in row if line] for row in raw[columns].itertuples(index=False)]
        said = dict(zip(raw["study_id"], lines, strict=True))
        if len(said) < len(raw):
            raise DatasetError(f"{path} has {len(raw) - len(said)} studies twice; keep one row of each")
        return [_codes(said.get(study, [])) for study in studies]

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
        return recording(self._rows, record_id, self._csv, "path")

    @staticmethod
    def miniature(folder: Path, seed: int = 0) -> "MIMICIVECG":
        """A few simulated patients with the sentences that a machine might print."""
        made = Simulated(2, visits=(2, 2), seed=seed)
        folder, listed, measured = Path(folder), [], []
        for study, row in enumerate(made.table().to_dict("records"), start=40000001):
            subject = 10000000 + int(row["patient_id"].rpartition("-")[2])
            name = f"files/p{subject // 10000}/p{subject}/s{study}/{study}"
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            records.write(made.read(row["record_id"]).select(_ORDER), folder / f"{name}.hea", overwrite=True)
            who = {"subject_id": subject, "study_id": study}
            listed.append({**who, "file_name": study, "ecg_time": "2180-07-23 08:44:00", "path": name})
            said = [_SCP[code] for code in row["positive"] if code in _SCP]
            measured.append({**who, **{f"report_{i}": line for i, line in enumerate([*said, *[""] * 18][:18])}})
        pd.DataFrame(listed).to_csv(folder / "record_list.csv", index=False)
        pd.DataFrame(measured).to_csv(folder / "machine_measurements.csv", index=False)
        return MIMICIVECG(folder)


def _plain(line: str) -> str:
    return " ".join(line.lower().split()).rstrip(". ")


def _codes(lines: list[str]) -> tuple[list[str], list[str]]:
    """The codes that the lines state, and those that they leave open; without a line, all."""
    positive = {code for line in lines for code in _SENTENCES.get(line, ())}
    rest = "\n".join(line for line in lines if line not in _SENTENCES)
    unknown = {code for code in _CODES if not lines or _WORDS[code].search(rest)}
    return sorted(positive), sorted((unknown | with_twins(positive)) - positive)
