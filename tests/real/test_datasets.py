"""The real corpora: how many of what, who is in two of them, and whether their folds leak."""

from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from einthoven import datasets, labels, splits
from einthoven.datasets import Dataset
from einthoven.labels._scp import STATEMENTS


@pytest.fixture(scope="module")
def ptbxl(data: Path) -> Dataset:
    return datasets.parse(f"ptbxl={data / 'ptbxl'}")


@pytest.fixture(scope="module")
def zscored(data: Path) -> Dataset:
    return datasets.parse(f"arrays={data / 'ptbxl-zscored'}")


def counts(corpus: Dataset, vocabulary: str) -> dict[str, int]:
    table = corpus.table().assign(dataset=corpus.card.name)
    found = labels.get(vocabulary)
    y = labels.targets(table, found, {corpus.card.name: corpus.annotated})
    assert not np.isnan(y).any(), "PTB-XL's annotators looked for every statement"
    return dict(zip(found.codes, y.sum(axis=0).astype(int).tolist(), strict=True))


def test_ptbxl_is_what_its_readme_says(ptbxl: Dataset) -> None:
    table = ptbxl.table()
    assert len(table) == 500 and table["patient_id"].nunique() == 466
    assert counts(ptbxl, "superclass") == {"NORM": 297, "STTC": 96, "CD": 78, "MI": 73, "HYP": 40}
    assert sorted(table["fold"].unique()) == list(range(1, 11))


def test_the_zscored_derivative_is_what_its_readme_says(zscored: Dataset) -> None:
    table = zscored.table()
    assert len(table) == 1819 and table["patient_id"].nunique() == 1796
    assert counts(zscored, "superclass") == {"NORM": 964, "STTC": 527, "CD": 462, "MI": 262, "HYP": 193}
    six = {"AF": 122, "1dAVb": 78, "ST": 66, "LBBB": 59, "RBBB": 51, "SB": 38}
    assert counts(zscored, "code6") == six
    ecg = zscored.read(table["record_id"].iloc[0])
    assert (ecg.unit, ecg.rate_hz, ecg.signal.shape) == ("z", 100, (12, 1000))
    np.testing.assert_allclose(ecg.signal.std(axis=1), 1, atol=0.1)


def test_two_folders_of_one_corpus_share_records_and_their_folds_share_no_patient(
    ptbxl: Dataset, zscored: Dataset
) -> None:
    a, b = ptbxl.table(), zscored.table()
    shared = set(a["record_id"]) & set(b["record_id"])
    assert len(shared) == 34 and len(set(a["patient_id"]) & set(b["patient_id"])) == 37
    for column in ("patient_id", "fold", "sex", "age"):
        left, right = (t.set_index("record_id")[column].loc[sorted(shared)] for t in (a, b))
        assert (
            left.fillna(0 if column in ("age", "fold") else "").tolist()
            == right.fillna(0 if column in ("age", "fold") else "").tolist()
        )
    union = pd.concat([a, b], ignore_index=True).drop_duplicates("record_id", ignore_index=True)
    assert len(union) == 2285
    y = np.zeros((len(union), 1), np.float32)
    tested = np.zeros(len(union), int)
    for fold in range(1, 11):
        parts = splits.split("official", union, y, test_fold=fold)
        assert splits.overlap(union, parts).empty
        tested += parts == "test"
    assert (tested == 1).all()
    with pytest.raises(splits.LeakError):
        moved = union.copy()
        moved.loc[moved["patient_id"].duplicated(), "fold"] = moved["fold"] % 10 + 1
        splits.split("official", moved, y, test_fold=10)


def test_statements_are_those_of_the_publisher(data: Path) -> None:
    raw = pd.read_csv(data / "ptbxl" / "scp_statements.csv", index_col=0)
    assert len(STATEMENTS) == len(raw) == 71
    assert {s.code for s in STATEMENTS} == set(raw.index)
    for s in STATEMENTS:
        row = raw.loc[s.code]
        diagnostic = row["diagnostic"] == 1
        assert s.superclass == (row["diagnostic_class"] if diagnostic else "")
        assert s.subclass == (row["diagnostic_subclass"] if diagnostic else "")
        assert set(s.groups) == {group for group in ("form", "rhythm") if row[group] == 1}
    tally = Counter(group for s in STATEMENTS for group in (*s.groups, *["diagnostic"] * bool(s.superclass)))
    assert tally == {"diagnostic": 44, "form": 19, "rhythm": 12}
    subclasses = set(raw.loc[raw["diagnostic"] == 1, "diagnostic_subclass"])
    assert set(labels.get("subclass").codes) == subclasses and len(subclasses) == 23
    assert set(labels.get("superclass").codes) == set(raw["diagnostic_class"].dropna())


def test_the_whole_corpus_has_the_known_counts(data: Path) -> None:
    """The metadata of all of PTB-XL, read as its reader reads them."""
    from einthoven.datasets._tables import ptbxl_table, read_csv

    path = data / "ptbxl" / "ptbxl_metadata_21799.csv"
    table = ptbxl_table(read_csv(path, ("ecg_id", "patient_id", "scp_codes", "strat_fold")), path)
    assert len(table) == 21799 and table["patient_id"].nunique() == 18869
    age = pd.read_csv(path)["age"]
    assert (age == 300).sum() > 200 and (table["age"][age == 300] == 90).all(), "300 stands for over 89"
    assert (table["age"][age < 300] == age[age < 300]).all()
    y = np.zeros((len(table), 1), np.float32)
    for fold in (1, 10):
        assert splits.overlap(table, splits.split("official", table, y, test_fold=fold)).empty


def test_both_rates_show_the_same_heart(data: Path, ptbxl: Dataset) -> None:
    slow = datasets.parse(f"ptbxl={data / 'ptbxl'},rate_hz=100")
    for record in slow.table()["record_id"][::100]:
        ours, theirs = ptbxl.read(record).resample(100).signal, slow.read(record).signal
        assert ours.shape == theirs.shape == (12, 1000)
        assert min(np.corrcoef(a, b)[0, 1] for a, b in zip(ours, theirs, strict=True) if b.std() > 0) > 0.95
