"""Kill −9 at random moments of compiling and training, run again: the same final numbers?

Each trial starts the same command, kills it after a random time, and starts it again until it finishes. The stores
and the predictions are compared, byte by byte and number by number, with those of a run that nobody disturbed.

    python benchmarks/kills.py [--trials 5] [--out kills.json]
"""

import argparse
import json
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd

from einthoven.store._store import checksum

COMPILE = ["compile", "simulated=700", "--rate-hz", "100", "--out"]
TRAIN = [
    *("study", "code", "--data", "simulated=120", "--rate-hz", "100", "--fold-count", "5", "--folds", "5"),
    *("--models", "code_resnet", "naive", "--epochs.code_resnet", "16", "--accelerator", "cpu", "--out"),
]


def run(words: list[str], out: Path, kill_after_s: float | None) -> bool:
    """Runs the command line; whether it finished before it was killed."""

    process = subprocess.Popen(
        [sys.executable, "-m", "einthoven", *words, str(out)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        code = process.wait(timeout=kill_after_s)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()
        return False
    if code:
        raise SystemExit(f"{words} failed with exit code {code}")
    return True


def outcome(out: Path) -> object:
    """What must not depend on how often the command was killed."""

    if (out / "predictions.parquet").exists():
        table = pd.read_parquet(out / "predictions.parquet")
        return table.to_csv(index=False)
    shards = {path.name: checksum(path) for path in sorted(out.glob("*.i16"))}
    return shards, pd.read_parquet(out / "records.parquet").to_csv(index=False)


def trial(words: list[str], folder: Path, unbroken_s: float, rng: random.Random) -> tuple[object, float]:
    """Kills once at a random moment after start-up, then lets it finish; the outcome, and when it was killed."""

    while True:
        moment = rng.uniform(0.4, 0.9) * unbroken_s
        if not run(words, folder, moment):
            run(words, folder, None)
            return outcome(folder), moment
        shutil.rmtree(folder.parent)  # it was faster this time
        folder.parent.mkdir()


def main() -> None:
    """Measures, prints a Markdown table, and writes it as JSON."""

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=5)
    parser.add_argument("--out", type=Path, help="where to write the result as JSON")
    options = parser.parse_args()
    rng, rows = random.Random(0), []
    print("| what | unbroken, s | killed at, s | same as unbroken |\n|---|---|---|---|")
    for what, words in (("compile", COMPILE), ("train", TRAIN)):
        with tempfile.TemporaryDirectory() as scratch:
            start = time.perf_counter()
            run(words, Path(scratch, "unbroken"), None)
            unbroken_s = time.perf_counter() - start
            expected = outcome(Path(scratch, "unbroken"))
            for number in range(options.trials):
                folder = Path(scratch, f"trial{number}", "out")
                folder.parent.mkdir()
                found, moment = trial(words, folder, unbroken_s, rng)
                same = found == expected
                rows.append({"what": what, "unbroken_s": unbroken_s, "killed_at_s": moment, "same": same})
                print(f"| {what} | {unbroken_s:.1f} | {moment:.1f} | {'yes' if same else 'NO'} |", flush=True)
    if options.out:
        options.out.write_text(json.dumps(rows, indent=2) + "\n")
    if not all(row["same"] for row in rows):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
