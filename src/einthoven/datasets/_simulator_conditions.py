"""What the simulated patients suffer from: codes, how common they are, and how marked they are on a record.

Codes fall into groups of which a record has at most one; a code may be barred by others that hide or contradict
it. Each group is one uniform draw, the patient's own as often as the group persists and the visit's otherwise: a
bundle-branch block stays, a tachycardia passes. Either way a code has the prevalence p that was asked for, since
it is drawn with p / (1 − the prevalence of what bars it) where it may occur.

Every code has a strength between 0 and 1 on every record. Textbook cases have the strengths 1 and 0; with the
difficulty d a code that is there may be as faint as 1 − 0.9 d, and one that is not may be mimicked up to 0.8 d.
The label is what was drawn, so near the border between two classes nobody can tell them apart: so it is with human
annotators.
"""

__all__ = ["CODES", "PREVALENCE", "RHYTHMS", "chances", "draw", "groups", "strengths"]

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

from einthoven.registry import nearest

_VT, _AV = ("own:VT",), ("scp:AFIB", "scp:AFLT", "own:VT")
_LEFT = ("own:VT", "scp:CLBBB")

# group: (persistence, {code: default prevalence}, barred by)
_GROUPS: dict[str, tuple[float, dict[str, float], tuple[str, ...]]] = {
    "rhythm": (
        0.6,
        {"scp:SBRAD": 0.09, "scp:STACH": 0.09, "scp:AFIB": 0.09, "scp:AFLT": 0.03, "own:VT": 0.03},
        (),
    ),
    "bundle": (1.0, {"scp:CRBBB": 0.09, "scp:CLBBB": 0.08}, _VT),
    "conduction": (0.9, {"scp:1AVB": 0.09}, _AV),
    "ventricular": (0.5, {"scp:PVC": 0.06}, _VT),
    "atrial": (0.5, {"scp:PAC": 0.05}, _AV),
    "mass": (1.0, {"scp:LVH": 0.08}, _LEFT),
    "segment": (0.3, {"scp:STE_": 0.05}, _LEFT),
    "recovery": (0.7, {"scp:INVT": 0.06}, _LEFT),
    "voltage": (1.0, {"scp:LVOLT": 0.04}, ("scp:LVH",)),
}

PREVALENCE: dict[str, float] = {code: p for _, codes, _ in _GROUPS.values() for code, p in codes.items()}
"""The share of records with each code unless another is asked for; a normal ECG and sinus rhythm are the rest."""

CODES = ("scp:NORM", "scp:SR", *PREVALENCE)
RHYTHMS = ("scp:SR", *_GROUPS["rhythm"][1])


def groups() -> int:
    """How many uniform draws `draw` needs from the patient and from the visit."""

    return len(_GROUPS)


def chances(prevalence: Mapping[str, float] | None) -> dict[str, float]:
    """The probability of each code where nothing bars it.

    Arguments:
        prevalence: The share of records that shall have a code, by code (`"scp:AFIB"` or `"AFIB"`). The others
            keep their default, or share the room that is left where that is less.

    Raises:
        UnknownName: If there is no such code; the message gives the nearest one.
        ValueError: If a share is not a probability or the shares cannot be had together.
    """

    asked = _asked(prevalence or {})
    share: dict[str, float] = {}
    chance: dict[str, float] = {}
    for _, codes, barred_by in _GROUPS.values():
        room = 1 - sum(share[code] for code in barred_by)
        spare = room - sum(asked.get(code, 0) for code in codes)
        if spare < -1e-9:
            beside = f" beside {', '.join(barred_by)}" if barred_by else ""
            raise ValueError(f"the prevalences of {', '.join(codes)} exceed {room:g}, their room{beside}; lower one")
        rest = sum(p for code, p in codes.items() if code not in asked)
        shrink = min(1.0, max(spare, 0) / rest) if rest else 1.0
        for code, p in codes.items():
            share[code] = asked.get(code, shrink * p)
            chance[code] = share[code] / room if share[code] else 0.0
    return chance


def _asked(prevalence: Mapping[str, float]) -> dict[str, float]:
    short = {code.partition(":")[2]: code for code in CODES}
    asked = {}
    for name, p in prevalence.items():
        code = short.get(name) or nearest(name, CODES if ":" in name else short, "simulated condition")
        if code not in PREVALENCE:
            raise ValueError(f"{code} is what the other conditions leave; give their prevalence instead")
        if isinstance(p, bool) or not isinstance(p, (int, float, np.number)) or not 0 <= p <= 1:
            raise ValueError(f"the prevalence of {code} is a probability between 0 and 1, not {p!r}")
        asked[code] = float(p)
    return asked


def draw(
    chance: Mapping[str, float], own: Float[np.ndarray, " group"], visit: Float[np.ndarray, "2 group"]
) -> tuple[str, ...]:
    """The codes of a visit, in the order of `CODES`.

    Arguments:
        chance: See `chances`.
        own: The patient's uniform draws, one a group.
        visit: Two rows of the visit's: whether it departs from the patient's, and what it then is.
    """

    found: set[str] = set()
    for (persistence, codes, barred_by), mine, departs, fresh in zip(_GROUPS.values(), own, *visit, strict=True):
        if found.intersection(barred_by):
            continue
        place = mine if departs < persistence else fresh
        for code in codes:
            if 0 <= place < chance[code]:
                found.add(code)
            place -= chance[code]
    if not found:
        found.add("scp:NORM")
    if not found.intersection(RHYTHMS):
        found.add("scp:SR")
    return tuple(code for code in CODES if code in found)


def strengths(present: tuple[str, ...], difficulty: float, uniform: Float[np.ndarray, " code"]) -> dict[str, float]:
    """How marked each code of `PREVALENCE` is, between 0 and 1.

    Arguments:
        present: The codes of the record.
        difficulty: See the module.
        uniform: One number between 0 and 1 a code.
    """

    return {
        code: float(1 - 0.9 * difficulty * u if code in present else 0.8 * difficulty * u**2)
        for code, u in zip(PREVALENCE, uniform, strict=True)
    }
