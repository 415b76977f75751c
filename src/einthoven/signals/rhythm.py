"""How early or late a beat comes, beside what is usual around it and in its recording.

An extrasystole of the atria may look like any other beat: that it comes too early gives it away. An interval in seconds
says little of that, for one heart beats at 50 and another at 120 a minute, so each interval is a ratio to others of the
same recording, as a natural logarithm: 0 is as usual, −0.3 a quarter early, and twice as long lies as far from 0 as
half as long. They are set beside means, as by de Chazal et al. 2004 (doi 10.1109/TBME.2004.827359): where most beats
are early, as in a run of extrasystoles, a median would call them usual, and the mean is later than they are.

This reads a recording offline: it knows the intervals after a beat and the mean of the whole recording, and no class
of any beat.
"""

__all__ = ["rhythm"]

import numpy as np
from jaxtyping import Float
from numpy.lib.stride_tricks import sliding_window_view

_LOCAL = 10  # intervals


def rhythm(rr_s: Float[np.ndarray, " gap"]) -> dict[str, Float[np.ndarray, " beat"]]:
    """The logarithms of eight ratios, each by its name, one number a beat; NaN where a part of it is unknown.

    `before` and `after` are the gaps beside the beat, `previous` is the one before `before`, and `next` the one after
    `after`. `local` is the mean of the last ten known gaps before `before`, or of as many as there are, and `usual`
    that of all known gaps of the recording.

    Arguments:
        rr_s: The gaps of one recording in seconds, in the order of time and one more than beats: before the first beat
            (NaN, as nobody knows it), between each two, and after the last (NaN). NaN too where there is no interval,
            such as over flutter; what is not above 0 counts as NaN.
    """

    rr_s = np.where(rr_s > 0, rr_s, np.nan)
    known = ~np.isnan(rr_s)
    usual = np.mean(rr_s[known]) if known.any() else np.nan
    local = _means(rr_s[known])[(np.cumsum(known) - known)[:-1]]
    beside = sliding_window_view(np.pad(rr_s, 1, constant_values=np.nan), len(rr_s) - 1)
    previous, before, after, following = beside
    ratios = {
        "before_local": before / local,
        "after_local": after / local,
        "before_usual": before / usual,
        "after_usual": after / usual,
        "after_before": after / before,
        "local_usual": local / usual,
        "previous_usual": previous / usual,
        "next_usual": following / usual,
    }
    return {name: np.log(ratio) for name, ratio in ratios.items()}


def _means(gaps: Float[np.ndarray, " known"]) -> Float[np.ndarray, " place"]:
    """The mean of up to ten gaps before each, and before what would follow the last; NaN before the first."""
    total = np.concatenate([[0.0], np.cumsum(gaps)])
    place = np.arange(len(total))
    first = np.maximum(place - _LOCAL, 0)
    return (total - total[first]) / np.where(place > 0, place - first, np.nan)
