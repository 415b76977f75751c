"""The recipe that brings a recording to the form a model is built for."""

import dataclasses
import json

import numpy as np
import pytest

from einthoven.records import ECG
from einthoven.records.leads import EIGHT, TWELVE, identity_error
from einthoven.records.preparation import Preparation

Z = Preparation(100.0, "z", (0.5, 40.0))


def ecg(rate_hz: float = 500.0, seconds: float = 10.0) -> ECG:
    """Three sines inside the band a lead, mains hum and an offset."""
    time = np.arange(round(rate_hz * seconds)) / rate_hz
    rows = [np.sin(2 * np.pi * (3 + i) * time) + 0.5 * np.sin(2 * np.pi * (1 + i / 9) * time) for i in range(8)]
    signal = np.stack(rows) + 0.2 * np.sin(2 * np.pi * 50 * time) + 1.5
    return ECG(signal.astype(np.float32), "mV", rate_hz, EIGHT, record_id="x").twelve()


def test_the_plain_recipe_only_chooses_leads_and_rate() -> None:
    got = Preparation(500.0)(ecg())
    np.testing.assert_array_equal(got.signal, ecg().signal)
    slow = Preparation(100.0, leads=("V2", "I"))(ecg())
    assert slow.leads == ("V2", "I") and slow.rate_hz == 100 and slow.signal.shape == (2, 1000) and slow.unit == "mV"


@pytest.mark.parametrize("rate_hz", [125.0, 400.0, 500.0, 1000.0])
def test_the_whole_recipe(rate_hz: float) -> None:
    got = Z(ecg(rate_hz))
    assert (got.unit, got.rate_hz, got.leads, got.signal.shape) == ("z", 100, TWELVE, (12, 1000))
    np.testing.assert_allclose(got.signal.mean(axis=1), 0, atol=0.02)
    np.testing.assert_allclose(got.signal.std(axis=1), 1, atol=0.02)
    spectrum = abs(np.fft.rfft(got.signal, axis=1))
    assert (spectrum[:, 480:].max(axis=1) < 0.02 * spectrum.max(axis=1)).all(), "the hum has no alias"


def test_it_is_deterministic_and_leaves_its_input_alone() -> None:
    before = ecg()
    first = Z(before)
    np.testing.assert_array_equal(before.signal, ecg().signal)
    np.testing.assert_array_equal(first.signal, Z(ecg()).signal)
    assert first.record_id == "x"


def test_absent_leads_are_derived_before_the_amplitude_is_lost() -> None:
    np.testing.assert_allclose(Z(ecg().select(EIGHT)).signal, Z(ecg()).signal, atol=1e-4)
    assert identity_error(Preparation(100.0, "mV", (0.5, 40.0))(ecg()).signal, TWELVE) < 1e-4


def test_standardised_leads_are_taken_as_they_are_but_give_no_millivolts() -> None:
    done = Z(ecg())
    np.testing.assert_array_equal(Z(done).signal, done.signal)
    assert Preparation(50.0, "z", (0.5, 20.0))(done).signal.shape == (12, 500)
    with pytest.raises(ValueError, match=r"\(unit 'z'\) have lost their amplitude"):
        Preparation(100.0)(done)
    with pytest.raises(ValueError, match="cannot be derived from standardised leads"):
        Z(done.select(EIGHT))


def test_short_gaps_are_bridged_and_said_and_long_ones_refused() -> None:
    signal = ecg().signal.copy()
    signal[6, 100:600] = np.nan
    got = Z(ecg().replace(signal=signal, notes=("as read",)))
    assert got.notes == ("as read", "missing samples bridged in V1") and np.isfinite(got.signal).all()
    signal[6, 600] = np.nan
    with pytest.raises(ValueError, match=r"10% of lead V1 is missing; at most 10% is bridged"):
        Z(ecg().replace(signal=signal))
    assert dataclasses.replace(Z, longest_gap=0.2)(ecg().replace(signal=signal)).notes


def test_a_gap_in_one_lead_reaches_the_leads_derived_from_it() -> None:
    signal = ecg().select(EIGHT).signal.copy()
    signal[1, 10:20] = np.nan
    (note,) = Z(ecg().select(EIGHT).replace(signal=signal)).notes
    assert note == "missing samples bridged in II, III, aVR, aVL, aVF"


@pytest.mark.parametrize("level", [0.0, 0.3, -7.0])
def test_a_flat_lead_becomes_zero_and_is_said_and_a_flat_recording_refused(level: float) -> None:
    signal = ecg().signal.copy()
    signal[8] = level
    got = Z(ecg().replace(signal=signal))
    assert got.notes == ("flat: V3",) and not got.signal[8].any()
    with pytest.raises(ValueError, match="every lead is flat; there is no ECG in it"):
        Z(ecg().replace(signal=np.full_like(signal, level)))


def test_missing_leads_and_impossible_bands_are_refused() -> None:
    with pytest.raises(ValueError, match="V1 is neither in the record nor derivable"):
        Z(ecg().select(["I", "II"]))
    with pytest.raises(ValueError, match="does not lie between 0 and 25 Hz"):
        Z(ecg().resample(50.0))


def test_it_is_a_value_that_json_can_hold() -> None:
    facts = json.loads(json.dumps(dataclasses.asdict(Z)))
    facts.update(leads=tuple(facts["leads"]), bandpass_hz=tuple(facts["bandpass_hz"]))
    assert Preparation(**facts) == Z and hash(Preparation(**facts)) == hash(Z)


@pytest.mark.parametrize(("sample", "match"), [(np.inf, "infinite samples"), (512.0, "reaches 512 mV.*is it in uV")])
def test_what_no_electrode_gives_is_refused(sample: float, match: str) -> None:
    signal = ecg().signal.copy()
    signal[3, 70] = sample
    with pytest.raises(ValueError, match=match):
        Preparation(500.0)(ecg().replace(signal=signal))
