"""What every splitter promises, on cohorts that hypothesis makes up, and what single ones promise beyond that."""

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from einthoven import splits
from einthoven.registry import UnknownName
from einthoven.splits import LeakError, Splitter

NAMES = splits.names()
SAFE = tuple(name for name in NAMES if not splits.get(name).leaky and not splits.get(name).named)
LEAKY = tuple(name for name in NAMES if splits.get(name).leaky and not splits.get(name).shared)
MITDB = tuple(name for name in NAMES if name.startswith("inter_patient"))
DS1 = [101, 106, 108, 109, 112, 114, 115, 116, 118, 119, 122, 124, 201, 203, 205, 207, 208, 209, 215, 220, 223, 230]
DS2 = [100, 103, 105, 111, 113, 117, 121, 123, 200, 202, 210, 212, 213, 214, 219, 221, 222, 228, 231, 232, 233, 234]


def make(owner: list[int | None], classes: int = 3, seed: int = 0, folds: int = 5) -> tuple[pd.DataFrame, np.ndarray]:
    """A cohort in which a patient has one source and one fold of the publisher's."""
    rng = np.random.default_rng(seed)
    whose = [1000 + i if person is None else person for i, person in enumerate(owner)]
    table = pd.DataFrame(
        {
            "record_id": [f"c:{i}" for i in range(len(owner))],
            "patient_id": [None if person is None else f"c:{person}" for person in owner],
            "source": [f"hospital {person % 3}" for person in whose],
            "fold": [person % folds + 1 for person in whose],
        }
    ).astype({"record_id": "string", "patient_id": "string", "source": "string", "fold": "Int64"})
    y = (rng.random((len(owner), classes)) < (0.5, 0.2, 0.05)[:classes]).astype(np.float32)
    y[rng.random(y.shape) < 0.1] = np.nan
    return table, y


cohorts = st.builds(
    make,
    st.lists(st.none() | st.integers(0, 25), min_size=30, max_size=90),
    seed=st.integers(0, 5),
)


def beats(numbers: list[int]) -> pd.DataFrame:
    """A beat each of recordings of MIT-BIH, of which 201 and 202 are one person."""
    rows = [(f"mitdb:{n}-{i:06d}", f"mitdb:{201 if n == 202 else n}", f"mitdb:{n}") for i, n in enumerate(numbers)]
    return pd.DataFrame(rows, columns=["record_id", "patient_id", "recording"], dtype="string")


def suited(name: str, table: pd.DataFrame) -> pd.DataFrame:
    """The cohort as a splitter wants it: for `external` one hospital has no folds, and beats are of MIT-BIH."""
    if name in MITDB:
        person = pd.factorize(table["patient_id"].fillna(table["record_id"]))[0]
        return beats([(*DS1, *DS2)[(i * 17 + 12) % 44] for i in person])  # 201 is the first
    away = table["source"] == "hospital 2"
    return table.assign(fold=table["fold"].mask(away)) if name == "external" else table


def parts_or_none(name: str, table: pd.DataFrame, y: np.ndarray, **how: int) -> np.ndarray | None:
    """The parts, or None where a cohort is too small for them; of a given test set, the last fold."""
    how["test_fold"] = how["folds"] if splits.get(name).fixed else how["test_fold"]
    try:
        return splits.split(name, table, y, **how)
    except LeakError:
        raise
    except ValueError as error:
        assert any(words in str(error) for words in ("part empty", "at least two", "nothing is external"))
        return None


@pytest.mark.parametrize("name", NAMES)
def test_a_splitter_states_its_facts(name: str) -> None:
    splitter = splits.get(name)
    assert isinstance(splitter, Splitter)
    assert isinstance(splitter.leaky, bool) and isinstance(splitter.within, bool)
    assert splits.known(name) == name and not splits.is_file(name)
    assert splitter.fixed == (name in (*MITDB, "leakage")) and (splitter.leaky or not splitter.shared)
    assert splitter.leaky == (name in ("by_example", "inter_patient")), "a leaky splitter says so, and only a leaky one"


@pytest.mark.parametrize("name", [name for name in NAMES if not splits.get(name).named])
@settings(max_examples=20)
@given(cohort=cohorts, test_fold=st.integers(1, 5), seed=st.integers(0, 3))
def test_each_record_has_one_part_and_the_same_one_again(
    name: str, cohort: tuple[pd.DataFrame, np.ndarray], test_fold: int, seed: int
) -> None:
    table, y = suited(name, cohort[0]), cohort[1]
    parts = parts_or_none(name, table, y, test_fold=test_fold, folds=5, seed=seed)
    assume(parts is not None)
    assert parts is not None and parts.shape == (len(table),)
    expected = {"train", "validation", "test"} | ({"external"} if name == "external" else set())
    assert set(parts) == expected, "none is empty, and no record of these cohorts is left out"
    again = 5 if splits.get(name).fixed else test_fold
    np.testing.assert_array_equal(parts, splits.split(name, table, y, test_fold=again, folds=5, seed=seed))


@pytest.mark.parametrize("name", SAFE)
@settings(max_examples=20)
@given(cohort=cohorts, test_fold=st.integers(1, 5), seed=st.integers(0, 3))
def test_no_patient_stands_on_two_sides(
    name: str, cohort: tuple[pd.DataFrame, np.ndarray], test_fold: int, seed: int
) -> None:
    table, y = suited(name, cohort[0]), cohort[1]
    parts = parts_or_none(name, table, y, test_fold=test_fold, folds=5, seed=seed)
    assume(parts is not None)
    sides = pd.DataFrame({"patient": table["patient_id"], "part": parts}).dropna().groupby("patient")["part"].nunique()
    assert (sides == 1).all()
    assert splits.overlap(table, parts).empty


@pytest.mark.parametrize("name", LEAKY)
def test_a_leaky_splitter_leaks_and_the_overlap_names_the_patients(name: str) -> None:
    table, y = make([i // 3 for i in range(150)])
    parts = splits.split(name, table, y, test_fold=2, folds=5)
    found = splits.overlap(table, parts)
    assert list(found.columns) == ["kind", "parts", "count", "examples"]
    assert set(found["kind"]) == {"patient"} and set(found["parts"]) == {
        "train|validation",
        "train|test",
        "validation|test",
    }
    for row in found.itertuples():
        left, right = row.parts.split("|")
        both = set(table["patient_id"][parts == left]) & set(table["patient_id"][parts == right])
        assert row.count == len(both) > 0 and set(row.examples) <= both and 1 <= len(row.examples) <= 3


# The halves of MIT-BIH


def test_beats_of_tested_patients_are_set_apart_to_measure_what_they_are_worth() -> None:
    numbers = [number for number in (*DS1, *DS2) for _ in range(80)]
    table, _ = make([201 if number == 202 else number for number in numbers])
    table["recording"] = [f"mitdb:{number}" for number in numbers]
    table["start_s"] = np.tile(np.arange(80.0), len(numbers) // 80)
    y = np.eye(3, dtype=np.float32)[np.random.default_rng(0).choice(3, len(table), p=[0.8, 0.1, 0.1])]
    y[::17] = np.nan
    parts = splits.split("leakage", table, y, test_fold=10, folds=10)
    strict = splits.split("inter_patient_strict", table, y, test_fold=10, folds=10)
    early, tested = (table["start_s"] < 39.5).to_numpy(), strict == "test"
    assert ((parts == "validation") == (strict == "validation")).all()
    assert (strict[parts == "train"] == "train").all()
    assert (tested & early)[parts == "earlier"].all()
    assert (tested & ~early)[np.isin(parts, ["between", "test"])].all()
    assert 0.4 < (parts[tested & ~early] == "test").mean() < 0.6
    counts = {pool: np.nansum(y[parts == pool], axis=0).tolist() for pool in ("train", "earlier", "between")}
    assert counts["train"] == counts["earlier"] == counts["between"] and min(counts["train"]) > 20
    fullest = {k: max(np.nansum(y[rows, k]) for rows in (strict == "train", tested & early)) for k in range(3)}
    assert all(counts["train"][k] < fullest[k] for k in range(3)), "the fullest part loses some"
    for number in (201, *DS2):
        there = set(parts[(table["recording"] == f"mitdb:{number}").to_numpy()]) - {""}
        assert there == {"earlier", "between", "test"}, "every tested patient has beats in all three"
    assert splits.overlap(table, parts).empty, "what nothing learns from is on no side"


@pytest.mark.parametrize("name", MITDB)
def test_the_halves_are_those_published(name: str) -> None:
    numbers = [*DS1, *DS2, 102, 104, 107, 217] * 3
    table, y = beats(numbers), np.eye(5, dtype=np.float32)[np.arange(len(numbers)) % 5]
    parts = pd.Series(splits.split(name, table, y, test_fold=10))
    sides = parts.groupby(table["recording"]).agg(set)
    assert all(len(side) == 1 for side in sides)
    side = {int(recording.partition(":")[2]): min(parts) for recording, parts in sides.items()}
    moved = {201} if name == "inter_patient_strict" else set()
    assert {n for n in side if side[n] == "test"} == {*DS2} | moved
    assert {n for n in side if side[n] in ("train", "validation")} == {*DS1} - moved
    assert {n for n in side if side[n] == ""} == {102, 104, 107, 217}
    assert 4 <= sum(side[n] == "validation" for n in side) <= 6, "a fifth of the patients"
    found = splits.overlap(table, parts.to_numpy())
    assert found["examples"].tolist() == ([] if moved else [["mitdb:201"]]) and not set(found["kind"]) - {"patient"}
    with pytest.raises(ValueError, match=f"{name} names its test set; it counts as fold 10"):
        splits.split(name, table, y, test_fold=1)
    with pytest.raises(ValueError, match="take three folds, not 2"):
        splits.split(name, table, y, test_fold=2, folds=2)


@pytest.mark.parametrize("name", MITDB)
def test_validation_is_like_training(name: str) -> None:
    """A class that many have is shared, and one that a single patient has (as 208 has F) stays where it is learnt."""
    number = np.repeat([*DS1, *DS2], 20)
    place = np.tile(np.arange(20), 44)
    shared = np.isin(number, DS1[::2]) & (place < np.repeat(np.arange(44) % 7 + 2, 20))
    single = (number == 208) & (place >= 8)
    table, y = beats(number.tolist()), np.column_stack([~shared & ~single, shared, single]).astype(np.float32)
    for seed in range(5):
        parts = splits.split(name, table, y, test_fold=10, seed=seed)
        learnt = y[(parts == "train") | (parts == "validation")].sum(axis=0)
        share = y[parts == "validation"].sum(axis=0) / learnt
        assert abs(share[:2] - 0.2).max() < 0.1 and share[2] == 0, share


def test_a_second_patient_on_both_sides_is_refused_where_one_is_known() -> None:
    table, y = beats([*DS1, *DS2]), np.zeros((44, 1), np.float32)
    splits.split("inter_patient", table, y, test_fold=10)
    twin = table.assign(patient_id=table["patient_id"].replace("mitdb:100", "mitdb:101"))
    for name in MITDB:
        with pytest.raises(LeakError, match="1 patients into both parts of .*, for one mitdb:101"):
            splits.split(name, twin, y, test_fold=10)
    assert "test" in splits.split("inter_patient", twin, y, test_fold=10, refuse=False)


@pytest.mark.parametrize("name", MITDB)
def test_what_is_not_of_mit_bih_has_no_half(name: str) -> None:
    table, y = make(list(range(30)))
    with pytest.raises(ValueError, match="do not say of which recording a record is; the halves"):
        splits.split(name, table, y, test_fold=10)
    strange = pd.concat([beats([*DS1, *DS2]), table.assign(recording=None)], ignore_index=True)
    with pytest.raises(ValueError, match="30 records such as c:0 are of no recording of MIT-BIH"):
        splits.split(name, strange, np.zeros((74, 1), np.float32), test_fold=10)


@pytest.mark.parametrize("name", ["by_patient", "by_example", "official"])
def test_cross_fitting_tests_and_validates_each_record_once(name: str) -> None:
    table, y = make([i // 2 for i in range(80)], folds=5)
    parts = np.stack([splits.split(name, table, y, test_fold=fold, folds=5) for fold in range(1, 6)])
    assert ((parts == "test").sum(axis=0) == 1).all() and ((parts == "validation").sum(axis=0) == 1).all()
    assert ((parts == "train").sum(axis=0) == 3).all()
    for fold in range(5):
        np.testing.assert_array_equal(parts[fold] == "validation", parts[fold - 1] == "test")


@pytest.mark.parametrize("name", ["by_patient", "by_example"])
def test_another_seed_is_another_split(name: str) -> None:
    table, y = make([i // 2 for i in range(80)])
    a, b = (splits.split(name, table, y, test_fold=1, folds=5, seed=seed) for seed in (0, 1))
    assert (a != b).any()


def test_stratification_is_even() -> None:
    rng = np.random.default_rng(0)
    table, _ = make(sorted(rng.integers(0, 400, size=600).tolist()))
    y = (rng.random((600, 4)) < (0.5, 0.2, 0.1, 0.03)).astype(np.float32)
    fold = splits.get("by_patient").assign(table, y, 10, 0)
    assert sorted(set(fold)) == list(range(1, 11))
    sizes = np.bincount(fold, minlength=11)[1:]
    assert sizes.max() - sizes.min() <= 4
    for column in y.T:
        share = np.bincount(fold[column == 1], minlength=11)[1:]
        assert abs(share - share.mean()).max() <= 2, share
    chance = np.bincount(rng.integers(0, 10, 600)[y[:, 1] == 1], minlength=10)
    assert np.ptp(chance) > 5, "what the dice would have done"


def test_folds_are_even_without_any_label() -> None:
    table, _ = make([i // 2 for i in range(100)])
    fold = splits.get("by_patient").assign(table, np.full((100, 2), np.nan, np.float32), 5, 0)
    assert np.bincount(fold)[1:].tolist() == [20] * 5


def test_a_record_of_unknown_patient_is_a_patient_of_its_own() -> None:
    table, y = make([None] * 100)
    for name in ("by_patient", "by_example"):
        parts = splits.split(name, table, y, test_fold=1, folds=5)
        assert {part: int((parts == part).sum()) for part in splits.PARTS} == {
            "train": 60,
            "validation": 20,
            "test": 20,
        }
        assert splits.overlap(table, parts).empty, "nobody is known, so nobody can be seen on two sides"


def test_an_unknown_patient_is_not_the_one_whose_id_the_record_has() -> None:
    table, y = make([None] * 20 + list(range(20)) * 2)
    assert (table["record_id"][:20].to_numpy() == table["patient_id"][20:40].to_numpy()).all()
    fold = splits.get("by_patient").assign(table, y, 5, 0)
    assert (fold[20:40] == fold[40:]).all()
    assert (fold[:20] != fold[20:40]).any()


def test_a_record_that_is_there_twice_is_seen() -> None:
    table, y = make([None] * 40)
    table.loc[1, "record_id"] = table.loc[0, "record_id"]
    parts = np.array(["train", "test"] + ["train"] * 30 + ["validation"] * 8, dtype=object)
    found = splits.overlap(table, parts)
    assert found[["kind", "parts", "count"]].values.tolist() == [["record", "train|test", 1]]
    assert found["examples"].iloc[0] == [table.loc[0, "record_id"]]


def test_official_folds_that_share_a_patient_are_refused() -> None:
    table, y = make([i // 2 for i in range(60)])
    table.loc[:1, "fold"] = [1, 2]
    with pytest.raises(LeakError, match=r"'official' puts 1 patients into both parts .* one c:0; split by_patient"):
        splits.split("official", table, y, test_fold=1, folds=5)


def test_official_follows_the_publisher() -> None:
    table, y = make(list(range(50)))
    parts = splits.split("official", table, y, test_fold=1, folds=5)
    np.testing.assert_array_equal(parts == "test", table["fold"] == 1)
    np.testing.assert_array_equal(parts == "validation", table["fold"] == 5)


def test_official_needs_folds() -> None:
    table, y = make(list(range(50)))
    for fold, match in ((pd.NA, "have no folds of their own"), (6, "name fold 6, more than the 5")):
        with pytest.raises(ValueError, match=match):
            splits.split("official", table.assign(fold=pd.array([fold] * 50, "Int64")), y, test_fold=1, folds=5)
    table.loc[table["source"] == "hospital 2", "fold"] = pd.NA
    with pytest.raises(ValueError, match="records of hospital 2 have no fold"):
        splits.split("official", table, y, test_fold=1, folds=5)


def test_by_source_tests_on_one_source_after_another() -> None:
    table, y = make([i // 2 for i in range(90)])
    for fold in (1, 2, 3):
        parts = splits.split("by_source", table, y, test_fold=fold)
        np.testing.assert_array_equal(parts == "test", table["source"] == f"hospital {fold - 1}")
        assert 0 < (parts == "validation").sum() < (parts == "train").sum()


def test_by_source_refuses_one_source_and_patients_who_moved() -> None:
    table, y = make([i // 2 for i in range(90)])
    with pytest.raises(ValueError, match="at least two; there is only hospital 0"):
        splits.split("by_source", table.assign(source="hospital 0"), y, test_fold=1)
    moved = table.assign(source=["hospital 0", "hospital 1"] * 45)
    with pytest.raises(LeakError, match="patients into both"):
        splits.split("by_source", moved, y, test_fold=1)


def test_an_empty_part_is_an_error() -> None:
    table, y = make([0] * 10 + [1] * 10)
    with pytest.raises(ValueError, match="'by_patient' leaves the train part empty for test fold"):
        folds = splits.get("by_patient").assign(table, y, 2, 0)
        splits.split("by_patient", table, y, test_fold=int(folds[0]), folds=2)
    with pytest.raises(ValueError, match="it has 1 patient in 1 fold, and three parts take three: add records of"):
        splits.split("stable", *make([0] * 20), test_fold=3, folds=3)


def test_unknown_splitters_get_the_nearest() -> None:
    for ask in (splits.get, splits.known):
        with pytest.raises(UnknownName, match="did you mean 'by_patient'"):
            ask("by_patients")


def test_the_folds_of_a_seed_stay_what_they_were() -> None:
    table, y = make([i // 3 for i in range(200)], seed=3)
    fold = splits.get("by_patient").assign(table, y, 10, 7)
    digest = hashlib.sha256(fold.astype("<i8").tobytes()).hexdigest()
    assert digest == "347258a1db5382c3d1146407457072fed012c6221a26c876e9f90b0e33eece7a", "finished runs split so"


@pytest.mark.parametrize("shares", [(8.0, 1.0, 1.0), (0.6, 0.1, 0.3), (1.0, 0.0, 1.0)])
def test_folds_of_unequal_shares_are_stratified_too(shares: tuple[float, ...]) -> None:
    rng = np.random.default_rng(1)
    counts = np.column_stack([rng.random((1000, 2)) < (0.2, 0.04), np.ones(1000)]).astype(float)
    fold = splits.stratify(counts, np.array(shares), np.random.default_rng(0))
    for k, share in enumerate(np.array(shares) / sum(shares), start=1):
        assert abs(counts[fold == k].sum(axis=0) - share * counts.sum(axis=0)).max() <= 1


def test_shares_can_differ_by_column_and_a_group_keeps_to_its_folds() -> None:
    counts = np.array([[1.0, 1.0]] * 20 + [[0.0, 1.0]] * 80)
    shares = np.array([[20.0, 50.0], [0.0, 50.0]])
    fold = splits.stratify(counts, shares, np.random.default_rng(0))
    assert (fold[:20] == 1).all() and np.bincount(fold).tolist() == [0, 50, 50]
    allowed = np.ones((100, 2), dtype=bool)
    allowed[:20, 0] = allowed[20:30, 1] = False
    fold = splits.stratify(counts, shares, np.random.default_rng(0), allowed)
    assert (fold[:20] == 2).all() and (fold[20:30] == 1).all() and np.bincount(fold).tolist() == [0, 50, 50]


# A file in the place of a name


def listing(folder: Path, table: pd.DataFrame, values: list, column: str = "split") -> str:
    path = folder / "my.csv"
    pd.DataFrame({"record_id": table["record_id"], column: values}).to_csv(path, index=False)
    return str(path)


def test_a_file_of_parts_is_a_splitter_for_the_last_fold(tmp_path: Path) -> None:
    table, y = make(list(range(30)))
    said = ["train"] * 18 + ["val"] * 4 + ["test"] * 5 + [""] * 3
    name = listing(tmp_path, table, said)
    splitter = splits.get(name)
    assert not splitter.leaky and not splitter.within and splitter.fixed and splits.known(name) == name
    want = ["train"] * 18 + ["validation"] * 4 + ["test"] * 5 + [""] * 3
    for folds in (3, 10):
        assert splits.split(name, table, y, test_fold=folds, folds=folds).tolist() == want
    with pytest.raises(ValueError, match="names its test set; it counts as fold 10, so test on fold 10 alone"):
        splits.split(name, table, y, test_fold=1, folds=10)
    with pytest.raises(ValueError, match="take three folds, not 2"):
        splits.split(name, table, y, test_fold=2, folds=2)


def test_without_validation_in_a_file_it_is_drawn_by_patient(tmp_path: Path) -> None:
    table, y = make([i // 2 for i in range(60)])
    said = ["train"] * 20 + ["test"] * 6 + ["external"] * 34
    parts = splits.split(listing(tmp_path, table, said), table, y, test_fold=10)
    assert (parts[20:26] == "test").all() and (parts[26:] == "external").all()
    assert (parts[:20] == "validation").sum() == 2 and splits.overlap(table, parts).empty, "a tenth of training"


def test_a_file_of_folds_is_used_as_it_is(tmp_path: Path) -> None:
    table, y = make([i // 2 for i in range(80)], folds=5)
    name = listing(tmp_path, table, table["fold"].tolist(), "fold")
    for fold in range(1, 6):
        parts = splits.split(name, table, y, test_fold=fold, folds=5)
        np.testing.assert_array_equal(parts, splits.split("official", table, y, test_fold=fold, folds=5))
        np.testing.assert_array_equal(parts, splits.read_split(name, table, test_fold=fold).parts)
    with pytest.raises(ValueError, match=r"my.csv names fold 5, more than the 4 asked for"):
        splits.split(name, table, y, test_fold=4, folds=4)


def test_leaks_of_a_file_are_refused(tmp_path: Path) -> None:
    table, y = make([0, 0, *range(1, 30)])
    said = ["train", "test"] + ["train"] * 20 + ["dev"] * 4 + ["test"] * 5
    with pytest.raises(LeakError, match=r"my.csv' puts 1 patients into both parts of train\|test, for one c:0"):
        splits.split(listing(tmp_path, table, said), table, y, test_fold=10)
    twice = pd.concat([table, table[5:6]])
    with pytest.raises(LeakError, match=r"my.csv puts 1 record on two sides, such as c:5; keep one row"):
        splits.split(listing(tmp_path, twice, [*said, "test"]), table.drop(index=0), y[1:], test_fold=10)


def test_patients_that_only_the_file_knows_may_not_leak_either(tmp_path: Path) -> None:
    table, y = make([None] * 30)
    path = tmp_path / "my.csv"
    said = ["train"] * 20 + ["dev"] * 5 + ["test"] * 5
    pd.DataFrame({"id": table["record_id"], "set": said, "patient": [*range(29), 0]}).to_csv(path, index=False)
    with pytest.raises(LeakError, match="1 patients into both parts of train"):
        splits.split(str(path), table, y, test_fold=10)


def test_validation_is_drawn_by_the_patients_of_the_file_and_by_what_the_data_hold_together(tmp_path: Path) -> None:
    table, y = make([None] * 60)
    table["owner"] = [f"owner {i // 2}" if i < 40 else f"owner {i}" for i in range(60)]
    path = tmp_path / "my.csv"
    frame = pd.DataFrame({"id": table["record_id"], "set": ["train"] * 50 + ["test"] * 10})
    frame.assign(patient=[(i + 1) // 2 if i < 40 else i for i in range(60)]).to_csv(path, index=False)
    for seed in range(5):
        parts = splits.split(str(path), table, y, test_fold=10, seed=seed)
        assert len(set(parts[:40])) == 1, "a chain of owners and patients"
    frame.to_csv(path, index=False)
    assert set(splits.split(str(path), table, y, test_fold=10)[:40]) == {"train", "validation"}


def test_a_part_of_a_file_that_the_data_lack_is_an_error(tmp_path: Path) -> None:
    table, y = make(list(range(30)))
    name = listing(tmp_path, table, ["train"] * 20 + ["dev"] * 5 + ["test"] * 5)
    for rows, part in ((slice(0, 25), "test"), (slice(20, 30), "train"), ([*range(20), 29], "validation")):
        with pytest.raises(ValueError, match=f"my.csv leaves the {part} part empty"):
            splits.split(name, table.iloc[rows].reset_index(drop=True), y[rows], test_fold=10)


def test_a_file_that_is_not_there_is_said_before_any_work() -> None:
    for ask in (splits.get, splits.known):
        with pytest.raises(ValueError, match="there is no split file nowhere.csv"):
            ask("nowhere.csv")


def test_what_has_no_fold_is_external_and_changes_nothing_at_home() -> None:
    table, y = make([i // 2 for i in range(80)])
    away = (table["source"] == "hospital 2").to_numpy()
    parts = splits.split("external", suited("external", table), y, test_fold=2, folds=5)
    assert (parts[away] == "external").all()
    home = splits.split("official", table[~away], y[~away], test_fold=2, folds=5)
    np.testing.assert_array_equal(parts[~away], home)


def test_a_patient_who_is_at_home_and_away_is_a_leak() -> None:
    table, y = make([i // 2 for i in range(80)])
    mixed = table.assign(fold=table["fold"].mask(table.index == 0))
    with pytest.raises(LeakError, match="external"):
        splits.split("external", mixed, y, test_fold=2, folds=5)


# stable


def homeless(table: pd.DataFrame) -> pd.DataFrame:
    """The cohort of which nobody has a fold."""
    return table.assign(fold=pd.array([None] * len(table), dtype="Int64"))


def stable(table: pd.DataFrame, test_fold: int = 10, folds: int = 10) -> np.ndarray:
    return splits.split("stable", table, np.zeros((len(table), 0)), test_fold=test_fold, folds=folds)


def test_a_record_stands_where_it_stands_whatever_else_is_there() -> None:
    table = homeless(make([None, *range(120), *range(60), *[None] * 60])[0])
    parts = pd.Series(stable(table), index=table["record_id"])
    some = table.sample(frac=0.6, random_state=0)
    pd.testing.assert_series_equal(pd.Series(stable(some), index=some["record_id"]), parts[some["record_id"]])
    assert not splits.overlap(table, parts.to_numpy()).shape[0]
    labelled = splits.split("stable", table, make([0] * len(table))[1], test_fold=10)
    np.testing.assert_array_equal(labelled, parts.to_numpy())


def test_the_publishers_fold_holds_and_takes_the_patients_other_records_along() -> None:
    table = make([*range(60), *range(60)], folds=10)[0]
    whole = stable(table)
    np.testing.assert_array_equal(whole == "test", table["fold"] == 10)
    np.testing.assert_array_equal(whole == "validation", table["fold"] == 9)
    half = table.assign(fold=table["fold"].mask(np.arange(120) >= 60))
    np.testing.assert_array_equal(stable(half), whole)
    moved = table.assign(fold=table["fold"].mask(np.arange(120) == 60, 3 if table["fold"][60] != 3 else 4))
    with pytest.raises(LeakError, match="'stable' puts 1 patients into both parts"):
        stable(moved, test_fold=int(moved["fold"][60]))
    with pytest.raises(ValueError, match="name fold 10, more than the 5"):
        stable(table, test_fold=5, folds=5)


def test_copies_stand_together_and_folds_are_about_even() -> None:
    table = homeless(make([None] * 3000)[0])
    shares = pd.Series(stable(table)).value_counts(normalize=True)
    assert abs(shares["test"] - 0.1) < 0.025 and abs(shares["validation"] - 0.1) < 0.025
    owner = [f"record c:{i // 2}" for i in range(3000)]
    parts = stable(table.assign(owner=owner))
    np.testing.assert_array_equal(parts[::2], parts[1::2])


def test_the_fold_of_an_id_stays_what_it_was() -> None:
    """A ledger would be worthless otherwise: who was tested once must be tested again."""
    table = homeless(make([*range(6), None])[0])
    fold = splits.get("stable").assign(table, np.zeros((7, 0)), 10, 0)
    assert fold.tolist() == [6, 10, 8, 10, 9, 5, 3]
