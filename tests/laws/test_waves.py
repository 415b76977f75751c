"""What the delineation promises: the simulator's truth, the definition of onset and offset, and its invariances."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq

from einthoven.datasets.simulated import Simulated
from einthoven.records.leads import TWELVE
from einthoven.signals import _delineate
from einthoven.signals.intervals import intervals
from einthoven.signals.resample import resample
from einthoven.signals.waves import Waves, waves

FIDUCIALS = ("onset", "peak", "offset")
CORPUS = Simulated(60, visits=(1, 1), seed=0, difficulty=0.0)
TABLE = CORPUS.table()


def having(code: str) -> list[str]:
    return [row.record_id for row in TABLE.itertuples() if code in row.positive]


HEALTHY = having("scp:NORM")


def marks(table: Waves) -> np.ndarray:
    return np.stack([table.lead, table.beat, table.onset, table.peak, table.offset], axis=1)


def bell(time_s: np.ndarray, centre_s: float, width_s: float) -> np.ndarray:
    return np.exp(-0.5 * ((time_s - centre_s) / width_s) ** 2)


def plain(rate_hz: float = 500.0, p: float = 0.15, qrs: float = 1.0, t: float = 0.3) -> np.ndarray:
    """One lead of Gaussian waves, a beat a second: P 0.16 s before, T 0.28 s after the QRS complex."""
    time_s = np.arange(round(10 * rate_hz)) / rate_hz
    beats = [(p, -0.16, 0.020), (qrs, 0.0, 0.012), (t, 0.28, 0.035)]
    return sum(a * bell(time_s, c + 0.6 + n, w) for n in range(9) for a, c, w in beats)[None]


# ------------------------------------------------------------------------------------------------------ where waves are


def width_at(share: float) -> float:
    """Where, in widths from its centre, a Gaussian's slope has fallen to a share of its greatest."""
    return brentq(lambda u: u * np.exp((1 - u**2) / 2) - share, 1, 9)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_gaussian_ends_where_its_slope_has_fallen_to_the_stated_share(sign: int) -> None:
    """Smoothing widens a Gaussian by a known amount, so onset and offset can be written down."""
    table = waves(sign * plain(), 500)
    facts = {
        "P": (-0.16, 0.020, _delineate._P_SMOOTH_S, _delineate._P_SHARE),
        "QRS": (0.0, 0.012, _delineate._QRS_SMOOTH_S, _delineate._QRS_SHARE),
        "T": (0.28, 0.035, _delineate._T_LEAD_SMOOTH_S, _delineate._T_LEAD_SHARE),
    }
    for kind, (centre, width, smooth, shares) in facts.items():
        found = table.of(kind)
        assert found.beat.tolist() == list(range(9))
        middle = found.beat + 0.6 + centre
        early, late = (width_at(share) * np.hypot(width, smooth) for share in shares)
        np.testing.assert_allclose(found.peak / 500, middle, atol=0.0021)
        np.testing.assert_allclose(found.onset / 500, middle - early, atol=_delineate._HOLD_S + 0.002)
        np.testing.assert_allclose(found.offset / 500, middle + late, atol=_delineate._HOLD_S + 0.002)


def test_the_simulators_waves_are_all_found_and_nothing_else() -> None:
    """Its onset is where the envelope of the wave alone passes 5 % of its peak; ours is a share of the slope, of the
    signal smoothed with 12 ms for QRS: that puts the ends of a complex up to 20 ms outside the simulator's.
    """
    limits = {"P": (10, 20, 35), "QRS": (25, 15, 25), "T": (15, 10, 15)}
    assert len(HEALTHY) >= 10
    for record in HEALTHY[:10]:
        truth, table = CORPUS.truth(record), waves(CORPUS.clean(record).signal, 500)
        inside = truth[(truth["onset_s"] > 0.4) & (truth["offset_s"] < 9.6)]
        for kind, limit in limits.items():
            want, found = inside[inside["wave"] == kind], table.of(kind)
            middles = {
                b: [np.median(getattr(found, f)[found.beat == b]) / 500 for f in FIDUCIALS] for b in {*found.beat}
            }
            got = np.array(sorted(middles.values()))
            assert len({*zip(found.lead, found.beat, strict=True)}) == len(found) == 12 * len(got)
            nearest = got[abs(got[:, 1] - want["peak_s"].to_numpy()[:, None]).argmin(axis=1)]
            for i, fiducial in enumerate(FIDUCIALS):
                gap = 1000 * abs(nearest[:, i] - want[f"{fiducial}_s"].to_numpy())
                assert gap.max() <= limit[i], (record, kind, fiducial)
            within = (got[:, 0] > 0.4) & (got[:, 2] < 9.6)
            assert abs(len(want) - within.sum()) <= 1, "a wave at the very edge may count on one side alone"


def test_fibrillating_atria_make_no_p_waves() -> None:
    records = having("scp:AFIB")
    assert len(records) >= 3
    for record in records:
        ecg = CORPUS.read(record)
        assert not len(waves(ecg.signal, 500).of("P")), record
        assert np.isnan(intervals(ecg.signal, 500, ecg.leads)["pr_s"])


def test_marks_are_in_order_and_inside() -> None:
    for record in TABLE["record_id"][:20]:
        table = waves(Simulated(60, visits=(1, 1), seed=0, difficulty=1.0).read(record).signal, 500)
        assert (table.onset >= 0).all() and (table.offset < 5000).all()
        assert (table.onset <= table.peak).all() and (table.peak <= table.offset).all()
        assert {*table.kind} <= {"P", "QRS", "T"} and len({*zip(*marks(table)[:, :2].T, table.kind, strict=True)})


def test_the_peak_of_a_complex_is_r_or_without_r_its_lowest_point() -> None:
    table = waves(np.concatenate([plain(), plain(qrs=-1.0)]), 500).of("QRS")
    middle = round(0.6 * 500)
    assert abs(table.peak - 500 * table.beat - middle).max() <= 1
    time_s = np.arange(5000) / 500
    r_s = sum(0.4 * bell(time_s, n + 0.58, 0.008) - bell(time_s, n + 0.62, 0.012) for n in range(9))[None]
    assert abs(waves(r_s, 500).of("QRS").peak - 500 * np.arange(9) - round(0.58 * 500)).max() <= 3


# --------------------------------------------------------------------------------------------------------- invariances


@pytest.fixture(scope="module")
def signal() -> np.ndarray:
    return CORPUS.read(HEALTHY[0]).signal


@settings(max_examples=12)
@given(st.integers(1, 200))
def test_a_delayed_signal_has_delayed_marks(delay: int) -> None:
    x = CORPUS.read(HEALTHY[0]).signal
    late = marks(waves(np.pad(x, ((0, 0), (delay, 0)), mode="edge"), 500))
    want = marks(waves(x, 500)) + [0, 0, delay, delay, delay]
    late, want = (m[(m[:, 2] > 400) & (m[:, 4] < 4600)] for m in (late, want))
    np.testing.assert_array_equal(late, want)


@settings(max_examples=12)
@given(st.integers(-10, 10))
def test_the_gain_changes_nothing(power: int) -> None:
    x = CORPUS.read(HEALTHY[1]).signal
    np.testing.assert_array_equal(marks(waves(x * np.float32(2.0**power), 500)), marks(waves(x, 500)))


def test_an_offset_changes_nothing_and_a_drift_little(signal: np.ndarray) -> None:
    want = marks(waves(signal, 500))
    assert abs(marks(waves(signal.astype(np.float64) + 3, 500)) - want).max() <= 1
    drift = np.linspace(-0.25, 0.25, signal.shape[1])
    drifted = marks(waves(signal.astype(np.float64) + drift, 500))
    np.testing.assert_array_equal(drifted[:, :2], want[:, :2])
    assert np.percentile(abs(drifted - want), 95) <= 4, "8 ms where the end of a low wave drowns in the drift"


def test_upside_down_the_waves_are_the_same(signal: np.ndarray) -> None:
    up, down = waves(signal, 500), waves(-signal, 500)
    np.testing.assert_array_equal(marks(up)[:, [0, 1, 2, 4]], marks(down)[:, [0, 1, 2, 4]])
    np.testing.assert_array_equal(up.peak[up.kind != "QRS"], down.peak[down.kind != "QRS"])


def test_the_order_of_the_leads_is_free(signal: np.ndarray) -> None:
    order = np.random.default_rng(0).permutation(12)
    one = intervals(signal, 500, TWELVE)
    other = intervals(signal[order], 500, [TWELVE[i] for i in order])
    assert one == pytest.approx(other, rel=1e-6)


@pytest.mark.parametrize("rate_hz", [250.0, 1000.0])
def test_another_rate_moves_the_marks_by_a_sample_or_two(rate_hz: float) -> None:
    signal = CORPUS.clean(HEALTHY[0]).signal
    here, there = waves(signal, 500), waves(resample(signal, 500, rate_hz), rate_hz)
    assert len(here) == len(there) and (here.kind == there.kind).all()
    gaps = abs(marks(there)[:, 2:] / rate_hz - marks(here)[:, 2:] / 500)
    assert np.percentile(gaps, 98) <= 2 / min(rate_hz, 500), "twin peaks of one height may swap"


def test_a_flat_lead_has_no_waves_and_disturbs_no_other(signal: np.ndarray) -> None:
    with_flat = signal.copy()
    with_flat[3] = 0.7
    table = waves(with_flat, 500)
    assert 3 not in table.lead
    want = marks(waves(np.delete(signal, 3, axis=0), 500))
    want[:, 0] += want[:, 0] >= 3
    np.testing.assert_array_equal(marks(table), want)


@pytest.mark.parametrize("x", [np.zeros((12, 5000)), np.full((2, 5000), 3.0), plain()[:, :499], np.zeros((1, 0))])
def test_where_there_is_nothing_there_are_no_waves(x: np.ndarray) -> None:
    table = waves(x.astype(np.float32), 500)
    assert len(table) == 0 and all(np.isnan(v) for v in intervals(x, 500, TWELVE[: len(x)]).values())


@pytest.mark.parametrize("rate_hz", [100.0, 128.0, 1000.0])
@pytest.mark.parametrize("leads", [1, 2, 12])
def test_any_rate_and_number_of_leads_will_do(rate_hz: float, leads: int) -> None:
    record, corpus = HEALTHY[0], Simulated(60, visits=(1, 1), seed=0, difficulty=0.0, rate_hz=rate_hz)
    table = waves(corpus.clean(record).signal[:leads], rate_hz)
    truth = corpus.truth(record)
    assert abs(len(table.of("QRS")) / leads - (truth["wave"] == "QRS").sum()) <= 1
    assert abs(len(table.of("T")) / leads - (truth["wave"] == "T").sum()) <= 1


# ----------------------------------------------------------------------------------------------------------- intervals


def test_intervals_are_those_that_the_simulator_made() -> None:
    """Within what the two definitions of an onset leave: 30 ms for QRS, whose two ends both lie farther out."""
    for record in HEALTHY[:10]:
        truth = CORPUS.truth(record).pivot_table(index="beat", columns="wave", values=["onset_s", "offset_s"])
        onset, offset = truth["onset_s"], truth["offset_s"]
        rr = onset["QRS"].diff().median()
        qt = (offset["T"] - onset["QRS"]).median()
        got = intervals(CORPUS.clean(record).signal, 500, TWELVE)
        assert got["rate_bpm"] == pytest.approx(60 / rr, rel=0.02)
        assert got["pr_s"] == pytest.approx((onset["QRS"] - onset["P"]).median(), abs=0.025)
        assert got["qrs_s"] == pytest.approx((offset["QRS"] - onset["QRS"]).median(), abs=0.030)
        assert got["qt_s"] == pytest.approx(qt, abs=0.025)
        assert got["qtc_bazett_s"] == pytest.approx(got["qt_s"] * (got["rate_bpm"] / 60) ** 0.5)
        assert got["qtc_fridericia_s"] == pytest.approx(got["qt_s"] * (got["rate_bpm"] / 60) ** (1 / 3))


def test_qt_ends_where_t_ends_late() -> None:
    time_s = np.arange(5000) / 500
    later = plain(t=0.0) + sum(0.3 * bell(time_s, n + 0.6 + 0.31, 0.035) for n in range(9))
    signal = np.concatenate([plain(), plain(), later, later])
    table = waves(signal, 500)
    ends = [np.median(table.of("T").offset[table.of("T").lead == lead] - 500 * np.arange(9)) for lead in range(4)]
    assert ends[0] == ends[1] < ends[2] - 5 and ends[2] == ends[3]
    begin = np.median(table.of("QRS").onset[:9] - 500 * np.arange(9))
    assert intervals(signal, 500, ("V1", "V2", "V3", "V4"))["qt_s"] == pytest.approx((ends[3] - begin) / 500, abs=1e-6)


@settings(max_examples=12)
@given(st.floats(-179, 179), st.sampled_from([("I", "aVF"), ("II", "I"), ("I", "III"), ("III", "II")]))
def test_the_axis_is_the_direction_of_the_vector(degrees: float, pair: tuple[str, str]) -> None:
    x, y = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    first, second = x, x / 2 + y * np.sqrt(3) / 2
    size = {"I": first, "II": second, "III": second - first, "aVF": second - first / 2}
    assume(min(abs(size[name]) for name in pair) > 0.01)  # a lead that sees nothing is a flat lead
    rows = np.concatenate([size[name] * plain() for name in pair] + [plain()])
    got = intervals(rows, 500, (*pair, "V1"))["axis_deg"]
    assert abs((got - degrees + 180) % 360 - 180) < 1.0


def test_without_limb_leads_there_is_no_axis_and_names_must_fit() -> None:
    got = intervals(plain(), 500, ("V1",))
    assert np.isnan(got["axis_deg"]) and got["rate_bpm"] == pytest.approx(60, abs=0.1)
    with pytest.raises(ValueError, match="1 rows of samples but 2 lead names: I, II"):
        intervals(plain(), 500, ("I", "II"))
