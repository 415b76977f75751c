"""MIT-BIH: 48 half-hour recordings in two channels, every beat marked by two cardiologists. A record here is one beat.

The files are those of https://physionet.org/content/mitdb/1.0.0/: header, signal and marks (`100.hea`, `100.dat`,
`100.atr`). A record is a window around a marked peak, and its id ends in the sample of that peak: `mitdb:100-000077`.

- Recordings 201 and 202 are of one person, whose id is `mitdb:201` in both; every other recording is a patient.
- Mostly the channels are MLII (a lead II with electrodes on the chest) and V1; 114 has them in another order, and 102
  and 104 have no MLII. So a study of one lead asks for MLII by its name, and is told which recordings lack it.
- 102, 104, 107 and 217 are paced. AAMI leaves them out, this reader marks them.
- A beat has one class of AAMI (`aami:N`, `S`, `V`, `F` or `Q`) by the map in `_mitdb.AAMI`, and the cardiologists' own
  symbol (`mitbih:L`). `aami3:` says the same of N, S and V alone and is unknown for a beat of F or Q. A beat of a kind
  that the map leaves out has a symbol and no class: all of them are unknown.
- The window of a beat beside an end of the recording sticks out: what was not recorded is missing (NaN), and a note
  says how much. Such beats count in the table, as in what is published; a preparation bridges a tenth of a window and
  refuses more.
- Waves of ventricular flutter and blocked P waves are no beats. An RR interval leads over a blocked P wave; over
  flutter (in 207, up to 100 s) there is none.
"""

__all__ = ["MITDB"]

import functools
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from jaxtyping import Float

from einthoven import records
from einthoven.datasets import Card, DatasetError
from einthoven.datasets._mitdb import AAMI, SYMBOLS, Recording, open_recording, write_miniature
from einthoven.datasets._tables import finish, headers
from einthoven.records.ecg import ECG
from einthoven.signals.rhythm import rhythm

_PACED = ("102", "104", "107", "217")
_SAME = {"202": "201"}
_THREE = ("N", "S", "V")
_REACH_S = (0.3, 0.6)


class MITDB:
    """The beats of the recordings in a folder; some of the recordings will do.

    Arguments:
        root: The folder that holds the recordings.
        window_s: How long before the peak a beat's window begins, and how long after it ends; a pair, or words such as
            `"0.3 0.6"`.
        leads: The channels of each beat by their names, one name or several; by default both, as they were recorded.
            The table lists the beats of all recordings, but those that lack one of these leads cannot be read.
        paced: Whether to list the paced recordings, which the inter-patient split leaves out but no other does.

    Raises:
        DatasetError: If the folder holds no recording, or the window or a lead is none.
    """

    card: ClassVar[Card] = Card(
        name="mitdb",
        title="MIT-BIH Arrhythmia Database, by beats",
        description="109 494 beats of 48 half-hour two-channel recordings of 47 people at 360 Hz, each marked by two "
        "cardiologists; a record is one beat.",
        licence="ODC-By 1.0",
        citation="Moody and Mark 2001, IEEE Engineering in Medicine and Biology 20(3):45, doi 10.1109/51.932724",
        url="https://physionet.org/content/mitdb/1.0.0/",
        download="physionet:mitdb/1.0.0",
    )
    synthetic: ClassVar[bool] = False
    annotated: tuple[str, ...] = (
        *(f"aami:{code}" for code in dict.fromkeys(AAMI.values())),
        *(f"aami3:{code}" for code in _THREE),
        *(f"mitbih:{symbol}" for symbol in SYMBOLS),
    )

    def __init__(
        self,
        root: str | Path,
        *,
        window_s: Sequence[float] | str = _REACH_S,
        leads: Sequence[str] | str | None = None,
        paced: bool = True,
    ) -> None:
        self.root = Path(root)
        self.window_s = _pair(window_s)
        self.leads = tuple(leads.split() if isinstance(leads, str) else leads or ()) or None
        self.settings: dict[str, Any] = {"window_s": list(self.window_s), "leads": self.leads and list(self.leads)}
        names = (path.stem for path in headers(self.root, "*.hea"))
        self._names = tuple(name for name in names if paced or name not in _PACED)
        self._opened: dict[str, Recording] = {}
        self._signals: dict[str, ECG] = {}

    def __getstate__(self) -> dict[str, Any]:
        """What travels to a worker: where to look, and nothing that was read."""
        kept = {name: value for name, value in self.__dict__.items() if name != "_rows"}
        return {**kept, "_opened": {}, "_signals": {}}

    def table(self) -> pd.DataFrame:
        """One row a beat; see `einthoven.datasets.COLUMNS`.

        Besides: `recording`; `start_s` and `stop_s` of the window in it, beyond its ends too; `rr_before_s` and
        `rr_after_s`, the intervals to the neighbouring beats, NaN beside an end and beside flutter; `paced`, whether
        the recording is; the `leads` that it has, `"MLII V1"`; and as `rhythm_before_local` and so on what
        `einthoven.signals.rhythm` makes of all intervals of the recording, those after the beat too.

        Raises:
            DatasetError: If a header or the marks of a recording are missing or damaged.
        """
        return self._rows.copy()

    @functools.cached_property
    def _rows(self) -> pd.DataFrame:
        opened = [self._recording(name) for name in self._names]
        parts = [self._beats(recording) for recording in opened if len(recording.peaks)]
        if not parts:
            raise DatasetError(f"{self.root}: no recording that is to be listed has a beat; are its marks there?")
        rows = pd.concat(parts, ignore_index=True)
        table = finish(rows, self.root)
        return table.join(rows[[name for name in rows if name not in table]])

    def _recording(self, name: str) -> Recording:
        if name not in self._opened:
            self._opened[name] = open_recording(self.root, name)
        return self._opened[name]

    def _beats(self, recording: Recording) -> pd.DataFrame:
        """The rows of one recording."""
        before, after = self._reach(recording)
        codes = [_codes(symbol) for symbol in recording.symbols]
        rr_s = recording.rr_s
        return pd.DataFrame(
            {
                "record_id": [f"mitdb:{recording.name}-{peak:06d}" for peak in recording.peaks],
                "patient_id": _patient(recording.name),
                "source": "mitdb",
                "age": np.nan if recording.age is None else recording.age,
                "sex": recording.sex,
                "positive": [positive for positive, _ in codes],
                "unknown": [unknown for _, unknown in codes],
                "recording": f"mitdb:{recording.name}",
                "start_s": (recording.peaks - before) / recording.rate_hz,
                "stop_s": (recording.peaks + after) / recording.rate_hz,
                "rr_before_s": rr_s[:-1],
                "rr_after_s": rr_s[1:],
                "paced": recording.name in _PACED,
                "leads": " ".join(recording.leads),
                **{f"rhythm_{name}": ratio for name, ratio in rhythm(rr_s).items()},
            }
        ).astype({"sex": object, "recording": "string", "leads": "string"})

    def _reach(self, recording: Recording) -> tuple[int, int]:
        """How many samples a window has before the peak, and how many from it on."""
        before_s, after_s = self.window_s
        return round(before_s * recording.rate_hz), round(after_s * recording.rate_hz)

    def read(self, record_id: str) -> ECG:
        """One beat in mV.

        A recording is read whole when its first beat is asked for, and kept: 5 MB each, 250 MB for all.

        Raises:
            DatasetError: If there is no such beat, or its recording lacks a lead that was asked for.
            RecordError: If the signal is missing or damaged.
        """
        name, _, peak = record_id.removeprefix("mitdb:").partition("-")
        if name not in self._names or not peak.isdecimal() or record_id != f"mitdb:{name}-{int(peak):06d}":
            raise DatasetError(f"{self.root} lists no record '{record_id}'; table() says which there are")
        recording, sample = self._recording(name), int(peak)
        place = int(np.searchsorted(recording.peaks, sample))
        if place == len(recording.peaks) or recording.peaks[place] != sample:
            raise DatasetError(f"{self.root / name}.atr marks no beat at sample {sample}; table() lists them")
        whole = self._signal(recording)
        before, after = self._reach(recording)
        window, note = _cut(whole, sample - before, sample + after)
        return whole.replace(signal=window, record_id=record_id, notes=(*whole.notes, *note))

    def _signal(self, recording: Recording) -> ECG:
        """A whole recording, in the leads that were asked for."""
        if recording.name not in self._signals:
            path = self.root / f"{recording.name}.hea"
            ecg = records.read(path)
            try:
                ecg = ecg.select(self.leads) if self.leads else ecg
            except ValueError as error:
                raise DatasetError(f"{path}: {error}; ask for others, or leave this recording out") from None
            facts: dict[str, Any] = {"patient_id": _patient(recording.name), "source": "mitdb", "age": recording.age}
            self._signals[recording.name] = ecg.replace(sex=recording.sex, **facts)
        return self._signals[recording.name]

    @staticmethod
    def miniature(folder: Path, seed: int = 0) -> "MITDB":
        """Fifteen simulated recordings of 20 s; see `_mitdb.write_miniature`."""
        write_miniature(Path(folder), seed, _REACH_S)
        return MITDB(folder)


def _pair(window_s: Sequence[float] | str) -> tuple[float, float]:
    """Two numbers of seconds, the first not negative and the second above zero."""
    parts = window_s.split() if isinstance(window_s, str) else window_s
    try:
        before_s, after_s = (float(part) for part in parts)
    except (TypeError, ValueError):
        before_s = after_s = math.nan
    if not (0 <= before_s < math.inf and 0 < after_s < math.inf):
        raise DatasetError(
            f"mitdb: window_s is the seconds before the peak and after it, such as '0.3 0.6', not {window_s!r}"
        )
    return before_s, after_s


def _patient(name: str) -> str:
    return f"mitdb:{_SAME.get(name, name)}"


def _codes(symbol: str) -> tuple[list[str], list[str]]:
    """What a symbol says and what it leaves open."""
    own, aami, three = f"mitbih:{symbol}", AAMI.get(symbol), [f"aami3:{code}" for code in _THREE]
    if aami is None:
        return [own], [code for code in MITDB.annotated if not code.startswith("mitbih:")]
    return [f"aami:{aami}", *([f"aami3:{aami}"] if aami in _THREE else []), own], [] if aami in _THREE else three


def _cut(whole: ECG, first: int, last: int) -> tuple[Float[np.ndarray, "lead time"], tuple[str, ...]]:
    """The samples from `first` up to `last`, NaN where there are none, and what is to be said of these."""
    total = whole.signal.shape[1]
    inside = whole.signal[:, max(first, 0) : min(last, total)]
    if inside.shape[1] == last - first:
        return inside.copy(), ()
    out = np.full((len(inside), last - first), np.nan, dtype=np.float32)
    out[:, max(-first, 0) : max(-first, 0) + inside.shape[1]] = inside
    lost_s = (last - first - inside.shape[1]) / whole.rate_hz
    return out, (f"the recording does not reach over the window: {lost_s:.3f} s of it are missing",)
