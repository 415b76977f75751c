"""Whether one recording stands on two sides under two names, in whatever form.

The search is `_pairs`; a pair is called one recording from a likeness of .985 on, or .99 where fewer than three leads
could be compared, unless both are too regular to tell. What that finds and misses is in `benchmarks/results/audit.md`.
"""

__all__ = ["waveforms"]

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import combinations_with_replacement

import numpy as np
import pandas as pd
from jaxtyping import Bool, Shaped

from einthoven.audit import Finding, Fingerprint, Subject, Verdict
from einthoven.audit._across import named
from einthoven.audit._pairs import ENOUGH_S, find_pairs
from einthoven.splits import many

_ON_TIME_S = 0.005


def waveforms(subject: Subject) -> Verdict:
    """Looks for near-duplicates.

    Returns:
        A leak for each pair on two sides, with what `find_pairs` says of it in `pairs`; a warning for pairs on one
        side, which count twice there; *could not look* for records without a fingerprint, too short or too flat to be
        compared.
    """

    used = subject.side != ""
    given = [*subject.fingerprints, *[None] * (len(used) - len(subject.fingerprints))]
    found, looked = subject.found or find_pairs([o if mine else None for o, mine in zip(given, used, strict=True)])
    found = found[used[found["first"].to_numpy(np.int64)] & used[found["second"].to_numpy(np.int64)]]
    looked = looked & used
    regular = int((~found["certain"].astype(bool)).sum())
    pairs = _described(subject, found[found["certain"].astype(bool)].drop(columns="certain").reset_index(drop=True))
    apart = (pairs["side"] != pairs["other_side"]).to_numpy()
    findings = []
    if apart.any():
        both = pairs[apart][["side", "other_side"]].to_numpy().tolist()
        where = named([" and ".join(sorted(sides, key=subject.sides.index)) for sides in both])
        sentence = f"{many(int(apart.sum()), 'pair')} of records on two sides, each one recording ({where}). "
        sentence += "Keep both on one side."
        findings.append(Finding("leak", sentence, int(apart.sum()), _words(pairs[apart])))
    if (~apart).any():
        sentence = f"{many(int((~apart).sum()), 'pair')} of records on one side, each one recording, "
        sentence += "which counts twice there."
        findings.append(Finding("warning", sentence, int((~apart).sum()), _words(pairs[~apart])))
    leads = _leads(given)
    findings += _unseen(subject, leads, looked)
    looked_at = f"{looked.sum()} recordings, {_pairs_of(leads[looked])} pairs"
    looked_at += f"; {regular} more pairs are alike but too regular to tell" if regular else ""
    return Verdict("waveforms", looked_at, tuple(findings), pairs=pairs if len(pairs) else None)


def _unseen(
    subject: Subject, leads: Shaped[np.ndarray, " record"], looked: Bool[np.ndarray, " record"]
) -> Iterator[Finding]:
    """Records, and pairs on two sides, that could not be compared."""
    blind = (subject.side != "") & ~looked
    if blind.any():
        sentence = (
            f"{many(int(blind.sum()), 'record')} could not be compared: without a fingerprint, or with less than "
        )
        sentence += f"{ENOUGH_S:g} s around a beat."
        names = tuple(subject.table["record_id"][blind].head(3))
        yield Finding("could not look", sentence, int(blind.sum()), names)
    n, each = int(looked.sum()), [int((looked & (subject.side == side)).sum()) for side in subject.sides]
    across = (n * (n - 1) - sum(m * (m - 1) for m in each)) // 2
    within = sum(_pairs_of(leads[looked & (subject.side == side)]) for side in subject.sides)
    if strange := across - (_pairs_of(leads[looked]) - within):
        sentence = (
            f"{many(strange, 'pair')} of records on two sides could not be compared: they have no lead of one name."
        )
        yield Finding("could not look", sentence, strange)


def _leads(given: Sequence[Fingerprint | None]) -> Shaped[np.ndarray, " record"]:
    """The leads of each record that hold anything, as a set."""
    sets = np.empty(len(given), dtype=object)
    for i, one in enumerate(given):
        rows = () if one is None else zip(one.leads, one.samples, strict=True)
        sets[i] = frozenset(name for name, row in rows if row.any())
    return sets


def _pairs_of(leads: Shaped[np.ndarray, " chosen"]) -> int:
    """How many pairs of these records share a lead."""
    pairs = combinations_with_replacement(Counter(leads.tolist()).items(), 2)
    return sum(m * (m - 1) // 2 if one is other else m * n for (one, m), (other, n) in pairs if one & other)


def _described(subject: Subject, found: pd.DataFrame) -> pd.DataFrame:
    """The pairs by their ids and sides; those on two sides first."""
    first, second = found["first"].to_numpy(np.int64), found["second"].to_numpy(np.int64)
    ids = subject.table["record_id"].to_numpy()
    side = subject.side
    who = {"record": ids[first], "other": ids[second], "side": side[first], "other_side": side[second]}
    pairs = pd.concat([pd.DataFrame(who), found], axis=1)
    return pairs.iloc[np.argsort((pairs["side"] == pairs["other_side"]).to_numpy(), kind="stable")].reset_index(
        drop=True
    )


def _words(pairs: pd.DataFrame) -> tuple[str, ...]:
    """The first three pairs, in words."""
    said = []
    for row in pairs.head(3).to_dict("records"):
        words = (
            f"{row['record']} ({row['side']}) = {row['other']} ({row['other_side']}), likeness {row['likeness']:.4f}"
        )
        words += f", {row['shift_s']:+.2f} s" if abs(row["shift_s"]) > _ON_TIME_S else ""
        said.append(words + (f", upside down: {', '.join(row['inverted'])}" if len(row["inverted"]) else ""))
    return tuple(said)
