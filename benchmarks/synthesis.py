"""What `benchmarks/results` keeps of a run of generators: prints tables as Markdown and writes the same as JSON.

python benchmarks/synthesis.py runs/synthesis --out benchmarks/results/synthesis.json
"""

import argparse
import json
from pathlib import Path
from typing import Any

import pandas as pd

TABLES = ("pretext", "crowds", "measurements", "privacy", "useful", "reverse")
MEASURED = {
    "rate_bpm": ("rate (/min)", 0),
    "rr_change_percent": ("RR change (%)", 1),
    "beat_change_percent": ("beat change (%)", 1),
    "pr_ms": ("PR (ms)", 0),
    "qrs_ms": ("QRS (ms)", 0),
    "qt_ms": ("QT (ms)", 0),
    "height_II": ("height of II", 1),
    "power_15_40_percent": ("power 15–40 Hz (%)", 1),
}
SOME = 0.05  # of the records that could not be measured


def span(row: Any, name: str = "value", low: str = "low", high: str = "high", sign: str = "", digits: int = 3) -> str:
    """A value with its interval; a model beside itself has none."""

    if pd.isna(row[name]):
        return ""
    value, start, end = (f"{row[each]:{sign}.{digits}f}" for each in (name, low, high))
    return f"{value} [{start}, {end}]"


def table(heads: list[str], rows: list[list[str]]) -> str:
    """A table in Markdown."""

    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def useful(rows: pd.DataFrame) -> str:
    """The macro means of each classifier on one label set."""

    heads = ["learnt from", "AUROC", "less that from real ECGs", "detectable", "AUPRC", "balanced accuracy", "accuracy"]
    found = []
    for model, mine in rows[rows["class"] == "macro"].groupby("model", sort=False):
        by = mine.set_index("metric")
        gap = span(by.loc["auroc"], "difference", "difference_low", "difference_high", "+")
        least = f"{by.loc['auroc', 'detectable']:.3f}" if gap else ""
        rest = [f"{by.loc[name, 'value']:.3f}" for name in ("auprc", "balanced_accuracy", "accuracy")]
        found.append([str(model), span(by.loc["auroc"]), gap, least, *rest])
    return table(heads, found)


def crowds(rows: pd.DataFrame) -> str:
    """Each generator beside real training records: the mean over folds, and the least and the most."""

    names = ["frechet", "precision", "recall", "diversity"]
    found = []
    for embedding, mine in rows.groupby("embedding", sort=False):
        floor = mine.drop_duplicates("fold")
        cells = [ends(floor[f"{name}_floor"]) for name in names]
        found.append(["*real training records*", str(embedding), *cells])
        for model, part in mine.groupby("model", sort=False):
            found.append([str(model), str(embedding), *(ends(part[name]) for name in names)])
    return table(["made by", "embedding", "Fréchet distance", *names[1:]], found)


def ends(values: pd.Series) -> str:
    """The mean of the folds, and between what they lie."""

    several = f" ({values.min():.2f}–{values.max():.2f})" if len(values) > 1 else ""
    return f"{values.mean():.2f}{several}"


def private(rows: pd.DataFrame) -> str:
    """Every attack on each generator: where it did best of all folds, and how many of them it judged how."""

    heads = ["made by", "nearness by", "measure", "of each", "mean of the folds", "highest", "limit", "verdicts"]
    keys = ["model", "space", "measure", "unit"]
    found = []
    for key, part in rows[rows["verdict"] != "not judged"].groupby(keys, sort=False):
        top = part.loc[part["value"].idxmax()]
        said = ", ".join(f"{verdict} {count}" for verdict, count in part["verdict"].value_counts().items())
        found.append([*map(str, key), f"{part['value'].mean():.3f}", span(top), f"{top['limit']:g}", said])
    return table(heads, found)


def measured(rows: pd.DataFrame) -> str:
    """Median and quartiles by group, real records first."""

    models = list(dict.fromkeys(rows["model"]))
    first = rows[(rows["seed"] == rows["seed"].min()) & (rows["fold"] == rows["fold"].min())]
    by = first.set_index(["group", "measurement", "model", "kind"])
    columns = [("real", models[0]), ("other", models[0]), *((name, name) for name in models)]
    found = []
    for group in dict.fromkeys(first["group"]):
        for name, (title, digits) in MEASURED.items():
            cells = [quartiles(by.loc[(group, name, model, kind)], digits) for kind, model in columns]
            found.append([group, title, *cells])
    return table(["group", "what", "real, held out", "real, training", *models], found)


def quartiles(row: pd.Series, digits: int) -> str:
    """A median with its quartiles, and in how many records there was one."""

    if pd.isna(row["median"]):
        return "–"
    there = f", in {1 - row['unmeasured']:.0%}" if row["unmeasured"] > SOME else ""
    return f"{row['median']:.{digits}f} ({row['lower']:.{digits}f}–{row['upper']:.{digits}f}){there}"


def told(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """A table as JSON, its numbers to five digits."""

    plain: list[dict[str, Any]] = json.loads(rows.to_json(orient="records"))
    return [{k: float(f"{v:.5g}") if isinstance(v, float) else v for k, v in row.items()} for row in plain]


def main() -> None:
    """Prints the tables and writes the JSON."""

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path, help="of synthesis")
    parser.add_argument("--out", type=Path, required=True, help="where to write the numbers as JSON")
    asked = parser.parse_args()
    paths = {name: asked.run / "results" / f"{name}.parquet" for name in TABLES}
    found = {name: pd.read_parquet(path) for name, path in paths.items() if path.is_file()}
    for label_set, rows in found["useful"].groupby("label_set", sort=False) if "useful" in found else ():
        classes = rows[(rows["metric"] == "auroc") & (rows["class"] != "macro")]
        print(f"{label_set}\n\n{useful(rows)}")
        names = list(dict.fromkeys(classes["class"]))
        by = classes.set_index(["model", "class"])
        lines = [[model, *(span(by.loc[(model, name)]) for name in names)] for model in dict.fromkeys(classes["model"])]
        print(table(["AUROC", *names], lines))
    print(crowds(found["crowds"]))
    print(measured(found["measurements"]))
    print(private(found["privacy"]))
    keyed = {"pretext": ["model", "source", "measure"], "reverse": ["model", "made_by", "label_set", "metric"]}
    for name, keys in keyed.items():
        rows = found.get(name, pd.DataFrame())
        print(table([*keys, "value"], [[*(str(row[key]) for key in keys), span(row)] for _, row in rows.iterrows()]))
    again = ["group", "measurement", "kind", "seed", "fold"]  # real records stand beside every generator
    rows = found["measurements"].drop_duplicates(again)
    found["measurements"] = rows[(rows["seed"] == rows["seed"].min()) & (rows["fold"] == rows["fold"].min())]
    environment = json.loads((asked.run / "environment.json").read_text())
    facts = {name: environment[name] for name in ("command", "versions", "machine", "settings", "seconds_of_cells")}
    asked.out.write_text(json.dumps(facts | {name: told(rows) for name, rows in found.items()}, indent=0) + "\n")


if __name__ == "__main__":
    main()
