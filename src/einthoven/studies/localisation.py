"""S5's second task: where in the ventricles a tachycardia comes from, with few labelled patients.

After Ran and Liu 2024, "A joint spatio-temporal self-supervision", Biomedical Engineering Letters 14:209,
https://doi.org/10.1007/s13534-023-00329-0, of which the abstract was to be had: an encoder that learnt from ECGs
without labels told the origin of ventricular tachycardias by 8.6 % better than one from random weights. Their ECGs are
private. On simulated tachycardias, whose origins are known because they were made, this is a test of the software in a
geometry of our own; on a user's data, with a segment or a place for each record, it is the task itself.
"""

__all__ = ["localisation"]

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from einthoven import models, registry
from einthoven.pipeline import Arm, Experiment, Few, RunError
from einthoven.studies._checks import above, at_least, known, listed
from einthoven.studies._encoders import WAYS, Begun, alike, at_number, begun, input_of, way

_USUAL = "xresnet1d101"
_FIRST = 25  # labelled patients of the planned contrast


def localisation(
    data: Sequence[str],
    *,
    from_: Sequence[str] = (),
    model: str = _USUAL,
    patients: Sequence[int] = (10, 25, 50),
    regions: int = 0,
    others: Sequence[str] = ("boosting",),
    split: str = "stable",
    seeds: Sequence[int] = (0, 1, 2, 3, 4),
    fold: int = 10,
    fold_count: int = 10,
    rate_hz: float = 100.0,
    unit: Literal["mV", "z"] = "mV",
    bandpass_hz: tuple[float, float] | None = (0.5, 40.0),
    length_s: float = 10.0,
    epochs: int = 25,
    draws: int = 1280,
) -> Experiment:
    """Tells where a ventricular tachycardia comes from, from few labelled patients.

    Arguments:
        data: Data sets as NAME=WHERE that say where tachycardias come from: a folder whose labels.csv has a column
            segment, or x_mm, y_mm and z_mm; or simulated=400,prevalence=VT:1. Records of which nobody knows it are left
            out.
        from_: Runs of pretrain of one network, each fine-tuned beside the same network from scratch, under the name of
            its objective, or of its folder where two learnt by the same.
        model: The network, where no run of pretrain says so, with options of its own after commas, such as
            state_space,depth=8.
        patients: From how many labelled patients is learnt, besides from all.
        regions: Into how many regions places are put together; 0 for segments where some are named, else eight regions.
        others: What stands beside the networks: boosting, and untrained, a head on an encoder that has learnt nothing.
        split: As of pretrain; the audit refuses test patients whom an encoder has seen.
        seeds: One training with each, which also draws the patients.
        fold: The test fold, from 1.
        fold_count: How many folds there are.
        rate_hz: Samples per second, where no run of pretrain says so.
        unit: mV or z, likewise.
        bandpass_hz: A band to keep, likewise.
        length_s: Length of a recording, likewise.
        epochs: Rounds of training.
        draws: Windows a round, however few records there are.

    Raises:
        UnknownName: If a network, splitter or way of learning does not exist.
        RunError: If nothing is asked for, something twice, or a number that cannot be; or runs do not go together.
        ValueError: If a run holds no encoder.
    """

    listed(**{"from": from_ or ("none",)}, data=data, seeds=seeds, patients=patients or (1,))
    listed(others=others or ("none",))
    at_least(1, epochs=epochs, draws=draws, fold=fold, patients=patients)
    at_least(3, fold_count=fold_count)
    at_least(0, regions=regions)
    above(0, rate_hz=rate_hz, length_s=length_s)
    registry.nearest(unit, ("mV", "z"), "unit")
    network, options = models.parse(model)
    for name in others:
        registry.nearest(name, ("boosting", "untrained"), "way of learning")
    known([], split)
    learnt = [begun(run) for run in from_]
    alike(learnt)
    form = input_of("localisation", learnt, rate_hz=rate_hz, unit=unit, bandpass_hz=bandpass_hz, length_s=length_s)
    plain = learnt[0] if learnt else Begun("", "", network, options, form)
    if model != _USUAL and (network, options) != (plain.model, plain.options):
        raise RunError(f"model is {model}, but {plain.weights} holds {plain.model}; leave it out, or take another run")
    names = [encoder.name for encoder in learnt]
    if len(set(names)) < len(names):
        names = [Path(encoder.weights).name for encoder in learnt]
    taken = ("scratch", "naive", *others)
    listed(**{"from, by the names of its folders and beside the other ways,": [*names, *taken]})
    ways = {name: (encoder, WAYS["finetune"]) for name, encoder in zip(names, learnt, strict=True)}
    ways |= {name: (plain, WAYS[name]) for name in ("scratch", *others)}
    levels: list[int | None] = [*patients, None]
    planned = _FIRST if _FIRST in levels else levels[0]
    arms = [Arm(at_number("naive", None), "naive", watches="", rank=2)]
    for level in levels:
        for name, (encoder, how) in ways.items():
            facts: dict[str, Any] = {"few": Few(patients=level), "rank": 0 if level == planned else 1}
            arms.append(way(at_number(name, level), name, encoder, how, rounds=(epochs, draws), **facts))
    first = next(iter(ways))
    if first == "scratch":
        first = others[0] if others else "naive"
        planned = planned if others else None
    return Experiment(
        study="localisation",
        title="The origin of ventricular tachycardia",
        data=tuple(data),
        labels=(f"origin:{regions}" if regions else "origin",),
        arms=tuple(arms),
        seeds=tuple(seeds),
        folds=(fold,),
        split=split,
        fold_count=fold_count,
        baseline=at_number("scratch", planned),
        primary=at_number(first, planned),
        **plain.form,
    )
