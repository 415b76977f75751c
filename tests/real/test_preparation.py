"""The preparation against a published derivative of the same recordings."""

from pathlib import Path

import numpy as np

from einthoven import datasets
from einthoven.records.preparation import Preparation


def test_our_preparation_makes_the_zscored_derivative(data: Path) -> None:
    """Butterworth 0.5–40 Hz forwards and backwards, z-score, 100 Hz: to the rounding of int16 = 200·z."""
    raw = datasets.parse(f"ptbxl={data / 'ptbxl'}")
    made = datasets.parse(f"arrays={data / 'ptbxl-zscored'}")
    shared = sorted(set(raw.table()["record_id"]) & set(made.table()["record_id"]))
    assert len(shared) == 34
    prepare = Preparation(100.0, "z", (0.5, 40.0))
    gaps = np.stack([prepare(raw.read(r)).signal - made.read(r).signal for r in shared])[..., 20:-20]
    assert np.sqrt((gaps.astype(np.float64) ** 2).mean()) < 0.0016, "a step of 1/200 rounds with RMS 0.0014"
    assert abs(gaps).max() < 0.005
