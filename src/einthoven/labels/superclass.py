"""The five diagnostic superclasses of PTB-XL; see `_scp` for the source."""

__all__ = ["SUPERCLASS"]

from einthoven.labels._scp import grouped

SUPERCLASS = grouped(
    "superclass",
    "five diagnostic superclasses of PTB-XL",
    "superclass",
    {
        "NORM": "normal ECG",
        "MI": "myocardial infarction",
        "STTC": "ST/T change",
        "CD": "conduction disturbance",
        "HYP": "hypertrophy",
    },
)
