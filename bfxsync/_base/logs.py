"""
Logging that cannot break the calling thread.

Strategy: handlers, filters and formatters are code of the program. Their exceptions must not end a
thread that owns a connection, nor replace the error that a caller waits for. So every module logs
through a `GuardedLogger`, which has the methods of `logging.Logger` and never raises.

Ctrl-C in a logging call of the main thread can leave a handler's lock locked forever. Our own calls
are shielded from that but the program's are not, so our threads wait for such a lock with a
timeout.
"""

from __future__ import annotations

import contextvars
import logging
import sys
import threading
import traceback
import weakref
from contextlib import ExitStack
from typing import Iterator

from bfxsync._base.describe import (
    has_printable_traceback,
    printable,
    safe_repr,
    traceback_of,
    traceback_text,
)
from bfxsync._base.shield import shielded
from bfxsync.errors import UsageError

HANDLER_WAIT_S = 2.0
"""Seconds to wait for a busy handler before a message is dropped."""

_PACKAGE = __name__.partition(".")[0]

_RLOCK = type(threading.RLock())

# Handlers whose lock timed out: the next message does not wait for them again.
_stuck: weakref.WeakSet[logging.Handler] = weakref.WeakSet()


class GuardedLogger:
    """
    A logger that does not raise.

    The first exception of a handler is printed to stderr with its traceback, and so is each
    message that was lost, unless `logging.raiseExceptions` is false. Messages logged by a handler
    while it handles one of ours are dropped, to prevent recursion.
    """

    has_complained: bool = False

    def __init__(self, name: str) -> None:
        self._logger = logging.getLogger(name)

    def isEnabledFor(self, level: int) -> bool:  # noqa: N802 – as in `logging`
        """Return whether messages of a level are logged."""
        try:
            return self._logger.isEnabledFor(level)
        except Exception:
            return False

    def debug(self, message: str, *arguments: object) -> None:
        """Log details for developers."""
        self._log(logging.DEBUG, message, arguments)

    def info(self, message: str, *arguments: object) -> None:
        """Log normal operation."""
        self._log(logging.INFO, message, arguments)

    def warning(self, message: str, *arguments: object) -> None:
        """Log a problem; without any configuration it goes to stderr."""
        self._log(logging.WARNING, message, arguments)

    def error(
        self, message: str, *arguments: object, exc_info: BaseException | None = None
    ) -> None:
        """Log a failure, with the traceback of `exc_info` if given."""
        self._log(logging.ERROR, message, arguments, exc_info)

    def _log(
        self,
        level: int,
        message: str,
        arguments: tuple[object, ...],
        exc: BaseException | None = None,
    ) -> None:
        try:
            if not self._logger.isEnabledFor(level) or _is_nested():
                return
            # The arguments may contain a peer's text.
            arguments = tuple(map(_printable_argument, arguments))
            exc_info = None
            if exc is not None:
                if has_printable_traceback(exc):
                    # As a tuple: `logging` would evaluate the truth value of an exception.
                    exc_info = (type(exc), exc, traceback_of(exc))
                else:
                    message = f"{message}\n%s"
                    arguments = (*arguments, traceback_text(exc))
                    exc = None
            caller = sys._getframe(2)
            code = caller.f_code
            record = self._logger.makeRecord(
                self._logger.name,
                level,
                code.co_filename,
                caller.f_lineno,
                message,
                arguments,
                exc_info,
                code.co_name,
            )
            # In the caller's context, which filters may read.
            shielded(contextvars.copy_context().run, _handle, self._logger, record)
        except BaseException as failure:
            # On the main thread this is Ctrl-C; on other threads only a handler can raise it.
            is_main = threading.current_thread() is threading.main_thread()
            if is_main and not isinstance(failure, Exception):
                raise
            self._complain(level, message, arguments, exc, failure)

    def _complain(
        self,
        level: int,
        message: str,
        arguments: tuple[object, ...],
        exc: BaseException | None,
        failure: BaseException,
    ) -> None:
        """Print a message that could not be logged, and why."""
        if not logging.raiseExceptions or sys.stderr is None:
            return
        try:
            text = message % arguments if arguments else message
            lines = [f"bfxsync: not logged: {logging.getLevelName(level)}: {text}\n"]
            if exc is not None:
                lines.append(f"{traceback_text(exc)}\n")
            if not GuardedLogger.has_complained:
                GuardedLogger.has_complained = True
                lines += traceback.format_exception(
                    type(failure), failure, traceback_of(failure)
                )
            sys.stderr.write("".join(lines))
        except Exception:
            # stderr may be replaced by the program, closed or broken.
            pass


def _handle(logger: logging.Logger, record: logging.LogRecord) -> None:
    """Pass a record to the handlers of a logger; raises `TimeoutError` if one stays locked."""
    with ExitStack() as stack:
        for handler in _handlers_of(logger):
            lock = handler.lock
            if not isinstance(lock, _RLOCK):
                continue  # no lock, or a custom one
            wait_s = 0.0 if handler in _stuck else HANDLER_WAIT_S
            if not lock.acquire(True, wait_s):
                _stuck.add(handler)
                raise TimeoutError(
                    f"the lock of {safe_repr(handler)} is held; Ctrl-C in a logging call can "
                    "leave it locked forever"
                )
            _stuck.discard(handler)
            # Held reentrantly, so that `logging` itself does not wait.
            stack.callback(lock.release)
        logger.handle(record)


def _handlers_of(logger: logging.Logger) -> Iterator[logging.Handler]:
    """Yield the handlers of a logger and its parents, as `Logger.callHandlers` does."""
    found = False
    current: logging.Logger | None = logger
    while current is not None:
        for handler in list(current.handlers):
            found = True
            yield handler
        current = current.parent if current.propagate else None
    if not found and logging.lastResort is not None:
        yield logging.lastResort


def get_logger(name: str) -> GuardedLogger:
    """Return the logger of a module."""
    return GuardedLogger(name)


def log_to(target: logging.Logger) -> None:
    """Make a logger the parent of the package's, so that its level and handlers apply."""
    if not isinstance(target, logging.Logger):
        raise UsageError(f"logger must be a logging.Logger, not {target!r}")
    package = logging.getLogger(_PACKAGE)
    if f"{target.name}.".startswith(f"{_PACKAGE}."):
        return  # its records go to the package's logger already
    package.parent = target
    # So that `logging` forgets which levels were enabled.
    package.setLevel(package.level)


def _printable_argument(argument: object) -> object:
    """Return the argument; text is made printable."""
    return printable(argument) if type(argument) is str else argument


_LOG_CODES = (GuardedLogger._log.__code__, _handle.__code__)


def _is_nested() -> bool:
    """
    Return whether a handler is logging while it handles one of our messages on this thread.

    Detected by the frames of the thread instead of a flag, which Ctrl-C could leave set.
    """
    # Not this function's frame, nor that of `_log` itself.
    frame = sys._getframe(1).f_back
    while frame is not None:
        if frame.f_code in _LOG_CODES:
            return True
        frame = frame.f_back
    return False
