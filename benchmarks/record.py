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


def transfer_table(transfer: pd.DataFrame, label_set: str) -> list[str]:
    """What is lost away from home, by source, model and metric, the mean over the classes that both can measure."""

    lines = [
        "| source | model | metric | home | away | drop | detectable | classes |",
        "|---|---|---|---|---|---|---|---|",
    ]
    rows = transfer[(transfer["label_set"] == label_set) & (transfer["class"] == "macro")]
    for _, row in rows.sort_values(["source", "metric", "model"]).iterrows():
        ends = [f"{row[p]:.3f} [{row[f'{p}_low']:.3f}, {row[f'{p}_high']:.3f}]" for p in ("home", "away")]
        drop = f"{row['drop']:+.3f} [{row['drop_low']:+.3f}, {row['drop_high']:+.3f}]"
        cells = [row["source"], row["model"], row["metric"], *ends, drop, f"{row['detectable']:.3f}"]
        lines.append(f"| {' | '.join(cells)} | {row['classes']}{', ' + row['note'] if row['note'] else ''} |")
    return lines


def transfer_classes(transfer: pd.DataFrame, label_set: str) -> list[str]:
    """AUROC at home and away of each class, for each source and model."""

    lines = ["| source | class | positives home / away | model | home | away | drop |", "|---|---|---|---|---|---|---|"]
    rows = transfer[(transfer["label_set"] == label_set) & (transfer["metric"] == "auroc")]
    for _, row in rows[rows["class"] != "macro"].sort_values(["source", "class", "model"]).iterrows():
        drop = f"{row['drop']:+.3f} [{row['drop_low']:+.3f}, {row['drop_high']:+.3f}]"
        counts = f"{row['positives_home']} / {row['positives_away']}"
        ends = f"{row['home']:.3f} | {row['away']:.3f}"
        lines.append(f"| {row['source']} | {row['class']} | {counts} | {row['model']} | {ends} | {drop} |")
    return lines


def abstention_table(abstention: pd.DataFrame, label_set: str) -> list[str]:
    """What may be left open, and what is missed all the same."""

    lines = [
        "| class | positives | model | left open | missed all the same | false alarm |",
        "|---|---|---|---|---|---|",
    ]
    for _, row in abstention[abstention["label_set"] == label_set].sort_values(["class", "model"]).iterrows():
        shares = ("uncertain", "missed", "false_alarm")
        cells = [f"{row[s]:.3f} [{row[f'{s}_low']:.3f}, {row[f'{s}_high']:.3f}]" for s in shares]
        lines.append(f"| {row['class']} | {row['positives']} | {row['model']} | {' | '.join(cells)} |")
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
    names = ("summary", "contrasts", "abstention", "transfer")
    summary, contrasts, abstention, transfer = (
        pd.read_parquet(options.run / "results" / f"{name}.parquet") for name in names
    )
    speed = seconds_an_epoch(options.run)
    for label_set in experiment["label_sets"]:
        tables = [
            macro_table(summary, label_set, speed),
            class_table(summary, label_set),
            contrast_table(contrasts, label_set),
            abstention_table(abstention, label_set),
        ]
        if len(transfer):
            tables += [transfer_table(transfer, label_set), transfer_classes(transfer, label_set)]
        print(f"### {label_set}\n\n" + "\n\n".join("\n".join(table) for table in tables) + "\n")
    facts: dict[str, Any] = {
        "experiment": experiment,
        "versions": environment["versions"],
        "machine": environment["machine"],
        "hours_of_cells": sum(environment["seconds_of_cells"].values()) / 3600,
        "seconds_an_epoch": speed,
        "summary": json.loads(summary.to_json(orient="records")),
        "contrasts": json.loads(contrasts.to_json(orient="records")),
        "abstention": json.loads(abstention.to_json(orient="records")),
        "transfer": json.loads(transfer.to_json(orient="records")),
    }
    options.out.write_text(json.dumps(facts, indent=1) + "\n")
    print(f"{facts['hours_of_cells']:.2f} hours of cells; {facts['versions']}")


if __name__ == "__main__":
    main()
