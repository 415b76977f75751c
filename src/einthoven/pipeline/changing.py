"""What happens to the training batches of an arm, and the noise that some of it needs."""

__all__ = ["bank_of", "changes_of"]

import functools

import numpy as np
from jaxtyping import Float

from einthoven import datasets, registry
from einthoven.pipeline.experiment import Arm, Experiment, RunError
from einthoven.records.preparation import Preparation
from einthoven.training import Change

_RECORDINGS = 64
_NOISE = "noise"


def changes_of(experiment: Experiment, arm: Arm) -> list[Change]:
    """The changes of an arm.

    Raises:
        UnknownName: If there is no such change.
        RunError: If it takes noise, and the experiment has none.
        ValueError, TypeError: If a change cannot be made with these arguments.
    """

    found = []
    for told in arm.changes:
        name = str(told["name"])
        rest = {key: tuple(value) if isinstance(value, list) else value for key, value in told.items() if key != "name"}
        if name == _NOISE:
            rest["bank"] = bank_of(experiment.noise, experiment.rate_hz, experiment.bandpass_hz)
        change: Change = registry.get("transforms", name)(**rest)
        found.append(change)
    return found


@functools.lru_cache(maxsize=1)
def bank_of(noise: str, rate_hz: float, bandpass_hz: tuple[float, float] | None) -> Float[np.ndarray, "kind time"]:
    """Recordings of noise, prepared as the signals are and each of deviation 1; of several lengths the shortest counts.

    Arguments:
        noise: The data set as NAME=WHERE: nstdb, another one of recordings without a heart, or simulated, of whose
            records what their hearts did not make is taken.
        rate_hz: Samples per second of the signals.
        bandpass_hz: The band that was kept of them.

    Raises:
        RunError: If none is named, or nothing is in it.
        DatasetError, RecordError: If it cannot be read.
    """

    if not noise:
        raise RunError("an arm adds noise, and no recordings of noise are named; give --noise nstdb=DIR")
    source = datasets.parse(noise)
    rows = []
    for record in source.table()["record_id"][:_RECORDINGS]:
        ecg = source.read(record)
        if hasattr(source, "clean"):
            ecg = ecg.replace(signal=ecg.signal - source.clean(record).signal)
        rows += list(Preparation(rate_hz, "z", bandpass_hz, ecg.leads[:2])(ecg).signal)
    if not rows:
        raise RunError(f"{noise} holds no recording; name another data set of noise")
    shortest = min(len(row) for row in rows)
    return np.stack([row[:shortest] for row in rows])
