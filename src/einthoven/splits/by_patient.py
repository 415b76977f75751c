"""Whole patients at random, with every class spread evenly over the folds.

Iterative stratification with patients in place of examples. A record of unknown patient counts as a patient of its own.
Where the table has a column `owner`, that says which records belong together instead.
"""

__all__ = ["BY_PATIENT"]

import numpy as np
import pandas as pd

from einthoven.splits import Splitter, owners, stratify


def _assign(table: pd.DataFrame, targets: np.ndarray, folds: int, seed: int) -> np.ndarray:
    patient, _ = pd.factorize(table["owner"] if "owner" in table else owners(table), sort=True)
    counts = np.zeros((patient.max(initial=-1) + 1, targets.shape[1] + 1))
    np.add.at(counts, patient, np.column_stack([targets == 1, np.ones(len(table))]))
    return stratify(counts, np.ones(folds), np.random.default_rng(seed))[patient]


BY_PATIENT = Splitter(_assign)
