"""The only training loop: device, precision, schedule, crops, early stopping, and going on after an interruption.

It knows signals, labels and an objective, and no data set, model or generator by name.
"""

__all__ = [
    "SALT_VARIABLE",
    "Data",
    "Device",
    "Recipe",
    "fit",
    "hash_patient",
    "load_checkpoint",
    "predict",
    "save_checkpoint",
]

from einthoven.training._checkpoint import SALT_VARIABLE, hash_patient, load_checkpoint, save_checkpoint
from einthoven.training._device import Device
from einthoven.training._loop import Data, fit, predict
from einthoven.training._recipe import Recipe
