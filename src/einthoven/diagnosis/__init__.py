"""One ECG in, a diagnosis with its caveats out.

A model is opened under its checkpoint's contract: what does not fit is converted where that is exact or by the
contract's own steps, saying so, and otherwise refused with a sentence that says what differs. Research use only; not a
medical device.
"""

__all__ = ["Diagnosis", "Finding", "Model", "Reconstruction", "Refused", "find_checkpoint", "reconstruct"]

from einthoven.diagnosis.finding import Diagnosis, Finding, Refused
from einthoven.diagnosis.model import Model, find_checkpoint
from einthoven.diagnosis.reconstruction import Reconstruction, reconstruct
