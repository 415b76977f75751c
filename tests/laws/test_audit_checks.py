"""Seven checks of the audit: each finds what was planted, is clean without it, and says where it could not look."""

import numpy as np
import pandas as pd
import pytest

from einthoven.audit import Subject, Verdict
from einthoven.audit.balance import balance
from einthoven.audit.checkpoints import checkpoints
from einthoven.audit.preprocessing import preprocessing
from einthoven.audit.windows import windows
from einthoven.training import SALT_VARIABLE, hash_patient

SIDES = ("train", "validation", "test")


@pytest.fixture(autouse=True)
def unsalted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SALT_VARIABLE, raising=False)


def subject(side: list[str], split: str | None = "by_patient", **more) -> Subject:
    """A small table with one patient a record, and further columns or attributes."""
    names = [f"own:{i}" for i in range(len(side))]
    attributes = {key: more.pop(key) for key in list(more) if key in Subject.__dataclass_fields__}
    table = pd.DataFrame({"record_id": names, "patient_id": [f"own:p{i}" for i in range(len(side))], **more})
    return Subject(table, np.array(side, dtype=object), split, **attributes)


def only(verdict: Verdict) -> str:
    (finding,) = verdict.findings
    return finding.sentence


# windows


def beats(side: list[str], recording: list[str | None], start: list[float], length: float = 1.0) -> Subject:
    start = np.array(start, dtype=np.float64)
    return subject(side, recording=recording, start_s=start, stop_s=start + length)


def test_windows_of_one_recording_on_two_sides() -> None:
    found = windows(beats(["train", "test", "train", "test"], ["a", "a", "a", "b"], [0.0, 0.25, 5.0, 0.5]))
    assert found.status == "leak" and found.findings[0].count == 1
    for words in (
        "1 recording has windows in both train and test, 3 in all",
        "2 overlap in time",
        "up to 0.75 s",
        "1 do",
    ):
        assert words in only(found)
    assert windows(beats(["train", "test"], ["a", "b"], [0.0, 0.25])).status == "clean"
    apart = windows(beats(["train", "test"], ["a", "a"], [0.0, 1.0]))
    assert apart.status == "leak" and "none overlap" in only(apart)
    assert windows(beats(["train", ""], ["a", "a"], [0.0, 0.0])).status == "clean"


def test_windows_without_times_or_recordings() -> None:
    untimed = windows(beats(["train", "test", "test"], ["a", "a", None], [np.nan, 0.0, 0.0]))
    assert untimed.status == "leak" and "where the times are known" in only(untimed)
    assert "1 of them do not say when" in untimed.looked and "1 other records name no recording" in untimed.looked
    assert windows(subject(["train", "test"])).status == "not asked"
    for nobody in (None, "nan", " "):
        assert windows(beats(["train", "test"], [nobody, nobody], [0.0, 0.0])).status == "not asked"


@pytest.mark.parametrize("seed", range(20))
def test_overlaps_are_those_of_all_pairs_compared(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = 24
    side, recording = rng.choice(["train", "test"], n), rng.choice(["a", "b", "c"], n)
    start, stop = rng.integers(0, 30, n).astype(float), np.zeros(n)
    stop = start + rng.integers(1, 12, n)
    found = windows(subject(list(side), recording=recording, start_s=start, stop_s=stop))
    across = (recording[:, None] == recording) & (side[:, None] != side)
    overlap = np.where(across, np.minimum(stop[:, None], stop) - np.maximum(start[:, None], start), 0.0)
    assert found.pairs is not None
    assert found.pairs["overlap_s"].max() == max(overlap.max(), 0)
    assert f": {(overlap > 0).any(axis=1).sum()} overlap in time" in only(found)
    linked = {tuple(sorted(pair)) for pair in found.pairs[["record", "other"]].to_numpy()}
    assert len(linked) == len(found.pairs) and (found.pairs["side"] != found.pairs["other_side"]).all()
    # What stands on two sides hangs together through the pairs.
    group = {f"own:{i}": {f"own:{i}"} for i in range(n)}
    for one, other in linked:
        union = group[one] | group[other]
        group |= dict.fromkeys(union, union)
    for name in "abc":
        own = {f"own:{i}" for i in np.flatnonzero(recording == name)}
        assert len(set(side[recording == name])) < 2 or all(group[one] == own for one in own)


# checkpoints


def contract(*patients: int, **more) -> dict:
    seen = [hash_patient(f"own:p{i}") for i in patients]
    return {"patients_seen": seen, "patients_salted": False, "unknown_patients_seen": 0, **more}


SPLIT = ["train", "train", "validation", "test", "test"]


def test_a_checkpoint_that_saw_a_test_patient() -> None:
    found = checkpoints(subject(SPLIT, contracts={"net": contract(0, 1, 2, 4)}))
    assert found.status == "leak" and found.findings[0].examples == ("own:p4",)
    assert "net has seen 1 of 2 patients in test" in only(found)
    # The patients of its own validation count as seen, and so they should.
    assert checkpoints(subject(SPLIT, contracts={"net": contract(0, 1, 2)})).status == "clean"
    assert checkpoints(subject(SPLIT)).status == "not asked"


def test_pretraining_is_looked_at_too() -> None:
    net = contract(0, 1, pretrained=[contract(3, 7)])
    found = checkpoints(subject(SPLIT, contracts={"net": net}))
    assert found.status == "leak" and "net, pretraining 1 has seen 1 of 2" in only(found)
    deeper = contract(0, 1, pretrained=[contract(pretrained=[contract(2)])])
    found = checkpoints(subject(SPLIT, contracts={"net": deeper}))
    assert found.status == "leak" and "patients in validation" in only(found)


def test_what_several_stages_saw_alike_is_told_once() -> None:
    nets = {name: contract(*own, pretrained=[contract(3, 7)]) for name, own in {"a": (0,), "b": (0, 1)}.items()}
    found = checkpoints(subject(SPLIT, contracts=nets))
    assert "a, pretraining 1 (and 1 more that saw the same) has seen 1 of 2 patients in test" in only(found)
    assert "4 contracts of 2 checkpoints" in found.looked


def test_validation_patients_of_a_checkpoint_that_was_not_trained_here_are_a_warning() -> None:
    for seen in ((2, 9), (0, 2, 3)):
        found = checkpoints(subject(SPLIT, contracts={"net": contract(*seen)}))
        (finding,) = [each for each in found.findings if "in validation" in each.sentence]
        assert finding.status == "warning" and "does not look trained on this split" in finding.sentence
    # One that was trained on a part of the training records is at home.
    assert checkpoints(subject(SPLIT, contracts={"net": contract(0, 2)})).status == "clean"


def test_without_a_split_every_patient_must_be_new() -> None:
    found = checkpoints(subject(["a", "b"], None, contracts={"net": contract(0)}))
    assert found.status == "leak" and "1 of 1 patients in a" in only(found)
    assert checkpoints(subject(["a", "b"], None, contracts={"net": contract(2)})).status == "clean"


def test_a_record_of_nobody_known_that_was_seen_is_recognised_itself() -> None:
    strange = subject(SPLIT, contracts={"net": contract(0, 1)})
    strange.table["patient_id"] = None
    seen = [hash_patient(f"own:{i}") for i in range(5)]
    # Who saw all of training may have looked at validation to know when to stop.
    for places, leaked in (((0, 1), []), ((0, 1, 2), []), ((0, 2), ["own:2"]), ((0, 4), ["own:4"])):
        facts = contract(records_seen=[seen[i] for i in places], unknown_patients_seen=len(places))
        strange.contracts["net"] = contract(pretrained=[facts])
        found = checkpoints(strange)
        leaks = [each for each in found.findings if each.status == "leak"]
        assert found.status == ("leak" if leaked else "could not look")
        assert [name for each in leaks for name in each.examples] == leaked
    # Now somebody knows the patients; the recordings are the same.
    later = subject(SPLIT, contracts={"net": contract(pretrained=[contract(records_seen=[seen[0], seen[3]])])})
    assert checkpoints(later).status == "leak" and "1 of 2 records in test" in only(checkpoints(later))
    # A patient and a record may have one name.
    named = subject(SPLIT, contracts={"net": contract(records_seen=[hash_patient("own:p4")])})
    assert checkpoints(named).status == "clean"


def test_patients_that_cannot_be_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    clean = subject(SPLIT, contracts={"net": contract(0, 1)})
    assert checkpoints(clean).status == "clean"
    clean.table.loc[3, "patient_id"] = "nan"
    found = checkpoints(clean)
    assert found.status == "could not look" and only(found).startswith("1 records")
    for facts, words in (
        ({"unknown_patients_seen": 7}, "7 records of patients whom nobody knows"),
        ({"patients_salted": True}, f"set {SALT_VARIABLE}"),
    ):
        found = checkpoints(subject(SPLIT, contracts={"net": contract(0, 1, **facts)}))
        assert found.status == "could not look" and words in only(found)
    found = checkpoints(subject(SPLIT, contracts={"net": {}}))
    assert found.status == "could not look" and "which patients" in only(found)
    plain = contract(0, 1)
    monkeypatch.setenv(SALT_VARIABLE, "pepper")
    found = checkpoints(subject(SPLIT, contracts={"net": plain}))
    assert found.status == "could not look" and f"unset {SALT_VARIABLE}" in only(found)
    salted = contract(0, 1, 3, patients_salted=True)
    assert checkpoints(subject(SPLIT, contracts={"net": salted})).status == "leak"
    monkeypatch.setenv(SALT_VARIABLE, "salt")
    found = checkpoints(subject(SPLIT, contracts={"net": salted}))
    assert found.status == "warning" and "another salt" in only(found)


# preprocessing


def moments(fitted_on: tuple[str, ...], digits: int = 17, n: int = 60, **more) -> Subject:
    """Signals of three leads, and the means and deviations of all samples of some sides, in so many digits."""
    rng = np.random.default_rng(3)
    side = [SIDES[i % 3] for i in range(n)]
    leads = ["I", "II", "V1"]
    signals = [rng.normal(rng.normal(size=(3, 1)), rng.uniform(1, 3, (3, 1)), (3, 50 + i)) for i in range(n)]
    pooled = np.concatenate([s for s, where in zip(signals, side, strict=True) if where in fitted_on], axis=1)
    fitted = {
        name: {lead: round(float(value), digits) for lead, value in zip(leads, of(pooled, axis=1), strict=True)}
        for name, of in (("mean", np.mean), ("std", np.std))
    }
    facts = {
        "lead_names": [leads] * n,
        "lead_mean": [s.mean(axis=1) for s in signals],
        "lead_std": [s.std(axis=1) for s in signals],
        "lead_count": [[s.shape[1]] * 3 for s in signals],
    }
    return subject(side, **{"fitted": fitted, **facts, **more})


@pytest.mark.parametrize("digits", [17, 4])
def test_preprocessing_is_traced_to_the_records_that_it_was_fitted_on(digits: int) -> None:
    assert preprocessing(moments(("train",), digits)).status == "clean"
    for sides in (SIDES, ("train", "test"), ("train", "validation"), ("test",)):
        found = preprocessing(moments(sides, digits))
        assert found.status == "leak" and f"are those of {' + '.join(sides)} (" in only(found)


def test_preprocessing_that_fits_nothing_or_too_much() -> None:
    other = moments(("train",), fitted={"mean": {"I": 0.5}, "std": {"I": 40.0}})
    assert preprocessing(other).status == "could not look" and "standard deviations off" in only(preprocessing(other))
    rounded = preprocessing(moments(("train",), 0))
    assert rounded.status == "could not look" and "about equally" in only(rounded)
    strange = preprocessing(moments(SIDES, fitted={"mean": {"aVX": 0.5}}))
    assert strange.status == "could not look" and "None of the leads" in only(strange)
    bare = preprocessing(subject(["train", "test"], fitted={"mean": {"I": 0.0}}))
    assert bare.status == "could not look" and "no column lead_names" in only(bare)


def test_preprocessing_is_asked_of_those_who_fitted_some() -> None:
    assert preprocessing(moments(SIDES, fitted=None)).status == "not asked"
    assert preprocessing(moments(SIDES, split=None)).status == "not asked"
    said = {"net": {"fitted_on": "all"}, "other": {"fitted_on": "train"}}
    found = preprocessing(subject(["train", "test"], contracts=said))
    assert found.status == "leak" and "net says that its preprocessing was fitted on all" in only(found)
    assert preprocessing(subject(["train", "test"], contracts={"other": said["other"]})).status == "clean"


# balance


def people(seed: int = 0, older: float = 0.0, women: float = 0.5, ill: float = 0.2, n: int = 1200, **more) -> Subject:
    """Patients whose test half differs from training as asked."""
    rng = np.random.default_rng(seed)
    side = np.repeat(["train", "test"], n // 2)
    test = side == "test"
    columns = {
        "age": 55 + 15 * rng.normal(size=n) + older * test,
        "sex": np.where(rng.random(n) < np.where(test, women, 0.5), "female", "male"),
        "source": rng.choice(["here", "there"], n),
    }
    targets = (rng.random((n, 2)) < np.stack([np.where(test, ill, 0.2), np.full(n, 0.3)], axis=1)).astype(float)
    return subject(list(side), **{**columns, "targets": targets, "classes": ("AF", "LBBB"), **more})


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"older": 8.0}, "years (d = 0.5"),
        ({"women": 0.8}, "sex female 82.0 % against 52.2 %"),
        ({"ill": 0.4}, "class AF 38.2 % against 18.5 % (h = 0.44)"),
    ],
)
def test_a_planted_difference_is_named_with_its_size(changed: dict, words: str) -> None:
    found = balance(people(**changed))
    assert found.status == "warning" and found.findings[0].count == 1
    assert words in only(found)


def test_what_is_small_or_by_chance_is_not_named() -> None:
    for seed in range(5):
        assert balance(people(seed)).status == "clean"
    assert balance(people(older=2.0, n=6000)).status == "clean"  # d = 0.13, however sure
    few = people(n=12, older=15.0)  # d = 1, of twelve people
    assert balance(few).status == "clean"
    found = balance(people(split=None))
    assert found.status == "not asked"


def test_records_of_one_patient_are_one_piece_of_evidence() -> None:
    side = ["train"] * 200 + ["test"] * 200
    age = [50.0 + i % 3 for i in range(200)] + [60.0 + i % 3 for i in range(200)]
    assert balance(subject(side, age=age)).status == "warning"
    alone = subject(side, age=age)
    alone.table["patient_id"] = [f"own:{i // 50}" for i in range(400)]  # four patients on either side
    assert balance(alone).status == "warning"
    alone.table["patient_id"] = ["own:1"] * 200 + ["own:2"] * 200
    assert balance(alone).status == "not asked"  # one patient on either side


def test_sources_that_training_has_never_seen() -> None:
    side = ["train", "train", "test", "test", "external", "external"]
    found = balance(subject(side, source=["a", "a", "a", "b", "c", "c"], age=[None, 50.0, 60.0, 55.0, 60.0, 70.0]))
    assert found.status == "warning" and "1 records in test are of sources that training has never seen (b: 1)" in only(
        found
    )
    assert "as is its purpose (c: 2)" in found.looked and "of 6 records, missing: age of 1" in found.looked
    assert balance(subject(side, source=["a", "a", "a", "a", "c", "c"])).status == "clean"
