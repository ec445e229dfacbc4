"""Somebody who sends orders and offers at random, over the WebSocket."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import Any, Callable

from bfxsync import BfxError, Client

from .order_trader import KINDS, OrderTrader


class RandomTrader:
    """
    Does what comes to its mind, and remembers what it was told.

    Parameters
    ----------
    bfx : Client
    number : int
        Of this trader, see `OrderTrader`.
    near : callable
        Returns a price that the next sale takes.

    Attributes
    ----------
    trader : OrderTrader
    """

    def __init__(
        self, bfx: Client, number: int, near: Callable[[], str], seed: int = 1
    ) -> None:
        self.trader = OrderTrader(bfx, number, seed)
        self.random = self.trader.random
        self._near = near
        self._cancelled: set[int] = set()
        self._acts: dict[Callable[[], object], int] = {
            self._submit: 8,
            self._submit_near: 4,
            self._submit_multi: 1,
            self._update: 3,
            self._cancel: 6,
            self._offer: 1,
            self._cancel_offer: 1,
            self._wait: 2,
        }

    def run(self, stop: threading.Event) -> None:
        """Act until that is set."""
        while not stop.is_set():
            self.act()
            stop.wait(self.random.uniform(0.0, 0.02))

    def act(self) -> None:
        """Do one thing."""
        (act,) = self.random.choices([*self._acts], [*self._acts.values()])
        act()

    def _submit(self) -> None:
        self.trader.submit(self.random.choice([*KINDS]))

    def _submit_near(self) -> None:
        """Bid what the next sale takes, also one of one's own."""
        self.trader.submit("resting", price=self._near())

    def _submit_multi(self) -> None:
        self.trader.submit_multi(self.random.choices([*KINDS], k=3))

    def _update(self) -> None:
        order = self._found("on")
        # A stop that is triggered loses its price, so nobody can tell what became of its update.
        if order is not None and "STOP" not in (order.type_prev or order.order_type):
            self.trader.update(order.id)

    def cancel(self, id: int) -> None:
        """Cancel an order, unless that was done before."""
        if id not in self._cancelled:
            self._cancelled.add(id)
            self.trader.cancel(id)

    def _cancel(self) -> None:
        order = self._found("on")
        if order is not None:
            self.cancel(order.id)

    def _offer(self) -> None:
        self.trader.offer()

    def _cancel_offer(self) -> None:
        offer = self._found("fon")
        if offer is not None and offer.id not in self._cancelled:
            self._cancelled.add(offer.id)
            self.trader.cancel_offer(offer.id)

    def _wait(self) -> None:
        """Wait a moment for what was sent last."""
        if self.trader.deeds and self.trader.deeds[-1].reply is not None:
            with suppress(BfxError):
                self.trader.deeds[-1].reply.result(0.05)

    def _found(self, name: str) -> Any:
        """Return a recent order or offer of this thread that was placed."""
        recent = [
            deed.reply.result(0)
            for deed in self.trader.deeds[-60:]
            if deed.key[0] == name
            and deed.reply is not None
            and deed.reply.done()
            and deed.reply.exception(0) is None
        ]
        return self.random.choice(recent) if recent else None
