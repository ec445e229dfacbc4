"""
Work that Ctrl-C must not cut short.

Strategy: Python runs signal handlers on the main thread only. What takes a lock, or does several
steps that belong together, is run on a short-lived thread instead when the main thread asks for
it, and that one merely waits, which may be interrupted. So no lock is ever held by a thread that a
signal can reach, and a signal handler can always get it. The standard library's own `Thread.start`
and `Thread.join` are such work: interrupted, they lose locks on Python 3.9.
"""

from __future__ import annotations

import sys
import threading
from _thread import get_ident, start_new_thread
from typing import Any, Callable, Generic, TypeVar

from bfxsync._base.latch import Latch
from bfxsync.errors import UsageError

T = TypeVar("T")


def shielded(call: Callable[..., T], *arguments: Any) -> T:
    """
    Call a function on a thread that no signal reaches, and return what it returns.

    What it raises is raised here. If the main thread is interrupted while it waits, the function
    still runs to its end.
    """
    # While Python ends, as in a `__del__` then, no other thread gets its turn any more. (A start
    # says so from Python 3.12 on; before that it seems to work.)
    if get_ident() != threading.main_thread().ident or sys.is_finalizing():
        return call(*arguments)
    work = _Work(call, arguments)
    try:
        # One call, unlike `Thread.start`.
        start_new_thread(work.run, ())
    except RuntimeError:
        # No more threads.
        return call(*arguments)
    work.done.wait()
    return work.result()


def later(call: Callable[..., object], *arguments: Any) -> None:
    """
    Call a function on a thread that no signal reaches, and do not wait for it.

    Raises
    ------
    RuntimeError
        There are no more threads.
    """
    start_new_thread(_Work(call, arguments).run, ())


class Section:
    """
    A lock that knows who has it.

    Anywhere within, Python may collect garbage and call a finalizer of the program, on the same
    thread. What that calls can ask `is_mine`, and do later what it cannot do now. To enter a second
    time raises `UsageError`: to wait would be for ever.
    """

    def __init__(self) -> None:
        # One that is not held up by its own thread: between its lines and those of the holder
        # nothing has begun, or all is done, and then a finalizer may well come in between.
        self._lock = threading.RLock()
        self._holder: int | None = None

    @property
    def is_mine(self) -> bool:
        """True within, on the thread that has entered."""
        return self._holder == get_ident()

    def __enter__(self) -> None:
        if self.is_mine:
            raise UsageError(
                "a finalizer has called this within a call of the same client; only unsubscribe() "
                "and close() can be called there"
            )
        self._lock.acquire()
        self._holder = get_ident()

    def __exit__(self, *_: object) -> None:
        self._holder = None
        self._lock.release()


def start_thread(thread: threading.Thread) -> None:
    """
    Start a thread, if it will run.

    Raises
    ------
    RuntimeError
        There are no more threads, or Python is ending: before 3.12 `start` would wait for ever.
    """
    if sys.is_finalizing():
        raise RuntimeError("Python is ending")
    thread.start()


class _Work(Generic[T]):
    def __init__(self, call: Callable[..., T], arguments: tuple[Any, ...]) -> None:
        self.done = Latch()
        self._call = call
        self._arguments = arguments
        self._result: list[T] = []
        self._error: BaseException | None = None

    def run(self) -> None:
        try:
            self._result.append(self._call(*self._arguments))
        except BaseException as exc:
            self._error = exc
        finally:
            # Whatever asked for the current thread, as logging does, has made an entry for this
            # one, which nobody else would take out (before Python 3.13).
            getattr(threading, "_active", {}).pop(get_ident(), None)
            self.done.set()

    def result(self) -> T:
        if self._error is not None:
            try:
                raise self._error
            finally:
                # The traceback of the error refers to this object.
                self._error = None
        return self._result[0]
