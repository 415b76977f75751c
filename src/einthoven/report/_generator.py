"""What the page of generators says: how well each gives back what it has not seen, and what it makes of noise."""

__all__ = ["facts"]

from typing import Any

import numpy as np
import pandas as pd

from einthoven.drawing.figures import svg
from einthoven.report._figures import Panel, panel, slug
from einthoven.report._run import Run, rows
from einthoven.report._words import count, interval, number

_SHOWN = ("I", "II", "V1", "V5")
_COLOUR = "#0065a3"


def facts(run: Run) -> dict[str, Any]:
    """What the template may say beside what every page says."""
    table = run.tables["pretext"]
    whole = table[table["source"] == "all"]
    learnt = next((part for part in run.flow["parts"] if part["part"] == "train"), {"records": 0, "patients": 0})
    named = {"name": "training records of all groups and others", "value": count(learnt["records"])}
    return {
        "headline": _headline(run, whole),
        "tiles": [{**named, "detail": f"of {count(learnt['patients'])} known patients"}],
        "measures": [_row(run, row) for row in rows(table)],
        "samples": _drawn(run),
    }


def _headline(run: Run, whole: pd.DataFrame) -> str:
    """How like its original a record comes back, in a sentence."""
    said = []
    for model in run.models:
        found = {row["measure"]: row for row in rows(whole[whole["model"] == model])}
        if "cosine" in found:
            row = found["cosine"]
            said.append(f"{model} gives back records that it has never seen with a cosine of {_words(row)} to them")
    return (
        f"{' and '.join(said)}. " * bool(said) + "How faithful, useful and private its own ECGs are, is not said here."
    )


def _words(row: dict[str, Any]) -> str:
    return interval(row["value"], row["low"], row["high"])


def _row(run: Run, row: dict[str, Any]) -> dict[str, Any]:
    """A measure in words."""
    what = {
        "rmse": f"root of the mean squared error of what comes back ({run.experiment['unit']})",
        "cosine": "cosine of a record and what comes back of it",
        "flow_error": "squared error of the flow's velocity, in its own scale",
    }
    return {
        **row,
        "what": what.get(row["measure"], row["measure"]),
        "words": _words(row),
        "value": number(row["value"]),
    }


def _drawn(run: Run) -> list[Panel]:
    """Some leads of a few ECGs of each generator."""
    panels = []
    for place, row in enumerate(rows(run.samples) if run.samples is not None else []):
        leads = list(row["leads"])
        signal = np.asarray(row["signal"], dtype=np.float32).reshape(len(leads), -1)
        time = np.arange(signal.shape[1]) / float(row["rate_hz"])
        figure, axes = panel("seconds", ", ".join(reversed(_SHOWN)), unit_square=False, headroom=0.6)
        shown = signal[[leads.index(lead) for lead in _SHOWN]]
        height = 1.1 * max(1e-3, float(np.ptp(shown, axis=1).max()))
        for level, lead in enumerate(shown[::-1]):
            axes.plot(time, lead + level * height, color=_COLOUR, linewidth=0.9)
        axes.set(xlim=(0, time[-1]), yticks=[])
        title = f"{row['model']}: {row['group']}"
        drawing = svg(figure, f"sample-{place}-{slug(title)}", f"{title}, made of noise: {', '.join(_SHOWN)}")
        panels.append({"title": title, "detail": "", "svg": drawing})
    return panels
