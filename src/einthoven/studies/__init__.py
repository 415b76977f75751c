"""One function a study: keyword arguments with the published values as defaults, giving an `Experiment`."""

__all__ = ["code", "names"]

from functools import partial

from einthoven import registry
from einthoven.studies.code import code

names = partial(registry.names, "studies")
