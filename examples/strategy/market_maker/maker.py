"""
Carries out what `quotes` wants, one step at a time, all on one thread.

There is at most one order on each side, and at most one request about it on its way. Nothing is
sent twice: until the fate of what was sent is known, nothing else is sent on that side.
"""

from __future__ import annotations

import logging
import threading
import time
from decimal import Decimal
from typing import Any, Dict, Mapping, Optional

from bfxsync import (
    AccountTrade,
    BfxError,
    Client,
    Degraded,
    Gap,
    NetworkError,
    NotExecuted,
    OrderBlocked,
    OrderReply,
    Reply,
)

from .quotes import BUY, SELL, Quote, Settings, State, change, quotes

GROUP = 20_001
"""Group id of the orders, by which the next run finds those that were left."""

log = logging.getLogger(__name__)


def client_options(settings: Settings) -> Dict[str, Any]:
    """Return the options of a client that guards what this program does."""
    _, quote_currency = settings.currencies
    return {
        "numbers": Decimal,
        "post_only": True,
        "max_order_value": {quote_currency: settings.max_order_value},
        "max_orders_per_minute": 120,
        "cancel_on_exit": True,
    }


class Side:
    """One side of the market: its order, and what it has traded."""

    def __init__(self, bfx: Client, settings: Settings, pause_s: float) -> None:
        self.inputs = bfx.wss.inputs
        self.settings = settings
        self.pause_s = pause_s
        self.reply: Optional[OrderReply] = None
        self.request: Optional[Reply[Any]] = None
        """An update or cancellation of the order, until its outcome is known."""
        self.sent = ""
        """What was sent last: ``place``, ``move`` or ``cancel``."""
        self.traded = Decimal(0)
        """By orders that are closed; negative if sold."""
        self.paused_until = 0.0
        self.is_in_doubt = False
        """Whether something is only presumed not to have been executed."""

    @property
    def quote(self) -> Optional[Quote]:
        """What is left of the order; None if it is not open."""
        order = self.reply.order if self.reply and self.reply.is_open else None
        if order is None:
            return None
        return Quote(Decimal(order.amount or 0), Decimal(order.price or 0))

    @property
    def position(self) -> Decimal:
        """What was bought so far; negative if sold."""
        return self.traded + Decimal(self.reply.executed if self.reply else 0)

    @property
    def is_empty(self) -> bool:
        """Whether there is no order, and nothing on its way."""
        return self.reply is None and self.request is None

    def collect(self) -> None:
        """Find out what has become of what was sent."""
        if self.request is not None and self.request.done():
            error, self.request = self.request.exception(0), None
            if error is not None:
                self.refused(error)
                if self.sent == "move" and self.quote is not None:
                    self.send("cancel")  # it must not stay where it is not wanted
        if self.reply is None or not self.reply.done():
            return
        reply, error = self.reply, self.reply.exception(0)
        if error is None and not reply.is_closed:
            return
        self.traded, self.reply = self.position, None
        order = reply.order
        if error is not None:
            self.refused(error)
        elif order and order.status.word not in ("EXECUTED", "CANCELED"):
            self.refused(order.order_status)

    def follow(self, wanted: Optional[Quote]) -> None:
        """Send what turns the order into the wanted one, unless an outcome is awaited."""
        if self.request is not None or (self.reply and not self.reply.done()):
            return
        what = change(wanted, self.quote, self.settings.tolerance)
        if what is not None and time.monotonic() >= self.paused_until:
            self.send(what, wanted)

    def send(self, what: str, wanted: Optional[Quote] = None) -> None:
        """Send one request; if that raises, nothing was sent."""
        log.info("%s %s", what, self.quote if what == "cancel" else wanted)
        self.sent = what
        try:
            if self.reply is None and wanted is not None:
                self.reply = self.inputs.submit_order(
                    "EXCHANGE LIMIT",
                    self.settings.symbol,
                    wanted.amount,
                    wanted.price,
                    gid=GROUP,
                    post_only=True,
                    on_fill=report,
                )
            elif self.reply is not None and wanted is not None and what == "move":
                self.request = self.reply.update_order(price=wanted.price)
            elif self.reply is not None:
                self.request = self.reply.cancel_order()
        except NetworkError as error:  # not connected
            self.refused(error)
        except OrderBlocked as error:  # by a guard, which lets cancellations through
            self.refused(error)
            if what == "move":
                self.send("cancel")

    def refused(self, reason: object) -> None:
        """Send nothing on this side for a while."""
        log.warning("refused: %s", reason)
        wait_s = getattr(reason, "retry_after_s", None) or self.pause_s
        self.paused_until = time.monotonic() + wait_s
        if isinstance(reason, NotExecuted) and reason.proof == "absent":
            self.is_in_doubt = True


class MarketMaker:
    """
    Quotes both sides of a market.

    Parameters
    ----------
    bfx : Client
        With the options of `client_options`.
    settings : Settings
    pause_s : float
        Seconds until the next request on a side on which one was refused.
    """

    def __init__(self, bfx: Client, settings: Settings, pause_s: float = 1.0) -> None:
        self.bfx, self.settings, self.account = bfx, settings, bfx.wss.account
        self.sides: Mapping[int, Side] = {
            side: Side(bfx, settings, pause_s) for side in (BUY, SELL)
        }
        self.min_size = bfx.symbols.min_order_size(settings.symbol) or Decimal(0)
        self.max_size = bfx.symbols.max_order_size(settings.symbol) or Decimal("inf")
        self.target = settings.target
        self.start_position = Decimal(0)
        self.knows_account = False
        self.had_gap = threading.Event()
        self.is_stopping = threading.Event()
        self.book = bfx.wss.subscribe_book(settings.symbol, on_event=self.on_event).book

    @property
    def position(self) -> Decimal:
        """What the account has more than `target`, in base currency; negative if less."""
        traded = sum(side.position for side in self.sides.values())
        return self.start_position + traded

    @property
    def is_empty(self) -> bool:
        """Whether there is no order, and nothing on its way."""
        return all(side.is_empty for side in self.sides.values())

    def run(self) -> None:
        """Trade until `stop`, or an error; then cancel the orders."""
        try:
            while not self.is_stopping.is_set():
                self.step()
                self.bfx.wss.wait_on_update(timeout=0.5)
        finally:
            self.withdraw()

    def stop(self) -> None:
        """Let `run` end; may be called by any thread, and by a signal handler."""
        self.is_stopping.set()

    def step(self) -> None:
        """Look at everything once, and send what has to be changed."""
        for side in self.sides.values():
            side.collect()
            if side.is_in_doubt:
                self.knows_account = side.is_in_doubt = False
        if self.is_empty:
            self.had_gap.clear()  # everything is withdrawn, and the book is a new one
            if not self.knows_account:
                self.read_account()
        wanted = quotes(self.state(), self.settings)
        for number, side in self.sides.items():
            side.follow(wanted.get(number))

    def state(self) -> State:
        """Return what is known now."""
        book = self.book.snapshot()
        is_stale = self.book.is_stale or self.account.is_stale or self.had_gap.is_set()
        open_quotes = ((number, side.quote) for number, side in self.sides.items())
        return State(
            # They are Decimals already, as the client was asked for; type checkers see floats.
            bids=[(Decimal(level.price), Decimal(level.amount)) for level in book.bids],
            asks=[
                (Decimal(level.price), -Decimal(level.amount)) for level in book.asks
            ],
            position=self.position,
            own={number: quote for number, quote in open_quotes if quote},
            min_size=self.min_size,
            max_size=self.max_size,
            is_trusted=self.knows_account and book.is_live and not is_stale,
        )

    def read_account(self) -> None:
        """Cancel what an earlier run has left, and then read what the account holds."""
        self.account.wait_ready()
        left = [
            order.id
            for order in self.account.orders.by_gid(GROUP)
            if order.symbol == self.settings.symbol
        ]
        if left:
            log.info("cancelling %d orders of an earlier run", len(left))
            self.bfx.wss.inputs.cancel_order_multi(id=left).result()
        base, _ = self.settings.currencies
        balance = Decimal(0)
        for wallet in self.bfx.rest.auth.get_wallets():
            if (wallet.wallet_type, wallet.currency) == ("exchange", base):
                balance = Decimal(wallet.balance)
        if self.target is None:
            self.target = balance
        for side in self.sides.values():
            side.traded = Decimal(0)
        self.start_position = balance - self.target
        self.knows_account = True
        log.info("balance %s %s, position %+f", balance, base, self.position)

    def withdraw(self, timeout_s: float = 10.0) -> None:
        """Cancel the orders, and wait until they are closed."""
        deadline = time.monotonic() + timeout_s
        try:
            while time.monotonic() < deadline:
                for side in self.sides.values():
                    side.collect()
                    side.follow(None)
                if self.is_empty:
                    return
                self.bfx.wss.wait_on_update(timeout=0.1)
        except BfxError as error:  # the client has ended
            log.error("%s", error)
        log.error("orders may be open; the client tries to cancel them at its end")

    def on_event(self, event: object) -> None:
        """Note, on the thread of callbacks, that the book was not as it seemed to be."""
        if isinstance(event, (Gap, Degraded)):
            log.warning("%s", event)
            self.had_gap.set()


def report(trade: AccountTrade) -> None:
    """Log a trade, on the thread of callbacks."""
    verb = "bought" if trade.exec_amount > 0 else "sold"
    log.info("%s %f at %s", verb, abs(trade.exec_amount), trade.exec_price)
