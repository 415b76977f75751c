"""What the sources of PhysioNet/CinC Challenge 2020 and 2021 looked for.

From the publisher's tables `dx_mapping_scored.csv` and `dx_mapping_unscored.csv` of 2021 (those of 2020 are a part of
them), https://github.com/physionetchallenges/evaluation-2021: a source whose count of a code is 0 never used it, so
that nobody knows which of its records have it. Two codes that the challenge scores as one diagnosis are twins: whoever
used one of them looked for both, and of a record that has one nobody knows whether the other would fit too.
"""

__all__ = ["CODES", "LOOKED_FOR", "TEXTS", "snomed", "with_twins"]

from collections.abc import Iterable

from einthoven.labels._snomed import FINDINGS, TWINS


def snomed(abbreviation: str) -> str:
    """The one code of a finding, by the challenge's abbreviation."""

    return FINDINGS[abbreviation].code


def with_twins(codes: Iterable[str]) -> frozenset[str]:
    """The codes, and with each of them its twin."""

    codes = frozenset(codes)
    pairs = ({snomed(one), snomed(other)} for one, other in TWINS.items())
    return codes.union(*(pair for pair in pairs if pair & codes))


# The findings that each source used, by their abbreviations.
_USED = {
    "CPSC2018": """
        AF IAVB LBBB NSR PAC RBBB STD STE VEB
    """,
    "CPSC-Extra": """
        AF AFAFL AFL AH AMIs AnMI ATach AVB AVJR BPAC Brady BTS CAF CHB CMI CRBBB DIB HTV IAVB IIAVB ILBBB IRBBB ISTD JE
        JPC JTach LAE LAH LBBB LQT LVH LVS MI MIs NSIVCB NSR NSSTTA OldMI PAC PR PVC QAb RAb RAD RAH RBBB RVH SA SAB SB
        SPRI SQT STach STC STD STE STIAb SVPB SVT TAb TInv UAb VBig VEsB VEsR VF VFL VH VPB VPEx VTach VTrig
    """,
    "INCART": """
        AB AF AMI BBB BPAC Brady BTS CHD FB IR LVH MI MoI NSIVCB PAC PAF PSVT PVT RBBB SA SND STach STD STE STIAb SVB
        SVPB SVT TIA TInv VBig VEB VEsB VPVC VTach VTrig WPW
    """,
    "PTB": """
        AF AFL BBB CD CHD CIAHB HF HVD MI NSR PAF RAF STach VF VH VTach WPW
    """,
    "PTB-XL": """
        abQRS AF AFL AnMI AnMIs CHB CRBBB IAVB ICA IIAVB IIs ILBBB IRBBB LAD LAE LAnFB LBBB LIs LPFB LPR LQRSV LQT LVH
        MI MIs NSIVCB NSR NSSTTA PAC PR PSVT QAb RAD RAH RVH SA SB STach STC STD STE SVPB SVT TAb TInv VBig VEB VH VTrig
        WPW
    """,
    "Georgia": """
        AF AFAFL AFL AH AJR ALR AMIs AnMIs AP ATach AVB BBB Brady CHB CRBBB ERe IAVB IIAVB IIs ILBBB IRBBB JE JTach LAA
        LAD LAE LAnFB LBBB LIs LPFB LQRSV LQT LVH MI NSIVCB NSR NSSTTA PAC QAb RAAb RAb RAD RBBB RVH SA SB SPRI STach
        STC STD STE STIAb SVPB SVT TAb TInv VBig VEB VEsR VF VH VPB VPEx VPP VTrig WAP WPW
    """,
    "Chapman-Shaoxing": """
        AB AF AFL ATach AVB AVNRT AVRT CCR CHB CR ERe FB FQRS IAVB IIAVB JE JPC LAD LBBB LPR LQRSV LQT LVH LVHV MI MoI
        NSIVCB NSR NSSTTA PAC PWC QAb RAD RAH RAHV RBBB RVH SAAWR SB STach STD STE STIAb SVT TAb TInv UAb VBig VEsB VPB
        VPEx VTrig WAP WPW
    """,
    "Ningbo": """
        AAR AED AFL AIVR AJR AMI AnMI ARH ATach AVB AVD AVJR AVRT BBB BPAC Brady BRU CHB CLBBB CRBBB CVCL/CCVCL ERe FB
        IAVB IIAVB IIAVBII ILBBB IRBBB JE JPC JTach LAD LAE LAH LAnFB LBBB LPFB LPR LQRSV LQT LVH LVHV MI MoI NSIVCB NSR
        PAC PPW PR PRWP PVC PVT PWC QAb RAD RAH RAHV RBBB RVH SA SAB SARR SB SPRI SQT STach STC STD STIAb SVPB SVT TAb
        TInv TPW UAb VEsB VEsR VF VFL WPW
    """,
}

CODES = tuple(finding.code for finding in FINDINGS.values())
LOOKED_FOR = {source: with_twins(map(snomed, used.split())) for source, used in _USED.items()}
"""The codes that each source looked for."""

TEXTS = {
    "Normal": snomed("NSR"),
    "AF": snomed("AF"),
    "I-AVB": snomed("IAVB"),
    "LBBB": snomed("LBBB"),
    "RBBB": snomed("RBBB"),
    "PAC": snomed("PAC"),
    "PVC": snomed("VEB"),
    "STD": snomed("STD"),
    "STE": snomed("STE"),
}
"""The nine words of CPSC2018, which its first headers carry, as the challenge codes them."""
