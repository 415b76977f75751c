"""Whether a synthetic record of training descends from a record that is held out, or gives one away.

A generator names the parents of what it writes, or the ledger of those from whom it has learnt, which is compared like
that of a checkpoint (`checkpoints`). Whether it kept to its own training records can be measured besides: a
synthetic record may not be nearer to the held-out ones than a real training record is. Nearness is the highest
correlation of any two seconds around a prominent point of one lead, as in `_pairs`.
"""

__all__ = ["synthetic"]

from collections.abc import Iterator

import numpy as np
from jaxtyping import Bool
from scipy.stats import binom

from einthoven.audit import Finding, Subject, Verdict
from einthoven.audit._pairs import nearest
from einthoven.records.ecg import LEDGER
from einthoven.splits import many

_FEWEST, _MOST = 20, 2000
_NEAR = 0.99  # of the real training records are farther from the held-out ones
_SURE = 0.001
_HELD_OUT = ("validation", "test", "external")


def synthetic(subject: Subject) -> Verdict:
    """Looks at the descent of synthetic records and at their nearness to held-out real ones.

    Returns:
        A leak for parents on another side and for more near records than chance allows; *could not look* for records
        that name no parent or one that is not here, and where there are fewer than twenty records to compare; a warning
        for synthetic records among those that a model is tested on. Not asked without both synthetic and real records.
    """

    made = subject.column("synthetic").map(lambda value: value is True or value == 1).to_numpy(dtype=bool)
    used = subject.side != ""
    if not (made & used).any() or not (~made & used).any():
        which = "no record is synthetic" if not (made & used).any() else "there is no real record"
        return Verdict("synthetic", which, asked=False)
    findings = [*_descent(subject, made & used), *_nearness(subject, made)]
    held = int((made & np.isin(subject.side, _HELD_OUT)).sum())
    if held:
        sentence = (
            f"{many(held, 'synthetic record')} in validation or test: what is measured on them is not about people."
        )
        findings.append(Finding("warning", sentence, held))
    return Verdict("synthetic", f"{int((made & used).sum())} synthetic records beside real ones", tuple(findings))


def _descent(subject: Subject, made: Bool[np.ndarray, " record"]) -> Iterator[Finding]:
    """Of the parents of synthetic records."""
    side = dict(zip(subject.table["record_id"].astype(str), subject.side, strict=True))
    crossed, absent, orphans = [], 0, 0
    parents = subject.parents
    direct = dict(zip(subject.table["record_id"].astype(str), parents, strict=True))
    for i in np.flatnonzero(made):
        mine = _ancestors(parents[i], direct)
        orphans += not mine
        absent += any(name not in side and not name.startswith(LEDGER) for name in mine)
        apart = [name for name in mine if side.get(name, "") not in ("", subject.side[i])]
        if apart:
            name = subject.table["record_id"].iloc[i]
            crossed.append(f"{name} ({subject.side[i]}) descends from {apart[0]} ({side[apart[0]]})")
    if crossed:
        sentence = f"{many(len(crossed), 'synthetic record')} made from records of another side. "
        sentence += "Train the generator on the training records alone."
        yield Finding("leak", sentence, len(crossed), tuple(crossed[:3]))
    if orphans or absent:
        sentence = (
            f"{orphans} synthetic records name no parents and {absent} name some that are not among these records: "
        )
        yield Finding("could not look", sentence + "they may descend from held-out ones.", orphans + absent)


def _ancestors(parents: list[str], direct: dict[str, list[str]]) -> list[str]:
    """The parents, their parents and so on, each once."""
    known, todo = dict.fromkeys(parents), list(parents)
    while todo:
        more = [name for name in direct.get(todo.pop(), []) if name not in known]
        known |= dict.fromkeys(more)
        todo += more
    return list(known)


def _nearness(subject: Subject, made: Bool[np.ndarray, " record"]) -> Iterator[Finding]:
    """Whether synthetic training records are nearer to held-out real ones than real training records are."""
    prints = list(subject.fingerprints) or [None] * len(made)
    train = subject.side == "train"
    held = np.flatnonzero(~made & np.isin(subject.side, _HELD_OUT))
    rng = np.random.default_rng(0)
    fakes, reals = (_some(np.flatnonzero(train & mask), rng) for mask in (made, ~made))
    n = min(len(fakes), len(reals))
    if not (train & made).any():
        if not train.any():
            yield Finding("could not look", "No side is training: how near synthetic records come was not measured.")
        return
    distances = [nearest([prints[i] for i in part[:n]], [prints[i] for i in held]) for part in (fakes, reals)]
    ours, theirs = (values[~np.isnan(values)] for values in distances)
    if min(len(ours), len(theirs)) < _FEWEST:
        sentence = (
            f"Only {len(ours)} synthetic and {len(theirs)} real training records have a fingerprint to compare with "
        )
        yield Finding("could not look", sentence + f"held-out ones; it takes {_FEWEST} of each.", len(ours))
        return
    limit = np.quantile(theirs, _NEAR)
    near = int((ours > limit).sum())
    if binom.sf(near - 1, len(ours), 1 - _NEAR) < _SURE:
        worst = np.argsort(-np.nan_to_num(distances[0]))[:3]
        names = subject.table["record_id"].to_numpy()[fakes[worst]]
        examples = tuple(f"{name}: {distances[0][i]:.4f}" for name, i in zip(names, worst, strict=True))
        sentence = f"{near} of {len(ours)} synthetic records are nearer to a held-out real record (correlation above "
        sentence += f"{limit:.3f}) than 99 in 100 real training records are; {len(ours) / 100:.0f} would be chance. "
        yield Finding("leak", sentence + "The generator has seen the held-out records, or copies.", near, examples)


def _some(rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return rng.permutation(rows)[:_MOST]
