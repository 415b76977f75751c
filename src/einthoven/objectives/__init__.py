"""What is learnt: a callable that turns a model and a batch into a dictionary with at least `loss`.

Of labels: `classify`, `categorical`. Of signals themselves: those that have a `draw`, which makes of signals a batch
that asks something of them. Encoders learn so (`masked`, `lead_order` and both, `masked_lead_order`), and generators,
whose batches also hold the classes `y` (`variational`, `flow_match`).
"""

__all__ = ["Pretext", "answer", "build", "names", "options", "pretexts"]

from collections.abc import Callable
from functools import partial
from typing import Any

from torch import Tensor

from einthoven import registry
from einthoven.objectives._pretext import Pretext

names = partial(registry.names, "objectives")


def pretexts() -> tuple[str, ...]:
    """The names of the objectives by which encoders learn without labels."""
    return tuple(name for name in names() if hasattr(registry.get("objectives", name), "network"))


def options(name: str) -> tuple[str, ...]:
    """What an objective can be told.

    Raises:
        UnknownName: If there is none of that name.
    """
    return tuple(registry.defaults("objectives", name))


def build(name: str, **told: Any) -> Any:
    """An objective by its name; lists among what it is told, as JSON has them, become tuples.

    Raises:
        UnknownName: If there is none.
        ValueError: If it cannot be made with these options.
    """

    for option in told:
        registry.nearest(option, options(name), f"option of the objective '{name}':")
    arguments = {key: tuple(value) if isinstance(value, list) else value for key, value in told.items()}
    return registry.get("objectives", name)(**arguments)


def answer(model: Callable[..., Tensor], batch: dict[str, Tensor]) -> Tensor:
    """What a model makes of the signals `x` of a batch, and of the `covariates` where it has some."""
    return model(batch["x"], batch["covariates"]) if "covariates" in batch else model(batch["x"])
