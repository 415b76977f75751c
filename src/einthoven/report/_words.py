"""Numbers and verdicts as a person reads them."""

__all__ = ["count", "how_many", "interval", "number", "percent", "probability", "signed", "verdict", "versus_zero"]

import math
import numbers
from collections.abc import Mapping
from typing import Any, TypeGuard

_NONE = "–"  # undefined; never 0


def _defined(value: object) -> TypeGuard[float]:
    """Whether it is a number, and not missing or undefined."""
    return isinstance(value, numbers.Real) and not math.isnan(value)


def number(value: object, digits: int = 3) -> str:
    """`0.897`; a dash where it is undefined."""
    return f"{value:.{digits}f}".replace("-", "−") if _defined(value) else _NONE


def signed(value: object, digits: int = 3) -> str:
    """`+0.016` or `−0.016`."""
    return f"{value:+.{digits}f}".replace("-", "−") if _defined(value) else _NONE


def interval(value: object, low: object, high: object, plus: bool = False, digits: int = 3) -> str:
    """`0.897 [0.881, 0.912]`, with signs if `plus`."""
    write = signed if plus else number
    if not _defined(value):
        return _NONE
    if not (_defined(low) and _defined(high)):
        return f"{write(value, digits)} [no interval]"
    return f"{write(value, digits)} [{write(low, digits)}, {write(high, digits)}]"


def count(value: object) -> str:
    """`21 799` with narrow spaces that do not break; a dash where nobody counted."""
    return f"{int(value):,}".replace(",", "\u202f") if _defined(value) else _NONE


def how_many(level: str) -> float:
    """What a level such as `25` or `all` is in numbers; infinite for all."""
    return math.inf if level == "all" else float(level)


def percent(value: object) -> str:
    """`3 %`; one decimal below 1 % and above 99 %, where whole numbers would round to certainty."""
    if not _defined(value):
        return _NONE
    hundred = 100.0 * value
    digits = 0 if 1.0 <= hundred <= 99.0 or hundred in (0.0, 100.0) else 1
    shown = f"{hundred:.{digits}f}"
    if shown in ("0.0", "100.0") and hundred not in (0.0, 100.0):
        shown = "less than 0.1" if hundred < 50 else "more than 99.9"
    return f"{shown}\u00a0%"


def probability(p: object) -> str:
    """`p = 0.012`, or `p < 0.001`."""
    if not _defined(p):
        return "p undefined"
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def versus_zero(low: object, high: object) -> str:
    """What an interval of a paired difference says: `better`, `worse`, `not detectable` or `undefined`."""
    if not (_defined(low) and _defined(high)):
        return "undefined"
    return "better" if low > 0 else "worse" if high < 0 else "not detectable"


def verdict(contrast: Mapping[str, Any]) -> str:
    """One sentence on what a paired difference means.

    Arguments:
        contrast: A row of the table `contrasts`.
    """
    a, b = contrast["primary"], contrast["other"]
    found = versus_zero(contrast["low"], contrast["high"])
    if found in ("better", "worse"):
        return f"{a} is {found} than {b}: the whole interval lies {'above' if found == 'better' else 'below'} zero."
    if found == "undefined":
        return f"Whether {a} differs from {b} could not be computed."
    sentence = f"A difference between {a} and {b} is not detectable: the interval includes zero."
    if _defined(contrast["detectable"]):
        sentence += (
            f" This is not proof that they are equal: only a true difference of {number(contrast['detectable'])} "
            "or more would probably have been found."
        )
    return sentence
