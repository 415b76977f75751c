"""The preparation against a published derivative of the same recordings."""

from pathlib import Path

import numpy as np

from einthoven import datasets
from einthoven.records.leads import TWELVE, limb_factors
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


def test_the_ratios_of_the_limb_leads_come_back_from_standardised_recordings(data: Path) -> None:
    """As from the same recordings in millivolts; where they do not, the recording never obeyed the identities."""
    raw = datasets.parse(f"ptbxl={data / 'ptbxl'}")
    made = datasets.parse(f"arrays={data / 'ptbxl-zscored'}")
    for record in sorted(set(raw.table()["record_id"]) & set(made.table()["record_id"])):
        z, kept = made.read(record), Preparation(100.0, "mV", (0.5, 40.0))(raw.read(record)).signal[:2]
        factors, apart = limb_factors(z.signal, z.leads)
        assert apart < 0.02
        assert abs(np.log(factors[1] / factors[0] / (kept[1].std() / kept[0].std()))) < 0.02
    every = np.stack([made.read(record).signal for record in made.table()["record_id"]])
    apart = limb_factors(every, TWELVE)[1]
    assert (apart < 0.02).mean() > 0.99
