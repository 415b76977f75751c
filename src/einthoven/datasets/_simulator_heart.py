"""A simulated patient and his heart at a visit: which dipoles, how wide, how strong; what a diagnosis changes.

A shape is a table with a row a dipole: when it peaks, its width, its moment (x, y, z) and its place (x, y, z), in
Frank's axes (left, down, back). A diagnosis is another table with the same rows, and its strength blends the two.
"""

__all__ = ["Heart", "Origin", "Patient", "SITES", "make_heart", "make_patient", "trains"]

import dataclasses

import numpy as np
from jaxtyping import Float

from einthoven.datasets._simulator import Shape, Torso, Train, Wave, electrodes, make_wave
from einthoven.datasets._simulator_conditions import PREVALENCE, groups
from einthoven.datasets._simulator_rhythm import Beats

Table = Float[np.ndarray, "k 8"]

# Right atrium, left atrium.
_P = np.array(
    [
        [0.38, 0.15, 0.020, 0.090, -0.045, -0.12, -0.15, -0.05],
        [0.62, 0.16, 0.070, 0.065, 0.045, 0.05, -0.15, 0.12],
    ]
)
# From an ectopic focus low in the atria.
_P_LOW = np.array(
    [
        [0.40, 0.12, 0.030, -0.085, -0.040, -0.05, 0.02, 0.05],
        [0.58, 0.13, 0.045, -0.050, 0.030, 0.05, -0.08, 0.12],
    ]
)
# Septum, apex of the left ventricle, its free wall, base, right ventricle. Time in units of a QRS of some 90 ms.
_QRS = np.array(
    [
        [0.20, 0.065, -0.16, -0.06, -0.28, 0.00, 0.05, -0.08],
        [0.42, 0.085, 0.68, 0.66, -0.12, 0.10, 0.12, -0.05],
        [0.55, 0.090, 0.50, 0.30, 0.60, 0.14, 0.02, 0.08],
        [0.76, 0.080, -0.14, -0.22, 0.30, 0.04, -0.12, 0.06],
        [0.80, 0.100, 0.00, 0.00, 0.00, -0.10, 0.02, -0.16],
    ]
)
# The right ventricle comes late, from the left: R' in V1, a wide S in I and V6.
_QRS_RIGHT = np.array(
    [
        [0.13, 0.045, -0.16, -0.06, -0.28, 0.00, 0.05, -0.08],
        [0.27, 0.055, 0.68, 0.66, -0.12, 0.10, 0.12, -0.05],
        [0.37, 0.060, 0.50, 0.30, 0.55, 0.14, 0.02, 0.08],
        [0.58, 0.100, -0.20, -0.05, -0.20, 0.04, -0.08, -0.06],
        [0.74, 0.105, -0.42, -0.06, -0.42, -0.10, 0.02, -0.16],
    ]
)
# The septum is crossed from the right and the free wall comes late: a broad notched R in I and V6, QS or rS in V1.
_QRS_LEFT = np.array(
    [
        [0.14, 0.070, 0.12, 0.02, -0.02, 0.00, 0.05, -0.08],
        [0.32, 0.080, 0.76, 0.42, 0.42, 0.08, 0.08, 0.00],
        [0.66, 0.100, 0.76, 0.10, 0.62, 0.14, 0.00, 0.10],
        [0.49, 0.110, 0.05, 0.00, 0.50, 0.04, -0.08, 0.06],
        [0.84, 0.080, 0.10, -0.10, 0.20, 0.06, 0.00, 0.06],
    ]
)
# A thick left ventricle: its free wall outweighs the rest.
_QRS_THICK = _QRS * np.array([1, 1.05, 1, 1, 1, 1, 1, 1]) + np.array(
    [
        [0, 0, 0, 0, -0.05, 0, 0, 0],
        [0, 0, 0.32, 0.16, 0.00, 0, 0, 0],
        [0, 0, 0.38, 0.10, 0.66, 0, 0, 0],
        [0, 0, 0, 0, 0.10, 0, 0, 0],
        [0, 0, 0, 0, 0, 0, 0, 0],
    ]
)
# Slow up, fast down: two Gaussians of one direction, and a little loop.
_T = np.array(
    [
        [0.44, 0.16, 0.14, 0.12, -0.065, 0.10, 0.06, 0.00],
        [0.60, 0.10, 0.15, 0.13, -0.055, 0.06, 0.00, -0.06],
    ]
)
_T_WEIGHT = np.array([[0.5], [0.5]])
_T_RIGHT = np.array([0.30, 0.16, 0.16])
_T_LEFT = np.array([-0.30, -0.06, -0.36])
_T_THICK = np.array([-0.24, 0.02, -0.14])
# Anterior, inferior, lateral: where the ST segment rises, and where T turns over.
_ST_INJURED = np.array([[0.06, 0.03, -0.22], [-0.06, 0.26, -0.01], [0.26, -0.06, 0.06]])
_T_TURNED = np.array([[-0.10, 0.14, 0.34], [0.18, -0.34, -0.08], [-0.38, 0.00, -0.12]])
_ST = np.array([[c, 0.16, 0, 0, 0, 0.10, 0.05, 0.00] for c in (0.2, 0.45, 0.7, 0.95)])
_ST_WEIGHT = np.array([[0.6], [0.6], [0.55], [0.35]])

SITES: dict[str, tuple[str, tuple[float, float, float]]] = {
    "rvot": ("right ventricular outflow tract", (-0.02, -0.30, -0.18)),
    "lvot": ("left ventricular outflow tract", (0.04, -0.26, 0.02)),
    "rv_apex": ("apex of the right ventricle", (0.12, 0.22, -0.24)),
    "rv_free_wall": ("free wall of the right ventricle", (-0.20, 0.06, -0.20)),
    "lv_apex": ("apex of the left ventricle", (0.30, 0.26, -0.14)),
    "lv_lateral": ("lateral wall of the left ventricle", (0.36, 0.00, 0.12)),
    "lv_inferior": ("inferior wall of the left ventricle", (0.10, 0.24, 0.16)),
    "lv_anterior": ("anterior wall of the left ventricle", (0.24, -0.14, -0.10)),
}
_MIDDLE = np.array([0.10, 0.0, -0.02])  # of the ventricles' muscle


@dataclasses.dataclass(frozen=True)
class Origin:
    """Where a ventricular tachycardia comes from.

    Attributes:
        site: A key of the list of sites, such as `"rvot"`.
        name: The site in words.
        position_mm: From the middle of the heart to the left, to the feet and to the back, in the heart's axes.
    """

    site: str
    name: str
    position_mm: tuple[float, float, float]


@dataclasses.dataclass(frozen=True, eq=False)
class Patient:
    """What stays with a person from visit to visit; durations in seconds."""

    sex: str
    age: float
    visits: int
    own: Float[np.ndarray, " group"]
    faint: Float[np.ndarray, " code"]
    extent: Float[np.ndarray, "4"]
    torso: Torso
    size: Float[np.ndarray, "wave 5 3"]
    rate_bpm: float
    pr_s: float
    p_s: float
    qrs_s: float
    qt_s: float
    territory: int
    site: str
    origin: Float[np.ndarray, "3"]


def make_patient(rng: np.random.Generator, visits: tuple[int, int]) -> Patient:
    """Draws a person who comes as often as `visits` says, from least to most."""

    own, faint = rng.random(groups()), rng.random(len(PREVALENCE))
    female = bool(rng.random() < 0.5)
    age = rng.normal(50, 15) + 6 * float((own < 0.09).sum())  # a low number is an illness, and the ill are older
    site = str(rng.choice(list(SITES)))
    return Patient(
        sex="female" if female else "male",
        age=float(np.clip(np.round(age), 18, 95)),
        visits=visits[0] + int(rng.random() * (visits[1] + 1 - visits[0])),
        own=own,
        faint=faint,
        extent=rng.random(4),
        torso=_torso(rng),
        size=rng.lognormal(0, 0.13, (3, 5, 3)) * rng.lognormal(-0.1 * female, 0.12, (3, 1, 1)),
        rate_bpm=float(np.clip(rng.normal(73, 6), 65, 88)),
        pr_s=float(np.clip(rng.normal(0.158, 0.013), 0.13, 0.185)),
        p_s=float(np.clip(rng.normal(0.098, 0.007), 0.08, 0.112)),
        qrs_s=float(np.clip(rng.normal(0.090, 0.006), 0.074, 0.104)),
        qt_s=float(np.clip(rng.normal(0.405 + 0.012 * female, 0.014), 0.37, 0.45)),
        territory=int(rng.integers(3)),
        site=site,
        origin=np.array(SITES[site][1]) + rng.normal(0, 0.03, 3),
    )


def _torso(rng: np.random.Generator) -> Torso:
    turn = np.eye(3)
    for (a, b), degrees in zip(((0, 1), (0, 2), (1, 2)), np.clip(rng.normal(0, (12, 9, 6)), -24, 24), strict=True):
        step, angle = np.eye(3), np.deg2rad(degrees)
        step[[a, a, b, b], [a, b, a, b]] = np.cos(angle), -np.sin(angle), np.sin(angle), np.cos(angle)
        turn = turn @ step
    size = rng.normal(1, 0.03, 3) * rng.normal(1, 0.03)
    return Torso(electrodes() * np.clip(size, 0.9, 1.15), turn, rng.normal(0, 0.05, 3), rng.normal((0, 0.03, 0), 0.008))


@dataclasses.dataclass(frozen=True, eq=False)
class Heart:
    """The waves of one visit as the electrodes see them, and their durations in seconds.

    `waves` holds `"P"`, `"P pac"`, `"QRS"`, `"ST"`, `"T"`, `"QRS wide"` and `"T wide"`; the wide ones come from
    the ventricular site. `repolarisation_s` is from the end of QRS to the end of T at 60 beats a minute.
    """

    waves: dict[str, Wave]
    pr_s: float
    p_s: float
    qrs_s: float
    wide_s: float
    repolarisation_s: float


def make_heart(rng: np.random.Generator, patient: Patient, strength: dict[str, float], rate_bpm: float) -> Heart:
    """The patient's heart at a visit: electrodes put on anew, each condition as marked as `strength` says."""

    rbbb, lbbb, lvh = strength["scp:CRBBB"], strength["scp:CLBBB"], strength["scp:LVH"]
    torso = dataclasses.replace(patient.torso, electrodes=patient.torso.electrodes + rng.normal(0, 0.015, (9, 3)))
    sizes = patient.size * rng.lognormal(0, 0.03, (3, 5, 3))
    sizes[1:] *= 1 - 0.68 * strength["scp:LVOLT"]
    qrs = _QRS + rbbb * (_QRS_RIGHT - _QRS) + lbbb * (_QRS_LEFT - _QRS) + lvh * (_QRS_THICK - _QRS)
    recovery, injury = _recovery(patient, strength)
    t, st = _T.copy(), _ST.copy()
    t[:, 2:5] += _T_WEIGHT * (recovery - _T[:, 2:5].sum(axis=0))
    st[:, 2:5] = _ST_WEIGHT * injury
    wide, wide_t = _ectopic(patient)
    tables = {"P": (_P, 0), "P pac": (_P_LOW, 0), "QRS": (qrs, 1), "ST": (st, 2), "T": (t, 2)}
    tables |= {"QRS wide": (wide, 1), "T wide": (wide_t, 2)}
    block = np.array([0.126, 0.136]) + 0.033 * patient.extent[:2]
    qrs_s = patient.qrs_s + rbbb * (block[0] - patient.qrs_s) + lbbb * (block[1] - patient.qrs_s) + 0.006 * lvh
    pr_s = max(patient.pr_s * (1 - 0.0018 * (rate_bpm - 70)), 0.118) + rng.normal(0, 0.004)
    pr_s += strength["scp:1AVB"] * (0.232 + 0.09 * patient.extent[2] - pr_s)
    return Heart(
        waves={name: make_wave(_shape(table, sizes[row]), torso) for name, (table, row) in tables.items()},
        pr_s=float(pr_s),
        p_s=float(min(patient.p_s, pr_s - 0.012)),
        qrs_s=float(qrs_s),
        wide_s=float(0.142 + 0.04 * patient.extent[3]),
        repolarisation_s=patient.qt_s - patient.qrs_s,
    )


def _shape(table: Table, size: Float[np.ndarray, "5 3"]) -> Shape:
    return Shape(table[:, 0], table[:, 1], table[:, 2:5] * size[: len(table)], table[:, 5:8])


def _recovery(patient: Patient, strength: dict[str, float]) -> tuple[Float[np.ndarray, "3"], Float[np.ndarray, "3"]]:
    """The moments of the T wave and of the ST segment."""

    t = _T[:, 2:5].sum(axis=0)
    changes = (
        (_T_RIGHT, strength["scp:CRBBB"]),
        (_T_LEFT, strength["scp:CLBBB"]),
        (_T_THICK, 0.8 * strength["scp:LVH"]),
        (_T_TURNED[patient.territory], strength["scp:INVT"]),
    )
    injury = strength["scp:STE_"] * _ST_INJURED[patient.territory]
    t = t + sum(share * (target - t) for target, share in changes) + 0.5 * injury
    strain = 0.12 * (strength["scp:LVH"] * _T_THICK + strength["scp:CLBBB"] * _T_LEFT)
    return t, injury + strain + 0.06 * t  # even a healthy segment leans towards T


def _ectopic(patient: Patient) -> tuple[Float[np.ndarray, "3 8"], Float[np.ndarray, "2 8"]]:
    """QRS and T of a beat from the patient's ventricular site: activation runs from there through the muscle."""

    ahead = _MIDDLE - patient.origin
    ahead = ahead / np.linalg.norm(ahead)
    aside = np.cross(ahead, (0.0, 0.0, 1.0))
    moments = np.array([0.45 * ahead + 0.10 * aside, 1.25 * ahead + 0.25 * aside, 0.80 * ahead - 0.35 * aside])
    along = np.array([[0.2], [0.6], [1.0]]) * (_MIDDLE - patient.origin) * 1.3 + patient.origin
    clock = np.array([[0.20, 0.085], [0.44, 0.13], [0.68, 0.12]])
    beside = _MIDDLE + 0.2 * (patient.origin - _MIDDLE)
    t = np.column_stack([_T[:, :2], _T_WEIGHT * -0.70 * ahead, np.tile(beside, (2, 1))])
    return np.column_stack([clock, moments, 0.5 * along]), t


def trains(heart: Heart, beats: Beats) -> list[Train]:
    """The waves of these beats.

    The QT interval follows the rate as Hodges has it (1983: 1.75 ms a beat per minute), at an interval that lags
    behind the beat's own; T ends before the next QRS begins unless that leaves it less than 130 ms.
    """

    wide = np.isin(beats.kind, ("pvc", "vt"))
    number = np.arange(len(beats.time_s))
    qrs_s = np.where(wide, heart.wide_s, heart.qrs_s)
    interval = 0.7 * beats.before_s.mean() + 0.3 * beats.before_s
    room = beats.after_s - qrs_s - 0.02
    end = heart.repolarisation_s - 0.00175 * (60 / interval - 60)
    end = np.clip(end, 0.13, np.maximum(room, 0.13))
    after = beats.time_s + qrs_s
    found = []
    for kind, suffix in ((~wide, ""), (wide, " wide")):
        n, t_s = number[kind], 0.62 * end[kind]
        found.append(Train("QRS", heart.waves["QRS" + suffix], n, beats.time_s[kind], qrs_s[kind]))
        found.append(Train("T", heart.waves["T" + suffix], n, after[kind] + end[kind] - t_s, t_s))
    n = number[~wide]
    found.append(Train("ST", heart.waves["ST"], n, after[~wide] - 0.02, 0.92 * end[~wide]))
    for atrial, name in (("sinus", "P"), ("pac", "P pac")):
        n = number[beats.kind == atrial]
        p_s = np.full(len(n), heart.p_s if atrial == "sinus" else 0.8 * heart.p_s)
        found.append(Train("P", heart.waves[name], n, beats.time_s[n] - heart.pr_s, p_s))
    return found
