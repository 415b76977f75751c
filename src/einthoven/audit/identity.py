"""The same person on two sides, where no id says so: a likelihood, never a verdict.

Every record becomes a few numbers of its median beat (`_embedding`), and the most alike pairs across two sides are
named. Different people have like beats now and then, and among a million pairs there are always some. So what counts is
how many more there are than chance makes: the share of pairs of different people above the threshold was measured on
people who had no part in the fit, and is measured again on the subject's own records where it knows whose they are.
Only a clear excess is a warning.

A pair of one known patient is left to the check of patients. Two patients who are known to be different are named only
where they are far more alike than any two of the people on whom the thresholds were set: they may be one person under
two ids. The rates hold for recordings of people: simulated ones are more alike than these.
"""

__all__ = ["identity"]

import dataclasses
from collections.abc import Iterator
from itertools import combinations, product
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float, Float32, Int, Shaped
from scipy.stats import poisson

from einthoven.audit import Finding, Subject, Verdict
from einthoven.audit._embedding import Fit, embed, fit, likeness
from einthoven.records.leads import TWELVE
from einthoven.splits import many

_LISTED, _EXAMPLES = 50, 3
_BLOCK = 1 << 20  # pairs at a time
_SURPRISE = 0.01  # the chance of so many pairs among different people, below which there is a warning
_OWN_RECORDS, _OWN_PAIRS = 2000, 100_000  # records on which the subject's own rate is measured; the fewest pairs for it
_UNKNOWN, _KNOWN = 0, 1  # kinds of pairs: a patient is unknown; both are known, and different
_WHO = ("whose patients are not both known", "of different patients")
_MEANT = ("are likely of one person on two sides", "may be one person under two ids")


class _Records(NamedTuple):
    """Records by row of the table, their embeddings, and their patients, −1 for an unknown one."""

    row: Int[np.ndarray, " record"]
    vectors: Float32[np.ndarray, "record twelve dimension"]
    patient: Int[np.ndarray, " record"]

    def of(self, chosen: Shaped[np.ndarray, " chosen"] | slice) -> "_Records":
        """Some of them."""
        return _Records(self.row[chosen], self.vectors[chosen], self.patient[chosen])


@dataclasses.dataclass
class _Count:
    """Pairs of each kind: how many were compared, by row of the fit; how many are named; the most alike of these."""

    compared: Int[np.ndarray, "kind row"]
    named: Int[np.ndarray, " kind"]
    best: pd.DataFrame


def identity(subject: Subject) -> Verdict:
    """Pairs of records on two sides that are likely of one person.

    Arguments:
        subject: Its `fingerprints` are read, and `record_id` and `patient_id`. A record without three whole beats in
            one of the twelve leads cannot be looked at.

    Returns:
        *Could not look* for records without three whole beats, and at most a warning; then `pairs` holds the 50 most
        alike pairs, and `likeness`, which is the mean cosine over the shared leads, from −1 to 1. Some of them are of
        different people: the finding says how many to expect.
    """

    sides = subject.sides
    if len(sides) < 2:
        return Verdict("identity", "all records stand on one side", asked=False)
    if all(fingerprint is None for fingerprint in subject.fingerprints):
        return Verdict("identity", "no record has a fingerprint", asked=False)
    shipped, records = fit(), _records(subject)
    side = subject.side[records.row]
    count = _Count(np.zeros((2, len(shipped.leads)), dtype=np.int64), np.zeros(2, dtype=np.int64), pd.DataFrame())
    for one, other in combinations(sides, 2):
        _across(records.of(side == one), records.of(side == other), shipped, count)
    own = _own_rate(records, shipped)
    unseen = int((subject.side != "").sum()) - len(records.row)
    if not count.compared.any():
        why = f"no two records on two sides have three whole beats of one lead each ({unseen} have them in none)"
        return Verdict("identity", why, asked=False)
    looked = [f"{len(records.row)} records"]
    warned = []
    for kind in map(int, np.flatnonzero(count.compared.any(axis=1))):
        words, chance, clear = _judged(kind, count, own, shipped)
        looked += [] if clear else [words + ", which is no clear excess"]
        warned += [(kind, words, chance)] if clear else []
    pairs = _pairs(subject, count.best, [kind for kind, _, _ in warned]) if warned else None
    findings = [_finding(subject, count, shipped, *warning) for warning in warned]
    if unseen:
        sentence = f"{many(unseen, 'record')} could not be compared: without three whole beats in the fingerprint."
        findings.append(Finding("could not look", sentence, unseen))
    return Verdict("identity", "; ".join(looked), tuple(findings), pairs=pairs)


def _records(subject: Subject) -> _Records:
    """The records on a side that can be looked at."""
    vectors = np.zeros((len(subject.side), len(TWELVE), len(fit().map)), dtype=np.float32)
    for row, fingerprint in enumerate(subject.fingerprints):
        if fingerprint is not None and subject.side[row] != "":
            vectors[row] = embed(fingerprint)
    patient, _ = pd.factorize(subject.patients)
    rows = np.flatnonzero(vectors.any(axis=(1, 2)))
    return _Records(rows, vectors[rows], patient[rows])


def _kinds(one: Int[np.ndarray, " pair"], other: Int[np.ndarray, " pair"]) -> Int[np.ndarray, " pair"]:
    """The kind of each pair, by its patients; −1 for a pair of one known patient."""
    return np.where((one < 0) | (other < 0), _UNKNOWN, np.where(one == other, -1, _KNOWN))


def _compared(first: _Records, second: _Records) -> Int[np.ndarray, " kind"]:
    """How many pairs there are of each kind."""
    known = [group.patient[group.patient >= 0] for group in (first, second)]
    both = len(known[0]) * len(known[1])
    people = 1 + max(group.max(initial=-1) for group in known)
    same = np.dot(*(np.bincount(group, minlength=people) for group in known))
    return np.array([len(first.row) * len(second.row) - both, both - same])


def _groups(records: _Records) -> list[_Records]:
    """The records by the leads that they have, so that two groups share as many leads throughout."""
    groups, which = np.unique(records.vectors.any(axis=2), axis=0, return_inverse=True)
    return [records.of(which == group) for group in range(len(groups))]


def _alike(first: _Records, second: _Records, limit: float) -> Iterator[pd.DataFrame]:
    """The pairs of two groups above a likeness, some of the first group at a time: one, other, likeness and kind."""

    step = max(1, _BLOCK // max(len(second.row), 1))
    for start in range(0, len(first.row), step):
        some = first.of(slice(start, start + step))
        alike, _ = likeness(some.vectors, second.vectors)
        one, other = np.nonzero(alike >= limit)
        columns = {"one": some.row[one], "other": second.row[other], "likeness": alike[one, other]}
        yield pd.DataFrame({**columns, "kind": _kinds(some.patient[one], second.patient[other])})


def _across(first: _Records, second: _Records, shipped: Fit, count: _Count) -> None:
    """Counts the pairs of two sides and keeps the most alike."""

    for one, other in product(_groups(first), _groups(second)):
        row = _row(one, other, shipped)
        if row < 0:
            continue
        count.compared[:, row] += _compared(one, other)
        for found in _alike(one, other, shipped.threshold[row]):
            found = found[
                (found["kind"] == _UNKNOWN) | ((found["kind"] == _KNOWN) & (found["likeness"] >= shipped.sure[row]))
            ]
            count.named += np.bincount(found["kind"], minlength=2)
            best = pd.concat([count.best, found]) if len(count.best) else found
            best = best.sort_values(["likeness", "one", "other"], ascending=[False, True, True])
            count.best = best.groupby("kind").head(_LISTED)


def _row(one: _Records, other: _Records, shipped: Fit) -> int:
    """The row of the fit that holds for two groups; −1 where they share no lead."""
    return shipped.row(int((one.vectors[0].any(axis=1) & other.vectors[0].any(axis=1)).sum()))


def _own_rate(records: _Records, shipped: Fit) -> float:
    """How often the subject's own different patients are above the threshold, as a multiple of what was measured.

    1 where too few are known. People with two ids make it too high, and the check more careful than it need be.
    """

    known = np.random.default_rng(0).permutation(np.flatnonzero(records.patient >= 0))
    groups = _groups(records.of(known[:_OWN_RECORDS]))
    pairs, above, expected = 0, 0, 0.0
    for one, other in product(groups, groups):  # every pair twice
        row = _row(one, other, shipped)
        if row >= 0:
            pairs += int(_compared(one, other)[_KNOWN]) // 2
            expected += float(_compared(one, other)[_KNOWN] * shipped.false_match[row, 0])
            above += sum(int((found["kind"] == _KNOWN).sum()) for found in _alike(one, other, shipped.threshold[row]))
    return above / expected if pairs >= _OWN_PAIRS else 1.0


def _judged(kind: int, count: _Count, own: float, shipped: Fit) -> tuple[str, float, bool]:
    """The numbers of one kind of pairs in words, the pairs that chance makes, and whether there are clearly more."""

    compared, named = count.compared[kind], int(count.named[kind])
    rates = (shipped.false_match, shipped.sure_match)[kind]
    chance = float(compared @ rates[:, 0]) * max(own, 1.0)
    most = max(float(compared @ rates[:, 2]), chance)
    words = f"of {compared.sum()} pairs {_WHO[kind]}, {named} are alike where chance makes {_number(chance)}"
    words += f", at most {_number(most)}"
    return words, chance, named > 0 and bool(poisson.sf(named - 1, most) < _SURPRISE)


def _finding(subject: Subject, count: _Count, shipped: Fit, kind: int, words: str, chance: float) -> Finding:
    """A warning with the error rates that were measured for the number of leads that most pairs share."""

    row, named = int(count.compared[kind].argmax()), int(count.named[kind])
    leads = f"{shipped.leads[row]} lead{'s' if shipped.leads[row] > 1 else ''}"
    error = f"equal error rate {_rate(shipped.error[row])} between visits"
    error += f", {_rate(shipped.session_error)} mostly within a session" if shipped.leads[row] == 1 else ""
    limit, false = ((shipped.threshold, shipped.false_match), (shipped.sure, shipped.sure_match))[kind]
    above = f"{_rate(false[row])} of pairs of different people"
    above += f" and {_rate(shipped.found[row])} of pairs of one" if kind == _UNKNOWN else ""
    sentence = f"{words[0].upper()}{words[1:]}: some {_number(max(named - chance, 1))} {_MEANT[kind]}. "
    sentence += f"Measured on other people with {leads}: {error}; {above} are above a likeness of {limit[row]:.3f}. "
    sentence += "A likelihood and no proof: look at these records, and ask whose they are."
    table = _pairs(subject, count.best, [kind]).head(_EXAMPLES).itertuples()
    examples = (f"{p.record} ({p.side}) and {p.other} ({p.other_side}): {p.likeness:.3f}" for p in table)
    return Finding("warning", sentence, named, tuple(examples))


def _number(pairs: float) -> str:
    return f"{pairs:.0f}" if pairs >= 10 else f"{pairs:.2g}"


def _rate(three: Float[np.ndarray, " three"]) -> str:
    """A rate with its interval, in per cent."""
    value, low, high = (f"{100 * rate:.2g}" for rate in three)
    return f"{value} % [{low}, {high}]"


def _pairs(subject: Subject, best: pd.DataFrame, kinds: list[int]) -> pd.DataFrame:
    """The most alike pairs of these kinds, as a verdict has them."""
    record = subject.column("record_id").to_numpy()
    best = best[best["kind"].isin(kinds)].sort_values("likeness", ascending=False, kind="stable").head(_LISTED)
    one, other = best["one"].to_numpy(), best["other"].to_numpy()
    columns = {"record": record[one], "other": record[other], "side": subject.side[one]}
    return pd.DataFrame({**columns, "other_side": subject.side[other], "likeness": best["likeness"].to_numpy()})
