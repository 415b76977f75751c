"""The 19 form statements of PTB-XL; see `_scp` for the source."""

__all__ = ["FORM"]

from einthoven.labels._scp import single

FORM = single("form", "the 19 form statements of PTB-XL", "form")
