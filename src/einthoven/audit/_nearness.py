"""How near records come to others, in each of the ways in which an audit compares them."""

__all__ = ["SPACES", "Space"]

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Float32

from einthoven.audit._embedding import embed, likeness
from einthoven.audit._pairs import nearest
from einthoven.store import Fingerprint

_ROWS = 512


class Space(NamedTuple):
    """A way of comparing.

    Attributes:
        prepare: From fingerprints to what is compared, which is cut and indexed like them.
        near: For each of some records how near it comes to any of others, both prepared; more is nearer, and −1 is what
            could not be compared.
    """

    prepare: Callable[[Sequence[Fingerprint]], Any]
    near: Callable[[Any, Any], Float[np.ndarray, " record"]]


def _waveform(ours: Sequence[Fingerprint], theirs: Sequence[Fingerprint]) -> Float[np.ndarray, " record"]:
    """The highest correlation of any two seconds of one lead, as copies are found."""
    return np.nan_to_num(nearest(ours, theirs), nan=-1.0)


def _embedded(prints: Sequence[Fingerprint]) -> Float32[np.ndarray, "record twelve dimension"]:
    return np.stack([embed(one) for one in prints])


def _beats(
    ours: Float32[np.ndarray, "one twelve dimension"], theirs: Float32[np.ndarray, "other twelve dimension"]
) -> Float[np.ndarray, " one"]:
    """The mean cosine of what tells people's median beats apart, over the leads, as people are found."""
    best = np.full(len(ours), -1.0)
    for start in range(0, len(ours), _ROWS):
        alike, shared = likeness(ours[start : start + _ROWS], theirs)
        best[start : start + _ROWS] = np.where(shared > 0, alike, -1.0).max(axis=1)
    return best


SPACES = {"waveform": Space(list, _waveform), "beats": Space(_embedded, _beats)}
