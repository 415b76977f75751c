"""Records at random, whoever they belong to: the leaky split of much of the literature.

It is here to measure what leakage does to a figure, and for nothing else.
"""

__all__ = ["BY_EXAMPLE"]

import numpy as np
import pandas as pd

from einthoven.splits import Splitter


def _assign(table: pd.DataFrame, targets: np.ndarray, folds: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).permutation(len(table)) % folds + 1


BY_EXAMPLE = Splitter(_assign, leaky=True)
