"""
The contents of messages of public channels, as the exchange sends them.

Strategy: books and candles are subscriptions with models, so books are verified and repaired, and a
consumer that has fallen behind gets the whole current state; their models become rows again.
Tickers and trades are raw subscriptions: a ticker's row has fields without a name, and trades are
executions and confirmations.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping

from bfxsync import Client, Degraded, Gap, Snapshot, Subscription
from bfxsync._base.logs import get_logger
from bfxsync.compat.rows import row_of

_log = get_logger(__name__)

Content = List[Any]
"""What follows the channel id in a message: ``[row]``, ``[rows]`` or ``["te", row]``."""


class Contents:
    """
    Passes the contents of one channel to a function, in order.

    Parameters
    ----------
    fields : mapping
        Those of the subscribe message: ``channel``, and ``symbol`` or ``key``, …
    emit : callable
        Called with each content.
    begin : callable
        Called before each snapshot: the first one, and those after gaps.
    """

    def __init__(
        self,
        fields: Mapping[str, str],
        emit: Callable[[Content], object],
        begin: Callable[[], object],
    ) -> None:
        self._fields = dict(fields)
        self._name = " ".join(fields.values())
        self._emit = emit
        self._begin = begin
        # The first row of a ticker comes as snapshot and as update.
        self._delivered: object = None

    def subscribe(self, client: Client, sub_id: str) -> Subscription[Any]:
        """Subscribe to the channel, without waiting for its data."""
        fields: Dict[str, Any] = {**self._fields}
        options: Dict[str, Any] = {
            "callback": self._on_update,
            "on_event": self._on_event,
            "sub_id": sub_id,
            "wait": False,
        }
        channel = fields.pop("channel")
        wss = client.wss
        is_read = channel in ("book", "candles")
        subscribe: Any = wss.subscribe if is_read else wss.subscribe_raw
        handle: Subscription[Any] = subscribe(channel, **options, **fields)
        return handle

    def _on_update(self, update: Any) -> None:
        if update is self._delivered:
            return
        tag = getattr(update, "tag", None)
        self._emit([row_of(update)] if tag is None else [tag, row_of(update)])

    def _on_event(self, event: object) -> None:
        if isinstance(event, Snapshot):
            try:
                self._begin()
            finally:
                # An exception of the user's function must not lose the snapshot.
                self._on_snapshot(event.rows)
        elif isinstance(event, Degraded):
            _log.warning("%s: degraded: %s", self._name, event.reason)
        elif isinstance(event, Gap) and event.dropped:
            _log.warning(
                "%s: %d updates dropped: %s", self._name, event.dropped, event.reason
            )
        elif isinstance(event, Gap):
            _log.info("%s: gap: %s", self._name, event.reason)

    def _on_snapshot(self, rows: List[Any]) -> None:
        channel = self._fields["channel"]
        if channel == "ticker":
            if rows:
                self._emit([row_of(rows[-1])])
                self._delivered = rows[-1]
            return
        found = [row_of(row) for row in rows]
        if channel == "candles":
            found.reverse()
        elif channel == "trades" and any(row.tag for row in rows):
            # Executions and confirmations since the snapshot of the exchange.
            by_id = {row[0]: row for row in found}
            found = [by_id[id] for id in sorted(by_id, reverse=True)]
        self._emit([found])
