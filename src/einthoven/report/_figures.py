"""The report's figures: small panels of the same size, which the page lays side by side or below each other.

Colours are Okabe and Ito's (2008, "Color universal design") and a violet, darkened until their text reads on white; a
model keeps its colour and its dashes throughout, so that no figure needs colour alone to be read.
"""

__all__ = [
    "COLOURS",
    "DASHES",
    "Panel",
    "calibration",
    "curves",
    "panel",
    "papers",
    "room_above",
    "say_above",
    "slug",
    "training",
]

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from einthoven.drawing.figures import svg
from einthoven.drawing.paper import paper
from einthoven.records.ecg import ECG
from einthoven.report._run import MADE, Run, rows
from einthoven.report._words import count, number, percent

Panel = dict[str, Any]

COLOURS = ("#0065a3", "#b34700", "#00735a", "#9a3f74", "#5c5c5c", "#7a5c00", "#6247aa", "#111111")
DASHES = ("-", (0, (5, 1.5)), (0, (1.5, 1.2)), (0, (6, 1.5, 1.5, 1.5)), (0, (3, 1)), (0, (1, 1)))
_INK, _GREY, _QUIET, _RULE = "#3d444d", "#6a737d", "#8b949e", "#d0d7de"
_TALL = 2.43  # inches: the axes of a unit square
_SIDE = 3.0  # inches; at 96 points an inch a panel is as wide as a phone's screen
_MOST = 12  # panels a label set: more small multiples are not read
_PAGES = 6  # ECGs drawn
_LINE = 0.068  # of a unit square: the height of a line of text


def _style(run: Run, model: str) -> dict[str, Any]:
    """The colour and dashes of a model."""
    place = run.models.index(model) if model in run.models else len(COLOURS) - 1
    heavy = 1.8 if model == run.primary else 1.2
    return {
        "color": COLOURS[place % len(COLOURS)],
        "linestyle": DASHES[place % len(DASHES)],
        "linewidth": heavy,
        "zorder": 5 if model == run.primary else 4,
    }


def panel(x: str, y: str, unit_square: bool = True, headroom: float = 0.0, names: int = 0) -> tuple[Figure, Axes]:
    """An empty panel with quiet axes, and some room above them, in inches; or a line for each of some names."""
    below, tall = 0.47, 0.2 * (names + 1) if names else _TALL if unit_square else 1.65
    height, left = below + tall + 0.1 + headroom, 0.36 if names else 0.17
    figure = Figure(figsize=(_SIDE, height), facecolor="white")
    axes = figure.add_axes((left, below / height, 0.97 - left, tall / height))
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(_RULE)
    axes.tick_params(colors=_INK, labelsize=7.5, length=3, width=0.6)
    axes.set_xlabel(x, fontsize=8, color=_INK, labelpad=3)
    axes.set_ylabel(y, fontsize=8, color=_INK, labelpad=3)
    if unit_square and not names:
        axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), xticks=np.linspace(0, 1, 6), yticks=np.linspace(0, 1, 6))
    return figure, axes


def _say(axes: Axes, lines: Sequence[tuple[str, str, bool]], points: Float[np.ndarray, "point 2"]) -> None:
    """Writes coloured lines of text into the corner of a unit square that holds the fewest points."""
    height = _LINE * len(lines) + 0.03
    corners = {"lower right": (0.98, 0.03, "right"), "lower left": (0.03, 0.03, "left")}
    corners["upper right"] = (0.98, 0.97 - height, "right")
    crowd: dict[str, int] = {}
    for name, (x, y, _) in corners.items():
        near = (points[:, 0] > x - 0.5) if x > 0.5 else (points[:, 0] < 0.53)
        crowd[name] = int((near & (points[:, 1] > y - 0.03) & (points[:, 1] < y + height)).sum())
    x, y, side = corners[min(crowd, key=lambda name: crowd[name])]
    box = {"facecolor": "white", "alpha": 0.8, "edgecolor": "none", "pad": 0.6}
    _lines(axes, lines, x, y, ha=side, bbox=box)


def room_above(lines: int) -> float:
    """The headroom of so many lines of text, in inches."""
    return 0.17 * (lines + 1)


def say_above(axes: Axes, lines: Sequence[tuple[str, str, bool]]) -> None:
    """Writes coloured lines of text above the axes of a panel: each with its colour and whether it is bold."""
    shorter = _TALL * axes.figure.dpi / axes.bbox.height
    _lines(axes, lines, 1.0, 1 + 0.06 * shorter, shorter, ha="right", transform=axes.transAxes)


def _lines(
    axes: Axes, lines: Sequence[tuple[str, str, bool]], x: float, y: float, shorter: float = 1.0, **style: Any
) -> None:
    """Coloured lines of text, the last at `y`; `shorter` is how much less tall the axes are than those of a square."""
    for place, (text, colour, bold) in enumerate(reversed(lines)):
        ink = {"color": colour, "fontsize": 7.5, "fontweight": "bold" if bold else "normal"}
        axes.text(x, y + _LINE * shorter * place, text, ink, parse_math=False, zorder=9, **style)


def _along(x: Float[np.ndarray, " point"], y: Float[np.ndarray, " point"]) -> Float[np.ndarray, "dot 2"]:
    """Dots evenly spaced along a line, so that counting them measures its length."""
    length = np.concatenate([[0.0], np.cumsum(np.hypot(np.diff(x), np.diff(y)))])
    even = np.linspace(0.0, length[-1], 200)
    return np.stack([np.interp(even, length, x), np.interp(even, length, y)], axis=1)


def curves(run: Run, label_set: str, kind: str) -> tuple[list[Panel], str]:
    """ROC (`"roc"`) or precision–recall (`"pr"`) curves, a panel a class.

    Returns:
        The panels, and a sentence about classes that have none, or "".
    """
    table, summary = run.tables["curves"], run.tables["summary"]
    table = table[(table["label_set"] == label_set) & (table["kind"] == kind)]
    summary = summary[(summary["label_set"] == label_set) & (summary["class"] != "macro")]
    facts = summary[summary["metric"] == ("auroc" if kind == "roc" else "auprc")]
    common = facts.groupby("class", sort=False)["positives"].max().sort_values(ascending=False, kind="stable")
    drawn = [name for name in common.index if name in set(table["class"])]
    shown = [name for name in dict.fromkeys(table["class"]) if name in drawn[:_MOST]]
    panels = [
        _curve(run, label_set, name, kind, table[table["class"] == name], facts[facts["class"] == name])
        for name in shown
    ]
    left = [name for name in common.index if name not in shown]
    why = f"Not drawn: {', '.join(left)} (undefined, or beyond the {_MOST} most frequent classes)." if left else ""
    return panels, why


def _curve(run: Run, label_set: str, name: str, kind: str, table: pd.DataFrame, facts: pd.DataFrame) -> Panel:
    """One class: all models over each other, and what guessing would give."""
    roc = kind == "roc"
    labels = ("1 − specificity", "sensitivity") if roc else ("recall (sensitivity)", "precision")
    drawn = [model for model in run.models if (table["model"] == model).any()]
    # A precision–recall curve may go anywhere, so its labels stand above it.
    figure, axes = panel(*labels, headroom=0.0 if roc else room_above(len(drawn)))
    first = facts.iloc[0]
    known = float(first["positives"] + first["negatives"])
    share = float(first["positives"]) / known if known else float("nan")
    axes.plot([0, 1], [0, 1] if roc else [share, share], color=_QUIET, linewidth=0.8, linestyle=(0, (2, 2)))
    scores = {row["model"]: row["value"] for row in rows(facts)}
    lines, inked = [], []
    for model in drawn:
        points = table[table["model"] == model]
        style = _style(run, model)
        rising = points["x"].iloc[-1] >= points["x"].iloc[0]
        steps = "default" if roc else "steps-pre" if rising else "steps-post"  # precision holds back to the last recall
        axes.plot(points["x"], points["y"], **style, drawstyle=steps)
        inked.append(_along(points["x"].to_numpy(dtype=float), points["y"].to_numpy(dtype=float)))
        lines.append((f"{model}  {number(scores.get(model))}", style["color"], model == run.primary))
    lines.append(("guessing" if roc else f"guessing  {number(share)}", _GREY, False))
    if roc:
        _say(axes, lines, np.concatenate(inked))
    else:
        say_above(axes, lines)
    what = "ROC curve" if roc else "Precision–recall curve"
    label = f"{what} of {name}: " + ", ".join(text.replace("  ", " ") for text, _, _ in lines)
    return {
        "title": name,
        "detail": f"{count(first['positives'])} with, {count(first['negatives'])} without",
        "svg": svg(figure, f"{kind}-{slug(label_set)}-{slug(name)}", label),
    }


def calibration(run: Run, label_set: str) -> list[Panel]:
    """Predicted against observed, before and after temperature scaling, a panel a model."""
    table = run.tables["reliability"]
    table = table[table["label_set"] == label_set]
    panels = []
    for model in (m for m in run.models if (table["model"] == m).any()):
        figure, axes = panel("predicted probability", "observed share")
        axes.plot([0, 1], [0, 1], color=_QUIET, linewidth=0.8, linestyle=(0, (2, 2)))
        points = table[(table["model"] == model) & (table["count"] > 0)].sort_values("predicted")
        colour = _style(run, model)["color"]
        for stage, ink in (("before", _QUIET), ("after", colour)):
            found = points[points["stage"] == stage]
            axes.vlines(found["predicted"], found["low"], found["high"], color=ink, linewidth=1.0, alpha=0.7)
            face = "white" if stage == "before" else ink
            axes.plot(found["predicted"], found["observed"], color=ink, linewidth=1.0, zorder=3)
            axes.scatter(found["predicted"], found["observed"], s=16, color=face, edgecolors=ink, zorder=4)
        lines = [("○ before", _GREY, False), ("● after scaling", colour, True)]
        _say(axes, lines, points[["predicted", "observed"]].to_numpy(dtype=float))
        worst = (points["predicted"] - points["observed"]).abs()[points["stage"] == "after"].max()
        label = f"Calibration of {model}: after scaling no bin is further than {number(worst, 2)} from the diagonal"
        figure_svg = svg(figure, f"calibration-{slug(label_set)}-{slug(model)}", label)
        panels.append({"title": model, "detail": "", "svg": figure_svg})
    return panels


def training(run: Run) -> list[Panel]:
    """Losses and validation AUROC by epoch, two panels a model, a thin line a training."""
    panels = []
    for model in dict.fromkeys(cell.model for cell in run.histories):
        found = [pd.DataFrame(epochs) for cell, epochs in run.histories.items() if cell.model == model]
        colour = _style(run, model)["color"]
        losses = (("train_loss", "training", _GREY), ("validation_loss", "validation", colour))
        for what, series in (
            ("loss", losses),
            ("validation AUROC", (("validation_auroc", "validation", colour),)),
        ):
            column = series[-1][0]
            if what != "loss" and all(history[column].isna().all() for history in found if column in history):
                continue
            figure = _history(found, what, series)
            trainings = f"{len(found)} training{'s' if len(found) > 1 else ''}"
            name = f"training-{slug(model)}-{slug(what)}"
            drawing = svg(figure, name, f"{what} of {model} by epoch, {trainings}")
            panels.append({"title": model, "detail": what, "svg": drawing})
    return panels


def _history(found: list[pd.DataFrame], what: str, series: Sequence[tuple[str, str, str]]) -> Figure:
    """Some columns of some histories by epoch; names stand where falling or rising lines leave room."""
    figure, axes = panel("epoch", what, unit_square=False)
    for place, (column, name, ink) in enumerate(series):
        known = [history for history in found if column in history and history[column].notna().any()]
        if not known:
            continue
        for history in known:
            values = pd.to_numeric(history[column], errors="coerce").dropna()
            epochs = history["epoch"][values.index]
            axes.plot(epochs, values, color=ink, linewidth=1.0, alpha=0.75, marker=".", markersize=3)
        y = 0.93 - 0.09 * place if what == "loss" else 0.06
        style = {"color": ink, "fontsize": 7.5, "fontweight": "bold"}
        axes.text(0.97, y, name, style, transform=axes.transAxes, ha="right")
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    return figure


def papers(run: Run) -> list[Panel]:
    """The strongest mistakes on paper, a page a record; of unit `z`, which it refuses, beats alone, as plain lines."""
    if run.examples is None:
        return []
    drawable = run.examples if run.kind == "beats" else run.examples[run.examples["unit"] == "mV"]
    told: dict[str, list[str]] = {}
    for row in rows(drawable):
        told.setdefault(row["record"], []).append(mistake(row))
    what = "Beat" if run.kind == "beats" else "12-lead ECG"
    panels = []
    for place, row in enumerate(rows(drawable.drop_duplicates("record").head(_PAGES))):
        sentence = " ".join(told[row["record"]])
        drawn = paper(_ecg(row)) if row["unit"] == "mV" else _trace(row)
        drawing = svg(drawn, f"paper-{place}", f"{what} of {row['record']}. {sentence}")
        panels.append({"sentence": sentence, "record": str(row["record"]), "svg": drawing})
    return panels


def _trace(row: Mapping[str, Any]) -> Figure:
    """The leads of a standardised beat over each other."""
    figure, axes = panel("seconds", " and ".join(map(str, row["leads"])) + ", standardised", unit_square=False)
    for lead in np.asarray(row["samples"], dtype=np.float32).reshape(len(row["leads"]), -1):
        axes.plot(np.arange(len(lead)) / float(row["rate_hz"]), lead, linewidth=1.2)
    return figure


def _ecg(row: Mapping[str, Any]) -> ECG:
    """The recording in a row of the examples."""
    leads = tuple(str(name) for name in row["leads"])
    return ECG(
        np.asarray(row["samples"], dtype=np.float32).reshape(len(leads), -1),
        row["unit"],
        float(row["rate_hz"]),
        leads,
        record_id=str(row["record"]),
        age=None if pd.isna(row["age"]) else float(row["age"]),
        sex=None if pd.isna(row["sex"]) else row["sex"],
        synthetic=str(row["record"]).partition(":")[0] in MADE,
    )


def mistake(row: Mapping[str, Any]) -> str:
    """One mistake in words: `Missed AF: code_resnet gave 3 %, threshold 21 %`, or what was said instead of what is."""
    if row["kind"] not in ("missed", "false alarm"):
        gave = percent(float(row["probability"]))
        return f"Called {row['class']} by {row['model']} with {gave}, but the label says {row['truth']}."
    gave = f"{row['model']} gave {percent(float(row['probability']))}, threshold {percent(float(row['threshold']))}"
    if row["kind"] == "missed":
        return f"Missed {row['class']}: {gave}."
    return f"False alarm for {row['class']}: {gave}, but the label says there is none."


def slug(text: str) -> str:
    """Fit for an id; different texts stay different."""
    return "".join(c if c.isalnum() and c.isascii() else f"_{ord(c):x}_" for c in text)
