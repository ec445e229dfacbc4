"""
Every kind of update: its channel, its event, and what identifies it.

Event names and arguments are those of ``bitfinex-api-py``; unlike there, snapshot events follow
every reconnect too.
"""

from __future__ import annotations

from operator import attrgetter
from typing import Any, Callable, Tuple

import attrs

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
from bfxsync.models.stream import Checksum
from bfxsync.wire.channels import Channel

ChannelKind = Tuple[str, bool]
"""A channel's name and whether it is of a funding currency; see `kind_of`."""


@attrs.frozen
class UpdateKind:
    """
    What is known of one class of updates.

    Attributes
    ----------
    model : type
    channel : tuple
    event : str
        Called with (subscription, update).
    key : callable
        Identifies an update: of two with the same key, the policy `latest` keeps the newer.
    is_extra : bool
        Only for event handlers, and made only when there are some.
    """

    model: type
    channel: ChannelKind
    event: str
    key: Callable[[Any], Any]
    is_extra: bool = False


def _only(update: Any) -> None:
    """Identify the update of a channel that has a single value."""


def _level(update: Any) -> tuple[Any, bool]:
    return update.price, update.amount > 0


def _funding_level(update: Any) -> tuple[Any, int, bool]:
    return update.rate, update.period, update.amount > 0


_TRADES, _FUNDING_TRADES = ("trades", False), ("trades", True)
_id = attrgetter("id")

UPDATE_KINDS = (
    UpdateKind(Ticker, ("ticker", False), "t_ticker_update", _only),
    UpdateKind(FundingTicker, ("ticker", True), "f_ticker_update", _only),
    UpdateKind(Trade, _TRADES, "t_trade_execution", _id),
    UpdateKind(TradeUpdate, _TRADES, "t_trade_execution_update", _id, is_extra=True),
    UpdateKind(FundingTrade, _FUNDING_TRADES, "f_trade_execution", _id),
    UpdateKind(
        FundingTradeUpdate,
        _FUNDING_TRADES,
        "f_trade_execution_update",
        _id,
        is_extra=True,
    ),
    UpdateKind(BookUpdate, ("book", False), "t_book_update", _level),
    UpdateKind(FundingBookUpdate, ("book", True), "f_book_update", _funding_level),
    UpdateKind(
        RawBookUpdate, ("raw_book", False), "t_raw_book_update", attrgetter("order_id")
    ),
    UpdateKind(
        FundingRawBookUpdate,
        ("raw_book", True),
        "f_raw_book_update",
        attrgetter("offer_id"),
    ),
    UpdateKind(Candle, ("candles", False), "candles_update", attrgetter("mts")),
    UpdateKind(DerivativesStatus, ("deriv", False), "derivatives_status_update", _only),
    UpdateKind(
        Liquidation,
        ("liq", False),
        "liquidation_feed_update",
        attrgetter("pos_id", "mts"),
    ),
)

KEYS = {kind.model: kind.key for kind in UPDATE_KINDS}

EXTRAS = frozenset((Checksum, *(kind.model for kind in UPDATE_KINDS if kind.is_extra)))
"""Classes for event handlers alone, made only when there are some."""

CHECKSUM_EVENT = "checksum"
"""Of all books; called with (subscription, value), an unsigned 32-bit integer."""

SNAPSHOT_EVENTS = {
    _TRADES: "t_trades_snapshot",
    _FUNDING_TRADES: "f_trades_snapshot",
    ("book", False): "t_book_snapshot",
    ("book", True): "f_book_snapshot",
    ("raw_book", False): "t_raw_book_snapshot",
    ("raw_book", True): "f_raw_book_snapshot",
    ("candles", False): "candles_snapshot",
}
"""Called with (subscription, rows), as on the wire: trades and candles from the newest."""

_CHANNELS = frozenset(kind.channel for kind in UPDATE_KINDS)

EVENTS_OF_CHANNEL: dict[ChannelKind, dict[type, str]] = {
    channel: {
        **{kind.model: kind.event for kind in UPDATE_KINDS if kind.channel == channel},
        **({Checksum: CHECKSUM_EVENT} if channel[0] in ("book", "raw_book") else {}),
    }
    for channel in _CHANNELS
}
"""For each channel the classes that it delivers, and their events."""


def kind_of(channel: Channel) -> ChannelKind:
    """Return the kind of a channel; raw books and both status channels have their own."""
    if channel.name == "status":
        return (channel.arguments["key"].partition(":")[0], False)
    if channel.name == "candles":
        return ("candles", False)
    raw = channel.arguments.get("prec") == "R0"
    return ("raw_book" if raw else channel.name, channel.is_funding)


def data_classes(kind: ChannelKind) -> tuple[type, ...]:
    """Return the classes that a callback gets: all but the extras."""
    return tuple(model for model in EVENTS_OF_CHANNEL[kind] if model not in EXTRAS)
