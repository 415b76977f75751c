"""Turns a corpus into a store: a table and memory-mapped samples, prepared for a model."""

__all__ = ["compile"]

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from einthoven import datasets
from einthoven.records.leads import TWELVE
from einthoven.records.preparation import Preparation
from einthoven.store import Store, compile_store


def compile(  # noqa: A001 - the verb's name
    data: str,
    out: Path,
    *,
    rate_hz: float,
    unit: Literal["mV", "z"] = "mV",
    bandpass_hz: tuple[float, float] | None = None,
    leads: Sequence[str] = TWELVE,
    workers: int | None = None,
    verify: bool = False,
) -> None:
    """Turns a corpus into a store: a table and memory-mapped samples, prepared for a model.

    Arguments:
        data: The data set as NAME=WHERE, such as ptbxl=/data/ptbxl.
        out: The folder of the store; work that was interrupted there goes on.
        rate_hz: Samples per second of the store.
        unit: mV, or z to standardise each lead, which loses the amplitude.
        bandpass_hz: A band to keep, such as 0.5 40.
        leads: The leads of the store.
        workers: Processes; by default one a core.
        verify: Whether to read everything again and compare checksums.
    """

    preparation = Preparation(rate_hz, unit, bandpass_hz, tuple(leads))
    store: Store = compile_store(datasets.parse(data), out, preparation, workers=workers)
    if verify:
        store.verify()
    skipped = store.facts["skipped"]
    more = f"; {skipped} could not be used, see {out / 'skipped.csv'}" if skipped else ""
    print(f"{len(store)} records in {out}{more}")
