"""Leaks of every kind, planted into a clean split of simulated and of real records: found, and nothing else?

    python benchmarks/planted.py --data DIR --out benchmarks/results/audit.json

Each row plants one leak and asks all checks: the status of the check that should see it, and which others say *leak*.
"""

import argparse
import dataclasses
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from audit import CHANGES, show
from einthoven import datasets
from einthoven.audit import Fingerprint, Subject, Verdict, audit, open_subject
from einthoven.records.ecg import ECG
from einthoven.training import hash_patient

SEED = 7
Plant = Callable[[Subject, np.random.Generator, Callable[[str], ECG]], Subject]


def add(subject: Subject, prints: list[Fingerprint], side: str, **columns: Any) -> Subject:
    """The subject with more records, like its first ones but for some columns."""
    rows = subject.table.iloc[: len(prints)].assign(**columns)
    table = pd.concat([subject.table, rows], ignore_index=True)
    targets = None if subject.targets is None else np.concatenate([subject.targets, subject.targets[: len(prints)]])
    sides = np.concatenate([subject.side, np.full(len(prints), side, dtype=object)])
    prints = [*subject.fingerprints, *prints]
    return dataclasses.replace(subject, table=table, side=sides, fingerprints=prints, found=None, targets=targets)


def on(subject: Subject, side: str) -> np.ndarray:
    return np.flatnonzero(subject.side == side)


def repeated_patients(subject: Subject) -> np.ndarray:
    """Test records of patients who have another one there."""
    test = subject.table.iloc[on(subject, "test")]
    return test.index[test["patient_id"].duplicated(keep=False)].to_numpy()


def patient(subject: Subject, rng: np.random.Generator, read: Callable[[str], ECG]) -> Subject:
    side = subject.side.copy()
    side[repeated_patients(subject)[0]] = "train"
    return dataclasses.replace(subject, side=side)


def unknown(subject: Subject, rng: np.random.Generator, read: Callable[[str], ECG]) -> Subject:
    ids = subject.table["patient_id"].astype(object).copy()
    ids[rng.permutation(len(ids))[:10]] = None
    return dataclasses.replace(subject, table=subject.table.assign(patient_id=ids))


def numbered(subject: Subject, rng: np.random.Generator, read: Callable[[str], ECG]) -> Subject:
    return dataclasses.replace(subject, table=subject.table.assign(patient_id=subject.table["record_id"]))


def twice(subject: Subject, rng: np.random.Generator, read: Callable[[str], ECG]) -> Subject:
    other = "test" if subject.side[0] == "train" else "train"
    return add(subject, [subject.fingerprints[0]], other)


def copy(*steps: Callable[[ECG, np.random.Generator], ECG]) -> Plant:
    """Five test records under other names and patients in training, as they are or changed."""

    def plant(subject: Subject, rng: np.random.Generator, read: Callable[[str], ECG]) -> Subject:
        rows = on(subject, "test")[:5]
        names = subject.table["record_id"].iloc[rows].tolist()
        prints = []
        for name in names:
            ecg = read(name)
            for step in steps:
                ecg = step(ecg, rng)
            prints.append(Fingerprint.of(ecg))
        content = [f"{i}" for i in range(5)] if steps else subject.table["content"].iloc[rows].tolist()
        ids = [f"copy:{i}" for i in range(5)]
        return add(subject, prints, "train", record_id=ids, patient_id=ids, content=content)

    return plant


def windows(subject: Subject, rng: np.random.Generator, read: Callable[[str], ECG]) -> Subject:
    n = len(subject.table)
    start = np.arange(n, dtype=float)
    recording = [f"long:{name}" for name in subject.table["record_id"]]
    recording[on(subject, "test")[0]] = recording[on(subject, "train")[0]]
    return dataclasses.replace(
        subject, table=subject.table.assign(recording=recording, start_s=start % 2, stop_s=start % 2 + 10)
    )


def fakes(parents: bool) -> Plant:
    """Synthetic training records: noisy copies of test records, with or without naming them."""

    def plant(subject: Subject, rng: np.random.Generator, read: Callable[[str], ECG]) -> Subject:
        table = subject.table.assign(synthetic=False, parents=[[] for _ in range(len(subject.table))])
        names = table["record_id"].iloc[on(subject, "test")].tolist()[:40]
        prints = [Fingerprint.of(CHANGES["white noise"]["20 dB"](read(name), rng)) for name in names]
        ids = [f"made:{i}" for i in range(len(names))]
        own = (
            [[name] for name in names] if parents else [[table["record_id"].iloc[on(subject, "train")[0]]]] * len(names)
        )
        return add(
            dataclasses.replace(subject, table=table), prints, "train",
            record_id=ids, patient_id=ids, content=ids, synthetic=True, parents=own,
        )  # fmt: skip

    return plant


def checkpoint(subject: Subject, rng: np.random.Generator, read: Callable[[str], ECG]) -> Subject:
    seen = subject.table["patient_id"].iloc[on(subject, "test")[:1]]
    earlier = {"patients_seen": [hash_patient(one) for one in seen], "unknown_patients_seen": 0}
    train = subject.table["patient_id"].iloc[on(subject, "train")].unique()
    contract = {
        "patients_seen": [hash_patient(one) for one in train],
        "unknown_patients_seen": 0,
        "pretrained": [earlier],
    }
    return dataclasses.replace(subject, contracts={"mine": contract})


def contained(subject: Subject, rng: np.random.Generator, read: Callable[[str], ECG]) -> Subject:
    name = str(subject.table["dataset"].iloc[0])
    cards = {**subject.cards, "theirs": {"name": "theirs", "contains": (name,)}}
    dataset = np.where(subject.side == "test", "theirs", name)
    ids = subject.table["record_id"].where(
        dataset == name, "theirs:" + subject.table["record_id"].str.partition(":")[2]
    )
    people = subject.table["patient_id"].where(
        dataset == name, "theirs:" + subject.table["patient_id"].str.partition(":")[2]
    )
    source = np.where(dataset == name, subject.table["source"], "theirs")
    table = subject.table.assign(dataset=dataset, record_id=ids, patient_id=people, source=source)
    return dataclasses.replace(subject, cards=cards, table=table)


def scaled(subject: Subject, sides: tuple[str, ...]) -> Subject:
    rows = subject.table[np.isin(subject.side, sides)]
    mean, std = {}, {}
    for i, lead in enumerate(rows["lead_names"].iloc[0]):
        count, m, s = (np.array([row[i] for row in rows[f"lead_{name}"]]) for name in ("count", "mean", "std"))
        mean[lead] = float((count * m).sum() / count.sum())
        std[lead] = float(np.sqrt((count * (s**2 + m**2)).sum() / count.sum() - mean[lead] ** 2))
    return dataclasses.replace(subject, fitted={"mean": mean, "std": std})


def answers(subject: Subject, rng: np.random.Generator, tuned: bool) -> Subject:
    """Predictions of a fair model, with thresholds from validation or from the test."""
    rows, thresholds = [], []
    assert subject.targets is not None
    for column, name in enumerate(subject.classes):
        truth = subject.targets[:, column]
        score = 1 / (1 + np.exp(-(truth - 0.5 + rng.normal(size=len(truth)))))
        for side in ("validation", "test"):
            part = on(subject, side)
            rows.append(pd.DataFrame({"record": subject.table["record_id"].iloc[part], "class": name, "part": side,
                                      "patient": subject.table["patient_id"].iloc[part],
                                      "truth": truth[part], "probability": score[part]}))  # fmt: skip
        part = on(subject, "test" if tuned else "validation")
        grid = np.unique(score[part])
        hits = np.array([((score[part] >= t) & (truth[part] == 1)).sum() for t in grid])
        f1 = 2 * hits / (np.array([(score[part] >= t).sum() for t in grid]) + (truth[part] == 1).sum())
        thresholds.append({"class": name, "threshold": float(grid[f1.argmax()])})
    facts = {"model": "mine", "seed": 0, "fold": 10}
    predictions = pd.concat(rows, ignore_index=True).assign(**facts)
    return dataclasses.replace(subject, predictions=predictions, thresholds=pd.DataFrame(thresholds).assign(**facts))


def telling(subject: Subject, rng: np.random.Generator, read: Callable[[str], ECG]) -> Subject:
    fair = answers(subject, rng, tuned=False)
    assert fair.targets is not None
    ward = np.where(fair.targets[:, 0] == 1, "cardiology", "surgery")
    ward[rng.permutation(len(ward))[: len(ward) // 50]] = "surgery"
    return dataclasses.replace(fair, table=fair.table.assign(ward=ward))


def uneven(subject: Subject, rng: np.random.Generator, read: Callable[[str], ECG]) -> Subject:
    age = subject.table["age"] + np.where(subject.side == "test", 15.0, 0.0)
    return dataclasses.replace(subject, table=subject.table.assign(age=age))


PLANTS: dict[str, tuple[str, Plant]] = {
    "a patient on both sides": ("patients", patient),
    "ten records of unknown patients": ("patients", unknown),
    "patient ids that number records": ("patients", numbered),
    "a record listed on both sides": ("records", twice),
    "five exact copies under other names": ("records", copy()),
    "the same at 100 Hz, z-scored": ("waveforms", copy(CHANGES["rate"]["100 Hz"], CHANGES["z-score"]["per lead"])),
    "the same cut to half, lead V1 alone": ("waveforms", copy(CHANGES["cut"]["to 50 %"], CHANGES["leads"]["V1"])),
    "two overlapping windows of a recording": ("windows", windows),
    "synthetic records that name test parents": ("synthetic", fakes(True)),
    "synthetic copies that name other parents": ("synthetic", fakes(False)),
    "a test patient seen in pretraining": ("checkpoints", checkpoint),
    "a test corpus that holds the training corpus": ("corpora", contained),
    "a scale fitted on all records": ("preprocessing", lambda s, rng, read: scaled(s, ("train", "validation", "test"))),
    "a scale fitted on training alone": ("preprocessing", lambda s, rng, read: scaled(s, ("train",))),
    "thresholds from the test": ("thresholds", lambda s, rng, read: answers(s, rng, tuned=True)),
    "thresholds from validation": ("thresholds", lambda s, rng, read: answers(s, rng, tuned=False)),
    "a field that tells the first class": ("fields", telling),
    "test patients 15 years older": ("balance", uneven),
}


def said(verdicts: list[Verdict], check: str) -> dict[str, Any]:
    status = {verdict.check: verdict.status for verdict in verdicts}
    others = [name for name, value in status.items() if value == "leak" and name != check]
    return {"check": check, "status": status[check], "other leaks": ", ".join(others) or "none"}


def main() -> None:
    """Plants everything into both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="the folder of the corpora; without it simulated records alone")
    parser.add_argument("--out", type=Path, help="a JSON file that keeps the figures")
    options = parser.parse_args()
    specs = {"simulated": ("simulated=400,difficulty=0.7", "code6")}
    if options.data:
        specs["PTB-XL"] = (f"ptbxl={options.data / 'ptbxl'}", "superclass")
    rows = []
    for words, (spec, labels) in specs.items():  # without 463, which is 145 of another patient (see `real`)
        with tempfile.TemporaryDirectory() as folder:
            subject, _ = open_subject([spec], split="by_patient", labels_of=[labels], stores=Path(folder), folds=5)
            kept = np.flatnonzero(subject.table["record_id"] != "ptbxl:463")
            assert subject.targets is not None
            subject = dataclasses.replace(
                subject,
                table=subject.table.iloc[kept].reset_index(drop=True),
                side=subject.side[kept],
                targets=subject.targets[kept],
                fingerprints=[copied(subject.fingerprints[i]) for i in kept],
                found=None,
            )
        source = datasets.parse(spec)
        clean = [f"{v.check} {v.status}" for v in audit(subject) if v.status not in ("clean", "not asked")]
        rows.append(
            {
                "records": words,
                "planted": "nothing",
                "check": "all",
                "status": ", ".join(clean) or "clean",
                "other leaks": "",
            }
        )
        for name, (check, plant) in PLANTS.items():
            planted = plant(subject, np.random.default_rng(SEED), source.read)
            rows.append({"records": words, "planted": name, **said(audit(planted), check)})
    show(pd.DataFrame(rows))
    if options.out:
        before = json.loads(options.out.read_text()) if options.out.exists() else {}
        options.out.write_text(json.dumps(before | {"planted": {"rows": rows}}, indent=1) + "\n")


def copied(one: Fingerprint | None) -> Fingerprint | None:
    """Out of the map of a file that is about to go."""
    return None if one is None else Fingerprint(one.leads, one.samples.copy())


if __name__ == "__main__":
    main()
