"""S5, first step: an encoder that learns from 12-lead ECGs without labels.

After Ran and Liu 2024, "A joint spatio-temporal self-supervision", Biomedical Engineering Letters 14:209,
https://doi.org/10.1007/s13534-023-00329-0, of which the abstract was to be had: spans of time are hidden and
reconstructed, and the leads, in an order of their own, are named. Network, recipe and ratios are our choice.

Under the split `stable` a record stands on the same side whatever other data are there. So what is validation or test
here is so in `finetune` and `label_efficiency` too, and the encoder has never seen it, not even without labels.
"""

__all__ = ["pretrain"]

from collections.abc import Sequence
from typing import Literal

from einthoven import models, objectives, registry, splits
from einthoven.pipeline import Arm, Experiment
from einthoven.studies._checks import above, at_least, listed
from einthoven.studies._encoders import recipe
from einthoven.transforms.hide import Hide

_RECORDING_S = 10.0


def pretrain(
    data: Sequence[str],
    *,
    objective: str = "masked_lead_order",
    model: str = "xresnet1d101",
    split: str = "stable",
    seeds: Sequence[int] = (0,),
    fold: int = 10,
    fold_count: int = 10,
    rate_hz: float = 100.0,
    unit: Literal["mV", "z"] = "z",
    bandpass_hz: tuple[float, float] | None = (0.5, 40.0),
    ratio: tuple[float, float] = Hide.ratio,
    span_s: tuple[float, float] = Hide.span_s,
    subset: float = 0.0,
    epochs: int = 100,
    rate: float = 3e-3,
) -> Experiment:
    """Makes an encoder that has learnt from ECGs without labels.

    Arguments:
        data: Data sets as NAME=WHERE, such as ptbxl=/data/ptbxl cinc2011=/data/cinc2011; no label of theirs is read.
        objective: masked (hidden spans are reconstructed), lead_order (shuffled leads are named), masked_lead_order
            (both), or predictive (pieces of what comes next are told from others).
        model: The encoder: xresnet1d101, code_resnet, ecg_vit or state_space, with options after commas:
            state_space,depth=8.
        split: stable (the publisher's fold, or one that the patient's id decides), or another one, or a file. Nothing
            is learnt from its validation and test part.
        seeds: One training with each.
        fold: The test fold, from 1.
        fold_count: How many folds there are.
        rate_hz: Samples per second that the encoder sees.
        unit: mV, or z to standardise each lead.
        bandpass_hz: A band to keep.
        ratio: The smallest and the largest share of time that is hidden, about.
        span_s: The shortest and the longest block of it.
        subset: The share of signals of which only some leads are shown, for an encoder that is to read fewer than all.
        epochs: Rounds through the records.
        rate: The highest learning rate.

    Raises:
        UnknownName: If an objective, encoder, splitter or unit does not exist.
        RunError: If nothing is asked for, something twice, or a number that cannot be.
        ValueError: If what is to be hidden cannot be, or the encoder cannot be built.
    """

    listed(data=data, seeds=seeds)
    at_least(1, epochs=epochs, fold=fold)
    at_least(3, fold_count=fold_count)
    above(0, rate=rate, rate_hz=rate_hz)
    registry.nearest(objective, objectives.pretexts(), "objective without labels")
    network, told = models.parse(model)
    splits.known(split)
    registry.nearest(unit, ("mV", "z"), "unit")
    hides = {"ratio": list(ratio), "span_s": list(span_s), "subset": subset}
    asks = {name: value for name, value in hides.items() if name in objectives.options(objective)}
    objectives.build("masked_lead_order", **hides)  # what cannot be is refused also where it is not asked for
    learns = recipe(network, epochs, rate)
    arm = Arm(objective, network, options=told, recipe=learns, objective=objective, asks=asks, gaps=True)
    return Experiment(
        study="pretrain",
        title="An encoder from ECGs without labels",
        data=tuple(data),
        labels=(),
        arms=(arm,),
        seeds=tuple(seeds),
        folds=(fold,),
        split=split,
        fold_count=fold_count,
        samples=round(_RECORDING_S * rate_hz),
        rate_hz=float(rate_hz),
        unit=unit,
        bandpass_hz=bandpass_hz,
        baseline=objective,
        primary=objective,
    )
