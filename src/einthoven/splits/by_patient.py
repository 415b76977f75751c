"""Whole patients at random, with every class spread evenly over the folds.

Iterative stratification (Sechidis et al. 2011, https://doi.org/10.1007/978-3-642-23808-6_10), with patients in place of
examples: from the rarest class to the commonest, each patient who has it goes to the fold that lacks most of it. A
record of unknown patient counts as a patient of its own.
"""

__all__ = ["BY_PATIENT"]

import numpy as np
import pandas as pd

from einthoven.splits import Splitter


def _assign(table: pd.DataFrame, targets: np.ndarray, folds: int, seed: int) -> np.ndarray:
    owner = ("patient " + table["patient_id"]).fillna("record " + table["record_id"])
    patient, _ = pd.factorize(owner, sort=True)
    counts = np.zeros((patient.max(initial=-1) + 1, targets.shape[1] + 1))
    np.add.at(counts, patient, np.column_stack([targets == 1, np.ones(len(table))]))
    return _stratified(counts, folds, np.random.default_rng(seed))[patient]


def _stratified(counts: np.ndarray, folds: int, rng: np.random.Generator) -> np.ndarray:
    """A fold from 1 for each patient; the last column counts records and fills up what classes leave open."""
    fold = np.zeros(len(counts), dtype=np.int64)
    lacking = np.tile(counts.sum(axis=0) / folds, (folds, 1))
    order = rng.permutation(len(counts))
    while (todo := order[fold[order] == 0]).size:
        left = (counts[todo] > 0).sum(axis=0)
        left[-1] = left[-1] * 2 + 1 if left[:-1].any() else left[-1]  # records come last
        rarest = int(np.where(left > 0, left, np.iinfo(np.int64).max).argmin())
        members = todo[counts[todo, rarest] > 0]
        for person in members[np.argsort(-counts[members, rarest], kind="stable")]:
            best = np.lexsort((rng.random(folds), -lacking[:, -1], -lacking[:, rarest]))[0]
            fold[person] = best + 1
            lacking[best] -= counts[person]
    return fold


BY_PATIENT = Splitter(_assign)
