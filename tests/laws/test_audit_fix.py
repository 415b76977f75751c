"""The proposal for a split without leaks: nothing that belongs together is torn, and little else changes."""

import dataclasses
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from einthoven import splits
from einthoven.audit import Finding, Subject, Verdict
from einthoven.audit._fix import fix, summary

SIDES = ("train", "validation", "test", "external", "")


def subject(side: list[str], y: np.ndarray | None = None, split: str | None = "my.csv", **columns: list) -> Subject:
    n = len(side)
    table = pd.DataFrame({"record_id": [f"c:{i}" for i in range(n)], "patient_id": [None] * n, **columns})
    classes = () if y is None else tuple(f"class {i}" for i in range(y.shape[1]))
    return Subject(table, np.array(side, dtype=object), split, targets=y, classes=classes)


def leak(*pairs: tuple[str, str], status: str = "leak") -> Verdict:
    frame = pd.DataFrame(pairs, columns=["record", "other"])
    return Verdict("waveforms", "all", (Finding(status, "found"),), pairs=frame)


def belongings(given_: Subject, verdicts: list[Verdict]) -> list[tuple[int, int]]:
    """Every two records that belong together, each pair looked at by itself."""
    table, found = given_.table, []
    pairs = {frozenset(p) for v in verdicts if v.status == "leak" for p in v.pairs[["record", "other"]].values.tolist()}
    alike = [c for c in ("record_id", "patient_id", "content", "recording") if c in table]
    rows = table.to_dict("records")
    for i, one in enumerate(rows):
        for j, other in enumerate(rows[:i]):
            same = any(one[c] is not None and one[c] == other[c] for c in alike)
            born = one["record_id"] in (other.get("parents") or ()) or other["record_id"] in (one.get("parents") or ())
            if same or born or frozenset((one["record_id"], other["record_id"])) in pairs:
                found.append((i, j))
    return found


def torn(given_: Subject, side: np.ndarray, verdicts: list[Verdict]) -> list[tuple[int, int]]:
    """Those that stand on two sides."""
    return [(i, j) for i, j in belongings(given_, verdicts) if side[i] and side[j] and side[i] != side[j]]


def leaky(n: int, seed: int) -> tuple[Subject, list[Verdict]]:
    """A small table with every kind of link, and a side for each record at random."""
    rng = np.random.default_rng(seed)
    ids = [f"c:{i if rng.random() < 0.85 else rng.integers(n)}" for i in range(n)]

    def some(prefix: str, share: float) -> list[str | None]:
        return [f"{prefix}{rng.integers(n)}" if rng.random() < share else None for _ in range(n)]

    synthetic = (rng.random(n) < rng.choice([0.0, 0.4, 1.0])).tolist()
    parents = [[str(p) for p in rng.choice(ids, rng.integers(1, 3))] if rng.random() < 0.4 else None for _ in range(n)]
    columns = {
        "patient_id": some("p", 0.5),
        "content": some("hash", 0.2),
        "recording": some("r", 0.2),
        "synthetic": synthetic,
        "parents": [own if made else None for own, made in zip(parents, synthetic, strict=True)],
    }
    side = [SIDES[k] for k in rng.choice(5, n, p=[0.4, 0.15, 0.2, 0.1, 0.15])]
    y = (rng.random((n, 2)) < 0.3).astype(np.float32)
    pairs = [tuple(rng.choice(ids, 2).tolist()) for _ in range(rng.integers(0, 3))]
    return subject(side, y, record_id=ids, **columns), [leak(*pairs)]


def cases(test: Callable[[int, int], None]) -> Callable[[], None]:
    return settings(max_examples=30)(given(n=st.integers(2, 16), seed=st.integers(0, 10**6))(test))


@cases
def test_nothing_that_belongs_together_is_torn(n: int, seed: int) -> None:
    before, verdicts = leaky(n, seed)
    split = fix(before, verdicts)["split"].to_numpy()
    assert not torn(before, split, verdicts)
    assert splits.overlap(before.table, split).empty
    after = dataclasses.replace(before, side=split)
    assert (fix(after, verdicts)["why"] == "").all(), "a split that is mended is left alone"


@cases
def test_only_what_leaks_moves_and_each_move_says_why(n: int, seed: int) -> None:
    before, verdicts = leaky(n, seed)
    proposal = fix(before, verdicts)
    pd.testing.assert_frame_equal(proposal, fix(before, verdicts))
    assert list(proposal.columns) == ["record_id", "patient_id", "split", "was", "why"]
    np.testing.assert_array_equal(proposal["was"], before.side)
    moved = (proposal["split"] != proposal["was"]).to_numpy()
    assert ((proposal["why"] != "") == moved).all()
    assert not (moved & (before.side == "")).any(), "what is unused stays so"
    assert (proposal["split"][moved] != "external").all()
    gone = moved & (proposal["split"] == "")
    assert (before.table["synthetic"] | (before.side == "external"))[gone].all(), "real records at home stay in use"
    together, linked = np.arange(n), belongings(before, verdicts)
    for _ in range(n if linked else 0):
        for i, j in linked:
            together[[i, j]] = min(together[i], together[j])
    for row in np.flatnonzero(moved):
        assert len(set(before.side[together == together[row]]) - {""}) > 1, "it was torn from something"


@cases
def test_the_summary_counts_what_moved(n: int, seed: int) -> None:
    proposal = fix(*leaky(n, seed))
    counts = summary(proposal).set_index("part")
    assert (counts["before"] - counts["moved"] + counts["arrived"] == counts["after"]).all()
    assert counts["before"].sum() == counts["after"].sum() == n
    assert counts["moved"].sum() == (proposal["split"] != proposal["was"]).sum() == counts["arrived"].sum()
    assert list(counts.index) == [part for part in SIDES if part in counts.index]


def test_a_clean_split_is_left_alone() -> None:
    clean = subject(["train", "train", "test", "", "external"], patient_id=["a", "a", "b", "a", None])
    proposal = fix(clean, [leak(("c:0", "c:1"))])
    assert proposal["split"].tolist() == proposal["was"].tolist() and (proposal["why"] == "").all()
    assert summary(proposal)["moved"].sum() == 0


@pytest.mark.parametrize(
    "columns, verdicts, kind",
    [
        ({"patient_id": ["a", None, "a"]}, [], "same patient"),
        ({"content": ["x", None, "x"]}, [], "same samples"),
        ({"recording": ["r", None, "r"]}, [], "same recording"),
        ({"record_id": ["one", "two", "one"]}, [], "same id"),
        ({"parents": [None, None, ["c:0"]]}, [], "one made from the other"),
        ({}, [leak(("c:0", "c:2"))], "found to be a pair"),
    ],
)
def test_each_kind_of_link_is_followed_and_named(columns: dict, verdicts: list, kind: str) -> None:
    proposal = fix(subject(["train", "train", "test"], **columns), verdicts)
    assert proposal["split"].iloc[0] == proposal["split"].iloc[2] and proposal["split"].iloc[1] == "train"
    (row,) = proposal[proposal["split"] != proposal["was"]].itertuples()
    assert row.why == f"belongs to records on train and test ({kind}), which all go to {row.split}"


def test_links_are_followed_from_one_to_the_next_even_through_the_unused() -> None:
    chain = subject(["train", "", "test"], patient_id=["a", "a", None], content=[None, "x", "x"])
    split = fix(chain, [])["split"].tolist()
    assert split[1] == "" and split[0] == split[2] != ""


@pytest.mark.parametrize("status", ["warning", "could not look"])
def test_only_pairs_that_leak_count(status: str) -> None:
    proposal = fix(subject(["train", "test"]), [leak(("c:0", "c:1"), status=status)])
    assert proposal["split"].tolist() == ["train", "test"]


def test_empty_names_link_nothing() -> None:
    nobody = subject(
        ["train", "test"], patient_id=["", ""], content=[None, np.nan], recording=["", ""], parents=[np.nan, ["c:99"]]
    )
    assert fix(nobody, [leak(("c:0", "elsewhere"))])["split"].tolist() == ["train", "test"]


def test_synthetic_records_leave_training_where_their_parents_are_tested() -> None:
    made = subject(
        ["train", "test", "train", "train", "train", "test"],
        synthetic=[False, False, True, True, True, True],
        parents=[None, None, ["c:0"], ["c:0", "c:1"], ["c:3"], ["c:1"]],
    )
    proposal = fix(made, [])
    assert proposal["split"].tolist() == ["train", "test", "train", "", "", "test"]
    assert proposal["why"].iloc[3] == (
        "synthetic, and belongs to records of test (one made from the other): left out of train"
    )
    assert fix(subject(["train", "test"], synthetic=[True, False]), [leak(("c:0", "c:1"))])["split"].tolist() == [
        "",
        "test",
    ], "a copy that nobody declared"


def test_a_synthetic_record_of_two_patients_does_not_make_them_one() -> None:
    mixed = subject(
        ["train", "train", "test", "test"],
        patient_id=["a", "a", "b", "b"],
        synthetic=[False, True, False, False],
        parents=[None, ["c:0", "c:2"], None, None],
    )
    assert fix(mixed, [])["split"].tolist() == ["train", "", "test", "test"]


def test_synthetic_records_know_their_kin_through_the_unused_and_among_the_simulated() -> None:
    columns = {"synthetic": [False, False, True], "patient_id": ["a", "a", None]}
    through = subject(["test", "", "train"], parents=[None, None, ["c:1"]], **columns)
    assert fix(through, [])["split"].tolist() == ["test", "", ""]
    simulated = subject(["train", "test", "train"], parents=[None, None, ["c:1"]], synthetic=[True] * 3)
    assert fix(simulated, [])["split"].tolist() == ["train", "test", ""]


def test_where_all_is_simulated_records_move_as_real_ones_do() -> None:
    simulated = subject(["train", "test", "test"], synthetic=[True] * 3, patient_id=["a", "a", "b"])
    split = fix(simulated, [])["split"]
    assert split.iloc[0] == split.iloc[1] != "" and split.iloc[2] == "test"


def test_external_records_with_kin_at_home_are_left_out() -> None:
    away = subject(["train", "external", "external", "test"], patient_id=["a", "a", "b", "c"])
    proposal = fix(away, [])
    assert proposal["split"].tolist() == ["train", "", "external", "test"]
    assert proposal["why"].iloc[1] == ("belongs to records of train (same patient), so it is not external: left out")


def cohort(n: int, seed: int, shares: tuple[float, ...]) -> Subject:
    """Patients with one to six records, whose classes run in patients, split by record."""
    rng = np.random.default_rng(seed)
    owner = np.repeat(np.arange(n), rng.integers(1, 7, n))
    trait = rng.random((n, 3)) < (0.4, 0.15, 0.05)
    y = (trait[owner] ^ (rng.random((len(owner), 3)) < 0.02)).astype(np.float32)
    side = [("train", "validation", "test")[k] for k in rng.choice(3, len(owner), p=shares)]
    return subject(side, y, patient_id=[f"p{i}" for i in owner])


@pytest.mark.parametrize("shares", [(0.8, 0.1, 0.1), (0.6, 0.1, 0.3), (0.34, 0.33, 0.33)])
def test_the_sides_keep_their_sizes_and_classes(shares: tuple[float, ...]) -> None:
    before = cohort(500, 1, shares)
    proposal = fix(before, [])
    split = proposal["split"].to_numpy()
    n = len(split)
    assert not splits.overlap(before.table, before.side).empty and splits.overlap(before.table, split).empty
    stood = set(zip(before.table["patient_id"], before.side, strict=True))
    assert set(zip(before.table["patient_id"], split, strict=True)) <= stood, "nobody goes where he never was"
    for name in ("train", "validation", "test"):
        was, now = before.side == name, split == name
        assert abs(was.sum() - now.sum()) <= 0.01 * n
        for column in before.targets.T:
            assert abs(column[was].sum() - column[now].sum()) <= max(3, 0.02 * column.sum())


def test_sides_that_are_data_sets_cannot_be_mended() -> None:
    with pytest.raises(ValueError, match="the sides are data sets.*give a split"):
        fix(subject(["ptbxl", "sph"], split=None), [])
