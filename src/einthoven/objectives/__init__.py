"""What is learnt: a callable that turns a model and a batch into a dictionary with at least `loss`.

Of labels: `classify`, `categorical`. Of signals alone: those that have a `draw`, which makes of signals a batch that
asks something of them (`masked`, `lead_order` and both, `masked_lead_order`).
"""

__all__ = ["Pretext", "answer", "build", "names", "pretexts"]

from collections.abc import Callable
from functools import partial
from typing import Any

from torch import Tensor

from einthoven import registry
from einthoven.objectives._pretext import Pretext

names = partial(registry.names, "objectives")


def pretexts() -> tuple[str, ...]:
    """The names of the objectives that need no labels."""
    return tuple(name for name in names() if hasattr(registry.get("objectives", name), "draw"))


def build(name: str, **options: Any) -> Any:
    """An objective by its name; lists among the options, as JSON has them, become tuples.

    Raises:
        UnknownName: If there is none.
        ValueError: If it cannot be made with these options.
    """

    kind = registry.get("objectives", name)
    for option in options:
        registry.nearest(option, [field for field in kind.__dataclass_fields__], f"option of the objective '{name}':")
    return kind(**{key: tuple(value) if isinstance(value, list) else value for key, value in options.items()})


def answer(model: Callable[..., Tensor], batch: dict[str, Tensor]) -> Tensor:
    """What a model makes of the signals `x` of a batch, and of the `covariates` where it has some."""
    return model(batch["x"], batch["covariates"]) if "covariates" in batch else model(batch["x"])
