"""One recording under two names: what a fingerprint keeps, and what the search finds."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from einthoven.audit import Fingerprint, Subject, audit, find_pairs
from einthoven.datasets.simulated import Simulated
from einthoven.records.ecg import ECG
from einthoven.signals.bandpass import bandpass
from einthoven.signals.fingerprint import FINGERPRINT_HZ, fingerprint
from einthoven.signals.standardise import standardise

SOURCE = Simulated(60, visits=(1, 1), seed=9, difficulty=0.4)
EDGE = 15  # samples, where a resampler or a filter does not know what went before
IDS = SOURCE.table()["record_id"].tolist()


@pytest.fixture(scope="module")
def ecgs() -> list[ECG]:
    return [SOURCE.read(name) for name in IDS]


def alike(one: np.ndarray, other: np.ndarray) -> float:
    """The lowest correlation of any lead, over what both have without their edges."""
    inside = slice(EDGE, min(one.shape[1], other.shape[1]) - EDGE)
    pairs = zip(one[:, inside].astype(float), other[:, inside].astype(float), strict=True)
    return min(float(np.corrcoef(a, b)[0, 1]) for a, b in pairs)


def flipped(ecg: ECG) -> ECG:
    signal = ecg.signal.copy()
    signal[1] *= -1
    return ecg.replace(signal=signal)


def noisy(ecg: ECG) -> ECG:
    level = ecg.signal.std(axis=1, keepdims=True) / 10
    white = np.random.default_rng(1).standard_normal(ecg.signal.shape)
    return ecg.replace(signal=(ecg.signal + level * white).astype(np.float32))


CHANGES: dict[str, Callable[[ECG], ECG]] = {
    "100 Hz": lambda ecg: ecg.resample(100),
    "257 Hz": lambda ecg: ecg.resample(257),
    "1000 Hz": lambda ecg: ecg.resample(1000),
    "a tenth": lambda ecg: ecg.replace(signal=ecg.signal / 10),
    "microvolts": lambda ecg: ecg.replace(signal=ecg.signal * 1000),
    "an offset": lambda ecg: ecg.replace(signal=ecg.signal + 3),
    "band-pass": lambda ecg: ecg.replace(signal=bandpass(ecg.signal, ecg.rate_hz, 0.5, 40)),
    "z-score": lambda ecg: ecg.replace(signal=standardise(ecg.signal), unit="z"),
    "rounding": lambda ecg: ecg.replace(signal=np.round(ecg.signal / 0.005) * np.float32(0.005)),
    "noise of 20 dB": noisy,
}
MOVES: dict[str, Callable[[ECG], ECG]] = {
    "upside down": flipped,
    "first half": lambda ecg: ecg.crop(0, 5),
    "last half": lambda ecg: ecg.crop(5, 10),
    "late, filled up": lambda ecg: ecg.replace(signal=np.pad(ecg.signal[:, 2000:], ((0, 0), (0, 2000)))),
    "lead V1": lambda ecg: ecg.select(["V1"]),
    "two leads": lambda ecg: ecg.select(["I", "V5"]),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_fingerprint_survives(name: str, ecgs: list[ECG]) -> None:
    for ecg in ecgs[:10]:
        changed = CHANGES[name](ecg)
        floor = 0.97 if "noise" in name else 0.998
        assert alike(fingerprint(ecg.signal, ecg.rate_hz), fingerprint(changed.signal, changed.rate_hz)) > floor


def test_two_people_have_two_fingerprints(ecgs: list[ECG]) -> None:
    prints = [fingerprint(ecg.signal, ecg.rate_hz) for ecg in ecgs[:20]]
    assert max(alike(a, b) for i, a in enumerate(prints) for b in prints[:i]) < 0.9


def test_the_band_is_stated_in_hertz() -> None:
    time = np.arange(10_000) / 1000
    low = fingerprint((np.sin(20 * np.pi * time) + 5 * np.sin(0.4 * np.pi * time))[None], 1000.0)
    clean = fingerprint(np.sin(20 * np.pi * time)[None], 1000.0)
    high = fingerprint((np.sin(20 * np.pi * time) + 5 * np.sin(80 * np.pi * time))[None], 1000.0)
    assert clean.any() and alike(low, clean) > 0.999 and alike(high, clean) > 0.999


@pytest.mark.parametrize("rate_hz", [50.0, 100.0, 128.0, 250.0, 257.3, 360.0, 500.0, 999.0])
@pytest.mark.parametrize("seconds", [0.02, 0.1, 1.0, 2.5, 10.0])
def test_its_length_is_that_of_the_recording(rate_hz: float, seconds: float) -> None:
    time = max(1, round(seconds * rate_hz))
    signal = np.random.default_rng(0).standard_normal((3, time)).astype(np.float32)
    made = fingerprint(signal, rate_hz)
    assert made.dtype == np.int8 and made.shape == (3, int(time * FINGERPRINT_HZ / rate_hz + 1e-6))


def test_nothing_gives_nothing() -> None:
    assert not fingerprint(np.zeros((2, 500), dtype=np.float32), 100.0).any()
    half = np.zeros((1, 1000), dtype=np.float32)
    half[0, 500:] = np.random.default_rng(0).standard_normal(500)
    assert not fingerprint(half, 100.0)[0, :249].any() and fingerprint(half, 100.0)[0, 251:].any()
    with pytest.raises(ValueError, match="at least 50 samples a second, not 40"):
        fingerprint(half, 40.0)
    blank = ECG(np.full((1, 500), np.nan, dtype=np.float32), "mV", 100.0, ("II",))
    assert not Fingerprint.of(blank).samples.any()


@pytest.fixture(scope="module")
def prints(ecgs: list[ECG]) -> list[Fingerprint]:
    return [Fingerprint.of(ecg) for ecg in ecgs]


@pytest.mark.parametrize("name", [*CHANGES, *MOVES])
def test_every_altered_copy_is_found_and_nothing_else(name: str, ecgs: list[ECG], prints: list[Fingerprint]) -> None:
    copies = [Fingerprint.of((CHANGES | MOVES)[name](ecg)) for ecg in ecgs[:25]]
    found, looked = find_pairs([*prints, *copies])
    assert looked.all()
    want = {(i, len(prints) + i) for i in range(len(copies))}
    assert set(zip(found["first"], found["second"], strict=True)) == want
    if name == "upside down":
        assert all(names == ["II"] for names in found["inverted"])
    late = {"last half": 5.0, "late, filled up": 4.0}.get(name, 0.0)
    assert np.allclose(found["shift_s"], late, atol=0.003)
    shared = {"first half": 5.0, "last half": 5.0, "late, filled up": 6.0}.get(name, 10.0)
    assert np.mean(np.abs(found["shared_s"] - shared) < 0.1) > 0.9, "but for a lead that is flat at an end"


def test_the_order_of_records_does_not_matter(ecgs: list[ECG]) -> None:
    prints = [Fingerprint.of(ecg) for ecg in [*ecgs, *(noisy(ecg) for ecg in ecgs[:10])]]
    order = np.random.default_rng(3).permutation(len(prints))
    plain, _ = find_pairs(prints)
    mixed, _ = find_pairs([prints[i] for i in order])
    back = {frozenset((int(order[a]), int(order[b]))) for a, b in zip(mixed["first"], mixed["second"], strict=True)}
    assert back == {frozenset(pair) for pair in zip(plain["first"], plain["second"], strict=True)} and len(back) == 10


def test_what_cannot_be_compared_is_said() -> None:
    ecg = SOURCE.read(IDS[0])
    prints = [
        Fingerprint.of(ecg),
        None,
        Fingerprint.of(ecg.crop(0, 1)),
        Fingerprint.of(ecg.replace(signal=ecg.signal * 0)),
    ]
    found, looked = find_pairs(prints)
    assert found.empty and looked.tolist() == [True, False, False, False]
    assert find_pairs([])[0].empty and find_pairs([None])[0].empty


def planted(ecgs: list[ECG], twin: bool) -> Subject:
    """Twenty records, half of them test; the last one a copy of the first, or not."""
    made = [*ecgs[:19], CHANGES["z-score"](ecgs[0]) if twin else ecgs[19]]
    table = pd.DataFrame(
        {
            "record_id": [f"a:{i}" for i in range(20)],
            "patient_id": [f"a:p{i // 2}" for i in range(20)],
            "dataset": "a",
            "content": [f"{i}" for i in range(20)],
        }
    )
    side = np.array(["train"] * 10 + ["test"] * 10, dtype=object)
    return Subject(table, side, "mine.csv", [Fingerprint.of(ecg) for ecg in made])


def test_a_planted_twin_is_a_leak_and_without_it_all_is_clean(ecgs: list[ECG]) -> None:
    (verdict,) = audit(planted(ecgs, twin=True), ["waveforms"])
    assert verdict.status == "leak" and verdict.pairs is not None
    row = verdict.pairs.iloc[0]
    assert (row["record"], row["other"], row["side"], row["other_side"]) == ("a:0", "a:19", "train", "test")
    assert "a:0 (train) = a:19 (test)" in verdict.findings[0].examples[0]
    (verdict,) = audit(planted(ecgs, twin=False), ["waveforms"])
    assert verdict.status == "clean" and verdict.looked == "20 recordings, 190 pairs"


def test_a_twin_on_the_same_side_is_a_warning(ecgs: list[ECG]) -> None:
    subject = planted(ecgs, twin=True)
    subject.side[:] = "train"
    (verdict,) = audit(subject, ["waveforms"])
    assert verdict.status == "warning" and "counts twice" in verdict.findings[0].sentence
