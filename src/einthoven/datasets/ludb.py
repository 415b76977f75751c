"""LUDB, the Lobachevsky University database: 200 recordings with the bounds of every P, QRS and T in every lead.

The files are those of https://physionet.org/content/ludb/1.0.1/: `ludb.csv` with a person's diagnoses in words,
several to a cell, and `data/N` as WFDB with one file of marks a lead (`N.i`, `N.ii`, …, `N.v6`).

The words become SNOMED CT codes where they mean the same, as `_WORDS` says: rhythm, axis deviation, conduction,
extrasystoles, hypertrophy, pacing pattern and early repolarisation. Overload, a vertical or horizontal axis, aberrant
conduction, P-synchrony, and all of ischaemia and repolarisation have no code of quite that meaning and are left out.
A word that leaves a code open makes it unknown: an irregular sinus rhythm may be an arrhythmia, and a pacemaker whose
mode is not told may pace either chamber; where no axis is given, so is its deviation.
"""

__all__ = ["LUDB"]

import functools
import itertools
import re
import warnings
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from einthoven import records, registry
from einthoven.datasets import Card, DatasetError
from einthoven.datasets._cinc import snomed, with_twins
from einthoven.datasets._tables import finish, known, namespaced, read_csv
from einthoven.datasets.simulated import Simulated
from einthoven.records.ecg import ECG
from einthoven.records.leads import TWELVE

# Words, and their codes by the abbreviation of `labels._snomed`. A word is what stands before the first comma or colon,
# in lower case; for the axis, what stands behind the colon.
_WORDS: dict[str, dict[str, str]] = {
    "Rhythms": {
        "sinus rhythm": "NSR",
        "sinus bradycardia": "SB",
        "sinus tachycardia": "STach",
        "sinus arrhythmia": "SA",
        "irregular sinus rhythm": "",
        "atrial fibrillation": "AF",
        "atrial flutter": "AFL",
        "wandering atrial pacemaker": "WAP",
        "aberrant conduction": "",
    },
    "Electric axis of the heart": {
        "left axis deviation": "LAD",
        "right axis deviation": "RAD",
        "normal": "",
        "vertical": "",
        "horizontal": "",
    },
    "Conduction abnormalities": {
        "sinoatrial blockade": "SAB",
        "i degree av block": "IAVB",
        "iii degree av-block": "CHB",
        "incomplete right bundle branch block": "IRBBB",
        "incomplete left bundle branch block": "ILBBB",
        "left anterior hemiblock": "LAnFB",
        "complete right bundle branch block": "CRBBB",
        "complete left bundle branch block": "CLBBB",
        "non-specific intravintricular conduction delay": "NSIVCB",
    },
    "Extrasystolies": {"atrial extrasystole": "PAC", "ventricular extrasystole": "PVC"},
    "Hypertrophies": {
        "left ventricular hypertrophy": "LVH",
        "right ventricular hypertrophy": "RVH",
        "left atrial hypertrophy": "LAH",
        "right atrial hypertrophy": "RAH",
        "left ventricular overload": "",
        "left atrial overload": "",
        "right atrial overload": "",
    },
    "Cardiac pacing": {
        "unipolar ventricular pacing": "VPP",
        "bipolar ventricular pacing": "VPP",
        "biventricular pacing": "VPP",
        "unipolar atrial pacing": "AP",
        "p-synchrony": "",
        "pacemaker presence": "",
    },
    "Other states": {"early repolarization syndrome": "ERe"},
}
_OPEN = {  # what a word leaves open; no word at all for the axis
    ("Rhythms", "irregular sinus rhythm"): ("SA",),
    ("Electric axis of the heart", ""): ("LAD", "RAD"),
    ("Cardiac pacing", "pacemaker presence"): ("VPP", "AP"),
    ("Cardiac pacing", "p-synchrony"): ("VPP", "AP"),
}
_CODES = tuple(sorted(with_twins(snomed(short) for words in _WORDS.values() for short in words.values() if short)))
_SEX = {"F": "female", "M": "male", "": None}
_OVER_89 = ">89"  # how LUDB hides the age of its oldest
_NAMES = {"p": "P", "N": "QRS", "t": "T"}
_KINDS = {"P": 24, "QRS": 1, "T": 27, "(": 39, ")": 40}
_BEFORE = {"P": "T", "QRS": "P", "T": "QRS"}
_WAVE = re.compile(r"\(+[pNt]+\)+|[pNt]\(\)|\(\)[pNt](?!\))|\([pNt]|[pNt]\)|\(\)|[pNt]")
_SCP = {  # the words of the simulator's codes
    "sinus rhythm": "scp:SR",
    "sinus bradycardia": "scp:SBRAD",
    "sinus tachycardia": "scp:STACH",
    "atrial fibrillation": "scp:AFIB",
    "atrial flutter": "scp:AFLT",
    "i degree av block": "scp:1AVB",
    "complete right bundle branch block": "scp:CRBBB",
    "complete left bundle branch block": "scp:CLBBB",
    "left ventricular hypertrophy": "scp:LVH",
}


class LUDB:
    """The corpus in a folder.

    Arguments:
        root: The folder that holds `ludb.csv`.

    Raises:
        DatasetError: If the CSV is missing or not as LUDB writes it.
    """

    card: ClassVar[Card] = Card(
        name="ludb",
        title="LUDB",
        description="200 ten-second 12-lead ECGs of 200 people from Nizhny Novgorod, each wave of each lead delineated "
        "by cardiologists, with rhythm, axis, conduction, hypertrophy and more in words.",
        licence="ODC-By 1.0",
        citation="Kalyakulina et al. 2020, IEEE Access 8:186181, doi 10.1109/ACCESS.2020.3029211",
        url="https://physionet.org/content/ludb/1.0.1/",
        download="physionet:ludb/1.0.1",
        single=True,
    )
    synthetic: ClassVar[bool] = False
    annotated = _CODES

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)
        self.settings: dict[str, Any] = {}
        self._csv = self.root / "ludb.csv"
        raw = read_csv(self._csv, ("ID", "Sex", "Age", *_WORDS))
        self._table = self._parse(raw.apply(lambda column: column.str.strip()))

    def _parse(self, raw: pd.DataFrame) -> pd.DataFrame:
        if wrong := sorted(set(raw["Sex"]) - set(_SEX)):
            raise DatasetError(f"{self._csv}: sex is F or M, or empty, not '{wrong[0]}'")
        names = [namespaced("ludb", name) for name in raw["ID"]]
        codes = [self._codes(row) for _, row in raw.iterrows()]
        rows = pd.DataFrame(
            {
                "record_id": names,
                "patient_id": names,
                "source": "ludb",
                "age": raw["Age"].replace(_OVER_89, "90"),
                "sex": [_SEX[sex] for sex in raw["Sex"]],
                "positive": [positive for positive, _ in codes],
                "unknown": [unknown for _, unknown in codes],
            }
        )
        return finish(rows, self._csv)

    def _codes(self, row: pd.Series) -> tuple[list[str], list[str]]:
        """What a row says and what it leaves open."""
        positive, unknown = set[str](), set[str]()
        for column, words in _WORDS.items():
            for text in row[column].lower().split("\n"):
                word = text.removeprefix("electric axis of the heart: ").partition(",")[0].partition(":")[0].strip()
                try:
                    short = words[registry.nearest(word, words, "word")] if word else ""
                except registry.UnknownName as error:
                    raise DatasetError(f"{self._csv}, record {row['ID']}, column '{column}': {error}") from None
                positive |= {snomed(short)} if short else set()
                unknown |= {snomed(short) for short in _OPEN.get((column, word), ())}
        return sorted(positive), sorted((unknown | with_twins(positive)) - positive)

    def table(self) -> pd.DataFrame:
        """One row a record; see `einthoven.datasets.COLUMNS`."""
        return self._table.copy()

    @functools.cached_property
    def _rows(self) -> pd.DataFrame:
        return self._table.set_index("record_id")

    def _path(self, record_id: str) -> Path:
        return self.root / "data" / record_id.partition(":")[2]

    def read(self, record_id: str) -> ECG:
        """One recording in mV, twelve leads.

        Raises:
            DatasetError: If there is no such record.
            RecordError: If its files are missing or damaged.
        """
        facts = known(self._rows, record_id, self._csv)
        return records.read(self._path(record_id).with_suffix(".hea")).replace(**facts)

    def marks(self, record_id: str) -> pd.DataFrame:
        """The waves that the cardiologists marked, lead by lead and in the order of time.

        Returns:
            One row a wave: `lead`, `wave` (`"P"`, `"QRS"` or `"T"`), and `onset`, `peak` and `offset` as numbers of
            samples from the first (500 a second), missing where there is no such mark.

        Raises:
            DatasetError: If there is no such record, or its marks are missing or no such file.
        """
        known(self._rows, record_id, self._csv)
        rows = [row for lead in TWELVE for row in self._lead_marks(self._path(record_id), lead)]
        marks = pd.DataFrame(rows, columns=["lead", "wave", "onset", "peak", "offset"])
        return marks.astype({"onset": "Int64", "peak": "Int64", "offset": "Int64"})

    def _lead_marks(self, path: Path, lead: str) -> list[list[str | int | None]]:
        try:
            with warnings.catch_warnings():  # it uses what pandas deprecates, which is no concern of the caller's
                warnings.simplefilter("ignore", DeprecationWarning)
                import wfdb

                marks = wfdb.rdann(str(path), lead.lower())
        except FileNotFoundError:
            raise DatasetError(f"{path}.{lead.lower()} is missing; fetch the marks of LUDB too") from None
        except Exception as error:  # the library raises many kinds, none documented
            raise DatasetError(f"{path}.{lead.lower()} holds no marks: {error}; fetch it again") from None
        waves = _waves("".join(marks.symbol), marks.sample.tolist())
        if waves is None:
            raise DatasetError(f"{path}.{lead.lower()} has a mark that belongs to no wave; fetch it again")
        return [[lead, *wave] for wave in waves]

    @staticmethod
    def miniature(folder: Path, seed: int = 0) -> "LUDB":
        """A few simulated people, with the simulator's truth for marks."""
        made = Simulated(3, visits=(1, 1), seed=seed)
        data = Path(folder) / "data"
        data.mkdir(parents=True, exist_ok=True)
        rows = []
        for number, row in enumerate(made.table().to_dict("records"), start=1):
            record = row["record_id"]
            records.write(made.read(record), data / f"{number}.hea", overwrite=True)
            _write_marks(made.truth(record), data, str(number))
            words = {column: "\n".join(_words(column, row["positive"])) for column in _WORDS}
            sex = row["sex"][0].upper()
            rows.append({"ID": number, "Sex": f"{sex}\n", "Age": f"{row['age']:.0f}\n", **words})
        pd.DataFrame(rows).to_csv(Path(folder) / "ludb.csv", index=False)
        return LUDB(folder)


def _waves(symbols: str, samples: list[int]) -> list[tuple[str, int | None, int | None, int | None]] | None:
    """The waves among the marks of a lead as (wave, onset, peak, offset); None if a mark belongs to none.

    Mostly a wave is onset, peak, offset. Some lack a mark; a peak may lie just outside its bounds; and one stands
    several times over. A pair of bounds without a peak (there is one) is the wave that comes before the next: a QRS
    before a T, a P before a QRS.
    """
    found = list(_WAVE.finditer(symbols))
    if "".join(match[0] for match in found) != symbols:
        return None
    waves: list[tuple[str, int | None, int | None, int | None]] = []
    for match in reversed(found):
        group = list(zip(match[0], samples[match.start() : match.end()], strict=True))
        onsets, offsets = ([at for sign, at in group if sign == bound] for bound in "()")
        peaks: list[tuple[str, int | None]] = [(_NAMES[sign], at) for sign, at in group if sign in _NAMES]
        peaks = peaks or [(_BEFORE[waves[-1][0] if waves else "P"], None)]
        if max(len(onsets), len(offsets)) > len(peaks):
            return None
        columns = itertools.zip_longest(peaks, onsets, offsets)
        waves += reversed([(wave, onset, peak, offset) for (wave, peak), onset, offset in columns])
    return waves[::-1]


def _words(column: str, codes: list[str]) -> list[str]:
    """What LUDB would write in a column of a simulated record."""
    if column == "Electric axis of the heart":
        return ["Electric axis of the heart: normal"]
    return [word.capitalize() for word, scp in _SCP.items() if word in _WORDS[column] and scp in codes]


def _write_marks(truth: pd.DataFrame, folder: Path, name: str) -> None:
    """The same marks for every lead, since the simulator times a wave over all of them, in MIT's format.

    A mark is 16 bits, its kind above and the samples since the last one below
    (https://physionet.org/physiotools/wag/annot-5.htm). A wave that begins before the last one ends is left out.
    """
    words, now = [], 0
    for wave, *times_s in truth[["wave", "onset_s", "peak_s", "offset_s"]].itertuples(index=False):
        for sign, at in zip(("(", wave, ")"), times_s, strict=True) if round(times_s[0] * 500) >= now else ():
            step = round(at * 500) - now
            words += [_KINDS[sign] << 10 | step] if step < 1024 else [59 << 10, 0, step, _KINDS[sign] << 10]
            now += step
    for lead in TWELVE:
        (folder / f"{name}.{lead.lower()}").write_bytes(np.array([*words, 0], dtype="<u2").tobytes())
