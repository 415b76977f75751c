"""How settings were chosen, for `benchmarks/results`: by validation records alone, from one run or several.

python benchmarks/settings.py runs/small runs/large --out benchmarks/results/encoders-settings.json
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from einthoven.metrics.auroc import auroc
from record import seconds_an_epoch


def settings(run: Path) -> list[dict[str, Any]]:
    """Of each model its highest rate, seconds a round, and macro AUROC on validation records; means over seeds."""

    experiment = json.loads((run / "experiment.json").read_text())
    arms = {arm["name"]: arm for arm in experiment["arms"]}
    seconds = seconds_an_epoch(run)
    answers = pd.read_parquet(run / "predictions.parquet").query("part == 'validation'")
    found = []
    for model, mine in answers.groupby("model", sort=True):
        recipe = arms[model]["recipe"] or {}
        row = {"run": run.name, "model": model, "rate": recipe.get("rate"), "epochs": recipe.get("epochs")}
        row |= {"seconds": float(seconds[model]) if model in seconds else None}
        for label_set, classes in experiment["label_sets"].items():
            told = mine[mine["class"].isin(classes) & mine["truth"].notna()].groupby(["seed", "fold", "class"])
            each = [auroc(one["truth"].to_numpy(float), one["probability"].to_numpy()) for _, one in told]
            row[label_set] = float(np.nanmean(each))
        found.append(row)
    return found


def main() -> None:
    """Prints the table and writes the JSON."""

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, required=True, help="where to write the numbers as JSON")
    asked = parser.parse_args()
    rows = [row for run in asked.runs for row in settings(run)]
    kinds = {"model": "", "rate": "g", "epochs": "", "seconds": ".1f"}
    print(f"| {' | '.join(name for name in rows[0] if name != 'run')} |\n|{'---|' * (len(rows[0]) - 1)}")
    for row in rows:
        told = [(kinds.get(name, ".3f"), value) for name, value in row.items() if name != "run"]
        print(f"| {' | '.join('' if value is None else format(value, kind) for kind, value in told)} |")
    environments = [json.loads((run / "environment.json").read_text()) for run in asked.runs]
    facts = {
        "commands": [each["command"] for each in environments],
        "versions": environments[0]["versions"],
        "hours_of_cells": sum(sum(each["seconds_of_cells"].values()) for each in environments) / 3600,
    }
    asked.out.write_text(json.dumps({**facts, "settings": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
