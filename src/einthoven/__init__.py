"""Einthoven learns to read the 12-lead ECG when labels are scarce, and says how far to trust the result.

    import einthoven
    ecg = einthoven.read("00001_hr")
    einthoven.plot(ecg)

Research use only; not a medical device.
"""

__all__ = ["ECG", "__version__", "datasets", "labels", "plot", "read", "run", "studies", "write"]

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

# What a name stands for; loaded when it is first asked for, so that `einthoven --help` imports no torch.
_LAZY = {
    "ECG": ("einthoven.records", "ECG"),
    "read": ("einthoven.records", "read"),
    "write": ("einthoven.records", "write"),
    "plot": ("einthoven.drawing.paper", "paper"),
    "run": ("einthoven.pipeline", "run"),
    "datasets": ("einthoven.datasets", None),
    "labels": ("einthoven.labels", None),
    "studies": ("einthoven.studies", None),
}

if TYPE_CHECKING:
    from einthoven import datasets, labels, studies
    from einthoven.drawing.paper import paper as plot
    from einthoven.pipeline.run import run
    from einthoven.records import ECG, read, write


def __getattr__(name: str) -> Any:
    try:
        module, attribute = _LAZY[name]
    except KeyError:
        raise AttributeError(f"module 'einthoven' has no attribute '{name}'") from None
    found = importlib.import_module(module)
    return found if attribute is None else getattr(found, attribute)


def __dir__() -> list[str]:
    return sorted(__all__)
