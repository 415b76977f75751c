"""Where readers stand beside the curves of networks: a panel a class, and one that says who is who."""

__all__ = ["operating_points"]

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from einthoven.drawing.figures import svg
from einthoven.report._figures import _INK, _QUIET, COLOURS, Panel, panel, slug
from einthoven.report._run import rows
from einthoven.report._words import count, number

_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*", "<", ">")
_REACHES = (0.05, 0.1, 0.2, 0.5, 1.0)  # of the axis of false alarms
_STRONG: dict[str, Any] = {"color": _INK, "linewidth": 1.6}
_THIN: dict[str, Any] = {"color": _QUIET, "linewidth": 0.5}
_AXES = {"roc": ("1 − specificity", "sensitivity"), "pr": ("recall (sensitivity)", "precision")}
_READ = {"roc": "specificity", "pr": "precision"}


def operating_points(tables: Mapping[str, pd.DataFrame], kind: str, network: str | None) -> list[Panel]:
    """A panel a class with the readers as marks, one network as a line and the others as thin ones.

    Arguments:
        tables: The tables of a reader study.
        kind: `roc`, whose horizontal axis ends where the worst reader does, or `pr`.
        network: The network that is drawn strongly, or None where there is none.
    """

    scores = tables["scores"]
    names = list(dict.fromkeys(scores["reader"]))
    styles = {name: _style(place) for place, name in enumerate(names)}
    points = scores[scores["class"] != "macro"].pivot(index=["class", "reader"], columns="metric", values="value")
    false_alarms = float((1 - points["specificity"]).max())
    reach = next((x for x in _REACHES if 1.1 * false_alarms <= x), 1.0) if kind == "roc" else 1.0
    panels = [_key(kind, styles, network, others=tables["networks"]["network"].nunique() > 1)]
    for name, of_class in scores[scores["class"] != "macro"].groupby("class", sort=False):
        figure, axes = panel(*_AXES[kind])
        curves = tables["curves"]
        _curves(axes, curves[(curves["class"] == name) & (curves["kind"] == kind)], kind, network)
        axes.set_xlim(-0.01 * reach, 1.01 * reach)
        axes.set_xticks(np.linspace(0, reach, 6))
        told = []
        for reader in names:
            at = points.loc[(name, reader)]
            x, y = (1 - at["specificity"], at["sensitivity"]) if kind == "roc" else (at["sensitivity"], at["precision"])
            axes.plot([x], [y], **styles[reader])
            told.append(f"{reader} {number(at['sensitivity'])} at {_READ[kind]} {number(at[_READ[kind]])}")
        label = f"Sensitivity of readers for {name}: {', '.join(told)}"
        first = rows(of_class)[0]
        detail = f"{count(first['positives'])} with, {count(first['negatives'])} without"
        panels.append({"title": name, "detail": detail, "svg": svg(figure, f"{kind}-{slug(str(name))}", label)})
    return panels


def _style(place: int) -> dict[str, Any]:
    """A reader's mark: hollow, and larger for the first, so that those who stand in one place are all seen."""
    colour = COLOURS[place % len(COLOURS)]
    look = {"linestyle": "", "marker": _MARKERS[place % len(_MARKERS)], "markersize": 9.0 - 0.7 * min(place, 6)}
    return {**look, "markerfacecolor": "none", "markeredgecolor": colour, "markeredgewidth": 1.4, "clip_on": False}


def _curves(axes: Axes, curves: pd.DataFrame, kind: str, network: str | None) -> None:
    """The curves of one class; precision holds back to the last recall."""
    for name, points in curves.groupby("network", sort=False):
        strong = name == network
        look = (_STRONG if strong else _THIN) | {"drawstyle": "default" if kind == "roc" else "steps-pre"}
        axes.plot(points["x"], points["y"], **look, zorder=1.9 if strong else 1.5)


def _key(kind: str, styles: Mapping[str, Mapping[str, Any]], network: str | None, others: bool) -> Panel:
    """Who is who."""
    figure, axes = panel("", "")
    axes.set_axis_off()
    lines: list[tuple[str, Mapping[str, Any]]] = list(styles.items())
    if network:
        lines.append((f"{network}, every threshold", _STRONG))
    if others:
        lines.append(("the other networks", _THIN))
    for place, (text, look) in enumerate(lines):
        y = 0.95 - 0.085 * place
        x: Sequence[float] = (0.0, 0.08) if "linewidth" in look else (0.04,)
        axes.plot(x, [y] * len(x), **look)
        axes.text(0.13, y, text, {"color": _INK, "fontsize": 8}, va="center", parse_math=False)
    return {"title": "Who is who", "detail": "", "svg": svg(figure, f"{kind}-key", "The marks and lines of the panels")}
