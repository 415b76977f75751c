"""The 12 rhythm statements of PTB-XL; see `_scp` for the source."""

__all__ = ["RHYTHM"]

from einthoven.labels._scp import single

RHYTHM = single("rhythm", "the 12 rhythm statements of PTB-XL", "rhythm")
