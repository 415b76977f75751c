"""Synthetic records to learn from, or to answer for: made in memory by the generator of another cell."""

__all__ = ["MadeRecords", "Pair", "between", "made_records", "makeable"]

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, Int

from einthoven import labels, registry, splits
from einthoven.generators import Autoencoder, Generator, Learner
from einthoven.pipeline.cohort import Cohort
from einthoven.pipeline.emitting import emitted, opened, reading
from einthoven.pipeline.experiment import Arm, Cell, Experiment, Made, RunError
from einthoven.pipeline.generating import eight_of, fitting, generator_of, looked
from einthoven.pipeline.learning import learnt_from, pages
from einthoven.pipeline.task import Task
from einthoven.records.ecg import LEDGER
from einthoven.records.leads import TWELVE, completed, derive
from einthoven.signals.beats import beats
from einthoven.signals.in_step import in_step
from einthoven.training import Device

_BATCH = 64


class MadeRecords(NamedTuple):
    """Records that a generator made.

    Attributes:
        by: Its arm.
        signal: In the leads of the experiment; pages for an arm that sees those.
        y: Their labels, for all classes of the cohort; NaN where two parents differ.
        seen: The real records that it has learnt from.
        parents: What each was made from: two records, or the ledger of the generator.
        alpha: How far each lies from its first parent on the way to the second; None where they lie between none.
    """

    by: str
    signal: Float[np.ndarray, "record lead time"]
    y: Float[np.ndarray, "record class"]
    seen: Int[np.ndarray, " seen"]
    parents: Sequence[tuple[str, ...]]
    alpha: Float[np.ndarray, " place"] | None = None


class Pair(NamedTuple):
    """Two records of a class, and how far from the first to go."""

    first: int
    second: int
    alpha: float


def makeable(experiment: Experiment, cohort: Cohort, cell: Cell) -> None:
    """Holds that the records that a cell asks for can be made, before anything is trained.

    Raises:
        RunError: If none would be, a class is wanted that no generator makes, or one has no two records to go between.
        UnknownName: If a class that is rare does not exist.
    """

    arm = cell.arm
    assert arm.made is not None
    for code in arm.few.of:
        registry.nearest(code, cohort.groups, "class that can be made:")
    source, train = _source(experiment, cohort, cell, arm.made)
    each = _lacking(cohort, arm, arm.made, train)
    if not any(each):
        raise RunError(f"{arm.name}: no rare class has fewer than {arm.made.upto} positives; bring them up to more")
    if arm.made.between:
        reading(generator_of(experiment, cohort, source.arm), source.arm.name)
        _pairs(experiment, cohort, cell.seed, each, train)


def made_records(task: Task, cohort: Cohort, made: Made) -> MadeRecords:
    """The records that a cell asks for; the same seed makes the same.

    Arguments:
        task: The cell.
        cohort: The real records.
        made: Which synthetic ones.

    Raises:
        RunError: If they are to lie between two records, and the generator cannot read, or a class has not two records
            with a rhythm.
    """

    experiment, seed = task.experiment, task.cell.seed
    source, train = _source(experiment, cohort, task.cell, made)
    generator = _ready(task, cohort, source, train)
    each = _lacking(cohort, task.cell.arm, made, train)
    if made.between:
        return between(task, cohort, source.arm, generator, _pairs(experiment, cohort, seed, each, train), train)
    wanted = np.repeat(np.eye(len(cohort.groups), dtype=np.float32), each, axis=0)
    if made.each is None and made.upto is None:
        wanted = cohort.wanted(train)
    how: dict[str, Any] = {"seed": seed, "unit": experiment.unit, "device": task.device}
    signal = _seen(task, emitted(generator, wanted, numbers=range(len(wanted)), **how), generator)
    return MadeRecords(made.by, signal, _labels(cohort, wanted), train, [(LEDGER + source.name,)] * len(wanted))


def _source(experiment: Experiment, cohort: Cohort, cell: Cell, made: Made) -> tuple[Cell, Int[np.ndarray, " train"]]:
    """The cell of the generator, and the records that it learns from."""
    source = experiment.cell_of(made.by, cell.seed, cell.fold)
    return source, fitting(experiment, cohort, source.arm, learnt_from(source, cohort))


def _seen(task: Task, made: Float[np.ndarray, "record lead time"], generator: Generator) -> np.ndarray:
    """What the arm sees of twelve leads, or of pages.

    Raises:
        RunError: If it sees leads, and pages are made.
    """
    experiment, arm = task.experiment, task.cell.arm
    if generator.emits == "image":
        if arm.sees != "page":
            raise RunError(f"{arm.name} sees leads, and its generator makes pages; let it see pages")
        return made
    signal = derive(made.astype(np.float32), TWELVE, experiment.leads)
    return pages(experiment, signal) if arm.sees == "page" else signal


def _lacking(cohort: Cohort, arm: Arm, made: Made, train: Int[np.ndarray, " train"]) -> list[int]:
    """How many records of each group are asked for."""
    rare = arm.few.of or cohort.groups
    counts = cohort.wanted(train).sum(axis=0).astype(int)
    each = [made.each or max(0, (made.upto or 0) - int(count)) for count in counts]
    return [count if code in rare else 0 for code, count in zip(cohort.groups, each, strict=True)]


def _pairs(
    experiment: Experiment, cohort: Cohort, seed: int, each: Sequence[int], train: Int[np.ndarray, " train"]
) -> list[Pair]:
    """For each group so many pairs of its training records, every record being as often the first as any other."""
    rng, found = np.random.default_rng([seed, 0xB7]), []
    for code, count, column in zip(cohort.groups, each, cohort.wanted(train).T, strict=True):
        if not count:
            continue
        own = train[column == 1]
        read = eight_of(experiment, cohort, own)[0]
        own = own[[len(beats(one, experiment.rate_hz)) > 1 for one in read]]
        if len(own) < 2:
            what = f"{code} has {splits.many(len(own), 'training record')} with two beats or more"
            raise RunError(f"{what}; to make others between them it takes two: leave the class out or add data")
        for first in rng.permutation(np.resize(np.arange(len(own)), count)):
            second = (first + rng.integers(1, len(own))) % len(own)
            found.append(Pair(int(own[first]), int(own[second]), float(rng.uniform())))
    return found


def between(
    task: Task,
    cohort: Cohort,
    source: Arm,
    generator: Generator,
    pairs: Sequence[Pair],
    train: Int[np.ndarray, " train"],
) -> MadeRecords:
    """What lies between the records of pairs; of a class on which the two differ nothing is known.

    Arguments:
        task: The cell that asks.
        cohort: The real records.
        source: The arm of the generator.
        generator: As it was kept.
        pairs: Rows of the cohort.
        train: The records that the generator has learnt from.

    Raises:
        RunError: If the generator cannot read.
    """
    reader, experiment = reading(generator, source.name), task.experiment
    first, second = (np.array([getattr(pair, name) for pair in pairs], dtype=np.int64) for name in ("first", "second"))
    alpha = np.array([pair.alpha for pair in pairs])
    parts = []
    for start in range(0, len(pairs), _BATCH):
        some = slice(start, start + _BATCH)
        both = _in_step(experiment, cohort, source, first[some], second[some], alpha[some])
        wanted = cohort.wanted(first[some]) * cohort.wanted(second[some])
        parts.append(_mixed(reader, both, alpha[some], wanted, task.device))
    made = np.concatenate(parts)
    if generator.emits == "leads":
        made = completed(made, experiment.unit)
    y = np.where(cohort.y[first] == cohort.y[second], cohort.y[first], np.nan).astype(np.float32)
    names = cohort.table["record_id"].to_numpy(dtype=object)
    parents = list(zip(names[first].tolist(), names[second].tolist(), strict=True))
    return MadeRecords(source.name, _seen(task, made, generator), y, train, parents, alpha)


def _in_step(
    experiment: Experiment,
    cohort: Cohort,
    source: Arm,
    first: Int[np.ndarray, " pair"],
    second: Int[np.ndarray, " pair"],
    alpha: Float[np.ndarray, " pair"],
) -> tuple[np.ndarray, np.ndarray]:
    """Both records of pairs at one rhythm, as the generator sees them."""
    page = source.sees == "page"
    signals = [
        cohort.signals.batch(cohort.rows[rows], experiment.samples) if page else eight_of(experiment, cohort, rows)[0]
        for rows in (first, second)
    ]
    steps = [in_step(one, other, experiment.rate_hz, at) for one, other, at in zip(*signals, alpha, strict=True)]
    sides = [np.stack(side).astype(np.float32) for side in zip(*steps, strict=True)]
    one, other = (pages(experiment, side) for side in sides) if page else sides
    return one, other


def _mixed(
    generator: Autoencoder,
    both: tuple[np.ndarray, np.ndarray],
    alpha: Float[np.ndarray, " pair"],
    wanted: Float[np.ndarray, "pair group"],
    device: Device,
) -> Float[np.ndarray, "pair lead time"]:
    """What a generator makes of pairs that beat in step."""
    fabric = device.fabric()
    generator.to(fabric.device).eval()
    asked = [fabric.to_device(torch.from_numpy(part)) for part in (*both, alpha.astype(np.float32), wanted)]
    with torch.inference_mode(), fabric.autocast():
        made: np.ndarray = generator.interpolate(*asked).float().cpu().numpy()
    return made


def _ready(task: Task, cohort: Cohort, source: Cell, train: Int[np.ndarray, " train"]) -> Generator:
    """The generator of a cell: as it was kept, or where it learns nothing made again."""
    if issubclass(type(generator_of(task.experiment, cohort, source.arm)), Learner):
        return opened(task.folder.with_name(source.name) / "checkpoint")[0]
    return looked(task.experiment, cohort, source, train)


def _labels(cohort: Cohort, wanted: Float[np.ndarray, "record group"]) -> Float[np.ndarray, "record class"]:
    """What is said of a record: it has one code of each group that it was asked for, and none of any other."""
    classes = [cls for vocabulary in cohort.vocabularies for cls in vocabulary.classes]
    codes = [min(cls.means[0]) for cls in classes if not cls.against]
    table = pd.DataFrame({"positive": [[codes[i] for i in np.flatnonzero(row)] for row in wanted], "dataset": "made"})
    table["unknown"] = [[] for _ in wanted]
    annotated = {"made": sorted(frozenset().union(*(some for cls in classes for some in cls.means)))}
    return np.hstack([labels.targets(table, vocabulary, annotated) for vocabulary in cohort.vocabularies])
