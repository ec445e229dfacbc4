"""A client that signs without the library, and a matching engine without sockets."""

from __future__ import annotations

import hashlib
import heapq
import hmac
import itertools
import json
import time
from datetime import timedelta
from functools import cached_property
from typing import Any, Callable, Mapping, Sequence

import requests

from bfxsync.paper import PaperAccount, PaperExchange
from bfxsync.paper.engine.account import Account
from bfxsync.paper.engine.book import Entry
from bfxsync.paper.engine.funding_offer import EngineOffer
from bfxsync.paper.engine.order import EngineOrder
from bfxsync.paper.engine.units import to_units
from bfxsync.paper.engine.venue import Fill
from bfxsync.paper.markets.market import BookChanged, Event
from bfxsync.paper.markets.random import RandomMarket
from bfxsync.paper.markets.recipes import RECIPES
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
    """The engines, two accounts and four markets, without sockets; time stands still."""

    def __init__(self, *accounts: PaperAccount) -> None:
        self.now = MTS
        self.later: list[tuple[float, Any]] = []
        self._timers: list[tuple[int, int, Any]] = []
        self.market_data = MarketData(now_mts=lambda: self.now)
        symbols = ("tBTCUSD", "tETHUSD", "tBTCF0:USTF0", "fUSD")
        self.venues = {
            symbol: ManualVenue(self.market_data, symbol) for symbol in symbols
        }
        settings = accounts or (
            PaperAccount(),
            PaperAccount(api_key="other-key", api_secret="other-secret"),
        )
        self.registry = AccountRegistry(
            settings,
            self.venues,
            lambda: self.now,
            self._call_later,
        )
        self.engine = self.registry.engine
        self.funding = self.registry.funding
        self.market_data.listeners.append(
            lambda source: self.registry.market_moved(source.symbol)
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

    def _call_later(self, delay_s: float, call: Callable[[], None]) -> None:
        self.later.append((delay_s, call))
        due = self.now + round(delay_s * 1000)
        heapq.heappush(self._timers, (due, len(self.later), call))

    def wait(self, **time: float) -> None:
        """Let time pass, with what is due in it."""
        until = self.now + int(timedelta(**time) / timedelta(milliseconds=1))
        while self._timers and self._timers[0][0] <= until:
            self.now, _, call = heapq.heappop(self._timers)
            call()
        self.now = until

    def offer(
        self,
        amount: str,
        rate: str = "0.0002",
        period: int = 30,
        account: Account | None = None,
        **body: Any,
    ) -> EngineOffer:
        """Offer to lend dollars, or with a negative amount to borrow them."""
        terms = {"amount": amount, "rate": rate, "period": period, **body}
        given = {"type": "LIMIT", "symbol": "fUSD", **terms}
        return self.funding.submit(account or self.account, given)

    def best(self, is_bid: bool, symbol: str = "tBTCUSD") -> Entry:
        """The best order of a side."""
        return self.venues[symbol].market.book.depth("R0").side(is_bid).best()

    def clear(self, symbol: str = "tBTCUSD") -> None:
        """Remove all orders of the market from its book."""
        book = self.venues[symbol].market.book
        for id in list(book.orders):
            book.remove_order(id)

    def add_order(
        self,
        is_bid: bool,
        price: float,
        amount: float,
        symbol: str = "tBTCUSD",
        period: int = 0,
    ) -> None:
        """Add an order of the market itself."""
        book = self.venues[symbol].market.book
        id = len(book.orders) + 1
        entry = Entry(to_units(price), period, 1, to_units(amount), id)
        book.set_order(is_bid, entry)

    def trade(self, price: float, symbol: str = "tBTCUSD") -> None:
        """Publish a trade of others at a price."""
        venue = self.venues[symbol]
        maker = Entry(to_units(price), 0, 1, to_units(1.0), 1)
        row = venue.market._trade(self.now, True, to_units(0.1), maker)
        venue.publish([venue.market.trade_event(row)])
