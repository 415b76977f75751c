"""What must hold of a reader study: matched by name, nothing skipped, nothing of anybody else's overwritten."""

import dataclasses
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from einthoven.cli import main
from einthoven.datasets import DatasetError
from einthoven.evaluation.readers import readers
from einthoven.evaluation.readings import Readings, ReadingsError, from_files, from_folder, from_run
from einthoven.evaluation.tuning import looks_tuned
from einthoven.report.readers import findings

CLASSES = ["AF", "SB", "LBBB"]
N = 90


def study(folder: Path, ids: bool = True, elsewhere: bool = False) -> Path:
    """A gold standard, two readers, a network and its answers, by thresholds tuned here or `elsewhere`."""
    rng = np.random.default_rng(3)
    folder.mkdir(parents=True)
    gold = (rng.random((N, 3)) < (0.2, 0.3, 0.4)).astype(int)
    network = (0.35 * gold + 0.65 * rng.random((N, 3))).astype(np.float32)
    told = {name: np.abs(gold - (rng.random((N, 3)) < wrong)) for name, wrong in (("ann", 0.08), ("bob", 0.2))}
    told["machine"] = (network >= 0.31).astype(int) if elsewhere else tuned(gold, network)
    names = [f"x{k:02d}" for k in rng.permutation(N)]
    for name, table in {"gold_standard": gold, **told}.items():
        frame = pd.DataFrame(table, columns=CLASSES)
        if ids:
            frame.insert(0, "record", names)
        frame.to_csv(folder / f"{name}.csv", index=False)
    pd.DataFrame({"age": 50, "sex": ["F"] * N}).to_csv(folder / "attributes.csv", index=False)
    (folder / "networks").mkdir()
    np.save(folder / "networks" / "net_1.npy", network)
    np.save(folder / "networks" / "net_2.npy", rng.random((N, 3)))
    return folder


def tuned(gold: np.ndarray, network: np.ndarray) -> np.ndarray:
    """Answers by the threshold of the highest F1, found by trying all."""
    answers = np.zeros_like(gold)
    for label in range(gold.shape[1]):
        f1 = {}
        for threshold in network[:, label]:
            yes = network[:, label] >= threshold
            f1[threshold] = 2 * (yes & (gold[:, label] == 1)).sum() / (yes.sum() + gold[:, label].sum())
        answers[:, label] = network[:, label] >= max(f1, key=lambda threshold: f1[threshold])
    return answers


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return study(tmp_path / "study")


def change(path: Path, edit) -> Path:
    """Rewrites a CSV, all of it as text."""
    edit(pd.read_csv(path, dtype=str, keep_default_na=False)).to_csv(path, index=False)
    return path


def opened(folder: Path) -> Readings:
    return from_files(*from_folder(folder))


def tables(folder: Path) -> dict[str, pd.DataFrame]:
    return readers(opened(folder), resamples=30)


# What is matched, and how


def test_rows_are_matched_by_record_and_columns_by_name(folder: Path) -> None:
    before = tables(folder)
    change(folder / "ann.csv", lambda t: t.sample(frac=1, random_state=0)[["LBBB", "record", "AF", "SB"]])
    change(folder / "bob.csv", lambda t: t.iloc[::-1].rename(columns={"record": "exam_id"}).reset_index(names=""))
    for name, table in tables(folder).items():
        assert_frame_equal(table, before[name])


def test_without_records_rows_are_taken_in_order_and_it_says_so(tmp_path: Path, folder: Path) -> None:
    bare = study(tmp_path / "bare", ids=False)
    assert any("row by row" in note for note in opened(bare).notes)
    assert not any("row by row" in note for note in opened(folder).notes)
    ours, theirs = (tables(each)["scores"][["reader", "class", "metric", "value"]] for each in (bare, folder))
    assert_frame_equal(ours, theirs)


def test_a_csv_of_probabilities_is_matched_too(folder: Path, tmp_path: Path) -> None:
    gold, told, found, _ = from_folder(folder)
    network = pd.DataFrame(np.load(found["net_1"]), columns=CLASSES)
    network["record"] = pd.read_csv(gold)["record"]
    network.sample(frac=1, random_state=1)[["SB", "record", "LBBB", "AF"]].to_csv(tmp_path / "net.csv", index=False)
    ours = from_files(gold, told, {"net": tmp_path / "net.csv"}).probabilities["net"]
    np.testing.assert_array_equal(ours.astype(np.float32), np.load(found["net_1"]))


def test_a_file_without_a_class_is_no_reader_and_a_copy_is_named(folder: Path) -> None:
    shutil.copy(folder / "ann.csv", folder / "zoe.csv")
    readings = opened(folder)
    assert list(readings.readers) == ["ann", "bob", "machine", "zoe"]
    assert any("attributes.csv is no reader" in note for note in readings.notes)
    assert any("ann and zoe hold the same numbers" in note for note in readings.notes)


def test_an_empty_cell_is_left_out(folder: Path, tmp_path: Path) -> None:
    """A truth or an answer that nobody gave counts like a record that is not there, in that class alone."""
    before = tables(folder)["scores"]
    gone = change(folder / "gold_standard.csv", lambda t: t.assign(AF=t["AF"].where(t.index > 9, "")))
    change(folder / "ann.csv", lambda t: t.assign(SB=t["SB"].where(t.index < 80, "")))
    readings = opened(folder)
    after = readers(readings, resamples=30)["scores"]
    rest = pd.read_csv(gone)["AF"].notna().to_numpy()
    alone = Readings(
        readings.patients[rest],
        ("AF",),
        readings.gold[rest][:, :1],
        {name: answers[rest][:, :1] for name, answers in readings.readers.items()},
        {},
        (),
    )
    ours = after[after["class"] == "AF"]["value"].to_numpy()
    np.testing.assert_allclose(ours, readers(alone, resamples=0)["scores"].query("`class` == 'AF'")["value"])
    same = (before["class"] == "LBBB").to_numpy()
    assert_frame_equal(after[same], before[same])
    counted = after.set_index(["reader", "class", "metric"])
    assert counted.loc[("ann", "SB", "f1"), "records"] == 80 and counted.loc[("bob", "SB", "f1"), "records"] == N
    assert counted.loc[("bob", "AF", "f1"), "unknown"] == 10


def test_records_of_one_patient_are_drawn_together(folder: Path) -> None:
    """Every record twice is no new evidence if the patients say so, and seems to be if nobody says whose they are."""
    before = tables(folder)["scores"]
    for path in folder.glob("*.csv"):
        if path.stem != "attributes":
            own = [] if path.stem == "gold_standard" else ["patient"]
            change(
                path,
                lambda t: pd.concat([t, t.assign(record="again " + t["record"])]).assign(patient=[*t["record"]] * 2),
            )
            change(path, lambda t, own=own: t.drop(columns=own))
    shutil.rmtree(folder / "networks")
    readings = opened(folder)
    named = readers(readings, resamples=200)["scores"]
    assert (named["patients"] == N).all() and (named["records"] == 2 * N).all()
    assert not any("patient" in note for note in readings.notes)
    np.testing.assert_allclose(named["value"], before["value"])
    nobodys = dataclasses.replace(readings, patients=readings.patients.where(pd.Series(False, readings.patients.index)))
    bare = readers(nobodys, resamples=200)["scores"]
    wide, narrow = ((table["high"] - table["low"]).mean() for table in (named, bare))
    assert 1.2 < wide / narrow < 1.7  # the square root of 2


# What is said of them


def test_who_comes_first_does_not_matter(folder: Path) -> None:
    gold, told, found, _ = from_folder(folder)
    one = readers(from_files(gold, told, found), resamples=30)
    other = readers(from_files(gold, dict(reversed(told.items())), found), resamples=30)
    for name, same in (("agreement", ["kappa", "low", "high"]), ("comparisons", ["p", "p_exact", "p_exact_holm"])):
        ours = one[name].set_index(["first", "second", "class"]).sort_index()
        theirs = other[name].rename(columns={"first": "second", "second": "first"})
        theirs = theirs.set_index(["first", "second", "class"]).sort_index()
        np.testing.assert_allclose(ours[same], theirs[same])
        if name == "comparisons":
            assert (ours["only_first"] == theirs["only_second"]).all()


def test_who_differs_on_few_records_is_told_so(folder: Path) -> None:
    comparisons = tables(folder)["comparisons"]
    few = comparisons["only_first"] + comparisons["only_second"] < 25
    assert few.any() and (comparisons["note"].str.contains("read the exact p") == few).all()
    assert any(title == "Few records decide" for title, _ in findings(tables(folder)))


def test_thresholds_that_are_the_best_of_the_test_are_noticed(folder: Path, tmp_path: Path) -> None:
    found = tables(folder)
    tuning = found["tuning"]
    assert set(zip(tuning["reader"], tuning["network"], strict=True)) == {("machine", "net_1")}
    assert tuning["optimum"].all() and looks_tuned(tuning) and "look tuned" in findings(found)[0][0]
    chosen = tables(study(tmp_path / "elsewhere", elsewhere=True))
    assert set(chosen["tuning"]["reader"]) == {"machine"} and not chosen["tuning"]["optimum"].any()
    assert not looks_tuned(chosen["tuning"]) and "look tuned" not in str(findings(chosen))
    assert ((chosen["tuning"]["low"] < 0.31) & (chosen["tuning"]["high"] >= 0.31)).all()


def test_a_reader_who_always_says_no_is_no_network(folder: Path) -> None:
    change(folder / "machine.csv", lambda t: t.assign(AF="0", SB="0", LBBB="0"))
    assert tables(folder)["tuning"].empty


def test_every_corner_of_a_curve_is_kept(folder: Path) -> None:
    """The machine stands on the curve of its own network, to the last digit."""
    found = tables(folder)
    scores = found["scores"].set_index(["reader", "class", "metric"])["value"]
    curves = found["curves"][found["curves"]["network"] == "net_1"]
    for name in CLASSES:
        x, y = 1 - scores["machine", name, "specificity"], scores["machine", name, "sensitivity"]
        roc = curves[(curves["class"] == name) & (curves["kind"] == "roc")].to_numpy()[:, 3:].astype(float)
        first, last = roc[:-1], roc[1:]
        between = ((first <= (x + 1e-9, y + 1e-9)) & (last >= (x - 1e-9, y - 1e-9))).all(axis=1)
        assert between.any() and (np.isclose(first, last).any(axis=1)).all()  # a staircase


# What is refused


def drop_last(table: pd.DataFrame) -> pd.DataFrame:
    return table.iloc[:-1]


@pytest.mark.parametrize(
    ("ids", "name", "edit", "sentence"),
    [
        (True, "ann", lambda t: t.drop(columns="SB"), "lacks the column 'SB'"),
        (True, "ann", lambda t: t.assign(WPW="0"), "has a column 'WPW' that "),
        (True, "ann", lambda t: t.assign(AF="yes"), "class 'AF' holds 'yes'; an answer is 1, 0 or empty"),
        (True, "gold_standard", lambda t: t.assign(AF="2"), "class 'AF' holds '2'"),
        (True, "ann", lambda t: t.assign(AF="", SB="", LBBB=""), "holds no answer"),
        (True, "ann", drop_last, "ann.csv lacks record x"),
        (True, "gold_standard", drop_last, "gold_standard.csv lacks record x"),
        (True, "ann", lambda t: t.assign(record="x01"), "more than one row of record x01"),
        (True, "ann", lambda t: t.assign(record=""), "line 2: 'record' is empty"),
        (True, "ann", lambda t: t.drop(columns="record"), "ann.csv does not; add the column"),
        (False, "ann", drop_last, f"has {N - 1} rows and"),
        (False, "ann", lambda t: t.assign(record=[str(k) for k in range(N)]), "gold_standard.csv does not"),
        (True, "gold_standard", lambda t: t[["record"]], "has no class"),
    ],
)
def test_a_csv_that_does_not_fit(tmp_path: Path, ids: bool, name: str, edit, sentence: str) -> None:
    gold, told, _, _ = from_folder(study(tmp_path / "study", ids))
    change(tmp_path / "study" / f"{name}.csv", edit)
    with pytest.raises((ReadingsError, DatasetError), match=re.escape(sentence)) as error:
        from_files(gold, told, {})
    assert name in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("array", "sentence"),
    [
        (np.zeros((N, 2)), "has the shape (90, 2), not (90, 3)"),
        (np.zeros((N - 1, 3)), "has the shape (89, 3)"),
        (np.full((N, 3), 1.5), "class 'AF', row 1: 1.5 is no probability"),
        (np.full((N, 3), np.nan), "nan is no probability"),
        (np.full((N, 3), "a"), "holds <U1, not numbers"),
        (np.full((N, 3), None, dtype=object), "not a readable NPY array of numbers"),
    ],
)
def test_probabilities_that_do_not_fit(folder: Path, array: np.ndarray, sentence: str) -> None:
    np.save(folder / "networks" / "net_1.npy", array, allow_pickle=True)
    with pytest.raises(ReadingsError, match=re.escape(sentence)):
        opened(folder)


def test_a_blank_line_is_not_passed_over(tmp_path: Path) -> None:
    for name, lines in (("gold", "AF\n1\n\n0\n1\n"), ("ann", "AF\n1\n0\n\n1\n")):
        (tmp_path / f"{name}.csv").write_text(lines)
    with pytest.raises(ReadingsError, match="one column and a blank line"):
        from_files(tmp_path / "gold.csv", {"ann": tmp_path / "ann.csv"}, {})


# The command


@pytest.fixture
def call(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Runs `einthoven readers` beside the study; gives what it printed and what it complained of."""
    monkeypatch.chdir(folder.parent)

    def run(*words: str) -> tuple[list[str], str]:
        try:
            main(["readers", *words])
        except SystemExit as end:
            assert end.code == 1
        said = capsys.readouterr()
        return said.out.splitlines(), said.err

    return run


def test_the_command_ends_with_a_page_that_says_it_all(call, folder: Path) -> None:
    said, complaint = call("study", "--resamples", "30", "--out", "here")
    here = folder.parent / "here"
    assert not complaint and said[-1] == "here/readers.html"
    page = (here / "readers.html").read_text(encoding="utf-8")
    found = json.loads((here / "readers.json").read_text(encoding="utf-8"))
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]*>", "", page))
    for finding in found["findings"]:
        assert finding.partition(". ")[2].replace("'", "&#39;") in text
    assert "Research use only, not a medical device" in page and "http" not in re.sub(r"http://www.w3.org\S+", "", page)
    assert "<script" not in page and len(set(ids := re.findall(r'\bid="([^"]+)"', page))) == len(ids)
    for name in ("scores", "agreement", "comparisons", "tuning", "networks", "curves"):
        parquet = pd.read_parquet(here / "results" / f"{name}.parquet")
        assert len(parquet) == len(pd.read_csv(here / "results" / f"{name}.csv")) > 0
    for value in pd.read_parquet(here / "results" / "scores.parquet")["value"]:
        assert f"{value:.3f}" in text
    assert [file["name"] for file in found["files"]][:2] == ["gold standard", "ann"] and found["records"] == N


def test_the_same_command_gives_the_same_bytes_and_replaces_its_own(call, folder: Path) -> None:
    call("study", "--resamples", "30")
    out = folder.parent / "runs" / "readers"
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    assert call("study", "--resamples", "30")[1] == "" and len(before) == 14
    assert all(path.read_bytes() == content for path, content in before.items())


def test_a_folder_of_somebody_else_is_not_touched(call, folder: Path) -> None:
    names = sorted(path.name for path in folder.iterdir())
    assert "holds files that are not of `einthoven readers`" in call("study", "--out", "study")[1]
    assert sorted(path.name for path in folder.iterdir()) == names


def a_run(where: Path, folder: Path) -> Path:
    """What a run of two seeds holds whose models are the networks of the study, and a reader who names its records."""
    gold = pd.read_csv(folder / "gold_standard.csv")
    network = np.load(folder / "networks" / "net_1.npy")
    where.mkdir()
    (where / "experiment.json").write_text(json.dumps({"primary": "ours@10"}))
    facts = {"record": np.repeat(gold["record"], 3), "patient": np.repeat(gold["record"] + "p", 3), "source": "made"}
    facts |= {"part": "test", "class": np.tile(CLASSES, N), "truth": gold[CLASSES].to_numpy().ravel(), "fold": 1}
    models = {"ours@10": network, "none@10": 1 - network}
    rows = [
        pd.DataFrame({**facts, "model": name, "seed": seed, "probability": np.clip(p + shift, 0, 1).ravel()})
        for name, p in models.items()
        for seed, shift in ((0, 0.01), (1, -0.01))
    ]
    rows.append(rows[0].assign(part="validation", record="other"))
    pd.concat(rows).astype({"truth": "Int8"}).to_parquet(where / "predictions.parquet")
    return where


def test_readers_stand_beside_the_models_of_a_run(call, folder: Path, tmp_path: Path) -> None:
    run = a_run(tmp_path / "run", folder)
    said, complaint = call("--run", "run", "--reader", "Ann=study/ann.csv", "--resamples", "30")
    assert not complaint and said[-1] == "runs/readers/readers.html"
    gold, found = from_run(run, ["none@10", "ours@10"])
    beside = from_files(gold, {"Ann": folder / "ann.csv"}, found)
    truth = (
        pd.read_csv(folder / "gold_standard.csv").set_index("record").loc[beside.patients.index, list(beside.classes)]
    )
    assert np.array_equal(beside.gold, truth) and list(beside.patients) == [f"{name}p" for name in truth.index]
    network = pd.DataFrame(np.load(folder / "networks" / "net_1.npy"), columns=CLASSES)
    network.index = pd.Index(pd.read_csv(folder / "gold_standard.csv")["record"])
    expected = network.loc[truth.index, list(beside.classes)].to_numpy()
    inside = (expected > 0.01) & (expected < 0.99)
    assert np.abs(beside.probabilities["ours@10"] - expected)[inside].max() < 1e-5
    assert set(beside.probabilities) == {"ours@10", "none@10"}
    with pytest.raises(ReadingsError, match="no answers of 'theirs' for its test; it has of: none@10, ours@10"):
        from_run(run, ["theirs"])
    with pytest.raises(ReadingsError, match="is no run with predictions"):
        from_run(folder)


def test_files_can_be_named_one_by_one(call) -> None:
    words = ["--gold", "study/gold_standard.csv", "--reader", "Ann=study/ann.csv", "Bob=study/bob.csv"]
    said, complaint = call(*words, "--resamples", "30")
    assert not complaint and said[-1] == "runs/readers/readers.html"
    assert any(line.startswith("AF       Ann") for line in said)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "give a folder"),
        (["study", "--gold", "study/gold_standard.csv"], "give a folder"),
        (["study", "--reader", "Ann=study/ann.csv"], "a folder brings its own files"),
        (["nowhere"], "nowhere is no folder"),
        (["study", "--models", "a"], "--models are those of a run"),
        (["--gold", "study/gold_standard.csv"], "there is no reader"),
        (["--gold", "study/gold_standard.csv", "--reader", "study/ann.csv"], "takes NAME=FILE, not 'study/ann.csv'"),
        (["--gold", "study/gold_standard.csv", "--reader", "A=study/ann.csv", "A=study/bob.csv"], "names 'A' twice"),
        (["--gold", "study/gold_standard.csv", "--reader", "A=study/amm.csv"], "study/amm.csv is missing"),
        (["study", "--resamples", "-1"], "0 or more, not -1"),
    ],
)
def test_what_can_be_mended_is_one_sentence_and_nothing_is_written(
    call, folder: Path, words: list[str], sentence: str
) -> None:
    said, complaint = call(*words)
    assert complaint.startswith("einthoven: ") and complaint.count("\n") == 1 and sentence in complaint and not said
    assert not (folder.parent / "runs").exists()


def test_what_is_undefined_is_a_dash_and_never_a_zero(call, folder: Path) -> None:
    """Ann never says AF, gives no answer for SB, and nobody knows the truth of LBBB."""
    change(folder / "ann.csv", lambda t: t.assign(AF="0", SB=""))
    change(folder / "gold_standard.csv", lambda t: t.assign(LBBB=""))
    said, complaint = call("study", "--resamples", "30")
    assert not complaint
    row = {
        name: next(line.split() for line in said if line.startswith(f"{name} ") and " ann " in line) for name in CLASSES
    }
    assert row["AF"][2] == "–" and row["AF"][3] == "0.000" and row["SB"][2:] == row["LBBB"][2:] == ["–"] * 4
    page = (folder.parent / said[-1]).read_text(encoding="utf-8")
    assert not re.search(r"\bnan\b", re.sub(r"<[^>]*>", " ", page))
    assert re.search(r"Macro F1 of ann: without [^<]*SB \(not predicted\)", page)
    assert "LBBB" in pd.read_parquet(folder.parent / "runs/readers/results/scores.parquet")["class"].to_list()


def test_one_reader_and_no_network_is_a_study_too(call, folder: Path) -> None:
    said, complaint = call("--gold", "study/gold_standard.csv", "--reader", "Ann=study/ann.csv", "--resamples", "0")
    assert not complaint
    page = (folder.parent / said[-1]).read_text(encoding="utf-8")
    assert "there is one reader only" in page and "no probabilities were given" in page
