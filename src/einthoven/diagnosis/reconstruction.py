"""What an encoder that learnt without labels puts where it sees nothing, in the millivolts of the recording.

Such a network mostly saw standardised leads; each lead's own mean and deviation bring its answer back to where the
recording was, which the network itself never learns. So the answer can be drawn on paper.
"""

__all__ = ["Reconstruction", "reconstruct"]

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float
from safetensors.torch import load_file

from einthoven import models, objectives
from einthoven.diagnosis.finding import Refused
from einthoven.diagnosis.model import find_checkpoint
from einthoven.objectives.masked import Masked
from einthoven.records.ecg import ECG
from einthoven.records.preparation import Preparation
from einthoven.training import load_checkpoint


@dataclasses.dataclass(frozen=True, eq=False)
class Reconstruction:
    """A recording, and what an encoder made of it.

    Attributes:
        whole: The recording, filtered and at the encoder's rate, in mV.
        found: What the encoder put where it was hidden, in mV; NaN elsewhere.
        hidden: Which samples were hidden, in all leads.
    """

    whole: ECG
    found: ECG
    hidden: Bool[np.ndarray, " time"]


def reconstruct(ecg: ECG, path: str | Path, *, seed: int = 0) -> Reconstruction:
    """Hides spans of a recording from an encoder and lets it complete them, window by window.

    What is left at the end and fills no window is not hidden. An encoder that named leads besides has learnt from leads
    of one spectrum, in any order; here it sees them as they are.

    Arguments:
        ecg: The recording, in mV.
        path: A run of `einthoven study pretrain`, or a checkpoint in it.
        seed: Decides what is hidden.

    Raises:
        ValueError: If it is no such checkpoint, or its objective reconstructs nothing.
        Refused: If the recording is not in mV, shorter than a window, or cannot be prepared as the encoder's were.
    """

    folder = find_checkpoint(path)
    weights, contract = load_checkpoint(folder)
    objective = dict(contract.get("objective") or {})
    name = objective.pop("name", "")
    network = objectives.build(name, **objective).network(_encoder(contract)).eval() if name else None
    if network is None or network.decoder is None:
        raise ValueError(f"{folder} holds no encoder that reconstructs; name a run of pretrain whose objective masks")
    prepare = Preparation.told(contract["preparation"])
    try:
        whole = dataclasses.replace(prepare, unit="mV")(ecg)
    except ValueError as error:
        raise Refused(f"{ecg.record_id or 'the recording'}: {error}") from None
    window = round((contract["recipe"]["crop_s"] or contract["samples"] / prepare.rate_hz) * prepare.rate_hz)
    count = whole.signal.shape[1] // window
    if not count:
        raise Refused(
            f"{ecg.record_id or 'the recording'} lasts {whole.duration_s:g} s and the encoder reads "
            f"{window / prepare.rate_hz:g} s at a time; give a longer one"
        )
    heads = load_file(folder / "heads.safetensors")
    network.load_state_dict({**{f"encoder.{key}": tensor for key, tensor in weights.items()}, **heads})
    mean, spread = _scale(whole.signal, contract["unit"])
    masked = Masked(tuple(objective["ratio"]), tuple(objective["span_s"]))
    windows = ((whole.signal - mean) / spread)[:, : count * window].reshape(len(whole.leads), count, window)
    batch = masked.draw(windows.transpose(1, 0, 2), prepare.rate_hz, np.random.default_rng(seed))
    with torch.inference_mode():
        answer = network(torch.from_numpy(batch["x"]))["signal"].numpy().transpose(1, 0, 2)
    hidden, found = np.zeros(whole.signal.shape[1], dtype=bool), np.full_like(whole.signal, np.nan)
    hidden[: count * window] = batch["hidden"].ravel()
    found[:, : count * window] = answer.reshape(len(whole.leads), -1) * spread + mean
    return Reconstruction(whole, whole.replace(signal=np.where(hidden, found, np.nan)), hidden)


def _encoder(contract: dict[str, Any]) -> models.Encoder:
    shape = models.Shape(len(contract["leads"]), contract["samples"], contract["rate_hz"], 1, gaps=True)
    encoder = models.build(contract["model"], shape, **contract["options"])
    assert isinstance(encoder, models.Encoder)
    return encoder


def _scale(
    signal: Float[np.ndarray, "lead time"], unit: str
) -> tuple[Float[np.ndarray, "lead 1"], Float[np.ndarray, "lead 1"]]:
    """What is taken off each lead, and by what the rest is divided, for the encoder to see its own unit."""
    if unit == "mV":
        return np.zeros((len(signal), 1), np.float32), np.ones((len(signal), 1), np.float32)
    spread = signal.std(axis=1, keepdims=True)
    return signal.mean(axis=1, keepdims=True), np.where(spread > 0, spread, 1.0).astype(np.float32)
