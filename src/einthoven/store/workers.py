"""Worker processes that end when their parent does: by itself, by Ctrl-C, or by a kill that nobody can catch."""

__all__ = ["pool"]

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import Any


def pool(workers: int, prepare: Callable[..., None] | None = None, *arguments: Any) -> ProcessPoolExecutor:
    """A pool of fresh processes.

    Arguments:
        workers: How many.
        prepare: What each does first, or None.
        arguments: Of `prepare`.
    """

    context = multiprocessing.get_context("spawn")
    executor = ProcessPoolExecutor(workers, context, _start, (prepare, arguments))
    with _deaf():
        for _ in range(workers):  # each starts a process, which inherits the deafness while it imports
            executor.submit(int)
    return executor


@contextlib.contextmanager
def _deaf() -> Iterator[None]:
    """Ignores Ctrl-C for a moment; only the main thread may say so."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _start(prepare: Callable[..., None] | None, arguments: tuple[Any, ...]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # the parent says what there is to say
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if prepare is not None:
        prepare(*arguments)


def _end_with_parent() -> None:
    """An orphan would go on writing what the next run of the same command writes."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
