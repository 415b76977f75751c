"""What the page of generators says: how well each gives back what it has not seen, and what it makes of noise."""

__all__ = ["facts"]

from typing import Any

import numpy as np
import pandas as pd

from einthoven.drawing.figures import svg
from einthoven.report._figures import Panel, panel, slug
from einthoven.report._run import Run, rows
from einthoven.report._words import count, interval, number, percent

_SHOWN = ("I", "II", "V1", "V5")
_COLOUR = "#0065a3"
_SOME = 0.05  # of the records that could not be measured
_MEASURED = {
    "rate_bpm": "heart rate (/min)",
    "pr_ms": "PR interval (ms)",
    "qrs_ms": "QRS duration (ms)",
    "qt_ms": "QT interval (ms)",
    "axis_deg": "axis (°)",
    **{f"height_{lead}": f"{lead} from peak to peak" for lead in ("II", "V2", "V5")},
    "rr_change_percent": "change from RR interval to RR interval (%)",
    "beat_change_percent": "power that changes from beat to beat (%)",
    "power_15_40_percent": "power from 15 to 40 Hz (%)",
    "identity_residual": "what limb leads miss of their identities",
}


def facts(run: Run) -> dict[str, Any]:
    """What the template may say beside what every page says."""
    table = run.tables.get("pretext", pd.DataFrame(columns=["model", "source", "measure"]))
    whole = table[table["source"] == "all"]
    learnt = next((part for part in run.flow["parts"] if part["part"] == "train"), {"records": 0, "patients": 0})
    named = {"name": "training records of all groups and others", "value": count(learnt["records"])}
    private = run.tables["privacy"]
    return {
        "headline": _headline(run, whole),
        "tiles": [{**named, "detail": f"of {count(learnt['patients'])} known patients"}, *_tiles(run, private)],
        "measures": [_row(run, row) for row in rows(table)],
        "crowds": [_crowd(row) for row in rows(run.tables["crowds"])],
        "measured": _measured(run),
        "privacy": [_near(row) for row in rows(private)],
        "useful": [_useful(run, name) for name in run.label_sets] if "useful" in run.tables else [],
        "reverse": _reverse(run),
        "samples": _drawn(run),
    }


def _worst(private: pd.DataFrame, model: str) -> str:
    """The worst verdict on a generator."""
    found = set(private.loc[private["model"] == model, "verdict"])
    return next((verdict for verdict in ("leak", "cannot tell", "none") if verdict in found), "cannot tell")


def _tiles(run: Run, private: pd.DataFrame) -> list[dict[str, str]]:
    """For each generator whether it gives anybody away."""
    words = {"leak": "leaks", "cannot tell": "cannot tell", "none": "no leak of the stated size"}
    tiles = []
    for model in run.models:
        mine = private[(private["model"] == model) & (private["measure"] == "membership")]
        top = max(rows(mine), key=lambda row: row["value"])
        detail = f"membership AUROC at most {_words(top)}, by {top['unit']}, in {top['space']}"
        tiles.append({"name": f"privacy of {model}", "value": words[_worst(private, model)], "detail": detail})
    return tiles


def _crowd(row: dict[str, Any]) -> dict[str, Any]:
    """The figures of the embedding in words, each with its floor."""
    names = ("frechet", "precision", "recall", "diversity")
    return {**row, **{n: f"{number(row[n])} ({number(row[f'{n}_floor'])})" for n in names}}


def _measured(run: Run) -> list[dict[str, Any]]:
    """For each group and measurement the real records that nobody has learnt from, and beside them every generator."""
    table = run.tables["measurements"]
    first = table[(table["seed"] == table["seed"].min()) & (table["fold"] == table["fold"].min())]
    kinds = ["real", "other", *run.models]
    found = []
    for (group, name), part in first.groupby(["group", "measurement"], sort=False):
        by_kind = {row["kind"]: row for row in rows(part.drop_duplicates("kind"))}
        cells = [_quartiles(by_kind.get(kind)) for kind in kinds]
        found.append({"group": group, "measurement": _MEASURED.get(str(name), name), "cells": cells})
    return found


def _quartiles(row: dict[str, Any] | None) -> str:
    """A median with its quartiles, and how far the distribution is from the real one."""
    if row is None or row["median"] is None or np.isnan(row["median"]):
        return "–"
    name = row["measurement"]
    digits = 3 if name == "identity_residual" else 2 if name.startswith("height") else 1 if "percent" in name else 0
    middle, lower, upper = (f"{row[name]:.{digits}f}" for name in ("median", "lower", "upper"))
    words, far = f"{middle} ({lower}–{upper})", row.get("distance")
    if row["unmeasured"] > _SOME:
        words += f", in {percent(1 - row['unmeasured'])} only"
    if far is None or np.isnan(far):
        return words
    return f"{words}; {number(far, 2)} [{number(row['low'], 2)}, {number(row['high'], 2)}]"


def _near(row: dict[str, Any]) -> dict[str, Any]:
    """A figure of privacy in words."""
    what = {
        "membership": "AUROC of telling who was learnt from",
        "membership_at_99": "share named while 1 % of others are",
        "copies": "share of synthetic records that an audit takes for a training record",
        "nearer_to_training": "share of synthetic records nearer to training than to held-out ones",
    }
    limit = "" if row["limit"] is None or np.isnan(row["limit"]) else f"{row['limit']:g}"
    return {**row, "what": what[row["measure"]], "words": _words(row), "guess": f"{row['chance']:g}", "leak": limit}


def _headline(run: Run, whole: pd.DataFrame) -> str:
    """How like its original a record comes back, in a sentence."""
    said = []
    for model in run.models:
        found = {row["measure"]: row for row in rows(whole[whole["model"] == model])}
        if "cosine" in found:
            row = found["cosine"]
            said.append(f"{model} gives back records that it has never seen with a cosine of {_words(row)} to them")
    private = run.tables["privacy"]
    given = [model for model in run.models if _worst(private, model) == "leak"]
    back = f"{' and '.join(said)}. " if said else ""
    verb = "give away whom they have" if len(given) > 1 else "gives away whom it has"
    told = f"{', '.join(given)} {verb} learnt from" if given else "No generator gave anybody away"
    return f"{back}{told}. {_worth(run)}"


def _worth(run: Run) -> str:
    """Of what use the first generator's records are, in a sentence."""
    table = run.tables.get("useful")
    asked = run.label_sets[-1]
    if table is None:
        return "Whether such ECGs are of use to learn from, this run does not ask."
    chosen = table[(table["label_set"] == asked) & (table["class"] == "macro") & (table["metric"] == "auroc")]
    by_name = {row["model"]: row for row in rows(chosen)}
    real = next(iter(by_name.values()))["against"]
    ours = by_name[f"{real.partition('@')[0]}@{run.primary}"]
    gap = interval(ours["difference"], ours["difference_low"], ours["difference_high"], plus=True)
    model = real.partition("@")[0]
    return (
        f"Having learnt from ECGs of {run.primary} alone, {model} reaches a macro AUROC of {_words(ours)} on real test "
        f"records; from real ones it reaches {_words(by_name[real])} (paired difference {gap})."
    )


_SCORES = {"auprc": "AUPRC", "balanced_accuracy": "Balanced accuracy", "accuracy": "Accuracy"}


def _useful(run: Run, label_set: str) -> dict[str, Any]:
    """For a label set the means of every classifier, and its AUROC by class."""
    table = run.tables["useful"]
    table = table[table["label_set"] == label_set]
    macro = table[table["class"] == "macro"].set_index(["model", "metric"])
    classes = [name for name in dict.fromkeys(table["class"]) if name != "macro"]
    by_class = table[table["metric"] == "auroc"].set_index(["model", "class"])
    found = []
    for model in dict.fromkeys(table["model"]):
        auroc = dict(macro.loc[(model, "auroc")])
        gap = interval(auroc["difference"], auroc["difference_low"], auroc["difference_high"], plus=True)
        found.append(
            {
                "model": model,
                "real": model == auroc["against"],
                "auroc": _words(auroc),
                "scores": [_words(dict(macro.loc[(model, metric)])) for metric in _SCORES],
                "gap": "" if model == auroc["against"] else gap,
                "detectable": "" if model == auroc["against"] else number(auroc["detectable"]),
                "classes": [_words(dict(by_class.loc[(model, name)])) for name in classes],
            }
        )
    counts = [f"{name} ({count(int(by_class.loc[(found[0]['model'], name)]['positives']))})" for name in classes]
    facts = rows(table)[0]
    about = f"{count(facts['seeds'])} seed(s) of the classifiers"
    return {"name": label_set, "heads": list(_SCORES.values()), "classes": counts, "rows": found, "about": about}


def _reverse(run: Run) -> list[dict[str, Any]]:
    """How well those that learnt from real records answer for synthetic ones."""
    table = run.tables.get("reverse")
    return [] if table is None else [{**row, "words": _words(row)} for row in rows(table[table["metric"] == "auroc"])]


def _words(row: dict[str, Any]) -> str:
    return interval(row["value"], row["low"], row["high"])


def _row(run: Run, row: dict[str, Any]) -> dict[str, Any]:
    """A measure in words."""
    what = {
        "rmse": f"root of the mean squared error of what comes back ({run.experiment['unit']})",
        "cosine": "cosine of a record and what comes back of it",
        "flow_error": "squared error of the flow's velocity, in its own scale",
    }
    return {**row, "what": what.get(row["measure"], row["measure"]), "words": _words(row)}


def _drawn(run: Run) -> list[Panel]:
    """Some leads of a few ECGs of each generator."""
    panels = []
    firsts = [] if run.samples is None else rows(run.samples.drop_duplicates(["model", "group"]))
    for place, row in enumerate(row for row in firsts if row["model"] in run.models):
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
