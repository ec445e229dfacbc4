"""
Publishes connection and subscription events to registered handlers.

Strategy: the I/O threads put items into mailboxes, and the dispatch thread calls the handlers, as
it does for callbacks. There is one mailbox for connection events, and one for each shared
subscription that has handlers.
"""

from __future__ import annotations

from threading import Lock
from typing import Protocol

import attrs

from bfxsync._base.enums import Policy
from bfxsync._base.logs import get_logger
from bfxsync.errors import ApiError, BfxError
from bfxsync.models.stream import Gap
from bfxsync.wire.channels import Channel
from bfxsync.ws.dispatch.dispatcher import CallbackQueue, Dispatcher
from bfxsync.ws.dispatch.event_log import ErrorLog, EventLog
from bfxsync.ws.dispatch.events import (
    Listeners,
    Publication,
    events_of,
    extra_events_of,
    routes_for,
)
from bfxsync.ws.dispatch.update_kinds import kind_of

logger = get_logger(__name__)

_CONTROL_SIZE = 1_000


class EventSource(Publication, Protocol):
    """A subscription that may have event handlers."""

    @property
    def channel(self) -> Channel: ...

    @property
    def listener(self) -> CallbackQueue | None: ...


@attrs.frozen
class _Opened:
    pass


@attrs.frozen
class _Disconnected:
    code: int
    reason: str


@attrs.frozen
class _Reported:
    error: BfxError


@attrs.frozen
class _Failed:
    error: BfxError


class EventPublisher:
    """
    Delivers events to the handlers that `on` has registered.

    Parameters
    ----------
    dispatcher : Dispatcher
    mailbox_size : int
        Of each subscription's mailbox.

    Attributes
    ----------
    listeners : Listeners
    """

    def __init__(self, dispatcher: Dispatcher, mailbox_size: int) -> None:
        self.listeners: Listeners = Listeners()
        self._dispatcher = dispatcher
        self._mailbox_size = mailbox_size
        self._was_opened = False
        self._log_error = ErrorLog()
        # Protects the mailbox, which has one writer at a time, from the connections' threads and a
        # recorder's. No thread that can be interrupted takes it.
        self._lock = Lock()
        self._control = CallbackQueue(
            "a connection event",
            {
                _Opened: self._emit_open,
                _Disconnected: self._emit_disconnected,
                _Reported: self._emit_reported,
                _Failed: self._emit_failed,
            },
            dispatcher,
            size=_CONTROL_SIZE,
            policy=Policy.DROP_OLDEST,
        )

    # --- I/O threads --------------------------------------------------------------------------

    def opened(self) -> None:
        """Publish `open`, once: handlers subscribe there, and subscriptions are kept."""
        if self._was_opened:
            return
        self._was_opened = True
        self._publish(_Opened())

    def disconnected(self, code: int, reason: str) -> None:
        """Publish `disconnected`."""
        self._publish(_Disconnected(code, reason))

    def reported(self, error: BfxError) -> None:
        """Log an error and pass it to `on_error`."""
        self._publish(_Reported(error))

    def failed(self, error: BfxError) -> None:
        """Publish `fatal`."""
        self._publish(_Failed(error))

    def _publish(self, item: object) -> None:
        with self._lock:
            self._control.mailbox.put([item], list)

    def listener_for(self, source: EventSource) -> CallbackQueue | None:
        """Return a new queue for the event handlers of a subscription, if it needs one now."""
        kind = kind_of(source.channel)
        source.channel.extras = self.listeners.wants(extra_events_of(kind))
        if source.listener is not None or not self.listeners.wants(events_of(kind)):
            return None
        callback_queue = CallbackQueue(
            f"an event of {' '.join(source.channel.identity)}",
            {},
            self._dispatcher,
            size=self._mailbox_size,
        )
        dispatcher = self._dispatcher
        callback_queue.routes = routes_for(
            kind,
            source,
            self.listeners,
            lambda exc: dispatcher.report(callback_queue, exc),
        )
        callback_queue.routes[Gap] = EventLog(callback_queue.name)
        return callback_queue

    # --- the dispatch thread ------------------------------------------------------------------

    def _emit_open(self, _: _Opened) -> None:
        self.listeners.emit("open", report=self._report)

    def _emit_disconnected(self, item: _Disconnected) -> None:
        self.listeners.emit("disconnected", item.code, item.reason, report=self._report)

    def _emit_reported(self, item: _Reported) -> None:
        self._log_error(item.error)
        error = item.error
        self._dispatcher.call_on_error(error)
        if isinstance(error, ApiError):
            self.listeners.emit(
                "wss-error", error.code, error.message, report=self._report
            )

    def _emit_failed(self, item: _Failed) -> None:
        logger.error("the client has ended: %s", item.error)
        self.listeners.emit("fatal", item.error, report=self._report)

    def _report(self, exc: BaseException) -> None:
        self._dispatcher.report(self._control, exc)
