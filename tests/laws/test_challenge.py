"""The challenge score: cases that were worked by hand, and what must hold of every other."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from einthoven import labels
from einthoven.evaluation.bootstrap import resampled
from einthoven.evaluation.challenge import challenge, challenge_score
from einthoven.labels._cinc import weights

YEARS = {2020: 24, 2021: 26}  # and how many classes they score


def records(year: int, *rows: str) -> np.ndarray:
    """One record a string of class codes."""
    codes = labels.get(f"cinc{year}").codes
    assert {code for row in rows for code in row.split()} <= set(codes)
    return np.array([[code in row.split() for code in codes] for row in rows])


def drawn(year: int, n: int, seed: int) -> tuple[int, np.ndarray, np.ndarray]:
    """A year, and truths and decisions of which at least one record is more than sinus rhythm."""
    rng = np.random.default_rng(seed)
    truth, decision = (rng.random((n, YEARS[year])) < p for p in (0.1, rng.random()))
    truth[0, 0] = True
    return year, truth, decision


CASES = st.builds(drawn, st.sampled_from(sorted(YEARS)), st.integers(1, 12), st.integers(0, 2**32 - 1))

# The published weights of the classes below, the same in both years:
#
#            AF    AFL   NSR   SB
#     AF     1     .5    .25   .3
#     AFL    .5    1     .25   .3
#     NSR    .25   .25   1     .45
#     SB     .3    .3    .45   1


@pytest.mark.parametrize("year", YEARS)
def test_one_wrong_answer_by_hand(year: int) -> None:
    # Flutter for fibrillation: 1 entry of 1/2, worth .5, is .25. The truth has 1. Sinus rhythm: .25 / 2 = .125.
    # (.25 − .125) / (1 − .125) = 1/7.
    assert challenge_score(records(year, "AF"), records(year, "AFL"), year) == pytest.approx(1 / 7)
    # Both for one: (1 + .5) / 2 = .75; (.75 − .125) / .875 = 5/7. One for both: the same entries, .75. The truth of
    # both: (1 + .5 + .5 + 1) / 2 = 1.5; sinus rhythm (.25 + .25) / 3 = 1/6. (3/4 − 1/6) / (3/2 − 1/6) = 7/16.
    assert challenge_score(records(year, "AF"), records(year, "AF AFL"), year) == pytest.approx(5 / 7)
    assert challenge_score(records(year, "AF AFL"), records(year, "AF"), year) == pytest.approx(7 / 16)


@pytest.mark.parametrize("year", YEARS)
def test_three_records_by_hand(year: int) -> None:
    truth, decision = records(year, "AF", "NSR", "NSR SB"), records(year, "", "SB", "SB")
    #                 answer                     truth                          sinus rhythm
    #     AF          nothing: 0                 1                              .25 / 2 = .125
    #     NSR         .45 / 2 = .225             1                              1
    #     NSR SB      (.45 + 1) / 2 = .725       (1 + .45 + .45 + 1) / 2 = 1.45   (1 + .45) / 2 = .725
    #     sum         .95                        3.45                           1.85
    assert challenge_score(truth, decision, year) == pytest.approx((0.95 - 1.85) / (3.45 - 1.85))
    # Drawn 2, 0 and 1 times: .725, 3.45 and .975.
    counts = np.array([[1, 2], [1, 0], [1, 1]])
    score = challenge_score(truth, decision, year, counts)
    np.testing.assert_allclose(score, [-0.9 / 1.6, (0.725 - 0.975) / (3.45 - 0.975)])


def test_poor_r_wave_progression_is_of_2021() -> None:
    # PRWP for PRWP and low voltages: (1 + .475) / 2 = .7375; the truth (1 + .475 + .475 + 1) / 2 = 1.475; sinus rhythm
    # (.325 + .325) / 3.
    score = challenge_score(records(2021, "LQRSV PRWP"), records(2021, "PRWP"), 2021)
    assert score == pytest.approx((0.7375 - 0.65 / 3) / (1.475 - 0.65 / 3))


@given(case=CASES)
def test_the_truth_has_1_and_sinus_rhythm_for_all_has_0(case: tuple[int, np.ndarray, np.ndarray]) -> None:
    year, truth, decision = case
    assert challenge_score(truth, truth, year) == pytest.approx(1)
    assert challenge_score(truth, records(year, *["NSR"] * len(truth)), year) == pytest.approx(0)
    assert challenge_score(truth, decision, year) <= 1 + 1e-12


@given(case=CASES)
def test_it_is_the_sum_over_a_confusion_matrix(case: tuple[int, np.ndarray, np.ndarray]) -> None:
    year, truth, decision = case
    sinus = records(year, *["NSR"] * len(truth))

    def total(answer: np.ndarray) -> float:
        matrix = np.zeros_like(weights(year))
        for t, d in zip(truth, answer, strict=True):
            matrix += np.outer(t, d) / max(np.sum(t | d), 1)
        return float((weights(year) * matrix).sum())

    want = (total(decision) - total(sinus)) / (total(truth) - total(sinus))
    assert challenge_score(truth, decision, year) == pytest.approx(want)


@given(case=CASES, seed=st.integers(0, 99))
def test_a_resample_is_its_records_written_out(case: tuple[int, np.ndarray, np.ndarray], seed: int) -> None:
    year, truth, decision = case
    assume(len(truth) > 1)  # one patient alone is not drawn from
    counts = resampled(np.arange(len(truth)), 3, seed)
    scores = challenge_score(truth, decision, year, counts)
    assert scores.shape == (4,) and scores[0] == pytest.approx(challenge_score(truth, decision, year))
    for score, count in zip(scores, counts.T.astype(int), strict=True):
        rows = np.repeat(np.arange(len(truth)), count)
        assert score == pytest.approx(challenge_score(truth[rows], decision[rows], year), nan_ok=True)


@given(case=CASES)
def test_classes_of_one_place_may_be_exchanged(case: tuple[int, np.ndarray, np.ndarray]) -> None:
    year, truth, decision = case
    codes = labels.get(f"cinc{year}").codes
    swap = list(range(len(codes)))
    i, j = codes.index("IAVB"), codes.index("SB")
    swap[i], swap[j] = j, i
    swapped = challenge_score(truth[:, swap], decision[:, swap], year)
    assert swapped == pytest.approx(challenge_score(truth, decision, year))


def test_where_the_scale_has_no_length_there_is_no_score() -> None:
    for truth in (records(2020, "NSR", "NSR"), records(2020, "", ""), records(2020, "NSR")[:0]):
        assert np.isnan(challenge_score(truth, truth, 2020))
    nobody = np.array([[1.0, 0.0], [1.0, 1.0]])
    scores = challenge_score(records(2020, "AF", "NSR"), records(2020, "AF", "NSR"), 2020, nobody)
    np.testing.assert_array_equal(scores, [1, np.nan])


def test_what_does_not_fit_is_refused() -> None:
    truth = records(2020, "AF")
    with pytest.raises(ValueError, match="challenge score of 2021 takes a truth and an answer to 26 classes"):
        challenge_score(truth, truth, 2021)
    with pytest.raises(ValueError, match="2020 or 2021, not of 2022"):
        challenge_score(truth, truth, 2022)


def test_the_table_is_the_score_of_the_decisions() -> None:
    codes = list(labels.get("cinc2020").codes)
    rng = np.random.default_rng(2)
    truth, said = rng.random((2, 40, len(codes))) < 0.1
    long = pd.DataFrame(
        {
            "record": np.repeat([f"r{k:02d}" for k in range(40)], len(codes)),
            "patient": np.repeat([f"p{k // 2}" for k in range(40)], len(codes)),
            "class": codes * 40,
            "truth": pd.array(truth.ravel(), dtype="boolean").astype("Int8"),
            "decision": said.ravel(),
        }
    ).assign(source="here", part="test", probability=0.5, model="one", seed=0, fold=1)
    found = challenge(long, label_sets={"cinc2020": codes, "code6": []}, resamples=50, minimum_positives=4)
    assert found["over"].tolist() == ["all", "enough"] and found["model"].tolist() == ["one", "one"]
    kept = truth.sum(axis=0) >= 4
    want = [challenge_score(truth, said, 2020), challenge_score(truth & kept, said & kept, 2020)]
    assert found["value"].tolist() == pytest.approx(want)
    assert found["classes"].tolist() == [len(codes), kept.sum()] and 0 < kept.sum() < len(codes)
    rare = codes[int(np.argmin(truth.sum(axis=0)))]
    assert found["without"][0] == "" and f"{rare} ({truth.sum(axis=0).min()})" in found["without"][1].split(", ")
    assert (found["low"] < found["value"]).all() and (found["value"] < found["high"]).all()
    easy = challenge(long, label_sets={"cinc2020": codes}, resamples=5, minimum_positives=0)
    assert easy["over"].tolist() == ["all"]
    assert challenge(long, label_sets={"other": codes}).empty
