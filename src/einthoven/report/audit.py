"""The page of an audit, from the three files that it left in its folder.

Nothing is looked for here: `einthoven.audit` has found what there is, and this module chooses the order and the words.
The page is one file that needs no network, no script and no font of its own; every text that came from data is escaped.
"""

__all__ = ["verdict", "write"]

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from markupsafe import Markup

from einthoven.records.writing import replacing
from einthoven.report._overlay import overlays, verdict
from einthoven.report._run import Audit, read_audit
from einthoven.report._words import count, number
from einthoven.report.page import _environment

_HERE = Path(__file__).parent
_EXIT = {0: "clean", 10: "leak", 11: "could not look at everything"}
_WHO = ("record", "other", "side", "other_side")
_TITLES = {
    "leads": "Leads compared",
    "shift_s": "Begins later (s)",
    "shared_s": "Shared (s)",
    "overlap_s": "Overlap (s)",
    "inverted": "Upside down",
}


def write(folder: Path, command: str) -> Path:
    """Writes `audit.html` into the folder of an audit; the same folder and command give the same bytes.

    Arguments:
        folder: With `audit.json`, `pairs.csv` and `drawn.parquet`.
        command: The command that made it, as the page shall say.

    Returns:
        The path of the page.

    Raises:
        FileNotFoundError: If one of the three files is missing.
        ValueError: If one of them is not what it should be.
        WriteError: If the folder cannot be written to.
    """
    audit = read_audit(folder)
    _count_pairs(folder / "pairs.csv", audit.facts["verdicts"])
    text = _environment(html=True).get_template("audit.html.j2").render(_context(audit, command))
    page = folder / "audit.html"
    with replacing(page) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return page


def _count_pairs(path: Path, verdicts: list[dict[str, Any]]) -> None:
    """Makes sure that `pairs.csv` holds the pairs that the page says it does."""
    remedy = "make the audit again by the same command"
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing, and the page sends its reader there; {remedy}")
    try:
        checks = pd.read_csv(path, usecols=["check"], dtype=str, keep_default_na=False)["check"]
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} is not a readable table with a column check ({error}); {remedy}") from error
    found = checks.value_counts()
    for entry in verdicts:
        there = int(found.get(entry["check"], 0))
        if there != entry["pairs"]:
            said = f"{there} pairs of the check {entry['check']}, and audit.json counts {entry['pairs']}"
            raise ValueError(f"{path} holds {said}; {remedy}")


def _context(audit: Audit, command: str) -> dict[str, Any]:
    """All that the template may say."""
    facts = audit.facts
    drawn = overlays(audit.drawn)
    paired = [entry for entry in facts["verdicts"] if entry["pairs"]]
    return {
        "css": Markup((_HERE / "style.css").read_text(encoding="utf-8")),
        "facts": facts,
        "command": command,
        "sentence": verdict(facts),
        "tiles": _tiles(facts),
        "sections": [_section(entry) | {"panels": drawn.get(entry["check"], [])} for entry in paired],
    }


def _tiles(facts: Mapping[str, Any]) -> list[dict[str, str]]:
    """The figures at the top of the page."""
    sides, paired = facts["sides"], [entry for entry in facts["verdicts"] if entry["pairs"]]
    named = " · ".join(f"{name} {count(records)}" for name, records in sides.items())
    by_check = " · ".join(f"{entry['check']} {count(entry['pairs'])}" for entry in paired)
    code, meanings = facts["exit_code"], " · ".join(f"{code} {meaning}" for code, meaning in _EXIT.items())
    return [
        {"name": "records", "value": count(facts["records"]), "detail": ""},
        {"name": "data sets" if facts["split"] is None else "sides", "value": count(len(sides)), "detail": named},
        {"name": "pairs found", "value": count(sum(entry["pairs"] for entry in paired)), "detail": by_check},
        {"name": f"exit code: {_EXIT.get(code, 'unknown')}", "value": str(code), "detail": meanings},
    ]


def _section(entry: Mapping[str, Any]) -> dict[str, Any]:
    """The pairs of one check as a table of texts."""
    listed = entry["listed"]
    keys = [key for key in dict.fromkeys(key for row in listed for key in row) if key not in _WHO]
    return {
        "check": entry["check"],
        "status": entry["status"],
        "pairs": entry["pairs"],
        "heads": [{"title": _title(key), "number": _numeric(key, listed)} for key in keys],
        "rows": [{**{key: _cell(key, row.get(key)) for key in _WHO}, "cells": _cells(row, keys)} for row in listed],
    }


def _cells(row: Mapping[str, Any], keys: list[str]) -> list[str]:
    return [_cell(key, row.get(key)) for key in keys]


def _title(key: str) -> str:
    """A column as a person would head it."""
    return _TITLES.get(
        key, key.removesuffix("_s").replace("_", " ").capitalize() + (" (s)" if key[-2:] == "_s" else "")
    )


def _numeric(key: str, listed: list[dict[str, Any]]) -> bool:
    """Whether a column holds numbers only."""
    values = [row[key] for row in listed if row.get(key) is not None]
    return bool(values) and all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)


def _cell(key: str, value: object) -> str:
    """A value as a person would write it; a dash where there is none."""
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "no"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) and key not in _WHO:
        return count(value)
    if isinstance(value, float):
        return number(value, 2 if key.endswith("_s") else 4)
    return "–" if value is None else str(value)
