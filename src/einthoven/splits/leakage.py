"""The strict halves of MIT-BIH with beats of the tested patients set apart, to measure what learning from them costs.

Validation is that of `inter_patient_strict`. Of a recording of the other half, the first half of the time is the part
`earlier`: the same patients, minutes before the test. Of the second half, every other beat, drawn by the seed, is
tested, and the others are the part `between`: neighbours of tested beats, as in a split of beats at random.

Training, `earlier` and `between` are made alike: as many beats of each class, those of the part that has fewest. What
is left over, and in these three parts beats of unknown class, is in no part. Nothing is learnt from `earlier` and
`between` unless a study asks for them by name (see `studies.leakage`), so the split itself has nobody on both sides.
"""

__all__ = ["LEAKAGE"]

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from einthoven.splits import Splitter
from einthoven.splits._mitbih import halves

_NAMED = {-2: "earlier", -3: "between"}
_POOLS = (1, -2, -3)


def _assign(
    table: pd.DataFrame, targets: Float[np.ndarray, "record class"], folds: int, seed: int
) -> Int[np.ndarray, " record"]:
    fold = halves(table, targets, folds, seed, tested=("201",))
    tested = fold == folds
    middle = table.groupby("recording")["start_s"].transform(lambda start: (start.min() + start.max()) / 2)
    early = (table["start_s"] < middle).to_numpy(dtype=bool)
    drawn = np.random.default_rng(seed).permutation(len(table)) % 2 == 0
    fold = np.select([tested & early, tested & drawn], [-2, -3], fold)
    return np.where(np.isin(fold, _POOLS) & ~_alike(fold, targets, seed), 0, fold)


def _alike(
    fold: Int[np.ndarray, " record"], targets: Float[np.ndarray, "record class"], seed: int
) -> Bool[np.ndarray, " record"]:
    """As many records of each class in all pools, drawn by the seed."""
    rng = np.random.default_rng([seed, len(fold)])
    kept = np.zeros(len(fold), dtype=bool)
    for column in targets.T:
        pools = [rng.permutation(np.flatnonzero((fold == pool) & (column == 1))) for pool in _POOLS]
        for pool in pools:
            kept[pool[: min(map(len, pools))]] = True
    return kept


LEAKAGE = Splitter(_assign, fixed=True, named=_NAMED)
