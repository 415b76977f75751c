"""The fast path of a network on this machine, beside plain eager PyTorch in 32 bits: the same weights, in one run.

The fast path is channels-last memory and bf16 where the processor multiplies it. Rounds of the two alternate, so
that a busy machine slows both. The largest difference of a probability is that of an untrained network on noise,
whose answers hang on nothing; the rounding of bf16 is 1 part in 256.

    python benchmarks/fast_path.py [--out fast_path.json]
"""

import argparse
import json
import platform
import time
from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from einthoven.models import Network, Shape, build
from einthoven.training import Device

CASES = (
    ("code_resnet", Shape(12, 4096, 400, 6), 32),
    ("code_resnet", Shape(12, 1024, 100, 6), 64),
    ("xresnet1d101", Shape(12, 250, 100, 6), 128),
)
ROUNDS = 5


def step(network: Network, x: torch.Tensor, precision: str, train: bool) -> float:
    """Seconds of one training step or one prediction."""

    start = time.perf_counter()
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16-mixed"), torch.set_grad_enabled(train):
        logits = network(x)
    if train:
        network.zero_grad()
        binary_cross_entropy_with_logits(logits.float(), torch.zeros_like(logits.float())).backward()
    return time.perf_counter() - start


def measure(name: str, shape: Shape, batch: int, train: bool) -> dict[str, float]:
    """ECG a second on both paths, and how far the probabilities are apart."""

    torch.manual_seed(0)
    network = build(name, shape)
    assert isinstance(network, Network)
    network.train(train)
    x = torch.randn(batch, shape.leads, shape.samples)
    device = Device("cpu")
    paths = {"plain": (False, "32-true"), "fast": (device.fast_layout, device.resolved)}
    seconds: dict[str, list[float]] = {"plain": [], "fast": []}
    for round_ in range(ROUNDS + 1):
        for path, (network.fast, precision) in paths.items():
            taken = step(network, x, precision, train)
            if round_:
                seconds[path].append(taken)
    rates = {path: batch / float(np.median(taken)) for path, taken in seconds.items()}
    network.eval()
    with torch.inference_mode():
        network.fast = False
        plain = torch.sigmoid(network(x))
        network.fast = device.fast_layout
        with torch.autocast("cpu", torch.bfloat16, enabled=device.resolved == "bf16-mixed"):
            gap = float((torch.sigmoid(network(x).float()) - plain).abs().max())
    return {**rates, "ratio": rates["fast"] / rates["plain"], "largest_difference": gap}


def main() -> None:
    """Measures, prints a Markdown table, and writes it as JSON."""

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="where to write the numbers as JSON")
    options = parser.parse_args()
    rows = []
    print(f"Precision of the fast path here: {Device('cpu').resolved}.\n")
    print("| network | input | what | plain fp32, ECG/s | fast, ECG/s | ratio | largest difference of a probability |")
    print("|---|---|---|---|---|---|---|")
    for name, shape, batch in CASES:
        for train in (True, False):
            row = measure(name, shape, batch, train)
            what = "training step" if train else "prediction"
            gap = f"{row['largest_difference']:.3f}"
            head = f"| {name} | {shape.leads} × {shape.samples} | {what} "
            print(f"{head}| {row['plain']:.0f} | {row['fast']:.0f} | {row['ratio']:.2f} | {gap} |", flush=True)
            rows.append({"network": name, "samples": shape.samples, "what": what, "batch": batch, **row})
    if options.out:
        facts = {"torch": torch.__version__, "machine": platform.machine(), "threads": torch.get_num_threads()}
        options.out.write_text(json.dumps({**facts, "rows": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
