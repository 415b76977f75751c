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

Where the classes are those of beats, which exclude each other, nothing has a threshold, and `evaluate_beats` makes the
tables instead.

Where models learnt from different shares of the labels, `efficiency` tells what labels are worth; what an encoder
learnt without any is told by `pretext`.

Intervals are over patients, on resamples that all tables share (see `bootstrap`).
"""

__all__ = ["efficiency", "evaluate", "evaluate_beats", "pretext", "weighted"]

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from einthoven.evaluation._beats import of_model
from einthoven.evaluation._weighted import weighted
from einthoven.evaluation.abstention import abstention
from einthoven.evaluation.beats import against, beats, carriers, each_pair, mistaken, recordings
from einthoven.evaluation.calibration import calibration
from einthoven.evaluation.challenge import challenge
from einthoven.evaluation.contrasts import contrasts
from einthoven.evaluation.curves import curves
from einthoven.evaluation.decide import decide
from einthoven.evaluation.efficiency import efficiency
from einthoven.evaluation.mistakes import mistakes
from einthoven.evaluation.pretext import pretext
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


def evaluate_beats(
    predictions: pd.DataFrame,
    *,
    baseline: str | None,
    primary: str,
    pairs: Sequence[tuple[str, str]] = (),
    resamples: int = 1000,
    seed: int = 0,
) -> dict[str, pd.DataFrame]:
    """Every table of a run on beats, whose classes exclude each other.

    Arguments:
        predictions: The predictions table, one row a beat and class; its test rows are judged, see `beats`.
        baseline: The model that the primary one was planned to be compared with, or None.
        primary: The model that is compared with all others, and whose mistakes are listed.
        pairs: Further models that were planned to be compared, the first of each with the second.
        resamples: How many times the patients are drawn.
        seed: Of the draws.

    Returns:
        `beats`, `recordings`, `carriers` (of the beats that the primary model was tested on), `paired`, `pairs` and
        `mistakes`; the functions of `evaluation.beats` say what their columns are, `against` those of `paired`,
        `each_pair` those of `pairs` and `mistaken` those of `mistakes`.

    Raises:
        ValueError: If the table is not what it should be, there is nothing of the primary model or the baseline, or a
            model was tested on none of the primary model's beats.
    """

    ours = of_model(predictions, primary)
    return {
        "beats": beats(predictions, resamples=resamples, seed=seed),
        "recordings": recordings(predictions),
        "carriers": carriers(ours),
        "paired": against(predictions, primary, baseline=baseline, resamples=resamples, seed=seed),
        "pairs": each_pair(predictions, pairs, resamples=resamples, seed=seed),
        "mistakes": mistaken(ours, primary),
    }
