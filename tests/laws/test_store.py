"""The compiled form: what comes back, what a kill leaves, and what is refused."""

import concurrent.futures
import errno
import json
import os
import signal as signals
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import einthoven
from einthoven.datasets import COLUMNS, Card
from einthoven.datasets.arrays import Arrays
from einthoven.records import ECG, RecordError
from einthoven.records.leads import EIGHT, TWELVE, derive
from einthoven.records.preparation import Preparation
from einthoven.store import Joined, Store, StoreError, _compile, compile_store

PLAIN = Preparation(100.0)


def twelve(seed: int, samples: int = 200, peak: float = 2.0) -> np.ndarray:
    eight = np.random.default_rng(seed).uniform(-1, 1, (8, samples)).astype(np.float32)
    return derive(eight * np.float32(peak / 2), EIGHT, TWELVE)


class Made:
    """A data set of given signals; a record may be an error instead, which reading it raises."""

    synthetic = False

    def __init__(self, content: dict[str, np.ndarray | Exception], name: str = "made", unit: str = "mV") -> None:
        self.card = Card(name, "Made", "For a test.", "none", "nobody")
        self.content, self.unit = content, unit
        self.annotated: tuple[str, ...] = ("own:odd",)
        self.settings: dict[str, Any] = {}
        self.reads: list[str] = []

    def table(self) -> pd.DataFrame:
        count = len(self.content)
        rows = pd.DataFrame(
            {
                "record_id": list(self.content),
                "patient_id": [f"made:{i // 2}" for i in range(count)],
                "source": "made",
                "age": [50.0 if i % 3 else np.nan for i in range(count)],
                "sex": ["female" if i % 2 else None for i in range(count)],
                "fold": pd.array([i % 10 + 1 for i in range(count)], "Int64"),
                "positive": [["own:odd"] * (i % 2) for i in range(count)],
                "unknown": [[] for _ in range(count)],
            },
            columns=list(COLUMNS),
        )
        return rows.astype({"record_id": "string", "patient_id": "string", "source": "string", "sex": "string"})

    def read(self, record_id: str) -> ECG:
        self.reads.append(record_id)
        what = self.content[record_id]
        if isinstance(what, Exception):
            raise what
        return ECG(what, self.unit, 100.0, TWELVE, record_id=record_id)  # type: ignore[arg-type]


def many(count: int = 10) -> Made:
    return Made({f"made:{i}": twelve(i) for i in range(count)})


def compiled(source: Any, folder: Path, preparation: Preparation = PLAIN, workers: int = 1) -> Store:
    return compile_store(source, folder, preparation, workers=workers, progress=False)


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four records a shard."""
    monkeypatch.setattr(_compile, "_CHUNK", 4)


# ------------------------------------------------------------------------------------------------------ round trip


@given(peak=st.sampled_from([0.05, 1.0, 32.7, 33.0, 60.0]), seed=st.integers(0, 99))
def test_samples_come_back_within_half_a_count(
    peak: float, seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    signal = twelve(seed, peak=peak)
    signal[0, 0] = signal[1, 1] = peak
    signal = derive(signal[[0, 1, *range(6, 12)]], EIGHT, TWELVE)
    store = compiled(Made({"made:0": signal}), tmp_path_factory.mktemp("store"))
    scale = float(store.table["scale"].iloc[0])
    wanted = 0.001
    while abs(signal[[0, 1, *range(6, 12)]]).max() > 32767 * wanted:
        wanted *= 2
    assert scale == pytest.approx(wanted)
    back = store.batch(np.array([0]), signal.shape[1])[0]
    assert back.dtype == np.float32
    kept = [TWELVE.index(name) for name in EIGHT]
    np.testing.assert_allclose(back[kept], signal[kept], atol=0.5001 * scale, rtol=1e-6)
    np.testing.assert_allclose(back, signal, atol=0.7501 * scale + 0.005, rtol=1e-6)
    np.testing.assert_array_equal(back, derive(back[kept], EIGHT, TWELVE))


def test_eight_leads_are_kept_where_the_identities_hold_and_twelve_where_not(tmp_path: Path) -> None:
    good, near, far = (twelve(1).copy() for _ in range(3))
    near[3, 5] += 0.004
    far[3, 5] += 0.05
    store = compiled(Made({"made:good": good, "made:near": near, "made:far": far}), tmp_path / "s")
    assert store.table["kept_leads"].tolist() == [8, 8, 12]
    back = store.batch(np.array([2, 0, 1]), 200)
    np.testing.assert_allclose(back[0], far, atol=0.000501)
    np.testing.assert_allclose(back[2], near, atol=0.0055)
    z = compiled(Made({"made:0": good}, unit="z"), tmp_path / "z", Preparation(100.0, "z"))
    assert z.table["kept_leads"].tolist() == [12]
    few = compiled(Made({"made:0": good}), tmp_path / "few", Preparation(100.0, leads=("V6", "I")))
    assert few.table["kept_leads"].tolist() == [2]
    np.testing.assert_allclose(few.batch(np.array([0]), 200)[0], good[[11, 0]], atol=0.000501)


@pytest.mark.parametrize("length", [2, 199, 200, 201, 202, 300])
def test_recordings_are_cut_and_centred(length: int, tmp_path: Path) -> None:
    store = compiled(Made({"made:a": twelve(0), "made:b": twelve(1, length), "made:c": twelve(2)}), tmp_path / "s")
    got = store.batch(np.array([1, 2, 0]), 200)
    signal = twelve(1, length)
    if length >= 200:
        first = (length - 200) // 2
        np.testing.assert_allclose(got[0], signal[:, first : first + 200], atol=0.0016)
    else:
        first = (200 - length) // 2
        np.testing.assert_allclose(got[0, :, first : first + length], signal, atol=0.0016)
        assert not got[0, :, :first].any() and not got[0, :, first + length :].any()
    np.testing.assert_allclose(got[1], twelve(2), atol=0.0016)
    assert store.batch(np.array([], dtype=np.int64), 200).shape == (0, 12, 200)


@given(st.lists(st.integers(0, 9), max_size=12))
def test_a_batch_is_its_rows_in_their_order(rows: list[int]) -> None:
    store = shared_store()
    got = store.batch(np.array(rows, dtype=np.int64), 200)
    for row, signal in zip(rows, got, strict=True):
        np.testing.assert_array_equal(signal, store.batch(np.array([row]), 200)[0])
        np.testing.assert_allclose(signal, twelve(row), atol=0.0016)


_SHARED: dict[str, Store] = {}


def shared_store() -> Store:
    return _SHARED["store"]


@pytest.fixture(scope="module", autouse=True)
def _make_shared(tmp_path_factory: pytest.TempPathFactory) -> None:
    _SHARED["store"] = compiled(many(), tmp_path_factory.mktemp("shared") / "s")


def test_the_table_keeps_what_is_known(tmp_path: Path) -> None:
    source = many()
    store = compiled(source, tmp_path / "s")
    want = source.table()
    assert len(store) == len(want) and (store.table["dataset"] == "made").all()
    for column in ("record_id", "patient_id", "source", "age", "sex", "fold"):
        assert store.table[column].isna().tolist() == want[column].isna().tolist()
        assert store.table[column].dropna().tolist() == want[column].dropna().tolist()
    assert [list(codes) for codes in store.table["positive"]] == want["positive"].tolist()
    assert [list(codes) for codes in store.table["unknown"]] == want["unknown"].tolist()
    assert store.preparation == PLAIN and store.annotated == {"made": ("own:odd",)}
    assert store.facts["card"]["title"] == "Made" and store.facts["synthetic"] is False
    store.verify()


def test_what_mending_did_stands_in_the_notes(tmp_path: Path) -> None:
    signal = twelve(0).copy()
    signal[8, 3:6] = np.nan
    store = compiled(Made({"made:0": signal}), tmp_path / "s")
    assert list(store.table["notes"].iloc[0]) == ["missing samples bridged in V3"]


# -------------------------------------------------------------------------------------------------------- joining


def test_a_record_in_two_stores_is_kept_once_from_the_first(tmp_path: Path) -> None:
    a = compiled(Made({f"made:{i}": twelve(i) for i in (0, 1, 2)}), tmp_path / "a")
    b = compiled(Made({f"made:{i}": twelve(i + 50) for i in (2, 3, 1, 4)}, name="other"), tmp_path / "b")
    joined = Joined([a, b])
    assert joined.table["record_id"].tolist() == [f"made:{i}" for i in range(5)]
    assert joined.duplicates == [0, 2] and len(joined) == 5
    assert joined.table["dataset"].tolist() == ["made"] * 3 + ["other"] * 2
    assert joined.annotated == {"made": ("own:odd",), "other": ("own:odd",)}
    got = joined.batch(np.array([4, 1, 2, 3]), 200)
    for signal, seed in zip(got, (54, 1, 2, 53), strict=True):
        np.testing.assert_allclose(signal, twelve(seed), atol=0.0016)


def test_stores_are_joined_where_they_were_prepared_alike_whatever_their_classes(tmp_path: Path) -> None:
    a = compiled(many(3), tmp_path / "a")
    b = compiled(many(3), tmp_path / "b", Preparation(50.0))
    with pytest.raises(StoreError, match=f"{tmp_path}/a and {tmp_path}/b were prepared differently"):
        Joined([a, b])
    other = many(3)
    other.annotated = ("own:odd", "own:even")
    both = Joined([a, compiled(other, tmp_path / "c")])
    assert both.annotated == {"made (1)": ("own:odd",), "made (2)": ("own:odd", "own:even")}


# ------------------------------------------------------------------------------------------------- kills and resuming


class Killed(BaseException):
    """What stands in for a kill inside this process: nothing catches it."""


def deadly(
    monkeypatch: pytest.MonkeyPatch, at: int, error: Callable[[], BaseException], half: bool = True
) -> list[str]:
    """Counts what changes the disk, and ends the `at`-th such step: before it, or in the middle of a write."""
    steps: list[str] = []

    def guard(owner: Any, name: str) -> None:
        plain = getattr(owner, name)

        def step(*args: Any, **kwargs: Any) -> Any:
            steps.append(name)
            if len(steps) == at:
                if half and name == "write_bytes":
                    plain(args[0], args[1][: len(args[1]) // 2])
                raise error()
            return plain(*args, **kwargs)

        monkeypatch.setattr(owner, name, step)

    guard(os, "replace")
    guard(pd.DataFrame, "to_parquet")
    for name in ("write_bytes", "unlink", "rmdir", "mkdir"):
        guard(Path, name)
    return steps


@pytest.mark.usefixtures("small_chunks")
def test_a_kill_anywhere_and_another_run_give_the_unbroken_store(tmp_path: Path) -> None:
    whole = bytes_of(compiled(many(), tmp_path / "whole").folder)
    shards = {f"0000{i}.{kind}" for i in range(3) for kind in ("i16", "i8")}
    assert shards | {"records.parquet", "store.json", "skipped.csv"} == set(whole)
    kills = finished = 0
    for at in range(1, 200):
        folder = tmp_path / f"killed{at}"
        with pytest.MonkeyPatch.context() as patch:
            deadly(patch, at, Killed)
            try:
                compiled(many(), folder)
                finished = at
                break
            except Killed:
                kills += 1
        if folder.exists():
            assert bytes_of(folder) == whole, "a folder that has its name is whole"
        compiled(many(), folder)
        assert bytes_of(folder) == whole, f"killed at step {at}"
        assert not folder.with_name(folder.name + ".partial").exists()
    assert kills > 20 and finished


@pytest.mark.usefixtures("small_chunks")
def test_what_was_finished_is_not_done_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = many()
    with pytest.MonkeyPatch.context() as patch:
        compile_chunk = _compile._compile_chunk

        def second_fails(job: Any) -> Any:
            if job.shard.name == "00001.i16":
                raise Killed
            return compile_chunk(job)

        patch.setattr(_compile, "_compile_chunk", second_fails)
        with pytest.raises(Killed):
            compiled(source, tmp_path / "s")
    assert source.reads == [f"made:{i}" for i in range(4)]
    with pytest.raises(StoreError, match=r"holds no finished store; make one with `einthoven compile`"):
        Store(tmp_path / "s")
    source.reads.clear()
    store = compiled(source, tmp_path / "s")
    assert source.reads == [f"made:{i}" for i in range(4, 10)] and len(store) == 10
    source.reads.clear()
    compiled(source, tmp_path / "s")
    assert source.reads == []


@pytest.mark.usefixtures("small_chunks")
def test_of_two_that_compile_the_same_one_waits_and_reads_nothing(tmp_path: Path) -> None:
    source, other = many(), many()
    arrived = threading.Event()
    read, table = source.read, other.table

    def read_once_the_other_is_here(record_id: str) -> ECG:
        assert arrived.wait(60)
        return read(record_id)

    def arrive() -> pd.DataFrame:  # before it could know that anybody is at work
        assert not (tmp_path / "s" / "store.json").exists()
        arrived.set()
        return table()

    source.read, other.table = read_once_the_other_is_here, arrive  # type: ignore[method-assign]
    with concurrent.futures.ThreadPoolExecutor(2) as executor:
        first = executor.submit(compiled, source, tmp_path / "s")
        while not (tmp_path / ".s.lock").exists() and not first.done():
            time.sleep(0.01)
        second = executor.submit(compiled, other, tmp_path / "s")
        assert first.result().facts == second.result().facts
    assert len(source.reads) == 10 and other.reads == []
    assert [path.name for path in tmp_path.iterdir()] == ["s"]


@pytest.mark.usefixtures("small_chunks")
def test_half_a_store_of_another_plan_is_thrown_away(tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        deadly(patch, 16, Killed)
        with pytest.raises(Killed):
            compiled(many(), tmp_path / "s")
    assert (tmp_path / "s.partial" / "00000.json").exists()
    store = compiled(many(), tmp_path / "s", Preparation(50.0))
    assert bytes_of(store.folder) == bytes_of(compiled(many(), tmp_path / "t", Preparation(50.0)).folder)


@pytest.mark.usefixtures("small_chunks")
def test_a_spoilt_finished_shard_is_done_again(tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        deadly(patch, 16, Killed)
        with pytest.raises(Killed):
            compiled(many(), tmp_path / "s")
    shard = tmp_path / "s.partial" / "00000.i16"
    shard.write_bytes(b"x" * shard.stat().st_size)
    assert bytes_of(compiled(many(), tmp_path / "s").folder) == bytes_of(compiled(many(), tmp_path / "t").folder)


SCRIPT = """
import os, signal, sys
from pathlib import Path
from einthoven.datasets.arrays import Arrays
from einthoven.records.preparation import Preparation
from einthoven.store import _compile
_compile._CHUNK = 4
replace, count = os.replace, [0]
def deadly(*args):
    count[0] += 1
    if count[0] == int(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)
    return replace(*args)
os.replace = deadly
_compile.compile_store(Arrays(sys.argv[1]), sys.argv[2], Preparation(100.0), workers=1, progress=False)
"""


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("at", [5, 10])
def test_a_real_kill(at: int, tmp_path: Path) -> None:
    source = Arrays.miniature(tmp_path / "data")
    whole = bytes_of(compiled(source, tmp_path / "whole").folder)
    command = [sys.executable, "-c", SCRIPT, str(tmp_path / "data"), str(tmp_path / "s"), str(at)]
    environment = {**os.environ, "PYTHONPATH": str(Path(einthoven.__file__).parents[1])}
    done = subprocess.run(command, env=environment, capture_output=True)
    assert done.returncode == -signals.SIGKILL and not (tmp_path / "s").exists(), done.stderr
    assert bytes_of(compiled(source, tmp_path / "s").folder) == whole


@pytest.mark.usefixtures("small_chunks")
def test_many_workers_give_the_store_of_one(tmp_path: Path) -> None:
    source = Arrays.miniature(tmp_path / "data")
    one, two = (compiled(source, tmp_path / f"by{n}", workers=n) for n in (1, 2))
    assert len(one.facts["shards"]) >= 3, "enough for a pool"
    assert bytes_of(one.folder) == bytes_of(two.folder)


# ------------------------------------------------------------------------------------------------- damage and refusals


def test_a_changed_shard_is_noticed(tmp_path: Path) -> None:
    folder = compiled(many(), tmp_path / "s").folder
    shard = folder / "00000.i16"
    raw = bytearray(shard.read_bytes())
    raw[1000] ^= 1
    shard.write_bytes(raw)
    with pytest.raises(StoreError, match=r"00000\.i16 has changed since it was made; delete the store"):
        Store(folder).verify()
    shard.write_bytes(raw[:-2])
    with pytest.raises(StoreError, match=r"00000\.i16 is missing or has changed in size"):
        Store(folder)
    shard.unlink()
    with pytest.raises(StoreError, match=r"00000\.i16 is missing or has changed in size"):
        Store(folder)


@pytest.mark.parametrize(
    ("name", "content", "match"),
    [
        (
            "store.json",
            '{"version": 0}',
            "is a store of version 0, this program reads 2; delete it and compile it again",
        ),
        ("store.json", '{"version": 3}', "is a store of version 3"),
        ("store.json", '{"version": 2}', r"store\.json is damaged \(KeyError"),
        ("store.json", "[]", "is a store of version None"),
        ("store.json", "{", r"store\.json is damaged .*; delete it and compile it again"),
        ("records.parquet", "no parquet", r"records\.parquet cannot be read"),
        ("records.parquet", None, r"records\.parquet cannot be read"),
    ],
)
def test_what_is_no_whole_store_of_this_version_is_refused(
    name: str, content: str | None, match: str, tmp_path: Path
) -> None:
    folder = compiled(many(3), tmp_path / "s").folder
    (folder / name).unlink()
    if content is not None:
        (folder / name).write_text(content, encoding="utf-8")
    with pytest.raises(StoreError, match=match):
        Store(folder)


@pytest.mark.parametrize("name", ["nowhere", "file"])
def test_no_store_there(name: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("a file", encoding="utf-8")
    with pytest.raises(StoreError, match=f"{name} holds no finished store"):
        Store(tmp_path / name)


def changed(**facts: Any) -> Made:
    source = many(3)
    for key, value in facts.items():
        setattr(source, key, value)
    return source


@pytest.mark.parametrize(
    ("source", "preparation"),
    [
        (many(4), PLAIN),
        (many(3), Preparation(50.0)),
        (many(3), Preparation(100.0, bandpass_hz=(0.5, 40.0))),
        (changed(annotated=("own:odd", "own:even")), PLAIN),
        (changed(settings={"difficulty": 1}), PLAIN),
        (Made(many(3).content, name="other"), PLAIN),
    ],
    ids=["records", "rate", "band", "codes", "settings", "corpus"],
)
def test_another_plan_is_refused(source: Made, preparation: Preparation, tmp_path: Path) -> None:
    before = bytes_of(compiled(many(3), tmp_path / "s").folder)
    with pytest.raises(StoreError, match=r"/s holds a store of other records or another preparation; choose another"):
        compiled(source, tmp_path / "s", preparation)
    assert bytes_of(tmp_path / "s") == before


def test_a_folder_of_other_things_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work", encoding="utf-8")
    with pytest.raises(StoreError, match="is not empty and not a store"):
        compiled(many(3), tmp_path)
    with pytest.raises(StoreError, match="is not empty and not a store"):
        compiled(many(3), tmp_path / "thesis.txt")
    with pytest.raises(StoreError, match="cannot be written"):
        compiled(many(3), tmp_path / "thesis.txt" / "s")
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_bad_record_is_skipped_counted_and_listed(tmp_path: Path) -> None:
    flat, gone = np.zeros((12, 200), np.float32), OSError(5, "Input/output error")
    content = {
        "made:0": twelve(0),
        "made:1": RecordError("x.dat is truncated"),
        "made:2": flat,
        "made:3": gone,
        "made:4": twelve(4),
    }
    store = compiled(Made(content), tmp_path / "s")
    assert store.table["record_id"].tolist() == ["made:0", "made:4"] and store.facts["skipped"] == 3
    listed = pd.read_csv(store.folder / "skipped.csv").set_index("record_id")["skipped"]
    assert listed.index.tolist() == ["made:1", "made:2", "made:3"]
    assert (
        listed["made:1"] == "x.dat is truncated" and "flat" in listed["made:2"] and "Input/output" in listed["made:3"]
    )
    np.testing.assert_allclose(store.batch(np.array([1]), 200)[0], twelve(4), atol=0.0016)


@pytest.mark.usefixtures("small_chunks")
def test_a_shard_of_bad_records_only(tmp_path: Path) -> None:
    content: dict[str, Any] = {f"made:{i}": RecordError("bad") if i < 4 else twelve(i) for i in range(8)}
    store = compiled(Made(content), tmp_path / "s")
    assert len(store) == 4 and store.facts["skipped"] == 4
    np.testing.assert_allclose(store.batch(np.arange(4), 200)[3], twelve(7), atol=0.0016)


def test_if_no_record_can_be_read_that_is_an_error(tmp_path: Path) -> None:
    content: dict[str, Any] = {f"made:{i}": RecordError(f"{i}.dat is missing") for i in range(3)}
    with pytest.raises(StoreError, match=r"no record of made could be read; the first: 0\.dat is missing"):
        compiled(Made(content), tmp_path / "s")
    assert not (tmp_path / "s").exists()


@pytest.mark.usefixtures("small_chunks")
def test_a_full_disk_is_one_sentence_and_costs_nothing(tmp_path: Path) -> None:
    whole = bytes_of(compiled(many(), tmp_path / "whole").folder)
    for at in (2, 4, 7, 9, 17):
        folder = tmp_path / f"full{at}"
        with pytest.MonkeyPatch.context() as patch:
            deadly(patch, at, lambda: OSError(errno.ENOSPC, "No space left on device"))
            with pytest.raises(StoreError, match="the disk is full; free some space and run again, nothing is lost"):
                compiled(many(), folder)
        assert not folder.exists()
        assert bytes_of(compiled(many(), folder).folder) == whole


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        deadly(patch, 1, lambda: OSError(errno.EACCES, "Permission denied"))
        with pytest.raises(StoreError, match=r"cannot be written \(Permission denied\); choose another folder"):
            compiled(many(), tmp_path / "s")
    assert not list(tmp_path.iterdir())


def test_store_json_is_plain(tmp_path: Path) -> None:
    facts = json.loads((compiled(many(3), tmp_path / "s").folder / "store.json").read_text(encoding="utf-8"))
    assert facts["records"] == 3 and facts["version"] == 2 and facts["independent"] == list(EIGHT)
    assert facts["preparation"]["rate_hz"] == 100 and list(facts["shards"]) == ["00000.i16", "00000.i8"]


# ---------------------------------------------------------------------------------------- what others' files suffer


def test_a_folder_that_is_not_ours_is_not_emptied(tmp_path: Path) -> None:
    (tmp_path / "s.partial").mkdir()
    (tmp_path / "s.partial" / "thesis.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(StoreError, match=r"s\.partial is in the way and not an unfinished store"):
        compiled(many(3), tmp_path / "s")
    assert (tmp_path / "s.partial" / "thesis.txt").read_text(encoding="utf-8") == "mine"


def test_a_record_that_was_mended_is_not_forgotten(tmp_path: Path) -> None:
    content: dict[str, Any] = {f"made:{i}": twelve(i) for i in range(4)}
    first = compiled(Made({**content, "made:2": RecordError("2.dat is truncated")}), tmp_path / "s")
    assert first.facts["skipped"] == 1
    compiled(Made({**content, "made:2": RecordError("2.dat is truncated")}), tmp_path / "s")
    with pytest.raises(StoreError, match="left out made:2, which can be read by now; delete that folder"):
        compiled(Made(content), tmp_path / "s")


def test_whatever_is_wrong_with_one_record_the_others_are_kept(tmp_path: Path) -> None:
    bad: dict[str, Any] = {"made:0": OverflowError("baseline"), "made:1": AttributeError("lead")}
    store = compiled(Made({**bad, "made:2": twelve(2)}), tmp_path / "s")
    reasons = pd.read_csv(tmp_path / "s" / "skipped.csv")["skipped"].tolist()
    assert len(store) == 1 and reasons == ["OverflowError: baseline", "AttributeError: lead"]
