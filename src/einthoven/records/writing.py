"""Files that are whole or not there, written by one process at a time: the one way in which this project writes."""

__all__ = ["WriteError", "alone", "replacing"]

import contextlib
import errno
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout
from tqdm import tqdm


class WriteError(ValueError):
    """A file that cannot be written; the message names it, the fact and the remedy."""


@contextlib.contextmanager
def replacing(path: Path, *, overwrite: bool = True) -> Iterator[Path]:
    """A temporary file beside `path` that takes its place when the block ends well, and vanishes when it does not.

    Arguments:
        path: The file to write.
        overwrite: Whether a file that is there may be replaced.

    Raises:
        WriteError: If the file is there and may not be replaced, its folder cannot be written, or the disk is full.
    """

    if path.exists() and not overwrite:
        raise WriteError(f"{path} exists already; choose another name or allow overwriting")
    scratch: Path | None = None
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=path.suffix, dir=path.parent)
        os.close(handle)
        scratch = Path(name)
        yield scratch
        umask = os.umask(0)
        os.umask(umask)
        scratch.chmod(0o666 & ~umask)  # mkstemp makes a file that nobody else can read
        os.replace(scratch, path)
    except OSError as error:
        raise _explained(path, error) from None
    finally:
        if scratch is not None:
            scratch.unlink(missing_ok=True)


@contextlib.contextmanager
def alone(lock: Path, *, wait: bool = False) -> Iterator[None]:
    """Keeps other processes out of a block of the same name.

    The system lets go of the name when a process ends, however it ends: what a killed one leaves is in nobody's way.

    Arguments:
        lock: A file that stands for the name, and is there while the block runs.
        wait: Whether to wait for another process, which a line on the screen then says.

    Raises:
        WriteError: If another process is in such a block and is not waited for.
        OSError: If the file cannot be written.
    """

    held = FileLock(lock)
    try:
        held.acquire(blocking=False)
    except Timeout:
        if not wait:
            remedy = "wait until it has ended or choose another folder"
            raise WriteError(f"{lock.parent}: another process is at work there; {remedy}") from None
        tqdm.write(f"another process is at work on {lock.stem.lstrip('.')}: waiting for it")
        held.acquire()
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)  # while it is held: who waits looks whether the file is still the one he opened
        held.release()


def _explained(path: Path, error: OSError) -> WriteError:
    if error.errno == errno.ENOSPC:
        return WriteError(f"{path}: the disk is full; free some space and run again, nothing half-written is left")
    reason = error.strerror or error
    return WriteError(f"{path}: its folder cannot be written to ({reason}); create it or choose another")
