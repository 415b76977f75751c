"""The 71 SCP-ECG statements of PTB-XL and how they are grouped.

Wagner et al. 2020, "PTB-XL, a large publicly available electrocardiography dataset", Scientific Data 7:154,
https://doi.org/10.1038/s41597-020-0495-6; the facts are those of the corpus's `scp_statements.csv` (version 1.0.3). 44
statements are diagnostic and have a superclass and a subclass, 19 describe the form and 12 the rhythm; four are both
diagnostic and form. A statement counts whatever its likelihood, as in the benchmark of Strodthoff et al. 2021
(https://doi.org/10.1109/JBHI.2020.3022989): rhythm and form statements carry likelihood 0 and are real all the same.
"""

__all__ = ["STATEMENTS", "Statement", "grouped", "single"]

import dataclasses

from einthoven.labels._crosswalk import means
from einthoven.labels._vocabulary import Class, Vocabulary

_SOURCE = "https://doi.org/10.1038/s41597-020-0495-6"


@dataclasses.dataclass(frozen=True)
class Statement:
    """One SCP-ECG statement: its code, groups and meaning."""

    code: str
    superclass: str
    subclass: str
    groups: tuple[str, ...]
    title: str


def _parse(line: str) -> Statement:
    code, superclass, subclass, groups, title = (part.strip() for part in line.split("|"))
    return Statement(code, superclass, subclass, tuple(groups.split()), title)


STATEMENTS = tuple(
    _parse(line)
    for line in """\
NDT     | STTC | STTC      | form        | non-diagnostic T abnormalities
NST_    | STTC | NST_      | form        | non-specific ST changes
DIG     | STTC | STTC      | form        | digitalis-effect
LNGQT   | STTC | STTC      | form        | long QT-interval
NORM    | NORM | NORM      |             | normal ECG
IMI     | MI   | IMI       |             | inferior myocardial infarction
ASMI    | MI   | AMI       |             | anteroseptal myocardial infarction
LVH     | HYP  | LVH       |             | left ventricular hypertrophy
LAFB    | CD   | LAFB/LPFB |             | left anterior fascicular block
ISC_    | STTC | ISC_      |             | non-specific ischemic
IRBBB   | CD   | IRBBB     |             | incomplete right bundle branch block
1AVB    | CD   | _AVB      |             | first degree AV block
IVCD    | CD   | IVCD      |             | non-specific intraventricular conduction disturbance (block)
ISCAL   | STTC | ISCA      |             | ischemic in anterolateral leads
CRBBB   | CD   | CRBBB     |             | complete right bundle branch block
CLBBB   | CD   | CLBBB     |             | complete left bundle branch block
ILMI    | MI   | IMI       |             | inferolateral myocardial infarction
LAO/LAE | HYP  | LAO/LAE   |             | left atrial overload/enlargement
AMI     | MI   | AMI       |             | anterior myocardial infarction
ALMI    | MI   | AMI       |             | anterolateral myocardial infarction
ISCIN   | STTC | ISCI      |             | ischemic in inferior leads
INJAS   | MI   | AMI       |             | subendocardial injury in anteroseptal leads
LMI     | MI   | LMI       |             | lateral myocardial infarction
ISCIL   | STTC | ISCI      |             | ischemic in inferolateral leads
LPFB    | CD   | LAFB/LPFB |             | left posterior fascicular block
ISCAS   | STTC | ISCA      |             | ischemic in anteroseptal leads
INJAL   | MI   | AMI       |             | subendocardial injury in anterolateral leads
ISCLA   | STTC | ISCA      |             | ischemic in lateral leads
RVH     | HYP  | RVH       |             | right ventricular hypertrophy
ANEUR   | STTC | STTC      |             | ST-T changes compatible with ventricular aneurysm
RAO/RAE | HYP  | RAO/RAE   |             | right atrial overload/enlargement
EL      | STTC | STTC      |             | electrolytic disturbance or drug (former EDIS)
WPW     | CD   | WPW       |             | Wolf-Parkinson-White syndrome
ILBBB   | CD   | ILBBB     |             | incomplete left bundle branch block
IPLMI   | MI   | IMI       |             | inferoposterolateral myocardial infarction
ISCAN   | STTC | ISCA      |             | ischemic in anterior leads
IPMI    | MI   | IMI       |             | inferoposterior myocardial infarction
SEHYP   | HYP  | SEHYP     |             | septal hypertrophy
INJIN   | MI   | IMI       |             | subendocardial injury in inferior leads
INJLA   | MI   | AMI       |             | subendocardial injury in lateral leads
PMI     | MI   | PMI       |             | posterior myocardial infarction
3AVB    | CD   | _AVB      |             | third degree AV block
INJIL   | MI   | IMI       |             | subendocardial injury in inferolateral leads
2AVB    | CD   | _AVB      |             | second degree AV block
ABQRS   |      |           | form        | abnormal QRS
PVC     |      |           | form        | ventricular premature complex
STD_    |      |           | form        | non-specific ST depression
VCLVH   |      |           | form        | voltage criteria (QRS) for left ventricular hypertrophy
QWAVE   |      |           | form        | Q waves present
LOWT    |      |           | form        | low amplitude T-waves
NT_     |      |           | form        | non-specific T-wave changes
PAC     |      |           | form        | atrial premature complex
LPR     |      |           | form        | prolonged PR interval
INVT    |      |           | form        | inverted T-waves
LVOLT   |      |           | form        | low QRS voltages in the frontal and horizontal leads
HVOLT   |      |           | form        | high QRS voltage
TAB_    |      |           | form        | T-wave abnormality
STE_    |      |           | form        | non-specific ST elevation
PRC(S)  |      |           | form        | premature complex(es)
SR      |      |           | rhythm      | sinus rhythm
AFIB    |      |           | rhythm      | atrial fibrillation
STACH   |      |           | rhythm      | sinus tachycardia
SARRH   |      |           | rhythm      | sinus arrhythmia
SBRAD   |      |           | rhythm      | sinus bradycardia
PACE    |      |           | rhythm      | normal functioning artificial pacemaker
SVARR   |      |           | rhythm      | supraventricular arrhythmia
BIGU    |      |           | rhythm      | bigeminal pattern (unknown origin, SV or Ventricular)
AFLT    |      |           | rhythm      | atrial flutter
SVTAC   |      |           | rhythm      | supraventricular tachycardia
PSVT    |      |           | rhythm      | paroxysmal supraventricular tachycardia
TRIGU   |      |           | rhythm      | trigeminal pattern (unknown origin, SV or Ventricular)""".splitlines()
)


def _class(code: str, title: str, statements: list[str]) -> Class:
    return Class(code, title, means(frozenset(f"scp:{statement}" for statement in statements)))


def single(name: str, title: str, group: str | None) -> Vocabulary:
    """One class a statement: all 71, or those of the group `form` or `rhythm`."""
    chosen = [s for s in STATEMENTS if group is None or group in s.groups]
    return Vocabulary(name, title, tuple(_class(s.code, s.title, [s.code]) for s in chosen), _SOURCE)


def grouped(name: str, title: str, level: str, titles: dict[str, str]) -> Vocabulary:
    """One class a value of the column `superclass` or `subclass`, over the diagnostic statements."""
    members: dict[str, list[str]] = {key: [] for key in titles}
    for statement in STATEMENTS:
        if key := getattr(statement, level):
            members.setdefault(key, []).append(statement.code)
    classes = tuple(_class(key, titles.get(key, key), codes) for key, codes in members.items())
    return Vocabulary(name, title, classes, _SOURCE)
