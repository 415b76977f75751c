"""The five classes of beats of ANSI/AAMI EC57; which beats they are is for the data set to say, see `datasets.mitdb`.

De Chazal, O'Dwyer and Reilly 2004, "Automatic classification of heartbeats using ECG morphology and heartbeat interval
features", IEEE Transactions on Biomedical Engineering 51:1196. A beat has exactly one of them.
"""

__all__ = ["AAMI5"]

from einthoven.labels._vocabulary import Class, Vocabulary

_FIVE = {
    "N": "beat of the sinus node, with or without bundle branch block, or escape beat of atria or AV node",
    "S": "supraventricular ectopic beat",
    "V": "ventricular ectopic beat",
    "F": "fusion of a ventricular and a normal beat",
    "Q": "paced or unclassifiable beat",
}

AAMI5 = Vocabulary(
    name="aami5",
    title="five classes of beats (AAMI EC57)",
    classes=tuple(Class(code, title, (frozenset([f"aami:{code}"]),)) for code, title in _FIVE.items()),
    source="https://doi.org/10.1109/TBME.2004.827359",
    exclusive=True,
)
