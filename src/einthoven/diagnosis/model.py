"""A trained model under its contract."""

__all__ = ["Model", "find_checkpoint"]

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from einthoven import models
from einthoven.diagnosis.finding import Diagnosis, Finding, Refused
from einthoven.evaluation.temperature import tempered
from einthoven.records.ecg import ECG
from einthoven.records.leads import placed
from einthoven.records.preparation import Preparation
from einthoven.signals.centre import centre
from einthoven.signals.quality import quality
from einthoven.training import Data, Device, Recipe, hash_patient, lineage, load_checkpoint, predict

_FEW = 20  # positives on which a threshold rests, below which that is said


def find_checkpoint(path: str | Path, arm: str | None = None) -> Path:
    """The checkpoint that a path means: its own folder, or that of a run's first seed and fold.

    Arguments:
        path: A checkpoint or a run folder.
        arm: For a run the model's name; by default its primary one.

    Raises:
        ValueError: If it is neither, or the run has no such checkpoint.
    """

    path = Path(path)
    if (path / "contract.json").is_file():
        return path
    try:
        experiment = json.loads((path / "experiment.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise ValueError(f"{path} is neither a run nor a checkpoint; name the folder that a study wrote") from None
    wanted = arm or experiment["primary"]
    places = [(one, s, f) for one in experiment["models"] for s in experiment["seeds"] for f in experiment["folds"]]
    folders = {(one, s, f): path / "cells" / f"{one}-seed{s}-fold{f}" / "checkpoint" for one, s, f in places}
    there = {place: folder for place, folder in folders.items() if (folder / "contract.json").is_file()}
    for place, folder in there.items():
        if place[0] == wanted:
            return folder
    known = ", ".join(dict.fromkeys(place[0] for place in there)) or "none"
    raise ValueError(f"{path} has no checkpoint of {wanted}; it has of: {known}")


class Model:
    """A network, ready to answer.

    Arguments:
        path: A checkpoint or a run folder.
        arm: For a run the model's name; by default its primary one.

    Raises:
        ValueError: If there is no checkpoint, or it is damaged, unfinished or of another version.
    """

    def __init__(self, path: str | Path, arm: str | None = None) -> None:
        self.folder = find_checkpoint(path, arm)
        weights, self.contract = load_checkpoint(self.folder)
        if self.contract.get("exclusive"):
            raise ValueError(
                f"{self.folder} tells classes apart that exclude each other (of beats, or of the origins of a "
                "tachycardia), and has no thresholds; name a model of findings, such as those of the study code"
            )
        if self.contract.get("generator"):
            raise ValueError(f"{self.folder} makes ECGs and reads none; name a run of a study that predicts")
        if self.contract.get("objective"):
            raise ValueError(
                f"{self.folder} is an encoder that learnt without labels and answers nothing yet; fine-tune it with "
                "`einthoven study finetune`"
            )
        if "thresholds" not in self.contract:
            raise ValueError(f"{self.folder} has no thresholds yet: its run was stopped; start the same command again")
        shape = models.Shape(
            len(self.contract.get("places") or self.contract["leads"]),
            self.contract["samples"],
            self.contract["rate_hz"],
            len(self.contract["classes"]),
            gaps=bool(self.contract.get("gaps")),
        )
        network = models.build(self.contract["model"], shape, **self.contract["options"])
        assert isinstance(network, models.Network)
        try:
            network.load_state_dict(weights)
        except RuntimeError as error:
            raise ValueError(f"{self.folder}: the weights do not fit the contract ({error}); train it again") from None
        self._fabric = Device().fabric()
        self._network, self._recipe = self._fabric.setup_module(network), Recipe(**self.contract["recipe"])
        self._titles = {c["code"]: c["title"] for classes in self.contract["label_sets"].values() for c in classes}
        self._preparation = Preparation.told(self.contract["preparation"])

    @property
    def name(self) -> str:
        """The model with its seed and fold."""
        return f"{self.contract['model']}, seed {self.contract['seed']}, fold {self.contract['fold']}"

    @property
    def shortest_s(self) -> float:
        """The shortest recording that it reads: a window of its training, or the shortest that it was trained on."""
        return float(self._recipe.crop_s or self.contract["shortest_s"])

    def diagnose(self, ecg: ECG) -> Diagnosis:
        """The answers for one ECG.

        Raises:
            Refused: If the ECG does not fit the contract.
        """
        converted = self._conversions(ecg)
        try:
            prepared = self._preparation(ecg)
        except ValueError as error:
            raise Refused(f"{_name(ecg)}: {error}") from None
        probability = self._probability(prepared)
        score, poor, remark = self._quality(ecg)
        new = [note for note in prepared.notes if note not in ecg.notes]
        return Diagnosis(
            record=_name(ecg),
            model=self.name,
            findings=tuple(self._finding(k, float(p), poor) for k, p in enumerate(probability)),
            converted=(*ecg.notes, *converted, *new),
            warnings=(*self._warnings(ecg), *([remark] if remark else [])),
            quality=score,
        )

    def _conversions(self, ecg: ECG) -> list[str]:
        """What has to be done to the ECG, in words.

        Raises:
            Refused: If it cannot be done.
        """
        contract, done = self.contract, []
        try:
            ecg.select(contract["leads"])
        except ValueError as error:
            raise Refused(f"{_name(ecg)}: {error}; the model reads {', '.join(contract['leads'])}") from None
        if ecg.duration_s < self.shortest_s * (1 - 1e-3):
            raise Refused(
                f"{_name(ecg)} lasts {ecg.duration_s:g} s; the model reads recordings of {self.shortest_s:g} s or more"
            )
        if derived := [name for name in contract["leads"] if name not in ecg.leads]:
            done.append(f"derived from the other limb leads: {', '.join(derived)}")
        if unused := [name for name in ecg.leads if name not in contract["leads"]]:
            done.append(f"left aside: {', '.join(unused)}")
        if ecg.unit == "mV" and contract["preparation"]["bandpass_hz"]:
            done.append("filtered to {:g}–{:g} Hz".format(*contract["preparation"]["bandpass_hz"]))
        if ecg.unit != contract["unit"] == "z":
            done.append("each lead standardised; amplitudes are not looked at")
        if ecg.rate_hz != contract["rate_hz"]:
            done.append(f"resampled from {ecg.rate_hz:g} to {contract['rate_hz']:g} Hz")
        if ecg.duration_s > (longest := contract["samples"] / contract["rate_hz"]) + 1e-6:
            done.append(f"the middle {longest:g} s of {ecg.duration_s:g} s used")
        elif ecg.duration_s < longest - 1e-6:
            done.append(f"padded with zeros from {ecg.duration_s:g} to {longest:g} s")
        return done

    def _probability(self, ecg: ECG) -> np.ndarray:
        """The calibrated probability of each class."""
        x = centre(ecg.signal, self.contract["samples"])[None]
        if places := self.contract.get("places"):
            x = placed(x, self.contract["leads"], places)
        data = Data(
            fetch=lambda rows: x[rows], y=np.zeros((1, len(self.contract["classes"])), np.float32), rate_hz=ecg.rate_hz
        )
        logits = predict(self._network, data, np.arange(1), self._recipe, fabric=self._fabric)[0]
        return tempered(1 / (1 + np.exp(-logits.astype(np.float64))), self.contract["temperature"])

    def _quality(self, ecg: ECG) -> tuple[float | None, bool, str]:
        """The quality of the recording (None where it cannot be judged), whether it is poor, and what is wrong."""
        if ecg.unit == "z":
            return None, False, ""
        leads = self.contract["leads"]
        try:
            seen = quality(ecg.select(leads).signal, ecg.rate_hz, leads)
        except ValueError as error:
            return None, False, f"the quality of the recording could not be judged: {error}"
        if seen.acceptable:
            return seen.score, False, ""
        found = "; ".join(f"{lead} {', '.join(what)}" for lead, what in seen.findings.items() if what)
        return seen.score, True, f"the recording is poor: {found or 'no lead stands out'}"

    def _warnings(self, ecg: ECG) -> list[str]:
        found, stages = [], [contract for _, contract, _ in lineage("", self.contract)]
        if self.contract["trained_on_synthetic"] and not ecg.synthetic:
            found.append("the model was trained on simulated ECGs; its answers say nothing about a real patient")
        if ecg.rate_hz < self.contract["rate_hz"]:
            found.append(f"recorded at {ecg.rate_hz:g} Hz, less than the {self.contract['rate_hz']:g} Hz of the model")
        if ecg.unit == "z" and self.contract["preparation"]["bandpass_hz"]:
            found.append("standardised already, so its band is unknown and the model's filter was left out")
        if ecg.patient_id is None:
            found.append("the file names no patient: whether the model has seen this one, nobody could look")
        elif hash_patient(ecg.patient_id) in self.contract["patients_seen"]:
            found.append("the model has seen this patient in training")
        elif _saw(stages, "patients_seen", ecg.patient_id):
            found.append("the weights that the model began with have seen this patient")
        if ecg.record_id and _saw(stages, "records_seen", ecg.record_id):
            found.append("the model, or the weights that it began with, have seen this record")
        return found

    def _finding(self, index: int, probability: float, poor: bool) -> Finding:
        code, contract = self.contract["classes"][index], self.contract
        raw = np.array([contract["thresholds"][code], contract["rule_out"][code]])
        threshold, rule_out = tempered(raw, contract["temperature"])
        decision: Any = "yes" if probability >= threshold else "no" if probability < rule_out else "uncertain"
        reason = "between rule-out point and threshold" if decision == "uncertain" else ""
        if contract["positives"][code] < _FEW:
            reason = "; ".join(filter(None, [reason, f"threshold from {contract['positives'][code]} positives"]))
        if poor:
            decision, reason = "uncertain", "the recording is poor"
        limits = float(threshold), float(rule_out), float(contract["missed"][code])
        return Finding(code, self._titles[code], probability, *limits, decision, reason)


def _saw(stages: Iterable[Mapping[str, Any]], what: str, name: str) -> bool:
    """Whether one of the stages lists the hash of an id."""
    return any(hash_patient(name) in stage.get(what, ()) for stage in stages)


def _name(ecg: ECG) -> str:
    return ecg.record_id or "the recording"
