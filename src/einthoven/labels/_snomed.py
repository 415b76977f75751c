"""The SNOMED CT codes of the PhysioNet/CinC challenges of 2020 and 2021, scored and unscored.

Perez Alday et al. 2020, "Classification of 12-lead ECGs: the PhysioNet/Computing in Cardiology Challenge 2020",
Physiological Measurement 41:124003, https://doi.org/10.1088/1361-6579/abc960, and Reyna et al. 2021, "Will two do?
Varying dimensions in electrocardiography", https://doi.org/10.23919/CinC53138.2021.9662687; codes and abbreviations are
those of the tables `dx_mapping_scored.csv` and `dx_mapping_unscored.csv` of both years. In this room
a code is written here alone, and goes by its abbreviation elsewhere.
"""

__all__ = ["FINDINGS", "TWINS", "Finding", "snomed"]

import dataclasses


@dataclasses.dataclass(frozen=True)
class Finding:
    """One finding: the challenges' abbreviation, its code as `snomed:code`, and its name in words."""

    abbreviation: str
    code: str
    title: str


def _parse(line: str) -> Finding:
    abbreviation, number, title = (part.strip() for part in line.split("|"))
    return Finding(abbreviation, f"snomed:{number}", title)


_FINDINGS = """\
AAR        | 233892002      | accelerated atrial escape rhythm
AB         | 251173003      | atrial bigeminy
abQRS      | 164951009      | abnormal QRS
AED        | 251187003      | atrial escape beat
AF         | 164889003      | atrial fibrillation
AFAFL      | 195080001      | atrial fibrillation and flutter
AFL        | 164890007      | atrial flutter
AH         | 195126007      | atrial hypertrophy
AIVR       | 61277005       | accelerated idioventricular rhythm
AJR        | 426664006      | accelerated junctional rhythm
ALR        | 251139008      | arm leads possibly reversed
AMI        | 57054005       | acute myocardial infarction
AMIs       | 413444003      | acute myocardial ischaemia
AnMI       | 54329005       | anterior myocardial infarction
AnMIs      | 426434006      | anterior ischaemia
AP         | 251268003      | atrial pacing pattern
ARH        | 106068003      | atrial rhythm
ATach      | 713422000      | atrial tachycardia
AVB        | 233917008      | AV block
AVD        | 50799005       | AV dissociation
AVJR       | 29320008       | AV junctional rhythm
AVNRT      | 251166008      | AV nodal re-entrant tachycardia
AVRT       | 233897008      | AV re-entrant tachycardia
BBB        | 6374002        | bundle branch block
BPAC       | 251170000      | blocked premature atrial contraction
Brady      | 426627000      | bradycardia
BRU        | 418818005      | Brugada pattern
BTS        | 74615001       | bradycardia-tachycardia syndrome
CAF        | 426749004      | chronic atrial fibrillation
CCR        | 251199005      | counterclockwise rotation
CD         | 698247007      | cardiac dysrhythmia
CHB        | 27885002       | complete heart block
CHD        | 53741008       | coronary heart disease
CIAHB      | 204384007      | congenital incomplete AV block
CLBBB      | 733534002      | complete left bundle branch block
CMI        | 413844008      | chronic myocardial ischaemia
CR         | 251198002      | clockwise rotation
CRBBB      | 713427006      | complete right bundle branch block
CVCL/CCVCL | 61721007       | clockwise or counterclockwise vectorcardiographic loop
DIB        | 82226007       | diffuse intraventricular block
ERe        | 428417006      | early repolarization
FB         | 13640000       | fusion beats
FQRS       | 164942001      | fragmented QRS
HF         | 84114007       | heart failure
HTV        | 251259000      | high T voltage
HVD        | 368009         | heart valve disorder
IAVB       | 270492004      | first-degree AV block
ICA        | 251200008      | indeterminate cardiac axis
IIAVB      | 195042002      | second-degree AV block
IIAVBII    | 426183003      | second-degree AV block, Mobitz II
IIs        | 425419005      | inferior ischaemia
ILBBB      | 251120003      | incomplete left bundle branch block
IR         | 49260003       | idioventricular rhythm
IRBBB      | 713426002      | incomplete right bundle branch block
ISTD       | 704997005      | inferior ST depression
JE         | 426995002      | junctional escape
JPC        | 251164006      | junctional premature complex
JTach      | 426648003      | junctional tachycardia
LAA        | 253352002      | left atrial abnormality
LAD        | 39732003       | left axis deviation
LAE        | 67741000119109 | left atrial enlargement
LAH        | 446813000      | left atrial hypertrophy
LAnFB      | 445118002      | left anterior fascicular block
LBBB       | 164909002      | left bundle branch block
LIs        | 425623009      | lateral ischaemia
LPFB       | 445211001      | left posterior fascicular block
LPR        | 164947007      | prolonged PR interval
LQRSV      | 251146004      | low QRS voltages
LQT        | 111975006      | prolonged QT interval
LVH        | 164873001      | left ventricular hypertrophy
LVHV       | 55827005       | left ventricular high voltage
LVS        | 370365005      | left ventricular strain
MI         | 164865005      | myocardial infarction
MIs        | 164861001      | myocardial ischaemia
MoI        | 54016002       | second-degree AV block, Mobitz I (Wenckebach)
NSIVCB     | 698252002      | non-specific intraventricular conduction disorder
NSR        | 426783006      | sinus rhythm
NSSTTA     | 428750005      | non-specific ST-T abnormality
OldMI      | 164867002      | old myocardial infarction
PAC        | 284470004      | premature atrial contractions
PAF        | 282825002      | paroxysmal atrial fibrillation
PPW        | 251205003      | prolonged P wave
PR         | 10370003       | paced rhythm
PRWP       | 365413008      | poor R-wave progression
PSVT       | 67198005       | paroxysmal supraventricular tachycardia
PVC        | 427172004      | premature ventricular contractions
PVT        | 425856008      | paroxysmal ventricular tachycardia
PWC        | 164912004      | P-wave change
QAb        | 164917005      | abnormal Q wave
RAAb       | 253339007      | right atrial abnormality
RAb        | 164921003      | abnormal R wave
RAD        | 47665007       | right axis deviation
RAF        | 314208002      | rapid atrial fibrillation
RAH        | 446358003      | right atrial hypertrophy
RAHV       | 67751000119106 | right atrial high voltage
RBBB       | 59118001       | right bundle branch block
RVH        | 89792004       | right ventricular hypertrophy
SA         | 427393009      | sinus arrhythmia
SAAWR      | 17366009       | wandering rhythm from sinus node to atrium
SAB        | 65778007       | sinoatrial block
SARR       | 5609005        | sinus arrest
SB         | 426177001      | sinus bradycardia
SND        | 60423000       | sinus node dysfunction
SPRI       | 49578007       | shortened PR interval
SQT        | 77867006       | shortened QT interval
STach      | 427084000      | sinus tachycardia
STC        | 55930002       | ST-T changes
STD        | 429622005      | ST depression
STE        | 164931005      | ST elevation
STIAb      | 164930006      | abnormal ST interval
SVB        | 251168009      | supraventricular bigeminy
SVPB       | 63593006       | supraventricular premature beats
SVT        | 426761007      | supraventricular tachycardia
TAb        | 164934002      | abnormal T wave
TIA        | 266257000      | transient ischaemic attack
TInv       | 59931005       | T-wave inversion
TPW        | 251223006      | tall P wave
UAb        | 164937009      | abnormal U wave
VBig       | 11157007       | ventricular bigeminy
VEB        | 164884008      | ventricular ectopics
VEsB       | 75532003       | ventricular escape beat
VEsR       | 81898007       | ventricular escape rhythm
VF         | 164896001      | ventricular fibrillation
VFL        | 111288001      | ventricular flutter
VH         | 266249003      | ventricular hypertrophy
VPB        | 17338001       | ventricular premature beats
VPEx       | 195060002      | ventricular pre-excitation
VPP        | 251266004      | ventricular pacing pattern
VPVC       | 251182009      | paired ventricular premature complexes
VTach      | 164895002      | ventricular tachycardia
VTrig      | 251180001      | ventricular trigeminy
WAP        | 195101003      | wandering atrial pacemaker
WPW        | 74390002       | Wolff-Parkinson-White pattern"""

FINDINGS = {finding.abbreviation: finding for finding in map(_parse, _FINDINGS.splitlines())}

# Two codes that the challenges count as one, under the abbreviation by which the pair goes here.
TWINS = {"LBBB": "CLBBB", "PAC": "SVPB", "PVC": "VPB", "RBBB": "CRBBB"}


def snomed(*abbreviations: str) -> frozenset[str]:
    """The codes of these findings; a finding that goes under two codes brings both."""
    both = {*abbreviations, *(TWINS[a] for a in abbreviations if a in TWINS)}
    return frozenset(FINDINGS[a].code for a in both)
