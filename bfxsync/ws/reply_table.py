"""
The replies that are in use.

Strategy: every reply is kept alive until it needs nothing more from the exchange, whether the user
has kept it or not. Those that are left are ended when the client is closed.
"""

from __future__ import annotations

import time
from typing import Any, Dict, List

from bfxsync.errors import BfxError
from bfxsync.ws.replies import Reply, ReplyOwner, Request


class ReplyTable:
    """
    The replies that need something from the exchange.

    Any thread adds them, and the I/O thread ends them; each access is a single call of a dict.
    """

    def __init__(self) -> None:
        self._replies: Dict[int, Reply[Any]] = {}

    def __len__(self) -> int:
        return len(self._replies)

    def add(self, reply: Reply[Any]) -> None:
        """Keep a reply."""
        self._replies[id(reply)] = reply

    def discard(self, reply: Reply[Any]) -> None:
        """Drop a reply that will not be sent."""
        self._replies.pop(id(reply), None)

    def settle(
        self, reply: Reply[Any], value: Any = None, error: BfxError | None = None
    ) -> None:
        """Settle a reply; one that needs nothing more is dropped."""
        reply.settle(value, error)
        if reply.needs_nothing:
            self.discard(reply)

    def end(self, error: BfxError) -> None:
        """End all replies that are left, at the end of the client; may be repeated."""
        replies: List[Reply[Any]] = list(self._replies.values())
        for reply in replies:
            reply.end(error)
            self.discard(reply)

    def forget(self) -> None:
        """Drop all replies in a forked child: they belong to the parent."""
        self._replies = {}


class PingReply(Reply[float]):
    """The reply to a ping: the seconds until its answer."""

    def __init__(self, owner: ReplyOwner, table: ReplyTable) -> None:
        super().__init__(owner, Request("ping"))
        self._table = table
        self._created_at = time.monotonic()

    def resolve(self, error: BfxError | None) -> None:
        """Settle it, on the I/O thread."""
        duration_s = time.monotonic() - self._created_at
        self._table.settle(self, None if error else duration_s, error)
