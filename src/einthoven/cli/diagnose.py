"""Reads ECG files and answers with a trained model, caveats included."""

__all__ = ["diagnose"]

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from einthoven import records
from einthoven.diagnosis import Diagnosis, Model, Refused
from einthoven.diagnosis.finding import DISCLAIMER
from einthoven.records.writing import replacing

_COLUMNS = ("file", "model", "class", "title", "probability", "threshold", "rule_out", "missed", "decision", "reason")


def diagnose(
    *files: Path,
    model: Path,
    arm: str | None = None,
    format: Literal["text", "json", "csv"] = "text",  # noqa: A002 - the option's name
    out: Path | None = None,
    overwrite: bool = False,
    unit: str | None = None,
    rate_hz: float | None = None,
    leads: Sequence[str] | None = None,
) -> None:
    """Reads ECG files and answers with a trained model, caveats included. Research use only; not a medical device.

    A file that cannot be read or does not fit the model is refused with a sentence; the others are answered all the
    same, and the exit code is 1.

    Arguments:
        files: WFDB records, CSV or NPY files.
        model: A run folder, or one of its checkpoints.
        arm: For a run the model's name; by default its primary one.
        format: text for people; json or csv for programs.
        out: Write to this file instead of the terminal.
        overwrite: Whether that file may be replaced.
        unit: The unit of the samples, for files that do not state it.
        rate_hz: Samples per second, for files that do not state it.
        leads: The names of the leads, for files that do not state them.
    """

    if not files:
        raise Refused("name at least one file")
    opened = Model(model, arm)
    answers: list[Diagnosis | str] = []
    for file in files:
        try:
            answers.append(opened.diagnose(records.read(file, unit=unit, rate_hz=rate_hz, leads=leads)))
        except (records.RecordError, Refused) as error:
            answers.append(str(error))
    pairs = list(zip(map(str, files), answers, strict=True))
    text = {"text": _text, "json": _json, "csv": _csv}[format](pairs)
    if out is None:
        print(text, end="")
    else:
        with replacing(out, overwrite=overwrite) as scratch:
            scratch.write_text(text, encoding="utf-8")
        print(out)
    if refused := sum(isinstance(answer, str) for answer in answers):
        raise Refused(f"{refused} of {len(files)} files refused")


def _text(pairs: list[tuple[str, Diagnosis | str]]) -> str:
    lines = []
    for file, answer in pairs:
        if isinstance(answer, str):
            lines += [file, f"  refused: {answer}", ""]
            continue
        lines.append(f"{file} ({answer.model})")
        lines += [f"  warning: {warning}" for warning in answer.warnings]
        lines += [f"  converted: {step}" for step in answer.converted]
        wide = max(len(finding.title) for finding in answer.findings)
        lines.append(f"  {'':{wide}}  probability  yes from  no below  decision")
        for f in answer.findings:
            row = f"  {f.title:{wide}}  {f.probability:11.3f}  {f.threshold:8.3f}  {f.rule_out:8.3f}  {f.decision}"
            lines.append(row + (f" ({f.reason})" if f.reason else ""))
        lines.append("")
    return "\n".join([*lines, DISCLAIMER, ""])


def _json(pairs: list[tuple[str, Diagnosis | str]]) -> str:
    entries: list[dict[str, Any]] = []
    for file, answer in pairs:
        entries.append({"file": file, **({"refused": answer} if isinstance(answer, str) else answer.facts())})
    return json.dumps({"disclaimer": DISCLAIMER, "answers": entries}, indent=1, ensure_ascii=False) + "\n"


def _csv(pairs: list[tuple[str, Diagnosis | str]]) -> str:
    """One row a file and class; a refused file has one row with the reason alone."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([*_COLUMNS, "quality", "warnings", "converted", "refused"])
    for file, answer in pairs:
        if isinstance(answer, str):
            writer.writerow([file, *[""] * (len(_COLUMNS) - 1), "", "", "", answer])
            continue
        about = (
            "" if answer.quality is None else answer.quality,
            *("; ".join(x) for x in (answer.warnings, answer.converted)),
        )
        for f in answer.findings:
            numbers = f.probability, f.threshold, f.rule_out, f.missed
            writer.writerow([file, answer.model, f.code, f.title, *numbers, f.decision, f.reason, *about, ""])
    return stream.getvalue()
