"""What `benchmarks/results` keeps of runs of the study augmentation: tables as Markdown, and the same as JSON.

python benchmarks/augmentation.py runs/augmentation --out benchmarks/results/augmentation.json
"""

import argparse
import json
from pathlib import Path
from typing import Any

import pandas as pd

from einthoven.report._remedies import minutes_of
from einthoven.report._run import read
from einthoven.report._words import how_many
from synthesis import span, table, told

METRICS = {"auprc": "AUPRC", "f1": "F1", "auroc": "AUROC", "sensitivity_at_99": "sensitivity at 99 %"}


def gap(row: Any, digits: int = 3) -> str:
    """A paired difference with its interval."""

    return span(row, "difference", "difference_low", "difference_high", "+", digits)


def means(run: Path, found: dict[str, pd.DataFrame], level: str) -> str:
    """The macro means of every remedy at one number of positives."""

    mine = found["remedies"].query("level == @level and `class` == 'macro'").set_index(["remedy", "metric"])
    gains = found["gains"].query("level == @level and `class` == 'macro' and metric == 'auprc'")
    more = gains[gains["against"] != "page"].set_index("remedy")
    best = found["choice"].query("level == @level and chosen")["remedy"].tolist()
    minutes = minutes_of(read(run), level)
    heads = ["remedy", "AUPRC", "over none", "p (Holm)", "detectable", f"over {', '.join(best) or 'none'}"]
    heads += ["F1", "over none", "AUROC", "sensitivity at 99 %", "seeds (deviation)", "minutes"]
    rows = []
    order = mine.xs("auprc", level="metric")["value"].sort_values(ascending=False).index
    for name in [*(n for n in order if n == "none"), *(n for n in order if n != "none")]:
        auprc, f1 = mine.loc[(name, "auprc")], mine.loc[(name, "f1")]
        over = gap(more.loc[name]) if name in more.index else ""
        p = "" if pd.isna(auprc["p_holm"]) else f"{auprc['p_holm']:.3f}"
        least = "" if pd.isna(auprc["detectable"]) else f"{auprc['detectable']:.3f}"
        rest = [span(mine.loc[(name, metric)]) for metric in ("auroc", "sensitivity_at_99")]
        seeds = f"{auprc['seeds']} ({auprc['seed_sd']:.3f})"
        line = [name, span(auprc), gap(auprc), p, least, over, span(f1), gap(f1), *rest, seeds, minutes.get(name, "")]
        rows.append(line)
    return table(heads, rows)


def by_class(found: dict[str, pd.DataFrame], level: str, metric: str) -> str:
    """None by class, and what the others give over it."""

    mine = found["remedies"].query("level == @level and metric == @metric and `class` != 'macro'")
    classes = list(dict.fromkeys(mine["class"]))
    by = mine.set_index(["remedy", "class"])
    rows = []
    for name in ["none", *(each for each in dict.fromkeys(mine["remedy"]) if each != "none")]:
        cells = [by.loc[(name, cls)] for cls in classes]
        words = [span(cell) if name == "none" else f"{cell['difference']:+.3f}{sure(cell)}" for cell in cells]
        rows.append([name, *words])
    counts = [f"{cls} ({int(by.loc[('none', cls)]['positives'])})" for cls in classes]
    return table([f"{METRICS[metric]}, over none", *counts], rows)


def sure(cell: Any) -> str:
    """A mark where the interval does not hold 0, and two where Holm's p is below 0.05 too."""

    if not (cell["difference_low"] > 0 or cell["difference_high"] < 0):
        return ""
    return " **" if cell["p_holm"] < 0.05 else " *"


def learnt(run: Path) -> str:
    """How many positives there were to learn from, the least and the most over seeds."""

    counts: dict[str, list[dict[str, int]]] = {}
    for path in sorted((run / "cells").glob("none@*/cell.json")):
        told = json.loads(path.read_text())["learnt_from"]
        level = path.parent.name.partition("@")[2].partition("-")[0]
        counts.setdefault(level, []).append({"records": told["records"], **told["positives"]})
    heads = list(dict.fromkeys(name for each in counts.values() for row in each for name in row))
    rows = []
    for level, each in counts.items():
        ends = [(min(row[name] for row in each), max(row[name] for row in each)) for name in heads]
        rows.append([level, *(f"{low}–{high}" if low != high else f"{low}" for low, high in ends)])
    return table(["positives asked for", *heads], rows)


def autoencoders(run: Path) -> str:
    """How like a record never seen is to what comes back of it, and how many codes are in use."""

    rows = []
    for path in sorted((run / "cells").glob("*vqvae@*/predictions.parquet")):
        answers = pd.read_parquet(path)
        test = answers[answers["part"] == "test"]
        means_of = test.groupby("measure")["value"].mean()
        names = [f"{means_of[name]:.3f}" for name in ("rmse", "cosine") if name in means_of]
        rows.append([path.parent.name, *names, f"{means_of['codes']:.0f}"])
    return table(["generator", "RMSE", "cosine", "codes of a record (perplexity)"], rows)


def main() -> None:
    """Prints the tables and writes the JSON."""

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path, help="of augmentation")
    parser.add_argument("--out", type=Path, required=True, help="where to write the numbers as JSON")
    asked = parser.parse_args()
    names = ("remedies", "gains", "choice", "descent")
    paths = {name: asked.run / "results" / f"{name}.parquet" for name in names}
    found = {name: pd.read_parquet(path) for name, path in paths.items() if path.is_file()}
    print(learnt(asked.run))
    for level in sorted(dict.fromkeys(found["remedies"]["level"]), key=how_many):
        print(f"{level}\n\n{means(asked.run, found, level)}")
        for metric in ("auprc", "f1"):
            print(by_class(found, level, metric))
    rows = [[row["level"], row["remedy"], f"{row['value']:.3f}"] for row in found["choice"].to_dict("records")]
    print(table(["level", "cheap remedy", "macro AUPRC on validation"], rows))
    if "descent" in found:
        counted = found["descent"].groupby(["model", "made_by", "status"], sort=False)["records"].agg(["size", "mean"])
        lines = [[*map(str, key), f"{row['size']:.0f}", f"{row['mean']:.0f}"] for key, row in counted.iterrows()]
        print(table(["remedy", "made by", "audit", "trainings", "records"], lines))
    print(autoencoders(asked.run))
    environment = json.loads((asked.run / "environment.json").read_text())
    facts = {name: environment[name] for name in ("command", "versions", "machine", "settings", "seconds_of_cells")}
    asked.out.write_text(json.dumps(facts | {name: told(rows) for name, rows in found.items()}, indent=0) + "\n")


if __name__ == "__main__":
    main()
