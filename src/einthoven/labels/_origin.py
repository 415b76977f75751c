"""Where in the ventricles a tachycardia comes from, as classes of which a record has exactly one.

A data set says so in columns of its own: `segment`, the name of a part of the ventricles, or `x_mm`, `y_mm` and `z_mm`,
a place, or both. Where no record names a segment, places are put together into regions (k-means over the places of all
records, from the same start whenever it is asked): they are the words of an answer, not an answer.
"""

__all__ = ["ORIGIN", "REGIONS", "located", "origin"]

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd
from jaxtyping import Float
from sklearn.cluster import KMeans

from einthoven.labels._vocabulary import Class, Vocabulary

ORIGIN = ("segment", "x_mm", "y_mm", "z_mm")
REGIONS = 8  # of places whose segment nobody has named
_SYSTEM = "origin:"


def origin(annotated: Sequence[str]) -> Vocabulary:
    """The vocabulary of the segments that are named among the codes of `located`."""
    names = [code.removeprefix(_SYSTEM) for code in annotated if code.startswith(_SYSTEM)]
    classes = tuple(Class(name, name, (frozenset([f"{_SYSTEM}{name}"]),)) for name in names)
    return Vocabulary("origin", "the origin of a ventricular tachycardia", classes, exclusive=True)


def located(table: pd.DataFrame, regions: int | None = None) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """The records with their segment among their codes, which is unknown where nobody says it.

    Arguments:
        table: Records with some of the columns of `ORIGIN`.
        regions: Into how many regions places are put together; None for segments where some are named, else for eight
            regions.

    Returns:
        The table with a column `segment`, its codes added to `positive` and `unknown`; and all codes, sorted.

    Raises:
        ValueError: If no record says where anything comes from, there are fewer places than regions, or all
            tachycardias come from one.
    """

    segment = table["segment"].astype(object) if "segment" in table else pd.Series(None, table.index, dtype=object)
    segment = segment.where(segment.notna() & (segment != ""), None)
    if regions or segment.isna().all():
        segment = _regions(table, regions or REGIONS)
    codes = tuple(f"{_SYSTEM}{name}" for name in sorted(set(segment.dropna()), key=_natural))
    if len(codes) < 2:
        raise ValueError(
            f"all tachycardias come from {codes[0].removeprefix(_SYSTEM)}; of one origin nothing is learnt"
        )
    lists: dict[str, list[list[str]]] = {"positive": [], "unknown": []}
    for name, had, open_to in zip(segment, table["positive"], table["unknown"], strict=True):
        lists["positive"].append([*had, *([] if name is None else [f"{_SYSTEM}{name}"])])
        lists["unknown"].append([*open_to, *(codes if name is None else ())])
    told = {name: pd.Series(column, table.index, dtype=object) for name, column in lists.items()}
    return table.assign(segment=segment, **told), codes


def _regions(table: pd.DataFrame, regions: int) -> pd.Series:
    found: Float[np.ndarray, "record 3"] = table.reindex(columns=list(ORIGIN[1:])).to_numpy(np.float64)
    known = ~np.isnan(found).any(axis=1)
    if not known.any():
        raise ValueError(
            "no record says where a tachycardia comes from; give a column segment, or x_mm, y_mm and z_mm, "
            "of labels.csv, or simulate some: simulated=400,prevalence=VT:1"
        )
    distinct = len(np.unique(found[known], axis=0))
    if distinct < regions:
        raise ValueError(f"{distinct} different places cannot be put together into {regions} regions; ask for fewer")
    groups = KMeans(regions, n_init=10, random_state=0).fit(found[known])
    order = np.lexsort(groups.cluster_centers_.T[::-1])
    rank = np.empty(regions, dtype=np.int64)
    rank[order] = np.arange(1, regions + 1)
    segment = np.full(len(table), None, dtype=object)
    segment[known] = [f"region {rank[label]}" for label in groups.labels_]
    return pd.Series(segment, table.index)


def _natural(name: str) -> tuple[str, int]:
    """Region 10 after region 9."""
    number = re.search(r"\d+$", name)
    return (name[: number.start()], int(number[0])) if number else (name, -1)
