"""Whether a record stands on two sides, by its id or as an exact copy under another one.

The copy is known by a hash of the samples as they were read, with rate and leads (the store's column `content`). What
was changed in any way since is the business of `waveforms`.
"""

__all__ = ["records"]

import pandas as pd

from einthoven.audit import Finding, Subject, Verdict
from einthoven.audit._across import across, named
from einthoven.splits import many


def records(subject: Subject) -> Verdict:
    """Looks for records on two sides.

    Returns:
        A leak for each; *could not look* where the samples were not at hand to be compared.
    """

    used = subject.side != ""
    ids, content = subject.column("record_id"), subject.column("content")
    findings = []
    if len(shared := across(subject, ids)):
        sentence = f"{many(len(shared), 'record')} on two sides ({named(shared['sides'].tolist())}). "
        sentence += "Let each record be in one part."
        examples = tuple(f"{row.key} in {row.sides}" for row in shared.head(3).itertuples())
        findings.append(Finding("leak", sentence, len(shared), examples))
    if subject.absent:
        sentence = f"The split names {many(len(subject.absent), 'id')} that cannot be found among the records: nobody "
        sentence += "has looked at these."
        findings.append(Finding("could not look", sentence, len(subject.absent), subject.absent[:3]))
    copies = across(subject, content)
    mine = pd.DataFrame({"id": ids.astype(str), "content": content})[content.isin(copies["key"]) & used]
    names: dict[str, list[str]] = {str(key): list(each.unique()) for key, each in mine.groupby("content")["id"]}
    copies = copies[[len(names[key]) > 1 for key in copies["key"]]]
    if len(copies):
        sentence = f"{many(len(copies), 'recording')} on two sides under different ids, sample for sample the same ("
        sentence += f"{named(copies['sides'].tolist())}). Keep one of each."
        examples = tuple(f"{' = '.join(names[str(row.key)][:3])} in {row.sides}" for row in copies.head(3).itertuples())
        findings.append(Finding("leak", sentence, len(copies), examples))
    missing = int((content.isna().to_numpy() & used).sum())
    if missing:
        sentence = f"The samples of {many(missing, 'record')} were not at hand, or never change: "
        sentence += "a copy under another id would not be seen."
        findings.append(Finding("could not look", sentence, missing))
    looked = f"{int(used.sum())} ids, and the samples of {int(used.sum()) - missing} records"
    return Verdict("records", looked, tuple(findings))
