"""What `benchmarks/results` keeps of a run: prints its tables as Markdown and writes the same as JSON.

python benchmarks/record.py runs/code --out benchmarks/results/code.json
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd


def interval(row: pd.Series) -> str:
    """A value with its interval and, with several seeds, their standard deviation."""

    spread = f" ± {row['seed_sd']:.3f}" if row["seeds"] > 1 else ""
    return f"{row['value']:.3f} [{row['low']:.3f}, {row['high']:.3f}]{spread}"


def macro_table(summary: pd.DataFrame, label_set: str, speed: dict[str, str]) -> list[str]:
    """Macro AUROC and AUPRC of each model, and its seconds an epoch."""

    rows = summary[(summary["label_set"] == label_set) & (summary["class"] == "macro")]
    lines = ["| model | macro AUROC | macro AUPRC | s/epoch |", "|---|---|---|---|"]
    auroc = rows[rows["metric"] == "auroc"].sort_values("value", ascending=False)
    for _, row in auroc.iterrows():
        other = rows[(rows["metric"] == "auprc") & (rows["model"] == row["model"])].iloc[0]
        lines.append(f"| {row['model']} | {interval(row)} | {interval(other)} | {speed.get(row['model'], '–')} |")
    return lines


def class_table(summary: pd.DataFrame, label_set: str) -> list[str]:
    """AUROC of each class and model."""

    rows = summary[(summary["label_set"] == label_set) & (summary["metric"] == "auroc") & (summary["class"] != "macro")]
    models = sorted(rows["model"].unique())
    lines = [f"| class | positives | {' | '.join(models)} |", "|---|---|" + "---|" * len(models)]
    for name, part in rows.groupby("class", sort=False):
        cells = [interval(part[part["model"] == model].iloc[0]) for model in models]
        lines.append(f"| {name} | {part['positives'].iloc[0]} | {' | '.join(cells)} |")
    return lines


def contrast_table(contrasts: pd.DataFrame, label_set: str) -> list[str]:
    """Paired differences from the primary model."""

    lines = ["| difference | AUROC or AUPRC | value | p | detectable |", "|---|---|---|---|---|"]
    for _, row in contrasts[contrasts["label_set"] == label_set].iterrows():
        name = f"{row['primary']} − {row['other']}" + (" (planned)" if row["planned"] else "")
        value = f"{row['difference']:+.3f} [{row['low']:+.3f}, {row['high']:+.3f}]"
        lines.append(f"| {name} | {row['metric']} | {value} | {row['p']:.3f} | {row['detectable']:.3f} |")
    return lines


def seconds_an_epoch(run: Path) -> dict[str, str]:
    """The median over cells and epochs of each trained model."""

    found: dict[str, list[float]] = {}
    for path in sorted(run.glob("cells/*/history.json")):
        model = path.parent.name.split("-seed")[0]
        found.setdefault(model, []).extend(epoch["seconds"] for epoch in json.loads(path.read_text()))
    return {model: f"{np.median(values):.1f}" for model, values in found.items() if values}


def main() -> None:
    """Prints the tables and writes the JSON."""

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--out", type=Path, required=True, help="where to write the numbers as JSON")
    options = parser.parse_args()
    experiment = json.loads((options.run / "experiment.json").read_text())
    environment = json.loads((options.run / "environment.json").read_text())
    summary = pd.read_parquet(options.run / "results" / "summary.parquet")
    contrasts = pd.read_parquet(options.run / "results" / "contrasts.parquet")
    speed = seconds_an_epoch(options.run)
    for label_set in experiment["label_sets"]:
        tables = (
            macro_table(summary, label_set, speed),
            class_table(summary, label_set),
            contrast_table(contrasts, label_set),
        )
        print(f"### {label_set}\n\n" + "\n\n".join("\n".join(table) for table in tables) + "\n")
    facts: dict[str, Any] = {
        "experiment": experiment,
        "versions": environment["versions"],
        "machine": environment["machine"],
        "hours_of_cells": sum(environment["seconds_of_cells"].values()) / 3600,
        "seconds_an_epoch": speed,
        "summary": json.loads(summary.to_json(orient="records")),
        "contrasts": json.loads(contrasts.to_json(orient="records")),
    }
    options.out.write_text(json.dumps(facts, indent=1) + "\n")
    print(f"{facts['hours_of_cells']:.2f} hours of cells; {facts['versions']}")


if __name__ == "__main__":
    main()
