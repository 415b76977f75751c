"""Compares two runs, or two models of one, on the same test patients."""

__all__ = ["compare"]

import json
from pathlib import Path

import pandas as pd

from einthoven import registry
from einthoven.evaluation.comparison import compare as paired
from einthoven.evaluation.decide import decide
from einthoven.pipeline import RunError
from einthoven.pipeline.cell import write_json
from einthoven.records.writing import WriteError


def compare(
    first: Path,
    second: Path,
    *,
    models: tuple[str, str] | None = None,
    out: Path | None = None,
    overwrite: bool = False,
    resamples: int = 1000,
) -> None:
    """Compares two runs, or two models of one, on the same test patients.

    Paired differences with 95 % intervals (bootstrap over patients), DeLong's test of AUROC, McNemar's of decisions,
    each p corrected for the number of classes (Holm). Runs that were tested on other patients are refused.

    Arguments:
        first: A run folder.
        second: Another, or the same.
        models: One model of each; by default the primary ones.
        out: Write both tables to this JSON file too.
        overwrite: Whether that file may be replaced.
        resamples: How many times the patients are drawn.
    """

    if out is not None and out.exists() and not overwrite:
        raise WriteError(f"{out} exists already; choose another name or allow overwriting")
    if first.resolve() == second.resolve() and (models is None or models[0] == models[1]):
        raise RunError(f"{first} is compared with itself; name two of its models: --models A B")
    chosen = models or (None, None)
    (name, table, sets), (other, rest, theirs) = (_answers(*pair) for pair in zip((first, second), chosen, strict=True))
    if sets != theirs:
        raise RunError(
            f"the runs have different label sets: {', '.join(sets)} and {', '.join(theirs)}; compare like with like"
        )
    differences, decisions = paired(table, rest, label_sets=sets, resamples=resamples)
    print(f"{name} ({first}) − {other} ({second}), {len(table['record'].unique())} test records")
    with pd.option_context("display.width", 200, "display.float_format", "{:.3f}".format):
        print(f"\n{differences.drop(columns=['records', 'patients']).to_string(index=False, na_rep='')}")
        print(f"\nDecisions, first seed of each\n{decisions.to_string(index=False)}")
    if out is not None:
        tables = {"differences": differences, "decisions": decisions}
        texts = {key: json.loads(value.to_json(orient="records")) for key, value in tables.items()}
        write_json(out, {"first": [str(first), name], "second": [str(second), other], **texts})
        print(out)


def _answers(run: Path, model: str | None) -> tuple[str, pd.DataFrame, dict[str, list[str]]]:
    """The name of a model, its decided test rows, and the label sets of its run.

    Raises:
        RunError: If the folder is no finished run, or has no such model.
    """
    try:
        facts = json.loads((run / "experiment.json").read_text(encoding="utf-8"))
        predictions = pd.read_parquet(run / "predictions.parquet")
        thresholds = pd.read_parquet(run / "results" / "thresholds.parquet")
    except (OSError, ValueError) as error:
        raise RunError(
            f"{run} is not a finished run ({error}); start its command again, or name another folder"
        ) from None
    name = registry.nearest(model or facts["primary"], predictions["model"].unique(), f"model of {run}:")
    decided = decide(predictions[predictions["model"] == name], thresholds)
    return name, decided, facts["label_sets"]
