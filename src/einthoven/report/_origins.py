"""What the page says of origins: which segment is named, how far off the place is, and where they are confused."""

__all__ = ["facts"]

from typing import Any

import numpy as np
from matplotlib.ticker import MaxNLocator, NullLocator

from einthoven.drawing.figures import svg
from einthoven.evaluation.localisation import METRICS
from einthoven.evaluation.remedies import level_of
from einthoven.pipeline import cell_names
from einthoven.report._figures import COLOURS, DASHES, Panel, panel, room_above, say_above
from einthoven.report._run import Run, rows
from einthoven.report._words import count, how_many, interval, number, percent, probability, versus_zero

NAMES = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "error_mm": "mean error, mm",
    "median_error_mm": "median error, mm",
}
_VIEWS = (("x_mm", "y_mm"), ("x_mm", "z_mm"))
# What they are in the simulator's axes; those of a user's data are their own.
_SIMULATED = {"x_mm": "left", "y_mm": "feet", "z_mm": "back"}
_SEEN_FROM = {"y_mm": "from the front", "z_mm": "from below"}


def facts(run: Run) -> dict[str, Any]:
    """What the template may say beside what every page says."""
    table = run.tables["localisation"]
    measured = [metric for metric in METRICS if (table["metric"] == metric).any()]
    levels = sorted(dict.fromkeys(table["level"]), key=how_many)
    ways = _ways(run)
    found = {(row["way"], row["level"], row["metric"]): row for row in rows(table)}
    gaps = {(row["way"], row["level"], row["metric"]): row for row in rows(run.tables["gaps"])}
    grid = [
        {
            "metric": NAMES[metric],
            "rows": [{"way": way, "cells": [_cell((way, at, metric), found, gaps) for at in levels]} for way in ways],
        }
        for metric in measured
    ]
    return {
        "headline": _headline(run),
        "tiles": _tiles(run),
        "levels": [_patients(level) for level in levels],
        "grid": grid,
        "panels_of": [_curve(run, ways, levels, metric) for metric in (METRICS[0], METRICS[2]) if metric in measured],
        "views": _map(run) if METRICS[2] in measured else [],
        "confusion": _confusion(run),
        "segments": list(dict.fromkeys(run.tables["confusion"]["truth"])),
        "wanted": len(cell_names(run.experiment)),
        "finished": len(run.environment.get("seconds_of_cells", {})),
        "planned": bool(run.tables["gaps"]["planned"].any()),
    }


def _ways(run: Run) -> list[str]:
    """The ways of learning, as the experiment has them; what was planned first."""
    first = [name.rpartition("@")[0] for name in (run.primary, run.baseline)]
    return list(dict.fromkeys([*first, *run.tables["localisation"]["way"]]))


def _patients(level: str) -> str:
    return "all patients" if level == "all" else f"{level} patients"


def _row(run: Run, table: str, model: str, metric: str) -> dict[str, Any] | None:
    found = run.tables[table]
    told = rows(found[(found["model"] == model) & (found["metric"] == metric)])
    return told[0] if told else None


def _gap(row: dict[str, Any], digits: int = 3) -> str:
    return interval(row["difference"], row["difference_low"], row["difference_high"], plus=True, digits=digits)


def _cell(key: tuple[str, str, str], found: dict[Any, dict[str, Any]], gaps: dict[Any, dict[str, Any]]) -> Any:
    """A value, and what it is beside the baseline's way with as many patients."""
    if key not in found:
        return ("", "")
    row, gap = found[key], gaps.get(key)
    digits = 1 if key[2].endswith("mm") else 3
    words = interval(row["value"], row["low"], row["high"], digits=digits)
    if gap is None or not np.isfinite(gap["difference"]):
        return (words, "")
    return (words, _gap(gap, digits))


def _headline(run: Run) -> str:
    """The result in two sentences or three."""
    ours, theirs = (_row(run, "localisation", model, METRICS[0]) for model in (run.primary, run.baseline))
    if ours is None:
        return f"{run.primary} is not finished."
    where = "On simulated tachycardias, " if run.synthetic else ""
    learnt = _patients(level_of(run.primary))
    segments = run.tables["confusion"]["truth"].nunique()
    shown = interval(ours["value"], ours["low"], ours["high"])
    sentence = (
        f"{where}{run.primary} names the right one of {segments} segments in {shown} of the records from {learnt}"
    )
    error = _row(run, "localisation", run.primary, METRICS[2])
    if error is not None:
        sentence += f", {number(error['value'], 1)} mm off on average"
    if theirs is None or run.primary == run.baseline:
        return f"{sentence}."
    sentence += f"; {run.baseline} does in {interval(theirs['value'], theirs['low'], theirs['high'])}."
    gap = _row(run, "gaps", run.primary, METRICS[0])
    if gap is None:
        return sentence
    found = versus_zero(gap["difference_low"], gap["difference_high"])
    sentence += f" Paired difference {_gap(gap)}, {probability(gap['p'])}: {found}"
    if found == "not detectable":
        sentence += f", one of {number(gap['detectable'])} would probably have been found"
    return f"{sentence}."


def _tiles(run: Run) -> list[dict[str, str]]:
    tiles = []
    for model in dict.fromkeys((run.primary, run.baseline)):
        row = _row(run, "localisation", model, METRICS[0])
        if row is not None:
            limits = f"[{number(row['low'])}, {number(row['high'])}]"
            tiles.append({"name": f"{model}: right segment", "value": number(row["value"]), "detail": limits})
    row = _row(run, "localisation", run.primary, METRICS[2])
    if row is not None:
        limits = f"[{number(row['low'], 1)}, {number(row['high'], 1)}]"
        tiles.append({"name": f"{run.primary}: mean error, mm", "value": number(row["value"], 1), "detail": limits})
    row = _row(run, "localisation", run.primary, METRICS[0])
    if row is not None:
        detail = f"of {count(row['patients'])} patients"
        tiles.append({"name": "records tested", "value": count(row["records"]), "detail": detail})
    return tiles


def _curve(run: Run, ways: list[str], levels: list[str], metric: str) -> Panel:
    """All ways over the number of labelled patients; a single number is no curve."""
    table = run.tables["localisation"]
    table = table[table["metric"] == metric]
    ways = [way for way in ways if sum(table["way"] == way) > 1] or ways
    figure, axes = panel("labelled patients", NAMES[metric], unit_square=False, headroom=room_above(len(ways)))
    names: list[tuple[str, str, bool]] = []
    for place, way in enumerate(ways):
        points = [row for level in levels for row in rows(table[(table["way"] == way) & (table["level"] == level)])]
        at = [levels.index(row["level"]) + 0.05 * (place - len(ways) / 2) for row in points]
        style: dict[str, Any] = {"color": COLOURS[place % len(COLOURS)]}
        axes.vlines(at, [row["low"] for row in points], [row["high"] for row in points], linewidth=0.9, **style)
        style["linestyle"] = DASHES[place % len(DASHES)]
        axes.plot(at, [row["value"] for row in points], marker="o", markersize=2.6, linewidth=1.2, **style)
        names.append((way, style["color"], not place))
    say_above(axes, names)
    axes.set(xticks=range(len(levels)), xticklabels=levels)
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_ylim(bottom=0)
    label = f"{NAMES[metric]} by labelled patients, of {', '.join(ways)}"
    return {"title": NAMES[metric], "detail": "by labelled patients", "svg": svg(figure, f"origin-{metric}", label)}


def _map(run: Run) -> list[Panel]:
    """Where tachycardias come from, and where the primary model says that they do."""
    table = run.tables["places"].dropna(subset=["error_mm"])
    segments = sorted(dict.fromkeys(table["truth"]))
    views = []
    for across, along in _VIEWS:
        below, beside = (f"mm to the {_SIMULATED[axis]}" if run.synthetic else axis for axis in (across, along))
        title = _SEEN_FROM[along] if run.synthetic else f"{across} and {along}"
        figure, axes = panel(below, beside, headroom=0.1)
        for place, segment in enumerate(segments):
            part, ink = table[table["truth"] == segment], COLOURS[place % len(COLOURS)]
            ends = [part[[name, f"said_{name}"]].to_numpy().T for name in (across, along)]
            axes.plot(*ends, color=ink, linewidth=0.5, alpha=0.5)
            axes.plot(ends[0][0], ends[1][0], ".", color=ink, markersize=3)
            axes.plot(ends[0][1], ends[1][1], "x", color=ink, markersize=3, markeredgewidth=0.7)
            middle = (float(part[across].median()), float(part[along].median()))
            style: dict[str, Any] = {"fontsize": 6.5, "color": ink, "ha": "center"}
            axes.annotate(segment, middle, (0, 4), textcoords="offset points", parse_math=False, **style)
        for axis, name in ((axes.xaxis, across), (axes.yaxis, along)):
            there = table[[name, f"said_{name}"]].to_numpy()
            room = 0.15 * float(np.ptp(there)) + 1.0
            axis.set_view_interval(float(there.min()) - room, float(there.max()) + room, ignore=True)
            axis.set_major_locator(MaxNLocator(nbins=5, integer=True))
        if run.synthetic:  # heads up, and fronts
            axes.invert_yaxis()
        detail = "dots are true, crosses are said"
        off = number(table["error_mm"].mean(), 1)
        label = f"True and said places {title}, {len(table)} records, mean error {off} mm"
        views.append({"title": title, "detail": detail, "svg": svg(figure, f"places-{along}", label)})
    return views


def _confusion(run: Run) -> list[dict[str, Any]]:
    """Of each true segment what the primary model said, as shares; the mean over its seeds."""
    table = run.tables["confusion"]
    table = table[table["model"] == run.primary]
    lines = []
    for truth, part in table.groupby("truth", sort=False):
        total = float(part["records"].sum())
        shares = [float(n) / total if total else float("nan") for n in part["records"]]
        cells = [{"words": "" if not share else percent(share), "mark": share > 0.5} for share in shares]
        lines.append({"truth": truth, "records": count(round(total)), "cells": cells})
    return lines
