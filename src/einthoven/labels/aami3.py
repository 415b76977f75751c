"""The three classes of beats by which methods are compared: N, S and V of the five in `aami5`.

A beat of the other two is no negative here. A fusion is a ventricular and a normal beat at once, and of a paced or
unclassifiable one nobody says what it would be without the other two classes; so a data set lists all three as unknown
for such beats, and they are neither learnt from nor counted. The codes `aami3:` are what makes that visible in a table.
"""

__all__ = ["AAMI3"]

from einthoven.labels._vocabulary import Class, Vocabulary
from einthoven.labels.aami5 import AAMI5

AAMI3 = Vocabulary(
    name="aami3",
    title="three classes of beats (AAMI EC57 without F and Q)",
    classes=tuple(Class(c.code, c.title, (frozenset([f"aami3:{c.code}"]),)) for c in AAMI5.classes[:3]),
    source=AAMI5.source,
    exclusive=True,
)
