"""Pairs of models of runs side by side: prints their macro means as Markdown and writes the same as JSON.

python benchmarks/pairs.py runs/cpsc:finetune=runs/cpsc:scratch --part external --out benchmarks/results/elsewhere.json
"""

import argparse
import contextlib
import io
import json
import tempfile
from pathlib import Path
from typing import Any

from einthoven.cli.compare import compare


def pair(words: str, part: str) -> list[dict[str, Any]]:
    """The macro means of two models, written RUN:MODEL=RUN:MODEL, and their paired difference."""
    sides = [side.rpartition(":") for side in words.split("=")]
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        out = Path(folder) / "found.json"
        (first, _, one), (second, _, other) = sides
        compare(Path(first), Path(second), models=(one, other), part=part, out=out)  # type: ignore[arg-type]
        rows = json.loads(out.read_text())["differences"]
    named = {"run": f"{Path(first).name}: {one}", "against": f"{Path(second).name}: {other}", "part": part}
    return [{**named, **row} for row in rows if row["class"] == "macro" and row["metric"] in ("auroc", "auprc")]


def line(row: dict[str, Any]) -> str:
    """A row of the table."""
    span = f"{row['difference']:+.3f} [{row['low']:+.3f}, {row['high']:+.3f}]"
    cells = [row["run"], row["against"], row["label_set"], row["metric"], f"{row['first']:.3f}", f"{row['second']:.3f}"]
    cells += [span, f"{row['p']:.3f}", f"{row['detectable']:.3f}"]
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Prints the table and writes the JSON."""

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pairs", nargs="+", help="RUN:MODEL=RUN:MODEL")
    parser.add_argument("--part", choices=("test", "external"), default="test")
    parser.add_argument("--out", type=Path, required=True, help="where to write the numbers as JSON")
    asked = parser.parse_args()
    rows = [row for words in asked.pairs for row in pair(words, asked.part)]
    names = ("", "against", "labels", "metric", "first", "second", "difference", "p", "detectable")
    print(f"| {' | '.join(names)} |\n|{'---|' * len(names)}")
    print("\n".join(line(row) for row in rows))
    asked.out.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
