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
        raw probability), `decision` (bool, whether the raw probability reaches the threshold) and `uncertain` (bool,
        whether it lies in the grey zone between the rule-out point and the threshold).

    Raises:
        ValueError: If a cell or class has no threshold.
    """

    test = checked(predictions)
    test = test[test["part"] == "test"].reset_index(drop=True)
    fitted = thresholds[[*CELL, "threshold", "temperature", "rule_out"]]
    joined = test.merge(fitted, on=CELL, how="left", validate="many_to_one")
    if joined["threshold"].isna().any():
        lost = joined[joined["threshold"].isna()].iloc[0]
        raise ValueError(
            f"there is no threshold for model {lost['model']}, seed {lost['seed']}, fold {lost['fold']}, class "
            f"{lost['class']}; fit the thresholds on the same predictions"
        )
    probability = joined["probability"].to_numpy(dtype="float64")
    decision = probability >= joined["threshold"].to_numpy()
    return joined.assign(
        calibrated=tempered(probability, joined["temperature"].to_numpy()),
        decision=decision,
        uncertain=~decision & (probability >= joined["rule_out"].to_numpy()),
    ).drop(columns=["temperature", "rule_out"])
