"""The records of PhysioNet/CinC Challenge 2020 and 2021: eight sources under one roof.

All `*.hea` below the folder are read, so it may be the publisher's (`training/<source>/g*/`, or `Training_WFDB/` and
`WFDB_*/` of 2020) or a flat one. The name of a record tells its source: A1234 is CPSC2018, Q1234 CPSC-Extra, I1234
INCART (St Petersburg), S1234 PTB, HR12345 PTB-XL, E12345 Georgia, JS00001 to JS10646 Chapman-Shaoxing and JS numbers
above Ningbo. The diagnoses stand in the header (`#Dx:`) as SNOMED CT codes, in the first headers of CPSC2018 as one of
nine words. What a source never coded is unknown there (`_cinc`).

HR records are PTB-XL under another name and keep the ids of PTB-XL; of the others nobody knows the patient. A0101 and
Q0048 are one signal. Ningbo codes no atrial fibrillation, and 7615 flutters.
"""

__all__ = ["CinC2021"]

import functools
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from scipy.io import savemat

from einthoven import records, registry
from einthoven.datasets import Card, DatasetError
from einthoven.datasets._cinc import CODES, LOOKED_FOR, TEXTS, snomed, with_twins
from einthoven.datasets._tables import finish, headers, known, ptbxl_table, read_csv
from einthoven.datasets.simulated import Simulated
from einthoven.records.ecg import ECG

_NAME = re.compile(r"(A|Q|I|S|HR|E|JS)(\d{4,5})")
_PREFIX = dict(zip(("A", "Q", "I", "S", "HR", "E", "JS"), LOOKED_FOR, strict=False))
_LAST_CHAPMAN = 10646
_FACT = re.compile(r"^#[ \t]*(age|sex|dx)[ \t]*:[ \t]*(.*?)[ \t]*$", re.IGNORECASE | re.MULTILINE)
_SEX = {"f": "female", "m": "male"}
_OLDEST, _OVER_89 = 120.0, 300.0  # years; PTB-XL writes 300 for its oldest patients
_SHORT = {
    "scp:SR": "NSR",
    "scp:SBRAD": "SB",
    "scp:STACH": "STach",
    "scp:AFIB": "AF",
    "scp:AFLT": "AFL",
    "scp:1AVB": "IAVB",
    "scp:CRBBB": "RBBB",
    "scp:CLBBB": "LBBB",
}


class CinC2021:
    """The challenge's training records, or any part of them.

    Arguments:
        root: The folder in which they lie, at any depth.
        sources: Which sources to list, one name or several (`CPSC2018+Georgia`); all of them where it is left out.
        ptbxl: PTB-XL's `ptbxl_database.csv` or its folder, which names the patients and folds of the HR records.

    Raises:
        DatasetError: If no record is there, or one is not named as the challenge names them.
        UnknownName: If there is no such source.
    """

    card: ClassVar[Card] = Card(
        name="cinc2021",
        title="PhysioNet/CinC Challenge 2021",
        description="88 253 public 12-lead ECGs of eight sources with SNOMED CT codes, mostly 10 s at 500 Hz; most "
        "patients are unknown, and A0101 and Q0048 are one signal.",
        licence="CC BY 4.0",
        citation="Reyna et al. 2021, Computing in Cardiology 48, doi 10.23919/CinC53138.2021.9662687; Perez Alday et "
        "al. 2020, Physiological Measurement 41:124003, doi 10.1088/1361-6579/abc960",
        url="https://physionet.org/content/challenge-2021/1.0.3/",
        contains=(
            "PTB-XL: records HR…",
            "CinC 2020: all of it, and with it CPSC2018, CPSC-Extra, INCART, PTB and Georgia",
            "Chapman-Shaoxing and Ningbo: records JS…",
        ),
        download="physionet:challenge-2021/1.0.3",
    )
    synthetic: ClassVar[bool] = False

    def __init__(
        self, root: str | Path, *, sources: str | Sequence[str] | None = None, ptbxl: str | Path | None = None
    ) -> None:
        self.root = Path(root)
        self.settings: dict[str, Any] = {}
        wanted = sources.split("+") if isinstance(sources, str) else sources
        for name in wanted or ():
            registry.nearest(name, LOOKED_FOR, "source of the challenge")
        found = {path: _source(path) for path in headers(self.root)}
        self._source = {path: name for path, name in found.items() if wanted is None or name in wanted}
        if not self._source:
            raise DatasetError(
                f"{self.root}: every record of {' and '.join(wanted or ())} is missing; leave out sources"
            )
        self._known = {} if ptbxl is None else _ptbxl(Path(ptbxl))

    @functools.cached_property
    def _table(self) -> pd.DataFrame:
        rows = pd.DataFrame([self._row(path, source) for path, source in self._source.items()])
        seen = {code for codes in rows["positive"] for code in codes or ()}
        every = (*CODES, *sorted(seen - set(CODES)))
        unknown: list[list[str]] = []
        for source, codes in zip(rows["source"], rows["positive"], strict=True):
            sure = frozenset[str]() if codes is None else (LOOKED_FOR[source] - with_twins(codes)).union(codes)
            unknown.append([code for code in every if code not in sure])
        rows["unknown"] = unknown
        rows["positive"] = [codes or [] for codes in rows["positive"]]
        return finish(rows, self.root)

    def _row(self, path: Path, source: str) -> dict[str, Any]:
        try:
            text = path.read_text(encoding="utf-8", errors="replace")
        except OSError as error:
            raise DatasetError(f"{path}: could not be read ({error.strerror})") from None
        facts = {name.lower(): value for name, value in _FACT.findall(text)}
        ours = source == "PTB-XL"
        record = f"ptbxl:{int(path.stem[2:])}" if ours else f"cinc2021:{path.stem}"
        return {
            "record_id": record,
            **self._known.get(record, {}),
            "source": source,
            "age": _age(facts.get("age", ""), ours),
            "sex": _SEX.get(facts.get("sex", "")[:1].lower()),
            "positive": _codes(facts.get("dx", ""), path),
        }

    @functools.cached_property
    def annotated(self) -> tuple[str, ...]:
        """The codes of the challenge's tables, and those that the records have besides."""
        return (*CODES, *sorted({code for codes in self._table["positive"] for code in codes} - set(CODES)))

    def table(self) -> pd.DataFrame:
        """One row a record; see `einthoven.datasets.COLUMNS`."""
        return self._table.copy()

    @functools.cached_property
    def _rows(self) -> pd.DataFrame:
        paths: list[Any] = list(self._source)
        return self._table.assign(path=paths).set_index("record_id")

    def read(self, record_id: str) -> ECG:
        """One recording in mV, mostly of twelve leads.

        Raises:
            DatasetError: If there is no such record.
            RecordError: If its files are missing or damaged.
        """
        facts = known(self._rows, record_id, self.root)
        return records.read(self._rows["path"][record_id]).replace(**facts)

    @staticmethod
    def miniature(folder: Path, seed: int = 0) -> "CinC2021":
        """A few simulated records of four sources."""
        made = Simulated(4, visits=(1, 1), seed=seed)
        places = ("cpsc_2018/g1/A{:04d}", "ptb-xl/g1/HR{:05d}", "georgia/g1/E{:05d}", "chapman_shaoxing/g1/JS{:05d}")
        for i, row in enumerate(made.table().to_dict("records")):
            path = Path(folder) / "training" / places[i % len(places)].format(i + 1)
            path.parent.mkdir(parents=True, exist_ok=True)
            codes = [snomed(_SHORT[code]).partition(":")[2] for code in row["positive"] if code in _SHORT]
            _write(made.read(row["record_id"]), path, ",".join(codes))
        return CinC2021(folder)


def _source(path: Path) -> str:
    match = _NAME.fullmatch(path.stem)
    if match is None:
        raise DatasetError(f"{path} is not named like a record of the challenge (A0001, HR00001 …); move it elsewhere")
    return "Ningbo" if match[1] == "JS" and int(match[2]) > _LAST_CHAPMAN else _PREFIX[match[1]]


def _ptbxl(path: Path) -> dict[str, dict[str, Any]]:
    """The patient and the fold of each record of PTB-XL."""
    path = path / "ptbxl_database.csv" if path.is_dir() else path
    needed = ("ecg_id", "patient_id", "age", "sex", "scp_codes", "strat_fold")
    table = ptbxl_table(read_csv(path, needed), path).dropna(subset="patient_id")
    facts = table.set_index("record_id")[["patient_id", "fold"]]
    return {str(record): {str(k): v for k, v in row.items()} for record, row in facts.to_dict("index").items()}


def _age(text: str, ptbxl: bool) -> float | None:
    """Years; None where the header says nothing (NaN) or what cannot be (-1), and 90 for PTB-XL's 300, over 89."""
    try:
        age = float(text)
    except ValueError:
        return None
    if ptbxl and age == _OVER_89:
        return 90.0
    return age if 0 <= age <= _OLDEST else None


def _codes(text: str, path: Path) -> list[str] | None:
    """The diagnoses of a header, each once; None where it states none."""
    words = [word.strip() for word in text.split(",")]
    if words in ([""], ["Unknown"]):
        return None
    for word in words:
        if word not in TEXTS and not word.isdecimal():
            raise DatasetError(f"{path}: its #Dx names '{word}', which is neither a SNOMED CT code nor CPSC2018's word")
    return list(dict.fromkeys(TEXTS.get(word, f"snomed:{word}") for word in words))


def _write(ecg: ECG, path: Path, dx: str) -> None:
    """A record as the challenge has it: counts of a microvolt behind the 24 bytes of a MATLAB 4 matrix."""
    counts = np.round(ecg.signal * 1000).astype("<i2")
    savemat(path.with_suffix(".mat"), {"val": counts}, format="4")
    lines = [f"{path.name} {len(ecg.leads)} {ecg.rate_hz:g} {counts.shape[1]}"]
    lines += [f"{path.name}.mat 16+24 1000/mV 16 0 0 0 0 {lead}" for lead in ecg.leads]
    lines += [f"# Age: {ecg.age:g}", f"# Sex: {str(ecg.sex).capitalize()}", f"# Dx: {dx}"]
    path.with_suffix(".hea").write_text("\n".join(lines) + "\n", encoding="utf-8")
