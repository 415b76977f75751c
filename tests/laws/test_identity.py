"""What the embedding and the check of identity promise: what they ignore, what they tell apart, and when they warn."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from einthoven.audit import Fingerprint, Subject
from einthoven.audit._embedding import embed, fit, likeness, median_beat
from einthoven.audit.identity import identity
from einthoven.datasets.simulated import Simulated
from einthoven.metrics.auroc import auroc
from einthoven.records.ecg import ECG
from einthoven.records.leads import LIMB, TWELVE
from einthoven.signals.fingerprint import FINGERPRINT_HZ, fingerprint

CORPUS = Simulated(30, visits=(2, 2), seed=3)
TABLE = CORPUS.table()
ECGS = [CORPUS.read(record) for record in TABLE["record_id"]]


def printed(ecg: ECG) -> Fingerprint:
    return Fingerprint(ecg.leads, fingerprint(ecg.signal, ecg.rate_hz))


PRINTS = [printed(ecg) for ecg in ECGS]
VECTORS = np.stack([embed(each) for each in PRINTS])


def only(fingerprint_: Fingerprint, *leads: str) -> Fingerprint:
    return Fingerprint(leads, fingerprint_.samples[[fingerprint_.leads.index(lead) for lead in leads]])


def cosine(one: np.ndarray, other: np.ndarray) -> float:
    return float(likeness(one[None], other[None])[0][0, 0])


def subject(prints: list[Fingerprint | None], patients: list[str | None], side: list[str]) -> Subject:
    table = pd.DataFrame({"record_id": [f"r{n}" for n in range(len(prints))], "patient_id": patients})
    return Subject(table, np.array(side), split="by_example", fingerprints=prints)


def visits(patients: bool, other: bool = False) -> Subject:
    """The first visit of everybody on one side, the second on the other."""
    ids = TABLE["patient_id"] + (["", "-again"] * 30 if other else "")
    return subject(PRINTS, list(ids) if patients else [None] * 60, ["train", "test"] * 30)


# ------------------------------------------------------------------------------------------------------- the embedding


@pytest.mark.parametrize("leads", [("I",), TWELVE])
def test_visits_of_one_patient_are_more_alike_than_others(leads: tuple[str, ...]) -> None:
    vectors = np.stack([embed(only(each, *leads)) for each in PRINTS])
    scores, shared = likeness(vectors, vectors)
    one, other = np.triu_indices(60, 1)
    patient = TABLE["patient_id"].to_numpy()
    found = auroc(patient[one] == patient[other], scores[one, other], np.ones((len(one), 1)))
    assert found[0] > 0.85
    assert (shared == len(leads)).all()


def test_lengths_are_one_and_likeness_lies_between_minus_one_and_one() -> None:
    np.testing.assert_allclose(np.linalg.norm(VECTORS, axis=2), 1, atol=1e-5)
    scores, _ = likeness(VECTORS, VECTORS)
    assert np.abs(scores).max() < 1 + 1e-5
    np.testing.assert_allclose(np.diag(scores), 1, atol=1e-5)
    np.testing.assert_allclose(scores, scores.T, atol=1e-5)


@pytest.mark.parametrize("record", [0, 7, 21])
def test_gain_unit_rate_and_cut_hardly_matter(record: int) -> None:
    ecg = ECGS[record]
    per_lead = np.linspace(0.5, 3, 12, dtype=np.float32)[:, None]
    copies = {
        "gain": dataclasses.replace(ecg, signal=ecg.signal * per_lead),
        "rate": ecg.resample(250.0),
        "cut": dataclasses.replace(ecg, signal=ecg.signal[:, 400:-300]),
    }
    others = np.delete(likeness(VECTORS[[record]], VECTORS)[0][0], [record, record ^ 1])
    for name, copy in copies.items():
        alike = cosine(VECTORS[record], embed(printed(copy)))
        assert alike > 0.97, name
        assert alike > others.max(), name


def test_polarity_stays() -> None:
    for each in PRINTS[:5]:
        upside_down = Fingerprint(each.leads, -each.samples)
        np.testing.assert_allclose(median_beat(upside_down), -median_beat(each), atol=1e-6)
        assert cosine(embed(each), embed(upside_down)) < 0.2


@pytest.mark.parametrize("gap", [38, 60])
def test_pulse_moves_the_t_wave_but_not_the_embedding(gap: int) -> None:
    """A median beat laid out again and again, its end stretched with the distance as QT is."""
    beat = median_beat(PRINTS[2])
    assert beat is not None
    found, vectors = [], []
    for samples in (50, gap):
        time_s = (np.arange(samples) - samples // 3) / FINGERPRINT_HZ
        phase_s = np.where(time_s > 0.1, 0.1 + (time_s - 0.1) / (samples / FINGERPRINT_HZ) ** 0.6, time_s)
        one = np.stack([np.interp(phase_s, np.arange(len(row)) * 0.02 - 0.2, row, 0, 0) for row in beat])
        train = np.tile(one / np.abs(one).max(axis=1, keepdims=True), 13)[:, :500]
        made = Fingerprint(TWELVE, np.round(42 * train).astype(np.int8))
        found.append(median_beat(made))
        vectors.append(embed(made))
    assert cosine(*vectors) > 0.95
    assert np.abs(found[0] - found[1])[:, 18:].max() < 0.1  # from 0.16 s behind the QRS complex on


def test_leads_go_by_name_and_only_shared_ones_count() -> None:
    one, other = PRINTS[0], PRINTS[1]
    shuffled = only(one, *reversed(TWELVE))
    np.testing.assert_allclose(embed(shuffled), VECTORS[0], atol=1e-5)
    unknown = Fingerprint((*one.leads, "X"), np.concatenate([one.samples, one.samples[:1]]))
    np.testing.assert_array_equal(embed(unknown), VECTORS[0])
    limb, chest = embed(only(one, *LIMB)), embed(only(other, "V1", "V2"))
    scores, shared = likeness(np.stack([limb, chest]), np.stack([limb, VECTORS[1]]))
    np.testing.assert_array_equal(shared, [[6, 6], [0, 2]])
    assert scores[1, 0] == 0
    assert scores[1, 1] == pytest.approx(1, abs=0.05)


def test_a_flat_lead_is_no_lead_and_too_few_beats_are_no_embedding() -> None:
    flat = PRINTS[0].samples.copy()
    flat[3] = 0
    vectors = embed(Fingerprint(TWELVE, flat))
    assert not vectors[3].any() and vectors[[0, 1, 11]].any(axis=1).all()
    for samples in (np.zeros((12, 500), np.int8), PRINTS[0].samples[:, :60], PRINTS[0].samples[:, :10]):
        assert not embed(Fingerprint(TWELVE, samples)).any()
    assert not embed(Fingerprint(("X",), PRINTS[0].samples[:1])).any()


def test_what_a_lead_always_has_is_taken_off() -> None:
    shipped, beat = fit(), median_beat(PRINTS[4])
    assert beat is not None
    assert not embed(PRINTS[4], beat, shipped.map).any()
    half = embed(PRINTS[4], (beat + shipped.centre) / 2, shipped.map)
    np.testing.assert_allclose(half, VECTORS[4], atol=1e-4)


def test_what_ships_is_in_order() -> None:
    shipped = fit()
    assert shipped.centre.shape[0] == len(TWELVE) and shipped.centre.shape[1] == shipped.map.shape[1]
    assert (np.diff(shipped.leads) > 0).all() and shipped.leads[0] == 1 and shipped.leads[-1] == 12
    assert (shipped.sure > shipped.threshold).all() and (shipped.sure < 1).all()
    for rate in (shipped.false_match, shipped.found, shipped.sure_match, shipped.error, shipped.session_error[None]):
        assert ((0 <= rate[:, 1]) & (rate[:, 1] <= rate[:, 0]) & (rate[:, 0] <= rate[:, 2]) & (rate[:, 2] < 1)).all()
    assert (shipped.sure_match[:, 0] <= shipped.false_match[:, 0]).all()
    assert (shipped.false_match[:, 0] < shipped.found[:, 0]).all()
    assert [shipped.row(shared) for shared in (0, 1, 5, 12)] == [-1, 0, 2, len(shipped.leads) - 1]


# ----------------------------------------------------------------------------------------------------------- the check


def test_unknown_patients_who_are_the_same_are_a_warning_and_never_more() -> None:
    verdict = identity(visits(patients=False))
    assert verdict.status == "warning"
    assert verdict.pairs is not None and 0 < len(verdict.pairs) <= 50
    assert verdict.pairs["likeness"].is_monotonic_decreasing
    assert (verdict.pairs["side"] == "train").all() and (verdict.pairs["other_side"] == "test").all()
    same = [int(p.record[1:]) // 2 == int(p.other[1:]) // 2 for p in verdict.pairs.head(10).itertuples()]
    assert np.mean(same) >= 0.8
    (finding,) = verdict.findings
    assert "equal error rate" in finding.sentence and "chance" in finding.sentence and "12 leads" in finding.sentence
    assert finding.examples[0].startswith(f"{verdict.pairs['record'][0]} (train)")


def test_the_same_known_patient_is_not_this_checks_business() -> None:
    verdict = identity(visits(patients=True))
    assert verdict.status == "clean" and verdict.pairs is None
    assert f"{30 * 29} pairs of different patients" in verdict.looked


def test_two_ids_count_only_where_the_records_are_extremely_alike() -> None:
    verdict = identity(visits(patients=True, other=True))
    assert verdict.status == "warning"
    assert verdict.pairs is not None and verdict.pairs["likeness"].min() >= fit().sure[-1]
    unknown = identity(visits(patients=False))
    assert unknown.pairs is not None and len(unknown.pairs) > len(verdict.pairs)


def test_an_excess_that_is_not_clear_is_said_and_no_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    named = identity(visits(patients=False)).findings[0].count
    for rate, status in ((0.8 * named / 900, "clean"), (0.1 * named / 900, "warning")):
        rates = np.full((len(fit().leads), 3), rate)
        monkeypatch.setattr("einthoven.audit.identity.fit", lambda rates=rates: fit()._replace(false_match=rates))
        verdict = identity(visits(patients=False))
        assert verdict.status == status
        if status == "clean":
            assert f"{named} are alike where chance makes {0.8 * named:.0f}" in verdict.looked
            assert "no clear excess" in verdict.looked and verdict.pairs is None


def test_chance_is_measured_on_the_subject_itself_where_its_patients_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """People who look alike by making: where they are known to be different, they show what likeness is worth here."""
    monkeypatch.setattr("einthoven.audit.identity._OWN_PAIRS", 1000)
    rng = np.random.default_rng(0)
    bases = [PRINTS[k].samples.astype(int) for k in rng.integers(8, size=80)]
    noisy = [np.clip(base + rng.integers(-6, 7, base.shape), -127, 127).astype(np.int8) for base in bases]
    prints = [Fingerprint(TWELVE, samples) for samples in noisy]
    side = ["train"] * 60 + ["test"] * 20
    assert identity(subject(prints, [None] * 80, side)).status == "warning"
    assert identity(subject(prints, [f"p{n}" for n in range(60)] + [None] * 20, side)).status == "clean"


def test_who_is_not_looked_at_is_counted_and_nothing_to_look_at_is_not_asked() -> None:
    prints = [*PRINTS[:6], None, Fingerprint(TWELVE, np.zeros((12, 500), np.int8))]
    side = ["train", "test"] * 3 + ["train", "test"]
    verdict = identity(subject(prints, [None] * 8, side))
    assert verdict.looked.startswith("6 records") and verdict.findings[-1].status == "could not look"
    assert verdict.findings[-1].count == 2
    assert identity(subject(prints, [None] * 8, ["train"] * 8)).status == "not asked"
    assert identity(subject([None] * 8, [None] * 8, side)).status == "not asked"
    assert identity(dataclasses.replace(subject(prints, [None] * 8, side), fingerprints=())).status == "not asked"


def test_unused_records_are_left_alone_and_leads_may_differ() -> None:
    prints = [PRINTS[0], only(PRINTS[0], "I"), only(PRINTS[0], "V1", "V2"), PRINTS[0]]
    verdict = identity(subject(prints, [None] * 4, ["train", "test", "validation", ""]))
    assert verdict.status == "warning" and verdict.pairs is not None
    assert verdict.looked.startswith("3 records") and {finding.status for finding in verdict.findings} == {"warning"}
    assert {frozenset((p.record, p.other)) for p in verdict.pairs.itertuples()} == {
        frozenset(("r0", "r1")),
        frozenset(("r0", "r2")),
    }


def test_the_same_answer_every_time_and_in_any_order_of_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    first = identity(visits(patients=False))
    monkeypatch.setattr("einthoven.audit.identity._BLOCK", 64)
    second = identity(visits(patients=False))
    assert first.findings == second.findings and first.looked == second.looked
    pd.testing.assert_frame_equal(first.pairs, second.pairs)
    monkeypatch.setattr("einthoven.audit.identity._LISTED", 5)
    pd.testing.assert_frame_equal(first.pairs.head(5), identity(visits(patients=False)).pairs)
