"""What is learnt: a callable that turns a model and a batch into a dictionary with at least `loss`."""

__all__ = ["answer", "names"]

from collections.abc import Callable
from functools import partial

from torch import Tensor

from einthoven import registry

names = partial(registry.names, "objectives")


def answer(model: Callable[..., Tensor], batch: dict[str, Tensor]) -> Tensor:
    """What a model makes of the signals `x` of a batch, and of the `covariates` where it has some."""
    return model(batch["x"], batch["covariates"]) if "covariates" in batch else model(batch["x"])
