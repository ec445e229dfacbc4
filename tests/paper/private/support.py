"""A client that signs by itself, and a desk without sockets."""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
import time
from typing import Any, Mapping, Sequence

import requests

from bfxsync.paper import PaperAccount, PaperExchange
from bfxsync.paper.engine.account import Account
from bfxsync.paper.engine.book import Entry
from bfxsync.paper.engine.order import EngineOrder
from bfxsync.paper.engine.registry import AccountRegistry
from bfxsync.paper.markets.market import Event
from bfxsync.paper.markets.random import RECIPES, RandomMarket
from bfxsync.paper.server.market_data import MarketData
from bfxsync.paper.text import to_units

TIMEOUT_S = 10
MTS = 1_700_000_000_000

_nonces = itertools.count(time.time_ns() // 1000)


class Signed:
    """Signs what it sends, with nothing of the library."""

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
        """Headers of a signed request; the path is what comes after ``/v2/``."""
        number = next(_nonces) if nonce is None else nonce
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
        """What a good request brings."""
        status, value = self.ask(path, **body)
        assert status == 200, value
        return value

    def error(self, path: str, **body: Any) -> tuple[int, str]:
        """Code and text of an error."""
        status, (word, code, text) = self.ask(path, **body)
        assert (status, word) == (500, "error")
        return code, text


class Stall:
    """A market on which something happens only when told."""

    def __init__(self, market_data: MarketData, symbol: str) -> None:
        self.market = RandomMarket(RECIPES[symbol], 1, MTS)
        self._market_data = market_data
        market_data.add(self.market)

    def publish(self, events: Sequence[Event]) -> None:
        self._market_data.publish(self.market, events)

    def watch(self) -> None:
        pass

    def step(self, mts: int = MTS) -> None:
        """Let one thing happen by itself."""
        self.publish(self.market.step(mts))


class Floor:
    """A desk, two accounts and three markets, without sockets; time stands still."""

    def __init__(self, *accounts: PaperAccount) -> None:
        self.now = MTS
        self.later: list[tuple[float, Any]] = []
        self.market_data = MarketData(now_mts=lambda: self.now)
        symbols = ("tBTCUSD", "tETHUSD", "tBTCF0:USTF0")
        self.stalls = {symbol: Stall(self.market_data, symbol) for symbol in symbols}
        settings = accounts or (
            PaperAccount(),
            PaperAccount(api_key="other-key", api_secret="other-secret"),
        )
        self.registry = AccountRegistry(
            settings,
            self.market_data,
            self.stalls,
            lambda delay_s, call: self.later.append((delay_s, call)),
        )
        self.desk = self.registry.desk
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
        return self.desk.submit(account or self.account, given)

    def best(self, is_bid: bool, symbol: str = "tBTCUSD") -> Entry:
        """The best order of a side."""
        return self.stalls[symbol].market.book.depth("R0").side(is_bid).best()

    def clear(self, symbol: str = "tBTCUSD") -> None:
        """Take all of the market's own orders out of its book."""
        book = self.stalls[symbol].market.book
        for id in list(book.orders):
            book.remove(id)

    def put(
        self, is_bid: bool, price: float, amount: float, symbol: str = "tBTCUSD"
    ) -> None:
        """Add an order of the market's own."""
        book = self.stalls[symbol].market.book
        entry = Entry(to_units(price), 0, 1, to_units(amount), len(book.orders) + 1)
        book.put(is_bid, entry)

    def trade(self, price: float, symbol: str = "tBTCUSD") -> None:
        """Let others trade at a price."""
        stall = self.stalls[symbol]
        maker = Entry(to_units(price), 0, 1, to_units(1.0), 1)
        stall.publish([stall.market._trade(self.now, True, to_units(0.1), maker)])
