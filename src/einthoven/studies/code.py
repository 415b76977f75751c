"""S2: the residual network of the CODE study beside its baselines.

Ribeiro et al. 2020, "Automatic diagnosis of the 12-lead ECG using a deep neural network", Nature Communications
11:1760, https://doi.org/10.1038/s41467-020-15432-4. The defaults are the paper's: 400 Hz, 4096 samples centred
between zeros, six diagnoses, Adam at 1e-3 with a plateau of 7, batches of 64, at most 70 epochs, early stop after
9. With two million ECGs it reached F1 above .80 for all six; with the two thousand at hand see
`benchmarks/results/code.md`.

The primary contrast is written down here, before any run: `code_resnet` against gradient boosting on hand-made
features.
"""

__all__ = ["code"]

from collections.abc import Sequence
from typing import Literal

from einthoven import models as model_room
from einthoven import registry
from einthoven.pipeline import Arm, Experiment, RunError
from einthoven.studies._checks import at_least, known, listed
from einthoven.training import Recipe

_SAMPLES_S = 10.24  # 4096 samples at 400 Hz
_RECIPES = {
    "code_resnet": Recipe(epochs=70, batch_size=64, rate=1e-3, schedule="plateau", plateau=7, patience=9),
    "xresnet1d101": Recipe(
        epochs=50,
        batch_size=128,
        rate=1e-2,
        optimizer="adamw",
        weight_decay=1e-2,
        schedule="one_cycle",
        monitor="auroc",
        crop_s=2.5,
    ),
}


def code(
    data: Sequence[str],
    *,
    labels: Sequence[str] = ("code6",),
    models: Sequence[str] = ("code_resnet", "xresnet1d101", "boosting", "naive"),
    split: str = "by_patient",
    seeds: Sequence[int] = (0,),
    folds: Sequence[int] = (10,),
    fold_count: int = 10,
    rate_hz: float = 400.0,
    unit: Literal["mV", "z"] = "mV",
    bandpass_hz: tuple[float, float] | None = None,
    epochs: dict[str, int] | None = None,
) -> Experiment:
    """Trains the CODE network beside its baselines and tells how far to trust it.

    Arguments:
        data: Data sets as NAME=WHERE, such as ptbxl=/data/ptbxl; several are joined, patient by patient.
        labels: Label sets: code6, superclass, subclass, statements, form, rhythm, cinc2020, cinc2021, or own for the
            data's own classes.
        models: The models; the first is the primary one and is compared with boosting, or else with the last. Names
            joined by + stand for the mean of those models' answers, as in xresnet1d101+boosting.
        split: Who goes where: by_patient, official, by_source, external (official folds; data without folds are only
            tested), stable (the official fold, or one that the patient's id decides), the leaky by_example, or a file
            of your own, such as my.csv, which says it record by record.
        seeds: One training of each model with each seed.
        folds: Test folds, from 1; all of them make a cross-fitting in which each record is predicted once.
        fold_count: How many folds there are; of them one is the test set and one validation.
        rate_hz: Samples per second that the models see.
        unit: mV, or z to standardise each lead, which loses the amplitude.
        bandpass_hz: A band to keep, such as 0.5 40; none in the paper.
        epochs: Another number of epochs for a model, by its name.

    Raises:
        UnknownName: If a model, label set, splitter or unit does not exist.
        RunError: If nothing is asked for, something twice, or a fold or an epoch that cannot be.
    """

    listed(data=data, labels=labels, models=models, seeds=seeds, folds=folds)
    if fold_count < 3 or not all(1 <= fold <= fold_count for fold in folds):
        raise RunError(f"test folds go from 1 to {fold_count}, of at least three; asked for {list(folds)}")
    for member in (part for name in models if "+" in name for part in name.split("+")):
        registry.nearest(member, [name for name in models if "+" not in name], "model of this study")
    for name, count in (epochs or {}).items():
        registry.nearest(name, [m for m in models if m in _RECIPES], "trained model")
        at_least(1, epochs=count)
    known(labels, split)
    registry.nearest(unit, ("mV", "z"), "unit")
    return Experiment(
        study="code",
        title="Diagnosis from the 12-lead ECG",
        data=tuple(data),
        labels=tuple(labels),
        arms=tuple(_arm(name, (epochs or {}).get(name)) for name in models),
        seeds=tuple(seeds),
        folds=tuple(folds),
        split=split,
        fold_count=fold_count,
        samples=round(_SAMPLES_S * rate_hz),
        rate_hz=float(rate_hz),
        unit=unit,
        bandpass_hz=bandpass_hz,
        baseline="boosting" if "boosting" in models[1:] else models[-1],
        primary=models[0],
    )


def _arm(name: str, epochs: int | None) -> Arm:
    if "+" in name:
        return Arm(name=name, members=tuple(name.split("+")))
    registry.nearest(name, model_room.names(), "model")
    recipe = _RECIPES.get(name)
    if recipe is not None and epochs is not None:
        recipe = Recipe(**{**vars(recipe), "epochs": epochs})
    return Arm(name=name, model=name, recipe=recipe)
