"""Writing a compiled corpus: in parallel, atomically, and from where it was interrupted."""

__all__ = ["compile_store", "plan"]

import concurrent.futures.process
import dataclasses
import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import pandas as pd
from tqdm import tqdm

from einthoven.records.ecg import ECG
from einthoven.records.leads import EIGHT, TWELVE, identity_error
from einthoven.records.preparation import Preparation
from einthoven.records.writing import alone
from einthoven.store._fingerprint import Fingerprint, account
from einthoven.store._store import VERSION, Store, StoreError, checksum, fail_on_write
from einthoven.store.workers import pool

_CHUNK = 256
_SCALE = 0.001
_TOLERANCE = 0.005  # mV: five counts of PTB-XL, whose twelve leads were rounded one by one


@runtime_checkable
class _Source(Protocol):
    """What is compiled: a data set."""

    settings: dict[str, Any]

    @property
    def card(self) -> Any: ...
    @property
    def annotated(self) -> tuple[str, ...]: ...
    def table(self) -> pd.DataFrame: ...
    def read(self, record_id: str) -> ECG: ...


@dataclasses.dataclass(frozen=True, eq=False)
class _Job:
    """One shard's worth of work, sent to a worker."""

    source: _Source
    preparation: Preparation | None
    rows: pd.DataFrame
    shard: Path


def compile_store(
    source: _Source,
    folder: str | Path,
    preparation: Preparation | None,
    *,
    workers: int | None = None,
    progress: bool = True,
) -> Store:
    """Compiles a data set into a store, or opens the store that is there already.

    A record that cannot be read is left out and listed in `skipped.csv`; if none can, that is an error. Whatever was
    finished when the work was interrupted is kept and not done again. Of several processes that compile the same, one
    does it and the others wait for it.

    Arguments:
        source: The data set.
        folder: Where the store shall lie.
        preparation: The form that its recordings are brought to; None keeps their fingerprints only.
        workers: Processes; by default as many as there are cores.
        progress: Whether to show a progress bar.

    Raises:
        StoreError: If another store is there, the folder cannot be written, or no record can be read.
    """

    folder = Path(folder)
    table = source.table()
    mark = plan(source, preparation, table)
    made = folder / "store.json"
    if not made.exists():
        with fail_on_write(folder):
            folder.parent.mkdir(parents=True, exist_ok=True)
            with alone(folder.with_name(f".{folder.name}.lock"), wait=True):
                if not made.exists():  # nor was it made by whom we have waited for
                    _compile(source, folder, preparation, table, mark, workers or os.cpu_count() or 1, progress)
                    return Store(folder)
    store = Store(folder)
    if store.facts["plan"] != mark:
        raise StoreError(f"{folder} holds a store of other records or another preparation; choose another folder")
    _look_at_skipped(store, source, preparation)
    return store


def _compile(
    source: _Source,
    folder: Path,
    preparation: Preparation | None,
    table: pd.DataFrame,
    mark: str,
    workers: int,
    progress: bool,
) -> None:
    """Makes a store that is not there."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise StoreError(f"{folder} is not empty and not a store; choose another folder")
    partial = folder.with_name(folder.name + ".partial")
    _open_partial(partial, mark)
    chunks = [table.iloc[i : i + _CHUNK] for i in range(0, len(table), _CHUNK)]
    jobs = [_Job(source, preparation, rows, partial / f"{i:05d}.i16") for i, rows in enumerate(chunks)]
    done = [job for job in jobs if _is_whole(job.shard)]
    todo = [job for job in jobs if job not in done]
    with tqdm(total=len(table), unit="ECG", desc=f"compile {source.card.name}", disable=not progress) as bar:
        bar.update(sum(len(job.rows) for job in done))
        for job in _run(todo, workers):
            bar.update(len(job.rows))
        plans = {"plan": mark, "source": plan(source, None, table)}  # the latter whatever the preparation
        _finish(partial, folder, source, preparation, plans, [job.shard for job in jobs])


def _look_at_skipped(store: Store, source: _Source, preparation: Preparation | None) -> None:
    """Refuses a store that left out what can be read by now."""
    if not store.facts["skipped"]:
        return
    for record in pd.read_csv(store.folder / "skipped.csv")["record_id"].head(_CHUNK):
        try:
            ecg = source.read(record)
            if preparation is not None:
                preparation(ecg)
        except Exception:  # noqa: S112 - it still cannot be read, for whatever reason
            continue
        raise StoreError(
            f"{store.folder} left out {record}, which can be read by now; delete that folder and run again"
        )


def plan(source: _Source, preparation: Preparation | None, table: pd.DataFrame | None = None) -> str:
    """A hash of everything that decides what a store holds.

    Arguments:
        source: The data set.
        preparation: The form that its recordings are brought to, or None.
        table: The data set's table, where it is at hand.
    """

    table = source.table() if table is None else table
    facts = [preparation and dataclasses.asdict(preparation), source.card.name, source.annotated, source.settings]
    text = table.to_json() + json.dumps(facts, sort_keys=True)
    return hashlib.sha256(f"{VERSION}{_TOLERANCE}{_CHUNK}{text}".encode()).hexdigest()


def _open_partial(partial: Path, plan: str) -> None:
    """Makes the working folder, or empties it if it belongs to another plan."""
    mark = partial / "plan"
    ours = mark.exists() or (partial / "store.json").exists() or not partial.exists()
    if not ours and (not partial.is_dir() or any(partial.iterdir())):
        raise StoreError(f"{partial} is in the way and not an unfinished store; move it or choose another folder")
    if mark.exists() and mark.read_text() != plan:
        shutil.rmtree(partial)
    partial.mkdir(parents=True, exist_ok=True)
    mark.write_text(plan)


def _is_whole(shard: Path) -> bool:
    mark = shard.with_suffix(".json")
    if not (mark.exists() and shard.exists() and shard.with_suffix(".parquet").exists()):
        return False
    try:
        facts = json.loads(mark.read_text())
        return all(facts[path.name]["sha256"] == checksum(path) for path in (shard, shard.with_suffix(".i8")))
    except (OSError, ValueError, KeyError):
        return False


def _run(jobs: list[_Job], workers: int) -> Any:
    """Does the jobs, in this process if there are few of them."""
    if workers == 1 or len(jobs) < 3:
        for job in jobs:
            yield _compile_chunk(job)
        return
    with pool(workers) as executor:
        try:
            for future in concurrent.futures.as_completed([executor.submit(_compile_chunk, job) for job in jobs]):
                yield future.result()
        except concurrent.futures.process.BrokenProcessPool:
            raise StoreError("a worker was ended from outside (too little memory?); the same command goes on") from None
        except BaseException:
            executor.shutdown(wait=False, cancel_futures=True)
            raise


def _compile_chunk(job: _Job) -> _Job:
    """Reads, prepares and writes one shard; its `.json` is written last and marks it whole."""
    rows: list[dict[Any, Any]] = []
    blocks: list[np.ndarray] = [np.empty(0, "<i2")]
    prints: list[np.ndarray] = [np.empty(0, "i1")]
    for row in job.rows.to_dict("records"):
        try:
            raw = job.source.read(row["record_id"])
            ecg = raw if job.preparation is None else job.preparation(raw)
        except Exception as error:  # one bad record must not stop twenty thousand good ones, whatever is wrong with it
            known = isinstance(error, (ValueError, OSError))
            rows.append({**row, "skipped": str(error) if known else f"{type(error).__name__}: {error}"})
            continue
        samples = _samples(ecg, job.preparation is not None, sum(map(len, blocks)))
        blocks.append(samples.pop("counts"))
        mine = Fingerprint.of(raw).samples
        mark = {"fingerprint_offset": sum(map(len, prints)), "fingerprint_samples": mine.shape[1], **account(raw)}
        prints.append(mine.ravel())
        facts = {"age": ecg.age if ecg.age is not None else row["age"], "sex": ecg.sex or row["sex"]}
        made = {"synthetic": ecg.synthetic, "parents": list(ecg.parents)}
        where = {"shard": job.shard.name, **samples, **mark, **made}
        rows.append({**row, **facts, **where, "notes": list(ecg.notes), "skipped": ""})
    files = {job.shard: np.concatenate(blocks), job.shard.with_suffix(".i8"): np.concatenate(prints)}
    for path, data in files.items():
        _replace(path, data.tobytes())
    table = pd.DataFrame(rows).astype({column: job.rows[column].dtype for column in job.rows})
    scratch = job.shard.with_suffix(".parquet.tmp")
    table.to_parquet(scratch, index=False)
    os.replace(scratch, job.shard.with_suffix(".parquet"))
    whole = {path.name: {"sha256": checksum(path), "bytes": path.stat().st_size} for path in files}
    _replace(job.shard.with_suffix(".json"), json.dumps(whole).encode())
    return job


def _samples(ecg: ECG, wanted: bool, offset: int) -> dict[str, Any]:
    """What the table says of a record's samples, and the samples as `counts`."""
    length = ecg.signal.shape[1]
    if not wanted:
        return {"counts": np.empty(0, "<i2"), "offset": 0, "samples": length, "kept_leads": 0, "scale": 0.0}
    kept = _independent(ecg)
    counts, scale = _quantise(ecg.select(kept).signal)
    return {"counts": counts.ravel(), "offset": offset, "samples": length, "kept_leads": len(kept), "scale": scale}


def _independent(ecg: ECG) -> tuple[str, ...]:
    """The eight independent leads where the other four follow from them, else all."""
    if ecg.leads == TWELVE and ecg.unit == "mV" and identity_error(ecg.signal, ecg.leads) <= _TOLERANCE:
        return EIGHT
    return ecg.leads


def _quantise(signal: np.ndarray) -> tuple[np.ndarray, float]:
    """Counts and the size of one: 0.001, doubled until the largest amplitude fits."""
    scale = _SCALE
    while np.abs(signal).max(initial=0.0) > 32767 * scale:
        scale *= 2
    return np.round(signal.astype(np.float64) / scale).astype("<i2"), scale


def _replace(path: Path, data: bytes) -> None:
    scratch = path.with_name(path.name + ".tmp")
    scratch.write_bytes(data)
    os.replace(scratch, path)


def _finish(
    partial: Path,
    folder: Path,
    source: _Source,
    preparation: Preparation | None,
    plans: dict[str, str],
    shards: list[Path],
) -> None:
    """Joins the tables, writes `store.json` and gives the folder its name."""
    table = pd.concat([pd.read_parquet(s.with_suffix(".parquet")) for s in shards], ignore_index=True)
    bad = table["skipped"] != ""
    if bad.all():
        reason = table["skipped"].iloc[0] if len(table) else "it lists none"
        shutil.rmtree(partial)
        raise StoreError(f"no record of {source.card.name} could be read; the first: {reason}")
    table.loc[bad, ["record_id", "skipped"]].to_csv(partial / "skipped.csv", index=False)
    kept = table[~bad].drop(columns="skipped").assign(dataset=source.card.name)
    whole = ("offset", "samples", "kept_leads", "fingerprint_offset", "fingerprint_samples")
    kept = kept.astype(dict.fromkeys(whole, "int64") | {"synthetic": bool}).reset_index(drop=True)
    kept.to_parquet(partial / "records.parquet", index=False)
    facts = {
        "version": VERSION,
        **plans,
        "dataset": source.card.name,
        "card": dataclasses.asdict(source.card),
        "synthetic": bool(getattr(source, "synthetic", False)),
        "annotated": list(source.annotated),
        "preparation": preparation and dataclasses.asdict(preparation),
        "independent": list(EIGHT),
        "tolerance": _TOLERANCE,
        "records": len(kept),
        "skipped": int(bad.sum()),
        "shards": {
            name: facts for s in shards for name, facts in json.loads(s.with_suffix(".json").read_text()).items()
        },
    }
    _replace(partial / "store.json", json.dumps(facts, indent=1).encode())
    for shard in shards:
        shard.with_suffix(".parquet").unlink()
        shard.with_suffix(".json").unlink()
    (partial / "plan").unlink()
    if folder.exists():
        folder.rmdir()
    os.replace(partial, folder)
