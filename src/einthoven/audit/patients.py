"""Whether a patient stands on two sides, and whether the patients are known at all.

A network that has seen a patient knows more of the next ECG than its labels: whose it is. Records of one patient belong
on one side. Where every patient has exactly one record the ids may be those of records, which hides every repeat; only
a corpus whose card says that it has one record a patient is believed.
"""

__all__ = ["patients"]

import pandas as pd

from einthoven.audit import Finding, Subject, Verdict
from einthoven.audit._across import across, named
from einthoven.splits import many

_MANY = 20  # records, below which one each is no wonder


def patients(subject: Subject) -> Verdict:
    """Looks for patients on two sides.

    Returns:
        A leak for each such patient; *could not look* for records of unknown patients, and for data sets in which every
        patient has a single record though their card does not say so.
    """

    used = subject.side != ""
    ids = subject.patients
    shared = across(subject, ids)
    unknown = int((ids.isna().to_numpy() & used).sum())
    findings = []
    if len(shared):
        records = int(shared["records"].sum())
        sentence = f"{many(len(shared), 'patient')} on two sides ({named(shared['sides'].tolist())}), with "
        sentence += f"{records} records."
        examples = tuple(f"{row.key}: {row.records} records in {row.sides}" for row in shared.head(3).itertuples())
        findings.append(Finding("leak", f"{sentence} Keep each patient on one side.", len(shared), examples))
    if unknown:
        where = named(subject.side[ids.isna().to_numpy() & used].tolist())
        sentence = f"Nobody knows the patients of {many(unknown, 'record')} ({where}): they may stand on two sides."
        findings.append(Finding("could not look", sentence, unknown))
    findings += [_single(subject, name) for name in _singles(subject, ids)]
    known = int(ids[used].nunique())
    return Verdict("patients", f"{known} patients of {int(used.sum()) - unknown} records", tuple(findings))


def _singles(subject: Subject, ids: pd.Series) -> list[str]:
    """The data sets in which every patient has one record, though nobody says that it is so."""
    names = subject.column("dataset").astype("string").fillna("the data")
    found = []
    for name in names[subject.side != ""].unique():
        mine = ids[(names == name).to_numpy() & (subject.side != "")].dropna()
        believed = bool(subject.cards.get(name, {}).get("single", False))
        if len(mine) >= _MANY and mine.is_unique and not believed:
            found.append(str(name))
    return found


def _single(subject: Subject, name: str) -> Finding:
    """Says of one data set that its patients may be records."""
    used = (subject.side != "") & subject.patients.notna().to_numpy()
    mine = subject.table[(subject.column("dataset").fillna("the data") == name).to_numpy() & used]
    same = (mine["patient_id"].astype("string") == mine["record_id"].astype("string")).all()
    how = "and are the records' own ids" if same else "so they may number records, not people"
    sentence = f"Every patient of {name} has exactly one record ({len(mine)} of them), {how}: "
    sentence += "a person who came twice would not be known."
    return Finding("could not look", sentence, len(mine))
