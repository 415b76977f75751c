"""Every WFDB record of the real data, sample for sample against the wfdb library."""

import warnings
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from einthoven.records import read
from einthoven.records.wfdb import _parse

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    import wfdb

FOLDERS = {"ptbxl": 1000, "cinc2021": 225, "mitdb": 48, "ludb": 200, "cinc2011": 1000, "nstdb": 3}


@pytest.mark.parametrize("name", FOLDERS)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_every_record_is_what_the_library_reads(data: Path, name: str) -> None:
    headers = sorted((data / name).rglob("*.hea"))
    assert len(headers) == FOLDERS[name]
    codings: Counter[int] = Counter()
    for path in headers:
        header = _parse(path)
        assert header.simple, f"{path} went through the library"
        codings.update({header.signals[0].coding})
        ecg = read(path)
        record = wfdb.rdrecord(str(path.with_suffix("")))
        assert {unit.lower() for unit in record.units} == {"mv"}
        np.testing.assert_array_equal(ecg.signal, record.p_signal.T.astype(np.float32), err_msg=str(path))
        assert ecg.rate_hz == record.fs and len(ecg.leads) == record.n_sig
    assert set(codings) <= {16, 212}


@pytest.mark.parametrize("name", ["ptbxl", "ludb", "mitdb"])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_counts_are_those_of_the_library(data: Path, name: str) -> None:
    for path in sorted((data / name).rglob("*.hea"))[::40]:
        record = wfdb.rdrecord(str(path.with_suffix("")), physical=False)
        gain, baseline = np.array(record.adc_gain)[:, None], np.array(record.baseline)[:, None]
        counts = np.round(read(path).signal.astype(np.float64) * gain + baseline)
        known = ~np.isnan(counts)
        np.testing.assert_array_equal(counts[known], record.d_signal.T[known])


def test_noise_without_gain_is_read_as_wfdb_defaults(data: Path) -> None:
    ecg = read(data / "nstdb" / "bw")
    assert len(ecg.notes) == 2 and all("200 counts per mV is assumed" in note for note in ecg.notes)
