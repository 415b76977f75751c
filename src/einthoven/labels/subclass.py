"""The 23 diagnostic subclasses of PTB-XL; see `_scp` for the source."""

__all__ = ["SUBCLASS"]

from einthoven.labels._scp import grouped

SUBCLASS = grouped("subclass", "23 diagnostic subclasses of PTB-XL", "subclass", {})
