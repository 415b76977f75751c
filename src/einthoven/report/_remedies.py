"""What the page says of rare classes: what each remedy gives, what the costly ones add, and where they hurt."""

__all__ = ["facts", "minutes_of"]

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from einthoven.drawing.figures import svg
from einthoven.evaluation.efficiency import family
from einthoven.evaluation.remedies import METRICS, NONE, level_of
from einthoven.pipeline import cell_names
from einthoven.report._figures import COLOURS, Panel, panel, slug
from einthoven.report._run import Run, rows
from einthoven.report._words import count, how_many, interval, number, probability, signed, versus_zero

NAMES = {"auprc": "AUPRC", "f1": "F1", "auroc": "AUROC", "sensitivity_at_99": "Sensitivity at 99 % specificity"}
_SURE = 0.05
_UNKNOWN = "cannot be told apart"


def facts(run: Run) -> dict[str, Any]:
    """What the template may say beside what every page says."""
    learnt = next((part for part in run.flow["parts"] if part["part"] == "train"), {"records": 0, "patients": 0})
    cut = any(arm["few"]["positives"] for arm in run.experiment["arms"])
    detail = f"of {count(learnt['patients'])} known patients{', before classes were made rare' if cut else ''}"
    finished = {"wanted": len(cell_names(run.experiment)), "finished": len(run.environment.get("seconds_of_cells", {}))}
    label_set = run.label_sets[0]
    levels = _levels(run)
    return {
        "headline": f"{_sentence(run)} {_advice(run)}",
        "tiles": [{"name": "training records", "value": count(learnt["records"]), "detail": detail}, *_tiles(run)],
        "metrics": NAMES,
        "titles": list(NAMES.values())[1:],
        "levels": [_level(run, label_set, level) for level in levels],
        "planned": run.primary if run.tables["gains"]["planned"].any() else "",
        "alone": any(row["seeds"] < 2 for row in rows(run.tables["remedies"])),
        "hurts": _hurts(run, label_set),
        "descent": _descent(run),
        "panels_of": [_forest(run, label_set, level) for level in levels],
        "classes": [name for name in dict.fromkeys(run.tables["remedies"]["class"]) if name != "macro"],
        **finished,
    }


def _levels(run: Run) -> list[str]:
    """The numbers of positives, the planned one first."""
    found = list(dict.fromkeys(run.tables["remedies"]["level"]))
    return sorted(found, key=lambda level: (level != level_of(run.primary), how_many(level)))


def _trained(run: Run) -> set[str]:
    """What is a remedy, learnt by a network: neither boosting nor the naive model beside them."""
    return {family(arm["name"]) for arm in run.experiment["arms"] if arm["recipe"]}


def _at(level: str) -> str:
    return "with all positives" if level == "all" else f"at {level} positives a class"


def _macro(run: Run, table: str, metric: str, level: str) -> dict[str, dict[str, Any]]:
    """The means over classes by remedy."""
    found = run.tables[table]
    chosen = (found["class"] == "macro") & (found["metric"] == metric) & (found["level"] == level)
    told = rows(found[chosen & (found["label_set"] == run.label_sets[0])])
    return {row["remedy"]: row for row in reversed(told)}  # the first of several


def _gap(row: dict[str, Any]) -> str:
    return interval(row["difference"], row["difference_low"], row["difference_high"], plus=True)


def _sentence(run: Run) -> str:
    """The planned contrast."""
    level = level_of(run.primary)
    planned = _macro(run, "gains", METRICS[0], level).get(family(run.primary))
    over = _macro(run, "remedies", METRICS[0], level).get(family(run.primary))
    if over is None:
        return f"{run.primary} is not finished."
    words = f"{_at(level).capitalize()}, {family(run.primary)} gives {_gap(over)} macro {NAMES[METRICS[0]]} over none"
    if planned is None:
        return f"{words}."
    found = versus_zero(planned["difference_low"], planned["difference_high"])
    words += f", and {_gap(planned)} over {planned['against']}, the cheap remedy that validation chose: "
    if found == "not detectable":
        least = number(planned["detectable"])
        return f"{words}the two {_UNKNOWN}; a difference of {least} would probably have been found."
    return f"{words}{found}."


def _advice(run: Run) -> str:
    """What these records support, in a sentence."""
    level = level_of(run.primary)
    table = _macro(run, "remedies", METRICS[0], level)
    trained = _trained(run)
    rest = {name: row for name, row in table.items() if name in trained and name != NONE}
    helps = {name: row for name, row in rest.items() if row["p_holm"] < _SURE and row["difference"] > 0}
    harms = sorted(name for name, row in rest.items() if row["p_holm"] < _SURE and row["difference"] < 0)
    warns = f" {_listed(harms)} {'hurt' if len(harms) > 1 else 'hurts'}." if harms else ""
    for name, row in _macro(run, "gains", METRICS[0], level).items():
        if name not in trained and row["difference_low"] > 0:
            warns += f" Beside them, {name} with no remedy gives {_gap(row)} over {row['against']}."
    for row in _of_pages(run, level):
        if row["difference_low"] > 0:
            warns += f" Of pictures, {row['remedy']} gives {_gap(row)} over page alone."
    if not helps:
        ends = [number(end(row["detectable"] for row in rest.values())) for end in (min, max)] if rest else ["–"] * 2
        what = (
            f"No remedy is known to be better than none here (differences of {ends[0]} to {ends[1]}, by remedy, would"
        )
        return f"{what} probably have been seen): do nothing, or label more.{warns}"
    best = max(helps, key=lambda name: helps[name]["difference"])
    return f"What these records support: {best} ({_gap(helps[best])} over none, Holm {_p(helps[best])}).{warns}"


def _p(row: dict[str, Any]) -> str:
    """Holm's p; nothing beside what is not counted among the tests."""
    return probability(row["p_holm"]) if np.isfinite(row["p_holm"]) else ""


def _listed(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _tiles(run: Run) -> list[dict[str, str]]:
    """The planned comparison in figures."""
    level = level_of(run.primary)
    tiles = []
    for table, name in (("remedies", "over none"), ("gains", "over the best cheap remedy")):
        row = _macro(run, table, METRICS[0], level).get(family(run.primary))
        if row is not None and np.isfinite(row["difference"]):
            low, high = (number(row[key]) for key in ("difference_low", "difference_high"))
            value = signed(row["difference"])
            tiles.append({"name": f"{family(run.primary)} {name}", "value": value, "detail": f"[{low}, {high}]"})
    return tiles


def _level(run: Run, label_set: str, level: str) -> dict[str, Any]:
    """All remedies at a number of positives."""
    by_metric = {metric: _macro(run, "remedies", metric, level) for metric in METRICS}
    gains = _macro(run, "gains", METRICS[0], level)
    minutes, chosen = minutes_of(run, level), _chosen(run, level)
    order = sorted(by_metric[METRICS[0]].values(), key=lambda row: (row["remedy"] != NONE, -row["value"]))
    lines = []
    for row in order:
        name = row["remedy"]
        more = gains.get(name)
        lines.append(
            {
                "remedy": name,
                "chosen": name == chosen["remedy"],
                "value": interval(row["value"], row["low"], row["high"]),
                "gap": "" if name == NONE else _gap(row),
                "p": "" if name == NONE else _p(row),
                "least": "" if name == NONE else number(row["detectable"]),
                "against": "" if more is None else _gap(more),
                "page": _over_page(run, level, name),
                "rest": [_both(by_metric[metric][name]) for metric in METRICS[1:]],
                "seeds": (count(row["seeds"]), number(row["seed_sd"])),
                "minutes": minutes.get(name, "–"),
            }
        )
    first = next(iter(order), {"positives": 0, "records": 0, "patients": 0})
    tested = f"{count(first['records'])} test records of {count(first['patients'])} patients"
    named = [line["remedy"] for line in lines]
    by_class = {metric: _by_class(run, label_set, level, metric, named) for metric in METRICS}
    return {"level": level, "at": _at(level), "rows": lines, "tested": tested, "chosen": chosen, "by_class": by_class}


def _of_pages(run: Run, level: str) -> list[dict[str, Any]]:
    """What made pages give over pages alone."""
    table = run.tables["gains"]
    chosen = (table["level"] == level) & (table["against"] == "page")
    chosen &= (table["class"] == "macro") & (table["metric"] == METRICS[0])
    return rows(table[chosen & (table["label_set"] == run.label_sets[0])])


def _over_page(run: Run, level: str, remedy: str) -> str:
    found = [row for row in _of_pages(run, level) if row["remedy"] == remedy]
    return f"{_gap(found[0])} over page" if found else ""


def _both(row: dict[str, Any]) -> tuple[str, str]:
    """A value, and what it is over none."""
    low, high = row["difference_low"], row["difference_high"]
    gap = "" if row["remedy"] == NONE else interval(row["difference"], low, high, plus=True)
    return interval(row["value"], row["low"], row["high"]), gap


def _chosen(run: Run, level: str) -> dict[str, Any]:
    """The cheap remedy that validation chose."""
    table = run.tables["choice"]
    found = rows(table[(table["level"] == level) & table["chosen"]])
    none: dict[str, Any] = {"remedy": "", "value": float("nan"), "seeds": 0}
    row = found[0] if found else none
    return {"remedy": row["remedy"], "words": number(row["value"]), "seeds": count(row["seeds"])}


def minutes_of(run: Run, level: str) -> dict[str, str]:
    """What one training of each remedy takes, with that of its generator."""
    seconds = run.environment.get("seconds_of_cells", {})
    made_by = {arm["name"]: arm["made"]["by"] for arm in run.experiment["arms"] if arm["made"]}
    spent: dict[str, list[float]] = {}
    for cell, own in seconds.items():
        model, _, place = cell.rpartition("-seed")
        if level_of(model) == level:
            spent.setdefault(family(model), []).append(own + seconds.get(f"{made_by.get(model)}-seed{place}", 0.0))
    return {name: f"{np.mean(each) / 60:.1f}" for name, each in spent.items()}


def _by_class(run: Run, label_set: str, level: str, metric: str, remedies: list[str]) -> list[dict[str, Any]]:
    """Each remedy and class: the value of none, and what the others give over it."""
    table = run.tables["remedies"]
    table = table[(table["label_set"] == label_set) & (table["level"] == level) & (table["metric"] == metric)]
    found = {(row["remedy"], row["class"]): row for row in rows(table)}
    classes = [name for name in dict.fromkeys(table["class"]) if name != "macro"]
    lines = []
    for remedy in remedies:
        cells = []
        for name in classes:
            row = found[remedy, name]
            words = interval(row["value"], row["low"], row["high"]) if remedy == NONE else _gap(row)
            sure = remedy != NONE and row["p_holm"] < _SURE
            cells.append({"words": words, "mark": "" if not sure else "better" if row["difference"] > 0 else "worse"})
        lines.append({"remedy": remedy, "cells": cells})
    return lines


def _hurts(run: Run, label_set: str) -> list[str]:
    """Where a remedy makes a class worse for sure, in sentences, before any correction."""
    table = run.tables["remedies"]
    worse = table[(table["label_set"] == label_set) & (table["class"] != "macro") & (table["difference_high"] < 0)]
    trained = _trained(run)
    worse = worse[worse["remedy"].isin(trained) & worse["metric"].isin(METRICS[:2])]
    return [
        f"{row['remedy']} {_at(row['level'])}: {row['class']} {NAMES[row['metric']]} {_gap(row)}"
        + (f", Holm {_p(row)}" if row["p_holm"] < _SURE else "")
        for row in rows(worse.sort_values(["p_holm", "difference"], kind="stable"))
    ]


def _descent(run: Run) -> list[dict[str, Any]]:
    """What the audit says of the records that were made."""
    table = run.tables.get("descent", pd.DataFrame(columns=["model", "made_by", "records", "status", "said"]))
    found = []
    for (model, made_by), part in table.groupby(["model", "made_by"], sort=False):
        said = ", ".join(f"{status} in {count(int(n))}" for status, n in part["status"].value_counts().items())
        words = next((text for text in part["said"] if text), "")
        trainings = {"trainings": count(len(part)), "records": count(int(part["records"].mean()))}
        found.append({"model": model, "made_by": made_by, "status": said, "said": words, **trainings})
    return found


def _forest(run: Run, label_set: str, level: str) -> Panel:
    """What each remedy gives over none in the mean of the classes, with its interval."""
    table = _macro(run, "remedies", METRICS[0], level)
    trained = _trained(run)
    drawn = [row for name, row in table.items() if name != NONE and name in trained and np.isfinite(row["difference"])]
    drawn.sort(key=lambda row: row["difference"])
    figure, axes = panel(f"macro {NAMES[METRICS[0]]} over none", "", names=len(drawn))
    costly = trained - set(run.tables["choice"]["remedy"])
    inks = [COLOURS[1] if row["remedy"] in costly else COLOURS[0] for row in drawn]
    for place, (row, ink) in enumerate(zip(drawn, inks, strict=True)):
        axes.hlines(place, row["difference_low"], row["difference_high"], color=ink, linewidth=1.2)
        axes.plot([row["difference"]], [place], "o", color=ink, markersize=3.5)
    axes.axvline(0, color="#5c5c5c", linewidth=0.7)
    axes.set_ylim(-0.7, len(drawn) - 0.3)
    axes.set_yticks(range(len(drawn)), [row["remedy"] for row in drawn])
    for text, ink in zip(axes.get_yticklabels(), inks, strict=True):
        text.set(color=ink, parse_math=False)
    told = ", ".join(f"{row['remedy']} {_gap(row)}" for row in reversed(drawn))
    drawing = svg(figure, f"remedies-{slug(level)}", f"Macro AUPRC over none, {_at(level)}: {told}")
    return {"title": _at(level), "detail": "cheap remedies blue, costly ones brown", "svg": drawing}
