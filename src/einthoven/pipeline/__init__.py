"""From data on disk to a run folder: compile, split, train, predict, evaluate.

A study is a grid of cells, model × seed × test fold. Each finished cell is kept and never computed twice; a run
that was stopped anywhere goes on when the same command is given again.
"""

__all__ = [
    "Arm",
    "Experiment",
    "Few",
    "Made",
    "RunError",
    "cell_names",
    "evaluate_run",
    "interpolated",
    "release",
    "run",
    "stale",
]

from einthoven.pipeline.evaluated import evaluate_run, stale
from einthoven.pipeline.experiment import Arm, Experiment, Few, Made, RunError, cell_names
from einthoven.pipeline.interpolating import interpolated
from einthoven.pipeline.releasing import release
from einthoven.pipeline.run import run
