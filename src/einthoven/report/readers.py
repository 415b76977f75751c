"""The page of a reader study, its tables and the facts of its making, in a folder of their own."""

__all__ = ["FACTS", "MAKER", "findings", "write"]

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from markupsafe import Markup

from einthoven.evaluation.mcnemar import FEW
from einthoven.evaluation.tuning import looks_tuned
from einthoven.records.writing import replacing
from einthoven.report._folder import vacant
from einthoven.report._operating_points import operating_points
from einthoven.report._run import rows
from einthoven.report._tables import METRICS
from einthoven.report._words import count, number, probability
from einthoven.report.page import _environment

_HERE = Path(__file__).parent
FACTS = "readers.json"
MAKER = "einthoven readers"
_SURE = 0.05


def findings(tables: Mapping[str, pd.DataFrame]) -> list[tuple[str, str]]:
    """What must be known before any number is read, as (title, sentence)."""
    pairs = tables["tuning"].groupby(["reader", "network"], sort=False)
    found = [_tuned(pair) for _, pair in pairs if looks_tuned(pair)]
    tests = tables["comparisons"]
    apart = tests["only_first"] + tests["only_second"]
    if (apart < FEW).any():
        sentence = (
            f"In {count((apart < FEW).sum())} of {count(len(tests))} comparisons the two readers differ on fewer than "
            f"{FEW} records: there McNemar's χ² is not to be trusted, and the exact test counts. p is below {_SURE} in "
            f"{count((tests['p'] < _SURE).sum())} by χ², in {count((tests['p_exact'] < _SURE).sum())} by the exact "
            f"test, and in {count((tests['p_exact_holm'] < _SURE).sum())} after Holm's correction for all of them."
        )
        found.append(("Few records decide", sentence))
    return found


def _tuned(pair: pd.DataFrame) -> tuple[str, str]:
    """That a network's thresholds look chosen on the test, and by how much that flatters it."""
    reader, network = pair["reader"].iloc[0], pair["network"].iloc[0]
    judged = pair[pair["f1_best"].notna()]
    sentence = (
        f"The answers of {reader} follow from the probabilities of {network} by one threshold a class, and in "
        f"{judged['optimum'].sum()} of {len(judged)} classes that threshold has the highest F1 that any reaches on "
        f"these very records. So the figures of {reader} are probably too good: with thresholds fitted on nine tenths "
        f"of the patients and applied to the others, its macro F1 is {number(judged['f1_held_out'].mean())} instead of "
        f"{number(judged['f1'].mean())}."
    )
    return f"The thresholds of {reader} look tuned on this test set", sentence


def write(folder: Path, tables: Mapping[str, pd.DataFrame], facts: Mapping[str, Any]) -> Path:
    """Writes `readers.html`, `readers.json` and the tables (Parquet and CSV, in `results`) into a folder.

    Arguments:
        folder: New, empty, or of an earlier reader study, whose files are replaced.
        tables: What `einthoven.evaluation.readers` gives.
        facts: `command`, `files` (rows of name, role, file, sha256), `classes`, `records`, `patients`, `resamples`,
            `seed` and `notes`.

    Returns:
        The path of the page.

    Raises:
        ValueError: If the folder holds anything else.
        WriteError: If it cannot be written to.
    """
    (vacant(folder, FACTS, MAKER) / "results").mkdir(parents=True, exist_ok=True)
    said = [f"{title}. {sentence}" for title, sentence in findings(tables)]
    with replacing(folder / FACTS) as temporary:
        text = json.dumps({"made_by": MAKER, **facts, "findings": said}, indent=1, ensure_ascii=False)
        temporary.write_text(text + "\n", encoding="utf-8")
    for name, table in tables.items():
        with replacing(folder / "results" / f"{name}.parquet") as temporary:
            table.to_parquet(temporary, index=False)
        with replacing(folder / "results" / f"{name}.csv") as temporary:
            table.to_csv(temporary, index=False)
    page = folder / "readers.html"
    with replacing(page) as temporary:
        temporary.write_text(_page(tables, facts), encoding="utf-8")
    return page


def _page(tables: Mapping[str, pd.DataFrame], facts: Mapping[str, Any]) -> str:
    """The page as text."""
    scores, networks = tables["scores"], tables["networks"]
    drawn = [*tables["tuning"]["network"], *networks["network"], None][0]
    mean_first = scores.sort_values("class", key=lambda column: column != "macro", kind="stable")
    context = {
        "css": Markup((_HERE / "style.css").read_text(encoding="utf-8")),
        "facts": facts,
        "banners": findings(tables),
        "readers": list(dict.fromkeys(scores["reader"])),
        "metrics": {name: METRICS[name] for name in dict.fromkeys(scores["metric"])},
        "scores": _by(mean_first, ["class", "reader", "metric"]),
        "doubts": rows(scores[(scores["class"] == "macro") & (scores["metric"] == "f1") & (scores["note"] != "")]),
        "panels_of": {kind: operating_points(tables, kind, drawn) for kind in ("roc", "pr")},
        "network": drawn,
        "tuning": rows(tables["tuning"]),
        "agreement": _by(tables["agreement"], ["first", "second", "class"]),
        "comparisons": _by(tables["comparisons"], ["first", "second", "class"]),
        "networks": _by(networks, ["network", "metric", "mean"]),
        "p": lambda value: probability(value).removeprefix("p = ").removeprefix("p "),
        "few": FEW,
        "sure": _SURE,
    }
    return _environment(html=True).get_template("readers.html.j2").render(context)


def _by(table: pd.DataFrame, keys: list[str]) -> dict[str, Any]:
    """The rows of a table under nested keys, in their order."""
    found: dict[str, Any] = {}
    for row in rows(table):
        place = found
        for key in keys[:-1]:
            place = place.setdefault(str(row[key]), {})
        place[str(row[keys[-1]])] = row
    return found
