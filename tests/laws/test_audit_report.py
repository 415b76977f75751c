"""The page of an audit says what its three files say, all of it, and a run's report says that there was one."""

import importlib.util
import json
import re
import shutil
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest

from einthoven import report
from einthoven.audit import STATUSES, Finding, Fingerprint, Subject, Verdict, keep
from einthoven.records.writing import WriteError
from einthoven.report.audit import verdict, write


def neighbour(name: str) -> ModuleType:
    """Another test file of this folder, for what it makes."""
    spec = importlib.util.spec_from_file_location(f"_{name}", Path(__file__).with_name(f"{name}.py"))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


runs = neighbour("test_report")
EVIL = '<script>alert("x")</script>'
COMMAND = "einthoven audit --data own=/data --split split.csv"
CLEAN = Verdict("records", "4 ids")
VERDICTS = (
    Verdict("windows", "no record names a recording", asked=False),
    CLEAN,
    Verdict("identity", "4 records", (Finding("warning", "2 pairs are alike.", 2, ("a and b",)),)),
    Verdict("patients", "0 patients", (Finding("could not look", "The patients of 4 records are unknown.", 4),)),
    Verdict("corpora", "2 data sets", (Finding("leak", "One holds the other.", 1), Finding("warning", "See it.", 1))),
)


def subject(names: list[str] | None = None, seconds: int = 4, leads: tuple[str, ...] = ("I", "II")) -> Subject:
    """Four records, two on each side; the third is the first half a second late, the fourth is of its own."""
    names = names or ["own:a", "own:b", "own:c", "own:d"]
    rng = np.random.default_rng(0)
    samples = rng.integers(-90, 90, (4, len(leads), 50 * seconds)).astype(np.int8)
    samples[2, :, :-25] = samples[0, :, 25:]
    prints = [Fingerprint(leads, one) for one in samples]
    table = pd.DataFrame({"record_id": names, "patient_id": None, "dataset": "own"})
    return Subject(table, np.array(["train", "train", "test", "test"], dtype=object), "file", fingerprints=prints)


def pairs(of: Subject, *which: tuple[int, int, float]) -> pd.DataFrame:
    ids = of.table["record_id"]
    rows = [
        {"record": ids[one], "other": ids[two], "side": of.side[one], "other_side": of.side[two], "likeness": 0.9876}
        | {"leads": 2, "inverted": ["II"], "shift_s": shift, "shared_s": 3.5}
        for one, two, shift in which
    ]
    return pd.DataFrame(rows)


def found(table: pd.DataFrame, check: str = "waveforms", status: str = "leak") -> Verdict:
    return Verdict(check, "4 recordings", (Finding(status, "They are one.", len(table)),), pairs=table)  # type: ignore[arg-type]


def audited(folder: Path, *verdicts: Verdict, of: Subject | None = None) -> Path:
    keep(folder, of or subject(), verdicts)
    return folder


def text_of(folder: Path) -> str:
    return runs.Page(write(folder, COMMAND).read_text(encoding="utf-8")).text.replace("\u00a0", " ")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    of = subject()
    return audited(tmp_path_factory.mktemp("audit"), *VERDICTS, found(pairs(of, (0, 2, 0.5), (1, 3, 0.0))), of=of)


def test_the_page_stands_alone_and_is_well_formed(folder: Path) -> None:
    html = write(folder, COMMAND).read_text(encoding="utf-8")
    page = runs.Page(html)
    assert page.open == []
    for tag, attributes in page.tags:
        assert tag not in {"script", "link", "iframe", "img", "object", "embed", "base"}
        assert not {"src", "srcset", "data", "action", "poster"} & set(attributes)
        assert (attributes.get("href") or attributes.get("xlink:href") or "#").startswith("#")
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {a["href"][1:] for tag, a in page.tags if tag == "a"} <= set(ids)
    assert not re.search(r"@import|@font-face|url\((?!#)", html)


def test_every_fact_is_on_the_page(folder: Path) -> None:
    shown = text_of(folder)
    for entry in VERDICTS:
        assert entry.check in shown and entry.looked in shown
        for finding in entry.findings:
            assert finding.sentence in shown and all(example in shown for example in finding.examples)
    for words in ("train 2 · test 2", "waveforms 2", "exit code: leak", COMMAND, "Research use only", "does not prove"):
        assert words in shown
    for words in ("own:a (train)", "own:c (test) · likeness 0.9876 · 3.5 s that both share", "Upside down", "0.50"):
        assert words in shown


def test_every_status_has_a_badge_and_the_worst_is_first(tmp_path: Path) -> None:
    html = write(audited(tmp_path, *VERDICTS), COMMAND).read_text(encoding="utf-8")
    cells = re.findall(r'<th scope="row">(\w+)</th><td><span class="badge ([\w-]+)">([\w ]+)</span></td>', html)
    assert [status for *_, status in cells] == list(STATUSES)
    assert all(style == status.replace(" ", "-") for _, style, status in cells)
    assert cells[0][0] == "corpora"


def test_same_files_same_bytes(folder: Path, tmp_path: Path) -> None:
    other = shutil.copytree(folder, tmp_path / "elsewhere")
    assert write(folder, COMMAND).read_bytes() == write(other, COMMAND).read_bytes()


def test_text_from_data_is_escaped(tmp_path: Path) -> None:
    of = subject([EVIL, "b", "c", "d"], leads=(EVIL, "$x^2$"))
    of.side[of.side == "test"] = EVIL + "side"
    told = Verdict(EVIL, EVIL, (Finding("leak", EVIL, 1, (EVIL,)),))
    html = write(audited(tmp_path, told, found(pairs(of, (0, 2, 0.5))), of=of), EVIL).read_text(encoding="utf-8")
    assert "<script" not in html and "<i>script" not in html
    shown = runs.Page(html).text
    assert shown.count(EVIL) >= 6 and EVIL + "side" in shown and "$x^2$" in shown


@pytest.mark.parametrize(("listed", "words"), [(130, "The first 100 of 130 pairs"), (9, "9 pairs"), (1, "1 pair ")])
def test_a_long_table_says_how_many_there_are(tmp_path: Path, listed: int, words: str) -> None:
    table = pairs(subject(), *[(0, 2, 0.5)] * listed).drop(columns="shift_s")
    html = write(audited(tmp_path, found(table)), COMMAND).read_text(encoding="utf-8")
    assert words in runs.Page(html).text
    assert html.count("<small>test</small>") == min(listed, 100)


def test_pairs_without_a_shift_are_listed_and_not_drawn(tmp_path: Path) -> None:
    table = pairs(subject(), (0, 3, 0.0))[["record", "other", "side", "other_side", "likeness"]]
    html = write(audited(tmp_path, found(table, "identity", "warning")), COMMAND).read_text(encoding="utf-8")
    shown = runs.Page(html).text
    assert "No pair of this check is drawn" in shown and "own:d" in shown and "0.9876" in shown
    assert "<svg" not in html and "Where the dark line" not in shown


def test_values_that_are_missing_are_dashes(tmp_path: Path) -> None:
    table = pairs(subject(), (0, 2, 0.5)).drop(columns="shift_s").assign(overlap_s=np.nan, recording=None)
    html = write(audited(tmp_path, found(table)), COMMAND).read_text(encoding="utf-8")
    assert html.count("<td>–</td>") == 2 and "nan" not in html.lower()


def test_an_audit_without_pairs(tmp_path: Path) -> None:
    shown = text_of(audited(tmp_path, CLEAN))
    assert "No check names pairs of records." in shown and "Clean: no leak found by 1 check, 0 warnings." in shown
    assert "exit code: clean" in shown


def test_data_sets_are_not_called_sides(tmp_path: Path) -> None:
    of = Subject(subject().table, np.array(["a", "a", "b", "b"], dtype=object))
    shown = text_of(audited(tmp_path, CLEAN, of=of))
    assert "Audit of data sets" in shown and "a 2 · b 2" in shown


def lines(html: str) -> tuple[list[str], list[str]]:
    """The paths of the thick pale line and of the thin dark one."""
    found = re.findall(r'<path d="([^"]+)"[^>]*style="([^"]+)"', html)
    return tuple([path for path, style in found if f"stroke: {ink}" in style] for ink in ("#f2b661", "#00304d"))  # type: ignore[return-value]


def test_the_lines_coincide_exactly_where_the_records_do(tmp_path: Path) -> None:
    of = subject()
    first, _, copy, _ = of.fingerprints
    assert first is not None and copy is not None
    copy.samples[:] = first.samples * np.array([[1], [-1]], dtype=np.int8)  # II is upside down
    html = write(audited(tmp_path, found(pairs(of, (0, 2, 0.0), (1, 3, 0.0))), of=of), COMMAND).read_text("utf-8")
    pale, dark = lines(html)
    assert len(pale) == len(dark) == 4
    assert pale[:2] == dark[:2] and pale[2] != dark[2] and pale[3] != dark[3]
    widths = {float(width) for width in re.findall(r"stroke: #(?:f2b661|00304d); stroke-width: ([\d.]+)", html)}
    assert len(widths) == 2 and max(widths) > 3 * min(widths)


def test_the_time_is_that_of_the_first_record(tmp_path: Path) -> None:
    of = subject(seconds=20)
    html = write(audited(tmp_path, found(pairs(of, (0, 2, 7.5))), of=of), COMMAND).read_text("utf-8")
    ticks = [float(text) for text in re.findall(r">(\d+)</text>", html)]
    assert ticks and 7.5 <= min(ticks) <= 10 and 16 <= max(ticks) <= 17.5
    edges = re.search(r'd="M ?([\d.]+) [\d.]+L ?([\d.]+) [\d.]+ ?" style="fill: none; stroke: #d0d7de', html)
    at = [float(x) for x in re.findall(r"([\d.]+) [\d.]+", lines(html)[0][0])]
    assert edges and [at[0], at[-1]] == pytest.approx([float(edges[1]), float(edges[2])], abs=1.0)


def test_of_a_long_pair_the_beginning_is_drawn(tmp_path: Path) -> None:
    of = subject(seconds=30)
    folder = audited(tmp_path, found(pairs(of, (0, 2, 0.5))), of=of)
    assert "the first 10 of 29.5 s that both share" in text_of(folder)
    drawn = pd.read_parquet(folder / "drawn.parquet")
    later = [one[:2000].tolist() + [9.0] * (len(one) - 2000) for one in drawn["one"]]
    before = lines((folder / "audit.html").read_text("utf-8"))
    drawn.assign(one=later).to_parquet(folder / "drawn.parquet")
    assert lines(write(folder, COMMAND).read_text("utf-8")) == before


def test_a_flat_lead_is_drawn(tmp_path: Path) -> None:
    of = subject()
    for one in of.fingerprints:
        assert one is not None
        one.samples[:] = 0
    assert (
        len(lines(write(audited(tmp_path, found(pairs(of, (0, 2, 0.5))), of=of), COMMAND).read_text("utf-8"))[0]) == 2
    )


@pytest.mark.parametrize("file", ["audit.json", "pairs.csv", "drawn.parquet"])
def test_a_missing_file_is_named(tmp_path: Path, file: str) -> None:
    folder = audited(tmp_path, CLEAN)
    (folder / file).unlink()
    with pytest.raises(FileNotFoundError, match=rf"{file} is missing.*make the audit again"):
        write(folder, COMMAND)
    assert not (folder / "audit.html").exists()


def changed(facts: dict[str, Any], **values: object) -> str:
    return json.dumps(facts | {"verdicts": [facts["verdicts"][0] | values]})


@pytest.mark.parametrize(
    ("file", "damage", "words"),
    [
        ("audit.json", lambda facts: "{", "is not JSON"),
        ("audit.json", lambda facts: "[1]", "lacks exit_code"),
        ("audit.json", lambda facts: "null", "lacks exit_code"),
        ("audit.json", lambda facts: json.dumps({k: v for k, v in facts.items() if k != "sides"}), "lacks sides"),
        ("audit.json", lambda facts: json.dumps(facts | {"verdicts": {}}), "its verdicts no list"),
        ("audit.json", lambda facts: json.dumps(facts | {"verdicts": [{}]}), "a verdict lacks"),
        ("audit.json", lambda facts: changed(facts, findings=[{}]), "a finding of records lacks"),
        ("audit.json", lambda facts: changed(facts, status="fine"), "the status fine of records"),
        ("audit.json", lambda facts: changed(facts, pairs=1), "pairs.csv holds 0 pairs of the check records"),
        ("pairs.csv", lambda facts: "check,record\nrecords,own:a\n", "holds 1 pairs of the check records"),
        ("pairs.csv", lambda facts: "", "pairs.csv is not a readable table"),
        ("pairs.csv", lambda facts: "a,b\n", "pairs.csv is not a readable table"),
        ("drawn.parquet", lambda facts: "no table", "is not a readable Parquet table"),
    ],
)
def test_a_damaged_file_is_named(tmp_path: Path, file: str, damage: Any, words: str) -> None:
    folder = audited(tmp_path, CLEAN)
    path = folder / file
    path.write_text(damage(json.loads((folder / "audit.json").read_text())))
    with pytest.raises(ValueError, match=rf"{re.escape(words)}.*make the audit again"):
        write(folder, COMMAND)
    assert not (folder / "audit.html").exists()


def test_a_damaged_drawing_is_named(folder: Path, tmp_path: Path) -> None:
    other = shutil.copytree(folder, tmp_path / "other")
    path = other / "drawn.parquet"
    table = pd.read_parquet(path)
    table.assign(one=[one[1:] for one in table["one"]]).to_parquet(path)
    with pytest.raises(ValueError, match=r"drawn\.parquet: the two records of a pair have different numbers"):
        write(other, COMMAND)
    table.drop(columns="lead").to_parquet(path)
    with pytest.raises(ValueError, match=r"drawn\.parquet lacks the columns lead; make the audit again"):
        write(other, COMMAND)


def test_a_page_that_fails_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = audited(tmp_path, CLEAN)
    (folder / "audit.html").write_text("old")
    monkeypatch.setattr(Path, "write_text", lambda *_, **__: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(WriteError, match="disk full"):
        write(folder, COMMAND)
    assert (folder / "audit.html").read_text() == "old"
    assert not [path for path in folder.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize(
    ("chosen", "sentence"),
    [
        (
            VERDICTS,
            "LEAK: 1 of 4 checks found one (corpora), 1 could not look at everything (patients), 2 warnings.",
        ),
        (
            VERDICTS[:4],
            "Could not look at everything: 1 of 3 checks (patients); no leak in what was looked at, 1 warning.",
        ),
        (VERDICTS[:3], "Clean: no leak found by 2 checks, 1 warning."),
        (VERDICTS[4:], "LEAK: 1 of 1 check found one (corpora), 1 warning."),
        (VERDICTS[:1], "Nothing was looked at: no check had what it needs."),
        ((), "Nothing was looked at: no check had what it needs."),
    ],
)
def test_the_sentence_never_says_more_than_was_found(
    tmp_path: Path, chosen: tuple[Verdict, ...], sentence: str
) -> None:
    assert verdict(keep(tmp_path, subject(), chosen)) == sentence
    assert sentence in text_of(tmp_path)


def test_a_leak_does_not_hide_what_the_same_check_could_not_see(tmp_path: Path) -> None:
    both = Verdict("patients", "", (Finding("leak", "One."), Finding("could not look", "Two.")))
    sentence = verdict(keep(tmp_path, subject(), [both]))
    assert sentence == "LEAK: 1 of 1 check found one (patients), 1 could not look at everything (patients), 0 warnings."
    html = write(tmp_path, COMMAND).read_text("utf-8")
    assert '<div class="finding">One.' in html and re.search(r'badge could-not-look">could not look</span> Two\.', html)


# A run's report


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run: Path = runs.build(tmp_path_factory.mktemp("run") / "run", unit="z")
    shutil.rmtree(run / "cells")  # their curves are slow to draw
    return run


def reported(run: Path) -> tuple[Any, str, str]:
    page = runs.Page(report.write(run).read_text(encoding="utf-8"))
    return page, page.text, (run / "model_card.md").read_text(encoding="utf-8")


def test_a_run_without_an_audit_says_so(plain: Path) -> None:
    _, shown, card = reported(plain)
    assert "This run was made without an audit." in shown and "The audit found a leak" not in shown
    assert "- Audit: none; this run was made without one.\n" in card


def test_a_run_shows_its_audit(plain: Path, folder: Path, tmp_path: Path) -> None:
    run = shutil.copytree(plain, tmp_path / "run")
    shutil.copytree(folder, run / "audit")
    write(run / "audit", COMMAND)
    page, shown, card = reported(run)
    assert page.open == []
    sentence = verdict(json.loads((folder / "audit.json").read_text()))
    assert sentence.startswith("LEAK") and shown.count(sentence) == 2  # as a banner and in its section
    assert "The audit found a leak" in shown and "The run was made all the same" in shown
    assert "without an audit" not in shown
    for entry in VERDICTS:
        assert all(finding.sentence in shown for finding in entry.findings)
    assert any(a.get("href") == "audit/audit.html" for tag, a in page.tags if tag == "a")
    pale, dark = lines((run / "report.html").read_text(encoding="utf-8"))
    assert len(pale) == len(dark) == 4 and "Pairs of the check waveforms" in shown
    assert "- Audit: LEAK: 2 of 5 checks found one (corpora, waveforms)" in card


def test_a_leak_that_the_split_allows_is_said_to_be_known(plain: Path, tmp_path: Path) -> None:
    run = shutil.copytree(plain, tmp_path / "run")
    audited(run / "audit", *VERDICTS)
    runs.rewrite(run, "experiment.json", split_is_leaky=True)
    assert "The split is leaky on purpose" in reported(run)[1]


def test_a_clean_audit_needs_no_banner_and_no_page(plain: Path, tmp_path: Path) -> None:
    run = shutil.copytree(plain, tmp_path / "run")
    audited(run / "audit", CLEAN, VERDICTS[3])
    page, shown, _ = reported(run)
    assert "The audit found a leak" not in shown and "Could not look at everything: 1 of 2 checks" in shown
    assert not [a for tag, a in page.tags if tag == "a" and a.get("href") == "audit/audit.html"]
    assert "audit/audit.json" in shown and "laid over each other" not in shown


def test_a_run_whose_audit_is_damaged_says_so(plain: Path, tmp_path: Path) -> None:
    run = shutil.copytree(plain, tmp_path / "run")
    audited(run / "audit", CLEAN)
    (run / "audit" / "drawn.parquet").unlink()
    with pytest.raises(FileNotFoundError, match=r"drawn\.parquet is missing"):
        report.write(run)


def test_ids_in_a_run_are_escaped(plain: Path, tmp_path: Path) -> None:
    run = shutil.copytree(plain, tmp_path / "run")
    of = subject([EVIL, "b", "c", "d"])
    told = Verdict(EVIL, EVIL, (Finding("leak", EVIL),))
    audited(run / "audit", told, found(pairs(of, (0, 2, 0.5))), of=of)
    _, shown, card = reported(run)
    assert "<script" not in (run / "report.html").read_text(encoding="utf-8") and shown.count(EVIL) >= 3
    assert "<script" not in card
