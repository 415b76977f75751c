"""The public corpora as they are: how many of what, against what their publishers say."""

from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from einthoven import datasets, labels
from einthoven.datasets import Dataset
from einthoven.datasets._cinc import CODES, LOOKED_FOR, with_twins
from einthoven.datasets._tables import ptbxl_table, read_csv
from einthoven.datasets.ludb import LUDB


def counts(corpus: Dataset) -> dict[str, tuple[int, int]]:
    """How many records are positive for each CODE-6 class, and how many are known."""
    table = corpus.table().assign(dataset="it")
    six = labels.get("code6")
    y = labels.targets(table, six, {"it": corpus.annotated})
    return {c: (int(np.nansum(y[:, i])), int((~np.isnan(y[:, i])).sum())) for i, c in enumerate(six.codes)}


@pytest.fixture(scope="module")
def cinc(data: Path) -> Dataset:
    return datasets.parse(f"cinc2021={data / 'cinc2021'},ptbxl={data / 'ptbxl' / 'ptbxl_metadata_21799.csv'}")


@pytest.fixture(scope="module")
def ludb(data: Path) -> LUDB:
    return LUDB(data / "ludb")


def test_cinc_has_the_codes_of_its_index(data: Path, cinc: Dataset) -> None:
    index = pd.read_csv(data / "cinc2021" / "index.csv", dtype=str)
    ids = [f"ptbxl:{int(r[2:])}" if r.startswith("HR") else f"cinc2021:{r}" for r in index["record"]]
    table = cinc.table().set_index("record_id")
    assert len(table) == len(index) == 225 and set(table.index) == set(ids)
    ours = pd.read_csv(data / "ptbxl" / "ptbxl_metadata_21799.csv").set_index("ecg_id")["strat_fold"]
    twins = table[table["source"] == "PTB-XL"]
    assert twins["fold"].tolist() == [ours[int(name.partition(":")[2])] for name in twins.index]
    assert table.loc[table["source"] != "PTB-XL", "fold"].isna().all()
    assert Counter(table["source"]) == {"CPSC2018": 154, "PTB-XL": 39, "CPSC-Extra": 29, "PTB": 3}
    for record, dx, source in zip(ids, index["dx_snomed"], index["database"], strict=True):
        assert set(table["positive"][record]) == {f"snomed:{code}" for code in dx.split(",")}, record
        assert table["source"][record] == source.replace("CPSC2018-Extra", "CPSC-Extra")
    header = index.set_index(pd.Index(ids))[["age", "sex"]]
    assert (table["age"].round() == pd.to_numeric(header["age"]).reindex(table.index)).all()
    assert (table["sex"] == header["sex"].str.lower().reindex(table.index)).all()


def test_every_record_reads(data: Path, cinc: Dataset, ludb: LUDB) -> None:
    for corpus in (cinc, ludb, datasets.get("cinc2011", data / "cinc2011"), datasets.get("nstdb", data / "nstdb")):
        for record in corpus.table()["record_id"]:
            ecg = corpus.read(record)
            assert np.isfinite(ecg.signal).all() and ecg.record_id == record
            assert len(ecg.leads) == (2 if corpus.card.name == "nstdb" else 12)


def test_what_each_source_looked_for_is_what_the_publisher_counts(data: Path) -> None:
    columns = dict(
        zip(
            ("CPSC", "CPSC_Extra", "StPetersburg", "PTB", "PTB_XL", "Georgia", "Chapman_Shaoxing", "Ningbo"),
            LOOKED_FOR,
            strict=True,
        )
    )
    for year in (2020, 2021):
        parts = [pd.read_csv(data / "cinc2021" / f"{year}_dx_mapping_{p}scored.csv") for p in ("", "un")]
        table = pd.concat(parts).rename(columns=lambda c: c.replace("SNOMED CT Code", "SNOMEDCTCode"))
        table = table.rename(columns={"CPSC-Extra": "CPSC_Extra", "PTB-XL": "PTB_XL"})
        codes = "snomed:" + table["SNOMEDCTCode"].astype(str)
        assert set(codes) == set(CODES) if year == 2021 else set(codes) < set(CODES)
        for column, source in columns.items():
            if column in table:
                assert with_twins(codes[table[column] > 0]) & set(codes) == LOOKED_FOR[source] & set(codes), source


def test_hr_records_are_ptb_xl(data: Path, cinc: Dataset) -> None:
    path = data / "ptbxl" / "ptbxl_metadata_21799.csv"
    whole = ptbxl_table(read_csv(path, ("ecg_id",)), path).set_index("record_id")
    ours = cinc.table().query("source == 'PTB-XL'").set_index("record_id")
    theirs = whole.loc[ours.index]
    assert ours["patient_id"].equals(theirs["patient_id"]) and ours["sex"].equals(theirs["sex"])
    assert ours["age"].equals(theirs["age"])
    ptbxl = datasets.get("ptbxl", data / "ptbxl")
    both = [record for record in ptbxl.table()["record_id"] if record in ours.index]
    assert both
    for record in both:
        a, b = cinc.read(record), ptbxl.read(record)
        np.testing.assert_allclose(a.twelve().signal, b.twelve().signal, atol=0.0011)


def test_two_names_of_one_signal(cinc: Dataset) -> None:
    np.testing.assert_array_equal(cinc.read("cinc2021:A0101").signal, cinc.read("cinc2021:Q0048").signal)


def test_code6_in_cpsc2018(data: Path) -> None:
    corpus = datasets.parse(f"cinc2021={data / 'cinc2021'},sources=CPSC2018")
    assert len(corpus.table()) == 154
    want = {"1dAVb": (7, 154), "RBBB": (33, 154), "LBBB": (9, 154), "SB": (0, 0), "AF": (27, 154), "ST": (0, 0)}
    assert counts(corpus) == want


def test_ludb_is_what_its_readme_says(ludb: LUDB) -> None:
    table = ludb.table()
    assert len(table) == table["patient_id"].nunique() == 200
    assert Counter(table["sex"]) == {"male": 115, "female": 85} and table["age"].between(11, 90).all()
    n = {"1dAVb": 10, "RBBB": 4, "LBBB": 4, "SB": 25, "AF": 15, "ST": 4}
    assert counts(ludb) == {code: (positive, 200) for code, positive in n.items()}


def test_ludb_has_the_waves_that_its_authors_counted(ludb: LUDB) -> None:
    """21 966 QRS and 16 797 P; of the 19 666 T that they state, the published files hold five fewer."""
    marks = pd.concat([ludb.marks(record) for record in ludb.table()["record_id"]])
    assert Counter(marks["wave"]) == {"QRS": 21966, "P": 16797, "T": 19661}
    assert marks["lead"].nunique() == 12 and marks["peak"].isna().sum() == 1 and marks["offset"].isna().sum() == 1
    bounds = marks.dropna(subset=["onset", "offset"])
    assert (bounds["onset"] < bounds["offset"]).all() and bounds["onset"].min() >= 0 and marks["offset"].max() < 5000


def test_quality_is_what_the_challenge_says(data: Path) -> None:
    table = datasets.get("cinc2011", data / "cinc2011").table()
    assert len(table) == 1000 and table["patient_id"].isna().all()
    bad, open_ = (table[column].map(len).sum() for column in ("positive", "unknown"))
    assert (bad, open_, 1000 - bad - open_) == (225, 2, 773)


def test_noise_is_half_an_hour_of_each_kind(data: Path) -> None:
    corpus = datasets.get("nstdb", data / "nstdb")
    assert corpus.table()["record_id"].tolist() == ["nstdb:bw", "nstdb:em", "nstdb:ma"] and corpus.annotated == ()
    for record in corpus.table()["record_id"]:
        assert corpus.read(record).signal.shape == (2, 650000)
