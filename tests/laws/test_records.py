"""The algebra of the leads, what an ECG guards, and what readers and writers say of bad files."""

import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from einthoven.records import ECG, RecordError, WriteError, read, write
from einthoven.records.leads import EIGHT, LIMB, TWELVE, canonical, derive, identity_error, limb_factors, mixing
from einthoven.signals.standardise import standardise

millivolts = st.floats(-20, 20, width=32)


def signals(leads: int, samples: int = 6) -> st.SearchStrategy[np.ndarray]:
    return hnp.arrays(np.float32, (leads, samples), elements=millivolts)


def wave(leads: tuple[str, ...] = TWELVE, rate_hz: float = 500.0, seconds: float = 2.0) -> ECG:
    """Sines of different frequency and offset, the dependent leads derived."""
    time = np.arange(round(rate_hz * seconds)) / rate_hz
    eight = np.stack([np.sin(2 * np.pi * (i + 1) * time) + 0.1 * i for i in range(8)]).astype(np.float32)
    return ECG(derive(eight, EIGHT, leads), "mV", rate_hz, leads, record_id="wave")


# ------------------------------------------------------------------------------------------------------- lead algebra


@given(signals(8))
def test_twelve_obey_einthoven_and_goldberger(eight: np.ndarray) -> None:
    i, ii, iii, avr, avl, avf = derive(eight, EIGHT, LIMB).astype(np.float64)
    close = {"rtol": 0, "atol": 1e-5}
    np.testing.assert_allclose(i + iii, ii, **close)
    np.testing.assert_allclose(avr + avl + avf, 0 * i, **close)
    np.testing.assert_allclose(iii, ii - i, **close)
    np.testing.assert_allclose(avr, -(i + ii) / 2, **close)
    np.testing.assert_allclose(avl, i - ii / 2, **close)
    np.testing.assert_allclose(avf, ii - i / 2, **close)


@given(signals(8))
def test_twelve_to_eight_to_twelve(eight: np.ndarray) -> None:
    twelve = ECG(derive(eight, EIGHT, TWELVE), "mV", 100.0, TWELVE)
    np.testing.assert_array_equal(twelve.select(EIGHT).signal, eight)
    np.testing.assert_array_equal(twelve.select(EIGHT).twelve().signal, twelve.signal)


@given(signals(8), st.permutations(LIMB))
def test_any_two_limb_leads_give_the_other_four(eight: np.ndarray, order: list[str]) -> None:
    six = derive(eight, EIGHT, LIMB)
    pair = tuple(order[:2])
    back = derive(derive(six, LIMB, pair), pair, LIMB)
    np.testing.assert_allclose(back, six, rtol=0, atol=2e-4)


@given(st.permutations(TWELVE), st.integers(1, 12), signals(12))
def test_what_is_present_is_copied_bit_for_bit(order: list[str], count: int, signal: np.ndarray) -> None:
    got = derive(signal, TWELVE, order[:count])
    for row, name in zip(got, order, strict=False):
        np.testing.assert_array_equal(row, signal[TWELVE.index(name)])


@given(signals(3))
def test_the_matrix_is_the_derivation(signal: np.ndarray) -> None:
    have, want = ("aVF", "V2", "III"), ("I", "V2", "aVR", "III")
    np.testing.assert_allclose(mixing(have, want) @ signal, derive(signal, have, want), atol=1e-4)


def test_missing_samples_spread_to_what_is_made_of_them_and_no_further() -> None:
    twelve = wave()
    signal = twelve.select(EIGHT).signal.copy()
    signal[0, 5] = np.nan
    got = derive(signal, EIGHT, TWELVE)
    missing = {name for name, row in zip(TWELVE, got, strict=True) if np.isnan(row).any()}
    assert missing == {"I", "III", "aVR", "aVL", "aVF"}
    assert np.isnan(got).sum() == 5
    batch = derive(np.stack([signal, signal]), EIGHT, TWELVE)
    np.testing.assert_array_equal(batch[1], got)


def test_precordial_leads_cannot_be_derived() -> None:
    with pytest.raises(ValueError, match="V6 is neither in the record nor derivable from it: it has I, II"):
        wave(("I", "II")).select(["V6"])
    with pytest.raises(ValueError, match="III is neither"):
        wave(("I", "V1")).select(["III"])


def test_standardised_leads_are_chosen_but_never_derived() -> None:
    ecg = wave(EIGHT).replace(unit="z")
    assert ecg.select(["V2", "I"]).leads == ("V2", "I")
    with pytest.raises(ValueError, match=r"lead III, aVR, aVL, aVF cannot be derived .*unit 'z'"):
        ecg.twelve()


def test_identity_error_is_the_largest_departure() -> None:
    ecg = wave()
    assert identity_error(ecg.signal, ecg.leads) < 1e-6
    for name in ("III", "aVR", "aVL", "aVF"):
        bent = ecg.signal.copy()
        bent[TWELVE.index(name), 7] -= 0.25
        assert identity_error(bent, TWELVE) == pytest.approx(0.25, abs=1e-5)
    assert identity_error(ecg.select(EIGHT).signal, EIGHT) == 0
    assert np.isnan(identity_error(ecg.select(["I", "V1"]).signal, ("I", "V1")))
    bent[TWELVE.index("aVR"), 3] = np.nan
    assert np.isnan(identity_error(bent, TWELVE))


@given(st.sampled_from(TWELVE), st.sampled_from([str.upper, str.lower, str.title]), st.sampled_from(["", " "]))
def test_spellings(name: str, change: object, space: str) -> None:
    assert canonical(space + change(name) + space) == name  # type: ignore[operator]
    assert canonical(" MLII ") == "MLII"


# -------------------------------------------------------------------------------------------------------- the ECG


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"leads": ("I", "i", "V1")}, "lead I appears more than once"),
        ({"leads": ("I", "II")}, "3 rows of samples but 2 lead names: I, II"),
        ({"unit": "uV"}, "is 'mV' or 'z', not 'uV'"),
        ({"rate_hz": 0.0}, "positive number of samples per second, not 0"),
        ({"rate_hz": float("nan")}, "positive number"),
        ({"signal": np.zeros(3, np.float32)}, r"axes lead and time, this one has shape \(3,\)"),
        ({"sex": "M"}, "'female', 'male' or None, not 'M'"),
    ],
)
def test_parts_that_do_not_fit_are_refused(changes: dict, match: str) -> None:
    facts = {
        "signal": np.zeros((3, 4), np.float32),
        "unit": "mV",
        "rate_hz": 500.0,
        "leads": ("I", "II", "V1"),
        **changes,
    }
    plain = getattr(ECG.__init__, "__wrapped__", ECG.__init__)  # without the annotations that tests check
    with pytest.raises(ValueError, match=match):
        plain(object.__new__(ECG), **facts)


def test_an_ecg_is_a_value() -> None:
    ecg = wave().replace(parents=("ptbxl:1",), age=50.0)
    assert (
        ecg.signal.dtype == np.float32
        and ECG(ecg.signal.astype(np.float64), "mV", 500.0, TWELVE).signal.dtype == np.float32
    )
    with pytest.raises(AttributeError):
        ecg.rate_hz = 100.0  # type: ignore[misc]
    moved = ecg.select(["aVR", "V1"])
    assert (moved.parents, moved.age, moved.record_id) == (("ptbxl:1",), 50.0, "wave") and ecg.leads == TWELVE
    twin = pickle.loads(pickle.dumps(ecg))
    np.testing.assert_array_equal(twin.signal, ecg.signal)
    assert "12 leads × 1000 samples at 500 Hz, 2 s, mV" in repr(ecg)


def test_crop_is_exact_and_stays_inside() -> None:
    ecg = wave()
    np.testing.assert_array_equal(ecg.crop(0.5, 1.5).signal, ecg.signal[:, 250:750])
    assert ecg.crop(0, 2).duration_s == 2
    for start, stop in ((-0.1, 1), (0, 2.01), (1, 1), (1.5, 1)):
        with pytest.raises(ValueError, match="is not inside a recording of 2 s"):
            ecg.crop(start, stop)


def test_flat_leads() -> None:
    signal = wave().signal.copy()
    signal[0], signal[3], signal[6, ::2], signal[6, 1::2] = 0.7, np.nan, np.nan, -1.0
    assert list(ECG(signal, "mV", 500.0, TWELVE).flat_leads()) == ["I", "aVR", "V1"]


def test_resampling_needs_every_sample_unless_nothing_is_to_do() -> None:
    ecg = wave()
    signal = ecg.signal.copy()
    signal[4, 4] = np.nan
    gappy = ecg.replace(signal=signal)
    assert gappy.resample(500) is gappy
    with pytest.raises(ValueError, match="missing samples; fill or crop them"):
        gappy.resample(100)
    slow = ecg.resample(100)
    assert slow.rate_hz == 100 and slow.signal.shape == (12, 200) and slow.signal.dtype == np.float32
    assert identity_error(slow.signal, TWELVE) < 1e-5


# ------------------------------------------------------------------------------------------------------ round trips


@given(
    signal=hnp.arrays(np.float32, (3, 5), elements=st.floats(width=32, allow_infinity=False)),
    unit=st.sampled_from(["mV", "z"]),
)
@pytest.mark.parametrize("suffix", [".csv", ".npy"])
def test_text_and_arrays_come_back_bit_for_bit(
    suffix: str, signal: np.ndarray, unit: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("record") / f"x{suffix}"
    ecg = ECG(signal, unit, 1000 / 3, ("aVR", "V1", "my lead"), age=61.5, sex="female")  # type: ignore[arg-type]
    assert write(ecg, path) == path
    back = read(path)
    np.testing.assert_array_equal(back.signal, signal)
    assert (back.unit, back.rate_hz, back.leads, back.record_id) == (unit, 1000 / 3, ecg.leads, "x")
    if suffix == ".npy":
        assert (back.age, back.sex) == (61.5, "female")


@pytest.mark.parametrize("suffix", [".csv", ".npy", ".hea"])
def test_one_lead_with_gaps_and_no_sample_at_all(suffix: str, tmp_path: Path) -> None:
    gaps = np.array([[np.nan, 1.0, np.nan, np.nan]], np.float32)
    write(ECG(gaps, "mV", 100.0, ("II",)), tmp_path / f"a{suffix}")
    np.testing.assert_array_equal(read(tmp_path / f"a{suffix}").signal, gaps)
    write(ECG(np.zeros((2, 0), np.float32), "mV", 100.0, ("I", "II")), tmp_path / f"b{suffix}")
    assert read(tmp_path / f"b{suffix}").signal.shape == (2, 0)


def test_wfdb_rounds_to_half_a_microvolt_and_is_found_by_any_name(tmp_path: Path) -> None:
    ecg = wave()
    write(ecg, tmp_path / "a.b.hea")
    for name in ("a.b", "a.b.hea", "a.b.dat"):
        back = read(tmp_path / name)
        np.testing.assert_allclose(back.signal, ecg.signal, atol=0.00050001)
        assert (back.leads, back.rate_hz, back.record_id) == (TWELVE, 500, "a.b")
    chosen = read(tmp_path / "a.b", leads=("V3", "aVF"))
    np.testing.assert_array_equal(chosen.signal, back.signal[[8, 5]])


@pytest.mark.parametrize(("unit", "factor"), [("uV", 1e-3), ("µV", 1e-3), ("mv", 1.0), ("V", 1e3)])
def test_stated_units_become_millivolts(unit: str, factor: float, tmp_path: Path) -> None:
    counts = np.array([[1, -250, 32767], [0, 5, 7]], np.int16)
    np.save(tmp_path / "x.npy", counts)
    (tmp_path / "x.csv").write_text("I,II\n" + "\n".join(f"{a},{b}" for a, b in counts.T), encoding="utf-8")
    for ecg in (
        read(tmp_path / "x.npy", unit=unit, rate_hz=100, leads=("I", "II")),
        read(tmp_path / "x.csv", unit=unit, rate_hz=100),
    ):
        assert ecg.unit == "mV" and ecg.leads == ("I", "II")
        np.testing.assert_allclose(ecg.signal, counts * factor, rtol=1e-6)


def test_unit_z_stays_z(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.ones((1, 3)))
    ecg = read(tmp_path / "x.npy", unit="z", rate_hz=100, leads=("I",))
    assert ecg.unit == "z" and (ecg.signal == 1).all()


def test_a_csv_without_names_gets_them_from_the_caller(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("# unit=mV rate_hz=250\n1, 2\n,4\n\n", encoding="utf-8")
    ecg = read(tmp_path / "x.csv", leads=("V1", "V2"))
    np.testing.assert_array_equal(ecg.signal, [[1, np.nan], [2, 4]])
    with pytest.raises(RecordError, match=r"x\.csv does not state its leads; pass leads="):
        read(tmp_path / "x.csv")


# ------------------------------------------------------------------------------------------------------- bad files


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("", "is empty; it has one column a lead"),
        ("# rate_hz=100\nI\n1\n", "does not state its unit; pass unit='mV'"),
        ("# unit=mV\nI\n1\n", "does not state its sampling rate; pass rate_hz="),
        ("# unit=mV rate_hz=100\n", "it is empty"),
        ("# unit=mV rate_hz=abc\nI\n1\n", "abc"),
        ("# unit=mV rate_hz=-5\nI\n1\n", "positive number"),
        ("# unit=apple rate_hz=100\nI\n1\n", "unit 'apple' is not a voltage"),
        ("# unit=mV rate_hz=100\nI,II\n1,x\n", "'x'"),
        ("# unit=mV rate_hz=100\nI,II\n1,2\n3\n", "first row has 2 columns, another has 1"),
        ("# unit=mV rate_hz=100\nI,II\n1,2,3\n4,5,6\n", "first row has 2 columns, another has 3"),
        ("# unit=mV rate_hz=100\nI,i\n1,2\n", "lead I appears more than once"),
    ],
)
def test_bad_csv(text: str, match: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(RecordError, match=match) as caught:
        read(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_bytes_are_no_csv(tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_bytes(bytes(range(128, 256)))
    with pytest.raises(RecordError, match="is not a readable text file"):
        read(tmp_path / "bad.csv")


class Bomb:
    """Something that a pickle would run."""

    def __reduce__(self) -> tuple:
        return (Path.touch, (Path(self.where),))  # type: ignore[attr-defined]


def test_no_pickle_is_ever_loaded(tmp_path: Path) -> None:
    bomb = Bomb()
    bomb.where = str(tmp_path / "exploded")  # type: ignore[attr-defined]
    facts = {"unit": "mV", "rate_hz": 100, "leads": ("I",)}
    np.save(tmp_path / "a.npy", np.array([[bomb]], dtype=object), allow_pickle=True)
    (tmp_path / "b.npy").write_bytes(pickle.dumps(bomb))
    for name in ("a.npy", "b.npy"):
        with pytest.raises(RecordError, match=f"{name} is not a readable NPY array"):
            read(tmp_path / name, **facts)
    assert not (tmp_path / "exploded").exists()


@pytest.mark.parametrize(
    "samples", [np.array([["a"]]), np.ones((1, 2), complex), np.array([[True, False]]), np.ones(3), np.ones((1, 1, 3))]
)
def test_arrays_that_are_no_recording(samples: np.ndarray, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", samples)
    with pytest.raises(RecordError, match=r"x\.npy(:| is not one array of real numbers)"):
        read(tmp_path / "x.npy", unit="mV", rate_hz=100, leads=("I",))


@pytest.mark.parametrize(
    ("facts", "match"),
    [
        ("{", r"bad\.json is not JSON"),
        ("[1]", "must hold an object with unit, rate_hz and leads"),
        ("{}", "does not state its unit"),
        ('{"unit": "mV"}', "does not state its sampling rate"),
        ('{"unit": "mV", "rate_hz": 100}', "does not state its leads"),
        ('{"unit": 5, "rate_hz": 100, "leads": ["I"]}', "unit '5' is not a voltage"),
        ('{"unit": "mV", "rate_hz": "fast", "leads": ["I"]}', "fast"),
        ('{"unit": "mV", "rate_hz": 100, "leads": ["I", "II"]}', "1 rows of samples but 2 lead names"),
        ('{"unit": "mV", "rate_hz": 100, "leads": ["I"], "sex": "M"}', "'M'"),
        ('{"unit": "mV", "rate_hz": 100, "leads": ["I"], "age": "old"}', "old"),
    ],
)
@pytest.mark.filterwarnings("error")
def test_bad_facts_beside_an_array(facts: str, match: str, tmp_path: Path) -> None:
    np.save(tmp_path / "bad.npy", np.ones((1, 3)))
    (tmp_path / "bad.json").write_text(facts, encoding="utf-8")
    with pytest.raises(RecordError, match=match) as caught:
        read(tmp_path / "bad.npy")
    assert str(tmp_path) in str(caught.value)


def test_a_cut_array_is_refused(tmp_path: Path) -> None:
    write(wave(), tmp_path / "x.npy")
    (tmp_path / "x.npy").write_bytes((tmp_path / "x.npy").read_bytes()[:-100])
    with pytest.raises(RecordError, match="is not a readable NPY array"):
        read(tmp_path / "x.npy")


LINE = "x.dat 16 1000/mV 16 0 0 0 0"


@pytest.mark.parametrize(
    ("header", "match"),
    [
        ("", r"x\.hea is not a WFDB header: it is empty"),
        ("# only a comment\n", "it is empty"),
        ("x\n", "does not say how many signals"),
        ("x one 500 4\n", "'one'"),
        ("x 1 fast 4\n" + LINE + " I\n", "fast"),
        ("x 1 500 4\nx.dat\n", "does not name a signal file and its coding"),
        ("x 1 500 4\nx.dat sixteen 1000/mV\n", "the coding 'sixteen' is not understood"),
        ("x 1 500 4\nx.dat 16 much/mV\n", "the gain 'much/mV' is not understood"),
        ("x 1 500 40\n" + LINE + " I\n", "truncated: its header promises 40 samples a lead, the file holds 8"),
        ("x 2 500 4\n" + LINE + " I\n" + LINE + " i\n", "lead I appears more than once"),
        ("x 1 500 4\nmissing.dat 16 1000/mV 16 0 0 0 0 I\n", r"missing\.dat is missing, which its header names"),
        ("x 3 500 2\n" + LINE + " I\ny.dat 16 1 16 0 0 0 0 V1\n" + LINE + " II\n", r"names x\.dat in two places"),
    ],
)
def test_bad_wfdb(header: str, match: str, tmp_path: Path) -> None:
    (tmp_path / "x.hea").write_text(header, encoding="utf-8")
    for name in ("x.dat", "y.dat"):
        (tmp_path / name).write_bytes(np.arange(8, dtype="<i2").tobytes())
    with pytest.raises(RecordError, match=match) as caught:
        read(tmp_path / "x")
    assert str(tmp_path) in str(caught.value) and "\n" not in str(caught.value)


def test_a_truncated_signal_file_is_seen(tmp_path: Path) -> None:
    write(wave(), tmp_path / "x.hea")
    raw = (tmp_path / "x.dat").read_bytes()
    (tmp_path / "x.dat").write_bytes(raw[:-1])
    with pytest.raises(
        RecordError, match=r"x\.dat is truncated: its header promises 1000 .* holds 999; fetch it again"
    ):
        read(tmp_path / "x")
    (tmp_path / "x.dat").unlink()
    with pytest.raises(RecordError, match=r"x\.dat is missing"):
        read(tmp_path / "x")
    (tmp_path / "x.hea").unlink()
    with pytest.raises(RecordError, match=r"x\.hea is missing"):
        read(tmp_path / "x")


def test_wfdb_states_its_own_facts(tmp_path: Path) -> None:
    write(wave(), tmp_path / "x.hea")
    for fact in ({"unit": "mV"}, {"rate_hz": 500.0}):
        with pytest.raises(RecordError, match="states its own unit and rate"):
            read(tmp_path / "x.hea", **fact)
    with pytest.raises(RecordError, match=r"x\.hea: lead V9 is neither"):
        read(tmp_path / "x", leads=("V9",))


@pytest.mark.parametrize("name", ["x.csv", "x.npy", "x", "x.hea"])
def test_missing_files_are_named(name: str, tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="is missing") as caught:
        read(tmp_path / name, **({} if name in ("x", "x.hea") else {"unit": "mV", "rate_hz": 1.0}))
    assert str(tmp_path / "x") in str(caught.value)


def test_unknown_formats_are_named(tmp_path: Path) -> None:
    for act in (lambda: read(tmp_path / "x.xyz"), lambda: write(wave(), tmp_path / "x.xyz")):
        with pytest.raises(
            RecordError, match=r"the format '\.xyz' is not known; known are \.csv, \.dat, \.hea, \.mat, \.npy"
        ):
            act()


# --------------------------------------------------------------------------------------------------------- writing


@pytest.mark.parametrize(
    ("suffix", "beside"), [(".csv", ".csv"), (".npy", ".json"), (".hea", ".dat"), (".npy", ".npy")]
)
def test_an_existing_file_stays_unless_it_may_go(suffix: str, beside: str, tmp_path: Path) -> None:
    (tmp_path / f"x{beside}").write_text("mine", encoding="utf-8")
    with pytest.raises(WriteError, match=f"x{beside} exists already; choose another name or allow overwriting"):
        write(wave(), tmp_path / f"x{suffix}")
    assert [p.name for p in tmp_path.iterdir()] == [f"x{beside}"]
    assert (tmp_path / f"x{beside}").read_text(encoding="utf-8") == "mine"
    write(wave(), tmp_path / f"x{suffix}", overwrite=True)
    assert read(tmp_path / f"x{suffix}").leads == TWELVE


@pytest.mark.parametrize("suffix", [".csv", ".npy", ".hea"])
def test_a_folder_that_cannot_be_written(suffix: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder", encoding="utf-8")
    for folder in (tmp_path / "file", tmp_path / "nowhere"):
        with pytest.raises(WriteError, match="its folder cannot be written to"):
            write(wave(), folder / f"x{suffix}")


@pytest.mark.parametrize("suffix", [".csv", ".npy", ".hea"])
def test_a_write_that_fails_leaves_nothing_and_the_old_file_whole(
    suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / f"x{suffix}"
    write(wave(), path)
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    for name in ("write_text", "write_bytes"):
        monkeypatch.setattr(Path, name, full)
    with pytest.raises(WriteError, match="the disk is full; free some space"):
        write(wave().replace(rate_hz=77.0), path, overwrite=True)
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before


@pytest.mark.parametrize(
    ("ecg", "name", "match"),
    [
        (wave(), "my exam.hea", "has no space in its name"),
        (ECG(np.full((1, 2), np.inf, np.float32), "mV", 1.0, ("I",)), "x.hea", "cannot hold a sample of inf mV"),
        (ECG(np.full((1, 2), 3e9, np.float32), "mV", 1.0, ("I",)), "x.hea", r"cannot hold a sample of 3e\+09 mV"),
    ],
)
def test_what_wfdb_cannot_hold_is_refused(ecg: ECG, name: str, match: str, tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=match):
        write(ecg, tmp_path / name)
    assert not list(tmp_path.iterdir())


# Limb leads of unit z


def test_the_ratios_of_standardised_limb_leads_come_back() -> None:
    rng = np.random.default_rng(0)
    pair = rng.standard_normal((5, 2, 400)) * rng.uniform(0.2, 3, (5, 2, 1))
    twelve = np.concatenate([derive(pair, ("I", "II"), LIMB), rng.standard_normal((5, 6, 400))], axis=1)
    lost = standardise(twelve)
    factors, apart = limb_factors(lost, TWELVE)
    again = lost * factors[..., None]
    assert apart.max() < 1e-6
    assert all(identity_error(one, TWELVE) < 1e-5 for one in again)
    assert np.allclose((again[:, :2] ** 2).mean(axis=(1, 2)), 1)
    scale = again[:, 0].std(axis=1) / twelve[:, 0].std(axis=1)
    assert np.allclose(
        again[:, :6], (twelve - twelve.mean(axis=2, keepdims=True))[:, :6] * scale[:, None, None], atol=1e-4
    )
    assert (factors[:, 6:] == 1).all()
    assert np.allclose(limb_factors(lost[2], TWELVE)[0], factors[2])


def test_leads_that_never_obeyed_the_identities_are_told() -> None:
    rng = np.random.default_rng(1)
    noise = standardise(rng.standard_normal((2, 12, 400)))
    assert (limb_factors(noise, TWELVE)[1] > 0.3).all()
    flat = standardise(derive(rng.standard_normal((2, 400)), ("I", "II"), LIMB))
    flat[0] = 0
    assert limb_factors(flat, LIMB)[1] > 0.3
    with pytest.raises(ValueError, match="lead III is missing"):
        limb_factors(noise[:, :2], ("I", "II"))
