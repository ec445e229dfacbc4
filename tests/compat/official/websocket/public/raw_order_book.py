"""Keep order books order by order, and compare them with the checksums of the exchange."""

import zlib
from decimal import Decimal
from typing import Any, Dict, List, Tuple, cast

from bfxapi import Client
from bfxapi.types import TradingPairRawBook
from bfxapi.websocket.subscriptions import Book

SYMBOLS = ["tLTCBTC", "tETHUSD", "tETHBTC"]
DEPTH = 25

# By symbol: price and amount by order id.
books: Dict[str, Dict[int, Tuple[float, float]]] = {symbol: {} for symbol in SYMBOLS}

bfx = Client()


def update(symbol: str, order: TradingPairRawBook) -> None:
    if order.price:
        books[symbol][order.order_id] = (order.price, order.amount)
    else:
        books[symbol].pop(order.order_id, None)


def text(number: float) -> str:
    """Write a number as the exchange does, which begins exponents at 1e-7."""
    if abs(number) >= 1e-6:
        return format(Decimal(repr(number)), "f")
    return str(number).replace("e-0", "e-")


def checksum(symbol: str) -> int:
    """Return the CRC-32 of ids and amounts, bids and asks in turn, from the best on."""
    orders = [(price, id, amount) for id, (price, amount) in books[symbol].items()]
    bids = sorted((-price, id, amount) for price, id, amount in orders if amount > 0)
    asks = sorted(order for order in orders if order[2] < 0)
    numbers: List[float] = []
    for (_, bid, bid_amount), (_, ask, ask_amount) in zip(bids[:DEPTH], asks[:DEPTH]):
        numbers += [bid, bid_amount, ask, ask_amount]
    return zlib.crc32(":".join(map(text, numbers)).encode())


def is_verifiable(symbol: str) -> bool:
    bids = sum(amount > 0 for _, amount in books[symbol].values())
    return bids >= DEPTH and len(books[symbol]) - bids >= DEPTH


@bfx.wss.on("open")
async def on_open():
    for symbol in SYMBOLS:
        await bfx.wss.subscribe("book", symbol=symbol, prec="R0")


@bfx.wss.on("subscribed")
def on_subscribed(subscription):
    print("subscribed:", subscription["symbol"])


@bfx.wss.on("t_raw_book_snapshot")
def on_t_raw_book_snapshot(subscription: Book, snapshot: List[TradingPairRawBook]):
    books[subscription["symbol"]] = {}
    for order in snapshot:
        update(subscription["symbol"], order)


@bfx.wss.on("t_raw_book_update")
def on_t_raw_book_update(subscription: Book, order: TradingPairRawBook):
    update(subscription["symbol"], order)


@bfx.wss.on("checksum")
async def on_checksum(subscription: Book, value: int):
    symbol = subscription["symbol"]
    if not is_verifiable(symbol):
        return
    if checksum(symbol) == value:
        print(symbol, "is as at the exchange")
        return
    print(symbol, "differs: subscribing again")
    again = cast(Dict[str, Any], subscription.copy())
    await bfx.wss.unsubscribe(sub_id=again.pop("sub_id"))
    await bfx.wss.subscribe(**again)


bfx.wss.run()
