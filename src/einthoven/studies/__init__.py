"""One function a study: keyword arguments with the published values as defaults, giving an `Experiment`."""

__all__ = [
    "augmentation",
    "code",
    "encoders",
    "finetune",
    "fourier",
    "fourier_weights",
    "label_efficiency",
    "leakage",
    "localisation",
    "names",
    "pretrain",
    "synthesis",
]

from functools import partial

from einthoven import registry
from einthoven.studies.augmentation import augmentation
from einthoven.studies.code import code
from einthoven.studies.encoders import encoders
from einthoven.studies.finetune import finetune
from einthoven.studies.fourier import fourier
from einthoven.studies.fourier_weights import fourier_weights
from einthoven.studies.label_efficiency import label_efficiency
from einthoven.studies.leakage import leakage
from einthoven.studies.localisation import localisation
from einthoven.studies.pretrain import pretrain
from einthoven.studies.synthesis import synthesis

names = partial(registry.names, "studies")
