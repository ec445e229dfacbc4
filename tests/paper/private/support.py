"""A client that signs without the library, and a matching engine without sockets."""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
import time
from functools import cached_property
from typing import Any, Mapping, Sequence

import requests

from bfxsync.paper import PaperAccount, PaperExchange
from bfxsync.paper.engine.account import Account
from bfxsync.paper.engine.book import Entry
from bfxsync.paper.engine.matching import MatchingEngine
from bfxsync.paper.engine.order import EngineOrder
from bfxsync.paper.engine.units import to_units
from bfxsync.paper.engine.venue import Fill
from bfxsync.paper.markets.market import BookChanged, Event
from bfxsync.paper.markets.random import RECIPES, RandomMarket
from bfxsync.paper.server.market_data import MarketData
from bfxsync.paper.server.registry import AccountRegistry

TIMEOUT_S = 10
MTS = 1_700_000_000_000

_nonces = itertools.count(time.time_ns() // 1000)


def next_nonce() -> int:
    """A nonce larger than all before, of REST and WebSocket."""
    return next(_nonces)


class Signed:
    """A client that signs without the library."""

    def __init__(
        self, exchange: PaperExchange, key: str = "paper-key", secret: str = ""
    ) -> None:
        self.url = exchange.rest_url
        self.key, self.secret = key, secret or "paper-secret"
        self.session = requests.Session()
        self.session.trust_env = False

    def __enter__(self) -> Signed:
        return self

    def __exit__(self, *exc: object) -> None:
        self.session.close()

    def headers(self, path: str, body: bytes, nonce: object = None) -> dict[str, str]:
        """Headers of a signed request; the path follows ``/v2/``."""
        number = next_nonce() if nonce is None else nonce
        message = f"/api/v2/{path}{number}".encode() + body
        signature = hmac.new(self.secret.encode(), message, hashlib.sha384).hexdigest()
        return {
            "bfx-nonce": str(number),
            "bfx-apikey": self.key,
            "bfx-signature": signature,
            "content-type": "application/json",
        }

    def send(
        self, path: str, body: bytes = b"{}", headers: Mapping[str, str] | None = None
    ) -> requests.Response:
        """Send exactly this."""
        signed = self.headers(path, body) if headers is None else headers
        return self.session.post(
            f"{self.url}/{path}", data=body, headers=signed, timeout=TIMEOUT_S
        )

    def ask(self, path: str, **body: Any) -> tuple[int, Any]:
        """Status and JSON of an answer; a name like `from_` goes without its underscore."""
        fields = {name.rstrip("_"): value for name, value in body.items()}
        answer = self.send(path, json.dumps(fields).encode())
        return answer.status_code, answer.json()

    def post(self, path: str, **body: Any) -> Any:
        """The answer to a valid request."""
        status, value = self.ask(path, **body)
        assert status == 200, value
        return value

    def error(self, path: str, **body: Any) -> tuple[int, str]:
        """Code and text of an error."""
        status, (word, code, text) = self.ask(path, **body)
        assert (status, word) == (500, "error")
        return code, text


class ManualVenue:
    """A market that advances only by `step`."""

    def __init__(self, market_data: MarketData, symbol: str) -> None:
        self._symbol = symbol
        self._market_data = market_data
        market_data.add_later(symbol, lambda: self.market)
        self.is_active = False

    @cached_property
    def market(self) -> RandomMarket:
        return RandomMarket(RECIPES[self._symbol], 1, MTS)

    def publish(self, events: Sequence[Event]) -> None:
        self._market_data.publish(self.market, events)

    def publish_fills(self, fills: Sequence[Fill] = ()) -> None:
        trades = [self.market.trade_event(fill.row) for fill in fills]
        self.publish([*trades, BookChanged()])

    def set_active(self, is_active: bool) -> None:
        self.is_active = is_active

    def step(self, mts: int = MTS) -> None:
        """Advance by one event of the market's own."""
        self.publish(self.market.step(mts))


class EngineHarness:
    """An engine, two accounts and three markets, without sockets; time stands still."""

    def __init__(self, *accounts: PaperAccount) -> None:
        self.now = MTS
        self.later: list[tuple[float, Any]] = []
        self.market_data = MarketData(now_mts=lambda: self.now)
        symbols = ("tBTCUSD", "tETHUSD", "tBTCF0:USTF0")
        self.venues = {
            symbol: ManualVenue(self.market_data, symbol) for symbol in symbols
        }
        settings = accounts or (
            PaperAccount(),
            PaperAccount(api_key="other-key", api_secret="other-secret"),
        )
        self.engine = MatchingEngine(
            self.venues,
            lambda: self.now,
            lambda delay_s, call: self.later.append((delay_s, call)),
        )
        self.registry = AccountRegistry(settings, lambda: self.now, self.engine)
        self.market_data.listeners.append(
            lambda source: self.engine.market_moved(source.symbol)
        )
        self.account, *self.others = self.registry.accounts

    def submit(
        self,
        kind: str,
        amount: str,
        price: object = None,
        symbol: str = "tBTCUSD",
        account: Account | None = None,
        **body: Any,
    ) -> EngineOrder:
        given = {"type": kind, "symbol": symbol, "amount": amount, **body}
        if price is not None:
            given["price"] = str(price)
        return self.engine.submit(account or self.account, given)[0]

    def best(self, is_bid: bool, symbol: str = "tBTCUSD") -> Entry:
        """The best order of a side."""
        return self.venues[symbol].market.book.depth("R0").side(is_bid).best()

    def clear(self, symbol: str = "tBTCUSD") -> None:
        """Remove all orders of the market from its book."""
        book = self.venues[symbol].market.book
        for id in list(book.orders):
            book.remove_order(id)

    def add_order(
        self, is_bid: bool, price: float, amount: float, symbol: str = "tBTCUSD"
    ) -> None:
        """Add an order of the market itself."""
        book = self.venues[symbol].market.book
        entry = Entry(to_units(price), 0, 1, to_units(amount), len(book.orders) + 1)
        book.set_order(is_bid, entry)

    def trade(self, price: float, symbol: str = "tBTCUSD") -> None:
        """Publish a trade of others at a price."""
        venue = self.venues[symbol]
        maker = Entry(to_units(price), 0, 1, to_units(1.0), 1)
        row = venue.market._trade(self.now, True, to_units(0.1), maker)
        venue.publish([venue.market.trade_event(row)])
