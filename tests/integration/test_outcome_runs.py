"""R07 on the local exchange: whatever is cut off, what is concluded is what its books say."""

from __future__ import annotations

import random
from collections import Counter
from contextlib import contextmanager
from datetime import datetime, timezone
from typing import Any, Callable, Iterator, NamedTuple

import pytest

from bfxsync import Client, NotExecuted, OrderNotPlaced, OutcomeUnknown
from bfxsync.paper import PaperAccount, PaperExchange
from bfxsync.rest.http import retry_policy

from .fault_proxy import UP, FaultProxy
from .order_judge import Belief, OrderJudge

ANSWERED, REFUSED = "nothing", "connection refused"
IN_REQUEST, BEFORE = "in the request", "before it is executed"
AFTER, IN_ANSWER = "after it was executed", "in the answer"
CUTS = (ANSWERED, REFUSED, IN_REQUEST, BEFORE, AFTER, IN_ANSWER)

# What each cut leads to; what is unknown is asked for.
EXECUTED = {ANSWERED: "answered", AFTER: "found", IN_ANSWER: "found"}
NOT_EXECUTED = {REFUSED: "never_sent", IN_REQUEST: "absent", BEFORE: "absent"}


class Kind(NamedTuple):
    """
    A kind of write.

    Attributes
    ----------
    path : str
    write : callable
        Makes the call.
    told : callable
        Returns what was executed, as the result of `resolve` says; None: nothing.
    done : callable
        Returns the same from the books of the exchange.
    is_only_accepted : bool
        The answer to the call does not say yet that it was done.
    """

    path: str
    write: Callable[[], Any]
    told: Callable[[Any], Any]
    done: Callable[[], Any]
    is_only_accepted: bool = False


class Trader:
    """
    A client that does one thing after the other, and somebody who looks into the books.

    Attributes
    ----------
    cells : Counter
        How often each cut of each kind of write has ended in which way.
    """

    def __init__(self, exchange: PaperExchange, bfx: Client, seed: int) -> None:
        self.exchange = exchange
        self.account = exchange.account
        self.auth = bfx.rest.auth
        self.random = random.Random(seed)
        self.cells: Counter[tuple[str, str, str]] = Counter()
        self._judge = OrderJudge(exchange)
        self._next = 0

    def kinds(self) -> dict[str, Callable[[], Kind]]:
        return {
            "limit order": lambda: self._order("EXCHANGE LIMIT", "50000"),
            "order with a cid": lambda: self._order("EXCHANGE LIMIT", "40000", True),
            "market order": lambda: self._order("EXCHANGE MARKET"),
            "several orders": self._several,
            "change": self._change,
            "cancellation": self._cancel,
            "cancellation by cid": lambda: self._cancel(by_cid=True),
            "cancellation of a group": self._cancel_group,
            "transfer": self._transfer,
        }

    def number(self) -> int:
        self._next += 1
        return self._next

    def amount(self) -> str:
        """Return one that no other write has."""
        return f"0.0{self.number() + 1000}"

    def book(self) -> dict[int, Any]:
        """Return all orders by their client ids."""
        orders = [*self.account.orders, *self.account.closed_orders]
        assert len({order["cid"] for order in orders}) == len(orders), "sent twice"
        return {order["cid"]: order for order in orders}

    def rest(self, **options: Any) -> Any:
        """Let an order rest in the book."""
        amount = self.amount()
        terms = ("EXCHANGE LIMIT", "tBTCUSD", amount, "30000")
        return self.auth.submit_order(*terms, **options).raise_for_status().data

    def _order(self, kind: str, price: Any = None, is_named: bool = False) -> Kind:
        cid = self.number() + 10**6 if is_named else None
        amount = self.amount()
        known = set(self.book())

        def told(found: Any) -> Any:
            assert found.amount_orig == float(amount)
            return {found.cid}

        return Kind(
            "auth/w/order/submit",
            lambda: self.auth.submit_order(kind, "tBTCUSD", amount, price, cid=cid),
            told,
            lambda: set(self.book()) - known or None,
        )

    def _several(self) -> Kind:
        terms = {"type": "EXCHANGE LIMIT", "symbol": "tBTCUSD", "price": "20000"}
        ops = [("on", {**terms, "amount": self.amount()}) for _ in range(2)]
        known = set(self.book())

        def told(found: Any) -> Any:
            # Of an answer each one has a notification of its own.
            orders = [getattr(item, "data", item) for item in found]
            return {order.cid for order in orders if order is not None} or None

        return Kind(
            "auth/w/order/multi",
            lambda: self.auth.submit_order_multi(ops),
            told,
            lambda: set(self.book()) - known or None,
        )

    def _change(self) -> Kind:
        order, amount = self.rest(), self.amount()

        def changed(now: float) -> Any:
            return now if now != order.amount else None

        return Kind(
            "auth/w/order/update",
            lambda: self.auth.update_order(order.id, amount=amount),
            lambda found: changed(found.amount),
            lambda: changed(self.book()[order.cid]["amount"]),
        )

    def _cancel(self, by_cid: bool = False) -> Kind:
        order = self.rest()
        day = (
            f"{datetime.fromtimestamp(order.mts_create / 1000, timezone.utc):%Y-%m-%d}"
        )
        named: Any = {"cid": order.cid, "cid_date": day} if by_cid else {"id": order.id}

        def is_closed(status: str) -> Any:
            return status.startswith("CANCELED") or None

        return Kind(
            "auth/w/order/cancel",
            lambda: self.auth.cancel_order(**named),
            lambda found: is_closed(found.order_status),
            lambda: is_closed(self.book()[order.cid]["status"]),
            is_only_accepted=True,
        )

    def _cancel_group(self) -> Kind:
        gid = self.number()
        ids = {self.rest(gid=gid).id for _ in range(2)}

        def cancelled(still_open: Any) -> Any:
            assert still_open in (set(), ids)
            return not still_open or None

        return Kind(
            "auth/w/order/cancel/multi",
            lambda: self.auth.cancel_order_multi(gid=[gid]),
            lambda found: cancelled({order.id for order in found}),
            lambda: cancelled(ids & {order["id"] for order in self.account.orders}),
            is_only_accepted=True,
        )

    def _transfer(self) -> Kind:
        amount = f"{self.number()}.{self.random.randrange(10**7):07}1"
        before = self.account.balances["margin"]["USD"]

        def done() -> Any:
            change = self.account.balances["margin"]["USD"] - before
            return round(change, 8) or None

        def told(found: Any) -> Any:
            return abs(found.amount)

        auth = self.auth
        return Kind(
            "auth/w/transfer",
            lambda: auth.transfer_between_wallets(
                "exchange", "margin", "USD", None, amount
            ),
            told,
            done,
        )

    def do(self, name: str, cut: str, proxy: FaultProxy) -> None:
        """Write something whose exchange with the peer is cut off, and compare."""
        kind = self.kinds()[name]()
        result: Any = None
        failure: NotExecuted | None = None
        with cut_off(proxy, self.exchange, cut, kind.path):
            try:
                result = kind.write().raise_for_status().data
                way = "answered"
            except OutcomeUnknown as unknown:
                way, result = "unknown", unknown
            except NotExecuted as error:
                assert error.retryable, error
                way, failure = error.proof, error
        if way == "unknown":
            try:
                result = result.resolve()
                way = "found"
            except NotExecuted as error:
                way, failure, result = error.proof, error, None
                assert not error.retryable
                assert isinstance(error, OrderNotPlaced) == ("submit" in kind.path)
        self.cells[name, cut, way] += 1
        done = kind.done()
        if way == "answered" and kind.is_only_accepted:
            assert done is not None
        else:
            told = None if result is None else kind.told(result)
            assert told == done, (name, cut, way)
        if "order" in name and kind.path.endswith("submit"):
            self._judge_order(result, failure)

    def _judge_order(self, result: Any, error: Any) -> None:
        """Let the judge of both transports compare an order with the journal."""
        if error is not None:
            outcome = self._judge.judge(Belief(error.cid, error=error))
            assert outcome == error.proof
            return
        # The answer has the order as it was accepted.
        auth, id = self.auth, result.id
        (now,) = auth.get_orders(ids=[id]) or auth.get_orders_history(ids=[id])
        outcome = self._judge.judge(Belief(result.cid, now, now))
        assert outcome == ("open" if now.status.is_open else "done")


@contextmanager
def cut_off(
    proxy: FaultProxy, exchange: PaperExchange, cut: str, path: str
) -> Iterator[None]:
    """Cut the next write off in this way, and look that it has happened."""
    before = Counter(proxy.counts)
    faults = Counter(exchange.fault_counts)
    if cut == REFUSED:
        proxy.refuse()
        proxy.reset()
    elif cut == IN_REQUEST:
        proxy.at(b"POST /v2/auth/w/", "reset", direction=UP, is_after=True)
    elif cut == BEFORE:
        exchange.inject("lost_request", path=path)
    elif cut == AFTER:
        exchange.inject("lost_answer", path=path)
    elif cut == IN_ANSWER:
        proxy.at(b'"SUCCESS"', "reset")
    yield
    if cut == REFUSED:
        proxy.accept()
    elif cut in (IN_REQUEST, IN_ANSWER):
        proxy.wait_for("reset", before["reset"] + 1)
    elif cut in (BEFORE, AFTER):
        assert sum((Counter(exchange.fault_counts) - faults).values()) == 1


@pytest.fixture
def exchange() -> Iterator[PaperExchange]:
    money = {"exchange": {"USD": 10**7, "BTC": 100}, "margin": {"USD": 1}}
    with PaperExchange(rate=1e-3, accounts=[PaperAccount(balances=money)]) as exchange:
        yield exchange


@pytest.mark.parametrize(
    "seed, rounds", [(1, 1), pytest.param(2, 6, marks=pytest.mark.long)]
)
def test_r07_what_is_concluded_is_what_the_exchange_has(
    exchange: PaperExchange,
    monkeypatch: pytest.MonkeyPatch,
    seed: int,
    rounds: int,
) -> None:
    monkeypatch.setattr(retry_policy, "_FIRST_DELAY_S", 0.0)
    key, secret = exchange.account.api_key, exchange.account.api_secret
    with FaultProxy(exchange.port) as proxy:
        url = proxy.url(exchange.rest_url)
        with Client(key, secret, rest_host=url, absence_s=0.05) as bfx:
            trader = Trader(exchange, bfx, seed)
            cells = [(name, cut) for name in trader.kinds() for cut in CUTS]
            for _ in range(rounds):
                trader.random.shuffle(cells)
                for name, cut in cells:
                    trader.do(name, cut, proxy)
    print(f"{seed=}: {sum(trader.cells.values())} writes")
    for (name, cut, way), count in sorted(trader.cells.items()):
        print(f"{name:24}  {cut:24}  {way:12}  {count:5}")
    # What can be seen as it is was not executed if it is as it was.
    shown = ("change", "cancellation", "several")
    for name, cut in cells:
        way = {**EXECUTED, **NOT_EXECUTED}[cut]
        if way == "absent" and name.startswith(shown):
            way = "found"
        assert trader.cells[name, cut, way] == rounds, (name, cut)
