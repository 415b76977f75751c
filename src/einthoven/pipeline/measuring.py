"""What is measured on ECGs, real and synthetic alike, and where they lie in an embedding."""

__all__ = ["MEASURED", "embeddings", "measured", "no_judge"]

import dataclasses
from collections.abc import Callable

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, Int
from scipy.signal import welch

from einthoven import models
from einthoven.pipeline.cohort import Cohort
from einthoven.pipeline.experiment import Experiment, RunError
from einthoven.records.leads import TWELVE, identity_error, limb_factors
from einthoven.records.preparation import Preparation
from einthoven.signals.beats import beats
from einthoven.signals.features import features
from einthoven.signals.intervals import intervals
from einthoven.training import Transfer, hash_patient, lineage, load_weights, read_contract

MEASURED = (
    *("rate_bpm", "rr_change_percent", "beat_change_percent", "pr_ms", "qrs_ms", "qt_ms", "axis_deg"),
    *("height_II", "height_V2", "height_V5", "power_15_40_percent", "identity_residual"),
)
_INTERVALS = {"rate_bpm": ("rate_bpm", 1.0), "pr_ms": ("pr_s", 1e3), "qrs_ms": ("qrs_s", 1e3), "qt_ms": ("qt_s", 1e3)}
_HEIGHTS = ("II", "V2", "V5")
_SHARP_HZ = (15.0, 40.0)
_AROUND_S = (0.3, 0.4)  # a beat
_BATCH = 64

Signals = Float[np.ndarray, "record lead time"]
Embedding = Callable[[Signals], Float[np.ndarray, "record feature"]]


def measured(signals: Signals, rate_hz: float, unit: str) -> pd.DataFrame:
    """Rate and regularity, intervals, heights, spectrum and lead identities; one row a record, NaN where it has none.

    Arguments:
        signals: In the order of `TWELVE`.
        rate_hz: Samples per second.
        unit: `mV`, or `z`, in which there is no axis.

    Returns:
        The columns `MEASURED`: of the RR intervals the rate, and how much one differs from the next in the median, in
        percent of their median; of the power around the beats the part that their mean does not hold; heights from peak
        to peak, in the unit; of the power of all leads the part from 15 to 40 Hz; and how far the limb leads are from
        their identities: in mV the largest gap, in z the largest share of a lead that is left when the ratios that
        standardising took are given back.
    """
    return pd.DataFrame([_one(signal, rate_hz, unit) for signal in signals], columns=list(MEASURED))


def _one(signal: Float[np.ndarray, "lead time"], rate_hz: float, unit: str) -> dict[str, float]:
    found = intervals(signal, rate_hz, TWELVE)
    values = {name: found[source] * scale for name, (source, scale) in _INTERVALS.items()}
    rr = np.diff(beats(signal, rate_hz))
    values["rr_change_percent"] = float(100 * np.median(np.abs(np.diff(rr))) / np.median(rr)) if len(rr) > 1 else np.nan
    values["beat_change_percent"] = _beat_change(signal, rate_hz)
    values["axis_deg"] = found["axis_deg"] if unit == "mV" else np.nan
    values |= {f"height_{lead}": float(np.ptp(signal[TWELVE.index(lead)])) for lead in _HEIGHTS}
    frequency, power = welch(signal, fs=rate_hz, nperseg=min(signal.shape[1], round(2 * rate_hz)), axis=1)
    sharp = (frequency >= _SHARP_HZ[0]) & (frequency < _SHARP_HZ[1])
    values["power_15_40_percent"] = float(100 * power[:, sharp].sum() / max(float(power.sum()), 1e-12))
    apart = identity_error(signal, TWELVE) if unit == "mV" else float(limb_factors(signal, TWELVE)[1])
    return values | {"identity_residual": apart}


def _beat_change(signal: Float[np.ndarray, "lead time"], rate_hz: float) -> float:
    """Of the power of the beats the part by which one differs from the other, in percent; NaN for fewer than two."""
    before, after = (round(seconds * rate_hz) for seconds in _AROUND_S)
    whole = [at for at in beats(signal, rate_hz) if before <= at < signal.shape[1] - after]
    if len(whole) < 2:
        return np.nan
    each = np.stack([signal[:, at - before : at + after] for at in whole])
    return float(100 * each.var(axis=0, ddof=1).sum() / np.square(each).mean(axis=0).sum())


def embeddings(experiment: Experiment) -> dict[str, Embedding]:
    """What their crowds are compared in: hand-made features, and what the encoder of the run, if any, makes of them."""

    def by_hand(signals: Signals) -> np.ndarray:
        return np.stack([features(signal, experiment.rate_hz) for signal in signals]).astype(np.float64)

    found: dict[str, Embedding] = {"features": by_hand}
    if experiment.encoder:
        found["encoder"] = _by_encoder(experiment)
    return found


def _by_encoder(experiment: Experiment) -> Embedding:
    contract = read_contract(Transfer(experiment.encoder))
    shape = models.Shape(len(TWELVE), experiment.samples, experiment.rate_hz, 1, gaps=bool(contract.get("gaps")))
    network = models.build(contract["model"], shape, **contract["options"])
    assert isinstance(network, models.Network)
    load_weights(network, Transfer(experiment.encoder))
    network.eval()

    def embed(signals: Signals) -> np.ndarray:
        parts = [torch.from_numpy(signals[i : i + _BATCH]) for i in range(0, len(signals), _BATCH)]
        with torch.inference_mode():
            return np.concatenate([network.features(part).double().numpy() for part in parts])

    return embed


def no_judge(experiment: Experiment, cohort: Cohort, rows: Int[np.ndarray, " row"]) -> None:
    """Holds that the encoder of a run can look at its records, and has seen none of the people among some of them.

    Arguments:
        experiment: What is run.
        cohort: The records.
        rows: Those that are compared.

    Raises:
        RunError: If it cannot, or has.
        ValueError: If it is missing or damaged.
    """

    if not experiment.encoder:
        return
    contract = read_contract(Transfer(experiment.encoder))
    if not contract:
        raise RunError(f"{experiment.encoder} does not say what it has learnt from; take one of `study pretrain`")
    reads = Preparation.told(contract["preparation"])
    for name, value in dataclasses.asdict(experiment.preparation).items():
        if (read := getattr(reads, name)) != value:
            raise RunError(f"the encoder {experiment.encoder} reads the {name} {read}, not {value}; take another one")
    people = {hash_patient(str(patient)) for patient in cohort.table["patient_id"].iloc[rows].dropna().unique()}
    stages = [stage for _, stage, _ in lineage("encoder", contract)]
    if seen := people & {one for stage in stages for one in stage.get("patients_seen", [])}:
        who = f"{len(seen)} of the people whose ECGs it is to judge"
        raise RunError(f"the encoder {experiment.encoder} has seen {who}; take one that has learnt from other data")
