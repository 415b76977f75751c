"""One function a study: keyword arguments with the published values as defaults, giving an `Experiment`."""

__all__ = ["code", "fourier", "fourier_weights", "leakage", "names"]

from functools import partial

from einthoven import registry
from einthoven.studies.code import code
from einthoven.studies.fourier import fourier
from einthoven.studies.fourier_weights import fourier_weights
from einthoven.studies.leakage import leakage

names = partial(registry.names, "studies")
