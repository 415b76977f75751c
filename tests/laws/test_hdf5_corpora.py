"""CODE-15 %, CODE-test, SPH and lead1-562 on miniatures: what is read is what was written, and traps are explained."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pytest

from einthoven import labels
from einthoven.datasets import DatasetError, parse
from einthoven.datasets.code15 import Code15
from einthoven.datasets.code_test import CodeTest
from einthoven.datasets.lead1_562 import Lead1Of562
from einthoven.datasets.simulated import Simulated
from einthoven.datasets.sph import SPH
from einthoven.records.leads import TWELVE, identity_error

# The published pairs of Leinonen et al. 2024 (UTU-Health-Research/dl-ecg-classifier, data/AHA_SNOMED_mapping.csv).
LEINONEN = {
    "82": "270492004",
    "50": "164889003",
    "51": "164890007",
    "105": "713426002",
    "101": "445118002",
    "121": "39732003",
    "104": "164909002",
    "125": "251146004",
    "30": "284470004",
    "120": "47665007",
    "106": "59118001",
    "23": "427393009",
    "22": "426177001",
    "21": "427084000",
}


@pytest.fixture(scope="module")
def miniatures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The four miniatures, to be copied; making them takes longer than any test."""
    place = tmp_path_factory.mktemp("miniatures")
    for corpus in (Code15, CodeTest, SPH, Lead1Of562):
        corpus.miniature(place / corpus.card.name)
    return place


@pytest.fixture
def code15(miniatures: Path, tmp_path: Path) -> Code15:
    return Code15(shutil.copytree(miniatures / "code15", tmp_path, dirs_exist_ok=True))


@pytest.fixture
def code_test(miniatures: Path, tmp_path: Path) -> CodeTest:
    return CodeTest(shutil.copytree(miniatures / "code_test", tmp_path, dirs_exist_ok=True))


@pytest.fixture
def sph(miniatures: Path, tmp_path: Path) -> SPH:
    return SPH(shutil.copytree(miniatures / "sph", tmp_path, dirs_exist_ok=True))


@pytest.fixture
def lead1(miniatures: Path, tmp_path: Path) -> Lead1Of562:
    return Lead1Of562(shutil.copytree(miniatures / "lead1_562", tmp_path, dirs_exist_ok=True))


def edited(path: Path, change: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    """Writes a CSV again after `change`."""
    change(pd.read_csv(path, dtype=str, keep_default_na=False)).to_csv(path, index=False)


def replaced(path: Path, **arrays: Any) -> None:
    """Puts other arrays into an HDF5 file; None takes one away."""
    with h5py.File(path, "r+") as file:
        for name, values in arrays.items():
            del file[name]
            if values is not None:
                file[name] = values


# ------------------------------------------------------------------------------------------------------ CODE-15 %


def test_the_padding_goes_and_nothing_else(code15: Code15) -> None:
    made = Simulated(4, visits=(2, 2), seed=0, rate_hz=400)
    table = code15.table()
    for i, truth in enumerate(made.table()["record_id"]):
        ecg = code15.read(table["record_id"][i])
        assert ecg.duration_s == (10 if i % 2 == 0 else 7) and ecg.leads == TWELVE and ecg.unit == "mV"
        np.testing.assert_array_equal(ecg.signal, made.read(truth).signal[:, : ecg.signal.shape[1]])
        assert "twice" in ecg.notes[0]


def test_zeros_of_some_leads_or_in_the_middle_are_no_padding(code15: Code15) -> None:
    path = code15.root / "exams_part0.hdf5"
    with h5py.File(path, "r+") as file:
        file["tracings"][0, 48:1000, :11] = 0  # V6 alone goes on
        file["tracings"][0, 2000:2400] = 0
    ecg = code15.read(code15.table()["record_id"][0])
    assert ecg.signal.shape == (12, 4000) and not ecg.signal[:, 1952:2352].any()


def test_the_diagnoses_are_those_of_the_simulator(code15: Code15) -> None:
    made = Simulated(4, visits=(2, 2), seed=0, rate_hz=400)
    code6 = labels.get("code6")
    truth = labels.targets(made.table().assign(dataset="made"), code6, {"made": made.annotated})
    found = labels.targets(code15.table().assign(dataset="here"), code6, {"here": code15.annotated})
    assert truth.sum() > 1
    np.testing.assert_array_equal(found, truth)


def test_not_labelled_is_not_normal(code15: Code15) -> None:
    def change(exams: pd.DataFrame) -> pd.DataFrame:
        exams[list(labels.get("code6").codes)] = "False"
        exams["normal_ecg"] = "False"
        exams.loc[0, "normal_ecg"] = "True"
        exams.loc[1, "AF"] = "True"
        return exams

    edited(code15.root / "exams.csv", change)
    table = Code15(code15.root).table()
    assert table["positive"].tolist()[:3] == [["own:normal"], ["code6:AF"], []]
    assert table["unknown"].tolist()[:3] == [[], [], ["own:normal"]]


def test_exams_are_found_by_their_id_in_any_order(code15: Code15) -> None:
    record = code15.table()["record_id"][1]
    before = code15.read(record)
    path = code15.root / "exams_part0.hdf5"
    with h5py.File(path) as file:
        ids, tracings = file["exam_id"][()], file["tracings"][()]
    replaced(path, exam_id=ids[::-1], tracings=tracings[::-1])
    edited(code15.root / "exams.csv", lambda exams: exams[::-1])
    np.testing.assert_array_equal(Code15(code15.root).read(record).signal, before.signal)


def test_exams_of_absent_parts_are_not_listed(code15: Code15) -> None:
    before = code15.table()
    (code15.root / "exams_part0.hdf5").unlink()
    rest = Code15(code15.root)
    pd.testing.assert_frame_equal(rest.table(), before[4:].reset_index(drop=True))
    np.testing.assert_array_equal(rest.read("code:1006").signal, code15.read("code:1006").signal)
    (code15.root / "exams_part1.hdf5").unlink()
    with pytest.raises(DatasetError, match=r"no part of the corpus, such as exams_part0.hdf5; unpack one"):
        Code15(code15.root)


def test_the_row_of_zeros_is_no_exam(code15: Code15) -> None:
    assert len(code15.table()) == 8 and "code:0" not in set(code15.table()["record_id"])
    edited(code15.root / "exams.csv", lambda exams: exams.assign(exam_id=exams["exam_id"].replace("1003", "0")))
    with pytest.raises(DatasetError, match="exams_part0.hdf5 lacks exam '0'"):
        Code15(code15.root)


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("exam_id", "9999", "exams_part1.hdf5 lacks exam '9999'"),
        ("exam_id", "-9", "exams_part1.hdf5 lacks exam '-9'"),
        ("exam_id", "soon", "exams_part1.hdf5 lacks exam 'soon'"),
        ("exam_id", "1007", "lists code:1007 more than once"),
        ("AF", "perhaps", "line 9: column 'AF' holds 'perhaps'"),
        ("normal_ecg", "perhaps", "line 9: column 'own:normal' holds 'perhaps'"),
        ("is_male", "perhaps", "sex is 'female', 'male' or empty, not 'perhaps'"),
        ("age", "old", "age is a number"),
    ],
)
def test_a_wrong_cell_is_named(code15: Code15, column: str, value: str, message: str) -> None:
    def change(exams: pd.DataFrame) -> pd.DataFrame:
        exams.loc[7, column] = value
        return exams

    edited(code15.root / "exams.csv", change)
    with pytest.raises(DatasetError, match=message):
        Code15(code15.root)


def test_empty_cells_are_unknown(code15: Code15) -> None:
    def change(exams: pd.DataFrame) -> pd.DataFrame:
        exams.loc[7, ["age", "is_male", "patient_id", "AF"]] = ""
        return exams

    edited(code15.root / "exams.csv", change)
    row = Code15(code15.root).table().iloc[7]
    assert row[["age", "sex", "patient_id"]].isna().all() and "code6:AF" in row["unknown"]


def test_one_recording_is_read_alone_and_no_file_stays_open(code15: Code15, monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[int] = []
    plain = h5py.Dataset.__getitem__

    def spy(self: h5py.Dataset, *where: Any, **rest: Any) -> Any:
        found = plain(self, *where, **rest)
        taken.append(np.size(found))
        return found

    monkeypatch.setattr(h5py.Dataset, "__getitem__", spy)
    code15.read("code:1001")
    assert taken == [4096 * 12]
    assert h5py.h5f.get_obj_count(h5py.h5f.OBJ_ALL, h5py.h5f.OBJ_FILE) == 0


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"exam_id": None}, "holds no array 'exam_id', only tracings"),
        ({"exam_id": np.zeros((5, 2), int)}, r"'exam_id' has shape \(5, 2\), not any"),
        ({"exam_id": np.zeros(5)}, "'exam_id' holds float64, not whole numbers"),
        ({"exam_id": np.array([1001, 1001, 1002, 1003, 0])}, "holds an exam twice"),
    ],
)
def test_wrong_ids_are_explained_at_once(code15: Code15, arrays: dict[str, Any], message: str) -> None:
    replaced(code15.root / "exams_part0.hdf5", **arrays)
    with pytest.raises(DatasetError, match=message) as caught:
        Code15(code15.root)
    assert "exams_part0.hdf5" in str(caught.value)


@pytest.mark.parametrize(
    ("tracings", "message"),
    [
        (None, "holds no array 'tracings', only exam_id"),
        (np.zeros((5, 4096, 8), np.float32), r"not any × 4096 × 12"),
        (np.zeros((5, 4096, 12), np.int16), "holds int16, not floating-point numbers"),
        (np.zeros((5, 4096, 12), np.float32), "row 0: code:1001 holds nothing but zeros"),
    ],
)
def test_wrong_tracings_are_explained(code15: Code15, tracings: Any, message: str) -> None:
    replaced(code15.root / "exams_part0.hdf5", tracings=tracings)
    with pytest.raises(DatasetError, match=message) as caught:
        code15.read("code:1001")
    assert "exams_part0.hdf5" in str(caught.value)


@pytest.mark.parametrize("keep", [0.0, 0.01, 0.5])
def test_a_half_fetched_part_is_explained(code15: Code15, keep: float) -> None:
    path = code15.root / "exams_part0.hdf5"
    whole = path.read_bytes()
    path.write_bytes(whole[: int(keep * len(whole))])
    with pytest.raises(DatasetError, match=r"exams_part0.hdf5 is damaged or no HDF5 file .*; fetch it again"):
        Code15(code15.root)


def test_a_damaged_chunk_is_explained(code15: Code15) -> None:
    path = code15.root / "exams_part0.hdf5"
    with h5py.File(path) as file:
        chunk = file["tracings"].id.get_chunk_info(0)
    spoilt = bytearray(path.read_bytes())
    spoilt[chunk.byte_offset : chunk.byte_offset + chunk.size] = b"\x55" * chunk.size
    path.write_bytes(spoilt)
    with pytest.raises(DatasetError, match=r"exams_part0.hdf5 is damaged"):
        code15.read("code:1001")


# ------------------------------------------------------------------------------------------------------ CODE-test


def test_the_tracings_decide_which_lead_is_which(code_test: CodeTest) -> None:
    record = "code-test:3"
    before = code_test.read(record)
    assert before.leads == TWELVE and code_test.settings == {"leads": list(TWELVE)}
    path = code_test.root / "ecg_tracings.hdf5"
    with h5py.File(path) as file:
        tracings = file["tracings"][()]
    replaced(path, tracings=tracings[..., [0, 1, 2, 4, 5, 3, *range(6, 12)]])
    other = CodeTest(code_test.root)
    assert other.read(record).leads[3:6] == ("aVL", "aVF", "aVR") and other.settings != code_test.settings
    np.testing.assert_array_equal(other.read(record).twelve().signal, before.signal)
    replaced(path, tracings=tracings[..., ::-1])
    with pytest.raises(DatasetError, match="fit neither published order"):
        CodeTest(code_test.root)


def test_a_few_bad_or_empty_tracings_do_not_decide(code_test: CodeTest) -> None:
    with h5py.File(code_test.root / "ecg_tracings.hdf5", "r+") as file:
        file["tracings"][0] = 0
        file["tracings"][1, :, 3] += 5
    opened = CodeTest(code_test.root)
    assert identity_error(opened.read("code-test:2").signal, opened.read("code-test:2").leads) < 0.001
    with pytest.raises(DatasetError, match="row 0: the tracing holds nothing but zeros"):
        opened.read("code-test:0")


def test_the_reader_is_chosen(code_test: CodeTest) -> None:
    gold = code_test.table()
    second = parse(f"code_test={code_test.root},reader=cardiologist1").table()
    af = "code6:AF"
    assert any(af in codes for codes in gold["positive"]) and not any(af in codes for codes in second["positive"])
    assert [[c for c in codes if c != af] for codes in gold["positive"]] == second["positive"].tolist()
    with pytest.raises(DatasetError, match="did you mean 'cardiologist1'"):
        CodeTest(code_test.root, reader="cardiologist")


def test_the_folder_may_have_a_data_folder(code_test: CodeTest, tmp_path: Path) -> None:
    inner = tmp_path / "release" / "data"
    inner.parent.mkdir()
    table = code_test.table()
    for name in ("ecg_tracings.hdf5", "attributes.csv", "annotations"):
        (tmp_path / name).rename(inner / name if inner.is_dir() else (inner.mkdir(), inner / name)[1])
    pd.testing.assert_frame_equal(CodeTest(inner.parent).table(), table)


@pytest.mark.parametrize("name", ["attributes.csv", "annotations/gold_standard.csv"])
def test_rows_are_tracings(code_test: CodeTest, name: str) -> None:
    edited(code_test.root / name, lambda rows: rows[:-1])
    with pytest.raises(DatasetError, match=r"has 7 rows for the 8 tracings"):
        CodeTest(code_test.root)
    (code_test.root / name).unlink()
    with pytest.raises(DatasetError, match="is missing|unknown reader 'gold_standard'; known: cardiologist1"):
        CodeTest(code_test.root)


# ------------------------------------------------------------------------------------------------------------ SPH


def statements(sph: SPH, text: str) -> tuple[list[str], list[str]]:
    """What the first record has and may have when its AHA_Code is `text`."""
    edited(sph.root / "metadata.csv", lambda rows: rows.assign(AHA_Code=[text, *rows["AHA_Code"][1:]]))
    row = SPH(sph.root).table().iloc[0]
    return row["positive"], row["unknown"]


def test_modifiers_do_not_make_another_statement(sph: SPH) -> None:
    assert statements(sph, "22;23") == (["aha:22", "aha:23", "snomed:426177001", "snomed:427393009"], [])
    assert statements(sph, "50+346") == statements(sph, "50") == (["aha:50", "snomed:164889003"], [])
    assert statements(sph, " 145+362 ;145+363") == (["aha:145"], [])
    assert statements(sph, "1") == (["aha:1"], [])


def test_a_block_may_be_complete(sph: SPH) -> None:
    assert statements(sph, "106") == (["aha:106", "snomed:59118001"], ["snomed:713427006"])
    assert statements(sph, "104+331") == (["aha:104", "snomed:164909002"], ["snomed:733534002"])
    assert statements(sph, "105") == (["aha:105", "snomed:713426002"], [])


@pytest.mark.parametrize("aha", LEINONEN)
def test_the_crosswalk_agrees_with_the_published_one(sph: SPH, aha: str) -> None:
    positive, _ = statements(sph, aha)
    assert f"snomed:{LEINONEN[aha]}" in positive


def test_code6_can_be_read_off_the_statements(sph: SPH) -> None:
    code6 = labels.get("code6")
    six = {
        "82": "1dAVb",
        "106": "RBBB",
        "104": "LBBB",
        "22": "SB",
        "50": "AF",
        "21": "ST",
        "105": "",
        "1": "",
        "51": "",
    }
    for statement, meant in six.items():
        statements(sph, statement)
        found = labels.targets(SPH(sph.root).table().assign(dataset="sph"), code6, {"sph": SPH.annotated})
        assert found[0].tolist() == [float(code == meant) for code in code6.codes]


@pytest.mark.parametrize("text", ["", "22;", "999", "+310", "sinus"])
def test_an_unknown_statement_is_named(sph: SPH, text: str) -> None:
    with pytest.raises(DatasetError, match=r"metadata.csv, record A00001: .*primary statement"):
        statements(sph, text)


def test_there_are_44_primary_statements() -> None:
    aha = [code for code in SPH.annotated if code.startswith("aha:")]
    assert len(aha) == len(set(aha)) == 44 and "snomed:426783006" not in SPH.annotated


def test_samples_survive_but_for_half_precision(sph: SPH) -> None:
    made = Simulated(6, visits=(1, 2), seed=0)
    for ours, truth in zip(sph.table()["record_id"], made.table()["record_id"], strict=True):
        ecg = sph.read(ours)
        np.testing.assert_allclose(ecg.signal, made.read(truth).signal, rtol=2**-11, atol=1e-6)
        assert identity_error(ecg.signal, ecg.leads) < 0.005


def test_the_files_may_lie_flat_and_be_named_in_full(sph: SPH) -> None:
    before = sph.read("sph:A00002")
    for path in (sph.root / "records").iterdir():
        path.rename(sph.root / path.name)
    (sph.root / "records").rmdir()
    edited(sph.root / "metadata.csv", lambda rows: rows.assign(ECG_ID=rows["ECG_ID"] + ".h5"))
    flat = SPH(sph.root)
    pd.testing.assert_frame_equal(flat.table(), sph.table())
    np.testing.assert_array_equal(flat.read("sph:A00002").signal, before.signal)


def test_a_file_without_a_row_is_not_listed_and_a_row_without_a_file_is_explained(sph: SPH) -> None:
    edited(sph.root / "metadata.csv", lambda rows: rows[1:])
    rest = SPH(sph.root)
    with pytest.raises(DatasetError, match="no record 'sph:A00001'"):
        rest.read("sph:A00001")
    (sph.root / "records" / "A00002.h5").unlink()
    with pytest.raises(DatasetError, match=r"A00002.h5 is missing"):
        rest.read("sph:A00002")


def test_a_file_of_another_length_is_explained(sph: SPH) -> None:
    edited(sph.root / "metadata.csv", lambda rows: rows.assign(N=["6000", "soon", *rows["N"][2:]]))
    with pytest.raises(DatasetError, match="N of A00002 is no number of samples"):
        SPH(sph.root)
    edited(sph.root / "metadata.csv", lambda rows: rows.assign(N="6000"))
    with pytest.raises(DatasetError, match=r"A00001.h5: 'ecg' has shape \(12, 5000\), not 12 × 6000"):
        SPH(sph.root).read("sph:A00001")


# ------------------------------------------------------------------------------------------------------ lead1-562


def test_a_recording_is_standardised_and_says_so(lead1: Lead1Of562) -> None:
    made = Simulated(3, visits=(10, 10), seed=0, rate_hz=125)
    table = lead1.table()
    for ours, truth in zip(table["record_id"][::7], made.table()["record_id"][::7], strict=True):
        ecg, lead = lead1.read(ours), made.read(truth).select(["I"]).signal[0]
        assert (ecg.unit, ecg.rate_hz, ecg.leads, ecg.signal.shape) == ("z", 125, ("I",), (1, 1250))
        assert "standardised" in ecg.notes[0] and ecg.duration_s == 10
        np.testing.assert_allclose([ecg.signal.mean(), ecg.signal.std()], [0, 1], atol=1e-4)
        assert np.corrcoef(ecg.signal[0], lead)[0, 1] > 0.999


def test_ten_recordings_belong_to_one_person_and_a_source_to_its_people(lead1: Lead1Of562) -> None:
    table = lead1.table()
    assert table["record_id"].tolist()[9:11] == ["lead1-562:1-10", "lead1-562:2-1"]
    assert (table.groupby("patient_id").size() == 10).all()
    assert table.groupby("source")["patient_id"].nunique().to_dict() == {"owndb": 2, "ptbdb": 1}
    assert lead1.annotated == () and not table[["positive", "unknown"]].map(len).any(axis=None)


def test_people_whose_file_is_absent_are_not_listed(lead1: Lead1Of562) -> None:
    (lead1.root / "data_ECG" / "subject_2.csv").unlink()
    rest = Lead1Of562(lead1.root)
    assert rest.table()["patient_id"].unique().tolist() == ["lead1-562:1", "lead1-562:3"]
    np.testing.assert_array_equal(rest.read("lead1-562:3-4").signal, lead1.read("lead1-562:3-4").signal)
    for n in (1, 3):
        (lead1.root / "data_ECG" / f"subject_{n}.csv").rename(lead1.root / f"subject_{n}.csv")
    with pytest.raises(DatasetError, match=r"holds neither .* nor a subject_<n>.csv"):
        Lead1Of562(lead1.root)
    (lead1.root / "data_ECG").rmdir()
    pd.testing.assert_frame_equal(Lead1Of562(lead1.root).table(), rest.table())


@pytest.mark.parametrize(
    ("text", "message"), [("1,2,3\n4,5,6\n", "holds 2 × 3 samples, not 10 × 1250"), ("a,b\n", "not a readable CSV")]
)
def test_a_wrong_csv_is_explained(lead1: Lead1Of562, text: str, message: str) -> None:
    (lead1.root / "data_ECG" / "subject_1.csv").write_text(text, encoding="utf-8")
    with pytest.raises(DatasetError, match=message):
        lead1.read("lead1-562:1-1")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda sheet: sheet.drop(columns="Sex"), "lacks the column 'Sex'"),
        (lambda sheet: sheet.assign(**{"Subject\nID": [1, 2, 600]}), "subjects are 1 to 562, not '600'"),
        (lambda sheet: sheet.assign(**{"Subject\nID": [1, 2, 2]}), "more than once"),
        (lambda sheet: sheet.assign(Sex=["M", "F", "x"]), "sex is 'female', 'male' or empty, not 'x'"),
    ],
)
def test_a_wrong_workbook_is_explained(
    lead1: Lead1Of562, change: Callable[[pd.DataFrame], pd.DataFrame], message: str
) -> None:
    path = lead1.root / "Database_information.xlsx"
    change(pd.read_excel(path)).to_excel(path, index=False)
    with pytest.raises(DatasetError, match=message) as caught:
        Lead1Of562(lead1.root)
    assert "Database_information.xlsx" in str(caught.value)


def test_a_damaged_workbook_is_explained(lead1: Lead1Of562) -> None:
    path = lead1.root / "Database_information.xlsx"
    for damaged in (path.read_bytes()[:2000], b"", b"Subject ID"):
        path.write_bytes(damaged)
        with pytest.raises(DatasetError, match="is no readable workbook"):
            Lead1Of562(lead1.root)
