"""Patients made of moving dipoles: a corpus that needs no download and whose truth is known.

Every patient has a torso, a heart and illnesses of his own, and comes for one or more visits, at each of which an
ECG is taken. A record is made when it is read, from the seed and the numbers of the patient and the visit alone,
so any process may read any record in any order. Where it comes from: `_simulator` (dipoles and electrodes),
`_simulator_heart` (patients and what a diagnosis changes), `_simulator_rhythm`, `_simulator_conditions` (who has
what), `_simulator_visit` (all that put together) and `_simulator_noise`.
"""

__all__ = ["Simulated"]

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal, cast

import numpy as np
import pandas as pd

from einthoven.datasets import COLUMNS, Card, DatasetError
from einthoven.datasets._simulator import ELECTRODES, LEADS
from einthoven.datasets._simulator_conditions import CODES, chances, draw, groups
from einthoven.datasets._simulator_heart import SITES, Origin, Patient, make_patient
from einthoven.datasets._simulator_noise import make_noise
from einthoven.datasets._simulator_visit import Visit, make_visit
from einthoven.labels import ORIGIN
from einthoven.records.ecg import ECG
from einthoven.records.leads import EIGHT, TWELVE, derive


class Simulated:
    """Simulated 12-lead ECGs.

    Their codes are PTB-XL's, and `own:VT` for ventricular tachycardia. A record has one rhythm (`scp:SR`,
    `scp:SBRAD`, `scp:STACH`, `scp:AFIB`, `scp:AFLT` or `own:VT`), and `scp:NORM` exactly when it has nothing but
    sinus rhythm. Ids do not name the arguments: the same patients appear in a harder or a rarer variant.

    Arguments:
        patients: How many.
        visits: The fewest and the most records of a patient.
        seed: Names the people; other seeds, other people.
        rate_hz: Samples per second, 50 to 2000.
        duration_s: Length of a record, 3 to 600 s.
        prevalence: The share of records that shall have a code, by code (`"scp:AFIB"` or `"AFIB"`); the others
            keep their default, or share the room that is left. Also as a text, `VT:1` or `VT:0.5+AFIB:0.1`.
        difficulty: From 0 (textbook cases, hardly any noise) to 1 (faint cases, mimics and much noise). A label is
            what the simulator set out to make: beyond 0 a faint case may lie on the wrong side of a limit.

    Raises:
        DatasetError: If an argument is not what it should be.
        UnknownName: If there is no such condition.
    """

    card: ClassVar[Card] = Card(
        name="simulated",
        title="Simulated 12-lead ECG",
        description="Moving dipoles in simple torsos, with the truth of every wave; made by Einthoven itself.",
        licence="Apache-2.0 (made here)",
        citation="After McSharry et al. 2003, IEEE TBME 50:289, and Sameni et al. 2007, EURASIP JASP 43407.",
    )
    synthetic: ClassVar[bool] = True

    def __init__(
        self,
        patients: int | str = 300,
        *,
        visits: tuple[int, int] = (1, 3),
        seed: int = 0,
        rate_hz: float = 500.0,
        duration_s: float = 10.0,
        prevalence: Mapping[str, float] | str | None = None,
        difficulty: float = 0.5,
    ) -> None:
        self.patients = _whole("patients", patients, 1)
        self.seed = _whole("seed", seed, 0)
        if not isinstance(visits, (tuple, list)) or len(visits) != 2:
            raise DatasetError(f"simulated: visits is a pair, the fewest and the most, not {visits!r}")
        least, most = (_whole("visits", count, 1) for count in visits)
        if most < least:
            raise DatasetError(f"simulated: visits go from the fewest to the most, not from {least} to {most}")
        self.visits = (least, most)
        self.rate_hz = _between("rate_hz", rate_hz, 50.0, 2000.0)
        self.duration_s = _between("duration_s", duration_s, 3.0, 600.0)
        self.difficulty = _between("difficulty", difficulty, 0.0, 1.0)
        try:
            self._chances = chances(_shares(prevalence) if isinstance(prevalence, str) else prevalence)
        except ValueError as error:
            raise DatasetError(f"simulated: {error}") from None

    def __repr__(self) -> str:
        return f"Simulated({self.patients} patients, seed {self.seed}, difficulty {self.difficulty:g})"

    @property
    def settings(self) -> dict[str, Any]:
        """All arguments: ids name the seed alone."""
        names = ("patients", "visits", "seed", "rate_hz", "duration_s", "difficulty")
        return {**{name: getattr(self, name) for name in names}, "prevalence": repr(self._chances)}

    @property
    def annotated(self) -> tuple[str, ...]:
        """All codes that it makes; every record has each of them or lacks it."""
        return CODES

    def table(self) -> pd.DataFrame:
        """One row a record, with the columns of every corpus and `labels.ORIGIN`; nothing is synthesised for it."""
        rows = []
        for number in range(self.patients):
            patient = self._patient(number)
            for visit in range(1, patient.visits + 1):
                codes = self._codes(patient, number, visit)
                rows.append(
                    {
                        "record_id": f"{self._patient_id(number)}-{visit}",
                        "patient_id": self._patient_id(number),
                        "source": self.card.name,
                        "age": _age(patient, visit),
                        "sex": patient.sex,
                        "fold": number % 10 + 1,
                        "positive": list(codes),
                        "unknown": [],
                        **dict(zip(ORIGIN, _origin(patient, codes), strict=True)),
                    }
                )
        table = pd.DataFrame(rows, columns=[*COLUMNS, *ORIGIN])
        return table.astype({"fold": "Int64", "segment": "string", **dict.fromkeys(ORIGIN[1:], float)})

    def read(self, record_id: str) -> ECG:
        """The recording, in mV.

        Raises:
            DatasetError: If there is no such record.
        """
        return self._ecg(record_id, noisy=True)

    def clean(self, record_id: str) -> ECG:
        """The same heart, breathing and leads without any noise: what a perfect filter would leave of `read`.

        Raises:
            DatasetError: If there is no such record.
        """
        return self._ecg(record_id, noisy=False)

    def truth(self, record_id: str) -> pd.DataFrame:
        """When each wave begins, peaks and ends.

        A wave's envelope is the root mean square over the eight independent leads of what this wave alone makes,
        without noise and with the lungs half full. `peak_s` is where that is highest, `onset_s` and `offset_s` are
        where it passes 5 % of its peak. A wave that is not wholly inside the record has no row, nor has what is no
        wave: atria that flutter or fibrillate, and the ST segment. Ventricular beats have no P wave.

        Returns:
            One row a wave, by time: `beat` (from 0), `kind` of the beat (`"sinus"`, `"pac"`, `"pvc"`, `"af"`,
            `"afl"` or `"vt"`), `wave` (`"P"`, `"QRS"` or `"T"`), and `onset_s`, `peak_s` and `offset_s` from the
            first sample.

        Raises:
            DatasetError: If there is no such record.
        """
        _, _, visit = self._visit(record_id)
        parts = [
            pd.DataFrame(
                {
                    "beat": train.beat,
                    "kind": visit.beats.kind[train.beat],
                    "wave": train.name,
                    "onset_s": train.start_s,
                    "peak_s": train.start_s + train.wave.peak * train.duration_s,
                    "offset_s": train.start_s + train.duration_s,
                }
            )
            for train in visit.trains
            if train.name != "ST" and len(train.beat)
        ]
        waves = pd.concat(parts, ignore_index=True).sort_values("onset_s", ignore_index=True)
        waves = waves[(waves["onset_s"] >= 0) & (waves["offset_s"] <= self.duration_s)].reset_index(drop=True)
        return waves.assign(beat=waves["beat"] - waves["beat"].min())

    def origin(self, record_id: str) -> Origin | None:
        """Where a ventricular tachycardia comes from; None for a record without one.

        Raises:
            DatasetError: If there is no such record.
        """
        number, visit = self._parse(record_id)
        patient = self._patient(number)
        site, *position_mm = _origin(patient, self._codes(patient, number, visit))
        return None if site is None else Origin(site, SITES[site][0], tuple(position_mm))

    @staticmethod
    def miniature(folder: Path, seed: int = 0) -> "Simulated":
        """Twenty patients; the folder is left as it is, since this corpus has no files."""
        return Simulated(20, visits=(1, 2), seed=seed)

    def _patient_id(self, number: int) -> str:
        return f"{self.card.name}:{self.seed}-{number:05d}"

    def _parse(self, record_id: str) -> tuple[int, int]:
        """The numbers of the patient and of the visit."""
        match = re.fullmatch(rf"{self.card.name}:{self.seed}-(\d+)-(\d+)", record_id)
        if match:
            number, visit = int(match[1]), int(match[2])
            known = number < self.patients and 1 <= visit <= self._patient(number).visits
            if known and f"{self._patient_id(number)}-{visit}" == record_id:
                return number, visit
        raise DatasetError(f"simulated: no record '{record_id}' in {self!r}; table() lists them")

    def _rng(self, *key: int) -> np.random.Generator:
        return np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=key))

    def _patient(self, number: int) -> Patient:
        return make_patient(self._rng(number), self.visits)

    def _codes(self, patient: Patient, number: int, visit: int) -> tuple[str, ...]:
        return draw(self._chances, patient.own, self._rng(number, visit, 0).random((2, groups())))

    def _visit(self, record_id: str) -> tuple[Patient, int, Visit]:
        """The patient, the number of the visit, and the visit."""
        number, visit = self._parse(record_id)
        patient = self._patient(number)
        codes = self._codes(patient, number, visit)
        time_s = np.arange(round(self.duration_s * self.rate_hz)) / self.rate_hz
        return patient, visit, make_visit(self._rng(number, visit, 1), patient, codes, self.difficulty, time_s)

    def _ecg(self, record_id: str, noisy: bool) -> ECG:
        patient, number, visit = self._visit(record_id)
        potentials = visit.potentials(self.rate_hz)
        if noisy:
            rng = self._rng(*self._parse(record_id), 2)
            level = (0.15 + 1.7 * self.difficulty) * rng.lognormal(0, 0.3)
            potentials += make_noise(rng, level, visit.breath, self.rate_hz, len(ELECTRODES))
        eight = LEADS.astype(np.float32) @ potentials
        return ECG(
            derive(eight, EIGHT, TWELVE),
            unit="mV",
            rate_hz=self.rate_hz,
            leads=TWELVE,
            record_id=record_id,
            patient_id=record_id.rpartition("-")[0],
            source=self.card.name,
            age=_age(patient, number),
            sex=cast(Literal["female", "male"], patient.sex),
            synthetic=True,
        )


def _origin(patient: Patient, codes: tuple[str, ...]) -> tuple[Any, ...]:
    """The site of a tachycardia and its place in mm; nothing where there is none."""
    return (patient.site, *(float(100 * v) for v in patient.origin)) if "own:VT" in codes else (None,) * len(ORIGIN)


def _shares(text: str) -> dict[str, float]:
    """Prevalences as a command line has them."""

    try:
        return {code: float(share) for code, _, share in (part.rpartition(":") for part in text.split("+"))}
    except ValueError:
        raise DatasetError(f"simulated: a prevalence is CODE:SHARE, such as VT:1, not '{text}'") from None


def _age(patient: Patient, visit: int) -> float:
    return min(patient.age + visit - 1, 95.0)


def _whole(name: str, value: object, least: int) -> int:
    """A whole number, which may have come from a command line."""

    text = str(value).strip()
    if isinstance(value, (bool, float)) or not re.fullmatch(r"\d+", text) or int(text) < least:
        raise DatasetError(f"simulated: {name} is a whole number from {least} on, not {value!r}")
    return int(text)


def _between(name: str, value: float, low: float, high: float) -> float:
    """A number in a range."""

    if isinstance(value, bool) or not isinstance(value, (int, float, np.number)) or not low <= value <= high:
        raise DatasetError(f"simulated: {name} is a number from {low:g} to {high:g}, not {value!r}")
    return float(value)
