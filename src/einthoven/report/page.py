"""The report and the model card of a run, from its tables alone.

Nothing is computed here that is not in the run folder: this module chooses the order and the words. The page is
one file that needs no network, no script and no font of its own; every text that came from data is escaped.
"""

__all__ = ["write"]

import json
from html import escape
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from einthoven.records.writing import replacing
from einthoven.report import (
    _beats,
    _blind,
    _efficiency,
    _figures,
    _generator,
    _origins,
    _overlay,
    _pretext,
    _remedies,
    _tables,
    _words,
)
from einthoven.report._run import Run, read, rows

_HERE = Path(__file__).parent
_LISTED = 20  # mistakes in the list
_LEAKY = (
    "The split “{split}” lets training and test share patients, so the figures below are too high and say nothing "
    "about patients whom the network has not seen. It is here to measure that very gap."
)
_SHARING = (
    "The split “{split}” puts {patients} on both sides, as in the published figures, and nobody else: what is said of "
    "the other patients is not too high."
)
_OVERLAPPING = "Training, validation and test are not apart (see below): the figures may be too high."
_AUDITED = {
    True: "The split is leaky on purpose; see below whether that is all.",
    False: "The run was made all the same, so the figures below may be too high.",
}
_BEATS = "Each beat was scaled to mean 0 and deviation 1: how high it is, in millivolt or beside others, is lost."
_SIMULATED = "Some or all ECGs were made by a computer. No figure here is about patients."
_STANDARDISED = (
    "Each lead was scaled to mean 0 and deviation 1, so amplitudes in millivolt are lost: findings that rest on "
    "voltage, such as hypertrophy, are harder to see, and no ECG can be drawn on paper."
)


def write(run: Path | str) -> Path:
    """Writes `report.html` and `model_card.md` into a run folder; the same folder gives the same bytes.

    Of generators also `blind.html`: real and synthetic ECGs in a random order, with the key at the end.

    Arguments:
        run: The run folder.

    Returns:
        The path of the report.

    Raises:
        FileNotFoundError: If a file is missing without which there is nothing to report.
        ValueError: If a file is not what it should be.
        WriteError: If the folder cannot be written to.
    """
    folder = Path(run)
    found = read(folder)
    facts = _facts(found)
    report = folder / "report.html"
    plain = ("report.html.j2", "model_card.md.j2")
    templates = plain if found.kind == "classes" else (f"{found.kind}.html.j2", f"{found.kind}_card.md.j2")
    for path, template in zip((report, folder / "model_card.md"), templates, strict=True):
        text = _environment(html=path is report).get_template(template).render(facts)
        with replacing(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
    if found.kind == "generator" and (drawn := _blind.facts(found)):
        with replacing(folder / "blind.html") as temporary:
            page = _environment(html=True).get_template("blind.html.j2").render(css=facts["css"], **drawn)
            temporary.write_text(page, encoding="utf-8")
    return report


def _environment(html: bool) -> jinja2.Environment:
    """The template engine: a name that is not there is an error, and HTML is escaped."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE),
        autoescape=html,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "count": _words.count,
        "interval": _words.interval,
        "number": _words.number,
        "percent": _words.percent,
        "setting": _setting,
        "safe_svg": Markup,  # our own drawing, whose texts the SVG writer has escaped
        "md": _markdown,
    }
    return environment


def _facts(run: Run) -> dict[str, Any]:
    """All that the templates may say."""
    styles = ("style.css", "beats.css") if run.kind == "beats" else ("style.css",)
    return {
        "run": run,
        "title": run.experiment.get("title") or run.experiment.get("study") or "ECG study",
        "css": Markup("".join((_HERE / name).read_text(encoding="utf-8") for name in styles)),
        "banners": _banners(run),
        "cohort": _tables.cohort(run),
        "audit": _audit(run),
        "pairs": _overlay.overlays(run.audit.drawn) if run.audit else {},
        "steps": _tables.steps(run),
        "parts": _tables.parts(run),
        "overlaps": _tables.overlaps(run),
        "papers": _figures.papers(run),
        "mistakes": _mistakes(run),
        "training": _figures.training(run),
        "epochs": _tables.epochs(run),
        "cards": _cards(run),
        "verdict": _words.verdict,
        **_results(run),
    }


def _results(run: Run) -> dict[str, Any]:
    """What was found, by what the run is about."""
    kinds = {"pretext": _pretext.facts, "generator": _generator.facts, "beats": _beats.facts, "classes": _findings}
    kinds |= {"remedies": _remedies.facts, "origins": _origins.facts}
    return kinds[run.kind](run)


def _findings(run: Run) -> dict[str, Any]:
    """The results of a run whose classes are asked one by one."""
    has = run.tables.__contains__
    sets = [
        {
            "name": name,
            "scores": [_tables.scores(run, name, metric) for metric in ("auroc", "auprc") if _any(run, name, metric)],
            "contrasts": _tables.contrasts(run, name),
            "planned": _planned(run, name),
            "roc": _figures.curves(run, name, "roc") if has("curves") else None,
            "pr": _figures.curves(run, name, "pr") if has("curves") else None,
            "decisions": _tables.decisions(run, name),
            "calibration": _tables.calibration(run, name) if has("calibration") else None,
            "reliability": _figures.calibration(run, name) if has("reliability") else None,
            "subgroups": _tables.subgroups(run, name) if has("subgroups") else None,
            "abstention": _tables.abstention(run, name) if has("abstention") else [],
            "challenge": _tables.challenge(run, name) if has("challenge") else [],
            "transfer": _tables.transfer(run, name) if has("transfer") else [],
        }
        for name in run.label_sets
    ]
    return {
        "headline": _headline(run),
        "tiles": _tiles(run),
        "sets": sets,
        "labels": _efficiency.facts(run),
        "thresholds": _tables.thresholds(run) if has("thresholds") else None,
        "everything": rows(run.tables["summary"]),
        "metrics": _tables.METRICS,
    }


def _any(run: Run, label_set: str, metric: str) -> bool:
    """Whether a label set was scored by a metric."""
    summary = run.tables["summary"]
    return bool(((summary["label_set"] == label_set) & (summary["metric"] == metric)).any())


def _macro(run: Run, model: str) -> dict[str, Any] | None:
    """The macro AUROC of a model on the first label set."""
    table = run.tables["summary"]
    keys = {"label_set": run.label_sets[0], "model": model, "class": "macro", "metric": "auroc"}
    for name, value in keys.items():
        table = table[table[name] == value]
    return rows(table)[0] if len(table) else None


def _planned(run: Run, label_set: str) -> dict[str, Any] | None:
    """The contrast that was written down before the run."""
    table = run.tables["contrasts"]
    table = table[(table["label_set"] == label_set) & (table["metric"] == "auroc") & table["planned"].astype(bool)]
    return rows(table)[0] if len(table) else None


def _headline(run: Run) -> str:
    """The result in one sentence or two."""
    ours, theirs = _macro(run, run.primary), _macro(run, run.baseline)
    contrast = _planned(run, run.label_sets[0])
    if ours is None:
        return f"{run.primary} has no macro AUROC on {run.label_sets[0]}."
    show = _words.interval
    leaky, made = run.leaky, run.synthetic
    where = "On a split that leaks, " if leaky else "On simulated ECGs, " if made else ""
    sentence = f"{where}{run.primary} reaches a macro AUROC of {show(ours['value'], ours['low'], ours['high'])}"
    sentence += f" on the label set {run.label_sets[0]}"
    if theirs is None or run.primary == run.baseline:
        return f"{sentence}."
    sentence += f"; the baseline {run.baseline} reaches {show(theirs['value'], theirs['low'], theirs['high'])}."
    if contrast is None:
        return f"{sentence} Their paired difference is not available."
    difference = show(contrast["difference"], contrast["low"], contrast["high"], plus=True)
    return f"{sentence} Paired difference {difference}. {_words.verdict(contrast)}"


def _tiles(run: Run) -> list[dict[str, str]]:
    """The figures at the top of the page."""
    tiles = []
    for model, role in ((run.primary, "primary model"), (run.baseline, "baseline")):
        row = _macro(run, model)
        if row is not None and not (role == "baseline" and model == run.primary):
            limits = f"[{_words.number(row['low'])}, {_words.number(row['high'])}]"
            tiles.append({"name": f"{model} ({role})", "value": _words.number(row["value"]), "detail": limits})
    contrast = _planned(run, run.label_sets[0])
    if contrast is not None:
        limits = f"[{_words.signed(contrast['low'])}, {_words.signed(contrast['high'])}]"
        found = _words.versus_zero(contrast["low"], contrast["high"])
        value = _words.signed(contrast["difference"])
        tiles.append({"name": f"paired difference: {found}", "value": value, "detail": limits})
    row = _macro(run, run.primary)
    if row is not None:
        value, patients = _words.count(row["records"]), _words.count(row["patients"])
        tiles.append({"name": "records tested", "value": value, "detail": f"of {patients} patients"})
    return tiles


def _banners(run: Run) -> list[tuple[str, str]]:
    """What must be known before any number is read, as (title, sentence)."""
    shared = [row for row in _tables.overlaps(run) if row["count"] and row["kind"] != "source"]
    banners = []
    if run.leaky:
        banners.append(("This split leaks", _LEAKY.format(split=run.experiment["split"])))
    elif run.shared:
        sentence = _SHARING.format(split=run.experiment["split"], patients=" and ".join(run.shared))
        banners.append(("This split shares a patient", sentence))
    elif shared:
        banners.append(("Parts of the data overlap", _OVERLAPPING))
    audit = _audit(run)
    if audit is not None and audit["leaks"]:
        sentence = f"{audit['sentence']} {_AUDITED[bool(run.experiment['split_is_leaky'])]}"
        banners.append(("The audit found a leak", sentence))
    if run.synthetic:
        banners.append(("Simulated data", _SIMULATED))
    if run.experiment["unit"] == "z":
        banners.append(("Standardised leads", _BEATS if run.kind == "beats" else _STANDARDISED))
    return banners


def _audit(run: Run) -> dict[str, Any] | None:
    """What the audit of the split found, or None where there was none."""
    if run.audit is None:
        return None
    verdicts = run.audit.facts["verdicts"]
    return {
        "sentence": _overlay.verdict(run.audit.facts),
        "leaks": any(entry["status"] == "leak" for entry in verdicts),
        "verdicts": verdicts,
        "page": run.audit.page,
    }


def _mistakes(run: Run) -> list[dict[str, Any]]:
    """The strongest mistakes in words, from whichever table has them."""
    table = run.tables.get("mistakes", run.examples)
    if table is None:
        return []
    return [row | {"sentence": _figures.mistake(row)} for row in rows(table.head(_LISTED))]


def _cards(run: Run) -> list[dict[str, str]]:
    """Licence and citation of each data set, as the run recorded them."""
    unknown = "not available: the run recorded no card of it"
    names = [str(entry).partition("=")[0] for entry in run.experiment.get("data", [])]
    absent = [{"title": name, "licence": unknown, "citation": unknown, "url": ""} for name in names]
    return list(run.experiment.get("cards") or absent)


def _setting(value: object) -> str:
    """A setting as a person would write it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list) and all(isinstance(item, str | int | float) for item in value):
        return ", ".join(map(str, value)) or "none"
    if isinstance(value, dict) and not any(isinstance(item, list | dict) for item in value.values()):
        return "; ".join(f"{key}: {_setting(item)}" for key, item in value.items()) or "none"
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False)
    return "none" if value is None else str(value)


def _markdown(text: object) -> str:
    """Data-borne text inside Markdown: no line break, nothing that a renderer takes for mark-up or HTML."""
    plain = escape(" ".join(str(text).split()), quote=False)
    return "".join(f"\\{c}" if c in "\\`*_[]|~" else c for c in plain)
