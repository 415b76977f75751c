"""Looks for leaks between training and test, in ids and in the signals themselves."""

__all__ = ["audit"]

import dataclasses
import json
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from einthoven import audit as room
from einthoven import registry
from einthoven.audit import MAKER, Subject, Verdict, exit_code, find_pairs, keep, names, open_run, open_subject, summary
from einthoven.records.writing import replacing
from einthoven.report._folder import vacant
from einthoven.report.audit import verdict as sentence_of
from einthoven.report.audit import write

_MENDED = ("patients", "records", "waveforms", "windows", "synthetic")


def audit(
    *,
    data: Sequence[str] = (),
    split: str | None = None,
    test_fold: int | None = None,
    folds: int = 10,
    labels: Sequence[str] = (),
    checkpoint: Sequence[Path] = (),
    run: Path | None = None,
    fitted: Path | None = None,
    fix: Path | None = None,
    checks: Sequence[str] = (),
    out: Path = Path("runs/audit"),
    stores: Path | None = None,
    workers: int | None = None,
) -> None:
    """Looks for leaks between training and test, in ids and in the signals themselves.

    Ends with 0 if all is clean, 10 if there is a leak, 11 if something could not be looked at.

    Arguments:
        data: Data sets as NAME=WHERE, such as ptbxl=/data/ptbxl.
        split: Who goes where: a CSV or Parquet file with a record and a part (train, validation, test) in each row, or
            official, by_patient, by_source, external, stable, by_example. Without one each data set is a side.
        test_fold: The fold that is the test set; by default the last.
        folds: How many folds a split makes.
        labels: Label sets whose classes are looked at, such as superclass.
        checkpoint: Checkpoints, or run folders with checkpoints, which may have seen a patient of the test.
        run: A run whose data, split, labels, checkpoints, predictions and thresholds are looked at.
        fitted: A JSON file with the means and deviations that scale the signals: {"mean": {"I": 0}, "std": {"I": 1}}.
        fix: Where to write a split like the one given, without its leaks; a CSV that is not there yet.
        checks: Which checks; by default all.
        out: The folder of the results.
        stores: Where fingerprints are kept; by default the folder `stores` beside the results.
        workers: Processes that make fingerprints; by default one a core.
    """

    vacant(out, "audit.json", MAKER)
    for name in checks:
        registry.nearest(name, names(), "check")
    if fix is not None and (fix.exists() or split is None):
        raise ValueError(
            f"{fix} is there already; name a new file" if fix.exists() else "--fix mends a --split; give one"
        )
    if fix is not None and not fix.absolute().parent.is_dir():
        raise ValueError(f"{fix.parent} is no folder; make it first, or write {fix.name} elsewhere")
    where: dict[str, Any] = {"stores": stores or out.parent / "stores", "workers": workers, "test_fold": test_fold}
    if run is not None:
        if data or split or labels:
            raise ValueError("a run brings its own data, split and labels; leave --data, --split and --labels out")
        notes: tuple[str, ...] = ()
        subject = open_run(run, **where)
    else:
        subject, notes = open_subject(data, split=split, labels_of=labels, folds=folds, **where)
    subject = _with_files(subject, checkpoint, fitted)
    subject, verdicts = _looked(subject, checks or names())
    facts = keep(out, subject, verdicts)
    _print(facts, notes)
    if fix is not None:
        _mend(subject, verdicts, fix)
    print(write(out, shlex.join(["einthoven", *sys.argv[1:]])))
    if code := exit_code(verdicts):
        sys.exit(code)


def _looked(subject: Subject, checks: Sequence[str]) -> tuple[Subject, list[Verdict]]:
    """Asks every check, beside a bar; the pairs that look like one recording are looked for once."""
    with tqdm(total=len(checks), unit="check", leave=False) as bar:
        if "waveforms" in checks and subject.fingerprints and subject.found is None:
            bar.set_description("pairs")
            found = find_pairs(subject.fingerprints, lambda lead: bar.set_postfix_str(f"lead {lead}"))
            subject = dataclasses.replace(subject, found=found)

        def begin(name: str) -> None:
            bar.set_description(name)
            bar.update()

        return subject, room.audit(subject, checks, begin)


def _with_files(subject: Subject, checkpoints: Sequence[Path], fitted: Path | None) -> Subject:
    """The subject with the contracts and the scale that the user names."""
    contracts = dict(subject.contracts)
    for path in checkpoints:
        found = sorted(path.rglob("contract.json"))
        if not found:
            raise ValueError(f"{path} holds no checkpoint: there is no contract.json in or below it")
        contracts |= {str(file.parent): _json(file) for file in found}
    return dataclasses.replace(subject, contracts=contracts, fitted=None if fitted is None else _scale(fitted))


def _scale(path: Path) -> dict[str, dict[str, float]]:
    """Means and deviations by lead."""
    scale = _json(path)
    parts = [scale.get(name) for name in ("mean", "std")]
    numbers = [value for part in parts if isinstance(part, dict) for value in part.values()]
    if not all(isinstance(part, dict) for part in parts) or not all(type(value) in (int, float) for value in numbers):
        raise ValueError(f'{path} shall hold {{"mean": {{lead: number}}, "std": {{lead: number}}}}')
    return {"mean": scale["mean"], "std": scale["std"]}


def _json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} is not readable JSON: {error}") from None
    if not isinstance(value, dict):
        raise ValueError(f"{path} holds no JSON object")
    return value


def _print(facts: dict[str, Any], notes: Sequence[str]) -> None:
    """The checks, the worst first, and what they found."""
    for note in notes:
        print(f"note: {note}")
    sides = ", ".join(f"{name or 'unused'} {count}" for name, count in facts["sides"].items())
    print(f"{facts['records']} records: {sides}\n")
    for row in facts["verdicts"]:
        print(f"{row['status']:15} {row['check']:14} looked at: {row['looked']}")
        for finding in row["findings"]:
            label = "" if finding["status"] == row["status"] else f"({finding['status']}) "
            print(f"{'':30} {label}{finding['sentence']}")
            for example in finding["examples"]:
                print(f"{'':32} {example}")
    print(f"\n{sentence_of(facts)}")


def _mend(subject: Subject, verdicts: Sequence[Verdict], path: Path) -> None:
    """Writes the proposal, looks at it once more and says what it is."""
    proposal = room.fix(subject, verdicts)
    side = proposal["split"].to_numpy(dtype=object)
    parts = summary(proposal).to_dict("records")
    emptied = [row["part"] for row in parts if row["part"] and row["before"] and not row["after"]]
    if emptied:
        lost = ", ".join(emptied)
        raise ValueError(f"no split without these leaks leaves anything in {lost}, so much belongs together: no {path}")
    again = room.audit(dataclasses.replace(subject, side=side), _MENDED)
    with replacing(path) as scratch:
        proposal.drop_duplicates("record_id").to_csv(scratch, index=False)
    for row in parts:
        print(f"{row['part'] or 'left out':12} {row['before']:7} before, {row['after']:7} after")
    moved = int((proposal["split"] != proposal["was"]).sum())
    left = [f"{v.check}: {v.findings[0].sentence}" for v in again if v.status in ("leak", "could not look")]
    print(f"{path}: {moved} moved; looked at again: {'; '.join(left) or 'clean'}")
