"""What `benchmarks/results` keeps of learning without labels: prints tables as Markdown and writes the same as JSON.

python benchmarks/labels.py runs/efficiency --encoders runs/encoder --out benchmarks/results/pretrain.json
python benchmarks/labels.py --encoders runs/masked runs/masked-high --out benchmarks/results/pretrain-encoders.json
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

_PAIRED = "Paired differences in macro AUROC from scratch with all labels (does it reach them?), and with as many"


def span(row: pd.Series, value: str = "value", plus: bool = False) -> str:
    """A value with its interval."""

    sign = "+" if plus else ""
    return f"{row[value]:{sign}.3f} [{row['low']:{sign}.3f}, {row['high']:{sign}.3f}]"


def seeds(row: pd.Series) -> str:
    """How many seeds, and the deviation over them where there are several."""

    return f" ± {row['seed_sd']:.3f} ({row['seeds']})" if row["seeds"] > 1 else " (1)"


def encoder_table(runs: list[Path]) -> list[str]:
    """How well each encoder does its own task, and how fast it learnt."""

    lines = ["| encoder | measure | test records | value | windows/s in training |", "|---|---|---|---|---|"]
    for run in runs:
        flow = json.loads((run / "flow.json").read_text())
        learnt = sum(part["records"] for part in flow["parts"] if part["part"] == "train")
        history = json.loads(next(run.glob("cells/*/history.json")).read_text())
        speed = learnt / np.median([epoch["seconds"] for epoch in history])
        table = pd.read_parquet(run / "results" / "pretext.parquet").query("source == 'all'")
        for _, row in table.iterrows():
            lines.append(f"| {run.name} | {row['measure']} | {row['records']} | {span(row)} | {speed:.0f} |")
    return lines


def curve_table(efficiency: pd.DataFrame, label_set: str, metric: str) -> list[str]:
    """Each way of learning at each share of the labels; the number of seeds in brackets."""

    table = efficiency[(efficiency["label_set"] == label_set) & (efficiency["metric"] == metric)]
    shares = sorted(table["share"].unique())
    lines = [f"| | {' | '.join(f'{share:.0%}' for share in shares)} |", "|---|" + "---|" * len(shares)]
    for name, rows in table.groupby("family", sort=False):
        found = {row["share"]: f"{span(row)}{seeds(row)}" for _, row in rows.iterrows()}
        lines.append(f"| {name} | {' | '.join(found.get(share, '') for share in shares)} |")
    return lines


def differ(row: pd.Series) -> str:
    """A paired difference with its interval over patients, and that over patients and seeds."""

    wide = f"; {row['seeds']} seeds too [{row['low_seeds']:+.3f}, {row['high_seeds']:+.3f}]"
    return f"{span(row, 'difference', True)}{wide if row['seeds'] > 1 else ' (1)'}"


def reach_table(reaches: pd.DataFrame, label_set: str, metric: str) -> list[str]:
    """Paired differences from supervision, with all labels and with as many."""

    table = reaches[(reaches["label_set"] == label_set) & (reaches["metric"] == metric)]
    lines = [
        "| | labels | less all labels | reaches | detectable | less as many | p |",
        "|---|---|---|---|---|---|---|",
    ]
    for (name, share), rows in table.groupby(["family", "share"], sort=False):
        kinds = {row["kind"]: row for _, row in rows.iterrows()}
        full, same = (kinds.get(kind) for kind in ("full", "same"))
        verdict = full["verdict"] if full is not None and metric == "auroc" else "–"  # the yardstick is in AUROC
        cells = ["", "", ""] if full is None else [differ(full), verdict, f"{full['detectable']:.3f}"]
        cells += ["", ""] if same is None else [differ(same), f"{same['p']:.3f}"]
        lines.append(f"| {name} | {share:.0%} | {' | '.join(cells)} |")
    return lines


def worth_table(worth: pd.DataFrame, label_set: str) -> list[str]:
    """The share of the labels that supervision needs for the same macro AUROC."""

    table = worth[(worth["label_set"] == label_set) & (worth["metric"] == "auroc")]
    lines = ["| | with | supervision needs |", "|---|---|---|"]
    words = {"at_least": "at least ", "at_most": "at most "}
    for _, row in table.iterrows():
        need = f"{words.get(row['bound'], '')}{row['share_worth']:.1%} [{row['low']:.1%}, {row['high']:.1%}]"
        lines.append(f"| {row['family']} | {row['share']:.0%} | {need} |")
    return lines


def challenge_table(challenge: pd.DataFrame, label_set: str) -> list[str]:
    """The challenge score over all classes and over those with enough positives; nothing for other label sets."""

    table = challenge[challenge["label_set"] == label_set]
    lines = ["| | challenge score over | classes | score |", "|---|---|---|---|"]
    lines += [f"| {row['model']} | {row['over']} | {row['classes']} | {span(row)} |" for _, row in table.iterrows()]
    return lines if len(table) else []


def told(runs: list[Path]) -> dict[str, Any]:
    """What JSON keeps of encoders."""

    return {
        run.name: {
            "pretext": json.loads(pd.read_parquet(run / "results" / "pretext.parquet").to_json(orient="records")),
            "hours": sum(json.loads((run / "environment.json").read_text())["seconds_of_cells"].values()) / 3600,
        }
        for run in runs
    }


def grid(run: Path) -> dict[str, Any]:
    """Prints the tables of a grid of label shares; what JSON keeps of it."""

    experiment, environment = (json.loads((run / f"{name}.json").read_text()) for name in ("experiment", "environment"))
    names = ("efficiency", "reaches", "worth", "challenge")
    tables = {name: pd.read_parquet(run / "results" / f"{name}.parquet") for name in names}
    without = dict(zip(tables["efficiency"]["label_set"], tables["efficiency"]["without"], strict=True))
    for label_set, left in without.items():
        parts = {
            "Macro AUROC by share of the labels": curve_table(tables["efficiency"], label_set, "auroc"),
            "Macro AUPRC": curve_table(tables["efficiency"], label_set, "auprc"),
            _PAIRED: reach_table(tables["reaches"], label_set, "auroc"),
            "The same in macro AUPRC, for which no yardstick was set": reach_table(
                tables["reaches"], label_set, "auprc"
            ),
            "What supervision alone needs for the same macro AUROC": worth_table(tables["worth"], label_set),
            "The challenge's own score": challenge_table(tables["challenge"], label_set),
        }
        text = "\n\n".join("\n".join([f"{title}:", "", *rows]) for title, rows in parts.items() if rows)
        print(f"### {label_set}\n\n" + (f"Left out, with their positives: {left}.\n\n" if left else "") + f"{text}\n")
    cells = environment["seconds_of_cells"]
    print(f"{len(cells)} cells, {sum(cells.values()) / 3600:.2f} hours; {environment['versions']}")
    return {
        "experiment": {key: value for key, value in experiment.items() if key != "cards"},
        "versions": environment["versions"],
        "machine": environment["machine"],
        "cells": len(cells),
        "hours_of_cells": sum(cells.values()) / 3600,
        **{name: json.loads(table.to_json(orient="records")) for name, table in tables.items()},
    }


def main() -> None:
    """Prints the tables and writes the JSON."""

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path, nargs="?", help="of label_efficiency")
    parser.add_argument("--encoders", type=Path, nargs="*", default=[], help="runs of pretrain")
    parser.add_argument("--out", type=Path, required=True, help="where to write the numbers as JSON")
    asked = parser.parse_args()
    if asked.encoders:
        print("\n".join(encoder_table(asked.encoders)) + "\n")
    facts = {"encoders": told(asked.encoders), **(grid(asked.run) if asked.run else {})}
    asked.out.write_text(json.dumps(facts, indent=1) + "\n")


if __name__ == "__main__":
    main()
