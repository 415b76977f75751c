"""Compares readers, and a network among them, with a gold standard."""

__all__ = ["readers"]

import hashlib
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from einthoven.evaluation.bootstrap import clusters
from einthoven.evaluation.readers import METRICS
from einthoven.evaluation.readers import readers as compare
from einthoven.evaluation.readings import Readings, from_files, from_folder, from_run
from einthoven.report._folder import vacant
from einthoven.report._words import interval
from einthoven.report.readers import FACTS, MAKER, findings, write


def readers(
    folder: Path | None = None,
    *,
    run: Path | None = None,
    models: Sequence[str] = (),
    gold: Path | None = None,
    reader: Sequence[str] = (),
    probabilities: Sequence[str] = (),
    out: Path = Path("runs/readers"),
    resamples: int = 1000,
    seed: int = 0,
) -> None:
    """Compares readers, and a network among them, with a gold standard; ends with the path of a page.

    Arguments:
        folder: A folder with gold_standard.csv, a CSV a reader, and NPY files of probabilities; or name the files.
        run: In the place of a gold standard a run, whose test records the readers have read too; --reader names their
            files, with a column record. What they are compared with is written to RUN/readings.
        models: Of a run, whose probabilities; by default the primary model's.
        gold: The gold standard: a CSV with one column a class, of 1, 0 or empty for unknown.
        reader: A reader as NAME=FILE: a CSV with the same columns; empty is no answer.
        probabilities: A network as NAME=FILE: an NPY array (record, class), or a CSV of numbers from 0 to 1.
        out: The folder of the results.
        resamples: How many times the patients are drawn for the intervals.
        seed: Of the draws.
    """

    vacant(out, FACTS, MAKER)
    if [folder, run, gold].count(None) != 2:
        raise ValueError("give a folder with a gold_standard.csv, or --gold FILE or --run RUN with --reader NAME=FILE")
    if models and run is None:
        raise ValueError("--models are those of a run; name it by --run, or leave them out")
    if folder is not None and (reader or probabilities):
        raise ValueError(
            "a folder brings its own files; leave it out and name them all, by --gold, --reader and --probabilities"
        )
    notes: list[str] = []
    if folder is not None:
        gold, told, found, notes = from_folder(folder)
    else:
        told, found = _named(reader, "--reader"), _named(probabilities, "--probabilities")
    if run is not None:
        gold, own = from_run(run, models)
        found = own | found
    assert gold is not None
    readings = from_files(gold, told, found, notes)
    tables = compare(readings, resamples=resamples, seed=seed)
    files = [("gold standard", {"gold standard": gold}), ("reader", told), ("probabilities", found)]
    facts = _facts(readings) | {"resamples": resamples, "seed": seed, "files": _files(files)}
    page = write(out, tables, facts)
    _print(tables, facts["notes"])
    print(page)


def _named(words: Sequence[str], option: str) -> dict[str, Path]:
    """`NAME=FILE` as a mapping."""
    found: dict[str, Path] = {}
    for word in words:
        name, equals, file = word.partition("=")
        if not (name and equals and file):
            raise ValueError(f"{option} takes NAME=FILE, not '{word}'")
        if name in found:
            raise ValueError(f"{option} names '{name}' twice; give each a name of its own")
        found[name] = Path(file)
    return found


def _facts(readings: Readings) -> dict[str, Any]:
    """What the readings were."""
    return {
        "command": shlex.join(["einthoven", *sys.argv[1:]]),
        "classes": list(readings.classes),
        "records": len(readings.patients),
        "patients": int(clusters(readings.patients).max()) + 1,
        "notes": list(readings.notes),
    }


def _files(groups: Sequence[tuple[str, Mapping[str, Path]]]) -> list[dict[str, str]]:
    """Every file that was read, with its hash."""
    return [
        {"name": name, "role": role, "file": str(path), "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
        for role, group in groups
        for name, path in group.items()
    ]


def _print(tables: Mapping[str, pd.DataFrame], notes: Sequence[str]) -> None:
    """The scores, and what must be known of them."""
    scores = tables["scores"]
    width = max(map(len, scores["reader"]))
    values = scores.assign(
        shown=[interval(*row) for row in scores[["value", "low", "high"]].to_numpy(dtype=float).tolist()]
    )
    print(f"{'class':8} {'reader':{width}} " + " ".join(f"{metric:20}" for metric in METRICS))
    for name in dict.fromkeys(values["class"]):
        for reader, found in values[values["class"] == name].groupby("reader", sort=False):
            shown = found.set_index("metric")["shown"]
            print(f"{name:8} {reader:{width}} " + " ".join(f"{shown[metric]:20}" for metric in METRICS).rstrip())
    for title, sentence in findings(tables):
        print(f"\n{title.upper()}\n{sentence}")
    print()
    for note in notes:
        print(f"note: {note}")
