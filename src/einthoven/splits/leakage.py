"""The strict halves of MIT-BIH with beats of the tested patients set apart, to measure what learning from them costs.

Training and validation are those of `inter_patient_strict`. Of a recording of the other half, the first half of the
time is the part `earlier`: the same patients, minutes before the test. Of the second half, every other beat, drawn by
the seed, is tested, and the others are the part `between`: neighbours of tested beats, as in a split of beats at
random. Nothing is learnt from these two parts unless a study asks for them by name (see `studies.leakage`), so the
split itself has nobody on both sides.
"""

__all__ = ["LEAKAGE"]

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from einthoven.splits import Splitter
from einthoven.splits._mitbih import halves

_NAMED = {-2: "earlier", -3: "between"}


def _assign(
    table: pd.DataFrame, targets: Float[np.ndarray, "record class"], folds: int, seed: int
) -> Int[np.ndarray, " record"]:
    fold = halves(table, targets, folds, seed, tested=("201",))
    tested = fold == folds
    middle = table.groupby("recording")["start_s"].transform(lambda start: (start.min() + start.max()) / 2)
    early = (table["start_s"] < middle).to_numpy(dtype=bool)
    drawn = np.random.default_rng(seed).permutation(len(table)) % 2 == 0
    return np.select([tested & early, tested & drawn], [-2, -3], fold)


LEAKAGE = Splitter(_assign, fixed=True, named=_NAMED)
