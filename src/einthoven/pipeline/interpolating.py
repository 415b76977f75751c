"""The ECGs between two, as a generator that can also read makes them.

Two recordings are mixed where their hearts beat at the same times, so both are first brought to a rhythm between
theirs (`einthoven.signals.repacing`). A generator that has learnt from standardised leads makes such; the heights of
the two are given back.
"""

__all__ = ["interpolated"]

import dataclasses
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float

from einthoven import registry
from einthoven.pipeline.emitting import of_leads, reading
from einthoven.pipeline.experiment import RunError
from einthoven.records.ecg import ECG
from einthoven.records.leads import EIGHT, TWELVE, derive, independent
from einthoven.records.preparation import Preparation
from einthoven.signals.beats import beats
from einthoven.signals.in_step import in_step
from einthoven.signals.standardise import standardise
from einthoven.training import Device


class _Parent(NamedTuple):
    """A recording as the generator reads it.

    Attributes:
        signal: The eight leads, in the unit of the generator.
        mean: Of each lead, in mV.
        height: Of each lead, in mV for one of that unit.
    """

    signal: Float[np.ndarray, "lead time"]
    mean: Float[np.ndarray, "lead 1"]
    height: Float[np.ndarray, "lead 1"]


def interpolated(
    run: str | Path,
    first: ECG,
    second: ECG,
    steps: int = 9,
    *,
    label: str | None = None,
    model: str | None = None,
    device: Device | None = None,
) -> list[ECG]:
    """The way from one ECG to another.

    Arguments:
        run: A run with a generator that can also read, or a checkpoint in it.
        first: In mV, of which the first step is what comes back.
        second: Likewise of the last step.
        steps: How many ECGs, evenly apart.
        label: The group that both belong to, for a generator that is told; by default none.
        model: Of a run, which generator; by default the primary one.
        device: What to compute on.

    Returns:
        The steps in mV, each with its parents.

    Raises:
        RunError: If the generator cannot read, or a recording is too short, has gaps or fewer than two beats.
        UnknownName: If the generator does not know the label.
        ValueError: If its checkpoint is damaged, or there are fewer than two steps.
    """

    if steps < 2:
        raise ValueError(f"a way from one ECG to another has two steps or more, not {steps}")
    _, opened, contract = of_leads(run, model)
    generator = reading(opened, contract["generator"])
    if label is not None:
        registry.nearest(label, contract["classes"], "group of this generator:")
    wanted = torch.tensor([[float(group == label) for group in contract["classes"]]])
    one, other = (_parent(ecg, contract) for ecg in (first, second))
    fabric = (device or Device()).fabric()
    generator.to(fabric.device).eval()
    found = []
    for alpha in np.linspace(0.0, 1.0, steps):
        pair = in_step(one.signal, other.signal, contract["rate_hz"], alpha)
        told = [
            *(torch.from_numpy(signal)[None] for signal in pair),
            torch.tensor([alpha], dtype=torch.float32),
            wanted,
        ]
        with torch.inference_mode(), fabric.autocast():
            made = generator.interpolate(*map(fabric.to_device, told))[0].float().cpu().numpy()
        mean, height = _mix(one.mean, other.mean, alpha), _mix(one.height, other.height, alpha)
        twelve = derive((made * height + mean).astype(np.float32), EIGHT, TWELVE)
        note = f"{1 - alpha:.0%} and {alpha:.0%} of its parents, by {contract['generator']}, not recorded"
        parents = tuple(f"{ecg.source or 'file'}:{ecg.record_id or 'unnamed'}" for ecg in (first, second))
        found.append(ECG(twelve, "mV", contract["rate_hz"], TWELVE, parents=parents, synthetic=True, notes=(note,)))
    return found


def _parent(ecg: ECG, contract: dict[str, Any]) -> _Parent:
    """A recording, prepared as those were that the generator has learnt from."""
    name = ecg.record_id or "the recording"
    prepare = dataclasses.replace(Preparation.told(contract["preparation"]), unit="mV")
    try:
        whole = prepare(ecg)
    except ValueError as error:
        raise RunError(f"{name}: {error}") from None
    signal = whole.signal[:, : contract["samples"]]
    if signal.shape[1] < contract["samples"]:
        needs = contract["samples"] / contract["rate_hz"]
        raise RunError(f"{name} lasts {whole.duration_s:g} s, and the generator reads {needs:g} s; give a longer one")
    if not np.isfinite(signal).all():
        raise RunError(f"{name} has gaps, which the generator cannot read; give one without")
    millivolts = independent(signal, whole.leads, "mV")[0]
    mean, height = np.zeros((len(EIGHT), 1)), np.ones((len(EIGHT), 1))
    inside = millivolts
    if contract["unit"] == "z":
        inside = independent(standardise(signal), whole.leads, "z")[0]
        mean, spread = (getattr(millivolts, what)(axis=1, keepdims=True) for what in ("mean", "std"))
        height = spread / np.maximum(inside.std(axis=1, keepdims=True), 1e-6)
    if len(beats(inside, contract["rate_hz"])) < 2:
        raise RunError(f"{name} has fewer than two beats that can be found; two rhythms are mixed from beat to beat")
    return _Parent(inside.astype(np.float32), mean, height)


def _mix(one: np.ndarray, other: np.ndarray, alpha: float) -> np.ndarray:
    return (1 - alpha) * one + alpha * other
