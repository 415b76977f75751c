"""What the studies of beats share: the window, the Fourier image, the models, and what these see beside the beat."""

__all__ = ["BEAT_S", "BESIDE", "IMAGE", "MODELS", "NETWORKS", "PEAK_S", "arm", "recipe"]

from typing import Any, Literal

from einthoven.pipeline import Arm
from einthoven.training import Recipe

PEAK_S, BEAT_S = 0.3, 0.9  # of the windows that `datasets.mitdb` cuts
# A Hann window of 0.1 s tells frequencies some 20 Hz apart, and a column is 28 ms: a larger image would show no more.
IMAGE: dict[str, Any] = {
    "name": "spectrogram",
    "window_s": 0.1,
    "band_hz": [0.5, 40.0],
    "size": [32, 32],
    "floor": 1e-4,
    "standardised": True,
}
NETWORKS = ("resnet18", "beat_cnn")
MODELS: dict[str, dict[str, Any]] = {
    "resnet18": {"image": IMAGE},
    "beat_cnn": {},
    "boosting": {"measured": {"name": "beat_shape", "peak_s": PEAK_S}, "balance": 0.5},
    "naive": {},
}
# How an arm that sees something beside the beat is called, and the covariates.
BESIDE: dict[str, tuple[str, tuple[str | dict[str, Any], ...]]] = {
    "nothing": ("", ()),
    "rhythm": ("-rr", ("rhythm_*",)),
    "usual": ("-rr-usual", ("rhythm_*", {"name": "likeness", "peak_s": PEAK_S})),
}


def recipe(epochs: int, draws: int, monitor: Literal["last", "loss"] = "last") -> Recipe:
    """How a network learns beats: in as many steps, however few beats there are to learn from."""
    return Recipe(
        epochs=epochs,
        batch_size=128,
        rate=2e-3,
        optimizer="adamw",
        weight_decay=1e-2,
        schedule="one_cycle",
        monitor=monitor,
        draws=draws,
    )


def arm(model: str, beside: str, how: Recipe, **facts: Any) -> Arm:
    """The arm of a model that sees something beside the beat; the naive one never does."""
    suffix, covariates = BESIDE[beside] if model != "naive" else BESIDE["nothing"]
    learns = how if model in NETWORKS else None
    return Arm(model + suffix, model, options=MODELS[model], recipe=learns, covariates=covariates, **facts)
