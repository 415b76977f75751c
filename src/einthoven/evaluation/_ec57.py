"""The figures of ANSI/AAMI EC57, from matrices of beats: the true class by the class that was said.

A figure is a formula of the counts in one matrix and takes any number of matrices at once, so a bootstrap is the
matrices of its resamples. EC57 differs from a plain reading of the matrix in two cells of V and one of S, which it
spares: a fusion beat (F) or an unclassifiable one (Q) that is called V is neither a hit nor a false alarm of V, and a Q
that is called S is neither of S. PhysioNet's program for the standard, `bxb`, counts alike. `positive_predictivity` and
`false_positive_rate` spare them; `precision` and `f1` do not, so that they are what other software says.

Two indices are in use for one number a model: j (Mar et al. 2011, https://doi.org/10.1109/TBME.2011.2113395) is the sum
of sensitivity and positive predictivity of S and V, from 0 to 4, and jκ (Mondéjar-Guerra et al. 2019,
https://doi.org/10.1016/j.bspc.2018.08.007) is κ/2 + j/8, at most 1. Both take the positive predictivity of EC57.
"""

__all__ = ["AVERAGED", "CLASSES", "by_class", "macro_f1", "overall"]

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from einthoven.evaluation._measure import macro
from einthoven.metrics._ratio import ratio

CLASSES = ("N", "S", "V", "F", "Q")
AVERAGED = ("N", "S", "V")
# Of these true classes a beat that is called the key is not counted.
SPARED = {"S": ("Q",), "V": ("F", "Q")}


def by_class(
    matrices: Float[np.ndarray, "*many true said"], classes: Sequence[str]
) -> dict[str, Float[np.ndarray, "*many true"]]:
    """The figures of each class.

    Arguments:
        matrices: Numbers of beats.
        classes: The names of rows and columns.

    Returns:
        sensitivity, positive_predictivity, false_positive_rate, precision and f1, each from 0 to 1. NaN where there is
        nothing to divide by: no such beats (sensitivity, f1), or none that were called so (the predictivities).
    """

    spare = np.array([[true in SPARED.get(said, ()) for said in classes] for true in classes])
    hit, true, said = np.diagonal(matrices, axis1=-2, axis2=-1), matrices.sum(axis=-1), matrices.sum(axis=-2)
    spared = (matrices * spare).sum(axis=-2)
    alarms = said - hit - spared
    others = matrices.sum(axis=(-2, -1))[..., None] - true - spared
    return {
        "sensitivity": ratio(hit, true),
        "positive_predictivity": ratio(hit, hit + alarms),
        "false_positive_rate": ratio(alarms, others),
        "precision": ratio(hit, said),
        "f1": ratio(2 * hit, np.where(true > 0, true + said, 0.0)),
    }


def overall(
    matrices: Float[np.ndarray, "*more matrix true said"], classes: Sequence[str]
) -> dict[str, Float[np.ndarray, "*more matrix"]]:
    """The figures of all classes together.

    Arguments:
        matrices: Numbers of beats.
        classes: The names of rows and columns, S and V among them.

    Returns:
        accuracy, kappa, j and jk. κ is NaN where truth and answer are one and the same class throughout; j and jκ are
        NaN where one of their terms is, as for a model that never says S.
    """

    hit, true, said = np.diagonal(matrices, axis1=-2, axis2=-1), matrices.sum(axis=-1), matrices.sum(axis=-2)
    beats, right, chance = true.sum(axis=-1), hit.sum(axis=-1), (true * said).sum(axis=-1)
    kappa = ratio(beats * right - chance, beats**2 - chance)
    figures, ectopic = by_class(matrices, classes), [classes.index("S"), classes.index("V")]
    terms = np.stack([figures[name][..., ectopic] for name in ("sensitivity", "positive_predictivity")])
    j = terms.sum(axis=(0, -1))
    return {"accuracy": ratio(right, beats), "kappa": kappa, "j": j, "jk": kappa / 2 + j / 8}


def macro_f1(f1: Float[np.ndarray, "resample class"], classes: Sequence[str]) -> Float[np.ndarray, " resample"]:
    """The mean over N, S and V alone, of those that the sample itself (the first row) has; see `_measure.macro`."""

    return macro(f1.T, [classes.index(name) for name in AVERAGED])[0]
