"""The six diagnoses of the CODE study.

Ribeiro et al. 2020, "Automatic diagnosis of the 12-lead ECG using a deep neural network", Nature Communications
11:1760, https://doi.org/10.1038/s41467-020-15432-4. Note that "ST" there is sinus tachycardia.

PTB-XL states the same six as 1AVB, CRBBB, CLBBB, SBRAD, AFIB and STACH. CODE does not tell complete from incomplete
bundle branch block; the complete ones stand for both, as the published evaluations on PTB-XL have it.
"""

__all__ = ["CODE6"]

from einthoven.labels._vocabulary import Class, Vocabulary

_SIX = (
    ("1dAVb", "first-degree AV block", "1AVB"),
    ("RBBB", "right bundle branch block", "CRBBB"),
    ("LBBB", "left bundle branch block", "CLBBB"),
    ("SB", "sinus bradycardia", "SBRAD"),
    ("AF", "atrial fibrillation", "AFIB"),
    ("ST", "sinus tachycardia", "STACH"),
)

CODE6 = Vocabulary(
    name="code6",
    title="six diagnoses (CODE)",
    classes=tuple(
        Class(code, title, (frozenset([f"code6:{code}"]), frozenset([f"scp:{scp}"]))) for code, title, scp in _SIX
    ),
    source="https://doi.org/10.1038/s41467-020-15432-4",
)
