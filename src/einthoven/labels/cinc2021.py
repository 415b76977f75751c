"""The scored classes of the PhysioNet/CinC challenge 2021; see `_cinc` for the source."""

__all__ = ["CINC2021"]

from einthoven.labels._cinc import scored

CINC2021 = scored(2021)
