"""Runs every speed benchmark, or those named, and rewrites their tables in `docs/speed.md`: `make bench`."""

import argparse
import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "speed.md"
HEAD = """\
# Speed

Every table is the output of a script that measures Einthoven and a named peer in one run on one machine. `make bench`
rewrites this page; the numbers as JSON are in `benchmarks/results/`.
"""
ALL = {
    "read": (),
    "bootstrap": ("--full",),
    "fast_path": (),
    "spectrogram": (),
    "resnet18": ("--threads", "1"),
    "generate": (),
    "encoders": (),
}


def section(name: str) -> str:
    """What the page says of a benchmark, which is run for it."""

    script = HERE / f"{name}.py"
    print(f"{name} …", flush=True)
    command = [sys.executable, str(script), *ALL[name], "--out", str(HERE / "results" / f"{name}.json")]
    table = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    title = script.read_text(encoding="utf-8").split('"""')[1].partition("\n")[0]
    shown = " ".join(["python", f"benchmarks/{name}.py", *ALL[name]])
    return f"## {title.rstrip('.')}\n\n`{shown}`\n\n{table}"


def kept() -> dict[str, str]:
    """What the page says of each benchmark today."""

    found = {}
    for each in re.split(r"\n(?=## )", PAGE.read_text(encoding="utf-8"))[1:]:
        told = re.search(r"`python benchmarks/(\w+)\.py", each)
        assert told, each
        found[told[1]] = each
    return found


def main() -> None:
    """Runs them one after another; the machine should have nothing else to do."""

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help=f"which of {', '.join(ALL)}; all by default")
    asked = parser.parse_args().names or list(ALL)
    if unknown := set(asked) - set(ALL):
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}; there are {', '.join(ALL)}")
    parts = kept() | {name: section(name) for name in asked}
    PAGE.write_text("\n".join([HEAD, *(parts[name] for name in ALL if name in parts)]), encoding="utf-8")
    print(PAGE)


if __name__ == "__main__":
    main()
