"""S1: generators that make a synthetic 12-lead data set which can be shared.

After Yoo, Moon, Kim and Joo 2023, "Medical data sharing with a synthetic 12-lead data set", Health Information Science
and Systems 11:41, https://doi.org/10.1007/s13755-023-00241-y, of which the abstract was to be had: normal ECGs and five
groups of abnormal ones. Which five is our reading: the diagnoses of CODE without bradycardia.

A generator learns from the training patients alone, and is asked how well it gives back records that it has never seen,
which is what the published likeness (RMSE, cosine) measures. What it makes of noise is written by `einthoven generate`.
"""

__all__ = ["synthesis"]

from collections.abc import Sequence
from typing import Literal

from einthoven import generators, registry
from einthoven.generators.simulator import Simulator
from einthoven.pipeline import Arm, Experiment, RunError
from einthoven.studies._checks import above, at_least, known, listed
from einthoven.training import Recipe

_GROUPS = ("NORM", "AFIB", "1AVB", "CLBBB", "CRBBB", "STACH")
_RECORDING_S = 10.0


def synthesis(
    data: Sequence[str],
    *,
    groups: Sequence[str] = _GROUPS,
    models: Sequence[str] = ("cnn_bilstm", "flow"),
    copies: Sequence[float] = (0.05, 0.2, 0.5),
    simulator: bool = True,
    labels: str = "statements",
    split: str = "stable",
    seeds: Sequence[int] = (0,),
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
        models: Generators: cnn_bilstm (an autoencoder with a flow for its prior, after S1) and flow.
        copies: Beside them, training records with noise of so many deviations of a lead, which must be caught.
        simulator: Beside them, simulated ECGs, which have seen nobody, where the simulator knows all the groups.
        labels: The label set that the groups are of.
        split: As of pretrain; nothing is learnt from its validation and test part.
        seeds: One training of each generator with each.
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
    at_least(1, epochs=epochs, folds=folds)
    at_least(3, fold_count=fold_count)
    above(0, rate=rate, rate_hz=rate_hz)
    known([f"{labels}:{','.join(groups)}"], split)
    registry.nearest(unit, ("mV", "z"), "unit")
    for name in models:
        registry.nearest(name, generators.learners(), "generator that learns")
    if twice := {level for level in copies if list(copies).count(level) > 1 or level < 0}:
        raise RunError(f"copies have noise of different levels, 0 or more, not {', '.join(f'{x:g}' for x in twice)}")
    recipe = Recipe(epochs, 32, rate, "adamw", 1e-2, schedule="one_cycle", monitor="last")
    beside = [
        Arm(f"copies@{level:g}", generator="copies", options={"level": level}, watches="", rank=1) for level in copies
    ]
    if simulator and set(groups) <= set(Simulator.conditions()):
        options = {"groups": groups, "bandpass_hz": list(bandpass_hz) if bandpass_hz else None}
        beside.append(Arm("simulator", generator="simulator", options=options, watches="", rank=1))
    return Experiment(
        study="synthesis",
        title="A synthetic 12-lead data set",
        data=tuple(data),
        labels=(f"{labels}:{','.join(groups)}",),
        arms=(*(Arm(name, generator=name, recipe=recipe) for name in models), *beside),
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
    )
