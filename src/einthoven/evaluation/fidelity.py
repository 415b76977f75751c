"""How like real ECGs synthetic ones are: as a crowd, not one by one.

Two views. In the *embedding* of a network that has seen neither, the Fréchet distance between the two clouds (Heusel et
al. 2017, https://arxiv.org/abs/1706.08500), and of how many synthetic records there is a real one near (precision), of
how many real ones a synthetic one (recall), where near means within the distance of a record to its k-th neighbour of
the same kind (Kynkäänniemi et al. 2019, https://arxiv.org/abs/1904.06991). And in what a cardiologist *measures*, the
distributions of rate, intervals, axis and amplitudes, group by group, by the largest difference of their cumulative
shares (Kolmogorov and Smirnov), which is 0 for the same distribution and 1 for two that do not meet.

Two samples of real ECGs differ too. So every figure stands beside the same figure for real records against other real
ones, which no generator can be asked to beat.
"""

__all__ = ["crowds", "frechet_distance", "measurements", "precision_and_recall"]

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float
from scipy.linalg import sqrtm
from scipy.spatial.distance import cdist, pdist

from einthoven.evaluation.bootstrap import clusters, interval

_NEIGHBOURS = 5


def frechet_distance(first: Float[np.ndarray, "one feature"], second: Float[np.ndarray, "other feature"]) -> float:
    """|μ₁ − μ₂|² + tr(Σ₁ + Σ₂ − 2 √(Σ₁Σ₂)) of the normal distributions with the means and covariances of two clouds."""

    gap = first.mean(axis=0) - second.mean(axis=0)
    one, other = (np.atleast_2d(np.cov(cloud, rowvar=False)) for cloud in (first, second))
    root = np.real(sqrtm(one @ other))
    return float(gap @ gap + np.trace(one + other - 2 * root))


def precision_and_recall(
    real: Float[np.ndarray, "real feature"], made: Float[np.ndarray, "made feature"], neighbours: int = _NEIGHBOURS
) -> tuple[float, float]:
    """The shares of synthetic records near a real one, and of real records near a synthetic one.

    Raises:
        ValueError: If there are not more records of either kind than neighbours.
    """

    if min(len(real), len(made)) <= neighbours:
        raise ValueError(f"{neighbours} neighbours take more records than that, of either kind")
    reach = [np.sort(cdist(cloud, cloud), axis=1)[:, neighbours] for cloud in (real, made)]
    apart = cdist(real, made)
    return float((apart <= reach[0][:, None]).any(axis=0).mean()), float((apart <= reach[1]).any(axis=1).mean())


def crowds(
    real: Float[np.ndarray, "real feature"],
    made: Float[np.ndarray, "made feature"],
    other: Float[np.ndarray, "other feature"],
) -> dict[str, float]:
    """The figures of the embedding, of equally many records of each kind.

    Arguments:
        real: Of real records.
        made: Of synthetic ones.
        other: Of further real records, of other patients.

    Returns:
        `frechet`, `precision`, `recall` and `diversity` (the mean distance between two synthetic records, beside that
        between two real ones), and with `_floor` the same of the further real records in the place of the synthetic
        ones; NaN where there are not more records of each kind than neighbours. And the `records` of each.
    """

    count = min(map(len, (real, made, other)))
    names = [f"{name}{end}" for end in ("", "_floor") for name in ("frechet", "precision", "recall", "diversity")]
    if count <= _NEIGHBOURS:
        return {**dict.fromkeys(names, float("nan")), "records": count}
    real, made, other = (cloud[:count] for cloud in (real, made, other))
    found: dict[str, float] = {"records": count}
    apart = pdist(real).mean()
    for cloud, end in ((made, ""), (other, "_floor")):
        found[f"frechet{end}"] = frechet_distance(real, cloud)
        found[f"precision{end}"], found[f"recall{end}"] = precision_and_recall(real, cloud)
        found[f"diversity{end}"] = float(pdist(cloud).mean() / apart)
    return found


def measurements(
    measured: pd.DataFrame, names: Sequence[str], *, resamples: int = 200, level: float = 0.95, seed: int = 0
) -> pd.DataFrame:
    """What is measured on real and on synthetic ECGs, group by group.

    Arguments:
        measured: One row a record and group that it is of: `record`, `patient` (or missing), `group`, `kind` (`real`,
            `other` for further real records, or the name of a generator), and the measurements.
        names: Of the measurements; NaN is what could not be measured.
        resamples: How many times the patients are drawn.
        level: Of the intervals.
        seed: Of the draws.

    Returns:
        One row a group, measurement and kind: records, unmeasured (their share), median, lower and upper quartile,
        and against the real ones of the group distance, low, high. Those of `real` itself have no distance.
    """

    rows = []
    for (group, kind), table in measured.groupby(["group", "kind"], sort=False):
        real = measured[(measured["group"] == group) & (measured["kind"] == "real")]
        for name in names:
            values = table[name].to_numpy(np.float64)
            known = values[np.isfinite(values)]
            quartiles = np.percentile(known, (50, 25, 75)) if len(known) else np.full(3, np.nan)
            row: dict[str, Any] = {"group": group, "measurement": name, "kind": kind, "records": len(table)}
            row |= {"unmeasured": 1 - len(known) / len(table)}
            row |= dict(zip(("median", "lower", "upper"), map(float, quartiles), strict=True))
            rows.append(row | (_distance(real, table, name, resamples, level, seed) if kind != "real" else {}))
    return pd.DataFrame(rows)


def _distance(
    real: pd.DataFrame, table: pd.DataFrame, name: str, resamples: int, level: float, seed: int
) -> dict[str, float]:
    """The largest difference of cumulative shares, over patients drawn again."""
    sides = [side[side[name].notna()] for side in (real, table)]
    if min(map(len, sides)) < 2:
        return {"distance": float("nan"), "low": float("nan"), "high": float("nan")}
    values = [side[name].to_numpy(np.float64) for side in sides]
    owners = [clusters(side.set_index("record")["patient"]) for side in sides]
    rng = np.random.default_rng(seed)
    drawn = [[_drawn(v, owner, rng) for v, owner in zip(values, owners, strict=True)] for _ in range(resamples)]
    span = interval(np.array([_apart(*pair) for pair in drawn]), level)
    return {"distance": _apart(*values), "low": span.low, "high": span.high}


def _apart(first: Float[np.ndarray, " value"], second: Float[np.ndarray, " other"]) -> float:
    """The statistic of Kolmogorov and Smirnov, without a test: that of SciPy takes far longer."""
    every = np.concatenate([first, second])
    shares = (np.searchsorted(np.sort(side), every, side="right") / len(side) for side in (first, second))
    return float(np.abs(np.subtract(*shares)).max())


def _drawn(values: np.ndarray, owner: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The values of as many patients, drawn with replacement."""
    count = int(owner.max()) + 1
    times = np.bincount(rng.integers(count, size=count), minlength=count)
    return np.repeat(values, times[owner])
