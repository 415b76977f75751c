"""What a trained generator leaves for the tables that say how faithful and how private its records are.

As many records as were learnt from are made, of the same mixture of groups. They are measured as real ones are, and
compared with training records and with held-out ones (validation and test, whom the generator has not seen). Only
numbers are kept: how near, how long, how high.
"""

__all__ = ["prove"]

from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from einthoven.audit import SPACES, Fingerprint
from einthoven.evaluation.fidelity import crowds
from einthoven.generators import Generator
from einthoven.pipeline.cohort import Cohort
from einthoven.pipeline.emitting import emitted
from einthoven.pipeline.learning import of_class, part_of
from einthoven.pipeline.task import Task, write_json
from einthoven.records.ecg import ECG
from einthoven.records.leads import TWELVE, derive
from einthoven.records.writing import replacing
from einthoven.signals.features import features
from einthoven.signals.intervals import intervals

_MOST = 2000  # records of a kind
_MEASURED = 600  # of which intervals are measured, and features for the embedding
_COMPONENTS = 24
_INTERVALS = {"rate_bpm": ("rate_bpm", 1.0), "pr_ms": ("pr_s", 1e3), "qrs_ms": ("qrs_s", 1e3), "qt_ms": ("qt_s", 1e3)}
_HEIGHTS = ("II", "V2", "V5")


def prove(task: Task, cohort: Cohort, generator: Generator, train: Int[np.ndarray, " train"]) -> None:
    """Writes `real.parquet`, `made.parquet`, `measured.parquet` and `crowds.json` into the folder of a cell.

    Arguments:
        task: The cell.
        cohort: The records.
        generator: Trained.
        train: The records that it has learnt from.
    """

    apart = [part_of(task.cell, cohort, part) for part in ("validation", "test")]
    held = of_class(cohort, np.concatenate(apart))
    rng = np.random.default_rng([task.cell.seed, 0x9A0])
    train, held = (rng.permutation(rows)[:_MOST] for rows in (train, held))
    wanted = np.nan_to_num(cohort.y[train])
    how: dict[str, Any] = {"seed": task.cell.seed, "unit": task.experiment.unit, "device": task.device}
    made = emitted(generator, wanted, numbers=range(len(train)), **how)
    _near(task, cohort, made, train, held)
    shown = [rows[:_MEASURED] for rows in (held, train)]
    signals = [*(_signals(task, cohort, rows) for rows in shown), made[:_MEASURED]]
    targets = [*(cohort.y[rows] for rows in shown), wanted[:_MEASURED]]
    patients = [*(cohort.table["patient_id"].to_numpy()[rows] for rows in shown), np.full(len(signals[2]), None)]
    kinds = ("real", "other", task.cell.arm.name)
    frames = [_measured(task, cohort, *each) for each in zip(kinds, signals, targets, patients, strict=True)]
    with replacing(task.folder / "measured.parquet") as scratch:
        pd.concat(frames, ignore_index=True).to_parquet(scratch, index=False)
    real, other, synthetic = (_features(each, task.experiment.rate_hz) for each in signals)
    write_json(task.folder / "crowds.json", crowds(*_components(real, synthetic, other)))


def _signals(task: Task, cohort: Cohort, rows: Int[np.ndarray, " record"]) -> Float[np.ndarray, "record lead time"]:
    """Twelve leads of real records, prepared as the generator saw them."""
    experiment = task.experiment
    return derive(cohort.signals.batch(cohort.rows[rows], experiment.samples), experiment.leads, TWELVE)


def _near(
    task: Task,
    cohort: Cohort,
    made: Float[np.ndarray, "record lead time"],
    train: Int[np.ndarray, " train"],
    held: Int[np.ndarray, " held"],
) -> None:
    """How near real records come to synthetic ones, and synthetic ones to as many real ones of either kind."""
    experiment, prints = task.experiment, cohort.signals.fingerprints()
    ours = [Fingerprint.of(ECG(one, experiment.unit, experiment.rate_hz, TWELVE)) for one in made]
    learnt, apart = ([prints[row] for row in cohort.rows[rows]] for rows in (train, held))
    both, count = np.concatenate([train, held]), min(len(train), len(held))
    table = cohort.table.iloc[both]
    known = {"record": table["record_id"].to_numpy(), "patient": table["patient_id"].to_numpy()}
    known["member"] = np.arange(len(both)) < len(train)
    real, synthetic = [], []
    numbers = [str(number) for number in range(len(made))]
    for name, space in SPACES.items():
        mine, seen, unseen = (space.prepare(each) for each in (ours, learnt, apart))
        near = np.concatenate([space.near(seen, mine), space.near(unseen, mine)])
        real.append(pd.DataFrame({**known, "space": name, "near": near}))
        sides = {"near_training": space.near(mine, seen[:count]), "near_held_out": space.near(mine, unseen[:count])}
        synthetic.append(pd.DataFrame({"record": numbers, "space": name, **sides}))
    for name, frames in (("real", real), ("made", synthetic)):
        with replacing(task.folder / f"{name}.parquet") as scratch:
            pd.concat(frames, ignore_index=True).to_parquet(scratch, index=False)


def _measured(
    task: Task,
    cohort: Cohort,
    kind: str,
    signals: Float[np.ndarray, "record lead time"],
    y: Float[np.ndarray, "record class"],
    patients: np.ndarray,
) -> pd.DataFrame:
    """Rate and intervals, in mV axis and heights too; a row for each group that a record is of."""
    rows = []
    for place, signal in enumerate(signals):
        found = intervals(signal, task.experiment.rate_hz, TWELVE)
        values = {name: found[source] * scale for name, (source, scale) in _INTERVALS.items()}
        if task.experiment.unit == "mV":
            values["axis_deg"] = found["axis_deg"]
            values |= {f"height_{lead}_mv": float(np.ptp(signal[TWELVE.index(lead)])) for lead in _HEIGHTS}
        who = {"record": f"{kind} {place}", "patient": patients[place]}
        groups = [code for code, truth in zip(cohort.classes, y[place], strict=True) if truth == 1]
        rows += [{**who, "group": group, "kind": kind, **values} for group in groups]
    return pd.DataFrame(rows)


def _features(signals: Float[np.ndarray, "record lead time"], rate_hz: float) -> Float[np.ndarray, "record feature"]:
    return np.stack([features(signal, rate_hz) for signal in signals]).astype(np.float64)


def _components(*clouds: np.ndarray) -> list[np.ndarray]:
    """Hand-made features as few numbers of deviation 1, by what the first and the last cloud, both real, vary in."""
    real = pd.DataFrame(np.concatenate([clouds[0], clouds[-1]]))
    centre = real.median().fillna(0).to_numpy()
    spread = (real.quantile(0.75) - real.quantile(0.25)).fillna(0).clip(lower=1e-6).to_numpy()
    scaled = [np.clip(np.nan_to_num((cloud - centre) / spread), -5, 5) for cloud in clouds]
    whole = np.concatenate([scaled[0], scaled[-1]])
    mean = whole.mean(axis=0)
    _, deviation, directions = np.linalg.svd((whole - mean) / np.sqrt(len(whole)), full_matrices=False)
    kept = directions[:_COMPONENTS].T / deviation[:_COMPONENTS]
    return [(cloud - mean) @ kept for cloud in scaled]
