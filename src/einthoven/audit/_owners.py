"""Whose a record is, as far as a split needs to know."""

__all__ = ["with_owners"]

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from einthoven.splits import owners


def with_owners(table: pd.DataFrame, pairs: pd.DataFrame) -> pd.DataFrame:
    """The table with a column `owner`: what a patient's records share, and all that are one recording with them.

    Arguments:
        table: Records, with `record_id` and `patient_id`.
        pairs: What `find_pairs` gave for them; those that are not certain do not count.
    """

    pairs = pairs[pairs["certain"].astype(bool)]
    code, names = pd.factorize(owners(table))
    links = (code[pairs["first"].to_numpy(np.int64)], code[pairs["second"].to_numpy(np.int64)])
    graph = coo_array((np.ones(len(pairs)), links), shape=(len(names), len(names)))
    group = connected_components(graph, directed=False)[1]
    first = pd.Series(names).groupby(group).first()
    return table.assign(owner=first.to_numpy()[group[code]])
