"""One recording of MIT-BIH without its signal: header, patient and beats; and a miniature in the same format.

A mark is 16 bits, its kind above and the samples since the last one below; five kinds are no marks but say more of
one (https://physionet.org/physiotools/wag/annot-5.htm). The file ends with a zero, and one without it is cut off:
whoever read it all the same would lose beats without a word.
"""

__all__ = ["AAMI", "SYMBOLS", "Recording", "open_recording", "read_marks", "write_miniature"]

import dataclasses
import re
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from einthoven.datasets import DatasetError
from einthoven.datasets.nstdb import _coding_212
from einthoven.datasets.simulated import Simulated
from einthoven.records.ecg import ECG

# ANSI/AAMI EC57 as de Chazal et al. 2004 apply it (https://doi.org/10.1109/TBME.2004.827359): escape beats of the
# atria (e) and of the node (j) are N. The other beats of WFDB (B n r ?) do not occur in MIT-BIH and have no class.
_CLASSES = {"N": "NLRej", "S": "AaJS", "V": "VE", "F": "F", "Q": "/fQ"}
AAMI = {symbol: code for code, symbols in _CLASSES.items() for symbol in symbols}
_BEATS = {
    **dict(enumerate("NLRaVFJASEj/Q", start=1)),
    **{25: "B", 30: "?", 34: "e", 35: "n", 38: "f", 41: "r"},
}
SYMBOLS = tuple(_BEATS.values())
_DEFINED = sorted({*range(42)} - {15, 17})
_FLUTTER = (31, 32, 33)
_SKIP, _MORE, _AUX = 59, (60, 61, 62), 63
_WHO = re.compile(r"^#\s*(-?\d+)\s+([MF])\b")


@dataclasses.dataclass(frozen=True, eq=False)
class Recording:
    """What the header and the marks of a recording say.

    Attributes:
        name: Its number, such as `"100"`.
        rate_hz: Samples per second.
        samples: How many each channel has.
        leads: The name of each channel.
        age: In years, or None.
        sex: `"female"`, `"male"` or None.
        peaks: The sample of each beat, in the order of time.
        symbols: What the cardiologists called it, one letter a beat.
        flutter: The sample of each wave of ventricular flutter, and of where that begins and ends.
    """

    name: str
    rate_hz: float
    samples: int
    leads: tuple[str, ...]
    age: float | None
    sex: str | None
    peaks: Int[np.ndarray, " beat"]
    symbols: tuple[str, ...]
    flutter: Int[np.ndarray, " wave"]

    @property
    def rr_s(self) -> Float[np.ndarray, " gap"]:
        """Seconds before the first beat, between each two, and after the last; NaN at both ends and over flutter."""
        between = np.diff(self.peaks) / self.rate_hz
        between[np.diff(np.searchsorted(self.flutter, self.peaks)) > 0] = np.nan
        return np.concatenate([[np.nan], between, [np.nan]])


def open_recording(folder: Path, name: str) -> Recording:
    """Reads the header and the beats of one recording.

    Raises:
        DatasetError: If one of the two files is missing or damaged, or they do not belong together.
    """

    header = folder / f"{name}.hea"
    try:
        lines = header.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        raise DatasetError(f"{header} could not be read ({error.strerror}); fetch it again") from None
    body = [line.split(maxsplit=8) for line in lines if line.strip() and not line.startswith("#")]
    try:
        rate_hz, samples = float(re.split(r"[/(]", body[0][2])[0]), int(body[0][3])
        leads = tuple(line[8] for line in body[1 : 1 + int(body[0][1])])
        if rate_hz <= 0 or samples <= 0 or not leads:
            raise ValueError
    except (ValueError, IndexError):
        raise DatasetError(f"{header} does not state rate, length and channels; fetch it again") from None
    who = next((found for line in lines if (found := _WHO.match(line))), None)
    age = float(who[1]) if who and int(who[1]) >= 0 else None  # -1 where nobody knows
    sex = {"F": "female", "M": "male"}[who[2]] if who else None
    return Recording(name, rate_hz, samples, leads, age, sex, *_beats(folder / f"{name}.atr", samples))


def _beats(path: Path, samples: int) -> tuple[Int[np.ndarray, " beat"], tuple[str, ...], Int[np.ndarray, " wave"]]:
    """The beats among the marks, in the order of time, and what they are called; and the waves of flutter.

    Raises:
        DatasetError: If the marks cannot be read, one is of no known kind, or a beat lies outside the recording.
    """
    at, kinds = read_marks(path)
    if (strange := ~np.isin(kinds, _DEFINED)).any():
        first = int(strange.argmax())
        raise DatasetError(
            f"{path}: the mark at sample {at[first]} is of kind {kinds[first]}, which WFDB does not define, so it may "
            "be a beat or none; give it a kind that is defined, or fetch the file again"
        )
    beat = np.isin(kinds, list(_BEATS))
    flutter = np.sort(at[np.isin(kinds, _FLUTTER)])
    order = np.argsort(at[beat], kind="stable")
    at, kinds = at[beat][order], kinds[beat][order]
    outside = at[(at < 0) | (at >= samples)]
    if len(outside):
        raise DatasetError(
            f"{path} has {len(outside)} beats outside the recording, such as at sample {outside[0]} of {samples}; "
            "do the two belong together? Fetch both again"
        )
    return at, tuple(_BEATS[kind] for kind in kinds.tolist()), flutter


def read_marks(path: Path) -> tuple[Int[np.ndarray, " mark"], Int[np.ndarray, " mark"]]:
    """The sample and the kind of each mark of an annotation file, in the order of the file.

    Raises:
        DatasetError: If it is missing, or ends before its end.
    """

    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise DatasetError(f"{path} is missing, which holds the beats; fetch it too") from None
    except OSError as error:
        raise DatasetError(f"{path} could not be read ({error.strerror}); fetch it again") from None
    words = np.frombuffer(raw[: len(raw) // 2 * 2], dtype="<u2").tolist()
    at: list[int] = []
    kinds: list[int] = []
    now = i = 0
    while i < len(words):
        kind, value = words[i] >> 10, words[i] & 0x3FF
        i += 1
        if kind == _SKIP and i + 1 < len(words):
            wide = words[i] << 16 | words[i + 1]
            now += wide - (1 << 32) if wide >> 31 else wide
            i += 2
        elif kind == _AUX:
            i += (value + 1) // 2
        elif kind not in (_SKIP, *_MORE):
            if kind == value == 0:
                return np.array(at, dtype=np.int64), np.array(kinds, dtype=np.int64)
            now += value
            at.append(now)
            kinds.append(kind)
    raise DatasetError(f"{path} is truncated: it stops after {len(at)} marks without an end; fetch it again")


# The miniature

_LEADS = {"100": ("MLII", "V5"), "102": ("V5", "V2"), "114": ("V5", "MLII")}
_NAMES = ("100", "101", "102", "103", "106", "108", "109", "112", "114", "115", "116", "118", "119", "201", "202")
_KINDS = {"pac": "A", "pvc": "V", "vt": "V"}
_RATE_HZ, _GAIN, _ZERO = 360.0, 200.0, 1024


def write_miniature(folder: Path, seed: int, reach_s: tuple[float, float]) -> None:
    """Twenty simulated seconds each of fifteen recordings, `201` and `202` of one person.

    Eleven are of the training half of the inter-patient split, so that a fifth of their patients can be set aside. The
    paced recording is paced in name alone. Beats that do not have `reach_s` before and after them are not marked.
    """

    chance = {"PVC": 0.7, "PAC": 0.6}
    made = Simulated(len(_NAMES) - 1, visits=(2, 2), seed=seed, rate_hz=_RATE_HZ, duration_s=20.0, prevalence=chance)
    table = made.table()
    folder.mkdir(parents=True, exist_ok=True)
    for i, name in enumerate(_NAMES):
        row = table.iloc[2 * i if name != "202" else 2 * i - 1]
        truth = made.truth(row["record_id"])
        _write(folder, name, made.read(row["record_id"]), *_marks(name, row["positive"], truth, reach_s))


def _marks(
    name: str, codes: list[str], truth: pd.DataFrame, reach_s: tuple[float, float]
) -> tuple[Int[np.ndarray, " mark"], list[str]]:
    """The sample and the symbol of each mark; the last of several ventricular beats is called a fusion."""
    usual = "/" if name == "102" else "L" if "scp:CLBBB" in codes else "R" if "scp:CRBBB" in codes else "N"
    beats = truth[truth["wave"] == "QRS"].sort_values("peak_s")
    beats = beats[beats["peak_s"].between(reach_s[0] + 0.1, 20.0 - reach_s[1] - 0.1)]
    symbols = [_KINDS.get(kind, usual) for kind in beats["kind"]]
    if symbols.count("V") > 1:
        symbols[len(symbols) - 1 - symbols[::-1].index("V")] = "F"
    at = np.round(beats["peak_s"].to_numpy() * _RATE_HZ).astype(np.int64)
    return np.concatenate([[18], at, [7100]]), ["+", *symbols, "~"]


def _write(folder: Path, name: str, ecg: ECG, at: Int[np.ndarray, " mark"], symbols: list[str]) -> None:
    """The three files of a recording, the modified lead II being the simulator's lead II."""
    leads = _LEADS.get(name, ("MLII", "V1"))
    volts = ecg.select([lead.removeprefix("ML") for lead in leads]).signal
    counts = np.clip(np.round(volts * _GAIN) + _ZERO, 0, 2047).astype(np.int16).T
    head = [f"{name} 2 {_RATE_HZ:g} {len(counts)}"]
    head += [f"{name}.dat 212 {_GAIN:g} 11 {_ZERO} {counts[0, i]} 0 0 {lead}" for i, lead in enumerate(leads)]
    age = -1 if name == "103" else round(ecg.age or 0)
    head += [f"# {age} {(ecg.sex or 'male')[0].upper()} 1085 1629 x1", "# simulated"]
    (folder / f"{name}.hea").write_text("\n".join(head) + "\n", encoding="utf-8")
    (folder / f"{name}.dat").write_bytes(_coding_212(counts))
    with warnings.catch_warnings():  # it uses what pandas deprecates, which is no concern of the caller's
        warnings.simplefilter("ignore", DeprecationWarning)
        import wfdb

        rhythm = ["(N", *[""] * (len(symbols) - 1)]
        wfdb.wrann(name, "atr", at, symbols, aux_note=rhythm, write_dir=str(folder))
