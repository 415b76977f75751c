"""How near records come to others, in each of the ways in which an audit compares them."""

__all__ = ["SPACES", "nearness"]

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from einthoven.audit._embedding import embed, likeness
from einthoven.audit._pairs import nearest
from einthoven.store import Fingerprint

_ROWS = 512
SPACES = {
    "waveform": "the highest correlation of any two seconds of one lead, as copies are found",
    "beats": "the mean cosine of what tells people's median beats apart, over the leads, as people are found",
}


def nearness(ours: Sequence[Fingerprint], theirs: Sequence[Fingerprint], space: str) -> Float[np.ndarray, " record"]:
    """How near each of our records comes to any of theirs; more is nearer, and −1 is what could not be compared.

    Arguments:
        ours, theirs: Fingerprints.
        space: One of `SPACES`.
    """

    if space == "waveform":
        return np.nan_to_num(nearest(ours, theirs), nan=-1.0)
    first, second = (np.stack([embed(one) for one in prints]) for prints in (ours, theirs))
    best = np.full(len(first), -1.0)
    for start in range(0, len(first), _ROWS):
        alike, shared = likeness(first[start : start + _ROWS], second)
        best[start : start + _ROWS] = np.where(shared > 0, alike, -1.0).max(axis=1)
    return best
