"""S4, first step: weights for `fourier`, from Fourier images of other real ECGs.

Photographs taught the published network to see; these weights have seen ECGs instead. A window as long as a beat is
cut from one lead of a recording, anywhere, and the network says what the whole recording shows. It learns the findings
of other patients, not the classes of beats; its run folder is what `weights` of the study `fourier` takes.

The primary contrast is written down here, before any run: the network against the shares of the findings, which it must
beat to have learnt anything.
"""

__all__ = ["fourier_weights"]

from collections.abc import Sequence

from einthoven.pipeline import Arm, Experiment
from einthoven.studies._checks import at_least, known, listed
from einthoven.studies._fourier import BEAT_S, IMAGE
from einthoven.training import Recipe

_RECORDING_S = 10.0


def fourier_weights(
    data: Sequence[str],
    *,
    labels: Sequence[str] = ("superclass",),
    split: str = "by_patient",
    seeds: Sequence[int] = (0,),
    folds: Sequence[int] = (10,),
    fold_count: int = 10,
    lead: str = "II",
    rate_hz: float = 100.0,
    bandpass_hz: tuple[float, float] | None = (0.5, 40.0),
    epochs: int = 60,
) -> Experiment:
    """Makes weights for the study fourier from windows of other ECGs.

    Arguments:
        data: Data sets as NAME=WHERE, such as ptbxl=/data/ptbxl.
        labels: Label sets that are predicted, such as superclass form rhythm.
        split: by_patient, official, by_source, external, the leaky by_example, or a file of your own.
        seeds: One training with each.
        folds: Test folds, from 1; the first one's weights are those that are taken.
        fold_count: How many folds there are.
        lead: The lead whose windows are seen.
        rate_hz: Samples per second.
        bandpass_hz: A band to keep.
        epochs: Rounds through the recordings, of each of which one window is seen a round.

    Raises:
        UnknownName: If a label set or splitter does not exist.
        RunError: If nothing is asked for, something twice, or a fold or an epoch that cannot be.
    """

    listed(data=data, labels=labels, seeds=seeds, folds=folds)
    at_least(1, epochs=epochs)
    known(labels, split)
    recipe = Recipe(
        epochs=epochs,
        batch_size=64,
        rate=2e-3,
        optimizer="adamw",
        weight_decay=1e-2,
        schedule="one_cycle",
        monitor="auroc",
        crop_s=BEAT_S,
    )
    return Experiment(
        study="fourier_weights",
        title="Weights from Fourier images of ECGs",
        data=tuple(data),
        labels=tuple(labels),
        arms=(
            Arm("resnet18", "resnet18", options={"image": IMAGE}, recipe=recipe),
            Arm("naive", "naive"),
        ),
        seeds=tuple(seeds),
        folds=tuple(folds),
        split=split,
        fold_count=fold_count,
        samples=round(_RECORDING_S * rate_hz),
        rate_hz=float(rate_hz),
        unit="z",
        bandpass_hz=bandpass_hz,
        leads=(lead,),
        baseline="naive",
        primary="resnet18",
    )
