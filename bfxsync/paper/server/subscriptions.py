"""Parsing of subscribe requests."""

from __future__ import annotations

from typing import Any, Callable, Mapping, NamedTuple

from bfxsync.paper.markets.chart import CandleKey
from bfxsync.paper.markets.status import LIQUIDATIONS
from bfxsync.paper.server.feeds import FREQUENCIES, LENGTHS, PRECISIONS, Identity
from bfxsync.paper.server.market_data import MarketData

Request = Mapping[str, Any]

_BOOK_DEFAULTS = {"prec": "P0", "freq": "F0", "len": "25"}


class RequestedChannel(NamedTuple):
    """A channel, and the fields of its acknowledgement."""

    identity: Identity
    fields: dict[str, Any]


class InvalidSubscription(Exception):
    """A refused request, with the fields that the error echoes."""

    def __init__(self, message: str, request: Request) -> None:
        super().__init__(message)
        self.message = message
        self.request = request


def read(request: Request, market_data: MarketData) -> RequestedChannel | None:
    """
    Return the requested channel; None if the exchange does not answer such a request.

    Raises
    ------
    InvalidSubscription
        Unknown channel, symbol or key, or an invalid field.
    """
    channel = request.get("channel")
    reader = _READERS.get(channel) if isinstance(channel, str) else None
    if reader is None:
        raise InvalidSubscription("channel: unknown", request)
    return reader(request, market_data)


def names(symbol: str) -> dict[str, str]:
    """Return the field `pair` or `currency` of a symbol."""
    return {"currency" if symbol.startswith("f") else "pair": symbol[1:]}


def _of_symbol(request: Request, market_data: MarketData) -> RequestedChannel:
    symbol = _symbol(request, market_data)
    fields = {"symbol": symbol, **_echo(request), **names(symbol)}
    return RequestedChannel(Identity(request["channel"], symbol), fields)


def _book(request: Request, market_data: MarketData) -> RequestedChannel:
    symbol = _symbol(request, market_data)
    book = {field: request.get(field, value) for field, value in _BOOK_DEFAULTS.items()}
    wrong = _invalid_book_field(**book)
    if wrong:
        raise InvalidSubscription(f"{wrong}: invalid", {**request, "symbol": symbol})
    identity = Identity("book", symbol, book["prec"], book["freq"], int(book["len"]))
    return RequestedChannel(
        identity, {"symbol": symbol, **book, **_echo(request), **names(symbol)}
    )


def _candles(request: Request, market_data: MarketData) -> RequestedChannel:
    # The texts are guesses; the code is the same for all refusals.
    key = CandleKey.parse(request.get("key"))
    if key is None:
        raise InvalidSubscription("key: invalid", request)
    if key.symbol not in market_data.markets:
        raise InvalidSubscription("symbol: invalid", request)
    identity = Identity("candles", key.symbol, key=key.text)
    return RequestedChannel(identity, {"key": request["key"], **_echo(request)})


def _status(request: Request, market_data: MarketData) -> RequestedChannel | None:
    key = request.get("key")
    kind, _, symbol = key.partition(":") if isinstance(key, str) else ("", "", "")
    fields = {"key": key, **_echo(request)}
    if key == LIQUIDATIONS:
        return RequestedChannel(
            Identity("status", LIQUIDATIONS, key=LIQUIDATIONS), fields
        )
    if kind != "deriv":
        raise InvalidSubscription("key: invalid", request)
    if symbol not in market_data.derivatives:
        return None  # as observed on the real exchange
    return RequestedChannel(Identity("status", symbol, key=f"deriv:{symbol}"), fields)


_READERS: dict[str, Callable[[Request, MarketData], RequestedChannel | None]] = {
    "ticker": _of_symbol,
    "trades": _of_symbol,
    "book": _book,
    "candles": _candles,
    "status": _status,
}


def _symbol(request: Request, market_data: MarketData) -> str:
    symbol = request.get("symbol")
    for known in (symbol, f"t{symbol}"):
        if isinstance(known, str) and known in market_data.markets:
            return known
    raise InvalidSubscription("symbol: invalid", request)


def _echo(request: Request) -> dict[str, Any]:
    return {"subId": request["subId"]} if "subId" in request else {}


def _invalid_book_field(prec: object, freq: object, len: object) -> str | None:
    if prec not in PRECISIONS:
        return "precision"
    if freq not in FREQUENCIES:
        return "frequency"
    if type(len) not in (int, str) or str(len) not in map(str, LENGTHS):
        return "length"
    return None
