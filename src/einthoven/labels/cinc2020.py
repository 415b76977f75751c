"""The scored classes of the PhysioNet/CinC challenge 2020; see `_cinc` for the source."""

__all__ = ["CINC2020"]

from einthoven.labels._cinc import scored

CINC2020 = scored(2020)
