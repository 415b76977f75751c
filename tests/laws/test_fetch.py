"""What must hold of a download: nothing before agreement, nothing twice, nothing wrong, whatever the server does.

The publisher is a server on this machine that misbehaves on request and counts what it sent.
"""

import contextlib
import dataclasses
import hashlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from einthoven import datasets
from einthoven.cli import main
from einthoven.datasets import _fetch_sources, _fetch_transfer
from einthoven.datasets._fetch_sources import address
from einthoven.datasets._fetch_transfer import Client, FetchError, Remote
from einthoven.datasets.ptbxl import PTBXL

BIG = bytes(range(256)) * 2048  # its half and quarter end where a block of the reader ends
LIST = "SHA256SUMS.txt"


class Publisher(ThreadingHTTPServer):
    """Serves `files`; what it does at the next requests for one stands in `plans`."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.sums: str | None = None
        self.plans: dict[str, list[Callable]] = {}
        self.log: list[tuple[str, str]] = []  # path and Range
        self.sent: Counter[str] = Counter()
        self.stalled, self.release = threading.Event(), threading.Event()
        self.base = f"http://127.0.0.1:{self.server_port}/"

    def contents(self, path: str) -> bytes | None:
        if path == LIST and LIST not in self.files:
            lines = (f"{hashlib.sha256(data).hexdigest()} {name}\n" for name, data in self.files.items())
            return (self.sums if self.sums is not None else "".join(lines)).encode()
        return self.files.get(path)

    def asked(self, path: str) -> list[str]:
        """The ranges in which a file was asked for, in order."""
        return [span for name, span in self.log if name == path]

    def asked_at_all(self) -> set[str]:
        return {name for name, _ in self.log} - {LIST}

    def handle_error(self, request, client_address) -> None:
        if not isinstance(sys.exception(), OSError):  # a reader who went away is no error of this server
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Publisher

    def do_GET(self) -> None:  # noqa: N802
        path = unquote(urlsplit(self.path).path).lstrip("/")
        self.path_asked, self.span = path, self.headers.get("Range", "")
        self.server.log.append((path, self.span))
        plan = self.server.plans.get(path)
        (plan.pop(0) if plan else serve)(self, self.server.contents(path))

    def head(self, status: int, length: int, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(length), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def body(self, data: bytes) -> None:
        self.server.sent[self.path_asked] += len(data)
        self.wfile.write(data)
        self.wfile.flush()

    def hang_up(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, *_) -> None:
        pass


def serve(handler: Handler, data: bytes | None) -> None:
    """As a server should."""
    rest = begin(handler, data)
    if rest is not None:
        handler.body(rest)


def begin(handler: Handler, data: bytes | None) -> bytes | None:
    """The head of a right answer; the body that belongs to it."""
    if data is None:
        return handler.head(404, 0)
    start = int(re.fullmatch(r"bytes=(\d+)-", handler.span)[1]) if handler.span else 0
    if start and start >= len(data):
        return handler.head(416, 0, Content_Range=f"bytes */{len(data)}")
    extra = {"Content_Range": f"bytes {start}-{len(data) - 1}/{len(data)}"} if start else {}
    handler.head(206 if start else 200, len(data) - start, **extra)
    return data[start:]


def breaks_off(handler: Handler, data: bytes) -> None:
    rest = begin(handler, data)
    handler.body(rest[: len(rest) // 2])
    handler.hang_up()


def breaks_off_at_once(handler: Handler, data: bytes) -> None:
    begin(handler, data)
    handler.hang_up()


def stalls(handler: Handler, data: bytes) -> None:
    rest = begin(handler, data)
    handler.body(rest[: len(rest) // 2])
    handler.server.stalled.set()
    handler.server.release.wait()
    handler.hang_up()


def trickles(handler: Handler, data: bytes) -> None:
    rest = begin(handler, data)
    for i in range(0, len(rest), 999):
        handler.body(rest[i : i + 999])


def ignores_range(handler: Handler, data: bytes) -> None:
    handler.span = ""
    serve(handler, data)


def sends_another_piece(handler: Handler, data: bytes) -> None:
    handler.span = "bytes=7-"
    serve(handler, data)


def corrupts(handler: Handler, data: bytes) -> None:
    serve(handler, data[:-1] + bytes([data[-1] ^ 1]))


def status(code: int, **headers: str) -> Callable:
    return lambda handler, data: handler.head(code, 0, **headers)


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    server = Publisher()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.release.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def miniature(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("miniature")
    PTBXL.miniature(folder)
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that would have been waited."""
    seconds: list[float] = []
    monkeypatch.setattr(Client, "_wait", lambda self, wait_s: seconds.append(wait_s))
    return seconds


@pytest.fixture
def get(publisher: Publisher, tmp_path: Path) -> Callable[..., Path]:
    """Fetches whatever the publisher lists."""

    def run(**options) -> Path:
        given = {"agree": True, "only": ["*"], "base": publisher.base, "progress": False, **options}
        return datasets.fetch("ptbxl", tmp_path / "corpus", **given)

    return run


def there(folder: Path) -> dict[str, bytes]:
    """What lies in a folder, but for the ledger."""
    files = (p for p in folder.rglob("*") if p.is_file() and p.name != ".fetched.jsonl")
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in files}


# Agreement


def test_a_whole_corpus_comes_and_opens(publisher, get, miniature, capsys) -> None:
    publisher.files = miniature
    folder = get(only=())
    assert there(folder) == miniature
    assert all(count == 1 for count in Counter(name for name, _ in publisher.log).values())
    records = len(datasets.get("ptbxl", folder).table())
    assert f"{records} records: {folder} opens as 'ptbxl'" in capsys.readouterr().out


def test_licence_citation_and_count_come_before_the_question_and_the_files_after(
    publisher, get, capsys, monkeypatch
) -> None:
    publisher.files = {"a": b"1", "b": b"22"}
    seen = []

    def answer(question: str) -> str:
        out = " ".join(capsys.readouterr().out.split())
        card = PTBXL.card
        assert all(fact in out for fact in (card.title, card.licence, card.citation, card.url, "2, their size is not"))
        assert "licence" in question and not publisher.asked_at_all()
        seen.append(question)
        return "y"

    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", answer)
    assert there(get(agree=False)) == publisher.files and len(seen) == 1


@pytest.mark.parametrize("answer", ["", "n", "no", "what?", EOFError])
def test_who_does_not_agree_gets_nothing(answer, publisher, get, tmp_path, monkeypatch) -> None:
    publisher.files = {"a": b"1"}

    def reply(_: str) -> str:
        if isinstance(answer, str):
            return answer
        raise answer

    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", reply)
    with pytest.raises(FetchError, match="you did not agree"):
        get(agree=False)
    assert not publisher.asked_at_all() and not list(tmp_path.iterdir())


def test_nobody_is_asked_without_a_terminal(publisher, get, tmp_path, monkeypatch) -> None:
    publisher.files = {"a": b"1"}
    monkeypatch.setattr("builtins.input", lambda _: pytest.fail("asked"))
    for stdin in (None, open(os.devnull)):
        with contextlib.closing(stdin) if stdin else contextlib.nullcontext(), monkeypatch.context() as patch:
            patch.setattr("sys.stdin", stdin)
            with pytest.raises(FetchError, match=r"--yes \(in Python agree=True\)"):
                get(agree=False)
    assert not publisher.asked_at_all() and not list(tmp_path.iterdir())


# Once, and only what is the publisher's


def test_what_is_there_is_neither_asked_for_nor_read_again(publisher, get, monkeypatch) -> None:
    publisher.files = {f"d/{i}": bytes([i]) * i for i in range(20)}
    get()
    publisher.log.clear()
    monkeypatch.setattr(Remote, "matches", lambda *_: pytest.fail("read again"))
    assert there(get()) == publisher.files
    assert publisher.log == [(LIST, "")]


@pytest.mark.parametrize("harm", [lambda ledger: ledger.unlink(), lambda ledger: ledger.write_text('["a", "sha2')])
def test_files_without_a_ledger_are_compared_and_kept(harm, publisher, get, monkeypatch) -> None:
    publisher.files = {"a": b"1", "b": BIG}
    folder = get()
    harm(folder / ".fetched.jsonl")
    publisher.log.clear()
    get()
    with monkeypatch.context() as patch:  # the ledger is whole again
        patch.setattr(Remote, "matches", lambda *_: pytest.fail("read again"))
        get()
    assert publisher.log == [(LIST, "")] * 2


def test_what_the_publisher_changed_is_not_taken_for_right(publisher, get) -> None:
    publisher.files = {"a": b"1", "b": b"2"}
    get()
    publisher.files["b"] = b"3"
    with pytest.raises(FetchError, match="holds 1 files that are not the publisher's, such as b"):
        get()
    assert there(get(overwrite=True)) == publisher.files


def test_somebody_elses_file_is_not_overwritten_silently(publisher, get) -> None:
    publisher.files = {"a": b"one", "b": b"two"}
    folder = get()
    (folder / "a").write_bytes(b"own")
    os.utime(folder / "a", ns=(1, 1))
    publisher.files["c"] = b"three"
    publisher.log.clear()
    with pytest.raises(FetchError, match="such as a; nothing was fetched: .* --overwrite"):
        get()
    assert not publisher.asked_at_all() and there(folder) == {"a": b"own", "b": b"two"}
    assert there(get(overwrite=True)) == publisher.files
    assert publisher.asked_at_all() == {"a", "c"}


def test_a_folder_in_a_files_place_is_named(publisher, get, tmp_path) -> None:
    publisher.files = {"a": b"one"}
    (tmp_path / "corpus" / "a").mkdir(parents=True)
    with pytest.raises(FetchError, match="a is in the way"):
        get()


def test_only_what_fits_a_pattern_comes(publisher, get) -> None:
    publisher.files = {"x/1/a.dat": b"1", "x/2/b.dat": b"2", "y/c.dat": b"3", "t.csv": b"4"}
    assert set(there(get(only=["x/*", "t.csv"]))) == {"x/1/a.dat", "x/2/b.dat", "t.csv"}
    with pytest.raises(FetchError, match=r"fits 'z/\*'; there is, for example, "):
        get(only=["y/*", "z/*"])
    with pytest.raises(FetchError, match="one pattern"):
        get(only="y/*")
    assert "y/c.dat" not in publisher.asked_at_all()


# Servers as they are


@pytest.mark.parametrize("data", [b"", b"x", BIG], ids=["empty", "one byte", "big"])
@pytest.mark.parametrize("plan", [[], [trickles], [breaks_off_at_once], [status(503)]])
def test_every_length_comes_whole(plan, data, publisher, get) -> None:
    publisher.files, publisher.plans = {"f": data}, {"f": list(plan)}
    assert there(get()) == {"f": data}


def test_a_broken_connection_goes_on_where_it_broke(publisher, get) -> None:
    publisher.files, publisher.plans = {"f": BIG}, {"f": [breaks_off, breaks_off, trickles]}
    assert there(get()) == publisher.files
    n = len(BIG)
    assert publisher.asked("f") == ["", f"bytes={n // 2}-", f"bytes={n // 2 + n // 4}-"]
    assert publisher.sent["f"] == n


def test_a_server_that_ignores_range_begins_anew(publisher, get) -> None:
    publisher.files, publisher.plans = {"f": BIG}, {"f": [breaks_off, ignores_range]}
    assert there(get()) == publisher.files
    assert publisher.sent["f"] == len(BIG) * 3 // 2


def test_another_piece_than_asked_for_is_not_appended(publisher, get) -> None:
    publisher.files, publisher.plans = {"f": BIG}, {"f": [breaks_off, sends_another_piece]}
    assert there(get()) == publisher.files
    assert publisher.asked("f")[2:] == [""]


def test_a_silent_server_is_asked_again(publisher, get, monkeypatch) -> None:
    monkeypatch.setattr(_fetch_transfer, "_TIMEOUT_S", (20.0, 0.5))
    publisher.files, publisher.plans = {"f": BIG}, {"f": [stalls]}
    assert there(get()) == publisher.files
    assert publisher.asked("f") == ["", f"bytes={len(BIG) // 2}-"]


def test_patience_ends_but_what_came_is_kept(publisher, get, tmp_path, waits) -> None:
    publisher.files, publisher.plans = {"f": BIG}, {"f": [breaks_off, *[breaks_off_at_once] * 99]}
    with pytest.raises(FetchError, match=r"/f: the connection broke off.*attempt 5.*the same command goes on"):
        get()
    assert len(publisher.log) < 10 and waits == sorted(waits) and waits[-1] > waits[0] > 0
    assert there(tmp_path / "corpus") == {"f.part": BIG[: len(BIG) // 2]}
    publisher.plans.clear()
    assert there(get()) == publisher.files
    assert publisher.sent["f"] == len(BIG)


def test_progress_renews_patience(publisher, get) -> None:
    def a_little(handler: Handler, data: bytes) -> None:
        handler.body(begin(handler, data)[:65536])
        handler.hang_up()

    publisher.files, publisher.plans = {"f": BIG}, {"f": [a_little] * 99}
    assert there(get()) == publisher.files
    assert len(publisher.asked("f")) == 8 and publisher.sent["f"] == len(BIG)


def test_a_corrupted_file_is_fetched_once_more(publisher, get) -> None:
    publisher.files, publisher.plans = {"f": BIG}, {"f": [corrupts]}
    assert there(get()) == publisher.files
    assert publisher.asked("f") == ["", ""]


def test_a_file_that_stays_corrupted_is_deleted_and_the_others_come(publisher, get, tmp_path) -> None:
    publisher.files, publisher.plans = {"a": b"1", "f": BIG, "z": b"2"}, {"f": [corrupts] * 99}
    with pytest.raises(FetchError, match=r"2 of 3 files came; 1 did not, the first: .*/f came twice with another"):
        get()
    assert there(tmp_path / "corpus") == {"a": b"1", "z": b"2"}
    assert publisher.asked("f") == ["", ""]


def test_a_damaged_part_does_no_harm(publisher, get, tmp_path) -> None:
    publisher.files = {"f": BIG}
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus" / "f.part").write_bytes(b"nonsense")
    assert there(get()) == publisher.files
    assert publisher.asked("f") == ["bytes=8-", ""]


def test_a_whole_part_only_takes_its_name(publisher, get, tmp_path) -> None:
    publisher.files = {"f": BIG}
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus" / "f.part").write_bytes(BIG)
    assert there(get()) == publisher.files
    assert publisher.sent["f"] == 0


def test_what_is_absent_is_asked_for_once(publisher, get, tmp_path) -> None:
    publisher.files, publisher.plans = {"a": b"1", "f": b"2"}, {"f": [status(404)]}
    with pytest.raises(FetchError, match=r"1 of 2 files came; .*/f: the server answered 404 \(Not Found\)"):
        get()
    assert publisher.asked("f") == [""] and there(tmp_path / "corpus") == {"a": b"1"}


def test_a_publisher_who_refuses_everything_is_left_alone(publisher, get) -> None:
    publisher.files = {str(i): b"1" for i in range(100)}
    publisher.plans = {str(i): [status(403)] for i in range(100)}
    with pytest.raises(FetchError, match="10 files were refused, so the rest was not asked for; the last: .* 403"):
        get(connections=2)
    assert len(publisher.asked_at_all()) <= 12


def test_a_busy_server_is_asked_when_it_wishes(publisher, get, waits) -> None:
    publisher.files = {"f": BIG}
    publisher.plans = {"f": [status(429, Retry_After="7"), status(500), status(503, Retry_After="soon")]}
    publisher.plans["f"].append(status(429, Retry_After="Fri, 31 Dec 1999 23:59:59 GMT"))
    assert there(get()) == publisher.files
    asked, own, unreadable, past = waits
    assert asked == 7 and past == 0 and 0 < own < unreadable


def test_nobody_waits_an_hour(publisher, get, waits) -> None:
    publisher.files, publisher.plans = {"f": BIG}, {"f": [status(429, Retry_After="3600")]}
    with pytest.raises(FetchError, match="/f: the server answered 429 and asks to wait 3600 s"):
        get()
    assert waits == []


def test_a_publisher_who_is_away_is_named(tmp_path) -> None:
    with socket.socket() as taken:  # bound, but nobody listens
        taken.bind(("127.0.0.1", 0))
        base = f"http://127.0.0.1:{taken.getsockname()[1]}/"
        with pytest.raises(FetchError, match=re.escape(base) + ".*SHA256SUMS.txt: the connection .* never made"):
            datasets.fetch("ptbxl", tmp_path, agree=True, base=base)


# Kills


def test_a_killed_fetch_goes_on(publisher, get, tmp_path, miniature) -> None:
    publisher.files = miniature
    last = next(name for name in miniature if name.startswith("records500") and name.endswith("_hr.dat"))
    publisher.plans = {last: [stalls]}
    words = ["fetch", "ptbxl", "--to", str(tmp_path / "corpus"), "--base", publisher.base, "--yes"]
    words += ["--connections", "1"]
    with subprocess.Popen([sys.executable, "-m", "einthoven", *words], stderr=subprocess.DEVNULL) as process:
        assert publisher.stalled.wait(timeout=120)
        part = tmp_path / "corpus" / f"{last}.part"
        while process.poll() is None and not (part.exists() and part.stat().st_size):
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    publisher.release.set()
    before, came = publisher.asked_at_all(), part.stat().st_size
    publisher.log.clear()
    assert there(get(only=())) == miniature
    assert publisher.asked(last) == [f"bytes={came}-"]
    assert publisher.asked_at_all() == set(miniature) - before | {last}


def test_ctrl_c_leaves_what_can_go_on(publisher, get, tmp_path, monkeypatch) -> None:
    publisher.files = {f"{i:02d}": bytes([i]) for i in range(30)}
    bring, calls = Client.bring, []

    def interrupted(*arguments) -> bool:
        calls.append(arguments)
        if len(calls) == 10:
            raise KeyboardInterrupt
        return bring(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(Client, "bring", interrupted)
        with pytest.raises(KeyboardInterrupt):
            get()
    done = set(there(tmp_path / "corpus"))
    assert 0 < len(done) < 30
    publisher.log.clear()
    assert there(get()) == publisher.files
    assert publisher.asked_at_all() == set(publisher.files) - done


# Lists


@pytest.mark.parametrize("evil", ["../e", "/etc/e", "a/../../e", "..", "C:/e", "..\\e", "\\\\host\\e", "a\0b"])
def test_a_path_that_leaves_the_folder_is_refused(evil, publisher, get, tmp_path) -> None:
    digest = hashlib.sha256(b"1").hexdigest()
    publisher.files, publisher.sums = {"a": b"1", evil: b"1"}, f"{digest} a\n{digest}  {evil}\n"
    with pytest.raises(FetchError, match="lies outside the folder; do not trust"):
        get()
    assert not publisher.asked_at_all() and not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("sums", "complaint"),
    [
        ("<html>log in</html>", "line 1, is no checksum and path: '<html>log in"),
        (f"{'0' * 64} a\n{'0' * 40} b\n", "line 2, is no checksum"),
        ("", "lists no files"),
        (f"{'0' * 64} a\n{'1' * 64} a\n", "lists a twice"),
    ],
)
def test_a_list_that_is_none_is_refused(sums, complaint, publisher, get) -> None:
    publisher.files, publisher.sums = {"a": b"1"}, sums
    with pytest.raises(FetchError, match=complaint):
        get()
    assert not publisher.asked_at_all()


def test_sums_are_read_as_sha256sum_writes_them(publisher, get) -> None:
    digest = hashlib.sha256(b"1").hexdigest()
    publisher.files = {"a": b"1", "b": b"1", "with space #1%": b"1"}
    publisher.sums = f"{digest}  ./a\r\n{digest.upper()} *b\n\n{digest} with space #1%\n"
    assert there(get()) == publisher.files


def published_at(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PTBXL, "card", dataclasses.replace(PTBXL.card, download=f"{scheme}:1"))


def entry(scheme: str, publisher: Publisher, name: str) -> dict:
    """What Zenodo or figshare says of a file."""
    data, url = publisher.files[name], f"{publisher.base}{name}"
    md5 = hashlib.md5(data).hexdigest()
    if scheme == "zenodo":
        return {"key": name, "size": len(data), "checksum": f"md5:{md5}", "links": {"self": url}}
    return {"name": name, "size": len(data), "computed_md5": md5, "supplied_md5": "", "download_url": url}


@pytest.fixture(params=["zenodo", "figshare"])
def scheme(request, publisher, monkeypatch) -> str:
    """A publisher who answers in JSON at `list`."""
    published_at(request.param, monkeypatch)
    publisher.files = {"a": b"1", "big": BIG, "c": b"333"}

    def answer(handler: Handler, _) -> None:
        entries = [entry(request.param, publisher, name) for name in publisher.files]
        serve(handler, json.dumps({"files": entries} if request.param == "zenodo" else entries).encode())

    publisher.plans["list"] = [answer] * 9
    return request.param


def test_json_states_sizes_and_checksums(scheme, publisher, get, tmp_path, capsys) -> None:
    base = f"{publisher.base}list"
    publisher.plans["big"] = [breaks_off, corrupts]
    assert there(get(base=base)) == publisher.files
    assert "files: 3, 524kB" in capsys.readouterr().out
    folder = tmp_path / "corpus"
    (folder / "big").rename(folder / "big.part")
    publisher.log.clear()
    assert there(get(base=base)) == publisher.files
    assert publisher.asked_at_all() == {"list"}, "a whole part of a stated size needs no request"


def test_another_size_is_another_file(scheme, publisher, get, tmp_path) -> None:
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus" / "c").write_bytes(b"3333")
    with pytest.raises(FetchError, match="such as c"):
        get(base=f"{publisher.base}list")


@pytest.mark.parametrize("answer", [b"<html>", b"[1]", b"{}", b'{"files": [{"key": "a"}]}', b"\xff", b"7", b"[{}]"])
def test_json_of_another_kind_is_refused(answer, scheme, publisher, get) -> None:
    publisher.plans["list"] = [lambda handler, _: serve(handler, answer)]
    with pytest.raises(FetchError, match="list (gives no list of files as expected|lists no files)"):
        get(base=f"{publisher.base}list")


@pytest.mark.parametrize("change", [{"size": None}, {"size": "1"}, {"checksum": "crc:1", "computed_md5": None}])
def test_a_file_without_checksum_or_size_is_refused(change, scheme, publisher, get) -> None:
    entries = [entry(scheme, publisher, "a") | change]
    text = json.dumps({"files": entries} if scheme == "zenodo" else entries).encode()
    publisher.plans["list"] = [lambda handler, _: serve(handler, text)]
    with pytest.raises(FetchError, match="no address, size or checksum of 'a'"):
        get(base=f"{publisher.base}list")


def test_figshare_is_read_page_by_page(publisher, get, monkeypatch) -> None:
    published_at("figshare", monkeypatch)
    monkeypatch.setattr(_fetch_sources, "_PAGE", 2)
    publisher.files = {name: name.encode() for name in "abcde"}

    def answer(handler: Handler, _) -> None:
        page, size = (int(n) for n in re.search(r"page=(\d+)&page_size=(\d+)", handler.path).groups())
        entries = [entry("figshare", publisher, name) for name in publisher.files]
        serve(handler, json.dumps(entries[(page - 1) * size : page * size]).encode())

    publisher.plans["list"] = [answer] * 9
    assert there(get(base=f"{publisher.base}list")) == publisher.files
    assert len(publisher.asked("list")) == 3


# Places


@pytest.mark.parametrize("name", datasets.names())
def test_every_card_says_where_its_files_are_or_that_they_are_not(name, tmp_path) -> None:
    card = datasets.registry.get("datasets", name).card
    if card.download:
        assert address(card.download, None).startswith("https://")
    else:
        with pytest.raises(FetchError, match=f"'{name}' cannot be fetched; {'see https' if card.url else 'nobody'}"):
            datasets.fetch(name, tmp_path, agree=True)


def test_only_https_unless_a_mirror_is_not(publisher, get) -> None:
    publisher.files = {"a": b"1"}
    with Client(1, secure=True) as client, pytest.raises(FetchError, match="not https"):
        client.read(publisher.base + "a")
    assert not publisher.log
    with pytest.raises(FetchError, match="'ftp://x' is not the address of a mirror"):
        get(base="ftp://x")


def test_a_folder_that_cannot_be_written_is_explained(publisher, get, tmp_path) -> None:
    publisher.files = {"a": b"1"}
    (tmp_path / "corpus").write_text("a file")
    with pytest.raises(FetchError, match="corpus.*cannot be written .*choose another folder"):
        get()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_is_explained(publisher, get, tmp_path) -> None:
    publisher.files = {"f": BIG}
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus" / "f.part").symlink_to("/dev/full")
    with pytest.raises(FetchError, match="f: the disk is full; free some space, the same command goes on"):
        get()


def test_files_that_do_not_open_name_the_archive_to_unpack(publisher, get) -> None:
    publisher.files = {"all.zip": b"PK"}
    with pytest.raises(FetchError, match="all files came, but .* is missing; .*unpack all.zip there"):
        get(only=())


# The command


def test_the_command_fetches_and_says_so(publisher, tmp_path, miniature, capsys) -> None:
    publisher.files = miniature
    words = ["fetch", "ptbxl", "--base", publisher.base, "--yes", "--to"]
    main([*words, str(tmp_path / "c")])
    assert "opens as 'ptbxl'" in capsys.readouterr().out
    main([*words, str(tmp_path / "d"), "--only", "*.csv", "*_lr.*"])
    assert set(there(tmp_path / "d")) == {p for p in miniature if p.endswith(".csv") or "_lr." in p}


@pytest.mark.parametrize("words", [["ptbxl"], ["simulated", "--yes"], ["ptbxl", "--yes", "--only", "nothing"]])
def test_the_command_refuses_in_one_sentence(words, publisher, tmp_path, capsys, monkeypatch) -> None:
    publisher.files = {"a": b"1"}
    monkeypatch.delenv("EINTHOVEN_TRACEBACK", raising=False)
    with open(os.devnull) as nobody, monkeypatch.context() as patch:
        patch.setattr("sys.stdin", nobody)
        with pytest.raises(SystemExit) as end:
            main(["fetch", *words, "--to", str(tmp_path / "c"), "--base", publisher.base])
    assert end.value.code == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("einthoven: ")
    assert not publisher.asked_at_all()
