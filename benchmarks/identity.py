"""Fits the map of `einthoven.audit.identity` on half of the people of lead1-562 and measures it on the other half.

People are halved within their source, and compared within it: a network could tell sources apart by their amplifiers.
An interval is over people (bootstrap), and every person counts alike, however many records he has. Windows of one
person that share samples, of which lead1-562 has hundreds, are told by sliding one along the other and are no pair.

What a map fitted on lead I does between visits, and on twelve leads, is measured on the PTB-XL patients with more than
one record; half of those with one only fix the mean beat of each lead and the thresholds, and the others say how many
different people are above them. At last the check itself is asked about different people, about PTB-XL split by record
and about lead1-562 split by recording, all without ids.

    python benchmarks/identity.py --data DIR --fit src/einthoven/audit/identity.npz --out FILE.json
"""

import argparse
import json
import platform
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import scipy
from scipy.linalg import eigh

from einthoven import datasets
from einthoven.audit import Fingerprint, Subject
from einthoven.audit._embedding import Fit, embed, fit, likeness, median_beat
from einthoven.audit.identity import identity
from einthoven.evaluation.bootstrap import interval, resampled
from einthoven.records.leads import EIGHT, LIMB, TWELVE
from einthoven.signals.fingerprint import FINGERPRINT_HZ, fingerprint

SEED, RESAMPLES, SPLITS = 0, 300, 20
TIMES = 10  # recordings of a person in lead1-562
FIT_APART, FAR_APART = 5, 6  # recordings: pairs the scatter within a person is fitted on; pairs called far
DIMENSIONS, RIDGE = 12, 0.1
FALSE_MATCH = 1e-4  # wanted at the threshold
COPY, COPY_S = 0.96, 4.0  # correlation, and the shortest stretch, from which two recordings are taken to share samples
LEADS = {1: ("I",), 2: ("I", "II"), 3: ("I", "II", "III"), 6: LIMB, 8: EIGHT, 12: TWELVE}


class Pairs(NamedTuple):
    """Pairs of records: how alike, whether of one person, and the numbers of both people."""

    score: np.ndarray
    same: np.ndarray
    one: np.ndarray
    other: np.ndarray

    def where(self, chosen: np.ndarray) -> "Pairs":
        """Some of them."""
        return Pairs(*(values[chosen] for values in self))


def fingerprints(corpus: datasets.Dataset, records: pd.Series) -> list[Fingerprint]:
    """Of each record."""

    ecgs = (corpus.read(record) for record in records)
    return [Fingerprint(ecg.leads, fingerprint(ecg.signal, ecg.rate_hz)) for ecg in ecgs]


class People(NamedTuple):
    """lead1-562, its records in the order of people: fingerprints; median beats, sources and copies of each person."""

    prints: list[Fingerprint]
    beats: np.ndarray
    sources: np.ndarray
    copies: np.ndarray
    fitting: np.ndarray


def people(folder: Path) -> People:
    """All of them; half of each source is there to fit."""

    corpus = datasets.get("lead1_562", folder)
    table = corpus.table()
    prints, sources = fingerprints(corpus, table["record_id"]), table["source"].to_numpy(dtype=object)[::TIMES]
    samples = np.stack([each.samples[0] for each in prints]).astype(np.float64).reshape(len(sources), TIMES, -1)
    beats = np.stack([median_beat(each) for each in prints]).reshape(len(sources), TIMES, -1)
    return People(prints, beats, sources, np.stack([slid(each) for each in samples]) > COPY, halved(sources))


def halved(groups: np.ndarray) -> np.ndarray:
    """For each person whether he is of the half that is fitted on, the half of each group."""

    rng, chosen = np.random.default_rng(SEED), np.zeros(len(groups), dtype=bool)
    for group in dict.fromkeys(groups):
        people = rng.permutation(np.flatnonzero(groups == group))
        chosen[people[: len(people) // 2]] = True
    return chosen


def discriminant(beats: np.ndarray, sources: np.ndarray) -> np.ndarray:
    """The map: Fisher's discriminant of `person recording phase`, each axis weighed by the root of its reliability.

    The scatter within a person is that of recordings far apart, since neighbours share a session; that between people
    is within their source, so that no axis is spent on amplifiers.
    """

    phases, (first, second) = beats.shape[2], np.triu_indices(TIMES, FIT_APART)
    change = (beats[:, first] - beats[:, second]).reshape(-1, phases)
    within = change.T @ change / len(change) / 2
    within += RIDGE * np.trace(within) / phases * np.eye(phases)
    mean = beats.mean(axis=1)
    for source in set(sources):
        mean[sources == source] -= mean[sources == source].mean(axis=0)
    values, axes = eigh(mean.T @ mean / len(mean), within)
    values, axes = values[::-1][:DIMENSIONS], axes[:, ::-1][:, :DIMENSIONS]
    axes = axes * np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(DIMENSIONS)])  # either sign serves: keep one
    return (axes * (values / (1 + values)) ** 0.25).T.astype(np.float32)


def slid(samples: np.ndarray) -> np.ndarray:
    """`recording recording`: the highest correlation of one along the other, over `COPY_S` at least."""

    count, time = samples.shape
    reach = time - round(COPY_S * FINGERPRINT_HZ)
    lags = np.arange(-reach, reach + 1)
    start, stop = np.maximum(0, -lags), np.minimum(time, time - lags)
    spectrum = np.fft.rfft(samples, 2 * time, axis=1)
    energy = np.cumsum(np.pad(samples**2, ((0, 0), (1, 0))), axis=1)
    best = np.empty((count, count))
    for row in range(count):
        product = np.fft.irfft(spectrum * spectrum[row].conj(), 2 * time, axis=1)[:, lags]
        norm = (energy[row, stop] - energy[row, start]) * (energy[:, stop + lags] - energy[:, start + lags])
        best[row] = (product / np.sqrt(np.maximum(norm, 1.0))).max(axis=1)
    return best


def paired(scores: np.ndarray, people: np.ndarray) -> tuple[Pairs, np.ndarray, np.ndarray]:
    """Every pair of records once, and which two they are."""

    one, other = np.triu_indices(len(people), 1)
    return Pairs(scores[one, other], people[one] == people[other], people[one], people[other]), one, other


def drawn(people: int) -> np.ndarray:
    """`person resample`, the first column being the sample itself."""

    return resampled(np.arange(people), RESAMPLES, SEED).astype(np.float64)


def numbered(pairs: Pairs) -> tuple[Pairs, np.ndarray]:
    """The same pairs, their people numbered from 0, and how many pairs each person has with himself."""

    people, at = np.unique(np.concatenate([pairs.one, pairs.other]), return_inverse=True)
    one, other = at.reshape(2, -1)
    return pairs._replace(one=one, other=other), np.bincount(one[pairs.same], minlength=len(people))


def weight(pairs: Pairs, times: np.ndarray, own: np.ndarray) -> np.ndarray:
    """How often a pair counts: a person's pairs as often as he, shared among them; others as often as both meet.

    Arguments:
        pairs: Of records.
        times: How often each person was drawn.
        own: How many pairs each person has with himself.
    """

    return np.where(pairs.same, times[pairs.one] / np.maximum(own[pairs.one], 1), times[pairs.one] * times[pairs.other])


def three(values: list[float]) -> list[float]:
    """The value and its interval."""

    return [float(values[0]), *map(float, interval(np.array(values[1:]))[:2])]


def equal_error(pairs: Pairs) -> list[float]:
    """The rate at which as many pairs of one person are missed as pairs of two are matched."""

    pairs, own = numbered(pairs.where(np.argsort(-pairs.score, kind="stable")))
    values = []
    for times in drawn(len(own)).T:
        each = weight(pairs, times, own)
        hit, false = (np.cumsum(np.where(kind, each, 0), dtype=np.float64) for kind in (pairs.same, ~pairs.same))
        missed, matched = 1 - hit / max(hit[-1], 1e-9), false / max(false[-1], 1e-9)
        crossing = np.abs(missed - matched).argmin()
        values.append(float(missed[crossing] + matched[crossing]) / 2 if hit[-1] and false[-1] else np.nan)
    return three(values)


def share_above(pairs: Pairs, limit: float) -> list[float]:
    """The share of pairs above a threshold; all are of one person, or all of two."""

    pairs, own = numbered(pairs)
    above = pairs.where(pairs.score >= limit)
    if not len(above.score):  # no resample of no event shows how many there might be: the rule of three
        return [0.0, 0.0, 3.0 / len(pairs.score)]
    sums = [(weight(above, times, own).sum(), weight(pairs, times, own).sum()) for times in drawn(len(own)).T]
    return three([float(part / whole) if whole else np.nan for part, whole in sums])


def rank_one(scores: np.ndarray, people: np.ndarray, allowed: np.ndarray) -> list[float]:
    """How often the most alike record, among those allowed for each, is of the same person."""

    right = people[np.where(allowed, scores, -np.inf).argmax(axis=1)] == people
    asked = (allowed & (people[:, None] == people)).any(axis=1)
    people = np.unique(people, return_inverse=True)[1]
    times = drawn(people.max() + 1)[people] * asked[:, None]
    return three(list((right @ times) / np.maximum(times.sum(axis=0), 1)))


def within_source(lead_one: People, vectors: np.ndarray, limit: float) -> dict[str, Any]:
    """Lead I of the people who were not fitted on, source by source and pooled."""

    person = np.repeat(np.arange(len(lead_one.sources)), TIMES)
    rows, parts = {}, []
    for source in [*dict.fromkeys(lead_one.sources), "pooled"]:
        if source == "pooled":
            pairs, apart, kept, ranks = pooled(parts)
        else:
            here = np.flatnonzero((lead_one.sources == source)[person] & ~lead_one.fitting[person])
            who, when = person[here], here % TIMES
            scores = likeness(vectors[here], vectors[here])[0]
            pairs, one, other = paired(scores, who)
            shares = lead_one.copies[who[:, None], when[:, None], when] & (who[:, None] == who)
            ends = (np.abs(when[:, None] - when) == TIMES - 1) & ~shares
            apart, kept = np.abs(when[one] - when[other]), ~shares[one, other]
            ranks = (scores, who, ~shares & ~np.eye(len(who), dtype=bool), ends)
            parts.append((pairs, apart, kept, ranks))
        scores, who, every, ends = ranks
        rank = {"rank1": rank_one(scores, who, every), "rank1_first_last": rank_one(scores, who, ends)}
        rows[source] = {"people": len(set(who)), **measured(pairs, apart, kept, limit), **rank}
    return rows


def pooled(parts: list[tuple[Pairs, np.ndarray, np.ndarray, tuple]]) -> tuple[Pairs, np.ndarray, np.ndarray, tuple]:
    """The pairs of all sources together; none across sources."""

    pairs, apart, kept, ranks = zip(*parts, strict=True)
    scores, who, every, ends = zip(*ranks, strict=True)
    blocks = [scipy.linalg.block_diag(*each) for each in (scores, every, ends)]
    ranks = (blocks[0], np.concatenate(who), *(block.astype(bool) for block in blocks[1:]))
    joined = Pairs(*(np.concatenate(values) for values in zip(*pairs, strict=True)))
    return joined, np.concatenate(apart), np.concatenate(kept), ranks


def measured(pairs: Pairs, apart: np.ndarray, kept: np.ndarray, limit: float) -> dict[str, Any]:
    """Equal error rates of all pairs that share no sample, of neighbouring recordings and of far ones."""

    return {
        "copies": int((~kept).sum()),
        "all": equal_error(pairs.where(kept)),
        "next": equal_error(pairs.where(kept & (~pairs.same | (apart == 1)))),
        "far": equal_error(pairs.where(kept & (~pairs.same | (apart >= FAR_APART)))),
        "false_match": share_above(pairs.where(~pairs.same), limit),
        "found_far": share_above(pairs.where(kept & pairs.same & (apart >= FAR_APART)), limit),
    }


class Visits(NamedTuple):
    """The records of PTB-XL: their table, fingerprints and median beats, and which only serve to fit."""

    table: pd.DataFrame
    prints: list[Fingerprint]
    beats: np.ndarray
    fitting: np.ndarray


def visits(data: Path) -> Visits:
    """Every record of the two folders once; half of the patients with one record are there to fit."""

    parts = []
    for name, folder in (("ptbxl", "ptbxl"), ("arrays", "ptbxl-zscored")):
        corpus = datasets.get(name, data / folder)
        table = corpus.table()[["record_id", "patient_id", "source"]]
        parts.append(table.assign(print=fingerprints(corpus, table["record_id"])))
    table = pd.concat(parts).drop_duplicates("record_id").reset_index(drop=True)
    prints = list(table.pop("print"))
    beats = [median_beat(each) for each in prints]
    whole = np.array([beat is not None and beat.any(axis=1).all() for beat in beats])
    table, prints = table[whole].reset_index(drop=True), [prints[k] for k in np.flatnonzero(whole)]
    single = table["patient_id"].map(table["patient_id"].value_counts()).to_numpy() == 1
    fitting = np.zeros(len(table), dtype=bool)
    fitting[single] = halved(np.zeros(single.sum()))
    return Visits(table, prints, np.array([beats[k] for k in np.flatnonzero(whole)]), fitting)


def embedded(prints: list[Fingerprint], centre: np.ndarray, mapped: np.ndarray) -> np.ndarray:
    """`record twelve dimension`."""

    return np.array([embed(each, centre, mapped) for each in prints])


def between_visits(vectors: np.ndarray, ptbxl: Visits) -> tuple[dict[int, dict[str, Any]], int]:
    """For each number of leads the thresholds, fitted on one half, and the error rates on the other; and the copies."""

    people = np.unique(ptbxl.table["patient_id"], return_inverse=True)[1]
    rest = np.flatnonzero(~ptbxl.fitting)
    copied = np.zeros((len(rest), len(rest)), dtype=bool)
    for person in {person for person in people[rest] if (people[rest] == person).sum() > 1}:
        mine = np.flatnonzero(people[rest] == person)
        one = [slid(np.stack([ptbxl.prints[rest[k]].samples[lead] for k in mine]).astype(float)) for lead in range(12)]
        copied[np.ix_(mine, mine)] = np.median(one, axis=0) > COPY
    rows = {}
    for count, leads in LEADS.items():
        chosen = vectors[:, [TWELVE.index(lead) for lead in leads]]
        fitted = paired(likeness(chosen[ptbxl.fitting], chosen[ptbxl.fitting])[0], people[ptbxl.fitting])[0].score
        threshold, sure = float(np.quantile(fitted, 1 - FALSE_MATCH)), float(1 + fitted.max()) / 2
        pairs, first, second = paired(likeness(chosen[rest], chosen[rest])[0], people[rest])
        pairs = pairs.where(~copied[first, second])
        rows[count] = {
            "pairs_of_one": int(pairs.same.sum()),
            "pairs_of_two": int((~pairs.same).sum()),
            "error": equal_error(pairs),
            "threshold": threshold,
            "false_match": share_above(pairs.where(~pairs.same), threshold),
            "found": share_above(pairs.where(pairs.same), threshold),
            "sure": sure,
            "sure_match": share_above(pairs.where(~pairs.same), sure),
        }
    return rows, int(np.triu(copied, 1).sum())


def write(path: Path, centre: np.ndarray, mapped: np.ndarray, session: list[float], rows: dict[int, Any]) -> None:
    """The map and what was measured with it, as the package reads it."""

    names = ("threshold", "false_match", "found", "sure", "sure_match", "error")
    columns = {name: np.array([row[name] for row in rows.values()]) for name in names}
    whole = Fit(centre, mapped, session_error=np.array(session), leads=np.array(list(rows)), **columns)
    np.savez(path, **whole._asdict())
    fit.cache_clear()


def asked(prints: list[Fingerprint], side: np.ndarray) -> bool:
    """Whether the check warns of these records, of unknown patients."""

    table = pd.DataFrame({"record_id": [f"record:{n}" for n in range(len(prints))]})
    return identity(Subject(table, side, fingerprints=prints)).status == "warning"


def alarms(ptbxl: Visits, lead_one: People) -> dict[str, Any]:
    """How often the check warns, without ids: of different people, of PTB-XL split by record, of lead1-562."""

    rng = np.random.default_rng(SEED)
    single = ptbxl.table["patient_id"].map(ptbxl.table["patient_id"].value_counts()).to_numpy() == 1
    strangers = [ptbxl.prints[k] for k in np.flatnonzero(single & ~ptbxl.fitting)]

    held = [lead_one.prints[k] for k in np.flatnonzero(np.repeat(~lead_one.fitting, TIMES))]

    def share(prints: list[Fingerprint]) -> float:
        sides = (np.where(rng.random(len(prints)) < 0.5, "train", "test") for _ in range(SPLITS))
        return float(np.mean([asked(prints, side) for side in sides]))

    return {
        "different_people": share(strangers),
        "different_people_lead_I": share([Fingerprint(("I",), each.samples[:1]) for each in strangers]),
        "ptbxl_by_record": share(ptbxl.prints),
        "lead1_562_by_recording": share(held),
    }


def text(rate: list[float]) -> str:
    return "{:.3g} [{:.2g}, {:.2g}]".format(*rate)


def tables(facts: dict[str, Any]) -> str:
    """The Markdown."""

    columns = ("all", "next", "far", "rank1", "rank1_first_last", "false_match", "found_far")
    lines = [f"| source | people | share samples | {' | '.join(columns)} |", "|---|---|---|" + "---|" * len(columns)]
    for name, row in facts["within_source"].items():
        cells = " | ".join(text(row[column]) for column in columns)
        lines.append(f"| {name} | {row['people']} | {row['copies']} | {cells} |")
    columns = ("error", "false_match", "found", "sure_match")
    lines += ["", f"| leads | threshold | sure | {' | '.join(columns)} |", "|---|---|---|" + "---|" * len(columns)]
    for count, row in facts["between_visits"].items():
        cells = " | ".join(text(row[column]) for column in columns)
        lines.append(f"| {count} | {row['threshold']:.4f} | {row['sure']:.4f} | {cells} |")
    return "\n".join(lines)


def main() -> None:
    """Fits, measures, prints, and writes the map and the JSON."""

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="the folder of lead1-562, ptbxl and ptbxl-zscored")
    parser.add_argument("--fit", type=Path, help="where to write the map and what was measured with it")
    parser.add_argument("--out", type=Path, help="where to write the numbers as JSON")
    options = parser.parse_args()
    lead_one, ptbxl = people(options.data / "lead1-562"), visits(options.data)
    centre = ptbxl.beats[ptbxl.fitting].mean(axis=0)
    centre[0] = lead_one.beats[lead_one.fitting].mean(axis=(0, 1))
    mapped = discriminant(lead_one.beats[lead_one.fitting], lead_one.sources[lead_one.fitting])
    between, copied = between_visits(embedded(ptbxl.prints, centre, mapped), ptbxl)
    limit = between[1]["threshold"]
    within = within_source(lead_one, embedded(lead_one.prints, centre, mapped), limit)
    plain = within_source(lead_one, embedded(lead_one.prints, centre, np.eye(len(centre[0]))), limit)["pooled"]
    if options.fit:
        write(options.fit, centre, mapped, within["pooled"]["all"], between)
    facts = {
        "within_source": {**within, "pooled, no map": plain},
        "between_visits": between,
        "copies_in_ptbxl": copied,
        "check_warns": alarms(ptbxl, lead_one),
        "machine": platform.machine(),
        "versions": {module.__name__: module.__version__ for module in (np, scipy, pd)},
    }
    print(f"{tables(facts)}\n\n{copied} pairs of one patient in PTB-XL are copies\n{facts['check_warns']}")
    if options.out:
        options.out.write_text(json.dumps(facts, indent=1) + "\n")


if __name__ == "__main__":
    main()
