"""The audit of a run: of its split before it trains, and of what it learnt when there are answers."""

__all__ = ["Pairs", "after", "among", "before", "descent", "pairs_of", "sides"]

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Bool, Int, Shaped
from tqdm import tqdm

from einthoven.audit import Finding, Subject, Verdict, audit, begun_with, contracts_of, find_pairs, learnt
from einthoven.records.writing import replacing
from einthoven.store import Fingerprint, Joined

_APART = ("corpora", "identity", "patients", "records", "synthetic", "waveforms", "windows")  # of sides, whatever fold
_FIRST = ("balance", "fields", "preprocessing")  # of training and test, in the first fold
_ANSWERS = ("fields", "thresholds")  # what takes answers

Pairs = tuple[pd.DataFrame, Bool[np.ndarray, " record"]]


def pairs_of(signals: Joined, stores: Path, progress: bool = False) -> Pairs:
    """The pairs of records that look like one recording, looked for once and kept beside the stores."""
    plans = "".join(store.facts["plan"] for store in signals.stores) + version("einthoven")
    path = stores / f"pairs-{hashlib.sha256(plans.encode()).hexdigest()[:12]}.json"
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        return pd.DataFrame(kept["pairs"], columns=kept["columns"]), np.array(kept["compared"], dtype=bool)
    except (OSError, ValueError, KeyError):
        with tqdm(desc="search for copies", unit="lead", disable=not progress) as bar:
            pairs, compared = find_pairs(signals.fingerprints(), lambda lead: bar.update() and None)
        columns, rows = list(pairs.columns), pairs.to_dict("split")["data"]
        with replacing(path) as scratch:
            scratch.write_text(
                json.dumps({"columns": columns, "pairs": rows, "compared": compared.astype(int).tolist()})
            )
        return pairs, compared


def among(found: Pairs, rows: Int[np.ndarray, " kept"]) -> tuple[pd.DataFrame, Bool[np.ndarray, " kept"]]:
    """The pairs of which both are among some rows, counted along these."""
    pairs, compared = found
    place = np.full(len(compared), -1)
    place[rows] = np.arange(len(rows))
    first, second = (place[pairs[name].to_numpy(np.int64)] for name in ("first", "second"))
    both = (first >= 0) & (second >= 0)
    return pairs[both].assign(first=first[both], second=second[both]).reset_index(drop=True), compared[rows]


def before(
    subject: Subject,
    parts: Mapping[int, Shaped[np.ndarray, " record"]],
    sources: Mapping[str, Mapping[str, Any]] | None = None,
) -> list[Verdict]:
    """All that can be looked at without a model.

    Arguments:
        subject: The records, on the sides that `sides` gives.
        parts: For each test fold the part of each record.
        sources: The contracts of weights that arms begin with, by the name of the weights.
    """

    first = dataclasses.replace(subject, side=next(iter(parts.values())).astype(object))
    verdicts = [*audit(subject, _APART), *audit(first, _FIRST)]
    if not sources:
        return verdicts
    return [*verdicts, _of_every_fold(subject, parts, dict.fromkeys(parts, begun_with(sources)))]


def _of_every_fold(
    subject: Subject, parts: Mapping[int, Shaped[np.ndarray, " record"]], contracts: Mapping[int, Mapping[str, Any]]
) -> Verdict:
    """What checkpoints have seen of the test in any fold, each finding once, by its fold where there are several."""
    found: dict[str, Finding] = {}
    for fold, part in parts.items():
        known = dataclasses.replace(subject, side=part.astype(object), contracts=contracts[fold])
        (verdict,) = audit(known, ("checkpoints",))
        for finding in verdict.findings:
            apart = len(parts) > 1 and finding.status in ("leak", "warning")
            words = f"Fold {fold}: {finding.sentence}" if apart else finding.sentence
            found.setdefault(words, dataclasses.replace(finding, sentence=words))
    more = f", in each of {len(parts)} folds" if len(parts) > 1 else ""
    return dataclasses.replace(verdict, looked=verdict.looked + more, findings=tuple(found.values()))


def sides(parts: Mapping[int, Shaped[np.ndarray, " record"]]) -> Shaped[np.ndarray, " record"]:
    """Where a record stands over all folds; two records are apart if they are in any of them."""
    if len(parts) == 1:
        return next(iter(parts.values())).astype(object)
    names = np.stack([part.astype(str) for part in parts.values()])
    folds = np.array([str(fold) for fold in parts])
    tested = pd.Series([", ".join(folds[column == "test"]) for column in names.T])
    number = (
        pd.Series(["|".join(column) for column in names.T]).groupby(tested).transform(lambda each: each.factorize()[0])
    )
    said = np.where(tested == "", "never tested", "tested in fold " + tested)
    said = np.where(number > 0, said + " (" + (number + 1).astype(str) + ")", said)
    return np.where((names == "").all(axis=0), "", said).astype(object)


def after(
    subject: Subject, parts: Mapping[int, Shaped[np.ndarray, " record"]], out: Path, verdicts: list[Verdict]
) -> list[Verdict]:
    """The verdicts with those on what the models learnt: from their answers in the first fold, and all checkpoints.

    Arguments:
        subject: The records.
        parts: For each test fold the part of each record.
        out: The run folder.
        verdicts: What was said before.
    """

    (fold, part), *others = parts.items()
    known = dataclasses.replace(subject, side=part.astype(object), **learnt(out, fold))
    rest = {other: contracts_of(out, other) for other, _ in others}
    checkpoints = _of_every_fold(subject, parts, {fold: known.contracts, **rest})
    before = (verdict for verdict in verdicts if verdict.check not in (*_ANSWERS, "checkpoints"))
    return [*before, checkpoints, *audit(known, _ANSWERS)]


def descent(
    subject: Subject,
    part: Shaped[np.ndarray, " record"],
    parents: Sequence[tuple[str, ...]],
    fingerprints: Sequence[Fingerprint | None],
) -> Verdict:
    """Whether records that were made in memory, for training, descend from held-out ones or come too near to them.

    Arguments:
        subject: The real records.
        part: The part of each.
        parents: What each synthetic one was made from.
        fingerprints: Of the synthetic ones.
    """

    names = [f"made:{number}" for number in range(len(parents))]
    made = pd.DataFrame({"record_id": names, "parents": list(map(list, parents)), "synthetic": True})
    table = pd.concat([subject.table.assign(synthetic=False), made], ignore_index=True)  # whoever made those before
    side = np.concatenate([part.astype(object), np.full(len(made), "train", dtype=object)])
    prints = [*subject.fingerprints, *fingerprints]
    (verdict,) = audit(Subject(table, side, subject.split, prints), ("synthetic",))
    return verdict
