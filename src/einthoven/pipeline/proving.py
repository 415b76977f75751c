"""What a trained generator leaves for the tables that say how faithful and how private its records are.

As many records as were learnt from are made, of the same mixture of groups. They are measured as real ones are, and
compared with training records and with held-out ones (validation and test, whom the generator has not seen). Only
numbers are kept: how near, how long, how high.
"""

__all__ = ["prove"]

from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from einthoven.audit import SPACES, Fingerprint, find_pairs
from einthoven.evaluation.fidelity import crowds
from einthoven.generators import Generator
from einthoven.pipeline.cohort import Cohort
from einthoven.pipeline.emitting import emitted
from einthoven.pipeline.learning import of_class, part_of, twelve_of
from einthoven.pipeline.measuring import embeddings, measured
from einthoven.pipeline.task import Task, write_json
from einthoven.records.ecg import ECG
from einthoven.records.leads import TWELVE
from einthoven.records.writing import replacing

_MOST = 2000  # records of a kind
_MEASURED = 600  # of which intervals are measured, and features for the embedding
_COMPONENTS = 24


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
    wanted = cohort.wanted(train)
    how: dict[str, Any] = {"seed": task.cell.seed, "unit": task.experiment.unit, "device": task.device}
    made = emitted(generator, wanted, numbers=range(len(train)), **how)
    _near(task, cohort, made, train, held)
    shown = [rows[:_MEASURED] for rows in (held, train)]
    signals = [*(twelve_of(task.experiment, cohort, rows) for rows in shown), made[:_MEASURED]]
    targets = [*(cohort.wanted(rows) for rows in shown), wanted[:_MEASURED]]
    patients = [*(cohort.table["patient_id"].to_numpy()[rows] for rows in shown), np.full(len(signals[2]), None)]
    kinds = ("real", "other", task.cell.arm.name)
    frames = [_by_group(task, cohort, *each) for each in zip(kinds, signals, targets, patients, strict=True)]
    with replacing(task.folder / "measured.parquet") as scratch:
        pd.concat(frames, ignore_index=True).to_parquet(scratch, index=False)
    found = []
    for name, embed in embeddings(task.experiment).items():
        real, other, synthetic = (embed(each) for each in signals)
        found.append({"embedding": name, **crowds(*_components(real, synthetic, other))})
    write_json(task.folder / "crowds.json", found)


def _by_group(
    task: Task,
    cohort: Cohort,
    kind: str,
    signals: Float[np.ndarray, "record lead time"],
    y: Float[np.ndarray, "record group"],
    patients: np.ndarray,
) -> pd.DataFrame:
    """What is measured; a row for each group that a record is of."""
    table = measured(signals, task.experiment.rate_hz, task.experiment.unit)
    table.insert(0, "record", [f"{kind} {place}" for place in range(len(table))])
    table.insert(1, "patient", patients)
    table["kind"] = kind
    parts = [table[column == 1].assign(group=code) for code, column in zip(cohort.groups, y.T, strict=True)]
    return pd.concat(parts, ignore_index=True)


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
    copied = [_copies(ours, others[:count]) for others in (learnt, apart)]
    for name, space in SPACES.items():
        mine, seen, unseen = (space.prepare(each) for each in (ours, learnt, apart))
        near = np.concatenate([space.near(seen, mine), space.near(unseen, mine)])
        real.append(pd.DataFrame({**known, "space": name, "near": near}))
        sides = {"near_training": space.near(mine, seen[:count]), "near_held_out": space.near(mine, unseen[:count])}
        told = {"copies_training": copied[0], "copies_held_out": copied[1]}
        synthetic.append(pd.DataFrame({"record": numbers, "space": name, **sides, **told}))
    for name, frames in (("real", real), ("made", synthetic)):
        with replacing(task.folder / f"{name}.parquet") as scratch:
            pd.concat(frames, ignore_index=True).to_parquet(scratch, index=False)


def _copies(ours: list[Fingerprint], others: list[Fingerprint | None]) -> Bool[np.ndarray, " record"]:
    """Which synthetic records an audit would take for another recording of a real one."""
    pairs, _ = find_pairs([*ours, *others])
    first, second = (pairs[name].to_numpy(np.int64) for name in ("first", "second"))
    apart = (np.minimum(first, second) < len(ours)) & (np.maximum(first, second) >= len(ours))
    found = np.zeros(len(ours), dtype=bool)
    found[np.minimum(first, second)[apart & pairs["certain"].to_numpy(bool)]] = True
    return found


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
