"""What the page says of labels: curves over their shares, who reaches full supervision, what learning without saves."""

__all__ = ["facts"]

from typing import Any

import numpy as np
from matplotlib.ticker import MaxNLocator, NullLocator

from einthoven.drawing.figures import svg
from einthoven.evaluation.efficiency import MARGIN, family
from einthoven.pipeline import cell_names
from einthoven.report._figures import COLOURS, DASHES, Panel, panel, room_above, say_above, slug
from einthoven.report._run import Run, rows
from einthoven.report._words import interval, number, percent, signed

_ALONE = "scratch"  # the way of learning that is supervision alone
_NAMES = {"auroc": "macro AUROC", "auprc": "macro AUPRC"}
_BOUND = {"at_least": "at least ", "at_most": "at most "}


def facts(run: Run) -> dict[str, Any] | None:
    """What the template may say of labels; None where all models learnt from as many."""
    if "efficiency" not in run.tables:
        return None
    order = list(dict.fromkeys(run.tables["efficiency"]["family"]))
    first = [family(run.primary), family(run.baseline)]
    order = [*first, *(name for name in order if name not in first)]
    table = run.tables["efficiency"]
    without = dict(zip(table["label_set"], table["without"], strict=True))
    sets = [
        {
            "name": name,
            "without": without[name],
            "panels": [_curve(run, order, name, metric) for metric in _NAMES],
            "curves": _values(run, order, name),
            "reaches": _reaches(run, order, name),
            "worth": _worth(run, order, name),
        }
        for name in sorted(without, key=lambda name: run.label_sets.index(name.partition(", ")[0]))
    ]
    against = _against(run)
    return {"sets": sets, "sentence": _sentence(run), "margin": number(MARGIN, 2), **against, **_finished(run)}


def _against(run: Run) -> dict[str, str]:
    """What the others are held against, in words: supervision alone, or a way of learning by its name."""
    other, ours = family(run.baseline), family(run.primary)
    if other == _ALONE:
        worth = "What learning without labels is worth"
        return {"other": "supervision", "full": "full supervision", "worth": worth}
    return {"other": other, "full": f"{other} with all labels", "worth": f"What {ours} is worth"}


def _finished(run: Run) -> dict[str, int]:
    """How many cells of the grid are there."""
    return {"wanted": len(cell_names(run.experiment)), "finished": len(run.environment.get("seconds_of_cells", {}))}


def _sentence(run: Run) -> str:
    """Whether the planned contrast reaches full supervision."""
    table = run.tables["reaches"]
    share = _share(run, run.primary)
    chosen = (table["family"] == family(run.primary)) & (table["share"] == share) & (table["kind"] == "full")
    chosen &= (table["metric"] == "auroc") & (table["label_set"] == run.label_sets[0])
    found = rows(table[chosen])
    if not found:
        return "The planned comparison is not there yet."
    row = found[0]
    words = interval(row["difference"], row["low"], row["high"], plus=True)
    what = f"{family(run.primary)} with {percent(share)} of the labels against {family(run.baseline)} with all: "
    what += f"{words} macro AUROC on {run.label_sets[0]}. "
    full = _against(run)["full"]
    if row["verdict"] == "yes":
        return f"{what}It reaches {full}: the lower bound lies above −{number(MARGIN, 2)}."
    if row["verdict"] == "no":
        return f"{what}It does not reach {full}: the whole interval lies below −{number(MARGIN, 2)}."
    return (
        f"{what}Whether it reaches {full}, these records cannot tell: the interval holds "
        f"−{number(MARGIN, 2)}, and a difference below {number(row['detectable'])} would probably not have been found."
    )


def _share(run: Run, model: str) -> float:
    table = run.tables["efficiency"]
    return float(table.loc[table["model"] == model, "share"].iloc[0])


def _curve(run: Run, order: list[str], label_set: str, metric: str) -> Panel:
    """All families over the shares of the labels, on a logarithmic axis."""
    table = run.tables["efficiency"]
    table = table[(table["label_set"] == label_set) & (table["metric"] == metric)]
    table = table[table["share"].groupby(table["family"]).transform("nunique") > 1]
    drawn = [name for name in order if (table["family"] == name).any()]
    figure, axes = panel("% of the labelled patients", _NAMES[metric], headroom=room_above(len(drawn)))
    ends: list[tuple[str, str, bool]] = []
    for name in drawn:
        points = table[table["family"] == name].sort_values("share")
        place = order.index(name)
        ink = COLOURS[place % len(COLOURS)]
        shift = points["share"] * 1.02 ** (place - len(order) / 2)  # so that bars do not hide each other
        axes.vlines(shift, points["low"], points["high"], color=ink, linewidth=0.9, alpha=0.55)
        style: dict[str, Any] = {"linestyle": DASHES[place % len(DASHES)], "color": ink}
        axes.plot(shift, points["value"], marker="o", markersize=2.6, linewidth=1.2 if place else 1.8, **style)
        ends.append((name, ink, not place))
    shares = sorted(table["share"].unique())
    axes.set(xscale="log", xlim=(0.85 * shares[0], 1.2 * shares[-1]), xticks=shares)
    axes.set_xticklabels([f"{share * 100:g}" for share in shares])
    low, high = float(table["low"].min()), float(table["high"].max())
    axes.set(ylim=(low - 0.05 * (high - low), min(1.0, high + 0.05 * (high - low))))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=6))
    axes.xaxis.set_minor_locator(NullLocator())
    say_above(axes, ends)
    label = f"{_NAMES[metric]} on {label_set} by share of the labels, of {', '.join(drawn)}"
    drawing = svg(figure, f"labels-{slug(label_set)}-{metric}", label)
    return {"title": label_set, "detail": _NAMES[metric], "svg": drawing}


def _values(run: Run, order: list[str], label_set: str) -> dict[str, Any]:
    """Macro AUROC of each family at each share."""
    table = run.tables["efficiency"]
    table = table[(table["label_set"] == label_set) & (table["metric"] == "auroc")]
    shares = sorted(table["share"].unique())
    found = {(row["family"], row["share"]): row for row in rows(table)}
    lines = []
    for name in order:
        cells = [found.get((name, share)) for share in shares]
        words = [interval(cell["value"], cell["low"], cell["high"]) if cell else "" for cell in cells]
        below = [_seeds(cell["seeds"], cell["seed_sd"]) if cell else "" for cell in cells]
        lines.append({"family": name, "cells": list(zip(words, below, strict=True))})
    return {"shares": [percent(share) for share in shares], "rows": lines}


def _seeds(count: int, spread: float) -> str:
    """How many seeds, and how far they lie apart."""
    return f"{count} seeds ± {number(spread)}" if count > 1 else "one seed"


def _reaches(run: Run, order: list[str], label_set: str) -> list[dict[str, Any]]:
    """Each family and share against supervision, with all labels and with as many."""
    table = run.tables["reaches"]
    table = table[(table["label_set"] == label_set) & (table["metric"] == "auroc")]
    found: dict[tuple[str, float], dict[str, Any]] = {}
    for row in rows(table):
        line = found.setdefault(
            (row["family"], row["share"]), {"full": ("", ""), "same": ("", ""), "reaches": "", "least": ""}
        )
        words = interval(row["difference"], row["low"], row["high"], plus=True)
        wide = f"over {row['seeds']} seeds too [{signed(row['low_seeds'])}, {signed(row['high_seeds'])}]"
        line[row["kind"]] = (words, wide if row["seeds"] > 1 else "one seed")
        if row["kind"] == "full":
            line |= {"reaches": row["verdict"], "least": number(row["detectable"])}
    places = {name: i for i, name in enumerate(order)}
    keys = sorted(found, key=lambda key: (places.get(key[0], len(order)), key[1]))
    return [{"family": name, "share": percent(share), **found[name, share]} for name, share in keys]


def _worth(run: Run, order: list[str], label_set: str) -> list[dict[str, Any]]:
    """How many labels supervision alone needs for the same."""
    table = run.tables["worth"]
    table = table[(table["label_set"] == label_set) & (table["metric"] == "auroc") & (table["family"] == order[0])]
    curve = run.tables["efficiency"]
    own = curve.loc[curve["family"] == family(run.baseline), "share"]
    ends = (float(own.min()), float(own.max()))
    return [
        {
            "share": percent(row["share"]),
            "worth": f"{_BOUND.get(row['bound'], '')}{percent(row['share_worth'])}",
            "range": f"[{_end(row['low'], ends)}, {_end(row['high'], ends)}]",
            "times": _times(row),
        }
        for row in rows(table)
    ]


def _end(share: float, ends: tuple[float, float]) -> str:
    """An end of an interval; at the first or the last share that was run it may lie beyond."""
    return f"{'≤ ' if share <= ends[0] else '≥ ' if share >= ends[1] else ''}{percent(share)}"


def _times(row: dict[str, Any]) -> str:
    """How many times as many labels that is."""
    if not np.isfinite(row["share_worth"]):
        return "–"
    bound = {"at_least": "≥ ", "at_most": "≤ "}.get(row["bound"], "")
    return f"{bound}{row['share_worth'] / row['share']:.1f}"
