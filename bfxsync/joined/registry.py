"""The running histories of a client; importable without REST."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Dict, Protocol

from bfxsync._base.forks import lazily

if TYPE_CHECKING:
    from bfxsync.joined.access import PastAccess
    from bfxsync.ws.client import WebSocketClient


class RestSource(Protocol):
    """The REST client of a `Client`, created on first use."""

    @property
    def client(self) -> Any: ...

    @property
    def options(self) -> Any: ...


class Histories:
    """What the histories of a client share; only the client and its handles refer to it."""

    def __init__(self, wss: WebSocketClient, rest: RestSource) -> None:
        self.wss = wss
        self._rest = rest
        self._made: Dict[str, PastAccess] = {}

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

    @property
    def running(self) -> Dict[int, Any]:
        """The workers that run."""
        return self.wss._core.lifetime.workers

    def begin_close(self) -> None:
        """End all histories without waiting, and abort their requests."""
        for worker in list(self.running.values()):
            worker.stop()
        for access in list(self._made.values()):
            access.close()

    def join(self, deadline: float) -> None:
        """Wait until a time (monotonic) for the threads to end."""
        for worker in list(self.running.values()):
            worker.join(max(0.0, deadline - time.monotonic()))


def _access_class() -> type[PastAccess]:
    from bfxsync.joined.access import PastAccess

    return PastAccess
