"""What every vocabulary promises, how codes become targets, and that the crosswalk is what its page says."""

import ast
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from einthoven import labels, registry
from einthoven.labels import Class, Vocabulary
from einthoven.labels._cinc import YEARS, weights
from einthoven.labels._crosswalk import CROSSWALK, means
from einthoven.labels._scp import STATEMENTS
from einthoven.labels._snomed import FINDINGS, TWINS, snomed

NAMES = labels.names()
SCP = tuple(f"scp:{s.code}" for s in STATEMENTS)
CODE6 = tuple(f"code6:{code}" for code in labels.get("code6").codes)
SNOMED = tuple(f.code for f in FINDINGS.values())
SYSTEMS = {"scp": SCP, "code6": CODE6, "snomed": SNOMED}
BEATS = {"aami": tuple(f"aami:{code}" for code in "NSVFQ"), "aami3": tuple(f"aami3:{code}" for code in "NSV")}
PAGE = Path(__file__).parents[2] / "docs" / "labels.md"


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
            assert code in (SYSTEMS | BEATS)[code.partition(":")[0]]


def test_the_numbers_of_ptb_xl() -> None:
    sizes = {name: len(labels.get(name).classes) for name in NAMES}
    want = {"superclass": 5, "subclass": 23, "statements": 71, "form": 19, "rhythm": 12, "code6": 6}
    assert {name: sizes[name] for name in want} == want


def test_a_beat_has_one_class_and_three_classes_leave_the_other_two_open() -> None:
    assert labels.get("aami5").codes == tuple("NSVFQ") and labels.get("aami3").codes == tuple("NSV")
    three = set(BEATS["aami3"])
    rows = [("d", {f"aami:{code}"} | {f"aami3:{code}"} & three, set() if code in "NSV" else three) for code in "NSVFQ"]
    table, known = cohort(*rows), {"d": (*BEATS["aami"], *BEATS["aami3"])}
    np.testing.assert_array_equal(labels.targets(table, labels.get("aami5"), known), np.eye(5))
    y = labels.targets(table, labels.get("aami3"), known)
    np.testing.assert_array_equal(y[:3], np.eye(3))
    assert np.isnan(y[3:]).all()


def test_groups_partition_the_statements() -> None:
    members = [code for cls in labels.get("superclass").classes for code in cls.means[0]]
    assert len(members) == len(set(members)) == 44
    assert sorted(members) == sorted(code for cls in labels.get("subclass").classes for code in cls.means[0])
    form, rhythm = ({f"scp:{c}" for c in labels.get(name).codes} for name in ("form", "rhythm"))
    assert set(members) | form | rhythm == set(SCP)
    assert len(set(members) & form) == 4 and not rhythm & (form | set(members))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("system", [*SYSTEMS, *BEATS])
@settings(max_examples=20)
@given(data=st.data())
def test_with_every_code_looked_for_a_class_is_the_union_of_its_codes(
    system: str, name: str, data: st.DataObject
) -> None:
    vocabulary = labels.get(name)
    named = {code for cls in vocabulary.classes for codes in cls.means for code in codes}
    known = (SYSTEMS | BEATS)[system]
    codes = st.sets(st.sampled_from(sorted(named & {*known}) or known), max_size=20)
    rows = data.draw(st.lists(st.tuples(codes, codes), max_size=6))
    table = cohort(*(("d", positive, unknown - positive) for positive, unknown in rows))
    y = labels.targets(table, vocabulary, {"d": known})
    assert y.dtype == np.float32 and y.shape == (len(rows), len(vocabulary.classes))
    for i, (positive, unknown) in enumerate(rows):
        for j, cls in enumerate(vocabulary.classes):
            own = frozenset().union(*(codes for codes in cls.means if codes <= {*known}))
            if own & positive:
                assert y[i, j] == 1
            elif not own or own & (unknown - positive):
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


def test_six_diagnoses_can_be_read_off_any_system() -> None:
    said = {
        "1dAVb": ("1AVB", {"270492004"}),
        "RBBB": ("CRBBB", {"713427006", "59118001"}),
        "LBBB": ("CLBBB", {"733534002", "164909002"}),
        "SB": ("SBRAD", {"426177001"}),
        "AF": ("AFIB", {"164889003"}),
        "ST": ("STACH", {"427084000"}),
    }
    known = {"p": SCP, "c": CODE6, "s": SNOMED}
    for code, (scp, numbers) in said.items():
        rows = [("p", f"scp:{scp}"), ("c", f"code6:{code}"), *(("s", f"snomed:{number}") for number in numbers)]
        table = cohort(*((d, {positive}, set()) for d, positive in rows), *((d, set(), set()) for d in known))
        want = [1.0] * len(rows) + [0.0] * len(known)
        assert column("code6", code, table, known) == want
        assert column("statements", scp, table, known) == want


def test_bradycardia_of_unsaid_origin_is_not_sinus_bradycardia() -> None:
    table = cohort(("s", {"snomed:426627000"}, set()))
    assert column("code6", "SB", table, {"s": SNOMED}) == [0]
    assert column("cinc2021", "Brady", table, {"s": SNOMED}) == [1]


def test_a_merged_pair_is_denied_only_where_both_were_looked_for() -> None:
    one = tuple(code for code in SNOMED if code != FINDINGS["SVPB"].code)
    for year in YEARS:
        table = cohort(("s", set(), set()), ("s", {FINDINGS["PAC"].code}, set()))
        assert column(f"cinc{year}", "PAC", table, {"s": SNOMED}) == [0, 1]
        unknown, positive = column(f"cinc{year}", "PAC", table, {"s": one})
        assert np.isnan(unknown) and positive == 1


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


# The crosswalk


def test_each_meaning_has_its_own_row() -> None:
    assert len(FINDINGS) == len(set(SNOMED)) == 133 and all(re.fullmatch(r"snomed:\d{6,18}", code) for code in SNOMED)
    rows = [codes for row in CROSSWALK for codes in row]
    for system, known in SYSTEMS.items():
        sets = [codes for codes in rows if codes <= {*known}]
        assert sum(map(len, sets)) > 0 and all(row for row in sets)
        twice = {code for i, one in enumerate(sets) for other in sets[:i] for code in one & other}
        # Only the ventricular premature complexes stand in two rows.
        assert twice == {"scp": means(frozenset(["scp:PVC"]))[0], "code6": set(), "snomed": snomed("PVC")}[system]
    assert all(len(row) > 1 for row in CROSSWALK) and frozenset().union(*rows) <= {*SCP, *CODE6, *SNOMED}


@given(row=st.sampled_from(CROSSWALK))
def test_the_crosswalk_leads_there_and_back(row: tuple[frozenset[str], ...]) -> None:
    for codes in row:
        found = means(codes)
        assert found[0] == codes and found[1:]
        assert all(codes in means(other) for other in found if codes != snomed("PVC"))
    assert means(frozenset(["scp:NORM"])) == (frozenset(["scp:NORM"]),)


def test_superclasses_are_left_to_scp() -> None:
    assert all(len(cls.means) == 1 for cls in labels.get("superclass").classes)


def tabulated(page: str, first: str) -> list[list[str]]:
    """The cells of the table of a page whose first heading is `first`, without its two head lines."""
    (table,) = (part for part in page.split("\n\n") if part.startswith(f"| {first} "))
    return [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in table.splitlines()[2:]]


def spoken(codes: frozenset[str]) -> str:
    """Codes as the page writes them: SNOMED CT as number and abbreviation, the others bare."""
    short = {f.code: f"{f.code.partition(':')[2]} {f.abbreviation}" for f in FINDINGS.values()}
    return ", ".join(sorted(short.get(code, code.partition(":")[2]) for code in codes)) or "–"


def of(system: str, row: tuple[frozenset[str], ...]) -> frozenset[str]:
    return frozenset().union(*(codes for codes in row if codes <= {*SYSTEMS[system]}))


def test_the_page_is_the_code() -> None:
    page = PAGE.read_text(encoding="utf-8")
    want = [[spoken(of(system, row)) for system in ("code6", "scp", "snomed")] for row in CROSSWALK]
    assert tabulated(page, "CODE-6") == want
    classes = [
        [c.code, c.title, spoken(of("snomed", c.means)), spoken(of("scp", c.means)), year]
        for c in labels.get("cinc2021").classes
        for year in ["2020" if c.code in labels.get("cinc2020").codes else "2021"]
    ]
    assert tabulated(page, "class") == classes
    without = [code.strip("`") for codes, _ in tabulated(page, "statement") for code in codes.split()]
    assert sorted(without) == sorted(s.code for s in STATEMENTS if len(means(frozenset([f"scp:{s.code}"]))) == 1)


# The challenges


def test_the_two_challenges_differ_in_two_classes() -> None:
    first, second = (labels.get(f"cinc{year}") for year in YEARS)
    assert (len(first.classes), len(second.classes)) == (24, 26)
    assert [c for c in second.codes if c in first.codes] == [*first.codes]
    assert set(second.codes) - set(first.codes) == {"BBB", "PRWP"}
    for year in YEARS:
        w = weights(year)
        assert w.shape == (len(labels.get(f"cinc{year}").classes),) * 2
        assert (w == w.T).all() and (np.diag(w) == 1).all()
        assert (w[~np.eye(len(w), dtype=bool)] <= 0.5).all() and (w > 0).all()
    with pytest.raises(ValueError, match="2020 or 2021, not of 2019"):
        weights(2019)


@pytest.mark.parametrize("year", YEARS)
def test_classes_and_weights_are_those_published(year: int, data: Path) -> None:
    scored, all_codes = published(data, year)
    classes = [of("snomed", cls.means) for cls in labels.get(f"cinc{year}").classes]
    # Complete left bundle branch block had no code of its own in 2020.
    later = {FINDINGS["CLBBB"].code} if year == 2020 else set()
    assert frozenset().union(*classes) == {*scored.index} | later and later.isdisjoint(scored.index)
    assert {*all_codes.index} <= {*SNOMED}
    merged = scored["Notes"].dropna().str.findall(r"\d{6,}").map(lambda pair: frozenset(f"snomed:{c}" for c in pair))
    assert {*merged} == {snomed(a) for a in TWINS if snomed(a) <= {*scored.index}}
    for finding in FINDINGS.values():
        if finding.code in all_codes.index:
            assert all_codes.loc[finding.code, "Abbreviation"] == finding.abbreviation
    table = pd.read_csv(data / "cinc2021" / f"{year}_weights.csv", index_col=0, dtype={0: str})
    place = {f"snomed:{code}": i for i, codes in enumerate(table.columns) for code in codes.split("|")}
    order = [sorted(place[code] for code in codes if code in place) for codes in classes]
    assert sorted({i for places in order for i in places}) == [*range(len(table))]
    for pick in (0, -1):  # of a pair that stands in two rows either is right
        at = [places[pick] for places in order]
        np.testing.assert_array_equal(weights(year), table.to_numpy()[np.ix_(at, at)])


def published(data: Path, year: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The challenge's own table of scored codes, and that of all, by code."""
    tables = []
    for part in ("scored", "unscored"):
        table = pd.read_csv(data / "cinc2021" / f"{year}_dx_mapping_{part}.csv", dtype=str)
        table = table.rename(columns={"SNOMED CT Code": "SNOMEDCTCode", "PTB-XL": "PTB_XL"})
        tables.append(table.set_index("snomed:" + table["SNOMEDCTCode"]))
    return tables[0], pd.concat(tables)


def test_ptb_xl_has_each_row_as_often_in_either_coding(data: Path) -> None:
    metadata = pd.read_csv(data / "ptbxl" / "ptbxl_metadata_21799.csv", usecols=["scp_codes"])
    statements = metadata["scp_codes"].map(lambda text: {f"scp:{code}" for code in ast.literal_eval(text)})
    count = published(data, 2021)[1]["PTB_XL"].astype(int)
    withdrawn = 21837 - len(metadata)  # records that the challenges still hold
    apart = set()
    for row in CROSSWALK:
        scp, codes = of("scp", row), of("snomed", row)
        ours, theirs = sum(not scp.isdisjoint(s) for s in statements), count[sorted(codes)].sum()
        if not 0 <= theirs - ours <= withdrawn:
            apart.add((spoken(scp), int(theirs)))
    # NORM was made sinus rhythm, SVARR supraventricular beats, and PVC has its code in the row that is not scored.
    assert apart == {("SR", 18092), ("PAC", 398 + 157), ("PVC", 0)}


def test_two_codings_of_the_same_recordings(data: Path) -> None:
    index = pd.read_csv(data / "cinc2021" / "index.csv", dtype=str)
    index = index[index["record"].str.startswith("HR")]
    metadata = pd.read_csv(data / "ptbxl" / "ptbxl_metadata_21799.csv", index_col="ecg_id")
    scp = [{f"scp:{c}" for c in ast.literal_eval(metadata["scp_codes"][int(r[2:])])} for r in index["record"]]
    ours = [{f"snomed:{c}" for c in text.split(",")} for text in index["dx_snomed"]]
    known = {"scp": SCP, "snomed": SNOMED}
    apart = set()
    for name in ("code6", "cinc2021", "statements"):
        a, b = (
            labels.targets(cohort(*((d, s, set()) for s in sets)), labels.get(name), known)
            for d, sets in (("scp", scp), ("snomed", ours))
        )
        for i, j in zip(*np.nonzero((a != b) & ~np.isnan(a) & ~np.isnan(b)), strict=True):
            apart.add((index["record"].iloc[i], labels.get(name).codes[j]))
    sinus = {(r, c) for r in ("HR06002", "HR06003", "HR14287", "HR00002") for c in ("NSR", "SR")}
    first_degree = {("HR00003", c) for c in ("1dAVb", "IAVB", "1AVB")}
    arrhythmia = {("HR00010", c) for c in ("SA", "SARRH")}
    assert len(index) == 39 and apart == sinus | first_degree | {("HR08883", "PVC")} | arrhythmia


def test_a_class_can_be_told_from_one_other_alone() -> None:
    found = labels.get("statements:NORM,AFIB/NORM")
    assert found.codes == ("NORM", "AFIB/NORM") and "told from normal ECG alone" in found.classes[1].title
    rows = [({"scp:AFIB"}, set()), ({"scp:NORM"}, set()), ({"scp:1AVB"}, set()), ({"scp:AFIB", "scp:NORM"}, set())]
    rows += [({"scp:NORM"}, {"scp:AFIB"}), (set(), {"scp:NORM"})]
    table = cohort(*(("ptbxl", *row) for row in rows))
    got = labels.targets(table, found, {"ptbxl": SCP})[:, 1]
    assert np.array_equal(got, [1, 0, np.nan, 1, np.nan, np.nan], equal_nan=True)
    with pytest.raises(registry.UnknownName, match="did you mean 'NORM'"):
        labels.get("statements:AFIB/NORMM")
