"""The twins in the real corpora, found without ids."""

from pathlib import Path

import pytest

from einthoven import datasets
from einthoven.audit import Fingerprint, find_pairs


@pytest.fixture(scope="module")
def pairs(data: Path) -> set[tuple[str, str, str, str]]:
    """Every pair that is called one recording: corpus and record, twice."""
    who, prints = [], []
    for name, folder in (("ptbxl", "ptbxl"), ("arrays", "ptbxl-zscored"), ("cinc2021", "cinc2021")):
        source = datasets.get(name, data / folder)
        for record in source.table()["record_id"]:
            who.append((name, record))
            prints.append(Fingerprint.of(source.read(record)))
    found, _ = find_pairs(prints)
    found = found[found["certain"].astype(bool)]
    return {(*who[a], *who[b]) for a, b in zip(found["first"], found["second"], strict=True)}


def test_every_twin_of_the_two_ptbxl_folders_is_found(pairs: set[tuple[str, str, str, str]], data: Path) -> None:
    one, other = (
        datasets.get(*words).table()["record_id"]
        for words in (("ptbxl", data / "ptbxl"), ("arrays", data / "ptbxl-zscored"))
    )
    shared = set(one) & set(other)
    assert len(shared) == 34
    assert {(a, b) for c, a, d, b in pairs if (c, d) == ("ptbxl", "arrays")} == {(name, name) for name in shared}


def test_the_challenge_s_ptbxl_records_are_recognised(pairs: set[tuple[str, str, str, str]]) -> None:
    twins = {a for c, a, d, b in pairs if d == "cinc2021" and c != "cinc2021"}
    assert len(twins) == 12 and all((a == b) for c, a, d, b in pairs if d == "cinc2021" and c != "cinc2021")


def test_one_signal_under_two_names(pairs: set[tuple[str, str, str, str]]) -> None:
    within = {(a, b) for c, a, d, b in pairs if c == d}
    assert ("cinc2021:A0101", "cinc2021:Q0048") in within
    others = within - {("cinc2021:A0101", "cinc2021:Q0048")}
    numbers = {(137, 138), (143, 144), (145, 463), (456, 457), (459, 460)}
    assert others == {(f"ptbxl:{a}", f"ptbxl:{b}") for a, b in numbers}, "PTB-XL holds five recordings twice here"
