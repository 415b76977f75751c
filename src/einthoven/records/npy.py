"""NumPy's `.npy`, with the facts it lacks in a `.json` of the same name."""

__all__ = ["NPY"]

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from einthoven.records._format import Format, RecordError, as_float32, missing_fact, to_millivolt
from einthoven.records.ecg import ECG
from einthoven.records.writing import replacing


def _facts(path: Path) -> dict[str, Any]:
    beside = path.with_suffix(".json")
    if not beside.exists():
        return {}
    try:
        facts = json.loads(beside.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RecordError(f"{beside} is not JSON: {error}") from None
    if not isinstance(facts, dict):
        raise RecordError(f"{beside} must hold an object with unit, rate_hz and leads")
    return facts


def _read(
    path: Path, *, unit: str | None = None, rate_hz: float | None = None, leads: Sequence[str] | None = None
) -> ECG:
    """Reads an array with the axes lead and time; see `einthoven.records.read`."""
    try:
        samples = np.load(path, allow_pickle=False)
    except FileNotFoundError:
        raise RecordError(f"{path} is missing") from None
    except ValueError:  # NumPy would have one trust a pickle
        raise RecordError(f"{path} is not a readable NPY array of numbers; save it again with numpy.save") from None
    except (OSError, EOFError) as error:
        raise RecordError(f"{path} is not a readable NPY array: {error}") from None
    facts = _facts(path)
    unit, rate_hz, leads = (
        unit or facts.get("unit"),
        facts.get("rate_hz") if rate_hz is None else rate_hz,
        leads or facts.get("leads"),
    )
    if unit is None:
        raise missing_fact(path, "unit", "unit='mV' (or uV, V, z)")
    if rate_hz is None:
        raise missing_fact(path, "sampling rate", "rate_hz=…")
    if leads is None:
        raise missing_fact(path, "leads", "leads=('I', 'II', …), one name a row")
    if not isinstance(samples, np.ndarray) or samples.dtype.kind not in "iuf":
        raise RecordError(f"{path} is not one array of real numbers")
    factor = 1.0 if unit == "z" else to_millivolt(path, str(unit))
    try:
        return ECG(
            signal=as_float32(samples * factor),
            unit="z" if unit == "z" else "mV",
            rate_hz=float(rate_hz),
            leads=tuple(leads),
            record_id=path.stem,
            age=float(facts["age"]) if facts.get("age") is not None else None,
            sex=facts.get("sex"),
        )
    except (ValueError, TypeError) as error:
        raise RecordError(f"{path}: {error}") from None


def _write(ecg: ECG, path: Path, *, overwrite: bool = False) -> Path:
    """Writes the samples as float32 and the facts beside them."""
    facts = {"unit": ecg.unit, "rate_hz": ecg.rate_hz, "leads": list(ecg.leads), "age": ecg.age, "sex": ecg.sex}
    with (
        replacing(path, overwrite=overwrite) as scratch,
        replacing(path.with_suffix(".json"), overwrite=overwrite) as scratch_facts,
    ):
        with scratch.open("wb") as file:
            np.save(file, ecg.signal, allow_pickle=False)
        scratch_facts.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    return path


NPY = Format(suffixes=(".npy",), read=_read, write=_write)
