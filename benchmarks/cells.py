"""Finished cells of a long grid, kept in the repository as they come, and put back where the same command goes on.

python benchmarks/cells.py keep runs/efficiency --out benchmarks/results/pretrain-cells
python benchmarks/cells.py restore benchmarks/results/pretrain-cells --to runs/efficiency

One Parquet table of all predictions, and one JSON of the experiment and of each cell. A cell that is restored is taken
by the run only if data, settings, weights and precision are those with which it was made.
"""

import argparse
import json
from pathlib import Path

import pandas as pd

_TEXT = ("record", "patient", "source", "part", "class", "model")


def keep(run: Path, out: Path) -> None:
    """Gathers the finished cells of a run."""

    done = sorted(path.parent for path in (run / "cells").glob("*/cell.json"))
    tables = [pd.read_parquet(folder / "predictions.parquet") for folder in done]
    whole = pd.concat(tables, ignore_index=True).astype(dict.fromkeys(_TEXT, "category"))
    whole.to_parquet(out.with_suffix(".parquet"), index=False, compression="zstd")
    cells = {folder.name: json.loads((folder / "cell.json").read_text(encoding="utf-8")) for folder in done}
    facts = {"experiment": json.loads((run / "experiment.json").read_text(encoding="utf-8")), "cells": cells}
    out.with_suffix(".json").write_text(json.dumps(facts, indent=0, sort_keys=True) + "\n", encoding="utf-8")
    print(f"{len(done)} cells, {out.with_suffix('.parquet').stat().st_size / 1e6:.1f} MB")


def restore(kept: Path, to: Path) -> None:
    """Puts kept cells into a new run folder, or into one of the same run, where none of theirs is."""

    whole = pd.read_parquet(kept.with_suffix(".parquet"))
    facts = json.loads(kept.with_suffix(".json").read_text(encoding="utf-8"))
    whole = whole.astype(dict.fromkeys(_TEXT, "object"))
    to.mkdir(parents=True, exist_ok=True)
    if not (to / "experiment.json").exists():
        (to / "experiment.json").write_text(json.dumps(facts["experiment"]) + "\n", encoding="utf-8")
    for (model, seed, fold), rows in whole.groupby(["model", "seed", "fold"]):
        folder = to / "cells" / f"{model}-seed{seed}-fold{fold}"
        if folder.exists():
            continue
        folder.mkdir(parents=True)
        rows.to_parquet(folder / "predictions.parquet", index=False)
        (folder / "history.json").write_text("[]\n", encoding="utf-8")
        (folder / "cell.json").write_text(json.dumps(facts["cells"][folder.name], indent=1) + "\n", encoding="utf-8")


def main() -> None:
    """Reads the command line."""

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("keep", "restore"))
    parser.add_argument("place", type=Path)
    parser.add_argument("--out", "--to", dest="target", type=Path, required=True)
    asked = parser.parse_args()
    (keep if asked.what == "keep" else restore)(asked.place, asked.target)


if __name__ == "__main__":
    main()
