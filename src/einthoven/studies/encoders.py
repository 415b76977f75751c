"""Encoders side by side: from scratch and begun with what each learnt without labels, at several shares of the labels.

Which network should be the default is asked here, and whether its advantage grows or melts away as labels become
scarce. Every network takes as many steps at every share, and its last weights count; with other rounds for some of them
(`rounds`) all may take the same time instead. The contrast that is written down before any run is the second encoder
against the first, both from scratch with all labels: a state-space network against xresnet1d101. The other ways are
held against the latter too, with all labels and with as many. Of one encoder alone, what it was begun with is planned.
"""

__all__ = ["encoders"]

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeVar

from einthoven import models as models_room
from einthoven import registry
from einthoven.pipeline import Arm, Experiment, Few, RunError
from einthoven.studies._checks import above, at_least, known, listed
from einthoven.studies._encoders import WAYS, Begun, Way, at_share, begun, input_of, way

_T = TypeVar("_T")
_OTHERS = ("boosting", "untrained")
_ALL = ("xresnet1d101", "state_space", "code_resnet", "ecg_vit")


def encoders(
    data: Sequence[str],
    *,
    models: Sequence[str] = _ALL,
    from_: Sequence[str] = (),
    probe: bool = False,
    labels: Sequence[str] = ("superclass", "code6"),
    fractions: Sequence[float] = (0.1, 0.25, 0.5, 1.0),
    others: Sequence[str] = ("boosting",),
    split: str = "stable",
    seeds: Sequence[int] = (0, 1, 2),
    fold: int = 10,
    fold_count: int = 10,
    rate_hz: float = 100.0,
    unit: Literal["mV", "z"] = "z",
    bandpass_hz: tuple[float, float] | None = (0.5, 40.0),
    length_s: float = 10.0,
    epochs: int = 50,
    draws: int = 1280,
    rates: dict[str, float] | None = None,
    rounds: dict[str, int] | None = None,
) -> Experiment:
    """Compares encoders, from scratch and begun with what they learnt without labels.

    Arguments:
        data: Data sets as NAME=WHERE, such as ptbxl=/data/ptbxl.
        models: Encoders, each with options of its own after commas, such as state_space,depth=8; the first is what the
            others are held against.
        from_: Runs of pretrain of some of them, all of one form of input, fine-tuned under the names of encoder and
            objective.
        probe: Whether a head alone is learnt on each of these besides.
        labels: Label sets, as of code.
        fractions: Shares of the training patients, above 0 and up to 1; 1 is among them.
        others: What stands beside them, with as many labels: boosting, and untrained, a head alone on each encoder that
            has learnt nothing, which is there wherever heads alone are.
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
        rates: Another highest learning rate of an encoder, by its name: --rates.state_space 0.003. In Python also by a
            name with options.
        rounds: Another number of rounds of an encoder, likewise: --rounds.state_space 20.

    Raises:
        UnknownName: If an encoder, label set or splitter does not exist.
        RunError: If nothing is asked for, something twice, or a number that cannot be; or runs do not go together.
        ValueError: If a run holds no encoder, or one cannot be built.
    """

    listed(**{"from": from_ or ("none",)}, data=data, models=models, labels=labels, seeds=seeds, fractions=fractions)
    listed(others=others or ("none",))
    at_least(1, epochs=epochs, draws=draws, fold=fold)
    at_least(3, fold_count=fold_count)
    above(0, rate_hz=rate_hz, length_s=length_s)
    known(labels, split)
    registry.nearest(unit, ("mV", "z"), "unit")
    networks = {name: models_room.parse(name) for name in models}
    _distinct(networks)
    for name in others:
        registry.nearest(name, _OTHERS, "model beside the encoders")
    rates, rounds = rates or {}, rounds or {}
    at_least(1, **{f"rounds of {name}": count for name, count in rounds.items()})
    above(0, **{f"rate of {name}": rate for name, rate in rates.items()})
    for name in (*rates, *rounds):
        registry.nearest(name, (*models, *(network for network, _ in networks.values())), "encoder of this study")
    if not all(0 < share <= 1 for share in fractions) or 1.0 not in fractions:
        raise RunError(f"fractions are shares of the patients above 0 and up to 1, and 1 is one: {list(fractions)}")
    learnt = [begun(run) for run in from_]
    form = input_of("encoders", learnt, rate_hz=rate_hz, unit=unit, bandpass_hz=bandpass_hz, length_s=length_s)
    begins = _theirs(learnt, networks, form)
    ways: dict[str, tuple[Begun, Way, int]] = {}
    for name, (network, options) in networks.items():
        plain, times = Begun("", "", network, options, form), _told(rounds, (name, network), epochs)
        for told, encoder, how in _ways(plain, begins[name], probe, "untrained" in others):
            how = dataclasses.replace(how, rate=_told(rates, (name, network), how.rate))
            ways[f"{name}{told}"] = encoder, how, times
    if "boosting" in others:
        ways["boosting"] = Begun("", "", "boosting", {}, form), WAYS["boosting"], epochs
    if len(ways) < 2:
        raise RunError(f"{models[0]} stands beside nothing; name another encoder, a run of pretrain, or boosting")
    against = models[1] if len(models) > 1 else list(ways)[1]
    arms: list[Arm] = [Arm("naive", "naive", watches="", rank=2)]
    for share in sorted(fractions):
        for name, (encoder, how, times) in ways.items():
            facts: dict[str, Any] = {"few": Few(share=share), "rank": 0 if share == 1.0 else 1}
            arms.append(way(at_share(name, share), name, encoder, how, rounds=(times, draws), **facts))
    return Experiment(
        study="encoders",
        title="Encoders side by side",
        data=tuple(data),
        labels=tuple(labels),
        arms=tuple(arms),
        seeds=tuple(seeds),
        folds=(fold,),
        split=split,
        fold_count=fold_count,
        baseline=at_share(models[0], 1.0),
        primary=at_share(against, 1.0),
        **form,
    )


def _distinct(networks: Mapping[str, tuple[str, dict[str, Any]]]) -> None:
    """Holds that no two names mean one network.

    Raises:
        RunError: If they do.
    """
    for place, (name, network) in enumerate(networks.items()):
        for other in list(networks)[:place]:
            if networks[other] == network:
                raise RunError(f"models names {other} again as {name}; name it once")


def _theirs(
    learnt: Sequence[Begun], networks: Mapping[str, tuple[str, dict[str, Any]]], form: dict[str, Any]
) -> dict[str, list[Begun]]:
    """Of each network what learnt without labels, one of an objective.

    Raises:
        RunError: If one is of no such network, there is another like it, or it takes another input.
    """
    found: dict[str, list[Begun]] = {name: [] for name in networks}
    for encoder in learnt:
        if encoder.form != form:
            raise RunError(f"{encoder.weights} takes another input than {learnt[0].weights}; make them alike")
        same = [name for name, network in networks.items() if network == (encoder.model, encoder.options)]
        if not same:
            told = [encoder.model, *(f"{name}={value}" for name, value in encoder.options.items())]
            raise RunError(
                f"{encoder.weights} holds {','.join(told)}, none of {'; '.join(networks)}; name it with them"
            )
        if any(encoder.name == other.name for other in found[same[0]]):
            raise RunError(f"two runs hold {same[0]} that learnt by {encoder.name}; name one of them")
        found[same[0]].append(encoder)
    return found


def _ways(plain: Begun, learnt: Sequence[Begun], probe: bool, untrained: bool) -> list[tuple[str, Begun, Way]]:
    """How one network learns: what is said after its name, what it begins with, and the way."""
    found = [("", plain, WAYS["scratch"])]
    for encoder in learnt:
        found.append((f"+{encoder.name}", encoder, WAYS["finetune"]))
        if probe:
            found.append((f"+{encoder.name} probe", encoder, WAYS["probe"]))
    if probe or untrained:
        found.append((" untrained", plain, WAYS["untrained"]))
    return found


def _told(told: Mapping[str, _T], names: Sequence[str], usual: _T) -> _T:
    """What is told of the first of some names that anything is told of."""
    return next((told[name] for name in names if name in told), usual)
