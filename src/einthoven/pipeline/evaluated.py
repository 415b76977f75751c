"""The tables of a run, made from the predictions of its finished cells."""

__all__ = ["evaluate_run", "stale"]

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from einthoven.evaluation import efficiency, evaluate, evaluate_beats, pretext
from einthoven.evaluation.decide import decide
from einthoven.evaluation.efficiency import family
from einthoven.evaluation.fidelity import measurements
from einthoven.evaluation.localisation import localisation
from einthoven.evaluation.privacy import privacy
from einthoven.evaluation.remedies import choice, remedies
from einthoven.evaluation.thresholds import thresholds
from einthoven.evaluation.usefulness import reverse, useful
from einthoven.pipeline.cohort import Cohort
from einthoven.pipeline.experiment import Arm, Cell, RunError, cell_names, cells_of
from einthoven.pipeline.measuring import MEASURED
from einthoven.pipeline.task import cell_folder, finished, seconds_of, write_json
from einthoven.splits import many


def evaluate_run(out: Path, cohort: Cohort | None = None) -> None:
    """Makes every table of a run from the predictions of its finished cells.

    Arguments:
        out: The run folder.
        cohort: Its records, for the signals of the strongest mistakes; without it those that are there stay.

    Raises:
        RunError: If a cell is not finished without which there is nothing to say.
    """

    facts = json.loads((out / "experiment.json").read_text(encoding="utf-8"))
    names, shares, rare = cell_names(facts), _scarce(facts), facts.get("remedies", False)
    done = [name for name in names if finished(out / "cells" / name)]
    graded = shares or rare or facts.get("localises", False)
    needed = {facts["primary"], facts["baseline"]} if graded else {arm["name"] for arm in facts["arms"]}
    if lacking := [name for name in names if name not in done and _arm(name) in needed]:
        what = f"not finished: {many(len(lacking), 'cell')} of {len(names)}, such as {lacking[0]}"
        raise RunError(f"{out}: {what}; the same command goes on")
    answers = {name: pd.read_parquet(out / "cells" / name / "predictions.parquet") for name in done}
    generators = _generators(facts)
    tables = {} if rare else _generated(facts, answers, out)
    if kept := [table for name, table in answers.items() if len(table) and _arm(name) not in generators]:
        predictions = pd.concat(kept, ignore_index=True)
        predictions.to_parquet(out / "predictions.parquet", index=False)
        tables |= _tables(facts, shares, predictions, out)
    (out / "results").mkdir(exist_ok=True)
    for name, table in tables.items():
        table.to_parquet(out / "results" / f"{name}.parquet", index=False)
    environment = json.loads((out / "environment.json").read_text(encoding="utf-8"))
    write_json(out / "environment.json", {**environment, "seconds_of_cells": seconds_of(out, names)})
    texts = {name: json.loads(table.to_json(orient="records")) for name, table in tables.items()}
    write_json(out / "results.json", texts)
    if cohort is not None and "mistakes" in tables:
        _examples(tables["mistakes"], cohort).to_parquet(out / "examples.parquet", index=False)


def stale(out: Path) -> bool:
    """Whether a run has no tables yet, or finished cells that its tables do not know."""
    tables = out / "results.json"
    if not tables.is_file():
        return (out / "experiment.json").is_file()
    return any(path.stat().st_mtime_ns > tables.stat().st_mtime_ns for path in (out / "cells").glob("*/cell.json"))


def _scarce(facts: dict[str, Any]) -> dict[str, float]:
    """The share of the labels of each arm, where arms differ in that; else nothing."""
    shares = {arm["name"]: (arm.get("few") or {}).get("share") or 1.0 for arm in facts["arms"]}
    return shares if len(set(shares.values())) > 1 else {}


def _tables(
    facts: dict[str, Any], shares: dict[str, float], predictions: pd.DataFrame, out: Path
) -> dict[str, pd.DataFrame]:
    """All tables, by what the run is about."""
    planned = {key: facts[key] for key in ("baseline", "primary", "resamples")}
    if not facts.get("predicts", facts["labels"]):
        return {"pretext": pretext(predictions, resamples=facts["resamples"])}
    if facts.get("localises"):
        return localisation(predictions, pd.read_parquet(out / "cohort.parquet"), **planned)
    if facts.get("exclusive"):
        pairs = [(first, second) for first, second in facts["pairs"]]
        return evaluate_beats(predictions, pairs=pairs, **planned)
    if facts.get("remedies"):
        return _helped(facts, predictions, out)
    cohort, sets = pd.read_parquet(out / "cohort.parquet"), facts["label_sets"]
    if _generators(facts):
        return _used(facts, predictions, out)
    if not shares:
        tables = evaluate(predictions, cohort, label_sets=sets, **planned)
        _complete_contracts(out, tables["thresholds"])
        return tables
    whole = [name for name, share in shares.items() if share == max(shares.values())]
    chosen = predictions[predictions["model"].isin([*whole, facts["primary"], facts["baseline"]])]
    _complete_contracts(out, thresholds(predictions))
    shares = {arm["name"]: shares[arm["name"]] for arm in facts["arms"] if arm["model"] != "naive"}
    how = {"label_sets": sets, "supervised": family(facts["baseline"]), "resamples": facts["resamples"]}
    return evaluate(chosen, cohort, label_sets=sets, **planned) | efficiency(predictions, shares, **how)


def _arm(cell: str) -> str:
    """The arm of a cell, by its name."""
    return cell.rpartition("-seed")[0]


def _generators(facts: dict[str, Any]) -> set[str]:
    """The arms that make records."""
    return {arm["name"] for arm in facts["arms"] if arm.get("generator")}


def _used(facts: dict[str, Any], predictions: pd.DataFrame, out: Path) -> dict[str, pd.DataFrame]:
    """Of what use synthetic records are."""
    how: dict[str, Any] = {"label_sets": facts["label_sets"], "resamples": facts["resamples"]}
    fitted = thresholds(predictions)
    _complete_contracts(out, fitted)
    pairs = [(first, second) for first, second in facts["pairs"]]
    tables = {"thresholds": fitted, "useful": useful(decide(predictions, fitted), pairs, **how)}
    answers = []
    for model, seed, fold in cells_of(facts):
        path = cell_folder(out, Cell(Arm(model), seed, fold)) / "answers.parquet"
        answers += [pd.read_parquet(path).assign(model=model, seed=seed, fold=fold)] if path.is_file() else []
    return tables | ({"reverse": reverse(pd.concat(answers, ignore_index=True), **how)} if answers else {})


def _helped(facts: dict[str, Any], predictions: pd.DataFrame, out: Path) -> dict[str, pd.DataFrame]:
    """What remedies for rare classes give, and what the synthetic records among them were made from."""
    how: dict[str, Any] = {"label_sets": facts["label_sets"], "resamples": facts["resamples"]}
    fitted = thresholds(predictions)
    _complete_contracts(out, fitted)
    decided = decide(predictions, fitted)
    trained = [arm for arm in facts["arms"] if arm["recipe"] and not arm["generator"]]
    rare = _rare(facts, out)
    cheap = list(dict.fromkeys(family(arm["name"]) for arm in trained if not _costly(arm)))
    costly = list(dict.fromkeys(family(arm["name"]) for arm in trained if _costly(arm)))
    others = list(dict.fromkeys(family(arm["name"]) for arm in facts["arms"] if arm["model"] and not arm["recipe"]))
    best = choice(predictions, cheap, rare)
    of_pages = [(name, "page") for name in costly if name.startswith("page_")]  # against pages that nobody made
    chosen = {row["level"]: row["remedy"] for row in best.to_dict("records") if row["chosen"]}
    pairs = {level: [*((name, remedy) for name in (*costly, *others)), *of_pages] for level, remedy in chosen.items()}
    how |= {"rare": rare, "apart": others, "planned": facts["primary"]}
    helped, gains = remedies(decided, pairs, **how)
    tables = {"thresholds": fitted, "remedies": helped, "choice": best, "gains": gains}
    descent = []
    for model, seed, fold in cells_of(facts):
        path = cell_folder(out, Cell(Arm(model), seed, fold)) / "synthetic.json"
        if path.is_file():
            told = json.loads(path.read_text(encoding="utf-8"))
            row = {"model": model, "seed": seed, "fold": fold, "made_by": told["made_by"], "records": told["records"]}
            descent.append({**row, "status": told["audit"]["status"], "said": " ".join(told["audit"]["findings"])})
    return tables | ({"descent": pd.DataFrame(descent)} if descent else {})


def _rare(facts: dict[str, Any], out: Path) -> list[str]:
    """The classes that are rare: those that are named so, or of which some remedy takes or makes more; else all."""
    named = [code for arm in facts["arms"] for code in arm["few"]["of"]]
    upto = max(
        [arm["repeat"] for arm in facts["arms"]] + [(arm["made"] or {}).get("upto") or 0 for arm in facts["arms"]]
    )
    if named or not upto:
        return list(dict.fromkeys(named))
    found: dict[str, None] = {}
    for model, seed, fold in cells_of(facts):
        learnt = finished(cell_folder(out, Cell(Arm(model), seed, fold))).get("learnt_from", {})
        found |= dict.fromkeys(code for code, count in learnt.get("positives", {}).items() if count < upto)
    return list(found)


def _costly(arm: dict[str, Any]) -> bool:
    """Whether a remedy takes more than another way of training the same network."""
    return bool(arm["made"]) or arm["sees"] == "page"


def _generated(facts: dict[str, Any], answers: dict[str, pd.DataFrame], out: Path) -> dict[str, pd.DataFrame]:
    """How well generators do what they learn, and how faithful and how private their records are, a row a cell."""
    generators = _generators(facts)
    if not generators:
        return {}
    examined = [table for name, table in answers.items() if len(table) and _arm(name) in generators]
    known = {}
    if examined:
        known["pretext"] = pretext(pd.concat(examined, ignore_index=True), resamples=facts["resamples"])
    found: dict[str, list[pd.DataFrame]] = {"crowds": [], "measurements": [], "privacy": []}
    for model, seed, fold in sorted(cell for cell in cells_of(facts) if cell[0] in generators):
        folder = cell_folder(out, Cell(Arm(model), seed, fold))
        real, made, measured = (pd.read_parquet(folder / f"{part}.parquet") for part in ("real", "made", "measured"))
        values = [str(name) for name in measured if name in MEASURED and measured[name].notna().any()]
        tables = {
            "crowds": pd.DataFrame(json.loads((folder / "crowds.json").read_text(encoding="utf-8"))),
            "measurements": measurements(measured, values, resamples=min(200, facts["resamples"])),
            "privacy": privacy(real, made, resamples=facts["resamples"]),
        }
        for key, table in tables.items():
            found[key].append(table.assign(model=model, seed=seed, fold=fold))
    return known | {name: pd.concat(tables, ignore_index=True) for name, tables in found.items()}


def _complete_contracts(out: Path, thresholds: pd.DataFrame) -> None:
    """Writes what was fitted on validation rows into the contract of each checkpoint."""
    for (model, seed, fold), rows in thresholds.groupby(["model", "seed", "fold"]):
        path = cell_folder(out, Cell(Arm(str(model)), int(str(seed)), int(str(fold)))) / "checkpoint" / "contract.json"
        if path.exists():
            contract = json.loads(path.read_text(encoding="utf-8"))
            columns = {"thresholds": "threshold", "rule_out": "rule_out", "missed": "missed", "positives": "positives"}
            fitted: dict[str, Any] = {
                name: dict(zip(rows["class"], rows[column].tolist(), strict=True)) for name, column in columns.items()
            }
            fitted["temperature"] = float(rows["temperature"].iloc[0])
            if contract != {**contract, **fitted}:
                write_json(path, {**contract, **fitted})


def _examples(mistakes: pd.DataFrame, cohort: Cohort) -> pd.DataFrame:
    """The strongest mistakes with their signals, for the report to draw."""
    position = {name: i for i, name in enumerate(cohort.table["record_id"])}
    rows = np.array([position[name] for name in mistakes["record"]], dtype=np.int64)
    length = int(cohort.table["samples"].iloc[rows].max()) if len(rows) else 0
    signals = cohort.signals.batch(cohort.rows[rows], length)
    preparation = cohort.signals.preparation
    return mistakes.assign(
        unit=preparation.unit,
        rate_hz=preparation.rate_hz,
        leads=pd.Series([list(preparation.leads)] * len(rows), dtype=object),
        samples=[signal.ravel() for signal in signals],
        age=cohort.table["age"].to_numpy()[rows],
        sex=cohort.table["sex"].to_numpy()[rows],
    )
