"""
The official client's event names, and who listens to them.

Names and arguments are those of ``bitfinex-api-py``; unlike there, the snapshot events come
after every reconnect too.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterable, List, Mapping, Protocol

from bfxsync._base.describe import safe_repr
from bfxsync.errors import UsageError
from bfxsync.models.market import (
    BookUpdate,
    FundingBookUpdate,
    FundingRawBookUpdate,
    FundingTicker,
    FundingTrade,
    FundingTradeUpdate,
    RawBookUpdate,
    Ticker,
    Trade,
    TradeUpdate,
)
from bfxsync.models.status import Candle, DerivativesStatus, Liquidation
from bfxsync.models.stream import Checksum, Snapshot
from bfxsync.wire.channels import Channel
from bfxsync.wire.outputs import Acknowledged
from bfxsync.ws.dispatch.dispatcher import ENDS, Routes

Handler = Callable[..., object]


class Publication(Protocol):
    """A subscription as event handlers see it."""

    @property
    def subscription(self) -> Mapping[str, str]:
        """The fields of a subscriber; of another one when that has gone."""


CONNECTION_EVENTS = {
    "open": (),
    "disconnected": ("code", "reason"),
    "subscribed": ("subscription",),
    "fatal": ("error",),
    "wss-error": ("code", "message"),
}
"""
``open()``, ``disconnected(code, reason)``, ``subscribed(subscription)``,
``wss-error(code, message)`` (an error of the exchange that no call raises), and ``fatal(error)``,
which only bfxsync has: what ended the client.
"""

_OBJECTS = {
    "order": ("snapshot", "new", "update", "cancel"),
    "position": ("snapshot", "new", "update", "close"),
    "funding_offer": ("snapshot", "new", "update", "cancel"),
    "funding_credit": ("snapshot", "new", "update", "close"),
    "funding_loan": ("snapshot", "new", "update", "close"),
    "wallet": ("snapshot", "update"),
}

ACCOUNT_EVENTS = frozenset(
    (
        *(f"{name}_{kind}" for name, kinds in _OBJECTS.items() for kind in kinds),
        *(f"{name}-req-notification" for name in ("on", "ou", "oc", "fon", "foc")),
        "authenticated",
        "balance_update",
        "base_margin_info",
        "funding_info_update",
        "notification",
        "symbol_margin_info",
        "trade_execution",
        "trade_execution_update",
    )
)
"""Events of the account channel, called with one argument. No connection opens that channel yet."""

EVENT_OF_UPDATE: dict[type, str] = {
    Ticker: "t_ticker_update",
    FundingTicker: "f_ticker_update",
    Trade: "t_trade_execution",
    TradeUpdate: "t_trade_execution_update",
    FundingTrade: "f_trade_execution",
    FundingTradeUpdate: "f_trade_execution_update",
    BookUpdate: "t_book_update",
    FundingBookUpdate: "f_book_update",
    RawBookUpdate: "t_raw_book_update",
    FundingRawBookUpdate: "f_raw_book_update",
    Candle: "candles_update",
    DerivativesStatus: "derivatives_status_update",
    Liquidation: "liquidation_feed_update",
    Checksum: "checksum",
}
"""Called with (subscription, update); ``checksum`` with an unsigned 32-bit integer."""

# Called with (subscription, list of rows as on the wire: of trades and candles the newest first).
_SNAPSHOT_EVENTS = {
    ("trades", False): "t_trades_snapshot",
    ("trades", True): "f_trades_snapshot",
    ("book", False): "t_book_snapshot",
    ("book", True): "f_book_snapshot",
    ("raw_book", False): "t_raw_book_snapshot",
    ("raw_book", True): "f_raw_book_snapshot",
    ("candles", False): "candles_snapshot",
}

EVENTS = frozenset(
    (
        *CONNECTION_EVENTS,
        *EVENT_OF_UPDATE.values(),
        *_SNAPSHOT_EVENTS.values(),
        *ACCOUNT_EVENTS,
    )
)
"""Every name that `on` takes."""

# Which classes a channel delivers, by (channel, is_funding).
_UPDATES: dict[tuple[str, bool], tuple[type, ...]] = {
    ("ticker", False): (Ticker,),
    ("ticker", True): (FundingTicker,),
    ("trades", False): (Trade, TradeUpdate),
    ("trades", True): (FundingTrade, FundingTradeUpdate),
    ("book", False): (BookUpdate, Checksum),
    ("book", True): (FundingBookUpdate, Checksum),
    ("raw_book", False): (RawBookUpdate, Checksum),
    ("raw_book", True): (FundingRawBookUpdate, Checksum),
    ("candles", False): (Candle,),
    ("deriv", False): (DerivativesStatus,),
    ("liq", False): (Liquidation,),
}

EXTRAS = frozenset((TradeUpdate, FundingTradeUpdate, Checksum))
"""What only event handlers get, and is made only when there are some."""

_EXTRA_EVENTS = frozenset(EVENT_OF_UPDATE[model] for model in EXTRAS)


def arguments_of(event: str) -> tuple[str, ...]:
    """
    Return what the handlers of an event are called with, by name.

    Raises
    ------
    UsageError
        There is no such event.
    """
    _check_event(event)
    if event in CONNECTION_EVENTS:
        return CONNECTION_EVENTS[event]
    if event in ACCOUNT_EVENTS:
        return ("data",)
    if event == "checksum":
        return ("subscription", "value")
    is_snapshot = event in _SNAPSHOT_EVENTS.values()
    return ("subscription", "rows" if is_snapshot else "update")


def kind_of(channel: Channel) -> tuple[str, bool]:
    """Return (channel, is_funding), with raw books and the status channels apart."""
    if channel.name == "status":
        return (channel.arguments["key"].partition(":")[0], False)
    if channel.name == "candles":
        return ("candles", False)
    raw = channel.arguments.get("prec") == "R0"
    return ("raw_book" if raw else channel.name, channel.is_funding)


def data_classes(kind: tuple[str, bool]) -> tuple[type, ...]:
    """Return the classes that a callback gets; confirmations and checksums are not among them."""
    return tuple(model for model in _UPDATES[kind] if model not in EXTRAS)


class Listeners:
    """
    Handlers by event name.

    Strategy: a list for each event, of which each step is one call that nothing interrupts: Ctrl-C
    leaves no lock held that a callback would wait for, and a signal handler may come in between.
    """

    def __init__(self) -> None:
        self._handlers: Dict[str, List[Handler]] = {event: [] for event in EVENTS}

    def add(self, event: str, handler: Handler) -> None:
        """
        Register a handler.

        Raises
        ------
        UsageError
            There is no such event.
        """
        _check_event(event)
        self._handlers[event].append(handler)

    def remove(self, event: str, handler: Handler | None) -> None:
        """
        Take back a handler, as often as it is registered; all of the event without one.

        Raises
        ------
        UsageError
            There is no such event, or the handler is not registered for it.
        """
        _check_event(event)
        handlers = self._handlers[event]
        if handler is None:
            handlers.clear()
            return
        # Equal, not the same: a bound method is made anew each time that it is named.
        count = handlers.count(handler)
        if not count:
            raise UsageError(f"{safe_repr(handler)} is not registered for {event!r}")
        for _ in range(count):
            try:
                handlers.remove(handler)
            except ValueError:
                # Somebody else was quicker.
                return

    def copy(self) -> Listeners:
        """Return one with the same handlers."""
        other = Listeners()
        other._handlers = {name: list(items) for name, items in self._handlers.items()}
        return other

    def wants(self, names: Iterable[str]) -> bool:
        """Tell whether anyone listens to one of these events."""
        return any(self._handlers[name] for name in names)

    def emit(
        self, event: str, *arguments: Any, report: Callable[[BaseException], object]
    ) -> None:
        """Call every handler; an exception of one is reported and keeps none from the others."""
        for handler in self.of(event):
            try:
                handler(*arguments)
            except ENDS:
                raise
            except BaseException as exc:
                report(exc)

    def of(self, event: str) -> tuple[Handler, ...]:
        """Return the handlers of an event, as they are now."""
        return tuple(self._handlers[event])


def _check_event(event: object) -> None:
    if not isinstance(event, str) or event not in EVENTS:
        raise UsageError(
            f"unknown event {safe_repr(event)}; known are {', '.join(sorted(EVENTS))}"
        )


def names_for(kind: tuple[str, bool]) -> list[str]:
    """Return the events that a channel can cause."""
    names = ["subscribed", *(EVENT_OF_UPDATE[model] for model in _UPDATES[kind])]
    snapshot = _SNAPSHOT_EVENTS.get(kind)
    return names if snapshot is None else [*names, snapshot]


def extras_of(names: Iterable[str]) -> list[str]:
    """Return those of the events whose items a channel makes only when they are wanted."""
    return [name for name in names if name in _EXTRA_EVENTS]


def routes_for(
    kind: tuple[str, bool],
    publication: Publication,
    listeners: Listeners,
    report: Callable[[BaseException], object],
) -> Routes:
    """Return what calls the listeners for each class that the channel delivers."""
    routes: Routes = {}
    for model in _UPDATES[kind]:
        routes[model] = _emitter(EVENT_OF_UPDATE[model], publication, listeners, report)
    snapshot = _SNAPSHOT_EVENTS.get(kind)
    if snapshot is not None:
        routes[Snapshot] = _snapshot_emitter(snapshot, publication, listeners, report)
    routes[Acknowledged] = lambda _: listeners.emit(
        "subscribed", publication.subscription, report=report
    )
    return routes


def _snapshot_emitter(
    name: str,
    publication: Publication,
    listeners: Listeners,
    report: Callable[[BaseException], object],
) -> Callable[[Snapshot], None]:
    newest_first = "trades" in name or "candles" in name

    def emit(item: Snapshot) -> None:
        rows = item.rows[::-1] if newest_first else list(item.rows)
        listeners.emit(name, publication.subscription, rows, report=report)

    return emit


def _emitter(
    name: str,
    publication: Publication,
    listeners: Listeners,
    report: Callable[[BaseException], object],
) -> Callable[[Any], None]:
    if name == "checksum":

        def emit_checksum(item: Checksum) -> None:
            value = item.value & 0xFFFFFFFF
            listeners.emit(name, publication.subscription, value, report=report)

        return emit_checksum

    def emit(item: Any) -> None:
        # The body of `Listeners.emit`: this is called for every update.
        for handler in listeners.of(name):
            try:
                handler(publication.subscription, item)
            except ENDS:
                raise
            except BaseException as exc:
                report(exc)

    return emit
