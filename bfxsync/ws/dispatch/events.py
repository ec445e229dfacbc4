"""Event names, their registered handlers, and the routes from updates to handlers."""

from __future__ import annotations

from functools import partial
from typing import Any, Callable, Dict, Iterable, List, Protocol, Tuple

from bfxsync._base.cells import in_cell
from bfxsync._base.describe import safe_repr
from bfxsync._base.guesses import did_you_mean, names_like
from bfxsync.checks.callbacks import with_extra
from bfxsync.errors import UsageError
from bfxsync.models.stream import ChannelHeartbeat, Checksum, Snapshot
from bfxsync.wire.channels import Channel
from bfxsync.wire.outputs import Acknowledged
from bfxsync.ws.dispatch.account_events import (
    ACCOUNT_EVENTS,
    ACCOUNT_MESSAGE,
    ACCOUNT_UPDATE_EVENTS,
    account_routes,
)
from bfxsync.ws.dispatch.dispatcher import ENDS, CallbackQueue, Routes
from bfxsync.ws.dispatch.update_kinds import (
    ACCOUNT,
    CHECKSUM_EVENT,
    EVENTS_OF_CHANNEL,
    EXTRAS,
    HEARTBEAT_EVENT,
    SNAPSHOT_EVENTS,
    UPDATE_KINDS,
    ChannelKind,
)

Handler = Callable[..., object]


class EventSource(Protocol):
    """A subscription that may have event handlers."""

    channel: Channel
    subscription: dict[str, str]
    listener: CallbackQueue | None


CONNECTION_EVENTS: Dict[str, Tuple[str, ...]] = {
    "open": (),
    "disconnected": ("code", "reason"),
    "restored": ("gap_s",),
    "subscribed": ("subscription",),
    "subscription_failed": ("subscription", "error"),
    "fatal": ("error",),
    "wss-error": ("code", "message"),
}
"""
``open()``, ``disconnected(code, reason)``, ``subscribed(subscription)``,
``wss-error(code, message)`` (an error of the exchange that no call raises), and events that only
bfxsync has: ``restored(gap_s)`` (reconnected after an outage of `gap_s` seconds),
``subscription_failed(subscription, error)`` (quarantined because of `max_errors`),
``fatal(error)`` (the error that ended the client).
"""

EXTRA_ARGUMENTS = {"disconnected": "will_reconnect"}
"""Additional argument of an event, for handlers that take it; see `with_extra`."""

_ARGUMENTS = {
    **CONNECTION_EVENTS,
    **{kind.event: ("subscription", "update") for kind in UPDATE_KINDS},
    CHECKSUM_EVENT: ("subscription", "value"),
    HEARTBEAT_EVENT: ("subscription",),
    **dict.fromkeys(SNAPSHOT_EVENTS.values(), ("subscription", "rows")),
    **dict.fromkeys(ACCOUNT_EVENTS, ("data",)),
}

EVENTS = frozenset(_ARGUMENTS)
"""Every event name that `on` accepts."""

# Event names of other clients, with the event to suggest for each.
_OTHER_NAMES = {
    **dict.fromkeys(("trade", "trades", "new_trade"), "t_trade_execution"),
    **dict.fromkeys(("book", "order_book", "orderbook"), "t_book_update"),
    **dict.fromkeys(("candle", "candles", "new_candle"), "candles_update"),
    **dict.fromkeys(("liquidation", "liquidations"), "liquidation_feed_update"),
    **dict.fromkeys(("connect", "connected", "ready"), "open"),
    **dict.fromkeys(("close", "closed"), "disconnected"),
    **dict.fromkeys(("reconnect", "reconnected"), "restored"),
    **dict.fromkeys(("order", "orders", "new_order"), "order_new"),
}


def arguments_of(event: str) -> tuple[str, ...]:
    """Return the names of an event's arguments; raise `UsageError` if there is no such event."""
    if not isinstance(event, str) or event not in EVENTS:
        likely = _likely(event.lower()) if isinstance(event, str) else []
        raise UsageError(
            f"unknown event {safe_repr(event)}{did_you_mean(*map(repr, likely))}; known are "
            + ", ".join(sorted(EVENTS))
        )
    return _ARGUMENTS[event]


def _likely(event: str) -> List[str]:
    other = _OTHER_NAMES.get(event[3:] if event.startswith("on_") else event)
    return names_like(event, EVENTS, 0.5) if other is None else [other]


class Listeners:
    """
    Handlers by event name.

    Strategy: one list per event, and every step on it is a single call in C. So there is no lock
    that Ctrl-C could leave held, and a signal handler may run at any point.
    """

    def __init__(self) -> None:
        self._handlers: Dict[str, List[Handler]] = {event: [] for event in EVENTS}

    def add(self, event: str, handler: Handler) -> Handler:
        """Register a handler of a known event; return what is registered, see `in_cell`."""
        registered = in_cell(handler)
        self._handlers[event].append(registered)
        return registered

    def remove(self, event: str, handler: Handler | None) -> None:
        """
        Remove all registrations of a handler; with None, all handlers of the event.

        Raises `UsageError` if the event is unknown, or the handler is not registered for it.
        """
        arguments_of(event)
        handlers = self._handlers[event]
        if handler is None:
            handlers.clear()
            return
        # By equality: every access to a bound method creates a new object.
        count = handlers.count(handler)
        if not count:
            raise UsageError(f"{safe_repr(handler)} is not registered for {event!r}")
        for _ in range(count):
            try:
                handlers.remove(handler)
            except ValueError:
                # Removed by another thread.
                return

    def copy(self) -> Listeners:
        """Return a copy with the same handlers."""
        other = Listeners()
        other._handlers = {name: list(items) for name, items in self._handlers.items()}
        return other

    def wants(self, names: Iterable[str]) -> bool:
        """Return whether any of these events has a handler."""
        return any(self._handlers[name] for name in names)

    def emit(
        self,
        event: str,
        *arguments: Any,
        report: Callable[[BaseException], object],
        extra: object = None,
    ) -> None:
        """Call every handler; an exception is reported and does not affect the other handlers."""
        name = EXTRA_ARGUMENTS.get(event)
        for handler in self.of(event):
            try:
                if name is not None:
                    handler = with_extra(handler, len(arguments), name, extra)
                handler(*arguments)
            except ENDS:
                raise
            except BaseException as exc:
                report(exc)

    def of(self, event: str) -> tuple[Handler, ...]:
        """Return the handlers of an event."""
        return tuple(self._handlers[event])


def events_of(kind: ChannelKind) -> list[str]:
    """Return the names of the events of a kind of channel."""
    if kind == ACCOUNT:
        return [*ACCOUNT_UPDATE_EVENTS, ACCOUNT_MESSAGE]
    names = ["subscribed", *EVENTS_OF_CHANNEL[kind].values()]
    snapshot = SNAPSHOT_EVENTS.get(kind)
    return names if snapshot is None else [*names, snapshot]


def extra_events_of(kind: ChannelKind) -> list[str]:
    """Return the names of those events whose items are created only for registered handlers."""
    items = EVENTS_OF_CHANNEL[kind].items()
    return [event for model, event in items if model in EXTRAS]


def routes_for(
    kind: ChannelKind,
    source: EventSource,
    listeners: Listeners,
    report: Callable[[BaseException], object],
) -> Routes:
    """Return, for each class that the channel delivers, a function that calls the handlers."""

    def emit_checksum(item: Checksum) -> None:
        value = item.value & 0xFFFFFFFF
        listeners.emit(CHECKSUM_EVENT, source.subscription, value, report=report)

    def emit_snapshot(item: Snapshot) -> None:
        rows = item.rows[::-1] if newest_first else list(item.rows)
        listeners.emit(SNAPSHOT_EVENTS[kind], source.subscription, rows, report=report)

    def emit_heartbeat(_: ChannelHeartbeat) -> None:
        listeners.emit(HEARTBEAT_EVENT, source.subscription, report=report)

    def emit_subscribed(_: Acknowledged) -> None:
        listeners.emit("subscribed", source.subscription, report=report)

    if kind == ACCOUNT:
        return account_routes(partial(listeners.emit, report=report))
    newest_first = kind[0] in ("trades", "candles")
    routes: Routes = {Acknowledged: emit_subscribed}
    for model, event in EVENTS_OF_CHANNEL[kind].items():
        routes[model] = _emitter(event, source, listeners, report)
    routes[ChannelHeartbeat] = emit_heartbeat
    if Checksum in routes:
        routes[Checksum] = emit_checksum
    if kind in SNAPSHOT_EVENTS:
        routes[Snapshot] = emit_snapshot
    return routes


def _emitter(
    event: str,
    source: EventSource,
    listeners: Listeners,
    report: Callable[[BaseException], object],
) -> Callable[[Any], None]:
    def emit(item: Any) -> None:
        # The body of `Listeners.emit`, as this runs for every update.
        for handler in listeners.of(event):
            try:
                handler(source.subscription, item)
            except ENDS:
                raise
            except BaseException as exc:
                report(exc)

    return emit
