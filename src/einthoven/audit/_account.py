"""What an audit found, on disk: everything that the report shows."""

__all__ = ["MAKER", "account", "illustrate", "keep"]

import json
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

from einthoven.audit._pairs import FINE_HZ, upsampled
from einthoven.audit._subject import STATUSES, Subject, Verdict, exit_code
from einthoven.records.writing import replacing

MAKER = "einthoven audit"
_WHO = ("record", "other", "side", "other_side", "likeness")
_LISTED, _DRAWN, _DRAWN_LEADS = 100, 8, ("II", "V2", "V5", "I")


def account(subject: Subject, verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """The verdicts as JSON values, the worst first."""
    sides = {name: int((subject.side == name).sum()) for name in subject.sides}
    return {
        "made_by": MAKER,
        "version": version("einthoven"),
        "exit_code": exit_code(verdicts),
        "split": subject.split,
        "sides": sides,
        "records": int((subject.side != "").sum()),
        "verdicts": [
            {
                "check": verdict.check,
                "status": verdict.status,
                "looked": verdict.looked,
                "findings": [
                    {"status": f.status, "sentence": f.sentence, "count": f.count, "examples": list(f.examples)}
                    for f in sorted(verdict.findings, key=lambda found: STATUSES.index(found.status))
                ],
                "pairs": 0 if verdict.pairs is None else len(verdict.pairs),
                "listed": [] if verdict.pairs is None else _rows(_public(verdict.pairs.head(_LISTED))),
            }
            for verdict in verdicts
        ],
    }


def _public(pairs: pd.DataFrame) -> pd.DataFrame:
    """Without the positions in the table, which mean nothing elsewhere."""
    return pairs.drop(columns=["first", "second"], errors="ignore")


def _rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(table.to_json(orient="records"))
    return rows


def illustrate(subject: Subject, verdicts: Sequence[Verdict]) -> pd.DataFrame:
    """The first pairs of each check, laid over each other as they were compared.

    Returns:
        One row a pair and lead (at most four): `check`, `record`, `other`, `side`, `other_side`, `likeness`, `lead`,
        `start_s` (in the record), `rate_hz`, and `one` and `another`: samples over what the two share, each divided by
        its own deviation, the second turned over where it is upside down.
    """

    place = {name: i for i, name in enumerate(subject.table["record_id"])}
    rows = [
        {"check": verdict.check, **{key: pair[key] for key in _WHO}, **drawn}
        for verdict in verdicts
        if verdict.pairs is not None and "shift_s" in verdict.pairs and subject.fingerprints
        for pair in verdict.pairs.head(_DRAWN).to_dict("records")
        for drawn in _overlay(subject, *_rows_of(pair, place), float(pair["shift_s"]))
    ]
    columns = ["check", *_WHO, "lead", "start_s", "rate_hz", "one", "another"]
    return pd.DataFrame(rows, columns=columns)


def _rows_of(pair: dict[Any, Any], place: dict[str, int]) -> tuple[int, int]:
    """The positions of a pair: as the check gives them, since one id may stand for two records, or by the ids."""
    return pair.get("first", place[pair["record"]]), pair.get("second", place[pair["other"]])


def _overlay(subject: Subject, first: int, second: int, shift_s: float) -> Iterator[dict[str, Any]]:
    """The leads of a pair that are drawn."""
    one, other = subject.fingerprints[first], subject.fingerprints[second]
    assert one is not None and other is not None
    begin, late = max(0, round(shift_s * FINE_HZ)), max(0, round(-shift_s * FINE_HZ))
    common = [name for name in one.leads if name in other.leads]
    for name in sorted(common, key=lambda name: (name not in _DRAWN_LEADS, common.index(name)))[: len(_DRAWN_LEADS)]:
        a, b = (upsampled(p.samples[[p.leads.index(name)]])[0].astype(float) for p in (one, other))
        length = min(len(a) - begin, len(b) - late)
        a, b = a[begin : begin + length], b[late : late + length]
        a, b = (x / max(float(x.std()), 1e-9) for x in (a, b))
        sign = -1.0 if float(a @ b) < 0 else 1.0
        drawn = {"one": a.round(3).tolist(), "another": (sign * b).round(3).tolist()}
        yield {"lead": name, "start_s": begin / FINE_HZ, "rate_hz": FINE_HZ, **drawn}


def keep(folder: Path, subject: Subject, verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """Writes `audit.json`, `pairs.csv` (every pair of every check) and `drawn.parquet` into a folder.

    Returns:
        What is in `audit.json`.

    Raises:
        WriteError: If the folder cannot be written to.
    """

    folder.mkdir(parents=True, exist_ok=True)
    facts = account(subject, verdicts)
    found = [_public(v.pairs).assign(check=v.check) for v in verdicts if v.pairs is not None]
    pairs = pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=["check", *_WHO])
    with replacing(folder / "pairs.csv") as scratch:
        pairs[["check", *(name for name in pairs if name != "check")]].to_csv(scratch, index=False)
    with replacing(folder / "drawn.parquet") as scratch:
        illustrate(subject, verdicts).to_parquet(scratch, index=False)
    with replacing(folder / "audit.json") as scratch:
        scratch.write_text(json.dumps(facts, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return facts
