"""The mistakes that a model was surest of: what to look at first.

A missed positive is the worse the lower its probability, a false alarm the higher. Classes take turns, and so do
the two kinds, so that a short list shows many sorts of mistake rather than one class thrice.
"""

__all__ = ["mistakes"]

import numpy as np
import pandas as pd

COLUMNS = ["record", "patient", "source", "model", "seed", "fold", "class", "truth", "probability", "calibrated"]


def mistakes(decided: pd.DataFrame, n: int = 12, model: str | None = None) -> pd.DataFrame:
    """The strongest mistakes of one model's first seed.

    Arguments:
        decided: Test rows as `decide` gives them.
        n: How many at most.
        model: Which model; the first by name unless one is named.

    Returns:
        At most `n` rows, in the order of the turns: record, patient, source, model, seed, fold, class, truth,
        probability, calibrated, threshold, kind (`missed` or `false alarm`). The same rows whatever their order
        was.

    Raises:
        ValueError: If there is nothing of that model.
    """

    model = min(decided["model"]) if model is None else model
    rows = decided[decided["model"] == model]
    if rows.empty:
        raise ValueError(
            f"there are no decisions of model {model}; there are of {', '.join(decided['model'].unique())}"
        )
    rows = rows[(rows["seed"] == rows["seed"].min()) & rows["truth"].notna()]
    positive, said = rows["truth"].to_numpy(dtype=np.float64) > 0.5, rows["decision"].to_numpy(dtype=bool)
    kind = np.where(positive, "missed", "false alarm")
    doubt = np.where(positive, rows["calibrated"], 1 - rows["calibrated"])
    wrong = rows.assign(kind=kind, doubt=doubt)[positive != said].sort_values(["doubt", "record", "class"])
    place = wrong.groupby(["class", "kind"]).cumcount()
    # In even turns the even classes show what they missed and odd ones false alarms; in odd turns, the reverse.
    number = wrong["class"].map({name: at for at, name in enumerate(sorted(wrong["class"].unique()))}).astype("int64")
    turn = 2 * place + (number + (wrong["kind"] != "missed")) % 2
    chosen: pd.DataFrame = wrong.assign(turn=turn, number=number).sort_values(["turn", "number"]).head(n)
    return chosen[[*COLUMNS, "threshold", "kind"]].astype({"truth": "Int8"}).reset_index(drop=True)
