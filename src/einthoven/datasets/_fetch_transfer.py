"""One file over HTTP, whole or not there.

What has come lies in `NAME.part`. A broken connection goes on from its end (`Range`, RFC 9110, section 14), the whole
is compared with the publisher's checksum, and only then takes its name. A server that is busy or away is asked again a
few times, as late as it wishes (`Retry-After`).
"""

__all__ = ["Client", "FetchError", "Refused", "Remote", "explained", "size_of"]

import contextlib
import dataclasses
import datetime
import email.utils
import errno
import hashlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import requests
from requests import exceptions
from requests.adapters import HTTPAdapter

T = TypeVar("T")

_TIMEOUT_S = (15.0, 30.0)  # to connect, and between two pieces of an answer
_WAITS_S = (1.0, 4.0, 15.0, 60.0)  # before the second attempt, the third …
_LONGEST_WAIT_S = 300.0  # a server that asks for more is left alone
_BLOCK = 1 << 14  # what is lost, at most, when a connection breaks; coming further by one renews patience


class FetchError(ValueError):
    """Something that keeps a corpus from being fetched; the message names the file, the fact and the remedy."""


class Refused(FetchError):
    """One file that its publisher does not give as promised; the others may be had all the same."""


class _Again(Exception):  # not an error yet
    """An attempt that failed for a reason that may pass."""

    def __init__(self, reason: str, wait_s: float | None = None) -> None:
        super().__init__(reason)
        self.wait_s = wait_s


@dataclasses.dataclass(frozen=True, slots=True)
class Remote:
    """A file at its publisher's.

    Attributes:
        path: Where it belongs in the corpus's folder, with forward slashes.
        url: Where it is to be had.
        checksum: `sha256:` or `md5:` and the hexadecimal digest.
        size: In bytes, or None where nobody states it.
    """

    path: str
    url: str
    checksum: str
    size: int | None = None

    def matches(self, path: Path) -> bool:
        """Whether the file at `path` has the publisher's checksum."""
        kind, _, want = self.checksum.partition(":")
        with path.open("rb") as file:
            return hashlib.file_digest(file, kind).hexdigest() == want


class Client:
    """What asks a publisher; several threads may share it. `stop` ends what they do.

    Arguments:
        connections: How many are held open.
        secure: Whether anything but https is refused, in redirections too.
    """

    def __init__(self, connections: int, secure: bool) -> None:
        self.stop = threading.Event()
        self._session = requests.Session()
        # A checksum is of the file, not of what a server makes of it to save bytes.
        self._session.headers.update({"Accept-Encoding": "identity", "User-Agent": "einthoven"})
        for scheme in ("https://", "http://"):
            self._session.mount(scheme, HTTPAdapter(pool_maxsize=connections))
        if secure:
            del self._session.adapters["http://"]

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    def read(self, url: str) -> bytes:
        """What is at an address, in memory.

        Raises:
            FetchError: If it cannot be had.
        """

        def attempt() -> bytes:
            with self._answer(url) as response:
                return response.content

        return self._patiently(url, attempt, lambda: 0)

    def bring(self, file: Remote, target: Path, heard: Callable[[int], None]) -> bool:
        """Brings a file to `target`, going on from what lies in `target.part`.

        Arguments:
            file: Which one.
            target: The path it takes when it is whole and right.
            heard: Is told of bytes that came, and, below zero, of bytes that were thrown away.

        Returns:
            Whether it is there; it is not if `stop` was set meanwhile.

        Raises:
            Refused: If the publisher does not have it, or gives it twice with a wrong checksum.
            FetchError: If the publisher cannot be reached, or the folder cannot be written.
        """

        part = target.with_name(target.name + ".part")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            for _ in ("from what is there", "from nothing"):
                self._patiently(file.url, lambda: self._transfer(file, part, heard), lambda: size_of(part))
                if self.stop.is_set():
                    return False
                if file.matches(part):
                    part.replace(target)
                    return True
                heard(-size_of(part))
                part.unlink()
        except OSError as error:
            raise explained(target, error) from None
        raise Refused(
            f"{file.url} came twice with another checksum than the publisher's {file.checksum}, so it was deleted; "
            "ask the publisher, or try again later"
        )

    def _transfer(self, file: Remote, part: Path, heard: Callable[[int], None]) -> None:
        """One attempt at the rest of a file."""
        offset = size_of(part)
        if file.size is not None and 0 < file.size <= offset:
            return
        with self._answer(file.url, offset) as response:
            if response.status_code == 416:  # there is nothing behind the part: it is whole, or wrong
                return
            goes_on = response.headers.get("Content-Range", "").startswith(f"bytes {offset}-")
            if offset and not (response.status_code == 206 and goes_on):
                heard(-offset)
                part.unlink()
                if response.status_code == 206:
                    raise _Again("the server sent another piece than was asked for")
                offset = 0
            with part.open("ab" if offset else "wb") as out:
                for block in response.iter_content(_BLOCK):
                    if self.stop.is_set():
                        return
                    out.write(block)
                    heard(len(block))
        if file.size is not None and size_of(part) < file.size:
            raise _Again("the connection broke off")

    @contextlib.contextmanager
    def _answer(self, url: str, offset: int = 0) -> Iterator[requests.Response]:
        """A response that is worth reading."""
        headers = {"Range": f"bytes={offset}-"} if offset else {}
        try:
            with self._session.get(url, headers=headers, stream=True, timeout=_TIMEOUT_S) as response:
                status = response.status_code
                if status in (408, 429) or status >= 500:
                    raise _Again(f"the server answered {status}", _asked_to_wait_s(response))
                if status not in (200, 206) and not (status == 416 and offset):
                    raise Refused(
                        f"{url}: the server answered {status} ({response.reason}); look whether its publisher has "
                        "moved it or asks for an agreement first"
                    )
                yield response
        except (exceptions.InvalidSchema, exceptions.InvalidURL, exceptions.MissingSchema):
            raise Refused(f"{url} is, or leads to, an address that is not https; nothing is taken from it") from None
        except exceptions.SSLError as error:
            if "CERTIFICATE" not in str(error):  # a connection that broke off says so in TLS, too
                raise _Again("the connection broke off") from None
            raise FetchError(f"{url}: its certificate is not to be trusted; look at your proxy and clock") from None
        except requests.Timeout:
            raise _Again("no answer in time") from None
        except requests.RequestException:
            raise _Again("the connection broke off or was never made") from None

    def _patiently(self, url: str, attempt: Callable[[], T], reached: Callable[[], int]) -> T:
        """Attempts something again as long as it gets further, and a few times more."""
        failures, furthest = 0, reached()
        while True:
            try:
                return attempt()
            except _Again as again:
                now = reached()
                failures = 1 if now >= furthest + _BLOCK else failures + 1
                furthest = max(now, furthest)
                last = failures > len(_WAITS_S)
                wait_s = again.wait_s if again.wait_s is not None else 0.0 if last else _WAITS_S[failures - 1]
                if last or wait_s > _LONGEST_WAIT_S:
                    asked = f" and asks to wait {wait_s:.0f} s" if again.wait_s else ""
                    raise FetchError(
                        f"{url}: {again}{asked}, attempt {failures}; try again later, the same command goes on"
                    ) from None
            self._wait(wait_s)
            if self.stop.is_set():
                raise FetchError(f"{url}: stopped; the same command goes on")

    def _wait(self, seconds: float) -> None:
        self.stop.wait(seconds)


def size_of(path: Path) -> int:
    """Bytes of a file, 0 where there is none."""
    return path.stat().st_size if path.exists() else 0


def _asked_to_wait_s(response: requests.Response) -> float | None:
    """`Retry-After`, in seconds or as a date (RFC 9110, section 10.2.3); None where it is absent or unreadable."""
    text = response.headers.get("Retry-After", "").strip()
    if text.isdecimal():
        return float(text)
    try:
        until = email.utils.parsedate_to_datetime(text)
    except ValueError:
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=datetime.UTC)
    return max((until - datetime.datetime.now(datetime.UTC)).total_seconds(), 0.0)


def explained(path: Path, error: OSError) -> FetchError:
    """What the operating system says of a failed write, in a sentence."""
    if error.errno == errno.ENOSPC:
        return FetchError(f"{path}: the disk is full; free some space, the same command goes on")
    return FetchError(f"{path} cannot be written ({error.strerror or error}); mend that or choose another folder")
