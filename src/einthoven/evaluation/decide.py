"""From probabilities to decisions, with what was fitted on validation rows."""

__all__ = ["decide"]

import pandas as pd

from einthoven.evaluation._trials import checked
from einthoven.evaluation.temperature import tempered

CELL = ["model", "seed", "fold", "class"]


def decide(predictions: pd.DataFrame, thresholds: pd.DataFrame) -> pd.DataFrame:
    """The test rows, decided.

    Arguments:
        predictions: The predictions table.
        thresholds: As `thresholds` gives them.

    Returns:
        The test rows, in their order, with `calibrated` (the probability after temperature), `threshold` (on the
        raw probability) and `decision` (bool, whether the raw probability reaches the threshold).

    Raises:
        ValueError: If a cell or class has no threshold.
    """

    test = checked(predictions)
    test = test[test["part"] == "test"].reset_index(drop=True)
    joined = test.merge(thresholds[[*CELL, "threshold", "temperature"]], on=CELL, how="left", validate="many_to_one")
    if joined["threshold"].isna().any():
        lost = joined[joined["threshold"].isna()].iloc[0]
        raise ValueError(
            f"there is no threshold for model {lost['model']}, seed {lost['seed']}, fold {lost['fold']}, class "
            f"{lost['class']}; fit the thresholds on the same predictions"
        )
    probability = joined["probability"].to_numpy(dtype="float64")
    return joined.assign(
        calibrated=tempered(probability, joined["temperature"].to_numpy()),
        decision=probability >= joined["threshold"].to_numpy(),
    ).drop(columns="temperature")
