"""
Work that Ctrl-C must not interrupt.

Strategy: Python runs signal handlers on the main thread only. When the main thread requests work
that takes a lock, or several steps that must not be separated, it runs on a short-lived thread; the
main thread only waits, which may be interrupted. So no thread that a signal can reach ever holds a
lock, and a signal handler can always acquire it. `Thread.start` and `Thread.join` need this too: if
interrupted, they lose locks on Python 3.9.
"""

from __future__ import annotations

import sys
import threading
from _thread import get_ident, start_new_thread
from typing import Any, Callable, Generic, TypeVar

from bfxsync._base.latch import Latch
from bfxsync.errors import NetworkError, UsageError

T = TypeVar("T")


def shielded(call: Callable[..., T], *arguments: Any) -> T:
    """
    Call a function on a thread that no signal reaches; return its result or raise its exception.

    If the main thread is interrupted while it waits, the function still runs to its end.
    """
    if get_ident() != threading.main_thread().ident:
        return call(*arguments)
    work = Work(call, *arguments)
    try:
        work.start()
    except NetworkError:
        return call(*arguments)
    return work.result()


def later(call: Callable[..., object], *arguments: Any) -> None:
    """Start a call on a thread that no signal reaches; raises as `start_thread` does."""
    Work(call, *arguments).start()


class Section:
    """
    A lock that knows its owner.

    While it is held, garbage collection may call a finalizer of the program on the same thread.
    Code called from there can check `is_mine` and defer its work. Entering twice raises
    `UsageError` instead of causing a deadlock.
    """

    def __init__(self) -> None:
        # Reentrant, as a finalizer may run between acquiring it and setting the holder, or between
        # resetting the holder and the release: at both points nothing is in progress.
        self._lock = threading.RLock()
        self._holder: int | None = None

    @property
    def is_mine(self) -> bool:
        """Whether the current thread holds it."""
        return self._holder == get_ident()

    def __enter__(self) -> None:
        if self.is_mine:
            raise UsageError(
                "a finalizer called this during another call of the same client; finalizers may "
                "only call unsubscribe() and close()"
            )
        self._lock.acquire()
        self._holder = get_ident()

    def __exit__(self, *_: object) -> None:
        self._holder = None
        self._lock.release()


def start_thread(thread: threading.Thread) -> None:
    """Start a thread; raises `NetworkError` if that fails or the interpreter is shutting down."""
    _start(thread.start)


class Work(Generic[T]):
    """A call on a thread that no signal reaches."""

    def __init__(self, call: Callable[..., T], *arguments: Any) -> None:
        self._call = call
        self._arguments = arguments
        self._done = Latch()
        self._result: list[T] = []
        self._error: BaseException | None = None

    def start(self) -> None:
        """Start the thread; raises as `start_thread` does."""
        # One call, unlike `Thread.start`.
        _start(start_new_thread, self._run, ())

    def result(self) -> T:
        """Wait for the call, and return its result or raise its exception."""
        self._done.wait_in_naps()
        if self._error is not None:
            try:
                raise self._error
            finally:
                # The traceback of the error refers to this object.
                self._error = None
        return self._result[0]

    def _run(self) -> None:
        try:
            self._result.append(self._call(*self._arguments))
        except BaseException as exc:
            self._error = exc
        finally:
            # `threading.current_thread`, which logging calls, has registered this thread, and
            # before Python 3.13 it is not removed otherwise.
            getattr(threading, "_active", {}).pop(get_ident(), None)
            self._done.set()


def _start(start: Callable[..., object], *arguments: Any) -> None:
    try:
        # Before Python 3.12 a thread can be started during interpreter shutdown, but never runs.
        if sys.is_finalizing():
            raise RuntimeError("the interpreter is shutting down")
        start(*arguments)
    except RuntimeError as exc:
        raise NetworkError(f"cannot start a thread: {exc}", phase="connect") from exc
