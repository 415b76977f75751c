"""Real and synthetic ECGs in a random order: who tells them apart says by what, and looks at the key after that."""

__all__ = ["facts"]

from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure

from einthoven.drawing.figures import svg
from einthoven.report._run import Run, rows

_INK, _RULE = "#1d2129", "#d5d9e0"
_SIZE = (10.4, 5.2)  # inches
_COLUMNS = 2
_APART = 1.15


def facts(run: Run) -> dict[str, Any]:
    """What the template may say; nothing where there is no real ECG to mix them with."""
    learners = {arm["name"] for arm in run.experiment["arms"] if arm.get("generator") and arm.get("recipe")}
    table = run.samples
    if table is None or not (table["model"] == "real").any():
        return {}
    chosen = table[table["model"].isin(learners | {"real"})].copy()
    chosen["key"] = chosen["signal"].map(lambda signal: np.asarray(signal).tobytes())
    found = rows(chosen.drop_duplicates("key"))  # each generator's cell keeps the same real ones
    order = np.random.default_rng(0).permutation(len(found))
    cards = []
    for number, place in enumerate(order, start=1):
        row = found[place]
        leads = list(row["leads"])
        signal = np.asarray(row["signal"], dtype=np.float32).reshape(len(leads), -1)
        figure = _drawn(signal, leads, float(row["rate_hz"]))
        drawing = svg(figure, f"ecg-{number}", f"ECG {number}, 12 leads")
        cards.append({"number": number, "svg": drawing, "group": row["group"], "model": row["model"]})
    return {"cards": cards, "unit": run.experiment["unit"]}


def _drawn(signal: Float[np.ndarray, "lead time"], leads: list[str], rate_hz: float) -> Figure:
    """All leads, one above the other in two columns."""
    figure = Figure(figsize=_SIZE, facecolor="white")
    each = len(leads) // _COLUMNS
    height = max(1e-3, float(np.percentile(np.ptp(signal, axis=1), 75)) * _APART)
    time = np.arange(signal.shape[1]) / rate_hz
    for column in range(_COLUMNS):
        axes = figure.add_axes((0.035 + column * 0.49, 0.05, 0.465, 0.94))
        for row, name in enumerate(leads[column * each : (column + 1) * each]):
            line = signal[column * each + row] - np.median(signal[column * each + row])
            axes.plot(time, line - row * height, color=_INK, linewidth=0.55)
            axes.text(-0.1, -row * height, name, ha="right", va="center", fontsize=8, color=_INK)
        axes.set(xlim=(0, time[-1]), ylim=(-(each - 0.4) * height, 0.9 * height), yticks=[])
        axes.set_xticks(np.arange(0, time[-1] + 0.1))
        axes.tick_params(labelsize=6.5, length=2, width=0.5, colors=_INK)
        axes.grid(axis="x", color=_RULE, linewidth=0.4)
        axes.spines[["top", "right", "left", "bottom"]].set_visible(False)
    return figure
