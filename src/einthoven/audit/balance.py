"""Sides that differ so much in age, sex, source or class that a figure means something else.

A test set of older patients, of another hospital or of more positives measures another task than training did. A
difference is named if it is large (0.2 or more of Cohen's d for ages, of Cohen's h for shares, which he calls small and
which a random split of some size does not reach; Cohen 1988) and beyond chance: p < .01 after Holm's correction for all
that was compared. The effect is that of the records, which is what a figure is made of; the test counts each patient
once, since records of one patient are no independent evidence: Welch's t of mean ages, and Fisher's exact test.
"""

__all__ = ["balance"]

import dataclasses
from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int
from scipy.stats import fisher_exact, ttest_ind_from_stats

from einthoven.audit import Finding, Subject, Verdict
from einthoven.evaluation.bootstrap import clusters
from einthoven.evaluation.holm import holm

EFFECT = 0.2  # Cohen's d or h
CHANCE = 0.01
_NAMED = 3  # differences that a sentence spells out


@dataclasses.dataclass(frozen=True)
class _Difference:
    """One thing that was compared between training and another side: its effect size, its p, and both in words."""

    side: str
    effect: float
    p: float
    words: str


def balance(subject: Subject) -> Verdict:
    """What differs between training and each other side.

    Arguments:
        subject: Its `age`, `sex`, `source` and `targets` are compared. A side of other sources than training's is named
            too; the side `external` is so on purpose, and its sources are not compared.
    """

    others = [side for side in subject.sides if side != "train"]
    if subject.split is None or "train" not in subject.sides or not others:
        return Verdict("balance", "no split says what is training and what is not", asked=False)
    features = _features(subject)
    known = subject.patients.to_numpy(object)
    patient = clusters(pd.Series(known, index=subject.column("record_id").to_numpy()))
    made = [each for side in others for each in _differences(subject, features, patient, side)]
    corrected = holm(np.array([each.p for each in made], dtype=np.float64))
    large = [d for d, p in zip(made, corrected, strict=True) if abs(d.effect) >= EFFECT and p < CHANCE]
    findings = [_finding(side, [d for d in large if d.side == side]) for side in others]
    new = {side: _new_sources(subject, side) for side in others}
    findings += [_strange(side, found) for side, found in new.items() if side != "external"]
    if not made and not any(new.values()):
        return Verdict("balance", "nothing is known of the records that could be compared", asked=False)
    looked = f"{len(made)} differences in age, sex, source and {len(subject.classes)} classes between training and "
    looked += " and ".join(others) + _gaps(subject)
    if new.get("external"):
        looked += (
            f"; external is of sources that training has not seen, as is its purpose ({_sources(new['external'])})"
        )
    return Verdict("balance", looked, tuple(finding for finding in findings if finding is not None))


def _features(subject: Subject) -> dict[str, Float[np.ndarray, " record"]]:
    """What is compared, one number a record, NaN where it is missing: ages in years, all else 1 or 0."""

    age = pd.to_numeric(subject.column("age"), errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    features = {"age": age}
    for kind in ("sex", "source"):
        column = subject.column(kind).astype("string")
        values = sorted(column.dropna().unique())
        for value in values[:1] if len(values) <= 2 else values:  # the share of the other of two follows
            share = (column == value).fillna(False).to_numpy(dtype=np.float64)
            features[f"{kind} {value}"] = np.where(column.isna().to_numpy(), np.nan, share)
    if subject.targets is not None:
        features |= {f"class {name}": column for name, column in zip(subject.classes, subject.targets.T, strict=True)}
    return features


def _differences(
    subject: Subject,
    features: Mapping[str, Float[np.ndarray, " record"]],
    patient: Int[np.ndarray, " record"],
    side: str,
) -> Iterator[_Difference]:
    """Each feature of a side against that of training; one that is constant, or known of one patient, is left out."""

    for name, values in features.items():
        if side == "external" and name.startswith("source "):
            continue
        known = ~np.isnan(values)
        there, here = (values[known & (subject.side == each)] for each in (side, "train"))
        people = [_by_patient(values, patient, known & (subject.side == each)) for each in (side, "train")]
        if min(map(len, people)) < 2 or np.ptp(np.concatenate([there, here])) == 0:
            continue
        if name == "age":
            yield _of_ages(side, there, here, *people)
        else:
            yield _of_shares(side, name, there, here, *people)


def _of_ages(
    side: str,
    there: Float[np.ndarray, " record"],
    here: Float[np.ndarray, " other"],
    theirs: Float[np.ndarray, " patient"],
    ours: Float[np.ndarray, " another"],
) -> _Difference:
    freedom = len(there) + len(here) - 2
    pooled = np.sqrt((len(there) * there.var() + len(here) * here.var()) / freedom)
    gap = float(there.mean() - here.mean())
    d = gap / pooled if pooled else float(np.copysign(np.inf, gap))
    spread = [float(each.std(ddof=1)) for each in (theirs, ours)]
    moments = (theirs.mean(), spread[0], len(theirs), ours.mean(), spread[1], len(ours))
    p = float(ttest_ind_from_stats(*moments, equal_var=False).pvalue) if any(spread) else 0.0
    return _Difference(side, d, p, f"age {there.mean():.1f} against {here.mean():.1f} years (d = {d:.2f})")


def _of_shares(
    side: str,
    name: str,
    there: Float[np.ndarray, " record"],
    here: Float[np.ndarray, " other"],
    theirs: Float[np.ndarray, " patient"],
    ours: Float[np.ndarray, " another"],
) -> _Difference:
    h = float(2 * np.arcsin(np.sqrt(there.mean())) - 2 * np.arcsin(np.sqrt(here.mean())))
    counts = [[int((each >= 0.5).sum()), int((each < 0.5).sum())] for each in (theirs, ours)]
    p = float(fisher_exact(counts).pvalue)
    return _Difference(side, h, p, f"{name} {100 * there.mean():.1f} % against {100 * here.mean():.1f} % (h = {h:.2f})")


def _by_patient(
    values: Float[np.ndarray, " record"], patient: Int[np.ndarray, " record"], chosen: Bool[np.ndarray, " record"]
) -> Float[np.ndarray, " patient"]:
    """The mean of each patient's chosen records."""
    count = np.bincount(patient[chosen])
    return np.bincount(patient[chosen], weights=values[chosen])[count > 0] / count[count > 0]


def _finding(side: str, large: list[_Difference]) -> Finding | None:
    """What is named of one side, the largest effect first."""
    if not large:
        return None
    words = [each.words for each in sorted(large, key=lambda each: -abs(each.effect))]
    more = f", and {len(words) - _NAMED} more" if len(words) > _NAMED else ""
    sentence = f"{side} differs from training beyond chance (effect size {EFFECT} or more): {'; '.join(words[:_NAMED])}"
    remedy = "Read a figure on it as one of another population, or split evenly."
    return Finding("warning", f"{sentence}{more}. {remedy}", len(words), tuple(words[:3]))


def _new_sources(subject: Subject, side: str) -> dict[str, int]:
    """The sources of a side that training has no record of, and how many records they have."""
    source = subject.column("source").astype("string")
    trained = set(source[subject.side == "train"].dropna())
    count = source[subject.side == side].dropna().value_counts()
    return {str(name): int(n) for name, n in count.items() if trained and name not in trained}


def _strange(side: str, found: dict[str, int]) -> Finding | None:
    """That a side has sources which training has never seen."""
    if not found:
        return None
    sentence = (
        f"{sum(found.values())} records in {side} are of sources that training has never seen ({_sources(found)}): "
    )
    sentence += "what is measured on them is the transfer to another place."
    return Finding("warning", sentence, sum(found.values()), tuple(list(found)[:3]))


def _sources(found: dict[str, int]) -> str:
    named = [f"{name}: {count}" for name, count in list(found.items())[:_NAMED]]
    return ", ".join(named) + (f" and {len(found) - _NAMED} more" if len(found) > _NAMED else "")


def _gaps(subject: Subject) -> str:
    """How many records name no age, sex or source."""
    used = subject.side != ""
    missing = {name: int(subject.column(name)[used].isna().sum()) for name in ("age", "sex", "source")}
    words = [f"{name} of {count}" for name, count in missing.items() if count]
    return f"; of {int(used.sum())} records, missing: {', '.join(words)}" if words else ""
