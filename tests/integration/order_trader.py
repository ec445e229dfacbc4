"""Somebody who trades over the WebSocket, and remembers all that they were told."""

from __future__ import annotations

import itertools
import random
import threading
import time
from typing import Any, Callable, Sequence

import attrs

from bfxsync import BfxError, Client

from .bare_server import DEADLINE_S
from .order_judge import Belief, Key, OrderJudge

SYMBOL = "tBTCUSD"

POST_ONLY, HIDDEN = 4096, 64

KINDS: dict[str, dict[str, Any]] = {
    "resting": {"type": "EXCHANGE LIMIT", "price": "30000"},
    "hidden": {"type": "EXCHANGE LIMIT", "price": "30000", "flags": HIDDEN},
    "stop": {"type": "EXCHANGE STOP", "price": "99000"},
    "market": {"type": "EXCHANGE MARKET"},
    "crossing": {"type": "EXCHANGE LIMIT", "price": "90000"},
    "ioc": {"type": "EXCHANGE IOC", "price": "90000"},
    "killed": {"type": "EXCHANGE FOK", "price": "20000"},
    "post only": {"type": "EXCHANGE LIMIT", "price": "90000", "flags": POST_ONLY},
    "refused": {"type": "EXCHANGE LIMIT", "price": "50000", "amount": "9999"},
}
"""New orders by what becomes of them: bids, far from a market at about 64,000, or crossing it."""

RESTING = ("resting", "hidden", "stop")
CLOSED_AT_ONCE = ("market", "crossing", "ioc", "killed", "post only")


@attrs.define
class Deed:
    """
    An input, and what its user was told.

    Attributes
    ----------
    reply : Reply or None
        None if the call raised `raised`.
    fills, dones : list
        What `on_fill` and `on_done` were called with, of a new order.
    """

    key: Key
    kind: str
    reply: Any = None
    raised: BfxError | None = None
    fills: list[Any] = attrs.field(factory=list)
    dones: list[Any] = attrs.field(factory=list)

    def settle(self, timeout_s: float = DEADLINE_S) -> tuple[Any, BfxError | None]:
        """Wait until its fate is known; return its result, and its error."""
        if self.reply is None:
            return None, self.raised
        error = self.reply.exception(timeout_s)
        return (self.reply.result(0), None) if error is None else (None, error)

    def check(self, judge: OrderJudge, *, has_fees: bool = True) -> str:
        """
        Compare all that its user was told with the truth; return the outcome.

        Without `has_fees` events with fees may have been lost.
        """
        result, error = self.settle()
        if self.key[0] != "on" or self.raised is not None:
            return judge.judge_change(self.key, result, error)
        cid, reply = self.key[1], self.reply
        outcome = judge.judge(Belief(cid, reply.order, result, error, reply.fills))
        truth = judge.truth(cid)
        assert sorted(trade.id for trade in self.fills) == sorted(truth.trades)
        assert not has_fees or all(fill.fee is not None for fill in reply.fills)
        is_over = error is not None or not truth.is_open
        assert self.dones == [reply] * is_over, (self, truth)
        return outcome


class OrderTrader:
    """
    Trades, with numbers and prices that nobody else uses.

    Parameters
    ----------
    bfx : Client
    number : int
        Of this trader; its client order ids, prices and rates are its own.

    Attributes
    ----------
    deeds : list of Deed
        All inputs, in order.
    next_cid : int
        Client order id of the next order.
    """

    def __init__(self, bfx: Client, number: int = 1, seed: int = 1) -> None:
        self.inputs = bfx.wss.inputs
        self.random = random.Random(f"{seed} {number}")
        self.deeds: list[Deed] = []
        self._numbers = itertools.count(number * 3_000 + 1)
        self.next_cid = number * 1_000_000 + 1

    def submit(self, kind: str, **options: Any) -> Deed:
        """Send a new order; `options` replace those of its kind."""
        deed, arguments = self._new(kind)
        return self._do(deed, self.inputs.submit_order, **{**arguments, **options})

    def submit_multi(self, kinds: Sequence[str]) -> list[Deed]:
        """Send several new orders in one message."""
        drafts = [self._new(kind) for kind in kinds]
        deeds = [deed for deed, _ in drafts]
        ops = [("on", arguments) for _, arguments in drafts]
        try:
            replies: Sequence[Any] = self.inputs.submit_order_multi(ops)
        except BfxError as error:
            for deed in deeds:
                deed.raised = error
        else:
            for deed, reply in zip(deeds, replies):
                deed.reply = reply
        self.deeds += deeds
        return deeds

    def update(self, id: int) -> Deed:
        """Change the price of an order to one that no other has."""
        price = next(self._numbers) + 30_000
        deed = Deed(("ou", id, float(price)), "update")
        return self._do(deed, self.inputs.update_order, id, price=price)

    def cancel(self, id: int) -> Deed:
        """Cancel an order."""
        return self._do(Deed(("oc", id), "cancel"), self.inputs.cancel_order, id=id)

    def offer(self) -> Deed:
        """Offer dollars at a rate that no other offer has."""
        rate = f"0.0{next(self._numbers) + 10_000}"
        deed = Deed(("fon", float(rate)), "offer")
        call = self.inputs.submit_funding_offer
        return self._do(deed, call, "LIMIT", "fUSD", "200", rate, 2)

    def cancel_offer(self, id: int) -> Deed:
        """Cancel an offer."""
        deed = Deed(("foc", id), "cancel offer")
        return self._do(deed, self.inputs.cancel_funding_offer, id)

    def _new(self, kind: str) -> tuple[Deed, dict[str, Any]]:
        """Return a new order, and the arguments of its submission."""
        deed = Deed(("on", self.next_cid), kind)
        arguments = {
            "symbol": SYMBOL,
            "amount": f"0.{self.random.randint(100, 999):05}",
            **KINDS[kind],
            "cid": self.next_cid,
            "on_fill": deed.fills.append,
            "on_done": deed.dones.append,
        }
        self.next_cid += 1
        return deed, arguments

    def _do(
        self, deed: Deed, call: Callable[..., Any], *args: Any, **options: Any
    ) -> Deed:
        self.deeds.append(deed)
        try:
            deed.reply = call(*args, **options)
        except BfxError as error:
            deed.raised = error
        return deed


def eventually(check: Callable[[], Any], timeout_s: float = DEADLINE_S) -> Any:
    """Return what a check returns, once it holds: the exchange may be ahead of its clients."""
    deadline = time.monotonic() + timeout_s
    pause = threading.Event()
    while True:
        try:
            return check()
        except AssertionError:
            if time.monotonic() > deadline:
                raise
        pause.wait(0.002)
