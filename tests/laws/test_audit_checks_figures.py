"""Three more checks of the audit: data sets that share records, thresholds of the test, fields that tell the label."""

import dataclasses
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from einthoven.audit import Fingerprint, Subject, Verdict
from einthoven.audit.corpora import corpora
from einthoven.audit.fields import fields
from einthoven.audit.thresholds import thresholds
from einthoven.evaluation.thresholds import best_threshold
from einthoven.evaluation.thresholds import thresholds as fitted


def only(verdict: Verdict) -> str:
    (finding,) = verdict.findings
    return finding.sentence


# corpora


def joined(*rows: tuple[str, str, str, str], known: bool = False, split: str | None = "file", **more) -> Subject:
    """Records of data sets: data set, side, source and id."""
    dataset, side, source, record = map(list, zip(*rows, strict=True))
    patient = [f"{name}-p" if known else None for name in record]
    table = pd.DataFrame({"record_id": record, "patient_id": patient, "source": source, "dataset": dataset})
    return Subject(table, np.array(side, dtype=object), split, **more)


PTBXL = ("ptbxl", "train", "ptbxl", "ptbxl:1")
HR = ("cinc2021", "test", "PTB-XL", "ptbxl:2")
CPSC = ("cinc2021", "test", "CPSC2018", "cinc2021:A0001")
S = ("cinc2021", "test", "PTB", "cinc2021:S0001")
LEAD1 = ("lead1_562", "train", "ptbdb", "lead1-562:300-1")
OWN = ("lead1_562", "train", "owndb", "lead1-562:1-1")


def test_data_sets_that_share_a_third() -> None:
    found = corpora(joined(LEAD1, S, CPSC))
    assert found.status == "could not look" and found.findings[0].count == 3
    assert only(found).startswith("cinc2021 (in test) and lead1_562 (in train) are known to share records of PTB, ")
    prints = [Fingerprint(("I",), np.zeros((1, 50), dtype=np.int8))] * 3
    compared = corpora(joined(LEAD1, S, CPSC, fingerprints=prints))
    assert compared.status == "warning" and "the check waveforms" in only(compared)
    assert corpora(joined(LEAD1, S, CPSC, fingerprints=[*prints[:2], None])).status == "could not look"


@pytest.mark.parametrize(
    "rows",
    [
        (PTBXL, HR, CPSC),  # the HR records keep PTB-XL's ids
        (PTBXL, CPSC),  # these sources are not of PTB-XL
        (OWN, S, ("lead1_562", "test", "ptbdb", "lead1-562:300-1")),  # nor is the only one in training PTB's
        (PTBXL, ("arrays", "test", "ptbxl", "ptbxl:3")),
        (("code15", "train", "code15", "code15:1"), ("code_test", "test", "code_test", "code_test:1")),
        (("lead1_562", "test", "ptbdb", "lead1-562:300-1"), S),  # both on one side
    ],
)
def test_data_sets_that_share_nothing_or_say_so_by_their_ids(rows: tuple) -> None:
    assert corpora(joined(*rows)).status == "clean"


def test_a_card_is_read() -> None:
    mine = ("mine", "test", "mine", "mine:1")
    assert corpora(joined(PTBXL, mine)).status == "clean"
    assert "no card says what is in mine" in corpora(joined(PTBXL, mine)).looked
    card = {"name": "mine", "contains": ["PTB-XL, a part of it"]}
    found = corpora(joined(PTBXL, mine, cards={"mine": card}))
    assert found.status == "could not look" and "records of PTB-XL" in only(found)
    found = corpora(joined(("yours", "train", "y", "yours:1"), mine, cards={"mine": {"contains": ["some of yours"]}}))
    assert found.status == "could not look"
    between = corpora(
        joined(("ptbxl", "ptbxl", "ptbxl", "ptbxl:1"), ("mine", "mine", "", "mine:1"), split=None, cards={"mine": card})
    )
    assert only(between).startswith("mine and ptbxl are known to share")


def test_what_a_checkpoint_was_trained_on() -> None:
    facts = {"patients_seen": ["ab"], "unknown_patients_seen": 0}
    on = {name: {"data": [{"name": name}], **facts} for name in ("ptbxl", "cinc2021", "lead1_562")}
    tests = joined(HR, CPSC, known=True, contracts={"net": on["ptbxl"]})
    assert corpora(tests).status == "clean"  # its patients keep PTB-XL's ids: a matter of the check checkpoints
    for known, contract in ((False, on["ptbxl"]), (True, {**on["ptbxl"], "unknown_patients_seen": 3})):
        found = corpora(joined(HR, CPSC, known=known, contracts={"net": contract}))
        assert found.status == "could not look" and "net was trained on ptbxl" in only(found)
    found = corpora(joined(S, known=True, contracts={"net": {"pretrained": [on["lead1_562"]], "data": ["sph"]}}))
    assert found.status == "could not look" and "net, pretraining was trained on lead1_562" in only(found)
    assert corpora(joined(S, known=True, contracts={"net": on["cinc2021"]})).status == "clean"
    assert corpora(joined(LEAD1, contracts={"net": on["cinc2021"]})).status == "clean"  # training may know it


def test_one_data_set_shares_with_nobody() -> None:
    assert corpora(joined(PTBXL)).status == "not asked"
    alone = Subject(pd.DataFrame({"record_id": ["a"]}), np.array(["train"], dtype=object), "file")
    assert corpora(alone).status == "not asked"


# thresholds


def drawn(seed: int = 0, classes: int = 4, n: int = 300, rate: float = 0.2, gap: float = 1.5) -> pd.DataFrame:
    """Predictions of one model for validation and test records."""
    rng = np.random.default_rng(seed)
    parts = []
    for part in ("validation", "test"):
        truth = (rng.random((n, classes)) < rate).astype(int)
        probability = 1 / (1 + np.exp(2 - gap * truth - rng.normal(size=truth.shape)))
        names = [f"{part}:{i}" for i in range(n)]
        facts = {"record": np.repeat(names, classes), "class": np.tile([f"c{k}" for k in range(classes)], n)}
        parts.append(pd.DataFrame({**facts, "part": part, "truth": truth.ravel(), "probability": probability.ravel()}))
    table = pd.concat(parts, ignore_index=True)
    return table.assign(patient=table["record"], source="own", model="net", seed=0, fold=1)


def of_test(predictions: pd.DataFrame) -> pd.DataFrame:
    """The thresholds with the highest F1 on the test rows."""
    rows = []
    for name, part in predictions[predictions["part"] == "test"].groupby("class"):
        best = best_threshold(part["truth"].to_numpy() == 1, part["probability"].to_numpy())[0]
        rows.append({"model": "net", "seed": 0, "fold": 1, "class": name, "threshold": best})
    return pd.DataFrame(rows)


def judged(predictions: pd.DataFrame, chosen: pd.DataFrame) -> Verdict:
    empty = pd.DataFrame({"record_id": []})
    return thresholds(Subject(empty, np.array([], dtype=object), predictions=predictions, thresholds=chosen))


@pytest.mark.parametrize("seed", range(5))
def test_thresholds_of_the_test_are_told_from_those_of_validation(seed: int) -> None:
    table = drawn(seed)
    found = judged(table, of_test(table))
    told = found.findings[0].count
    assert found.status == "leak" and told >= 3 and "not on the validation" in only(found)
    assert only(found).startswith(f"{told} of {told} thresholds of net")
    assert judged(table, fitted(table)).status == "clean"
    assert judged(table, of_test(table).assign(threshold=0.5)).status == "clean"


def test_a_threshold_within_one_record_of_the_best_is_found_and_two_records_off_is_not() -> None:
    table = drawn(classes=4)
    ranks = table[table["part"] == "test"].groupby("class")["probability"].apply(lambda p: np.sort(p)[::-1])
    for steps, status in ((1, "leak"), (12, "clean")):
        chosen = of_test(table)
        alarms = [int((ranks[name] >= t).sum()) for name, t in zip(chosen["class"], chosen["threshold"], strict=True)]
        chosen["threshold"] = [
            ranks[name][count + steps - 1] for name, count in zip(chosen["class"], alarms, strict=True)
        ]
        assert judged(table, chosen).status == status


def test_within_one_record_means_one_record() -> None:
    # The best answer is yes to the four above .5, and two records have .5.
    probability = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.5, 0.4, 0.3, 0.2, 0.1])
    facts = {"record": [f"r{i}" for i in range(10)], "truth": [1] * 4 + [0] * 6, "probability": probability}
    one = pd.DataFrame(facts).assign(part="test", model="net", seed=0, fold=1)
    table = pd.concat([one.assign(**{"class": f"c{k}"}) for k in range(6)], ignore_index=True)
    for threshold, status in ((0.55, "leak"), (0.65, "leak"), (0.75, "clean"), (0.45, "clean")):
        assert judged(table, of_test(table).assign(threshold=threshold)).status == status


def test_one_class_may_be_luck() -> None:
    table = drawn(classes=1)
    found = judged(table, of_test(table))
    assert found.status == "warning" and "may be luck, with a probability of up to 0.25" in only(found)
    test = drawn(classes=6).query("part == 'test'")
    found = judged(test, of_test(test))
    assert found.status == "leak" and "no validation records" in only(found)


def test_thresholds_that_tell_nothing() -> None:
    easy = drawn(gap=40.0)
    found = judged(easy, of_test(easy))
    assert found.status == "could not look" and "4 are the best of test and validation alike" in found.looked
    rare = drawn(n=20, rate=0.05)
    found = judged(rare, of_test(drawn()))
    assert found.status == "could not look" and "0 of 4 thresholds" in found.looked
    table = drawn()
    assert thresholds(Subject(pd.DataFrame(), np.array([], dtype=object))).status == "not asked"
    assert thresholds(Subject(pd.DataFrame(), np.array([], dtype=object), predictions=table)).status == "not asked"


# fields


def patients(
    field: Callable[[np.random.Generator, np.ndarray], object],
    auroc: float | None = 0.8,
    seed: int = 0,
    n: int = 400,
    **more,
) -> Subject:
    """Two visits of each patient, one class, a column made of it, and a model of about so much AUROC."""
    rng = np.random.default_rng(seed)
    truth = np.repeat(rng.random(n // 2) < 0.3, 2)
    record = [f"own:{i}" for i in range(n)]
    patient = [f"own:p{i // 2}" for i in range(n)]
    table = pd.DataFrame({"record_id": record, "patient_id": patient, "source": "own", "column": field(rng, truth)})
    predictions = None
    if auroc is not None:
        score = rng.normal(size=n) + truth * {0.8: 1.2, 0.95: 2.4}[auroc]
        facts = {"record": record, "patient": patient, "part": "test", "class": "AF", "truth": truth.astype(int)}
        names = {"source": "own", "model": "net", "seed": 0, "fold": 1}
        predictions = pd.DataFrame({**facts, "probability": 1 / (1 + np.exp(-score)), **names})
    targets, side = truth.astype(float)[:, None], np.full(n, "test", dtype=object)
    return Subject(table, side, "file", **{"targets": targets, "classes": ("AF",), "predictions": predictions, **more})


def number(strength: float) -> Callable[[np.random.Generator, np.ndarray], object]:
    return lambda rng, truth: -(rng.normal(size=len(truth)) + strength * truth)


def word(share: float) -> Callable[[np.random.Generator, np.ndarray], object]:
    return lambda rng, truth: np.where(
        rng.random(len(truth)) < share, np.where(truth, "b", "a"), rng.choice(["a", "b", "c"], len(truth))
    )


@pytest.mark.parametrize(
    "field", [number(3.0), word(0.97), lambda rng, truth: np.where(truth, np.nan, rng.random(len(truth)))]
)
def test_a_field_that_tells_more_than_the_model(field: Callable) -> None:
    found = fields(patients(field))
    assert found.status == "leak"
    for words in ("column", "1 of 1 classes better than the best model", "against 0.8", "of net (difference 0."):
        assert words in found.findings[0].sentence
    assert fields(patients(field, n=60, seed=1)).status != "clean"


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    "field", [number(0.0), number(0.8), word(0.0), word(0.3), lambda rng, truth: [f"x{i}" for i in range(len(truth))]]
)
def test_a_field_that_tells_less_is_no_leak(field: Callable, seed: int) -> None:
    assert fields(patients(field, seed=seed)).status == "clean"


def test_a_field_without_a_model_to_compare_with() -> None:
    found = fields(patients(number(3.0), None))
    assert found.status == "warning" and "AF with an AUROC of 0.9" in only(found) and "no predictions" in only(found)
    assert fields(patients(number(1.0), None)).status == "clean"
    whole = patients(number(3.0), None)
    whole.side[:] = "own"
    assert fields(whole).status == "could not look"
    assert fields(dataclasses.replace(whole, split=None)).status == "warning"


def test_bookkeeping_is_no_field_and_a_recording_length_is() -> None:
    told = patients(number(3.0))
    for name in ("patient_id", "fold", "content", "scale", "lead_mean", "fingerprint_row", "AF", "parents"):
        table = told.table.drop(columns="column").assign(**{name: told.table["column"]})
        table["patient_id"] = told.table["patient_id"]
        assert fields(Subject(table, told.side, "file", targets=told.targets, classes=("AF",))).status == "not asked"
    table = told.table.rename(columns={"column": "samples"}).assign(sex="male", codes=[["a"]] * 400)
    found = fields(Subject(table, told.side, "file", targets=told.targets, classes=("AF",)))
    assert found.status == "warning" and "1 fields (recording length) for 1 classes" in found.looked


def test_classes_that_are_too_rare_are_not_judged() -> None:
    few = patients(number(3.0))
    few.targets[:] = 0
    few.targets[:4] = 1
    found = fields(Subject(few.table, few.side, "file", targets=few.targets, classes=("AF",)))
    assert found.status == "could not look" and "1 others have fewer than 5" in found.looked
    assert fields(Subject(few.table, few.side, "file")).status == "not asked"


def test_dates_are_numbers() -> None:
    start = pd.Timestamp("2020-01-01")
    dated = patients(lambda rng, truth: [str(start + pd.Timedelta(hours=float(h))) for h in number(3.0)(rng, truth)])
    assert fields(dated).status == "leak"


def test_what_is_better_by_chance_among_many_is_a_warning() -> None:
    base = patients(number(0.0), n=100)
    assert base.predictions is not None
    rng = np.random.default_rng(0)
    noise = {f"noise{i}": rng.normal(size=100) for i in range(60)}
    guess = base.predictions.assign(probability=0.3)
    found = fields(dataclasses.replace(base, table=base.table.assign(**noise), predictions=guess))
    assert found.status == "warning" and "may be chance among 61 comparisons" in found.findings[0].sentence


def test_the_best_of_several_models_counts_and_rare_classes_do_not() -> None:
    weak = patients(number(1.2), 0.8)
    assert weak.predictions is not None
    naive = weak.predictions.assign(probability=0.3, model="naive")
    assert fields(dataclasses.replace(weak, predictions=naive)).status == "leak"
    both = pd.concat([weak.predictions, naive], ignore_index=True)
    assert fields(dataclasses.replace(weak, predictions=both)).status == "clean"
    told = patients(number(3.0))
    assert told.predictions is not None
    truth = told.predictions["truth"].where(told.predictions["truth"].cumsum() <= 4, 0)
    found = fields(dataclasses.replace(told, predictions=told.predictions.assign(truth=truth)))
    assert found.status == "could not look" and "0 classes" in found.looked
