"""The traps of the public corpora, each on a miniature: what a reader makes of it, and what it says when it cannot."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.io import savemat

from einthoven import labels
from einthoven.datasets import Dataset, DatasetError, get, parse
from einthoven.datasets._cinc import LOOKED_FOR, TEXTS, snomed, with_twins
from einthoven.datasets.cinc2021 import CinC2021
from einthoven.datasets.ludb import LUDB, _waves
from einthoven.datasets.mimic_iv_ecg import MIMICIVECG
from einthoven.datasets.nstdb import NSTDB
from einthoven.datasets.ptbxl import PTBXL
from einthoven.datasets.simulated import Simulated
from einthoven.records import RecordError, read
from einthoven.registry import UnknownName


def header(folder: Path, name: str, *comments: str, place: str = ".") -> None:
    """A header of the challenge with these comments; its signals are of no concern to the table."""
    path = folder / place / f"{name}.hea"
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"{name} 1 500 5000", f"{name}.mat 16+24 1000/mV 16 0 0 0 0 I", *comments]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def row(corpus: Dataset, record_id: str) -> pd.Series:
    return corpus.table().set_index("record_id").loc[record_id]


def six(corpus: Dataset) -> dict[str, list[float]]:
    """The CODE-6 targets of each record."""
    table = corpus.table().assign(dataset="it")
    y = labels.targets(table, labels.get("code6"), {"it": corpus.annotated})
    return dict(zip(table["record_id"], y.tolist(), strict=True))


# -------------------------------------------------------------------------------------------------------- cinc2021


def test_the_name_of_a_record_tells_its_source(tmp_path: Path) -> None:
    names = {"A0001": "CPSC2018", "Q0001": "CPSC-Extra", "I0001": "INCART", "S0001": "PTB", "E00001": "Georgia"}
    names |= {"HR00001": "PTB-XL", "JS10646": "Chapman-Shaoxing", "JS10647": "Ningbo"}
    for i, name in enumerate(names):
        header(tmp_path, name, "#Dx: 426783006", place=("training/any/g1", "WFDB_X", ".")[i % 3])
    table = get("cinc2021", tmp_path).table()
    found = {r.rpartition(":")[2]: source for r, source in zip(table["record_id"], table["source"], strict=True)}
    assert found.pop("1") == "PTB-XL" and "ptbxl:1" in set(table["record_id"])
    assert found == {name: source for name, source in names.items() if source != "PTB-XL"}
    some = parse(f"cinc2021={tmp_path},sources=Ningbo+PTB").table()
    assert set(some["source"]) == {"Ningbo", "PTB"} and len(some) == 2
    with pytest.raises(UnknownName, match="did you mean 'Georgia'"):
        parse(f"cinc2021={tmp_path},sources=Gorgia")
    header(tmp_path, "other")
    with pytest.raises(DatasetError, match=r"other\.hea is not named like a record"):
        get("cinc2021", tmp_path)


@pytest.mark.parametrize(
    ("name", "line", "age"),
    [
        ("A0001", "#Age: 74", 74.0),
        ("A0001", "# Age: 0.5", 0.5),
        ("A0001", "#Age: NaN", None),
        ("A0001", "#Age: -1", None),
        ("A0001", "#Age: 300", None),
        ("HR00001", "#Age: 300", 90.0),
        ("A0001", "#Age: Unknown", None),
        ("A0001", "#no age", None),
    ],
)
def test_ages_of_the_challenge(name: str, line: str, age: float | None, tmp_path: Path) -> None:
    header(tmp_path, name, line, "#Sex: F", "#Dx: 426783006")
    (found,) = get("cinc2021", tmp_path).table().to_dict("records")
    assert found["age"] == age if age is not None else np.isnan(found["age"])
    assert found["sex"] == "female"


def test_the_words_of_cpsc2018_are_codes(tmp_path: Path) -> None:
    for i, word in enumerate(TEXTS, start=1):
        header(tmp_path, f"A{i:04d}", f"#Dx: {word}")
    header(tmp_path, "A0010", "#Dx: AF,RBBB")
    table = get("cinc2021", tmp_path).table()
    assert table["positive"].tolist() == [*([code] for code in TEXTS.values()), [snomed("AF"), snomed("RBBB")]]
    assert set().union(*table["positive"]) <= LOOKED_FOR["CPSC2018"]
    header(tmp_path, "A0011", "#Dx: Afib")
    with pytest.raises(DatasetError, match=r"A0011\.hea: its #Dx names 'Afib'"):
        CinC2021(tmp_path).table()


def test_what_a_source_never_coded_is_unknown_there(tmp_path: Path) -> None:
    header(tmp_path, "A0001", "#Dx: Normal")  # nine classes, neither SB nor sinus tachycardia among them
    header(tmp_path, "JS10647", "#Dx: 426783006")  # no atrial fibrillation
    header(tmp_path, "E00001", "# Dx: 426177001,59118001")
    header(tmp_path, "S0001", "#Rx: Unknown")  # says nothing
    nan = float("nan")
    want = {  # 1dAVb, RBBB, LBBB, SB, AF, sinus tachycardia
        "cinc2021:A0001": [0, 0, 0, nan, 0, nan],
        "cinc2021:JS10647": [0, 0, 0, 0, nan, 0],
        "cinc2021:E00001": [0, 1, 0, 1, 0, 0],
        "cinc2021:S0001": [nan] * 6,
    }
    found = six(get("cinc2021", tmp_path))
    for record, y in want.items():
        np.testing.assert_array_equal(found[record], y, err_msg=record)


def test_of_twins_one_is_enough(tmp_path: Path) -> None:
    header(tmp_path, "A0001", "#Dx: RBBB")
    header(tmp_path, "A0002", "#Dx: Normal")
    corpus = get("cinc2021", tmp_path)
    complete = snomed("CRBBB")
    assert with_twins([snomed("RBBB")]) == {snomed("RBBB"), complete} and with_twins([snomed("AF")]) == {snomed("AF")}
    assert complete in row(corpus, "cinc2021:A0001")["unknown"], "right bundle branch block, complete or not"
    assert complete not in row(corpus, "cinc2021:A0002")["unknown"], "neither"


def test_a_code_that_no_table_lists_counts_where_it_stands(tmp_path: Path) -> None:
    header(tmp_path, "E00001", "#Dx: 6180003")
    header(tmp_path, "E00002", "#Dx: 426783006")
    corpus = get("cinc2021", tmp_path)
    assert corpus.annotated[-1] == "snomed:6180003" and len(corpus.annotated) == 134
    assert row(corpus, "cinc2021:E00001")["positive"] == ["snomed:6180003"]
    assert "snomed:6180003" in row(corpus, "cinc2021:E00002")["unknown"]


def test_ptbxl_names_the_patients_of_its_records(tmp_path: Path) -> None:
    header(tmp_path / "cinc", "HR00002", "#Dx: 426783006")
    header(tmp_path / "cinc", "HR99999", "#Dx: 426783006")
    patient = row(PTBXL.miniature(tmp_path / "ptbxl"), "ptbxl:2")["patient_id"]
    for place in (tmp_path / "ptbxl", tmp_path / "ptbxl" / "ptbxl_database.csv"):
        table = parse(f"cinc2021={tmp_path / 'cinc'},ptbxl={place}").table()
        assert table["patient_id"].fillna("nobody").tolist() == [patient, "nobody"]
    assert get("cinc2021", tmp_path / "cinc").table()["patient_id"].isna().all()


# ---------------------------------------------------------------------------------------------- a header in the wild


@pytest.mark.parametrize("suffix", ["mat", "dat", "hea", "MAT"])
def test_a_record_line_with_the_name_of_a_file_is_read_and_noted(suffix: str, tmp_path: Path) -> None:
    counts = np.random.default_rng(0).integers(-999, 999, size=(2, 40)).astype(np.int16)
    savemat(tmp_path / "A0001.mat", {"val": counts}, format="4")
    signals = "\n".join(f"A0001.mat 16+24 1000/mV 16 0 0 0 0 {lead}" for lead in ("I", "II"))
    for first, notes in (
        ("A0001", ()),
        (f"A0001.{suffix}", (f"the header's record line names 'A0001.{suffix}'; read as 'A0001'",)),
    ):
        (tmp_path / "A0001.hea").write_text(f"{first} 2 500 40\n{signals}\n", encoding="utf-8")
        ecg = read(tmp_path / "A0001.mat")
        np.testing.assert_array_equal(ecg.signal, (counts / 1000).astype(np.float32))
        assert ecg.record_id == "A0001" and ecg.notes == notes


def test_what_only_the_library_reads_is_still_refused_under_such_a_name(tmp_path: Path) -> None:
    (tmp_path / "r.hea").write_text("r.dat 1 500 4\nr.dat 61 200/mV 16 0 0 0 0 I\n", encoding="utf-8")
    (tmp_path / "r.dat").write_bytes(bytes(8))
    with pytest.raises(RecordError, match=r"r\.hea could not be read"):
        read(tmp_path / "r.hea")


# ------------------------------------------------------------------------------------------------------------ ludb


@pytest.mark.parametrize(
    ("symbols", "samples", "waves"),
    [
        ("(p)(N)(t)", range(9), [("P", 0, 1, 2), ("QRS", 3, 4, 5), ("T", 6, 7, 8)]),
        ("N)(t)", range(5), [("QRS", None, 0, 1), ("T", 2, 3, 4)]),
        ("(t(p)", range(5), [("T", 0, 1, None), ("P", 2, 3, 4)]),
        ("N()(t)", range(6), [("QRS", 1, 0, 2), ("T", 3, 4, 5)]),
        ("(t)()N", range(6), [("T", 0, 1, 2), ("QRS", 3, 5, 4)]),
        ("((tt))", range(6), [("T", 0, 2, 4), ("T", 1, 3, 5)]),
        ("(t)()(t)", range(8), [("T", 0, 1, 2), ("QRS", 3, None, 4), ("T", 5, 6, 7)]),
        ("", [], []),
        ("(p))", range(4), None),
        ("(N)*", range(4), None),
    ],
)
def test_marks_of_waves(symbols: str, samples: range, waves: list[tuple[str, int, int, int]] | None) -> None:
    assert _waves(symbols, list(samples)) == waves


def test_the_marks_are_the_truth_of_the_simulator(tmp_path: Path) -> None:
    corpus = LUDB.miniature(tmp_path)
    made = Simulated(3, visits=(1, 1))
    for ours, theirs in zip(corpus.table()["record_id"], made.table()["record_id"], strict=True):
        marks, truth = corpus.marks(ours), made.truth(theirs)
        assert set(marks["lead"]) == set(corpus.read(ours).leads) and marks.notna().all(axis=None)
        one = marks[marks["lead"] == "V3"]
        at = {(wave, round(s * 500)) for wave, s in zip(truth["wave"], truth["peak_s"], strict=True)}
        assert set(zip(one["wave"], one["peak"], strict=True)) <= at
        assert (one["wave"] == "QRS").sum() == (truth["wave"] == "QRS").sum()
        assert (marks["onset"] < marks["peak"]).all() and (marks["peak"] < marks["offset"]).all()
    (tmp_path / "data" / "1.v6").unlink()
    with pytest.raises(DatasetError, match=r"1\.v6 is missing"):
        corpus.marks("ludb:1")
    (tmp_path / "data" / "1.v6").write_bytes(np.array([39 << 10 | 5, 39 << 10 | 5, 0], "<u2").tobytes())
    with pytest.raises(DatasetError, match=r"1\.v6 has a mark that belongs to no wave"):
        corpus.marks("ludb:1")
    with pytest.raises(DatasetError, match="lists no record 'ludb:9'"):
        corpus.marks("ludb:9")


def test_ludbs_words_become_codes(tmp_path: Path) -> None:
    LUDB.miniature(tmp_path)
    raw = pd.read_csv(tmp_path / "ludb.csv", dtype=str, keep_default_na=False)
    raw.loc[0, ["Age", "Sex", "Rhythms"]] = [">89\n", "F\n", "Atrial flutter, typical\nAberrant conduction"]
    raw.loc[0, "Extrasystolies"] = "Ventricular extrasystole, type: couplet\nVentricular extrasystole, type: single pvc"
    raw.loc[0, "Conduction abnormalities"] = "Complete left bundle branch block\n"
    raw.loc[1, ["Rhythms", "Electric axis of the heart"]] = ["Irregular sinus rhythm", ""]
    raw.loc[1, "Cardiac pacing"] = "Pacemaker presence, undefined\nUnipolar ventricular pacing"
    raw.to_csv(tmp_path / "ludb.csv", index=False)
    corpus = LUDB(tmp_path)
    first, second = row(corpus, "ludb:1"), row(corpus, "ludb:2")
    assert (first["age"], first["sex"]) == (90.0, "female")
    assert {snomed("AFL"), snomed("PVC"), snomed("CLBBB")} <= set(first["positive"])
    assert set(first["unknown"]) == {snomed("VPB"), snomed("LBBB")}, "their twins"
    assert snomed("VPP") in second["positive"]
    assert {snomed(code) for code in ("AP", "SA", "LAD", "RAD")} <= set(second["unknown"])
    assert six(corpus)["ludb:1"][1:3] == [0, 1]
    raw.loc[0, "Rhythms"] = "Sinus rythm"
    raw.to_csv(tmp_path / "ludb.csv", index=False)
    with pytest.raises(DatasetError, match="record 1, column 'Rhythms'.*did you mean 'sinus rhythm'"):
        LUDB(tmp_path)


# -------------------------------------------------------------------------------------------------------- cinc2011


def test_quality_in_both_layouts(tmp_path: Path) -> None:
    for name in ("1", "2", "3"):
        header(tmp_path, name)
    (tmp_path / "index.csv").write_text("record,label\n1,acceptable\n2,unacceptable\n3,indeterminate\n")
    flat = get("cinc2011", tmp_path)
    code = "quality:unacceptable"
    assert flat.table()["positive"].tolist() == [[], [code], []]
    assert flat.table()["unknown"].tolist() == [[], [], [code]]
    (tmp_path / "index.csv").unlink()
    with pytest.raises(DatasetError, match="RECORDS-acceptable is missing"):
        get("cinc2011", tmp_path)
    (tmp_path / "RECORDS-acceptable").write_text("1\n")
    (tmp_path / "RECORDS-unacceptable").write_text("2\n")
    pd.testing.assert_frame_equal(get("cinc2011", tmp_path).table(), flat.table())
    (tmp_path / "RECORDS-unacceptable").write_text("2\n1\n")
    with pytest.raises(DatasetError, match="record 1 is listed as acceptable and as unacceptable"):
        get("cinc2011", tmp_path)
    (tmp_path / "RECORDS-unacceptable").write_text("2\n4\n")
    with pytest.raises(DatasetError, match=r"4\.hea is missing, though"):
        get("cinc2011", tmp_path)


# ------------------------------------------------------------------------------------------- nstdb and mimic_iv_ecg


def test_noise_says_what_it_assumes(tmp_path: Path) -> None:
    corpus = NSTDB.miniature(tmp_path)
    ecg = corpus.read("nstdb:em")
    assert ecg.leads == ("noise1", "noise2") and ecg.rate_hz == 360 and ecg.patient_id is None
    assert len(ecg.notes) == 2 and all("200 counts per mV is assumed" in note for note in ecg.notes)
    made = Simulated(3, visits=(1, 1), rate_hz=360.0)
    name = made.table()["record_id"][1]
    noise = made.read(name).signal[:2] - made.clean(name).signal[:2]
    np.testing.assert_allclose(ecg.signal, noise, atol=0.5001 / 200)
    header(tmp_path, "118e24")
    assert len(NSTDB(tmp_path).table()) == 3
    (tmp_path / "em.hea").unlink()
    with pytest.raises(DatasetError, match=r"em\.hea is missing"):
        NSTDB(tmp_path)


def test_a_machines_sentence_counts_only_when_asked_for_and_exact(tmp_path: Path) -> None:
    said = {
        "40000001": ["Sinus rhythm with 1st degree A-V block.", "Right bundle branch block"],
        "40000002": ["Probable atrial fibrillation", "Normal ECG except for rate"],
        "40000003": ["SINUS  TACHYCARDIA", "Possible left bundle branch block"],
        "40000004": [],
    }
    MIMICIVECG.miniature(tmp_path)
    path = tmp_path / "machine_measurements.csv"
    raw = pd.read_csv(path, dtype=str, keep_default_na=False)
    for i, lines in enumerate(said.values()):
        raw.loc[i, [f"report_{j}" for j in range(18)]] = [*lines, *[""] * 18][:18]
    raw.to_csv(path, index=False)
    silent, asked = get("mimic_iv_ecg", tmp_path), parse(f"mimic_iv_ecg={tmp_path},statements=true")
    assert silent.annotated == () and not any(silent.table()["positive"].map(len))
    nan = float("nan")
    want = [[1, 1, 0, 0, 0, 0], [0, 0, 0, 0, nan, 0], [0, nan, nan, 0, 0, 1], [nan] * 6]
    for study, y in zip(said, want, strict=True):
        np.testing.assert_array_equal(six(asked)[f"mimic-iv-ecg:{study}"], y, err_msg=study)
    assert asked.read("mimic-iv-ecg:40000001").leads[4:6] == ("aVF", "aVL")
    path.unlink()
    with pytest.raises(DatasetError, match=r"machine_measurements\.csv is missing"):
        parse(f"mimic_iv_ecg={tmp_path},statements=true")
    listed = pd.read_csv(tmp_path / "record_list.csv", dtype=str)
    listed.drop(columns="path").to_csv(tmp_path / "record_list.csv", index=False)
    with pytest.raises(DatasetError, match="lacks the column 'path'"):
        get("mimic_iv_ecg", tmp_path)
