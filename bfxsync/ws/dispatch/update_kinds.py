"""
The kinds of updates: channel, event, and key of each.

Event names and arguments are those of ``bitfinex-api-py``; unlike there, there are also snapshot
events after every reconnect.
"""

from __future__ import annotations

from operator import attrgetter
from typing import Any, Callable, Tuple

import attrs

from bfxsync.models.account_update import AccountUpdate
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
from bfxsync.models.raw import RawRow
from bfxsync.models.status import Candle, DerivativesStatus, Liquidation
from bfxsync.models.stream import AccountMessage, ChannelHeartbeat, Checksum
from bfxsync.wire.channels import Channel, RawChannel
from bfxsync.ws.dispatch.account_events import ACCOUNT_MESSAGE, key_of

ChannelKind = Tuple[str, bool]
"""A channel's name, and whether it is about a funding currency; see `kind_of`."""


@attrs.frozen
class UpdateKind:
    """One class of updates."""

    model: type
    channel: ChannelKind
    event: str
    """Its handlers are called with (subscription, update)."""
    key: Callable[[Any], Any]
    """Identifies an update: of two with the same key, the policy `latest` keeps the newer."""
    is_extra: bool = False
    """For event handlers only, and created only if there are any."""


def _only(update: Any) -> None:
    """Return the key of the only value of a channel."""


def _level(update: Any) -> tuple[Any, bool]:
    return update.price, update.amount > 0


def _funding_level(update: Any) -> tuple[Any, int, bool]:
    return update.rate, update.period, update.amount > 0


_TRADES, _FUNDING_TRADES = ("trades", False), ("trades", True)
_BOOK, _FUNDING_BOOK = ("book", False), ("book", True)
_RAW_BOOK, _FUNDING_RAW_BOOK = ("raw_book", False), ("raw_book", True)
_CANDLES, _LIQUIDATIONS = ("candles", False), ("liq", False)
_ANY = ("raw", False)
_id, _order_id, _offer_id = map(attrgetter, ("id", "order_id", "offer_id"))
_mts, _liquidation_key = attrgetter("mts"), attrgetter("pos_id", "mts")

UPDATE_KINDS = (
    UpdateKind(Ticker, ("ticker", False), "t_ticker_update", _only),
    UpdateKind(FundingTicker, ("ticker", True), "f_ticker_update", _only),
    UpdateKind(Trade, _TRADES, "t_trade_execution", _id),
    UpdateKind(TradeUpdate, _TRADES, "t_trade_execution_update", _id, True),
    UpdateKind(FundingTrade, _FUNDING_TRADES, "f_trade_execution", _id),
    UpdateKind(
        FundingTradeUpdate, _FUNDING_TRADES, "f_trade_execution_update", _id, True
    ),
    UpdateKind(BookUpdate, _BOOK, "t_book_update", _level),
    UpdateKind(FundingBookUpdate, _FUNDING_BOOK, "f_book_update", _funding_level),
    UpdateKind(RawBookUpdate, _RAW_BOOK, "t_raw_book_update", _order_id),
    UpdateKind(FundingRawBookUpdate, _FUNDING_RAW_BOOK, "f_raw_book_update", _offer_id),
    UpdateKind(Candle, _CANDLES, "candles_update", _mts),
    UpdateKind(DerivativesStatus, ("deriv", False), "derivatives_status_update", _only),
    UpdateKind(Liquidation, _LIQUIDATIONS, "liquidation_feed_update", _liquidation_key),
    UpdateKind(RawRow, _ANY, "raw_update", attrgetter("tag")),
)

ACCOUNT: ChannelKind = ("account", False)
"""The account channel, whose only class of updates has many events; see `account_events`."""

KEYS: dict[type, Callable[[Any], Any]] = {
    **{kind.model: kind.key for kind in UPDATE_KINDS},
    AccountUpdate: key_of,
}

EXTRAS = frozenset(
    (
        AccountMessage,
        ChannelHeartbeat,
        Checksum,
        *(kind.model for kind in UPDATE_KINDS if kind.is_extra),
    )
)
"""Classes for event handlers only, created only if there are any."""

CHECKSUM_EVENT = "checksum"
"""Event of all books; called with (subscription, value), an unsigned 32-bit integer."""

HEARTBEAT_EVENT = "heartbeat"
"""Event of all public channels; called with (subscription)."""

SNAPSHOT_EVENTS = {
    _TRADES: "t_trades_snapshot",
    _FUNDING_TRADES: "f_trades_snapshot",
    _BOOK: "t_book_snapshot",
    _FUNDING_BOOK: "f_book_snapshot",
    _RAW_BOOK: "t_raw_book_snapshot",
    _FUNDING_RAW_BOOK: "f_raw_book_snapshot",
    _CANDLES: "candles_snapshot",
}
"""Called with (subscription, rows) in the order of the wire: trades and candles newest first."""

EVENTS_OF_CHANNEL: dict[ChannelKind, dict[type, str]] = {
    channel: {
        **{kind.model: kind.event for kind in UPDATE_KINDS if kind.channel == channel},
        **({Checksum: CHECKSUM_EVENT} if channel[0] in ("book", "raw_book") else {}),
        ChannelHeartbeat: HEARTBEAT_EVENT,
    }
    for channel in {kind.channel for kind in UPDATE_KINDS}
}
EVENTS_OF_CHANNEL[ACCOUNT] = {AccountMessage: ACCOUNT_MESSAGE}
"""The classes that each channel delivers, and their events."""


def kind_of(channel: Channel) -> ChannelKind:
    """Return the kind of a channel; raw books and both status channels have their own."""
    if isinstance(channel, RawChannel):
        return _ANY
    if channel.name == "status":
        return (channel.arguments["key"].partition(":")[0], False)
    if channel.name == "candles":
        return ("candles", False)
    raw = channel.arguments.get("prec") == "R0"
    return ("raw_book" if raw else channel.name, channel.is_funding)


def data_classes(kind: ChannelKind) -> tuple[type, ...]:
    """Return the classes that are passed to callbacks: all of the channel except `EXTRAS`."""
    if kind == ACCOUNT:
        return (AccountUpdate,)
    return tuple(model for model in EVENTS_OF_CHANNEL[kind] if model not in EXTRAS)
