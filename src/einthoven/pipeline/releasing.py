"""A data set of synthetic ECGs, written from a trained generator so that it can be shared.

Nothing of the training records is in it but what the generator has learnt; whether that is too much is for the audit
and the privacy section of a report to say. What goes along: whom the generator has learnt from, as hashes; licence and
citation of those data; and the number of each record, from which the generator makes it again.
"""

__all__ = ["release"]

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from einthoven import labels, registry
from einthoven.datasets.synthetic import Synthetic
from einthoven.pipeline.emitting import emitted, of_leads
from einthoven.pipeline.experiment import RunError
from einthoven.pipeline.task import write_json
from einthoven.records.ecg import ECG, LEDGER
from einthoven.records.leads import TWELVE
from einthoven.training import Device

_CHUNK = 64
_TOLD = ("fold", "unit", "rate_hz", "data", "patients_seen", "patients_salted", "unknown_patients_seen")

_ABOUT = """# Synthetic 12-lead ECGs

{count} ECGs that nobody has: made by the generator `{generator}` of Einthoven {version}.
Research use only; not a medical device.

| | |
|---|---|
| records | {counts} |
| form | {samples} samples at {rate:g} Hz, twelve leads, unit {unit} |
| made from | {data} |
| licence | {licence} |
| cite | {citation} |
| seed | {seed}; the weights have the SHA-256 {weights} |

The layout is PTB-XL's, so what reads PTB-XL reads this. Every header says that its record was made. `synthetic.json`
holds the ledger: {seen} hashed patient ids{salted}, and {unknown} records whose patients nobody knows.
`SHA256SUMS.txt` is checked by `sha256sum -c SHA256SUMS.txt`.

## What is known to be wrong

- The four leads III, aVR, aVL and aVF follow from I and II exactly, which no electrode does.
- Age and sex were not learnt; a record has none. `strat_fold` only counts from 1 to 10.
- A record was asked for under its label; that it looks like it was not checked one by one.
- {amplitude}
- Whether a model that learns from these ECGs works on people, and whether they give away anybody, is to be measured,
  not assumed.
"""


def release(
    run: str | Path,
    wanted: Mapping[str, int],
    to: str | Path,
    *,
    model: str | None = None,
    seed: int = 0,
    device: Device | None = None,
    progress: bool = True,
) -> Path:
    """Writes a data set of synthetic ECGs; what an interrupted call has written is kept and not made again.

    Arguments:
        run: A run of `einthoven study synthesis`, or a checkpoint in it.
        wanted: How many ECGs of which group.
        to: A folder that is not there yet, or empty.
        model: Of a run, which generator; by default the primary one.
        seed: Other records with another seed.
        device: What to compute on.
        progress: Whether to show a progress bar.

    Returns:
        The folder.

    Raises:
        RunError: If there is no such generator, nothing is wanted, or something is in the folder.
        UnknownName: If the generator does not know a group.
        ValueError: If its checkpoint is damaged.
    """

    to, (source, generator, contract) = Path(to), of_leads(run, model)
    for group, count in wanted.items():
        registry.nearest(group, contract["classes"], "group of this generator:")
        if count < 1:
            raise RunError(f"{count} ECGs of {group} are none; ask for one or more")
    if not wanted:
        raise RunError(f"name a group that is wanted; this generator knows {', '.join(contract['classes'])}")
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise RunError(f"{to} is not an empty folder; choose another one with --to")
    weights = hashlib.sha256((source / "model.safetensors").read_bytes()).hexdigest()
    codes = _codes(contract)
    facts = _facts(contract, codes, wanted, seed, weights)
    partial = to.with_name(f"{to.name}.partial")
    _open_partial(partial, facts)
    groups = [group for group, count in wanted.items() for _ in range(count)]
    device = device or Device()
    with tqdm(total=len(groups), unit="ECG", desc=f"generate {to.name}", disable=not progress) as bar:
        for start in range(0, len(groups), _CHUNK):
            numbers = range(start, min(start + _CHUNK, len(groups)))
            last = partial / f"{Synthetic.file(numbers[-1] + 1, contract['rate_hz'])}.hea"
            if not last.exists():  # written in this order, the header after the samples
                y = np.eye(len(contract["classes"]))[[contract["classes"].index(groups[n]) for n in numbers]]
                how: dict[str, Any] = {"seed": seed, "unit": contract["unit"], "device": device}
                _write(partial, emitted(generator, y, numbers=numbers, **how), numbers, facts)
            bar.update(len(numbers))
    Synthetic.finish(partial, facts, [codes[group] for group in groups], _about(contract, facts, wanted))
    (partial / "wanted.json").unlink()
    if to.exists():
        to.rmdir()
    os.replace(partial, to)
    return to


def _facts(
    contract: dict[str, Any], codes: Mapping[str, list[str]], wanted: Mapping[str, int], seed: int, weights: str
) -> dict[str, Any]:
    """What `synthetic.json` tells."""
    name = hashlib.sha256(json.dumps([weights, seed, dict(wanted)]).encode()).hexdigest()[:8]
    licences = dict.fromkeys(card["licence"] for card in contract["data"])
    return {
        **{key: contract[key] for key in _TOLD},
        "name": f"synthetic-{name}",
        "generator": contract["generator"],
        "options": contract["options"],
        "seed": seed,
        "trained_with_seed": contract["seed"],
        "wanted": dict(wanted),
        "weights_sha256": weights,
        "annotated": sorted({code for some in codes.values() for code in some}),
        "records_seen": contract["records_seen"],
        "licence": " and ".join(licences) or "none was stated",
        "versions": contract["versions"],
    }


def _codes(contract: dict[str, Any]) -> dict[str, list[str]]:
    """For each group the codes that a record of it has: the first of the first system that defines it."""
    found = {}
    for name, listed in contract["label_sets"].items():
        own = name.partition(":")[0] == "own"
        vocabulary = None if own else labels.get(name)
        for place, one in enumerate(listed):
            means = [f"own:{one['code']}"] if vocabulary is None else sorted(vocabulary.classes[place].means[0])
            found[one["code"]] = means[:1]
    return found


def _open_partial(partial: Path, facts: dict[str, Any]) -> None:
    """Makes the folder of a release that is under way, or opens that of the same one that was interrupted."""
    path = partial / "wanted.json"
    there = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None
    if there != json.loads(json.dumps(facts)):
        shutil.rmtree(partial, ignore_errors=True)
        try:
            partial.mkdir(parents=True)
        except OSError as error:
            raise RunError(f"{partial} cannot be made ({error.strerror}); choose another folder with --to") from None
        write_json(path, facts)


def _write(partial: Path, made: np.ndarray, numbers: range, facts: dict[str, Any]) -> None:
    for number, signal in zip(numbers, made, strict=True):
        note = f"made by {facts['generator']}, not recorded"
        note += f"; weights {facts['weights_sha256'][:16]}, seed {facts['seed']}, number {number}"
        parents = (LEDGER + facts["name"],)
        ecg = ECG(signal, facts["unit"], facts["rate_hz"], TWELVE, parents=parents, synthetic=True, notes=(note,))
        Synthetic.write_record(partial, number + 1, ecg)


def _about(contract: dict[str, Any], facts: dict[str, Any], wanted: Mapping[str, int]) -> str:
    """The data sheet."""
    lost = "The leads were standardised one by one before learning: no amplitude means anything."
    kept = "Amplitudes are as the generator has learnt them; nobody measured them against these records."
    return _ABOUT.format(
        count=sum(wanted.values()),
        generator=contract["generator"],
        version=contract["versions"]["einthoven"],
        counts=", ".join(f"{count} {group}" for group, count in wanted.items()),
        samples=contract["samples"],
        rate=contract["rate_hz"],
        unit=contract["unit"],
        data=", ".join(card["name"] for card in contract["data"]),
        licence=facts["licence"],
        citation="; ".join(card["citation"] for card in contract["data"]),
        seed=facts["seed"],
        weights=facts["weights_sha256"],
        seen=len(contract["patients_seen"]),
        salted=" (salted)" if contract["patients_salted"] else " (not salted: who knows an id can look it up)",
        unknown=contract["unknown_patients_seen"],
        amplitude=lost if contract["unit"] == "z" else kept,
    )
