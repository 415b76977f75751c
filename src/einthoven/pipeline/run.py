"""Runs an experiment and leaves a run folder behind.

experiment.json  flow.json  environment.json  cohort.parquet
cells/MODEL-seedS-foldF/   history.json  predictions.parquet  checkpoint/  cell.json (written last)
predictions.parquet  results/*.parquet  results.json  examples.parquet
"""

__all__ = ["run"]

import concurrent.futures.process
import contextlib
import dataclasses
import json
import multiprocessing
import os
import platform
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from tqdm import tqdm

from einthoven import splits
from einthoven.audit import STATUSES, Verdict, keep
from einthoven.labels import ORIGIN
from einthoven.pipeline.audited import after, before
from einthoven.pipeline.cell import check, compute
from einthoven.pipeline.cohort import Cohort, open_cohort
from einthoven.pipeline.evaluated import evaluate_run
from einthoven.pipeline.experiment import Experiment, RunError
from einthoven.pipeline.learning import sources
from einthoven.pipeline.releasing import release
from einthoven.pipeline.task import Task, cell_folder, is_done, seconds_of, write_json
from einthoven.records.writing import alone
from einthoven.splits import LeakError
from einthoven.store.workers import pool
from einthoven.training import Device

_LOCK = ".lock"
_PACKAGES = ("einthoven", "torch", "lightning-fabric", "numpy", "scipy", "pandas", "scikit-learn", "safetensors")


def run(
    experiment: Experiment,
    out: str | Path,
    *,
    stores: str | Path | None = None,
    workers: int = 1,
    device: Device | None = None,
    progress: bool = True,
    command: str = "",
    allow_leaks: bool = False,
) -> Path:
    """Runs every cell that is not finished, evaluates, and returns the run folder.

    Arguments:
        experiment: What to run.
        out: The run folder; a run that was stopped there goes on.
        stores: Where compiled corpora are kept; by default `stores` beside the run folder.
        workers: Cells at a time, among which the cores are shared.
        device: What to compute on.
        progress: Whether to show progress bars.
        command: What the user typed, for the report.
        allow_leaks: Whether to train although the audit found one recording on two sides.

    Raises:
        RunError: If the folder holds another experiment, the data do not fit, or there is no worker.
        WriteError: If another process is at work in the folder.
        LeakError: If the split leaks and was not asked to.
    """

    out = Path(out)
    if workers < 1:
        raise RunError(f"a run needs at least one worker, not {workers}")
    began = time.perf_counter()
    with _held(out):
        _check_folder(out, experiment)
        kept = Path(stores) if stores else out.parent / "stores"
        cohort = open_cohort(experiment, kept, progress=progress)
        subject = cohort.subject(experiment.split)
        check(experiment, cohort)
        verdicts = before(subject, cohort.sides, sources(experiment) | cohort.ledgers)
        _refuse(verdicts, experiment, allow_leaks)
        keep(out / "audit", subject, verdicts)
        _print_account(cohort, experiment, verdicts)
        device, identity = device or Device(), experiment.cell_identity
        tasks = [
            Task(experiment, cell, cell_folder(out, cell), identity(cell, cohort.fingerprint, device.resolved), device)
            for cell in experiment.cells()
        ]
        todo = [task for task in tasks if not is_done(task.folder, task.identity)]
        write_json(out / "experiment.json", _facts(experiment, cohort))
        write_json(out / "flow.json", cohort.flow)
        _cohort_table(cohort).to_parquet(out / "cohort.parquet", index=False)
        opened = time.perf_counter()
        write_json(out / "environment.json", _environment(out, command, opened - began, workers, device, tasks))
        try:
            _compute_all(todo, len(tasks) - len(todo), cohort, kept, workers, progress)
        finally:  # what is finished can be evaluated, however this ends
            seconds = time.perf_counter() - opened
            write_json(out / "environment.json", _environment(out, command, seconds, workers, device, tasks))
        evaluate_run(out, cohort)
        keep(out / "audit", subject, after(subject, cohort.sides, out, verdicts))
        if experiment.release and not (out / "synthetic").exists():
            release(
                out,
                dict.fromkeys(cohort.groups, experiment.release),
                out / "synthetic",
                device=device,
                progress=progress,
            )
    return out


@contextlib.contextmanager
def _held(out: Path) -> Iterator[None]:
    """Makes the run folder, keeps other processes out of it, and takes it away again if it stays empty."""
    with contextlib.ExitStack() as stack:
        try:
            out.mkdir(parents=True, exist_ok=True)
            stack.callback(_leave, out)
            stack.enter_context(alone(out / _LOCK))
        except OSError as error:
            reason = error.strerror or error
            raise RunError(f"{out} cannot be written to ({reason}); choose another folder with --out") from None
        yield


def _leave(out: Path) -> None:
    with contextlib.suppress(OSError):
        out.rmdir()  # which it does to an empty folder alone


def _check_folder(out: Path, experiment: Experiment) -> None:
    path = out / "experiment.json"
    if not path.exists():
        if any(path.name != _LOCK for path in out.iterdir()):
            raise RunError(f"{out} is not empty and not a run; choose another folder with --out")
        return
    try:
        there = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise RunError(f"{path} is damaged ({error}); choose another folder with --out") from None
    usual = {field.name: field.default for field in dataclasses.fields(experiment)}  # of what was not there then
    differing = [key for key, value in experiment.identity().items() if there.get(key, usual.get(key)) != value]
    if differing:
        key = min(differing, key=lambda name: name == "samples")  # which mostly follows from another one
        raise RunError(
            f"{out} holds a run with another {key} ({there.get(key)}, now {experiment.identity()[key]}); "
            "choose another folder with --out"
        )


def _facts(experiment: Experiment, cohort: Cohort) -> dict[str, Any]:
    sets = zip(experiment.labels, cohort.vocabularies, strict=True)
    return {
        **experiment.facts(),
        "label_sets": {name: list(v.codes) for name, v in sets},
        "predicts": experiment.predicts,
        "models": [arm.name for arm in experiment.arms],
        "length_s": experiment.samples / experiment.rate_hz,
        "split_is_leaky": splits.get(experiment.split).leaky,
        "split_shares": list(splits.get(experiment.split).shared),
        "synthetic": cohort.synthetic,
        "exclusive": cohort.exclusive,
        "localises": experiment.localises,
        "cards": [store.facts["card"] for store in cohort.signals.stores],
    }


def _refuse(verdicts: list[Verdict], experiment: Experiment, allowed: bool) -> None:
    """Stops before any training where the audit found a leak that nobody asked for.

    Raises:
        LeakError: If it did.
    """
    leaks = [(v.check, finding) for v in verdicts for finding in v.findings if finding.status == "leak"]
    if not leaks or allowed or splits.get(experiment.split).leaky:
        return
    check, leak = leaks[0]
    examples = f" ({'; '.join(leak.examples)})" if leak.examples else ""
    data = " ".join(f"--data {words}" for words in experiment.data)
    remedy = f"`einthoven audit {data} --split {experiment.split} --fix split.csv` proposes a split without it, which "
    remedy += "--split split.csv uses"
    if check == "checkpoints":
        remedy = "Test on the fold, and under the split, that these weights were made with"
    raise LeakError(f"{leak.sentence}{examples} {remedy}; --allow-leaks trains all the same")


def _print_account(cohort: Cohort, experiment: Experiment, verdicts: list[Verdict]) -> None:
    for step in cohort.flow["steps"]:
        out = f", {step['left_out']} left out: {step['why']}" if step["left_out"] else ""
        tqdm.write(f"{step['what']}: {step['records']} records{out}")
    for row in cohort.flow["overlap"]:
        if row["count"]:
            tqdm.write(f"LEAK, fold {row['fold']}: {row['count']} {row['kind']}s in both parts of {row['parts']}")
    if not any(row["count"] for row in cohort.flow["overlap"]):
        tqdm.write(f"split '{experiment.split}': no patient and no record on two sides in {len(cohort.parts)} fold(s)")
    for verdict in sorted(verdicts, key=lambda v: STATUSES.index(v.status)):
        for finding in verdict.findings:
            tqdm.write(f"audit, {verdict.check}: {finding.status}: {finding.sentence}")


def _cohort_table(cohort: Cohort) -> pd.DataFrame:
    names = {"record_id": "record", "patient_id": "patient"}
    columns = ["record_id", "patient_id", "source", "age", "sex", "fold", "positive", "unknown", "notes"]
    return cohort.table[[*columns, *(name for name in ORIGIN if name in cohort.table)]].rename(columns=names)


_pool_state: dict[str, Any] = {}


def _start_worker(experiment: Experiment, stores: Path, threads: int, ticks: Any) -> None:
    torch.set_num_threads(threads)
    _pool_state["cohort"] = open_cohort(experiment, stores, workers=1, progress=False)
    _pool_state["ticks"] = ticks


def _work(task: Task) -> str:
    compute(task, _pool_state["cohort"], lambda epoch: _pool_state["ticks"].put(1))
    return task.cell.name


def _compute_all(todo: list[Task], done: int, cohort: Cohort, stores: Path, workers: int, progress: bool) -> None:
    """Computes cells, stage after stage."""
    if not todo:
        return
    epochs = sum(task.cell.arm.recipe.epochs if task.cell.arm.recipe else 1 for task in todo)
    bar = tqdm(total=epochs, unit="epoch", desc=f"{len(todo)} cells to do, {done} done", disable=not progress)
    by_name = {task.cell.name: task for task in todo}
    stages = [[cell.name for cell in stage if cell.name in by_name] for stage in todo[0].experiment.stages()]
    with bar:
        for stage in ([by_name[name] for name in names] for names in stages if names):
            # One cell that is left of many is computed by a worker too: another number of threads rounds otherwise.
            if workers > 1:
                _compute_in_pool(stage, stores, workers, bar)
                continue
            for task in stage:
                bar.set_postfix_str(task.cell.name)
                before = bar.n
                compute(task, cohort, lambda epoch: bar.update(1) and None)
                _round_up(bar, task, before)


def _round_up(bar: tqdm, task: Task, before: int) -> None:
    """Counts the epochs that early stopping saved as done."""
    planned = task.cell.arm.recipe.epochs if task.cell.arm.recipe else 1
    bar.update(planned - (bar.n - before))


def _compute_in_pool(todo: list[Task], stores: Path, workers: int, bar: tqdm) -> None:
    ticks = multiprocessing.get_context("spawn").Queue()
    threads = max(1, (os.cpu_count() or 1) // workers)
    first = todo[0].experiment
    stop = threading.Event()

    def count() -> None:
        while not stop.is_set() or not ticks.empty():
            if not ticks.empty():
                bar.update(ticks.get())
            else:
                time.sleep(0.1)

    counter = threading.Thread(target=count, daemon=True)
    counter.start()
    executor = pool(workers, _start_worker, first, stores, threads, ticks)
    try:
        with executor:
            futures = [executor.submit(_work, task) for task in todo]
            for future in concurrent.futures.as_completed(futures):
                bar.set_postfix_str(future.result())
    except concurrent.futures.process.BrokenProcessPool:
        raise RunError("a worker was ended from outside (too little memory?); the same command goes on") from None
    except BaseException:
        executor.shutdown(wait=False, cancel_futures=True)
        raise
    finally:
        stop.set()
        counter.join()


def _environment(
    out: Path, command: str, seconds: float, workers: int, device: Device, tasks: list[Task]
) -> dict[str, Any]:
    """With what the run was made: its first start, and the seconds of all sessions together."""
    cells = seconds_of(out, [task.cell.name for task in tasks])
    path = out / "environment.json"
    before = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    started = before.get("started", (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat(timespec="seconds"))
    return {
        "command": command,
        "started": started,
        "seconds": before.get("seconds", 0.0) + seconds,
        "seconds_of_cells": cells,
        "versions": {"python": sys.version.split()[0], **{name: version(name) for name in _PACKAGES}},
        "machine": {
            "system": platform.platform(),
            "cores": os.cpu_count(),
            "accelerator": torch.cuda.get_device_name() if torch.cuda.is_available() else "none",
        },
        "settings": {"workers": workers, "device": dataclasses.asdict(device), "precision": device.resolved},
    }
