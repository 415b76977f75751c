"""What the page of a pretraining says: how well the encoder does its own task, and what it puts where it is blind."""

__all__ = ["facts"]

from typing import Any

import numpy as np
import pandas as pd

from einthoven.drawing.figures import svg
from einthoven.report._figures import Panel, panel, slug
from einthoven.report._run import Run, rows
from einthoven.report._words import count, interval, number

_MEASURES = {
    "correlation": "correlation of what was hidden with its reconstruction",
    "correlation_of_lines": "the same with straight lines over what was hidden, which needs no learning",
    "named": "share of shuffled leads that are named rightly",
    "picked": "share of pieces of what comes next that are picked out among those of a batch",
}
_TILES = (("correlation", "correlation of hidden spans"), ("named", "leads named rightly"), ("picked", "pieces picked"))
_SHOWN = ("II", "V1", "V5")  # leads that are drawn, where they are there
_TRUE, _FOUND, _GAP = "#8b949e", "#0065a3", "#eef1f4"


def facts(run: Run) -> dict[str, Any]:
    """What the template may say beside what every page says."""
    table = run.tables["pretext"]
    whole = table[table["source"] == "all"]
    return {
        "headline": _headline(run, whole),
        "tiles": _tiles(run, whole),
        "measures": _rows(run, table),
        "reconstructions": _drawn(run),
        "speed": _speed(run),
        "equalised": bool((table["measure"] == "named").any()),
    }


def _of(table: pd.DataFrame, model: str, measure: str) -> dict[str, Any] | None:
    found = rows(table[(table["model"] == model) & (table["measure"] == measure)])
    return found[0] if found else None


def _guess(run: Run) -> float:
    """The share of leads that are named rightly by guessing."""
    return 1 / max(1, len(run.experiment["leads"]))


def _headline(run: Run, whole: pd.DataFrame) -> str:
    """What was learnt without labels, in a sentence."""
    said = []
    if (row := _of(whole, run.primary, "correlation")) is not None:
        lines = _of(whole, run.primary, "correlation_of_lines")
        beside = f", straight lines with {number(lines['value'], 2)}" if lines else ""
        words = interval(row["value"], row["low"], row["high"])
        said.append(f"what it puts where spans are hidden correlates with what was there by {words}{beside}")
    if (row := _of(whole, run.primary, "named")) is not None:
        words = interval(row["value"], row["low"], row["high"])
        said.append(f"it names {words} of shuffled leads rightly, where guessing names {number(_guess(run), 2)}")
    if (row := _of(whole, run.primary, "picked")) is not None:
        words = interval(row["value"], row["low"], row["high"])
        said.append(f"it picks {words} of the pieces of what comes next out among all of a batch")
    where = "On simulated ECGs" if run.synthetic else "On ECGs"
    return (
        f"{where} that it has never seen, {' and '.join(said)}. Whether that helps to read ECGs, this run cannot tell."
    )


def _tiles(run: Run, whole: pd.DataFrame) -> list[dict[str, str]]:
    tiles = []
    for measure, name in _TILES:
        if (row := _of(whole, run.primary, measure)) is not None:
            limits = f"[{number(row['low'])}, {number(row['high'])}]"
            tiles.append({"name": name, "value": number(row["value"]), "detail": limits})
    learnt = next((part for part in run.flow["parts"] if part["part"] == "train"), None)
    if learnt:
        detail = f"of {count(learnt['patients'])} patients and {count(learnt['unknown_patients'])} unknown ones"
        tiles.append({"name": "records learnt from", "value": count(learnt["records"]), "detail": detail})
    return tiles


def _rows(run: Run, table: pd.DataFrame) -> list[dict[str, Any]]:
    """Every figure, all records first."""
    return [
        {
            **row,
            "what": _MEASURES.get(row["measure"], row["measure"]),
            "words": interval(row["value"], row["low"], row["high"]),
            "guess": number(_guess(run)) if row["measure"] == "named" else "",
        }
        for row in rows(table)
    ]


def _speed(run: Run) -> str:
    """How many windows a second were learnt from, as a word."""
    learnt = sum(part["records"] for part in run.flow["parts"] if part["part"] == "train")
    seconds = [epoch["seconds"] for epochs in run.histories.values() for epoch in epochs]
    return f"{learnt / float(np.median(seconds)):.0f}" if seconds and learnt else ""


def _drawn(run: Run) -> list[Panel]:
    """A few leads of a few test records: what was there in grey, what was hidden shaded, what came in its place."""
    if run.reconstructions is None:
        return []
    panels = []
    for place, row in enumerate(rows(run.reconstructions)):
        leads = list(row["leads"])
        shown = [lead for lead in _SHOWN if lead in leads] or leads[:3]
        signal, found = (
            np.asarray(row[name], dtype=np.float32).reshape(len(leads), -1) for name in ("signal", "found")
        )
        hidden = np.asarray(row["hidden"], dtype=bool)
        time = np.arange(len(hidden)) / float(row["rate_hz"])
        figure, axes = panel("seconds", ", ".join(reversed(shown)), unit_square=False, headroom=0.6)
        height = 1.1 * max(1.0, float(np.nanmax(np.abs(signal[[leads.index(lead) for lead in shown]]), initial=0.0)))
        for level, lead in enumerate(reversed(shown)):
            at = leads.index(lead)
            axes.plot(time, signal[at] + level * height, color=_TRUE, linewidth=1.0)
            axes.plot(time, np.where(hidden, found[at], np.nan) + level * height, color=_FOUND, linewidth=1.2)
        low, high = axes.get_ylim()
        axes.fill_between(time, low, high, where=hidden, color=_GAP, step="mid", zorder=0, linewidth=0)
        axes.set(ylim=(low, high), xlim=(0, time[-1]), yticks=[])
        label = f"{row['record']}: {', '.join(shown)} with hidden spans and their reconstruction"
        drawing = svg(figure, f"reconstruction-{place}-{slug(str(row['record']))}", label)
        panels.append({"title": str(row["record"]), "detail": "", "svg": drawing})
    return panels
