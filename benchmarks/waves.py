"""P, QRS and T of `einthoven.signals.waves` beside those of neurokit2, against the marks of LUDB's cardiologists.

Each of nine fiducials (onset, peak and offset of P, QRS and T) is matched one to one, each to its nearest, within
150 ms, lead by lead. Sensitivity is the share of marks that were found, P+ the share of what was found that is marked;
what lies before a lead's first mark or after its last does not count, since the first and last beats are often
unmarked. The constants of `waves` were chosen on the records with odd numbers: the even ones are the test. Intervals
are over records (1000 resamples). The peer works on each lead for itself, so `waves` is measured that way too. CPU
seconds are those of each process in this run.

    python benchmarks/waves.py --ludb ../data/ludb --peer ../peers/bin/python --out benchmarks/results/waves.json

`--peer` is the Python of an environment that has neurokit2.
"""

import argparse
import json
import platform
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from einthoven import datasets
from einthoven.signals.waves import waves

KINDS, FIDUCIALS = ("P", "QRS", "T"), ("onset", "peak", "offset")
NEAR_S, RATE_HZ, RESAMPLES = 0.150, 500.0, 1000
METHODS = ("dwt", "cwt", "peak")
PARTS = {"even": "even records (held out), 12 leads", "all": "all records, 12 leads", "II": "even records, lead II"}

# Found[kind, fiducial] is an array of samples.
Found = dict[tuple[str, str], Float[np.ndarray, " wave"]]

PEER = """
import json, sys, time, warnings
import numpy as np, neurokit2 as nk
warnings.simplefilter("ignore")
signals, rate, method, failed, out = np.load(sys.argv[1]), float(sys.argv[2]), sys.argv[3], 0, []
start = time.process_time()
for record in signals:
    leads = []
    for lead in record:
        try:
            clean = nk.ecg_clean(lead, sampling_rate=rate)
            peaks = nk.ecg_peaks(clean, sampling_rate=rate)[1]["ECG_R_Peaks"]
            marks = nk.ecg_delineate(clean, peaks, sampling_rate=rate, method=method)[1]
            marks["ECG_R_Peaks"] = peaks
        except Exception:
            marks, failed = {}, failed + 1
        row = {}
        for kind, letter in (("P", "P"), ("QRS", "R"), ("T", "T")):
            for fiducial in ("onset", "peak", "offset"):
                values = np.asarray(marks.get(f"ECG_{letter}_{fiducial.title()}s", []), dtype=float)
                row[f"{kind} {fiducial}"] = values[np.isfinite(values)].tolist()
        leads.append(row)
    out.append(leads)
seconds = time.process_time() - start
json.dump({"version": nk.__version__, "seconds": seconds, "failed": failed, "found": out}, open(sys.argv[4], "w"))
"""


def ours(signals: Float[np.ndarray, "record lead time"], alone: bool) -> tuple[list[list[Found]], float]:
    """What `waves` finds, from all leads together or from each lead alone, and the CPU seconds it took."""

    start, out = time.process_time(), []
    for signal in signals:
        tables = [waves(row[None], RATE_HZ) for row in signal] if alone else [waves(signal, RATE_HZ)] * len(signal)
        leads = []
        for row, table in enumerate(tables):
            mine = {kind: (table.lead == (0 if alone else row)) & (table.kind == kind) for kind in KINDS}
            leads.append({(k, f): getattr(table, f)[mine[k]].astype(float) for k in KINDS for f in FIDUCIALS})
        out.append(leads)
    return out, time.process_time() - start


def peer(python: str, signals: Float[np.ndarray, "record lead time"], method: str) -> tuple[list[list[Found]], Any]:
    """What neurokit2 finds, and its facts."""

    with tempfile.TemporaryDirectory() as folder:
        np.save(Path(folder, "signals.npy"), signals)
        out = Path(folder, "found.json")
        arguments = [python, "-c", PEER, str(Path(folder, "signals.npy")), str(RATE_HZ), method, str(out)]
        subprocess.run(arguments, check=True)
        facts = json.loads(out.read_text())
    made = facts.pop("found")
    found = [
        [{(k, f): np.array(row[f"{k} {f}"]) for k in KINDS for f in FIDUCIALS} for row in record] for record in made
    ]
    return found, facts


def match(
    marks: Float[np.ndarray, " mark"], found: Float[np.ndarray, " wave"], span: tuple[float, float]
) -> tuple[Float[np.ndarray, " pair"], int, int]:
    """Errors in ms of the pairs, and how many marks and waves inside `span` have no partner."""

    free = np.ones(len(found), dtype=bool)
    errors: Float[np.ndarray, " pair"] = np.empty(0)
    if len(marks) and len(found):
        gaps = found - marks[:, None]
        nearest = abs(gaps).argmin(axis=1)
        rows = np.arange(len(marks))
        paired = (abs(gaps).argmin(axis=0)[nearest] == rows) & (abs(gaps[rows, nearest]) <= NEAR_S * RATE_HZ)
        free[nearest[paired]] = False
        errors = 1000 / RATE_HZ * gaps[rows, nearest][paired]
    extra = free & (found >= span[0]) & (found <= span[1])
    return errors, len(marks) - len(errors), int(extra.sum())


def tally(
    marks: list[list[Found]], found: list[list[Found]], kind: str, fiducial: str, leads: list[int]
) -> tuple[Float[np.ndarray, "record 5"], Float[np.ndarray, " pair"]]:
    """For each record: pairs, lone marks, lone waves, sum and sum of squares of the errors; and all errors."""

    counts, everything = np.zeros((len(marks), 5)), []
    for record, (theirs, mine) in enumerate(zip(marks, found, strict=True)):
        for lead in leads:
            known = np.concatenate(list(theirs[lead].values()))
            span = (known.min(), known.max()) if len(known) else (np.inf, -np.inf)
            errors, missed, extra = match(theirs[lead][kind, fiducial], mine[lead][kind, fiducial], span)
            counts[record] += len(errors), missed, extra, errors.sum(), (errors**2).sum()
            everything.append(errors)
    return counts, np.concatenate(everything)


def figures(counts: Float[np.ndarray, "*resample 5"]) -> Float[np.ndarray, "*resample 4"]:
    """Sensitivity and P+ in per cent, mean and standard deviation of the error in ms."""

    pairs, missed, extra, total, squares = np.moveaxis(counts, -1, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = total / pairs
        spread = np.sqrt(np.maximum(squares / pairs - mean**2, 0))
        return np.stack([100 * pairs / (pairs + missed), 100 * pairs / (pairs + extra), mean, spread], axis=-1)


def row_of(counts: Float[np.ndarray, "record 5"], errors: Float[np.ndarray, " pair"]) -> dict[str, Any]:
    """All figures with their intervals; None for what is not defined."""

    rng = np.random.default_rng(0)
    weights = rng.multinomial(len(counts), np.full(len(counts), 1 / len(counts)), RESAMPLES)
    values, drawn = figures(counts.sum(axis=0)), figures(weights @ counts)
    out: dict[str, Any] = {"pairs": int(counts[:, 0].sum())}
    for i, name in enumerate(("sensitivity", "positive_predictivity", "mean_ms", "sd_ms")):
        known = drawn[np.isfinite(drawn[:, i]), i]
        low, high = np.percentile(known, (2.5, 97.5)) if len(known) else (np.nan, np.nan)
        trio = (values[i], low, high)
        out[name] = [round(float(v), 3) for v in trio] if np.isfinite(trio).all() else None
    out["median_absolute_ms"] = float(np.median(abs(errors))) if len(errors) else None
    return out


def cell(row: dict[str, Any]) -> str:
    """One line of a table."""

    if not row["pairs"]:
        return "– | – | – | –"
    (se, se_low, se_high), (pp, pp_low, pp_high) = row["sensitivity"], row["positive_predictivity"]
    mean, (sd, sd_low, sd_high) = row["mean_ms"][0], row["sd_ms"]
    return (
        f"{se:.1f} [{se_low:.1f}, {se_high:.1f}] | {pp:.1f} [{pp_low:.1f}, {pp_high:.1f}] | "
        f"{mean:+.1f} ± {sd:.1f} [{sd_low:.1f}, {sd_high:.1f}] | {row['median_absolute_ms']:.0f}"
    )


def marks_of(corpus: Any, record: str, leads: tuple[str, ...]) -> list[Found]:
    """What the cardiologists marked, by lead."""

    table, out = corpus.marks(record), []
    for lead in leads:
        part = table[table["lead"] == lead]
        out.append(
            {
                (k, f): part.loc[part["wave"] == k, f].dropna().to_numpy(dtype=np.float64)
                for k in KINDS
                for f in FIDUCIALS
            }
        )
    return out


def measure(
    marks: list[list[Found]], found: list[list[Found]], numbers: Int[np.ndarray, " record"], leads: tuple[str, ...]
) -> dict[str, dict[str, Any]]:
    """The figures of each part and fiducial."""

    out: dict[str, dict[str, Any]] = {}
    for part in PARTS:
        chosen = np.arange(len(numbers)) if part == "all" else np.flatnonzero(numbers % 2 == 0)
        rows = [leads.index("II")] if part == "II" else list(range(len(leads)))
        their, mine = [marks[i] for i in chosen], [found[i] for i in chosen]
        out[part] = {f"{k} {f}": row_of(*tally(their, mine, k, f, rows)) for k in KINDS for f in FIDUCIALS}
    return out


def main() -> None:
    """Measures, prints Markdown tables, and writes them as JSON."""

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ludb", type=Path, required=True, help="the folder of LUDB")
    parser.add_argument("--peer", help="a Python that has neurokit2")
    parser.add_argument("--records", type=int, default=200, help="only the first so many")
    parser.add_argument("--out", type=Path, help="where to write the numbers as JSON")
    options = parser.parse_args()
    corpus = datasets.get("ludb", options.ludb)
    names = sorted(corpus.table()["record_id"], key=lambda name: int(name.rpartition(":")[2]))[: options.records]
    numbers = np.array([int(name.rpartition(":")[2]) for name in names])
    ecgs = [corpus.read(name).twelve() for name in names]
    leads, signals = ecgs[0].leads, np.stack([ecg.signal for ecg in ecgs])
    marks = [marks_of(corpus, name, leads) for name in names]
    facts: dict[str, Any] = {"machine": platform.machine(), "records": len(names), "methods": {}}
    for title, alone in (("Einthoven", False), ("Einthoven, each lead alone", True)):
        found, seconds = ours(signals, alone)
        facts["methods"][title] = {"seconds": seconds, **measure(marks, found, numbers, leads)}
    for method in METHODS if options.peer else ():
        found, about = peer(options.peer, signals, method)
        facts["neurokit2"] = about.pop("version")
        facts["methods"][f"neurokit2 {method}"] = {**about, **measure(marks, found, numbers, leads)}
    for part, title in PARTS.items():
        print(f"\n### {title[0].upper()}{title[1:]}\n")
        print(
            "| wave | method | sensitivity % | P+ % | error, mean ± SD, ms | median absolute, ms |\n" + "|---" * 6 + "|"
        )
        for k in KINDS:
            for f in FIDUCIALS:
                for method, rows in facts["methods"].items():
                    print(f"| {k} {f} | {method} | {cell(rows[part][f'{k} {f}'])} |")
    print("\n| method | CPU ms a record of 12 × 5000 | ratio |\n|---|---|---|")
    first = facts["methods"]["Einthoven"]["seconds"]
    for method, rows in facts["methods"].items():
        print(f"| {method} | {1000 * rows['seconds'] / len(names):.0f} | {rows['seconds'] / first:.1f} |")
    if options.out:
        options.out.write_text(json.dumps(facts, indent=1) + "\n")


if __name__ == "__main__":
    main()
