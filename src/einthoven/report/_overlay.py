"""What the page of an audit and the report of a run both show of it: its sentence, and pairs laid over each other.

One recording lies thick and pale, the other thin and dark on top of it: two lines of one width would hide the one below
where they coincide. So the dark line runs inside the pale one wherever the recordings are the same, and beside it where
they are not. The two differ in lightness and width, so no colour need be told apart.
"""

__all__ = ["overlays", "verdict"]

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from einthoven.drawing.figures import svg
from einthoven.report._figures import _INK, _RULE, Panel, slug
from einthoven.report._run import rows
from einthoven.report._words import number
from einthoven.splits import many

_PALE: dict[str, Any] = {"color": "#f2b661", "linewidth": 3.6, "solid_capstyle": "round", "zorder": 3}
_DARK: dict[str, Any] = {"color": "#00304d", "linewidth": 0.9, "linestyle": "-", "zorder": 4}
_SHOWN_S = 10.0  # of a longer pair the beginning: ten seconds tell, and a page stays small
_WIDE, _STRIP, _BELOW, _LEFT = 10.4, 0.72, 0.42, 0.55  # inches


def verdict(facts: Mapping[str, Any]) -> str:
    """One sentence on an audit, for the terminal and the page.

    Arguments:
        facts: What `audit.json` holds.
    """
    entries = facts["verdicts"]
    leaks, blind = (
        [entry["check"] for entry in entries if status in {entry["status"], *(f["status"] for f in entry["findings"])}]
        for status in ("leak", "could not look")
    )
    asked = sum(entry["status"] != "not asked" for entry in entries)
    warnings = sum(finding["status"] == "warning" for entry in entries for finding in entry["findings"])
    warned = many(warnings, "warning")
    unseen = f"{len(blind)} could not look at everything ({', '.join(blind)}), " if blind else ""
    if leaks:
        return f"LEAK: {len(leaks)} of {many(asked, 'check')} found one ({', '.join(leaks)}), {unseen}{warned}."
    if blind:
        sentence = f"Could not look at everything: {len(blind)} of {many(asked, 'check')} ({', '.join(blind)})"
        return f"{sentence}; no leak in what was looked at, {warned}."
    if not asked:
        return "Nothing was looked at: no check had what it needs."
    return f"Clean: no leak found by {many(asked, 'check')}, {warned}."


def overlays(drawn: pd.DataFrame) -> dict[str, list[Panel]]:
    """A panel for each pair that was kept with its samples, by check.

    Arguments:
        drawn: One row a pair and lead; see `einthoven.audit.keep`.

    Returns:
        In each panel `record`, `side`, `other`, `other_side`, `likeness`, `drawn_s` and `shared_s` (in s), and `svg`.
    """
    found: dict[str, list[Panel]] = {}
    keys = ["check", "record", "other", "side", "other_side", "likeness"]
    for _, leads in drawn.groupby(keys, sort=False, dropna=False):
        strips = [row for row in rows(leads) if len(row["one"])]
        if strips:
            panels = found.setdefault(str(strips[0]["check"]), [])
            panels.append(_panel(strips, f"overlay-{slug(str(strips[0]['check']))}-{len(panels)}"))
    return found


def _panel(strips: Sequence[Mapping[str, Any]], name: str) -> Panel:
    """One pair, a strip a lead."""
    first = strips[0]
    shared = max(len(row["one"]) / row["rate_hz"] for row in strips)
    height = _STRIP * len(strips) + _BELOW
    figure = Figure(figsize=(_WIDE, height), facecolor="white")
    for place, row in enumerate(strips):
        bottom = (_BELOW + _STRIP * (len(strips) - 1 - place)) / height
        axes = figure.add_axes((_LEFT / _WIDE, bottom, 1 - (_LEFT + 0.1) / _WIDE, 0.94 * _STRIP / height))
        _strip(axes, row, last=place == len(strips) - 1)
    who = {key: str(first[key]) for key in ("record", "other", "side", "other_side")}
    likeness = number(first["likeness"], 4)
    leads = ", ".join(str(row["lead"]) for row in strips)
    label = (
        f"{who['record']} ({who['side']}) and {who['other']} ({who['other_side']}) laid over each other in {leads}; "
    )
    label += f"likeness {likeness}"
    shown = {"likeness": likeness, "drawn_s": min(shared, _SHOWN_S), "shared_s": shared}
    return {**who, **shown, "svg": svg(figure, name, label)}


def _strip(axes: Axes, row: Mapping[str, Any], last: bool) -> None:
    """One lead of both records; the time is that of the first."""
    rate, start = float(row["rate_hz"]), float(row["start_s"])
    one, another = (np.asarray(row[key], dtype=float)[: round(_SHOWN_S * rate)] for key in ("one", "another"))
    time = start + np.arange(len(one)) / rate
    axes.plot(time, one, **_PALE)
    axes.plot(time, another, **_DARK)
    axes.set_xlim(start, start + max(len(one) / rate, 1 / rate))
    axes.set_ylim(*_limits((one, another)))
    axes.set_yticks([])
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(_RULE)
    ink = {"color": _INK, "fontsize": 8.5, "fontweight": "bold"}
    at = {"transform": axes.transAxes, "ha": "right", "va": "center", "parse_math": False}
    axes.text(-0.012, 0.5, str(row["lead"]), ink, **at)
    axes.tick_params(colors=_INK, labelsize=8, length=3 if last else 0, width=0.6, labelbottom=last)
    if last:
        axes.set_xlabel("time in the first record, s", fontsize=8, color=_INK, labelpad=2)


def _limits(lines: Iterable[np.ndarray]) -> tuple[float, float]:
    """From the lowest to the highest sample, with room for the thick line."""
    joined = np.concatenate(list(lines))
    low, high = float(np.nanmin(joined)), float(np.nanmax(joined))
    room = 0.08 * (high - low) or 1.0
    return low - room, high + room
