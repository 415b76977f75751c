"""Reading WFDB records: Einthoven beside the wfdb library, on the same files in one run.

The files are simulated ECGs of 12 leads × 5000 samples in coding 16, as those of PTB-XL at 500 Hz, and lie in the
file cache. Both readers return millivolts for every lead; the results are compared sample by sample.

    python benchmarks/read.py [--out read.json]
"""

import argparse
import json
import platform
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import wfdb

from einthoven import records
from einthoven.datasets.simulated import Simulated

FILES, ROUNDS = 60, 7


def rate(read: Callable[[str], Any], names: list[str]) -> float:
    """Records a second over all files, the median of several rounds."""

    rates = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        for name in names:
            read(name)
        rates.append(len(names) / (time.perf_counter() - start))
    return float(np.median(rates))


def main() -> None:
    """Measures, prints a Markdown table, and writes it as JSON."""

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="where to write the numbers as JSON")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        made = Simulated(FILES, visits=(1, 1))
        names = []
        for i, record in enumerate(made.table()["record_id"]):
            records.write(made.read(record), Path(folder, f"{i:05d}.hea"))
            names.append(str(Path(folder, f"{i:05d}")))
        for name in names:
            expected = wfdb.rdrecord(name).p_signal.T.astype(np.float32)
            np.testing.assert_array_equal(records.read(name).signal, expected)
        ours, peer = rate(records.read, names), rate(wfdb.rdrecord, names)
    print("| reader | records/s at 12 × 5000 | ratio |\n|---|---|---|")
    print(f"| wfdb {wfdb.__version__} | {peer:.0f} | 1 |")
    print(f"| Einthoven | {ours:.0f} | {ours / peer:.1f} |")
    if options.out:
        facts = {"wfdb": wfdb.__version__, "machine": platform.machine(), "files": FILES, "rounds": ROUNDS}
        rows = {"ours_per_s": ours, "peer_per_s": peer, "ratio": ours / peer}
        options.out.write_text(json.dumps({**facts, **rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
