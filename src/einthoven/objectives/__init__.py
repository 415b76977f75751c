"""What is learnt: a callable that turns a model and a batch into a dictionary with at least `loss`."""

__all__ = ["names"]

from functools import partial

from einthoven import registry

names = partial(registry.names, "objectives")
