"""Opens the data of an experiment: compiled, joined, labelled, split, and who was left out and why."""

__all__ = ["Cohort", "open_cohort"]

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float, Shaped

from einthoven import datasets, labels, splits
from einthoven.audit import Subject, with_owners
from einthoven.pipeline.audited import Pairs, among, pairs_of, sides
from einthoven.pipeline.covariates import gather
from einthoven.pipeline.experiment import Arm, Experiment, RunError
from einthoven.store import Joined, Store, compile_store, plan

_AUDITED = (*splits.PARTS, "external")


@dataclasses.dataclass(frozen=True)
class Cohort:
    """The records of an experiment.

    Attributes:
        signals: Their signals.
        table: What is known of them, row by row.
        y: Their labels, `record class`: 1, 0, or NaN where unknown.
        vocabularies: What the columns of `y` mean.
        parts: For each test fold the part of each record.
        flow: The account: steps, parts, overlaps and classes.
        rows: Their rows in `signals`.
        found: The pairs of records that look like one recording, and which records could be compared.
        split_file: The hash of the file that splits them; empty where none does.
        ledgers: Of synthetic data sets whom their generators have learnt from, as contracts by the names of the sets.
    """

    signals: Joined
    table: pd.DataFrame
    rows: Shaped[np.ndarray, " record"]
    y: Float[np.ndarray, "record class"]
    vocabularies: tuple[labels.Vocabulary, ...]
    parts: dict[int, Shaped[np.ndarray, " record"]]
    flow: dict[str, Any]
    found: Pairs
    split_file: str = ""
    ledgers: dict[str, dict[str, Any]] = dataclasses.field(default_factory=dict)
    _beside: dict[str, np.ndarray] = dataclasses.field(default_factory=dict, repr=False)

    def covariates(self, arm: Arm, samples: int) -> Float[np.ndarray, "record covariate"] | None:
        """What an arm sees beside the signal, computed once; None where it sees nothing else.

        Arguments:
            arm: Which one.
            samples: The length of a record as a model sees it.

        Raises:
            RunError, UnknownName: See `einthoven.pipeline.covariates`.
        """
        if not arm.covariates:
            return None
        key = json.dumps(arm.covariates)
        if key not in self._beside:
            self._beside[key] = gather(arm.covariates, self.signals, self.rows, samples)
        return self._beside[key]

    @property
    def classes(self) -> tuple[str, ...]:
        """The short names of the columns of `y`."""
        return tuple(code for v in self.vocabularies for code in v.codes)

    @property
    def groups(self) -> tuple[str, ...]:
        """The classes that a generator can be asked for: those that are told from everything else."""
        return tuple(cls.code for vocabulary in self.vocabularies for cls in vocabulary.classes if not cls.against)

    def wanted(self, rows: Shaped[np.ndarray, " row"]) -> Float[np.ndarray, "row group"]:
        """Of which groups records are: 1, or 0 also where nobody knows."""
        return np.nan_to_num(self.y[rows][:, [self.classes.index(code) for code in self.groups]])

    @property
    def exclusive(self) -> bool:
        """Whether a record is of exactly one class."""
        return any(vocabulary.exclusive for vocabulary in self.vocabularies)

    @property
    def fingerprint(self) -> str:
        """Of the stores, in their order, and of the split where a file makes it."""
        shards = [store.facts["shards"] for store in self.signals.stores]
        text = "".join(store.facts["plan"] for store in self.signals.stores) + json.dumps(shards, sort_keys=True)
        text += self.split_file
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def sides(self) -> dict[int, Shaped[np.ndarray, " record"]]:
        """The parts that an audit looks at, without those that are set apart for a study of leakage."""
        return {fold: np.where(np.isin(part, _AUDITED), part, "") for fold, part in self.parts.items()}

    def subject(self, split: str) -> Subject:
        """What an audit looks at."""
        cards = zip(self.signals.annotated, self.signals.stores, strict=True)
        prints = self.signals.fingerprints()
        return Subject(
            table=self.table,
            side=sides(self.sides),
            split=split,
            fingerprints=[prints[row] for row in self.rows],
            found=self.found,
            cards={name: store.facts["card"] for name, store in cards},
            targets=self.y,
            classes=self.classes,
        )

    @property
    def synthetic(self) -> bool:
        """Whether any of the records was made rather than recorded."""
        return any(store.facts["synthetic"] for store in self.signals.stores)


def open_cohort(experiment: Experiment, stores: Path, *, workers: int | None = None, progress: bool = True) -> Cohort:
    """Compiles what is not compiled yet and puts the records together.

    Arguments:
        experiment: What is wanted.
        stores: The folder where compiled corpora are kept.
        workers: Processes for compiling.
        progress: Whether to show progress bars.

    Raises:
        RunError: If the data do not fit together or with the labels.
        LeakError: If the split leaks and was not asked to.
    """

    sources = _sources(experiment.data)
    opened = [_compiled(source, experiment, stores, workers, progress) for source in sources]
    signals = Joined(opened)
    steps = _reading_steps(signals)
    table, vocabularies, y = labels.told(experiment.labels, signals.table, signals.annotated)
    known = ~np.isnan(y).all(axis=1) if vocabularies else np.ones(len(y), dtype=bool)
    rows = np.flatnonzero(known)
    table, y = table.iloc[rows].reset_index(drop=True), y[rows]
    if vocabularies:
        steps.append(_step("with a known label", table, int((~known).sum()), "no class of the study is known for them"))
        _check_classes(experiment, vocabularies, y)
    found = among(pairs_of(signals, stores, progress), rows)
    table = with_owners(table, found[0])
    parts = {
        fold: splits.split(experiment.split, table, y, test_fold=fold, folds=experiment.fold_count)
        for fold in experiment.folds
    }
    if len(parts) > 1 and any((part == "external").any() for part in parts.values()):
        raise RunError(
            f"the split '{experiment.split}' has external records, which one model answers for; name one fold"
        )
    flow = {"steps": steps, **_parts_account(table, parts), "classes": _class_account(experiment, vocabularies, y)}
    split_file = Path(experiment.split).read_bytes() if splits.is_file(experiment.split) else b""
    digest = hashlib.sha256(split_file).hexdigest() if split_file else ""
    ledgers = {name: ledger for source in sources for name, ledger in getattr(source, "ledgers", {}).items()}
    return Cohort(signals, table, rows, y, vocabularies, parts, flow, found, digest, ledgers)


def _sources(specs: tuple[str, ...]) -> list[datasets.Dataset]:
    """Opens the data sets, and refuses two places whose records and patients would be taken for the same."""
    sources = [datasets.parse(spec) for spec in specs]
    places: dict[str, Path] = {}
    for source in sources:
        namespace, root = getattr(source, "namespace", None), getattr(source, "root", None)
        if namespace and root and places.setdefault(namespace, root.resolve()) != root.resolve():
            raise RunError(
                f"{root} and {places[namespace]} share the name '{namespace}', so their records and patients would be "
                f"taken for the same; give one another: --data {source.card.name}={root},namespace=OTHER"
            )
    return sources


def _compiled(
    source: datasets.Dataset, experiment: Experiment, stores: Path, workers: int | None, progress: bool
) -> Store:
    folder = stores / f"{source.card.name}-{plan(source, experiment.preparation)[:12]}"
    return compile_store(source, folder, experiment.preparation, workers=workers, progress=progress)


def _step(what: str, table: pd.DataFrame, left_out: int, why: str) -> dict[str, Any]:
    return {
        "what": what,
        "records": len(table),
        "patients": int(table["patient_id"].nunique()),
        "unknown_patients": int(table["patient_id"].isna().sum()),
        "left_out": left_out,
        "why": why if left_out else "",
    }


def _reading_steps(joined: Joined) -> list[dict[str, Any]]:
    steps = []
    for i, (store, again) in enumerate(zip(joined.stores, joined.duplicates, strict=True)):
        name, skipped = store.facts["dataset"], store.facts["skipped"]
        reasons = pd.read_csv(store.folder / "skipped.csv") if skipped else pd.DataFrame({"skipped": []})
        first = f"could not be used; the first: {reasons['skipped'].iloc[0]}" if skipped else ""
        steps.append(_step(f"{name}: readable records", store.table, skipped, first))
        if again:
            fresh = joined.table[joined.table["store"] == i]
            why = "they are in a data set named before, and count once"
            steps.append(_step(f"{name}: new records", fresh, again, why))
    if len(joined.stores) > 1:
        steps.append(_step("all data sets joined", joined.table, 0, ""))
    return steps


def _parts_account(table: pd.DataFrame, parts: dict[int, np.ndarray]) -> dict[str, Any]:
    sizes, overlaps = [], []
    for fold, part in parts.items():
        for name in (*splits.PARTS, *sorted(set(part) - {*splits.PARTS, ""})):
            step = _step(name, table[part == name], 0, "")
            keys = ("records", "patients", "unknown_patients")
            sizes.append({"fold": fold, "part": name, **{key: step[key] for key in keys}})
        found = splits.overlap(table, part)
        if found.empty:
            overlaps.append({"fold": fold, "kind": "patient", "parts": "all", "count": 0, "examples": []})
        overlaps += [{"fold": fold, **{str(k): v for k, v in row.items()}} for row in found.to_dict("records")]
    return {"parts": sizes, "overlap": overlaps}


def _class_account(
    experiment: Experiment, vocabularies: tuple[labels.Vocabulary, ...], y: np.ndarray
) -> list[dict[str, Any]]:
    rows, column = [], 0
    for name, vocabulary in zip(experiment.labels, vocabularies, strict=True):
        for cls in vocabulary.classes:
            truth = y[:, column]
            counts = {"positive": (truth == 1).sum(), "negative": (truth == 0).sum(), "unknown": np.isnan(truth).sum()}
            row = {"class": cls.code, "label_set": name, "title": cls.title}
            rows.append({**row, **{key: int(value) for key, value in counts.items()}})
            column += 1
    return rows


def _check_classes(experiment: Experiment, vocabularies: tuple[labels.Vocabulary, ...], y: np.ndarray) -> None:
    codes = [code for v in vocabularies for code in v.codes]
    if len(vocabularies) > 1 and (alone := [v.name for v in vocabularies if v.exclusive]):
        raise RunError(f"the classes of {alone[0]} exclude each other; no other label set stands beside it")
    if len(set(codes)) != len(codes):
        twice = sorted({code for code in codes if codes.count(code) > 1})
        named = ", ".join(experiment.labels)
        raise RunError(f"the label sets {named} share the classes {', '.join(twice)}; name one set")
    if not (y == 1).any():
        raise RunError(
            f"no record is positive for any class of {', '.join(experiment.labels)}; do the data speak of them? "
            "`--labels own` takes the classes that they name"
        )
