"""What a model sees beside the signal: columns of the table, and what a record is among those of its recording.

A covariate is a column, such as `"age"`; all columns that begin alike, such as `"rhythm_*"`; or the `name` of a
function among the signals with its arguments, such as `{"name": "likeness", "peak_s": 0.3}`, which is given all records
of a recording at once, also those whose class nobody knows.
"""

__all__ = ["gather", "standardised"]

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from einthoven import registry
from einthoven.pipeline.experiment import RunError
from einthoven.store import Joined

Wanted = Sequence[str | dict[str, Any]]


def gather(
    wanted: Wanted, signals: Joined, rows: Int[np.ndarray, " record"], samples: int
) -> Float[np.ndarray, "record covariate"]:
    """The covariates of some records; NaN where one is unknown.

    Arguments:
        wanted: What is asked for.
        signals: The signals, and their table.
        rows: Which records.
        samples: The length of a record as a model sees it.

    Raises:
        RunError: If the data have no such column, or do not say of which recording a record is.
        UnknownName: If there is no such function.
    """

    parts = [
        _columns(signals.table, name) if isinstance(name, str) else _computed(signals, dict(name), samples)
        for name in wanted
    ]
    return np.concatenate(parts, axis=1)[rows].astype(np.float32)


def _columns(table: pd.DataFrame, name: str) -> Float[np.ndarray, "record column"]:
    found = [column for column in table if column == name or (name[-1] == "*" and str(column).startswith(name[:-1]))]
    if not found or not all(pd.api.types.is_numeric_dtype(table[column]) for column in found):
        raise RunError(f"these data have no column of numbers '{name}' that a model could see beside the signal")
    return table[found].to_numpy(dtype=np.float64, na_value=np.nan)


def _computed(signals: Joined, settings: dict[str, Any], samples: int) -> Float[np.ndarray, "record value"]:
    name = str(settings.pop("name"))
    function = registry.get("signals", name)
    if "recording" not in signals.table:
        raise RunError(f"{name} compares the records of a recording, and these data do not say which those are")
    order = np.argsort(signals.table["recording"].to_numpy(), kind="stable")
    ends = np.cumsum(signals.table["recording"].value_counts().sort_index().to_numpy())[:-1]
    rate_hz = signals.preparation.rate_hz
    found = [function(signals.batch(rows, samples), rate_hz, **settings) for rows in np.split(order, ends)]
    return np.concatenate(found)[np.argsort(order)]


def standardised(
    values: Float[np.ndarray, "record covariate"], train: Int[np.ndarray, " train"]
) -> tuple[Float[np.ndarray, "record covariate"], dict[str, list[float]]]:
    """With mean 0 and deviation 1 over the training records, and 0 where one is unknown; and by what they were scaled.

    Arguments:
        values: The covariates of all records.
        train: Which of them are learnt from.
    """

    known = np.ma.masked_invalid(values[train].astype(np.float64))
    mean, spread = (np.ma.filled(found, 0.0) for found in (known.mean(axis=0), known.std(axis=0)))
    spread = np.where(spread > 0, spread, 1.0)
    scaled = np.nan_to_num((values - mean) / spread, nan=0.0).astype(np.float32)
    return scaled, {"covariate_mean": mean.tolist(), "covariate_spread": spread.tolist()}
