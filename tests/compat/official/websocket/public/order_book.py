"""
Keep order books by price level, and compare them with the checksums of the exchange.

With bfxsync a program need not do so itself: `subscribe` returns a handle whose `book` is kept,
compared and replaced in the background.
"""

import zlib
from typing import Dict, List, Tuple

from bfxapi import Client
from bfxapi.types import TradingPairBook
from bfxapi.websocket.subscriptions import Book

SYMBOLS = ["tLTCBTC", "tETHUSD", "tETHBTC"]
DEPTH = 25

# By symbol: amounts by price, of bids and of asks.
books: Dict[str, Tuple[Dict[float, float], Dict[float, float]]] = {
    symbol: ({}, {}) for symbol in SYMBOLS
}
is_restarting = dict.fromkeys(SYMBOLS, False)

bfx = Client()


def update(symbol: str, level: TradingPairBook) -> None:
    side = books[symbol][level.amount < 0]
    if level.count:
        side[level.price] = level.amount
    else:
        side.pop(level.price, None)


def checksum(symbol: str) -> int:
    bids, asks = books[symbol]
    numbers: List[float] = []
    for bid, ask in zip(sorted(bids, reverse=True)[:DEPTH], sorted(asks)[:DEPTH]):
        numbers += [bid, bids[bid], ask, asks[ask]]
    return zlib.crc32(":".join(map(str, numbers)).encode())


@bfx.wss.on("open")
async def on_open():
    for symbol in SYMBOLS:
        await bfx.wss.subscribe("book", symbol=symbol)


@bfx.wss.on("subscribed")
def on_subscribed(subscription):
    print("subscribed:", subscription["symbol"])


@bfx.wss.on("t_book_snapshot")
def on_t_book_snapshot(subscription: Book, snapshot: List[TradingPairBook]):
    books[subscription["symbol"]] = ({}, {})
    for level in snapshot:
        update(subscription["symbol"], level)


@bfx.wss.on("t_book_update")
def on_t_book_update(subscription: Book, level: TradingPairBook):
    update(subscription["symbol"], level)


@bfx.wss.on("checksum")
async def on_checksum(subscription: Book, value: int):
    symbol = subscription["symbol"]
    if checksum(symbol) == value:
        print(symbol, "is as at the exchange")
        is_restarting[symbol] = False
    elif not is_restarting[symbol]:
        print(symbol, "differs: subscribing again")
        await bfx.wss.resubscribe(sub_id=subscription["sub_id"])
        is_restarting[symbol] = True


bfx.wss.run()
