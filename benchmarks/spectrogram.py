"""Fourier and wavelet images of beats and recordings, beside SciPy, on the same noise in one run.

SciPy draws a Fourier image in three ways: `ShortTimeFFT` with the transform lengthened by zeros until its bins are our
rows, `scipy.fft.rfft` on windows cut by hand, which are the same pixels, and `ShortTimeFFT` at its plain bins, brought
to the image's height afterwards, as is usual. All of them end in decibels. A wavelet image has no peer in SciPy since
`cwt` was taken out, so there the peer is the formula in NumPy with SciPy's FFT: every row at every sample, then the
mean of each column. SciPy's FFT gets as many workers as PyTorch gets threads. Rounds of all of them alternate, so that
a busy machine slows all. The difference is the largest one of power, as a share of the largest power.

    python benchmarks/spectrogram.py [--out spectrogram.json]
"""

import argparse
import json
import platform
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import scipy
import torch
from scipy.signal import ShortTimeFFT
from scipy.signal.windows import hann
from torch.nn.functional import interpolate

from einthoven.signals.scalogram import scalogram
from einthoven.signals.spectrogram import spectrogram

# Name, signals (batch, leads, samples), Hz, samples a window, samples a column, samples a transform.
CASES = (
    ("beats, 325 samples", (128, 2, 325), 360, 72, 5, 576),
    ("recordings, 5000 samples", (4, 12, 5000), 500, 250, 25, 500),
)
ROWS, ROUNDS = 64, 9
FLOOR = 1e-6
Draw = Callable[[], np.ndarray]


def fourier(x: np.ndarray, rate_hz: float, taps: int, hop: int, length: int) -> dict[str, Draw]:
    """Ours, and SciPy in three ways; the rows are the bins 1 to 64 of a transform of `length`."""

    width, pad = x.shape[-1] // hop, -(-taps // hop) * hop
    band = (0.5 * rate_hz / length, (ROWS + 0.5) * rate_hz / length)
    signals = torch.from_numpy(x)

    def ours() -> np.ndarray:
        options = {"window_s": taps / rate_hz, "hop_s": hop / rate_hz, "band_hz": band, "size": (ROWS, width)}
        return spectrogram(signals, rate_hz, **options).numpy()

    long = np.pad(x, [(0, 0), (0, 0), (pad, pad)], mode="symmetric")[..., (hop - 1) // 2 :]
    window = hann(taps, sym=False).astype(np.float32)

    def short_time(mfft: int, rows: int) -> np.ndarray:
        # Zeros around the window, since `mfft` takes a single signal only (SciPy 1.17).
        lengthened = np.pad(window, (mfft - taps) // 2)
        peer = ShortTimeFFT(lengthened, hop, rate_hz, scale_to="magnitude")
        out = peer.stft(long, p0=pad // hop, p1=pad // hop + width)[..., 1 : rows + 1, :]
        return (out.real**2 + out.imag**2).astype(np.float32)

    def same() -> np.ndarray:
        return 10 * np.log10(short_time(length, ROWS) + np.float32(FLOOR))

    def by_hand() -> np.ndarray:
        views = np.lib.stride_tricks.sliding_window_view(long[..., pad - taps // 2 :], taps, axis=-1)
        pieces = views[:, :, : width * hop : hop] * (window / window.sum())
        out = scipy.fft.rfft(pieces, length)[..., 1 : ROWS + 1].swapaxes(-1, -2)
        return 10 * np.log10(out.real**2 + out.imag**2 + np.float32(FLOOR))

    def resized() -> np.ndarray:
        power = torch.from_numpy(short_time(taps, max(1, ROWS * taps // length)))
        return 10 * np.log10(interpolate(power, size=(ROWS, width), mode="bilinear").numpy() + np.float32(FLOOR))

    return {
        "Einthoven": ours,
        "ShortTimeFFT, the same pixels": same,
        "scipy.fft.rfft, the same pixels": by_hand,
        "ShortTimeFFT, resized": resized,
    }


def wavelets(x: np.ndarray, rate_hz: float, hop: int) -> dict[str, Draw]:
    """Ours, and the formula; 64 rows from 2 to 40 Hz."""

    time_, width, (low, high) = x.shape[-1], x.shape[-1] // hop, (2.0, 40.0)
    signals = torch.from_numpy(x)

    def ours() -> np.ndarray:
        return scalogram(signals, rate_hz, band_hz=(low, high), size=(ROWS, width)).numpy()

    def formula() -> np.ndarray:
        spectrum = scipy.fft.fft(np.concatenate([x, x[..., ::-1]], axis=-1))
        frequency = scipy.fft.fftfreq(2 * time_, 1 / rate_hz).astype(np.float32)
        row = low * (high / low) ** ((np.arange(ROWS, dtype=np.float32)[:, None] + 0.5) / ROWS)
        gauss = np.exp(-0.5 * (6 * (frequency / row - 1)) ** 2) * (frequency > 0)
        wave = scipy.fft.ifft(spectrum[..., None, :] * gauss)[..., :time_]
        power = (wave.real**2 + wave.imag**2).reshape(*x.shape[:2], ROWS, width, hop).mean(axis=-1)
        return 10 * np.log10(power + np.float32(FLOOR))

    return {"Einthoven": ours, "NumPy and scipy.fft": formula}


def measure(ways: dict[str, Draw], images: int, threads: int) -> dict[str, float]:
    """Images a second of each way, the median of several rounds."""

    seconds: dict[str, list[float]] = {name: [] for name in ways}
    torch.set_num_threads(threads)
    with scipy.fft.set_workers(threads):
        for round_ in range(ROUNDS + 1):
            for name, draw in ways.items():
                start = time.perf_counter()
                draw()
                if round_:
                    seconds[name].append(time.perf_counter() - start)
    return {name: images / float(np.median(taken)) for name, taken in seconds.items()}


def main() -> None:
    """Measures, prints a Markdown table, and writes it as JSON."""

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="where to write the numbers as JSON")
    options = parser.parse_args()
    rows = []
    print("| image | signals | threads | way | images/s | Einthoven / this | difference |")
    print("|---|---|---|---|---|---|---|")
    for what, shape, rate_hz, taps, hop, length in CASES:
        x = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
        kinds = {"Fourier": fourier(x, rate_hz, taps, hop, length), "wavelet": wavelets(x, rate_hz, hop)}
        for kind, ways in kinds.items():
            power = {name: 10 ** (draw().astype(np.float64) / 10) for name, draw in ways.items()}
            ours = power["Einthoven"]
            gaps = {name: float(abs(theirs - ours).max() / ours.max()) for name, theirs in power.items()}
            size = f"{kind}, {ours.shape[2]} × {ours.shape[3]}"
            for threads in (1, 2):
                rates = measure(ways, shape[0] * shape[1], threads)
                for name, rate in rates.items():
                    row = {"rate": rate, "ratio": rates["Einthoven"] / rate, "difference": gaps[name]}
                    numbers = f"{rate:.0f} | {row['ratio']:.2f} | {row['difference']:.0e}"
                    print(f"| {size} | {what} | {threads} | {name} | {numbers} |", flush=True)
                    rows.append({"image": size, "signals": what, "threads": threads, "way": name, **row})
    if options.out:
        facts = {"torch": torch.__version__, "scipy": scipy.__version__, "machine": platform.machine()}
        options.out.write_text(json.dumps({**facts, "rounds": ROUNDS, "rows": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
