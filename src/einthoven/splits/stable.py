"""The publisher's fold where a record has one, and else a fold that its owner's id decides.

So a record stands on the same side whatever other data are there: what was pretrained under this split, on many data
sets without labels, can be tested under it on any of them. A patient's records go together, also where only some have a
fold, and so do records that the table's column `owner` puts together. The owner is the patient, or the record itself
where nobody knows the patient. No class is spread evenly on purpose.

Two things can move a record all the same: a copy of it, or a record of its patient with a fold of the publisher's, that
stands in another data set and is not there the next time. The audit finds what that would leak.
"""

__all__ = ["STABLE"]

import hashlib

import numpy as np
import pandas as pd

from einthoven.splits import Splitter, owners


def _assign(table: pd.DataFrame, targets: np.ndarray, folds: int, seed: int) -> np.ndarray:
    owner = table["owner"] if "owner" in table else owners(table)
    given = table["fold"].groupby(owner.to_numpy()).transform("min").set_axis(table.index)
    given = table["fold"].fillna(given)  # so a patient whom the publisher put into two folds is seen by the check
    if (given > folds).any():
        raise ValueError(f"the data name fold {given.max()}, more than the {folds} asked for")
    own = [int(hashlib.sha256(name.encode()).hexdigest()[:12], 16) % folds + 1 for name in owner]
    return given.fillna(pd.Series(own, index=table.index)).to_numpy(dtype=np.int64)


STABLE = Splitter(_assign)
