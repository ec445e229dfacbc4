"""
A program for bitfinex-api-py 4.0.0, the official client, run by ``run.py``.

It uses the events, inputs and calls of the client's examples, and checks what it gets.
"""

from __future__ import annotations

import asyncio
import sys
from collections import defaultdict
from typing import Any, Dict, List

from bfxapi import Client
from bfxapi.exceptions import InvalidCredentialError
from bfxapi.rest.exceptions import GenericError
from steps import CONNECT, KEY, REST_HOST, WSS_HOST, Seen, checksum, finish, step

EVENTS = """
open subscribed authenticated disconnected checksum t_ticker_update f_ticker_update
t_trade_execution t_trade_execution_update t_trades_snapshot f_trades_snapshot t_book_snapshot
t_book_update t_raw_book_snapshot t_raw_book_update f_book_snapshot f_book_update
candles_snapshot candles_update derivatives_status_update liquidation_feed_update
order_snapshot order_new order_update order_cancel position_snapshot position_new
position_update position_close funding_offer_snapshot funding_offer_new funding_offer_cancel
funding_credit_snapshot funding_credit_new funding_loan_snapshot wallet_snapshot wallet_update
balance_update base_margin_info symbol_margin_info funding_info_update trade_execution
trade_execution_update notification on-req-notification ou-req-notification oc-req-notification
fon-req-notification foc-req-notification
""".split()

SNAPSHOTS = [name for name in EVENTS if name.endswith("_snapshot")]
PAIR = "tBTCUSD"


class Book:
    """A book as a user of the client would keep it: of price levels, or of single orders."""

    def __init__(self) -> None:
        self.sides: Dict[bool, Dict[float, Any]] = {True: {}, False: {}}

    def feed(self, row: Any) -> None:
        """Apply a level or an order."""
        is_raw = hasattr(row, "order_id")
        side = self.sides[row.amount > 0]
        key = row.order_id if is_raw else row.price
        if row.price if is_raw else row.count:
            side[key] = row
        else:
            side.pop(key, None)

    def checksum(self) -> int:
        """Return the checksum of the current rows."""
        bids, asks = (
            [
                (key, row.amount)
                for key, row in sorted(
                    self.sides[is_bid].items(),
                    key=lambda item: (
                        -item[1].price if is_bid else item[1].price,
                        item[0],
                    ),
                )
            ]
            for is_bid in (True, False)
        )
        return checksum(bids, asks)


class Program:
    """The steps, with a client that is logged in and the events that it has emitted."""

    def __init__(self) -> None:
        # The line that `bfxsync paper` prints.
        line = CONNECT[CONNECT.index("Client(") : CONNECT.index("# ccxt")]
        self.bfx = eval(line, {"Client": Client})
        self.wss, self.inputs = self.bfx.wss, self.bfx.wss.inputs
        self.seen = Seen()
        self.books: Dict[str, Book] = defaultdict(Book)
        self.matched: Dict[str, List[bool]] = defaultdict(list)
        for name in EVENTS:
            self.wss.on(name, self._handler(name))

    def _handler(self, name: str) -> Any:
        def handle(*values: Any) -> None:
            # The last argument is the data; the one before it is the subscription.
            value = values[-1] if values else None
            if name == "checksum" or name.startswith(("t_book", "t_raw")):
                symbol = values[0]["symbol"]
                book = self.books[symbol]
                if name == "checksum":
                    self.matched[symbol].append(value == book.checksum())
                else:
                    for row in value if name.endswith("snapshot") else [value]:
                        book.feed(row)
            self.seen.add(name, value)

        return handle

    async def run(self) -> None:
        self.seen.client = asyncio.ensure_future(self.wss.start())
        await self.log_in()
        await self.limit_order()
        await self.market_order()
        await self.refusals()
        await self.cancel_many()
        await self.position()
        await self.calculations()
        await self.funding()
        await self.message()
        await self.public_channels()
        await self.rest()
        await self.order_by_rest()
        finish(
            wallets=[
                [wallet.wallet_type, wallet.currency, wallet.balance]
                for wallet in self.bfx.rest.auth.get_wallets()
            ],
            orders=[order.id for order in self.bfx.rest.auth.get_orders()],
            trades=sorted(t.id for t in self.seen.named("trade_execution_update")),
        )
        with step("close"):
            await self.wss.close()
            await self.seen.client
            assert self.seen.named("disconnected")

    async def log_in(self) -> None:
        with step("authentication and snapshots"):
            answer = await self.seen.wait("authenticated")
            assert answer["chanId"] == 0 and answer["caps"]["orders"]["write"] == 1
            for name in SNAPSHOTS[-6:]:
                await self.seen.wait(name)
            (wallets,) = self.seen.named("wallet_snapshot")
            kinds = {(wallet.wallet_type, wallet.currency) for wallet in wallets}
            assert {("exchange", "USD"), ("margin", "USD")} <= kinds
            assert self.seen.named("order_snapshot") == [[]]

    async def limit_order(self) -> None:
        seen, mark = self.seen, self.seen.mark()
        with step("limit order: notification, order_new, wallet_update"):
            await self.inputs.submit_order(
                "EXCHANGE LIMIT", PAIR, "0.1", "30000", cid=11, gid=7
            )
            reply = await seen.wait("on-req-notification", since=mark)
            assert (reply.status, reply.data.cid) == ("SUCCESS", 11)
            order = await seen.wait("order_new", since=mark)
            assert (order.cid, order.gid, order.symbol) == (11, 7, PAIR)
            assert (order.amount, order.price, order.order_status) == (
                0.1,
                30000,
                "ACTIVE",
            )
            await seen.wait("wallet_update", lambda w: w.currency == "USD", mark)
        with step("update: notification, order_update"):
            mark = seen.mark()
            await self.inputs.update_order(order.id, price="30500", amount="0.2")
            reply = await seen.wait("ou-req-notification", since=mark)
            assert (reply.status, reply.data.id) == ("SUCCESS", order.id)
            changed = await seen.wait("order_update", lambda o: o.id == order.id, mark)
            assert (changed.price, changed.amount) == (30500, 0.2)
        with step("cancellation: notification, order_cancel"):
            mark = seen.mark()
            await self.inputs.cancel_order(id=order.id)
            reply = await seen.wait("oc-req-notification", since=mark)
            assert (reply.status, reply.data.id) == ("SUCCESS", order.id)
            done = await seen.wait("order_cancel", lambda o: o.id == order.id, mark)
            assert done.order_status.startswith("CANCELED") and done.amount == 0.2

    async def market_order(self) -> None:
        seen, mark = self.seen, self.seen.mark()
        with step("market order: order_cancel, trades with fee, wallet_update"):
            await self.inputs.submit_order("EXCHANGE MARKET", PAIR, "0.05", "0", cid=12)
            await seen.wait("on-req-notification", lambda n: n.data.cid == 12, mark)
            order = await seen.wait("order_cancel", lambda o: o.cid == 12, mark)
            assert order.order_status.startswith("EXECUTED") and order.amount == 0
            assert order.price_avg > 0
            assert not [o for o in seen.named("order_new", mark) if o.id == order.id]
            rest = 0.05
            while rest > 1e-9:
                trade = await seen.wait("trade_execution_update", since=mark)
                mark = seen.events.index(("trade_execution_update", trade)) + 1
                assert (trade.order_id, trade.cid) == (order.id, 12)
                assert trade.fee < 0 and trade.fee_currency == "BTC"
                rest -= trade.exec_amount
            executed = [trade.id for trade in seen.named("trade_execution")]
            confirmed = [trade.id for trade in seen.named("trade_execution_update")]
            assert executed == confirmed

    async def refusals(self) -> None:
        seen = self.seen
        with step("refusals are notifications with the order's ids"):
            mark = seen.mark()
            await self.inputs.submit_order(
                "EXCHANGE LIMIT", PAIR, "1000", "60000", cid=13
            )
            reply = await seen.wait("on-req-notification", since=mark)
            assert (reply.status, reply.data.cid) == ("ERROR", 13)
            assert "balance" in reply.text
            await self.inputs.cancel_order(id=5)
            reply = await seen.wait("oc-req-notification", since=mark)
            assert (reply.status, reply.data.id) == ("ERROR", 5)
            await self.inputs.update_order(5, price="1")
            reply = await seen.wait("ou-req-notification", since=mark)
            assert (reply.status, reply.data.id) == ("ERROR", 5)
            assert not seen.named("order_new", mark)
        with step("a wrong secret is refused"):
            other = Client(KEY, "wrong", wss_host=WSS_HOST, rest_host=REST_HOST)
            try:
                await asyncio.wait_for(other.wss.start(), 20)
            except InvalidCredentialError:
                pass
            else:
                raise AssertionError("the client was let in")

    async def cancel_many(self) -> None:
        seen = self.seen
        with step("cancellation by cid, by group and of all"):
            for cid in (21, 22, 23, 24):
                await self.inputs.submit_order(
                    "EXCHANGE LIMIT", PAIR, "0.01", "29000", cid=cid, gid=cid % 2
                )
            orders = {}
            for cid in (21, 22, 23, 24):
                order = await seen.wait("order_new", lambda o, cid=cid: o.cid == cid)
                orders[cid] = order
            date = f"{self._utc(orders[21].mts_create):%Y-%m-%d}"
            mark = seen.mark()
            await self.inputs.cancel_order(cid=21, cid_date=date)
            await seen.wait("order_cancel", lambda o: o.cid == 21, mark)
            await self.inputs.cancel_order_multi(gid=[1])
            await seen.wait("order_cancel", lambda o: o.cid == 23, mark)
            await self.inputs.cancel_order_multi(id=[orders[22].id])
            await seen.wait("order_cancel", lambda o: o.cid == 22, mark)
            await self.inputs.cancel_order_multi(all=True)
            await seen.wait("order_cancel", lambda o: o.cid == 24, mark)
            cancelled = [order.cid for order in seen.named("order_cancel", mark)]
            assert cancelled == [21, 23, 22, 24]

    @staticmethod
    def _utc(mts: int) -> Any:
        from datetime import datetime, timezone

        return datetime.fromtimestamp(mts / 1000, timezone.utc)

    async def position(self) -> None:
        seen = self.seen
        with step("position: new, update, close"):
            mark = seen.mark()
            await self.inputs.submit_order("MARKET", PAIR, "0.02", "0", cid=31)
            opened = await seen.wait("position_new", since=mark)
            assert (opened.symbol, opened.status) == (PAIR, "ACTIVE")
            await self.inputs.submit_order("MARKET", PAIR, "0.02", "0", cid=32)
            await seen.wait(
                "position_update", lambda p: abs(p.amount - 0.04) < 1e-9, mark
            )
            await self.inputs.submit_order(
                "MARKET", PAIR, "-0.04", "0", cid=33, flags=1024
            )
            closed = await seen.wait("position_close", since=mark)
            assert (closed.position_id, closed.status) == (
                opened.position_id,
                "CLOSED",
            )
            for cid in (31, 32, 33):
                await seen.wait("order_cancel", lambda o, cid=cid: o.cid == cid, mark)

    async def calculations(self) -> None:
        seen, mark = self.seen, self.seen.mark()
        with step("calculations: margin, funding, balance, wallet"):
            await self.inputs.calc(
                "margin_base",
                f"margin_sym_{PAIR}",
                "funding_sym_fUSD",
                "wallet_exchange_BTC",
                "balance",
            )
            margin = await seen.wait("base_margin_info", since=mark)
            assert margin.margin_balance > 0
            symbol = await seen.wait("symbol_margin_info", since=mark)
            assert symbol.symbol == PAIR and symbol.tradable_balance > 0
            funding = await seen.wait("funding_info_update", since=mark)
            assert funding.symbol == "fUSD"
            balance = await seen.wait("balance_update", since=mark)
            assert balance.aum > 0
            wallet = await seen.wait(
                "wallet_update",
                lambda w: (w.wallet_type, w.currency) == ("exchange", "BTC"),
                mark,
            )
            assert wallet.available_balance == wallet.balance

    async def funding(self) -> None:
        seen, mark = self.seen, self.seen.mark()
        with step("funding offer: notification, new, cancel"):
            await self.inputs.submit_funding_offer("LIMIT", "fUSD", "200", "0.05", 2)
            reply = await seen.wait("fon-req-notification", since=mark)
            assert reply.status == "SUCCESS", reply.text
            offer = await seen.wait("funding_offer_new", since=mark)
            assert (offer.symbol, offer.amount, offer.rate) == ("fUSD", 200, 0.05)
            await self.inputs.cancel_funding_offer(offer.id)
            reply = await seen.wait("foc-req-notification", since=mark)
            assert (reply.status, reply.data.id) == ("SUCCESS", offer.id)
            await seen.wait("funding_offer_cancel", lambda o: o.id == offer.id, mark)
        with step("funding offer that is lent at once: executed, credit"):
            mark, auth = seen.mark(), self.bfx.rest.auth
            await self.inputs.submit_funding_offer("LIMIT", "fUSD", "150", "0.00001", 2)
            lent = await seen.wait("funding_offer_cancel", since=mark)
            assert lent.offer_status.startswith("EXECUTED") and lent.amount == 0
            await seen.wait("funding_credit_new", since=mark)
            credits = seen.named("funding_credit_new", mark)
            assert {(credit.symbol, credit.side) for credit in credits} == {("fUSD", 1)}
            assert sum(credit.amount for credit in credits) == 150
            held = auth.get_funding_credits(symbol="fUSD")
            assert {each.id for each in held} == {credit.id for credit in credits}
            trades = auth.get_funding_trades_history(symbol="fUSD")
            assert lent.id in {trade.offer_id for trade in trades}, trades

    async def message(self) -> None:
        mark = self.seen.mark()
        with step("a message to all connections of the account"):
            await self.wss.notify({"hello": 5}, message_id=9)
            echo = await self.seen.wait(
                "notification", lambda n: n.type == "ucm-test", mark
            )
            assert echo.data == {"hello": 5}

    async def public_channels(self) -> None:
        seen = self.seen
        with step("public channels"):
            await self.wss.subscribe("ticker", symbol=PAIR, sub_id="ticker")
            await self.wss.subscribe("ticker", symbol="fUSD")
            await self.wss.subscribe("trades", symbol=PAIR)
            await self.wss.subscribe("trades", symbol="fUSD")
            await self.wss.subscribe("book", symbol=PAIR, prec="P0", len="25")
            await self.wss.subscribe("book", symbol="tETHUSD", prec="R0", len="25")
            await self.wss.subscribe("book", symbol="fUSD", prec="P0", len="25")
            await self.wss.subscribe("candles", key=f"trade:1m:{PAIR}")
            await self.wss.subscribe("status", key="deriv:tBTCF0:USTF0")
            await self.wss.subscribe("status", key="liq:global")
            for name in (
                "t_ticker_update f_ticker_update t_trades_snapshot f_trades_snapshot"
                " t_book_snapshot t_raw_book_snapshot f_book_snapshot candles_snapshot"
                " derivatives_status_update liquidation_feed_update t_book_update"
                " t_raw_book_update f_book_update t_trade_execution"
                " t_trade_execution_update candles_update"
            ).split():
                await seen.wait(name)
            assert len(seen.named("subscribed")) == 10
        with step("checksums of a book of levels and of one of orders match"):
            while min(len(self.matched[name]) for name in (PAIR, "tETHUSD")) < 5:
                await seen.wait("checksum", since=seen.mark())
            assert all(self.matched[PAIR]) and all(self.matched["tETHUSD"])
        with step("resubscribe and unsubscribe"):
            mark = seen.mark()
            await self.wss.resubscribe("ticker")
            await seen.wait("t_ticker_update", since=mark)
            while "ticker" not in self._subscribed():
                await asyncio.sleep(0.01)
            await self.wss.unsubscribe("ticker")
            await asyncio.sleep(0)

    def _subscribed(self) -> List[str]:
        buckets = self.wss._BfxWebSocketClient__buckets
        return [each for bucket in buckets for each in bucket.ids]

    async def rest(self) -> None:
        public, auth = self.bfx.rest.public, self.bfx.rest.auth
        with step("public REST"):
            assert public.get_platform_status().status == 1
            assert public.get_t_ticker(PAIR).bid > 0
            assert PAIR in public.get_t_tickers([PAIR])
            assert public.get_f_ticker("fUSD").last_price > 0
            assert len(public.get_t_book(PAIR, "P0", len=25)) == 50
            assert len(public.get_t_raw_book(PAIR, len=25)) == 50
            assert len(public.get_t_trades(PAIR, limit=5)) == 5
            assert len(public.get_candles_hist(PAIR, "1m", limit=5)) == 5
            assert public.get_derivatives_status("ALL")
            assert public.get_fx_rate("BTC", "USD").current_rate > 0
            assert public.get_trading_market_average_price(PAIR, 0.5).price_avg > 0
        with step("signed REST"):
            assert auth.get_user_info().id
            assert len(auth.get_orders_history(symbol=PAIR)) >= 8
            trades = auth.get_trades_history(symbol=PAIR)
            assert {trade.fee_currency for trade in trades} == {"BTC", "USD"}
            assert auth.get_order_trades(PAIR, trades[0].order_id)
            assert auth.get_ledgers("USD", limit=5)
            assert auth.get_base_margin_info().margin_balance > 0
            assert auth.get_symbol_margin_info(PAIR).symbol == PAIR
            assert auth.get_positions() == []
            assert auth.get_balance_available_for_orders_or_offers(
                PAIR, "EXCHANGE", dir=-1, rate="60000"
            )
            moved = auth.transfer_between_wallets("exchange", "margin", "USD", "USD", 5)
            assert moved.status == "SUCCESS" and moved.data.amount == 5
            assert auth.get_deposit_address("exchange", "bitcoin").data.address
            assert auth.get_movements(currency="USD")
        with step("a refusal by REST is an exception"):
            try:
                auth.submit_order("EXCHANGE LIMIT", PAIR, "1000", "60000")
            except GenericError:
                pass
            else:
                raise AssertionError("the order was accepted")

    async def order_by_rest(self) -> None:
        seen, mark, auth = self.seen, self.seen.mark(), self.bfx.rest.auth
        with step("orders by REST are events of the channel"):
            order = auth.submit_order(
                "EXCHANGE LIMIT", PAIR, "0.1", "30000", cid=41
            ).data
            new = await seen.wait("order_new", lambda o: o.cid == 41, mark)
            assert new.id == order.id
            assert [each.id for each in auth.get_orders()] == [order.id]
            auth.update_order(order.id, price="30100")
            await seen.wait("order_update", lambda o: o.price == 30100, mark)
            auth.cancel_order(id=order.id)
            await seen.wait("order_cancel", lambda o: o.id == order.id, mark)
            auth.submit_order("EXCHANGE LIMIT", PAIR, "0.1", "30000", cid=42)
            await seen.wait("order_new", lambda o: o.cid == 42, mark)
            await seen.wait("wallet_update", since=mark)


if __name__ == "__main__":
    sys.exit(asyncio.run(Program().run()))
