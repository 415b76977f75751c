"""Proposes a split without the leaks that were found: what belongs together goes to one side as a whole.

Records belong together that have the same id, known patient, samples or recording, of which one was made from the
other, or that a check found to be a leaking pair. Groups are the connected components of these links. A group on one
side stays; one on several goes to one of its own sides, chosen so that each side keeps its numbers of records and of
each class as nearly as can be.

Two kinds of record do not go along but leave the split: a synthetic one with kin on another side, since a test set is
of real ECGs and training does not suffer from one less; and an external one with kin at home, since nothing of what is
external may have been seen.

Records of unknown patients belong together only as far as samples, recordings or checks say so.
"""

__all__ = ["fix", "summary"]

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from einthoven.audit._subject import Subject, Verdict
from einthoven.splits import stratify

_SAME = {"record_id": "same id", "patient_id": "same patient", "content": "same samples", "recording": "same recording"}
_MADE, _PAIR = "one made from the other", "found to be a pair"
_ORDER = ("train", "validation", "test", "external")


def fix(subject: Subject, verdicts: Sequence[Verdict]) -> pd.DataFrame:
    """A side for each record, so that no known link joins two sides.

    Arguments:
        subject: What was audited.
        verdicts: What the checks said of it; the pairs of those that found a leak are kept together.

    Returns:
        One row a record: `record_id`, `patient_id`, `split` as proposed (empty for left out), `was`, and `why` where
        the two differ.

    Raises:
        ValueError: If the sides are data sets rather than those of a split.
    """

    if subject.split is None:
        raise ValueError("the sides are data sets, and no record can move between them; give a split to be mended")
    was = subject.side.astype(object)
    made = _made(subject)
    links = _links(subject, verdicts, made)
    kin = _with_kin(links, made, was)
    group = _components(links, ~kin)
    home = ~kin & (was != "") & (was != "external")
    sides = {key: sorted(set(rows), key=_rank) for key, rows in pd.Series(was[home]).groupby(group[home])}
    place = dict.fromkeys(group[~kin & (was == "external")].tolist(), "external") | _places(subject, group, home, sides)
    goes = np.array([place.get(key, "") for key in group], dtype=object)
    split, why = was.copy(), np.full(len(was), "", dtype=object)
    moves = np.flatnonzero(~kin & (was != "") & (was != goes))
    kinds = _kinds(links[~kin[links["one"]] & ~kin[links["other"]]], group, moves)
    for row in moves.tolist():
        because = f"({kinds[group[row]]})"
        if was[row] == "external":
            split[row], why[row] = "", f"belongs to records of {goes[row]} {because}, so it is not external: left out"
        else:
            stood = " and ".join(sides[group[row]])
            split[row], why[row] = goes[row], f"belongs to records on {stood} {because}, which all go to {goes[row]}"
    for row, (other, kind) in _estranged(links, kin, was, goes).items():
        split[row], why[row] = "", f"synthetic, and belongs to records of {other} ({kind}): left out of {was[row]}"
    ids = {name: subject.column(name).to_numpy() for name in ("record_id", "patient_id")}
    return pd.DataFrame({**ids, "split": split, "was": was, "why": why})


def summary(proposal: pd.DataFrame) -> pd.DataFrame:
    """What a proposal by `fix` does to each part.

    Returns:
        One row a part, what is left out last: `part` (empty for none), the records in it `before` and `after`, those
        that `moved` out of it and those that `arrived`.
    """

    was, split = proposal["was"], proposal["split"]
    rows = [
        {
            "part": part,
            "before": int((was == part).sum()),
            "after": int((split == part).sum()),
            "moved": int(((was == part) & (split != part)).sum()),
            "arrived": int(((was != part) & (split == part)).sum()),
        }
        for part in sorted({*was, *split}, key=_rank)
    ]
    return pd.DataFrame(rows, columns=["part", "before", "after", "moved", "arrived"])


def _rank(part: str) -> tuple[int, str]:
    return (_ORDER.index(part) if part in _ORDER else len(_ORDER) + (part == ""), part)


# What belongs together


def _made(subject: Subject) -> np.ndarray:
    """Which records are synthetic beside others; where all are, those without parents stand for real ones."""
    synthetic = np.array([pd.notna(value) and bool(value) for value in subject.column("synthetic")], dtype=bool)
    parents = np.array([bool(names) for names in subject.parents], dtype=bool)
    return synthetic & (parents | ~synthetic.all())


def _links(subject: Subject, verdicts: Sequence[Verdict], made: np.ndarray) -> pd.DataFrame:
    """Rows `one` and `other` that belong together and `kind`, why; n alike in a column are joined by n − 1 links."""
    ids = subject.table["record_id"].tolist()
    order = np.argsort(made, kind="stable")  # real ones first, so that they are joined to each other
    first = {ids[row]: row for row in order[::-1].tolist()}
    lists = enumerate(subject.parents)
    found = [(first[name], row, _MADE) for row, names in lists for name in names if name in first]
    for verdict in verdicts:
        if verdict.status == "leak" and verdict.pairs is not None:
            pairs = zip(verdict.pairs["record"], verdict.pairs["other"], strict=True)
            found += [(first[a], first[b], _PAIR) for a, b in pairs if a in first and b in first]
    links = [pd.DataFrame(found, columns=["one", "other", "kind"]).astype({"one": int, "other": int})]
    for column, kind in _SAME.items():
        values = (subject.patients if column == "patient_id" else subject.column(column)).astype(object)
        rows = order[(values.notna() & (values != "")).to_numpy()[order]]
        code, _ = pd.factorize(values.iloc[rows])
        _, start = np.unique(code, return_index=True)
        star = pd.DataFrame({"one": rows[start][code], "other": rows, "kind": kind})
        links.append(star[star["one"] != star["other"]])
    return pd.concat(links, ignore_index=True)


def _components(links: pd.DataFrame, among: np.ndarray) -> np.ndarray:
    """A number for each record, the same for those of `among` that links among them join."""
    both = links[among[links["one"]] & among[links["other"]]]
    graph = coo_array((np.ones(len(both)), (both["one"], both["other"])), shape=(len(among), len(among)))
    return connected_components(graph, directed=False)[1]


def _both_ways(links: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([links, links.rename(columns={"one": "other", "other": "one"})], ignore_index=True)


def _with_kin(links: pd.DataFrame, made: np.ndarray, was: np.ndarray) -> np.ndarray:
    """Synthetic records that lead, perhaps through other synthetic ones, to a real one whose group is in use."""
    group, family = _components(links, ~made), _components(links, made)
    live = ~made & np.isin(group, group[~made & (was != "")])
    ends = _both_ways(links)
    touched = ends["other"][live[ends["one"]] & made[ends["other"]]]
    return made & np.isin(family, family[touched])


# Where it goes


def _places(subject: Subject, group: np.ndarray, home: np.ndarray, sides: dict[int, list[str]]) -> dict[int, str]:
    """The side of each group that has records at home."""
    place = {key: names[0] for key, names in sides.items()}
    torn = {key: i for i, key in enumerate(key for key, names in sides.items() if len(names) > 1)}
    if not torn:
        return place
    names = [name for name in subject.sides if name != "external"]
    rows = np.flatnonzero(home & np.isin(group, list(torn)))
    number = np.array([torn[key] for key in group[rows]])
    side = np.array([names.index(name) for name in subject.side[rows]])
    targets = np.empty((len(group), 0)) if subject.targets is None else subject.targets
    each = np.column_stack([targets[rows] == 1, np.ones(len(rows))])
    counts, shares = np.zeros((len(torn), each.shape[1])), np.zeros((len(names), each.shape[1]))
    np.add.at(counts, number, each)
    np.add.at(shares, side, each)
    allowed = np.zeros((len(torn), len(names)), dtype=bool)
    allowed[number, side] = True
    fold = stratify(counts, shares, np.random.default_rng(0), allowed)
    return place | {key: names[fold[i] - 1] for key, i in torn.items()}


def _kinds(links: pd.DataFrame, group: np.ndarray, rows: np.ndarray) -> "pd.Series[str]":
    """In words, for the groups of some rows, what joins them."""
    of = group[links["one"]]
    asked = np.isin(of, group[rows])
    return links["kind"][asked].groupby(of[asked]).agg(_list)


def _estranged(links: pd.DataFrame, kin: np.ndarray, was: np.ndarray, goes: np.ndarray) -> dict[int, tuple[str, str]]:
    """Synthetic records whose kin is on another side than they: which sides, and how they are related."""
    family = _components(links, kin)
    ends = _both_ways(links)
    ends = ends[~kin[ends["one"]] & kin[ends["other"]] & (goes[ends["one"]] != "")]
    near = pd.DataFrame({"family": family[ends["other"]], "side": goes[ends["one"]], "kind": ends["kind"]})
    known = {key: (set(rows["side"]), _list(rows["kind"])) for key, rows in near.groupby("family")}
    found = {}
    for row in np.flatnonzero(kin & (was != "")):
        sides, kind = known[family[row]]
        if others := sorted(sides - {was[row]}, key=_rank):
            found[int(row)] = (" and ".join(others), kind)
    return found


def _list(kinds: Iterable[str]) -> str:
    return ", ".join(sorted(set(kinds)))
