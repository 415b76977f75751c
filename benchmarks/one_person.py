"""A generator that has learnt from one person alone: does the privacy section of the report catch it?

python benchmarks/one_person.py --data ptbxl=../shared/data/ptbxl --out runs/one-person
"""

import argparse
import dataclasses
import json
from pathlib import Path

import numpy as np
import pandas as pd

from einthoven import datasets, labels, run, studies
from einthoven.report import write

STEPS_A_ROUND = 50


def one_person(spec: str, group: str) -> pd.DataFrame:
    """A split whose training part is the person with most records of a group; the others of it test."""

    source = datasets.parse(spec)
    table = source.table().assign(dataset="data")
    of_group = labels.targets(table, labels.get(f"statements:{group}"), {"data": source.annotated})[:, 0] == 1
    table = table[of_group].reset_index(drop=True)
    person = table["patient_id"].value_counts().index[0]
    number = table["patient_id"].factorize()[0]
    part = np.where(table["patient_id"] == person, "train", np.where(number % 2, "validation", "test"))
    return pd.DataFrame({"record": table["record_id"], "part": part})


def main() -> None:
    """Runs it and writes what the report says of privacy as JSON."""

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, help="a data set as NAME=WHERE")
    parser.add_argument("--group", default="NORM")
    parser.add_argument("--rounds", type=int, default=20, help=f"of {STEPS_A_ROUND} steps each")
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    split = asked.out.with_name(f"{asked.out.name}-split.csv")
    people = one_person(asked.data, asked.group)
    people.to_csv(split, index=False)
    learnt = int((people["part"] == "train").sum())
    print(f"training: {learnt} records of one person; of others: {len(people) - learnt}")
    study = studies.synthesis(
        [asked.data],
        groups=[asked.group],
        copies=[],
        simulator=False,
        classifiers=[],
        split=str(split),
        epochs=asked.rounds,
    )
    arms = []
    for arm in study.arms:
        assert arm.recipe is not None
        recipe = dataclasses.replace(arm.recipe, draws=STEPS_A_ROUND * arm.recipe.batch_size)
        arms.append(dataclasses.replace(arm, recipe=recipe, watches=""))
    out = run(dataclasses.replace(study, arms=tuple(arms)), asked.out)
    print(write(out))
    table = pd.read_parquet(out / "results" / "privacy.parquet")
    print(table[["model", "space", "measure", "unit", "value", "low", "high", "verdict"]].to_string())
    (out / "privacy.json").write_text(json.dumps(json.loads(table.to_json(orient="records")), indent=1) + "\n")


if __name__ == "__main__":
    main()
