"""The only training loop: device, precision, schedule, crops, early stopping, and going on after an interruption.

It knows signals, labels and an objective, and no data set, model or generator by name.
"""

__all__ = [
    "SALT_VARIABLE",
    "Change",
    "Data",
    "Device",
    "Loaded",
    "Recipe",
    "SelfSupervised",
    "Transfer",
    "ask",
    "examine",
    "fetch_imagenet",
    "fit",
    "hash_patient",
    "hash_weights",
    "lineage",
    "load_checkpoint",
    "load_weights",
    "predict",
    "read_contract",
    "save_checkpoint",
]

from einthoven.training._checkpoint import SALT_VARIABLE, hash_patient, lineage, load_checkpoint, save_checkpoint
from einthoven.training._device import Device
from einthoven.training._loop import Change, Data, SelfSupervised, ask, examine, fit, predict
from einthoven.training._published import fetch_imagenet
from einthoven.training._recipe import Recipe
from einthoven.training._transfer import Loaded, Transfer, hash_weights, load_weights, read_contract
