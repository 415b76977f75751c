"""Decisions between classes that exclude each other, moved by weights that were chosen on labelled records.

Where classes are rare, the most probable one is seldom them. A weight for each class, by which its probability is
multiplied, moves the decision; the weights with the highest macro F1 on some records are taken, as a threshold is where
a class stands alone. Chosen on validation that is honest, chosen on the test it is not.
"""

__all__ = ["weighted"]

import itertools

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from einthoven.evaluation._ec57 import AVERAGED

_FACTORS = 2.0 ** np.arange(-4, 4.5, 0.5)


def weighted(predictions: pd.DataFrame, part: str) -> pd.DataFrame:
    """The predictions with weights, which add up to one again.

    Arguments:
        predictions: Of one model, seed and fold: one row a record and class, all classes of a record together.
        part: The part whose labels choose the weights of S and V beside N. Other classes keep theirs.

    Raises:
        ValueError: If no record of that part has a known class.
    """

    classes = tuple(dict.fromkeys(predictions["class"]))
    probability = predictions["probability"].to_numpy(np.float64).reshape(-1, len(classes))
    truth = predictions["truth"].to_numpy(np.float64, na_value=np.nan).reshape(-1, len(classes))
    asked = (predictions["part"].to_numpy()[:: len(classes)] == part) & (truth == 1).any(axis=1)
    if not asked.any():
        raise ValueError(f"no record of the part '{part}' has a known class to choose weights by; name another part")
    best = _best(truth[asked].argmax(axis=1), probability[asked], classes)
    moved = probability * best
    return predictions.assign(probability=(moved / moved.sum(axis=1, keepdims=True)).astype(np.float32).ravel())


def _best(
    true: Int[np.ndarray, " record"], probability: Float[np.ndarray, "record class"], classes: tuple[str, ...]
) -> Float[np.ndarray, " class"]:
    """The weights with the highest macro F1 over N, S and V; of equal ones those nearest to 1."""
    places = [classes.index(name) for name in AVERAGED]
    trials = sorted(itertools.product(_FACTORS, _FACTORS), key=lambda pair: np.abs(np.log(pair)).sum())
    scores = []
    for pair in trials:
        weights = np.ones(len(classes))
        weights[places[1:]] = pair
        said = (probability * weights).argmax(axis=1)
        hit = np.bincount(true[said == true], minlength=len(classes))
        total = np.bincount(true, minlength=len(classes)) + np.bincount(said, minlength=len(classes))
        scores.append(np.mean([2 * hit[k] / max(total[k], 1) for k in places]))
    weights = np.ones(len(classes))
    weights[places[1:]] = trials[int(np.argmax(scores))]
    return weights
