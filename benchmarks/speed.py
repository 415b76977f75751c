"""Runs every speed benchmark and rewrites `docs/speed.md` with their tables: `make bench`."""

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


def main() -> None:
    """Runs them one after another; the machine should have nothing else to do."""

    parts = [HEAD]
    for name, *options in (
        ("read",),
        ("bootstrap", "--full"),
        ("fast_path",),
        ("spectrogram",),
        ("resnet18", "--threads", "1"),
        ("generate",),
        ("encoders",),
    ):
        script = HERE / f"{name}.py"
        print(f"{name} …", flush=True)
        command = [sys.executable, str(script), *options, "--out", str(HERE / "results" / f"{name}.json")]
        table = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        title = script.read_text(encoding="utf-8").split('"""')[1].partition("\n")[0]
        shown = " ".join(["python", f"benchmarks/{name}.py", *options])
        parts.append(f"## {title.rstrip('.')}\n\n`{shown}`\n\n{table}")
    PAGE.write_text("\n".join(parts), encoding="utf-8")
    print(PAGE)


if __name__ == "__main__":
    main()
