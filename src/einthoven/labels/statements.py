"""All 71 statements of PTB-XL; see `_scp` for the source."""

__all__ = ["STATEMENT_CLASSES"]

from einthoven.labels._scp import single

STATEMENT_CLASSES = single("statements", "all 71 statements of PTB-XL", None)
