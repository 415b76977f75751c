"""S5, second step: an encoder that has learnt without labels learns a task from a few.

Beside it stands what it has to beat: the same network from scratch, the same network untrained and frozen, gradient
boosting on hand-made features, and the prevalence. Every network has as many steps, and its last weights count, so
nothing is chosen on validation. With a fraction of the labels, drawn patient by patient, the validation labels that
thresholds are fitted on are thinned alike.

The primary contrast is written down here, before any run: fine-tuning against scratch, with the same labels.
"""

__all__ = ["finetune"]

import dataclasses
from collections.abc import Sequence

from einthoven import registry
from einthoven.pipeline import Experiment, Few, RunError
from einthoven.studies._checks import at_least, known, listed
from einthoven.studies._encoders import WAYS, begun, way

_ARMS = ("finetune", "probe", "scratch", "untrained", "boosting", "naive")


def finetune(
    data: Sequence[str],
    *,
    from_: str,
    labels: Sequence[str] = ("superclass",),
    fraction: float = 1.0,
    arms: Sequence[str] = _ARMS,
    leads: Sequence[str] = (),
    split: str = "stable",
    seeds: Sequence[int] = (0,),
    folds: Sequence[int] = (10,),
    fold_count: int = 10,
    epochs: int = 25,
    draws: int = 1280,
    rate: float | None = None,
    layer_decay: float = WAYS["finetune"].layer_decay,
) -> Experiment:
    """Lets an encoder that has learnt without labels learn a task from a few.

    Arguments:
        data: Data sets as NAME=WHERE, such as ptbxl=/data/ptbxl.
        from_: The run of pretrain, or a checkpoint in it. Network, leads, rate, unit and band are those of the encoder.
        labels: Label sets: code6, superclass, subclass, statements, form, rhythm, cinc2020, cinc2021, or own.
        fraction: Of the training patients whose labels are learnt from, above 0 and up to 1; the seed draws them.
        arms: Of finetune (all weights learn on), probe (the head alone), scratch, untrained (the head alone, on an
            encoder that has learnt nothing), boosting and naive.
        leads: Those that the data have, where they are fewer than the encoder's; it is told that the others are
            missing, and should have learnt with some missing (--subset of pretrain). By default all of its leads.
        split: As of pretrain; the audit refuses test patients whom the encoder has seen.
        seeds: One training of each arm with each seed, which also draws the patients.
        folds: Test folds, from 1.
        fold_count: How many folds there are.
        epochs: Rounds of training.
        draws: Windows a round, however few records there are.
        rate: The highest learning rate of finetune; by default the one that suits the network.
        layer_decay: Of finetune, the learning rate of a stage as a share of that of the next, so that those near the
            input move less; 1 for one rate.

    Raises:
        UnknownName: If a label set, splitter or arm does not exist.
        RunError: If nothing is asked for, something twice, or a number that cannot be.
        ValueError: If there is no such encoder.
    """

    listed(data=data, labels=labels, seeds=seeds, folds=folds, arms=arms)
    at_least(1, epochs=epochs, draws=draws, folds=folds)
    at_least(3, fold_count=fold_count)
    if not 0 < fraction <= 1:
        raise RunError(f"fraction is a share of the patients, above 0 and up to 1, not {fraction}")
    for name in arms:
        registry.nearest(name, _ARMS, "arm of this study")
    known(labels, split)
    encoder = begun(from_, leads)
    how = {**WAYS, "finetune": dataclasses.replace(WAYS["finetune"], rate=rate, layer_decay=layer_decay)}
    few = Few(share=fraction) if fraction < 1 else Few()
    made = [way(name, name, encoder, how[name], few=few, rounds=(epochs, draws)) for name in arms]
    return Experiment(
        study="finetune",
        title="A few labels after learning without",
        data=tuple(data),
        labels=tuple(labels),
        arms=tuple(made),
        seeds=tuple(seeds),
        folds=tuple(folds),
        split=split,
        fold_count=fold_count,
        baseline="scratch" if "scratch" in arms and arms[0] != "scratch" else arms[-1],
        primary=arms[0],
        **encoder.form,
    )
