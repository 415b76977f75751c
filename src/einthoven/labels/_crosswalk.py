"""The crosswalk: what CODE-6, the SCP statements of PTB-XL and SNOMED CT say of an ECG in different codes.

A row holds only what is exact both ways: whoever has the one has the other, and whoever lacks the one lacks the
other. The evidence is the challenges' own translation of PTB-XL, where the codes of a row are as frequent as its
statements (the tables `dx_mapping_*.csv`). `docs/labels.md` names the exceptions, and says why the other statements
have no row.
"""

__all__ = ["CROSSWALK", "means"]

from einthoven.labels._snomed import snomed


def _parse(line: str) -> tuple[frozenset[str], ...]:
    code6, scp, findings = (part.split() for part in line.split("|"))
    row = frozenset(f"code6:{c}" for c in code6), frozenset(f"scp:{c}" for c in scp), snomed(*findings)
    return tuple(codes for codes in row if codes)


# Ventricular premature complexes stand twice: the challenges do not score VEB, their third code for them.
CROSSWALK = tuple(
    _parse(line)
    for line in """\
1dAVb | 1AVB              | IAVB
RBBB  | CRBBB             | RBBB
LBBB  | CLBBB             | LBBB
SB    | SBRAD             | SB
AF    | AFIB              | AF
ST    | STACH             | STach
      | 2AVB              | IIAVB MoI IIAVBII
      | 3AVB              | CHB
      | IRBBB             | IRBBB
      | ILBBB             | ILBBB
      | LAFB              | LAnFB
      | LPFB              | LPFB
      | IVCD              | NSIVCB
      | WPW               | WPW
      | LNGQT             | LQT
      | RVH               | RVH
      | PVC               | PVC VEB
      | PVC               | PVC
      | PAC               | PAC
      | LPR               | LPR
      | QWAVE             | QAb
      | LVOLT             | LQRSV
      | INVT              | TInv
      | NDT NT_ LOWT TAB_ | TAb
      | SR                | NSR
      | AFLT              | AFL
      | SARRH             | SA
      | PACE              | PR""".splitlines()
)


def means(codes: frozenset[str]) -> tuple[frozenset[str], ...]:
    """These codes of one system, and after them what means exactly the same in each of the others."""
    row = next((row for row in CROSSWALK if codes in row), ())
    return codes, *(other for other in row if other != codes)
