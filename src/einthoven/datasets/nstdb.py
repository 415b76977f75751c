"""The noise of the MIT-BIH Noise Stress Test Database: half an hour each of three kinds, without a heart.

`bw` is baseline wander, `em` electrode motion with wander and muscle in it, and `ma` muscle, each taken in two
channels at 360 Hz from active people whose electrodes stood where no ECG is seen
(https://physionet.org/content/nstdb/1.0.0/). The headers state no gain, so WFDB's 200 counts per mV are assumed and
the notes of a recording say so. The publisher's folder also holds `118e…` and `119e…`, two records of MIT-BIH with
noise added; they are a heart's and are not listed here.
"""

__all__ = ["NSTDB"]

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from einthoven import records
from einthoven.datasets import Card
from einthoven.datasets._tables import finish, headers, known
from einthoven.datasets.simulated import Simulated
from einthoven.records.ecg import ECG

_NAMES = ("bw", "em", "ma")


class NSTDB:
    """The three recordings of noise.

    Arguments:
        root: The folder that holds them.

    Raises:
        DatasetError: If one of the three headers is missing.
    """

    card: ClassVar[Card] = Card(
        name="nstdb",
        title="MIT-BIH Noise Stress Test Database",
        description="Three half-hour recordings of noise in two channels at 360 Hz: baseline wander, electrode motion "
        "and muscle; no heart, no diagnoses.",
        licence="ODC-By 1.0",
        citation="Moody, Muldrow and Mark 1984, Computers in Cardiology 11:381",
        url="https://physionet.org/content/nstdb/1.0.0/",
        download="physionet:nstdb/1.0.0",
    )
    synthetic: ClassVar[bool] = False
    annotated: tuple[str, ...] = ()

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)
        self.settings: dict[str, Any] = {}
        for name in _NAMES:
            headers(self.root, f"{name}.hea")

    def table(self) -> pd.DataFrame:
        """One row a recording; see `einthoven.datasets.COLUMNS`."""
        rows = [{"record_id": f"nstdb:{name}", "source": "nstdb", "positive": [], "unknown": []} for name in _NAMES]
        return finish(pd.DataFrame(rows), self.root)

    def read(self, record_id: str) -> ECG:
        """One recording in mV, the channels `noise1` and `noise2`.

        Raises:
            DatasetError: If there is no such recording.
            RecordError: If its files are missing or damaged.
        """
        facts = known(self.table().set_index("record_id"), record_id, self.root)
        return records.read(self.root / f"{record_id.partition(':')[2]}.hea").replace(**facts)

    @staticmethod
    def miniature(folder: Path, seed: int = 0) -> "NSTDB":
        """What three simulated recordings have besides the heart, in two leads."""
        made = Simulated(3, visits=(1, 1), seed=seed, rate_hz=360.0)
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        for name, record in zip(_NAMES, made.table()["record_id"], strict=True):
            noise = made.read(record).signal[:2] - made.clean(record).signal[:2]
            counts = np.clip(np.round(noise * 200), -2047, 2047).astype(np.int16).T
            head = [f"{name} 2 360 {len(counts)}"]
            head += [f"{name}.dat 212 0 12 0 {counts[0, i]} 0 0 noise{i + 1}" for i in range(2)]
            (folder / f"{name}.hea").write_text("\n".join(head) + "\n", encoding="utf-8")
            (folder / f"{name}.dat").write_bytes(_coding_212(counts))
        return NSTDB(folder)


def _coding_212(counts: np.ndarray) -> bytes:
    """Two 12-bit samples in three bytes, the upper four bits of both in the middle one."""
    first, second = counts.T
    middle = (first >> 8 & 0x0F) | (second >> 4 & 0xF0)
    return np.stack([first & 0xFF, middle, second & 0xFF], axis=1).astype(np.uint8).tobytes()
