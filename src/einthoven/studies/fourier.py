"""S4: an image network fine-tuned on Fourier images of single beats, for small training sets.

After Wang and Lee 2024, https://doi.org/10.1101/2024.07.09.24310152, of which the abstract was to be had: a ResNet-18
that has learnt from photographs is fine-tuned on Fourier images of the beats of MIT-BIH. Image and recipe are our
choice. Classes exclude each other, so what is said of a beat is the most probable one, and the figures are those of
EC57. Nothing is chosen on validation records: every network has as many steps, and its last weights count. So all arms
learn from the training and the validation part alike, on the inter-patient split the 22 recordings of DS1.

The primary contrast is written down here, before any run: with weights, the network that begins with them against the
same network from scratch; without, the network against gradient boosting, all of them with the rhythm beside the beat
where it was asked for.
"""

__all__ = ["fourier"]

import dataclasses
from collections.abc import Sequence
from typing import Literal

from einthoven import labels as label_sets
from einthoven import registry, splits
from einthoven.pipeline import Arm, Experiment, Few, RunError
from einthoven.studies._checks import at_least, beats_of, listed
from einthoven.studies._fourier import BEAT_S, BESIDE, MODELS, NETWORKS, PEAK_S, arm, recipe
from einthoven.training import Transfer

_TRANSFER = "resnet18-transfer"
_LEARNS = ("train", "validation")
_LADDER = (("-rr-usual", "-rr"), ("-rr", ""))


def fourier(
    data: Sequence[str],
    *,
    classes: Literal["aami3", "aami5"] = "aami3",
    models: Sequence[str] = ("resnet18", "beat_cnn", "boosting", "naive"),
    weights: str = "none",
    freeze: int | Literal["trunk"] = 0,
    layer_decay: float = 1.0,
    beside: Sequence[Literal["nothing", "rhythm", "usual"]] = ("nothing", "rhythm"),
    patients: Sequence[int] = (),
    beats: Sequence[int] = (),
    split: str = "inter_patient",
    seeds: Sequence[int] = (0,),
    fold_count: int = 10,
    lead: str = "MLII",
    rate_hz: float = 360.0,
    epochs: int = 5,
    draws: int = 8_000,
) -> Experiment:
    """Fine-tunes an image network on Fourier images of single beats, for small training sets.

    Arguments:
        data: Data sets as NAME=WHERE; for beats mitdb=DIR,paced=false.
        classes: aami3 (N, S and V; a beat of F or Q is neither learnt nor counted) or aami5.
        models: Of resnet18 (on Fourier images), beat_cnn (on the signal), boosting (on hand-made features) and naive.
        weights: What resnet18-transfer begins with, beside resnet18 from scratch: imagenet (torchvision's published
            file), a file, the folder of a run such as that of fourier_weights, or none for no such arm.
        freeze: Of resnet18-transfer, how many stages, from the input, keep these weights; trunk for all but the head,
            which is a linear probe.
        layer_decay: Of resnet18-transfer, the learning rate of a stage as a share of that of the next; the head learns
            at the full rate.
        beside: What the models see beside the beat, each an arm of every model: nothing; rhythm (-rr), the intervals
            between beats; or usual (-rr-usual), these and how like the beat is to the usual one of its recording.
        patients: Numbers of training patients, such as 1 2 5 11 22: an arm each of every network, such as resnet18@5p.
        beats: Numbers of beats of each training patient, such as 10 100: likewise, such as resnet18@10b.
        split: inter_patient (DS1 against DS2), inter_patient_strict, by_patient, the leaky by_example, or a file.
        seeds: One training of each model with each seed, which also draws the patients and beats.
        fold_count: How many folds there are; the last is the test set.
        lead: The lead, by its name.
        rate_hz: Samples per second that the models see.
        epochs: Rounds of training.
        draws: Beats a round.

    Raises:
        UnknownName: If a model, a set of classes, a splitter or a thing beside the beat does not exist.
        RunError: If nothing is asked for, something twice, or a number that cannot be.
        ValueError: If a number of stages or a decay cannot be.
    """

    listed(data=data, models=models, seeds=seeds, beside=beside)
    beats_of(data, PEAK_S, BEAT_S - PEAK_S)
    at_least(1, epochs=epochs, draws=draws, patients=patients, beats=beats)
    at_least(3, fold_count=fold_count)
    registry.nearest(classes, [name for name in label_sets.names() if label_sets.get(name, ()).exclusive], "classes")
    for name in models:
        registry.nearest(name, MODELS, "model of this study")
    for name in beside:
        registry.nearest(name, BESIDE, "thing beside the beat")
    splits.known(split)
    if weights != "none" and "resnet18" not in models:
        raise RunError("the weights are for resnet18, which is not among the models; name it too")
    how = recipe(epochs, draws)
    grid = [(name, kind) for kind in beside for name in models if name != "naive" or kind == beside[0]]
    plain = [arm(name, kind, how, learns=_LEARNS, watches="") for name, kind in grid]
    transfer = Transfer(None if weights == "none" else weights, freeze=freeze, layer_decay=layer_decay)
    arms = [each for one in plain for each in _begun(one, transfer)]
    arms += [_scarce(one, few) for few in _fews(patients, beats) for one in arms if one.model in NETWORKS]
    names = [one.name for one in arms]
    primary, baseline = _contrast(names, BESIDE["rhythm" if "rhythm" in beside else beside[0]][0])
    return Experiment(
        study="fourier",
        title="Single beats from their Fourier images",
        data=tuple(data),
        labels=(classes,),
        arms=tuple(arms),
        seeds=tuple(seeds),
        folds=(fold_count,),
        split=split,
        fold_count=fold_count,
        samples=round(BEAT_S * rate_hz),
        rate_hz=float(rate_hz),
        unit="z",
        leads=(lead,),
        baseline=baseline,
        primary=primary,
        pairs=_pairs(names),
    )


def _begun(one: Arm, transfer: Transfer) -> list[Arm]:
    """The arm, and where there are weights for it the same that begins with them."""
    if transfer.weights is None or one.model != "resnet18":
        return [one]
    name = _TRANSFER + one.name.removeprefix("resnet18")
    return [one, dataclasses.replace(one, name=name, transfer=transfer)]


def _fews(patients: Sequence[int], beats: Sequence[int]) -> list[tuple[str, Few]]:
    return [(f"@{n}p", Few(patients=n)) for n in patients] + [(f"@{n}b", Few(each=n)) for n in beats]


def _scarce(one: Arm, few: tuple[str, Few]) -> Arm:
    return dataclasses.replace(one, name=one.name + few[0], few=few[1])


def _pairs(names: list[str]) -> tuple[tuple[str, str], ...]:
    """What stands beside the main contrast: transfer against scratch, and more beside the beat against less."""
    begun = [(name, name.replace(_TRANSFER, "resnet18")) for name in names if name.startswith(_TRANSFER)]
    more = [(name, name.replace(end, less)) for name in names for end, less in _LADDER if name.endswith(end)]
    return tuple(pair for pair in (*begun, *more) if pair[1] in names)


def _contrast(names: list[str], suffix: str) -> tuple[str, str]:
    """The primary arm and what it was planned to be compared with."""
    order = [name + suffix for name in (_TRANSFER, "resnet18", "beat_cnn", "boosting")]
    first = next((name for name in order if name in names), "naive")
    rivals = [order[1]] if first == order[0] else [order[3], "naive", order[2]]
    return first, next((name for name in rivals if name in names and name != first), first)
