"""What a run is made of: plain values that fit into JSON."""

__all__ = ["Arm", "Cell", "Experiment", "RunError"]

import dataclasses
import hashlib
import json
from typing import Any, Literal

from einthoven.records.leads import TWELVE
from einthoven.records.preparation import Preparation
from einthoven.training import Recipe


class RunError(ValueError):
    """An experiment that cannot be run as it is; the message says why and what to do."""


@dataclasses.dataclass(frozen=True)
class Arm:
    """One way to learn: a model and how it is trained.

    Attributes:
        name: What it is called in the tables.
        model: The file of `einthoven.models`.
        options: Further arguments of the model.
        recipe: How a network is trained; None for a model that is fitted at once.
        focal: The focusing exponent of the loss; 0 for plain cross-entropy.
        balance: Whether a positive counts as much more as negatives are commoner (at most 20 times).
        members: Other arms of the grid; an arm that has members has no model, its answer is the mean of theirs.
    """

    name: str
    model: str = ""
    options: dict[str, Any] = dataclasses.field(default_factory=dict)
    recipe: Recipe | None = None
    focal: float = 0.0
    balance: bool = False
    members: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Cell:
    """One point of the grid."""

    arm: Arm
    seed: int
    fold: int

    @property
    def name(self) -> str:
        """Its folder."""
        return f"{self.arm.name}-seed{self.seed}-fold{self.fold}"


# What may be changed without making a finished cell worthless.
_GRID = ("title", "arms", "seeds", "folds", "baseline", "primary", "resamples")


@dataclasses.dataclass(frozen=True)
class Experiment:
    """Everything that decides the numbers of a run.

    Attributes:
        study: The study that made it.
        title: A line for the report.
        data: Data sets as `name=where`.
        labels: Label sets, predicted together by one model each.
        arms: The models.
        seeds: One run of every arm each.
        folds: Test folds; several of them make a cross-fitting.
        split: The splitter.
        fold_count: How many folds there are.
        rate_hz, unit, bandpass_hz, leads: See `einthoven.records.preparation.Preparation`.
        samples: Length of a recording as a model sees it; longer ones are cut, shorter ones centred between zeros.
        baseline, primary: The contrast that was written down before the run: `primary` against `baseline`.
        resamples: Of the bootstrap.
    """

    study: str
    title: str
    data: tuple[str, ...]
    labels: tuple[str, ...]
    arms: tuple[Arm, ...]
    seeds: tuple[int, ...]
    folds: tuple[int, ...]
    split: str
    samples: int
    rate_hz: float
    baseline: str
    primary: str
    fold_count: int = 10
    unit: Literal["mV", "z"] = "mV"
    bandpass_hz: tuple[float, float] | None = None
    leads: tuple[str, ...] = TWELVE
    resamples: int = 1000

    @property
    def preparation(self) -> Preparation:
        """How recordings are prepared."""
        return Preparation(self.rate_hz, self.unit, self.bandpass_hz, self.leads)

    def cells(self) -> list[Cell]:
        """The grid: the first fold and seed of every arm first, so that there is soon something to look at."""
        return [Cell(arm, seed, fold) for seed in self.seeds for fold in self.folds for arm in self.arms]

    def facts(self) -> dict[str, Any]:
        """All of it as JSON values."""
        facts: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(self)))
        return facts

    def identity(self) -> dict[str, Any]:
        """What the cells of a run folder have in common."""
        return {key: value for key, value in self.facts().items() if key not in _GRID}

    def cell_identity(self, cell: Cell, data: str, precision: str) -> str:
        """A fingerprint of what decides a cell's numbers.

        Arguments:
            cell: The cell.
            data: A fingerprint of the records.
            precision: In which networks are trained.
        """
        arms = [arm for arm in self.arms if arm == cell.arm or arm.name in cell.arm.members]
        parts = [self.identity(), [dataclasses.asdict(arm) for arm in arms], cell.seed, cell.fold, data]
        if any(arm.recipe for arm in arms):
            parts.append(precision)
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
