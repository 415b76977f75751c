"""What a run folder holds, and the folder of an audit, read once and checked."""

__all__ = ["MADE", "Audit", "Cell", "Run", "read", "read_audit", "rows"]

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import pandas as pd

from einthoven.audit import STATUSES

_REMEDY = "start the same command again: a run resumes where it stopped"
_AUDIT_REMEDY = "make the audit again by the same command"
MADE = ("simulated", "synthetic")  # the data sets whose ECGs nobody recorded
_MANDATORY = (
    "crowds",
    "measurements",
    "privacy",
    "remedies",
    "gains",
    "choice",
    "summary",
    "contrasts",
    "beats",
    "recordings",
    "carriers",
    "paired",
    "localisation",
    "gaps",
    "confusion",
    "places",
)
_INTERVAL = ("value", "low", "high")
_COLUMNS: dict[str, tuple[str, ...]] = {
    "summary": (
        *("label_set", "model", "class", "metric", *_INTERVAL, "positives", "negatives", "unknown", "records"),
        *("patients", "seeds", "seed_sd", "resamples", "usable", "in_macro", "note"),
    ),
    "contrasts": (
        *("label_set", "metric", "primary", "other", "planned", "difference", "low", "high", "p", "detectable"),
        *("classes", "records", "patients", "note"),
    ),
    "thresholds": ("model", "class", "threshold", "positives", "negatives", "fallback", "temperature", "note"),
    "abstention": (
        *("label_set", "model", "class", "positives"),
        *(f"{share}{end}" for share in ("uncertain", "missed", "false_alarm") for end in ("", "_low", "_high")),
    ),
    "transfer": (
        *("label_set", "model", "source", "class", "metric", "detectable", "positives_home", "positives_away", "note"),
        *(f"{place}{end}" for place in ("home", "away", "drop") for end in ("", "_low", "_high")),
    ),
    "challenge": ("label_set", "model", "over", *_INTERVAL, "without", "classes", "unknown", "records"),
    "calibration": (
        *("label_set", "model", "class", "metric", "before", "before_low", "before_high"),
        *("after", "after_low", "after_high", "change", "change_low", "change_high", "note"),
    ),
    "reliability": ("label_set", "model", "stage", "predicted", "observed", "low", "high", "count"),
    "subgroups": (
        *("label_set", "model", "attribute", "group", "metric", *_INTERVAL),
        *("records", "patients", "classes", "few_classes", "few", "note"),
    ),
    "curves": ("label_set", "class", "model", "kind", "x", "y"),
    "mistakes": ("record", "model", "class", "truth", "probability", "threshold", "kind"),
    "efficiency": ("label_set", "metric", "family", "share", *_INTERVAL, "seeds", "without", "model"),
    "reaches": (
        *("label_set", "metric", "family", "share", "kind", "difference", "low", "high", "detectable", "verdict"),
        *("seeds", "low_seeds", "high_seeds"),
    ),
    "worth": ("label_set", "metric", "family", "share", "share_worth", "low", "high", "bound"),
}
# Of a run that learns without labels.
_PRETEXT = {"pretext": ("model", "measure", "source", *_INTERVAL, "records", "patients", "seeds")}
# Of a run of generators.
_GENERATOR: dict[str, tuple[str, ...]] = {
    **_PRETEXT,
    "crowds": (
        "model",
        "records",
        "frechet",
        "precision",
        "recall",
        "frechet_floor",
        "precision_floor",
        "recall_floor",
        "diversity",
        "embedding",
    ),
    "measurements": (
        *("model", "group", "measurement", "kind", "records", "unmeasured", "median", "lower", "upper"),
        *("distance", "low", "high", "seed", "fold"),
    ),
    "privacy": (*("model", "space", "measure", "unit", *_INTERVAL, "chance", "limit", "verdict", "members", "others"),),
    "useful": (
        *("label_set", "metric", "model", "against", "class", *_INTERVAL, "difference", "difference_low"),
        *("difference_high", "detectable", "positives", "records", "patients", "seeds"),
    ),
    "reverse": ("label_set", "model", "made_by", "metric", *_INTERVAL, "records", "cells"),
}
# Of a run that compares remedies for rare classes.
_REMEDIES: dict[str, tuple[str, ...]] = {
    "remedies": (
        *("label_set", "metric", "level", "remedy", "class", *_INTERVAL, "seeds", "seed_sd", "difference"),
        *("difference_low", "difference_high", "p_holm", "detectable", "positives", "records", "patients"),
    ),
    "gains": (
        *("label_set", "metric", "level", "remedy", "class", "against", "planned", "difference", "difference_low"),
        *("difference_high", "p_holm", "detectable"),
    ),
    "choice": ("level", "remedy", "value", "seeds", "chosen"),
    "descent": ("model", "made_by", "records", "status", "said"),
    "thresholds": _COLUMNS["thresholds"],
}
# Of a run that asks where a tachycardia comes from.
_ORIGINS: dict[str, tuple[str, ...]] = {
    "localisation": ("model", "way", "level", "metric", *_INTERVAL, "seeds", "records", "patients"),
    "gaps": (
        *("model", "way", "level", "metric", "against", "planned", "difference", "difference_low"),
        *("difference_high", "p", "detectable"),
    ),
    "confusion": ("model", "truth", "said", "records"),
    "places": ("record", "truth", "said", "x_mm", "said_x_mm", "error_mm"),
    "mistakes": _COLUMNS["mistakes"],
}
# Of a run on beats, whose classes exclude each other.
_BEATS: dict[str, tuple[str, ...]] = {
    "beats": (
        *("model", "over", "class", "metric", *_INTERVAL, "beats", "recordings", "patients", "unknown", "seeds"),
        *("seed_sd", "resamples", "usable", "note"),
    ),
    "recordings": ("model", "recording", "class", "metric", "value", "beats"),
    "carriers": ("class", "recording", "beats", "share", "total"),
    "pairs": ("primary", "other"),
    "paired": (
        *("primary", "other", "planned", "class", "metric", "first", "second", "difference", "low", "high", "p"),
        *("detectable", "beats", "recordings", "patients", "beats_first", "beats_second"),
    ),
    "mistakes": _COLUMNS["mistakes"],
}
_EXAMPLE = (
    *("record", "model", "class", "truth", "probability", "threshold", "kind"),
    *("unit", "rate_hz", "leads", "samples", "age", "sex"),
)
_AUDIT = ("exit_code", "split", "sides", "records", "version", "verdicts")
_VERDICT = {"check", "status", "looked", "findings", "pairs", "listed"}
_FINDING = {"status", "sentence", "count", "examples"}
_DRAWN = (
    *("check", "record", "other", "side", "other_side", "likeness"),
    *("lead", "start_s", "rate_hz", "one", "another"),
)
_CELL = re.compile(r"(?P<model>.+)-seed(?P<seed>-?\d+)-fold(?P<fold>-?\d+)")


@dataclasses.dataclass(frozen=True, order=True)
class Cell:
    """One training: a model, its seed and the fold that it is tested on."""

    model: str
    seed: int
    fold: int


@dataclasses.dataclass(frozen=True, eq=False)
class Audit:
    """The folder of an audit in memory.

    Attributes:
        facts: The verdicts and what was audited, the worst verdict first.
        drawn: One row a pair and lead, with the samples of both records.
        page: Whether its own page stands beside them.
    """

    facts: dict[str, Any]
    drawn: pd.DataFrame
    page: bool


@dataclasses.dataclass(frozen=True, eq=False)
class Run:
    """A run folder in memory; a table that the run did not make is None or absent.

    Attributes:
        experiment, environment, flow: The three JSON files.
        tables: The tables of `results/` by name.
        cohort: One row a record, or None.
        examples: The strongest mistakes with their samples, or None.
        histories: For each cell that was trained in epochs, one entry an epoch.
        audit: The audit of its split, or None.
        reconstructions: Of a run without labels, what a few records look like, what was hidden, and what came in its
            place; or None.
        samples: Of a run of generators, a few of the ECGs that they made; or None.
    """

    experiment: dict[str, Any]
    environment: dict[str, Any]
    flow: dict[str, Any]
    tables: dict[str, pd.DataFrame]
    cohort: pd.DataFrame | None
    examples: pd.DataFrame | None
    histories: dict[Cell, list[dict[str, Any]]]
    audit: Audit | None = None
    reconstructions: pd.DataFrame | None = None
    samples: pd.DataFrame | None = None

    @property
    def kind(self) -> str:
        """What it is about: `pretext`, `generator`, `remedies`, `origins`, `beats` or `classes`."""
        return _kind(self.experiment)

    @property
    def primary(self) -> str:
        """The model that the run is about."""
        return str(self.experiment["primary"])

    @property
    def baseline(self) -> str:
        """The model that it must beat."""
        return str(self.experiment["baseline"])

    @property
    def models(self) -> list[str]:
        """Every model with results: the primary one, the baseline, then the others in the experiment's order."""
        if self.kind == "remedies":
            table = self.tables["remedies"]
            found = dict.fromkeys(table["remedy"] + "@" + table["level"])
        else:
            tables = {"beats": "beats", "classes": "summary", "generator": "crowds", "origins": "localisation"}
            name = tables.get(self.kind, "pretext")
            found = dict.fromkeys(self.tables[name]["model"])
        order = dict.fromkeys([self.primary, self.baseline, *self.experiment.get("models", []), *found])
        return [model for model in order if model in found]

    @property
    def label_sets(self) -> list[str]:
        """Every label set with results, as the experiment lists them."""
        if self.kind != "classes":
            return list(self.experiment.get("labels", []))
        found = dict.fromkeys(self.tables["summary"]["label_set"])
        return [name for name in dict.fromkeys([*self.experiment.get("labels", []), *found]) if name in found]

    @property
    def shared(self) -> list[str]:
        """The only patients that a split puts on both sides, where it says so."""
        return [str(patient) for patient in self.experiment.get("split_shares", [])]

    @property
    def leaky(self) -> bool:
        """Whether the split may put anybody on both sides."""
        return bool(self.experiment["split_is_leaky"]) and not self.shared

    @property
    def synthetic(self) -> bool:
        """Whether any of the data were made by a simulator or a generator."""
        names = {str(entry).partition("=")[0] for entry in self.experiment.get("data", [])}
        return bool(self.experiment.get("synthetic") or names & set(MADE))


def read(folder: Path) -> Run:
    """Reads a run folder.

    Raises:
        FileNotFoundError: If a file is missing without which there is nothing to report.
        ValueError: If a file is not what it should be.
    """
    experiment = _json(folder / "experiment.json", ("primary", "baseline", "split", "split_is_leaky", "unit"))
    environment = _json(folder / "environment.json", ())
    flow = _json(folder / "flow.json", ("steps", "parts", "overlap", "classes"))
    tables = {}
    kind = _kind(experiment)
    kinds: dict[str, dict[str, Any]] = {"pretext": _PRETEXT, "generator": _GENERATOR, "beats": _BEATS}
    kinds |= {"remedies": _REMEDIES, "origins": _ORIGINS}
    wanted = kinds.get(kind, _COLUMNS)
    for name, columns in wanted.items():
        table = _parquet(folder / "results" / f"{name}.parquet", columns, mandatory=name in _MANDATORY)
        if table is not None:
            tables[name] = table
    cohort = _parquet(folder / "cohort.parquet", ("record", "patient", "source", "age", "sex"))
    examples = _parquet(folder / "examples.parquet", _EXAMPLE)
    audited = (folder / "audit" / "audit.json").is_file()
    audit = read_audit(folder / "audit") if audited else None
    drawn = _reconstructions(folder, experiment) if kind == "pretext" else None
    made = _samples(folder, experiment) if kind == "generator" else None
    return Run(experiment, environment, flow, tables, cohort, examples, _histories(folder), audit, drawn, made)


def _kind(experiment: dict[str, Any]) -> str:
    """What a run is about."""
    if experiment.get("remedies"):
        return "remedies"
    if any(arm.get("generator") for arm in experiment.get("arms", [])):
        return "generator"
    if not experiment.get("labels", True):
        return "pretext"
    if experiment.get("localises"):
        return "origins"
    return "beats" if experiment.get("exclusive") else "classes"


def _reconstructions(folder: Path, experiment: dict[str, Any]) -> pd.DataFrame | None:
    """Those of the first training."""
    name = f"{experiment['primary']}-seed{experiment['seeds'][0]}-fold{experiment['folds'][0]}"
    columns = ("record", "rate_hz", "leads", "signal", "found", "hidden")
    return _parquet(folder / "cells" / name / "reconstructions.parquet", columns)


def _samples(folder: Path, experiment: dict[str, Any]) -> pd.DataFrame | None:
    """Those of the first training of each generator."""
    columns = ("model", "group", "rate_hz", "leads", "signal")
    cells = [f"{name}-seed{experiment['seeds'][0]}-fold{experiment['folds'][0]}" for name in experiment["models"]]
    found = [_parquet(folder / "cells" / name / "samples.parquet", columns) for name in cells]
    there = [table for table in found if table is not None]
    return pd.concat(there, ignore_index=True) if there else None


def read_audit(folder: Path) -> Audit:
    """Reads `audit.json` and `drawn.parquet` in the folder of an audit.

    Raises:
        FileNotFoundError: If one of them is missing.
        ValueError: If one of them is not what it should be.
    """
    path = folder / "audit.json"
    facts = _json(path, _AUDIT, _AUDIT_REMEDY)
    wrong = _misshapen(facts)
    if wrong:
        raise ValueError(f"{path}: {wrong}; {_AUDIT_REMEDY}")
    facts["verdicts"] = sorted(facts["verdicts"], key=lambda verdict: STATUSES.index(verdict["status"]))
    path = folder / "drawn.parquet"
    drawn = _parquet(path, _DRAWN, mandatory=True, remedy=_AUDIT_REMEDY)
    assert drawn is not None
    if any(len(one) != len(another) for one, another in zip(drawn["one"], drawn["another"], strict=True)):
        raise ValueError(f"{path}: the two records of a pair have different numbers of samples; {_AUDIT_REMEDY}")
    return Audit(facts, drawn, (folder / "audit.html").is_file())


def _misshapen(facts: dict[str, Any]) -> str:
    """What is wrong with the verdicts of an audit, or an empty text."""
    verdicts, sides = facts["verdicts"], facts["sides"]
    if not isinstance(sides, dict) or not isinstance(verdicts, list):
        return "its sides are no object, or its verdicts no list"
    for verdict in verdicts:
        if not isinstance(verdict, dict) or not verdict.keys() >= _VERDICT:
            return f"a verdict lacks one of {', '.join(sorted(_VERDICT))}"
        if not all(isinstance(finding, dict) and finding.keys() >= _FINDING for finding in verdict["findings"]):
            return f"a finding of {verdict['check']} lacks one of {', '.join(sorted(_FINDING))}"
        strange = {entry["status"] for entry in (verdict, *verdict["findings"])} - set(STATUSES)
        if strange:
            return f"the status {', '.join(sorted(map(str, strange)))} of {verdict['check']} is none of ours"
    return ""


def rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a table by column name."""
    return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]


def _json(path: Path, keys: tuple[str, ...], remedy: str = _REMEDY) -> dict[str, Any]:
    """A mandatory JSON object with these keys."""
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing, and there is no report without it; {remedy}")
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is not JSON ({error}); {remedy}") from error
    lacking = [key for key in keys if not isinstance(found, dict) or key not in found]
    if lacking:
        raise ValueError(f"{path} lacks {', '.join(lacking)}; {remedy}")
    return found


def _parquet(
    path: Path, columns: tuple[str, ...], mandatory: bool = False, remedy: str = _REMEDY
) -> pd.DataFrame | None:
    """A table with at least these columns, or None where it is absent and may be."""
    if not path.is_file():
        if mandatory:
            raise FileNotFoundError(f"{path} is missing, and there is no report without it; {remedy}")
        return None
    try:
        table = pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} is not a readable Parquet table ({error}); {remedy}") from error
    lacking = [name for name in columns if name not in table]
    if lacking:
        again = "evaluate the run again" if remedy == _REMEDY else remedy
        raise ValueError(f"{path} lacks the columns {', '.join(lacking)}; {again}")
    return table


def _histories(folder: Path) -> dict[Cell, list[dict[str, Any]]]:
    """The training history of each cell that has one."""
    histories = {}
    for path in sorted((folder / "cells").glob("*/history.json")):
        found = _CELL.fullmatch(path.parent.name)
        epochs = json.loads(path.read_text(encoding="utf-8"))
        if found and epochs:
            histories[Cell(found["model"], int(found["seed"]), int(found["fold"]))] = epochs
    return dict(sorted(histories.items()))
