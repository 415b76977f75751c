"""A trained generator, opened under its contract, and what it makes of noise."""

__all__ = ["emitted", "of_leads", "opened", "reading"]

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from einthoven import generators, registry
from einthoven.diagnosis import find_checkpoint
from einthoven.generators import Autoencoder, Generator, draw
from einthoven.pipeline.experiment import RunError, columns_of
from einthoven.records.leads import TWELVE, completed
from einthoven.training import Device, load_checkpoint

_EMITTED = 64


def opened(checkpoint: Path) -> tuple[Generator, dict[str, Any]]:
    """A generator and its contract.

    Raises:
        RunError: If it is the checkpoint of something else.
        ValueError: If it is missing or damaged.
    """

    weights, contract = load_checkpoint(checkpoint)
    if not contract.get("generator"):
        raise RunError(f"{checkpoint} holds no generator; make one with `einthoven study synthesis`")
    form = contract["samples"], contract["rate_hz"]
    if contract.get("sees") == "page":
        form = columns_of(*form)
    whole = generators.Form(*form, len(contract["classes"]))
    generator = generators.build(contract["generator"], whole, **contract["options"])
    generator.load_state_dict(weights)
    return generator, contract


def of_leads(run: str | Path, model: str | None = None) -> tuple[Path, Generator, dict[str, Any]]:
    """The checkpoint of a generator of recordings, that generator, and its contract.

    Arguments:
        run: A run with a generator, or a checkpoint in it.
        model: Of a run, which one; by default the primary one, or where that is none the first.

    Raises:
        RunError: If there is none, or it makes pages.
        ValueError: If its checkpoint is missing or damaged.
    """

    path = Path(run) / "experiment.json"
    if model is None and path.is_file():
        facts = json.loads(path.read_text(encoding="utf-8"))
        makers = [arm["name"] for arm in facts["arms"] if arm.get("generator") and arm.get("sees") != "page"]
        model = makers[0] if makers and facts["primary"] not in makers else None
    source = find_checkpoint(run, model)
    generator, contract = opened(source)
    if generator.emits != "leads":
        raise RunError(f"'{contract['generator']}' makes pages, of which no recording can be had; take another --model")
    return source, generator, contract


def emitted(
    generator: Generator,
    y: Float[np.ndarray, "record class"],
    *,
    seed: int,
    numbers: Sequence[int],
    unit: str,
    device: Device,
) -> Float[np.ndarray, "record lead time"]:
    """Twelve leads of ECGs that a generator makes of noise, in the order of `TWELVE`; or pages, where it makes those.

    Arguments:
        generator: Trained.
        y: What is wanted of each.
        seed: Of the noise.
        numbers: Which records of that seed.
        unit: Of what it has learnt from.
        device: What to compute on.
    """

    fabric = device.fabric()
    generator.to(fabric.device).eval()
    made = []
    with torch.inference_mode(), fabric.autocast():
        for start in range(0, len(numbers), _EMITTED):
            noise = draw(generator.noise, seed=seed, numbers=numbers[start : start + _EMITTED])
            wanted = y[start : start + _EMITTED].astype(np.float32)
            batch = (fabric.to_device(torch.from_numpy(part)) for part in (noise, wanted))
            made.append(generator.emit(*batch).float().cpu().numpy())
    if not made:
        return np.empty((0, len(TWELVE), generator.form.samples), np.float32)
    whole = np.concatenate(made)
    return whole if generator.emits == "image" else completed(whole, unit)


def reading(generator: Generator, name: str) -> Autoencoder:
    """A generator that can also read.

    Raises:
        RunError: If this one, that is called so, cannot.
    """
    if isinstance(generator, Autoencoder):
        return generator
    able = [one for one in generators.learners() if issubclass(registry.get("generators", one), Autoencoder)]
    raise RunError(f"'{name}' cannot read an ECG, so it makes none between two; take {' or '.join(able)}")
