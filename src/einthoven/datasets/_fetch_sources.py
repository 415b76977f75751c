"""Which files a publisher has of a corpus, with their checksums: PhysioNet, Zenodo and figshare.

PhysioNet keeps `SHA256SUMS.txt` in the folder of every project; it states no sizes. Zenodo
(developers.zenodo.org) and figshare (docs.figshare.com) answer in JSON with sizes and MD5. Whatever is listed is
untrusted: a path that leaves the folder is refused.
"""

__all__ = ["address", "listing"]

import json
import re
import urllib.parse
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

from einthoven.datasets._fetch_transfer import FetchError, Remote

Read = Callable[[str], bytes]

_SUM = re.compile(r"([0-9A-Fa-f]{64})[ \t]+\*?(\S.*)")
_PAGE = 1000  # the most files that figshare lists at a time


def address(download: str, base: str | None) -> str:
    """Where the list of a corpus's files is to be had.

    Arguments:
        download: As a card says it: `physionet:ptb-xl/1.0.3`.
        base: Another address, of a mirror.

    Raises:
        FetchError: If `base` is no address on the web.
    """

    scheme, _, name = download.partition(":")
    if base is None:
        return _SOURCES[scheme][0].format(name)
    if not base.startswith(("https://", "http://")):
        raise FetchError(f"'{base}' is not the address of a mirror; it begins with https:// or http://")
    return base


def listing(download: str, where: str, read: Read) -> list[Remote]:
    """The files of a corpus.

    Arguments:
        download: As a card says it.
        where: The address of the list.
        read: What gives the contents of an address.

    Raises:
        FetchError: If the list cannot be had or read, is empty, names a file twice or one outside the folder.
    """

    source = _SOURCES[download.partition(":")[0]][1]
    try:
        files = list(source(where, read))
    except (KeyError, TypeError, AttributeError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise FetchError(f"{where} gives no list of files as expected ({error!r}); is it the right place?") from None
    if not files:
        raise FetchError(f"{where} lists no files; is it the right place?")
    seen: set[str] = set()
    for file in files:
        _check(file, where, seen)
        seen.add(file.path)
    return files


def _check(file: Remote, where: str, seen: set[str]) -> None:
    """Refuses what would be written outside the folder, or twice."""
    posix, windows = PurePosixPath(file.path), PureWindowsPath(file.path)
    outside = posix.is_absolute() or windows.anchor or ".." in windows.parts or "\0" in file.path
    if outside or not posix.parts:
        raise FetchError(f"{where} lists {file.path!r}, which lies outside the folder; do not trust this place")
    if file.path in seen:
        raise FetchError(f"{where} lists {file.path} twice; do not trust this place")


def _physionet(where: str, read: Read) -> Iterator[Remote]:
    folder = where.rstrip("/") + "/"
    url = folder + "SHA256SUMS.txt"
    for number, line in enumerate(read(url).decode("utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        found = _SUM.fullmatch(line.rstrip())
        if not found:
            raise FetchError(f"{url}, line {number}, is no checksum and path: {line[:80]!r}; is it the right place?")
        path = found[2].removeprefix("./")
        yield Remote(path, folder + urllib.parse.quote(path), f"sha256:{found[1].lower()}")


def _zenodo(where: str, read: Read) -> Iterator[Remote]:
    for file in json.loads(read(where))["files"]:
        links = file["links"]
        yield _stated(file["key"], links.get("content") or links["self"], file["checksum"], file["size"], where)


def _figshare(where: str, read: Read) -> Iterator[Remote]:
    page = 1
    while True:
        files = json.loads(read(f"{where}?page={page}&page_size={_PAGE}"))
        for file in files:
            md5 = file["computed_md5"] or file["supplied_md5"]
            yield _stated(file["name"], file["download_url"], f"md5:{md5}", file["size"], where)
        if len(files) < _PAGE:
            return
        page += 1


def _stated(path: Any, url: Any, checksum: Any, size: Any, where: str) -> Remote:
    """A file as JSON states it, once its fields are what they should be."""
    texts = all(isinstance(each, str) for each in (path, url, checksum))
    if not (texts and isinstance(size, int) and re.fullmatch("md5:[0-9a-f]{32}|sha256:[0-9a-f]{64}", checksum)):
        raise FetchError(f"{where} states no address, size or checksum of {path!r}; fetch that corpus by hand")
    return Remote(path, url, checksum, size)


_SOURCES: dict[str, tuple[str, Callable[[str, Read], Iterator[Remote]]]] = {
    "physionet": ("https://physionet.org/files/{}/", _physionet),
    "zenodo": ("https://zenodo.org/api/records/{}", _zenodo),
    "figshare": ("https://api.figshare.com/v2/articles/{}/files", _figshare),
}
