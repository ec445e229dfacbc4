"""State of a client: open, closed, or ended by an error."""

from __future__ import annotations

import os
from typing import Dict, Protocol, Tuple

from bfxsync._base.latch import Latch
from bfxsync.errors import BfxError, ClosedError


class Worker(Protocol):
    """A thread, apart from those of connections and callbacks, that ends with the client."""

    def stop(self, error: BfxError | None = None) -> None:
        """End without waiting, with the fatal error that ended the client if there is one."""


class Lifetime:
    """State of a client, shared by its parts; any thread may write it, by single assignments."""

    def __init__(self) -> None:
        self.is_closing: bool = False
        # Code and reason of the close frame; assigned before `is_closing` is set.
        self.farewell: Tuple[int, str] = (1000, "")
        # True in a forked child: this is a copy, and the threads are in the parent.
        self.is_forked: bool = False
        # The fatal error that ended the client; None after `close`.
        self.exception: BfxError | None = None
        # The `SystemExit` of a callback that ended it.
        self.exit_by: BaseException | None = None
        # Set when the client has ended or is about to.
        self.stopped: Latch = Latch()
        # By number, as long as they run.
        self.workers: Dict[int, Worker] = {}
        self._pid = os.getpid()

    def stop_workers(self) -> None:
        """Stop all workers; `is_closing` must be set, so that no other starts."""
        for worker in list(self.workers.values()):
            worker.stop(self.exception)

    def check_open(self) -> None:
        """Raise the fatal error or `ClosedError` if the client has ended."""
        if self.is_forked:
            raise self.forked_error()
        self.check_exit()
        if self.exception is not None:
            # Raised in many places, each with its own traceback.
            raise self.exception.with_traceback(None)
        if self.is_closing:
            raise ClosedError("the client is closed")

    def check_exit(self) -> None:
        """Raise the `SystemExit` of a callback, if one has ended the client."""
        if self.exit_by is not None:
            raise self.exit_by.with_traceback(None)

    def detach_after_fork(self) -> BfxError:
        """End the client in a forked child; return the error for objects of the parent."""
        # A client that was closed stays closed.
        self.is_forked = self.is_forked or not self.is_closing
        self.is_closing = True
        self.stopped.set()
        return (
            self.forked_error()
            if self.is_forked
            else ClosedError("the client is closed")
        )

    def forked_error(self) -> ClosedError:
        """Return the error of calls in a forked child."""
        return ClosedError(
            f"this client's connections and threads belong to the parent process {self._pid}; "
            "call start() to open new ones in this fork, then subscribe again"
        )
