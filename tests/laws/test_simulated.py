"""What must hold of the simulated corpus: the algebra of the leads, physiology, its truth and its seeds."""

import concurrent.futures
import functools
import multiprocessing
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.signal import find_peaks

from einthoven.datasets import COLUMNS, DatasetError
from einthoven.datasets.simulated import Simulated
from einthoven.labels import ORIGIN
from einthoven.records.ecg import ECG
from einthoven.records.leads import EIGHT, TWELVE, identity_error
from einthoven.registry import UnknownName

TEXTBOOK = Simulated(150, difficulty=0.0)
TYPICAL = Simulated(150)


@functools.cache
def table_of(corpus: Simulated) -> pd.DataFrame:
    return corpus.table()


def having(corpus: Simulated, code: str, without: tuple[str, ...] = (), most: int = 12) -> list[str]:
    """Records with one code and none of some others."""
    table = table_of(corpus)
    keep = [code in codes and not set(without) & set(codes) for codes in table["positive"]]
    found = table.loc[keep, "record_id"].tolist()[:most]
    assert found, f"no record with {code}"
    return found


def envelope(ecg: ECG) -> np.ndarray:
    return np.asarray(np.sqrt(np.square(ecg.select(EIGHT).signal).mean(axis=0)))


def waves(corpus: Simulated, record_id: str, kind: str | None = None) -> pd.DataFrame:
    """One row a beat: the onset and offset of its P, QRS and T waves."""
    truth = corpus.truth(record_id)
    truth = truth if kind is None else truth[truth["kind"] == kind]
    return truth.pivot(index="beat", columns="wave", values=["onset_s", "offset_s"])


def pr_s(corpus: Simulated, record_id: str) -> float:
    beats = waves(corpus, record_id, "sinus")["onset_s"]
    return float((beats["QRS"] - beats["P"]).median())


def qrs_s(corpus: Simulated, record_id: str, kind: str | None = None) -> float:
    beats = waves(corpus, record_id, kind)
    return float((beats["offset_s"]["QRS"] - beats["onset_s"]["QRS"]).median())


def intervals_s(corpus: Simulated, record_id: str) -> np.ndarray:
    truth = corpus.truth(record_id)
    return np.diff(truth.loc[truth["wave"] == "QRS", "onset_s"])


# The record


@pytest.mark.parametrize("corpus", [TEXTBOOK, TYPICAL, Simulated(20, difficulty=1.0)], ids=repr)
def test_the_limb_leads_keep_their_identities(corpus: Simulated) -> None:
    for record_id in corpus.table()["record_id"][:20]:
        ecg = corpus.read(record_id)
        assert ecg.leads == TWELVE and ecg.unit == "mV" and ecg.synthetic
        assert ecg.signal.shape == (12, 5000) and np.isfinite(ecg.signal).all()
        assert identity_error(ecg.signal, ecg.leads) < 1e-6


def test_the_leads_are_not_of_rank_three() -> None:
    for record_id in having(TEXTBOOK, "scp:NORM"):
        values = np.linalg.svd(TEXTBOOK.clean(record_id).select(EIGHT).signal, compute_uv=False)
        assert (values[3:6] > 1e-3 * values[0]).all()


def test_amplitudes_are_those_of_people() -> None:
    records = having(TEXTBOOK, "scp:NORM", most=40)
    tallest = np.array([TEXTBOOK.clean(r).select(["II", "V5"]).signal.max(axis=1) for r in records])
    assert 0.6 < np.median(tallest[:, 0]) < 1.5
    assert 0.8 < np.median(tallest[:, 1]) < 2.2
    assert tallest.max() < 3.5


def test_rate_and_duration_are_those_asked_for() -> None:
    record_id = TYPICAL.table()["record_id"][0]
    fast = Simulated(150, rate_hz=250.0).clean(record_id).signal
    slow = Simulated(150, rate_hz=125.0).clean(record_id).signal
    assert fast.shape == (12, 2500) and slow.shape == (12, 1250)
    np.testing.assert_allclose(slow, fast[:, ::2], atol=1e-3)  # the same heart, sampled twice
    assert Simulated(5, duration_s=4.0).read("simulated:0-00000-1").duration_s == 4


# Seeds


def test_a_record_depends_on_its_id_alone() -> None:
    records = TYPICAL.table()["record_id"][:6].tolist()
    forth = [TYPICAL.read(r).signal for r in records]
    back = [Simulated(150).read(r).signal for r in reversed(records)][::-1]
    more = [Simulated("900").read(r).signal for r in records]
    for a, b, c in zip(forth, back, more, strict=True):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(a, c)
    assert not np.array_equal(forth[0], forth[1])
    other = Simulated(1, seed=1).read("simulated:1-00000-1").signal
    assert not np.array_equal(forth[0], other)


def test_another_process_reads_the_same_numbers() -> None:
    record_id = TYPICAL.table()["record_id"][3]
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as pool:
        there = pool.submit(TYPICAL.read, record_id).result()
    np.testing.assert_array_equal(there.signal, TYPICAL.read(record_id).signal)
    again = pickle.loads(pickle.dumps(TYPICAL))
    np.testing.assert_array_equal(again.read(record_id).signal, there.signal)


def test_the_table_is_a_cohort_and_agrees_with_the_records() -> None:
    table = TYPICAL.table()
    assert list(table.columns) == [*COLUMNS, *ORIGIN]
    assert table["record_id"].is_unique and table["patient_id"].nunique() == 150
    assert table.groupby("patient_id")[["fold", "sex"]].nunique().eq(1).all(axis=None)
    assert sorted(table["fold"].unique()) == list(range(1, 11))
    assert set(table.groupby("patient_id").size()) == {1, 2, 3}
    assert table["unknown"].map(len).eq(0).all()
    for row in table[:15].to_dict("records"):
        ecg = TYPICAL.read(row["record_id"])
        assert (ecg.record_id, ecg.patient_id, ecg.source) == (row["record_id"], row["patient_id"], row["source"])
        assert (ecg.age, ecg.sex) == (row["age"], row["sex"])


def test_conditions_combine_as_hearts_do() -> None:
    rhythms = {"scp:SR", "scp:SBRAD", "scp:STACH", "scp:AFIB", "scp:AFLT", "own:VT"}
    for codes in map(set, Simulated(600).table()["positive"]):
        assert codes <= set(TYPICAL.annotated)
        assert len(codes & rhythms) == 1
        assert ("scp:NORM" in codes) == (codes - {"scp:NORM"} == {"scp:SR"})
        assert not {"scp:CRBBB", "scp:CLBBB"} <= codes
        assert not ("scp:1AVB" in codes and codes & {"scp:AFIB", "scp:AFLT", "own:VT"})
        assert not {"scp:LVH", "scp:LVOLT"} <= codes


@pytest.mark.parametrize(
    "prevalence",
    [{}, {"AFIB": 0.3, "scp:1AVB": 0.4}, {"CRBBB": 0.02, "CLBBB": 0.3, "LVH": 0.25}, {"VT": 0.5, "PVC": 0.4}],
    ids=str,
)
def test_a_prevalence_is_honoured(prevalence: dict[str, float]) -> None:
    codes = Simulated(2500, visits=(1, 1), prevalence=prevalence).table()["positive"]
    expected = {"scp:CRBBB": 0.09, "scp:AFIB": 0.09} if not prevalence else prevalence
    for name, p in expected.items():
        share = codes.map(lambda found, name=name: name in {c.rpartition(":")[2] for c in found} | set(found)).mean()
        assert abs(share - p) < 4 * np.sqrt(p * (1 - p) / 2500), name


def test_a_prevalence_of_zero_or_one_is_certain() -> None:
    never = Simulated(300, prevalence={"AFIB": 0.0}).table()["positive"]
    always = Simulated(300, prevalence={"VT": 1.0}).table()["positive"]
    assert not never.map(lambda codes: "scp:AFIB" in codes).any()
    assert always.map(lambda codes: "own:VT" in codes and "scp:CLBBB" not in codes).all()


def test_a_bundle_block_stays_and_a_tachycardia_passes() -> None:
    table = Simulated(500, visits=(2, 2)).table()
    for code, stays in (("scp:CRBBB", 0.9), ("scp:STACH", 0.4)):
        has = table["positive"].map(lambda codes, code=code: code in codes).to_numpy().reshape(-1, 2)
        both = has.all(axis=1).sum() / has.any(axis=1).sum()
        assert both > stays if code == "scp:CRBBB" else both < 1 - stays


# People


def test_a_patient_is_recognised_at_the_next_visit() -> None:
    table = TYPICAL.table()
    normal = table[table["positive"].map(lambda codes: "scp:NORM" in codes)]
    twice = normal[normal.groupby("patient_id")["record_id"].transform("size") >= 2]
    beats: dict[str, list[np.ndarray]] = {}
    for row in twice[:60].to_dict("records"):
        signal = TYPICAL.read(row["record_id"]).select(EIGHT).signal
        truth = TYPICAL.truth(row["record_id"]).query("wave == 'QRS'")
        starts = [round(500 * t) for t in truth["onset_s"] if t < 9.5]
        median = np.median([signal[:, i : i + 200] for i in starts], axis=0)
        beats.setdefault(row["patient_id"], []).append((median - np.median(median, axis=1, keepdims=True)).ravel())
    people = list(beats.values())
    within = [np.corrcoef(p[0], p[1])[0, 1] for p in people if len(p) > 1]
    between = [np.corrcoef(a[0], b[0])[0, 1] for i, a in enumerate(people) for b in people[:i]]
    assert np.median(within) > np.quantile(between, 0.95)


# The truth


def test_the_waves_begin_and_end_where_the_clean_signal_says() -> None:
    """In slow sinus rhythm waves stand alone: their edges can be read off the signal."""
    gaps: dict[str, list[float]] = {"P": [], "QRS": [], "peak": [], "T": []}
    for record_id in having(TEXTBOOK, "scp:SBRAD", ("scp:STE_", "scp:PVC", "scp:PAC", "scp:LVOLT")):
        level = envelope(TEXTBOOK.clean(record_id))
        truth = TEXTBOOK.truth(record_id)
        for row in truth.to_dict("records"):
            if row["onset_s"] < 0.1 or row["offset_s"] > 9.9:
                continue
            a, b = round(500 * row["onset_s"]), round(500 * row["offset_s"])
            if row["wave"] == "T":
                tail = level[b - 40 : b + 40]
                gaps["T"].append((np.flatnonzero(tail > 0.05 * level[a:b].max())[-1] - 40) / 500)
                continue
            head = level[a - 20 : a + 20]
            gaps[row["wave"]].append((np.flatnonzero(head > 0.05 * level[a:b].max())[0] - 20) / 500)
            if row["wave"] == "QRS":
                gaps["peak"].append((a + level[a:b].argmax()) / 500 - row["peak_s"])
    for name, tolerance in (("P", 0.006), ("QRS", 0.006), ("peak", 0.006), ("T", 0.016)):
        assert len(gaps[name]) > 20
        assert np.abs(np.median(gaps[name])) < tolerance, name
        assert np.quantile(np.abs(gaps[name]), 0.9) < 2 * tolerance, name


def test_the_measured_heart_rate_is_that_of_the_truth() -> None:
    for record_id in TYPICAL.table()["record_id"][:25]:
        step = np.abs(np.diff(TYPICAL.clean(record_id).select(EIGHT).signal)).sum(axis=0)
        energy = np.convolve(step, np.ones(40) / 40, "same")
        peaks, _ = find_peaks(energy, height=0.3 * energy.max(), distance=120)
        measured, known = np.diff(peaks).mean() / 500, intervals_s(TYPICAL, record_id).mean()
        assert measured == pytest.approx(known, rel=0.06), record_id


def test_rates_follow_the_rhythm() -> None:
    ectopic = ("scp:PVC", "scp:PAC")
    for code, low, high in (
        ("scp:SBRAD", 35, 60),
        ("scp:SR", 60, 100),
        ("scp:STACH", 100, 160),
        ("own:VT", 135, 215),
    ):
        rates = [60 / intervals_s(TEXTBOOK, r).mean() for r in having(TEXTBOOK, code, ectopic)]
        assert low < min(rates) and max(rates) < high, code


def test_a_first_degree_block_prolongs_pr_and_a_bundle_block_qrs() -> None:
    assert min(pr_s(TEXTBOOK, r) for r in having(TEXTBOOK, "scp:1AVB")) > 0.2
    assert max(pr_s(TEXTBOOK, r) for r in having(TEXTBOOK, "scp:NORM")) < 0.2
    for code in ("scp:CRBBB", "scp:CLBBB"):
        assert min(qrs_s(TEXTBOOK, r, "sinus") for r in having(TEXTBOOK, code, ("scp:AFIB", "scp:AFLT"))) >= 0.12
    assert max(qrs_s(TEXTBOOK, r) for r in having(TEXTBOOK, "scp:NORM")) < 0.12
    assert min(qrs_s(TEXTBOOK, r) for r in having(TEXTBOOK, "own:VT")) >= 0.12


def test_fibrillation_is_irregular_and_has_no_p_wave() -> None:
    for record_id in having(TEXTBOOK, "scp:AFIB"):
        rr = intervals_s(TEXTBOOK, record_id)
        assert rr.std() / rr.mean() > 0.1
        assert set(TEXTBOOK.truth(record_id)["wave"]) == {"QRS", "T"}
    for record_id in having(TEXTBOOK, "scp:NORM"):
        rr = intervals_s(TEXTBOOK, record_id)
        assert rr.std() / rr.mean() < 0.1


def test_early_beats_are_early_and_ventricular_ones_wide_with_a_pause() -> None:
    others = ("scp:AFIB", "scp:AFLT", "scp:STACH")
    for code, kind, other in (("scp:PVC", "pvc", "scp:PAC"), ("scp:PAC", "pac", "scp:PVC")):
        for record_id in having(TEXTBOOK, code, (*others, other)):
            qrs = TEXTBOOK.truth(record_id).query("wave == 'QRS'").reset_index()
            before, after = qrs["onset_s"].diff(), -qrs["onset_s"].diff(-1)
            early = (qrs["kind"] == kind) & before.notna() & after.notna()
            assert (qrs["kind"] == kind).any()
            assert (before[early] < 0.9 * after[early]).all()
            usual = before[(qrs["kind"] == "sinus") & (qrs["kind"].shift() == "sinus")].median()
            both = ((before + after)[early] / usual).dropna()
            if kind == "pvc":  # a compensatory pause: the sinus node keeps its time
                assert both.between(1.75, 2.25).all()
                assert qrs_s(TEXTBOOK, record_id, "pvc") > 0.12
                assert "P" not in set(TEXTBOOK.truth(record_id).query("kind == 'pvc'")["wave"])
            else:
                assert (both < 1.95).all()


def test_a_ventricular_tachycardia_runs_away_from_its_origin() -> None:
    """From the outflow tract activation runs down, towards aVF; from the apex it runs up."""
    corpus = Simulated(40, visits=(1, 1), prevalence={"VT": 1.0}, difficulty=0.0)
    seen = set()
    for record_id in corpus.table()["record_id"]:
        origin = corpus.origin(record_id)
        assert origin is not None and set(corpus.truth(record_id)["kind"]) == {"vt"}
        down = origin.position_mm[1]
        if abs(down) > 18:
            qrs = corpus.truth(record_id).query("wave == 'QRS'").iloc[2]
            avf = corpus.clean(record_id).select(["aVF"]).signal[0]
            area = avf[round(500 * qrs["onset_s"]) : round(500 * qrs["offset_s"])].sum()
            assert np.sign(area) == -np.sign(down), origin
            seen.add(origin.site)
    assert len(seen) >= 4
    assert TYPICAL.origin(having(TYPICAL, "scp:NORM")[0]) is None


def test_what_a_cardiologist_would_measure() -> None:
    """The sign of a class, against normal ECGs: R' in V1, a negative V1, voltage, ST and T."""

    def qrst(code: str) -> np.ndarray:
        rows = []
        for record_id in having(TEXTBOOK, code, ("scp:AFIB", "scp:AFLT", "scp:STACH", "own:VT", "scp:PVC", "scp:PAC")):
            ecg, truth = TEXTBOOK.clean(record_id), TEXTBOOK.truth(record_id)
            first = truth[truth["beat"] == 2].set_index("wave")
            start, end = round(500 * first["onset_s"]["QRS"]), round(500 * first["offset_s"]["QRS"])
            v1, v6 = ecg.select(["V1", "V6"]).signal
            late = slice((start + end) // 2, end)
            qrs = ecg.signal[:, start:end]
            j = np.abs(ecg.signal[:, end + 25]).max()
            t = ecg.signal[:, round(500 * first["peak_s"]["T"])][[0, 1, 7, 8, 9, 10, 11]].min()
            voltage = -v1[start:end].min() + v6[start:end].max()
            rows.append((v1[late].max(), v6[late].min(), v1[start:end].sum(), voltage, np.ptp(qrs[:6]), j, t))
        return np.asarray(np.median(rows, axis=0))

    normal, right, left = qrst("scp:NORM"), qrst("scp:CRBBB"), qrst("scp:CLBBB")
    assert right[0] > normal[0] + 0.3 and right[1] < normal[1] - 0.1
    assert left[2] < 1.5 * normal[2] < 0
    assert qrst("scp:LVH")[3] > 1.4 * normal[3]
    assert qrst("scp:LVOLT")[4] < 0.6 * normal[4]
    assert qrst("scp:STE_")[5] > normal[5] + 0.1
    assert qrst("scp:INVT")[6] < normal[6] - 0.1


def test_difficulty_adds_noise_and_brings_the_classes_together() -> None:
    noise, apart = [], []
    for difficulty in (0.0, 0.5, 1.0):
        corpus = Simulated(60, difficulty=difficulty)
        table = corpus.table()
        sinus = table["positive"].map(lambda codes: bool({"scp:SR", "scp:SBRAD", "scp:STACH"} & set(codes)))
        pr = table[sinus].assign(pr=[pr_s(corpus, r) for r in table.loc[sinus, "record_id"]])
        block = pr["positive"].map(lambda codes: "scp:1AVB" in codes)
        pairs = pr.loc[block, "pr"].to_numpy()[:, None] > pr.loc[~block, "pr"].to_numpy()
        apart.append(pairs.mean())  # the area under the ROC curve of the PR interval
        records = table["record_id"][:15]
        noise.append(np.mean([(corpus.read(r).signal - corpus.clean(r).signal).std() for r in records]))
    assert noise[0] < 0.02 < noise[1] < noise[2]
    assert apart[0] == 1.0
    assert apart[2] < 0.85 < apart[1] < 1.0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"patients": "many"}, "patients is a whole number"),
        ({"patients": 0}, "patients is a whole number from 1"),
        ({"seed": -1}, "seed is a whole number from 0"),
        ({"visits": (3, 1)}, "from the fewest to the most"),
        ({"visits": (0, 1)}, "visits is a whole number from 1"),
        ({"rate_hz": 1.0}, "rate_hz is a number from 50"),
        ({"duration_s": 0.0}, "duration_s is a number from 3"),
        ({"difficulty": 1.5}, "difficulty is a number from 0 to 1"),
        ({"difficulty": float("nan")}, "difficulty is a number"),
        ({"prevalence": {"AFIB": 1.5}}, "scp:AFIB is a probability"),
        ({"prevalence": {"NORM": 0.5}}, "scp:NORM is what the other conditions leave"),
        ({"prevalence": {"AFIB": 0.6, "AFLT": 0.6}}, "exceed 1"),
        ({"prevalence": {"VT": 0.9, "CRBBB": 0.3}}, "beside own:VT"),
    ],
    ids=str,
)
def test_a_bad_argument_is_refused_with_a_reason(arguments: dict[str, object], says: str) -> None:
    with pytest.raises(DatasetError, match=says):
        Simulated(**arguments)  # type: ignore[arg-type]


def test_an_unknown_condition_is_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownName, match="did you mean 'AFIB'"):
        Simulated(prevalence={"AFIBB": 0.1})
    with pytest.raises(UnknownName, match="did you mean 'scp:CRBBB'"):
        Simulated(prevalence={"scp:CRBB": 0.1})


@pytest.mark.parametrize(
    "record_id",
    ["", "ptbxl:1", "simulated:1-00000-1", "simulated:0-0-1", "simulated:0-00150-1", "simulated:0-00000-0"],
)
def test_an_unknown_record_is_refused(record_id: str) -> None:
    for question in (TYPICAL.read, TYPICAL.truth, TYPICAL.origin):
        with pytest.raises(DatasetError, match="no record"):
            question(record_id)


def test_the_miniature_needs_no_file(tmp_path: Path) -> None:
    small = Simulated.miniature(tmp_path, seed=7)
    assert len(small.table()) >= 20 and not list(tmp_path.iterdir())
    assert small.read(small.table()["record_id"][0]).patient_id == "simulated:7-00000"
