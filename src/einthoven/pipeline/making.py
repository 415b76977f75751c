"""Synthetic records to learn from, or to answer for: made in memory by the generator of another cell."""

__all__ = ["MadeRecords", "made_records"]

from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from einthoven import labels
from einthoven.generators import Generator, Learner
from einthoven.pipeline.cohort import Cohort
from einthoven.pipeline.emitting import emitted, opened
from einthoven.pipeline.experiment import Cell, Made
from einthoven.pipeline.generating import fitting, generator_of, looked
from einthoven.pipeline.learning import learnt_from
from einthoven.pipeline.task import Task
from einthoven.records.leads import TWELVE, derive


class MadeRecords(NamedTuple):
    """Records that a generator made.

    Attributes:
        by: Its arm.
        signal: In the leads of the experiment.
        y: Their labels, for all classes of the cohort.
        seen: The real records that it has learnt from.
    """

    by: str
    signal: Float[np.ndarray, "record lead time"]
    y: Float[np.ndarray, "record class"]
    seen: Int[np.ndarray, " seen"]


def made_records(task: Task, cohort: Cohort, made: Made) -> MadeRecords:
    """The records that a cell asks for; the same seed makes the same.

    Arguments:
        task: The cell.
        cohort: The real records.
        made: Which synthetic ones.
    """

    experiment, source = task.experiment, task.experiment.cell_of(made.by, task.cell.seed, task.cell.fold)
    train = fitting(experiment, cohort, learnt_from(source, cohort))
    each = np.eye(len(cohort.groups), dtype=np.float32)
    wanted = cohort.wanted(train) if made.each is None else np.repeat(each, made.each, axis=0)
    twelve = emitted(
        _ready(task, cohort, source, train),
        wanted,
        seed=task.cell.seed,
        numbers=range(len(wanted)),
        unit=experiment.unit,
        device=task.device,
    )
    return MadeRecords(made.by, derive(twelve, TWELVE, experiment.leads), _labels(cohort, wanted), train)


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
