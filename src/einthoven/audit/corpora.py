"""Data sets that are known to share records, on different sides.

Much of what is published is a collection of what was published before: the challenges of 2020 and 2021 hold PTB-XL,
PTB, CPSC2018 and more, under new names. A network that is trained on one and tested on another knows part of the test.
What a corpus holds is taken from its card, from what a record's `source` says, and from the collections below; records
that keep the ids of where they came from (`ptbxl:15709`) are recognised by them, and nothing need be added.
"""

__all__ = ["corpora"]

import dataclasses
import re
from collections.abc import Iterator, Mapping
from itertools import combinations, product
from typing import Any

import pandas as pd

from einthoven import datasets, registry
from einthoven.audit import Finding, Subject, Verdict

# How public corpora are called, in names, phrases of cards and sources.
_KNOWN = {
    "PTB-XL": r"ptb-?xl",
    "PTB": r"ptb(?!-?xl)(db)?",
    "CPSC2018": r"cpsc[ -]?2018",
    "CPSC-Extra": r"cpsc-?extra",
    "INCART": r"incart",
    "Georgia": r"georgia",
    "Chapman-Shaoxing": r"chapman(-shaoxing)?",
    "Ningbo": r"ningbo",
    "CinC 2020": r"(cinc|physionet) ?(challenge )?2020",
    "CinC 2021": r"(cinc|physionet) ?(challenge )?2021",
    "CinC 2025": r"(cinc|physionet) ?(challenge )?2025",
    "CODE": r"code(?![-_ ]?\w)",
    "CODE-15": r"code-?15",
    "SaMi-Trop": r"sami-?trop",
    "ECG-ID": r"ecg-?id(db)?",
    "CYBHi": r"cybhi",
    "CEBS": r"cebs(db)?",
    "CiPA": r"(ecg)?cipa",
    "STAFF III": r"staff ?iii",
    "Pulse Transit Time PPG": r"pttppg(db)?|pulse transit time ppg",
}
# What the collections among them hold, by their publishers: physionet.org/content/challenge-2020, -2021 and -2025, and
# doi 10.5281/zenodo.4916206 for CODE-15.
_OF_2020 = ("PTB-XL", "PTB", "CPSC2018", "CPSC-Extra", "INCART", "Georgia")
_HOLDS = {
    "CinC 2020": _OF_2020,
    "CinC 2021": (*_OF_2020, "CinC 2020", "Chapman-Shaoxing", "Ningbo"),
    "CinC 2025": ("CODE-15", "PTB-XL", "SaMi-Trop"),
    "CODE": ("CODE-15",),
}


@dataclasses.dataclass(frozen=True, eq=False)
class _Place:
    """The records of one data set on one side, or those that a checkpoint was trained on.

    Attributes:
        name: Of the data set.
        side: Or the checkpoint.
        holds: The corpora that it has records of: whether the ids of these records say so, and those of their patients.
        rows: Which rows of the table they are.
    """

    name: str
    side: str
    holds: Mapping[str, tuple[bool, bool]]
    rows: tuple[int, ...] = ()


def corpora(subject: Subject) -> Verdict:
    """Pairs of data sets that stand on different sides and share records, where their ids do not tell which.

    Arguments:
        subject: Its table's `dataset`, `source` and the name spaces of its ids, its `cards`, and of its `contracts` the
            `data` that they name.

    Returns:
        A warning where every record of both has a fingerprint, so that the check `waveforms` has compared them;
        otherwise it could not look.
    """

    places, trained = _places(subject), list(_trained(subject))
    names = sorted({place.name for place in places})
    if len(names) < 2 and not trained:
        why = "all records are of one data set" if names else "no record says of which data set it is"
        return Verdict("corpora", f"{why}, and no checkpoint says what it was trained on", asked=False)
    unseen = [place for place in places if subject.split is None or place.side != "train"]
    findings = (*_between(subject, places), *_before(trained, unseen))
    looked = f"{len(names)} data sets ({', '.join(names)})"
    looked += f" and what {len(subject.contracts)} checkpoints were trained on" if trained else ""
    strange = [name for name in names if _card(subject, name) is None]
    looked += f"; no card says what is in {', '.join(strange)}" if strange else ""
    return Verdict("corpora", looked, findings)


def _between(subject: Subject, places: list[_Place]) -> Iterator[Finding]:
    """Data sets of the table on different sides; one finding for each two of them."""

    prints = [fingerprint is not None for fingerprint in subject.fingerprints] or [False] * len(subject.table)
    for name, other in combinations(sorted({place.name for place in places}), 2):
        here, there = ([place for place in places if place.name == each] for each in (name, other))
        crossing = [(a, b) for a, b in product(here, there) if a.side != b.side]
        shared = sorted({key for a, b in crossing for key in _untold(a, b, by_patient=False)})
        if not shared:
            continue
        stand = [place for pair in crossing if _untold(*pair, by_patient=False) for place in pair]
        rows = {row for place in stand for row in place.rows}
        sentence = f"{_where(name, stand, subject)} and {_where(other, stand, subject)} are known to share records of "
        sentence += f"{_listed(shared)}, and their ids do not tell which: "
        if all(prints[row] for row in rows):
            yield Finding("warning", f"{sentence}see what the check waveforms finds, which has compared all of them.")
        else:
            remedy = "compare the signals, or leave out what is shared."
            yield Finding("could not look", sentence + remedy, len(rows))


def _where(name: str, stand: list[_Place], subject: Subject) -> str:
    """A data set and the sides that it stands on."""
    sides = sorted({place.side for place in stand if place.name == name}, key=subject.sides.index)
    return f"{name} (in {_listed(sides)})" if subject.split is not None else name


def _before(trained: list[_Place], places: list[_Place]) -> Iterator[Finding]:
    """What a checkpoint was trained on, against the records that it must not have seen."""

    for before in trained:
        for name in sorted({place.name for place in places} - {before.name}):
            here = [place for place in places if place.name == name]
            shared = sorted({key for place in here for key in _untold(before, place, by_patient=True)})
            if shared:
                sentence = (
                    f"The checkpoint {before.side} was trained on {before.name}, which is known to share records of "
                )
                sentence += (
                    f"{_listed(shared)} with {name}, and ids do not tell which. Leave those out, or test elsewhere."
                )
                yield Finding("could not look", sentence, sum(len(place.rows) for place in here))


def _untold(a: _Place, b: _Place, by_patient: bool) -> list[str]:
    """The corpora that both hold records of, unless the ids of both say which those are."""
    return [key for key in a.holds if key in b.holds and not (a.holds[key][by_patient] and b.holds[key][by_patient])]


def _places(subject: Subject) -> list[_Place]:
    """Each data set on each side."""

    rows = pd.DataFrame({"side": subject.side, "dataset": subject.column("dataset").to_numpy()})
    rows["source"] = subject.column("source").astype("string").fillna("").to_numpy()
    record = subject.column("record_id").astype("string").fillna("")
    rows["space"] = record.str.extract(r"^([^:]*):", expand=False).fillna("").to_numpy()
    rows["known"] = subject.column("patient_id").notna().to_numpy()
    rows = rows[(rows["side"] != "") & rows["dataset"].notna()]
    inside = {str(name): _inside(subject, str(name), set(part["source"])) for name, part in rows.groupby("dataset")}
    places = []
    for (name, side), part in rows.groupby(["dataset", "side"]):
        holds: dict[str, tuple[bool, bool]] = {}
        for (source, space), same in part.groupby(["source", "space"]):
            for key, told in _of_rows(str(name), str(source), str(space), *inside[str(name)]):
                known = told and bool(same["known"].all())
                before = holds.get(key, (True, True))
                holds[key] = (before[0] and told, before[1] and known)
        places.append(_Place(str(name), str(side), holds, tuple(part.index)))
    return places


def _inside(subject: Subject, name: str, sources: set[str]) -> tuple[frozenset[str], bool]:
    """The corpora that a data set holds by its card, and whether its sources tell them apart."""
    mentioned = _mentioned(subject, name)
    return mentioned, any(_named(source) & mentioned for source in sources)


def _of_rows(name: str, source: str, space: str, mentioned: frozenset[str], apart: bool) -> Iterator[tuple[str, bool]]:
    """The corpora that rows of one source and name space may be of, and whether their ids say so."""

    own = _own(space) if space else _own(name)
    found = _named(source) & mentioned
    origins = found or ({own} if apart or own != _own(name) else {own} | mentioned)
    for origin in origins:
        for key in _closure(origin):
            yield key, bool(space) and key == own


def _trained(subject: Subject) -> Iterator[_Place]:
    """What each checkpoint was trained on, in all its stages."""

    stages = list(subject.contracts.items())
    for checkpoint, contract in stages:
        stages += [(f"{checkpoint}, pretraining", stage) for stage in contract.get("pretrained") or ()]
        for entry in contract.get("data") or ():
            name = str(entry["name"] if isinstance(entry, Mapping) else entry)
            told = not contract.get("unknown_patients_seen") and "patients_seen" in contract
            origins = {_own(name)} | _mentioned(subject, name)
            keys = {key for origin in origins for key in _closure(origin)}
            yield _Place(name, checkpoint, {key: (False, told and key == _own(name)) for key in keys})


def _mentioned(subject: Subject, name: str) -> frozenset[str]:
    """The corpora that the card of a data set names, without those that it is itself a part of."""

    card = _card(subject, name) or {}
    text = " | ".join(card.get("contains") or ())
    others = {str(other) for other in subject.column("dataset").dropna().unique()} - {name}
    named = _named(text) | {_own(other) for other in others if re.search(rf"\b{re.escape(other)}\b", text)}
    return frozenset(key for key in named if _own(name) not in _closure(key))


def _card(subject: Subject, name: str) -> Mapping[str, Any] | None:
    """The card of a data set: the one given, or that of a corpus of this name."""
    plain = _plain(name)
    for key in (name, plain):
        if key in subject.cards:
            return subject.cards[key]
    return dataclasses.asdict(registry.get("datasets", plain).card) if plain in datasets.names() else None


def _named(text: str) -> frozenset[str]:
    """The known corpora that are named in a text."""
    return frozenset(key for key, words in _KNOWN.items() if re.search(rf"\b({words})\b", text, re.IGNORECASE))


def _own(name: str) -> str:
    """What a data set or a name space is called here: a known corpus, or its own name without dashes and case."""
    plain = _plain(name)
    known = [key for key, words in _KNOWN.items() if re.fullmatch(words, plain, re.IGNORECASE)]
    return known[0] if known else re.sub(r"\W|_", "", plain.lower())


def _plain(name: str) -> str:
    """Without the number that tells two data sets of one name apart."""
    return re.sub(r" \(\d+\)$", "", name)


def _closure(key: str) -> frozenset[str]:
    """A corpus and what it holds."""
    return frozenset({key, *_HOLDS.get(key, ())})


def _listed(keys: list[str]) -> str:
    return keys[0] if len(keys) == 1 else f"{', '.join(keys[:-1])} and {keys[-1]}"
