"""An exchange whose time passes only in steps."""

from __future__ import annotations

from typing import Callable

from bfxsync._base.describe import also_half_made
from bfxsync.errors import RequestTimeout
from bfxsync.paper import PaperExchange
from bfxsync.paper.settings import check_seconds
from bfxsync.testing.settle import check_may_settle, settle_all

_PART_S = 1.0


class FrozenMarket:
    """
    Stops the time of an exchange; the type of the fixture ``bfx_frozen_market``.

    Parameters
    ----------
    exchange : PaperExchange
        A running exchange; it is paused.

    Attributes
    ----------
    exchange : PaperExchange
    """

    # Called after each part of a step; the fixture fails the test if a callback has raised.
    _check: Callable[[], None]

    def __init__(self, exchange: PaperExchange) -> None:
        exchange.pause()
        self.exchange: PaperExchange = exchange
        self._check = lambda: None

    @also_half_made
    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self.exchange!r}>"

    def step(self, seconds: float = 1.0) -> None:
        """
        Let time pass, and wait until all clients in this process have handled what happened.

        That includes their callbacks, and the answers to requests that these have sent. A long step
        is taken in parts of a second, so that an order of a callback is not executed much later
        than the event it follows, and no mailbox overflows. Threads of the test's own are not
        awaited.

        Of the fixture it fails the test as soon as a callback has raised, unless that is allowed.

        Raises
        ------
        UsageError
            `seconds` is not positive, or this is a callback or another thread is in a step.
        RequestTimeout
            A client was not done after 10 seconds.
        """
        check_seconds(seconds)
        check_may_settle(self.exchange, "step")
        while seconds > 0:
            part_s = min(seconds, _PART_S)
            seconds -= part_s
            self.exchange.step(part_s)
            settle_all(self.exchange)
            self._check()

    def step_until(
        self, condition: Callable[[], object], seconds: float = 600.0
    ) -> None:
        """
        Step by seconds until a condition is true, as long as `step` would.

        Parameters
        ----------
        condition : callable
            Takes nothing; evaluated at first and after each second of the exchange's time.
        seconds : float
            Seconds of the exchange's time after which the step fails.

        Raises
        ------
        RequestTimeout
            The condition is not true after `seconds`; also as for `step`.
        UsageError
            As for `step`.
        """
        check_seconds(seconds)
        left_s = seconds
        while not condition():
            if left_s <= 0:
                raise RequestTimeout(
                    f"the condition is not true after {seconds:g} s of the exchange's time"
                )
            self.step(min(left_s, _PART_S))
            left_s -= _PART_S
