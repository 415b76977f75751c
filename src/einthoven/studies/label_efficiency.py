"""How many labels an encoder saves that has learnt without any: every way of learning at every share of the labels.

The shares are of the training patients, nested, and drawn by the seed; the validation labels shrink with them. Every
network has as many steps at every share, and its last weights count. The yardstick is written down here, before any
run: the first encoder with 60 % of the labels against the same network from scratch with all of them; it *reaches* full
supervision if the lower bound of the paired difference lies above −0.01 macro AUROC (`evaluation.efficiency`).

A grid of some hundred short trainings: the cells of that contrast come first, every finished one is kept, and
`einthoven report` tells what the finished ones say.
"""

__all__ = ["label_efficiency"]

from collections.abc import Sequence
from typing import Any

from einthoven import registry
from einthoven.pipeline import Arm, Experiment, Few, RunError
from einthoven.studies._checks import at_least, known, listed
from einthoven.studies._encoders import WAYS, alike, at_share, begun, way

_PLANNED = 0.6  # the share at which S5 is said to reach full supervision
_FIRST = (0.1, _PLANNED, 1.0)  # shares whose cells come first
_OTHERS = ("scratch", "untrained", "boosting")


def label_efficiency(
    data: Sequence[str],
    *,
    from_: Sequence[str],
    labels: Sequence[str] = ("superclass",),
    fractions: Sequence[float] = (0.01, 0.05, 0.1, 0.25, 0.6, 1.0),
    others: Sequence[str] = _OTHERS,
    leads: Sequence[str] = (),
    split: str = "stable",
    seeds: Sequence[int] = (0, 1, 2, 3, 4),
    seeds_of_many: int = 3,
    fold: int = 10,
    fold_count: int = 10,
    epochs: int = 25,
    draws: int = 1280,
) -> Experiment:
    """Measures how many labels an encoder saves that has learnt without any.

    Arguments:
        data: Data sets as NAME=WHERE, such as ptbxl=/data/ptbxl.
        from_: Runs of pretrain, of encoders of one network; the first one is what the study is about, and each is
            fine-tuned under the name of its objective.
        labels: Label sets: code6, superclass, subclass, statements, form, rhythm, cinc2020, cinc2021, or own.
        fractions: Shares of the training patients, above 0 and up to 1; 0.6 and 1 are among them.
        others: What stands beside the encoders: scratch, untrained (a head on an encoder that has learnt nothing) and
            boosting; scratch is always among them.
        leads: Those that the data have, where they are fewer than the encoders'; see finetune.
        split: As of pretrain; the audit refuses test patients whom an encoder has seen.
        seeds: One training with each, which also draws the patients.
        seeds_of_many: How many of the seeds are used above 10 % of the labels, where they differ less.
        fold: The test fold, from 1.
        fold_count: How many folds there are.
        epochs: Rounds of training.
        draws: Windows a round, however few records there are.

    Raises:
        UnknownName: If a label set, splitter or way of learning does not exist.
        RunError: If nothing is asked for, something twice, or a number that cannot be; or two encoders do not go
            together.
        ValueError: If there is no such encoder.
    """

    listed(**{"from": from_}, data=data, labels=labels, seeds=seeds, fractions=fractions, others=others)
    at_least(1, epochs=epochs, draws=draws, fold=fold, seeds_of_many=seeds_of_many)
    at_least(3, fold_count=fold_count)
    if not all(0 < share <= 1 for share in fractions):
        raise RunError(f"fractions are shares of the patients, above 0 and up to 1, not {list(fractions)}")
    if missing := [share for share in (_PLANNED, 1.0) if share not in fractions]:
        raise RunError(f"the planned contrast needs the fraction {missing[0]:g}; name it too")
    for name in others:
        registry.nearest(name, _OTHERS, "way of learning")
    known(labels, split)
    encoders = [begun(run, leads) for run in from_]
    names = [encoder.name for encoder in encoders]
    if len(set(names)) < len(names):
        raise RunError(f"two encoders learnt by {max(names, key=names.count)}; name one run of each objective")
    alike(encoders)
    ways = dict.fromkeys([names[0], "scratch", *names[1:], *others])
    arms = [Arm("naive", "naive", rank=2)]
    for share in sorted(fractions):
        for name in ways:
            encoder = encoders[names.index(name)] if name in names else encoders[0]
            first = name in (names[0], "scratch") and share in _FIRST
            facts: dict[str, Any] = {"few": Few(share=share), "seeds": None if share <= _FIRST[0] else seeds_of_many}
            how = WAYS["finetune" if name in names else name]
            facts["rank"] = 0 if first else 1
            arms.append(way(at_share(name, share), name, encoder, how, rounds=(epochs, draws), **facts))
    return Experiment(
        study="label_efficiency",
        title="How many labels learning without them saves",
        data=tuple(data),
        labels=tuple(labels),
        arms=tuple(arms),
        seeds=tuple(seeds),
        folds=(fold,),
        split=split,
        fold_count=fold_count,
        baseline=at_share("scratch", 1.0),
        primary=at_share(names[0], _PLANNED),
        **encoders[0].form,
    )
