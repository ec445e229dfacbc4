"""The worker that asks REST what became of operations, against the local exchange (R07)."""

from __future__ import annotations

import threading
import time
from itertools import count
from typing import Any, Callable, Iterator

import attrs
import pytest
from interrupts import interrupted
from patience import at_most

from bfxsync import Client
from bfxsync._base.latch import Latch
from bfxsync.errors import (
    BfxError,
    ClosedError,
    NotExecuted,
    OrderNotPlaced,
    OutcomeUnknown,
    UsageError,
)
from bfxsync.models.orders import Order
from bfxsync.outcome.cid_dates import CidDates
from bfxsync.outcome.clocks import date_of
from bfxsync.outcome.find_offers import offer_fingerprint
from bfxsync.outcome.operations import outcome_unknown
from bfxsync.outcome.writes import WriteRecord
from bfxsync.paper import PaperAccount, PaperExchange
from bfxsync.rest.account_access import AccountAccess
from bfxsync.rest.http import retry_policy
from bfxsync.rest.http.rate_limiter import RequestRateLimiter
from bfxsync.wire.commands import Reconciled, RestoreOrders, RestoreTrades
from bfxsync.wire.operations import Operation
from bfxsync.ws.core import reconcile_jobs, reconciler
from bfxsync.ws.core.reconciler import THREAD_NAME, Reconciler
from bfxsync.ws.io.backoff import Backoff

DEADLINE_S = 10.0

ABSENCE_S = 0.15

READER = PaperAccount(
    api_key="paper-writer", api_secret="s", permissions={"orders": "w"}
)


@pytest.fixture(scope="module")
def exchange() -> Iterator[PaperExchange]:
    accounts = [PaperAccount(), READER]
    with PaperExchange(rate=1e-3, accounts=accounts) as exchange:
        yield exchange


@pytest.fixture(scope="module")
def bfx(exchange: PaperExchange) -> Iterator[Client]:
    with exchange.client(absence_s=ABSENCE_S) as client:
        yield client


@pytest.fixture(autouse=True)
def no_thread_is_left(exchange: PaperExchange) -> Iterator[None]:
    """Here an exchange serves all tests of the file."""
    before = set(threading.enumerate())
    yield
    left = set(threading.enumerate()) - before
    assert [t for t in left if t.name.startswith("bfxsync-")] == []


@pytest.fixture(autouse=True)
def faultless(
    monkeypatch: pytest.MonkeyPatch, exchange: PaperExchange
) -> Iterator[None]:
    monkeypatch.setattr(retry_policy, "_FIRST_DELAY_S", 0.0)
    yield
    exchange.clear_faults()


class Owner:
    """What a link has of a reconciler: the commands and errors that come from it."""

    def __init__(self, bfx: Client, **options: Any) -> None:
        self.options = {**bfx._rest._options, **options}
        self.commands: list[Any] = []
        self.errors: list[BfxError] = []
        self.on_command: Callable[[Any], object] = bool
        self.accesses: list[AccountAccess] = []
        self._changed = threading.Condition()
        self.reconciler = Reconciler(self.connect, self.take, self.errors.append)
        self.reconciler._backoff = Backoff(0.02, 0.02)

    def connect(self) -> AccountAccess:
        self.accesses.append(AccountAccess.of(self.options, CidDates()))
        return self.accesses[-1]

    def take(self, command: Any) -> None:
        self.on_command(command)
        with self._changed:
            self.commands.append(command)
            self._changed.notify_all()

    def wait_for(self, count: int) -> list[Any]:
        with self._changed:
            enough = self._changed.wait_for(
                lambda: len(self.commands) >= count, at_most(DEADLINE_S)
            )
            assert enough, f"{self.commands}, {self.errors}"
            return list(self.commands)

    def outcome(self, operation: Operation, **options: Any) -> Any:
        """Return what becomes of one operation, or its error."""
        before = len(self.commands)
        self.reconciler.reconcile(operation, sent(), **options)
        (command,) = self.wait_for(before + 1)[before:]
        assert type(command) is Reconciled and command.operation is operation
        assert command.value is None or command.error is None
        return command.error if command.value is None else command.value

    @property
    def request_count(self) -> int:
        return sum(each.transport.counters.read()[0].requests for each in self.accesses)


@pytest.fixture
def make_owner(bfx: Client) -> Iterator[Callable[..., Owner]]:
    owners: list[Owner] = []

    def make(**options: Any) -> Owner:
        owners.append(Owner(bfx, **options))
        return owners[-1]

    yield make
    for owner in owners:
        owner.reconciler.close()
        assert owner.reconciler.join(time.monotonic() + at_most(2.0))


@pytest.fixture
def owner(make_owner: Callable[..., Owner]) -> Owner:
    return make_owner()


@attrs.define(eq=False)
class Answer:
    """A reply, as far as it concerns the reconciler."""

    latch: Latch = attrs.field(factory=Latch)
    value: Any = "settled"

    def done(self) -> bool:
        return self.latch.is_set

    def take(self, command: Any) -> None:
        self.value = command.value
        self.latch.set()

    def result(self, timeout: float | None = None) -> Any:
        if not self.latch.wait(timeout):
            raise OutcomeUnknown("it is in flight")
        return self.value


def sent(fingerprint: Any = None) -> WriteRecord:
    record = WriteRecord(fingerprint)
    record.mark_sent()
    return record


def new_order(cid: int, price: Any = "1000", is_random: bool = True) -> Operation:
    body = {"type": "EXCHANGE LIMIT", "symbol": "tBTCUSD", "amount": "0.01"}
    return Operation(
        object(), "on", {**body, "price": price, "cid": cid}, is_random=is_random
    )


def market_order(cid: int) -> Operation:
    terms = {"type": "EXCHANGE MARKET", "symbol": "tBTCUSD", "amount": "0.01"}
    return Operation(object(), "on", {**terms, "cid": cid}, is_random=True)


def place(bfx: Client, operation: Operation) -> Order:
    order = bfx.rest.auth.submit_order(**operation.body).raise_for_status().data
    assert type(order) is Order
    return order


def threads() -> list[threading.Thread]:
    return [t for t in threading.enumerate() if t.name == THREAD_NAME]


# --- fates ------------------------------------------------------------------------------------


def test_r07_placed_order_is_found_by_its_cid(bfx: Client, owner: Owner) -> None:
    operation = new_order(101)
    order = place(bfx, operation)
    found = owner.outcome(operation)
    assert (type(found), found.id, found.cid) == (Order, order.id, 101)
    bfx.rest.auth.cancel_order(id=order.id).raise_for_status()
    assert owner.outcome(operation).order_status.startswith("CANCELED")


def test_r07_order_without_a_trace_is_absent_after_absence_s(owner: Owner) -> None:
    operation = new_order(102)
    record = sent()
    owner.reconciler.reconcile(operation, record)
    (command,) = owner.wait_for(1)
    assert time.monotonic() >= record.ended_at + ABSENCE_S
    error = command.error
    assert type(error) is OrderNotPlaced and (error.proof, error.cid) == ("absent", 102)
    assert error.endpoint == "submit_order" and "submit_order was not" in str(error)


def test_r07_late_order_is_not_absent(
    exchange: PaperExchange, bfx: Client, owner: Owner
) -> None:
    exchange.inject("late_history", path="auth/r/orders/hist", times=2, delay_s=0.1)
    operation = market_order(103)
    bfx.rest.auth.submit_order(**operation.body).raise_for_status()
    assert owner.outcome(operation).order_status.startswith("EXECUTED")


@pytest.mark.parametrize("by", ["id", "cid"])
@pytest.mark.parametrize("name", ["ou", "oc"])
def test_r07_update_and_cancellation_give_the_state_of_the_order(
    bfx: Client, owner: Owner, name: str, by: str
) -> None:
    cid = 200 + len(name + by) + (name == "ou") * 10
    order = place(bfx, new_order(cid))
    day = date_of(order.mts_create)
    body = {"id": order.id} if by == "id" else {"cid": cid, "cid_date": day}
    began = time.monotonic()
    operation = Operation(
        object(), name, dict(body, **{"price": "900"} if name == "ou" else {})
    )
    # It may still be executed.
    assert owner.outcome(operation).id == order.id
    assert time.monotonic() - began >= ABSENCE_S
    bfx.rest.auth.cancel_order(id=order.id).raise_for_status()
    assert owner.outcome(operation).order_status.startswith("CANCELED")


def test_r07_cancellation_of_an_unknown_order_was_not_executed(owner: Owner) -> None:
    error = owner.outcome(Operation(object(), "oc", {"id": 987}))
    assert type(error) is NotExecuted and error.proof == "absent"
    assert error.endpoint == "cancel_order"


def test_r07_cancellation_of_several_gives_those_still_open(
    bfx: Client, owner: Owner
) -> None:
    orders = [place(bfx, new_order(cid)) for cid in (301, 302)]
    operation = Operation(object(), "oc_multi", {"id": [order.id for order in orders]})
    assert {order.cid for order in owner.outcome(operation)} == {301, 302}
    bfx.rest.auth.cancel_order_multi(**operation.body).raise_for_status()
    assert owner.outcome(operation) == []


def test_r07_offer_is_found_by_terms_and_time(bfx: Client, owner: Owner) -> None:
    body = {
        "type": "LIMIT",
        "symbol": "fUSD",
        "amount": "150",
        "rate": "0.02",
        "period": 7,
    }
    record = sent(offer_fingerprint(body))
    # Not by the method for it, as two equal offers cannot be told apart.
    bfx.rest.request("POST", "auth/w/funding/offer/submit", body=body)
    owner.reconciler.reconcile(Operation(object(), "fon", body), record)
    offer = owner.wait_for(1)[0].value
    assert (offer.symbol, offer.amount_orig, offer.period) == ("fUSD", 150, 7)
    cancellation = Operation(object(), "foc", {"id": offer.id})
    assert owner.outcome(cancellation).id == offer.id
    bfx.rest.auth.cancel_funding_offer(offer.id).raise_for_status()
    assert owner.outcome(cancellation).offer_status.startswith("CANCELED")


def test_r07_matching_order_of_another_day_is_a_candidate(
    bfx: Client, owner: Owner
) -> None:
    operation = new_order(104, is_random=False)
    place(bfx, attrs.evolve(operation, body={**operation.body, "amount": "0.02"}))
    error = owner.outcome(operation)
    assert type(error) is OutcomeUnknown and "see candidates" in error.reason
    assert [order.cid for order in error.candidates] == [104]


# --- side by side -----------------------------------------------------------------------------


def test_r07_minute_of_one_order_holds_up_no_other(
    bfx: Client, make_owner: Callable[..., Owner]
) -> None:
    owner = make_owner(absence_s=60.0)
    absent, placed = new_order(105), new_order(106)
    job = owner.reconciler.reconcile(absent, sent())
    place(bfx, placed)
    assert owner.outcome(placed).cid == 106
    assert not job.over.is_set and len(owner.commands) == 1
    # The thread waits for the absent one.
    assert len(threads()) == 1


def test_r07_orders_in_flight_share_their_requests(bfx: Client, owner: Owner) -> None:
    placed = [new_order(cid) for cid in range(400, 410)]
    for operation in placed:
        place(bfx, operation)
    absent = [new_order(cid) for cid in range(410, 480)]
    ids = bfx.rest.auth.get_orders()
    cancellations = [Operation(object(), "oc", {"id": order.id}) for order in ids]
    bfx.rest.auth.cancel_all_orders().raise_for_status()
    for operation in (*placed, *absent, *cancellations):
        owner.reconciler.reconcile(operation, sent())
    commands = owner.wait_for(len(placed) + len(absent) + len(cancellations))
    found = {command.operation: command for command in commands}
    assert all(found[each].value.cid == each.body["cid"] for each in placed)
    assert all(type(found[each].error) is OrderNotPlaced for each in absent)
    assert all(not found[each].value.status.is_open for each in cancellations)
    # Open orders, history, trades and orders by id in each round: how many rounds depends on time.
    assert owner.request_count < len(commands)


def test_r07_search_is_started_once_per_operation(owner: Owner) -> None:
    operation = new_order(107)
    jobs = {id(owner.reconciler.reconcile(operation, sent())) for _ in range(5)}
    assert len(jobs) == 1
    owner.wait_for(1)
    owner.outcome(new_order(108))
    assert [command.operation.body["cid"] for command in owner.commands] == [107, 108]


def test_r07_settled_operation_is_not_searched_any_more(
    make_owner: Callable[..., Owner],
) -> None:
    owner = make_owner(absence_s=60.0)
    told, seen = new_order(109), new_order(110)
    answer = Answer()
    jobs = [
        owner.reconciler.reconcile(told, sent()),
        owner.reconciler.reconcile(seen, sent(), is_settled=answer.done),
    ]
    answer.latch.set()
    owner.reconciler.settled(told.token)
    owner.reconciler.settled("unknown")
    for job in jobs:
        assert job.over.wait(at_most(DEADLINE_S))
    for thread in threads():
        thread.join(at_most(DEADLINE_S))
    assert owner.commands == [] and threads() == []


# --- trouble ----------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["lost_answer", "lost_request"])
def test_r07_connection_that_fails_is_not_absence(
    exchange: PaperExchange, bfx: Client, owner: Owner, fault: str
) -> None:
    operation = new_order(500 + len(fault))
    place(bfx, operation)
    # More than the attempts of one call.
    exchange.inject(fault, path="auth/r/orders", times=5)
    assert owner.outcome(operation).cid == operation.body["cid"]


def test_r07_refused_nonces_are_retried(
    exchange: PaperExchange, bfx: Client, owner: Owner
) -> None:
    operation = new_order(111)
    place(bfx, operation)
    exchange.inject("small_nonce", path="auth/r/orders", times=3)
    assert owner.outcome(operation).cid == 111


def test_r07_rate_limit_delays_only_what_needs_that_group(
    exchange: PaperExchange, bfx: Client, make_owner: Callable[..., Owner]
) -> None:
    limits = RequestRateLimiter(exempt_loopback=True)
    owner = make_owner(limits=limits)
    port = int(exchange.rest_url.split(":")[2].split("/")[0])
    began = time.monotonic()
    limits.refuse("127.0.0.1", "auth/r/orders/hist", 0.5, port=port)
    absent, placed = new_order(112), new_order(113)
    place(bfx, placed)
    owner.reconciler.reconcile(absent, sent())
    owner.reconciler.reconcile(placed, sent())
    commands = owner.wait_for(2)
    assert [command.operation for command in commands] == [placed, absent]
    assert type(commands[1].error) is OrderNotPlaced
    assert time.monotonic() - began >= 0.5


def test_r07_refused_searches_leave_it_unknown(
    monkeypatch: pytest.MonkeyPatch,
    exchange: PaperExchange,
    make_owner: Callable[..., Owner],
) -> None:
    monkeypatch.setattr(reconcile_jobs, "_PAUSE_S", 0.01)
    with exchange.client(exchange.accounts[1], absence_s=ABSENCE_S) as reader:
        owner = make_owner(signer=reader._credentials.current)
        error = owner.outcome(new_order(114))
        assert (
            type(error) is OutcomeUnknown and "cannot be searched for" in error.reason
        )
        assert isinstance(error.__cause__, BfxError) and owner.errors == []
        owner.reconciler.fetch_missed(0, (1,))
        while not owner.errors:
            assert threads() or owner.errors
            time.sleep(0.001)
    assert isinstance(owner.errors[0], BfxError) and len(owner.commands) == 1


def test_client_without_rest_leaves_it_unknown(
    monkeypatch: pytest.MonkeyPatch, make_owner: Callable[..., Owner]
) -> None:
    monkeypatch.setattr(reconcile_jobs, "_PAUSE_S", 0.01)
    owner = make_owner(ca_bundle="/no/such/file")
    error = owner.outcome(new_order(115))
    assert type(error) is OutcomeUnknown and isinstance(error.__cause__, UsageError)


def test_bug_in_a_search_is_logged_and_ends_that_search_only(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    bfx: Client,
    owner: Owner,
) -> None:
    monkeypatch.setattr(reconcile_jobs, "_PAUSE_S", 0.01)
    broken = Operation(object(), "on", {"cid": 116})
    placed = new_order(117)
    place(bfx, placed)
    owner.reconciler.reconcile(broken, sent())
    assert owner.reconciler.reconcile(placed, sent()).over.wait(at_most(DEADLINE_S))
    found = {each.operation: each for each in owner.wait_for(2)}
    assert found[placed].value.cid == 117
    assert type(found[broken].error) is OutcomeUnknown
    assert "this is a bug in bfxsync" in caplog.text


def test_bug_in_the_receiver_leaves_no_search_behind(
    caplog: pytest.LogCaptureFixture, owner: Owner
) -> None:
    owner.reconciler._deliver = lambda command: [][0]
    job = owner.reconciler.reconcile(new_order(118), sent())
    assert job.over.wait(at_most(DEADLINE_S))
    for thread in threads():
        thread.join(at_most(DEADLINE_S))
    assert "this is a bug in bfxsync" in caplog.text
    owner.reconciler._deliver = owner.take
    assert type(owner.outcome(new_order(119))) is OrderNotPlaced


# --- what was missed --------------------------------------------------------------------------


def trade(bfx: Client, cid: int) -> Order:
    bfx.rest.auth.submit_order(**market_order(cid).body).raise_for_status()
    return next(o for o in bfx.rest.auth.iter_orders_history() if o.cid == cid)


def test_missed_trades_come_in_order_and_before_their_orders(
    bfx: Client, owner: Owner
) -> None:
    trade(bfx, 601)
    first = trade(bfx, 602)
    orders = [first, trade(bfx, 603), trade(bfx, 604)]
    ids = tuple(order.id for order in reversed(orders))
    owner.reconciler.fetch_missed(first.mts_create, ids)
    trades, closed = owner.wait_for(2)
    assert type(trades) is RestoreTrades and type(closed) is RestoreOrders
    cids = [each.cid for each in trades.trades]
    assert list(dict.fromkeys(cids)) in ([602, 603, 604], [601, 602, 603, 604])
    assert all(each.fee is not None for each in trades.trades)
    assert [order.cid for order in closed.orders] == [602, 603, 604]
    # They are looked at once more, and come once.
    for thread in threads():
        thread.join(at_most(DEADLINE_S))
    assert len(owner.commands) == 2 and owner.errors == [] and threads() == []


def test_missed_trades_and_orders_may_be_listed_late(
    monkeypatch: pytest.MonkeyPatch,
    exchange: PaperExchange,
    bfx: Client,
    owner: Owner,
) -> None:
    monkeypatch.setattr(reconcile_jobs, "_FIRST_PAUSE_S", 0.02)
    order = trade(bfx, 605)
    for path in ("auth/r/orders/hist", "auth/r/trades/hist"):
        exchange.inject("late_history", path=path, delay_s=0.05, times=None)
    note = bfx.rest.auth.submit_order(**market_order(606).body).raise_for_status()
    owner.reconciler.fetch_missed(order.mts_create, (order.id, note.data.id))
    for thread in threads():
        thread.join(at_most(DEADLINE_S))
    trades = [t for c in owner.commands if type(c) is RestoreTrades for t in c.trades]
    orders = [o for c in owner.commands if type(c) is RestoreOrders for o in c.orders]
    keys = [(each.id, each.order_id) for each in trades]
    assert len(set(keys)) == len(keys)
    assert {each.cid for each in trades} >= {605, 606}
    assert sorted(order.cid or 0 for order in orders) == [605, 606]


def test_order_that_is_nowhere_is_named_in_the_log(
    caplog: pytest.LogCaptureFixture, owner: Owner
) -> None:
    owner.reconciler.fetch_missed(int(time.time() * 1000) + 10**6, (987654,))
    for thread in threads():
        thread.join(at_most(DEADLINE_S))
    assert owner.commands == [] and "987654" in caplog.text


def test_more_missed_trades_than_fit_are_reported(
    monkeypatch: pytest.MonkeyPatch, bfx: Client, owner: Owner
) -> None:
    monkeypatch.setattr(reconcile_jobs, "MOST_MISSED", 1)
    first = trade(bfx, 607)
    trade(bfx, 608)
    owner.reconciler.fetch_missed(first.mts_create, ())
    assert len(owner.wait_for(1)[0].trades) == 1
    assert "more than 1 trades were missed" in str(owner.errors[0])


# --- resolve() --------------------------------------------------------------------------------


def asked(operation: Operation) -> OutcomeUnknown:
    return outcome_unknown(operation, time.time())


def test_r07_resolve_gives_what_the_worker_finds(
    monkeypatch: pytest.MonkeyPatch, bfx: Client, owner: Owner
) -> None:
    monkeypatch.setattr(reconciler, "_LONGEST_NAP_S", 0.05)
    placed, absent = new_order(701), new_order(702)
    place(bfx, placed)
    resolve = owner.reconciler.resolve
    # The session completes the reply with what it gets.
    answer = Answer()
    owner.on_command = answer.take
    error = asked(placed)
    found = resolve(placed, sent(), None, answer, error, at_most(DEADLINE_S))
    assert found is answer.value and found.cid == 701
    owner.on_command = bool
    with pytest.raises(OrderNotPlaced):
        resolve(absent, sent(), None, Answer(), asked(absent), None)
    # The session has got both, too.
    assert [each.operation for each in owner.wait_for(2)] == [placed, absent]


def test_r07_resolve_gives_what_the_reply_has_got_meanwhile(
    make_owner: Callable[..., Owner],
) -> None:
    owner = make_owner(absence_s=60.0)
    operation, answer = new_order(703), Answer()
    resolve = owner.reconciler.resolve

    def settle() -> None:
        answer.latch.set()
        owner.reconciler.settled(operation.token)

    later = threading.Timer(0.05, settle)
    later.start()
    error = asked(operation)
    assert resolve(operation, sent(), None, answer, error, None) == "settled"
    assert resolve(operation, sent(), None, answer, error, 0) == "settled"
    later.join()


@pytest.mark.parametrize("timeout", [0, 0.05])
def test_r07_resolve_raises_its_error_again_if_time_is_over(
    make_owner: Callable[..., Owner], timeout: float
) -> None:
    owner = make_owner(absence_s=60.0)
    operation = new_order(704)
    error = asked(operation)
    resolve = owner.reconciler.resolve
    with pytest.raises(OutcomeUnknown) as caught:
        resolve(operation, sent(), None, Answer(), error, timeout)
    assert caught.value is error


@pytest.mark.parametrize("timeout", [-1, float("nan"), "5", True])
def test_invalid_timeout_of_resolve_is_refused(owner: Owner, timeout: Any) -> None:
    operation = new_order(705)
    error = asked(operation)
    with pytest.raises(UsageError, match="timeout must be a number of seconds"):
        owner.reconciler.resolve(operation, sent(), None, Answer(), error, timeout)
    assert threads() == []


def test_r07_candidates_reach_the_error_of_the_user(bfx: Client, owner: Owner) -> None:
    operation = new_order(706, is_random=False)
    place(bfx, attrs.evolve(operation, body={**operation.body, "amount": "0.02"}))
    error = asked(operation)
    with pytest.raises(OutcomeUnknown, match="see candidates") as caught:
        owner.reconciler.resolve(operation, sent(), None, Answer(), error, None)
    assert caught.value is error and len(error.candidates) == 1


# --- the thread -------------------------------------------------------------------------------


def test_thread_ends_when_nothing_is_left_and_starts_again(owner: Owner) -> None:
    for cid in (801, 802):
        owner.outcome(new_order(cid))
        for thread in threads():
            assert thread.daemon
            thread.join(at_most(DEADLINE_S))
        assert threads() == []


@pytest.mark.parametrize("state", ["waits", "in a call", "pauses", "not started"])
def test_r10_close_ends_the_worker_at_once(
    exchange: PaperExchange, make_owner: Callable[..., Owner], state: str
) -> None:
    owner = make_owner(absence_s=60.0)
    path = "auth/r/orders"
    if state == "in a call":
        exchange.inject("late_answer", path=path, delay_s=60.0)
    elif state == "pauses":
        exchange.inject("lost_answer", path=path, times=None)
    if state != "not started":
        before = exchange.fault_counts.get("late_answer", 0)
        job = owner.reconciler.reconcile(new_order(900 + len(state)), sent())
        deadline = time.monotonic() + at_most(DEADLINE_S)
        while time.monotonic() < deadline:
            if state == "in a call":
                is_there = len(exchange.journal.find(name=path)) > 0 and owner.accesses
                is_there = is_there and owner.accesses[0].transport._pool._calls._calls
            elif state == "pauses":
                is_there = owner.reconciler._backoff.failures > 0
            else:
                is_there = job._resolution is not None and job.error is not None
            if is_there:
                break
            time.sleep(0.001)
        else:
            raise AssertionError(f"not reached, {before}")
    began = time.monotonic()
    owner.reconciler.close()
    assert owner.reconciler.join(began + at_most(2.0))
    assert threads() == [] and owner.commands == []
    if state != "not started":
        assert job.over.is_set
    # Later jobs are ignored.
    owner.reconciler.fetch_missed(0, ())
    with pytest.raises(ClosedError):
        operation = new_order(950)
        error = asked(operation)
        owner.reconciler.resolve(operation, sent(), None, Answer(), error, None)
    assert threads() == []


def test_jobs_of_many_threads_are_all_done(owner: Owner) -> None:
    start = threading.Barrier(8)

    def work(index: int) -> None:
        start.wait(at_most(DEADLINE_S))
        for number in range(5):
            owner.reconciler.reconcile(new_order(1000 + 10 * index + number), sent())
            time.sleep(0.001 * index)

    workers = [
        threading.Thread(target=work, args=(index,), name="test-worker")
        for index in range(8)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(at_most(DEADLINE_S))
    commands = owner.wait_for(40)
    assert len({command.operation for command in commands}) == len(commands) == 40


def test_interrupted_caller_leaves_a_working_reconciler(owner: Owner) -> None:
    cids = count(2000)

    def work() -> None:
        operation = new_order(next(cids))
        owner.reconciler.reconcile(operation, sent())
        owner.reconciler.settled(operation.token)

    interrupted(work, 30)
    job = owner.reconciler.reconcile(new_order(next(cids)), sent())
    assert job.over.wait(at_most(DEADLINE_S)) and type(job.error) is OrderNotPlaced


def test_forked_child_has_no_jobs(owner: Owner) -> None:
    owner.reconciler.reconcile(new_order(3001), sent())
    child = Owner.__new__(Owner)
    child.commands, child.errors = [], []
    copy = Reconciler(owner.connect, child.commands.append, child.errors.append)
    copy._incoming.extend(owner.reconciler._incoming)
    copy.detach_after_fork()
    copy.reconcile(new_order(3002), sent())
    assert copy._threads == copy._threads.__class__() and not copy._worker
    owner.wait_for(1)
    assert child.commands == []
