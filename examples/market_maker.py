"""
Quote both sides of a market by callbacks, through a disconnect, and report what was traded.

The end of every order is known: executed, cancelled, refused or never sent. None is sent twice.
"""

import threading
from collections import Counter

from bfxsync import NetworkError
from bfxsync.paper import PaperExchange

SYMBOL, SIZE, ENOUGH = "tBTCUSD", 0.01, 12


class MarketMaker:
    """Keeps one order at the best price of each side."""

    def __init__(self, bfx):
        self.inputs, self.is_over = bfx.wss.inputs, threading.Event()
        self.quotes, self.moved, self.trades, self.ends = {}, set(), [], Counter()
        self.book = bfx.wss.subscribe_book(SYMBOL).book
        bfx.wss.subscribe_book(SYMBOL, self.on_book)

    def on_book(self, _):
        for side, best in (1, self.book.best_bid), (-1, self.book.best_ask):
            if best and not self.is_over.is_set():
                try:
                    self.quote(side, best.price, self.quotes.get(side))
                except NetworkError:
                    return  # not connected, nothing sent: the next update tries again

    def quote(self, side, price, quote):
        if quote is None:
            terms = ("EXCHANGE LIMIT", SYMBOL, side * SIZE, price)
            calls = {"on_fill": self.on_fill, "on_done": self.on_done}
            reply = self.inputs.submit_order(*terms, post_only=True, **calls)
            self.quotes[side] = reply
        elif quote.order and quote.order.price != price and quote not in self.moved:
            # Refused if it has just been executed: `on_done` says how it ended.
            quote.cancel_order().add_done_callback(lambda reply: reply.exception())
            self.moved.add(quote)

    def on_fill(self, trade):
        self.trades.append(trade)
        if len(self.trades) >= ENOUGH:
            self.is_over.set()

    def on_done(self, quote):
        error = quote.exception(0)
        self.ends[type(error).__name__ if error else quote.order.status.word] += 1
        self.quotes = {s: each for s, each in self.quotes.items() if each is not quote}


with PaperExchange(rate=20) as exchange, exchange.client() as bfx:
    maker = MarketMaker(bfx)
    threading.Timer(1.0, exchange.drop_connections).start()
    maker.is_over.wait(30)
    bfx.halt()
    bought = sum(trade.exec_amount for trade in maker.trades)
    paid = sum(trade.exec_amount * trade.exec_price for trade in maker.trades)
    print(f"{len(maker.trades)} trades, position {bought:+.2f} BTC, {-paid:+,.2f} USD")
    print("orders:", ", ".join(f"{n} {end}" for end, n in maker.ends.items()))
    print("still open:", len(bfx.rest.auth.get_orders()))
