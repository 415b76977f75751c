"""Seeded changes to a batch: first drawn, then applied, so that a sample can be replayed from its draw."""

__all__ = ["names"]

from functools import partial

from einthoven import registry

names = partial(registry.names, "transforms")
