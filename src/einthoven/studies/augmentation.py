"""S3: rare classes, and what interpolation in the latent space of a VQ-VAE gives over everything cheaper.

After Liu, Zhao, Chen, Yu and She 2020, "Using the VQ-VAE to improve the recognition of abnormalities in short-duration
12-lead electrocardiogram records", Computer Methods and Programs in Biomedicine 196:105639,
https://doi.org/10.1016/j.cmpb.2020.105639, of which the abstract was to be had: a VQ-VAE learns from the training
records, pairs of one class are mixed in its latent space, and what is decoded joins the training records; F1 rises by 0
to 6 % over no augmentation, on images of short 12-lead ECGs. Which ten morphological abnormalities is our choice: ten
of PTB-XL's statements on conduction, infarction, hypertrophy, ischaemia and extrasystoles.

The judge: one network, one recipe and as many steps for every remedy, each with one setting, the published one where
there is one, and none tuned; a generator learns from the same few positives as the classifier, and its time comes
besides. The contrast that is written down before any run is
interpolation against the best of the cheap remedies, which the validation records choose, in macro AUPRC at ten
positives of each class, or else at the first number that is asked for, or with all that there are.
"""

__all__ = ["augmentation"]

import dataclasses
from collections.abc import Sequence
from typing import Any, Literal

from einthoven import generators, models, registry
from einthoven.pipeline import Arm, Experiment, Few, Made, RunError
from einthoven.studies import _encoders
from einthoven.studies._checks import above, at_least, known, listed
from einthoven.training import Recipe

CHEAP = ("none", "class_weights", "oversampling", "focal", "asymmetric", "logit_adjustment", "mixup", "cutmix", "noise")
COSTLY = ("interpolation", "sampling", "synthesis", "page", "page_interpolation", "page_sampling")
_CLASSES = ("CLBBB", "CRBBB", "IRBBB", "LAFB", "1AVB", "PVC", "IMI", "ASMI", "LVH", "ISC_")
_FIRST = 10  # positives of the planned contrast
_AVERAGE = 0.999
_PAGE_WIDTH, _PAGE_RATE = 24, 3e-3


def augmentation(
    data: Sequence[str],
    *,
    labels: str = f"statements:{','.join(_CLASSES)}",
    rare: Sequence[str] = ("auto",),
    positives: Sequence[int] = (),
    upto: int = 100,
    remedies: Sequence[str] = (*CHEAP, *COSTLY[:3]),
    others: Sequence[str] = ("boosting", "naive"),
    model: str = "xresnet1d101",
    generator: str = "cnn_bilstm",
    noise: str = "simulated=32",
    split: str = "by_patient",
    seeds: Sequence[int] = (0, 1, 2, 3, 4),
    generator_seeds: int = 3,
    fold: int = 1,
    fold_count: int = 3,
    rate_hz: float = 100.0,
    unit: Literal["mV", "z"] = "mV",
    bandpass_hz: tuple[float, float] | None = (0.5, 40.0),
    length_s: float = 10.0,
    epochs: int = 25,
    draws: int = 1280,
    generator_epochs: int = 40,
) -> Experiment:
    """Measures what remedies for rare classes give, VQ-VAE interpolation against everything cheaper.

    Arguments:
        data: Data sets as NAME=WHERE, such as ptbxl=/data/ptbxl.
        labels: A label set, or some of its classes, such as statements:CLBBB,CRBBB.
        rare: The classes that are rare, which are cut, repeated and made; auto for all, of which those with fewer
            positives than `upto` are repeated and made.
        positives: To how many training positives each rare class is cut, to see what the remedies give where there are
            so few; by default none is cut.
        upto: To how many positives each rare class is brought, by records that are repeated or made.
        remedies: none, class_weights, oversampling, focal, asymmetric, logit_adjustment, mixup, cutmix and noise, which
            are cheap; interpolation (between two records of a class, by a VQ-VAE), sampling (from its prior), synthesis
            (by another generator), page (the same ECGs as pictures of paper, seen by a two-dimensional network) and
            page_interpolation and page_sampling (the same with pictures). none is always among them.
        others: Models of other kinds that stand beside: boosting, naive.
        model: The network that learns from all but pictures.
        generator: Of synthesis.
        noise: Recordings of noise for the remedy of that name, such as nstdb=/data/nstdb; by default simulated ones.
        split: As of code.
        seeds: One training with each, which also draws the positives that are left.
        generator_seeds: With how many of them, from the first, generators and what learns from them are trained.
        fold: The test fold, from 1.
        fold_count: How many folds there are; of them one is the test set and one validation.
        rate_hz: Samples per second.
        unit: mV, or z for leads that are standardised one by one.
        bandpass_hz: A band to keep.
        length_s: Length of a recording as the networks see it.
        epochs: Rounds of training of the classifiers.
        draws: Windows a round, however few records there are.
        generator_epochs: Rounds of training of the generators.

    Raises:
        UnknownName: If a remedy, model, label set, splitter or unit does not exist.
        RunError: If nothing is asked for, something twice, or a number that cannot be.
    """

    listed(data=data, remedies=remedies, seeds=seeds, rare=rare)
    listed(positives=positives or (1,), others=others or ("none",))
    at_least(1, positives=positives, upto=upto, generator_seeds=generator_seeds, fold=fold)
    at_least(1, epochs=epochs, draws=draws, generator_epochs=generator_epochs)
    at_least(3, fold_count=fold_count)
    above(0, rate_hz=rate_hz, length_s=length_s)
    for name in remedies:
        registry.nearest(name, (*CHEAP, *COSTLY), "remedy")
    for name in others:
        registry.nearest(name, ("boosting", "naive"), "model beside the network")
    registry.nearest(model, models.encoders(), "network")
    registry.nearest(generator, generators.learners(), "generator that learns")
    registry.nearest(unit, ("mV", "z"), "unit")
    known([labels], split)
    if any(count < 3 for count in positives):
        raise RunError(f"a generator takes three records of a class at least, so positives are 3 or more: {positives}")
    if "auto" in rare and len(rare) > 1:
        raise RunError(f"rare is auto, or names classes; not both: {', '.join(rare)}")
    judge = _Judge(
        network=model,
        generator=generator,
        learning=_encoders.recipe(model, epochs, 1e-2, draws),
        making=Recipe(
            generator_epochs, 32, 1e-3, "adamw", 1e-2, schedule="one_cycle", monitor="last", average=_AVERAGE
        ),
        upto=upto,
        seeds=generator_seeds,
        rare=() if "auto" in rare else tuple(rare),
    )
    levels: list[int | None] = list(positives) or [None]
    planned = _FIRST if _FIRST in levels else levels[0]
    wanted = tuple(dict.fromkeys(("none", *remedies)))
    arms = [arm for level in levels for arm in judge.arms(wanted, others, level, rank=0 if level == planned else 1)]
    costly = [name for name in COSTLY if name in wanted]
    return Experiment(
        study="augmentation",
        title="Rare classes",
        data=tuple(data),
        labels=(labels,),
        arms=tuple(arms),
        seeds=tuple(seeds),
        folds=(fold,),
        split=split,
        fold_count=fold_count,
        samples=round(length_s * rate_hz),
        rate_hz=float(rate_hz),
        unit=unit,
        bandpass_hz=bandpass_hz,
        baseline=_encoders.at_number("none", planned),
        primary=_encoders.at_number((costly or [name for name in wanted if name != "none"] or ["none"])[0], planned),
        noise=noise,
        remedies=True,
    )


class _Judge:
    """What all remedies have in common.

    Arguments:
        network, generator: Their names.
        learning, making: How a classifier and a generator learn.
        upto: To how many positives a rare class is brought.
        seeds: How many of them for what takes a generator.
        rare: The rare classes; none for all.
    """

    def __init__(
        self,
        *,
        network: str,
        generator: str,
        learning: Recipe,
        making: Recipe,
        upto: int,
        seeds: int,
        rare: tuple[str, ...],
    ) -> None:
        self.network, self.generator, self.learning, self.making = network, generator, learning, making
        self.upto, self.seeds, self.rare = upto, seeds, rare

    def arms(self, wanted: Sequence[str], others: Sequence[str], level: int | None, rank: int) -> list[Arm]:
        """The arms of some remedies at a number of positives, generators among them."""
        shared: dict[str, Any] = {"few": Few(positives=level, of=self.rare), "watches": "", "rank": rank}
        arms = [Arm(_encoders.at_number(name, level), name, **{**shared, "rank": 2}) for name in others]
        for name in wanted:
            if name in CHEAP:
                arms.append(
                    Arm(
                        _encoders.at_number(name, level),
                        self.network,
                        recipe=self.learning,
                        **shared,
                        **self._cheap(name),
                    )
                )
        made = {
            "interpolation": ("vqvae", True),
            "sampling": ("vqvae", False),
            "synthesis": (self.generator, False),
            "page": ("", False),
            "page_interpolation": ("image_vqvae", True),
            "page_sampling": ("image_vqvae", False),
        }
        shared["seeds"] = self.seeds
        sampled = {maker for name, (maker, between) in made.items() if name in wanted and not between}
        makers = {}
        for name, (maker, between) in ((name, how) for name, how in made.items() if name in wanted):
            eye: dict[str, Any] = {"model": self.network, "recipe": self.learning}
            if name.startswith("page"):
                image = {"image": {"name": "picture"}, "width": _PAGE_WIDTH}
                eye = {"model": "resnet18", "options": image, "sees": "page"}
                eye["recipe"] = dataclasses.replace(self.learning, crop_s=None, rate=_PAGE_RATE)
            records = Made(_encoders.at_number(maker, level), upto=self.upto, between=between) if maker else None
            arms.append(Arm(_encoders.at_number(name, level), made=records, **eye, **shared))
            if maker:
                sees = eye.get("sees", "leads")
                how = {"generator": maker, "sees": sees, "serves": True, "recipe": self.making}
                if maker not in sampled:
                    how["options"] = {"prior": "none"}
                makers[maker] = Arm(_encoders.at_number(maker, level), **how, **shared)
        return [*arms, *makers.values()]

    def _cheap(self, name: str) -> dict[str, Any]:
        """What a cheap remedy changes."""
        changed = {"none": (), "mixup": ({"name": name},), "cutmix": ({"name": name},), "noise": ({"name": name},)}
        told: dict[str, dict[str, Any]] = {
            "class_weights": {"balance": True},
            "oversampling": {"repeat": self.upto},
            "focal": {"asks": {"focal": 2.0}},
            "asymmetric": {"loss": "asymmetric"},
            "logit_adjustment": {"adjust": 1.0},
        }
        return told.get(name) or {"changes": changed[name]}
