"""What every data set promises, swept over the files of the room on a miniature in the corpus's own format."""

import dataclasses
import json
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from einthoven import datasets, labels, registry
from einthoven.datasets import COLUMNS, Card, Dataset, DatasetError
from einthoven.datasets._mitdb import SYMBOLS
from einthoven.records import ECG

NAMES = datasets.names()
KNOWN = {
    "scp": set(labels.get("statements").codes),
    "code6": set(labels.get("code6").codes),
    "quality": {"unacceptable"},
    "aami": set(labels.get("aami5").codes),
    "aami3": set(labels.get("aami3").codes),
    "mitbih": set(SYMBOLS),
}
OPEN = {"aha", "own", "snomed"}  # coding systems too large to list, or a user's
UNLABELLED = {"lead1_562", "mimic_iv_ecg", "nstdb"}  # no diagnoses, unless asked for
NOT_TWELVE = {"lead1_562", "mitdb", "nstdb"}
SHORTER = {"mitdb": 0.9}  # than a second: beats
FURTHER = {  # columns, after those of every corpus
    "mitdb": "recording start_s stop_s rr_before_s rr_after_s paced leads rhythm_before_local rhythm_after_local "
    "rhythm_before_usual rhythm_after_usual rhythm_after_before rhythm_local_usual rhythm_previous_usual "
    "rhythm_next_usual",
    "simulated": "segment x_mm y_mm z_mm",
}
ONE_RECORD_A_PERSON = {"code_test", "ludb", "synthetic"}


@pytest.fixture(scope="module", params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def place(name: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("miniature") / name


@pytest.fixture(scope="module")
def corpus(name: str, place: Path) -> Dataset:
    return registry.get("datasets", name).miniature(place)


@pytest.fixture(scope="module")
def table(corpus: Dataset) -> pd.DataFrame:
    return corpus.table()


def maybe(value: object) -> object:
    """None for what a table calls missing."""
    return None if pd.isna(value) else value


def test_card_is_complete(name: str, corpus: Dataset) -> None:
    assert isinstance(corpus, Dataset) and isinstance(corpus.card, Card)
    assert corpus.card.name == name
    for field in ("title", "description", "licence", "citation"):
        text = getattr(corpus.card, field)
        assert text.strip() == text and len(text) > 3, field
    assert corpus.card.description.endswith(".")
    assert not corpus.card.url or corpus.card.url.startswith("https://")
    assert isinstance(corpus.synthetic, bool)
    assert not corpus.card.download or ":" in corpus.card.download and corpus.card.url
    json.dumps(dataclasses.asdict(corpus.card))


def test_table_has_the_agreed_columns_and_types(name: str, table: pd.DataFrame) -> None:
    assert list(table.columns) == [*COLUMNS, *FURTHER.get(name, "").split()]
    assert len(table) > 1 and isinstance(table.index, pd.RangeIndex)
    assert table["age"].dtype == np.float64 and table["fold"].dtype == pd.Int64Dtype()
    for column in ("record_id", "patient_id", "source", "sex"):
        assert all(isinstance(value, str) for value in table[column].dropna()), column
    assert table[["record_id", "source"]].notna().all(axis=None)
    assert set(table["sex"].dropna()) <= {"female", "male"}
    assert table["age"].dropna().between(0, 120).all() and (table["fold"].dropna() >= 1).all()
    for column in ("positive", "unknown"):
        assert all(isinstance(codes, list) for codes in table[column]), column


def test_ids_are_unique_and_namespaced(name: str, table: pd.DataFrame) -> None:
    assert table["record_id"].is_unique
    for column in ("record_id", "patient_id"):
        for value in table[column].dropna():
            assert all(value.partition(":")), column
    patients = table["patient_id"].dropna()
    if name in ONE_RECORD_A_PERSON:
        assert len(patients) == len(table) and patients.is_unique
    else:
        assert patients.empty or not patients.is_unique, "the miniature has a patient who returns"


def is_snomed(code: str) -> bool:
    """Whether the last digit of a SNOMED CT identifier is Verhoeff's check digit of the others.

    The check is done in the dihedral group of the pentagon (Verhoeff 1969), whose element 5s + r is the rotation r,
    mirrored where s is 1.
    """

    def times(a: int, b: int) -> int:
        turn = a % 5 + (b % 5 if a < 5 else -(b % 5))
        return turn % 5 + 5 * (a // 5 ^ b // 5)

    check, place = 0, list(range(10))
    for digit in map(int, reversed(code)):
        check = times(check, place[digit])
        place = [(1, 5, 7, 6, 2, 8, 3, 0, 9, 4)[p] for p in place]
    return check == 0


def test_a_check_digit_finds_a_wrong_one() -> None:
    assert is_snomed("164889003") and is_snomed("67741000119109")
    assert not is_snomed("164889004") and not is_snomed("164898003")


def test_codes_are_those_that_were_looked_for(name: str, corpus: Dataset, table: pd.DataFrame) -> None:
    annotated = list(corpus.annotated)
    assert bool(annotated) is (name not in UNLABELLED) and len(set(annotated)) == len(annotated)
    for code in annotated:
        system, colon, rest = code.partition(":")
        assert colon and rest and system in (*KNOWN, *OPEN), code
        assert system in OPEN or rest in KNOWN[system], code
        assert system != "snomed" or is_snomed(rest), code
    for row in table.itertuples():
        assert set(row.positive) | set(row.unknown) <= set(annotated)
        assert not set(row.positive) & set(row.unknown)
        assert len(set(row.positive)) == len(row.positive)
    assert not annotated or any(table["positive"].map(len)), "the miniature has a positive label"


def test_a_recording_is_valid_and_agrees_with_its_row(name: str, corpus: Dataset, table: pd.DataFrame) -> None:
    for row in table.itertuples():
        ecg = corpus.read(row.record_id)
        assert isinstance(ecg, ECG) and ecg.signal.dtype == np.float32
        assert ecg.record_id == row.record_id and ecg.source == row.source
        assert ecg.patient_id == maybe(row.patient_id)
        assert ecg.synthetic is corpus.synthetic
        assert maybe(row.age) is None or ecg.age == row.age
        assert maybe(row.sex) is None or ecg.sex == row.sex
        assert name in NOT_TWELVE or len(ecg.twelve().leads) == 12
        assert ecg.duration_s == SHORTER[name] if name in SHORTER else ecg.duration_s > 1
        assert np.isfinite(ecg.signal).all() and not list(ecg.flat_leads())


def test_the_table_is_the_same_each_time_and_the_callers_own(corpus: Dataset, table: pd.DataFrame) -> None:
    first = corpus.table()
    first.loc[:, "source"] = "spoilt"
    pd.testing.assert_frame_equal(corpus.table(), table)


def test_reading_twice_and_in_any_order_gives_the_same_samples(corpus: Dataset, table: pd.DataFrame) -> None:
    first = [corpus.read(r).signal for r in table["record_id"][:3]]
    again = [corpus.read(r).signal for r in table["record_id"][:3][::-1]][::-1]
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a, b)


def test_it_travels_to_a_worker(corpus: Dataset, table: pd.DataFrame) -> None:
    record = table["record_id"].iloc[-1]
    corpus.read(record)  # whatever it caches must travel or stay behind
    twin = pickle.loads(pickle.dumps(corpus))
    pd.testing.assert_frame_equal(twin.table(), table)
    np.testing.assert_array_equal(twin.read(record).signal, corpus.read(record).signal)
    assert twin.annotated == corpus.annotated and twin.settings == corpus.settings


def test_settings_are_json(corpus: Dataset) -> None:
    assert isinstance(json.loads(json.dumps(corpus.settings)), dict)


def test_a_miniature_is_seeded(name: str, corpus: Dataset, tmp_path: Path) -> None:
    one, component = corpus, registry.get("datasets", name)
    same, other = (component.miniature(tmp_path / str(seed), seed=seed) for seed in (0, 1))
    record = one.table()["record_id"].iloc[0]
    np.testing.assert_array_equal(one.read(record).signal, same.read(same.table()["record_id"].iloc[0]).signal)
    assert not np.array_equal(one.read(record).signal, other.read(other.table()["record_id"].iloc[0]).signal)


def test_it_opens_by_name_and_place(name: str, place: Path, corpus: Dataset, table: pd.DataFrame) -> None:
    if not any(place.glob("*")):
        assert len(datasets.parse(f"{name}=3").table()) >= 3
        return
    for opened in (datasets.get(name, place), datasets.parse(f"{name}={place}")):
        pd.testing.assert_frame_equal(opened.table(), table)


def test_an_empty_place_is_explained(name: str, place: Path, tmp_path: Path) -> None:
    if not any(place.glob("*")):
        return
    with pytest.raises(DatasetError, match="is missing") as caught:
        datasets.get(name, tmp_path)
    assert str(tmp_path) in str(caught.value)
    with pytest.raises(DatasetError, match=f"'{name}' needs a place: {name}=DIR"):
        datasets.parse(name)


def test_words_carry_options() -> None:
    made = datasets.parse("simulated=4,difficulty=0.25,seed=7")
    assert made.settings["patients"] == 4 and made.settings["difficulty"] == 0.25 and made.settings["seed"] == 7
    assert datasets.parse("simulated").card.name == "simulated"
    with pytest.raises(registry.UnknownName, match="did you mean 'simulated'"):
        datasets.parse("simulatd=4")


def test_a_comma_in_a_folder_is_no_option(tmp_path: Path) -> None:
    place = tmp_path / "a,b=c"
    registry.get("datasets", "arrays").miniature(place)
    assert len(datasets.parse(f"arrays={place}").table())


def test_ptbxl_at_its_other_rate(tmp_path: Path) -> None:
    registry.get("datasets", "ptbxl").miniature(tmp_path)
    slow = datasets.parse(f"ptbxl={tmp_path},rate_hz=100")
    fast = datasets.parse(f"ptbxl={tmp_path}")
    record = slow.table()["record_id"].iloc[0]
    assert slow.read(record).rate_hz == 100 and fast.read(record).rate_hz == 500
    assert slow.settings != fast.settings
    with pytest.raises(DatasetError, match="500 and at 100 Hz, not at 250"):
        datasets.parse(f"ptbxl={tmp_path},rate_hz=250")
