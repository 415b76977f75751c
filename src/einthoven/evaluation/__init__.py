"""From a table of predictions to everything that is said about a model.

This room reads tables and nothing else: no network, no signal, no training. So every number can be made again, by
anybody, from the predictions on disk. A table comes from one function, and `evaluate` makes them all:

    thresholds   fitted on validation rows; with `decide`, decisions and calibrated probabilities for test rows
    summary      metrics by class and on average
    contrasts    differences between models
    abstention   what is left open by a model that may say so
    transfer     what is lost at places that nothing was learnt from
    challenge    the score of the PhysioNet/CinC challenges, for their label sets
    calibration, reliability, subgroups, curves, mistakes

Intervals are over patients, on resamples that all tables share (see `bootstrap`).
"""

__all__ = ["evaluate"]

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from einthoven.evaluation.abstention import abstention
from einthoven.evaluation.calibration import calibration
from einthoven.evaluation.challenge import challenge
from einthoven.evaluation.contrasts import contrasts
from einthoven.evaluation.curves import curves
from einthoven.evaluation.decide import decide
from einthoven.evaluation.mistakes import mistakes
from einthoven.evaluation.reliability import reliability
from einthoven.evaluation.subgroups import subgroups
from einthoven.evaluation.summary import summary
from einthoven.evaluation.thresholds import thresholds
from einthoven.evaluation.transfer import transfer


def evaluate(
    predictions: pd.DataFrame,
    cohort: pd.DataFrame,
    *,
    label_sets: Mapping[str, Sequence[str]],
    baseline: str | None,
    primary: str,
    resamples: int = 1000,
    seed: int = 0,
) -> dict[str, pd.DataFrame]:
    """Every table of a run.

    Arguments:
        predictions: The predictions table, validation and test rows, and external ones where there are any.
        cohort: The cohort table, one row a record.
        label_sets: The classes of each label set; every predicted class is in one.
        baseline: The model that the primary one was planned to be compared with, or None.
        primary: The model that is compared with all others, and whose mistakes are listed.
        resamples: How many times the patients are drawn.
        seed: Of the draws.

    Returns:
        `summary`, `contrasts`, `thresholds`, `abstention`, `transfer`, `challenge`, `calibration`, `reliability`,
        `subgroups`, `curves` and `mistakes`; the functions of these names say what their columns are.

    Raises:
        ValueError: If the tables are not what they should be, or the models answered for different records.
    """

    fitted = thresholds(predictions)
    decided = decide(predictions, fitted)
    draws: dict[str, Any] = {"label_sets": label_sets, "resamples": resamples, "seed": seed}
    return {
        "summary": summary(decided, **draws),
        "contrasts": contrasts(predictions, primary, baseline=baseline, **draws),
        "thresholds": fitted,
        "abstention": abstention(decided, **draws),
        "transfer": transfer(predictions, fitted, **draws),
        "challenge": challenge(decided, **draws),
        "calibration": calibration(decided, **draws),
        "reliability": reliability(decided, **draws),
        "subgroups": subgroups(predictions, cohort, **draws),
        "curves": curves(predictions, label_sets=label_sets),
        "mistakes": mistakes(decided, model=primary),
    }
