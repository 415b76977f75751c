"""Whether ECGs between two of a class keep it: what an independent classifier says along the way, and what is measured.

Boosting learns from the validation and test records of a run of the study augmentation, all their positives, and is
asked about ECGs between pairs of training records of each class, which it has never seen. It agrees where its
probability is above the one at which it finds half of the real training records of the class.

    python benchmarks/interpolation.py runs/augmentation --stores runs/stores --out interpolation.json
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from einthoven import models, studies
from einthoven.pipeline.cohort import Cohort, open_cohort
from einthoven.pipeline.emitting import opened
from einthoven.pipeline.experiment import Cell
from einthoven.pipeline.learning import learnt_from
from einthoven.pipeline.making import Pair, between
from einthoven.pipeline.task import Task, cell_folder, shape_of
from einthoven.records.leads import TWELVE
from einthoven.signals.intervals import intervals
from einthoven.training import Device

STEPS, PAIRS = 9, 40
MEASURED = {"rate_bpm": "rate (/min)", "pr_s": "PR (s)", "qrs_s": "QRS (s)"}


def pairs_of(rows: np.ndarray, rng: np.random.Generator) -> list[tuple[int, int]]:
    """Pairs of different records, each as often the first as any other."""

    first = np.resize(rng.permutation(len(rows)), PAIRS)
    second = (first + rng.integers(1, len(rows), size=PAIRS)) % len(rows)
    return list(zip(rows[first].tolist(), rows[second].tolist(), strict=True))


def measured(signals: np.ndarray, rate_hz: float) -> pd.DataFrame:
    """Heart rate, PR and QRS of each record."""

    return pd.DataFrame([intervals(x, rate_hz, TWELVE) for x in signals])[list(MEASURED)]


def quartiles(values: pd.Series) -> list[float]:
    """Lower quartile, median, upper quartile, and the share that could not be measured."""

    found = [float(values.quantile(at)) for at in (0.25, 0.5, 0.75)]
    return [*found, float(values.isna().mean())]


def of_class(task: Task, cohort: Cohort, judge: Any, generator: Any, code: str) -> dict[str, Any]:
    """What is said of the ECGs between training records of a class."""

    experiment, column = task.experiment, cohort.classes.index(code)
    train = learnt_from(task.cell, cohort)
    own = train[cohort.y[train][:, column] == 1]
    real = cohort.signals.batch(cohort.rows[own], experiment.samples)
    limit = float(np.median(judge.predict(real)[:, column]))
    others = train[cohort.y[train][:, column] == 0]
    strange = judge.predict(cohort.signals.batch(cohort.rows[others], experiment.samples))[:, column]
    chosen, along = pairs_of(own, np.random.default_rng(0)), []
    for alpha in np.linspace(0, 1, STEPS):
        steps = [Pair(first, second, float(alpha)) for first, second in chosen]
        made = between(task, cohort, task.cell.arm, generator, steps, train)
        values = measured(made.signal, experiment.rate_hz)
        row = {"alpha": float(alpha), "agrees": float((judge.predict(made.signal)[:, column] >= limit).mean())}
        along.append(row | {name: quartiles(values[name]) for name in MEASURED})
    whole = measured(real, experiment.rate_hz)
    facts = {"class": code, "records": len(own), "limit": limit, "agrees_on_others": float((strange >= limit).mean())}
    return facts | {"real": {name: quartiles(whole[name]) for name in MEASURED}, "along": along}


def show(found: list[dict[str, Any]]) -> None:
    """Prints the tables."""

    ends = [0, STEPS // 4, STEPS // 2, 3 * STEPS // 4, STEPS - 1]
    print(f"| class | records | others | {' | '.join(f'{at / (STEPS - 1):.2f}' for at in ends)} |")
    print("|---" * (3 + len(ends)) + "|")
    for one in found:
        said = " | ".join(f"{one['along'][at]['agrees']:.2f}" for at in ends)
        print(f"| {one['class']} | {one['records']} | {one['agrees_on_others']:.2f} | {said} |")
    print("\n| class | what | real | at 0 | half way | at 1 |\n|---|---|---|---|---|---|")
    for one in found:
        for name, title in MEASURED.items():
            digits = 0 if name == "rate_bpm" else 3
            cells = [one["real"][name], *(one["along"][at][name] for at in (0, STEPS // 2, STEPS - 1))]
            words = [f"{c[1]:.{digits}f} ({c[0]:.{digits}f}–{c[2]:.{digits}f}), {1 - c[3]:.0%}" for c in cells]
            print(f"| {one['class']} | {title} | {' | '.join(words)} |")


def main() -> None:
    """Reads the command line, asks, and writes the JSON."""

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path, help="of augmentation, with interpolation")
    parser.add_argument("--stores", type=Path, required=True, help="the compiled corpora of the run")
    parser.add_argument("--model", default="vqvae@10", help="the generator")
    parser.add_argument("--out", type=Path, required=True, help="where to write the numbers as JSON")
    asked = parser.parse_args()
    facts = json.loads((asked.run / "experiment.json").read_text())
    names = ("data", "split", "rate_hz", "unit", "fold_count", "noise")
    told = {name: facts[name] for name in names} | {"bandpass_hz": tuple(facts["bandpass_hz"] or ()) or None}
    level = asked.model.rpartition("@")[2]
    experiment = studies.augmentation(
        **told,
        labels=facts["labels"][0],
        length_s=facts["samples"] / facts["rate_hz"],
        fold=facts["folds"][0],
        positives=[] if level == "all" else [int(level)],
        remedies=["interpolation"],
        seeds=facts["seeds"],
        rare=facts["arms"][0]["few"]["of"] or ["auto"],
    )
    cohort = open_cohort(experiment, asked.stores)
    cell = Cell(next(arm for arm in experiment.arms if arm.name == asked.model), facts["seeds"][0], facts["folds"][0])
    task = Task(experiment, cell, cell_folder(asked.run, cell), "", Device("cpu", "32-true"))
    held = np.flatnonzero(np.isin(cohort.parts[cell.fold], ["validation", "test"]))
    judge = models.build("boosting", shape_of(experiment, cohort, experiment.arms[0]), seed=0)
    assert isinstance(judge, models.Estimator)
    judge.fit(cohort.signals.batch(cohort.rows[held], experiment.samples), cohort.y[held])
    generator, _ = opened(task.folder / "checkpoint")
    found = [of_class(task, cohort, judge, generator, code) for code in cohort.groups]
    show(found)
    told = {"generator": asked.model, "judged_by": f"boosting on {len(held)} records of validation and test"}
    asked.out.write_text(json.dumps({**told, "classes": found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
