"""One source after another is the test set: how a model does at a hospital that it has not seen.

Fold 1 is the first source in the order of their names, and so on. Validation is drawn by patient from the training
records.
"""

__all__ = ["BY_SOURCE"]

import numpy as np
import pandas as pd

from einthoven.splits import Splitter


def _assign(table: pd.DataFrame, targets: np.ndarray, folds: int, seed: int) -> np.ndarray:
    sources = sorted(table["source"].dropna().unique())
    if len(sources) < 2:
        raise ValueError(f"splitting by source takes at least two; there is only {', '.join(sources) or 'none'}")
    return table["source"].map({name: i for i, name in enumerate(sources, start=1)}).fillna(0).to_numpy(np.int64)


BY_SOURCE = Splitter(_assign, within=True)
