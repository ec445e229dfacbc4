"""An owner of replies with real dispatch threads, and orders as the exchange would send them."""

from __future__ import annotations

import time

from bfxsync.models import AccountTrade, Order
from bfxsync.ws.core.lifetime import Lifetime
from bfxsync.ws.dispatch.dispatcher import Dispatcher


class Owner:
    """As much of a client as replies need; the test's own thread is the I/O thread."""

    timeout_s = 0.01

    def __init__(self, threads=1):
        self.lifetime = Lifetime()
        self.errors = []
        self.unread = []
        self.dispatcher = Dispatcher(
            "bfxsync-dispatch", self.errors.append, thread_count=threads
        )
        self.dispatcher.start()
        self.forbidden = None

    def resolve(self, reply, error, timeout):
        return reply.result(timeout)

    def check_may_wait(self):
        if self.forbidden is not None:
            raise self.forbidden

    def report_unread(self, error):
        self.unread.append(error)

    def wake(self):
        self.dispatcher.run_ready()

    def perform(self, function, *arguments, **options):
        """Do something on the I/O thread, which wakes the dispatch threads before it waits."""
        function(*arguments, **options)
        self.dispatcher.run_ready()

    def close(self):
        deadline = time.monotonic() + 5.0
        self.dispatcher.stop(deadline)
        assert self.dispatcher.join(deadline)
        self.lifetime.stopped.set()


def order(status="ACTIVE", left=2.0, orig=2.0, id=77, number=float):
    row = [None] * 32
    row[0], row[2], row[3], row[4], row[5] = id, 5, "tBTCUSD", 1, 2
    row[6], row[7], row[8], row[13] = left, orig, "EXCHANGE LIMIT", status
    return Order.from_row(row, number)


def fill(id=1, amount=1.0, fee=None):
    row = [id, "tBTCUSD", 3, 77, amount, 100.0, "EXCHANGE LIMIT", 100.0, 1, fee]
    return AccountTrade.from_row([*row, None if fee is None else "USD", 5])
