"""The report says what the tables say, all of it, in one file that needs nothing else."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from einthoven import report
from einthoven.records.leads import TWELVE
from einthoven.records.writing import WriteError
from einthoven.report._words import count, interval, number, percent, verdict, versus_zero

SETS = {
    "superclass": {
        "NORM": "normal ECG",
        "MI": "myocardial infarction",
        "STTC": "ST–T change",
        "HYP": "hypertrophy",
    },
    "code6": {"1dAVb": "first-degree AV block", "RBBB": "right bundle branch block", "AF": "atrial fibrillation"},
}
SKILL = {"code_resnet": 1.9, "boosting": 1.7, "untrained": 0.9, "naive": 0.0}
SCORES = ("auroc", "auprc", "f1", "sensitivity", "specificity", "precision", "brier", "ece")


def build(
    folder: Path,
    *,
    unit: str = "mV",
    leaky: bool = False,
    data: str = "ptbxl=/data",
    folds: int = 1,
    figures: bool = False,
) -> Path:
    """A run folder as a run leaves it, with made-up but plausible numbers; `figures` adds what is slow to draw."""
    rng = np.random.default_rng(0)
    (folder / "results").mkdir(parents=True)
    tests = [10 - k for k in range(folds)]
    _settings(folder, unit, leaky, data, tests)
    _flow(folder, tests, leaky)
    for name, table in _tables(rng).items():
        if figures or name not in ("curves", "reliability"):
            table.to_parquet(folder / "results" / f"{name}.parquet")
    _histories(folder, rng, tests)
    _examples(rng, unit).to_parquet(folder / "examples.parquet")
    rows = 500
    cohort = {
        "record": [f"ptbxl:{k}" for k in range(rows)],
        "patient": [f"ptbxl:p{k // 2}" if k % 9 else None for k in range(rows)],
        "source": "ptbxl",
        "age": np.where(rng.random(rows) < 0.02, np.nan, rng.normal(60, 17, rows).clip(18, 95)),
        "sex": rng.choice(["female", "male"], rows),
    }
    pd.DataFrame(cohort).to_parquet(folder / "cohort.parquet")
    return folder


def _settings(folder: Path, unit: str, leaky: bool, data: str, tests: list[int]) -> None:
    experiment = {
        "study": "code",
        "title": "The CODE network on PTB-XL",
        "data": [data],
        "labels": list(SETS),
        "models": ["naive", "untrained", "boosting", "code_resnet"],
        "baseline": "boosting",
        "primary": "code_resnet",
        "seeds": [0, 1],
        "folds": tests,
        "split": "by_example" if leaky else "official",
        "split_is_leaky": leaky,
        "unit": unit,
        "rate_hz": 100,
        "leads": list(TWELVE),
        "length_s": 10.0,
        "optimiser": {"name": "adam", "rate": 0.001},
        "cards": [
            {
                "name": "ptbxl",
                "title": "PTB-XL",
                "licence": "CC BY 4.0",
                "citation": "Wagner 2020",
                "url": "https://a.org",
            }
        ],
    }
    environment = {
        "command": "einthoven study code --data ptbxl --root /data --seeds 0 1",
        "started": "2026-11-20T09:00:00+00:00",
        "seconds": 4211.3,
        "versions": {"python": "3.11.9", "torch": "2.13.0", "einthoven": "0.1.0"},
        "machine": {"cpu": "2 cores", "memory_gb": 23.0},
    }
    (folder / "experiment.json").write_text(json.dumps(experiment))
    (folder / "environment.json").write_text(json.dumps(environment))


def _flow(folder: Path, tests: list[int], leaky: bool) -> None:
    steps = [
        ("ptbxl: records on disk", 21837, 18885, 0, ""),
        ("readable 10 s recordings", 21799, 18869, 38, "withdrawn by the publisher as duplicates"),
        ("with at least one label", 21388, 18503, 411, "no statement of either label set"),
    ]
    keys = ("what", "records", "patients", "left_out", "why")
    parts = [
        {
            "fold": fold,
            "part": part,
            "records": n,
            "patients": round(0.87 * n),
            "unknown_patients": 12 * (part == "train"),
        }
        for fold in tests
        for part, n in (("train", 17084), ("validation", 2146), ("test", 2158))
    ]
    overlap: list[dict[str, Any]] = [
        {
            "fold": fold,
            "kind": kind,
            "parts": pair,
            "count": 391 if leaky and kind == "patient" else 0,
            "examples": [],
        }
        for fold in tests
        for kind in ("patient", "record")
        for pair in ("train|validation", "train|test", "validation|test")
    ]
    overlap += [{"fold": f, "kind": "signal", "parts": "train|test", "count": None, "examples": []} for f in tests]
    classes = [
        {
            "class": code,
            "label_set": name,
            "title": title,
            "positive": 900 + 77 * k,
            "negative": 20000,
            "unknown": k,
        }
        for name, titles in SETS.items()
        for k, (code, title) in enumerate(titles.items())
    ]
    flow = {
        "steps": [dict(zip(keys, step, strict=True)) for step in steps],
        "parts": parts,
        "overlap": overlap,
        "classes": classes,
    }
    (folder / "flow.json").write_text(json.dumps(flow))


def _tables(rng: np.random.Generator) -> dict[str, pd.DataFrame]:
    summary, contrasts, thresholds, calibrations, bins, groups, lines = ([] for _ in range(7))
    for label_set, titles in SETS.items():
        for model, skill in SKILL.items():
            summary += _summary(rng, label_set, list(titles), model, skill)
            calibrations += _calibration(rng, label_set, list(titles), model)
            bins += _bins(rng, label_set, model)
            groups += _groups(rng, label_set, model, skill)
            for k, code in enumerate(titles):
                lines += _lines(label_set, code, model, skill + 0.15 * k, 0.05 + 0.1 * k)
                thresholds += [
                    {"model": model, "seed": seed, "fold": 10, "class": code, "threshold": rng.uniform(0.1, 0.5)}
                    | {"f1": 0.7, "positives": 190 + k, "negatives": 1900, "fallback": k == 2 and seed == 1}
                    | {"temperature": rng.uniform(0.9, 1.6), "note": ""}
                    for seed in (0, 1)
                ]
        for metric in ("auroc", "auprc"):
            for other in ("boosting", "untrained", "naive"):
                middle = {"boosting": 0.016, "untrained": 0.12, "naive": 0.41}[other] * (label_set == "superclass")
                contrasts.append(
                    {"label_set": label_set, "metric": metric, "primary": "code_resnet", "other": other}
                    | {"planned": other == "boosting", "difference": middle, "low": middle - 0.012}
                    | {
                        "high": middle + 0.0131,
                        "se": 0.006,
                        "p": 0.0124,
                        "detectable": 0.0179,
                        "classes": len(titles),
                    }
                    | {"records": 2158, "patients": 1877, "resamples": 1000, "usable": 1000, "note": ""}
                )
    mistakes = [
        {"record": f"ptbxl:{k}", "patient": f"ptbxl:p{k}", "source": "ptbxl", "model": "code_resnet", "seed": 0}
        | {"fold": 10, "class": "AF", "truth": k % 2, "probability": 0.03 if k % 2 else 0.94, "calibrated": 0.05}
        | {"threshold": 0.21, "kind": "missed" if k % 2 else "false alarm"}
        for k in range(1, 9)
    ]
    names = ("summary", "contrasts", "thresholds", "calibration", "reliability", "subgroups", "curves", "mistakes")
    tables = (summary, contrasts, thresholds, calibrations, bins, groups, lines, mistakes)
    return {name: pd.DataFrame(rows) for name, rows in zip(names, tables, strict=True)}


def _summary(
    rng: np.random.Generator, label_set: str, codes: list[str], model: str, skill: float
) -> list[dict[str, Any]]:
    rows = []
    for metric in SCORES:
        good = float(norm.cdf(skill / np.sqrt(2))) * (0.9 if metric not in ("brier", "ece") else 0.1) + 0.08
        for k, code in enumerate([*codes, "macro"]):
            value, half = good + rng.uniform(-0.03, 0.03), rng.uniform(0.008, 0.05)
            undefined = code == "AF" and model == "naive" and metric == "precision"
            few = "only 7 test ECGs have 1dAVb: read its interval, not its value" if code == "1dAVb" else ""
            rows.append(
                {"label_set": label_set, "model": model, "class": code, "metric": metric}
                | {"value": np.nan if undefined else value, "low": np.nan if undefined else value - half}
                | {"high": np.nan if undefined else min(value + half, 1.0)}
                | {"positives": 7 if code == "1dAVb" else 216 + k, "negatives": 1942 - k, "unknown": 3 * k}
                | {"records": 2158, "patients": 1877, "seeds": 2, "seed_sd": 0.0041, "resamples": 1000}
                | {"usable": 991, "in_macro": code not in ("macro", "1dAVb"), "note": few}
            )
    return rows


def _calibration(rng: np.random.Generator, label_set: str, codes: list[str], model: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for code in [*codes, "macro"]:
        for metric in ("ece", "brier"):
            a, b = rng.uniform(0.06, 0.09), rng.uniform(0.02, 0.05)
            stages = {"before": a, "before_low": a - 0.01, "before_high": a + 0.01}
            stages |= {"after": b, "after_low": b - 0.01, "after_high": b + 0.01}
            stages |= {"change": b - a, "change_low": b - a - 0.01, "change_high": b - a + 0.01}
            rows.append({"label_set": label_set, "model": model, "class": code, "metric": metric, **stages})
            rows[-1] |= {"resamples": 1000, "usable": 1000, "note": ""}
    return rows


def _bins(rng: np.random.Generator, label_set: str, model: str) -> list[dict[str, Any]]:
    rows = []
    for stage, slope in (("before", 0.75), ("after", 0.97)):
        for k in range(10):
            p = 0.05 + 0.1 * k
            seen = float(np.clip(0.5 + slope * (p - 0.5) + rng.normal(0, 0.015), 0, 1))
            rows.append(
                {
                    "label_set": label_set,
                    "model": model,
                    "stage": stage,
                    "bin": k,
                    "predicted": p,
                    "observed": seen,
                }
                | {"low": max(seen - 0.05, 0), "high": min(seen + 0.05, 1), "count": 900 - 80 * k, "positives": 90}
            )
    return rows


def _groups(rng: np.random.Generator, label_set: str, model: str, skill: float) -> list[dict[str, Any]]:
    rows = []
    groups = {"sex": ("female", "male"), "age": ("<40", "40–59", "60–79", "≥80", "unknown")}
    for attribute, names in groups.items():
        for name in names:
            value = float(norm.cdf(skill / np.sqrt(2))) * 0.95 + rng.uniform(-0.02, 0.02)
            few = name == "unknown"
            rows.append(
                {"label_set": label_set, "model": model, "attribute": attribute, "group": name, "metric": "auroc"}
                | {"value": np.nan if few else value, "low": np.nan if few else value - 0.02}
                | {"high": np.nan if few else value + 0.02, "records": 611, "patients": 543, "classes": 4}
                | {"few_classes": int(few), "few": few, "resamples": 1000, "usable": 1000}
                | {"note": "no class has both kinds of ECG" if few else ""}
            )
    return rows


def _lines(label_set: str, code: str, model: str, skill: float, share: float) -> list[dict[str, Any]]:
    x = np.linspace(0, 1, 120)
    y = norm.cdf(skill + norm.ppf(x))
    precision = np.divide(share * y, share * y + (1 - share) * x, where=x > 0, out=np.ones_like(x))
    keys = {"label_set": label_set, "class": code, "model": model}
    roc = [{**keys, "kind": "roc", "x": a, "y": b} for a, b in zip(x, y, strict=True)]
    return roc + [{**keys, "kind": "pr", "x": a, "y": b} for a, b in zip(y, precision, strict=True)]


def _histories(folder: Path, rng: np.random.Generator, tests: list[int]) -> None:
    for model in SKILL:
        for seed in (0, 1):
            for fold in tests:
                cell = folder / "cells" / f"{model}-seed{seed}-fold{fold}"
                cell.mkdir(parents=True)
                epochs = [
                    {"epoch": e, "train_loss": 0.4 * 0.9**e + 0.1, "lr": 1e-3, "seconds": 61.2}
                    | {"validation_loss": 0.4 * 0.92**e + 0.14 + 0.002 * e + rng.normal(0, 0.005)}
                    | {"validation_auroc": 0.91 - 0.2 * 0.8**e + rng.normal(0, 0.004)}
                    for e in range(1, 21)
                ]
                (cell / "history.json").write_text(json.dumps(epochs if model == "code_resnet" else []))


def _examples(rng: np.random.Generator, unit: str) -> pd.DataFrame:
    time = np.arange(1000) / 100
    beat = np.exp(-((((time * 1.2) % 1) - 0.4) ** 2) / 2e-4) + 0.25 * np.exp(-((((time * 1.2) % 1) - 0.7) ** 2) / 3e-3)
    samples = np.outer(rng.uniform(-0.5, 1.4, 12), beat) + rng.normal(0, 0.012, (12, 1000))
    row = {"model": "code_resnet", "class": "AF", "threshold": 0.21, "unit": unit, "rate_hz": 100.0}
    row |= {
        "leads": list(TWELVE),
        "samples": samples.astype(np.float32).ravel().tolist(),
        "age": 71.0,
        "sex": "male",
    }
    kinds = [("missed", 1, 0.03), ("false alarm", 0, 0.94)]
    return pd.DataFrame(
        [
            row | {"record": f"ptbxl:{k}", "truth": truth, "probability": p, "kind": kind}
            for k, (kind, truth, p) in enumerate(kinds, 1)
        ]
    )


class Page(HTMLParser):
    """What a browser would load and show, and whether every element is closed."""

    VOID = {"meta", "br", "link", "img", "input", "hr"}

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes nothing at {self.getpos()}"

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(re.split(r"[ \n]+", " ".join(self.words)))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = build(tmp_path_factory.mktemp("run") / "run", figures=True)
    report.write(folder)
    return folder


@pytest.fixture(scope="module")
def page(run: Path) -> Page:
    return Page((run / "report.html").read_text())


def rewrite(folder: Path, file: str, **changes: object) -> None:
    path = folder / file
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def text_of(folder: Path) -> str:
    return Page(report.write(folder).read_text()).text


def test_the_page_stands_alone(run: Path, page: Page) -> None:
    loading = {"src", "srcset", "data", "action", "poster", "background"}
    for tag, attributes in page.tags:
        assert tag not in {"script", "link", "iframe", "img", "object", "embed", "base"}
        assert not loading & set(attributes)
        target = attributes.get("href") or attributes.get("xlink:href") or "#"
        assert tag == "a" or target.startswith("#")
    assert not re.search(r"@import|@font-face|url\((?!#)", (run / "report.html").read_text())
    assert (run / "report.html").stat().st_size < 5_000_000


def test_the_page_is_well_formed_and_accessible(page: Page) -> None:
    assert page.open == []
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    targets = [a["href"][1:] for tag, a in page.tags if tag == "a" and a.get("href", "").startswith("#")]  # type: ignore[union-attr,index]
    assert targets and set(targets) <= set(ids)
    assert all(a.get("aria-label") for tag, a in page.tags if tag == "svg")
    assert all(a.get("scope") in ("row", "col", "rowgroup") for tag, a in page.tags if tag == "th")


def test_every_number_of_the_tables_is_on_the_page(run: Path, page: Page) -> None:
    shown = page.text
    tables = {path.stem: pd.read_parquet(path) for path in (run / "results").glob("*.parquet")}
    for name in ("summary", "subgroups"):
        for row in tables[name].to_dict("records"):
            assert number(row["value"]) in shown and number(row["low"]) in shown and number(row["high"]) in shown
    for row in tables["summary"].to_dict("records"):
        assert interval(row["value"], row["low"], row["high"]) in shown
    for row in tables["calibration"].to_dict("records"):
        assert interval(row["before"], row["before_low"], row["before_high"]) in shown
        assert interval(row["change"], row["change_low"], row["change_high"], plus=True) in shown
    for row in tables["contrasts"].to_dict("records"):
        assert interval(row["difference"], row["low"], row["high"], plus=True) in shown
        assert number(row["detectable"]) in shown
    for step in json.loads((run / "flow.json").read_text())["steps"]:
        assert count(step["records"]) in shown and step["what"] in shown and step["why"] in shown


def test_a_changed_number_changes_the_page(tmp_path: Path) -> None:
    folder = build(tmp_path / "run")
    path = folder / "results" / "summary.parquet"
    table = pd.read_parquet(path)
    table.loc[0, ["value", "low", "high"]] = (0.12345, 0.10123, 0.14789)
    table.to_parquet(path)
    assert "0.123 [0.101, 0.148]" in text_of(folder)
    assert "0.123 [0.101, 0.148]" in (folder / "model_card.md").read_text()


def test_same_folder_same_bytes(run: Path) -> None:
    names = ("report.html", "model_card.md")
    before = [(run / name).read_bytes() for name in names]
    report.write(run)
    assert [(run / name).read_bytes() for name in names] == before


def test_text_from_data_is_escaped(tmp_path: Path) -> None:
    folder = build(tmp_path / "run")
    evil = '<script>alert("x")</script>'
    examples = pd.read_parquet(folder / "examples.parquet").assign(record=evil, sex=None, age=np.nan)
    examples.to_parquet(folder / "examples.parquet")
    rewrite(folder, "experiment.json", title=evil, note=evil)
    rewrite(folder, "environment.json", command=evil)
    html = report.write(folder).read_text()
    assert "<script" not in html
    assert evil in Page(html).text
    assert "<script" not in (folder / "model_card.md").read_text().split("## How to reproduce")[0]


def test_the_headline_gives_both_models_and_what_the_difference_means(page: Page) -> None:
    assert "code_resnet reaches a macro AUROC of" in page.text
    assert "the baseline boosting reaches" in page.text
    assert "Paired difference +0.016 [+0.004, +0.029]. code_resnet is better than boosting" in page.text
    assert "Research use only, not a medical device" in page.text


def test_a_run_without_a_baseline_has_no_verdict(tmp_path: Path) -> None:
    folder = build(tmp_path / "run")
    rewrite(folder, "experiment.json", baseline=None)
    path = folder / "results" / "contrasts.parquet"
    pd.read_parquet(path).assign(planned=False).to_parquet(path)
    shown = text_of(folder)
    assert "code_resnet reaches a macro AUROC of" in shown and "Planned comparison" not in shown
    assert "the baseline" not in shown and "no comparison was planned in AUROC" in shown


def test_verdicts_follow_the_interval() -> None:
    contrast = {"primary": "a", "other": "b", "detectable": 0.02}
    assert "a is better than b" in verdict(contrast | {"low": 0.001, "high": 0.1})
    assert "a is worse than b" in verdict(contrast | {"low": -0.1, "high": -0.001})
    assert "not detectable" in verdict(contrast | {"low": -0.1, "high": 0.1})
    assert "0.020" in verdict(contrast | {"low": -0.1, "high": 0.1})
    assert versus_zero(float("nan"), 0.1) == "undefined"
    assert versus_zero(0.0, 0.1) == "not detectable"


def test_percentages_never_round_to_certainty() -> None:
    shown = [percent(p).replace("\u00a0", " ") for p in (0.0, 0.0002, 0.004, 0.03, 0.996, 0.99999, 1.0, float("nan"))]
    assert shown == ["0 %", "less than 0.1 %", "0.4 %", "3 %", "99.6 %", "more than 99.9 %", "100 %", "–"]


def test_mistakes_are_drawn_and_told(page: Page) -> None:
    shown = page.text.replace("\u00a0", " ")
    assert "Missed AF: code_resnet gave 3 %, threshold 21 %." in shown
    assert "False alarm for AF: code_resnet gave 94 %, threshold 21 %, but the label says there is none." in shown
    assert sum(a.get("id", "").endswith("-grid-fine") for _, a in page.tags if a.get("id")) == 2  # type: ignore[union-attr]


def test_a_record_with_two_mistakes_is_drawn_once(tmp_path: Path) -> None:
    folder = build(tmp_path / "run")
    pd.read_parquet(folder / "examples.parquet").assign(record="ptbxl:1").to_parquet(folder / "examples.parquet")
    html = report.write(folder).read_text()
    assert html.count('-grid-fine"') == 1
    (told,) = re.findall(r'<figure class="paper"><figcaption>(.*?)</figcaption>', html)
    assert "Missed AF" in told and "False alarm for AF" in told


def test_data_sets_that_are_joined_do_not_look_like_one_after_another(tmp_path: Path, page: Page) -> None:
    folder = build(tmp_path / "run")
    names = ("ptbxl: readable", "arrays: readable", "arrays: new", "joined")
    flow = [{"what": name, "records": 9, "patients": None, "left_out": 0, "why": ""} for name in names]
    rewrite(folder, "flow.json", steps=flow)
    tags = Page(report.write(folder).read_text()).tags
    assert [a.get("class") for _, a in tags if (a.get("class") or "").startswith("box")].count("box plus") == 1
    assert not [a for _, a in page.tags if a.get("class") == "box plus"]


def test_a_check_of_all_parts_at_once_is_understood(tmp_path: Path) -> None:
    folder = build(tmp_path / "run")
    check = {"fold": 10, "kind": "patient", "parts": "all", "count": 0, "examples": []}
    rewrite(folder, "flow.json", overlap=[check])
    assert "No patient is in two parts: 0 shared by any two parts." in text_of(folder)
    rewrite(folder, "flow.json", overlap=[check | {"count": 3, "examples": ["ptbxl:p<7>"]}])
    shown = text_of(folder)
    assert "3 patients shared by any two parts, such as ptbxl:p<7>." in shown and "Parts of the data overlap" in shown


def test_overlap_is_stated_even_when_there_is_none(page: Page) -> None:
    assert "No patient is in two parts: 0 shared by train and validation; 0 by train and test;" in page.text
    assert "Could not look for a shared signal between train and test" in page.text
    assert "Could not look at 12 records whose patient is unknown" in page.text
    assert "leaks" not in page.text


def test_standardised_leads_get_a_sentence_instead_of_paper(tmp_path: Path) -> None:
    folder = build(tmp_path / "run", unit="z")
    html = report.write(folder).read_text()
    assert "No ECG is drawn: these leads were standardised" in Page(html).text
    assert "grid-fine" not in html and "Missed AF" in html


def test_a_leaky_split_has_a_banner(tmp_path: Path) -> None:
    shown = text_of(build(tmp_path / "run", leaky=True))
    assert "On a split that leaks, code_resnet reaches a macro AUROC of" in shown
    assert "This split leaks" in shown and "391 patients shared by train and test" in shown
    assert "This split leaks" in (tmp_path / "run" / "model_card.md").read_text()


def test_an_overlap_that_nobody_declared_has_a_banner(tmp_path: Path) -> None:
    folder = build(tmp_path / "run", leaky=True)
    rewrite(folder, "experiment.json", split_is_leaky=False)
    assert "Parts of the data overlap" in text_of(folder)


def test_simulated_data_have_a_banner(tmp_path: Path, page: Page) -> None:
    assert "Simulated data" in text_of(build(tmp_path / "run", data="simulated=200"))
    assert "Simulated data" not in page.text


def test_many_folds_become_a_table(tmp_path: Path) -> None:
    shown = text_of(build(tmp_path / "run", folds=5))
    assert "Parts of each fold" in shown and "(5 folds looked at)" in shown


def test_remarks_are_footnotes_said_once(tmp_path: Path) -> None:
    folder = build(tmp_path / "run")
    path = folder / "results" / "summary.parquet"
    table = pd.read_parquet(path)
    table["note"] = [f"only 7 positives; defined in {k} of 1000 resamples" for k in range(len(table))]
    table.to_parquet(path)
    html = report.write(folder).read_text()
    notes = re.findall(r"<li><sup>(\w+)</sup> (.*?)</li>", html)
    assert notes[0] == ("a", "only 7 positives")
    assert notes[1][0] == "b" and "undefined in some resamples" in notes[1][1]
    assert not [text for _, text in notes if re.search(r"\d of 1000", text)]
    assert f"defined in {len(table) - 1} of 1000 resamples" in html  # among every number


def test_what_a_run_did_not_make_is_said_to_be_missing(tmp_path: Path) -> None:
    folder = build(tmp_path / "run")
    for name in ("thresholds", "calibration", "reliability", "subgroups", "curves", "mistakes"):
        (folder / "results" / f"{name}.parquet").unlink(missing_ok=True)
    (folder / "examples.parquet").unlink()
    (folder / "cohort.parquet").unlink()
    for path in folder.glob("cells/*/history.json"):
        path.unlink()
    shown = text_of(folder)
    for file in ("curves", "reliability", "calibration", "subgroups", "mistakes", "thresholds"):
        assert f"results/{file}.parquet" in shown
    assert "this run has no examples.parquet" in shown and "learning curves" in shown
    assert "Not available: subgroups" in (folder / "model_card.md").read_text()


@pytest.mark.parametrize("file", ["experiment.json", "environment.json", "flow.json", "results/summary.parquet"])
def test_a_missing_file_is_named_with_its_remedy(tmp_path: Path, file: str) -> None:
    folder = build(tmp_path / "run")
    (folder / file).unlink()
    with pytest.raises(FileNotFoundError, match=f"{file} is missing.*start the same command again"):
        report.write(folder)
    assert not (folder / "report.html").exists()


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    folder = build(tmp_path / "run")
    path = folder / "results" / "contrasts.parquet"
    pd.read_parquet(path).drop(columns="detectable").to_parquet(path)
    with pytest.raises(ValueError, match=r"contrasts\.parquet lacks the columns detectable"):
        report.write(folder)
    (folder / "flow.json").write_text("{")
    with pytest.raises(ValueError, match=r"flow\.json is not JSON"):
        report.write(folder)


def test_a_failed_report_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = build(tmp_path / "run")
    (folder / "report.html").write_text("old")
    monkeypatch.setattr(Path, "write_text", lambda *_, **__: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(WriteError, match="disk full"):
        report.write(folder)
    assert (folder / "report.html").read_text() == "old"
    assert not [path for path in folder.iterdir() if path.name.startswith(".")]


def test_the_card_says_what_the_model_is_for(run: Path) -> None:
    card = (run / "model_card.md").read_text()
    headings = ("Model details", "Intended use", "Not intended", "Data and licence", "Metrics", "Subgroups")
    for heading in (*headings, "Limitations", "How to reproduce"):
        assert f"## {heading}\n" in card
    assert "einthoven study code --data ptbxl" in card
    assert "PTB-XL. Licence: CC BY 4.0. Cite: Wagner 2020" in card
    widths: dict[int, int] = {}
    for k, line in enumerate(card.splitlines()):
        if line.startswith("|"):
            widths[k] = len(re.findall(r"(?<!\\)\|", line))
            assert widths.get(k - 1, widths[k]) == widths[k], f"ragged table: {line}"
    assert widths


def test_what_the_readers_assumed_is_counted(tmp_path: Path) -> None:
    folder = build(tmp_path / "run")
    table = pd.read_parquet(folder / "cohort.parquet")
    notes = [["flat: V1"], ["flat: V1", "gain <assumed>"], *([[]] * (len(table) - 2))]
    table.assign(notes=notes).to_parquet(folder / "cohort.parquet")
    page = report.write(folder).read_text()
    assert re.search(r"note: flat: V1</th><td>2 records", page) and "gain &lt;assumed&gt;" in page
