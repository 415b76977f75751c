"""Making ECGs of 10 s at 500 Hz, 64 at a time, beside the simulator in one run: seconds of ECG a second.

Rounds of all alternate, so that a busy machine slows all. The networks are untrained, which takes as long. Besides,
what the study of rare classes does with 10 s at 100 Hz: ECGs read and decoded, and pages drawn.

    python benchmarks/generate.py [--precision 32-true] [--out generate.json]
"""

import argparse
import json
import platform
import time
from pathlib import Path

import numpy as np
import torch

from einthoven.drawing.raster import raster
from einthoven.generators import Autoencoder, Form, Generator, build, draw, learners
from einthoven.records.leads import TWELVE
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


def reading(device: Device) -> dict[str, float]:
    """ECGs and pages a second that autoencoders read and decode, and pages that are drawn."""

    slow, rng = Form(1000, 100.0, 6), np.random.default_rng(0)
    signals = rng.standard_normal((BATCH, 12, slow.samples)).astype(np.float32)
    pages, taken = raster(signals, TWELVE, "z"), {}
    columns = Form(pages.shape[2], pages.shape[2] * slow.rate_hz / slow.samples, slow.classes)
    y = torch.zeros(BATCH, slow.classes)
    for name, form, x in (
        ("cnn_bilstm", slow, signals[:, :8]),
        ("vqvae", slow, signals[:, :8]),
        ("image_vqvae", columns, pages),
    ):
        generator = build(name, form).eval()
        assert isinstance(generator, Autoencoder)
        batch, rounds = torch.from_numpy(np.ascontiguousarray(x)), []
        for _ in range(ROUNDS + 1):
            start = time.perf_counter()
            with torch.inference_mode(), device.fabric().autocast():
                generator.decode(generator.encode(batch).float(), y)
            rounds.append(time.perf_counter() - start)
        taken[f"{name}: read and decoded"] = BATCH / float(np.median(rounds[1:]))
    start = time.perf_counter()
    for _ in range(ROUNDS):
        raster(signals, TWELVE, "z")
    return taken | {"pages drawn": ROUNDS * BATCH / (time.perf_counter() - start)}


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
    found = reading(device)
    print("\n| ECGs of 10 s at 100 Hz | a second |\n|---|---|")
    for name, rate in found.items():
        print(f"| {name} | {rate:.0f} |")
    if asked.out:
        facts = {
            "times_real_time": rates,
            "a_second": found,
            "precision": device.resolved,
            "threads": torch.get_num_threads(),
        }
        asked.out.write_text(json.dumps({**facts, "machine": platform.platform()}, indent=1) + "\n")


if __name__ == "__main__":
    main()
