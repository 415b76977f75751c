"""A 12-lead ECG on paper, as it leaves a cardiograph.

One second is 25 mm and one millivolt 10 mm, on a grid of 1 mm and 5 mm (Kligfield et al. 2007, "Recommendations
for the standardization and interpretation of the electrocardiogram, part I"). Four columns of three leads follow
each other in time, a rhythm strip runs below them, and a pulse of 1 mV and 0.2 s opens every row.

The figure holds one axes whose data coordinates *are* millimetres on the page, from the lower left corner: what is
10 units tall in it is 10 mm tall on paper. So a length can be checked by reading it.
"""

__all__ = ["GRID", "MM_PER_MV", "MM_PER_S", "ROW_MM", "paper", "save", "svg"]

import dataclasses
import math
from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path as Outline

from einthoven.drawing.figures import save, svg
from einthoven.records.ecg import ECG
from einthoven.records.leads import LIMB, TWELVE, canonical

MM_PER_S = 25.0
MM_PER_MV = 10.0

GRID = (("I", "aVR", "V1", "V4"), ("II", "aVL", "V2", "V5"), ("III", "aVF", "V3", "V6"))
_PAGE_S = 10.0  # what fits on one page
_CONSECUTIVE_S = 5.0  # below this, a quarter of the recording would not hold a beat
ROW_MM = 30.0  # mm from baseline to baseline
_HALF = 20.0  # mm of paper above the first and below the last baseline, at least
_TALLEST = 60.0  # and at most: what is taller is cut, and said to be
_PULSE = 15.0  # mm for the calibration pulse at the left
_MARGIN = 6.0
_HEADER = 9.0
_TITLE = 5.5
_FOOTER = 9.0

_INK, _FAINT, _WARN, _OVER = "#1a1a1a", "#6b6b6b", "#8a1c1c", "#0065a3"
_SHEET, _FINE, _COARSE = "#fffaf8", "#f6d5cf", "#e59a8f"


@dataclasses.dataclass(frozen=True)
class _Strip:
    """One stretch of one lead: its row from the top, its first millimetre right of the pulse, and its samples."""

    lead: str
    row: int
    left: float
    seconds: float
    millivolts: Float[np.ndarray, " time"] | None  # None where the lead was not recorded
    role: str = "lead"

    def reach(self, sign: int) -> float:
        """How far it goes above (`sign` 1) or below (−1) its baseline, in mm."""
        if self.millivolts is None or np.isnan(self.millivolts).all():
            return 0.0
        return float(np.nanmax(sign * self.millivolts)) * MM_PER_MV


def paper(
    ecg: ECG,
    *,
    start_s: float = 0.0,
    rhythm: str = "II",
    centre: bool = False,
    title: str | None = None,
    over: ECG | None = None,
) -> Figure:
    """Draws up to ten seconds of a recording on 12-lead paper, in its true size.

    Limb leads that are absent but follow exactly from two others are derived; other missing leads leave their
    place empty. A recording with fewer than six of the twelve leads gets one full strip a lead instead of columns.
    Below five seconds the columns show the same time instead of following each other. The page says so each time.
    Missing samples (NaN) are gaps.

    Arguments:
        ecg: What to draw, in mV.
        start_s: Where the page begins in the recording.
        rhythm: The lead of the strip at the bottom; left out where the recording has none of that name.
        centre: Whether each lead is drawn around its own median, for recordings with an electrode offset.
        title: A line above the facts of the recording, or None.
        over: Another recording to lay over the first in a colour, such as what a model put into its gaps; of the same
            leads, rate, unit and length.

    Returns:
        A figure with one axes in millimetres. The artist of a lead has the gid `lead-V1`, of the rhythm strip
        `rhythm-II`, and of a row's pulse `pulse-0`; what lies over them `over-lead-V1` and `over-rhythm-II`.

    Raises:
        ValueError: If the leads are standardised (unit `z`), nothing is recorded after `start_s`, or what shall lie
            over the recording is of another form.
    """
    if ecg.unit == "z":
        raise ValueError(
            f"{ecg!r} has standardised leads (unit 'z'), which have lost their amplitude: a millimetre of paper "
            "would lie; draw the recording in mV"
        )
    if not 0 <= start_s < ecg.duration_s:
        raise ValueError(f"there is nothing to draw from {start_s:g} s on: {ecg!r} lasts {ecg.duration_s:g} s")
    whole, notes = _with_derived(ecg)
    stop_s = min(start_s + _PAGE_S, ecg.duration_s)
    page = whole.crop(start_s, stop_s) if (start_s, stop_s) != (0.0, ecg.duration_s) else whole
    if page is not whole:
        notes.append(f"{start_s:g}–{stop_s:g} s of {ecg.duration_s:g} s")
    middle = _median(page.signal) if centre else None
    if middle is not None:
        page = page.replace(signal=page.signal - middle)
        notes.append("each lead centred on its median")
    strips, said = _layout(page, canonical(rhythm))
    notes += said + [f"{name} is flat" for name in page.flat_leads()]
    above: list[_Strip] = []
    if over is not None:
        fitting = _fitting(over, ecg, page, start_s)
        moved = fitting if middle is None else fitting.replace(signal=fitting.signal - middle)
        above = _layout(moved, canonical(rhythm))[0]
    return _page(strips, page, title, notes, above)


def _fitting(over: ECG, ecg: ECG, page: ECG, start_s: float) -> ECG:
    """What lies over a recording, derived and cut as that is.

    Raises:
        ValueError: If it is of another form.
    """
    forms = [(each.leads, each.rate_hz, each.unit, each.signal.shape) for each in (over, ecg)]
    if forms[0] != forms[1]:
        raise ValueError(f"{over!r} cannot lie over {ecg!r}: leads, rate, unit and length differ")
    return _with_derived(over)[0].crop(start_s, start_s + page.duration_s)


def _page(strips: list[_Strip], ecg: ECG, title: str | None, notes: list[str], over: list[_Strip]) -> Figure:
    """The sheet around the strips, as wide and as tall as they need."""
    last = max(strip.row for strip in strips)
    ups = [s.reach(1) - ROW_MM * s.row for s in strips]
    downs = [s.reach(-1) - ROW_MM * (last - s.row) for s in strips]
    top, bottom = (min(max(_HALF, 5.0 * math.ceil(max(mm) / 5.0 + 0.2)), _TALLEST) for mm in (ups, downs))
    cut = dict.fromkeys(s.lead for s, up, down in zip(strips, ups, downs, strict=True) if up > top or down > bottom)
    if cut:
        notes = [*notes, f"cut at the edge of the paper: {', '.join(cut)}"]
    right = max(s.left + s.seconds * MM_PER_S for s in strips)
    width = _PULSE + max(5.0 * math.ceil(right / 5.0), 100.0) + 5.0
    height = top + ROW_MM * last + bottom
    figure, axes = _sheet(width + 2 * _MARGIN, height + _HEADER + (_TITLE if title else 0.0) + _FOOTER)
    edge = _grid(axes, width, height)
    baselines = _FOOTER + height - top - ROW_MM * np.arange(last + 1)
    for row, baseline in enumerate(baselines):
        _pulse(axes, row, float(baseline), edge)
    for strip in strips:
        _strip(axes, strip, float(baselines[strip.row]), edge, ecg.rate_hz)
    for strip in over:
        gid = f"over-{strip.role}-{strip.lead}"
        _line(axes, strip, float(baselines[strip.row]), edge, ecg.rate_hz, gid, {"color": _OVER, "linewidth": 1.0})
    _words(axes, ecg, title, notes, width, height)
    return figure


def _with_derived(ecg: ECG) -> tuple[ECG, list[str]]:
    """The recording with the limb leads that two others give, in the usual order, and what was derived."""
    limb = [name for name in LIMB if name in ecg.leads]
    derived = [name for name in LIMB if name not in ecg.leads] if len(limb) >= 2 and len(ecg.leads) >= 6 else []
    have = {*ecg.leads, *derived}
    order = [name for name in TWELVE if name in have] + [name for name in ecg.leads if name not in TWELVE]
    return ecg.select(order), [f"derived: {', '.join(derived)}"] if derived else []


def _median(signal: Float[np.ndarray, "lead time"]) -> Float[np.ndarray, "lead 1"]:
    """Each lead's median over its known samples; 0 for a lead without any."""
    known = np.where(np.isnan(signal).all(axis=1, keepdims=True), 0.0, signal)
    return np.nanmedian(known, axis=1, keepdims=True)


def _layout(ecg: ECG, rhythm: str) -> tuple[list[_Strip], list[str]]:
    """Which stretch of which lead goes where, and what the page must say about it."""
    rows = dict(zip(ecg.leads, ecg.signal, strict=True))
    length = ecg.signal.shape[1]
    if sum(name in rows for name in TWELVE) < 6:
        strips = [_Strip(name, row, 0.0, ecg.duration_s, rows[name]) for row, name in enumerate(ecg.leads)]
        return strips, [f"{len(strips)} of 12 leads" if len(strips) > 1 else "single lead"]
    notes = []
    consecutive = ecg.duration_s >= _CONSECUTIVE_S
    if not consecutive:
        notes.append("columns show the same time")
    column = length // 4 if consecutive else min(length, round(_PAGE_S / 4 * ecg.rate_hz))
    strips = []
    for row, names in enumerate(GRID):
        for place, name in enumerate(names):
            first = place * column if consecutive else 0
            # One sample more than its share, so that neighbouring stretches meet.
            part = rows[name][first : first + column + 1] if name in rows else None
            seconds = column / ecg.rate_hz
            strips.append(_Strip(name, row, place * seconds * MM_PER_S, seconds, part))
    if missing := [name for name in TWELVE if name not in rows]:
        notes.append(f"not recorded: {', '.join(missing)}")
    below = [name for name in (rhythm, *(n for n in ecg.leads if n not in TWELVE and n != rhythm)) if name in rows]
    strips += [_Strip(name, 3 + row, 0.0, ecg.duration_s, rows[name], "rhythm") for row, name in enumerate(below)]
    return strips, notes


def _sheet(width: float, height: float) -> tuple[Figure, Axes]:
    """An empty page of that many millimetres, in millimetres."""
    figure = Figure(figsize=(width / 25.4, height / 25.4), facecolor="white")
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set(xlim=(0.0, width), ylim=(0.0, height))
    axes.set_axis_off()
    return figure, axes


def _grid(axes: Axes, width: float, height: float) -> Rectangle:
    """The ruled area, of which every line is drawn in one path a weight; it is also where the ink may go."""
    x0, y0 = _MARGIN, _FOOTER
    edge = Rectangle((x0, y0), width, height, facecolor=_SHEET, edgecolor="none", zorder=0)
    axes.add_patch(edge)
    for step, colour, points, gid in ((1, _FINE, 0.3, "grid-fine"), (5, _COARSE, 0.5, "grid-coarse")):
        lines = [((x0 + x, y0), (x0 + x, y0 + height)) for x in range(0, round(width) + 1, step)]
        lines += [((x0, y0 + y), (x0 + width, y0 + y)) for y in range(0, round(height) + 1, step)]
        codes = [Outline.MOVETO, Outline.LINETO] * len(lines)
        outline = Outline([point for line in lines for point in line], codes)
        axes.add_patch(PathPatch(outline, fill=False, edgecolor=colour, linewidth=points, gid=gid, zorder=step / 10))
    return edge


def _pulse(axes: Axes, row: int, baseline: float, edge: Rectangle) -> None:
    """The calibration pulse: 1 mV for 0.2 s."""
    x = _MARGIN + np.array([2.5, 5.0, 5.0, 10.0, 10.0, 12.5])
    y = baseline + MM_PER_MV * np.array([0.0, 0.0, 1.0, 1.0, 0.0, 0.0])
    (line,) = axes.plot(x, y, color=_INK, linewidth=0.7, gid=f"pulse-{row}", zorder=3)
    line.set_clip_path(edge)


def _strip(axes: Axes, strip: _Strip, baseline: float, edge: Rectangle, rate_hz: float) -> None:
    """One stretch of one lead with its name, and a tick where it takes over from its neighbour."""
    left = _MARGIN + _PULSE + strip.left
    found = strip.millivolts is not None
    _line(axes, strip, baseline, edge, rate_hz, f"{strip.role}-{strip.lead}", {"color": _INK, "linewidth": 0.7})
    if strip.left > 0:
        axes.plot([left, left], [baseline - 2.0, baseline + 2.0], color=_INK, linewidth=0.7, zorder=3)
    axes.text(
        left + 1.0,
        baseline + 9.0,
        strip.lead if found else f"{strip.lead} not recorded",
        fontsize=9 if found else 7,
        fontweight="bold" if found else "normal",
        color=_INK if found else _FAINT,
        parse_math=False,
        zorder=4,
    )


def _line(
    axes: Axes, strip: _Strip, baseline: float, edge: Rectangle, rate_hz: float, gid: str, style: dict[str, Any]
) -> None:
    """The samples of a stretch, where there are any."""
    if strip.millivolts is None:
        return
    x = _MARGIN + _PULSE + strip.left + np.arange(len(strip.millivolts)) / rate_hz * MM_PER_S
    y = baseline + strip.millivolts * MM_PER_MV
    (line,) = axes.plot(x, y, gid=gid, zorder=3, solid_joinstyle="round", **style)
    line.set_clip_path(edge)


def _words(axes: Axes, ecg: ECG, title: str | None, notes: list[str], width: float, height: float) -> None:
    """The lines above and below the grid."""
    top = _FOOTER + height
    right = _MARGIN + width
    name = ecg.record_id or "unnamed recording"
    if ecg.source and not name.startswith(f"{ecg.source}:"):
        name = f"{ecg.source}:{name}"
    age = "age unknown" if ecg.age is None or math.isnan(ecg.age) else f"{ecg.age:.0f} y"
    facts = [
        name,
        f"{age}, {ecg.sex or 'sex unknown'}",
        f"{ecg.rate_hz:g} Hz",
        "SYNTHETIC" if ecg.synthetic else "",
    ]
    size: dict[str, Any] = {"fontsize": 8, "parse_math": False}
    if title:
        axes.text(_MARGIN, top + 8.0, title, color=_INK, fontsize=9, fontweight="bold", parse_math=False)
    axes.text(_MARGIN, top + 3.0, " · ".join(filter(None, facts)), color=_INK, **size)
    axes.text(right, top + 3.0, "25 mm/s   10 mm/mV", color=_INK, ha="right", **size)
    axes.text(_MARGIN, 3.5, " · ".join(notes), color=_FAINT, fontsize=7, parse_math=False)
    warning = "Research use only, not a medical device"
    axes.text(right, 3.5, warning, color=_WARN, ha="right", fontsize=7, parse_math=False)
