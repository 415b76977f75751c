"""MIT-BIH by beats: the windows lie where the marks say, the classes are the map's, and damage is explained."""

import pickle
import shutil
import struct
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from einthoven import datasets, labels, records, splits
from einthoven.datasets import DatasetError
from einthoven.datasets._mitdb import AAMI, SYMBOLS, read_marks
from einthoven.datasets.mitdb import MITDB
from einthoven.records import RecordError
from einthoven.records.leads import canonical
from einthoven.records.preparation import Preparation
from einthoven.signals.rhythm import rhythm

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    import wfdb

KIND = {symbol: kind for kind, symbol in wfdb.io.annotation.ann_label_table.set_index("label_store")["symbol"].items()}
KNOWN = {"mitdb": MITDB.annotated}


@pytest.fixture(scope="module")
def miniature(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("mitdb")
    MITDB.miniature(place)
    return place


@pytest.fixture
def place(miniature: Path, tmp_path: Path) -> Path:
    """A copy of two recordings, to be damaged."""
    for path in (path for name in ("100", "101") for path in miniature.glob(f"{name}.*")):
        shutil.copy(path, tmp_path)
    return tmp_path


def mark(path: Path, *marks: tuple[int, int | str]) -> None:
    """Writes marks as (sample, kind or symbol), as the format's page says and no other program does it for us."""
    data, now = b"", 0
    for at, kind in marks:
        number = KIND[kind] if isinstance(kind, str) else kind
        step = at - now
        if not 0 <= step < 1024:
            data += struct.pack("<HHH", 59 << 10, step >> 16 & 0xFFFF, step & 0xFFFF)
            step = 0
        data += struct.pack("<H", number << 10 | step)
        now = at
    path.write_bytes(data + b"\0\0")


def one(place: Path, *marks: tuple[int, int | str], **options: object) -> pd.DataFrame:
    """The table of a folder with recording 100 alone, marked so."""
    for path in place.glob("101.*"):
        path.unlink()
    mark(place / "100.atr", *marks)
    return MITDB(place, **options).table()


# Marks


gaps = st.lists(st.tuples(st.integers(0, 3000), st.sampled_from(sorted(KIND))), min_size=1, max_size=30)


@settings(max_examples=15)
@given(steps=gaps, note=st.text("abc(", max_size=7))
def test_marks_are_what_another_program_wrote(tmp_path_factory, steps: list[tuple[int, str]], note: str) -> None:
    at, symbols = np.cumsum([step + 1 for step, _ in steps]), [symbol for _, symbol in steps if symbol != " "]
    at = at[[symbol != " " for _, symbol in steps]]
    if not symbols:
        return
    folder = tmp_path_factory.mktemp("marks")
    more = {"aux_note": [note, *[""] * (len(at) - 1)], "num": np.arange(len(at)) % 5, "chan": np.arange(len(at)) % 2}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        wfdb.wrann("x", "atr", at, symbols, write_dir=str(folder), **more)
    found, kinds = read_marks(folder / "x.atr")
    assert found.tolist() == at.tolist() and kinds.tolist() == [KIND[symbol] for symbol in symbols]


@given(steps=st.lists(st.tuples(st.integers(-(2**20), 2**20), st.integers(1, 41)), max_size=20))
def test_marks_far_apart_and_back_in_time(tmp_path_factory, steps: list[tuple[int, int]]) -> None:
    at = np.cumsum([step for step, _ in steps], dtype=np.int64)
    path = tmp_path_factory.mktemp("marks") / "x.atr"
    mark(path, *zip(at.tolist(), [kind for _, kind in steps], strict=True))
    found, kinds = read_marks(path)
    assert found.tolist() == at.tolist() and kinds.tolist() == [kind for _, kind in steps]


def test_whatever_is_cut_off_is_seen(miniature: Path, tmp_path: Path) -> None:
    raw = (miniature / "100.atr").read_bytes()
    path = tmp_path / "100.atr"
    for length in range(len(raw) - 1):
        path.write_bytes(raw[:length])
        with pytest.raises(DatasetError, match=r"100.atr is truncated: it stops after \d+ marks .*; fetch it again"):
            read_marks(path)
    path.write_bytes(raw + b"\0\0\0")
    assert len(read_marks(path)[0]) == len(read_marks(miniature / "100.atr")[0])


def test_a_truncated_file_is_named_by_the_table(place: Path) -> None:
    raw = (place / "101.atr").read_bytes()
    (place / "101.atr").write_bytes(raw[:-2])
    corpus = MITDB(place)
    with pytest.raises(DatasetError, match="101.atr is truncated"):
        corpus.table()


# Windows


def test_a_beat_is_the_recording_around_its_peak(miniature: Path) -> None:
    corpus = MITDB(miniature, window_s=(0.25, 0.5))
    table = corpus.table()
    whole = {name: records.read(miniature / f"{name}.hea") for name in ("100", "114")}
    for row in table[table["recording"].isin(["mitdb:100", "mitdb:114"])].itertuples():
        ecg, name = corpus.read(row.record_id), row.recording.partition(":")[2]
        part = whole[name].crop(row.start_s, row.stop_s)
        np.testing.assert_array_equal(ecg.signal, part.signal)
        assert ecg.leads == part.leads and ecg.rate_hz == 360 and ecg.notes == ()
        assert int(row.record_id.rpartition("-")[2]) == round((row.start_s + 0.25) * 360)


def test_a_window_that_sticks_out_is_missing_there(miniature: Path) -> None:
    corpus, usual = MITDB(miniature, window_s=(2.0, 2.0)), MITDB(miniature)
    prepare = Preparation(360.0, leads=("MLII",))
    out, held = 0, 0
    for row in corpus.table().query("recording == 'mitdb:100'").itertuples():
        ecg = corpus.read(row.record_id)
        lost_s = max(-row.start_s, 0) + max(row.stop_s - 20.0, 0)
        missing = np.isnan(ecg.signal)
        assert ecg.signal.shape == (2, 1440) and missing.sum(axis=1).tolist() == [round(lost_s * 360)] * 2
        np.testing.assert_array_equal(ecg.signal[:, 612:936], usual.read(row.record_id).signal)
        assert not missing[:, max(0, round(-row.start_s * 360)) : round((20.0 - row.start_s) * 360)].any()
        if not lost_s:
            assert ecg.notes == ()
            continue
        assert ecg.notes == (f"the recording does not reach over the window: {lost_s:.3f} s of it are missing",)
        out += 1
        if lost_s > 0.4:
            with pytest.raises(ValueError, match="of lead MLII is missing; at most 10% is bridged"):
                prepare(ecg)
        else:
            held += 1
            assert np.isfinite(prepare(ecg).signal).all()
    assert out > held > 0


def test_what_was_read_is_the_callers_own(miniature: Path) -> None:
    corpus = MITDB(miniature)
    first = corpus.table()["record_id"][0]
    before = corpus.read(first).signal.copy()
    corpus.read(first).signal[:] = 7
    np.testing.assert_array_equal(corpus.read(first).signal, before)


def test_what_was_read_does_not_travel(miniature: Path) -> None:
    corpus = MITDB(miniature, window_s="0.2 0.4", leads="MLII")
    table = corpus.table()
    corpus.read(table["record_id"][0])
    sent = pickle.dumps(corpus)
    assert len(sent) < 2000
    assert pickle.loads(sent).read(table["record_id"][0]).signal.shape == (1, 216)


@pytest.mark.parametrize("window_s", [(0.3,), (0.0, 0.0), (-0.1, 0.5), "0.3 x", "", (0.1, float("inf")), (1, 2, 3)])
def test_a_window_is_a_time_before_and_one_after(miniature: Path, window_s: object) -> None:
    with pytest.raises(DatasetError, match="window_s is the seconds before the peak and after it, such as '0.3 0.6'"):
        MITDB(miniature, window_s=window_s)


def test_options_as_words(miniature: Path) -> None:
    corpus = datasets.parse(f"mitdb={miniature},window_s=0.2 0.4,leads=MLII,paced=false")
    table = corpus.table()
    assert corpus.settings == {"window_s": [0.2, 0.4], "leads": ["MLII"]} and not table["paced"].any()
    assert corpus.read(table["record_id"][0]).leads == ("MLII",)
    assert MITDB(miniature).settings != corpus.settings


# Leads and people


def test_leads_are_found_by_name(miniature: Path) -> None:
    assert canonical(" MLII ") == "MLII"
    whole, corpus = records.read(miniature / "114.hea"), MITDB(miniature, leads="MLII")
    assert whole.leads == ("V5", "MLII")
    rows = corpus.table().set_index("recording")
    for row in rows.loc["mitdb:114"].itertuples():
        first = round(row.start_s * 360)
        np.testing.assert_array_equal(corpus.read(row.record_id).signal[0], whole.signal[1, first : first + 324])
    swapped = MITDB(miniature, leads=["MLII", "V5"]).read(rows.loc["mitdb:114", "record_id"].iloc[0])
    assert swapped.leads == ("MLII", "V5")
    assert set(rows.loc["mitdb:114", "leads"]) == {"V5 MLII"}


def test_a_recording_without_the_lead_is_named(miniature: Path) -> None:
    corpus = MITDB(miniature, leads="MLII")
    assert len(corpus.table()) == len(MITDB(miniature).table())
    record = corpus.table().query("recording == 'mitdb:102'")["record_id"].iloc[0]
    with pytest.raises(DatasetError, match="102.hea: lead MLII is neither in the record nor .*: it has V5, V2; ask"):
        corpus.read(record)


def test_202_is_the_man_of_201_and_the_paced_are_marked(miniature: Path) -> None:
    table = MITDB(miniature).table()
    people = table.groupby("recording")["patient_id"].agg(lambda ids: ids.unique().tolist())
    assert people["mitdb:202"] == people["mitdb:201"] == ["mitdb:201"]
    assert all(ids == [recording] for recording, ids in people.items() if recording != "mitdb:202")
    assert set(table["recording"][table["paced"]]) == {"mitdb:102"}
    rest = MITDB(miniature, paced=False).table()
    pd.testing.assert_frame_equal(rest, table[~table["paced"]].reset_index(drop=True))


def test_age_and_sex_stand_in_the_header(place: Path, miniature: Path) -> None:
    text = (place / "100.hea").read_text().splitlines()
    for said, age, sex in (("# 69 M 1085 1629 x1", 69, "male"), ("# -1 F 742", None, "female"), ("# none", None, None)):
        (place / "100.hea").write_text("\n".join([*text[:3], said, text[4]]) + "\n")
        row = MITDB(place).table().iloc[0]
        assert np.isnan(row["age"]) if age is None else row["age"] == age
        assert pd.isna(row["sex"]) if sex is None else row["sex"] == sex
        ecg = MITDB(place).read(row["record_id"])
        assert (ecg.age, ecg.sex) == (age, sex)
    ages = MITDB(miniature).table().groupby("recording")["age"].first()
    assert ages.isna()["mitdb:103"] and ages.notna().sum() == len(ages) - 1


# Beats


def test_each_symbol_has_its_class(place: Path) -> None:
    table = one(place, *((300 * (i + 1), symbol) for i, symbol in enumerate(SYMBOLS)))
    assert [codes[-1] for codes in table["positive"]] == [f"mitbih:{symbol}" for symbol in SYMBOLS]
    want = {"N": "NLRej", "S": "AaJS", "V": "VE", "F": "F", "Q": "/fQ"}
    five = labels.targets(table.assign(dataset="mitdb"), labels.get("aami5"), KNOWN)
    three = labels.targets(table.assign(dataset="mitdb"), labels.get("aami3"), KNOWN)
    for i, symbol in enumerate(SYMBOLS):
        code = next((code for code, symbols in want.items() if symbol in symbols), None)
        assert AAMI.get(symbol) == code
        if code is None:
            assert np.isnan(five[i]).all() and np.isnan(three[i]).all(), f"{symbol} has no class of AAMI"
            continue
        assert five[i].tolist() == [float(other == code) for other in want]
        if code in "NSV":
            assert three[i].tolist() == [float(other == code) for other in "NSV"]
        else:
            assert np.isnan(three[i]).all()


def test_every_beat_of_the_publishers_kinds_has_exactly_one_class(miniature: Path) -> None:
    table = MITDB(miniature).table()
    found = table["positive"].map(lambda codes: [code for code in codes if code.startswith("aami:")])
    assert (found.map(len) == 1).all() and set(found.str[0]) == {f"aami:{code}" for code in "NSVFQ"}


def test_what_is_no_beat_is_no_record_and_no_neighbour(place: Path) -> None:
    others = sorted(set(KIND) - set(SYMBOLS) - {" "})
    assert {"+", "~", "!", "x", '"'} <= set(others)
    noise = [(500 + 20 * i, symbol) for i, symbol in enumerate(others) if symbol not in "![]"]
    table = one(place, (360, "N"), *noise, (1440, "V"), (1800, "N"))
    assert table["record_id"].tolist() == [f"mitdb:100-{at:06d}" for at in (360, 1440, 1800)]
    np.testing.assert_array_equal(table["rr_before_s"], [np.nan, 3, 1])
    np.testing.assert_array_equal(table["rr_after_s"], [3, 1, np.nan])


@pytest.mark.parametrize("wave", ["!", "[", "]"])
def test_over_ventricular_flutter_there_is_no_interval(place: Path, wave: str) -> None:
    table = one(place, (360, "N"), (720, "N"), (900, wave), (1440, "V"), (1800, "N"))
    np.testing.assert_array_equal(table["rr_before_s"], [np.nan, 1, np.nan, 1])
    np.testing.assert_array_equal(table["rr_after_s"], [1, np.nan, 1, np.nan])


def test_neighbours_are_of_the_same_recording_and_in_the_order_of_time(place: Path) -> None:
    table = MITDB(place).table()
    for _, rows in table.groupby("recording"):
        peaks = rows["record_id"].str.rpartition("-")[2].astype(int).to_numpy()
        assert np.isnan([rows["rr_before_s"].iloc[0], rows["rr_after_s"].iloc[-1]]).all()
        np.testing.assert_allclose(rows["rr_before_s"].iloc[1:] * 360, np.diff(peaks))
        np.testing.assert_array_equal(rows["rr_after_s"].iloc[:-1], rows["rr_before_s"].iloc[1:])
    assert table.groupby("recording").size().min() > 3
    assert one(place, (2000, "N"), (1000, "V"), (3000, "N"))["record_id"].is_monotonic_increasing


def test_the_rhythm_of_a_beat_is_that_of_its_own_recording(place: Path) -> None:
    both = MITDB(place).table()
    for _, rows in both.groupby("recording"):
        want = rhythm(np.append(rows["rr_before_s"], rows["rr_after_s"].iloc[-1]))
        assert [name for name in rows if name.startswith("rhythm_")] == [f"rhythm_{name}" for name in want]
        for name, ratio in want.items():
            assert rows[f"rhythm_{name}"].dtype == np.float64
            np.testing.assert_array_equal(rows[f"rhythm_{name}"], ratio)
    for path in place.glob("101.*"):
        path.unlink()
    pd.testing.assert_frame_equal(MITDB(place).table(), both[both["recording"] == "mitdb:100"])


def test_the_rhythm_of_a_beat_by_hand(place: Path) -> None:
    at = [360, 720, 1080, 1260, 1800, 2160, 2200, 2520, 2880]
    table = one(place, *zip(at, ["N", "N", "N", "A", "N", "N", "!", "V", "N"], strict=True)).set_index("record_id")
    early = table.loc["mitdb:100-001260"].filter(like="rhythm_").to_dict()
    want = {"before_local": 0.5, "after_local": 1.5, "before_usual": 0.5, "after_usual": 1.5, "after_before": 3.0}
    want |= {"local_usual": 1.0, "previous_usual": 1.0, "next_usual": 1.0}
    assert early == {f"rhythm_{name}": pytest.approx(np.log(ratio)) for name, ratio in want.items()}
    over = table.loc["mitdb:100-002520"].filter(like="rhythm_")
    assert over.index[over.isna()].tolist() == [f"rhythm_{n}" for n in ("before_local", "before_usual", "after_before",
                                                                        "next_usual")]  # fmt: skip


def test_a_mark_of_no_known_kind_is_refused(place: Path) -> None:
    for kind in (15, 17, 42, 49, 58):
        with pytest.raises(
            DatasetError, match=rf"100.atr: the mark at sample 900 is of kind {kind}, .*; give it a kind"
        ):
            one(place, (400, "N"), (900, kind), (1300, "N"))


@pytest.mark.parametrize("at", [7200, 650000, -5])
def test_a_beat_outside_the_recording_is_refused(place: Path, at: int) -> None:
    with pytest.raises(
        DatasetError, match=f"100.atr has 1 beats outside the recording, such as at sample {at} of 7200"
    ):
        one(place, (400, "N"), (at, "N"))
    assert len(one(place, (0, "N"), (7199, "N"), (9000, "+"))) == 2, "only beats must lie inside"


def test_two_beats_in_one_place_are_refused(place: Path) -> None:
    with pytest.raises(DatasetError, match="lists mitdb:100-000400 more than once"):
        one(place, (400, "N"), (400, "V"))


def test_a_recording_without_beats_has_no_rows(place: Path) -> None:
    mark(place / "100.atr", (18, "+"))
    assert set(MITDB(place).table()["recording"]) == {"mitdb:101"}
    with pytest.raises(DatasetError, match="no recording that is to be listed has a beat"):
        one(place, (18, "+"))


# Files


def test_files_that_are_missing_or_damaged_are_named(place: Path) -> None:
    (place / "101.atr").unlink()
    with pytest.raises(DatasetError, match="101.atr is missing, which holds the beats"):
        MITDB(place).table()
    (place / "101.hea").unlink()
    corpus = MITDB(place)
    record = corpus.table()["record_id"][0]
    (place / "100.dat").write_bytes((place / "100.dat").read_bytes()[:-600])
    with pytest.raises(RecordError, match="100.dat is truncated: its header promises 7200 samples a lead"):
        corpus.read(record)
    (place / "100.dat").unlink()
    with pytest.raises(RecordError, match="100.dat is missing"):
        corpus.read(record)
    for text in ("", "100 2 360\n", "100 2 0 7200\n", "100 2 x 7200\n", "100 2 360 7200\n100.dat 212\n"):
        (place / "100.hea").write_text(text)
        with pytest.raises(DatasetError, match="100.hea does not state rate, length and channels"):
            MITDB(place).table()


@pytest.mark.parametrize(
    "record",
    ["mitdb:100-000001", "mitdb:100-999999", "mitdb:999-000144", "100-000144", "mitdb:100-144", "mitdb:100-0000144",
     "mitdb:100", "", "mitdb:100-", "mitdb:100-x", "mitdb:100-000144-1", "mitdb:100--00144"],
)  # fmt: skip
def test_a_beat_that_is_not_there_is_refused(place: Path, record: str) -> None:
    mark(place / "100.atr", (144, "N"), (600, "N"))
    corpus = MITDB(place)
    assert corpus.read("mitdb:100-000144").record_id == "mitdb:100-000144"
    with pytest.raises(DatasetError, match=r"table\(\)"):
        corpus.read(record)


# Splits


@pytest.mark.parametrize("strict", [False, True])
def test_the_halves_run_on_the_miniature(miniature: Path, strict: bool) -> None:
    table = MITDB(miniature).table()
    y = labels.targets(table.assign(dataset="mitdb"), labels.get("aami5"), KNOWN)
    parts = splits.split("inter_patient_strict" if strict else "inter_patient", table, y, test_fold=10)
    where = {recording: set(parts[rows.index]) for recording, rows in table.groupby("recording")}
    assert where["mitdb:202"] == where["mitdb:100"] == {"test"} and where["mitdb:102"] == {""}
    assert (where["mitdb:201"] == {"test"}) is strict
    found = splits.overlap(table, parts)
    assert found["examples"].tolist() == ([] if strict else [["mitdb:201"]])
