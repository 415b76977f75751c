"""Making ECGs of 10 s at 500 Hz, 64 at a time, beside the simulator in one run: seconds of ECG a second.

Rounds of all alternate, so that a busy machine slows all. The networks are untrained, which takes as long.

    python benchmarks/generate.py [--precision 32-true] [--out generate.json]
"""

import argparse
import json
import platform
import time
from pathlib import Path

import numpy as np
import torch

from einthoven.generators import Form, Generator, build, draw, learners
from einthoven.training import Device

FORM, BATCH, ROUNDS = Form(5000, 500.0, 6), 64, 5
PEER = "simulator"
OPTIONS = {PEER: {"groups": ["NORM", "AFIB", "1AVB", "CLBBB", "CRBBB", "STACH"]}}


def seconds(generator: Generator, device: Device, seed: int) -> float:
    """What one batch takes, with the drawing of its noise."""

    y = torch.eye(FORM.classes)[torch.arange(BATCH) % FORM.classes]
    start = time.perf_counter()
    noise = torch.from_numpy(draw(generator.noise, seed=seed, numbers=range(BATCH)))
    with torch.inference_mode(), device.fabric().autocast():
        generator.emit(noise, y)
    return time.perf_counter() - start


def main() -> None:
    """Prints the table and writes the JSON."""

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="where to write the numbers as JSON")
    parser.add_argument("--precision", choices=("auto", "bf16-mixed", "32-true"), default="auto")
    asked = parser.parse_args()
    device = Device("cpu", asked.precision)
    made = {name: build(name, FORM, **OPTIONS.get(name, {})).eval() for name in (PEER, *learners())}
    taken: dict[str, list[float]] = {name: [] for name in made}
    for seed in range(ROUNDS + 1):
        for name, generator in made.items():
            found = seconds(generator, device, seed)
            if seed:  # the first warms up
                taken[name].append(found)
    length_s = BATCH * FORM.samples / FORM.rate_hz
    rates = {name: length_s / float(np.median(each)) for name, each in taken.items()}
    print("| generator | times real time | beside the simulator |\n|---|---|---|")
    for name, rate in rates.items():
        print(f"| {name} | {rate:.0f} | {rate / rates[PEER]:.1f} |")
    if asked.out:
        facts = {"times_real_time": rates, "precision": device.resolved, "threads": torch.get_num_threads()}
        asked.out.write_text(json.dumps({**facts, "machine": platform.platform()}, indent=1) + "\n")


if __name__ == "__main__":
    main()
