"""Puts together what is to be audited, from the words of a user."""

__all__ = ["begun_with", "contracts_of", "learnt", "open_run", "open_subject"]

import contextlib
import dataclasses
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from einthoven import datasets, labels, splits
from einthoven.audit._owners import with_owners
from einthoven.audit._pairs import find_pairs
from einthoven.audit._subject import Subject
from einthoven.store import Fingerprint, Store, compile_store, plan

_YES = ("true", "1", "1.0", "yes", "y")
_OURS = ("content", "lead_names", "lead_mean", "lead_std", "lead_count", "synthetic", "parents", "notes")


def open_subject(
    data: Sequence[str],
    *,
    split: str | None = None,
    labels_of: Sequence[str] = (),
    test_fold: int | None = None,
    folds: int = 10,
    stores: str | Path = "stores",
    workers: int | None = None,
    progress: bool = True,
) -> tuple[Subject, tuple[str, ...]]:
    """Opens data sets for an audit: their tables, and their fingerprints where they can be read.

    Arguments:
        data: Data sets as `NAME=WHERE`; none for a split file that is audited by itself.
        split: A splitter, a CSV or Parquet file, or None: then each data set is a side.
        labels_of: Label sets whose classes are looked at.
        test_fold: The fold that is the test set; by default the last.
        folds: How many folds a splitter makes.
        stores: Where fingerprints are kept.
        workers: Processes that make them.
        progress: Whether to show progress bars.

    Returns:
        The subject, and notes on how the split was understood.

    Raises:
        ValueError: If a data set, label set or split cannot be read, or there is nothing to look at.
    """

    if split is not None:
        splits.known(split)
    if not data:
        return _of_file(split, test_fold)
    sources = [datasets.parse(words) for words in data]
    plain = [source.card.name for source in sources]
    names = [name if plain.count(name) == 1 else f"{name} ({i + 1})" for i, name in enumerate(plain)]
    opened = [_opened(source, Path(stores), workers, progress) for source in sources]
    tables = [table.assign(dataset=name) for (table, _), name in zip(opened, names, strict=True)]
    table = pd.concat(tables, ignore_index=True)
    annotated = {name: tuple(source.annotated) for name, source in zip(names, sources, strict=True)}
    table, vocabularies, targets = labels.told(labels_of, table, annotated)
    prints = [one for _, each_print in opened for one in each_print]
    subject = Subject(
        table=table,
        side=table["dataset"].to_numpy(dtype=object),
        fingerprints=prints,
        cards={name: dataclasses.asdict(source.card) for name, source in zip(names, sources, strict=True)},
        targets=targets if vocabularies else None,
        classes=tuple(code for vocabulary in vocabularies for code in vocabulary.codes),
        contracts=begun_with({key: said for each in sources for key, said in getattr(each, "ledgers", {}).items()}),
    )
    if split is None:
        return subject, ()
    if splits.is_file(split):
        return _by_file(subject, split, splits.read_split(split, table, test_fold=test_fold))
    with tqdm(desc="search for copies", unit="lead", disable=not progress) as bar:
        found = find_pairs(prints, lambda lead: bar.update() and None)
    fold = folds if test_fold is None else test_fold
    side = splits.split(split, with_owners(table, found[0]), targets, test_fold=fold, folds=folds, refuse=False)
    return dataclasses.replace(subject, split=split, side=side, found=found), ()


def _by_file(subject: Subject, split: str, found: splits.SplitFile) -> tuple[Subject, tuple[str, ...]]:
    """The subject on the sides of a file; a record that the file puts on two sides has two rows."""
    place = {name: i for i, name in enumerate(subject.table["record_id"])}
    rows = np.array([*range(len(subject.table)), *(place[name] for name, _ in found.second)], dtype=np.int64)
    table = _annotated(found.table.reset_index(drop=True), found.fields).iloc[rows].reset_index(drop=True)
    prints = subject.fingerprints
    mended = dataclasses.replace(
        subject,
        table=table,
        side=np.array([*found.parts, *(part for _, part in found.second)], dtype=object),
        split=split,
        fingerprints=[prints[i] for i in rows] if len(prints) else (),
        targets=None if subject.targets is None else subject.targets[rows],
        absent=found.absent,
    )
    return mended, found.notes


def _annotated(table: pd.DataFrame, fields: pd.DataFrame) -> pd.DataFrame:
    """The table with what a split file says besides; `synthetic` and `parents` come as text."""
    ids = set(table["record_id"])
    short = {name.partition(":")[2]: name for name in ids}
    made: dict[str, Any] = {str(name): fields[name].to_numpy() for name in fields if not _known(table, str(name))}
    if "synthetic" in made:
        made["synthetic"] = [str(value).strip().lower() in _YES for value in made["synthetic"]]
    if "parents" in made:
        each = [re.split(r"[;,\s]+", str(text).strip()) if isinstance(text, str) else [] for text in made["parents"]]
        made["parents"] = [[name if name in ids else short.get(name, name) for name in one if name] for one in each]
    return table.assign(**made)


def _known(table: pd.DataFrame, name: str) -> bool:
    """Whether the table says something itself."""
    if name not in table:
        return False
    said = table[name].map(lambda value: len(value) > 0 if isinstance(value, list | np.ndarray) else pd.notna(value))
    return bool((table[name] == True).any() if name == "synthetic" else said.any())  # noqa: E712 - of objects


def _of_file(split: str | None, test_fold: int | None) -> tuple[Subject, tuple[str, ...]]:
    """A split file by itself: only what it says can be looked at."""
    if split is None or not splits.is_file(split):
        raise ValueError("there is nothing to audit: name data sets with --data NAME=WHERE, or a file with --split")
    found = splits.read_split(split, None, test_fold=test_fold)
    bare = found.table.drop(columns=[name for name in ("synthetic", "parents") if name in found.table])
    found = dataclasses.replace(found, table=bare.assign(dataset=Path(split).stem))
    return _by_file(Subject(table=found.table, side=found.parts), split, found)


def _opened(
    source: datasets.Dataset, stores: Path, workers: int | None, progress: bool
) -> tuple[pd.DataFrame, list[Fingerprint | None]]:
    """All records of a data set; one that could not be read has no fingerprint and nothing of the store's columns."""
    table = source.table().reset_index(drop=True)
    store = _fingerprinted(source, table, stores, workers, progress)
    kept = store.table.drop_duplicates("record_id").set_index("record_id")
    known = table["record_id"].isin(kept.index)
    rows = kept.reindex(table["record_id"]).reset_index()
    table = table.assign(**{name: rows[name].to_numpy() for name in _OURS})
    position = {name: i for i, name in enumerate(store.table["record_id"])}
    prints = store.fingerprints()
    return table, [prints[position[name]] if ok else None for name, ok in zip(table["record_id"], known, strict=True)]


def _fingerprinted(
    source: datasets.Dataset, table: pd.DataFrame, stores: Path, workers: int | None, progress: bool
) -> Store:
    """A store with the fingerprints of a data set: one that a study has made of all its records, or else a new one."""
    mark = plan(source, None, table)
    for path in sorted(stores.glob(f"{source.card.name}-*/store.json")):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            facts = json.loads(path.read_text(encoding="utf-8"))
            if facts.get("source") == mark and not facts.get("skipped"):
                return Store(path.parent)
    folder = stores / f"{source.card.name}-{mark[:12]}"
    return compile_store(source, folder, None, workers=workers, progress=progress)


def open_run(
    run: str | Path,
    *,
    test_fold: int | None = None,
    stores: str | Path = "stores",
    workers: int | None = None,
    progress: bool = True,
) -> Subject:
    """Opens a finished run for an audit: its data and split as they were, and all that it learnt.

    Arguments:
        run: The run folder.
        test_fold: Of several, the fold whose test set is looked at; by default the first.
        stores: Where fingerprints are kept.
        workers: Processes that make them.
        progress: Whether to show progress bars.

    Raises:
        ValueError: If it is no finished run, or its data cannot be read.
    """

    run = Path(run)
    try:
        facts = json.loads((run / "experiment.json").read_text(encoding="utf-8"))
        cohort = set(pd.read_parquet(run / "cohort.parquet")["record"])
    except (OSError, ValueError) as error:
        raise ValueError(f"{run} is not a finished run ({error}); name the folder that a study wrote") from None
    fold = facts["folds"][0] if test_fold is None else test_fold
    if fold not in facts["folds"]:
        raise ValueError(f"{run} has the test folds {', '.join(map(str, facts['folds']))}, not {fold}")
    try:
        known = learnt(run, fold)
    except (OSError, ValueError) as error:
        raise ValueError(f"{run} is not a finished run ({error}); name the folder that a study wrote") from None
    subject, _ = open_subject(
        facts["data"], labels_of=facts["labels"], stores=stores, workers=workers, progress=progress
    )
    answers = known.get("predictions")
    if answers is None:  # of an encoder: what it was examined on
        answers = pd.read_parquet(run / "predictions.parquet")
    part = answers.drop_duplicates("record").set_index("record")["part"]
    ids = subject.table["record_id"]
    side = np.where(ids.isin(cohort) & ~ids.duplicated(), ids.map(part).fillna("train"), "").astype(object)
    words = facts["split"] if len(facts["folds"]) == 1 else f"{facts['split']}, test fold {fold}"
    return dataclasses.replace(subject, side=side, split=words, **known)


def learnt(run: Path, fold: int) -> dict[str, Any]:
    """What the models of one test fold of a run learnt, as a `Subject` has it: predictions, thresholds, contracts.

    Raises:
        OSError, ValueError: If one of the files is missing or damaged.
    """

    files = {"predictions": run / "predictions.parquet", "thresholds": run / "results" / "thresholds.parquet"}
    facts = json.loads((run / "experiment.json").read_text(encoding="utf-8"))
    if facts.get("exclusive"):
        del files["thresholds"]  # what is decided is the class of the highest probability
    if not facts.get("predicts", facts["labels"]):
        files = {}  # nothing was predicted
    tables = {name: pd.read_parquet(path) for name, path in files.items()}
    found = {name: table[table["fold"] == fold] for name, table in tables.items()}
    return {**found, "contracts": contracts_of(run, fold)}


def begun_with(contracts: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Contracts of what came before a training, weights or a generator's data, as those of something begun with it."""
    return {name: {"patients_seen": [], "pretrained": [contract]} for name, contract in contracts.items()}


def contracts_of(run: Path, fold: int) -> dict[str, Any]:
    """The contracts of all checkpoints of one test fold of a run, by their cells.

    Raises:
        OSError, ValueError: If one is damaged.
    """

    cells = sorted((run / "cells").glob(f"*-fold{fold}/checkpoint/contract.json"))
    return {path.parent.parent.name: json.loads(path.read_text(encoding="utf-8")) for path in cells}
