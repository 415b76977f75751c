"""The intervals of an ECG, its rate and its axis, as the head of a printed ECG states them.

Intervals are taken over all leads: from an early onset to a late offset among them, the quartiles, since the very first
and the very last belong to the noisiest lead; then the median over beats. QT is corrected for the rate after Bazett
(1920, Heart 7:353), QT/√RR, and after Fridericia (1920, Acta Med. Scand. 53:469), QT/∛RR, with RR in seconds.
"""

__all__ = ["intervals"]

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

from einthoven.signals._delineate import delineate

# The direction of each limb lead in the frontal plane, in degrees from the left downwards, and its length.
_LEADS = {"I": (0.0, 1.0), "II": (60.0, 1.0), "III": (120.0, 1.0), "aVF": (90.0, np.sqrt(3) / 2)}
_PAIRS = (("I", "aVF"), ("I", "II"), ("I", "III"), ("II", "III"))
_EARLY, _LATE = 25, 75


def intervals(signal: Float[np.ndarray, "lead time"], rate_hz: float, leads: Sequence[str]) -> dict[str, float]:
    """Rate, intervals and axis of one recording; NaN for what cannot be measured.

    Arguments:
        signal: One recording without NaN, any unit.
        rate_hz: Samples per second, from 100 on.
        leads: The name of each row. Only the axis asks for names: it needs I and one of aVF, II and III, or II and III,
            in mV (standardised leads have lost the ratio that makes it).

    Returns:
        By name: `rate_bpm` (of the median interval between beats), `pr_s`, `qrs_s`, `qt_s`, `qtc_bazett_s`,
        `qtc_fridericia_s`, and `axis_deg` of the QRS complex in the frontal plane, from −180 to 180 with 0 to the left
        and 90 to the feet, from the areas of the complexes.

    Raises:
        ValueError: If there is not one name for each row.
    """

    if len(leads) != len(signal):
        raise ValueError(f"{len(signal)} rows of samples but {len(leads)} lead names: {', '.join(leads)}")
    marks = delineate(signal, rate_hz)
    begin, end = ({k: _of_all(m[:, :, i], q) for k, m in marks.items()} for i, q in ((0, _EARLY), (2, _LATE)))
    rr = _median(np.diff(begin["QRS"])) / rate_hz
    qt = _median(end["T"] - begin["QRS"]) / rate_hz
    return {
        "rate_bpm": 60 / rr,
        "pr_s": _median(begin["QRS"] - begin["P"]) / rate_hz,
        "qrs_s": _median(end["QRS"] - begin["QRS"]) / rate_hz,
        "qt_s": qt,
        "qtc_bazett_s": qt / rr ** (1 / 2),
        "qtc_fridericia_s": qt / rr ** (1 / 3),
        "axis_deg": _axis(signal, marks["QRS"], tuple(leads)),
    }


def _of_all(marks: Int[np.ndarray, "lead beat"], percentile: int) -> Float[np.ndarray, " beat"]:
    """One sample for each beat; NaN where no lead has the wave."""
    seen = (marks >= 0).any(axis=1)
    if not seen.any():
        return np.full(marks.shape[1], np.nan)
    there = np.percentile(marks[seen], percentile, axis=0)
    return np.where((marks[seen] >= 0).all(axis=0), there, np.nan)


def _median(values: Float[np.ndarray, " beat"]) -> float:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else float("nan")


def _axis(signal: Float[np.ndarray, "lead time"], qrs: Int[np.ndarray, "lead beat 3"], leads: tuple[str, ...]) -> float:
    """The direction of the vector whose projections on two limb leads are the areas of their median complexes."""
    pair = next((pair for pair in _PAIRS if set(pair) <= set(leads)), None)
    if pair is None:
        return float("nan")
    rows = [leads.index(name) for name in pair]
    areas = np.array([_area(signal[row], qrs[row]) for row in rows])
    degrees, length = np.array([_LEADS[name] for name in pair]).T
    directions = length[:, None] * np.column_stack([np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))])
    x, y = np.linalg.solve(directions, areas)
    return float(np.rad2deg(np.arctan2(y, x))) if np.hypot(x, y) > 0 else float("nan")


def _area(lead: Float[np.ndarray, " time"], qrs: Int[np.ndarray, "beat 3"]) -> float:
    """Between the complex and the line from its onset to its offset, in units of the signal times samples."""
    areas = []
    for onset, _, offset in qrs[qrs[:, 0] >= 0]:
        part = lead[onset : offset + 1].astype(np.float64)
        areas.append(part.sum() - len(part) * (part[0] + part[-1]) / 2)
    return float(np.median(areas)) if areas else float("nan")
