"""Reading a compiled corpus."""

__all__ = ["VERSION", "Joined", "Store", "StoreError", "checksum", "fail_on_write"]

import contextlib
import errno
import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from einthoven.records.leads import derive
from einthoven.records.preparation import Preparation
from einthoven.signals.centre import centre
from einthoven.store._fingerprint import Fingerprint

VERSION = 2


class StoreError(ValueError):
    """A store that cannot be read or written; the message names the folder, the fact and the remedy."""


def checksum(path: Path) -> str:
    """The SHA-256 of a file, as hexadecimal text."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextlib.contextmanager
def fail_on_write(folder: Path) -> Iterator[None]:
    """Turns what the operating system says of a failed write into one sentence.

    Raises:
        StoreError: If the disk is full or the folder cannot be written.
    """

    try:
        yield
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise StoreError(f"{folder}: the disk is full; free some space and run again, nothing is lost") from None
        raise StoreError(f"{folder} cannot be written ({error.strerror or error}); choose another folder") from None


@runtime_checkable
class Signals(Protocol):
    """Anything that gives prepared signals by row: a store, or several joined."""

    table: pd.DataFrame
    preparation: Preparation
    annotated: dict[str, tuple[str, ...]]

    def batch(self, rows: Int[np.ndarray, " batch"], samples: int) -> Float[np.ndarray, "batch lead time"]: ...


class Store:
    """A compiled corpus on disk.

    Arguments:
        folder: Where it lies.

    Attributes:
        table: One row a record, with the columns of `einthoven.datasets.COLUMNS`, the data set's name, and where the
            samples are.
        annotated: For the data set's name, the codes that its annotators looked for.
        facts: All of `store.json`.

    Raises:
        StoreError: If it is not a whole store of this version.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        try:
            self.facts: dict[str, Any] = json.loads((self.folder / "store.json").read_text(encoding="utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            raise StoreError(f"{self.folder} holds no finished store; make one with `einthoven compile`") from None
        except (OSError, ValueError) as error:
            raise StoreError(f"{self.folder}/store.json is damaged ({error}); delete it and compile it again") from None
        version = self.facts.get("version") if isinstance(self.facts, dict) else None
        if version != VERSION:
            raise StoreError(
                f"{self.folder} is a store of version {version}, this program reads {VERSION}; "
                "delete it and compile it again"
            )
        try:
            told = self.facts["preparation"]
            self._preparation = None if told is None else Preparation.told(told)
            self.annotated = {self.facts["dataset"]: tuple(self.facts["annotated"])}
            shards = dict(self.facts["shards"])
        except (KeyError, TypeError) as error:
            lost = f"{self.folder}/store.json is damaged ({error!r}); delete the store and compile it again"
            raise StoreError(lost) from None
        for name, facts in shards.items():
            path = self.folder / name
            if not path.is_file() or path.stat().st_size != facts["bytes"]:
                raise StoreError(
                    f"{path} is missing or has changed in size since it was made; delete the store and compile it again"
                )
        try:
            self.table = pd.read_parquet(self.folder / "records.parquet")
        except (OSError, ValueError) as error:
            raise StoreError(
                f"{self.folder}/records.parquet cannot be read ({error}); delete the store and compile it again"
            ) from None
        self._maps: dict[str, np.ndarray] = {}

    def __len__(self) -> int:
        return len(self.table)

    @property
    def preparation(self) -> Preparation:
        """How its recordings were prepared.

        Raises:
            StoreError: If it holds no recordings but their fingerprints only.
        """
        if self._preparation is None:
            raise StoreError(f"{self.folder} holds fingerprints only; compile the data set with a rate and a unit")
        return self._preparation

    def fingerprints(self) -> list[Fingerprint]:
        """The fingerprints of all rows of `table`."""
        columns = ("lead_names", "fingerprint_samples", "shard", "fingerprint_offset")
        out = []
        for names, length, shard, first in zip(*(self.table[c] for c in columns), strict=True):
            data = self._map(str(Path(shard).with_suffix(".i8")), "i1")
            out.append(Fingerprint(tuple(names), data[first : first + len(names) * length].reshape(len(names), length)))
        return out

    def verify(self) -> None:
        """Reads every shard and compares its checksum.

        Raises:
            StoreError: If one differs.
        """
        for name, facts in self.facts["shards"].items():
            if checksum(self.folder / name) != facts["sha256"]:
                raise StoreError(
                    f"{self.folder / name} has changed since it was made; delete the store and compile it again"
                )

    def batch(self, rows: Int[np.ndarray, " batch"], samples: int) -> Float[np.ndarray, "batch lead time"]:
        """Recordings of one length: longer ones are cut at both ends, shorter ones centred between zeros.

        Arguments:
            rows: Positions in `table`.
            samples: The length of the result.
        """
        leads = self.preparation.leads
        out = np.zeros((len(rows), len(leads), samples), dtype=np.float32)
        columns = self.table.iloc[rows]
        keys = columns[["kept_leads", "samples"]].to_numpy()
        for kept, length in np.unique(keys, axis=0) if len(rows) else []:
            group = np.flatnonzero((keys[:, 0] == kept) & (keys[:, 1] == length))
            have = leads if kept == len(leads) else tuple(self.facts["independent"])
            counts = self._counts(columns.iloc[group], int(kept), int(length))
            signal = counts * columns["scale"].to_numpy(np.float32)[group, None, None]
            out[group] = centre(derive(signal, have, leads), samples)
        return out

    def _counts(self, rows: pd.DataFrame, kept: int, length: int) -> np.ndarray:
        counts = np.empty((len(rows), kept, length), dtype=np.int16)
        pairs = zip(rows["shard"], rows["offset"], strict=True)
        for i, (shard, offset) in enumerate(pairs):
            counts[i] = self._map(shard, "<i2")[offset : offset + kept * length].reshape(kept, length)
        return counts

    def _map(self, name: str, dtype: str) -> np.ndarray:
        if name not in self._maps:
            path = self.folder / name
            empty = not path.stat().st_size  # which cannot be mapped
            self._maps[name] = np.empty(0, dtype) if empty else np.memmap(path, dtype=dtype, mode="r")
        return self._maps[name]


class Joined:
    """Several stores as one; a record that two of them hold is kept once, from the first.

    Attributes:
        table: The rows of all, with the column `store` for which one and `dataset` for its name.
        duplicates: How many records of each later store were in an earlier one.

    Raises:
        StoreError: If they were prepared differently.
    """

    def __init__(self, stores: Sequence[Store]) -> None:
        first = stores[0]
        for other in stores[1:]:
            if other.preparation != first.preparation:
                raise StoreError(f"{first.folder} and {other.folder} were prepared differently and cannot be joined")
        self.stores = tuple(stores)
        self.preparation = first.preparation
        plain = [store.facts["dataset"] for store in stores]
        names = [name if plain.count(name) == 1 else f"{name} ({i + 1})" for i, name in enumerate(plain)]
        self.annotated = {n: store.annotated[store.facts["dataset"]] for n, store in zip(names, stores, strict=True)}
        tables = [
            s.table.assign(dataset=n, store=i, row=np.arange(len(s)))
            for i, (n, s) in enumerate(zip(names, stores, strict=True))
        ]
        whole = pd.concat(tables, ignore_index=True)
        again = whole["record_id"].duplicated()
        self.duplicates = [int(again[whole["store"] == i].sum()) for i in range(len(stores))]
        self.table = whole[~again].reset_index(drop=True)

    def __len__(self) -> int:
        return len(self.table)

    def fingerprints(self) -> list[Fingerprint]:
        """The fingerprints of all rows of `table`."""
        each = [store.fingerprints() for store in self.stores]
        return [each[i][row] for i, row in zip(self.table["store"], self.table["row"], strict=True)]

    def batch(self, rows: Int[np.ndarray, " batch"], samples: int) -> Float[np.ndarray, "batch lead time"]:
        """Recordings of one length; see `Store.batch`."""
        rows = np.asarray(rows)
        out = np.zeros((len(rows), len(self.preparation.leads), samples), dtype=np.float32)
        where = self.table["store"].to_numpy()[rows]
        inner = self.table["row"].to_numpy()[rows]
        for i in np.unique(where):
            mask = where == i
            out[mask] = self.stores[i].batch(inner[mask], samples)
        return out
