"""The halves of `inter_patient` with nobody on both sides: recording 201 is tested, as 202 of the same man is.

It is the one that moves, since DS2 then stays whole: leave the beats of 201 out of the predictions, and what is left
are the 22 recordings of the published figures, answered by a model that has never seen their patients. 21 recordings
remain for training and validation.
"""

__all__ = ["INTER_PATIENT_STRICT"]

from functools import partial

from einthoven.splits import Splitter
from einthoven.splits._mitbih import halves

INTER_PATIENT_STRICT = Splitter(partial(halves, tested=("201",)), fixed=True)
