"""MIT-BIH as published: how many beats of what, whose, in which half; and another program reads the same."""

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from einthoven import datasets, labels, splits
from einthoven.datasets import Dataset
from einthoven.datasets._mitdb import read_marks
from einthoven.records.preparation import Preparation

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    import wfdb

FIVE = labels.get("aami5")
# Per half N, S, V, F and Q with this map; code that files e and j under S has 976 and 2050 of S.
DS1 = [45866, 944, 3788, 415, 8]
DS2 = [44259, 1837, 3221, 388, 7]
PACED = {f"mitdb:{n}" for n in (102, 104, 107, 217)}


@pytest.fixture(scope="module")
def mitdb(data: Path) -> Dataset:
    return datasets.parse(f"mitdb={data / 'mitdb'}")


@pytest.fixture(scope="module")
def table(mitdb: Dataset) -> pd.DataFrame:
    return mitdb.table()


@pytest.fixture(scope="module")
def y(mitdb: Dataset, table: pd.DataFrame) -> np.ndarray:
    return labels.targets(table.assign(dataset="mitdb"), FIVE, {"mitdb": mitdb.annotated})


def test_the_beats_are_those_published(table: pd.DataFrame, y: np.ndarray) -> None:
    assert len(table) == 109_494 and table["record_id"].is_unique
    assert y.sum(axis=0).astype(int).tolist() == [90631, 2781, 7236, 803, 8043]
    assert (y.sum(axis=1) == 1).all(), "a beat has exactly one class"
    assert table["recording"].nunique() == 48 and table["patient_id"].nunique() == 47
    counts = table["positive"].str[-1].value_counts()
    assert counts["mitbih:e"] == 16 and counts["mitbih:j"] == 229 and counts["mitbih:L"] == 8075


def test_three_classes_know_nothing_of_the_other_two(mitdb: Dataset, table: pd.DataFrame, y: np.ndarray) -> None:
    three = labels.targets(table.assign(dataset="mitdb"), labels.get("aami3"), {"mitdb": mitdb.annotated})
    other = y[:, 3:].any(axis=1)
    assert other.sum() == 8846 and np.isnan(three[other]).all()
    np.testing.assert_array_equal(three[~other], y[~other, :3])


def test_the_halves_have_the_published_counts(table: pd.DataFrame, y: np.ndarray) -> None:
    parts = splits.split("inter_patient", table, y, test_fold=10)
    first = np.isin(parts, ["train", "validation"])
    assert y[first].sum(axis=0).astype(int).tolist() == DS1
    assert y[parts == "test"].sum(axis=0).astype(int).tolist() == DS2
    assert set(table["recording"][parts == ""]) == PACED == set(table["recording"][table["paced"]])
    found = splits.overlap(table, parts)
    assert found[["kind", "count", "examples"]].values.tolist() == [["patient", 1, ["mitdb:201"]]]


def test_the_strict_halves_share_nobody_and_test_all_of_ds2(table: pd.DataFrame, y: np.ndarray) -> None:
    parts = splits.split("inter_patient_strict", table, y, test_fold=10)
    assert splits.overlap(table, parts).empty
    moved = (table["recording"] == "mitdb:201").to_numpy()
    assert (parts[moved] == "test").all()
    assert y[(parts == "test") & ~moved].sum(axis=0).astype(int).tolist() == DS2
    assert y[moved].sum(axis=0).astype(int).tolist() == [1635, 128, 198, 2, 0]


@pytest.mark.parametrize("name", ["inter_patient", "inter_patient_strict"])
def test_validation_has_enough_of_each_class_that_is_compared(name: str, table: pd.DataFrame, y: np.ndarray) -> None:
    for seed in range(3):
        parts = splits.split(name, table, y, test_fold=10, seed=seed)
        people = table["patient_id"][parts == "validation"].nunique()
        assert 4 <= people <= 6 and (y[parts == "validation"].sum(axis=0)[:3] >= [8000, 100, 500]).all()


def test_a_few_recordings_hold_most_of_a_class(table: pd.DataFrame, y: np.ndarray) -> None:
    holder = {n: y[(table["recording"] == f"mitdb:{n}").to_numpy()].sum(axis=0).astype(int) for n in (232, 213, 208)}
    assert holder[232][1] == 1382 and holder[213][3] == 362 and holder[208][3] == 373


def test_names_of_leads(mitdb: Dataset, table: pd.DataFrame) -> None:
    leads = table.groupby("recording")["leads"].first()
    assert leads["mitdb:114"] == "V5 MLII" and leads["mitdb:102"] == leads["mitdb:104"] == "V5 V2"
    assert set(leads.index[~leads.str.contains("MLII")]) == {"mitdb:102", "mitdb:104"}
    first = table.drop_duplicates("recording", keep="last")["record_id"]
    for record, names in zip(first[::6], leads[::6], strict=True):
        assert " ".join(mitdb.read(record).leads) == names


def test_people(table: pd.DataFrame) -> None:
    people = table.drop_duplicates("recording").set_index("recording")
    assert people.loc["mitdb:202", "patient_id"] == people.loc["mitdb:201", "patient_id"] == "mitdb:201"
    assert set(people.index[people["age"].isna()]) == {"mitdb:103", "mitdb:219"}
    assert people["sex"].value_counts().to_dict() == {"male": 26, "female": 22}


def test_beats_beside_the_ends(mitdb: Dataset, table: pd.DataFrame) -> None:
    out = table[(table["start_s"] < 0) | (table["stop_s"] > 650000 / 360)]
    assert len(out) == 53
    prepare, refused = Preparation(360.0, leads=("MLII",)), 0
    for record in out["record_id"][~out["recording"].isin(["mitdb:102", "mitdb:104"])]:
        ecg = mitdb.read(record)
        assert np.isnan(ecg.signal).any() and "does not reach over the window" in ecg.notes[0]
        try:
            prepare(ecg)
        except ValueError:
            refused += 1
    assert refused == 35


def test_intervals_are_those_of_a_heart(table: pd.DataFrame) -> None:
    rr_s = table["rr_before_s"].dropna()
    assert rr_s.between(0.2, 6).all() and 0.7 < rr_s.median() < 0.9
    missing = table["recording"][table["rr_before_s"].isna()].value_counts()
    assert len(missing) == 48 and missing.pop("mitdb:207") == 7, "its first beat, and six over flutter"
    assert (missing == 1).all()


def test_the_rhythm_tells_an_early_beat_even_where_most_are(table: pd.DataFrame) -> None:
    """In 232 four of five beats are of S: beside a mean they come early and those of N late, beside a median not."""
    ratios = table.filter(like="rhythm_")
    kind = table["positive"].str[0].str.removeprefix("aami:")
    assert ratios.shape[1] == 8 and not np.isinf(ratios).any(axis=None)
    assert ratios.isna().any(axis=1).sum() == 48 * 4 + 20, "two beats at each end, and those beside flutter"
    odd = table["recording"] == "mitdb:232"
    for name in ("rhythm_before_local", "rhythm_before_usual"):
        usual, own = (ratios.loc[rows, name].groupby(kind[rows]).median() for rows in (~odd, odd))
        assert usual["S"] < -0.25 and usual["V"] < -0.25 and abs(usual["N"]) < 0.02
        assert own["S"] < -0.3 and own["N"] > 0.6


def test_marks_and_samples_are_those_of_another_program(data: Path, mitdb: Dataset, table: pd.DataFrame) -> None:
    place = data / "mitdb"
    for path in sorted(place.glob("*.atr")):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            theirs = wfdb.rdann(str(path.with_suffix("")), "atr", return_label_elements=["label_store"])
        at, kinds = read_marks(path)
        np.testing.assert_array_equal(at, theirs.sample)
        np.testing.assert_array_equal(kinds, theirs.label_store)
    for row in table.sample(12, random_state=0).itertuples():
        first, name = round(row.start_s * 360), row.recording.partition(":")[2]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            theirs = wfdb.rdrecord(str(place / name), sampfrom=first, sampto=first + 324)
        np.testing.assert_allclose(mitdb.read(row.record_id).signal, theirs.p_signal.T, atol=1e-6)
