"""From a run folder to what a person reads: one self-contained page and a model card.

`write(run)` reads the tables that a run left behind, adds nothing to them but words, and writes `report.html` (no
external file, script or font) and `model_card.md` beside them.
"""

__all__ = ["write"]

from einthoven.report.page import write
