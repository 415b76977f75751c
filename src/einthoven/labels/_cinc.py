"""The scored classes of the PhysioNet/CinC challenges of 2020 and 2021, and what a confusion of two is worth.

Perez Alday et al. 2020, https://doi.org/10.1088/1361-6579/abc960, and Reyna et al. 2021,
https://doi.org/10.23919/CinC53138.2021.9662687; the facts are those of `dx_mapping_scored.csv` and `weights.csv` in
https://github.com/physionetchallenges/evaluation-2020 and https://github.com/physionetchallenges/evaluation-2021.

The published weights are 1 on the diagonal and ½ − |a − b| off it, where a and b are the places of the two classes on
one line: the nearer two diagnoses are in treatment and risk, the more a confusion of them is forgiven. Hence a class
needs one number, here in eightieths so that no digit is lost. Two pairs of 2021 are worth 1/40 less than that.
"""

__all__ = ["YEARS", "scored", "weights"]

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from einthoven.labels._crosswalk import means
from einthoven.labels._snomed import FINDINGS, snomed
from einthoven.labels._vocabulary import Class, Vocabulary

YEARS = {
    2020: "https://doi.org/10.1088/1361-6579/abc960",
    2021: "https://doi.org/10.23919/CinC53138.2021.9662687",
}


class _Scored(NamedTuple):
    finding: str
    place: int
    since: int


def _parse(line: str) -> _Scored:
    finding, place, since = line.split("|")
    return _Scored(finding.strip(), int(place), int(since))


# The finding, which brings its twin; its place in eightieths; the first year in which it was scored.
_SCORED = tuple(
    _parse(line)
    for line in """\
AF     |  0 | 2020
AFL    |  0 | 2020
BBB    |  2 | 2021
Brady  | 16 | 2020
LBBB   |  2 | 2020
RBBB   |  8 | 2020
IAVB   | 16 | 2020
IRBBB  | 16 | 2020
LAD    | 12 | 2020
LAnFB  | 12 | 2020
LPR    | 16 | 2020
LQRSV  |  6 | 2020
LQT    |  4 | 2020
NSIVCB | 12 | 2020
NSR    | 20 | 2020
PAC    | 13 | 2020
PR     | 10 | 2020
PRWP   |  6 | 2021
PVC    | 10 | 2020
QAb    | -8 | 2020
RAD    | 12 | 2020
SA     | 16 | 2020
SB     | 16 | 2020
STach  | 10 | 2020
TAb    |  0 | 2020
TInv   |  0 | 2020""".splitlines()
)
_FURTHER = (("BBB", "LBBB", 2), ("LQRSV", "PRWP", 2))


def _of(year: int) -> tuple[_Scored, ...]:
    if year not in YEARS:
        raise ValueError(f"the challenge score is that of {' or '.join(map(str, YEARS))}, not of {year}")
    return tuple(row for row in _SCORED if row.since <= year)


def scored(year: int) -> Vocabulary:
    """The vocabulary of a year; a class goes by the challenge's abbreviation, a merged pair by that of one of the two.

    LBBB counts complete left bundle branch block in 2020 too: no record had that code of its own then.

    Raises:
        ValueError: If there is no such year.
    """

    classes = tuple(Class(row.finding, FINDINGS[row.finding].title, means(snomed(row.finding))) for row in _of(year))
    title = f"{len(classes)} scored classes of the PhysioNet/CinC challenge {year}"
    return Vocabulary(f"cinc{year}", title, classes, YEARS[year])


def weights(year: int) -> Float[np.ndarray, "class class"]:
    """What it is worth to answer one class (column) where the truth is another (row), from 0 to 1.

    In the order of the vocabulary's classes; a class answered rightly is worth 1.

    Raises:
        ValueError: If there is no such year.
    """

    rows = _of(year)
    place = np.array([row.place for row in rows])
    distance = np.abs(place[:, None] - place)
    order = [row.finding for row in rows]
    for one, other, further in _FURTHER:
        if one in order and other in order:
            i, j = order.index(one), order.index(other)
            distance[i, j] = distance[j, i] = distance[i, j] + further
    worth = (40 - distance) / 80
    np.fill_diagonal(worth, 1.0)
    return worth
