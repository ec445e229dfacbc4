"""A subscription of a `WssClient`, which passes messages to its callback."""

from __future__ import annotations

import time
from functools import partial
from typing import Any, Callable, Dict, Mapping

import attrs

from bfxsync import Client, Subscription
from bfxsync.compat.contents import Content, Contents

Handler = Callable[[Any], object]


@attrs.define(eq=False)
class Channel:
    """
    A subscription of the user: one channel, or the account.

    Its methods run on the dispatch thread, but for `open`.
    """

    chan_id: int
    """Number in its messages: one of its own, which stays the same after a reconnect."""
    fields: Mapping[str, str]
    callback: Handler
    handle: Subscription[Any] | None = None
    was_stopped: bool = False
    """Whether it waits for another `start`."""
    is_announced: bool = False
    """Whether the callback has got `subscribed`."""

    @property
    def is_replaceable(self) -> bool:
        """Whether it gets no messages now: after `stop`, or if the exchange has refused it."""
        is_refused = self.handle is not None and not self.handle.is_active
        return self.was_stopped or is_refused

    def open(self, client: Client, name: str) -> None:
        """Subscribe to the channel."""
        self.was_stopped = self.is_announced = False
        contents = Contents(self.fields, self.on_content, self.on_subscribed)
        self.handle = contents.subscribe(client, name)

    def on_content(self, content: Content) -> None:
        """Pass data on, as a message of the exchange."""
        self.callback([self.chan_id, *content])

    def on_subscribed(self) -> None:
        """Pass the event on that the exchange sends before a snapshot."""
        fields = dict(self.fields)
        event: Dict[str, Any] = {
            "event": "subscribed",
            "channel": fields.pop("channel"),
            "chanId": self.chan_id,
            **fields,
        }
        symbol = fields.get("symbol")
        if symbol is not None:
            event["currency" if symbol.startswith("f") else "pair"] = symbol[1:]
        self.is_announced = True
        self.callback(event)

    def on_heartbeat(self) -> None:
        """Pass a heartbeat on, but not before the event that tells what its number means."""
        if self.is_announced:
            self.callback([self.chan_id, "hb"])

    def on_refused(self, raw: Mapping[str, Any]) -> None:
        """Pass the event of a refusal on, if it is about this channel."""
        if all(raw.get(key) == value for key, value in self.fields.items()):
            self.callback(dict(raw))

    def pong(self, cid: int) -> Callable[[float], None]:
        """Return a function that passes on the answer to a ping."""
        return partial(self._on_pong, cid)

    def _on_pong(self, cid: int, _: float) -> None:
        now_mts = round(time.time() * 1000)
        self.callback({"event": "pong", "ts": now_mts, "cid": cid})
