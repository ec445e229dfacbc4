"""R07 on REST: a write is sent at most once, and what became of it is never a guess."""

from __future__ import annotations

import json
import signal
import threading
import time
from contextlib import contextmanager
from datetime import datetime, timezone
from typing import Any, Callable, Iterator

import pytest

from bfxsync._base.latch import Latch
from bfxsync.auth.signer import Signer
from bfxsync.client import Client
from bfxsync.errors import (
    ApiError,
    BfxError,
    ClosedError,
    NetworkError,
    NotExecuted,
    NotReady,
    OrderNotPlaced,
    OrderRejected,
    OutcomeUnknown,
    RateLimited,
    RemoteError,
    UsageError,
)
from bfxsync.models.notification import of_nothing
from bfxsync.outcome import writes as sent
from bfxsync.outcome.resolve import Attempt, Search
from bfxsync.rest.auth import AuthEndpoints, base
from bfxsync.rest.auth.base import Budget, Write
from bfxsync.rest.client import RestClient
from bfxsync.rest.http import signing
from bfxsync.rest.http.rate_limiter import RequestRateLimiter
from bfxsync.rest.http.retry_policy import RequestKind
from bfxsync.rest.http.transport import RestTransport

from .conftest import Connect, Serve
from .server import DEADLINE_S, Exchange, Server
from .signed import KEY, SECRET, Verifier
from .tables import AnswerTransport

SYMBOL = "tBTCUSD"
DAY_MS = 86_400_000


@pytest.fixture(autouse=True)
def state_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signing, "_locks", {})
    monkeypatch.setattr(sent, "_sent", {})


def http_date(moment_s: float) -> str:
    return time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(moment_s))


class OrderAccount:
    """
    Orders of one account, as the exchange keeps them.

    Attributes
    ----------
    fate : callable
        Gets the request of a write and what would execute it, and answers.
    open, closed : list of rows
    writes : list of (str, dict)
        Paths and bodies, in the order of their arrival.
    behind_s : float
        How far this clock is behind the client's.
    dates : callable
        Makes the header ``Date`` of a time; None: there is none.
    is_careless : bool
        Answers with all rows of the time, whichever of them were asked for.
    trades : list of rows
    """

    def __init__(self) -> None:
        self.fate: Callable[[Exchange, Callable[[], Any]], object] = self.obey
        self.open: list[list[Any]] = []
        self.closed: list[list[Any]] = []
        self.writes: list[tuple[str, Any]] = []
        self.reads = 0
        self.before_read: Callable[[int], None] = lambda count: None
        self.behind_s = 0.0
        self.dates: Callable[[float], Any] = http_date
        self.is_careless = False
        self.trades: list[list[Any]] = []
        self._next_id = 100

    @property
    def now_s(self) -> float:
        return time.time() - self.behind_s

    @property
    def headers(self) -> dict[str, str]:
        date = self.dates(self.now_s)
        return {} if date is None else {"Date": date}

    def __call__(self, request: Exchange) -> object:
        path = request.target[len("/v2/auth/") :]
        body = json.loads(request.body)
        if path.startswith("w/"):
            self.writes.append((path, body))
            return self.fate(request, lambda: self.execute(path, body))
        self.reads += 1
        self.before_read(self.reads)
        return request.answer(self.find(path, body), **self.headers)

    def obey(self, request: Exchange, execute: Callable[[], Any]) -> object:
        return request.answer(execute(), **self.headers)

    def hang_up_after(self, request: Exchange, execute: Callable[[], Any]) -> object:
        execute()
        return False

    def hang_up_before(self, request: Exchange, execute: Callable[[], Any]) -> object:
        return False

    def execute(self, path: str, body: Any) -> Any:
        if path == "w/order/submit":
            return self.notify("on-req", [self.place(body)])
        if path == "w/order/update":
            (row,) = (row for row in self.open if row[0] == body["id"])
            row[6] = float(body["amount"])
            return self.notify("ou-req", row)
        if path == "w/order/cancel":
            (row,) = (row for row in self.open if self.is_named(row, body))
            return self.notify("oc-req", self.cancel(row))
        if path == "w/order/cancel/multi":
            rows = [row for row in self.open if self.is_named(row, body)]
            return self.notify("oc_multi-req", list(map(self.cancel, rows)))
        assert path == "w/order/multi"
        answers = []
        paths = {
            "on": "submit",
            "ou": "update",
            "oc": "cancel",
            "oc_multi": "cancel/multi",
        }
        for name, inner in body["ops"]:
            answers.append(self.execute(f"w/order/{paths[name]}", inner))
        return self.notify("ox_multi-req", answers)

    def notify(self, kind: str, data: Any) -> Any:
        now = int(self.now_s * 1000)
        return [now, kind, None, None, data, None, "SUCCESS", "Submitting."]

    def place(self, body: Any) -> list[Any]:
        self._next_id += 1
        now = int(self.now_s * 1000)
        row: list[Any] = [None] * 32
        row[0], row[1], row[2] = self._next_id, body.get("gid"), body["cid"]
        row[3], row[4], row[5], row[8] = body["symbol"], now, now, body["type"]
        row[6] = row[7] = float(body["amount"])
        row[13], row[16], row[17] = "ACTIVE", float(body["price"]), 0
        self.open.append(row)
        return row

    def cancel(self, row: list[Any]) -> list[Any]:
        self.open.remove(row)
        row[13] = "CANCELED"
        self.closed.append(row)
        return row

    @staticmethod
    def day_of(row: list[Any]) -> str:
        moment = datetime.fromtimestamp(row[4] / 1000, timezone.utc)
        return f"{moment:%Y-%m-%d}"

    def is_named(self, row: list[Any], body: Any) -> bool:
        def has(name: str, value: Any) -> bool:
            wanted = body.get(name)
            return value in wanted if isinstance(wanted, list) else value == wanted

        if "cid_date" in body:
            return row[2] == body["cid"] and self.day_of(row) == body["cid_date"]
        if body.get("all"):
            return True
        is_dated = [row[2], self.day_of(row)] in (body.get("cid") or [])
        return has("id", row[0]) or has("gid", row[1]) or is_dated

    def find(self, path: str, body: Any) -> list[Any]:
        if path == f"r/trades/{SYMBOL}/hist":
            start, end = body.get("start", 0), body.get("end", 10**14)
            rows = [row for row in self.trades if start <= row[2] <= end]
            step = body.get("sort", -1)
            return sorted(rows, key=lambda row: step * row[2])[: body["limit"]]
        if self.is_careless and path == "r/orders":
            return self.open
        if path == "r/orders":
            return [r for r in self.open if not body or self.is_named(r, body)]
        assert path in ("r/orders/hist", f"r/orders/{SYMBOL}/hist")
        start, end = body.get("start", 0), body.get("end", 10**14)
        rows = [row for row in self.closed if start <= row[4] <= end]
        if "id" in body and not self.is_careless:
            rows = [row for row in rows if row[0] in body["id"]]
        return sorted(rows, key=lambda row: -row[4])[: body.get("limit", 25)]


TERMS = {"type": "LIMIT", "symbol": SYMBOL, "amount": "0.5", "price": 30000}


class Scene:
    """An account, its server, and a client of it."""

    def __init__(
        self, account: OrderAccount, server: Server, transport: RestTransport
    ) -> None:
        self.account = account
        self.server = server
        self.transport = transport
        self.auth = AuthEndpoints(transport)

    def submit(self, **options: Any) -> Any:
        options = {"cid": 77, **options}
        return self.auth.submit_order(**{**TERMS, **options})

    def unknown(self, act: Callable[[], Any]) -> OutcomeUnknown:
        with pytest.raises(OutcomeUnknown) as caught:
            act()
        return caught.value


@pytest.fixture
def scene(serve: Serve, connect: Connect) -> Scene:
    account = OrderAccount()
    server = serve(Verifier(account))
    return Scene(
        account, server, connect(server, signer=Signer(KEY, SECRET), absence_s=0.03)
    )


# --- new orders -------------------------------------------------------------------------------


def test_r07_order_that_goes_well_is_acknowledged(scene: Scene) -> None:
    found = scene.submit()
    assert (found.data.id, found.data.cid, found.data.amount) == (101, 77, 0.5)
    assert found.endpoint == "auth/w/order/submit"


def test_r07_order_whose_answer_was_lost_is_found_among_the_open_ones(
    scene: Scene,
) -> None:
    scene.account.fate = scene.account.hang_up_after
    error = scene.unknown(scene.submit)
    today = f"{datetime.now(timezone.utc):%Y-%m-%d}"
    assert (error.cid, error.cid_date, error.phase) == (77, today, "receive")
    assert error.known == {
        "type": "LIMIT",
        "symbol": SYMBOL,
        "amount": "0.5",
        "price": "30000",
        "cid": 77,
    }
    assert "do not send it again" in str(error)
    assert error.can_resolve
    order = error.resolve()
    assert (order.id, order.cid, order.amount) == (101, 77, 0.5)
    assert len(scene.account.writes) == 1


def test_client_id_is_refused_twice_on_a_day(scene: Scene) -> None:
    scene.submit()
    for act in (
        scene.submit,
        lambda: scene.auth.submit_order_multi([("on", {**TERMS, "cid": 77})]),
    ):
        with pytest.raises(UsageError, match="not 77: an order of .* has it"):
            act()
    assert len(scene.account.writes) == 1


def test_client_id_of_an_absent_order_can_be_used_again(scene: Scene) -> None:
    scene.account.fate = scene.account.hang_up_before
    error = scene.unknown(scene.submit)
    with pytest.raises(UsageError, match="not 77: an order of .* may have it"):
        scene.submit()
    with pytest.raises(OrderNotPlaced):
        error.resolve()
    scene.account.fate = scene.account.obey
    assert scene.submit().data.cid == 77


def test_r07_order_that_is_closed_meanwhile_is_found_in_the_history(
    scene: Scene,
) -> None:
    scene.account.fate = scene.account.hang_up_after
    error = scene.unknown(scene.submit)
    scene.account.cancel(scene.account.open[0])
    assert error.resolve().order_status == "CANCELED"
    assert len(scene.account.writes) == 1


def test_r07_order_that_closes_between_two_questions_is_found_all_the_same(
    scene: Scene,
) -> None:
    scene.account.fate = scene.account.hang_up_after
    error = scene.unknown(scene.submit)
    row = scene.account.open.pop()

    def move(count: int) -> None:
        # The history is asked third, when the order is not there yet.
        if count == 4:
            scene.account.closed.append(row)

    scene.account.before_read = move
    assert error.resolve().id == 101
    assert scene.account.reads >= 4


def test_r07_order_that_never_arrived_is_absent_after_asking_twice(
    scene: Scene,
) -> None:
    scene.account.fate = scene.account.hang_up_before
    error = scene.unknown(scene.submit)
    with pytest.raises(OrderNotPlaced, match="can be inferred: .*trades") as caught:
        error.resolve()
    absent = caught.value
    assert (absent.cid, absent.proof, absent.retryable) == (77, "absent", False)
    assert (absent.endpoint, absent.phase) == ("auth/w/order/submit", "receive")
    # By its id, among all open ones, the closed ones and the trades; twice.
    assert scene.account.reads == 8
    assert len(scene.account.writes) == 1
    assert scene.account.open == scene.account.closed == []


def test_r07_order_that_arrives_late_is_found(scene: Scene) -> None:
    scene.account.fate = scene.account.hang_up_before
    error = scene.unknown(scene.submit)

    def arrive(count: int) -> None:
        if count == 3:
            scene.account.place(scene.account.writes[0][1])

    scene.account.before_read = arrive
    assert error.resolve().id == 101


@pytest.mark.parametrize(
    "act",
    [
        lambda auth: auth.submit_order("LIMIT", SYMBOL, "0.5", "30000", cid=77),
        lambda auth: auth.submit_order("LIMIT", SYMBOL, "0.5", "30000"),
        lambda auth: auth.update_order(5, price=1),
        lambda auth: auth.cancel_order(id=5),
        lambda auth: auth.cancel_order(cid=77, cid_date="2026-01-31"),
        lambda auth: auth.submit_order_multi([("oc", {"id": 5})]),
    ],
    ids=["new", "new with a random id", "change", "id", "cid", "several"],
)
def test_r07_order_that_the_exchange_may_have_forgotten_is_not_absent(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, act: Callable[[AuthEndpoints], Any]
) -> None:
    scene.account.fate = scene.account.hang_up_before
    error = scene.unknown(lambda: act(scene.auth))
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() + 13.5 * 86_400)
    with pytest.raises(OutcomeUnknown, match="for a limited time only") as caught:
        error.resolve()
    assert caught.value is error and error.candidates == []


def test_r07_same_client_id_of_another_day_is_another_order(scene: Scene) -> None:
    old = scene.account.place(
        {"cid": 77, "symbol": SYMBOL, "amount": 1, "price": 2, "type": "LIMIT"}
    )
    old[4] -= DAY_MS
    scene.account.fate = scene.account.hang_up_before
    error = scene.unknown(scene.submit)
    with pytest.raises(OrderNotPlaced):
        error.resolve()


@pytest.mark.parametrize("ago_days", [1, 5])
@pytest.mark.parametrize("is_open", [True, False])
@pytest.mark.parametrize("is_multi", [True, False])
@pytest.mark.parametrize("is_executed", [True, False])
def test_r07_old_order_with_the_same_cid_is_not_the_new_one(
    scene: Scene, ago_days: int, is_open: bool, is_multi: bool, is_executed: bool
) -> None:
    account = scene.account
    body = {"cid": 77, "symbol": SYMBOL, "amount": "0.5", "price": 2, "type": "LIMIT"}
    # On the very same terms.
    old = account.place(body)
    old[4] -= ago_days * DAY_MS
    if not is_open:
        account.cancel(old)
    account.fate = account.hang_up_after if is_executed else account.hang_up_before
    if is_multi:
        error = scene.unknown(lambda: scene.auth.submit_order_multi([("on", body)]))
    else:
        error = scene.unknown(scene.submit)
    if is_executed:
        found = error.resolve()
        assert [order.id for order in (found if is_multi else [found])] == [102]
    elif is_multi:
        assert error.resolve() == [None]
    else:
        with pytest.raises(OrderNotPlaced):
            error.resolve()


@pytest.mark.parametrize("ago_s, count", [(0, 2), (20, 1)])
@pytest.mark.parametrize("is_open", [True, False])
@pytest.mark.parametrize("is_multi", [True, False])
def test_r07_client_id_that_is_used_again_at_once_proves_nothing(
    scene: Scene, ago_s: float, count: int, is_open: bool, is_multi: bool
) -> None:
    body = {"cid": 77, "symbol": SYMBOL, "amount": "1", "price": "2", "type": "LIMIT"}
    old = scene.account.place(body)
    old[4] -= int(ago_s * 1000)
    if not is_open:
        scene.account.cancel(old)
    # Of two neither is certain, and of one that is a little too old not that it is another one.
    account = scene.account
    account.fate = account.hang_up_after if count == 2 else account.hang_up_before
    if is_multi:
        error = scene.unknown(lambda: scene.auth.submit_order_multi([("on", body)]))
    else:
        error = scene.unknown(scene.submit)
    with pytest.raises(OutcomeUnknown) as caught:
        error.resolve()
    assert caught.value is error
    assert [order.cid for order in error.candidates] == [77] * count


def test_r07_order_without_a_client_id_of_yours_is_found_with_one_question(
    scene: Scene,
) -> None:
    scene.account.fate = scene.account.hang_up_after
    error = scene.unknown(lambda: scene.submit(cid=None))
    assert error.resolve().cid == error.cid
    assert scene.account.reads == 1


def test_r07_rows_that_were_not_asked_for_are_not_taken_for_the_order(
    scene: Scene,
) -> None:
    scene.submit(cid=1)
    scene.account.cancel(scene.submit(cid=2) and scene.account.open[-1])
    scene.account.is_careless = True
    scene.account.fate = scene.account.hang_up_before
    today = f"{datetime.now(timezone.utc):%Y-%m-%d}"
    for act in (
        scene.submit,
        lambda: scene.auth.update_order(5, price=1),
        lambda: scene.auth.cancel_order(id=5),
        lambda: scene.auth.cancel_order(cid=77, cid_date=today),
    ):
        with pytest.raises(NotExecuted):
            scene.unknown(act).resolve()


@pytest.mark.parametrize("behind_s", [-7200.0, 7200.0])
def test_r07_wrong_clock_finds_the_order_and_its_absence(
    scene: Scene, behind_s: float
) -> None:
    scene.account.behind_s = behind_s
    scene.account.fate = scene.account.hang_up_after
    assert scene.unknown(scene.submit).resolve().id == 101
    scene.account.fate = scene.account.hang_up_before
    error = scene.unknown(lambda: scene.submit(cid=78))
    with pytest.raises(OrderNotPlaced):
        error.resolve()


@pytest.mark.parametrize("ahead_s", [-600.0, 600.0])
@pytest.mark.parametrize("asked_before", [False, True])
def test_r07_clock_that_is_set_right_meanwhile_hides_no_order(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, ahead_s: float, asked_before: bool
) -> None:
    right = time.time
    monkeypatch.setattr(time, "time", lambda: right() + ahead_s)
    scene.account.behind_s = ahead_s
    if asked_before:
        scene.auth.get_orders()
    scene.account.fate = scene.account.hang_up_after
    errors = [scene.unknown(lambda: scene.submit(cid=cid)) for cid in (77, 78)]
    scene.account.cancel(scene.account.open[1])
    monkeypatch.setattr(time, "time", right)
    scene.account.behind_s = 0.0
    assert [error.resolve().cid for error in errors] == [77, 78]


def sent_away(auth: AuthEndpoints) -> Attempt:
    """Send a write whose outcome nobody knows, and return what is known of it."""
    budget = Budget("auth/w/x", 10_000)
    with pytest.raises(OutcomeUnknown) as caught:
        search = Search[Attempt](lambda attempt: attempt, "x")
        auth._write(Write(budget, of_nothing(), search=search))
    found = caught.value.resolve()
    assert type(found) is Attempt
    return found


@contextmanager
def others_turn() -> Iterator[signing.SignedLock]:
    """Let another thread have the turn of the key meanwhile."""
    lock, has_begun, may_end = signing.signed_lock(KEY), Latch(), Latch()

    def keep() -> None:
        has_begun.set()
        may_end.wait(DEADLINE_S)

    arguments = (RequestKind.READ, time.monotonic() + DEADLINE_S, Latch(), keep)
    thread = threading.Thread(target=lock.run, args=arguments, name="test-turn")
    thread.start()
    try:
        assert has_begun.wait(DEADLINE_S)
        yield lock
    finally:
        may_end.set()
        thread.join(DEADLINE_S)


def wait_until_one_waits(lock: signing.SignedLock) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not lock._queue.get().waiting:
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_r07_write_leaves_when_its_turn_has_come(
    serve: Serve, connect: Connect
) -> None:
    server = serve(lambda request: False)
    auth = AuthEndpoints(connect(server, signer=Signer(KEY, SECRET), absence_s=0.03))
    found: list[Attempt] = []
    thread = threading.Thread(target=lambda: found.append(sent_away(auth)))
    with others_turn() as lock:
        thread.start()
        wait_until_one_waits(lock)
        freed_s, freed_at = time.time(), time.monotonic()
    thread.join(DEADLINE_S)
    record = found[0].record
    assert freed_s <= record.sent_s <= record.ended_s
    assert freed_at <= record.sent_at <= record.ended_at


def test_r07_write_leaves_when_its_limit_lets_it(
    serve: Serve, connect: Connect
) -> None:
    class Slow(RequestRateLimiter):
        freed_at = 0.0

        def acquire(self, *_: Any, **__: Any) -> float:
            time.sleep(0.05)
            self.freed_at = time.monotonic()
            return 0.05

    limits, server = Slow(), serve(lambda request: False)
    transport = connect(server, signer=Signer(KEY, SECRET), limits=limits)
    assert sent_away(AuthEndpoints(transport)).record.sent_at >= limits.freed_at


def test_r07_write_leaves_when_it_was_not_refused(
    serve: Serve, connect: Connect, no_delays: None
) -> None:
    refused_at: list[float] = []

    def refuse_once(request: Exchange) -> object:
        if refused_at:
            return False
        refused_at.append(time.monotonic())
        return request.answer(["error", 11000, "ready: invalid"], 500)

    transport = connect(serve(refuse_once), signer=Signer(KEY, SECRET))
    record = sent_away(AuthEndpoints(transport)).record
    assert record.sent_at >= refused_at[0]


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="needs POSIX")
@pytest.mark.parametrize("was_sent", [True, False])
def test_r07_interrupted_order_is_named_in_the_log_if_it_has_left(
    scene: Scene, caplog: pytest.LogCaptureFixture, was_sent: bool
) -> None:
    def interrupt() -> None:
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    def interrupt_the_client(request: Exchange, _: Callable[[], Any]) -> object:
        interrupt()
        scene.server.stopping.wait(DEADLINE_S)
        return False

    def interrupt_the_wait() -> None:
        wait_until_one_waits(signing.signed_lock(KEY))
        interrupt()

    scene.account.fate = interrupt_the_client
    if was_sent:
        with pytest.raises(KeyboardInterrupt):
            scene.submit()
    else:
        thread = threading.Thread(target=interrupt_the_wait, name="test-interrupt")
        with others_turn():
            thread.start()
            with pytest.raises(KeyboardInterrupt):
                scene.submit()
        thread.join(DEADLINE_S)
    said = [r.getMessage() for r in caplog.records if r.levelname == "WARNING"]
    assert len(said) == len(scene.account.writes) == was_sent
    if was_sent:
        today = f"{datetime.now(timezone.utc):%Y-%m-%d}"
        assert said[0].startswith(f"auth/w/order/submit (cid 77 of {today}) was inter")
    # The line goes on.
    assert scene.auth.get_orders() == []


@pytest.mark.parametrize("is_answered", [True, False])
def test_r07_order_that_is_interrupted_after_its_answer_is_named_in_the_log(
    scene: Scene,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    is_answered: bool,
) -> None:
    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    # What is done last, after a good answer and after none.
    name = "see_own" if is_answered else "readings"
    account = scene.account
    answer = account.obey if is_answered else account.hang_up_after

    def answer_and_interrupt(*args: Any) -> object:
        monkeypatch.setattr(scene.transport.clock, name, interrupt)
        return answer(*args)

    account.fate = answer_and_interrupt
    with pytest.raises(KeyboardInterrupt):
        scene.submit()
    (said,) = [r.getMessage() for r in caplog.records if r.levelname == "WARNING"]
    assert said.startswith("auth/w/order/submit (cid 77 of ")


def test_r07_too_short_a_time_proves_nothing(scene: Scene) -> None:
    scene.account.fate = scene.account.hang_up_before
    error = scene.unknown(scene.submit)
    with pytest.raises(OutcomeUnknown) as caught:
        error.resolve(timeout=0.01)
    assert caught.value is error
    # It may be asked again.
    with pytest.raises(OrderNotPlaced):
        error.resolve()


def test_r07_asking_may_fail_and_be_repeated(scene: Scene, no_delays: None) -> None:
    scene.account.fate = scene.account.hang_up_after
    error = scene.unknown(scene.submit)
    right = scene.transport.host
    scene.transport.host = "http://127.0.0.1:9/v2"
    with pytest.raises(NetworkError) as caught:
        error.resolve()
    assert not isinstance(caught.value, (OutcomeUnknown, NotExecuted))
    scene.transport.host = right
    assert error.resolve().id == 101


def test_r07_close_ends_the_asking(scene: Scene) -> None:
    scene.transport.absence_s = 20.0
    scene.account.fate = scene.account.hang_up_before
    error = scene.unknown(scene.submit)
    raised: list[Any] = []

    def ask() -> None:
        with pytest.raises(ClosedError) as caught:
            error.resolve()
        raised.append(caught.value)

    thread = threading.Thread(target=ask, name="test-asks")
    thread.start()
    scene.server.wait_for_requests(5)
    scene.transport.close()
    thread.join(10)
    assert len(raised) == 1


def test_r07_acknowledgement_that_cannot_be_read_leaves_the_order_open(
    scene: Scene,
) -> None:
    def garble(request: Exchange, execute: Callable[[], Any]) -> object:
        execute()
        return request.answer([1, "on-req", None, None, "?", None, "SUCCESS", ""])

    scene.account.fate = garble
    error = scene.unknown(scene.submit)
    assert isinstance(error.__cause__, RemoteError)
    assert error.resolve().id == 101


def test_r07_order_without_a_connection_was_not_placed(
    scene: Scene, no_delays: None
) -> None:
    scene.transport.host = "http://127.0.0.1:9/v2"
    with pytest.raises(OrderNotPlaced, match="was not sent") as caught:
        scene.submit()
    error = caught.value
    assert (error.phase, error.cid, error.retryable) == ("connect", 77, True)
    assert error.proof == "never_sent"
    assert error.endpoint == "auth/w/order/submit"
    assert isinstance(error.__cause__, NetworkError)


@pytest.mark.parametrize(
    "answer, kind",
    [
        ((500, ["error", 10001, "Invalid order"]), OrderRejected),
        ((500, ["error", 10020, "price: invalid"]), OrderRejected),
        ((200, ["error", 20060, "maintenance"]), NotReady),
        ((400, {"message": "bad"}), OrderRejected),
    ],
)
def test_r07_refused_order_is_rejected(
    scene: Scene, answer: Any, kind: type[ApiError]
) -> None:
    status, value = answer
    scene.account.fate = lambda request, execute: request.answer(value, status)
    with pytest.raises(kind) as caught:
        scene.submit()
    error = caught.value
    assert type(error) is kind
    assert (error.endpoint, error.http_status) == ("auth/w/order/submit", status)
    assert error.raw == value
    assert error.__cause__ is None and error.__context__ is None


def test_r07_limited_order_is_not_sent(serve: Serve, connect: Connect) -> None:
    server = serve(lambda request: request.answer(["error", 11010, "ratelimit"], 429))
    signer = Signer(KEY, SECRET)
    auth = AuthEndpoints(connect(server, signer=signer, on_limit="raise"))
    with pytest.raises(RateLimited):
        auth.submit_order("MARKET", SYMBOL, 1)


# --- changes and cancellations ----------------------------------------------------------------


def test_r07_change_whose_answer_was_lost_shows_the_order_as_it_is(
    scene: Scene,
) -> None:
    scene.submit()
    scene.account.fate = scene.account.hang_up_after
    error = scene.unknown(lambda: scene.auth.update_order(101, amount="0.25"))
    assert error.known == {"id": 101, "amount": "0.25"}
    assert error.resolve().amount == 0.25
    scene.account.fate = scene.account.hang_up_before
    error = scene.unknown(lambda: scene.auth.update_order(101, amount="0.75"))
    assert error.resolve().amount == 0.25


@pytest.mark.parametrize("by", ["id", "cid"])
def test_r07_cancellation_whose_answer_was_lost_shows_the_order_as_it_is(
    scene: Scene, by: str
) -> None:
    scene.submit()
    today = f"{datetime.now(timezone.utc):%Y-%m-%d}"
    named: Any = {"id": 101} if by == "id" else {"cid": 77, "cid_date": today}
    scene.account.fate = scene.account.hang_up_before
    error = scene.unknown(lambda: scene.auth.cancel_order(**named))
    assert error.resolve().status.is_open
    # Not at once: it may have been on its way.
    assert scene.account.reads == (2 if by == "id" else 4)
    scene.account.fate = scene.account.hang_up_after
    error = scene.unknown(lambda: scene.auth.cancel_order(**named))
    assert error.resolve().order_status == "CANCELED"


@pytest.mark.parametrize(
    "named", [{"id": 5}, {"cid": 5, "cid_date": "2026-01-31"}], ids=["id", "cid"]
)
def test_r07_cancellation_of_an_order_that_does_not_exist_was_not_executed(
    scene: Scene, named: Any
) -> None:
    scene.account.fate = scene.account.hang_up_before
    error = scene.unknown(lambda: scene.auth.cancel_order(**named))
    with pytest.raises(NotExecuted):
        error.resolve()


def test_r07_cancellation_of_several_shows_those_that_are_open(scene: Scene) -> None:
    for number in range(4):
        scene.submit(cid=number, gid=number // 2)
    today = f"{datetime.now(timezone.utc):%Y-%m-%d}"
    cancel = scene.auth.cancel_order_multi
    scene.account.fate = scene.account.hang_up_before
    assert [o.id for o in scene.unknown(lambda: cancel(gid=[0])).resolve()] == [
        101,
        102,
    ]
    assert [o.id for o in scene.unknown(lambda: cancel(id=[103])).resolve()] == [103]
    dated = scene.unknown(lambda: cancel(cid=[(3, today)]))
    assert [order.id for order in dated.resolve()] == [104]
    assert len(scene.unknown(scene.auth.cancel_all_orders).resolve()) == 4
    scene.account.fate = scene.account.hang_up_after
    assert scene.unknown(lambda: cancel(gid=[0])).resolve() == []
    assert scene.unknown(scene.auth.cancel_all_orders).resolve() == []
    assert scene.account.open == []


def operations() -> list[Any]:
    new = {"type": "LIMIT", "symbol": SYMBOL, "amount": 1, "price": 2}
    return [
        ("on", {**new, "cid": 5}),
        ("on", {**new, "cid": 6, "gid": 9}),
        ("ou", {"id": 101, "amount": 3}),
        ("oc", {"cid": 78, "cid_date": f"{datetime.now(timezone.utc):%Y-%m-%d}"}),
        ("oc_multi", {"gid": [9]}),
    ]


def test_r07_several_operations_are_told_one_by_one(scene: Scene) -> None:
    scene.submit()
    scene.submit(cid=78)
    scene.account.fate = scene.account.hang_up_after
    error = scene.unknown(lambda: scene.auth.submit_order_multi(operations()))
    first, second, changed, cancelled, left = error.resolve()
    assert (first.cid, first.order_status) == (5, "ACTIVE")
    assert (second.cid, second.order_status) == (6, "CANCELED")
    assert (changed.id, changed.amount) == (101, 3)
    assert cancelled.order_status == "CANCELED"
    assert left == []
    assert len(scene.account.writes) == 3


def test_r07_many_old_orders_that_were_cancelled_are_all_found(scene: Scene) -> None:
    """More than the exchange returns if it is not told how many."""
    for _ in range(30):
        body = {"symbol": SYMBOL, "amount": 1, "price": 2, "type": "LIMIT"}
        scene.account.place({"cid": 1, "gid": 1, **body})[4] -= DAY_MS
    ids = [row[0] for row in scene.account.open]
    scene.account.fate = scene.account.hang_up_after
    ops = [("oc", {"id": id}) for id in ids]
    error = scene.unknown(lambda: scene.auth.submit_order_multi(ops))
    assert [order and order.id for order in error.resolve()] == ids


def test_r07_several_operations_that_never_arrived_are_none(scene: Scene) -> None:
    scene.account.fate = scene.account.hang_up_before
    error = scene.unknown(lambda: scene.auth.submit_order_multi(operations()))
    assert error.resolve() == [None, None, None, None, []]
    with pytest.raises(UsageError, match="an order of .* may have it"):
        scene.auth.submit_order_multi(operations()[:2])
    other = AuthEndpoints(scene.transport)
    error = scene.unknown(lambda: other.submit_order_multi(operations()[:2]))
    assert error.resolve() == [None, None]


def test_r07_several_new_orders_that_are_there_are_told_at_once(scene: Scene) -> None:
    scene.transport.absence_s = 30.0
    scene.account.fate = scene.account.hang_up_after
    error = scene.unknown(lambda: scene.auth.submit_order_multi(operations()[:2]))
    assert [order.cid for order in error.resolve(timeout=5.0)] == [5, 6]


def test_r07_several_operations_find_an_order_of_an_older_day(scene: Scene) -> None:
    body = {"cid": 77, "symbol": SYMBOL, "amount": 1, "price": 2, "type": "LIMIT"}
    old = scene.account.place(body)
    old[4] -= 5 * DAY_MS
    ops = [("oc", {"cid": 77, "cid_date": scene.account.day_of(old)})]
    scene.account.fate = scene.account.hang_up_after
    error = scene.unknown(lambda: scene.auth.submit_order_multi(ops))
    assert [order.id for order in error.resolve()] == [101]


def test_several_operations_that_go_well(scene: Scene) -> None:
    scene.submit()
    found = scene.auth.submit_order_multi(operations()[:3])
    assert [inner.type for inner in found.data] == ["on-req", "on-req", "ou-req"]
    assert found.data[2].data.amount == 3
    found.raise_for_status()


# --- what is the same for all writes ----------------------------------------------------------


class Writer(AuthEndpoints):
    """A write as other groups have them."""

    def write(self, **options: Any) -> Any:
        body = {"amount": "1", "none": None, "token": "t", "tfaToken": {"a": 1}}
        budget = Budget("auth/w/some", 90)
        return self._write(Write(budget, of_nothing(), body, **options))


def test_r15_what_is_known_has_no_secret() -> None:
    transport: Any = AnswerTransport("?")
    with pytest.raises(OutcomeUnknown) as caught:
        Writer(transport).write()
    assert caught.value.known == {"amount": "1"}


@pytest.mark.parametrize("is_quick", [True, False])
def test_r07_slow_notification_does_not_show_the_clock(
    monkeypatch: pytest.MonkeyPatch, is_quick: bool
) -> None:
    now = int(time.time() * 1000)
    transport: Any = AnswerTransport([now, "x", None, None, None, None, "SUCCESS", ""])
    if not is_quick:
        monkeypatch.setattr(base, "_QUICK_S", -1.0)
    Writer(transport).write()
    assert len(transport.clock.readings()) == is_quick


def test_write_that_nobody_can_ask_for_says_what_to_look_at() -> None:
    transport: Any = AnswerTransport("?")
    with pytest.raises(OutcomeUnknown, match="; check the account") as caught:
        Writer(transport).write()
    with pytest.raises(UsageError, match="auth/w/some: check the account"):
        caught.value.resolve()
    with pytest.raises(OutcomeUnknown, match="; look at the vault") as caught:
        Writer(transport).write(hint="look at the vault")


@pytest.mark.parametrize(
    "error, is_alone",
    [
        (NetworkError("no", phase="connect"), True),
        (ApiError("no", code=10001), True),
        (OutcomeUnknown("cut off", phase="receive"), False),
    ],
    ids=lambda value: type(value).__name__,
)
def test_only_writes_that_may_have_been_executed_are_kept(
    error: BfxError, is_alone: bool
) -> None:
    class Failing(AnswerTransport):
        def request(self, *arguments: Any, **options: Any) -> Any:
            raise error

    transport: Any = Failing()
    with pytest.raises(BfxError):
        Writer(transport).write(fingerprint="equal")
    following = sent.WriteRecord("equal")
    following.mark_ended()
    assert transport.sent.is_alone(following, 60.0) is is_alone


def test_error_that_reading_an_answer_raises_says_what_it_is_about() -> None:
    def refuse(row: Any, number: Any) -> Any:
        raise ApiError("refused in spite of its status", raw=row)

    transport: Any = AnswerTransport([5])
    writer = Writer(transport)
    with pytest.raises(ApiError, match="in spite") as caught:
        writer._write(Write(Budget("auth/w/some"), refuse))
    assert (caught.value.endpoint, caught.value.raw) == ("auth/w/some", [5])


# --- clocks, terms, and what cannot be read ---------------------------------------------------

NO_DATES: list[Any] = [
    lambda now_s: None,
    lambda now_s: "",
    lambda now_s: "yesterday",
    lambda now_s: "Thu, 01 Jan 9998 00:00:00 GMT",
]
ODD_DATES: list[Any] = [
    *NO_DATES,
    http_date,
    lambda now_s: http_date(now_s + 600),
    lambda now_s: http_date(now_s - 5 * 3600),
    lambda now_s: http_date(now_s + 3 * 86_400),
]
DATES = ["none", "empty", "word", "far", "right", "fast", "slow", "days"]


@pytest.mark.parametrize("dates", ODD_DATES, ids=DATES)
@pytest.mark.parametrize("behind_s", [0.0, 600.0, -7200.0, 200_000.0])
@pytest.mark.parametrize("is_open, is_multi", [(True, False), (False, True)])
def test_r07_order_with_a_random_client_id_is_ours_whatever_its_time(
    scene: Scene, dates: Any, behind_s: float, is_open: bool, is_multi: bool
) -> None:
    account = scene.account
    account.dates, account.behind_s, account.fate = (
        dates,
        behind_s,
        account.hang_up_after,
    )
    if is_multi:
        new = {"type": "LIMIT", "symbol": SYMBOL, "amount": 1, "price": 2}
        error = scene.unknown(lambda: scene.auth.submit_order_multi([("on", new)]))
    else:
        error = scene.unknown(lambda: scene.submit(cid=None))
    if not is_open:
        account.cancel(account.open[0])
    found = error.resolve()
    assert [order.id for order in (found if is_multi else [found])] == [101]


@pytest.mark.parametrize("is_multi", [True, False])
def test_r07_order_with_a_random_client_id_is_ours_if_all_clocks_are_wrong(
    scene: Scene, is_multi: bool
) -> None:
    """The header and this machine agree, and the books have another time."""
    scene.account.fate = scene.account.hang_up_after
    if is_multi:
        new = {"type": "LIMIT", "symbol": SYMBOL, "amount": 1, "price": 2}
        error = scene.unknown(lambda: scene.auth.submit_order_multi([("on", new)]))
    else:
        error = scene.unknown(lambda: scene.submit(cid=None))
    scene.account.cancel(scene.account.open[0])[4] -= 5 * DAY_MS
    found = error.resolve()
    assert [order.id for order in (found if is_multi else [found])] == [101]


@pytest.mark.parametrize("dates", ODD_DATES, ids=DATES)
@pytest.mark.parametrize("behind_s", [0.0, 600.0, -7200.0])
@pytest.mark.parametrize("cid", [None, 77])
def test_r07_order_is_absent_only_where_the_clock_is_known(
    scene: Scene, dates: Any, behind_s: float, cid: Any
) -> None:
    account = scene.account
    account.dates, account.behind_s, account.fate = (
        dates,
        behind_s,
        account.hang_up_before,
    )
    error = scene.unknown(lambda: scene.submit(cid=cid))
    is_known = dates not in NO_DATES and dates is not ODD_DATES[-1]
    with pytest.raises(OrderNotPlaced if is_known else OutcomeUnknown) as caught:
        error.resolve()
    if not is_known:
        assert caught.value is error and error.candidates == []
        assert "days" if dates is ODD_DATES[-1] else "no response" in error.reason


@pytest.mark.parametrize("dates", ODD_DATES, ids=DATES)
@pytest.mark.parametrize("behind_s", [0.0, 600.0, -7200.0, 200_000.0])
def test_r07_order_with_a_client_id_of_yours_is_never_absent_when_it_is_there(
    scene: Scene, dates: Any, behind_s: float
) -> None:
    account = scene.account
    account.dates, account.behind_s, account.fate = (
        dates,
        behind_s,
        account.hang_up_after,
    )
    error = scene.unknown(scene.submit)
    try:
        order = error.resolve()
    except OutcomeUnknown:
        (order,) = error.candidates
    else:
        # Somebody says what its time would be.
        assert dates not in NO_DATES
    assert (order.id, order.cid) == (101, 77)


@pytest.mark.parametrize(
    "terms",
    [{"symbol": "tETHUSD"}, {"type": "MARKET"}, {"amount": "-0.5"}, {"amount": "0.6"}],
    ids=str,
)
def test_r07_order_with_your_client_id_on_other_terms_is_a_candidate(
    scene: Scene, terms: Any
) -> None:
    body = {"cid": 77, "symbol": SYMBOL, "amount": "0.5", "price": 2, "type": "LIMIT"}
    scene.account.place({**body, **terms})
    scene.account.fate = scene.account.hang_up_before
    error = scene.unknown(scene.submit)
    with pytest.raises(OutcomeUnknown, match="see candidates"):
        error.resolve()
    assert [order.id for order in error.candidates] == [101]


@pytest.mark.parametrize("flags", [512, 1024])
def test_r07_amount_of_an_order_that_closes_is_what_the_exchange_makes_of_it(
    scene: Scene, flags: int
) -> None:
    def cut_down(request: Exchange, execute: Callable[[], Any]) -> object:
        execute()
        scene.account.open[0][7] = 0.25
        return False

    scene.account.fate = cut_down
    assert scene.unknown(lambda: scene.submit(flags=flags)).resolve().id == 101


def test_r07_order_of_two_is_told_from_its_stop(scene: Scene) -> None:
    def place_both(request: Exchange, execute: Callable[[], Any]) -> object:
        execute()
        scene.account.place({**scene.account.writes[-1][1], "type": "STOP"})
        return False

    scene.account.fate = place_both
    for number, cid in enumerate((77, None)):
        error = scene.unknown(
            lambda cid=cid: scene.submit(cid=cid, flags=16384, price_oco_stop=20000)
        )
        assert error.resolve().id == 101 + 2 * number


def trade(cid: int, order_id: int) -> list[Any]:
    mts = int(time.time() * 1000) + order_id
    row = [order_id, SYMBOL, mts, order_id, 0.5, 30000, "LIMIT", 30000, 1, -0.1]
    return [*row, "USD", cid]


@pytest.mark.parametrize("cid", [None, 77])
def test_r07_trade_of_an_order_that_no_list_has_is_a_candidate(
    scene: Scene, cid: Any
) -> None:
    scene.account.fate = scene.account.hang_up_before
    error = scene.unknown(lambda: scene.submit(cid=cid))
    scene.account.trades = [trade(1, 4), trade(error.cid or 0, 5)]
    with pytest.raises(OutcomeUnknown, match="see candidates"):
        error.resolve()
    assert [found.order_id for found in error.candidates] == [5]


def test_r07_order_is_found_by_its_trade(scene: Scene) -> None:
    scene.account.fate = scene.account.hang_up_after
    error = scene.unknown(lambda: scene.submit(cid=None))
    row = scene.account.open.pop()
    # Only by its id, as its time is not that which is asked for.
    row[4] -= 3 * DAY_MS
    scene.account.closed.append(row)
    scene.account.trades = [trade(row[2], 101)]
    assert error.resolve().id == 101


@pytest.mark.parametrize("states", [[True], [False], [True, False]], ids=str)
def test_r07_trades_of_an_older_order_with_your_client_id_mean_nothing(
    scene: Scene, states: list[bool]
) -> None:
    body = {"cid": 77, "symbol": SYMBOL, "amount": "0.5", "price": 2, "type": "LIMIT"}
    for is_open in states:
        row = scene.account.place(body)
        row[4] -= 3 * DAY_MS
        if not is_open:
            scene.account.cancel(row)
        scene.account.trades.append(trade(77, row[0]))
    scene.account.fate = scene.account.hang_up_before
    with pytest.raises(OrderNotPlaced):
        scene.unknown(scene.submit).resolve()


def test_r07_trades_older_than_any_listed_order_mean_nothing(scene: Scene) -> None:
    # Clocks in doubt, so that the whole history counts.
    scene.account.behind_s, scene.account.fate = 600.0, scene.account.hang_up_before
    error = scene.unknown(scene.submit)
    scene.account.trades = [trade(77, 5)]
    scene.account.trades[0][2] -= 15 * DAY_MS
    with pytest.raises(OrderNotPlaced):
        error.resolve()


def odd_order(**fields: Any) -> list[Any]:
    """Return a row that cannot be read, as it has no status."""
    places = {"id": 0, "gid": 1, "cid": 2, "symbol": 3}
    row: list[Any] = [None] * 32
    for name, value in fields.items():
        row[places[name]] = value
    return row


@pytest.mark.parametrize("where", ["open", "closed", "trades"])
@pytest.mark.parametrize(
    "row, may_be", [({}, True), ({"symbol": SYMBOL}, True), ({"cid": 77}, True)]
)
def test_r07_row_that_cannot_be_read_may_be_the_order(
    scene: Scene, where: str, row: Any, may_be: bool
) -> None:
    scene.account.fate = scene.account.hang_up_before
    error = scene.unknown(scene.submit)
    odd = odd_order(**row)
    odd[4] = int(time.time() * 1000)
    if where == "trades":
        odd = [1, SYMBOL, odd[4]]
    getattr(scene.account, where).append(odd)
    with pytest.raises(OutcomeUnknown, match="see candidates"):
        error.resolve()
    assert odd in error.candidates


@pytest.mark.parametrize(
    "row", [{"cid": 78}, {"cid": 78, "symbol": SYMBOL}, {"symbol": "tETHUSD"}]
)
def test_r07_row_of_a_stranger_that_cannot_be_read_hides_nothing(
    scene: Scene, row: Any
) -> None:
    odd = odd_order(id=5, **row)
    odd[4] = int(time.time() * 1000)
    scene.submit(cid=1)
    scene.account.cancel(scene.account.open[0])[4] -= 9000
    for rows in (scene.account.open, scene.account.closed):
        rows.append(odd)
    scene.account.fate = scene.account.hang_up_before
    with pytest.raises(OrderNotPlaced):
        scene.unknown(scene.submit).resolve()
    with pytest.raises(NotExecuted):
        scene.unknown(lambda: scene.auth.cancel_order(id=6)).resolve()
    scene.account.fate = scene.account.hang_up_after
    for cid in (79, None):
        error = scene.unknown(lambda cid=cid: scene.submit(cid=cid))
        assert error.resolve().cid == error.cid


def test_r07_row_that_cannot_be_read_hides_what_is_behind_it(scene: Scene) -> None:
    """A page without any time has no next one."""
    odd = odd_order(id=5, cid=78)
    odd[4] = int(time.time() * 1000)
    scene.account.closed.append(odd)
    scene.account.fate = scene.account.hang_up_before
    error = scene.unknown(scene.submit)
    with pytest.raises(OutcomeUnknown):
        error.resolve()
    assert error.candidates == [odd]


def test_r07_change_of_an_order_that_cannot_be_read_stays_unknown(scene: Scene) -> None:
    today = f"{datetime.now(timezone.utc):%Y-%m-%d}"
    odd = odd_order(id=5, gid=9, cid=77, symbol=SYMBOL)
    odd[4] = int(time.time() * 1000)
    scene.account.open.append(odd)
    scene.account.fate = scene.account.hang_up_before
    auth = scene.auth
    for act in (
        lambda: auth.update_order(5, price=1),
        lambda: auth.cancel_order(id=5),
        lambda: auth.cancel_order(cid=77, cid_date=today),
        lambda: auth.cancel_order_multi(id=[4, 5]),
        lambda: auth.cancel_order_multi(gid=[9]),
        lambda: auth.cancel_order_multi(cid=[(77, today)]),
        lambda: auth.cancel_all_orders(),
        lambda: auth.submit_order_multi([("oc", {"id": 5})]),
        lambda: auth.submit_order_multi([("oc", {"cid": 77, "cid_date": today})]),
        lambda: auth.submit_order_multi([("oc_multi", {"gid": [9]})]),
    ):
        error = scene.unknown(act)
        with pytest.raises(OutcomeUnknown):
            error.resolve()
        assert error.candidates == [odd]
    assert scene.unknown(lambda: auth.cancel_order_multi(id=[4])).resolve() == []
    ops: Any = [("oc_multi", {"gid": [8]}), ("oc", {"id": 4})]
    assert scene.unknown(lambda: auth.submit_order_multi(ops)).resolve() == [[], None]


@pytest.mark.parametrize("dates", NO_DATES, ids=DATES[: len(NO_DATES)])
def test_r07_several_operations_are_not_absent_without_a_date(
    scene: Scene, dates: Any
) -> None:
    scene.account.dates, scene.account.fate = dates, scene.account.hang_up_before
    error = scene.unknown(lambda: scene.auth.submit_order_multi(operations()[:1]))
    with pytest.raises(OutcomeUnknown, match="readable Date"):
        error.resolve()
    # What has an id is in the lists or not, whatever the time.
    error = scene.unknown(lambda: scene.auth.submit_order_multi(operations()[2:]))
    assert error.resolve() == [None, None, []]


@pytest.mark.parametrize("dates", NO_DATES, ids=DATES[: len(NO_DATES)])
def test_r07_order_with_an_id_needs_no_clock(scene: Scene, dates: Any) -> None:
    scene.submit()
    scene.account.dates, scene.account.fate = dates, scene.account.hang_up_after
    error = scene.unknown(lambda: scene.auth.update_order(101, amount="0.25"))
    assert error.resolve().amount == 0.25
    for act in (
        lambda: scene.auth.cancel_order(id=5),
        lambda: scene.auth.cancel_order(cid=5, cid_date="2026-01-31"),
    ):
        scene.account.fate = scene.account.hang_up_before
        with pytest.raises(NotExecuted) as caught:
            scene.unknown(act).resolve()
        assert (caught.value.proof, caught.value.retryable) == ("absent", False)


def test_r07_order_from_the_edge_of_a_day_is_found_by_its_date(
    scene: Scene,
) -> None:
    """Two clocks of the exchange may show different days then."""
    scene.submit()
    midnight = datetime(2026, 2, 1, tzinfo=timezone.utc).timestamp() * 1000
    scene.account.is_careless = True
    scene.account.fate = scene.account.hang_up_before
    last = [(-1, True), (9_000, True), (120_000, False)]
    first = [(-DAY_MS - 9_000, True), (-DAY_MS - 120_000, False)]
    for after_ms, is_named in last + first:
        scene.account.open[0][4] = int(midnight) + after_ms
        error = scene.unknown(
            lambda: scene.auth.cancel_order(cid=77, cid_date="2026-01-31")
        )
        if is_named:
            assert error.resolve().id == 101
        else:
            with pytest.raises(NotExecuted):
                error.resolve()


def test_r07_of_two_orders_with_one_client_id_none_is_guessed(scene: Scene) -> None:
    today = f"{datetime.now(timezone.utc):%Y-%m-%d}"
    scene.submit()
    scene.auth = AuthEndpoints(scene.transport)  # of another program
    scene.submit()
    scene.account.fate = scene.account.hang_up_before
    for act in (
        lambda: scene.auth.cancel_order(cid=77, cid_date=today),
        lambda: scene.auth.submit_order_multi([("oc", {"cid": 77, "cid_date": today})]),
    ):
        error = scene.unknown(act)
        with pytest.raises(OutcomeUnknown):
            error.resolve()
        assert sorted(order.id for order in error.candidates) == [101, 102]


# --- absence_s ----------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [0, -1, float("nan"), 86_401, "60", None, True])
def test_absence_s_that_is_none_is_refused(value: Any) -> None:
    for make in (Client, RestClient, RestTransport):
        with pytest.raises(UsageError, match="absence_s must be"):
            make(absence_s=value)


def test_absence_s_is_a_minute_unless_told_otherwise() -> None:
    with Client(KEY, SECRET) as bfx:
        assert bfx.rest.auth._transport.absence_s == 60.0
    with Client(KEY, SECRET, absence_s=0.5) as bfx:
        assert bfx.rest.auth._transport.absence_s == 0.5
    with RestClient() as rest:
        assert rest._signed.absence_s == 60.0


# --- what never left ----------------------------------------------------------------------------


def test_r07_every_write_that_never_left_says_so(scene: Scene, no_delays: None) -> None:
    scene.transport.host = "http://127.0.0.1:9/v2"
    auth = scene.auth
    for act in (
        lambda: auth.update_order(5, price=1),
        lambda: auth.cancel_order(id=5),
        lambda: auth.cancel_all_orders(),
        lambda: auth.submit_order_multi(operations()),
        lambda: auth.transfer_between_wallets("exchange", "margin", "UST", None, 1),
        lambda: auth.submit_wallet_withdrawal("exchange", "bitcoin", "x", 1),
        lambda: auth.submit_funding_offer("LIMIT", "fUSD", 150, "0.001", 2),
        lambda: auth.set_settings({"api:x": 1}),
    ):
        with pytest.raises(NotExecuted, match="was not sent") as caught:
            act()
        error = caught.value
        assert type(error) is NotExecuted
        assert (error.proof, error.retryable) == ("never_sent", True)
        assert error.endpoint is not None and error.endpoint.startswith("auth/w/")
        assert isinstance(error.__cause__, NetworkError)
    # A read is no write.
    with pytest.raises(NetworkError) as lost:
        auth.get_orders()
    assert not isinstance(lost.value, NotExecuted)


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="needs POSIX")
def test_r07_waiting_for_absence_ends_with_ctrl_c(scene: Scene) -> None:
    scene.transport.absence_s = 3600.0
    scene.account.fate = scene.account.hang_up_before
    error = scene.unknown(scene.submit)

    def interrupt() -> None:
        scene.server.wait_for_requests(5)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    thread = threading.Thread(target=interrupt, name="test-interrupt")
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        error.resolve()
    thread.join(DEADLINE_S)
    # It may be asked again.
    scene.transport.absence_s = 0.05
    with pytest.raises(OrderNotPlaced):
        error.resolve()
