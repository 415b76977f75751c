"""What the studies of learning without labels share: the encoders, and how they are trained."""

__all__ = ["WAYS", "Begun", "alike", "at_number", "at_share", "begun", "input_of", "recipe", "way"]

import dataclasses
from collections.abc import Sequence
from typing import Any, Literal

from einthoven import registry
from einthoven.pipeline import Arm, RunError
from einthoven.records.preparation import Preparation
from einthoven.training import Recipe, Transfer, read_contract


def recipe(model: str, epochs: int, rate: float, draws: int | None = None) -> Recipe:
    """How an encoder learns, without labels or with few: a fixed number of steps, and the last weights count.

    Arguments:
        model: The encoder.
        epochs: Rounds.
        rate: The highest learning rate.
        draws: Windows a round; by default one of each record.
    """
    return Recipe(
        epochs=epochs,
        batch_size=128,
        rate=rate,
        optimizer="adamw",
        weight_decay=1e-2,
        schedule="one_cycle",
        monitor="last",
        crop_s=registry.get("models", model).window_s,
        draws=draws,
    )


@dataclasses.dataclass(frozen=True)
class Begun:
    """An encoder to begin with.

    Attributes:
        weights: Where it is.
        name: The objective that it learnt by.
        model: The network, and those of its `options` that it would not take by itself.
        form: What it is to see, as arguments of an `Experiment`.
        places: The leads that it has places for, where the data have fewer; else empty.
    """

    weights: str
    name: str
    model: str
    options: dict[str, Any]
    form: dict[str, Any]
    places: tuple[str, ...] = ()


def begun(run: str, leads: Sequence[str] = ()) -> Begun:
    """An encoder that a run of `pretrain` left, or one of its checkpoints.

    Arguments:
        run: Where it is.
        leads: Those of the data; none for all of the encoder's.

    Raises:
        RunError: If it is not one.
        UnknownName: If it has no place for one of the leads.
        ValueError: If there are no weights, or they are damaged.
    """

    contract = read_contract(Transfer(run))
    if not contract.get("objective"):
        raise RunError(f"{run} holds no encoder that learnt without labels; make one with `einthoven study pretrain`")
    places = tuple(contract["leads"])
    for lead in leads:
        registry.nearest(lead, places, "lead of this encoder")
    kept = tuple(name for name in places if name in leads) or places
    form = {"leads": kept, "bandpass_hz": Preparation.told(contract["preparation"]).bandpass_hz}
    form |= {name: contract[name] for name in ("rate_hz", "unit", "samples")}
    fewer = places if kept != places else ()
    model = contract["model"]
    options = registry.unusual("models", model, contract["options"])
    return Begun(run, contract["objective"]["name"], model, options, form, fewer)


def alike(encoders: Sequence[Begun]) -> None:
    """Holds that encoders are of one network and take one form of input.

    Raises:
        RunError: If they do not.
    """
    for encoder in encoders[1:]:
        first = encoders[0]
        if (encoder.model, encoder.options, encoder.form) != (first.model, first.options, first.form):
            raise RunError(f"{encoder.weights} holds another network or input than {encoders[0].weights}")


def input_of(study: str, learnt: Sequence[Begun], **told: Any) -> dict[str, Any]:
    """What networks are to see, as arguments of an `Experiment`: what the first encoder saw, else what is told.

    Arguments:
        study: Whose usual values mean that nothing is told.
        learnt: The encoders.
        told: rate_hz, unit, bandpass_hz and length_s.

    Raises:
        RunError: If something else is told than what the encoder saw.
    """

    if not learnt:
        samples = round(told["length_s"] * told["rate_hz"])
        return {"rate_hz": float(told["rate_hz"]), "samples": samples, **{n: told[n] for n in ("unit", "bandpass_hz")}}
    form, usual = learnt[0].form, registry.defaults("studies", study)
    saw = {**form, "length_s": form["samples"] / form["rate_hz"]}
    for name, value in told.items():
        if value not in (usual[name], saw[name]):
            raise RunError(f"{name} is {value}, but {learnt[0].weights} saw {saw[name]}; leave it out, or take another")
    return form


@dataclasses.dataclass(frozen=True)
class Way:
    """A way of learning from labels.

    Attributes:
        rate: The highest learning rate; None for the one that suits the network, 0 for a model that is fitted at once.
        begins: Whether it begins with an encoder's weights.
        freeze, layer_decay: See `einthoven.training.Transfer`.
    """

    rate: float | None = None
    begins: bool = False
    freeze: int | Literal["trunk"] = 0
    layer_decay: float = 1.0


WAYS = {
    "finetune": Way(begins=True),
    "probe": Way(begins=True, freeze="trunk"),
    "scratch": Way(),
    "untrained": Way(freeze="trunk"),
    "boosting": Way(rate=0.0),
    "naive": Way(rate=0.0),
}

# Chosen on validation records, as that no layer learns more slowly: see benchmarks/results/pretrain.md and encoders.md.
# 1e-3 is usual.
_RATES = {"xresnet1d101": 1e-2, "state_space": 1e-2}
_RATE = 1e-3


def at_share(name: str, share: float) -> str:
    """What a way of learning is called at a share of the labels."""
    return f"{name}@{share * 100:g}%"


def at_number(name: str, number: int | None) -> str:
    """What a way of learning is called with so many patients or positives; None for all."""
    return f"{name}@{number or 'all'}"


def way(name: str, kind: str, encoder: Begun, how: Way, *, rounds: tuple[int, int], **facts: Any) -> Arm:
    """The arm of a way of learning.

    Arguments:
        name: What it is called.
        kind: The model where it is fitted at once.
        encoder: The network, and the weights where it begins with them.
        how: The way.
        rounds: Epochs, and windows an epoch: as many steps, however few labels there are.
        facts: Further arguments of the arm.
    """

    if how.rate == 0:
        return Arm(name, kind, watches="", **facts)
    epochs, draws = rounds
    rate = _RATES.get(encoder.model, _RATE) if how.rate is None else how.rate
    learns = recipe(encoder.model, epochs, rate, draws)
    start = encoder.weights if how.begins else None
    transfer = Transfer(start, freeze=how.freeze, layer_decay=how.layer_decay)
    facts |= {"gaps": True, "places": encoder.places if how.begins else (), "watches": ""}
    return Arm(name, encoder.model, options=encoder.options, recipe=learns, transfer=transfer, **facts)
