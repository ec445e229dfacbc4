"""
The replies that are in use.

Strategy: every reply is kept alive until it needs nothing more from the exchange, whether the user
has kept it or not. Those that are left are ended when the client is closed.
"""

from __future__ import annotations

import time
from typing import Any, Dict, List

from bfxsync._base.describe import also_half_made
from bfxsync.errors import BfxError
from bfxsync.outcome.writes import WriteRecord
from bfxsync.ws.replies import Reply, ReplyOwner, Request


class ReplyToken:
    """
    What the session has of a reply.

    The session may keep it long after the outcome. It lets go of a reply that has failed, so that
    the reply is garbage collected as soon as the user has dropped it.
    """

    def __init__(self, reply: Reply[Any]) -> None:
        self.key: object = reply.key
        self.record: WriteRecord = reply.record
        self._reply: Reply[Any] | None = reply

    @also_half_made
    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self._reply!r}>"

    @property
    def needs_nothing(self) -> bool:
        """Whether nothing more is expected from the exchange."""
        reply = self._reply
        return reply is None or reply.needs_nothing

    def done(self) -> bool:
        """Return whether the outcome is known."""
        reply = self._reply
        return reply is None or reply.done()

    def mark_sent(self) -> None:
        """Record that it is being sent; see `Reply.mark_sent`."""
        reply = self._reply
        if reply is not None:
            reply.mark_sent()

    def settle(self, value: Any = None, error: BfxError | None = None) -> None:
        """Settle the reply; see `Reply.settle`."""
        reply = self._reply
        if reply is not None:
            reply.settle(value, error)
            if reply.has_failed:
                self._reply = None

    def end(self, error: BfxError) -> None:
        """End the reply with the client; see `Reply.end`."""
        reply, self._reply = self._reply, None
        if reply is not None:
            reply.end(error)

    def observe(self, order: Any = None, trade: Any = None) -> None:
        """Record a state of the order, or a trade of it; see `OrderReply.observe`."""
        reply: Any = self._reply
        if reply is not None:
            reply.observe(order, trade)


class ReplyTable:
    """
    The replies that need something from the exchange.

    Any thread adds them, and the I/O thread ends them; each access is a single call of a dict.
    """

    def __init__(self) -> None:
        self._replies: Dict[object, Reply[Any] | ReplyToken] = {}

    def __len__(self) -> int:
        return len(self._replies)

    def add(self, reply: Reply[Any] | ReplyToken) -> None:
        """Keep a reply."""
        self._replies[reply.key] = reply

    def discard(self, reply: Reply[Any] | ReplyToken) -> None:
        """Drop a reply that needs nothing more."""
        self._replies.pop(reply.key, None)

    def settle(
        self,
        reply: Reply[Any] | ReplyToken,
        value: Any = None,
        error: BfxError | None = None,
    ) -> None:
        """Settle a reply; one that needs nothing more is dropped."""
        reply.settle(value, error)
        if reply.needs_nothing:
            self.discard(reply)

    def end(self, error: BfxError) -> None:
        """End all replies that are left, at the end of the client; may be repeated."""
        for reply in list(self._replies.values()):
            reply.end(error)
            self.discard(reply)

    def end_sent(self, error: BfxError) -> List[object]:
        """End the replies to what was sent, as it cannot be followed any longer; return them."""
        sent = [
            reply for reply in list(self._replies.values()) if reply.record.was_sent
        ]
        for reply in sent:
            reply.end(error)
            self.discard(reply)
        return list(sent)

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
