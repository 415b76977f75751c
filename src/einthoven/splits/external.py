"""The publisher's folds at home; whatever has none is away, and only tested.

A model is trained, tuned and tested on the data that have folds of their own, and answers besides for every record of
the other data sets, from which nothing is learnt: not a weight, not a threshold.
"""

__all__ = ["EXTERNAL"]

import numpy as np
import pandas as pd

from einthoven.splits import OUTSIDE, Splitter
from einthoven.splits.official import OFFICIAL


def _assign(table: pd.DataFrame, targets: np.ndarray, folds: int, seed: int) -> np.ndarray:
    home = table["fold"].notna().to_numpy()
    if home.all():
        raise ValueError(
            "every record has a fold, so nothing is external; name a data set without folds, or split official"
        )
    fold = np.full(len(table), OUTSIDE)
    fold[home] = OFFICIAL.assign(table[home], targets[home], folds, seed)
    return fold


EXTERNAL = Splitter(_assign)
