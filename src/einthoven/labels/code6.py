"""The six diagnoses of the CODE study.

Ribeiro et al. 2020, "Automatic diagnosis of the 12-lead ECG using a deep neural network", Nature Communications
11:1760, https://doi.org/10.1038/s41467-020-15432-4. Note that "ST" there is sinus tachycardia.

The crosswalk has all six in SCP and in SNOMED CT. CODE does not tell complete from incomplete bundle branch block;
the complete ones stand for both, as the published evaluations on PTB-XL have it.
"""

__all__ = ["CODE6"]

from einthoven.labels._crosswalk import means
from einthoven.labels._vocabulary import Class, Vocabulary

_SIX = {
    "1dAVb": "first-degree AV block",
    "RBBB": "right bundle branch block",
    "LBBB": "left bundle branch block",
    "SB": "sinus bradycardia",
    "AF": "atrial fibrillation",
    "ST": "sinus tachycardia",
}

CODE6 = Vocabulary(
    name="code6",
    title="six diagnoses (CODE)",
    classes=tuple(Class(code, title, means(frozenset([f"code6:{code}"]))) for code, title in _SIX.items()),
    source="https://doi.org/10.1038/s41467-020-15432-4",
)
