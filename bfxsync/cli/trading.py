"""
The trades of a demonstration: a limit and a market order, and a forced disconnect.

Strategy: the steps run in their own thread, like a user's program, and assign whole tuples; the
drawing thread reads these.
"""

from __future__ import annotations

import time
from contextlib import suppress
from functools import partial
from threading import Event, Thread
from typing import Callable, Iterator

from bfxsync import BfxError, BookView, Client, OrderRejected, OrderReply
from bfxsync._base.shield import start_thread
from bfxsync.cli.summary import Step
from bfxsync.cli.text import price_text
from bfxsync.paper import PaperExchange

SYMBOL = "tBTCUSD"
BOUGHT, SOLD = 0.1, 0.05

# Start times of the steps, as fractions of the duration.
_LIMIT, _MARKET, _CUT, _END = 0.05, 0.4, 0.55, 0.85
_PATIENT = 0.3
"""Fraction of the duration after which the price of a resting order is raised."""
_POLL_S = 0.02
_DEADLINE_S = 20.0
"""Only ends waits that would never end."""


class Trading:
    """
    Trades on a local exchange in its own thread, within `seconds`.

    Parameters
    ----------
    recovered : callable
        Returns the number of disconnects after which all subscriptions have data again.
    """

    def __init__(
        self,
        bfx: Client,
        exchange: PaperExchange,
        book: BookView,
        seconds: float,
        recovered: Callable[[], int],
    ) -> None:
        self.steps: tuple[Step, ...] = ()
        self.problem: str | None = None
        self._bfx = bfx
        self._exchange = exchange
        self._book = book
        self._seconds = seconds
        self._recovered = recovered
        self._began_at = 0.0
        self._stopping = Event()
        self._thread = Thread(target=self._run, name="bfxsync-demo-trader", daemon=True)

    def start(self) -> None:
        """Start to trade."""
        self._began_at = time.monotonic()
        start_thread(self._thread)

    def stop(self) -> None:
        """End after the current request, and wait for that."""
        self._stopping.set()
        self._thread.join()

    @property
    def is_running(self) -> bool:
        """Whether there are remaining steps."""
        return self._thread.is_alive()

    def _run(self) -> None:
        try:
            for begin, step in self._schedule():
                self._pause_until(begin)
                if self._stopping.is_set():
                    return
                step()
        except BfxError as exc:
            if not self._stopping.is_set():
                self.problem = f"trading ended with {type(exc).__name__}: {exc}"

    def _schedule(self) -> Iterator[tuple[float, Callable[[], None]]]:
        yield 0.0, partial(self._wallet, "before")
        yield _LIMIT, self._buy
        yield _MARKET, self._sell
        yield _CUT, self._cut
        yield _END, partial(self._wallet, "after")

    def _wallet(self, label: str) -> None:
        found = {
            wallet.currency: wallet.balance
            for wallet in self._bfx.rest.auth.get_wallets()
            if wallet.wallet_type == "exchange"
        }
        self._tell(label, f"{found['USD']:,.2f} USD {found['BTC']:,.4f} BTC")

    def _buy(self) -> None:
        bid = self._book.best_bid
        price = bid.price if bid is not None else 0.0
        self._tell("limit", f"buy {BOUGHT:.4f} BTC at {price_text(price)}", "buy")
        reply = self._submit("EXCHANGE LIMIT", BOUGHT, price)
        while not self._is_filled(reply):
            ask = self._book.best_ask
            if self._has_passed(_PATIENT) and ask is not None and ask.price > price:
                price = ask.price
                # Refused if it has just been filled.
                with suppress(OrderRejected):
                    reply.update_order(price=price).result(_DEADLINE_S)
                    self._tell("", f"moved to {price_text(price)}")
            if self._is_too_late():
                self.problem = "the limit order was not filled"
                return

    def _sell(self) -> None:
        self._tell("market", f"sell {SOLD:.4f} BTC", "sell")
        reply = self._submit("EXCHANGE MARKET", -SOLD)
        while not self._is_filled(reply):
            if self._is_too_late():
                self.problem = "the market order was not filled"
                return

    def _submit(
        self, type: str, amount: float, price: float | None = None
    ) -> OrderReply:
        """Place an order, and wait until the exchange lists it."""
        reply = self._bfx.wss.inputs.submit_order(type, SYMBOL, amount, price)
        reply.result(_DEADLINE_S)
        return reply

    def _cut(self) -> None:
        self._tell("cut", "by the exchange", "bad")
        cut_at = time.monotonic()
        self._exchange.drop_connections()
        while not self._recovered():
            if self._is_too_late():
                self.problem = "no data after the disconnect"
                return
        self._tell("", f"data again after {time.monotonic() - cut_at:.2f} s")

    def _is_filled(self, reply: OrderReply) -> bool:
        """Wait briefly; if an order is filled, with known fees, describe it and return True."""
        self._stopping.wait(_POLL_S)
        order, fills = reply.order, reply.fills
        if order is None or order.status.is_open:
            return False
        if not fills or any(trade.fee is None for trade in fills):
            return False
        fee = sum(abs(trade.fee or 0.0) for trade in fills)
        currency = fills[0].fee_currency
        price = price_text(order.price_avg)
        self._tell("", f"filled {price} fee {fee:.4g} {currency}")
        return True

    def _tell(self, label: str, text: str, tone: str = "") -> None:
        self.steps = (*self.steps, Step(label, text, tone))

    def _has_passed(self, ratio: float) -> bool:
        return time.monotonic() - self._began_at >= ratio * self._seconds

    def _pause_until(self, ratio: float) -> None:
        left_s = self._began_at + ratio * self._seconds - time.monotonic()
        self._stopping.wait(max(0.0, left_s))

    def _is_too_late(self) -> bool:
        """Wait briefly, and return whether the time is over."""
        self._stopping.wait(_POLL_S)
        late_at = self._began_at + self._seconds + _DEADLINE_S
        return self._stopping.is_set() or time.monotonic() >= late_at
