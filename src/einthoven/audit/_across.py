"""What stands on more than one side."""

__all__ = ["across", "named"]

from collections.abc import Sequence

import pandas as pd

from einthoven.audit._subject import Subject


def across(subject: Subject, keys: pd.Series) -> pd.DataFrame:
    """The keys that records of different sides share; missing ones are not compared.

    Returns:
        One row a key: `key`, `sides` (`train and test`), `records` (how many), the most sides and records first.
    """

    known = keys.notna().to_numpy() & (subject.side != "")
    table = pd.DataFrame({"key": keys[known].astype(str).to_numpy(), "side": subject.side[known].astype(str)})
    several = table.groupby("key")["side"].nunique()
    rows = table[table["key"].isin(several.index[several > 1])]
    order = {side: i for i, side in enumerate(subject.sides)}
    groups = rows.groupby("key", sort=True)["side"]
    found = pd.DataFrame(
        {
            "sides": groups.agg(lambda sides: " and ".join(sorted(set(sides), key=order.__getitem__))),
            "records": groups.size(),
        }
    )
    return found.reset_index().sort_values(["records", "key"], ascending=[False, True], ignore_index=True)


def named(sides: Sequence[str]) -> str:
    """How often each set of sides occurs, in words: `3 in train and test, 1 in validation and test`."""
    return ", ".join(f"{count} in {which}" for which, count in pd.Series(sides).value_counts().items())
