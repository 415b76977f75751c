"""From a corpus's name to its files in a folder: shown and agreed to first, resumed where it stopped, verified.

A corpus is tens of thousands of small files or a few huge ones, so several are fetched at a time, and `.fetched.jsonl`
in the folder remembers which were found right: what has not changed since is not read again. Nothing that is there is
overwritten: a file with another checksum than the publisher's stops the work before it begins.
"""

__all__ = ["fetch"]

import concurrent.futures
import fnmatch
import functools
import json
import sys
import textwrap
import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from tqdm import tqdm

from einthoven import registry
from einthoven.datasets._fetch_sources import address, listing
from einthoven.datasets._fetch_transfer import Client, FetchError, Refused, Remote, explained, size_of

T = TypeVar("T")

_LEDGER = ".fetched.jsonl"
_MANY = 10  # refused files after which the publisher is left alone
_ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz")


def fetch(
    name: str,
    to: str | Path,
    *,
    agree: bool = False,
    only: Sequence[str] = (),
    base: str | None = None,
    overwrite: bool = False,
    connections: int = 4,
    progress: bool = True,
) -> Path:
    """Downloads a corpus from its publisher; the same call goes on where it stopped.

    Licence, citation, number of files and, where it is stated, size are printed before any file is asked for. When all
    files are there, the corpus is opened as a check that they lie as its reader expects, unless only some were wanted.

    Arguments:
        name: Which corpus; its card says where it is published.
        to: The folder it shall lie in.
        agree: Whether you agree to the licence; if not, you are asked on a terminal.
        only: Patterns of the paths to fetch, such as `records500/*`, where `*` stands for slashes too; none for all.
        base: The address of a mirror: of the folder that holds `SHA256SUMS.txt` for PhysioNet, of the JSON that lists
            the files for Zenodo and figshare. Only here may an address be http.
        overwrite: Whether a file that is there and is not the publisher's may be replaced.
        connections: Files fetched at a time.
        progress: Whether to show a progress bar.

    Returns:
        The folder, for `get`.

    Raises:
        UnknownName: If there is no such corpus.
        FetchError: If it is not to be had without asking, nobody agreed, a file is in the way, the publisher cannot be
            reached or gives something else than it promises, or the folder cannot be written.
    """

    card, to = registry.get("datasets", name).card, Path(to)
    if not card.download:
        raise FetchError(f"'{name}' cannot be fetched; " + (f"see {card.url}" if card.url else "nobody publishes it"))
    if connections < 1:
        raise FetchError(f"{connections} connections fetch nothing; allow at least 1")
    where = address(card.download, base)
    with Client(connections, secure=where.startswith("https://")) as client:
        _show(card, where, to)
        files = _chosen(listing(card.download, where, client.read), only, where)
        _show_files(files)
        _ask(agree)
        with _Ledger(to) as ledger:
            each = functools.partial(_each, connections=connections, stop=client.stop)
            todo = _missing(files, to, ledger, overwrite, each, progress)
            _bring(todo, to, ledger, client, each, progress)
    print(f"{len(files)} files in {to}, as their publisher has them; {len(todo)} of them came now")
    if not only:
        _open(name, to, files)
    return to


def _chosen(files: list[Remote], only: Sequence[str], where: str) -> list[Remote]:
    """The files that some pattern fits; every pattern has to fit one."""
    if isinstance(only, str):
        raise FetchError(f"'{only}' is one pattern; give a list of them")
    for pattern in only:
        if not any(fnmatch.fnmatchcase(file.path, pattern) for file in files):
            example = files[len(files) // 2].path
            raise FetchError(f"no file at {where} fits '{pattern}'; there is, for example, {example}")
    return [f for f in files if not only or any(fnmatch.fnmatchcase(f.path, pattern) for pattern in only)]


def _show(card: Any, where: str, to: Path) -> None:
    """What a user should know before agreeing, and before anybody is asked for anything."""
    facts = {"licence": card.licence, "cite": card.citation, "published at": card.url, "from": where, "to": str(to)}
    print(card.title)
    for key, value in facts.items():
        print(textwrap.fill(f"{key}: {value}", 100, initial_indent="    ", subsequent_indent="      "))
    sys.stdout.flush()  # the publisher may take its time


def _show_files(files: list[Remote]) -> None:
    """How many they are, and how large."""
    size = _total(files)
    stated = f"{tqdm.format_sizeof(size, 'B', 1000)}" if size is not None else "their size is not stated"
    print(f"    files: {len(files)}, {stated}")


def _ask(agree: bool) -> None:
    """Lets nobody go on who did not agree."""
    if agree:
        return
    if not (sys.stdin and sys.stdin.isatty()):
        raise FetchError("nothing was fetched: agree to the licence above with --yes (in Python agree=True)")
    try:
        answer = input("Do you agree to the licence and want these files? [y/N] ")
    except EOFError:
        answer = ""
    if answer.strip().lower() not in ("y", "yes"):
        raise FetchError("nothing was fetched, for you did not agree")


class _Ledger:
    """Which files were found right, and their size and time of change then.

    A line a file, appended: a kill costs one line, and a lost line costs reading that file again.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / _LEDGER
        self._lock = threading.Lock()
        self._known: dict[str, list[Any]] = {}
        lines = self._path.read_text(encoding="utf-8").splitlines() if self._path.exists() else []
        for line in lines:
            try:
                path, *facts = json.loads(line)
            except ValueError:  # torn by a kill
                continue
            self._known[path] = facts

    def __enter__(self) -> "_Ledger":
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._path.open("a", buffering=1, encoding="utf-8")
        except OSError as error:
            raise explained(self._path, error) from None
        self._write("")  # ends a torn line
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def vouches(self, file: Remote, target: Path) -> bool:
        """Whether the file was found right and has not changed since."""
        return self._known.get(file.path) == self._facts(file, target)

    def add(self, file: Remote, target: Path) -> None:
        """Remembers a file that was just found right."""
        self._write(json.dumps([file.path, *self._facts(file, target)]))

    def _write(self, line: str) -> None:
        try:
            with self._lock:
                self._file.write(line + "\n")
        except OSError as error:
            raise explained(self._path, error) from None

    @staticmethod
    def _facts(file: Remote, target: Path) -> list[Any]:
        stat = target.stat()
        return [file.checksum, stat.st_size, stat.st_mtime_ns]


def _each(jobs: Iterable[T], work: Callable[[T], None], *, connections: int, stop: threading.Event) -> None:
    """Does the jobs in threads; the first error, or Ctrl-C, ends them all."""
    queue, lock = iter(jobs), threading.Lock()

    def run() -> None:
        while not stop.is_set():
            with lock:
                job = next(queue, None)
            if job is None:
                return
            try:
                work(job)
            except BaseException:
                stop.set()  # here, before another thread takes a job
                raise

    with concurrent.futures.ThreadPoolExecutor(connections) as pool:
        try:
            for future in concurrent.futures.as_completed([pool.submit(run) for _ in range(connections)]):
                future.result()
        except BaseException:
            stop.set()
            raise


def _missing(
    files: list[Remote], to: Path, ledger: _Ledger, overwrite: bool, each: Callable[..., None], progress: bool
) -> list[Remote]:
    """The files that are not there yet.

    Raises:
        FetchError: If a file is there that is not the publisher's and may not be replaced.
    """

    there = [file for file in files if (to / file.path).exists()]
    unread = [file for file in there if not ledger.vouches(file, to / file.path)]
    other: set[str] = set()
    bar = tqdm(total=len(unread), unit="file", desc="compare", disable=not (progress and unread))

    def compare(file: Remote) -> None:
        target = to / file.path
        try:
            right = file.size in (None, size_of(target)) and file.matches(target)
        except OSError as error:
            raise FetchError(f"{target} is in the way and cannot be read ({error.strerror}); move it away") from None
        if right:
            ledger.add(file, target)
        else:
            other.add(file.path)
        bar.update()

    with bar:
        each(unread, compare)
    if other and not overwrite:
        raise FetchError(
            f"{to} holds {len(other)} files that are not the publisher's, such as {min(other)}; "
            "nothing was fetched: move them away, or replace them with --overwrite"
        )
    kept = {file.path for file in there} - other
    return [file for file in files if file.path not in kept]


def _bring(
    todo: list[Remote], to: Path, ledger: _Ledger, client: Client, each: Callable[..., None], progress: bool
) -> None:
    """Fetches the files; one that is refused does not keep the others away."""
    size, refused, lock = _total(todo), [], threading.Lock()
    unit = {"unit": "B", "unit_scale": True} if size is not None else {"unit": "file"}
    bar = tqdm(total=len(todo) if size is None else size, desc="fetch", disable=not (progress and todo), **unit)
    came = 0

    def heard(count: int) -> None:
        nonlocal came
        with lock:
            came += count
            if size is not None:
                bar.update(count)
            else:
                bar.set_postfix_str(tqdm.format_sizeof(came, "B", 1000), refresh=False)

    def work(file: Remote) -> None:
        target = to / file.path
        heard(size_of(target.with_name(target.name + ".part")))
        try:
            if not client.bring(file, target, heard):
                return
        except Refused as error:
            with lock:
                refused.append(error)
                if len(refused) == _MANY:
                    many = f"{_MANY} files were refused, so the rest was not asked for"
                    raise FetchError(f"{many}; the last: {error}") from None
            return
        ledger.add(file, target)
        if size is None:
            with lock:
                bar.update()

    with bar:
        each(todo, work)
    if refused:
        n = len(todo)
        raise FetchError(f"{n - len(refused)} of {n} files came; {len(refused)} did not, the first: {refused[0]}")


def _total(files: Iterable[Remote]) -> int | None:
    """Bytes in all; None where a size is not stated."""
    sizes = [file.size for file in files]
    return None if None in sizes else sum(size for size in sizes if size is not None)


def _open(name: str, to: Path, files: list[Remote]) -> None:
    """Reads the table, as a check that the files lie as the reader expects."""
    try:
        records = len(registry.get("datasets", name)(to).table())
    except (ValueError, OSError) as error:
        packed = [file.path for file in files if file.path.endswith(_ARCHIVES)]
        hint = f"; unpack {', '.join(packed[:3])}{' …' if len(packed) > 3 else ''} there" if packed else ""
        raise FetchError(f"all files came, but {to} does not open as '{name}' yet: {error}{hint}") from None
    print(f"{records} records: {to} opens as '{name}'")
