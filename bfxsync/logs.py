"""
Logging that cannot harm the thread that logs.

Strategy: handlers, filters and formatters are the program's code. One that raises must not end a
thread that owns a connection, nor replace the error that a caller waits for. So every module logs
through a `GuardedLogger`, which has the methods of `logging.Logger` and lets nothing out.
"""

from __future__ import annotations

import logging
import sys
import threading
import traceback

from bfxsync.describe import (
    has_printable_traceback,
    printable,
    traceback_of,
    traceback_text,
)


class GuardedLogger:
    """
    A logger that does not raise.

    What a handler lets out is printed to stderr once, with its traceback; each message that was
    lost to one is printed there, unless `logging.raiseExceptions` is false. What is logged by a
    handler while it handles one of these messages is dropped, or there would be no end to it.

    Parameters
    ----------
    name : str
    """

    has_complained = False

    def __init__(self, name: str) -> None:
        self._logger = logging.getLogger(name)

    def isEnabledFor(self, level: int) -> bool:  # noqa: N802 – as in `logging`
        """Tell whether messages of a level are wanted."""
        try:
            return self._logger.isEnabledFor(level)
        except Exception:
            return False

    def debug(self, message: str, *arguments: object) -> None:
        """Log what is of interest to developers."""
        self._log(logging.DEBUG, message, arguments)

    def info(self, message: str, *arguments: object) -> None:
        """Log what happens in the ordinary course of things."""
        self._log(logging.INFO, message, arguments)

    def warning(self, message: str, *arguments: object) -> None:
        """Log what somebody should know; without any configuration it goes to stderr."""
        self._log(logging.WARNING, message, arguments)

    def error(
        self, message: str, *arguments: object, exc_info: BaseException | None = None
    ) -> None:
        """Log a failure, with the traceback of an exception if there is one."""
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
            # Peers' text is among them.
            arguments = tuple(map(_told, arguments))
            exc_info = None
            if exc is not None:
                if has_printable_traceback(exc):
                    # Not the exception alone: `logging` would ask for its truth value.
                    exc_info = (type(exc), exc, traceback_of(exc))
                else:
                    message = f"{message}\n%s"
                    arguments = (*arguments, traceback_text(exc))
                    exc = None
            self._logger.log(
                level, message, *arguments, exc_info=exc_info, stacklevel=3
            )
        except BaseException as failure:
            # Ctrl-C, not the handler's doing; on all other threads only a handler can raise it.
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
        """Print what could not be logged, and why."""
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
            # stderr may be the program's as well, and closed or broken.
            pass


def get_logger(name: str) -> GuardedLogger:
    """Return the logger of a module."""
    return GuardedLogger(name)


def _told(argument: object) -> object:
    """Return what is logged of an argument: of a text, what a terminal only prints."""
    return printable(argument) if type(argument) is str else argument


_LOG_CODE = GuardedLogger._log.__code__


def _is_nested() -> bool:
    """
    Tell whether this is logged by what handles an earlier message on the same thread.

    The frames say so, not a flag, which Ctrl-C could leave set.
    """
    # Not this function's frame, nor that of `_log` itself.
    frame = sys._getframe(1).f_back
    while frame is not None:
        if frame.f_code is _LOG_CODE:
            return True
        frame = frame.f_back
    return False
