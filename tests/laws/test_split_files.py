"""A user's split file: ids are recognised where they can mean one record alone, and whatever is wrong is said."""

import dataclasses
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from einthoven.datasets import COLUMNS
from einthoven.pipeline import Experiment
from einthoven.pipeline.cohort import open_cohort
from einthoven.registry import UnknownName
from einthoven.splits import SplitFile, read_split
from einthoven.studies import code


def records(*ids: str, patients: list[str | None] | None = None) -> pd.DataFrame:
    table = pd.DataFrame({"record_id": ids, "patient_id": patients or [None] * len(ids)})
    return table.astype({"record_id": "string", "patient_id": "string"})


PTBXL = records("ptbxl:1", "ptbxl:2", "ptbxl:15")


def read(folder: Path, text: str, table: pd.DataFrame | None = PTBXL, **how: int) -> SplitFile:
    path = folder / "my.csv"
    path.write_text(text, encoding="utf-8")
    return read_split(path, table, **how)


def refused(folder: Path, text: str, match: str, table: pd.DataFrame | None = PTBXL, **how: int) -> None:
    with pytest.raises(ValueError, match=match):
        read(folder, text, table, **how)


# What it reads


@pytest.mark.parametrize(
    "ids, way",
    [
        (("ptbxl:1", "ptbxl:2", "ptbxl:15"), "exactly"),
        (("1", " 2 ", "15.0"), "without their namespace"),
        (("00001", "00002", "00015"), "as numbers"),
        (("records100/00000/00001_lr", "records500/00000/00002_hr.hea", "00015_lr.dat"), "without their folder"),
        (("C:\\ecg\\1.xml", "/ecg/2.xml", "15.xml"), "without their folder"),
    ],
)
def test_ids_are_recognised_however_they_are_written(tmp_path: Path, ids: tuple[str, ...], way: str) -> None:
    one, two, three = ids
    found = read(tmp_path, f"record_id,split\n{three},test\n{one},train\n{two},dev\n")
    assert found.parts.tolist() == ["train", "validation", "test"] and found.folds is None
    assert way in " ".join(found.notes) and found.conflicts == ()


def test_names_with_folders_are_matched_with_them(tmp_path: Path) -> None:
    table = records("mine:a/1", "mine:b/1", "mine:b/2")
    found = read(tmp_path, "path,split\na/1.hea,train\nb/1.hea,test\n2.hea,dev\n", table)
    assert found.parts.tolist() == ["train", "test", "validation"]
    assert read(tmp_path, "path,split\na/1,train\nb/2,test\n1.hea,test\n", table).parts.tolist() == [
        "train",
        "",
        "test",
    ]


def test_an_id_that_could_mean_two_records_means_none(tmp_path: Path) -> None:
    two = records("ptbxl:1", "ludb:1", "ludb:2", "ludb:3", "ludb:03")
    found = read(tmp_path, "id,split\n1,test\nludb:1,train\n2,test\n003,train\n", two)
    assert found.parts.tolist() == ["", "train", "test", "", ""]
    assert "2 ids of the file, such as 1 (ptbxl:1, ludb:1)" in found.notes[-2]
    assert "unused: 3 records" in found.notes[-1]
    assert read(tmp_path, "id,split\n3,test\n03,train\n", two).parts.tolist() == ["", "", "", "test", "train"]
    other = read(tmp_path, "id,split\n15,test\n00015,train\n1,train\n")
    assert other.parts.tolist() == ["train", "", "test"] and other.conflicts == ()
    assert "such as 00015 (ptbxl:15)" in " ".join(other.notes), "of 15 and 00015 the data have one, and it is 15"


def test_a_namespace_of_its_own_is_not_another(tmp_path: Path) -> None:
    found = read(tmp_path, "id,split\nludb:1,test\nptbxl:1,train\nptbxl:2,test\n")
    assert found.parts.tolist() == ["train", "test", ""]
    assert any(note == "Not in the data: 1 id of the file, such as ludb:1." for note in found.notes)


@given(
    ids=st.lists(st.integers(0, 999), min_size=8, max_size=30, unique=True),
    seed=st.integers(0, 99),
    style=st.sampled_from(["{}", "x:{}", "{:05d}", "{}.0", " {} ", "records500/00000/{:05d}_hr"]),
)
def test_a_file_in_any_order_and_style_gives_each_record_its_part(ids: list[int], seed: int, style: str) -> None:
    rng = np.random.default_rng(seed)
    parts = ["train", "test", *rng.choice(["train", "validation", "test", "external", ""], len(ids) - 2).tolist()]
    order = rng.permutation(len(ids))
    frame = pd.DataFrame({"ID": [style.format(ids[i]) for i in order], "Set": [parts[i].upper() for i in order]})
    table = records(*(f"x:{i}" for i in ids))
    assert split_of(frame, table).parts.tolist() == parts


def split_of(frame: pd.DataFrame, table: pd.DataFrame) -> SplitFile:
    with tempfile.TemporaryDirectory() as folder:
        frame.to_csv(Path(folder) / "s.csv", index=False)
        return read_split(Path(folder) / "s.csv", table)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("words", [("Training", "VAL", " tst "), ("trn", "valid", "Eval"), ("train", "dev", "testing")])
def test_separators_and_words(tmp_path: Path, separator: str, words: tuple[str, str, str]) -> None:
    rows = [("ECG ID", "Subset"), *zip("12", words, strict=False), ("15", words[2])]
    found = read(tmp_path, "\ufeff" + "\r\n".join(separator.join(row) for row in rows))
    assert found.parts.tolist() == ["train", "validation", "test"]


def test_unused_and_external(tmp_path: Path) -> None:
    table = records(*(f"x:{i}" for i in range(6)))
    found = read(tmp_path, "id,part\n0,train\n1,test\n2,External\n3,\n4,unused\n", table)
    assert found.parts.tolist() == ["train", "test", "external", "", "", ""]
    assert found.notes[-1] == "Not in the file, and so unused: 1 record of the data."


def test_the_last_fold_is_tested_unless_another_is_named(tmp_path: Path) -> None:
    text = "ecg_id,strat_fold\n1,1\n2,2.0\n15,3\n"
    assert read(tmp_path, text, test_fold=3).parts.tolist() == ["train", "validation", "test"]
    assert read(tmp_path, text, test_fold=1).parts.tolist() == ["test", "train", "validation"]
    assert read(tmp_path, text, test_fold=1).folds.tolist() == [1, 2, 3]
    last = read(tmp_path, text)
    assert last.parts.tolist() == ["train", "validation", "test"] and "Fold 3 of the file is taken" in last.notes[-1]
    refused(tmp_path, text, "holds folds 1 to 3, not 4; choose the test set", test_fold=4)
    assert read(tmp_path, "id,fold\n1,train\n2,test\n", test_fold=4).notes[-1].endswith("test fold 4 was not needed.")


def test_parquet_is_read_as_its_values_are_meant(tmp_path: Path) -> None:
    path = tmp_path / "my.parquet"
    facts = {"ecg_id": [1.0, 2.0, 15.0], "fold": pd.array([1, None, 2], "Int64"), "subject": ["7", None, "8.0"]}
    table = records("ptbxl:1", "ptbxl:2", "ptbxl:15", "ptbxl:4")
    pd.DataFrame(facts).to_parquet(path)
    with pytest.raises(ValueError, match="my.parquet leaves the train part empty: of the 4 .* test 1, validation 1"):
        read_split(path, table, test_fold=2)
    pd.DataFrame(facts).assign(fold=[1, 2, 3]).set_index("ecg_id").to_parquet(path)
    found = read_split(path, table, test_fold=3)
    assert found.parts.tolist() == ["train", "validation", "test", ""]
    assert found.patients.tolist() == ["ptbxl:7", None, "ptbxl:8", None]
    pd.DataFrame(facts).assign(fold=["train", "test", "tset"]).to_parquet(path)
    with pytest.raises(ValueError, match="my.parquet, row 3: 'tset' is no part; did you mean 'test'"):
        read_split(path, table)


# What it finds out


def test_a_record_on_two_sides_is_a_conflict_and_no_error(tmp_path: Path) -> None:
    found = read(
        tmp_path, "file,split\nrecords100/1_lr,train\nrecords500/1_hr,test\n2_hr,test\n2_lr,test\n15,\n15,dev\n"
    )
    assert found.conflicts == ("ptbxl:1",) and found.parts.tolist() == ["train", "test", "validation"]
    assert "The file puts 1 record on two sides, such as ptbxl:1." in found.notes
    assert "The file lists records again, in 3 rows." in found.notes
    assert read(tmp_path, "id,fold\n1,1\n1,2\n2,3\n", test_fold=3).conflicts == ("ptbxl:1",)


def test_patients_of_the_file_count_where_the_data_name_none(tmp_path: Path) -> None:
    table = records("x:1", "x:2", "x:3", patients=[None, "x:7", "x:8"])
    found = read(tmp_path, "id,split,patient\n1,train,5.0\n2,test,007\n3,test,9\n", table)
    assert found.patients.tolist() == found.table["patient_id"].tolist() == ["x:5", "x:7", "x:8"]
    assert found.table["patient_id"].dtype == table["patient_id"].dtype
    notes = " ".join(found.notes)
    assert "The file names the patients of 1 record for which the data name none." in notes
    assert (
        "another patient than the data for 1 of 2 records, such as x:3 (x:9 for x:8); the data were believed." in notes
    )
    assert "Is it the file of these data" not in notes
    assert "Is it the file of these data" in " ".join(
        read(tmp_path, "id,split,patient\n1,train,\n3,test,9\n", table).notes
    )


def test_records_that_the_data_hold_twice_get_their_part_twice(tmp_path: Path) -> None:
    found = read(tmp_path, "id,split\nx:1,train\nx:2,test\n", records("x:1", "x:2", "x:1"))
    assert found.parts.tolist() == ["train", "test", "train"]


def test_without_data_the_file_is_the_table(tmp_path: Path) -> None:
    text = (
        "exam_id,split,Age,sex,patient,device,height,source,positive\n"
        "1,train,50,F,7,CS-12,,Bern,x\n2.0,test,old,male,,CS-12,1.8,,x\n1,test,50,F,7,,,,\n"
    )
    found = read(tmp_path, text, None)
    table = found.table
    assert list(table.columns) == [*COLUMNS, "device", "height"]
    assert table["record_id"].tolist() == ["1", "2"] and found.conflicts == ("1",)
    assert found.parts.tolist() == ["train", "test"] and found.patients.tolist() == ["7", None]
    assert table["age"].tolist()[0] == 50 and np.isnan(table["age"].tolist()[1])
    assert table["sex"].tolist() == ["female", "male"] and table["source"].iloc[0] == "Bern"
    assert table["height"].dtype == float and table["device"].tolist() == ["CS-12", "CS-12"]
    assert "Not understood, and taken as missing: 1 cell of the column 'age'." in found.notes
    assert {name: str(table[name].dtype) for name in COLUMNS} == {
        **dict.fromkeys(("record_id", "patient_id", "source", "sex"), "string"),
        **{"age": "float64", "fold": "Int64", "positive": "object", "unknown": "object"},
    }
    folds = read(tmp_path, "id,fold\na,1\nb,2\nc,\nd,3\n", None, test_fold=3)
    assert folds.table["fold"].tolist() == [1, 2, pd.NA, 3]
    assert folds.parts.tolist() == ["train", "validation", "", "test"]


# What it refuses


@pytest.mark.parametrize(
    "text, match",
    [
        ("", "has no rows; it needs a header"),
        ("id,split\n", "has no rows"),
        ("id,split\n1,train,x\n", "my.csv, line 2: 3 cells, but the header has 2"),
        ('id,split\n1,"tra"in\n', "not a readable CSV"),
        ("recrod_id,split\n1,train\n", "no column for record ids; is 'recrod_id' meant to be 'record_id'"),
        ("id,splt,patient\n1,train,1\n", "no column for the part; is 'splt' meant to be 'split'"),
        ("id,patient\n1,1\n", "it has id, patient; name one of them split, part"),
        ("id,split,fold\n1,train,1\n", "2 columns for the part, 'split' and 'fold'; keep one"),
        ("id,record,split\n1,1,train\n", "2 columns for record ids, 'id' and 'record'"),
        ("id,split,split\n1,train,test\n", "two columns 'split'"),
        ("id,split\n1,train\n,test\n", "line 3: the column 'id' is empty"),
        ("id,split\n1,trian\n2,Test\n3,trian\n", "lines 2, 4: 'trian' is no part; did you mean 'train'"),
        ("id,split\n1,xyz\n2,Test\n", "line 2: 'xyz' is no part; write train, validation, test"),
        ("id,split\n1,0\n2,1\n", "column 'split' holds numbers .lines 2, 3.; call it 'fold' if they are folds"),
        ("id,fold\n1,1.0\n2,one\n15,2\n", "line 3: the column 'fold' holds folds, but also 'one'; a fold is a whole"),
        ("id,fold\n1,1.5\n2,1\n", "also '1.5'"),
        ("id,fold\n1,0\n2,1\n", "line 2: a fold 0; folds count from 1"),
        ("id,split\n1,train\n2,train\n", "leaves the test part empty: of the 3 records at hand it has train 2"),
        ("id,split\n1,\n2,\n", "leaves the train part empty: .* has none in any part"),
        ("id,split\nA7,train\nB1,test\n", r"of its 2 ids none .* lists 'A7' \(the nearest is 'ptbxl:\d+'\), 'B1'"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, text: str, match: str) -> None:
    refused(tmp_path, text, match)


def test_a_file_of_other_data_is_refused_even_if_a_few_ids_fit(tmp_path: Path) -> None:
    table = records(*(f"x:{i}" for i in range(100)))
    rows = "".join(f"y{i},train\n" for i in range(40))
    refused(tmp_path, f"id,split\n{rows}1,train\n2,test\n", "of its 42 ids 2 can be found among the 100", table)
    subset = "".join(f"{i},{('train', 'test')[i % 2]}\n" for i in range(5))
    assert set(read(tmp_path, f"id,split\n{subset}", table).parts) == {"train", "test", ""}, "a part of the data"
    few = records("x:1", "x:2")
    assert read(tmp_path, f"id,split\n{rows}1,train\n2,test\n", few).parts.tolist() == ["train", "test"], "or more"


def test_files_that_cannot_be_read_are_said(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="there is no split file .*absent.csv; is the path right"):
        read_split(tmp_path / "absent.csv", PTBXL)
    for name, what in (("a.csv", "CSV"), ("a.parquet", "Parquet file")):
        (tmp_path / name).write_bytes(bytes(range(256)))
        with pytest.raises(ValueError, match=f"{name} is not a readable {what}"):
            read_split(tmp_path / name, PTBXL)
    (tmp_path / "latin.csv").write_bytes("id,split,name\n1,train,Müller\n".encode("latin-1"))
    with pytest.raises(ValueError, match="save it as CSV in UTF-8"):
        read_split(tmp_path / "latin.csv", PTBXL)


# In a study


def test_a_study_takes_a_file_by_its_relative_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="there is no split file my.csv"):
        code(["simulated"], split="my.csv")
    with pytest.raises(UnknownName, match="unknown split 'mycsv'"):
        code(["simulated"], split="mycsv")
    (tmp_path / "my.csv").write_text("id,split\n1,train\n2,test\n")
    assert code(["simulated"], split="my.csv").split == "my.csv"


def test_the_records_of_a_run_are_others_if_its_split_file_is(tmp_path: Path) -> None:
    experiment = code(["simulated=30,rate_hz=100"], models=("naive",), rate_hz=100)

    def opened(split: str) -> tuple[str, np.ndarray, pd.DataFrame]:
        asked: Experiment = dataclasses.replace(experiment, split=split)
        cohort = open_cohort(asked, tmp_path / "stores", workers=1, progress=False)
        return cohort.fingerprint, cohort.parts[10], cohort.table

    plain, parts, table = opened("by_patient")
    path = tmp_path / "my.csv"
    frame = pd.DataFrame({"record": table["record_id"].str.partition(":")[2], "split": parts})
    frame.to_csv(path, index=False)
    first, from_file, _ = opened(str(path))
    np.testing.assert_array_equal(from_file, parts)
    assert first != plain and opened(str(path))[0] == first and opened("by_patient")[0] == plain
    frame.sort_values("split", kind="stable").to_csv(path, index=False)
    assert opened(str(path))[0] != first
