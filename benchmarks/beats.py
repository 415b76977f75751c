"""What `benchmarks/results` keeps of runs on beats: prints their tables as Markdown and writes the same as JSON.

Of each run the figures of EC57 by model and the planned pairs. Of runs of the same models on different splits the gap:
each of the others less the first, on the beats that both were tested on.

    python benchmarks/beats.py runs/inter_patient runs/by_example --out benchmarks/results/fourier.json
"""

import argparse
import json
from pathlib import Path
from typing import Any

import pandas as pd

from einthoven.evaluation.beats import beats, paired

COLUMNS = {("N", "f1"): "N", ("S", "f1"): "S", ("V", "f1"): "V", ("macro", "f1"): "macro"}
COLUMNS |= {("all", "accuracy"): "accuracy", ("all", "jk"): "jκ"}


def interval(value: float, low: float, high: float, plus: bool = False) -> str:
    sign = "+" if plus else ""
    return f"{value:{sign}.3f} [{low:{sign}.3f}, {high:{sign}.3f}]"


def figures(table: pd.DataFrame) -> list[str]:
    """F1 of each class and their mean, accuracy and jκ of each model, over all beats; the best macro F1 first."""

    lines = [f"| model | {' | '.join(COLUMNS.values())} |", "|---|" + "---|" * len(COLUMNS)]
    gross = table[table["over"] == "beats"].set_index(["model", "class", "metric"])
    order = gross.xs(("macro", "f1"), level=("class", "metric"))["value"].sort_values(ascending=False)
    for model in order.index:
        cells = []
        for key in COLUMNS:
            row = gross.loc[(model, *key)]
            spread = f" ± {row['seed_sd']:.3f}" if key == ("macro", "f1") and row["seeds"] > 1 else ""
            cells.append("–" if pd.isna(row["value"]) else interval(row["value"], row["low"], row["high"]) + spread)
        lines.append(f"| {model} | {' | '.join(cells)} |")
    return lines


def differences(pairs: pd.DataFrame) -> list[str]:
    """The planned pairs: macro F1 and F1 of S and V."""

    lines = ["| planned pair | F1 | first | second | difference | p | detectable |", "|---|---|---|---|---|---|---|"]
    chosen = pairs[(pairs["metric"] == "f1") & pairs["class"].isin(["macro", "S", "V"])]
    for row in chosen.to_dict("records"):
        gap = interval(row["difference"], row["low"], row["high"], plus=True)
        ends = f"{row['first']:.3f} | {row['second']:.3f}"
        name = f"{row['primary']} − {row['other']}"
        lines.append(f"| {name} | {row['class']} | {ends} | {gap} | {row['p']:.3f} | {row['detectable']:.3f} |")
    return lines


def confusions(run: Path, model: str) -> list[str]:
    """How many beats of each class were called what, with each seed, where it is fifty or more with one of them."""

    found = pd.read_parquet(run / "predictions.parquet")
    found = found[(found["model"] == model) & (found["part"] == "test")]
    keys = ["seed", "record"]
    said = found.loc[found.groupby(keys)["probability"].idxmax(), [*keys, "class"]].set_index(keys)["class"]
    true = found[found["truth"] == 1].set_index(keys)["class"]
    both = pd.DataFrame({"true": true, "said": said}).dropna().reset_index()
    both["recording"] = both["record"].str.rpartition("-")[0]
    counts = both.groupby(["recording", "true", "said", "seed"]).size().unstack("seed", fill_value=0)
    lines = ["| recording | class | called | beats, by seed |", "|---|---|---|---|"]
    for (recording, is_it, called), row in counts[counts.max(axis=1) >= 50].iterrows():
        lines.append(f"| {recording} | {is_it} | {called} | {', '.join(map(str, row))} |")
    return lines


def gaps(first: Path, other: Path) -> pd.DataFrame:
    """Another split less the first one, model by model, on the beats that both were tested on."""

    tables = [pd.read_parquet(run / "predictions.parquet") for run in (other, first)]
    models = sorted(set(tables[0]["model"]) & set(tables[1]["model"]) - {"naive"})
    found = [paired(*(table[table["model"] == model] for table in tables)).assign(model=model) for model in models]
    return pd.concat(found, ignore_index=True)


def gap_table(table: pd.DataFrame, names: tuple[str, str]) -> list[str]:
    lines = [f"| model | figure | {names[0]} | {names[1]} | gap | beats of patients |", "|---|---|---|---|---|---|"]
    wanted = {
        ("macro", "f1"): "macro F1",
        ("S", "f1"): "F1 of S",
        ("V", "f1"): "F1 of V",
        ("all", "accuracy"): "accuracy",
    }
    for row in table.to_dict("records"):
        if (row["class"], row["metric"]) in wanted:
            gap = interval(row["difference"], row["low"], row["high"], plus=True)
            ends = f"{row['first']:.3f} | {row['second']:.3f}"
            what, size = wanted[row["class"], row["metric"]], f"{row['beats']} of {row['patients']}"
            lines.append(f"| {row['model']} | {what} | {ends} | {gap} | {size} |")
    return lines


def speed(run: Path) -> list[str]:
    """What each model learnt from with each seed, and of networks seconds an epoch and drawn beats a second."""

    facts = json.loads((run / "experiment.json").read_text())
    lines = ["| model | learnt from, by seed | s/epoch | beats/s |", "|---|---|---|---|"]
    for arm in facts["arms"]:
        folders = sorted((run / "cells").glob(f"{arm['name']}-seed*"))
        accounts = [json.loads((folder / "cell.json").read_text()).get("learnt_from") for folder in folders]
        each = [
            f"{a['patients']} patients, " + ", ".join(f"{n} {name}" for name, n in a["positives"].items())
            for a in accounts
            if a
        ]
        words = "; ".join(dict.fromkeys(each) if len(set(each)) == 1 else each)
        pace = "– | –"
        if arm["recipe"]:
            histories = [json.loads((folder / "history.json").read_text()) for folder in folders]
            seconds = pd.Series([epoch["seconds"] for history in histories for epoch in history]).median()
            pace = f"{seconds:.1f} | {arm['recipe']['draws'] / seconds:.0f}"
        lines.append(f"| {arm['name']} | {words or '–'} | {pace} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--without", help="a recording, such as mitdb:232, that the first run is judged without too")
    parser.add_argument("--look", nargs="+", default=[], metavar="MODEL", help="whose answers to count, by recording")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    kept: dict[str, Any] = {}
    for run in arguments.runs:
        facts, environment = (json.loads((run / f"{name}.json").read_text()) for name in ("experiment", "environment"))
        names = ("beats", "paired", "pairs", "carriers")
        tables = {name: pd.read_parquet(run / "results" / f"{name}.parquet") for name in names}
        planned = pd.concat([tables["paired"][tables["paired"]["planned"]], tables["pairs"]], ignore_index=True)
        planned = planned.drop_duplicates(["primary", "other", "class", "metric"])
        hours = sum(environment["seconds_of_cells"].values()) / 3600
        print(f"\n## {run.name}: split {facts['split']}, seeds {facts['seeds']}, {hours:.1f} core-hours of cells\n")
        print("\n".join([*figures(tables["beats"]), "", *differences(planned), "", *speed(run)]))
        records = {
            name: json.loads(table.to_json(orient="records", double_precision=6)) for name, table in tables.items()
        }
        records["speed"] = speed(run)
        facts.pop("cards")
        kept[run.name] = {"experiment": facts, "environment": environment, **records}
    if arguments.without:
        predictions = pd.read_parquet(arguments.runs[0] / "predictions.parquet")
        table = beats(predictions[~predictions["record"].str.startswith(f"{arguments.without}-")])
        print(f"\n## {arguments.runs[0].name} without {arguments.without}\n")
        print("\n".join(figures(table)))
        kept[f"{arguments.runs[0].name} without {arguments.without}"] = json.loads(
            table.to_json(orient="records", double_precision=6)
        )
    for model in arguments.look:
        print(f"\n## {model}, {arguments.runs[0].name}: what was said of whom\n")
        print("\n".join(confusions(arguments.runs[0], model)))
    for run in arguments.runs[1:]:
        table = gaps(arguments.runs[0], run)
        print(f"\n## {run.name} less {arguments.runs[0].name}\n")
        print("\n".join(gap_table(table, (run.name, arguments.runs[0].name))))
        kept[f"{run.name} less {arguments.runs[0].name}"] = json.loads(
            table.to_json(orient="records", double_precision=6)
        )
    if arguments.out is not None:
        arguments.out.write_text(json.dumps(kept, separators=(",", ":")) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
