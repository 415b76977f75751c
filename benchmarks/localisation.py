"""What `benchmarks/results` keeps of runs of the study localisation: tables as Markdown, and the same as JSON.

python benchmarks/localisation.py runs/localisation --out benchmarks/results/localisation.json
"""

import argparse
import json
from pathlib import Path

import pandas as pd

from augmentation import gap
from einthoven.report._words import how_many
from synthesis import span, table, told


def grid(found: dict[str, pd.DataFrame], metric: str, digits: int) -> str:
    """One metric of every way at every number of labelled patients, and what it is beyond the baseline's way."""

    values = found["localisation"].query("metric == @metric").set_index(["way", "level"])
    gaps = found["gaps"].query("metric == @metric").set_index(["way", "level"])
    levels = sorted(dict.fromkeys(values.index.get_level_values("level")), key=how_many)
    rows = []
    for way in dict.fromkeys(values.index.get_level_values("way")):
        cells = []
        for level in levels:
            if (way, level) not in values.index:
                cells.append("")
                continue
            row = values.loc[(way, level)]
            words = span(row, digits=digits)
            if (way, level) in gaps.index:
                words += f" · {gap(gaps.loc[(way, level)], digits)}"
            cells.append(words)
        rows.append([way, *cells])
    return table([metric, *(f"{level} patients" for level in levels)], rows)


def main() -> None:
    """Prints the tables and writes the JSON."""

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path, help="of localisation")
    parser.add_argument("--out", type=Path, required=True, help="where to write the numbers as JSON")
    asked = parser.parse_args()
    names = ("localisation", "gaps", "confusion")
    found = {name: pd.read_parquet(asked.run / "results" / f"{name}.parquet") for name in names}
    for metric in dict.fromkeys(found["localisation"]["metric"]):
        print(grid(found, metric, 1 if metric.endswith("mm") else 3))
    for row in found["gaps"].query("planned").to_dict("records"):
        print(
            f"Planned: {row['model']} less {row['against']}, accuracy {gap(row)}, detectable {row['detectable']:.3f}."
        )
    environment = json.loads((asked.run / "environment.json").read_text())
    facts = {name: environment[name] for name in ("command", "versions", "machine", "settings", "seconds_of_cells")}
    asked.out.write_text(json.dumps(facts | {name: told(each) for name, each in found.items()}, indent=0) + "\n")


if __name__ == "__main__":
    main()
