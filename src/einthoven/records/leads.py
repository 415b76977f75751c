"""The algebra of the twelve leads.

Three limb leads and three augmented leads are linear combinations of any two of them (Einthoven 1912,
Goldberger 1942), so eight leads carry all that the twelve say:

    III = II − I      aVR = −(I + II)/2      aVL = I − II/2      aVF = II − I/2

A recording whose every lead was brought to deviation 1 (unit `z`) has lost them, but only up to one factor a lead: I,
II and III still lie in a plane, and its normal tells the ratios of those factors. The factors of V1 … V6 are gone.

Leads are always chosen by name. Names are written I, II, III, aVR, aVL, aVF, V1 … V6; `canonical` brings other
spellings (`AVR`, `v1`, `avf`) to that form and leaves names it does not know alone.
"""

__all__ = [
    "EIGHT",
    "LIMB",
    "TWELVE",
    "canonical",
    "completed",
    "derive",
    "identity_error",
    "independent",
    "limb_factors",
    "mixing",
    "placed",
]

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Shaped

from einthoven.signals.standardise import standardise

LIMB = ("I", "II", "III", "aVR", "aVL", "aVF")
TWELVE = (*LIMB, "V1", "V2", "V3", "V4", "V5", "V6")
EIGHT = ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")

# Each limb lead in terms of (I, II).
_FROM_I_II = {
    "I": (1.0, 0.0),
    "II": (0.0, 1.0),
    "III": (-1.0, 1.0),
    "aVR": (-0.5, -0.5),
    "aVL": (1.0, -0.5),
    "aVF": (-0.5, 1.0),
}
_SPELLING = {name.lower(): name for name in TWELVE}


def canonical(name: str) -> str:
    """The standard spelling of a lead's name; an unknown name comes back stripped, otherwise as it is."""

    return _SPELLING.get(name.strip().lower(), name.strip())


def mixing(have: Sequence[str], want: Sequence[str]) -> Float[np.ndarray, "want have"]:
    """The matrix that turns the leads `have` into the leads `want`.

    A lead that is present is copied; an absent limb lead is derived from the first two limb leads present.

    Raises:
        ValueError: If a wanted lead is neither present nor derivable.
    """

    matrix = np.zeros((len(want), len(have)), dtype=np.float32)
    basis = [name for name in have if name in _FROM_I_II][:2]
    for row, name in enumerate(want):
        if name in have:
            matrix[row, have.index(name)] = 1.0
        elif name in _FROM_I_II and len(basis) == 2:
            corner = np.array([_FROM_I_II[b] for b in basis]).T
            weights = np.linalg.solve(corner, _FROM_I_II[name])
            for b, weight in zip(basis, weights, strict=True):
                matrix[row, have.index(b)] = weight
        else:
            raise ValueError(f"lead {name} is neither in the record nor derivable from it: it has {', '.join(have)}")
    return matrix


def derive(
    signal: Shaped[np.ndarray, "*batch have time"], have: Sequence[str], want: Sequence[str]
) -> Shaped[np.ndarray, "*batch want time"]:
    """The leads `want`, copied where present and derived otherwise; NaN only where a source is NaN.

    Raises:
        ValueError: If a wanted lead is neither present nor derivable.
    """

    if tuple(have) == tuple(want):
        return signal
    if set(want) <= set(have):
        return signal[..., [list(have).index(name) for name in want], :]
    out = np.zeros((*signal.shape[:-2], len(want), signal.shape[-1]), dtype=signal.dtype)
    for row, weights in enumerate(mixing(have, want)):
        for column in np.flatnonzero(weights):
            out[..., row, :] += weights[column] * signal[..., column, :]
    return out


def placed(
    signal: Float[np.ndarray, "*batch have time"], have: Sequence[str], places: Sequence[str]
) -> Float[np.ndarray, "*batch place time"]:
    """The leads in their places, and NaN in the places of those that are not there; nothing is derived."""

    out = np.full((*signal.shape[:-2], len(places), signal.shape[-1]), np.nan, dtype=signal.dtype)
    out[..., [list(places).index(name) for name in have], :] = signal
    return out


def identity_error(signal: Shaped[np.ndarray, "lead time"], leads: Sequence[str]) -> float:
    """The largest departure, in the signal's unit, of III, aVR, aVL and aVF from their identities.

    Returns:
        `nan` if I and II are not both present or a limb lead has missing samples, 0 if there is nothing to check.
    """

    if not {"I", "II"} <= set(leads):
        return float("nan")
    rest = [name for name in LIMB[2:] if name in leads]
    pair = signal[[list(leads).index("I"), list(leads).index("II")]]
    worst = 0.0
    for name in rest:
        a, b = _FROM_I_II[name]
        gap = np.abs(a * pair[0] + b * pair[1] - signal[list(leads).index(name)])
        worst = max(worst, float(gap.max(initial=0.0)), key=lambda v: (np.isnan(v), v))
    return worst


def limb_factors(
    signal: Float[np.ndarray, "*batch lead time"], leads: Sequence[str]
) -> tuple[Float[np.ndarray, "*batch lead"], Float[np.ndarray, " *batch"]]:
    """By what each limb lead of standardised recordings is to be multiplied so that the identities hold again.

    Arguments:
        signal: Recordings in unit `z`, with I, II and III among their leads and without NaN.
        leads: The name of each row.

    Returns:
        The factors, such that I and II have a mean power of 1 (for their scale is lost); 1 for leads that are no limb
        leads. And how far the identities are from holding then: the largest deviation of a lead from what the others
        make it, beside its own; infinite where a factor could not be had.

    Raises:
        ValueError: If I, II or III is missing.
    """

    missing = [name for name in LIMB[:3] if name not in leads]
    if missing:
        raise ValueError(f"lead {missing[0]} is missing, without which the ratios of the limb leads cannot be had")
    rows = {name: list(leads).index(name) for name in LIMB if name in leads}
    centred = signal - signal.mean(axis=-1, keepdims=True, dtype=np.float64)
    three = centred[..., [rows[name] for name in LIMB[:3]], :]
    normal = np.linalg.eigh(three @ np.swapaxes(three, -1, -2))[1][..., 0]
    pair = np.abs(normal[..., :2])
    pair *= np.sqrt(2 / np.maximum((pair**2).sum(axis=-1, keepdims=True), 1e-12))
    factors, worst = np.ones(signal.shape[:-1]), np.zeros(signal.shape[:-2])
    factors[..., [rows["I"], rows["II"]]] = pair
    for name in (name for name in LIMB[2:] if name in rows):
        a, b = _FROM_I_II[name]
        made = a * pair[..., :1] * centred[..., rows["I"], :] + b * pair[..., 1:] * centred[..., rows["II"], :]
        there = centred[..., rows[name], :]
        power = (made**2).sum(axis=-1)
        factor = (made * there).sum(axis=-1) / np.maximum((there**2).sum(axis=-1), 1e-12)
        left = ((made - factor[..., None] * there) ** 2).sum(axis=-1)
        factors[..., rows[name]] = factor
        apart = np.sqrt(left / np.maximum(power, 1e-12))
        worst = np.maximum(worst, np.where((factor > 0) & (power > 1e-12), apart, np.inf))
    return factors.astype(signal.dtype), np.asarray(worst, dtype=signal.dtype)


def independent(
    signal: Float[np.ndarray, "*batch lead time"], leads: Sequence[str], unit: str
) -> tuple[Float[np.ndarray, "*batch eight time"], Float[np.ndarray, "*batch"]]:
    """The eight leads that carry all that recordings say, and how far each recording is from obeying the identities.

    Arguments:
        signal: Recordings without NaN.
        leads: The name of each row.
        unit: `mV`, or `z`, of which I and II are given back their ratio; see `limb_factors` for their scale and for
            how far. In mV the second is 0: the other four leads are not looked at.
    """

    if unit == "z":
        factors, apart = limb_factors(signal, leads)
        return derive(signal * factors[..., None], leads, EIGHT), apart
    return derive(signal, leads, EIGHT), np.zeros(signal.shape[:-2], dtype=signal.dtype)


def completed(eight: Float[np.ndarray, "*batch eight time"], unit: str) -> Float[np.ndarray, "*batch twelve time"]:
    """The twelve leads that eight say, in unit `z` each with mean 0 and deviation 1: what `independent` undoes."""

    twelve = derive(eight, EIGHT, TWELVE)
    return standardise(twelve) if unit == "z" else twelve
