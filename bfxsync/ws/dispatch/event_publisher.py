"""
Publishes connection and subscription events to registered handlers.

Strategy: the I/O threads put items into mailboxes, and the dispatch thread calls the handlers, as
it does for callbacks. There is one mailbox for connection events, and one for each shared
subscription that has handlers.
"""

from __future__ import annotations

import time
from threading import Lock
from typing import Dict, Tuple

import attrs

from bfxsync._base.cells import failed_in_cell, in_cell
from bfxsync._base.enums import Policy
from bfxsync._base.logs import get_logger
from bfxsync.errors import ApiError, BfxError
from bfxsync.models.stream import Gap
from bfxsync.ws.dispatch.dispatcher import CallbackQueue, Dispatcher
from bfxsync.ws.dispatch.event_log import ErrorLog, EventLog
from bfxsync.ws.dispatch.events import (
    EventSource,
    Listeners,
    events_of,
    extra_events_of,
    routes_for,
)
from bfxsync.ws.dispatch.update_kinds import kind_of
from bfxsync.ws.dispatch.update_signal import UpdateSignal

_log = get_logger(__name__)

_CONTROL_SIZE = 1_000


@attrs.frozen
class _Event:
    name: str
    arguments: Tuple[object, ...] = ()
    extra: object = None
    """Value of the event's argument in `EXTRA_ARGUMENTS`."""


@attrs.frozen
class _Reported:
    error: BfxError


class EventPublisher:
    """Delivers events to registered handlers."""

    def __init__(self, dispatcher: Dispatcher, mailbox_size: int) -> None:
        self.listeners: Listeners = Listeners()
        self.update_signal: UpdateSignal = dispatcher.update_signal
        self._dispatcher = dispatcher
        self._mailbox_size = mailbox_size
        self._was_opened = False
        # By class; under the lock.
        self._error_counts: Dict[str, int] = {}
        self._log_error = ErrorLog()
        # Serializes the writers of the mailbox: the threads of connections and of a recorder.
        # Threads that can be interrupted never acquire it.
        self._lock = Lock()
        self._control = CallbackQueue(
            "a connection event",
            {_Event: in_cell(self._emit), _Reported: in_cell(self._emit_reported)},
            dispatcher,
            size=_CONTROL_SIZE,
            policy=Policy.DROP_OLDEST,
            has_updates=False,
        )

    @property
    def error_counts(self) -> Dict[str, int]:
        """Numbers of reported errors, by class."""
        return self._error_counts.copy()

    # --- I/O threads, which wake the dispatch threads before they wait ------------------------

    def opened(self, gap_s: float | None) -> None:
        """
        Publish `open` for the first connection, and `restored` after an outage of `gap_s` seconds.

        `open` is published once, as its handlers subscribe, and subscriptions survive an outage.
        """
        if not self._was_opened:
            self._was_opened = True
            self._publish(_Event("open"))
        if gap_s is not None:
            self._publish(_Event("restored", (gap_s,)))

    def disconnected(self, code: int, reason: str, will_reconnect: bool) -> None:
        """Publish `disconnected`."""
        self._publish(_Event("disconnected", (code, reason), will_reconnect))

    def authenticated(self, body: Dict[str, object]) -> None:
        """Publish `authenticated`."""
        self._publish(_Event("authenticated", (body,)))

    def reported(self, error: BfxError) -> None:
        """Log an error and pass it to `on_error`."""
        name = type(error).__name__
        with self._lock:
            self._error_counts[name] = self._error_counts.get(name, 0) + 1
        self._publish(_Reported(error))

    # --- any thread ---------------------------------------------------------------------------

    def report_now(self, error: BfxError) -> None:
        """Log an error and pass it to `on_error`, from a thread other than the I/O threads."""
        self.reported(error)
        self._dispatcher.ready.wake()

    def failed(self, error: BfxError) -> None:
        """Publish `fatal`."""
        failed_in_cell("the client has ended", error)
        self._publish(_Event("fatal", (error,)))
        self._dispatcher.ready.wake()

    def quarantined(self, subscription: dict[str, str], error: BfxError) -> None:
        """Publish `subscription_failed`."""
        self._publish(_Event("subscription_failed", (subscription, error)))
        self._dispatcher.ready.wake()

    def _publish(self, item: object) -> None:
        with self._lock:
            self._control.mailbox.add([item], list, time.monotonic())

    # --- I/O threads --------------------------------------------------------------------------

    def listener_for(self, source: EventSource) -> CallbackQueue | None:
        """Return a new queue for the event handlers of a subscription, if it needs one now."""
        kind = kind_of(source.channel)
        source.channel.extras = self.listeners.wants(extra_events_of(kind))
        if source.listener is not None or not self.listeners.wants(events_of(kind)):
            return None
        dispatcher = self._dispatcher
        name = f"an event of {' '.join(source.channel.identity)}"
        queue = CallbackQueue(name, {}, dispatcher, size=self._mailbox_size)
        queue.routes = routes_for(
            kind, source, self.listeners, lambda exc: dispatcher.report(queue, exc)
        )
        queue.routes[Gap] = EventLog(name)
        return queue

    # --- the dispatch thread ------------------------------------------------------------------

    def _emit(self, event: _Event) -> None:
        if event.name == "fatal":
            _log.error("the client has ended: %s", *event.arguments)
        self.listeners.emit(
            event.name, *event.arguments, report=self._report, extra=event.extra
        )

    def _emit_reported(self, item: _Reported) -> None:
        error = item.error
        self._log_error(error)
        self._dispatcher.call_on_error(error)
        if isinstance(error, ApiError):
            self._emit(_Event("wss-error", (error.code, error.message)))

    def _report(self, exc: BaseException) -> None:
        self._dispatcher.report(self._control, exc)
