"""What is said of a run on beats, whose classes exclude each other: the headline and the tables of EC57.

The classes are N, S and V, and the two that no mean counts, F and Q. Models are rows within a class, so that many of
them still fit a page.
"""

__all__ = ["facts"]

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from einthoven.report._run import Run, rows
from einthoven.report._tables import _cell, _entry, _footnotes, _notes, _title
from einthoven.report._words import count, interval, number, percent, probability, signed, verdict, versus_zero

METRICS = {
    "f1": "F1",
    "sensitivity": "sensitivity",
    "positive_predictivity": "positive predictivity",
    "precision": "precision",
    "false_positive_rate": "false positive rate",
    "accuracy": "accuracy",
    "kappa": "κ",
    "j": "j",
    "jk": "jκ",
}
_AVERAGED = ("N", "S", "V")
_OUTSIDE = "not in the macro mean"  # said at the class, not in a footnote
_CARRIED = 0.5  # of a class in one recording: more than this is said in a sentence
_LISTED = 5  # recordings a class
_WHOLE = (0.0, 1.0)
_OVERVIEW = (
    ("macro", "f1", "beats"),
    ("all", "accuracy", "beats"),
    ("all", "accuracy", "recordings"),
    ("all", "kappa", "beats"),
    ("all", "jk", "beats"),
)
_BY_CLASS = ("f1", "sensitivity", "positive_predictivity")
_COMPARED = {("macro", "f1"): "macro F1", ("S", "f1"): "F1 of S", ("V", "f1"): "F1 of V"} | {
    ("all", name): METRICS[name] for name in ("accuracy", "jk")
}


def facts(run: Run) -> dict[str, Any]:
    """All that the templates of such a run say beside what they say of every run."""
    return {
        "headline": _headline(run),
        "tiles": _tiles(run),
        "overview": _overview(run),
        "ways": {over: _by_class(run, over) for over in ("beats", "recordings")},
        "paired": _paired(run),
        "planned": _planned(run),
        "planned_pairs": _pairs(run),
        "carriers": _carriers(run),
        "carried": _carried(run),
        "shown_test": _shown_test(run),
        "alone": _alone(run),
        "everything": rows(run.tables["beats"]),
        "differences": rows(run.tables["paired"]),
        "metrics": METRICS,
    }


def _figure(run: Run, model: str, name: str, metric: str, over: str = "beats") -> dict[str, Any] | None:
    """A row of the table of figures, or None where there is no such row."""
    table = run.tables["beats"]
    for column, value in {"model": model, "class": name, "metric": metric, "over": over}.items():
        table = table[table[column] == value]
    return rows(table)[0] if len(table) else None


def _planned(run: Run) -> dict[str, Any] | None:
    """The one difference that was planned: in macro F1, from the baseline."""
    table = run.tables["paired"]
    table = table[table["planned"].astype(bool) & (table["class"] == "macro") & (table["metric"] == "f1")]
    return rows(table)[0] if len(table) else None


def _headline(run: Run) -> str:
    """The result in two sentences or three."""
    ours, theirs = (_figure(run, model, "macro", "f1") for model in (run.primary, run.baseline))
    if ours is None:
        return f"{run.primary} has no macro F1."
    where = "On a split that leaks, " if run.leaky else ""
    where = where or ("On simulated ECGs, " if run.synthetic else "")
    sentence = f"{where}{run.primary} reaches a macro F1 over N, S and V of {_shown(ours)}"
    for name in _AVERAGED[1:]:
        sentence += f", F1 of {name} {_shown(_figure(run, run.primary, name, 'f1'))}"
    if theirs is not None and run.baseline in _shown_test(run):
        gap = _planned(run)
        sentence += f"; {run.baseline}, shown something of the test on purpose, seems to reach {_shown(theirs)}"
        lost = gap and interval(-gap["difference"], -gap["high"], -gap["low"], plus=True)
        return f"{sentence}. The leakage gap is {lost}." if gap else f"{sentence}."
    if theirs is None or run.primary == run.baseline:
        return f"{sentence}."
    sentence += f"; the baseline {run.baseline} reaches a macro F1 of {_shown(theirs)}."
    contrast = _planned(run)
    if contrast is None:
        return f"{sentence} Their paired difference is not available."
    difference = interval(contrast["difference"], contrast["low"], contrast["high"], plus=True)
    return f"{sentence} Paired difference {difference}. {verdict(contrast)}"


def _shown(row: dict[str, Any] | None) -> str:
    """A figure with its interval."""
    return number(None) if row is None else interval(row["value"], row["low"], row["high"])


def _tiles(run: Run) -> list[dict[str, str]]:
    """The figures at the top of the page."""
    asked = [(run.primary, "macro", "primary model")]
    asked += [(run.baseline, "macro", "baseline")] if run.baseline != run.primary else []
    asked += [(run.primary, name, run.primary) for name in _AVERAGED[1:]]
    tiles = []
    for model, name, role in asked:
        row = _figure(run, model, name, "f1")
        if row is not None:
            what = f"macro F1, {model} ({role})" if name == "macro" else f"F1 of {name}, {role}"
            limits = f"[{number(row['low'])}, {number(row['high'])}]"
            tiles.append({"name": what, "value": number(row["value"]), "detail": limits})
    contrast = _planned(run)
    if contrast is not None:
        limits = f"[{signed(contrast['low'])}, {signed(contrast['high'])}]"
        what = f"paired difference in macro F1: {versus_zero(contrast['low'], contrast['high'])}"
        tiles.insert(2, {"name": what, "value": signed(contrast["difference"]), "detail": limits})
    row = _figure(run, run.primary, "all", "accuracy")
    if row is not None:
        who = f"in {count(row['recordings'])} recordings of {count(row['patients'])} patients"
        tiles.append({"name": "beats tested", "value": count(row["beats"]), "detail": who})
    return tiles


def _role(run: Run, model: str) -> str:
    return "primary" if model == run.primary else "baseline" if model == run.baseline else ""


def _overview(run: Run) -> dict[str, Any]:
    """All classes together: a row a model."""
    table = run.tables["beats"]
    lines: list[dict[str, Any]] = []
    for model in run.models:
        found = [_figure(run, model, *figure) for figure in _OVERVIEW]
        remarks = _notes(pd.DataFrame([row for row in found if row is not None], columns=["note"]))
        row = {"model": model, "role": _role(run, model), "notes": remarks}
        lines.append(row | {"cells": [_entry(one, _WHOLE) for one in found]})
    whole = _figure(run, run.primary, "all", "accuracy") or {}
    return {"rows": lines, "footnotes": _footnotes(lines), "unknown": whole.get("unknown", 0)} | {
        "beats": whole.get("beats"),
        "patients": whole.get("patients"),
        "seeds": int(table["seeds"].max()),
        "resamples": int(table["resamples"].max()),
    }


def _by_class(run: Run, over: str) -> dict[str, Any]:
    """The figures of each class: a group of rows a class, in it a row a model.

    Arguments:
        run: The run.
        over: `beats` for the gross figures, `recordings` for the averages.
    """
    table = run.tables["beats"]
    table = table[(table["over"] == over) & table["metric"].isin(_BY_CLASS)]
    lines: list[dict[str, Any]] = []
    for name in [label for label in dict.fromkeys(table["class"]) if label not in ("macro", "all")]:
        of_class = table[table["class"] == name]
        remarks = {model: _remarks(of_class[of_class["model"] == model]) for model in run.models}
        common = [note for note in remarks[run.models[0]] if all(note in notes for notes in remarks.values())]
        models = [
            {"model": model, "cells": [_of_class(run, model, name, metric, over) for metric in _BY_CLASS]}
            | {"notes": [note for note in remarks[model] if note not in common]}
            for model in run.models
        ]
        tested = _figure(run, run.primary, name, "sensitivity") or {}
        lines.append(
            {"class": name, "title": _title(run, (run.label_sets or [""])[0], name), "models": models, "notes": common}
            | {"beats": tested.get("beats"), "recordings": tested.get("recordings"), "outside": name not in _AVERAGED}
        )
    marked = [line for row in lines for line in (row, *row["models"])]
    return {"metrics": [METRICS[metric] for metric in _BY_CLASS], "rows": lines, "footnotes": _footnotes(marked)}


def _remarks(table: pd.DataFrame) -> list[str]:
    """The remarks on a class of one model, less what its first cell says."""
    return [note for note in _notes(table) if note != _OUTSIDE]


def _of_class(run: Run, model: str, name: str, metric: str, over: str) -> dict[str, Any] | None:
    """A cell, with the number of recordings that an average is over."""
    row = _figure(run, model, name, metric, over)
    cell = _entry(row, _WHOLE)
    return None if row is None or cell is None else cell | {"recordings": row["recordings"]}


def _paired(run: Run) -> dict[str, Any]:
    """The paired differences: a group of rows a model, the baseline first."""
    table = run.tables["paired"]
    chosen = [key in _COMPARED for key in zip(table["class"], table["metric"], strict=True)]
    shown = table[np.array(chosen, dtype=bool)]
    planned = shown[shown["planned"].astype(bool)]
    widest = (planned if len(planned) else shown)[["low", "high"]].abs().to_numpy(dtype=float)
    reach = max(float(np.ceil(20.0 * np.nan_to_num(widest).max(initial=0.0)) / 20.0), 0.05)
    groups = []
    for other in run.models:
        found = {(row["class"], row["metric"]): row for row in rows(shown[shown["other"] == other])}
        lines = [_difference(row, reach) for key in _COMPARED if (row := found.get(key))]
        if lines:
            first = next(iter(found.values()))
            groups.append(
                {"model": other, "role": _role(run, other), "rows": lines}
                | {key: first[key] for key in ("beats", "patients", "beats_first", "beats_second")}
            )
    return {"groups": groups, "reach": number(reach, 2)}


def _pairs(run: Run) -> list[dict[str, Any]]:
    """The further pairs that were planned: a row a pair, with its differences in F1."""
    table = run.tables.get("pairs", pd.DataFrame({"primary": [], "other": []}))
    lines = []
    for names, group in table.groupby(["primary", "other"], sort=False):
        found = {row["class"]: row for row in rows(group[group["metric"] == "f1"])}
        shown = [
            interval(row["difference"], row["low"], row["high"], plus=True)
            for name in ("macro", *_AVERAGED[1:])
            if (row := found.get(name))
        ]
        macro = found["macro"]
        words = {"found": versus_zero(macro["low"], macro["high"]), "least": number(macro["detectable"])}
        lines.append({"first": str(names[0]), "second": str(names[1]), "differences": shown, **words})
    return lines


def _difference(row: dict[str, Any], reach: float) -> dict[str, Any]:
    """One paired difference with its verdict."""
    cell = _cell(row["difference"], row["low"], row["high"], (-reach, reach), plus=True)
    figure = row["class"], row["metric"]
    return {
        "what": _COMPARED[figure],
        "planned": bool(row["planned"]) and figure == ("macro", "f1"),
        "cell": cell | ({} if max(abs(row["low"]), abs(row["high"])) <= reach else {"bar": None}),
        "chance": probability(row["p"]),
        "found": versus_zero(row["low"], row["high"]),
        "least": number(row["detectable"]),
    }


def _carriers(run: Run) -> list[dict[str, Any]]:
    """Which recordings the beats of a class come from: the first few, and the others together."""
    lines = []
    for name, table in run.tables["carriers"].groupby("class", sort=False):
        top, rest = rows(table.head(_LISTED)), table.iloc[_LISTED:]
        others = {"recordings": len(rest), "beats": int(rest["beats"].sum()), "share": float(rest["share"].sum())}
        lines.append({"class": str(name), "total": int(table["total"].iloc[0]), "top": top, "rest": others})
    return lines


def _carried(run: Run) -> list[str]:
    """A sentence for each class that one recording carries."""
    table = run.tables["carriers"]
    return [
        f"Recording {row['recording']} holds {count(row['beats'])} of the {count(row['total'])} tested beats of class "
        f"{row['class']} ({percent(row['share'])})."
        for row in rows(table[table["share"] > _CARRIED])
    ]


def _shown_test(run: Run) -> list[str]:
    """The arms that saw something of the test: by what they learnt from, or were chosen, weighted or scaled by."""
    honest = {"train", "validation", ""}
    return [
        str(arm["name"])
        for arm in run.experiment.get("arms", [])
        if not {*arm.get("learns", ()), *arm.get("scaled", ()), arm.get("watches", ""), arm.get("decides", "")}
        <= honest
    ]


def _alone(run: Run) -> dict[str, Any]:
    """The primary model's figures of each recording by itself: a row a recording."""
    table = run.tables["recordings"]
    table = table[table["model"] == run.primary]
    classes = [name for name in dict.fromkeys(table["class"]) if name != "all"]
    lines = []
    for recording, found in table.groupby("recording", sort=False):
        by_key = {(row["class"], row["metric"]): row for row in rows(found)}
        whole = by_key["all", "accuracy"]
        if whole["beats"]:
            cells = [_one_class(by_key, name) for name in classes]
            lines.append({"recording": str(recording), "beats": whole["beats"], "accuracy": number(whole["value"])})
            lines[-1]["classes"] = cells
    return {"classes": classes, "rows": lines}


def _one_class(found: dict[tuple[Any, Any], dict[str, Any]], name: str) -> Sequence[str]:
    """Beats, sensitivity and positive predictivity of a class in one recording."""
    figures = [found[name, metric] for metric in ("sensitivity", "positive_predictivity")]
    return [count(figures[0]["beats"]), *(number(row["value"]) for row in figures)]
