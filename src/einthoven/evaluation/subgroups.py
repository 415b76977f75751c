"""Whether it works for women and men, young and old, and wherever the ECG was recorded.

The macro AUROC within each group of records, on the same resamples of patients as every other table. Groups
differ in how common and how hard their classes are and in which classes can be measured at all: a difference
between groups is a reason to look, not a verdict on fairness. A group with too few positives is flagged, not
dropped.
"""

__all__ = ["subgroups"]

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from jaxtyping import Float

from einthoven.evaluation._measure import macro, measure
from einthoven.evaluation._trials import Trials, trials
from einthoven.evaluation.bootstrap import interval, resampled

AGES = {"<40": (-np.inf, 40), "40–59": (40, 60), "60–79": (60, 80), "≥80": (80, np.inf)}


def subgroups(
    predictions: pd.DataFrame,
    cohort: pd.DataFrame,
    *,
    label_sets: Mapping[str, Sequence[str]],
    minimum_positives: int = 10,
    resamples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """Macro AUROC by sex, age and source.

    Arguments:
        predictions: The predictions table; its test rows are measured.
        cohort: The cohort table, with a row for each of their records.
        label_sets: The classes of each label set.
        minimum_positives: With fewer positives or negatives of a class, the group is flagged.
        resamples: How many times the patients are drawn.
        level: Of the intervals.
        seed: Of the draws.

    Returns:
        One row a label set, model, attribute (sex, age in years, source) and group: metric, value, low, high,
        records, patients, classes (how many the mean counts), few_classes (how many of them have too few
        positives or negatives), few (whether any has, or none can be measured), resamples, usable, note.

    Raises:
        ValueError: If a record is not in the cohort, or is there twice.
    """

    table = trials(predictions)
    weights = resampled(table.cluster, resamples, seed)
    rows = []
    for attribute, groups in _groups(table, cohort).items():
        for group, chosen in groups.items():
            part = table.select(chosen)
            values = measure(part, weights[chosen], {"auroc": "probability"})
            for (_, model), by_seed in values.items():
                for label_set, classes in label_sets.items():
                    members = [table.classes.index(name) for name in classes if name in table.classes]
                    facts = _facts(part, by_seed.mean(axis=0), members, model, minimum_positives, level)
                    keys = {"label_set": label_set, "model": model, "attribute": attribute, "group": group}
                    rows.append({**keys, "metric": "auroc", **facts})
    return pd.DataFrame(rows).sort_values(["label_set", "model"], kind="stable", ignore_index=True)


def _groups(table: Trials, cohort: pd.DataFrame) -> dict[str, dict[str, np.ndarray]]:
    """Which records are in which group; every record is in one group of each attribute."""

    if cohort["record"].duplicated().any():
        raise ValueError(f"the cohort lists {cohort.loc[cohort['record'].duplicated(), 'record'].iloc[0]} twice")
    people = cohort.set_index("record").reindex(list(table.records))
    lost = sorted(set(table.records) - set(cohort["record"]))
    if lost:
        raise ValueError(f"{len(lost)} test records are not in the cohort, the first is {lost[0]}")
    age = people["age"].astype("Float64").to_numpy(dtype=np.float64, na_value=np.nan)
    bands = {name: (age >= low) & (age < high) for name, (low, high) in AGES.items()} | {"unknown": np.isnan(age)}
    found: dict[str, dict[str, np.ndarray]] = {}
    for attribute in ("sex", "source"):
        value = people[attribute].astype(object).where(people[attribute].notna(), "unknown").to_numpy()
        found[attribute] = {str(name): value == name for name in sorted(set(value), key=lambda v: (v == "unknown", v))}
    found = {"sex": found["sex"], "age": bands, "source": found["source"]}
    return {key: {name: chosen for name, chosen in groups.items() if chosen.any()} for key, groups in found.items()}


def _facts(
    part: Trials,
    values: Float[np.ndarray, "class resample"],
    members: Sequence[int],
    model: str,
    minimum: int,
    level: float,
) -> dict[str, object]:
    """One group of one model."""

    average, counted = macro(values, members)
    low, high, usable = interval(average[1:], level)
    asked = part.asked(model)
    truth = np.where(asked, part.truth, np.nan)
    rarest = np.minimum((truth == 1).sum(axis=0), (truth == 0).sum(axis=0))
    few = [label for label in counted if rarest[label] < minimum]
    left = [label for label in members if label not in counted]
    notes = [("without ", left), (f"fewer than {minimum} positives or negatives: ", few)]
    named = [text + ", ".join(part.classes[label] for label in labels) for text, labels in notes if labels]
    seen = asked[:, members].any(axis=1)
    return {
        "value": float(average[0]),
        "low": low,
        "high": high,
        "records": int(seen.sum()),
        "patients": len(np.unique(part.cluster[seen])),
        "classes": len(counted),
        "few_classes": len(few),
        "few": bool(few) or not counted,
        "resamples": len(average) - 1,
        "usable": usable,
        "note": "; ".join(named),
    }
