"""Each event, method and input of the WebSocket of bitfinex-api-py 4.0.0, in one program."""

import asyncio
import logging
import os

import bfxapi
import bfxapi.types
from bfxapi import PUB_WSS_HOST, WSS_HOST, Client
from bfxapi.websocket import BfxWebSocketClient, subscriptions
from bfxapi.websocket.exceptions import (
    ActionRequiresAuthentication,
    ConnectionNotOpen,
    SubIdError,
    UnknownChannelError,
    UnknownEventError,
    UnknownSubscriptionError,
)

log = logging.getLogger(__name__)
print(WSS_HOST, PUB_WSS_HOST, ConnectionNotOpen, ActionRequiresAuthentication)

EVENTS = """
t_ticker_update f_ticker_update t_trade_execution t_trade_execution_update f_trade_execution
f_trade_execution_update t_trades_snapshot f_trades_snapshot t_book_snapshot f_book_snapshot
t_raw_book_snapshot f_raw_book_snapshot t_book_update f_book_update t_raw_book_update
f_raw_book_update candles_snapshot candles_update derivatives_status_update
liquidation_feed_update checksum
""".split()
ACCOUNT_EVENTS = """
order_snapshot order_new order_cancel position_snapshot position_new position_update
position_close funding_offer_snapshot funding_offer_new funding_offer_update
funding_offer_cancel funding_credit_snapshot funding_credit_new funding_credit_update
funding_credit_close funding_loan_snapshot funding_loan_new funding_loan_update
funding_loan_close trade_execution trade_execution_update wallet_snapshot wallet_update
base_margin_info symbol_margin_info funding_info_update balance_update on-req-notification
ou-req-notification oc-req-notification fon-req-notification foc-req-notification
""".split()
SYMBOLS = ["tBTCUSD", "tETHUSD"]

bfx = Client(
    api_key=os.getenv("BFX_API_KEY"),
    api_secret=os.getenv("BFX_API_SECRET"),
    filters=["trading", "funding", "wallet", "balance"],
    timeout=60 * 15,
)
seen = set()


class Program:
    """What a program does, as methods that await one another."""

    def __init__(self, wss: BfxWebSocketClient) -> None:
        self.wss, self.inputs = wss, wss.inputs
        self.is_authenticated = self.is_notified = False

    async def subscribe_all(self):
        # At the same time.
        await asyncio.gather(
            *[self.wss.subscribe("ticker", symbol=symbol) for symbol in SYMBOLS],
            self.wss.subscribe("ticker", symbol="fUSD"),
            self.wss.subscribe("trades", symbol="tBTCUSD"),
            self.wss.subscribe("trades", symbol="fUSD"),
        )
        await self.wss.subscribe(
            "book", symbol="tBTCUSD", prec="P0", freq="F0", len="25"
        )
        await self.wss.subscribe("book", symbol="tBTCUSD", prec="R0", sub_id="raw")
        await self.wss.subscribe("book", symbol="fUSD", prec="R0")
        await self.wss.subscribe("book", symbol="fUSD")
        await self.wss.subscribe("candles", key="trade:1m:tBTCUSD", sub_id="minutes")
        await self.wss.subscribe("status", key="deriv:tBTCF0:USTF0")
        await self.wss.subscribe("status", key="liq:global")

    async def refuse(self):
        """Ask for what does not exist."""
        try:
            await self.wss.subscribe("nothing", symbol="tBTCUSD")
        except UnknownChannelError:
            print("no such channel")
        try:
            await self.wss.subscribe("ticker", symbol="tLTCUSD", sub_id="raw")
        except SubIdError:
            print("no such id again")
        try:
            await self.wss.unsubscribe(sub_id="nothing")
        except UnknownSubscriptionError:
            print("no such subscription")
        try:
            self.wss.on("nothing", print)
        except UnknownEventError:
            print("no such event")

    async def trade(self):
        await self.inputs.submit_order(
            type="EXCHANGE LIMIT",  # far below the market
            symbol="tBTCUSD",
            amount=0.01,
            price=20_000,
        )
        await self.inputs.submit_order("MARKET", "tBTCUSD", "0.01", "0")
        await self.inputs.submit_funding_offer("LIMIT", "fUSD", "200", "0.01", 2)
        await self.inputs.calc("margin_base", "margin_sym_tBTCUSD", "funding_sym_fUSD")


program = Program(bfx.wss)


@bfx.wss.on("open")
async def on_open():
    await program.subscribe_all()
    await asyncio.sleep(0.01)
    await program.refuse()


@bfx.wss.on("subscribed")
def on_subscribed(subscription: subscriptions.Subscription):
    print("subscribed", subscription["channel"], subscription["sub_id"])


@bfx.wss.on("authenticated")
async def on_authenticated(data):
    print("user", data["userId"])
    await program.trade()


@bfx.wss.on("order_update")
async def on_order_update(order: bfxapi.types.Order):
    seen.add("order_update")
    await bfx.wss.inputs.cancel_order(id=order.id)


@bfx.wss.on("order_cancel")
async def on_order_cancel(order: bfxapi.types.Order):
    if "notification" not in seen:
        await bfx.wss.notify({"foo": 1}, message_id=5)


@bfx.wss.on("funding_offer_new")
async def on_funding_offer_new(offer: bfxapi.types.FundingOffer):
    await bfx.wss.inputs.cancel_funding_offer(id=offer.id)


async def on_order_new(order):
    if order.order_type == "EXCHANGE LIMIT":
        await bfx.wss.inputs.update_order(order.id, amount=0.02)


bfx.wss.on("order_new", callback=on_order_new)


@bfx.wss.on("notification")
async def on_notification(notification: bfxapi.types.Notification):
    if "notification" not in seen:
        seen.add("notification")
        await bfx.wss.inputs.cancel_order_multi(all=True)


def remember(event):
    async def handler(*arguments):
        seen.add(event)

    return handler


async def on_candle(subscription, candle):
    await bfx.wss.resubscribe(sub_id="raw")
    await bfx.wss.unsubscribe(sub_id=subscription["sub_id"])


async def on_checksum(subscription, value):
    if {"t_book_update", "order_update", "notification"} <= seen:
        await bfx.wss.close(code=1001, reason="enough")


bfx.wss.on("candles_snapshot", on_candle)
bfx.wss.on("checksum", on_checksum)


@bfx.wss.on("disconnected")
async def on_disconnected(code: int, reason: str):
    print("disconnected", code, reason)


async def main():
    for event in EVENTS + ACCOUNT_EVENTS:
        bfx.wss.on(event, callback=remember(event))
    await bfx.wss.start()
    print("ended")


if __name__ == "__main__":
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    loop.run_until_complete(main())
    loop.close()
