"""Finds the pairs of records that are one recording, among all pairs, without comparing all pairs.

In three steps, each of which leaves fewer candidates to the next. (1) Around each prominent point of a lead lies a
window of two seconds; windows that are alike fall into the same cell of a partition of all windows (an inverted file
index; Jégou, Douze and Schmid 2011, https://doi.org/10.1109/TPAMI.2010.57), and only those of a cell are compared. (2)
The two records are laid over each other where the windows match, and compared in that lead over all that they share.
(3) What is left is compared in every lead that both have, at the best of the neighbouring shifts: the pair's
`likeness` is the median over the leads of the absolute correlation, so one lead may be bad, or upside down.

A rhythm like a clock is like every other such rhythm. So a pair is certain only if the two differ by less than four
tenths of how much the less regular of them differs from itself a beat later.

With √n cells the comparison of windows grows as n^1.5; the rest grows with the number of look-alikes, which are few.
"""

__all__ = ["ENOUGH_S", "FINE_HZ", "find_pairs", "nearest", "threshold", "upsampled"]

import dataclasses
import statistics
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int, Int8
from scipy.fft import irfft, rfft
from scipy.ndimage import maximum_filter1d, uniform_filter1d

from einthoven.records.leads import TWELVE
from einthoven.signals.fingerprint import FINGERPRINT_HZ
from einthoven.store import Fingerprint

_UP = 4
FINE_HZ = _UP * FINGERPRINT_HZ
_RISE_HZ = (1.0, 3.0)  # below, copies differ most: high-pass filters and the transients of a cut
_HALF_S = 1.0  # of a window
_APART_S, _NEAR_S = 0.2, 1.0  # a prominent point is the highest within the one, and a fifth of that within the other
_SHARE = 0.2
_EDGE_S = 0.3  # where a cut may still ring
ENOUGH_S = 2.0  # what two records must share at least,
_ENOUGH = 0.45  # and which part of the shorter one
_PROBES = ("II", "V2", "I", "V5", *TWELVE)
_PROBED, _PROBED_MOST = 2, 3  # leads in which a record asks; all its leads are asked
_FEW = 8  # windows, with which it asks in one more
_CELLS = 3  # in which a window is looked for
_ALIKE, _ALIKE_LEAD, _ALIKE_FIRST = 0.98, 0.92, 0.9
_OWN = 0.4  # of how much the less regular record differs from itself a beat later: two copies must differ less
_BEAT_S = 0.25
_ROWS, _SAMPLES = 4096, 2**23  # of what is compared at once
_COLUMNS = ["first", "second", "likeness", "leads", "inverted", "shift_s", "shared_s", "certain"]
_WINDOW = np.arange(-round(_HALF_S * FINE_HZ), round(_HALF_S * FINE_HZ), _UP)


def threshold(leads: int) -> float:
    """The likeness from which on a pair is called one recording, by the number of leads that were compared."""
    return 0.985 if leads >= 3 else 0.99


def find_pairs(
    prints: Sequence[Fingerprint | None], on_lead: Callable[[str], None] = lambda name: None
) -> tuple[pd.DataFrame, Bool[np.ndarray, " record"]]:
    """All pairs that look like one recording.

    Arguments:
        prints: A fingerprint a record, or None.
        on_lead: Is told the name of each lead before its windows are compared.

    Returns:
        One row a pair, the likest first: `first` and `second` (positions), `likeness`, `leads` (compared), `inverted`
        (their names), `shift_s` (by which the second one begins later), `shared_s`, and `certain` (False where both are
        too regular to tell). And which records could be compared at all: those with a prominent point in some lead and
        a second on either side of it.
    """

    looked = np.zeros(len(prints), dtype=bool)
    found: dict[tuple[int, int], dict[str, Any]] = {}
    seen: set[tuple[int, int, int]] = set()
    order = {i: _order(one) for i, one in enumerate(prints) if one is not None and one.leads}
    for turn in range(_PROBED_MOST):
        plan: dict[str, set[int]] = {}
        for i, leads in order.items():
            plan.setdefault(leads[turn], set()).add(i)
        for name, asks in plan.items():
            on_lead(name)
            lead = _lead(prints, name, asks)
            owner, windows = np.unique(lead.owner, return_counts=True)
            looked[lead.record[owner]] = True
            if turn + 1 >= _PROBED:
                for i in asks.intersection(lead.record[owner[windows >= _FEW]].tolist()):
                    del order[i]
            _judge(prints, lead, found, seen)
        order = {i: leads for i, leads in order.items() if len(leads) > turn + 1}
    table = pd.DataFrame(list(found.values()), columns=_COLUMNS)
    return table.sort_values(["likeness", "first", "second"], ascending=[False, True, True], ignore_index=True), looked


def _order(one: Fingerprint) -> list[str]:
    """The leads in which a record may ask: those that hold anything, the best first; its first lead if none does."""
    live = {name for name, row in zip(one.leads, one.samples, strict=True) if row.any()}
    return [name for name in dict.fromkeys((*_PROBES, *one.leads)) if name in live] or [one.leads[0]]


def _judge(
    prints: Sequence[Fingerprint | None],
    lead: "_Lead",
    found: dict[tuple[int, int], dict[str, Any]],
    seen: set[tuple[int, int, int]],
) -> None:
    """Compares the candidates of a lead and adds those that are alike to what was found."""
    for first, second, shift in zip(*_candidates(lead), strict=True):
        one, other = prints[first], prints[second]
        assert one is not None and other is not None
        if (first, second, shift // _UP) in seen:
            continue
        seen.add((first, second, shift // _UP))
        row = _compare(one, other, shift)
        before = found.get((first, second))
        if row is None or row["likeness"] < threshold(row["leads"]):
            continue
        if before is None or row["likeness"] > before["likeness"]:
            own = min(_self_likeness(one), _self_likeness(other))
            certain = bool(1 - row["likeness"] <= _OWN * (1 - own))
            found[first, second] = {"first": first, "second": second, **row, "certain": certain}


@dataclasses.dataclass(frozen=True)
class _Lead:
    """One lead of all records that have it.

    Attributes:
        record: The positions of those records; all else counts along this.
        flat: Their fine samples, one record after the other, in eight bits.
        start, stop: Where each begins and ends in `flat`.
        asks: Whether it asks for its like.
        windows: `window sample`, of mean 0 and norm 1.
        owner, at: Whose each window is, and where its middle lies, in fine samples from the record's first.
    """

    record: Int[np.ndarray, " record"]
    flat: Int8[np.ndarray, " flat"]
    start: Int[np.ndarray, " record"]
    stop: Int[np.ndarray, " record"]
    asks: Bool[np.ndarray, " record"]
    windows: Float[np.ndarray, "window sample"]
    owner: Int[np.ndarray, " window"]
    at: Int[np.ndarray, " window"]


def _lead(prints: Sequence[Fingerprint | None], name: str, asks: set[int]) -> _Lead:
    """Gathers one lead: groups of equal length are worked through together."""
    record = np.array([i for i, one in enumerate(prints) if one is not None and name in one.leads])
    rows = [one.samples[one.leads.index(name)] for i in record if (one := prints[i]) is not None]
    lengths = np.array([len(row) for row in rows])
    stop = np.cumsum(lengths * _UP)
    start = stop - lengths * _UP
    flat = np.zeros(int(stop[-1]), dtype=np.int8)
    windows, owner, at = [], [], []
    for length in np.unique(lengths[lengths >= 2 * _HALF_S * FINGERPRINT_HZ]):
        group = np.flatnonzero(lengths == length)
        step = max(1, _ROWS * 500 // int(length))
        for part in (group[i : i + step] for i in range(0, len(group), step)):
            coarse = np.stack([rows[i] for i in part])
            fine = upsampled(coarse)
            flat[start[part][:, None] + np.arange(fine.shape[1])] = _eight_bits(fine)
            whose, where = _prominent(fine, coarse)
            windows.append(_unit(fine[whose[:, None], where[:, None] + _WINDOW]))
            owner.append(part[whose])
            at.append(where)
    windows.append(np.empty((0, len(_WINDOW)), dtype=np.float32))
    gathered = [np.concatenate([*each, np.empty(0, dtype=np.int64)]) for each in (owner, at)]
    asking = np.isin(record, list(asks))
    return _Lead(record, flat, start, stop, asking, np.concatenate(windows), *gathered)


def upsampled(coarse: Int8[np.ndarray, "row sample"]) -> Float[np.ndarray, "row fine"]:
    """Four times as many samples, and the slow part taken off."""
    pad = min(coarse.shape[1] - 1, round(FINGERPRINT_HZ / 2))
    mirrored = np.pad(coarse.astype(np.float32), ((0, 0), (pad, pad)), mode="reflect")
    spectrum = rfft(mirrored, axis=1)
    frequency = np.arange(spectrum.shape[1]) * FINGERPRINT_HZ / mirrored.shape[1]
    rise = np.clip((frequency - _RISE_HZ[0]) / (_RISE_HZ[1] - _RISE_HZ[0]), 0, 1)
    gain = (_UP * np.sin(np.pi / 2 * rise) ** 2).astype(np.float32)
    out = irfft(spectrum * gain, mirrored.shape[1] * _UP, axis=1)
    return out[:, pad * _UP : (pad + coarse.shape[1]) * _UP].astype(np.float32, copy=False)


def _eight_bits(fine: Float[np.ndarray, "record fine"]) -> Int8[np.ndarray, "record fine"]:
    return np.clip(np.round(fine), -127, 127).astype(np.int8)


def _prominent(
    fine: Float[np.ndarray, "record fine"], coarse: Int8[np.ndarray, "record sample"]
) -> tuple[Int[np.ndarray, " window"], Int[np.ndarray, " window"]]:
    """The points whose surroundings hold most power, whole windows inside the recorded part."""
    width = round(0.065 * FINE_HZ)
    power = uniform_filter1d(uniform_filter1d(fine**2, width, axis=1), width, axis=1)
    highest = maximum_filter1d(power, 2 * round(_APART_S * FINE_HZ) + 1, axis=1)
    around = maximum_filter1d(power, 2 * round(_NEAR_S * FINE_HZ) + 1, axis=1)
    inside = np.zeros(fine.shape, dtype=bool)
    half = round(_HALF_S * FINE_HZ)
    inside[:, half : fine.shape[1] - half] = True
    recorded = coarse != 0
    first, last = recorded.argmax(axis=1) * _UP, (recorded.shape[1] - recorded[:, ::-1].argmax(axis=1)) * _UP
    time = np.arange(fine.shape[1])
    inside &= (time >= first[:, None] + half) & (time < last[:, None] - half) & recorded.any(axis=1)[:, None]
    whose, where = np.nonzero((power == highest) & (power >= _SHARE * around) & (power > 0) & inside)
    return whose, where


def _unit(windows: Float[np.ndarray, "window sample"]) -> Float[np.ndarray, "window sample"]:
    centred = windows - windows.mean(axis=1, keepdims=True)
    return centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-6)


def _candidates(lead: _Lead) -> tuple[list[int], list[int], list[int]]:
    """Pairs of records (the first before the second) that are alike in one lead, and the shift at which they are."""
    kept: list[np.ndarray] = [np.empty((4, 0))]
    for mine, theirs in _alike(lead):
        other = lead.owner[mine] != lead.owner[theirs]
        mine, theirs = mine[other], theirs[other]
        swap = lead.owner[mine] > lead.owner[theirs]
        mine, theirs = np.where(swap, theirs, mine), np.where(swap, mine, theirs)
        triples = _distinct(lead.owner[mine], lead.owner[theirs], lead.at[theirs] - lead.at[mine])
        step = max(1, _SAMPLES // int((lead.stop - lead.start).max()))
        for i in range(0, triples.shape[1], step):
            part = triples[:, i : i + step]
            likeness = _overlap(lead, *part)
            good = likeness >= _ALIKE_LEAD
            kept.append(np.vstack([part[:, good], likeness[good]]))
    rows = np.concatenate(kept, axis=1)
    rows = rows[:, np.lexsort((-rows[3], rows[1], rows[0]))]  # the best shift of a pair comes first
    rows = rows[:, np.r_[True, (np.diff(rows[:2], axis=1) != 0).any(axis=0)][: rows.shape[1]]].astype(np.int64)
    return lead.record[rows[0]].tolist(), lead.record[rows[1]].tolist(), rows[2].tolist()


def _distinct(
    first: Int[np.ndarray, " pair"], second: Int[np.ndarray, " pair"], shift: Int[np.ndarray, " pair"]
) -> Int[np.ndarray, "3 distinct"]:
    """The different triples; a sort of one number each is several times faster than one of rows."""
    least = int(shift.min(initial=0))
    span = int(shift.max(initial=0)) - least + 1
    records = int(second.max(initial=0)) + 1
    key = np.unique((first * records + second) * span + (shift - least))
    return np.stack([key // span // records, key // span % records, key % span + least])


def _alike(lead: _Lead) -> Iterator[tuple[Int[np.ndarray, " pair"], Int[np.ndarray, " pair"]]]:
    """Pairs of windows with a correlation of .98 or more, of either sign, cell by cell."""
    windows = lead.windows
    if len(windows) < 2:
        return
    cells = min(len(windows), round(2 * np.sqrt(len(windows))) + 1)
    centres = windows[np.random.default_rng(0).choice(len(windows), cells, replace=False)]
    near = np.empty((len(windows), min(_CELLS, cells)), dtype=np.int32)
    for i in range(0, len(windows), _ROWS):
        likeness = np.abs(windows[i : i + _ROWS] @ centres.T)
        near[i : i + _ROWS] = np.argpartition(-likeness, near.shape[1] - 1, axis=1)[:, : near.shape[1]]
        best = np.take_along_axis(likeness, near[i : i + _ROWS], axis=1).argmax(axis=1)
        rows = np.arange(len(best))
        near[i + rows, 0], near[i + rows, best] = near[i + rows, best], near[i + rows, 0].copy()
    home = np.argsort(near[:, 0], kind="stable")
    bounds = np.searchsorted(near[home, 0], np.arange(cells + 1))
    asking = np.flatnonzero(lead.asks[lead.owner])
    wanted = near[asking].ravel()
    visit = np.argsort(wanted, kind="stable")
    visits = np.searchsorted(wanted[visit], np.arange(cells + 1))
    for cell in range(cells):
        there = home[bounds[cell] : bounds[cell + 1]]
        here = asking[visit[visits[cell] : visits[cell + 1]] // near.shape[1]]
        for i in range(0, len(here), _ROWS):
            rows, columns = np.nonzero(np.abs(windows[here[i : i + _ROWS]] @ windows[there].T) >= _ALIKE)
            if rows.size:
                yield here[i : i + _ROWS][rows], there[columns]


def _overlap(
    lead: _Lead, first: Int[np.ndarray, " pair"], second: Int[np.ndarray, " pair"], shift: Int[np.ndarray, " pair"]
) -> Float[np.ndarray, " pair"]:
    """The absolute correlation in this lead over all that the two share."""
    long_a, long_b = (lead.stop - lead.start)[first], (lead.stop - lead.start)[second]
    begin = np.maximum(0, -shift)
    count = (np.minimum(long_a, long_b - shift) - begin) // _UP
    steps = np.arange(max(int(count.max(initial=0)), 1)) * _UP
    ours = steps[None] < (count * _UP)[:, None]
    a = lead.flat[np.where(ours, (lead.start[first] + begin)[:, None] + steps, 0)].astype(np.float32) * ours
    b = lead.flat[np.where(ours, (lead.start[second] + begin + shift)[:, None] + steps, 0)].astype(np.float32) * ours
    both = (a != 0) & (b != 0)  # filled-up parts are zero; a sample that is zero by chance costs nothing
    a, b = a * both, b * both
    power = np.einsum("pt,pt->p", a, a) * np.einsum("pt,pt->p", b, b)
    enough = np.maximum(ENOUGH_S * FINGERPRINT_HZ, _ENOUGH * np.minimum(long_a, long_b) / _UP)
    return np.where(count >= enough, np.abs(np.einsum("pt,pt->p", a, b)) / np.sqrt(power + 1e-6), 0)


def _compare(one: Fingerprint, other: Fingerprint, shift: int) -> dict[str, Any] | None:
    """Two records in all leads that both have, at the best shift near the given one; None if they are not alike."""
    common = [name for name in one.leads if name in other.leads]
    few = common[1::4] if len(common) > 6 else []
    if few and _laid_over(one, other, shift, few, briefly=True) is None:  # most end here, at a fifth of the work
        return None
    return _laid_over(one, other, shift, common)


def _laid_over(
    one: Fingerprint, other: Fingerprint, shift: int, common: Sequence[str], briefly: bool = False
) -> dict[str, Any] | None:
    """Two records in some leads; briefly, whether it is worth a closer look."""
    a, b = (upsampled(p.samples[[p.leads.index(name) for name in common]]) for p in (one, other))
    (a0, a1), (b0, b1) = _extent(one), _extent(other)
    begin, end = max(a0, b0 - shift + _UP), min(a1, b1 - shift - _UP)
    if end - begin < max(ENOUGH_S * FINE_HZ, _ENOUGH * min(a1 - a0, b1 - b0)) - 2 * _UP:
        return None
    x = _unit(a[:, begin:end:_UP])
    live = np.logical_and(x.any(axis=1), b[:, begin + shift : end + shift].any(axis=1))

    def at(lag: int) -> Float[np.ndarray, " lead"]:
        return np.einsum("lt,lt->l", x, _unit(b[:, begin + lag : end + lag : _UP]))

    def overall(each: Float[np.ndarray, " lead"]) -> float:
        return statistics.median(np.abs(each[live]).tolist())

    if not live.any() or overall(at(shift)) < _ALIKE_FIRST:
        return None
    if briefly:
        return {}
    each = {lag: at(lag) for lag in range(shift - _UP, shift + _UP + 1)}
    best = max(range(shift - _UP + 1, shift + _UP), key=lambda lag: overall(each[lag]))
    peak, off = _top(each[best - 1], each[best], each[best + 1], overall)
    return {
        "likeness": overall(peak),
        "leads": int(live.sum()),
        "inverted": [name for name, value, on in zip(common, peak, live.tolist(), strict=True) if on and value < -0.5],
        "shift_s": -(best + off) / FINE_HZ,
        "shared_s": (min(a1, b1 - best) - max(a0, b0 - best)) / FINE_HZ + 2 * _EDGE_S,
    }


def _top(
    left: Float[np.ndarray, " lead"],
    middle: Float[np.ndarray, " lead"],
    right: Float[np.ndarray, " lead"],
    overall: Callable[[Float[np.ndarray, " lead"]], float],
) -> tuple[Float[np.ndarray, " lead"], float]:
    """The correlations between the samples, by the parabola through three neighbours, and where that is highest."""
    one, two, three = map(overall, (left, middle, right))
    bend = one - 2 * two + three
    off = float(np.clip((one - three) / (2 * bend), -0.5, 0.5)) if bend < -1e-9 else 0.0
    return np.clip(middle + off * (right - left) / 2 + off**2 * (left - 2 * middle + right) / 2, -1, 1), off


def _self_likeness(one: Fingerprint) -> float:
    """How like a record is to itself a beat, or any longer time, later: the highest autocorrelation."""
    begin, end = (edge // _UP for edge in _extent(one))
    rows = upsampled(one.samples)[:, ::_UP][:, begin:end]
    rows = rows[rows.any(axis=1)]
    length = rows.shape[1]
    lags = np.arange(round(_BEAT_S * FINGERPRINT_HZ), int(length * (1 - _ENOUGH)))
    if not len(lags) or not len(rows):
        return 0.0
    products = irfft(np.abs(rfft(rows, 2 * length, axis=1)) ** 2, 2 * length, axis=1)[:, lags]
    power = np.cumsum(rows.astype(np.float64) ** 2, axis=1)
    head, tail = power[:, length - 1 - lags], power[:, -1:] - power[:, lags - 1]
    return float(np.median(np.abs(products) / np.sqrt(head * tail + 1e-6), axis=0).max())


def _extent(one: Fingerprint) -> tuple[int, int]:
    """From where to where a record was recorded, in fine samples, without its edges."""
    live = np.flatnonzero(one.samples.any(axis=0))
    edge = round(_EDGE_S * FINE_HZ)
    return (int(live[0]) * _UP + edge, (int(live[-1]) + 1) * _UP - edge) if live.size else (0, 0)


def nearest(ours: Sequence[Fingerprint | None], theirs: Sequence[Fingerprint | None]) -> Float[np.ndarray, " record"]:
    """How near each of our records comes to any of theirs: the highest correlation of a window, in one lead.

    The lead is the one that most records of both have. NaN for a record that has no window in it, or if they have none.
    """

    out = np.full(len(ours), np.nan)
    shared = [[name for one in prints if one is not None for name in one.leads] for prints in (ours, theirs)]
    common = sorted(
        set(shared[0]) & set(shared[1]), key=lambda name: (-min(x.count(name) for x in shared), name != "II")
    )
    if not common:
        return out
    mine, other = (_lead(prints, common[0], set()) for prints in (ours, theirs))
    if not len(mine.windows) or not len(other.windows):
        return out
    best = np.zeros(len(mine.windows), dtype=np.float32)
    for i in range(0, len(best), _ROWS):
        block = mine.windows[i : i + _ROWS]
        for j in range(0, len(other.windows), _ROWS):
            likeness = np.abs(block @ other.windows[j : j + _ROWS].T).max(axis=1)
            best[i : i + _ROWS] = np.maximum(best[i : i + _ROWS], likeness)
    order = np.argsort(mine.owner, kind="stable")
    owners, first = np.unique(mine.owner[order], return_index=True)
    out[mine.record[owners]] = np.maximum.reduceat(best[order], first)
    return out
