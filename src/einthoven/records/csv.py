"""Comma-separated samples: one column a lead, one row a sample, the first row the leads' names.

A first line `# unit=mV rate_hz=500` states the facts; without it they must be given.
"""

__all__ = ["CSV"]

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float

from einthoven.records._format import Format, RecordError, as_float32, missing_fact, to_millivolt
from einthoven.records.ecg import ECG
from einthoven.records.writing import replacing


def _read(
    path: Path, *, unit: str | None = None, rate_hz: float | None = None, leads: Sequence[str] | None = None
) -> ECG:
    """Reads a table of samples; see `einthoven.records.read`."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise RecordError(f"{path} is missing") from None
    except (OSError, UnicodeDecodeError) as error:
        raise RecordError(f"{path} is not a readable text file: {error}") from None
    if not text.strip():
        raise RecordError(f"{path} is empty; it has one column a lead and one row a sample")
    first, _, rest = text.partition("\n")
    facts: dict[str, str] = {}
    if first.startswith("#"):
        facts = dict(item.split("=", 1) for item in first[1:].split() if "=" in item)
        text = rest
    unit, rate = unit or facts.get("unit"), facts.get("rate_hz") if rate_hz is None else rate_hz
    if unit is None:
        raise missing_fact(path, "unit", "unit='mV' (or uV, V, z), or begin the file with '# unit=mV rate_hz=500'")
    if rate is None:
        raise missing_fact(path, "sampling rate", "rate_hz=…, or begin the file with '# unit=mV rate_hz=500'")
    try:
        names, samples = _table(text)
    except (ValueError, csv.Error) as error:
        raise RecordError(f"{path} is not a table of numbers with one column a lead: {error}") from None
    if leads is None and names is None:
        raise missing_fact(path, "leads", "leads=('I', 'II', …), one name a column, or begin with a row of names")
    factor = 1.0 if unit == "z" else to_millivolt(path, unit)
    try:
        return ECG(
            signal=as_float32(samples * factor),
            unit="z" if unit == "z" else "mV",
            rate_hz=float(rate),
            leads=tuple(leads or names or ()),
            record_id=path.stem,
        )
    except (ValueError, TypeError) as error:
        raise RecordError(f"{path}: {error}") from None


def _table(text: str) -> tuple[list[str] | None, Float[np.ndarray, "lead time"]]:
    """The names of the columns, None where the first row is samples already, and the samples; empty cells are NaN.

    Raises:
        ValueError: If a cell is no number, the rows are of unequal length, or there are none.
    """
    rows = [row for row in csv.reader(io.StringIO(text), skipinitialspace=True) if row]
    if not rows:
        raise ValueError("it is empty")
    if lengths := {len(row) for row in rows} - {len(rows[0])}:
        raise ValueError(f"its first row has {len(rows[0])} columns, another has {lengths.pop()}")
    names = None if _is_number(rows[0][0]) else rows.pop(0)
    samples = np.array([[float(cell) if cell.strip() else np.nan for cell in row] for row in rows], dtype=np.float64)
    return names, samples.T if rows else np.empty((len(names or ()), 0))


def _is_number(cell: str) -> bool:
    try:
        float(cell or "nan")
    except ValueError:
        return False
    return True


def _write(ecg: ECG, path: Path, *, overwrite: bool = False) -> Path:
    """Writes nine significant digits, which give every float32 back exactly."""
    with replacing(path, overwrite=overwrite) as scratch:
        head = f"# unit={ecg.unit} rate_hz={ecg.rate_hz!r}\n"
        body = pd.DataFrame(ecg.signal.T, columns=list(ecg.leads)).to_csv(index=False, float_format="%.9g")
        scratch.write_text(head + body, encoding="utf-8")
    return path


CSV = Format(suffixes=(".csv",), read=_read, write=_write)
