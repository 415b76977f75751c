"""How often a 95 % interval over patients holds the truth, where a rare class lies in few of them, as in MIT-BIH.

Patients are drawn from a made-up population: some 2000 beats of N each, numbers of S and V that are log-normal, so that
one patient may hold most of a class, and for each patient a sensitivity of his own. The truth is that of 400 000. Of
each sample the patients are resampled as `evaluation.beats` does. An interval that keeps its word covers 95 of 100.

    python benchmarks/coverage.py [--out coverage.json]
"""

import argparse
import json
from pathlib import Path

import numpy as np

from einthoven.evaluation._ec57 import by_class, macro_f1, overall
from einthoven.evaluation.bootstrap import interval, resampled

CLASSES = ("N", "S", "V")
FIGURES = ("sensitivity of S", "F1 of S", "macro F1", "accuracy", "jκ")
SAMPLES, RESAMPLES = 400, 500
# Log-normal numbers of beats, and beta-distributed sensitivities, of S and V.
COUNTS, MOST = ((2.0, 2.2), (3.0, 2.0)), (1500, 1200)
FOUND = ((30.0, 1.5), (1.5, 1.5), (5.0, 1.2))
TO_FIRST = 0.6  # of missed beats, the share that is called the first of the other classes


def people(rng: np.random.Generator, count: int) -> np.ndarray:
    """Matrices of so many patients: the true class by the class that was said."""

    beats = [rng.integers(1500, 2600, count)]
    beats += [np.minimum(np.exp(rng.normal(*c, count)), m).astype(int) for c, m in zip(COUNTS, MOST, strict=True)]
    out = np.zeros((count, 3, 3))
    for true, (total, found) in enumerate(zip(beats, FOUND, strict=True)):
        hit = rng.binomial(total, rng.beta(*found, count))
        first, second = (k for k in range(3) if k != true)
        aside = rng.binomial(total - hit, TO_FIRST)
        out[:, true, true], out[:, true, first], out[:, true, second] = hit, aside, total - hit - aside
    return out


def figures(matrices: np.ndarray) -> np.ndarray:
    """One row a figure, one column a matrix."""

    of_class, of_all = by_class(matrices, CLASSES), overall(matrices, CLASSES)
    macro = macro_f1(of_class["f1"], CLASSES)
    return np.stack([of_class["sensitivity"][:, 1], of_class["f1"][:, 1], macro, of_all["accuracy"], of_all["jk"]])


def main() -> None:
    """Measures, prints a Markdown table, and writes it as JSON."""

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="where to write the numbers as JSON")
    options = parser.parse_args()
    rng = np.random.default_rng(1)
    truth = figures(people(rng, 400_000).sum(axis=0)[None])[:, 0]
    print(f"Coverage of {SAMPLES} intervals of 95 %.\n")
    print(f"| patients | {' | '.join(FIGURES)} |\n|---|" + "---|" * len(FIGURES))
    rows = []
    for count in (22, 44, 100):
        held = np.zeros(len(FIGURES))
        for sample in range(SAMPLES):
            weights = resampled(np.arange(count), RESAMPLES, sample).astype(np.float64)
            drawn = (weights.T @ people(rng, count).reshape(count, -1)).reshape(-1, 3, 3)
            spans = [interval(values[1:]) for values in figures(drawn)]
            held += [span.low <= value <= span.high for span, value in zip(spans, truth, strict=True)]
        print(f"| {count} | {' | '.join(f'{share:.2f}' for share in held / SAMPLES)} |", flush=True)
        rows.append({"patients": count, **dict(zip(FIGURES, held / SAMPLES, strict=True))})
    if options.out:
        options.out.write_text(json.dumps({"samples": SAMPLES, "resamples": RESAMPLES, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
