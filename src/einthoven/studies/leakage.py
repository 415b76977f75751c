"""What leakage does to the figures of beat classifiers: one mechanism after the other, each beside its twin.

The tested beats are the same throughout, and each arm learns from as many beats of each class (`splits.leakage`), so a
difference is not that of more beats or of more rare ones:

    patients     learns from beats of the tested patients, of an earlier quarter of an hour, instead of other patients'
    neighbours   learns from the beats between the tested ones, as a split of beats at random does; beside `patients`
                 it tells what it is worth that they are so near
    scaling      each sample is scaled by mean and deviation over all beats, tested ones included, instead of training
                 alone; on beats that are standardised one by one already
    stopping     the best epoch is chosen on the test instead of validation
    deciding     the weights of the classes are chosen on the test instead of validation

The planned contrasts are written down here, before any run: each arm against its twin, and as the primary one the
honest arm against the one that learnt from neighbours, the leakage gap.
"""

__all__ = ["leakage"]

import dataclasses
from collections.abc import Sequence
from typing import Literal

from einthoven import registry
from einthoven.pipeline import Arm, Experiment
from einthoven.studies._checks import at_least, beats_of, listed
from einthoven.studies._fourier import BEAT_S, BESIDE, MODELS, NETWORKS, PEAK_S, arm, recipe

_FOLDS = 10


def leakage(
    data: Sequence[str],
    *,
    models: Sequence[str] = ("resnet18", "boosting"),
    beside: Literal["nothing", "rhythm", "usual"] = "nothing",
    seeds: Sequence[int] = (0,),
    lead: str = "MLII",
    rate_hz: float = 360.0,
    epochs: int = 5,
    draws: int = 8_000,
) -> Experiment:
    """Measures what each kind of leak adds to the figures of a beat classifier.

    Arguments:
        data: Where MIT-BIH lies: mitdb=DIR,paced=false.
        models: Of resnet18 (on Fourier images), beat_cnn (on the signal) and boosting (on hand-made features).
        beside: What the models see beside the beat: nothing; rhythm, the intervals between beats; or usual, these and
            how like the beat is to the usual one of its recording.
        seeds: One training of each with each.
        lead: The lead, by its name.
        rate_hz: Samples per second that the models see.
        epochs: Rounds of training.
        draws: Beats a round.

    Raises:
        UnknownName: If there is no such model.
        RunError: If nothing is asked for, something twice, or a number that cannot be.
    """

    listed(data=data, models=models, seeds=seeds)
    beats_of(data, PEAK_S, BEAT_S - PEAK_S)
    at_least(1, epochs=epochs, draws=draws)
    for name in models:
        registry.nearest(name, [name for name in MODELS if name != "naive"], "model of this study")
    registry.nearest(beside, BESIDE, "thing beside the beat")
    found = [_arms(name, beside, (epochs, draws)) for name in models]
    pairs = [pair for _, of_model in found for pair in of_model]
    neighbours, honest = pairs[0]
    return Experiment(
        study="leakage",
        title="What leakage does to beat classifiers",
        data=tuple(data),
        labels=("aami3",),
        arms=tuple(one for arms, _ in found for one in arms),
        seeds=tuple(seeds),
        folds=(_FOLDS,),
        split="leakage",
        fold_count=_FOLDS,
        samples=round(BEAT_S * rate_hz),
        rate_hz=float(rate_hz),
        unit="z",
        leads=(lead,),
        baseline=neighbours,
        primary=honest,
        pairs=tuple(pairs),
    )


def _arms(model: str, beside: str, rounds: tuple[int, int]) -> tuple[list[Arm], list[tuple[str, str]]]:
    """The arms of a model, and which of them stand beside which."""
    honest = arm(model, beside, recipe(*rounds), watches="")
    arms, name = [honest], honest.name

    def add(mechanism: str, **changes: object) -> str:
        arms.append(dataclasses.replace(honest, name=f"{name}-{mechanism}", **changes))  # type: ignore[arg-type]
        return arms[-1].name

    neighbours, patients = add("neighbours", learns=("between",)), add("patients", learns=("earlier",))
    pairs = [(neighbours, name), (patients, name), (neighbours, patients)]
    everything = ("train", "validation", "earlier", "between", "test")
    pairs.append((add("scaling-on-all", scaled=everything), add("scaling-on-training", scaled=("train",))))
    if model in NETWORKS:
        # At a constant rate epochs differ, and so there is something to choose; after one cycle the last is the best.
        chosen = dataclasses.replace(recipe(*rounds, monitor="loss"), schedule="constant")
        by_test = add("stopping-on-test", recipe=chosen, watches="test")
        pairs.append((by_test, add("stopping-on-validation", recipe=chosen, watches="validation")))
    decided = [Arm(f"{name}-deciding-on-{part}", members=(name,), decides=part) for part in ("test", "validation")]
    return [*arms, *decided], [*pairs, (decided[0].name, decided[1].name)]
