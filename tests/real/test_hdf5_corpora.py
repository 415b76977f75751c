"""The excerpts of CODE-15 %, CODE-test, SPH and lead1-562, and what their readers state as facts."""

from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
from scipy.io import loadmat
from scipy.signal import butter, sosfiltfilt

from einthoven import datasets, labels
from einthoven.datasets import Dataset
from einthoven.datasets._code import AUGMENTED, augmented, cube
from einthoven.datasets.sph import SPH
from einthoven.records.leads import TWELVE, identity_error

CODE6 = labels.get("code6")


@pytest.fixture(scope="module")
def exams(data: Path) -> tuple[pd.DataFrame, list[np.ndarray]]:
    """The table of ten exams, and what a derivative of CODE-15 % holds of each: the tracing without its padding."""
    meta = pd.read_csv(data / "code15" / "meta.csv")
    return meta, [loadmat(data / "code15" / name)["feats"] for name in meta["save_file"]]


@pytest.fixture(scope="module")
def sph(data: Path) -> Dataset:
    return datasets.parse(f"sph={data / 'sph'}")


@pytest.fixture(scope="module")
def lead1(data: Path) -> Dataset:
    return datasets.parse(f"lead1_562={data / 'lead1-562'}")


def found(corpus: Dataset) -> np.ndarray:
    return labels.targets(corpus.table().assign(dataset="here"), CODE6, {"here": corpus.annotated})


def beat_mv(signal: np.ndarray, rate_hz: float) -> float:
    """The typical peak-to-peak of a beat: the median over leads and windows of 1.2 s, from 0.5 to 40 Hz."""
    smooth = sosfiltfilt(butter(2, [0.5, 40], "band", fs=rate_hz, output="sos"), signal.astype(float), axis=1)
    length = int(1.2 * rate_hz)
    windows = smooth[:, : smooth.shape[1] // length * length].reshape(len(signal), -1, length)
    return float(np.median(np.median(np.ptp(windows, axis=2), axis=1)))


# ------------------------------------------------------------------------------------------------------ CODE-15 %


def test_ten_exams_come_back_from_the_publishers_layout(
    exams: tuple[pd.DataFrame, list[np.ndarray]], tmp_path: Path
) -> None:
    meta, signals = exams
    meta.to_csv(tmp_path / "exams.csv", index=False)
    for name, part in meta.groupby("trace_file"):
        with h5py.File(tmp_path / str(name), "w") as file:
            file["exam_id"] = [*part["exam_id"], 0]
            file["tracings"] = cube([*(signals[i] for i in part.index), np.zeros((12, 0), np.float32)])
    corpus = datasets.parse(f"code15={tmp_path}")
    table = corpus.table()
    assert len(table) == 10 and table["record_id"].tolist() == [f"code:{exam}" for exam in meta["exam_id"]]
    np.testing.assert_array_equal(found(corpus), meta[list(CODE6.codes)].to_numpy(float))
    for record, signal in zip(table["record_id"], signals, strict=True):
        np.testing.assert_array_equal(corpus.read(record).signal, signal)


def test_the_leads_of_code_are_in_the_standard_order(exams: tuple[pd.DataFrame, list[np.ndarray]]) -> None:
    _, signals = exams
    assert augmented(cube(signals)) == AUGMENTED[0] == TWELVE[3:6]
    assert np.median([identity_error(signal, TWELVE) for signal in signals]) < 0.02
    assert sum(identity_error(signal, TWELVE) > 0.1 for signal in signals) == 2, "two exams break the identities"


def test_code_is_in_millivolts_but_twice_too_large(
    exams: tuple[pd.DataFrame, list[np.ndarray]], sph: Dataset, data: Path
) -> None:
    ptbxl = datasets.parse(f"ptbxl={data / 'ptbxl'}")
    code = np.median([beat_mv(signal, 400) for signal in exams[1]])
    for corpus, every in ((sph, 1), (ptbxl, 25)):
        ecgs = [corpus.read(record) for record in corpus.table()["record_id"][::every]]
        other = np.median([beat_mv(ecg.signal, ecg.rate_hz) for ecg in ecgs])
        assert 0.8 < other < 1.2 and 1.7 < code / other < 2.6


# ------------------------------------------------------------------------------------------------------ CODE-test


@pytest.fixture(scope="module")
def code_test(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real annotations beside made-up tracings."""
    place = tmp_path_factory.mktemp("code-test")
    (place / "annotations").mkdir()
    for path in (data / "code-test-annotations").glob("*.csv"):
        (place / ("" if path.stem == "attributes" else "annotations") / path.name).write_bytes(path.read_bytes())
    noise = np.random.default_rng(0).standard_normal((12, 4000)).astype(np.float32)
    noise[2], noise[3], noise[4], noise[5] = (
        noise[1] - noise[0],
        -(noise[0] + noise[1]) / 2,
        noise[0] - noise[1] / 2,
        noise[1] - noise[0] / 2,
    )
    with h5py.File(place / "ecg_tracings.hdf5", "w") as file:
        file.create_dataset("tracings", (827, 4096, 12), np.float32, chunks=(1, 4096, 12))[:2] = cube([noise, noise])
    return place


def test_the_gold_standard_has_the_published_counts(code_test: Path) -> None:
    corpus = datasets.parse(f"code_test={code_test}")
    table = corpus.table()
    assert len(table) == table["patient_id"].nunique() == 827
    counts = dict(zip(CODE6.codes, found(corpus).sum(axis=0).astype(int).tolist(), strict=True))
    assert counts == {"1dAVb": 28, "RBBB": 34, "LBBB": 30, "SB": 16, "AF": 13, "ST": 37}
    attributes = pd.read_csv(code_test / "attributes.csv")
    assert table["age"].tolist() == attributes["age"].tolist()
    assert (table["sex"] == "male").tolist() == (attributes["sex"] == "M").tolist()
    assert corpus.read("code-test:1").leads == TWELVE


def test_every_reader_scores_as_published(code_test: Path, data: Path) -> None:
    scores = pd.read_csv(data / "code-test-annotations" / "published_tables" / "scores.csv", header=[0, 1], index_col=0)
    truth = found(datasets.parse(f"code_test={code_test}")) == 1
    names = {
        "DNN": "dnn",
        "cardio.": "cardiology_residents",
        "emerg.": "emergency_residents",
        "stud.": "medical_students",
    }
    for column, reader in names.items():
        said = found(datasets.parse(f"code_test={code_test},reader={reader}")) == 1
        both = (truth & said).sum(axis=0)
        for name, ours in (("Precision", both / said.sum(axis=0)), ("Recall", both / truth.sum(axis=0))):
            np.testing.assert_allclose(ours, scores[(name, column)].loc[list(CODE6.codes)], atol=0.0006)


# ------------------------------------------------------------------------------------------------------------ SPH


def test_sph_is_what_its_readme_says(sph: Dataset) -> None:
    table = sph.table()
    assert len(table) == table["patient_id"].nunique() == 9
    assert "sph:SPH00005" not in set(table["record_id"]), "its file is there, its row is not"
    for record in table["record_id"]:
        ecg = sph.read(record)
        assert 10 <= ecg.duration_s <= 60 and not list(ecg.flat_leads()) and np.isfinite(ecg.signal).all()
        assert identity_error(ecg.signal, ecg.leads) < 0.0025


def test_the_statements_mean_what_the_excerpts_own_codes_say(sph: Dataset, data: Path) -> None:
    """The excerpt adds SNOMED codes of a third party, which takes a normal ECG for sinus rhythm (426783006)."""
    theirs = pd.read_csv(data / "sph" / "metadata.csv", dtype=str)["SNOMEDCTCode"].str.split(",")
    for positive, codes in zip(sph.table()["positive"], theirs, strict=True):
        assert {c for c in positive if c.startswith("snomed:")} == {f"snomed:{c}" for c in codes} - {"snomed:426783006"}


def test_every_snomed_code_is_one_of_the_challenges(data: Path) -> None:
    known = {
        code
        for name in ("scored", "unscored")
        for code in pd.read_csv(data / "cinc2021" / f"2021_dx_mapping_{name}.csv", dtype=str)["SNOMEDCTCode"]
    }
    ours = {code.removeprefix("snomed:") for code in SPH.annotated if code.startswith("snomed:")}
    assert len(ours) > 25 and ours <= known


# ------------------------------------------------------------------------------------------------------ lead1-562


def test_lead1_is_what_its_readme_says(lead1: Dataset) -> None:
    table = lead1.table()
    assert len(table) == 5620 and (table.groupby("patient_id").size() == 10).all()
    people = table.drop_duplicates("patient_id")
    assert len(people) == 562 and people["sex"].value_counts().to_dict() == {"male": 377, "female": 185}
    assert people["age"].notna().all()
    sources = people["source"].value_counts()
    assert sources["ptbdb"] == 222 and sources["staffiii"] == 102 and len(sources) == 9 and sources.sum() == 562
    for record in table["record_id"][::97]:
        ecg = lead1.read(record)
        assert ecg.signal.shape == (1, 1250)
        np.testing.assert_allclose([ecg.signal.mean(), ecg.signal.std()], [0, 1], atol=1e-4)


def test_the_array_and_the_csv_are_one(lead1: Dataset, data: Path, tmp_path: Path) -> None:
    """One person in the publisher's layout, from the array of the excerpt by its stated factor."""
    steps = np.load(data / "lead1-562" / "ecg_int16_x310_562x10x1250_125hz.npy", mmap_mode="r")[111]
    (tmp_path / "Database_information.xlsx").write_bytes(
        (data / "lead1-562" / "Database_information.xlsx").read_bytes()
    )
    np.savetxt(tmp_path / "subject_112.csv", steps / 310, delimiter=",", fmt="%.15g")
    one = datasets.parse(f"lead1_562={tmp_path}")
    theirs = lead1.table()[lead1.table()["patient_id"] == "lead1-562:112"].reset_index(drop=True)
    pd.testing.assert_frame_equal(one.table(), theirs)
    for record in theirs["record_id"]:
        np.testing.assert_allclose(one.read(record).signal, lead1.read(record).signal, atol=1e-4)
