"""Compares two runs, or two models of one, on the same test patients."""

__all__ = ["compare"]

import json
from pathlib import Path
from typing import Literal

import pandas as pd

from einthoven import registry
from einthoven.evaluation.beats import paired as paired_beats
from einthoven.evaluation.comparison import compare as paired
from einthoven.evaluation.decide import decide
from einthoven.evaluation.thresholds import thresholds
from einthoven.pipeline import RunError
from einthoven.pipeline.task import write_json
from einthoven.records.writing import WriteError


def compare(
    first: Path,
    second: Path,
    *,
    models: tuple[str, str] | None = None,
    part: Literal["test", "external"] = "test",
    out: Path | None = None,
    overwrite: bool = False,
    resamples: int = 1000,
) -> None:
    """Compares two runs, or two models of one, on the same test patients.

    Paired differences with 95 % intervals (bootstrap over patients), DeLong's test of AUROC, McNemar's of decisions,
    each p corrected for the number of classes (Holm). Runs that were tested on other patients are refused; runs on
    single beats, whose splits may differ, are compared on the beats that both were tested on, which shows what a split
    is worth: the leakage gap.

    Arguments:
        first: A run folder.
        second: Another, or the same.
        models: One model of each; by default the primary ones.
        part: On which records: of the test part, or those from places that nothing was learnt from (--split external).
        out: Write both tables to this JSON file too.
        overwrite: Whether that file may be replaced.
        resamples: How many times the patients are drawn.
    """

    if out is not None and out.exists() and not overwrite:
        raise WriteError(f"{out} exists already; choose another name or allow overwriting")
    if first.resolve() == second.resolve() and (models is None or models[0] == models[1]):
        raise RunError(f"{first} is compared with itself; name two of its models: --models A B")
    chosen = models or (None, None)
    (name, table, sets), (other, rest, theirs) = (
        _answers(run, model, part) for run, model in zip((first, second), chosen, strict=True)
    )
    if sets != theirs:
        raise RunError(
            f"the runs have different label sets: {', '.join(sets)} and {', '.join(theirs)}; compare like with like"
        )
    print(f"first: {name} ({first}); second: {other} ({second}); {table['record'].nunique()} {part} records")
    if "decision" in table:
        differences, decisions = paired(table, rest, label_sets=sets, resamples=resamples)
        _print(differences, decisions)
        tables = {"differences": differences, "decisions": decisions}
    else:
        tables = {"beats": paired_beats(table, rest, resamples=resamples)}
        _print_beats(tables["beats"])
    if out is not None:
        texts = {key: json.loads(value.to_json(orient="records")) for key, value in tables.items()}
        write_json(out, {"first": [str(first), name], "second": [str(second), other], **texts})
        print(out)


def _answers(run: Path, model: str | None, part: str) -> tuple[str, pd.DataFrame, dict[str, list[str]]]:
    """The name of a model, its rows with decisions where it has thresholds, and the label sets of its run.

    Raises:
        RunError: If the folder is no finished run, or of a study that is not compared so, or has no such model, or no
            record of that part.
    """
    try:
        facts = json.loads((run / "experiment.json").read_text(encoding="utf-8"))
        predictions = pd.read_parquet(run / "predictions.parquet")
        alone = facts.get("exclusive", False)
        known = None if alone else pd.read_parquet(run / "results" / "thresholds.parquet")
    except (OSError, ValueError) as error:
        name = getattr(error, "filename", None)  # pyarrow gives none
        why = f"it has no {Path(name).name}" if name else error
        raise RunError(
            f"{run} is not a finished run ({why}); start its command again, or name another folder"
        ) from None
    if facts.get("localises"):
        raise RunError(f"{run} tells where tachycardias come from; its own report puts its models side by side")
    name = registry.nearest(model or facts["primary"], predictions["model"].unique(), f"model of {run}:")
    mine = predictions[predictions["model"] == name]
    table = mine[mine["part"] == part].assign(part="test")
    if table.empty:
        raise RunError(
            f"{run} has no {part} records; only the split 'external' sets some apart that are not for testing"
        )
    if known is not None and name not in set(known["model"]):
        known = thresholds(mine)  # of few labels: the tables of a run hold those of all labels
    return name, table if known is None else decide(table, known), facts["label_sets"]


def _print(differences: pd.DataFrame, decisions: pd.DataFrame) -> None:
    """A table for each metric and one of the decisions, with the words that they need."""
    print("\nMeans over seeds. difference: first − second [95 % interval]; p: bootstrap; p Holm: corrected for the")
    print("classes of a label set; detectable: the smallest difference that would have been found.")
    for (label_set, metric), every in differences.groupby(["label_set", "metric"], sort=False):
        rows = every[every["difference"].notna()]
        if len(lost := every["class"][every["difference"].isna()]):
            print(f"\n{label_set}, {metric}: nothing to measure for {', '.join(lost)}")
        shown = rows[["class"]].copy()
        for column in ("first", "second"):
            shown[column] = rows[column].map("{:.3f}".format)
        ends = zip(rows["difference"], rows["low"], rows["high"], strict=True)
        shown["difference"] = ["{:+.3f} [{:+.3f}, {:+.3f}]".format(*row) for row in ends]
        named = {"p": "p", "p_holm": "p Holm", "p_delong": "DeLong", "p_delong_holm": "D. Holm"}
        for column, title in named.items() if metric == "auroc" else list(named.items())[:2]:
            shown[title] = rows[column].astype(float).map(_p)
        shown["detectable"] = rows["detectable"].map("{:.3f}".format)
        print(f"\n{label_set}, {metric}\n{shown.to_string(index=False)}")
    p = {name: decisions[name].map(_p) for name in ("p_mcnemar", "p_exact", "p_exact_holm")}
    print("\nDecisions of the first seed of each: how many only one of the two decides rightly (McNemar)")
    print(decisions.assign(**p).to_string(index=False))


def _print_beats(table: pd.DataFrame) -> None:
    """What two models make of the same beats."""
    one = table.iloc[0]
    print(f"{one['beats']} beats of {one['patients']} patients were tested by both, of {one['beats_first']} and")
    print(f"{one['beats_second']} by each. Means over seeds. difference: first − second [95 % interval over patients]")
    shown = table[["class", "metric"]].copy()
    for name in ("first", "second", "difference", "detectable"):
        shown[name] = ["–" if pd.isna(value) else f"{value:.3f}" for value in table[name]]
    ends = zip(table["low"], table["high"], strict=True)
    spans = ["" if pd.isna(low) else f" [{low:+.3f}, {high:+.3f}]" for low, high in ends]
    shown["difference"] += spans
    print(shown.assign(p=table["p"].map(_p)).to_string(index=False))


def _p(value: float) -> str:
    return "–" if pd.isna(value) else "<.001" if value < 0.001 else f"{value:.3f}"
