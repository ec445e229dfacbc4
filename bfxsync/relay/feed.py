"""The client of a relay: subscribes to its channels, and lets the tap read along."""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterable

import attrs

from bfxsync.errors import BfxError, SubscriptionRejected
from bfxsync.recording.tap import Tap
from bfxsync.streams.keys import IdentityState, channel_of
from bfxsync.ws.client import WebSocketClient
from bfxsync.ws.settings import ConnectionSettings
from bfxsync.ws.subscription import Subscription


class RelayFeed(WebSocketClient):
    """
    A client whose messages are tapped.

    Its own subscriptions are not read. They audit the connection: sequence numbers, checksums of
    books and silence, and resubscribe where necessary.
    """

    def __init__(
        self,
        settings: ConnectionSettings,
        tap: Tap,
        on_error: Callable[[BaseException], object] | None,
    ) -> None:
        self._set_up(attrs.evolve(settings, recorder=tap), on_error)
        self._handles: Dict[str, Subscription[Any]] = {}

    def relay(self, identities: Iterable[str]) -> None:
        """Subscribe to these channels, without waiting."""
        names = list(identities)
        channels = [channel_of(name) for name in names]
        requests = [{"channel": c.name, **c.arguments} for c in channels]
        self._handles = dict(zip(names, self.subscribe_many(requests, wait=False)))

    def relay_again(self, identities: Iterable[str]) -> None:
        """Subscribe to these channels again; no effect on one whose request is unanswered."""
        for name in identities:
            handle = self._handles[name]
            if handle.is_active:
                self.resubscribe(handle.sub_id)

    def refused(self) -> Dict[str, IdentityState]:
        """Return the channels that the exchange has refused, with its codes."""
        found: Dict[str, IdentityState] = {}
        for name, handle in self._handles.items():
            error = handle.exception
            if isinstance(error, SubscriptionRejected):
                found[name] = IdentityState("refused", error.code)
        return found

    @property
    def failure(self) -> BfxError | None:
        """The error that ended the client."""
        return self.exception

    def end(self, timeout_s: float) -> None:
        """Close within this time."""
        self._core.close(timeout_s)
