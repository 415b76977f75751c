"""The ResNet-18 on Fourier images of beats: two sizes, two widths, two precisions, two layouts, in one run.

Plain is PyTorch's own order of axes in 32 bits, as torchvision's network runs; the other columns are the same weights
on the same beats. Rounds alternate, so that a busy machine slows all columns. A beat is 0.9 s of one lead at 360 Hz,
filled with noise, for the time does not hang on what is in it. The last column is the share of the fastest column's
time that the images take; without them, a rate would be higher by as much.

    python benchmarks/resnet18.py [--threads N] [--out resnet18.json]
"""

import argparse
import json
import platform
import time
from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from einthoven.models import Shape
from einthoven.models.resnet18 import ResNet18

SHAPE = Shape(1, 325, 360.0, 5)
CASES, BATCH, ROUNDS = ((64, 64), (64, 32), (32, 64)), 64, 3  # pixels and width; the study takes the last one
PATHS = {
    "plain": (False, False),
    "fp32, channels last": (True, False),
    "bf16": (False, True),
    "bf16, channels last": (True, True),
}


def step(network: ResNet18, x: torch.Tensor, short: bool, train: bool) -> float:
    """Seconds of one prediction or one training step, without the optimizer's."""

    start = time.perf_counter()
    with torch.autocast("cpu", torch.bfloat16, enabled=short), torch.set_grad_enabled(train):
        logits = network(x)
    if train:
        network.zero_grad()
        binary_cross_entropy_with_logits(logits.float(), torch.zeros_like(logits.float())).backward()
    return time.perf_counter() - start


def measure(pixels: int, width: int, train: bool) -> dict[str, float]:
    """Images a second on each path, and the share of the fastest that the images take."""

    torch.manual_seed(0)
    image = {"name": "spectrogram", "window_s": 0.1, "band_hz": (0.5, 40.0), "size": (pixels, pixels)}
    network = ResNet18(SHAPE, image={**image, "standardised": True}, width=width).train(train)
    x = torch.randn(BATCH, SHAPE.leads, SHAPE.samples)
    seconds: dict[str, list[float]] = {path: [] for path in (*PATHS, "image")}
    for round_ in range(ROUNDS + 1):
        for path, (network.fast, short) in PATHS.items():
            taken = step(network, x, short, train)
            if round_:  # the first one warms up
                seconds[path].append(taken)
        start = time.perf_counter()
        network.image(x, SHAPE.rate_hz)
        seconds["image"].append(time.perf_counter() - start)
    median = {path: float(np.median(taken)) for path, taken in seconds.items()}
    share = median.pop("image") / min(median.values())
    return {**{path: BATCH / taken for path, taken in median.items()}, "image_share": share}


def main() -> None:
    """Measures, prints a Markdown table, and writes it as JSON."""

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="of the processor")
    parser.add_argument("--out", type=Path, help="where to write the numbers as JSON")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(f"Images a second, {options.threads} threads, batches of {BATCH}.\n")
    print(f"| pixels | width | what | {' | '.join(PATHS)} | images' share |")
    print("|---|---|---|" + "---|" * (len(PATHS) + 1))
    rows = []
    for pixels, width in CASES:
        for train in (True, False):
            row = measure(pixels, width, train)
            what = "training step" if train else "prediction"
            rates = " | ".join(f"{row[path]:.0f}" for path in PATHS)
            print(f"| {pixels} | {width} | {what} | {rates} | {row['image_share']:.1%} |", flush=True)
            rows.append({"pixels": pixels, "width": width, "what": what, "batch": BATCH, **row})
    if options.out:
        facts = {"torch": torch.__version__, "machine": platform.machine(), "threads": options.threads}
        options.out.write_text(json.dumps({**facts, "rows": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
