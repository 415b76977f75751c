"""Encoders on the window that each learns from, 12 leads at 100 Hz, in one run: parameters, and ECGs a second.

Rounds of all alternate, so that a busy machine slows all. Below, what profiling found in `state_space`: convolving by
the product with the matrix of lags rather than by the Fourier transform, forwards and backwards, and of the answers
only one a frame, as its first block does.

    python benchmarks/encoders.py [--out encoders.json]
"""

import argparse
import json
import platform
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from einthoven.layers.state_space import DiagonalStateSpace, convolved
from einthoven.models import Encoder, Shape, build, encoders, parse
from einthoven.training import Device
from einthoven.transforms.crop import Crop

RATE_HZ, RECORDING_S, BATCH, CLASSES, ROUNDS = 100.0, 10.0, 64, 5, 5
LENGTHS = (250, 500, 1000)
PEER = "xresnet1d101"
VARIANTS = ("state_space,features=128,depth=6,states=16", "state_space,frame_s=0")
CHANNELS, FRAME = 256, 4


def step(network: Encoder, x: torch.Tensor, device: Device, train: bool) -> float:
    """Seconds of one training step or one prediction."""

    start = time.perf_counter()
    with device.fabric().autocast(), torch.set_grad_enabled(train):
        logits = network(x)
    if train:
        network.zero_grad()
        loss = binary_cross_entropy_with_logits(logits.float(), torch.zeros_like(logits.float()))
        torch.autograd.backward(loss)
    return time.perf_counter() - start


def networks(device: Device) -> list[dict[str, Any]]:
    """Parameters and speed of each encoder."""

    made: dict[str, tuple[Encoder, torch.Tensor]] = {}
    taken: dict[str, dict[bool, list[float]]] = {}
    for name in (*encoders(), *VARIANTS):
        model, options = parse(name)
        samples = round((encoders()[model].window_s or RECORDING_S) * RATE_HZ)
        torch.manual_seed(0)
        network = build(model, Shape(12, samples, RATE_HZ, CLASSES), **options)
        assert isinstance(network, Encoder)
        network.fast = device.fast_layout
        made[name] = network, torch.randn(BATCH, 12, samples)
        taken[name] = {True: [], False: []}
    for round_ in range(ROUNDS + 1):
        for name, (network, x) in made.items():
            for train in (True, False):
                network.train(train)
                seconds = step(network, x, device, train)
                if round_:  # the first warms up
                    taken[name][train].append(seconds)
    rows = []
    for name, (network, x) in made.items():
        rates = {train: BATCH / float(np.median(each)) for train, each in taken[name].items()}
        counted = sum(p.numel() for p in network.parameters())
        row = {"encoder": name, "parameters": counted, "window_s": x.shape[-1] / RATE_HZ}
        windows = len(Crop(x.shape[-1]).cover(round(RECORDING_S * RATE_HZ)))
        rows.append({**row, "trains": rates[True], "predicts": rates[False], "ecg_per_s": rates[False] / windows})
    return rows


def layer(device: Device) -> list[dict[str, float]]:
    """Milliseconds of a layer's convolution, there and back: by the Fourier transform, by lags, of frames alone."""

    torch.manual_seed(0)
    systems = DiagonalStateSpace(CHANNELS, 8)
    rows = []
    for samples in LENGTHS:
        u = torch.randn(samples, BATCH, CHANNELS, requires_grad=True)
        ways = {"fourier": (1, 0), "product": (1, samples), "frames": (FRAME, samples)}
        taken: dict[str, list[float]] = {name: [] for name in ways}
        after, before = (each.detach().requires_grad_() for each in systems.response(samples, RATE_HZ))
        for round_ in range(ROUNDS + 1):
            for name, (every, short) in ways.items():
                start = time.perf_counter()
                with device.fabric().autocast():
                    found = convolved(u, after, before, every, short)
                torch.autograd.backward(found.float().sum())
                if round_:
                    taken[name].append(time.perf_counter() - start)
        rows.append({"samples": samples} | {name: 1000 * float(np.median(each)) for name, each in taken.items()})
    return rows


def main() -> None:
    """Prints the tables and writes the JSON."""

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="where to write the numbers as JSON")
    asked = parser.parse_args()
    device = Device("cpu")
    found, convolutions = networks(device), layer(device)
    peer = next(row for row in found if row["encoder"] == PEER)
    print(f"Precision: {device.resolved}; {torch.get_num_threads()} threads.\n")
    heads = [
        "encoder",
        "parameters",
        "window, s",
        "trains, windows/s",
        "predicts, recordings of 10 s/s",
        f"beside {PEER}",
    ]
    print(f"| {' | '.join(heads)} |")
    print("|---|---|---|---|---|---|")
    for row in found:
        ratio = row["ecg_per_s"] / peer["ecg_per_s"]
        head = f"| {row['encoder']} | {row['parameters'] / 1e6:.2f} M | {row['window_s']:g} "
        print(f"{head}| {row['trains']:.0f} | {row['ecg_per_s']:.0f} | {ratio:.2f} |")
    print(f"\n| samples, {BATCH} × {CHANNELS} channels | by Fourier, ms | by lags, ms | one of {FRAME}, ms | ratios |")
    print("|---|---|---|---|---|")
    for line in convolutions:
        times = [line[name] for name in ("fourier", "product", "frames")]
        cells = [f"{line['samples']}", *(f"{each:.0f}" for each in times)]
        print(f"| {' | '.join(cells)} | {' and '.join(f'{times[0] / each:.1f}' for each in times[1:])} |")
    if asked.out:
        facts = {"precision": device.resolved, "threads": torch.get_num_threads(), "machine": platform.platform()}
        asked.out.write_text(json.dumps({**facts, "encoders": found, "convolution": convolutions}, indent=1) + "\n")


if __name__ == "__main__":
    main()
