"""What a run is made of: plain values that fit into JSON."""

__all__ = ["Arm", "Cell", "Experiment", "Few", "Made", "RunError", "cell_names", "cells_of", "columns_of"]

import dataclasses
import hashlib
import json
from typing import Any, Literal

from einthoven.drawing.raster import PAGE
from einthoven.records.leads import TWELVE
from einthoven.records.preparation import Preparation
from einthoven.training import Recipe, Transfer, hash_weights


class RunError(ValueError):
    """An experiment that cannot be run as it is; the message says why and what to do."""


@dataclasses.dataclass(frozen=True)
class Few:
    """A part of what there is to learn from, drawn by the seed; what a smaller number takes, a larger one takes too.

    Attributes:
        patients: How many patients, or None for all.
        each: How many records of each patient at most, or None.
        share: Which share of the patients, or None for all. Of those who only tell where to decide (validation) no
            larger share is seen either.
        positives: How many positives of each class at most, or None for all; likewise of validation. What is positive
            beyond them is left out.
        of: The classes that this is said of; empty for all.

    Raises:
        ValueError: If a number is below 1, the share is none above 0 and up to 1, or patients are told in both ways.
    """

    patients: int | None = None
    each: int | None = None
    share: float | None = None
    positives: int | None = None
    of: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.share is not None and not 0 < self.share <= 1:
            raise ValueError(f"a share of the patients lies above 0 and up to 1, not at {self.share}")
        if self.share is not None and self.patients is not None:
            raise ValueError("say how many patients, or which share of them, not both")
        if any(count is not None and count < 1 for count in (self.patients, self.each, self.positives)):
            raise ValueError(f"there is nothing to learn from fewer than one patient or record: {self}")


@dataclasses.dataclass(frozen=True)
class Made:
    """Synthetic records to learn from.

    Attributes:
        by: The arm whose generator makes them, of the same test fold; and of the same seed, or its first one where it
            was not trained with that.
        each: How many of each class; None for as many as the generator has learnt from, of the same classes.
        upto: In the place of that, to how many positives each class is brought that has fewer.
        between: Whether they lie between two real records of a class each, rather than being made of noise; the
            generator is an autoencoder then.

    Raises:
        ValueError: If a number is below 1, both are told, or none where records lie between others.
    """

    by: str
    each: int | None = None
    upto: int | None = None
    between: bool = False

    def __post_init__(self) -> None:
        if any(count is not None and count < 1 for count in (self.each, self.upto)):
            raise ValueError(f"fewer than one synthetic record of a class are none; ask for one or more: {self}")
        if self.each is not None and self.upto is not None:
            raise ValueError("say how many synthetic records of each class, or up to how many positives, not both")
        if self.between and self.each is None and self.upto is None:
            raise ValueError("records between others are as many as is said; say how many")


@dataclasses.dataclass(frozen=True)
class Arm:
    """One way to learn: a model and how it is trained.

    Attributes:
        name: What it is called in the tables.
        model: The file of `einthoven.models`.
        options: Further arguments of the model or the generator.
        recipe: How a network is trained; None for a model that is fitted at once.
        loss: The file of `einthoven.objectives` by which a network learns from labels; empty for cross-entropy.
        objective: The file of `einthoven.objectives` by which an encoder learns from signals without labels; empty
            where it learns from labels.
        asks: Further arguments of the objective, whichever it is.
        generator: The file of `einthoven.generators`, in the place of a model; it learns by the objective that it
            names.
        serves: Of a generator, whether it is there for other arms alone: it learns from records of none of the classes
            too, and what it makes is not measured.
        sees: `leads`, or `page` for pictures of paper, whose rows stand in the place of leads and whose columns in that
            of time; see `einthoven.drawing.raster`.
        gaps: Whether the model, an encoder, takes signals of which something is missing.
        places: The leads that the encoder has places for, where the data have fewer; those are marked missing. Empty
            where it sees the leads of the experiment.
        balance: Whether a positive counts as much more as negatives are commoner (at most 20 times).
        adjust: How much of the log odds of each class is added to its logits in the loss alone.
        repeat: Up to how many positives records of each class are repeated that has fewer; 0 for not at all.
        changes: What happens to its training batches, in this order: the `name` of a file of `einthoven.transforms`
            with its other arguments. That of `noise` has the noise of the experiment.
        members: Other arms of the grid; an arm that has members has no model, its answer is the mean of theirs.
        covariates: What the model sees beside the signal; see `einthoven.pipeline.covariates`.
        transfer: Whose weights a network begins with, and which of them stay.
        few: How much less there is to learn from.
        learns: The parts that it learns from. Of those it gives no answers. None where it learns from synthetic
            records alone.
        watches: The part by which the best epoch is chosen; `test` is a leak, which is here to be measured. Empty for
            none: the recipe's monitor is then `last`.
        seeds: With how many of the experiment's seeds it is trained, from the first; None for all.
        rank: Cells of a lower rank are computed first.
        decides: Of an arm with members, the part by whose labels it chooses the weights of the classes, see
            `einthoven.evaluation.weighted`; `test` is a leak. Empty for none.
        scaled: The parts over which each sample of the signal is brought to mean 0 and deviation 1, before anything
            else; empty for none. Where the test part is among them, that is a leak too.
        made: Synthetic records that it learns from, beside the parts that it `learns`.
        tried: Arms of whose generators as many records are made as they have learnt from, for it to answer for.

    Raises:
        ValueError: If it is to see synthetic or changed records with covariates, or synthetic ones scaled, which they
            have not; or what counts more or less by how rare a class is, is told of a loss that knows no such thing.
    """

    name: str
    model: str = ""
    options: dict[str, Any] = dataclasses.field(default_factory=dict)
    recipe: Recipe | None = None
    loss: str = ""
    objective: str = ""
    asks: dict[str, Any] = dataclasses.field(default_factory=dict)
    generator: str = ""
    serves: bool = False
    sees: Literal["leads", "page"] = "leads"
    gaps: bool = False
    places: tuple[str, ...] = ()
    balance: bool = False
    adjust: float = 0.0
    repeat: int = 0
    changes: tuple[dict[str, Any], ...] = ()
    members: tuple[str, ...] = ()
    covariates: tuple[str | dict[str, Any], ...] = ()
    transfer: Transfer | None = None
    few: Few = Few()
    learns: tuple[str, ...] = ("train",)
    watches: str = "validation"
    scaled: tuple[str, ...] = ()
    decides: str = ""
    seeds: int | None = None
    rank: int = 0
    made: Made | None = None
    tried: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if (self.made or self.tried) and (self.covariates or self.scaled):
            raise ValueError(f"{self.name}: a synthetic record has no covariates, and is not scaled; leave these out")
        if self.changes and self.covariates:
            raise ValueError(
                f"{self.name}: what is known beside a signal does not change with it; leave one of them out"
            )
        if self.sees == "page" and (self.places or self.scaled or self.gaps or (self.recipe and self.recipe.crop_s)):
            raise ValueError(f"{self.name}: a page has no leads, samples or windows of time; leave these out")
        if self.loss and (self.balance or self.adjust):
            raise ValueError(f"{self.name}: {self.loss} is told no weights and no log odds of classes; leave them out")

    @property
    def after(self) -> tuple[str, ...]:
        """The arms whose cells it is computed from."""
        return tuple(dict.fromkeys((*self.members, *((self.made.by,) if self.made else ()), *self.tried)))

    @property
    def unnamed(self) -> "Arm":
        """The same without the place of its weights, which are known by their hash."""
        if self.transfer is None or self.transfer.weights is None:
            return self
        return dataclasses.replace(self, transfer=dataclasses.replace(self.transfer, weights=""))

    @property
    def keeps(self) -> bool:
        """Whether its checkpoint is kept: it saw no part but training and validation, and signals as they are."""
        return {*self.learns, self.watches} <= {"train", "validation", ""} and not self.scaled and self.sees == "leads"


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
_GRID = (
    "title",
    "arms",
    "seeds",
    "folds",
    "baseline",
    "primary",
    "pairs",
    "resamples",
    "encoder",
    "release",
    "remedies",
)
_ORDER = ("seeds", "rank")  # and what of an arm only says when a cell is computed


def _said(value: Any, apart: tuple[str, ...] = ()) -> Any:
    """A value as JSON, of which fields that are as by default are left out: a new one changes nothing that was said.

    Arguments:
        value: A dataclass, or what stands in one.
        apart: Fields of it that do not count.
    """

    if not dataclasses.is_dataclass(value):
        return [_said(each) for each in value] if isinstance(value, tuple | list) else value
    found = {}
    for field in dataclasses.fields(value):
        usual = field.default if field.default_factory is dataclasses.MISSING else field.default_factory()
        if field.name not in apart and (part := getattr(value, field.name)) != usual:
            found[field.name] = _said(part)
    return found


@dataclasses.dataclass(frozen=True)
class Experiment:
    """Everything that decides the numbers of a run.

    Attributes:
        study: The study that made it.
        title: A line for the report.
        data: Data sets as `name=where`.
        labels: Label sets, predicted together by one model each; none where all arms learn without.
        arms: The models.
        seeds: One run of every arm each.
        folds: Test folds; several of them make a cross-fitting.
        split: The splitter.
        fold_count: How many folds there are.
        rate_hz, unit, bandpass_hz, leads: See `einthoven.records.preparation.Preparation`.
        samples: Length of a recording as a model sees it; longer ones are cut, shorter ones centred between zeros.
        baseline, primary: The contrast that was written down before the run: `primary` against `baseline`.
        pairs: Further such contrasts, the first arm of each against the second.
        encoder: A checkpoint, or a run of pretraining, whose network tells how like crowds of real and synthetic
            records are; it has seen nobody of them. Empty for none.
        remedies: Whether its arms, named REMEDY@POSITIVES, are remedies for rare classes and judged as such.
        noise: A data set of recordings whose hearts are not to be seen, for arms that add noise; of simulated ones,
            what their hearts did not make. Empty for none.
        release: How many synthetic records of each class the primary arm's generator writes as a data set beside the
            tables; 0 for none.
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
    pairs: tuple[tuple[str, str], ...] = ()
    encoder: str = ""
    release: int = 0
    noise: str = ""
    remedies: bool = False

    @property
    def preparation(self) -> Preparation:
        """How recordings are prepared."""
        return Preparation(self.rate_hz, self.unit, self.bandpass_hz, self.leads)

    @property
    def predicts(self) -> bool:
        """Whether some of its arms answer for records, rather than learn what signals are like."""
        return bool(self.labels) and not all(arm.generator for arm in self.arms)

    @property
    def localises(self) -> bool:
        """Whether it asks where a tachycardia comes from."""
        return any(name.partition(":")[0] == "origin" for name in self.labels)

    def cells(self) -> list[Cell]:
        """The grid, by rank: the first fold and seed of every arm first, so that there is soon something to look at."""
        grid = [(i, seed, fold, arm) for i, seed in enumerate(self.seeds) for fold in self.folds for arm in self.arms]
        cells = [Cell(arm, seed, fold) for i, seed, fold, arm in grid if arm.seeds is None or i < arm.seeds]
        return sorted(cells, key=lambda cell: cell.arm.rank)

    def stages(self) -> list[list[Cell]]:
        """The grid as it can be computed: what a cell is computed from stands in an earlier stage, a lower rank too.

        Raises:
            RunError: If an arm waits for one that is not there, or several for each other.
        """
        depth: dict[str, tuple[int, int]] = {}  # the highest rank of an arm and all before it, and how many these are
        left = {arm.name: tuple(self._arm(name).name for name in arm.after) for arm in self.arms}
        while left:
            ready = [name for name, after in left.items() if not any(other in left for other in after)]
            if not ready:
                raise RunError(f"the arms {', '.join(left)} wait for each other")
            for name in ready:
                before = [depth[other] for other in left.pop(name)]
                rank = max([self._arm(name).rank, *(rank for rank, _ in before)])
                depth[name] = rank, max((1 + steps for _, steps in before), default=0)
        cells = self.cells()
        return [[cell for cell in cells if depth[cell.arm.name] == stage] for stage in sorted(set(depth.values()))]

    def cell_of(self, name: str, seed: int, fold: int) -> Cell:
        """The cell of another arm for a cell of this seed and fold: of the same seed, or the first if it has it not.

        Raises:
            RunError: If there is no such arm.
        """
        arm = self._arm(name)
        return Cell(arm, seed if seed in self.seeds[: arm.seeds] else self.seeds[0], fold)

    def _arm(self, name: str) -> Arm:
        arm = next((arm for arm in self.arms if arm.name == name), None)
        if arm is None:
            raise RunError(f"there is no arm {name} in this grid; it has {', '.join(arm.name for arm in self.arms)}")
        return arm

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
        arms = [arm for arm in self.arms if arm == cell.arm or arm.name in cell.arm.after]
        facts = [_said(arm.unnamed, _ORDER) for arm in arms]
        parts = [_said(self, _GRID), facts, cell.seed, cell.fold, data]
        parts += [hash_weights(arm.transfer) for arm in arms if arm.transfer is not None]
        if cell.arm.after and not cell.arm.members:
            parts.append([self.cell_of(name, cell.seed, cell.fold).seed for name in cell.arm.after])
        if any(arm.recipe for arm in arms):
            parts.append(precision)
        if cell.arm.generator and self.encoder:
            parts.append(hash_weights(Transfer(self.encoder)))
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def columns_of(samples: int, rate_hz: float) -> tuple[int, float]:
    """The columns of a page that shows so many samples, and how many a second has."""
    return PAGE[1], PAGE[1] * rate_hz / samples


def cells_of(facts: dict[str, Any]) -> list[tuple[str, int, int]]:
    """The arm, seed and fold of each cell of an experiment that JSON tells."""
    grid = [(arm["name"], seed) for arm in facts["arms"] for seed in facts["seeds"][: arm.get("seeds")]]
    return [(name, seed, fold) for name, seed in grid for fold in facts["folds"]]


def cell_names(facts: dict[str, Any]) -> list[str]:
    """The cells of an experiment that JSON tells, by their names, sorted."""
    return sorted(Cell(Arm(name), seed, fold).name for name, seed, fold in cells_of(facts))
