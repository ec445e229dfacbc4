"""
A program for ccxt.pro, run by ``run.py``: unified methods, by REST and by the WebSocket.

ccxt raises `ChecksumError` by itself; the subclass only counts what it has compared.
"""

from __future__ import annotations

import asyncio
import sys
from types import SimpleNamespace
from typing import Any, Callable, Dict, List

import ccxt
import ccxt.pro
from steps import CONNECT, Seen, finish, step

PAIR, SWAP = "BTC/USD", "BTC/USDT:USDT"


class Counting(ccxt.pro.bitfinex):
    """Counts the checksums that it compares."""

    checksum_count = 0

    def handle_checksum(self, client: Any, message: Any, subscription: Any) -> None:
        self.checksum_count += 1
        super().handle_checksum(client, message, subscription)


def connect() -> Counting:
    """Return a client made by the lines that `bfxsync paper` prints."""
    pro = SimpleNamespace(bitfinex=Counting)
    names: Dict[str, Any] = {"ccxt": SimpleNamespace(pro=pro)}
    exec(CONNECT[CONNECT.index("# ccxt") :], names)
    exchange: Counting = names["e"]
    # Its own limits, for the real exchange, would take most of the time.
    exchange.enableRateLimit = False
    return exchange


async def fails(error: type[Exception], call: Any) -> None:
    """Check that a call raises this error."""
    try:
        found = await call
    except error:
        return
    raise AssertionError(f"{error.__name__} was not raised, but there was {found}")


class Program:
    """The steps, with a client and what its watch methods have returned."""

    def __init__(self) -> None:
        self.ex = connect()
        self.seen = Seen()

    async def run(self) -> None:
        tasks: List[asyncio.Task[None]] = []
        try:
            await self.markets()
            tasks = self.watch()
            self.seen.client = asyncio.gather(*tasks)
            await self.public_channels()
            await self.log_in()
            await self.limit_order()
            await self.market_order()
            await self.other_orders()
            await self.position()
            await self.refusals()
            await self.histories()
            await self.checksums()
            await self.finish()
        finally:
            for task in tasks:
                task.cancel()
            await self.ex.close()
            if self.seen.client is not None:
                await asyncio.wait([self.seen.client])
                self.seen.client.cancelled() or self.seen.client.exception()

    def watch(self) -> List[asyncio.Task[None]]:
        """Start to watch orders, trades, balances and markets; `seen` gets what comes."""
        ex = self.ex

        async def follow(name: str, call: Callable[[], Any]) -> None:
            while True:
                found = await call()
                for each in found if isinstance(found, list) else [found]:
                    self.seen.add(name, each)

        calls = {
            "order": ex.watch_orders,
            "my trade": ex.watch_my_trades,
            "balance": ex.watch_balance,
            "ticker": lambda: ex.watch_ticker(PAIR),
            "trade": lambda: ex.watch_trades(PAIR),
            "candle": lambda: ex.watch_ohlcv(PAIR, "1m"),
            "book": lambda: ex.watch_order_book(PAIR, 25),
            "raw book": lambda: ex.watch_order_book("ETH/USD", 25, {"prec": "R0"}),
        }
        return [asyncio.ensure_future(follow(*item)) for item in calls.items()]

    async def markets(self) -> None:
        ex = self.ex
        with step("markets, currencies and status"):
            markets = await ex.load_markets()
            assert {PAIR, "ETH/USD", SWAP} <= set(markets)
            assert markets[PAIR]["limits"]["amount"]["min"] > 0
            assert (await ex.fetch_status())["status"] == "ok"
        with step("public REST"):
            ticker = await ex.fetch_ticker(PAIR)
            assert ticker["bid"] < ticker["ask"]
            assert PAIR in await ex.fetch_tickers()
            book = await ex.fetch_order_book(PAIR, 25)
            assert len(book["bids"]) == 25 and book["bids"][0] < book["asks"][0]
            assert len(await ex.fetch_trades(PAIR, limit=20)) == 20
            candles = await ex.fetch_ohlcv(PAIR, "1m", limit=10)
            assert [row[0] for row in candles] == sorted(row[0] for row in candles)
            assert (await ex.fetch_funding_rates([SWAP]))[SWAP]["markPrice"] > 0
            assert (await ex.fetch_open_interest(SWAP))["openInterestAmount"] > 0

    async def public_channels(self) -> None:
        with step("public channels"):
            ticker = await self.seen.wait("ticker")
            assert ticker["bid"] < ticker["ask"]
            for name in ("trade", "candle", "book", "raw book"):
                await self.seen.wait(name)

    async def log_in(self) -> None:
        with step("authentication and wallets"):
            balance = await self.seen.wait("balance")
            assert balance["USD"]["total"] == 100_000

    async def _order(self, id: str, status: str, since: int) -> Any:
        return await self.seen.wait(
            "order", lambda o: (o["id"], o["status"]) == (id, status), since
        )

    async def limit_order(self) -> None:
        ex, mark = self.ex, self.seen.mark()
        with step("limit order: created, updated, cancelled"):
            cid = 1_000_000 + mark
            order = await ex.create_order(
                PAIR, "limit", "buy", 0.1, 30_000, {"clientOrderId": cid}
            )
            seen = await self._order(order["id"], "open", mark)
            assert (seen["amount"], seen["price"]) == (0.1, 30_000)
            assert (await ex.fetch_open_orders(PAIR))[0]["id"] == order["id"]
            mark = self.seen.mark()
            await ex.edit_order(order["id"], PAIR, "limit", "buy", 0.2, 30_500)
            seen = await self.seen.wait("order", lambda o: o["price"] == 30_500, mark)
            assert seen["remaining"] == 0.2
            await ex.cancel_order(order["id"])
            await self._order(order["id"], "canceled", mark)
            assert await ex.fetch_open_orders(PAIR) == []

    async def market_order(self) -> None:
        ex, mark = self.ex, self.seen.mark()
        with step("market order: closed, trades with fee, balance"):
            order = await ex.create_order(PAIR, "market", "buy", 0.05)
            seen = await self._order(order["id"], "closed", mark)
            assert (seen["filled"], seen["remaining"]) == (0.05, 0)
            rest, known = 0.05, set()
            while rest > 1e-9:
                trade = await self.seen.wait(
                    "my trade", lambda t: t["id"] not in known, mark
                )
                known.add(trade["id"])
                assert trade["order"] == order["id"] and trade["side"] == "buy"
                # Its WebSocket part keeps the sign of the exchange.
                assert trade["fee"]["currency"] == "BTC" and trade["fee"]["cost"] < 0
                rest -= trade["amount"]
            wanted = 10 + 0.05 * (1 - 0.002)
            await self.seen.wait(
                "balance", lambda b: abs(b["BTC"]["total"] - wanted) < 1e-8, mark
            )
            trades = await ex.fetch_order_trades(order["id"], PAIR)
            assert {each["id"] for each in trades} == known

    async def other_orders(self) -> None:
        ex, mark = self.ex, self.seen.mark()
        with step("stop, post-only and several orders; cancellation of all"):
            stop = await ex.create_order(
                PAIR, "market", "sell", 0.01, None, {"triggerPrice": 20_000}
            )
            maker = await ex.create_order(
                PAIR, "limit", "buy", 0.01, 29_000, {"postOnly": True}
            )
            for order in (stop, maker):
                await self._order(order["id"], "open", mark)
            assert len(await ex.fetch_open_orders()) == 2
            await ex.cancel_all_orders()
            for order in (stop, maker):
                await self._order(order["id"], "canceled", mark)
            assert (await ex.fetch_closed_order(stop["id"]))["status"] == "canceled"

    async def position(self) -> None:
        ex = self.ex
        with step("a derivative's position is opened and closed"):
            mark = self.seen.mark()
            order = await ex.create_order(SWAP, "market", "buy", 0.02)
            await self._order(order["id"], "closed", mark)
            (position,) = await ex.fetch_positions()
            assert (position["symbol"], position["side"]) == (SWAP, "long")
            order = await ex.create_order(
                SWAP, "market", "sell", 0.02, None, {"reduceOnly": True}
            )
            await self._order(order["id"], "closed", mark)
            assert await ex.fetch_positions() == []

    async def refusals(self) -> None:
        ex = self.ex
        with step("refusals are exceptions"):
            await fails(
                ccxt.InsufficientFunds,
                ex.create_order(PAIR, "limit", "buy", 1000, 60_000),
            )
            await fails(ccxt.OrderNotFound, ex.cancel_order("5"))
            other = connect()
            other.secret = "wrong"
            other.set_markets(ex.markets)
            try:
                await fails(ccxt.AuthenticationError, other.fetch_balance())
                await fails(ccxt.AuthenticationError, other.watch_balance())
            finally:
                await other.close()

    async def histories(self) -> None:
        ex = self.ex
        with step("histories and account"):
            assert len(await ex.fetch_closed_orders(PAIR)) >= 2
            assert await ex.fetch_my_trades(PAIR)
            assert await ex.fetch_ledger("USD", limit=5)
            assert await ex.fetch_deposits_withdrawals("USD")
            assert (await ex.fetch_deposit_address("BTC"))["address"]
            assert PAIR in await ex.fetch_trading_fees()

    async def checksums(self) -> None:
        with step("twenty checksums of two books match"):
            while self.ex.checksum_count < 20:
                await self.seen.wait("book", since=self.seen.mark())

    async def finish(self) -> None:
        ex = self.ex
        with step("final balances"):
            order = await ex.create_order(PAIR, "limit", "sell", 0.1, 90_000)
            await self._order(order["id"], "open", 0)
            spot = await ex.fetch_balance()
            trades = [
                trade
                for each in (PAIR, SWAP)
                for trade in await ex.fetch_my_trades(each)
            ]
        finish(
            wallets=[
                ["exchange", name, spot[name]["total"]] for name in ("BTC", "USD")
            ],
            orders=[int(each["id"]) for each in await ex.fetch_open_orders()],
            trades=sorted({int(trade["id"]) for trade in trades}),
        )


if __name__ == "__main__":
    sys.exit(asyncio.run(Program().run()))
