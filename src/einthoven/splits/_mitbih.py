"""The two halves of MIT-BIH, DS1 and DS2, by which beat classifiers are compared, and a validation part of the first.

De Chazal, O'Dwyer and Reilly 2004 (https://doi.org/10.1109/TBME.2004.827359).
"""

__all__ = ["halves"]

from collections.abc import Sequence

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from einthoven.splits.by_patient import BY_PATIENT

_DS1 = "101 106 108 109 112 114 115 116 118 119 122 124 201 203 205 207 208 209 215 220 223 230"
_DS2 = "100 103 105 111 113 117 121 123 200 202 210 212 213 214 219 221 222 228 231 232 233 234"
_PACED = "102 104 107 217"
_VALIDATION = 5  # the part of the patients of DS1 that is set aside: with a tenth, two, it often holds ten beats of S


def halves(
    table: pd.DataFrame,
    targets: Float[np.ndarray, "record class"],
    folds: int,
    seed: int,
    *,
    tested: Sequence[str] = (),
) -> Int[np.ndarray, " record"]:
    """Fold 1 for DS1, the last for DS2, the one before for validation, and 0 for the four paced recordings.

    Arguments:
        table: Beats, with the column `recording`.
        targets: Their labels.
        folds: How many folds there are, at least three.
        seed: Of the validation part.
        tested: Recordings of DS1 that are tested all the same.

    Raises:
        ValueError: If there are fewer folds, or a record is of no recording of MIT-BIH.
    """

    if folds < 3:
        raise ValueError(f"the halves of MIT-BIH and a validation part take three folds, not {folds}")
    if "recording" not in table:
        raise ValueError("these data do not say of which recording a record is; the halves are those of mitdb")
    sides = ((_DS1.split(), 1), (_DS2.split(), folds), (_PACED.split(), 0), (tested, folds))
    number = {f"mitdb:{name}": fold for names, fold in sides for name in names}
    strange = table["record_id"][~table["recording"].isin(number)]
    if len(strange):
        raise ValueError(
            f"{len(strange)} records such as {strange.iloc[0]} are of no recording of MIT-BIH, whose halves these are; "
            "split by_patient instead"
        )
    fold = np.array(table["recording"].map(number), dtype=np.int64)
    first = np.flatnonzero(fold == 1)
    fold[first[_set_aside(table.iloc[first], targets[first], seed)]] = folds - 1
    return fold


def _set_aside(table: pd.DataFrame, targets: Float[np.ndarray, "record class"], seed: int) -> np.ndarray:
    """Whether a record is for validation: of five parts by patient, the one whose classes are nearest to a fifth."""
    part = BY_PATIENT.assign(table, targets, _VALIDATION, seed)
    counts = np.column_stack([targets == 1, np.ones(len(table), dtype=bool)])
    total = np.maximum(counts.sum(axis=0), 1)
    there = sorted(set(part.tolist()))
    away = [np.abs(counts[part == k].sum(axis=0) / total - 1 / _VALIDATION).sum() for k in there]
    return part == there[int(np.argmin(away))] if there else part == 0
