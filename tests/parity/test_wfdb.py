"""Our reader and writer of WFDB files against the wfdb library, on files of every coding that is read here."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.io import savemat

from einthoven.records import ECG, RecordError, read, write

with warnings.catch_warnings():  # it uses what pandas deprecates
    warnings.simplefilter("ignore", DeprecationWarning)
    import wfdb

BITS = {"16": 16, "24": 24, "32": 32, "80": 8, "212": 12}


def library(path: Path, **how: Any) -> Any:
    """The record as the wfdb library reads it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return wfdb.rdrecord(str(path), **how)


def expected(path: Path, millivolt: float = 1.0) -> np.ndarray:
    """What the library says, as float32 with the axes lead and time."""
    return (library(path).p_signal.T * millivolt).astype(np.float32)


def by_library(folder: Path, counts: np.ndarray, coding: str, **how: Any) -> Path:
    """A record that the library writes."""
    signals = counts.shape[1]
    facts = {"units": ["mV"] * signals, "adc_gain": [200.0] * signals, "baseline": [0] * signals, **how}
    names = [f"V{i + 1}" if i < 6 else f"lead {i}" for i in range(signals)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        wfdb.wrsamp(
            "r",
            fs=250,
            sig_name=names,
            d_signal=counts.astype(np.int64),
            fmt=[coding] * signals,
            write_dir=str(folder),
            **facts,
        )
    return folder / "r"


def by_hand(folder: Path, header: str, **files: bytes) -> Path:
    """A record of the given header and files."""
    (folder / "r.hea").write_text(header, encoding="utf-8")
    for name, content in files.items():
        (folder / name.replace("_", ".")).write_bytes(content)
    return folder / "r"


def full_scale(coding: str, samples: int, signals: int, seed: int = 0) -> np.ndarray:
    """Counts over the whole range of a coding, both ends included, and its sign for no sample."""
    top = 2 ** (BITS[coding] - 1)
    counts = np.random.default_rng(seed).integers(-top + 1, top, size=(samples, signals))
    ends = [-top, top - 1, -top + 1, 0, -1, 1]
    counts.ravel()[: len(ends)] = ends[: counts.size]
    return counts


@pytest.mark.parametrize("coding", BITS)
@pytest.mark.parametrize(("signals", "samples"), [(1, 7), (1, 8), (2, 9), (3, 5), (12, 51)])
def test_reads_what_the_library_wrote_as_the_library_does(
    coding: str, signals: int, samples: int, tmp_path: Path
) -> None:
    counts = full_scale(coding, samples, signals)
    path = by_library(tmp_path, counts, coding)
    digital = library(path, physical=False).d_signal
    np.testing.assert_array_equal(digital, counts)
    ecg = read(path)
    assert ecg.unit == "mV" and ecg.rate_hz == 250 and ecg.signal.shape == (signals, samples)
    np.testing.assert_array_equal(ecg.signal, expected(path))
    invalid = counts.T == -(2 ** (BITS[coding] - 1))
    assert invalid.any()
    np.testing.assert_array_equal(np.isnan(ecg.signal), invalid)


@given(
    coding=st.sampled_from(list(BITS)),
    shape=st.tuples(st.integers(1, 4), st.integers(1, 21)),
    gains=st.lists(st.sampled_from([200.0, 1000.0, 0.5, 333.0, 203.7, 1 / 3, 4.88e3]), min_size=4, max_size=4),
    baselines=st.lists(st.sampled_from([0, 1, -3, 1024, -32768, 2**23 + 1, 2**27 + 3]), min_size=4, max_size=4),
    seed=st.integers(0, 9),
)
def test_gains_and_baselines(
    coding: str,
    shape: tuple[int, int],
    gains: list[float],
    baselines: list[int],
    seed: int,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    signals, samples = shape
    counts = full_scale(coding, samples, signals, seed)
    folder = tmp_path_factory.mktemp("record")
    path = by_library(folder, counts, coding, adc_gain=gains[:signals], baseline=baselines[:signals])
    np.testing.assert_array_equal(read(path).signal, expected(path))


@pytest.mark.parametrize(("unit", "millivolt"), [("uV", 1e-3), ("V", 1e3), ("mV", 1.0)])
def test_other_units_of_voltage(unit: str, millivolt: float, tmp_path: Path) -> None:
    path = by_library(tmp_path, full_scale("16", 40, 2), "16", units=[unit, "mV"])
    want = np.stack([expected(path, millivolt)[0], expected(path)[1]])
    np.testing.assert_allclose(read(path).signal, want, rtol=1.2e-7)


def test_other_units_are_refused(tmp_path: Path) -> None:
    path = by_library(tmp_path, full_scale("16", 40, 2), "16", units=["mmHg", "mV"])
    names = ("V1", "V2")
    for leads in (None, names, names[:1]):
        with pytest.raises(RecordError, match=r"r\.dat: unit 'mmHg' is not a voltage"):
            read(path, leads=leads)
    np.testing.assert_array_equal(read(path, leads=names[1:]).signal, expected(path)[1:])


def test_no_gain_means_200_per_millivolt_and_that_is_said(tmp_path: Path) -> None:
    counts = full_scale("16", 9, 3)
    lines = ["r 3 250 9", "r.dat 16 0 12 0 0 0 0 I", "r.dat 16 0(7)/uV 12 0 0 0 0 II", "r.dat 16"]
    path = by_hand(tmp_path, "\n".join(lines), r_dat=counts.astype("<i2").tobytes())
    ecg = read(path)
    np.testing.assert_array_equal(ecg.signal[[0, 2]], expected(path)[[0, 2]])
    np.testing.assert_allclose(ecg.signal[1], expected(path, 1e-3)[1], rtol=1.2e-7)
    assert len(ecg.notes) == 3 and all("200 counts per mV" in note for note in ecg.notes)
    assert "I states no gain" in ecg.notes[0] and ecg.leads[2] == "signal3"


def test_the_adcs_zero_stands_in_for_a_baseline(tmp_path: Path) -> None:
    lines = ["r 2 250 9", "r.dat 16 200 12 1024 0 0 0 I", "r.dat 16 200(5)/mV 12 1024 0 0 0 II"]
    path = by_hand(tmp_path, "\n".join(lines), r_dat=full_scale("16", 9, 2).astype("<i2").tobytes())
    np.testing.assert_array_equal(read(path).signal, expected(path))


@pytest.mark.parametrize("first", ["r 12 500 31", "r.mat 12 500 31 12:00:00"])
def test_a_matlab_file_is_counts_behind_24_bytes(first: str, tmp_path: Path) -> None:
    counts = full_scale("16", 31, 12)
    savemat(tmp_path / "r.mat", {"val": counts.T.astype(np.int16)}, format="4")
    lines = [first] + [f"r.mat 16+24 1000/mV 16 0 0 0 0 {i}" for i in range(12)]
    path = by_hand(tmp_path, "\n".join(lines) + "\n# Age: 63\n# Sex: Female\n")
    ecg = read(path)
    want = np.where(counts.T == -(2**15), np.nan, counts.T / 1000).astype(np.float32)
    np.testing.assert_array_equal(ecg.signal, want)
    assert (ecg.age, ecg.sex, ecg.rate_hz) == (63.0, "female", 500.0)
    if first.startswith("r "):
        np.testing.assert_array_equal(ecg.signal, expected(path))
    np.testing.assert_array_equal(read(tmp_path / "r.mat").signal, ecg.signal)


@pytest.mark.parametrize("coding", BITS)
def test_a_byte_offset(coding: str, tmp_path: Path) -> None:
    path = by_library(tmp_path, full_scale(coding, 11, 3), coding)
    plain = read(path).signal
    dat, hea = tmp_path / "r.dat", tmp_path / "r.hea"
    dat.write_bytes(bytes(range(37)) + dat.read_bytes())
    hea.write_text(hea.read_text().replace(f"r.dat {coding} ", f"r.dat {coding}+37 "))
    np.testing.assert_array_equal(read(path).signal, plain)
    np.testing.assert_array_equal(plain, expected(path))


def test_signals_in_several_files(tmp_path: Path) -> None:
    a, b = full_scale("16", 10, 2), full_scale("80", 10, 1)
    lines = ["r 3 250 10"] + [f"a.dat 16 200/mV 16 0 0 0 0 {n}" for n in ("I", "II")] + ["b.dat 80 100/mV 8 0 0 0 0 V1"]
    raw = {"a_dat": a.astype("<i2").tobytes(), "b_dat": (b + 128).astype(np.uint8).tobytes()}
    path = by_hand(tmp_path, "\n".join(lines), **raw)
    np.testing.assert_array_equal(read(path).signal, expected(path))
    (tmp_path / "b.dat").write_bytes(raw["b_dat"][:-1])
    with pytest.raises(
        RecordError, match=r"b\.dat is truncated: its header promises 10 samples a lead, the file holds 9"
    ):
        read(path)


def test_a_header_without_length_means_the_whole_file(tmp_path: Path) -> None:
    raw = full_scale("16", 10, 2).astype("<i2").tobytes()
    lines = ["r 2 250"] + [f"r.dat 16 200/mV 16 0 0 0 0 {n}" for n in ("I", "II")]
    path = by_hand(tmp_path, "\n".join(lines), r_dat=raw)
    np.testing.assert_array_equal(read(path).signal, expected(path))
    lines[0] = "r 2"
    by_hand(tmp_path, "\n".join(lines))
    ecg = read(path)
    assert ecg.rate_hz == 250 and "250 Hz is assumed" in ecg.notes[0]


def test_what_is_not_read_here_goes_through_the_library(tmp_path: Path) -> None:
    counts = full_scale("16", 12, 2)
    head = ["r 2 250 12"]
    big = by_hand(
        tmp_path,
        "\n".join(head + [f"r.dat 61 200/mV 16 0 0 0 0 {n}" for n in ("I", "II")]),
        r_dat=counts.astype(">i2").tobytes(),
    )
    np.testing.assert_array_equal(read(big).signal, expected(big))
    frames = ["r 1 250 12", "r.dat 16x2 200/uV 16 0 0 0 0 V1"]
    twice = by_hand(tmp_path, "\n".join(frames), r_dat=np.clip(counts, -99, 99).astype("<i2").tobytes())
    np.testing.assert_allclose(read(twice).signal, expected(twice, 1e-3), rtol=1.2e-7)
    assert read(twice).signal.shape == (1, 12) and read(twice).leads == ("V1",)


def test_several_segments_go_through_the_library(tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 2)):
        folder = tmp_path / name
        folder.mkdir()
        by_library(folder, full_scale("16", 10, 2, seed), "16")
        for suffix in ("hea", "dat"):
            content = (folder / f"r.{suffix}").read_bytes().replace(b"r 2 ", f"{name} 2 ".encode())
            (tmp_path / f"{name}.{suffix}").write_bytes(content.replace(b"r.dat", f"{name}.dat".encode()))
    path = by_hand(tmp_path, "r/2 2 250 20\na 10\nb 10\n")
    ecg = read(path)
    assert ecg.signal.shape == (2, 20)
    np.testing.assert_array_equal(ecg.signal, expected(path))
    np.testing.assert_array_equal(ecg.signal[:, 10:], read(tmp_path / "b").signal)


def test_what_the_library_cannot_read_is_one_sentence(tmp_path: Path) -> None:
    path = by_hand(tmp_path, "r 1 250 4\nr.dat 999 200/mV 16 0 0 0 0 V1\n", r_dat=b"12345678")
    with pytest.raises(RecordError, match=r"r\.hea could not be read: ") as caught:
        read(path)
    assert "\n" not in str(caught.value)


@given(
    peak=st.sampled_from([0.001, 1.0, 5.0, 32.767, 33.0, 400.0, 5e4]),
    rate=st.sampled_from([100.0, 500.0, 360.5, 1000 / 3]),
    seed=st.integers(0, 99),
)
def test_what_we_write_the_library_reads(
    peak: float, rate: float, seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    rng = np.random.default_rng(seed)
    signal = rng.uniform(-peak, peak, size=(3, 40)).astype(np.float32)
    signal[0, 0], signal[1, 3], signal[2, 5] = -peak, np.nan, peak
    path = tmp_path_factory.mktemp("record") / "x.hea"
    write(ECG(signal, "mV", rate, ("I", "V1", "other lead"), age=70.0, sex="male"), path)
    record = library(path.with_suffix(""))
    assert record.sig_name == ["I", "V1", "other lead"] and record.units == ["mV"] * 3
    assert record.fs == pytest.approx(rate, rel=1e-11)
    count = 1 / record.adc_gain[0]
    np.testing.assert_array_equal(np.isnan(record.p_signal.T), np.isnan(signal))
    np.testing.assert_allclose(record.p_signal.T, signal, atol=0.5001 * count)
    assert count == 0.001 if peak < 32.768 else count < 1.01 * peak / 32767
    digital = library(path.with_suffix(""), physical=False)
    assert digital.checksum == [int(c) & 0xFFFF for c in digital.d_signal.sum(axis=0)]
    assert digital.init_value == digital.d_signal[0].tolist()
    ours = read(path)
    np.testing.assert_array_equal(ours.signal, record.p_signal.T.astype(np.float32))
    assert (ours.age, ours.sex, ours.leads) == (70.0, "male", ("I", "V1", "other lead"))


@pytest.mark.parametrize(
    ("header", "match"),
    [
        ("r 13 500 9\nr.dat 16 200 16 0 0 0 0 I\n", "promises 13 signals and describes 1"),
        ("r 1 500 -9\nr.dat 16 200 16 0 0 0 0 I\n", "promises -9 samples"),
        ("r 1 inf 9\nr.dat 16 200 16 0 0 0 0 I\n", "at inf Hz"),
        ("r 1 500 9\n/etc/hostname 16 200 16 0 0 0 0 I\n", "does not lie beside it"),
        ("r 1 500 9\n../r.dat 16 200 16 0 0 0 0 I\n", "does not lie beside it"),
        ("r 2 500 9\nr.dat 16 200 16 0 0 0 0 I\nr.dat 80 200 16 0 0 0 0 II\n", "different codings"),
    ],
)
def test_headers_that_cannot_be_true_are_refused(header: str, match: str, tmp_path: Path) -> None:
    path = by_hand(tmp_path, header, r_dat=bytes(400))
    with pytest.raises(RecordError, match=match):
        read(path)
