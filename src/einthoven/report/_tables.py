"""The run's tables, arranged for the page: rows, cells and footnotes in the order in which they are read."""

__all__ = [
    "METRICS",
    "abstention",
    "calibration",
    "challenge",
    "cohort",
    "contrasts",
    "decisions",
    "epochs",
    "overlaps",
    "parts",
    "scores",
    "steps",
    "subgroups",
    "thresholds",
    "transfer",
]

import math
import re
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from einthoven.report._run import Run, rows
from einthoven.report._words import count, interval, number, percent, probability, signed, versus_zero

METRICS = {
    "auroc": "AUROC",
    "auprc": "AUPRC",
    "sensitivity": "sensitivity",
    "specificity": "specificity",
    "precision": "precision",
    "f1": "F1",
    "brier": "Brier score",
    "ece": "calibration error",
}
_COUNTED = re.compile(r"defined in \d+ of \d+ resamples")
_FEWER = "a number here was undefined in some resamples, which its interval leaves out (see: every number)"

_LOST = {"better": "worse away", "worse": "better away"} | {name: name for name in ("not detectable", "undefined")}
_NOTES = 8  # how many different notes of the readers are listed


def _cell(value: float, low: float, high: float, scale: tuple[float, float], plus: bool = False) -> dict[str, Any]:
    """A number, its interval, and where both lie on the scale of its table, in per cent of the width."""
    lowest, highest = scale
    share = [100.0 * (min(max(x, lowest), highest) - lowest) / (highest - lowest) for x in (value, low, high)]
    write = signed if plus else number
    if math.isnan(value):
        return {"value": "–", "range": "undefined", "bar": None}
    if math.isnan(low) or math.isnan(high):
        return {"value": write(value), "range": "no interval", "bar": None}
    bar = {"dot": f"{share[0]:.1f}", "left": f"{share[1]:.1f}", "width": f"{share[2] - share[1]:.1f}"}
    return {"value": write(value), "range": f"[{write(low)}, {write(high)}]", "bar": bar}


def _entry(row: dict[str, Any] | None, scale: tuple[float, float]) -> dict[str, Any] | None:
    """The cell of a row of a table, or None where there is no such row."""
    return None if row is None else _cell(row["value"], row["low"], row["high"], scale)


def _scale(lows: Iterable[float]) -> tuple[float, float]:
    """From the tenth below the lowest interval up to 1."""
    known = [x for x in lows if not math.isnan(x)]
    return (min(0.9, math.floor(10.0 * max(min(known, default=0.0), 0.0)) / 10.0), 1.0)


def _title(run: Run, label_set: str, name: str) -> str:
    """What a class code means."""
    for entry in run.flow["classes"]:
        if entry["class"] == name and entry.get("label_set") in (label_set, None):
            return str(entry.get("title") or "")
    return ""


def _footnotes(lines: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Letters for the notes of the rows, which keep theirs under `marks`; a note that recurs has one letter."""
    letters: dict[str, str] = {}
    for row in lines:
        for note in row["notes"]:
            letters.setdefault(note, _letter(len(letters)))
        row["marks"] = [letters[note] for note in row["notes"]]
    return [(letter, note) for note, letter in letters.items()]


def _letter(index: int) -> str:
    """The mark of a footnote: a … z, then aa, ab and so on."""
    return (_letter(index // 26 - 1) if index >= 26 else "") + "abcdefghijklmnopqrstuvwxyz"[index % 26]


def _notes(table: pd.DataFrame) -> list[str]:
    """The different remarks of some rows.

    That a number was undefined in some resamples is said once, without the count: that differs from cell to cell,
    and the table of every number gives it.
    """
    remarks = [part for note in table["note"].fillna("") for part in note.split("; ") if part]
    different = [remark for remark in dict.fromkeys(remarks) if not _COUNTED.fullmatch(remark)]
    return different + ([_FEWER] if len(different) < len(set(remarks)) else [])


def _classes(table: pd.DataFrame) -> list[str]:
    """The mean first, then the classes as they come."""
    order = dict.fromkeys(table["class"])
    return [name for name in ("macro", *(n for n in order if n != "macro")) if name in order]


def scores(run: Run, label_set: str, metric: str) -> dict[str, Any]:
    """One table of one metric: a row a class, a column a model."""
    summary = run.tables["summary"]
    chosen = summary[(summary["label_set"] == label_set) & (summary["metric"] == metric)]
    scale = _scale(chosen["low"])
    lines: list[dict[str, Any]] = []
    for name in _classes(chosen):
        of_class = chosen[chosen["class"] == name]
        first = of_class.iloc[0]
        by_model = {row["model"]: row for row in rows(of_class)}
        cells = [_entry(by_model.get(model), scale) for model in run.models]
        counts = {key: first[key] for key in ("positives", "negatives", "unknown")}
        left_out = name != "macro" and not bool(of_class["in_macro"].all())
        lines.append(
            {"class": name, "title": _title(run, label_set, name), "cells": cells, "notes": _notes(of_class)}
            | {"left_out": left_out, **counts}
        )
    counted = sum(row["class"] != "macro" and not row["left_out"] for row in lines)
    return {"metric": METRICS[metric], "scale": scale, "rows": lines, "footnotes": _footnotes(lines)} | {
        "counted": counted,
        "classes": sum(row["class"] != "macro" for row in lines),
        "seeds": "–".join(dict.fromkeys(str(chosen["seeds"].agg(end)) for end in ("min", "max"))),
        "resamples": int(chosen["resamples"].max()),
    }


def contrasts(run: Run, label_set: str) -> list[dict[str, Any]]:
    """The paired differences of a label set, the planned one first, with their verdicts."""
    table = run.tables["contrasts"]
    table = table[table["label_set"] == label_set].sort_values("planned", ascending=False, kind="stable")
    planned = table[table["planned"].astype(bool)]
    widest = np.nan_to_num(planned[["low", "high"]].abs().to_numpy(dtype=float)).max(initial=0.0)
    reach = max(math.ceil(50.0 * widest) / 50.0, 0.04)
    return [
        {
            **row,
            "metric": METRICS[row["metric"]],
            "cell": _cell(row["difference"], row["low"], row["high"], (-reach, reach), plus=True)
            | ({} if max(abs(row["low"]), abs(row["high"])) <= reach else {"bar": None}),
            "chance": probability(row["p"]),
            "found": versus_zero(row["low"], row["high"]),
            "least": number(row["detectable"]),
            "reach": number(reach, 2),
        }
        for row in rows(table)
    ]


def decisions(run: Run, label_set: str) -> dict[str, Any]:
    """Sensitivity, specificity, precision and F1: a group of rows a class, in it a row a model."""
    metrics = ("sensitivity", "specificity", "precision", "f1")
    summary = run.tables["summary"]
    chosen = summary[(summary["label_set"] == label_set) & summary["metric"].isin(metrics)]
    lines: list[dict[str, Any]] = []
    for name in _classes(chosen):
        of_class = chosen[chosen["class"] == name]
        models = []
        for model in run.models:
            found = {row["metric"]: row for row in rows(of_class[of_class["model"] == model])}
            if found:
                models.append({"model": model, "cells": [_entry(found.get(m), (0.0, 1.0)) for m in metrics]})
        row = {"class": name, "title": _title(run, label_set, name), "models": models}
        lines.append(row | {"notes": _notes(of_class)})
    return {"metrics": [METRICS[m] for m in metrics], "rows": lines, "footnotes": _footnotes(lines)}


def thresholds(run: Run) -> list[dict[str, Any]]:
    """Where the thresholds lay, over seeds and folds: a row a model and class."""
    table = run.tables["thresholds"]
    lines: list[dict[str, Any]] = []
    for (model, name), group in table.groupby(["model", "class"], sort=False):
        span = {key: _span(group[key]) for key in ("threshold", "temperature", "positives", "negatives")}
        fallback = int(group["fallback"].fillna(False).astype(bool).sum())
        row = {"model": model, "class": name, "fits": len(group), "fallback": fallback, "notes": _notes(group)}
        lines.append(row | span)
    return sorted(lines, key=lambda row: run.models.index(row["model"]) if row["model"] in run.models else 99)


def _span(values: pd.Series) -> str:
    """`0.21`, or the median and the range: `0.21 (0.18–0.25)`; whole numbers stay whole."""
    known = values.dropna().astype(float)
    if known.empty:
        return "–"
    digits = 0 if (known % 1 == 0).all() else 3
    low, middle, high = (number(float(x), digits) for x in (known.min(), known.median(), known.max()))
    return middle if low == high else f"{middle} ({low}–{high})"


def abstention(run: Run, label_set: str) -> list[dict[str, Any]]:
    """What the primary model leaves open, and what it gets wrong all the same: a row a class."""
    table = run.tables["abstention"]
    table = table[(table["label_set"] == label_set) & (table["model"] == run.primary)]
    shares = ("uncertain", "missed", "false_alarm")
    return [
        {"class": row["class"], "title": _title(run, label_set, row["class"]), "positives": row["positives"]}
        | {"cells": [_cell(row[s], row[f"{s}_low"], row[f"{s}_high"], (0.0, 1.0)) for s in shares]}
        for row in rows(table)
    ]


def challenge(run: Run, label_set: str) -> list[dict[str, Any]]:
    """The challenge scores of each model, where the label set is a challenge's: over all its classes, and over some."""
    table = run.tables["challenge"]
    kinds = []
    for _, mine in table[table["label_set"] == label_set].groupby("over", sort=False):
        found = {row["model"]: row for row in rows(mine)}
        scores = [
            {"model": name, "score": interval(row["value"], row["low"], row["high"])}
            for name in run.models
            if (row := found.get(name))
        ]
        kinds.append({**mine.iloc[0][["unknown", "classes", "without"]], "scores": scores})
    return kinds


def transfer(run: Run, label_set: str) -> list[dict[str, Any]]:
    """Macro AUROC at home and away: a row a place and model."""
    table = run.tables["transfer"]
    table = table[(table["label_set"] == label_set) & (table["class"] == "macro") & (table["metric"] == "auroc")]
    lines = [
        {key: row[key] for key in ("source", "model", "positives_away", "note")}
        | {place: interval(row[place], row[f"{place}_low"], row[f"{place}_high"]) for place in ("home", "away")}
        | {"drop": interval(row["drop"], row["drop_low"], row["drop_high"], plus=True)}
        | {"found": _LOST[versus_zero(row["drop_low"], row["drop_high"])], "least": number(row["detectable"])}
        for row in rows(table)
    ]
    return sorted(lines, key=lambda row: (row["source"], run.models.index(row["model"])))


def calibration(run: Run, label_set: str) -> list[dict[str, Any]]:
    """Brier score and calibration error before and after temperature scaling."""
    table = run.tables["calibration"]
    table = table[table["label_set"] == label_set]
    lines: list[dict[str, Any]] = []
    for name in _classes(table):
        for model in run.models:
            for row in rows(table[(table["class"] == name) & (table["model"] == model)]):
                stages = ((k, *(row[f"{k}{end}"] for end in ("", "_low", "_high"))) for k in ("before", "after"))
                shown = {k: interval(value, low, high) for k, value, low, high in stages}
                shown["change"] = interval(row["change"], row["change_low"], row["change_high"], plus=True)
                lines.append({"class": name, "model": model, "metric": METRICS[row["metric"]], **shown})
    return lines


def subgroups(run: Run, label_set: str) -> dict[str, Any]:
    """Macro AUROC in groups of patients: a row a group, a column a model."""
    table = run.tables["subgroups"]
    table = table[(table["label_set"] == label_set) & (table["metric"] == "auroc")]
    scale = _scale(table["low"])
    lines: list[dict[str, Any]] = []
    for (attribute, group), found in table.groupby(["attribute", "group"], sort=False):
        by_model = {row["model"]: row for row in rows(found)}
        first = found.iloc[0]
        cells = [_entry(by_model.get(model), scale) for model in run.models]
        row = {"attribute": attribute, "group": group, "cells": cells, "notes": _notes(found)}
        lines.append(row | {k: first[k] for k in ("records", "patients", "classes", "few_classes", "few")})
        lines[-1]["first"] = len(lines) == 1 or lines[-2]["attribute"] != attribute
    return {"scale": scale, "rows": lines, "footnotes": _footnotes(lines)}


def parts(run: Run) -> list[dict[str, Any]]:
    """The parts of each fold: `[{"fold": 10, "parts": [...]}, …]`."""
    folds: dict[Any, list[dict[str, Any]]] = {}
    for entry in run.flow["parts"]:
        folds.setdefault(entry.get("fold"), []).append(entry)
    return [{"fold": fold, "parts": entries} for fold, entries in folds.items()]


def overlaps(run: Run) -> list[dict[str, Any]]:
    """What the parts share, added over the folds: a row a kind and pair of parts.

    Pairs of one kind that share nothing are one row, and so are those where nobody could look (`count` None).
    """
    pairs: dict[tuple[str, str], dict[str, Any]] = {}
    for entry in run.flow["overlap"]:
        key = (entry["kind"], _pair(entry["parts"]))
        row = pairs.setdefault(key, {"kind": key[0], "parts": [key[1]], "count": 0, "folds": 0, "examples": []})
        row["folds"] += 1
        unseen = row["count"] is None or entry["count"] is None
        row["count"] = None if unseen else row["count"] + entry["count"]
        row["examples"] = [*row["examples"], *map(str, entry.get("examples") or [])][:5]
    merged: dict[tuple[Any, ...], dict[str, Any]] = {}
    for (kind, pair), row in pairs.items():
        same = merged.setdefault((kind, pair if row["count"] else row["count"]), row)
        if same is not row:
            same["parts"].append(pair)
    return list(merged.values())


def _pair(parts: str) -> str:
    """`train|test` as it is spoken."""
    return "any two parts" if parts == "all" else " and ".join(parts.split("|"))


def steps(run: Run) -> list[dict[str, Any]]:
    """The steps of the flow; `plus` where the next one begins with another data set instead of going on."""
    found = run.flow["steps"]
    sources = [step["what"].partition(": ")[0] if ": " in step["what"] else None for step in found]
    after = [*sources[1:], None]
    return [
        {**step, "plus": here is not None and there is not None and here != there}
        for step, here, there in zip(found, sources, after, strict=True)
    ]


def cohort(run: Run) -> list[tuple[str, str]]:
    """Who they are: age, sex and sources of the records, and what had to be assumed or mended to read them."""
    table = run.cohort
    if table is None:
        return []
    ages = table["age"].dropna().astype(float)
    quartiles = np.percentile(ages, [50, 25, 75]) if len(ages) else np.zeros(3)
    middle = "{:.0f} years ({:.0f}–{:.0f})".format(*quartiles) if len(ages) else "unknown"
    lacking = len(table) - len(ages)
    facts = [("Age, median (quartiles)", middle + (f"; unknown in {count(lacking)}" if lacking and len(ages) else ""))]
    for value, share in table["sex"].fillna("unknown").value_counts().sort_index().items():
        facts.append((f"Sex {value}", f"{count(share)} ({percent(share / len(table))})"))
    for value, share in table["source"].fillna("unknown").value_counts().sort_index().items():
        facts.append((f"Source {value}", f"{count(share)} ({percent(share / len(table))})"))
    if "notes" in table:
        notes = table["notes"].explode().dropna().value_counts()
        facts += [(f"Reader's note: {note}", f"{count(n)} records") for note, n in notes.head(_NOTES).items()]
        if len(notes) > _NOTES:
            facts.append(("Further notes of the readers", f"{count(notes[_NOTES:].sum())}, in cohort.parquet"))
    return facts


def epochs(run: Run) -> list[dict[str, Any]]:
    """How long training took: a row a model."""
    lines: list[dict[str, Any]] = []
    for model in dict.fromkeys(cell.model for cell in run.histories):
        found = [epochs for cell, epochs in run.histories.items() if cell.model == model]
        seconds = pd.Series([float(e["seconds"]) for epochs in found for e in epochs if e.get("seconds") is not None])
        lines.append(
            {"model": model, "trainings": len(found), "epochs": _span(pd.Series([len(e) for e in found]))}
            | {"seconds": f"{seconds.median():.1f}" if len(seconds) else "–", "total": count(round(seconds.sum()))}
        )
    return lines
