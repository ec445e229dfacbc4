"""
The trading account of the soak: traders on both transports, and what they were told.

Strategy: deeds are sent to the process of the exchange, whose journal is the judge; so they become
plain values first.
"""

from __future__ import annotations

import random
import threading
from contextlib import suppress
from typing import Any, Callable, List, Optional, Tuple

import attrs

from bfxsync import BfxError, Client, OutcomeUnknown
from tests.integration.order_judge import Key, OrderJudge
from tests.integration.order_trader import KINDS, SYMBOL, Deed
from tests.integration.random_trader import RandomTrader

#: Deeds whose orders may still be open; the orders of older ones are cancelled.
KEPT = 60

#: REST orders by what becomes of them.
REST_KINDS = ("resting", "market", "post only", "refused")

#: Client order ids of REST orders begin here.
FIRST_REST_CID = 900_000_001


@attrs.define
class ToldReply:
    """What a reply has told so far."""

    order: Any
    fills: List[Any]
    value: Any
    error: Optional[BfxError]

    def exception(self, timeout: object = None) -> Optional[BfxError]:
        return self.error

    def result(self, timeout: object = None) -> Any:
        return self.value


def told(deed: Deed) -> Deed:
    """Return a copy of a deed that can be sent to another process."""
    reply: Any = deed.reply
    if reply is None:
        return attrs.evolve(deed)
    error = reply.exception(0)
    value = None if error is not None else reply.result(0)
    is_new = deed.key[0] == "on"
    copy = ToldReply(
        reply.order if is_new else None, reply.fills if is_new else [], value, error
    )
    dones = [copy if each is reply else each for each in deed.dones]
    return attrs.evolve(deed, reply=copy, fills=list(deed.fills), dones=dones)


def is_closed(deed: Deed) -> bool:
    """Return whether nothing more will be said about it."""
    if deed.reply is None or deed.key[0] != "on":
        return True
    return bool(deed.dones)


@attrs.define
class RestDeed:
    """
    A REST call, and what it said.

    Attributes
    ----------
    was_unknown : bool
        Whether it raised `OutcomeUnknown`; `result` and `error` are those of ``resolve()``.
    """

    key: Key
    kind: str
    result: Any = None
    error: Optional[BfxError] = None
    was_unknown: bool = False

    def check(self, judge: OrderJudge) -> str:
        """Compare it with the truth; return the outcome."""
        if self.was_unknown and self.key[0] == "oc" and self.error is None:
            # ``resolve()`` returns the state of the order: an open one says only that it was not
            # cancelled until then.
            if self.result.order_status.startswith(("ACTIVE", "PARTIALLY FILLED")):
                return "open after unknown"
        outcome = judge.judge_change(self.key, self.result, self.error)
        return f"{outcome} after unknown" if self.was_unknown else outcome


class RestTrader:
    """
    Places and cancels orders by REST, one after the other.

    Parameters
    ----------
    bfx : Client
    again : Client, optional
        Sends every new order once more, as must not be.
    """

    def __init__(self, bfx: Client, seed: int, again: Optional[Client] = None) -> None:
        self._rest = bfx.rest.auth
        self._random = random.Random(f"rest {seed}")
        self._again = None if again is None else again.rest.auth
        self._cid = FIRST_REST_CID
        self._open: List[int] = []
        self.deeds: List[RestDeed] = []

    def act(self) -> None:
        """Place an order, or cancel one."""
        if self._open and self._random.random() < 0.5:
            id = self._open.pop(self._random.randrange(len(self._open)))
            self._cancel(id)
        else:
            self._submit(self._random.choice(REST_KINDS))

    def tidy(self) -> None:
        """Cancel all orders that it has left open."""
        while self._open:
            self._cancel(self._open.pop())

    def _submit(self, kind: str) -> None:
        self._cid += 1
        arguments = {"amount": "0.002", **KINDS[kind], "cid": self._cid}
        type = arguments.pop("type")
        deed = RestDeed(("on", self._cid), f"REST {kind}")

        self._do(deed, lambda: self._rest.submit_order(type, SYMBOL, **arguments))
        if kind == "resting" and deed.error is None:
            self._open.append(deed.result.id)
        if self._again is not None:
            with suppress(BfxError):
                self._again.submit_order(type, SYMBOL, **arguments)

    def _cancel(self, id: int) -> None:
        deed = RestDeed(("oc", id), "REST cancel")
        self._do(deed, lambda: self._rest.cancel_order(id=id))

    def _do(self, deed: RestDeed, call: Callable[[], Any]) -> None:
        self.deeds.append(deed)
        try:
            deed.result = call().raise_for_status().data
        except OutcomeUnknown as unknown:
            deed.was_unknown = True
            self._resolve(deed, unknown)
        except BfxError as error:
            deed.error = error

    def _resolve(self, deed: RestDeed, unknown: OutcomeUnknown) -> None:
        for _ in range(5):
            try:
                deed.result = unknown.resolve()
            except BfxError as error:
                deed.error = error
                is_settled = not isinstance(error, OutcomeUnknown) and (
                    hasattr(error, "proof") or getattr(error, "code", None) is not None
                )
                if is_settled:
                    return
            else:
                deed.error = None
                return
        # Its queries were lost, too.
        deed.error = unknown


class Traders:
    """
    Both traders, on a thread each, which act between `resume` and `pause`.

    Parameters
    ----------
    near : callable
        Returns a price that the next sale takes.
    interval_s : float
        Mean time between two inputs of the WebSocket; that of REST calls is three times as long.
    """

    def __init__(
        self,
        bfx: Client,
        near: Callable[[], str],
        interval_s: float,
        seed: int,
        again: Optional[Client] = None,
    ) -> None:
        self._random = random.Random(f"traders {seed}")
        self._live = RandomTrader(bfx, 1, near, seed)
        self._rest = RestTrader(bfx, seed, again)
        self._interval_s = interval_s
        self._is_over = threading.Event()
        self._may_act = threading.Event()
        # Protect one action each, so that whoever holds both has them at rest.
        self._locks = (threading.Lock(), threading.Lock())
        self._threads = [
            threading.Thread(target=self._run, args=arguments, name=f"trader-{number}")
            for number, arguments in enumerate(
                (
                    (self._live.act, self._locks[0], interval_s),
                    (self._rest.act, self._locks[1], 3 * interval_s),
                )
            )
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End both threads."""
        self._is_over.set()
        self._may_act.set()
        for thread in self._threads:
            thread.join()

    def pause(self) -> None:
        """Let both finish what they do, and cancel what they have left open long ago."""
        self._may_act.clear()
        for lock in self._locks:
            with lock:
                pass
        trader = self._live.trader
        for deed in trader.deeds[:-KEPT]:
            order = None if deed.reply is None or is_closed(deed) else deed.reply.order
            if order is not None:
                self._live.cancel(order.id)
        self._rest.tidy()

    def resume(self) -> None:
        self._may_act.set()

    def unsettled(self) -> List[str]:
        """Return the inputs whose fate is not known yet."""
        return [
            f"{deed.kind} {deed.key}"
            for deed in self._live.trader.deeds
            if deed.reply is not None and not deed.reply.done()
        ]

    def taken(self) -> Tuple[List[Deed], List[RestDeed]]:
        """
        Return what was done since the last call, as values, and deeds that are not closed yet.

        Both must have paused. Deeds that are closed are forgotten, except for the latest.
        """
        deeds = self._live.trader.deeds
        known = [deed for deed in deeds if deed.reply is None or deed.reply.done()]
        copies = [told(deed) for deed in known]
        recent = deeds[-KEPT:]
        kept = [deed for deed in deeds[:-KEPT] if not is_closed(deed)]
        deeds[:] = [*kept, *recent]
        rest, self._rest.deeds = self._rest.deeds, []
        return copies, rest

    def _run(
        self, act: Callable[[], None], lock: threading.Lock, interval_s: float
    ) -> None:
        while not self._is_over.is_set():
            self._may_act.wait()
            with lock:
                if self._may_act.is_set() and not self._is_over.is_set():
                    act()
            self._is_over.wait(self._random.uniform(0.2, 1.8) * interval_s)
