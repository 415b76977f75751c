"""How far readers agree, and whether one is right more often than another.

Two questions that are easily mixed: `agreement` compares answers, whatever the truth (Cohen's kappa); `comparisons`
compares who is right (McNemar's test). Two readers may agree well and both be wrong.
"""

__all__ = ["agreement", "comparisons"]

from itertools import combinations

import numpy as np
import pandas as pd
from jaxtyping import Float

from einthoven.evaluation.bootstrap import interval
from einthoven.evaluation.holm import holm
from einthoven.evaluation.mcnemar import FEW, mcnemar
from einthoven.evaluation.readings import Readings
from einthoven.metrics.kappa import kappa

_APART = "records on which they differ: {}; read the exact p"


def agreement(readings: Readings, weights: Float[np.ndarray, "record resample"]) -> pd.DataFrame:
    """Kappa of each pair of readers and class.

    Arguments:
        readings: The answers; where either reader gave none, the record is left out.
        weights: The resamples; the sample itself comes first.

    Returns:
        One row a pair and class: first, second, class, kappa, low, high, records.
    """

    rows = []
    for (first, ours), (second, theirs) in combinations(readings.readers.items(), 2):
        for label, name in enumerate(readings.classes):
            both = ~np.isnan(ours[:, label]) & ~np.isnan(theirs[:, label])
            values = np.asarray(kappa(ours[both, label], theirs[both, label], weights[both]))
            span = interval(values[1:])
            keys = {"first": first, "second": second, "class": name}
            rows.append({**keys, "kappa": values[0], "low": span.low, "high": span.high, "records": int(both.sum())})
    return pd.DataFrame(rows, columns=["first", "second", "class", "kappa", "low", "high", "records"])


def comparisons(readings: Readings) -> pd.DataFrame:
    """McNemar's test of each pair of readers and class, the χ² as it is published and the exact test beside it.

    Arguments:
        readings: The answers; a record counts where its truth is known and both readers answered.

    Returns:
        One row a pair and class: first, second, class, only_first, only_second (records on which that reader alone is
        right), statistic, p (χ², uncorrected), p_exact, p_exact_holm (corrected for all rows), records, note.
    """

    rows = []
    for (first, ours), (second, theirs) in combinations(readings.readers.items(), 2):
        for label, name in enumerate(readings.classes):
            truth, one, other = readings.gold[:, label], ours[:, label], theirs[:, label]
            known = ~np.isnan(truth) & ~np.isnan(one) & ~np.isnan(other)
            found = mcnemar((one == truth)[known], (other == truth)[known])
            apart = found.only_first + found.only_second
            note = _APART.format(apart) if apart < FEW else ""
            if found.p < 0.05 <= found.p_exact:
                note += "; below 0.05 by χ² alone"
            keys = {"first": first, "second": second, "class": name}
            rows.append({**keys, **found._asdict(), "records": int(known.sum()), "note": note})
    order = ["first", "second", "class", "only_first", "only_second", "statistic", "p", "p_exact", "records", "note"]
    table = pd.DataFrame(rows, columns=order)
    table.insert(8, "p_exact_holm", holm(table["p_exact"].to_numpy(dtype=np.float64)))
    return table
