"""What every vocabulary promises, and how codes become targets."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from einthoven import labels, registry
from einthoven.labels import Class, Vocabulary
from einthoven.labels._scp import STATEMENTS

NAMES = labels.names()
SCP = tuple(f"scp:{s.code}" for s in STATEMENTS)
CODE6 = tuple(f"code6:{code}" for code in labels.get("code6").codes)


def cohort(*rows: tuple[str, set[str], set[str]]) -> pd.DataFrame:
    """A table of (data set, positive codes, unknown codes)."""
    return pd.DataFrame([(d, sorted(p), sorted(u)) for d, p, u in rows], columns=["dataset", "positive", "unknown"])


def column(vocabulary: str, code: str, table: pd.DataFrame, annotated: dict[str, tuple[str, ...]]) -> list[float]:
    found = labels.get(vocabulary)
    return labels.targets(table, found, annotated)[:, found.codes.index(code)].tolist()


@pytest.mark.parametrize("name", NAMES)
def test_a_vocabulary_is_well_formed(name: str) -> None:
    vocabulary = labels.get(name)
    assert isinstance(vocabulary, Vocabulary) and vocabulary.name == name
    assert vocabulary.title and vocabulary.source.startswith("https://")
    assert vocabulary.classes and len(set(vocabulary.codes)) == len(vocabulary.codes)
    for cls in vocabulary.classes:
        assert cls.code and cls.title and cls.means
        systems = [{code.partition(":")[0] for code in codes} for codes in cls.means]
        assert all(len(system) == 1 for system in systems), "one set a coding system"
        assert len(set().union(*systems)) == len(systems), "one set a coding system"
        for code in frozenset().union(*cls.means):
            system, colon, rest = code.partition(":")
            assert colon and rest in labels.get({"scp": "statements", "code6": "code6"}[system]).codes


def test_the_numbers_of_ptb_xl() -> None:
    sizes = {name: len(labels.get(name).classes) for name in NAMES}
    want = {"superclass": 5, "subclass": 23, "statements": 71, "form": 19, "rhythm": 12, "code6": 6}
    assert {name: sizes[name] for name in want} == want


def test_groups_partition_the_statements() -> None:
    members = [code for cls in labels.get("superclass").classes for code in cls.means[0]]
    assert len(members) == len(set(members)) == 44
    assert sorted(members) == sorted(code for cls in labels.get("subclass").classes for code in cls.means[0])
    form, rhythm = ({f"scp:{c}" for c in labels.get(name).codes} for name in ("form", "rhythm"))
    assert set(members) | form | rhythm == set(SCP)
    assert len(set(members) & form) == 4 and not rhythm & (form | set(members))


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
def test_with_every_code_looked_for_a_class_is_the_union_of_its_codes(name: str, data: st.DataObject) -> None:
    rows = data.draw(st.lists(st.tuples(st.sets(st.sampled_from(SCP)), st.sets(st.sampled_from(SCP))), max_size=6))
    table = cohort(*(("d", positive, unknown - positive) for positive, unknown in rows))
    vocabulary = labels.get(name)
    y = labels.targets(table, vocabulary, {"d": SCP})
    assert y.dtype == np.float32 and y.shape == (len(rows), len(vocabulary.classes))
    for i, (positive, unknown) in enumerate(rows):
        for j, cls in enumerate(vocabulary.classes):
            (codes,) = (c for c in cls.means if next(iter(c)).startswith("scp:"))
            if codes & positive:
                assert y[i, j] == 1
            elif codes & (unknown - positive):
                assert np.isnan(y[i, j])
            else:
                assert y[i, j] == 0


def test_nobody_looked_is_unknown_and_not_negative() -> None:
    table = cohort(("d", set(), set()))
    assert np.isnan(labels.targets(table, labels.get("superclass"), {"d": CODE6})).all()
    partly = {"d": tuple(c for c in SCP if c != "scp:CLBBB")}
    assert np.isnan(column("superclass", "CD", table, partly)[0]), "one of its codes was not looked for"
    assert column("superclass", "MI", table, partly) == [0.0]


def test_a_code_that_is_there_counts_even_if_others_are_unknown() -> None:
    table = cohort(("d", {"scp:CLBBB"}, {"scp:CRBBB"}), ("d", set(), {"scp:CRBBB"}), ("d", set(), {"scp:IMI"}))
    cd = column("superclass", "CD", table, {"d": SCP})
    assert cd[0] == 1 and np.isnan(cd[1]) and cd[2] == 0


def test_six_diagnoses_can_be_read_off_either_system() -> None:
    pairs = {"1dAVb": "1AVB", "RBBB": "CRBBB", "LBBB": "CLBBB", "SB": "SBRAD", "AF": "AFIB", "ST": "STACH"}
    for code, scp in pairs.items():
        table = cohort(
            ("p", {f"scp:{scp}"}, set()), ("p", set(), set()), ("c", {f"code6:{code}"}, set()), ("c", set(), set())
        )
        both = {"p": SCP, "c": CODE6}
        assert column("code6", code, table, both) == [1, 0, 1, 0]
        assert column("statements", scp, table, both) == [1, 0, 1, 0]


def test_absence_of_one_of_its_codes_does_not_deny_a_group() -> None:
    y = labels.targets(cohort(("c", set(), set())), labels.get("subclass"), {"c": CODE6})[0]
    known = {code for code, value in zip(labels.get("subclass").codes, y, strict=True) if value == 0}
    assert known == {"CRBBB", "CLBBB"}, "no first-degree block is not no AV block"


def test_the_data_sets_own_classes() -> None:
    own = labels.get("own", ["own:tall", "scp:LVH"])
    assert own.codes == ("tall", "LVH")
    table = cohort(("d", {"own:tall"}, {"scp:LVH"}), ("e", set(), set()))
    y = labels.targets(table, own, {"d": ("own:tall", "scp:LVH"), "e": ("own:tall",)})
    np.testing.assert_array_equal(y, [[1, np.nan], [0, np.nan]])


def test_an_unknown_vocabulary_gets_the_nearest() -> None:
    with pytest.raises(registry.UnknownName, match="unknown label set 'superclas'; did you mean 'superclass'"):
        labels.get("superclas")


def test_a_class_of_two_systems_needs_only_one_of_them() -> None:
    cls = Class("X", "x", (frozenset(["a:1", "a:2"]), frozenset(["b:1"])))
    vocabulary = Vocabulary("v", "v", (cls,))
    table = cohort(("d", set(), {"a:1"}), ("d", set(), {"a:1", "b:1"}), ("d", {"b:1"}, set()), ("d", set(), set()))
    y = labels.targets(table, vocabulary, {"d": ("a:1", "a:2", "b:1")})[:, 0]
    np.testing.assert_array_equal(y, [0, np.nan, 1, 0])
