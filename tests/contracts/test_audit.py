"""Every check of the audit, by existing."""

import json

import numpy as np
import pandas as pd
import pytest

from einthoven import audit
from einthoven.audit import Fingerprint, Subject, Verdict
from einthoven.datasets.simulated import Simulated

RANK = audit.STATUSES


def subject(records: int = 120) -> Subject:
    """Simulated patients on three sides, with fingerprints and labels."""
    source = Simulated(records, visits=(1, 2), seed=5, rate_hz=100.0, difficulty=0.2)
    table = source.table().assign(dataset="simulated", content=lambda t: t["record_id"].map(hash).astype(str))
    prints = [Fingerprint.of(source.read(name)) for name in table["record_id"]]
    number = table["patient_id"].str[-5:].astype(int) % 10
    side = np.where(number == 0, "test", np.where(number == 1, "validation", "train")).astype(object)
    targets = np.array([[float("scp:NORM" in codes)] for codes in table["positive"]])
    return Subject(table, side, "by_patient", prints, targets=targets, classes=("NORM",))


@pytest.fixture(scope="module")
def whole() -> Subject:
    return subject()


@pytest.mark.parametrize("name", audit.names())
def test_a_check_answers_for_a_clean_split_and_changes_nothing(name: str, whole: Subject) -> None:
    before, side = whole.table.copy(), whole.side.copy()
    verdict = audit.get(name)(whole)
    assert isinstance(verdict, Verdict) and verdict.check == name and verdict.looked
    assert verdict.status in ("clean", "warning", "not asked"), verdict
    pd.testing.assert_frame_equal(before, whole.table)
    assert (side == whole.side).all()
    again = audit.get(name)(whole)
    assert json.dumps(audit.account(whole, [verdict])) == json.dumps(audit.account(whole, [again]))


@pytest.mark.parametrize("name", audit.names())
@pytest.mark.parametrize("side", ["unused", "data sets", "one side"])
def test_a_check_answers_where_there_is_little_to_see(name: str, side: str, whole: Subject) -> None:
    sides = {"unused": "", "data sets": "simulated", "one side": "train"}[side]
    bare = Subject(
        pd.DataFrame(
            {
                "record_id": ["a", "b"],
                "patient_id": pd.array([None, None], dtype="string"),
                "source": "x",
                "age": np.nan,
                "sex": pd.array([None, None], dtype="string"),
                "fold": pd.array([None, None], dtype="Int64"),
                "positive": [[], []],
                "unknown": [[], []],
                "dataset": "simulated",
            }
        ),
        np.array([sides] * 2, dtype=object),
        None if side == "data sets" else "mine.csv",
    )
    verdict = audit.get(name)(bare)
    assert verdict.status in RANK and verdict.status != "leak"


def test_unknown_patients_are_never_clean(whole: Subject) -> None:
    blind = Subject(whole.table.assign(patient_id=None), whole.side, "by_patient", whole.fingerprints)
    verdicts = audit.audit(blind, ["patients", "balance"])
    assert verdicts[0].status == "could not look" and audit.exit_code(verdicts) == 11
    assert str(len(whole.table)) in verdicts[0].findings[0].sentence


def test_the_worst_comes_first_and_decides_the_exit_code() -> None:
    def verdict(status: str) -> Verdict:
        return Verdict(status, "something", (audit.Finding(status, "One."),))  # type: ignore[arg-type]

    leak, blind, warning, clean = map(verdict, ("leak", "could not look", "warning", "clean"))
    assert audit.exit_code([clean, warning, Verdict("x", "nothing", asked=False)]) == 0
    assert audit.exit_code([clean, blind]) == 11
    assert audit.exit_code([blind, leak, clean]) == 10
    assert audit.exit_code([]) == 11 and audit.exit_code([Verdict("x", "nothing", asked=False)]) == 11
    both = Verdict("both", "something", (*warning.findings, *leak.findings))
    assert both.status == "leak" and Verdict("none", "something").status == "clean"
