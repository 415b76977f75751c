"""A checkpoint that has seen a patient of the test, in pretraining or any other stage.

A contract holds the hashed ids of every patient that its checkpoint saw (`einthoven.training`). They are compared with
those of the patients on whom it must not have been trained: of all sides but training, and of every record where there
is no split. Hashes compare only if the same salt was used, and a patient without an id cannot be compared at all.

Of records whose patient nobody knew it holds the hashed ids of the records: the same recording is recognised, whoever
is known to be its patient now; another one of the same person is not.

A contract counts those patients as seen, too, who only told when to stop. So a checkpoint that knows patients of the
validation has done nothing wrong if it was trained on this split: it then knows all training patients, or some of them
and none of the test. If it does not look so, that is a warning. Of an earlier stage it is a leak, unless that knows all
training patients.
"""

__all__ = ["checkpoints"]

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from einthoven.audit import Finding, Status, Subject, Verdict
from einthoven.splits import many
from einthoven.training import SALT_VARIABLE, hash_patient, lineage

_OF_PATIENTS = ("patients_seen", "records_seen", "patients_salted", "unknown_patients_seen")

_Stage = tuple[str, Mapping[str, Any], bool]  # what it is called, its contract, and whether another one followed


def checkpoints(subject: Subject) -> Verdict:
    """Patients that a checkpoint has seen and should not have.

    Arguments:
        subject: Its `contracts` are read, each with the contracts of earlier stages in its list `pretrained`, where it
            has one.
    """

    if not subject.contracts:
        return Verdict("checkpoints", "no checkpoint was given", asked=False)
    records = subject.column("record_id").to_numpy(object)
    people = pd.DataFrame({"side": subject.side, "patient": subject.patients.to_numpy(object), "record": records})
    people["unseen"] = (people["side"] != "train") | (subject.split is None)
    people = people[people["side"] != ""]
    unknown = int((people["patient"].isna() & people["unseen"]).sum())
    people["hash"] = people["patient"].map({one: hash_patient(one) for one in people["patient"].dropna().unique()})
    stages = [stage for name, contract in subject.contracts.items() for stage in lineage(name, contract)]
    findings = [finding for stage in _alike(stages) for finding in _of_stage(*stage, people)]
    if unknown:
        sentence = f"{unknown} records that must not have been seen name no patient: whether they were, cannot be told."
        findings.append(Finding("could not look", sentence, unknown))
    strangers = people.loc[people["unseen"], "patient"].nunique()
    looked = f"{strangers} patients that must not have been seen, against the "
    looked += f"{many(len(stages), 'contract')} of {many(len(subject.contracts), 'checkpoint')}, pretraining included"
    return Verdict("checkpoints", looked, tuple(findings))


def _alike(stages: Sequence[_Stage]) -> Iterator[_Stage]:
    """Stages that say the same of patients as one, under the name of the first."""
    groups: dict[str, list[_Stage]] = {}
    for stage in stages:
        _, contract, early = stage
        key = json.dumps([early, *(contract.get(fact, "") for fact in _OF_PATIENTS)], sort_keys=True, default=str)
        groups.setdefault(key, []).append(stage)
    for (name, contract, early), *others in groups.values():
        yield f"{name}{f' (and {len(others)} more that saw the same)' if others else ''}", contract, early


def _of_stage(name: str, contract: Mapping[str, Any], early: bool, people: pd.DataFrame) -> Iterator[Finding]:
    """What one contract says; `people` has one row a record.

    Its columns are side, patient and its hash (missing where nobody knows), record, and whether it must be unseen.
    """

    if why := _illegible(contract):
        yield Finding("could not look", f"The checkpoint {name} {why}.")
        return
    seen, records = frozenset(contract["patients_seen"]), frozenset(contract.get("records_seen") or ())
    named, unseen = people["patient"].notna(), people["unseen"]
    patient = named & people["hash"].isin(seen)
    record = people["record"].map(hash_patient if records else str).isin(records) & ~patient
    known, comparable = patient | record, named | bool(records)
    training, test = known[comparable & ~unseen], known[unseen & (people["side"] != "validation")]
    trained_here = training.any() and (training.all() or not (early or test.any()))
    for side in sorted(people.loc[known & unseen, "side"].unique(), key=lambda side: (side == "validation", side)):
        if side == "validation" and trained_here:
            continue
        here = people["side"] == side
        status: Status = "warning" if side == "validation" and not early else "leak"
        if (patient & here).any():
            people_here = people.loc[here, "patient"].nunique()
            yield _seen(name, side, people[patient & here], f"{people_here} patients in {side}", status, "patient")
        if (record & here).any():
            yield _seen(name, side, people[record & here], f"{here.sum()} records in {side}", status, "record")
    if unknown := int(contract.get("unknown_patients_seen") or 0):
        sentence = f"The checkpoint {name} has seen {unknown} records of patients whom nobody knows, perhaps these."
        yield Finding("could not look", sentence, unknown)
    if contract.get("patients_salted") and (seen or records) and not known.any():
        sentence = f"None of the {len(seen) + len(records)} patients and records of the checkpoint {name} is here. "
        sentence += "That is as it should be, or "
        sentence += f"{SALT_VARIABLE} is another salt now than when it was trained: make sure."
        yield Finding("warning", sentence)


def _illegible(contract: Mapping[str, Any]) -> str:
    """Why a contract's patients cannot be compared, or nothing."""
    if "patients_seen" not in contract:
        return "does not say which patients it has seen; ask whoever trained it"
    salted, now = bool(contract.get("patients_salted")), SALT_VARIABLE in os.environ
    somebody = contract["patients_seen"] or contract.get("records_seen")
    if somebody and salted and not now:
        return f"names its patients with a secret salt; set {SALT_VARIABLE} to it"
    if somebody and now and not salted:
        return f"names its patients without a salt; unset {SALT_VARIABLE}"
    return ""


def _seen(name: str, side: str, rows: pd.DataFrame, everyone: str, status: Status, kind: str) -> Finding:
    """That patients were seen, or records without anybody knowing whose they are, in words."""
    found = sorted(rows[kind].unique())
    sentence = f"The checkpoint {name} has seen {len(found)} of {everyone}"
    sentence += f" ({len(rows)} records)" if kind == "patient" else ", whose patients nobody knew then"
    if side != "validation":
        sentence += ": figures on them are too good. Leave them out, or train without them."
    elif status == "leak":
        sentence += ": what is chosen on them, such as thresholds, will look too good. Pretrain without them."
    else:
        sentence += ", though it does not look trained on this split. If it was, they only told when to stop; if not, "
        sentence += "what is chosen on them, such as thresholds, will look too good."
    return Finding(status, sentence, len(found), tuple(found[:3]))
