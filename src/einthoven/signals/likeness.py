"""How like each beat of a recording is to the usual one: the median over all its beats, each brought to one scale.

An extrasystole is unlike the other beats of the same heart, whatever those are: a wide complex is nothing unusual
where every complex is wide. So a beat is compared with its own patient's, over the whole window and over the P wave,
the QRS complex and the T wave alone. Nobody has to have named a beat for that; but the whole recording must be there.
"""

__all__ = ["likeness"]

import numpy as np
from jaxtyping import Float

# Where the waves are looked for, in seconds from the peak; the whole window comes first.
_WAVES_S = {"p": (-0.28, -0.08), "qrs": (-0.10, 0.15), "t": (0.15, 0.50)}
_MOST = 0.999  # a correlation above says nothing more; that of the usual beat with itself would be infinitely likely


def likeness(
    beats: Float[np.ndarray, "beat lead time"], rate_hz: float, *, peak_s: float
) -> Float[np.ndarray, "beat feature"]:
    """The correlation of each beat with the median of all, as Fisher's z, which spreads the high ones.

    Arguments:
        beats: All beats of one recording, one or more, aligned, in any unit, without NaN.
        rate_hz: Samples per second.
        peak_s: Where the peak lies in the window.

    Returns:
        For each lead four numbers: over the whole window, the P wave, the QRS complex and the T wave. 0 where a beat or
        the median is flat, or the window does not reach.
    """

    usual = np.median(_scaled(beats), axis=0)
    parts = [slice(None), *(_slice(edges, rate_hz, peak_s) for edges in _WAVES_S.values())]
    found = [(_scaled(beats[..., part]) * _scaled(usual[..., part])).sum(axis=-1) for part in parts]
    return np.arctanh(np.clip(np.stack(found, axis=2), -_MOST, _MOST)).reshape(len(beats), -1).astype(np.float32)


def _scaled(x: Float[np.ndarray, "*many part"]) -> Float[np.ndarray, "*many part"]:
    """Each signal with a mean of 0 and a sum of squares of 1; a flat one is 0."""
    if x.shape[-1] < 2:
        return np.zeros_like(x)
    x = x - x.mean(axis=-1, keepdims=True, dtype=np.float64)
    power = (x**2).sum(axis=-1, keepdims=True)
    return np.where(power > 0, x / np.sqrt(np.where(power > 0, power, 1.0)), 0.0)


def _slice(edges_s: tuple[float, float], rate_hz: float, peak_s: float) -> slice:
    start, stop = (max(0, round((peak_s + edge) * rate_hz)) for edge in edges_s)
    return slice(start, stop)
