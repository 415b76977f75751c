"""PhysioNet's WFDB format, read fast.

A header (`NAME.hea`, text) names signal files and says how each signal is coded
(https://physionet.org/physiotools/wag/header-5.htm, https://physionet.org/physiotools/wag/signal-5.htm). The codings
16, 16+24 (a WFDB file inside a MATLAB 4 file), 24, 32, 80 and 212 of single-segment records with one sample per
frame are read here; everything else (multi-segment, skewed, several samples per frame, other codings) goes through
the wfdb library, more slowly.
"""

__all__ = ["WFDB"]

import dataclasses
import functools
import itertools
import re
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from einthoven.records._format import Format, RecordError, to_millivolt
from einthoven.records.ecg import ECG
from einthoven.records.leads import canonical
from einthoven.records.writing import replacing

_DEFAULT_GAIN = 200.0  # counts per mV, where a header gives none or 0 (header-5)
_DEFAULT_RATE_HZ = 250.0  # header-5
_HIGHEST_MV = 1e6  # a kilovolt; what lies above (infinity too) is no heart, and its gain would round to nothing
# The count by which each coding says that there is no sample (signal-5, wfdb.io._signal).
_INVALID = {16: -(2**15), 24: -(2**23), 32: -(2**31), 80: -(2**7), 212: -(2**11)}
_BITS = {16: 16, 24: 24, 32: 32, 80: 8, 212: 12}
_CODING = re.compile(r"^(\d+)(?:x(\d+))?(?::(\d+))?(?:\+(\d+))?$")
_GAIN = re.compile(r"^([-+]?[\d.]+(?:[eE][-+]?\d+)?)(?:\((-?\d+)\))?(?:/(\S+))?$")
_AGE = re.compile(r"^#?\s*age\s*:?\s*(\d+(?:\.\d+)?)", re.IGNORECASE)
_SEX = re.compile(r"^#?\s*sex\s*:?\s*(f|m)", re.IGNORECASE)
_SYNTHETIC = re.compile(r"^#?\s*synthetic\s*:\s*(.+)", re.IGNORECASE)
_PARENTS = re.compile(r"^#?\s*parents\s*:\s*(.+)", re.IGNORECASE)
_Z = "z"  # how this writer names the unit of standardised leads, which WFDB knows nothing of


@dataclasses.dataclass
class _Signal:
    """One signal line of a header."""

    file: str
    coding: int
    offset: int
    gain: float
    baseline: int
    unit: str
    name: str
    simple: bool


@dataclasses.dataclass
class _Header:
    """A parsed header."""

    rate_hz: float
    samples: int | None
    signals: list[_Signal]
    comments: list[str]
    notes: list[str]
    simple: bool


def _stem(path: Path) -> Path:
    return path.with_name(_bare(path.name))


def _bare(name: str) -> str:
    """The name of a record without the ending of a file, which some headers in the wild give it."""
    return re.sub(r"(?i)(?<=.)\.(hea|dat|mat)$", "", name)


def _parse(path: Path) -> _Header:
    """Reads a header file."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        raise RecordError(f"{path} is missing; a WFDB record needs its header beside its signal file") from None
    except OSError as error:
        raise RecordError(f"{path}: could not be read ({error.strerror})") from None
    lines = [line.strip() for line in text.splitlines()]
    comments = [line[1:].strip() for line in lines if line.startswith("#")]
    body = [line for line in lines if line and not line.startswith("#")]
    fields = body[0].split() if body else []
    if len(fields) < 2:
        raise RecordError(f"{path} is not a WFDB header: it {'does not say how many signals' if body else 'is empty'}")
    try:
        notes: list[str] = []
        if (name := _bare(fields[0])) != fields[0]:
            notes.append(f"the header's record line names '{fields[0]}'; read as '{name}'")
        count = int(fields[1])
        rate = float(re.split(r"[/(]", fields[2])[0]) if len(fields) > 2 else 0.0
        if rate <= 0:
            notes.append(f"{path.name} states no sampling rate: WFDB's default of 250 Hz is assumed")
            rate = _DEFAULT_RATE_HZ
        samples = int(fields[3]) if len(fields) > 3 else 0
        if samples < 0 or not np.isfinite(rate):
            raise ValueError(f"it promises {samples} samples at {rate} Hz")
        simple = "/" not in fields[0] and count > 0
        if simple and len(body) <= count:
            raise ValueError(f"it promises {count} signals and describes {len(body) - 1}")
        signals = [_signal(line, notes) for line in body[1 : count + 1]] if simple else []
    except ValueError as error:
        raise RecordError(f"{path} is not a WFDB header: {error}") from None
    simple = simple and all(s.simple for s in signals)
    return _Header(rate, samples or None, signals, comments, notes, simple)


def _signal(line: str, notes: list[str]) -> _Signal:
    """Reads one signal line: file, coding, gain(baseline)/unit, resolution, zero, first, checksum, block, name."""
    fields = line.split(maxsplit=8)
    if len(fields) < 2:
        raise ValueError(f"the line '{line}' does not name a signal file and its coding")
    if "/" in fields[0] or "\\" in fields[0]:
        raise ValueError(f"the signal file '{fields[0]}' does not lie beside it")
    coding, offset, simple = _coding(fields[1])
    name = fields[8] if len(fields) > 8 else ""
    gain, baseline, unit = _gain(fields[2]) if len(fields) > 2 else (0.0, None, "mV")
    if baseline is None:  # the ADC's zero stands in for it
        baseline = int(fields[4]) if len(fields) > 4 else 0
    if gain == 0:
        gain = _DEFAULT_GAIN
        notes.append(f"{name or 'a signal'} states no gain: WFDB's default of 200 counts per mV is assumed")
    return _Signal(fields[0], coding, offset, gain, baseline, unit, name, simple)


# Both repeat from line to line and from record to record, which makes remembering them worth half of a header's time.
@functools.lru_cache(maxsize=1024)
def _coding(text: str) -> tuple[int, int, bool]:
    """The coding, the offset of the first byte, and whether it is read here."""
    match = _CODING.match(text)
    if match is None:
        raise ValueError(f"the coding '{text}' is not understood")
    simple = int(match[1]) in _BITS and match[2] in (None, "1") and match[3] in (None, "0")
    return int(match[1]), int(match[4] or 0), simple


@functools.lru_cache(maxsize=1024)
def _gain(text: str) -> tuple[float, int | None, str]:
    """The gain in counts per unit, the baseline where it is stated, and the unit, mV where it is not."""
    match = _GAIN.match(text)
    if match is None:
        raise ValueError(f"the gain '{text}' is not understood")
    return float(match[1]), int(match[2]) if match[2] else None, match[3] or "mV"


def _bytes(path: Path, header: _Header, group: list[_Signal]) -> tuple[bytes | memoryview, int]:
    """The bytes of one signal file from its offset on, and the samples a lead that they must hold."""
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise RecordError(f"{path} is missing, which its header names as the signal file") from None
    except OSError as error:
        raise RecordError(f"{path}: could not be read ({error.strerror})") from None
    data = memoryview(raw)[group[0].offset :]
    per_frame_bits = _BITS[group[0].coding] * len(group)
    there = len(data) * 8 // per_frame_bits
    samples = header.samples or there
    if there < samples:
        raise RecordError(
            f"{path} is truncated: its header promises {samples} samples a lead, the file holds {there}; fetch it again"
        )
    return data, samples


def _counts(data: bytes | memoryview, coding: int, signals: int, samples: int) -> Int[np.ndarray, "time lead"]:
    """Decodes interleaved samples into counts."""
    total = signals * samples
    if coding == 16:
        flat = np.frombuffer(data, dtype="<i2", count=total)
    elif coding == 32:
        flat = np.frombuffer(data, dtype="<i4", count=total)
    elif coding == 80:
        flat = np.frombuffer(data, dtype=np.uint8, count=total).astype(np.int16) - 128
    elif coding == 24:
        triple = np.frombuffer(data, dtype=np.uint8, count=3 * total).reshape(-1, 3)
        padded = np.zeros((total, 4), dtype=np.uint8)
        padded[:, 1:] = triple
        flat = padded.view("<i4").ravel() >> 8
    else:
        flat = _counts_212(data, total)
    return flat.reshape(samples, signals)


def _counts_212(data: bytes | memoryview, total: int) -> Int[np.ndarray, " total"]:
    """Two 12-bit samples in three bytes: the middle byte holds the upper four bits of each."""
    raw = np.frombuffer(data, dtype=np.uint8, count=-(-total * 3 // 2))
    raw = np.concatenate([raw, np.zeros(-len(raw) % 3, np.uint8)]).reshape(-1, 3).astype(np.int16)
    flat = np.empty((len(raw), 2), dtype=np.int16)
    flat[:, 0] = raw[:, 0] | ((raw[:, 1] & 0x0F) << 8)
    flat[:, 1] = raw[:, 2] | ((raw[:, 1] & 0xF0) << 4)
    return ((flat.ravel()[:total] + 2048) & 0xFFF) - 2048


def _millivolts(
    counts: Int[np.ndarray, "time lead"], group: list[_Signal], path: Path, wanted: Sequence[str] | None
) -> Float[np.ndarray, "lead time"]:
    """(count − baseline) / gain in mV, with NaN where the coding says that there is no sample.

    Single precision suffices wherever both operands are exact in it: the quotient of two 24-bit numbers, rounded
    once, is that of double precision rounded twice (Figueroa 1995).
    """
    coding = group[0].coding
    gains = np.array([s.gain / _factor(path, s.name, s.unit, wanted) for s in group])
    baselines = np.array([s.baseline for s in group])
    columns = np.ascontiguousarray(counts.T)
    exact = coding != 32 and (gains.astype(np.float32) == gains).all() and np.abs(baselines).max() <= 2**23
    out: np.ndarray = columns.astype(np.float32 if exact else np.float64)
    if baselines.any():
        out -= baselines[:, None]
    if (gains == gains[0]).all():
        out /= out.dtype.type(gains[0])
    else:
        out /= gains.astype(out.dtype)[:, None]
    out = out.astype(np.float32, copy=False)
    if (smallest := columns.min(initial=0)) == _INVALID[coding] and smallest < 0:
        out[columns == _INVALID[coding]] = np.nan
    return out


def _factor(path: Path, name: str, unit: str, wanted: Sequence[str] | None) -> float:
    """From the signal's unit to mV; NaN for what is no voltage and nobody asked for, such as a pressure."""
    if unit == _Z:
        return 1.0
    try:
        return to_millivolt(path, unit)
    except RecordError:
        if wanted is None or canonical(name) in wanted:
            raise
        return float("nan")


def _read_simple(stem: Path, header: _Header, wanted: Sequence[str] | None) -> Float[np.ndarray, "lead time"]:
    rows: dict[str, np.ndarray] = {}
    for file, signals in itertools.groupby(header.signals, key=lambda signal: signal.file):
        if file in rows:
            raise RecordError(f"{stem}.hea names {file} in two places; its signals must stand together")
        group, path = list(signals), stem.parent / file
        if len({(s.coding, s.offset) for s in group}) > 1:
            raise RecordError(f"{stem}.hea gives the signals of {file} different codings; that is not WFDB")
        data, samples = _bytes(path, header, group)
        rows[file] = _millivolts(_counts(data, group[0].coding, len(group), samples), group, path, wanted)
    lengths = {row.shape[1] for row in rows.values()}
    if len(lengths) > 1:
        raise RecordError(f"{stem}.hea names signal files of unequal length: {sorted(lengths)} samples")
    return next(iter(rows.values())) if len(rows) == 1 else np.concatenate(list(rows.values()))


def _read_by_library(
    stem: Path, wanted: Sequence[str] | None
) -> tuple[Float[np.ndarray, "lead time"], list[str], float]:
    """Any other coding, through the wfdb library."""
    try:
        with warnings.catch_warnings():  # it uses what pandas deprecates, which is no concern of the caller's
            warnings.simplefilter("ignore", DeprecationWarning)
            import wfdb

            record = wfdb.rdrecord(str(stem))
        signal = record.p_signal
        if signal is None:
            raise ValueError("it holds no signal")
        pairs = zip(record.sig_name, record.units, strict=True)
        factors = [_factor(stem, name, unit, wanted) for name, unit in pairs]
    except RecordError:
        raise
    except Exception as error:  # the library raises many kinds, none documented
        raise RecordError(f"{stem}.hea could not be read: {error}") from None
    return (signal * factors).T.astype(np.float32), list(record.sig_name), float(record.fs)


def _read(
    path: Path, *, unit: str | None = None, rate_hz: float | None = None, leads: Sequence[str] | None = None
) -> ECG:
    """Reads a WFDB record; see `einthoven.records.read`."""
    if unit is not None or rate_hz is not None:
        raise RecordError(f"{path}: a WFDB header states its own unit and rate; leave both arguments out")
    stem = _stem(path)
    header_path = stem.with_name(stem.name + ".hea")
    header = _parse(header_path)
    wanted = None if leads is None else [canonical(name) for name in leads]
    if header.simple:
        signal, names, rate = _read_simple(stem, header, wanted), [s.name for s in header.signals], header.rate_hz
    else:
        signal, names, rate = _read_by_library(stem, wanted)
    names = [name or f"signal{i + 1}" for i, name in enumerate(names)]
    age = next((float(m[1]) for c in header.comments if (m := _AGE.match(c))), None)
    sex = next((m[1].lower() for c in header.comments if (m := _SEX.match(c))), None)
    made = next((m[1].strip() for c in header.comments if (m := _SYNTHETIC.match(c))), None)
    parents = next((m[1].split() for c in header.comments if (m := _PARENTS.match(c))), [])
    units = {signal.unit == _Z for signal in header.signals}
    if len(units) > 1:
        raise RecordError(f"{header_path} has standardised leads ({_Z}) beside voltages; keep one of the two")
    try:
        ecg = ECG(
            signal=signal,
            unit="z" if units == {True} else "mV",
            rate_hz=rate,
            leads=tuple(names),
            record_id=stem.name,
            age=age,
            sex={"f": "female", "m": "male"}.get(sex or ""),  # type: ignore[arg-type]
            parents=tuple(parents),
            synthetic=made is not None,
            notes=(*dict.fromkeys(header.notes), *([made] if made else [])),
        )
        return ecg.select(leads) if leads is not None else ecg
    except ValueError as error:
        raise RecordError(f"{header_path}: {error}") from None


def _write(ecg: ECG, path: Path, *, overwrite: bool = False) -> Path:
    """Writes `NAME.hea` and `NAME.dat` in coding 16 with 1 µV a count, or coarser where the voltage asks for it.

    Rounding moves a sample by at most half a count. Samples that are missing (NaN) stay missing. Standardised leads are
    written with the unit `z`, and a record that was made from others, or by a generator, says so in its header.
    """
    stem = _stem(path)
    if any(c.isspace() for c in stem.name):
        raise RecordError(f"{path}: a WFDB record has no space in its name; choose another")
    peak = float(np.nanmax(np.abs(ecg.signal), initial=0.0))
    if peak > _HIGHEST_MV:
        raise RecordError(f"{path}: WFDB cannot hold a sample of {peak:g} mV; mend the recording or write CSV or NPY")
    gain = 1000.0 if peak <= 32.767 else np.floor(32767 / peak * 1e6) / 1e6
    counts = np.where(np.isnan(ecg.signal), _INVALID[16], np.round(ecg.signal.astype(np.float64) * gain))
    counts = counts.astype("<i2")
    lines = [f"{stem.name} {len(ecg.leads)} {ecg.rate_hz:.12g} {ecg.signal.shape[1]}"]
    for name, row in zip(ecg.leads, counts, strict=True):
        checksum = int(row.astype(np.int64).sum()) & 0xFFFF
        first = int(row[0]) if len(row) else 0
        lines.append(f"{stem.name}.dat 16 {gain:.10g}(0)/{ecg.unit} 16 0 {first} {checksum} 0 {name}")
    lines += [f"# Age: {ecg.age:g}"] if ecg.age is not None else []
    lines += [f"# Sex: {ecg.sex.capitalize()}"] if ecg.sex is not None else []
    if ecg.parents:
        lines += [f"# Synthetic: {'; '.join(ecg.notes) or 'made, not recorded'}"] if ecg.synthetic else []
        lines.append(f"# Parents: {' '.join(ecg.parents)}")
    header, data = stem.with_name(stem.name + ".hea"), stem.with_name(stem.name + ".dat")
    with replacing(header, overwrite=overwrite) as scratch_header, replacing(data, overwrite=overwrite) as scratch_data:
        scratch_data.write_bytes(np.ascontiguousarray(counts.T).tobytes())
        scratch_header.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return header


WFDB = Format(suffixes=(".hea", ".dat", ".mat"), read=_read, write=_write)
