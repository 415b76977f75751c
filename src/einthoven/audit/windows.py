"""Windows of one recording on two sides.

Beats and windows cut from one recording share a heart, electrodes and noise, and where they overlap in time they share
their very samples. A network that was trained on one of them knows the other, whatever the patient's id says; so a
recording belongs to one side as a whole, and an overlap only makes it worse.

Whether a window overlaps one of the other side is told without comparing all pairs: in the order of their beginnings, a
window overlaps an earlier one if any of those ends after it begins, and the running maximum of the ends says so.
"""

__all__ = ["windows"]

from itertools import combinations

import numpy as np
import pandas as pd
from jaxtyping import Bool, Int

from einthoven.audit import Finding, Subject, Verdict
from einthoven.splits import UNKNOWN

_COLUMNS = ["record", "other", "side", "other_side", "recording", "overlap_s"]


def windows(subject: Subject) -> Verdict:
    """Recordings that have windows on two sides, and how many of those overlap in time.

    Arguments:
        subject: Its columns `recording`, `start_s` and `stop_s` are read. A record without a recording is left out; one
            whose times are missing counts as a window all the same.

    Returns:
        One finding for each two sides. In `pairs` the windows of a recording on two sides are linked, so that they hang
        together as a whole, and each overlapping window is beside the one that it overlaps longest; `overlap_s` is NaN
        where the times are missing.
    """

    rows = _rows(subject)
    if rows.empty:
        return Verdict("windows", "no record says that it is a window of a longer recording", asked=False)
    unnamed = int((subject.side != "").sum()) - len(rows)
    looked = f"{len(rows)} windows of {rows['recording'].nunique()} recordings"
    untimed = int(rows[["start_s", "stop_s"]].isna().any(axis=1).sum())
    looked += f"; {untimed} of them do not say when they begin and end" if untimed else ""
    looked += f"; {unnamed} other records name no recording" if unnamed else ""
    torn = rows[rows.groupby("recording")["side"].transform("nunique") > 1]
    found = [_between(torn, *pair) for pair in combinations(subject.sides, 2)]
    findings = tuple(finding for finding, _ in found if finding is not None)
    pairs = pd.concat([pairs for _, pairs in found], ignore_index=True) if findings else None
    return Verdict("windows", looked, findings, pairs=pairs)


def _rows(subject: Subject) -> pd.DataFrame:
    """The windows on a side: record, side, recording, start_s and stop_s, in the order of recordings and time."""
    recording = subject.column("recording").astype("string").str.strip()
    columns = {"record": subject.column("record_id").to_numpy(), "side": subject.side}
    rows = pd.DataFrame({**columns, "recording": recording.mask(recording.str.lower().isin(UNKNOWN)).to_numpy(object)})
    for name in ("start_s", "stop_s"):
        rows[name] = pd.to_numeric(subject.column(name), errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    timed = rows["start_s"] <= rows["stop_s"]
    rows.loc[~timed, ["start_s", "stop_s"]] = np.nan
    rows = rows[(rows["side"] != "") & rows["recording"].notna()]
    rows["recording"] = rows["recording"].astype(str)
    return rows.sort_values(["recording", "start_s"], kind="stable", ignore_index=True)


def _between(torn: pd.DataFrame, side: str, other: str) -> tuple[Finding | None, pd.DataFrame]:
    """What two sides share, and the pairs."""

    rows = torn[torn["side"].isin([side, other])]
    rows = rows[rows.groupby("recording")["side"].transform("nunique") > 1].reset_index(drop=True)
    if rows.empty:
        return None, pd.DataFrame(columns=_COLUMNS)
    on_side = (rows["side"] == side).to_numpy()
    linked, longest = _neighbour(rows, on_side), _overlapped(rows, on_side)
    later = np.flatnonzero(longest >= 0)
    pairs = np.concatenate([np.stack([later, longest[later]]), np.stack([np.arange(len(rows)), linked])], axis=1)
    table = _pairs(rows, pairs, on_side)
    touched = np.zeros(len(rows), dtype=bool)
    touched[later] = True
    touched |= _overlapped(rows, on_side, ahead=True) >= 0
    return _finding(table, rows, touched, side, other), table


def _neighbour(rows: pd.DataFrame, on_side: Bool[np.ndarray, " window"]) -> Int[np.ndarray, " window"]:
    """The last window before it that is on the other side of its recording, or else the first after it."""

    recording = rows["recording"].to_numpy()
    first = np.append(True, recording[1:] != recording[:-1])
    begins = first | np.append(True, on_side[1:] != on_side[:-1])  # of a run of windows on one side
    starts = np.flatnonzero(begins)
    run = np.cumsum(begins) - 1
    after = np.append(starts[1:], len(rows) - 1)[run]
    return np.where(first[starts][run], after, starts[run] - 1)


def _overlapped(
    rows: pd.DataFrame, on_side: Bool[np.ndarray, " window"], ahead: bool = False
) -> Int[np.ndarray, " window"]:
    """The window of the other side, among those that begin before it, with the longest overlap, or −1.

    Arguments:
        rows: Windows in the order of recordings and beginnings.
        on_side: On which of two sides each is.
        ahead: Look at those that begin after it instead, for any overlap.
    """

    times = rows[["start_s", "stop_s"]].to_numpy()
    begin, end = (-times[::-1, ::-1] if ahead else times).T
    order = np.arange(len(rows))[::-1] if ahead else np.arange(len(rows))
    recording = rows["recording"].to_numpy()[order]
    best = np.full(len(rows), -1)
    for mine in (True, False):
        theirs = on_side[order] != mine
        latest = pd.Series(np.where(theirs & ~np.isnan(end), end, -np.inf)).groupby(recording).cummax().to_numpy()
        holder = np.maximum.accumulate(np.where(theirs & (end == latest), np.arange(len(rows)), -1))
        hit = ~theirs & (latest > begin)
        best[order[hit]] = order[holder[hit]]
    return best


def _pairs(
    rows: pd.DataFrame, pairs: Int[np.ndarray, "two pair"], on_side: Bool[np.ndarray, " window"]
) -> pd.DataFrame:
    """The pairs as a table, the longest overlap first, each pair once."""

    left, right = np.unique(np.where(on_side[pairs[0]], pairs, pairs[::-1]), axis=1)
    at = {name: rows[name].to_numpy() for name in rows}
    overlap = np.minimum(at["stop_s"][left], at["stop_s"][right]) - np.maximum(
        at["start_s"][left], at["start_s"][right]
    )
    columns = {
        "record": at["record"][left],
        "other": at["record"][right],
        "side": at["side"][left],
        "other_side": at["side"][right],
        "recording": at["recording"][left],
        "overlap_s": np.maximum(overlap, 0.0),
    }
    return pd.DataFrame(columns).sort_values("overlap_s", ascending=False, kind="stable", ignore_index=True)


def _finding(
    pairs: pd.DataFrame, rows: pd.DataFrame, touched: Bool[np.ndarray, " window"], side: str, other: str
) -> Finding:
    """In words."""

    recordings, worst = rows["recording"].nunique(), pairs.iloc[0]
    sentence = f"{recordings} {'recordings have' if recordings > 1 else 'recording has'} windows in both {side} and "
    sentence += f"{other}, {len(rows)} in all: "
    if touched.any():
        sentence += f"{touched.sum()} overlap in time with one of the other side, by up to {worst['overlap_s']:.3g} s"
        sentence += f" ({worst['record']} and {worst['other']})"
        sentence += f"; {(~touched).sum()} do not, but share a recording all the same" if not touched.all() else ""
    elif rows["start_s"].isna().any():
        sentence += "no overlap was seen where the times are known"
    else:
        sentence += "none overlap in time, but they share a recording all the same"
    examples = [f"{name}: {', '.join(_sizes(part))}" for name, part in list(rows.groupby("recording"))[:3]]
    return Finding("leak", f"{sentence}. Split by recording, or better by patient.", recordings, tuple(examples))


def _sizes(part: pd.DataFrame) -> list[str]:
    return [f"{count} in {side}" for side, count in part["side"].value_counts().items()]
