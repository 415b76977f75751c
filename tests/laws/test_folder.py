"""A user's own files and arrays: what the schema means, and what is said when it is broken."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from einthoven import labels
from einthoven.datasets import DatasetError, parse
from einthoven.datasets.arrays import Arrays
from einthoven.datasets.folder import Folder
from einthoven.datasets.ptbxl import PTBXL
from einthoven.records import ECG, RecordError, write
from einthoven.records.leads import TWELVE
from einthoven.registry import UnknownName


def sample(seed: int = 0) -> ECG:
    signal = np.random.default_rng(seed).standard_normal((12, 100)).astype(np.float32)
    return ECG(signal, "mV", 100.0, TWELVE)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with a.hea, b.csv and c.npy, and no labels yet."""
    folder = tmp_path / "clinic"
    folder.mkdir()
    for seed, name in enumerate(("a.hea", "b.csv", "c.npy")):
        write(sample(seed), folder / name)
    return folder


def labelled(place: Path, text: str) -> Folder:
    (place / "labels.csv").write_text(text, encoding="utf-8")
    return Folder(place)


# ---------------------------------------------------------------------------------------------------------- folder


def test_the_columns_mean_what_the_schema_says(place: Path) -> None:
    text = (
        "path,patient,age,sex,source,fold,AF,scp:LVH,code6:SB,my finding\n"
        "a,p1,50,female,ward,1,1,0,,1\n"
        "b.csv,ptbxl:15709,,,ward,2,0,1,0,0\n"
        "c.npy,,71.5,male,home,,,,1,\n"
    )
    folder = labelled(place, text)
    assert folder.annotated == ("code6:AF", "scp:LVH", "code6:SB", "own:my finding")
    table = folder.table()
    assert table["record_id"].tolist() == ["clinic:a", "clinic:b.csv", "clinic:c.npy"]
    assert table["patient_id"].fillna("nobody").tolist() == ["clinic:p1", "ptbxl:15709", "nobody"]
    assert table["source"].tolist() == ["ward", "ward", "home"]
    assert table["age"].fillna(-1).tolist() == [50.0, -1, 71.5] and table["fold"].fillna(0).tolist() == [1, 2, 0]
    assert table["sex"].fillna("unknown").tolist() == ["female", "unknown", "male"]
    assert table["positive"].tolist() == [["code6:AF", "own:my finding"], ["scp:LVH"], ["code6:SB"]]
    assert table["unknown"].tolist() == [["code6:SB"], [], ["code6:AF", "scp:LVH", "own:my finding"]]
    ecg = folder.read("clinic:c.npy")
    assert (ecg.age, ecg.sex, ecg.patient_id, ecg.source) == (71.5, "male", None, "home")
    for seed, record in enumerate(table["record_id"]):
        np.testing.assert_allclose(folder.read(record).signal, sample(seed).signal, atol=0.000501)


def test_code6_names_are_shared_with_ptb_xl(place: Path) -> None:
    folder = labelled(place, "path,patient,1dAVb,RBBB\na,p,1,0\nb.csv,q,,1\n")
    table = folder.table().assign(dataset="folder")
    y = labels.targets(table, labels.get("code6"), {"folder": folder.annotated})
    np.testing.assert_array_equal(y[:, :2], [[1, 0], [np.nan, 1]])
    assert np.isnan(y[:, 2:]).all(), "nobody looked for the other four"


def test_facts_that_files_lack_can_stand_in_the_table(place: Path) -> None:
    np.save(place / "bare.npy", (sample().signal[:2] * 1000).astype(np.int16))
    head = "path,patient,unit,rate_hz,leads,AF\na,p,,,,0\n"
    folder = labelled(place, head + "bare.npy,p,uV,250,I V1,1\n")
    ecg = folder.read("clinic:bare.npy")
    assert (ecg.unit, ecg.rate_hz, ecg.leads) == ("mV", 250, ("I", "V1"))
    np.testing.assert_allclose(ecg.signal, sample().signal[:2], atol=0.00101)
    other = labelled(place, head + "bare.npy,p,mV,250,I V1,1\n")
    assert other.settings != folder.settings, "a corrected unit must not find the store of the wrong one"
    with pytest.raises(RecordError, match="does not state its sampling rate"):
        labelled(place, head + "bare.npy,p,uV,,I V1,1\n").read("clinic:bare.npy")
    with pytest.raises(DatasetError, match=r"rate_hz of bare\.npy is 'fast', not a number"):
        labelled(place, head + "bare.npy,p,uV,fast,I V1,1\n").read("clinic:bare.npy")


def test_a_byte_order_mark_and_spaces_around_values_do_no_harm(place: Path) -> None:
    (place / "labels.csv").write_text("\ufeffpath,patient,AF\na, p1 , 1\nb.csv,p1,1.0\n", encoding="utf-8")
    table = Folder(place).table()
    assert table["patient_id"].tolist() == ["clinic:p1"] * 2 and table["positive"].tolist() == [["code6:AF"]] * 2


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("path,patient,AF\na,p,yes\n", r"line 2: column 'AF' holds 'yes'; a class is 1, 0 or empty"),
        ("path,patient,AF,x\na,p,1,0\nb.csv,p,1,2\n", r"line 3: column 'x' holds '2'"),
        ("path,patient,AF\na,p,-1\n", r"line 2: column 'AF' holds '-1'"),
        ("path,pateint,AF\na,p,1\n", r"lacks the column 'patient'; did you mean 'pateint'\?"),
        ("file,patient,AF\na,p,1\n", r"lacks the column 'path'; "),
        ("path,patient,scp:AFIV\na,p,1\n", r"column 'scp:AFIV': unknown scp code 'AFIV'; did you mean 'AFIB'\?"),
        ("path,patient,code6:AFF\na,p,1\n", r"unknown code6 code 'AFF'; did you mean 'AF'\?"),
        ("path,patient,spc:AFIB\na,p,1\n", r"unknown coding system 'spc'; did you mean 'scp'\?"),
        ("path,patient\na,p\n", "has no class column; add one, with 1, 0 or empty"),
        (
            "path,patient,AF\na,p,1\ngone.csv,p,0\nlost.npy,p,0\n",
            r"names 2 files that are not there, the first gone\.csv",
        ),
        ("path,patient,AF\na,p,1\na.hea,p,0\n", "lists clinic:a more than once"),
        ("path,patient,sex,AF\na,p,F,1\n", "sex is 'female', 'male' or empty, not 'F'"),
        ("path,patient,age,AF\na,p,old,1\n", "age is a number and fold a whole one, or empty"),
        ("path,patient,fold,AF\na,p,1.5,1\n", "age is a number and fold a whole one, or empty"),
        ("path,patient,fold,AF\na,p,0,1\n", "folds count from 1, but one is 0"),
        ("path,patient,AF\n", "has no rows"),
        ("", r"labels\.csv is not a readable CSV"),
        ("path,patient,AF,AF\na,p,1,0\n", "has two columns 'AF'"),
        ("path,patient,AF,code6:AF\na,p,1,0\n", "has two columns for the class 'code6:AF'; keep one"),
        ("path,patient,AF\na,p,1,7\nb.csv,p,1,7\n", "more cells in a row than names in its header"),
        ("path,patient,AF\na,p,1\nb.csv,p,1,7\n", "is not a readable CSV"),
    ],
)
def test_a_broken_schema_is_one_sentence_with_the_file(text: str, match: str, place: Path) -> None:
    with pytest.raises(DatasetError, match=match) as caught:
        labelled(place, text)
    assert "labels.csv" in str(caught.value) and "\n" not in str(caught.value).strip()


def test_no_labels_at_all(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(DatasetError, match=r"labels\.csv is missing; is this the folder of the corpus\?"):
            Folder(folder)
    (tmp_path / "labels.csv").write_bytes(bytes(range(128, 256)))
    with pytest.raises(DatasetError, match="is not a readable CSV"):
        Folder(tmp_path)


def test_a_file_that_is_damaged_is_found_when_it_is_read(place: Path) -> None:
    (place / "b.csv").write_text("spoilt", encoding="utf-8")
    folder = labelled(place, "path,patient,AF\na,p,1\nb.csv,p,0\n")
    with pytest.raises(RecordError, match=r"b\.csv"):
        folder.read("clinic:b.csv")


# ---------------------------------------------------------------------------------------------------------- arrays

FACTS = {
    "signals": "signals.npy",
    "table": "index.csv",
    "unit": "mV",
    "scale": 1000,
    "rate_hz": 250,
    "leads": ["I", "V1"],
    "axes": ["record", "lead", "time"],
    "namespace": "mine",
}
INDEX = "row,record,patient,age,sex,fold,AF\n2,x,p,50,female,3,1\n0,y,p,,,,0\n1,other:z,,,male,,\n"
SIGNALS = np.random.default_rng(0).integers(-2000, 2000, size=(3, 2, 50)).astype(np.int16)


def stacked(folder: Path, index: str = INDEX, signals: np.ndarray = SIGNALS, **facts: Any) -> Arrays:
    np.save(folder / "signals.npy", signals)
    (folder / "index.csv").write_text(index, encoding="utf-8")
    (folder / "arrays.json").write_text(json.dumps({**FACTS, **facts}), encoding="utf-8")
    return Arrays(folder)


def test_rows_point_into_the_array(tmp_path: Path) -> None:
    arrays = stacked(tmp_path)
    assert arrays.table()["record_id"].tolist() == ["mine:x", "mine:y", "other:z"]
    assert arrays.table()["patient_id"].fillna("nobody").tolist() == ["mine:p", "mine:p", "nobody"]
    for record, row in (("mine:x", 2), ("mine:y", 0), ("other:z", 1)):
        ecg = arrays.read(record)
        np.testing.assert_array_equal(ecg.signal, SIGNALS[row].astype(np.float32) / 1000)
        assert (ecg.unit, ecg.rate_hz, ecg.leads) == ("mV", 250, ("I", "V1"))
    assert (arrays.read("mine:x").age, arrays.read("other:z").sex) == (50, "male")
    assert arrays.table()["unknown"].tolist() == [[], [], ["code6:AF"]]


@pytest.mark.parametrize("axes", [("record", "time", "lead"), ("time", "lead", "record"), ("lead", "record", "time")])
def test_axes_are_chosen_by_name(axes: tuple[str, ...], tmp_path: Path) -> None:
    order = [("record", "lead", "time").index(axis) for axis in axes]
    arrays = stacked(tmp_path, signals=SIGNALS.transpose(order), axes=list(axes))
    np.testing.assert_array_equal(arrays.read("mine:x").signal, SIGNALS[2].astype(np.float32) / 1000)


def test_another_order_of_rows_is_another_data_set(tmp_path: Path) -> None:
    first = stacked(tmp_path)
    second = stacked(tmp_path, index=INDEX.replace("2,x", "0,x").replace("0,y", "2,y"))
    pd.testing.assert_frame_equal(first.table(), second.table())
    assert first.settings != second.settings, "a corrected row must not find the store of the wrong one"


@pytest.mark.parametrize("fact", FACTS)
def test_no_fact_has_a_default(fact: str, tmp_path: Path) -> None:
    stated = {key: value for key, value in FACTS.items() if key != fact}
    (tmp_path / "arrays.json").write_text(json.dumps(stated), encoding="utf-8")
    with pytest.raises(DatasetError, match=f"does not state {fact}; none of these has a default"):
        Arrays(tmp_path)


@pytest.mark.parametrize(
    ("facts", "match"),
    [
        ({"unit": "uV"}, "unit is 'mV' or 'z', not 'uV'; choose 'scale' to match"),
        ({"axes": ["record", "lead"]}, "axes are 'record', 'lead' and 'time' in some order"),
        ({"axes": ["record", "lead", "lead"]}, "axes are 'record', 'lead' and 'time' in some order"),
        ({"leads": ["I"]}, r"shape \(3, 2, 50\), which does not fit axes .* and 1 leads"),
        ({"signals": "gone.npy"}, r"gone\.npy is missing, which arrays\.json names"),
        ({"signals": "index.csv"}, r"index\.csv is not a readable NPY array"),
        ({"table": "gone.csv"}, r"gone\.csv is missing"),
        ({"signals_": SIGNALS[0]}, r"has shape \(2, 50\)"),
        ({"signals_": np.array([[[{}]]], dtype=object)}, "is not a readable NPY array"),
        ({"index": INDEX.replace("2,x", "3,x")}, "'row' must count into the 3 rows of"),
        ({"index": INDEX.replace("2,x", "-1,x")}, "'row' must count into the 3 rows of"),
        ({"index": INDEX.replace("2,x", "0.5,x")}, "'row' must count into the 3 rows of"),
        ({"index": INDEX.replace("2,x", "two,x")}, "'row' must count into the 3 rows of"),
        ({"index": INDEX.replace("0,y", "0,x")}, "lists mine:x more than once"),
        ({"index": INDEX.replace("female", "W")}, "sex is 'female', 'male' or empty, not 'W'"),
        ({"index": INDEX.replace("patient", "person")}, "lacks the column 'patient'"),
        ({"index": INDEX.replace("AF", "scp:AF")}, "unknown scp code 'AF'"),
        ({"index": INDEX.replace("female,3,1", "female,3,7")}, r"line 2: column 'AF' holds '7'"),
    ],
)
def test_what_does_not_fit_is_refused(facts: dict[str, Any], match: str, tmp_path: Path) -> None:
    facts = {"signals" if key == "signals_" else key: value for key, value in facts.items()}
    if isinstance(name := facts.get("signals"), str):
        (tmp_path / "arrays.json").write_text(json.dumps({**FACTS, "signals": name}), encoding="utf-8")
        (tmp_path / "index.csv").write_text(INDEX, encoding="utf-8")
        with pytest.raises(DatasetError, match=match):
            Arrays(tmp_path)
        return
    with pytest.raises(DatasetError, match=match):
        stacked(tmp_path, **facts)


def test_no_facts_at_all(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"arrays\.json is missing; it states signals, table, unit, scale"):
        Arrays(tmp_path)
    (tmp_path / "arrays.json").write_text("{", encoding="utf-8")
    with pytest.raises(DatasetError, match="is not readable JSON"):
        Arrays(tmp_path)


@pytest.mark.parametrize("column", ["AFIB", "afib", "LVH", "1davb"])
def test_a_bare_name_of_a_known_code_is_asked_back(column: str, place: Path) -> None:
    with pytest.raises(DatasetError, match=f"write column '{column}' as (scp|code6):.*own:{column}"):
        labelled(place, f"path,patient,{column}\na,p,1\n")
    assert labelled(place, f"path,patient,own:{column}\na,p,1\n").annotated == (f"own:{column}",)


def test_a_code_that_ptb_xl_does_not_have_is_refused(tmp_path: Path) -> None:
    PTBXL.miniature(tmp_path)
    csv = tmp_path / "ptbxl_database.csv"
    csv.write_text(csv.read_text().replace("'SR'", "'SRR'"))
    with pytest.raises(DatasetError, match="record ptbxl:.*unknown SCP statement 'SRR'; did you mean 'SR'"):
        PTBXL(tmp_path).table()


def test_a_misspelt_argument_is_no_part_of_the_place(place: Path) -> None:
    labelled(place, "path,patient,AF\na,p,1\n")
    assert parse(f"folder={place},namespace=town").table()["record_id"].iloc[0] == "town:a"
    with pytest.raises(UnknownName, match="'namspace'; did you mean 'namespace'"):
        parse(f"folder={place},namspace=town")
