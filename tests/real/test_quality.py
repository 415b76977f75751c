"""The score of signal quality on the recordings that it was fitted on, on others, and with real noise."""

import json
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from einthoven import datasets, records
from einthoven.datasets.simulated import Simulated
from einthoven.signals.quality import quality

RECORDED = Path(__file__).resolve().parents[2] / "benchmarks" / "results" / "quality.json"


def test_the_score_is_as_good_as_recorded(data: Path) -> None:
    """Every third recording; the coefficients have seen them, so it may be a little better than out of fold."""
    corpus = datasets.get("cinc2011", data / "cinc2011")
    table = corpus.table()
    table = table[table["unknown"].str.len() == 0][::3]
    scores = [quality(ecg.signal, ecg.rate_hz).score for ecg in map(corpus.read, table["record_id"])]
    recorded = next(row for row in json.loads(RECORDED.read_text())["rows"] if row["model"] == "quality")
    bad, score = (table["positive"].str.len() > 0).to_numpy(), np.array(scores)
    assert roc_auc_score(bad, -score) == pytest.approx(recorded["auroc"][0], abs=0.02)
    assert ((score < 0.5) == bad).mean() == pytest.approx(recorded["accuracy"][0], abs=0.03)
    assert score.mean() == pytest.approx((~bad).mean(), abs=0.03), "calibrated in the large"


def test_published_twelve_lead_ecgs_are_acceptable(data: Path) -> None:
    """PTB-XL and LUDB were recorded in hospitals and looked at; every tenth of either."""
    paths = (
        sorted((data / "ptbxl" / "records500").glob("*/*.hea"))[::10] + sorted((data / "ludb/data").glob("*.hea"))[::10]
    )
    scores = [quality(ecg.signal, ecg.rate_hz, ecg.leads).score for ecg in map(records.read, paths)]
    assert len(scores) == 70
    assert np.median(scores) > 0.95 and np.mean(np.array(scores) >= 0.5) > 0.98


@pytest.mark.parametrize("kind", ["ma", "em"])
def test_more_real_noise_is_worse_on_average(data: Path, kind: str) -> None:
    """Muscle noise and electrode motion of NSTDB, another piece for each lead."""
    noise = records.read(data / "nstdb" / f"{kind}.hea").signal
    corpus = Simulated(8, visits=(1, 1), seed=4, difficulty=0.0, rate_hz=360.0)
    rng, levels, scores = np.random.default_rng(0), (0.0, 0.3, 1.0, 3.0, 10.0), []
    for record in corpus.table()["record_id"]:
        clean = corpus.clean(record).signal
        starts = rng.integers(noise.shape[1] - clean.shape[1], size=12)
        added = np.stack([noise[row % 2, at : at + clean.shape[1]] for row, at in enumerate(starts)])
        added -= added.mean(axis=1, keepdims=True)
        scores.append([quality(clean + level * added, 360.0).score for level in levels])
    mean = np.mean(scores, axis=0)
    assert (np.diff(mean) < 0).all(), mean
    assert mean[0] > 0.95 and mean[-1] < 0.5
