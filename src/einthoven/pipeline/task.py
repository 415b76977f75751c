"""A cell that is to be computed, and what it leaves in its folder."""

__all__ = ["Task", "cell_folder", "finished", "is_done", "seconds_of", "shape_of", "write_json"]

import dataclasses
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from einthoven import models
from einthoven.drawing.raster import PAGE
from einthoven.pipeline.cohort import Cohort
from einthoven.pipeline.experiment import Arm, Cell, Experiment, RunError, columns_of
from einthoven.records.writing import replacing
from einthoven.training import Device


@dataclasses.dataclass(frozen=True)
class Task:
    """A cell with all that it takes to compute it."""

    experiment: Experiment
    cell: Cell
    folder: Path
    identity: str
    device: Device


def cell_folder(run: Path, cell: Cell) -> Path:
    """Where a cell lies in its run."""
    return run / "cells" / cell.name


def finished(folder: Path) -> dict[str, Any]:
    """What a finished cell says of itself; nothing where it is not finished."""
    try:
        facts = json.loads((folder / "cell.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return facts if "identity" in facts and (folder / "predictions.parquet").is_file() else {}


def seconds_of(run: Path, names: Iterable[str]) -> dict[str, float]:
    """What each finished cell took."""
    found = {name: finished(run / "cells" / name) for name in names}
    return {name: facts["seconds"] for name, facts in found.items() if facts}


def is_done(folder: Path, identity: str) -> bool:
    """Whether the cell is finished.

    Raises:
        RunError: If it is finished, but not the one that is wanted.
    """
    facts = finished(folder)
    if facts and facts["identity"] != identity:
        raise RunError(
            f"{folder} was computed with other settings, data or precision; choose another folder with --out, or "
            "delete that cell to compute it again"
        )
    return bool(facts)


def write_json(path: Path, value: Any) -> None:
    """Writes JSON, atomically."""
    with replacing(path) as scratch:
        scratch.write_text(json.dumps(value, indent=1, default=str) + "\n", encoding="utf-8")


def shape_of(
    experiment: Experiment, cohort: Cohort, arm: Arm, beside: Float[np.ndarray, "record covariate"] | None = None
) -> models.Shape:
    """The form of what an arm's model sees, covariates beside the signal included, and says."""
    form = (len(arm.places or experiment.leads), experiment.samples, experiment.rate_hz)
    if arm.sees == "page":
        form = (PAGE[0], *columns_of(experiment.samples, experiment.rate_hz))
    return models.Shape(
        *form, max(1, len(cohort.classes)), cohort.exclusive, 0 if beside is None else beside.shape[1], arm.gaps
    )
