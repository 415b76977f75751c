"""Whether an ECG is good enough to be read, and which leads are not.

The score is a logistic regression on four numbers, fitted on the 998 recordings of PhysioNet/CinC Challenge 2011, set
A, that experts called acceptable or unacceptable (Silva, Moody and Celi 2011, Computing in Cardiology 38:273).
`benchmarks/quality.py` makes its coefficients and measures it on recordings that it was not fitted on. Each number
counts against the recording when it is worse. A wandering baseline is found but does not count: it told those experts'
verdicts apart no better than the four do. The experts saw hardly any noise without an ECG in it, so that case is set by
hand: where the leads on average repeat themselves less than a correlation of .3, the score shrinks to 0 with it.

The findings are rules, with limits beyond which lie at most some five in a hundred of the leads of acceptable
recordings in that corpus. They explain; the score does not use them.
"""

__all__ = ["quality"]

import dataclasses
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from einthoven.signals._quality import SUMMARY, measured, repeating, summed_up

# The log-odds of "acceptable", printed by benchmarks/quality.py.
_INTERCEPT = -1.177
_WEIGHTS = {"agreement": 2.603, "burst": -1.134, "idle": -39.617, "noise": -1.752}
_ACCEPTABLE = 0.5

_LOWEST_HZ, _SHORTEST_S = 100.0, 2.0
_MISSING, _IDLE, _CLIPPED = 0.1, 0.5, 0.005
_NOISY, _WANDERING = 0.05, 1.0  # times the height of the beats
_LOOSE, _UNLIKE = 5.0, 0.5
_LOW_MV = 0.05  # beats lower than this are not a yardstick


@dataclasses.dataclass(frozen=True)
class Quality:
    """What was found.

    Attributes:
        score: The probability that an expert would call the recording acceptable, from 0 to 1.
        findings: What is wrong with each lead, by its name, in this order; empty where nothing is. `"missing"`: more
            than a tenth of its samples. `"flat"`: less than 0.02 mV high in more than half of its seconds. `"clipped"`:
            at least 0.5 % of its samples rest at its highest or lowest value. `"noisy"`: the noise (RMS, 25–100 Hz) is
            above 5 % of the height of its beats. `"wandering"`: its baseline moves by more than that height.
            `"loose"`: in one second it swings more than five times that height. `"unlike"`: its beats do not resemble
            one another (mean correlation below 0.5), which ectopic beats can cause too. Of a missing or flat lead
            nothing more is said.
    """

    score: float
    findings: dict[str, tuple[str, ...]]

    @property
    def acceptable(self) -> bool:
        """Whether the score is at least 0.5: acceptable more likely than not."""
        return self.score >= _ACCEPTABLE


def quality(signal: Float[np.ndarray, "lead time"], rate_hz: float, leads: Sequence[str] | None = None) -> Quality:
    """The quality of one recording.

    The order of the leads does not matter, nor does a constant offset of a lead. The score was fitted on twelve leads,
    10 s and 500 Hz; of fewer leads it is the same formula of those that are there. Two whole beats are needed: with
    fewer no lead agrees with itself, and the score is 0.

    Arguments:
        signal: In mV, unfiltered; NaN where samples are missing, which are bridged, and a second that lacks more than
            half counts like a flat one. A filter hides noise, and standardised leads (unit z) have no height to judge:
            of either the score means nothing.
        rate_hz: Samples per second, at least 100. Below 225 part of the noise cannot be seen.
        leads: The name of each row; `"0"`, `"1"` … where nobody says.

    Raises:
        ValueError: If the recording is empty, shorter than 2 s, slower than 100 Hz or holds infinite samples, or the
            names are not one a lead.
    """

    names = tuple(leads) if leads is not None else tuple(map(str, range(len(signal))))
    _check(signal, rate_hz, names)
    each = measured(signal, rate_hz)
    odds = _INTERCEPT + float(np.dot([_WEIGHTS[name] for name in SUMMARY], summed_up(each)))
    return Quality(repeating(each) / (1 + float(np.exp(-odds))), _findings(each, names))


def _check(signal: Float[np.ndarray, "lead time"], rate_hz: float, names: tuple[str, ...]) -> None:
    if not rate_hz >= _LOWEST_HZ:
        raise ValueError(f"quality is judged at {_LOWEST_HZ:g} Hz and more, not at {rate_hz:g} Hz")
    if not len(signal) or signal.shape[1] < _SHORTEST_S * rate_hz:
        have = f"{len(signal)} leads of {signal.shape[1] / rate_hz:g} s"
        raise ValueError(f"quality is judged on one lead or more of at least {_SHORTEST_S:g} s, not on {have}")
    if len(names) != len(signal) or len(set(names)) != len(names):
        raise ValueError(f"{len(signal)} leads need as many different names, not {', '.join(names)}")
    if np.isinf(signal).any():
        raise ValueError("the recording holds infinite samples; write NaN where a sample is missing")


def _findings(each: dict[str, Float[np.ndarray, " lead"]], names: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    height = np.maximum(each["height"], _LOW_MV)
    missing = each["missing"] > _MISSING
    flat = (each["idle"] > _IDLE) & ~missing
    rules = {
        "clipped": each["clipped"] >= _CLIPPED,
        "noisy": each["noise"] > _NOISY * height,
        "wandering": each["wander"] > _WANDERING * height,
        "loose": each["burst"] > _LOOSE,
        "unlike": each["agreement"] < _UNLIKE,
    }
    live = ~(missing | flat)
    rules = {"missing": missing, "flat": flat} | {name: hit & live for name, hit in rules.items()}
    return {lead: tuple(name for name, hit in rules.items() if hit[row]) for row, lead in enumerate(names)}
