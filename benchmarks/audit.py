"""What the search for one recording under two names finds, misses and costs.

    python benchmarks/audit.py changes --data DIR     recall by what was done to the copy
    python benchmarks/audit.py real --data DIR        every pair in six real corpora, ids hidden
    python benchmarks/audit.py gap --data DIR         what people on both sides do to a figure
    python benchmarks/audit.py speed                  simulated records with planted copies, beside all pairs in BLAS

Each prints a table; `--out FILE.json` keeps the figures, under the name of the part.
"""

import argparse
import itertools
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
import pandas as pd
from scipy.signal import butter, sosfilt
from scipy.stats import beta
from tqdm import tqdm

from einthoven import datasets, splits
from einthoven.audit import find_pairs
from einthoven.datasets.simulated import Simulated
from einthoven.evaluation.bootstrap import clusters, resampled
from einthoven.metrics.auroc import auroc
from einthoven.models import Shape
from einthoven.models.boosting import Boosting
from einthoven.records.ecg import ECG
from einthoven.records.leads import EIGHT
from einthoven.records.preparation import Preparation
from einthoven.signals.bandpass import bandpass
from einthoven.signals.centre import centre
from einthoven.signals.standardise import standardise
from einthoven.store import Fingerprint

SEED = 20261121  # not used while the search was developed; nor were LUDB and CPSC2018 used for its recall
Change = Callable[[ECG, np.random.Generator], ECG]


def interval(hits: int, of: int) -> tuple[float, float]:
    """The exact 95 % interval of a share (Clopper and Pearson 1934)."""
    low = beta.ppf(0.025, hits, of - hits + 1) if hits else 0.0
    high = beta.ppf(0.975, hits + 1, of - hits) if hits < of else 1.0
    return float(low), float(high)


def certain(pairs: pd.DataFrame) -> pd.DataFrame:
    """Without those that are too regular to tell."""
    return pairs[pairs["certain"].astype(bool)].drop(columns="certain").reset_index(drop=True)


# What is done to a copy


def rate(hz: float) -> Change:
    return lambda ecg, rng: ecg.resample(hz)


def gain(factor: float) -> Change:
    return lambda ecg, rng: ecg.replace(signal=ecg.signal * np.float32(factor))


def upside_down(leads: int) -> Change:
    def change(ecg: ECG, rng: np.random.Generator) -> ECG:
        signal = ecg.signal.copy()
        signal[rng.permutation(len(signal))[:leads]] *= -1
        return ecg.replace(signal=signal)

    return change


def band(ecg: ECG, rng: np.random.Generator) -> ECG:
    return ecg.replace(signal=bandpass(ecg.signal, ecg.rate_hz, 0.5, min(40.0, 0.45 * ecg.rate_hz)))


def one_way(order: int) -> Change:
    def change(ecg: ECG, rng: np.random.Generator) -> ECG:
        sections = butter(order, (0.5, min(40.0, 0.45 * ecg.rate_hz)), "bandpass", fs=ecg.rate_hz, output="sos")
        return ecg.replace(signal=sosfilt(sections, ecg.signal, axis=1).astype(np.float32))

    return change


def z_score(ecg: ECG, rng: np.random.Generator) -> ECG:
    return ecg.replace(signal=standardise(ecg.signal), unit="z")


def rounded(step: float) -> Change:
    def change(ecg: ECG, rng: np.random.Generator) -> ECG:
        size = step * np.abs(ecg.signal).max() / 2.0  # as a step of so many mV in a record that reaches 2 mV
        return ecg.replace(signal=(np.round(ecg.signal / size) * size).astype(np.float32))

    return change


def cut(kept: float) -> Change:
    def change(ecg: ECG, rng: np.random.Generator) -> ECG:
        length = round(kept * ecg.signal.shape[1])
        start = int(rng.integers(0, ecg.signal.shape[1] - length + 1))
        return ecg.replace(signal=ecg.signal[:, start : start + length])

    return change


def shifted(share: float) -> Change:
    def change(ecg: ECG, rng: np.random.Generator) -> ECG:
        late = round(share * ecg.signal.shape[1])
        return ecg.replace(signal=np.pad(ecg.signal[:, late:], ((0, 0), (0, late))))

    return change


def leads(*names: str) -> Change:
    return lambda ecg, rng: ecg.select([name for name in names if name in ecg.leads] or ecg.leads[:1])


def noise(decibel: float) -> Change:
    def change(ecg: ECG, rng: np.random.Generator) -> ECG:
        level = ecg.signal.std(axis=1, keepdims=True) * 10 ** (-decibel / 20)
        return ecg.replace(signal=(ecg.signal + level * rng.standard_normal(ecg.signal.shape)).astype(np.float32))

    return change


CHANGES: dict[str, dict[str, Change]] = {
    "rate": {f"{hz} Hz": rate(hz) for hz in (100, 128, 250, 257, 360, 1000)},
    "gain or unit": {f"× {factor:g}": gain(factor) for factor in (0.1, 10, 1000)},
    "upside down": {"one lead": upside_down(1), "three leads": upside_down(3), "all": upside_down(12)},
    "band-pass": {"0.5–40 Hz": band},
    "z-score": {"per lead": z_score},
    "rounding": {"1 µV": rounded(0.001), "5 µV": rounded(0.005), "20 µV": rounded(0.02)},
    "cut": {"to 90 %": cut(0.9), "to 75 %": cut(0.75), "to 50 %": cut(0.5)},
    "shift": {"by 10 %": shifted(0.1), "by 25 %": shifted(0.25), "by 50 %": shifted(0.5)},
    "leads": {"I, II, V5": leads("I", "II", "V5"), "II": leads("II"), "V1": leads("V1"), "aVR": leads("aVR")},
    "white noise": {"40 dB": noise(40), "30 dB": noise(30), "20 dB": noise(20)},
}
STRONGEST = {kind: list(strengths)[-1] for kind, strengths in CHANGES.items()} | {
    "rate": "100 Hz",
    "gain or unit": "× 0.1",
}
BEYOND: dict[str, Change] = {
    "white noise 10 dB": noise(10),
    "cut to 40 %": cut(0.4),
    "one-way band-pass 0.5–40 Hz, order 2": one_way(2),
    "one-way band-pass 0.5–40 Hz, order 4": one_way(4),
    "cut to 50 %, then shift by 50 %": lambda ecg, rng: shifted(0.5)(cut(0.5)(ecg, rng), rng),
}


def changes(options: argparse.Namespace) -> dict[str, Any]:
    """Recall by what was done to the copy, each copy looked for among all originals."""
    names = {"ludb": {}, "cinc2021": {"sources": "CPSC2018"}}
    originals = [filled(ecg) for name, more in names.items() for ecg in real(options.data, name, **more)]
    prints = [Fingerprint.of(ecg) for ecg in originals]
    rng = np.random.default_rng(SEED if options.seed is None else options.seed)
    plans: list[tuple[str, str, list[Change]]] = [
        ("alone", f"{kind}: {name}", [change]) for kind, each in CHANGES.items() for name, change in each.items()
    ]
    for one, two in itertools.combinations(CHANGES, 2):
        if {one, two} == {"cut", "shift"}:  # which leaves a quarter, and stands among what is not promised
            continue
        both = [CHANGES[kind][STRONGEST[kind]] for kind in (one, two)]
        plans.append(("in pairs", f"{one} {STRONGEST[one]} + {two} {STRONGEST[two]}", both))
    plans += [("beyond", name, [change]) for name, change in BEYOND.items()]
    rows = []
    for kind, name, steps in tqdm(plans, unit="change"):
        step = 1 if kind != "in pairs" else 3
        asked = range(0, len(originals), step)
        copies = []
        for i in asked:
            ecg = originals[i]
            for change in steps:
                ecg = change(ecg, rng)
            copies.append(Fingerprint.of(ecg))
        found = certain(find_pairs([*prints, *copies])[0])
        right = {(i, len(prints) + j) for j, i in enumerate(asked)}
        hits = found[[pair in right for pair in zip(found["first"], found["second"], strict=True)]]
        wrong = len(found) - len(hits)
        low, high = interval(len(hits), len(asked))
        least = float(hits["likeness"].min()) if len(hits) else float("nan")
        rows.append({"set": kind, "change": name, "copies": len(asked), "found": len(hits), "low": low, "high": high,
                     "least_likeness": least, "other_pairs": wrong})  # fmt: skip
    table = pd.DataFrame(rows)
    show(table)
    for kind, part in table.groupby("set"):
        print(f"{kind}: {part['found'].sum()} of {part['copies'].sum()} copies found")
    return {"seed": SEED if options.seed is None else options.seed, "records": len(originals), "rows": rows}


# Real corpora

FOLDERS = {
    "ptbxl": "ptbxl",
    "arrays": "ptbxl-zscored",
    "cinc2021": "cinc2021",
    "ludb": "ludb",
    "cinc2011": "cinc2011",
    "lead1_562": "lead1-562",
}


def real(root: Path, name: str, **more: Any) -> Iterator[ECG]:
    """The recordings of a corpus that can be read."""
    source = datasets.get(name, root / FOLDERS[name], **more)
    for record in tqdm(source.table()["record_id"], desc=name, unit="ECG", leave=False):
        try:
            yield source.read(record)
        except (ValueError, OSError) as error:
            tqdm.write(f"{record} cannot be read: {error}")


def filled(ecg: ECG) -> ECG:
    """The recording with its missing samples bridged, as every model sees it."""
    return Preparation(ecg.rate_hz, "z" if ecg.unit == "z" else "mV", None, ecg.leads, 1.0)(ecg)


def hidden(options: argparse.Namespace) -> dict[str, Any]:
    """Every pair in the real corpora, found without ids, and what the ids say of it."""
    who, prints, ecgs = [], [], []
    for name in FOLDERS:
        for ecg in real(options.data, name):
            who.append({"corpus": name, "record": ecg.record_id, "patient": ecg.patient_id, "leads": len(ecg.leads)})
            prints.append(Fingerprint.of(ecg))
            ecgs.append(ecg)
    began = time.perf_counter()
    found, looked = find_pairs(prints)
    seconds = time.perf_counter() - began
    table = pd.DataFrame(who)
    one, other = (table.iloc[found[name]].reset_index(drop=True) for name in ("first", "second"))
    found = found.assign(record=one["record"], other=other["record"], corpora=one["corpus"] + " and " + other["corpus"])
    known = one["patient"].notna() & other["patient"].notna()
    found["ids"] = np.select(
        [one["record"] == other["record"], known & (one["patient"] == other["patient"]), known],
        ["one record", "one patient", "two patients"],
        "unknown",
    )
    pairs = zip(found["first"], found["second"], strict=True)
    found["same_samples"] = [same_samples(ecgs[a], ecgs[b]) for a, b in pairs]
    keys = ["corpora", "ids", "certain", "same_samples"]
    show(found.groupby(keys).agg(pairs=("likeness", "size"), least=("likeness", "min")).reset_index())
    alone = found["corpora"] == "lead1_562 and lead1_562"
    columns = ["record", "other", "ids", "certain", "same_samples", "likeness", "shift_s", "shared_s", "leads"]
    show(found[(found["ids"] != "one record") & ~(alone & (found["ids"] == "one patient"))][columns])
    facts: dict[str, Any] = {"seconds": seconds, "records": len(prints), "compared": int(looked.sum())}
    for words, leads, owner in (("twelve leads", 12, "record"), ("lead I", 1, "patient")):
        mine = table[(table["leads"] == leads) & looked]
        same = mine.groupby(owner).size()
        apart = len(mine) * (len(mine) - 1) // 2 - int((same * (same - 1) // 2).sum())
        facts[words] = {"pairs": apart, "at_most_if_none": interval(0, apart)[1]}
        bound = interval(0, apart)[1]
        print(
            f"{words}: {apart} pairs of different {owner}s; with none called one recording wrongly, at most {bound:.2g}"
        )
    return facts | {"pairs": found.drop(columns=["first", "second"]).to_dict("records")}


def same_samples(one: ECG, other: ECG) -> bool:
    """Whether two records hold the same numbers where both have a lead."""
    leads = [name for name in one.leads if name in other.leads]
    a, b = (ecg.signal[[ecg.leads.index(name) for name in leads]] for ecg in (one, other))
    return a.shape == b.shape and one.rate_hz == other.rate_hz and bool(np.array_equal(a, b, equal_nan=True))


# The gap


def gap(options: argparse.Namespace) -> dict[str, Any]:
    """Boosting on hand-made features of lead I tells women from men, with people on both sides and without."""
    source = datasets.get("lead1_562", options.data / FOLDERS["lead1_562"])
    table = source.table()
    signals = np.stack([source.read(name).signal for name in tqdm(table["record_id"], unit="ECG", leave=False)])
    truth = table["sex"].eq("female").to_numpy(dtype=float)
    shape = Shape(1, signals.shape[2], 125.0, 1)
    answers = {}
    for name in ("by_patient", "by_example"):
        answers[name] = np.empty(len(table))
        for fold in tqdm(range(1, 11), desc=name, unit="fold", leave=False):
            part = splits.split(name, table, truth[:, None], test_fold=fold)
            train, test = (np.flatnonzero(part == side) for side in ("train", "test"))
            model = Boosting(shape, seed=0)
            model.fit(signals[train], truth[train, None])
            answers[name][test] = model.predict(signals[test])[:, 0]
    cluster = clusters(table.set_index("record_id")["patient_id"])
    weights = resampled(cluster, 1000, 0)
    found = {name: np.asarray(auroc(truth, answer, weights)) for name, answer in answers.items()}
    found["difference"] = found["by_example"] - found["by_patient"]
    rows = []
    for name, values in found.items():
        low, high = np.quantile(values[1:], (0.025, 0.975))
        rows.append({"split": name, "auroc": float(values[0]), "low": float(low), "high": float(high)})
    show(pd.DataFrame(rows))
    return {"rows": rows, "records": len(table), "patients": int(table["patient_id"].nunique())}


# Speed


def simulated(options: argparse.Namespace, count: int, folder: Path) -> None:
    """Simulated records and altered copies of some: fingerprints for us, 8 × 1000 samples for BLAS."""
    source = Simulated(count, visits=(1, 1), rate_hz=100.0, seed=7)
    rng = np.random.default_rng(SEED)
    of = rng.permutation(count)[: max(20, count // 100)]
    prints, rows, seconds = [], np.zeros((count + len(of), 8000), dtype=np.float32), 0.0
    ids = source.table()["record_id"].tolist()
    for i in tqdm([*range(count), *of], desc="simulate", unit="ECG"):
        ecg = source.read(ids[i])
        if len(prints) >= count:
            for k in drawn(rng, 1 + len(prints) % 2):  # one change and two in turn
                ecg = CHANGES[k][STRONGEST[k]](ecg, rng)
        began = time.perf_counter()
        prints.append(Fingerprint.of(ecg))
        seconds += time.perf_counter() - began
        if count <= options.blas:
            rows[len(prints) - 1] = flat(ecg)
    lengths = np.array([one.samples.shape for one in prints])
    np.savez(folder / "prints.npz", shapes=lengths, leads=np.array([" ".join(p.leads) for p in prints]), of=of,
             flat=np.concatenate([p.samples.ravel() for p in prints]), seconds=seconds)  # fmt: skip
    if count <= options.blas:
        np.save(folder / "rows.npy", rows)


def drawn(rng: np.random.Generator, count: int) -> list[str]:
    """So many kinds of change, but not a cut and a shift together."""
    while True:
        kinds = [str(kind) for kind in rng.permutation(list(CHANGES))[:count]]
        if not {"cut", "shift"} <= set(kinds):
            return kinds


def flat(ecg: ECG) -> np.ndarray:
    """What all pairs are compared by: eight leads of 10 s at 100 Hz, each of mean 0 and deviation 1; zeros for none."""
    out = np.zeros((8, 1000), dtype=np.float32)
    ecg = ecg.resample(100.0)
    for i, name in enumerate(EIGHT):
        if name in ecg.leads:
            out[i] = centre(standardise(ecg.signal[[ecg.leads.index(name)]]), 1000)[0]
    return out.ravel() / max(float(np.linalg.norm(out)), 1e-6)


def search(folder: Path) -> pd.DataFrame:
    """Our search."""
    kept = np.load(folder / "prints.npz", allow_pickle=False)
    ends = np.cumsum(kept["shapes"].prod(axis=1))
    parts = np.split(kept["flat"], ends[:-1])
    prints = [
        Fingerprint(tuple(str(names).split()), part.reshape(shape))
        for names, part, shape in zip(kept["leads"], parts, kept["shapes"], strict=True)
    ]
    return certain(find_pairs(prints)[0])[["first", "second"]]


def blas(folder: Path) -> pd.DataFrame:
    """All pairs, block by block, by absolute correlation."""
    rows, found = np.load(folder / "rows.npy"), []
    for i in range(0, len(rows), 2000):
        for j in range(i, len(rows), 2000):
            a, b = np.nonzero(np.abs(rows[i : i + 2000] @ rows[j : j + 2000].T) >= 0.95)
            keep = a + i < b + j
            found.append(np.stack([a[keep] + i, b[keep] + j], axis=1))
    return pd.DataFrame(np.concatenate(found), columns=["first", "second"])


def worker(options: argparse.Namespace) -> dict[str, Any]:
    """One method in a process of its own, so that its memory can be told."""
    began, cpu = time.perf_counter(), time.process_time()
    found = {"search": search, "blas": blas}[options.method](options.folder)
    spent = {"seconds": time.perf_counter() - began, "cpu_seconds": time.process_time() - cpu}
    of = np.load(options.folder / "prints.npz")["of"]
    count = len(np.load(options.folder / "prints.npz")["leads"]) - len(of)
    right = set(zip(of.tolist(), range(count, count + len(of)), strict=True))
    hits = len(right & set(zip(found["first"], found["second"], strict=True)))
    peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    gib = int(peak.split()[1]) / 2**20  # which begins anew with the program, as what getrusage gives does not
    return {**spent, "planted": len(of), "found": hits, "other": len(found) - hits, "gib": gib}


def speed(options: argparse.Namespace) -> dict[str, Any]:
    """Recall, precision, seconds and memory on simulated records with planted copies."""
    rows = []
    for count in options.records:
        with tempfile.TemporaryDirectory() as name:
            simulated(options, count, Path(name))
            made = float(np.load(Path(name) / "prints.npz")["seconds"])
            for method in ("search", "blas") if count <= options.blas else ("search",):
                command = [
                    sys.executable,
                    __file__,
                    "worker",
                    "--method",
                    method,
                    "--folder",
                    name,
                    "--out",
                    f"{name}/{method}",
                ]
                subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
                result = json.loads(Path(f"{name}/{method}").read_text())["worker"]
                result.pop("machine")
                rows.append({"records": count, "method": method, "fingerprints_s": made, **result})
                tqdm.write(str(rows[-1]))
    show(pd.DataFrame(rows))
    return {"rows": rows}


def show(table: pd.DataFrame) -> None:
    """A table as Markdown."""
    print("| " + " | ".join(map(str, table.columns)) + " |\n|" + "---|" * table.shape[1])
    for row in table.itertuples(index=False):
        print("| " + " | ".join(f"{value:.4g}" if isinstance(value, float) else str(value) for value in row) + " |")
    print()


def main() -> None:
    """Runs a part."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=sorted(PARTS))
    parser.add_argument("--data", type=Path, help="the folder of the corpora")
    parser.add_argument("--seed", type=int, help="of the changes; by default one that was not used before")
    parser.add_argument("--records", type=int, nargs="+", default=[2000, 20000], help="of `speed`")
    parser.add_argument("--blas", type=int, default=20000, help="the most records that BLAS compares, all with all")
    parser.add_argument("--method", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help="a JSON file that keeps the figures")
    options = parser.parse_args()
    facts = PARTS[options.part](options)
    facts["machine"] = {"cores": os.cpu_count(), "system": platform.platform(), "numpy": np.__version__}
    if options.out:
        before = json.loads(options.out.read_text()) if options.out.exists() else {}
        options.out.write_text(json.dumps(before | {options.part: facts}, indent=1, default=str) + "\n")


PARTS = {"changes": changes, "gap": gap, "real": hidden, "speed": speed, "worker": worker}

if __name__ == "__main__":
    main()
