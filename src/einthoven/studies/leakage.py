"""What leakage does to the figures of beat classifiers: one mechanism after the other, each beside its honest twin.

The tested beats are the same throughout (`splits.leakage`), and so is how much there is to learn from, so a difference
is the mechanism's and not that of more beats:

    patients     learns from beats of the tested patients, of an earlier quarter of an hour, instead of other patients'
    neighbours   learns from the beats between the tested ones, as a split of beats at random does
    scaling      each sample is scaled by mean and deviation over all data, test included, instead of training alone
    stopping     the best epoch is chosen on the test instead of validation
    deciding     the weights of the classes are chosen on the test instead of validation

The planned contrasts are written down here, before any run: each leaky arm against its twin, and as the primary one the
neighbours against other patients.
"""

__all__ = ["leakage"]

import dataclasses
from collections.abc import Sequence
from typing import Literal

from einthoven import registry
from einthoven.pipeline import Arm, Experiment, Few
from einthoven.studies._checks import at_least, listed
from einthoven.studies._fourier import BEAT_S, BESIDE, MODELS, NETWORKS, arm, recipe

_FOLDS = 10


def leakage(
    data: Sequence[str],
    *,
    models: Sequence[str] = ("resnet18", "boosting"),
    beside: Literal["nothing", "rhythm", "usual"] = "nothing",
    beats: int = 12_000,
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
        beats: How many beats each arm learns from.
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
    at_least(1, epochs=epochs, draws=draws, beats=beats)
    for name in models:
        registry.nearest(name, [name for name in MODELS if name != "naive"], "model of this study")
    registry.nearest(beside, BESIDE, "thing beside the beat")
    found = [_arms(name, beside, Few(records=beats), (epochs, draws)) for name in models]
    pairs = [pair for _, of_model in found for pair in of_model]
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
        baseline=pairs[0][1],
        primary=pairs[0][0],
        pairs=tuple(pairs),
    )


def _arms(model: str, beside: str, few: Few, rounds: tuple[int, int]) -> tuple[list[Arm], list[tuple[str, str]]]:
    """The arms of a model, and which is a leak beside which."""
    honest = arm(model, beside, recipe(*rounds), few=few, watches="")
    arms, name = [honest], honest.name

    def add(mechanism: str, **changes: object) -> str:
        arms.append(dataclasses.replace(honest, name=f"{name}-{mechanism}", **changes))  # type: ignore[arg-type]
        return arms[-1].name

    pairs = [
        (add("neighbours", learns=("between",)), name),
        (add("patients", learns=("earlier",)), name),
        (add("scaling-on-all", scaled=("train", "validation", "test")), add("scaling-on-training", scaled=("train",))),
    ]
    if model in NETWORKS:
        chosen = recipe(*rounds, monitor="loss")
        by_test = add("stopping-on-test", recipe=chosen, watches="test")
        pairs.append((by_test, add("stopping-on-validation", recipe=chosen, watches="validation")))
    decided = [Arm(f"{name}-deciding-on-{part}", members=(name,), decides=part) for part in ("test", "validation")]
    return [*arms, *decided], [*pairs, (decided[0].name, decided[1].name)]
