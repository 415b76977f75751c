"""The bootstrap over patients: how fast it is, and whether it is right.

The peer is the usual loop: draw patients, gather their records, call scikit-learn, for every resample and class.
Both do the same draws in the same run, drawing included, and their results are compared number by number. By
default on fewer resamples, on which both are run in full; nothing is extrapolated. `--full` runs the loop on all
of them (minutes).

    python benchmarks/bootstrap.py [--full] [--out bootstrap.json]
"""

import argparse
import json
import platform
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import sklearn
from sklearn.metrics import average_precision_score, roc_auc_score

from einthoven.evaluation.bootstrap import resampled
from einthoven.metrics.auprc import auprc
from einthoven.metrics.auroc import auroc

RECORDS, PATIENTS, CLASSES, RESAMPLES, FEWER = 2198, 1900, 71, 1000, 50
PAIRS = {"auroc": (auroc, roc_auc_score), "auprc": (auprc, average_precision_score)}


def data() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Patients, truths and scores like those of PTB-XL's fold 10: 71 classes, mostly rare; scores with ties."""

    rng = np.random.default_rng(0)
    prevalence = np.clip(np.exp(rng.normal(-4.2, 1.5, CLASSES)), 0.002, 0.45)
    truth = rng.random((RECORDS, CLASSES)) < prevalence
    score = (rng.normal(size=truth.shape) + truth).round(2).astype(np.float32)
    patients = np.concatenate([np.arange(PATIENTS), rng.integers(PATIENTS, size=RECORDS - PATIENTS)])
    return patients, truth, score


def ours(metric: Callable, patients: np.ndarray, truth: np.ndarray, score: np.ndarray, resamples: int) -> np.ndarray:
    """Every resample of every class, one call a class."""

    weights = resampled(patients, resamples, seed=0)[:, 1:]
    return np.stack([metric(truth[:, label], score[:, label], weights) for label in range(CLASSES)])


def loop(metric: Callable, patients: np.ndarray, truth: np.ndarray, score: np.ndarray, resamples: int) -> np.ndarray:
    """The same, one call a class and resample; NaN where scikit-learn has no answer."""

    weights = resampled(patients, resamples, seed=0)[:, 1:].astype(int)
    values = np.full((CLASSES, resamples), np.nan)
    for resample in range(resamples):
        drawn = np.repeat(np.arange(RECORDS), weights[:, resample])
        for label in range(CLASSES):
            picked = truth[drawn, label]
            if picked.any() and not picked.all():
                values[label, resample] = metric(picked, score[drawn, label])
    return values


def timed(function: Callable, *args: object) -> tuple[float, np.ndarray]:
    """Seconds and result of one call."""

    start = time.perf_counter()
    result = function(*args)
    return time.perf_counter() - start, result


def main() -> None:
    """Measures, prints a Markdown table, and writes it as JSON."""

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--full", action="store_true", help=f"run the loop on all {RESAMPLES} resamples (minutes)")
    parser.add_argument("--out", type=Path, help="where to write the numbers as JSON")
    options = parser.parse_args()
    table, rows = data(), []
    print(f"{RECORDS} records of {PATIENTS} patients, {CLASSES} classes\n")
    print("| metric | resamples | scikit-learn loop, s | Einthoven, s | ratio | largest difference |")
    print("|---|---|---|---|---|---|")
    for name, (metric, peer) in PAIRS.items():
        for resamples in (FEWER, RESAMPLES):
            runs = [timed(ours, metric, *table, resamples) for _ in range(3)]
            row = {"metric": name, "resamples": resamples, "ours_s": float(np.median([run[0] for run in runs]))}
            if resamples == FEWER or options.full:
                seconds, expected = timed(loop, peer, *table, resamples)
                # Both leave the same resamples undefined, or this fails.
                np.testing.assert_allclose(runs[0][1], expected, rtol=0, atol=1e-9)
                row |= {"peer_s": seconds, "ratio": seconds / row["ours_s"]}
                row["largest_difference"] = float(np.nanmax(np.abs(runs[0][1] - expected)))
                cells = f"{seconds:.2f} | {row['ours_s']:.3f} | {row['ratio']:.0f} | {row['largest_difference']:.0e}"
            else:
                cells = f"not run | {row['ours_s']:.3f} | – | –"
            print(f"| {name} | {resamples} | {cells} |", flush=True)
            rows.append(row)
    if options.out:
        facts = {"records": RECORDS, "patients": PATIENTS, "classes": CLASSES, "machine": platform.machine()}
        facts |= {"versions": {"numpy": np.__version__, "scikit-learn": sklearn.__version__}}
        options.out.write_text(json.dumps({**facts, "rows": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
