"""The two halves of MIT-BIH by which beat classifiers are compared: trained on DS1, tested on DS2.

De Chazal, O'Dwyer and Reilly 2004 (https://doi.org/10.1109/TBME.2004.827359). Each half has 22 recordings; the four
paced ones are in neither. For validation a fifth of the patients of DS1 is set aside, with about a fifth of each class.

It is leaky, by one person: recordings 201 (DS1) and 202 (DS2) were taken of the same man, from the same tape. That is
how the published figures were made, so the split runs and says so; any other patient on both sides is still refused.
`inter_patient_strict` is the same without that leak.
"""

__all__ = ["INTER_PATIENT"]

from einthoven.splits import Splitter
from einthoven.splits._mitbih import halves

INTER_PATIENT = Splitter(halves, leaky=True, fixed=True, shared=("mitdb:201",))
