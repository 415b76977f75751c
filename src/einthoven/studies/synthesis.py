"""S1: generators that make a synthetic 12-lead data set which can be shared.

After Yoo, Moon, Kim and Joo 2023, "Medical data sharing with a synthetic 12-lead data set", Health Information Science
and Systems 11:41, https://doi.org/10.1007/s13755-023-00241-y, of which the abstract was to be had: normal ECGs and five
groups of abnormal ones. Which five is our reading: the diagnoses of CODE without bradycardia.

A generator learns from the training patients alone, and is asked how well it gives back records that it has never seen,
which is what the published likeness (RMSE, cosine) measures. What it makes of noise is written by `einthoven generate`.

Of what use that is, classifiers tell: they learn from it, alone or beside the real training records, and answer for
real test records, each of the other groups against the normal one ("five classification models"), and all groups at
once.
The contrast that is written down before any run is the first classifier's on the first generator's records alone
against the same on real ones, in macro AUROC of the former.
"""

__all__ = ["synthesis"]

from collections.abc import Sequence
from typing import Any, Literal

from einthoven import generators, registry
from einthoven.generators.simulator import Simulator
from einthoven.pipeline import Arm, Experiment, Made, RunError
from einthoven.studies import _encoders
from einthoven.studies._checks import above, at_least, known, listed
from einthoven.training import Recipe

_GROUPS = ("NORM", "AFIB", "1AVB", "CLBBB", "CRBBB", "STACH")
_RECORDING_S = 10.0
_AVERAGE = 0.999
_CLASSIFIERS = ("boosting", "code_resnet", "xresnet1d101")
_ROUNDS, _RATE, _DRAWS = 50, 1e-2, 640  # of a network: 250 steps, however many records there are


def synthesis(
    data: Sequence[str],
    *,
    groups: Sequence[str] = _GROUPS,
    models: Sequence[str] = ("cnn_bilstm", "flow"),
    copies: Sequence[float] = (0.05, 0.2, 0.5),
    simulator: bool = True,
    classifiers: Sequence[str] = ("boosting", "xresnet1d101"),
    normal: str = "NORM",
    per_group: int | None = None,
    encoder: str = "",
    labels: str = "statements",
    split: str = "stable",
    seeds: Sequence[int] = (0,),
    generator_seeds: int = 1,
    folds: Sequence[int] = (10,),
    fold_count: int = 10,
    rate_hz: float = 100.0,
    unit: Literal["mV", "z"] = "z",
    bandpass_hz: tuple[float, float] | None = (0.5, 40.0),
    epochs: int = 150,
    rate: float = 1e-3,
) -> Experiment:
    """Makes generators of synthetic 12-lead ECGs from the training patients.

    Arguments:
        data: Data sets as NAME=WHERE, such as ptbxl=/data/ptbxl.
        groups: Classes of the label set that can be wanted; a record that has several is of all of them.
        models: Generators: cnn_bilstm (an autoencoder with a flow for its prior, after S1), flow, and vqvae (an
            alphabet of pieces of ECG, after S3).
        copies: Beside them, training records with noise of so many deviations of a lead, which must be caught.
        simulator: Beside them, simulated ECGs, which have seen nobody, where the simulator knows all the groups.
        classifiers: What learns from synthetic records and from real ones, to tell of what use they are: boosting,
            xresnet1d101, code_resnet; none where that is not asked.
        normal: The group that each of the others is told from alone, where it is one of the groups.
        per_group: From how many synthetic records of each group a classifier learns, and how many the data set has that
            is written beside the report; by default a classifier learns from as many as the generator did, of the same
            groups, and no data set is written.
        encoder: A run of `study pretrain` that has seen none of these patients, in whose embedding crowds are compared,
            beside hand-made features.
        labels: The label set that the groups are of.
        split: As of pretrain; nothing is learnt from its validation and test part.
        seeds: One training of each classifier with each.
        generator_seeds: With how many of these, from the first, generators are trained.
        folds: Test folds, from 1.
        fold_count: How many folds there are.
        rate_hz: Samples per second of what is made.
        unit: mV, or z for leads that are standardised one by one.
        bandpass_hz: A band to keep.
        epochs: Rounds through the records.
        rate: The highest learning rate.

    Raises:
        UnknownName: If a group, generator, label set, splitter or unit does not exist.
        RunError: If nothing is asked for, something twice, or a number that cannot be.
    """

    groups = [group for words in groups for group in words.split(",")]
    listed(data=data, groups=groups, models=models, seeds=seeds, folds=folds)
    listed(classifiers=classifiers or ["none"])
    at_least(1, epochs=epochs, folds=folds, generator_seeds=generator_seeds, per_group=per_group or 1)
    at_least(3, fold_count=fold_count)
    above(0, rate=rate, rate_hz=rate_hz)
    known([f"{labels}:{','.join(groups)}"], split)
    registry.nearest(unit, ("mV", "z"), "unit")
    for name in models:
        registry.nearest(name, generators.learners(), "generator that learns")
    for name in classifiers:
        registry.nearest(name, _CLASSIFIERS, "classifier")
    if twice := {level for level in copies if list(copies).count(level) > 1 or level < 0}:
        raise RunError(f"copies have noise of different levels, 0 or more, not {', '.join(f'{x:g}' for x in twice)}")
    recipe = Recipe(epochs, 32, rate, "adamw", 1e-2, schedule="one_cycle", monitor="last", average=_AVERAGE)
    makers = [Arm(name, generator=name, recipe=recipe, seeds=generator_seeds) for name in models]
    rest: dict[str, Any] = {"watches": "", "seeds": generator_seeds, "rank": 1}
    makers += [Arm(f"copies@{level:g}", generator="copies", options={"level": level}, **rest) for level in copies]
    if simulator and set(groups) <= set(Simulator.conditions()):
        options = {"groups": groups, "bandpass_hz": list(bandpass_hz) if bandpass_hz else None}
        makers.append(Arm("simulator", generator="simulator", options=options, **rest))
    learners, pairs = _classifiers(classifiers, makers, per_group)
    others = [group for group in groups if group != normal] if normal in groups and classifiers else []
    told = [f"{labels}:{','.join(f'{group}/{normal}' for group in others)}"] if others else []
    return Experiment(
        study="synthesis",
        title="A synthetic 12-lead data set",
        data=tuple(data),
        labels=(f"{labels}:{','.join(groups)}", *told),
        arms=(*makers, *learners),
        seeds=tuple(seeds),
        folds=tuple(folds),
        split=split,
        fold_count=fold_count,
        samples=round(_RECORDING_S * rate_hz),
        rate_hz=float(rate_hz),
        unit=unit,
        bandpass_hz=bandpass_hz,
        baseline=models[-1],
        primary=models[0],
        pairs=tuple(pairs),
        encoder=encoder,
        release=per_group or 0,
    )


def _classifiers(
    names: Sequence[str], makers: Sequence[Arm], each: int | None
) -> tuple[list[Arm], list[tuple[str, str]]]:
    """The arms that learn from real or from made records, or both, and each beside the one of real records."""
    arms, pairs = [], []
    for name in names:
        recipe = None if name == "boosting" else _encoders.recipe(name, _ROUNDS, _RATE, _DRAWS)
        plain: dict[str, Any] = {"model": name, "recipe": recipe, "rank": 2}
        real = Arm(f"{name}@real", **plain, tried=tuple(maker.name for maker in makers))
        mine = [real]
        for maker in makers:
            made = Made(maker.name, each)
            mine.append(Arm(f"{name}@{maker.name}", **plain, learns=(), made=made))
            if maker.generator != "copies":
                mine.append(Arm(f"{name}@real+{maker.name}", **plain, made=made))
        arms += mine
        pairs += [(arm.name, real.name) for arm in mine]
    if names:
        arms.append(Arm("naive@real", model="naive", rank=2))
        pairs.append(("naive@real", pairs[0][1]))
    return arms, pairs
