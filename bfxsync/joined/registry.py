"""The running histories of a client; importable without REST."""

from __future__ import annotations

import time
import weakref
from typing import TYPE_CHECKING, Any, Dict, Protocol

from bfxsync._base.forks import lazily

if TYPE_CHECKING:
    from bfxsync.joined.access import PastAccess
    from bfxsync.joined.worker import HistoryWorker
    from bfxsync.ws.client import WebSocketClient


class RestSource(Protocol):
    """The REST client of a `Client`, created on first use."""

    @property
    def client(self) -> Any: ...

    @property
    def options(self) -> Any: ...


class Histories:
    """
    What the histories of a client share.

    The client and its handles refer to it, workers to `running` only, so an abandoned client ends
    its workers.
    """

    def __init__(self, wss: WebSocketClient, rest: RestSource) -> None:
        self.wss = wss
        self.running: Dict[int, HistoryWorker] = {}
        self._rest = rest
        self._made: Dict[str, PastAccess] = {}
        finalizer = weakref.finalize(self, _stop_all, self.running, self._made)
        # At interpreter exit the threads end with it.
        finalizer.atexit = False  # type: ignore[misc]  # a property without a slot

    @property
    def access(self) -> PastAccess:
        """The transport of the pages; raises `ClosedError` if the client is closed."""
        made = self._made.get("access")
        # Checked each time, as the client may be closed.
        rest = self._rest.client
        if made is None:
            mine = lazily(_access_class)(self._rest.options, rest)
            made = self._made.setdefault("access", mine)
        return made

    @property
    def options(self) -> Any:
        """The options of the REST client."""
        return self._rest.options

    def begin_close(self) -> None:
        """End all histories without waiting."""
        _stop_all(self.running, self._made)

    def join(self, deadline: float) -> None:
        """Wait until a time (monotonic) for the threads to end."""
        for worker in list(self.running.values()):
            worker.join(max(0.0, deadline - time.monotonic()))


def _stop_all(running: Dict[int, HistoryWorker], made: Dict[str, PastAccess]) -> None:
    for worker in list(running.values()):
        worker.stop()
    for access in list(made.values()):
        access.close()


def _access_class() -> type[PastAccess]:
    from bfxsync.joined.access import PastAccess

    return PastAccess
