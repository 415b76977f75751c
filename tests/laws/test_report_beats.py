"""The page of a run on beats says what its tables say, in the rows where a reader looks for it."""

import importlib.util
import json
import re
from collections.abc import Mapping
from html import unescape
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

from einthoven import report
from einthoven.evaluation import evaluate_beats
from einthoven.report._words import interval, number


def neighbour(name: str) -> ModuleType:
    """Another test file of this folder, for what it makes."""
    spec = importlib.util.spec_from_file_location(f"_{name}", Path(__file__).with_name(f"{name}.py"))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


runs, judged = neighbour("test_report"), neighbour("test_beats")
EVIL = '<script>alert("x")</script>'
#             said N  S  V  F  Q
NET = [
    [90, 4, 4, 1, 1],  # N
    [6, 12, 2, 0, 0],  # S
    [3, 1, 14, 2, 0],  # V
    [2, 0, 4, 2, 0],  # F
    [1, 1, 1, 0, 1],  # Q
]
BOOSTING = [[80, 10, 8, 1, 1], [12, 6, 2, 0, 0], [6, 2, 11, 1, 0], [4, 0, 4, 0, 0], [2, 1, 1, 0, 0]]
NAIVE = [[100, 0, 0, 0, 0], [20, 0, 0, 0, 0], [20, 0, 0, 0, 0], [8, 0, 0, 0, 0], [4, 0, 0, 0, 0]]
MODELS = {"net": NET, "boosting": BOOSTING, "net@5p": BOOSTING, "naive": NAIVE}


def predicted(models: Mapping[str, list[list[int]]] = MODELS) -> pd.DataFrame:
    """Predictions with these matrices: seven recordings of a patient each, of which x:6 has 15 of the 20 S."""
    tables = []
    for model, matrix in models.items():
        true, said = judged.of_matrix(matrix)
        place = np.arange(len(true)) % 7
        place[np.flatnonzero(true == "S")] = [6] * 15 + [0, 1, 2, 3, 4]
        names = {"record": [f"x:{r}-{k:05d}" for k, r in enumerate(place)], "patient": [f"p{r}" for r in place]}
        tables.append(judged.table(true, said, **names, model=model))
    return pd.concat(tables, ignore_index=True)


def build(folder: Path, predictions: pd.DataFrame | None = None, **experiment: object) -> Path:
    """A run folder as a run on beats leaves it."""
    runs.build(folder)
    for path in (folder / "results").iterdir():
        path.unlink()
    told = {"exclusive": True, "labels": ["aami5"], "models": list(MODELS), "primary": "net", "baseline": "boosting"}
    told |= {"title": "Beats", "study": "fourier", **experiment}
    runs.rewrite(folder, "experiment.json", **told)
    classes = [{"class": name, "label_set": "aami5", "title": f"beat of {name}", "positive": 9} for name in "NSVFQ"]
    runs.rewrite(folder, "flow.json", classes=[{**row, "negative": 90, "unknown": 0} for row in classes])
    predictions = predicted() if predictions is None else predictions
    tables = evaluate_beats(predictions, baseline=told["baseline"], primary=told["primary"], resamples=60)
    for name, table in tables.items():
        table.to_parquet(folder / "results" / f"{name}.parquet")
    mistakes, beat = tables["mistakes"].head(2), np.sin(np.linspace(0, 6, 324)).astype(np.float32)
    seen = {"unit": "mV", "rate_hz": 360.0, "age": 60.0, "sex": "male"}
    mistakes = mistakes.assign(**seen, leads=[["MLII"]] * len(mistakes), samples=[beat.tolist()] * len(mistakes))
    mistakes.to_parquet(folder / "examples.parquet")
    return folder


def rows_of(html: str, label: str) -> list[list[str]]:
    """The text of each cell of the table with this label."""
    (table,) = re.findall(rf'aria-label="{re.escape(label)}".*?</table>', html, re.DOTALL)
    found = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL) for row in table.split("<tr")[1:]]
    return [[" ".join(unescape(re.sub(r"<[^>]*>", " ", cell)).split()) for cell in row] for row in found]


def of_class(html: str, label: str, name: str) -> dict[str, list[str]]:
    """The cells of each model in the rows of a class."""
    models: dict[str, list[str]] = {}
    inside = False
    for row in rows_of(html, label):
        if len(row) == 1:
            inside = row[0].split()[0] == name
        elif inside:
            models[row[0].split()[0]] = row[1:]
    return models


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = build(tmp_path_factory.mktemp("beats") / "run")
    report.write(folder)
    return folder


@pytest.fixture(scope="module")
def html(run: Path) -> str:
    return (run / "report.html").read_text()


@pytest.fixture(scope="module")
def shown(html: str) -> str:
    text: str = runs.Page(html).text
    return text


def test_the_figures_by_hand_stand_in_their_rows(html: str) -> None:
    values = {
        "N": (180 / 202, 90 / 100, 90 / 102),
        "S": (24 / 38, 12 / 20, 12 / 17),  # the Q that was called S is spared, but not by F1
        "V": (28 / 45, 14 / 20, 14 / 20),  # four F and a Q are spared
        "F": (4 / 13, 2 / 8, 2 / 5),
        "Q": (2 / 6, 1 / 4, 1 / 2),
    }
    for name, figures in values.items():
        cells = of_class(html, "All beats", name)["net"]
        assert [cell.split()[0] for cell in cells] == [number(value) for value in figures], name
    whole = {row[0].split()[0]: row[1:] for row in rows_of(html, "All classes together")[1:]}
    assert whole["net"][0].split()[0] == number((180 / 202 + 24 / 38 + 28 / 45) / 3)
    assert whole["net"][1].split()[0] == number(119 / 152)
    assert whole["naive"][3].split()[0] == "0.000" and whole["naive"][4] == "– undefined"
    assert list(whole) == ["net", "boosting", "net@5p", "naive"]


def test_every_number_of_the_tables_is_in_its_cell(run: Path, html: str, shown: str) -> None:
    tables = {path.stem: pd.read_parquet(path) for path in (run / "results").glob("*.parquet")}
    labels = {"beats": "All beats", "recordings": "Average over recordings"}
    columns = ["f1", "sensitivity", "positive_predictivity"]
    for row in tables["beats"].to_dict("records"):
        said = interval(row["value"], row["low"], row["high"])
        assert said in shown
        if row["metric"] in columns and row["class"] != "macro":
            cell = of_class(html, labels[row["over"]], row["class"])[row["model"]][columns.index(row["metric"])]
            assert cell.startswith(said) and (said != "–" or "undefined" in cell)
    for row in tables["paired"].to_dict("records"):
        assert interval(row["difference"], row["low"], row["high"], plus=True) in shown
    alone = tables["recordings"]
    alone = alone[(alone["model"] == "net") & (alone["metric"] == "sensitivity") & (alone["class"] == "S")]
    lines = {row[0]: row for row in rows_of(html, "Recording by recording")[2:]}
    for row in alone.to_dict("records"):
        assert lines[row["recording"]][6:8] == [str(row["beats"]), number(row["value"])]


def test_f_and_q_are_beside_and_in_no_mean(html: str) -> None:
    heads = [row[0] for row in rows_of(html, "All beats") if len(row) == 1]
    assert [head.split()[0] for head in heads] == ["N", "S", "V", "F", "Q"]
    assert ["in no mean" in head for head in heads] == [False] * 3 + [True] * 2
    assert "20 beats in 6 recordings" in heads[1] and "beat of S" in heads[1]


def test_an_average_says_over_how_many_recordings_where_they_differ(run: Path, html: str) -> None:
    table = pd.read_parquet(run / "results" / "beats.parquet")
    table = table[(table["over"] == "recordings") & (table["model"] == "net") & (table["class"] == "S")]
    counts = table.set_index("metric")["recordings"]
    assert counts["sensitivity"] == 6 != counts["positive_predictivity"]
    cells = of_class(html, "Average over recordings", "S")["net"]
    assert "mean of" not in cells[1] and cells[2].endswith(f"mean of {counts['positive_predictivity']}")
    assert "mean of" not in "".join(of_class(html, "All beats", "S")["net"])


def test_the_headline_says_what_was_planned(run: Path, html: str, shown: str) -> None:
    table = pd.read_parquet(run / "results" / "beats.parquet")
    table = table[(table["model"] == "net") & (table["over"] == "beats") & (table["metric"] == "f1")].set_index("class")
    told = {name: interval(*table.loc[name, ["value", "low", "high"]]) for name in ("macro", "S", "V")}
    assert f"net reaches a macro F1 over N, S and V of {told['macro']}, F1 of S {told['S']}" in shown
    assert f", F1 of V {told['V']}; the baseline boosting reaches a macro F1 of 0." in shown
    pairs = pd.read_parquet(run / "results" / "paired.parquet")
    pair = pairs[(pairs["other"] == "boosting") & (pairs["class"] == "macro")].iloc[0]
    difference = interval(pair["difference"], pair["low"], pair["high"], plus=True)
    assert f"Paired difference {difference}. net is better than boosting" in shown
    figures = [row for row in rows_of(html, "Paired differences") if len(row) == 5][1:]
    assert [row[0] for row in figures[:5]] == ["macro F1 planned", "F1 of S", "F1 of V", "accuracy", "jκ"]
    assert sum("planned" in row[0] for row in figures) == 1 and len(figures) == 15


def test_a_class_that_one_recording_carries_is_named(html: str, shown: str) -> None:
    assert "Recording x:6 holds 15 of the 20 tested beats of class S (75\u00a0%)." in shown
    assert "of the 20 tested beats of class V" not in shown
    lines = {row[0]: row[1:] for row in rows_of(html, "Which recordings carry a class")[1:]}
    assert lines["S"][:2] == ["20", "x:6 15 (75 %)"] and lines["S"][-1] == "1 recording 1 (5 %)"
    beats = [int(cell.split()[-3 if "recordings" in cell else 1]) for cell in lines["N"][1:]]
    assert len(beats) == 6 and sum(beats) == 100 and lines["N"][-1].startswith("2 recordings")
    assert "x:6 holds 15 of 20" in shown.split("Average over recordings")[0]


def test_sections_that_such_a_run_has_not_are_not_there(html: str, shown: str) -> None:
    for name in ("curves", "calibration", "decisions", "subgroups", "elsewhere"):
        assert f'id="{name}"' not in html and f'href="#{name}"' not in html
    assert "Validation AUROC" in shown  # of the curves of training
    shown = re.sub("[vV]alidation AUROC", "", shown)
    for word in ("AUROC", "Not available", "threshold of", "Calibration", "Subgroups"):
        assert word not in shown
    for word in (
        "Positive predictivity",
        "κ/2 + j/8",
        "The 7 patients of this test are no large sample",
        "Who was studied",
    ):
        assert word in shown


def test_the_page_stands_alone_and_is_well_formed(html: str) -> None:
    page = runs.Page(html)
    assert page.open == [] and not {tag for tag, _ in page.tags} & {"script", "link", "iframe", "img"}
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    targets = {a["href"][1:] for tag, a in page.tags if tag == "a" and a.get("href", "").startswith("#")}
    assert len(ids) == len(set(ids)) and targets and targets <= set(ids)
    scopes = {a.get("scope") for tag, a in page.tags if tag == "th"}
    assert scopes == {"row", "col", "rowgroup", "colgroup"}


def test_mistakes_are_told_and_drawn(run: Path, html: str, shown: str) -> None:
    listed = rows_of(html, "Strongest mistakes")[1:]
    table = pd.read_parquet(run / "results" / "mistakes.parquet")
    assert [row[:3] for row in listed] == table[["record", "truth", "class"]].to_numpy().tolist() and listed
    assert "Called S by net with 90\u00a0%, but the label says N." in shown
    assert html.count('-grid-fine"') == 2 and "12-lead ECG of" not in html


def test_same_folder_same_bytes(run: Path) -> None:
    names = ("report.html", "model_card.md")
    before = [(run / name).read_bytes() for name in names]
    report.write(run)
    assert [(run / name).read_bytes() for name in names] == before


def test_text_from_data_is_escaped(tmp_path: Path) -> None:
    long = predicted({EVIL: NET, "boosting": BOOSTING}).replace({"record": {"x:": f"{EVIL}:"}}, regex=True)
    folder = build(tmp_path / "run", long, primary=EVIL, title=EVIL)
    flow = json.loads((folder / "flow.json").read_text())
    runs.rewrite(folder, "flow.json", classes=[row | {"title": EVIL} for row in flow["classes"]])
    html = report.write(folder).read_text()
    assert "<script" not in html and html.count("&lt;script&gt;") > 50
    assert "<script" not in (folder / "model_card.md").read_text().split("## How to reproduce")[0]


@pytest.mark.parametrize("name", ["beats", "recordings", "carriers", "paired"])
def test_a_missing_table_is_named_with_its_remedy(tmp_path: Path, name: str) -> None:
    folder = build(tmp_path / "run")
    path = folder / "results" / f"{name}.parquet"
    pd.read_parquet(path).drop(columns="class").to_parquet(path)
    with pytest.raises(ValueError, match=rf"{name}\.parquet lacks the columns class; evaluate the run again"):
        report.write(folder)
    path.unlink()
    with pytest.raises(FileNotFoundError, match=rf"{name}\.parquet is missing.*start the same command again"):
        report.write(folder)
    assert not (folder / "report.html").exists()


def test_a_model_alone_is_reported(tmp_path: Path) -> None:
    folder = build(tmp_path / "run", predicted({"net": NET}), baseline=None)
    (folder / "examples.parquet").unlink()
    (folder / "results" / "mistakes.parquet").unlink()
    shown = runs.text_of(folder)
    assert "There is no other model to compare with." in shown and "the baseline" not in shown
    assert "no comparison was planned" in shown and "this run has no results/mistakes.parquet" in shown


def test_beats_that_only_one_of_two_was_tested_on_are_told(tmp_path: Path) -> None:
    long = predicted()
    folder = build(tmp_path / "run", long[(long["model"] != "naive") | (long["record"] > "x:1")])
    pairs = pd.read_parquet(folder / "results" / "paired.parquet").groupby("other")["beats"].first()
    assert pairs["naive"] < pairs["boosting"] == 152
    page = report.write(folder).read_text()
    heads = [row[0] for row in rows_of(page, "Paired differences") if len(row) == 1]
    few = pairs["naive"]
    assert heads[2] == f"against naive {few} beats of 6 patients, of 152 and {few} that either was tested on"
    assert heads[0] == "against boosting baseline · 152 beats of 7 patients"


def test_beats_of_unknown_class_and_arms_that_saw_the_test_are_told(tmp_path: Path) -> None:
    long = predicted()
    long["truth"] = long["truth"].mask(long["record"].str.endswith("-00003"))
    arms = [{"name": "net", "watches": "validation", "learns": ["train"], "scaled": []}]
    arms += [{"name": "boosting", "watches": "test"}, {"name": "naive", "scaled": ["train", "test"]}]
    arms += [{"name": "near", "learns": ["between"]}, {"name": "moved", "decides": "test"}]
    shown = runs.text_of(build(tmp_path / "run", long, arms=arms))
    assert "Nobody knows the class of 1 more test beats" in shown
    assert "Not so for boosting, naive, near, moved, which saw something of the test" in shown


def test_a_leaky_split_has_a_banner(tmp_path: Path) -> None:
    shown = runs.text_of(build(tmp_path / "run", split="by_example", split_is_leaky=True))
    assert "This split leaks" in shown and "On a split that leaks, net reaches a macro F1" in shown


def test_the_card_has_the_same_figures(run: Path) -> None:
    card = (run / "model_card.md").read_text()
    table = pd.read_parquet(run / "results" / "beats.parquet")
    chosen = table[(table["over"] == "beats") & table["metric"].isin(["f1", "sensitivity", "positive_predictivity"])]
    for row in chosen[chosen["value"].notna()].to_dict("records"):
        assert interval(row["value"], row["low"], row["high"]) in card
    assert "Recording x:6 holds 15 of the 20 tested beats of class S" in card and "## Subgroups" not in card
    assert "net − boosting, macro F1: +" in card and card.count("(planned)") == 1
    widths: dict[int, int] = {}
    for k, line in enumerate(card.splitlines()):
        if line.startswith("|"):
            widths[k] = len(re.findall(r"(?<!\\)\|", line))
            assert widths.get(k - 1, widths[k]) == widths[k], f"ragged table: {line}"
    assert len(widths) > 25
