"""Signed calls against a server that checks signatures and nonces."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, Callable

import pytest
import urllib3
from interrupts import interrupted
from patience import at_most

from bfxsync._base.latch import Latch
from bfxsync.auth.nonce import Nonce
from bfxsync.auth.nonce_file import FileNonce
from bfxsync.auth.signer import Signer, TokenSigner
from bfxsync.errors import (
    ApiError,
    AuthError,
    ClosedError,
    NetworkError,
    NonceTooSmall,
    NotReady,
    OutcomeUnknown,
    RateLimited,
    RequestTimeout,
    UsageError,
)
from bfxsync.rest.http import retry_policy, signing
from bfxsync.rest.http import transport as transport_module
from bfxsync.rest.http.rate_limiter import RequestRateLimiter
from bfxsync.rest.http.retry_policy import MAX_ATTEMPTS, RequestKind
from bfxsync.rest.http.transport import RestTransport

from .conftest import Connect, Serve
from .server import DEADLINE_S, Exchange, Server
from .signed import KEY, NONCE_TOO_SMALL, SECRET, Verifier, answered, nothing

READ, WRITE, ORDER = "auth/r/wallets", "auth/w/transfer", "auth/w/order/submit"


@pytest.fixture(autouse=True)
def own_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each test have turns of its own, whatever its key."""
    monkeypatch.setattr(signing, "_locks", {})


def signer(**options: Any) -> Signer:
    return Signer(KEY, SECRET, **options)


def in_threads(count: int, work: Callable[[int], None]) -> None:
    """Run it in so many threads, and raise what it raised there."""
    errors: list[BaseException] = []

    def run(index: int) -> None:
        try:
            work(index)
        except BaseException as exc:
            errors.append(exc)

    threads = [
        threading.Thread(target=run, args=(index,), name=f"test-{index}")
        for index in range(count)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


# --- what is sent -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path, body, sent",
    [
        (READ, None, b"{}"),
        (READ, {"none": None}, b"{}"),
        ("auth/r/orders/tDOGE:USD/hist", {"limit": 5}, b'{"limit":5}'),
        (WRITE, {"note": "größer ✓"}, rb'{"note":"gr\u00f6\u00dfer \u2713"}'),
        (WRITE, {"a": {"b": [0.1, 1e-7]}}, b'{"a":{"b":["0.1","0.0000001"]}}'),
    ],
)
def test_server_verifies_the_signature_from_the_bytes_that_came(
    serve: Serve, connect: Connect, path: str, body: Any, sent: bytes
) -> None:
    verifier = Verifier(nothing)
    transport = connect(serve(verifier), signer=signer())
    assert transport.request("POST", path, body=body) == []
    (seen,) = verifier.seen
    assert (seen.path, seen.body) == (f"v2/{path}", sent)
    assert json.loads(seen.body.decode()) is not None


def test_headers_are_those_of_the_exchange(serve: Serve, connect: Connect) -> None:
    server = serve(Verifier(nothing))
    connect(server, signer=signer()).request("POST", READ)
    (request,) = server.requests
    assert request.headers["content-type"] == "application/json"
    assert {name for name in request.headers if name.startswith("bfx-")} == {
        "bfx-nonce",
        "bfx-apikey",
        "bfx-signature",
    }


def test_token_stands_in_for_key_and_signature(serve: Serve, connect: Connect) -> None:
    server = serve(nothing)
    nonce = Nonce(lambda: 0.0, last=41)
    transport = connect(server, signer=TokenSigner("pub:api:a-token", nonce))
    transport.request("POST", READ)
    (request,) = server.requests
    assert request.headers["bfx-token"] == "pub:api:a-token"
    assert request.headers["bfx-nonce"] == "42"
    assert "bfx-apikey" not in request.headers
    assert "bfx-signature" not in request.headers


def test_public_calls_are_not_signed(serve: Serve, connect: Connect) -> None:
    server = serve(nothing)
    transport = connect(server, signer=signer())
    transport.request("GET", "tickers")
    transport.request("POST", "calc/fx", body={})
    for request in server.requests:
        assert not any(name.startswith("bfx-") for name in request.headers)


def test_without_a_key_nothing_is_sent(serve: Serve, connect: Connect) -> None:
    server = serve(nothing)
    with pytest.raises(UsageError, match="BFX_API_KEY"):
        connect(server).request("POST", READ)
    assert server.requests == []


@pytest.mark.parametrize(
    "method, options", [("GET", {}), ("POST", {"params": {"limit": 1}})]
)
def test_only_a_post_without_a_query_can_be_signed(
    serve: Serve, connect: Connect, method: str, options: Any
) -> None:
    server = serve(nothing)
    with pytest.raises(UsageError, match="POST"):
        connect(server, signer=signer()).request(method, READ, **options)
    assert server.requests == []


# --- one at a time, in the order of their nonces ----------------------------------------------


def check_order(serve: Serve, connect: Connect, calls: int) -> None:
    verifier = Verifier(nothing)
    server = serve(verifier)
    # Two clients with the same key in one process share nonces and turns.
    clients = [connect(server, signer=signer(), timeout=600) for _ in range(2)]
    start = threading.Barrier(8, timeout=DEADLINE_S)

    def work(index: int) -> None:
        start.wait()
        for number in range(calls):
            kind = RequestKind.ORDER if number % 10 == 0 else None
            clients[index % 2].request("POST", READ, kind=kind)

    in_threads(8, work)
    nonces = [seen.nonce for seen in verifier.seen]
    assert len(nonces) == 8 * calls
    assert nonces == sorted(set(nonces))
    assert (verifier.refused, verifier.forged) == (0, 0)


def test_r06_signed_calls_of_8_threads_arrive_in_nonce_order(
    serve: Serve, connect: Connect
) -> None:
    check_order(serve, connect, 50)


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_r06_80_000_signed_calls_of_8_threads_arrive_in_nonce_order(
    serve: Serve, connect: Connect
) -> None:
    check_order(serve, connect, 10_000)


class Gate:
    """A handler that answers nothing until it is opened; then all that waits, at once."""

    def __init__(self) -> None:
        self.opened = threading.Event()

    def __call__(self, request: Exchange) -> object:
        assert self.opened.wait(DEADLINE_S)
        return request.answer([])


def waiting_in(lock: signing.SignedLock) -> list[RequestKind]:
    return [turn.kind for turn in lock._queue.get().waiting]


def wait_for_turns(transport: RestTransport, count: int) -> None:
    """Wait until so many calls wait for their turn."""
    deadline = time.monotonic() + DEADLINE_S
    while len(waiting_in(signing.signed_lock(KEY))) != count:
        assert time.monotonic() < deadline
        threading.Event().wait(0.001)


def test_orders_overtake_writes_and_these_reads(serve: Serve, connect: Connect) -> None:
    gate = Gate()
    verifier = Verifier(gate)
    transport = connect(serve(verifier), signer=signer())
    threads = []
    for count, path in enumerate((READ, READ, "auth/r/orders", WRITE, ORDER, ORDER)):
        arguments = ("POST", path)
        threads.append(
            threading.Thread(target=transport.request, args=arguments, name="test-call")
        )
        threads[-1].start()
        if count == 0:
            while not verifier.seen:
                threading.Event().wait(0.001)
        else:
            wait_for_turns(transport, count)
    gate.opened.set()
    for thread in threads:
        thread.join(DEADLINE_S)
    paths = [seen.path[len("v2/") :] for seen in verifier.seen]
    assert paths == [READ, ORDER, ORDER, WRITE, READ, "auth/r/orders"]


def test_one_signed_call_is_on_the_wire_at_a_time(
    serve: Serve, connect: Connect
) -> None:
    lock, now, most = threading.Lock(), [0], [0]

    def count(request: Exchange) -> object:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        threading.Event().wait(0.002)
        with lock:
            now[0] -= 1
        return request.answer([])

    transport = connect(serve(Verifier(count)), signer=signer())

    def work(index: int) -> None:
        for _ in range(5):
            transport.request("POST", READ)

    in_threads(8, work)
    assert most == [1]


def test_no_turn_is_held_while_a_limit_is_waited_for(
    serve: Serve, connect: Connect
) -> None:
    verifier = Verifier(nothing)
    transport = connect(serve(verifier), signer=signer(), limits=RequestRateLimiter())
    transport.request("POST", READ, group="slow", per_minute=1)
    waiting = threading.Thread(
        target=lambda: pytest.raises(
            ClosedError, transport.request, "POST", READ, group="slow", per_minute=1
        ),
        name="test-waits",
    )
    waiting.start()
    for _ in range(3):
        transport.request("POST", ORDER, group="fast")
    transport.close()
    waiting.join(DEADLINE_S)
    assert not waiting.is_alive()
    assert len(verifier.seen) == 4


def test_no_turn_is_held_during_the_pause_before_another_attempt(
    serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry_policy, "_delay_s", lambda failures: 20.0)
    refused = threading.Event()

    def refuse_first(request: Exchange) -> object:
        if refused.is_set():
            return request.answer([])
        request.answer(["error", 11000, "ready: invalid"], 500)
        refused.set()
        return True

    transport = connect(serve(Verifier(refuse_first)), signer=signer())
    waiting = threading.Thread(
        target=lambda: pytest.raises(ClosedError, transport.request, "POST", ORDER),
        name="test-waits",
    )
    waiting.start()
    assert refused.wait(DEADLINE_S)
    assert transport.request("POST", READ) == []
    transport.close()
    waiting.join(DEADLINE_S)
    assert not waiting.is_alive()


def test_close_ends_the_wait_for_a_turn(serve: Serve, connect: Connect) -> None:
    gate = Gate()
    server = serve(Verifier(gate))
    first, second = (connect(server, signer=signer()) for _ in range(2))
    raised: list[Any] = []

    def wait() -> None:
        with pytest.raises(ClosedError) as caught:
            second.request("POST", ORDER)
        raised.append(caught.value)

    holding = threading.Thread(
        target=first.request, args=("POST", READ), name="test-holds"
    )
    holding.start()
    server.wait_for_requests(1)
    waiting = threading.Thread(target=wait, name="test-waits")
    waiting.start()
    wait_for_turns(second, 1)
    second.close()
    waiting.join(DEADLINE_S)
    assert len(raised) == 1
    # The other client's call goes on, and so do its turns.
    gate.opened.set()
    holding.join(DEADLINE_S)
    assert first.request("POST", READ) == []
    assert len(server.requests) == 2


def test_call_that_gets_no_turn_in_its_time_is_not_sent(
    serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate()
    server = serve(Verifier(gate))
    transport = connect(server, signer=signer())
    holding = threading.Thread(
        target=transport.request, args=("POST", READ), name="test-holds"
    )
    holding.start()
    server.wait_for_requests(1)
    with pytest.raises(RequestTimeout, match="same key") as caught:
        transport.request("POST", ORDER, total=0.05)
    assert caught.value.phase == "connect"
    assert waiting_in(signing.signed_lock(KEY)) == []
    gate.opened.set()
    holding.join(DEADLINE_S)
    assert transport.request("POST", READ) == []
    assert len(server.requests) == 2


class Interrupt(BaseException):
    """Stands for Ctrl-C."""


def test_interrupted_wait_leaves_the_line_in_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lock, closed = signing.SignedLock(), Latch()
    deadline = time.monotonic() + DEADLINE_S

    def interrupt(latch: Latch, timeout_s: Any = None) -> bool:
        raise Interrupt

    def wait_in_vain() -> None:
        with monkeypatch.context() as patched, pytest.raises(Interrupt):
            patched.setattr(Latch, "wait", interrupt)
            lock.run(RequestKind.ORDER, deadline, closed, nobodys_turn)
        assert waiting_in(lock) == []

    lock.run(RequestKind.READ, deadline, closed, wait_in_vain)
    assert lock.run(RequestKind.READ, deadline, closed, lambda: "mine") == "mine"
    assert lock._queue.get() == signing._LockQueue()


def nobodys_turn() -> None:
    raise AssertionError("nobody's turn")


def test_no_wait_for_a_turn_is_longer_than_what_ctrl_c_may_miss(
    connect: Connect, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    transport = connect(serve(nothing), signer=signer())
    lock, deadline = signing.signed_lock(KEY), time.monotonic() + 60

    def interrupt(latch: Latch, timeout_s: Any = None) -> bool:
        waits.append(timeout_s)
        raise Interrupt

    def wait() -> None:
        with monkeypatch.context() as patched:
            patched.setattr(Latch, "wait", interrupt)
            for work in (
                lambda: transport.pause(10),
                lambda: transport.request("POST", READ),
            ):
                with pytest.raises(Interrupt):
                    work()

    lock.run(RequestKind.READ, deadline, Latch(), wait)
    # A wait that it comes just before is not ended by it, and on Windows no wait is.
    assert waits == [1.0, 1.0]


@pytest.mark.parametrize(
    "times",
    [pytest.param(1000, id="short"), pytest.param(30_000, marks=pytest.mark.long)],
)
def test_interrupts_keep_nobody_waiting_for_a_turn(times: int) -> None:
    lock, closed, over = signing.SignedLock(), Latch(), threading.Event()
    now, most, count = 0, 0, 0

    def work() -> None:
        nonlocal now, most, count
        # Only one is here at a time, so that nothing of this needs a lock.
        now += 1
        most = max(most, now)
        count += 1
        now -= 1

    def others() -> None:
        while not over.is_set():
            lock.run(RequestKind.READ, time.monotonic() + DEADLINE_S, closed, work)

    threads = [threading.Thread(target=others, name="test-call") for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        deadline = time.monotonic() + 1000
        interrupted(lambda: lock.run(RequestKind.ORDER, deadline, closed, int), times)
        done = count
        while count <= done + 1 and all(thread.is_alive() for thread in threads):
            threading.Event().wait(0.001)
    finally:
        over.set()
        for thread in threads:
            thread.join(DEADLINE_S)
    assert not any(thread.is_alive() for thread in threads)
    assert most == 1
    assert lock._queue.get() == signing._LockQueue(
        overtakings=lock._queue.get().overtakings
    )


@pytest.mark.parametrize(
    "times",
    [pytest.param(200, id="short"), pytest.param(10_000, marks=pytest.mark.long)],
)
# Ctrl-C may come before a socket, or what would close it, is in anybody's hands.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("source", ["own", "file"])
def test_r06_signed_calls_stay_in_order_whatever_is_interrupted(
    serve: Serve, connect: Connect, tmp_path: Path, source: str, times: int
) -> None:
    verifier = Verifier(nothing)
    nonce = FileNonce(tmp_path / "nonce") if source == "file" else Nonce()
    timeout = at_most(DEADLINE_S)
    transport = connect(serve(verifier), signer=signer(nonce=nonce), timeout=timeout)
    over, errors = threading.Event(), []

    def others() -> None:
        try:
            while not over.is_set():
                transport.request("POST", READ)
        except BaseException as exc:
            errors.append(exc)

    thread = threading.Thread(target=others, name="test-call")
    thread.start()
    try:
        interrupted(lambda: transport.request("POST", ORDER), times, longest_s=0.005)
        done = len(verifier.seen)
        while len(verifier.seen) <= done + 1 and thread.is_alive():
            threading.Event().wait(0.001)
    finally:
        over.set()
        thread.join(DEADLINE_S)
    assert not thread.is_alive() and errors == []
    assert transport.request("POST", ORDER) == []
    assert verifier.forged == 0


def test_read_behind_orders_without_end_has_its_turn(
    serve: Serve, connect: Connect
) -> None:
    verifier = Verifier(lambda request: request.answer([]))
    transport = connect(serve(verifier), signer=signer(), timeout=DEADLINE_S)
    over = threading.Event()

    def order() -> None:
        while not over.is_set():
            transport.request("POST", ORDER)

    threads = [threading.Thread(target=order, name="test-call") for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(5):
            transport.request("POST", READ)
    finally:
        over.set()
        for thread in threads:
            thread.join(DEADLINE_S)


def test_who_came_first_is_overtaken_ten_times_and_no_more() -> None:
    assert signing.MOST_OVERTAKINGS == 10
    lock, closed = signing.SignedLock(), Latch()
    deadline = time.monotonic() + DEADLINE_S
    served: list[str] = []
    threads: list[threading.Thread] = []

    def come(kind: RequestKind) -> None:
        lock.run(kind, deadline, closed, lambda: served.append(kind.name))

    def let_all_come() -> None:
        for kind in (
            [RequestKind.READ] * 2 + [RequestKind.WRITE] + [RequestKind.ORDER] * 25
        ):
            threads.append(threading.Thread(target=come, args=(kind,)))
            threads[-1].start()
            while len(waiting_in(lock)) < len(threads):
                assert time.monotonic() < deadline
                threading.Event().wait(0.001)

    lock.run(RequestKind.READ, deadline, closed, let_all_come)
    for thread in threads:
        thread.join(DEADLINE_S)
    orders = ["ORDER"]
    assert served == [
        *orders * 10,
        "READ",
        *orders * 10,
        "READ",
        *orders * 5,
        "WRITE",
    ]


def test_turn_that_is_given_up_is_nobody_elses() -> None:
    lock, closed = signing.SignedLock(), Latch()
    deadline = time.monotonic() + DEADLINE_S
    done = threading.Event()
    thread = threading.Thread(
        target=lock.run,
        args=(RequestKind.ORDER, deadline, closed, done.set),
        name="test-waits",
    )

    def give_up() -> None:
        thread.start()
        while not waiting_in(lock):
            assert time.monotonic() < deadline
            threading.Event().wait(0.001)
        with pytest.raises(RequestTimeout):
            lock.run(RequestKind.READ, time.monotonic(), closed, nobodys_turn)
        # The order still waits, as one call is on the wire.
        assert waiting_in(lock) == [RequestKind.ORDER]
        assert not done.is_set()

    lock.run(RequestKind.READ, time.monotonic() + 1, closed, give_up)
    thread.join(DEADLINE_S)
    assert done.is_set()


def test_turn_that_comes_after_the_end_is_not_used() -> None:
    lock, closed = signing.SignedLock(), Latch()
    closed.set()
    deadline = time.monotonic() + DEADLINE_S
    with pytest.raises(ClosedError):
        lock.run(RequestKind.ORDER, deadline, closed, nobodys_turn)
    assert lock._queue.get() == signing._LockQueue()


def test_r10_child_process_leaves_a_line_that_is_no_more() -> None:
    lock, closed = signing.SignedLock(), Latch()
    deadline = time.monotonic() + DEADLINE_S
    gone: list[Any] = []

    def wait_at_the_fork() -> None:
        with pytest.raises(ClosedError):
            lock.run(RequestKind.READ, deadline, closed, nobodys_turn)
        gone.append(True)

    thread = threading.Thread(target=wait_at_the_fork, name="test-waits")

    def fork() -> None:
        thread.start()
        while not waiting_in(lock):
            assert time.monotonic() < deadline
            threading.Event().wait(0.001)
        (turn,) = lock._queue.get().waiting
        lock._reset_after_fork()
        # The child's own calls go on, and give no turn to those of its parent.
        for _ in range(2):
            lock.run(RequestKind.ORDER, time.monotonic() + 1, closed, int)
        closed.set()
        turn.latch.set()
        thread.join(DEADLINE_S)

    lock.run(RequestKind.READ, time.monotonic() + 1, closed, fork)
    assert gone == [True]
    assert lock._queue.get() == signing._LockQueue()


# --- nonces that are too small ----------------------------------------------------------------


@pytest.mark.parametrize("path", [READ, WRITE, ORDER])
def test_r06_nonce_that_is_too_small_is_retried_once_with_a_fresh_one(
    serve: Serve, connect: Connect, path: str
) -> None:
    verifier = Verifier(nothing)
    server = serve(verifier)
    # As if another program had used the key just now.
    now = time.time()
    verifier.last = int((now + 0.5) * 1_000_000)
    clock = iter([now, now + 1.0])
    transport = connect(server, signer=signer(nonce=Nonce(lambda: next(clock))))
    assert transport.request("POST", path) == []
    assert (verifier.refused, len(verifier.seen)) == (1, 1)


@pytest.mark.parametrize("path", [READ, WRITE, ORDER])
def test_r06_nonce_that_stays_too_small_is_told(
    serve: Serve, connect: Connect, path: str
) -> None:
    server = serve(answered((500, NONCE_TOO_SMALL)))
    with pytest.raises(NonceTooSmall) as caught:
        connect(server, signer=signer()).request("POST", path)
    assert len(server.requests) == 2
    first, second = (int(r.headers["bfx-nonce"]) for r in server.requests)
    assert first < second
    error = caught.value
    assert (error.code, error.endpoint, error.http_status) == (10114, path, 500)
    assert error.clock_skew_s is None
    assert str(error).startswith(f"POST {path}: nonce: small (code 10114); use one key")


CALLS = """
import sys
from bfxsync.auth.signer import Signer
from bfxsync._base.latch import Latch
from bfxsync.auth.nonce_file import FileNonce
from bfxsync.rest.http.rate_limiter import RequestRateLimiter
from bfxsync.rest.http.transport import RestTransport

host, key, secret, path, calls = sys.argv[1:]
transport = RestTransport(
    host=host,
    signer=Signer(key, secret, FileNonce(path)),
    limits=RequestRateLimiter(exempt_loopback=True),
)
print("ready", flush=True)
sys.stdin.readline()
for number in range(int(calls)):
    assert transport.request("POST", "auth/w/transfer" if number % 2 else "auth/r/wallets") == []
"""


def call_in_processes(server: Server, path: Path, processes: int, calls: int) -> None:
    """Make calls in processes that share a nonce file; each call must succeed."""
    arguments = [server.host, KEY, SECRET, str(path), str(calls)]
    running = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", CALLS, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(processes)
    ]
    for process in running:
        assert process.stdout is not None and process.stdin is not None
        assert process.stdout.readline() == "ready\n"
    for process in running:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    for process in running:
        _, errors = process.communicate(timeout=100)
        assert (process.returncode, errors) == (0, "")


@pytest.mark.parametrize(
    "processes, calls",
    [(2, 100), pytest.param(4, 5_000, marks=pytest.mark.long)],
)
def test_r06_processes_that_share_a_nonce_file_see_no_error(
    serve: Serve, tmp_path: Path, processes: int, calls: int
) -> None:
    pytest.importorskip("filelock")
    verifier = Verifier(nothing)
    call_in_processes(serve(verifier), tmp_path / "nonce", processes, calls)
    # What was refused on the way was sent again, unseen.
    assert len(verifier.seen) == processes * calls
    assert verifier.forged == 0


def test_r06_second_attempt_keeps_other_processes_from_overtaking(
    serve: Serve, connect: Connect, tmp_path: Path
) -> None:
    pytest.importorskip("filelock")
    path = tmp_path / "nonce"
    other = FileNonce(path, timeout=0.01)
    drawn: list[str] = []

    def race(request: Exchange) -> object:
        # Another process draws a number while this one is on its way.
        try:
            other.next()
            drawn.append("drawn")
        except RequestTimeout:
            drawn.append("kept out")
        if len(drawn) == 1:
            return request.answer(NONCE_TOO_SMALL, 500)
        return request.answer([])

    transport = connect(serve(race), signer=signer(nonce=FileNonce(path)))
    assert transport.request("POST", ORDER) == []
    assert drawn == ["drawn", "kept out"]
    assert other.next() > 0


def date(seconds: float) -> str:
    return time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(seconds))


@pytest.mark.parametrize(
    "ahead_s, named",
    [(100, "100 s ahead of"), (-60, "60 s behind"), (3, None), (0, None)],
)
def test_nonce_error_names_clocks_that_differ_by_more_than_5_s(
    serve: Serve, connect: Connect, ahead_s: float, named: Any
) -> None:
    def refuse(request: Exchange) -> object:
        there = date(time.time() - ahead_s)
        return request.answer(NONCE_TOO_SMALL, 500, Date=there)

    transport = connect(serve(refuse), signer=signer())
    with pytest.raises(NonceTooSmall) as caught:
        transport.request("POST", READ)
    skew_s = caught.value.clock_skew_s
    assert skew_s is not None and abs(skew_s - ahead_s) < 2
    text = str(caught.value)
    if named is None:
        assert "clock" not in text
    else:
        number, _, rest = named.partition(" ")
        found = int(text.split("clock is ")[1].split(" ")[0])
        assert abs(found - int(number)) <= 1 and rest in text


@pytest.mark.parametrize("header", ["soon", ""])
def test_date_that_is_none_is_not_heeded(
    serve: Serve, connect: Connect, header: str
) -> None:
    server = serve(lambda request: request.answer([], Date=header))
    transport = connect(server, signer=signer())
    assert transport.clock_skew_s is None
    transport.request("POST", READ)
    assert transport.clock_skew_s is None


def test_answer_without_a_date_leaves_what_is_known_of_the_clock(
    serve: Serve, connect: Connect
) -> None:
    dates = [{"Date": "Wed, 21 Oct 2015 07:28:00 GMT"}, {}]
    server = serve(lambda request: request.answer([], **dates.pop(0)))
    transport = connect(server, signer=signer())
    transport.request("POST", READ)
    seen_s = transport.clock_skew_s
    assert seen_s is not None and seen_s > 86_400
    transport.request("POST", READ)
    assert transport.clock_skew_s == seen_s


def test_clock_is_read_before_the_body_has_come(serve: Serve, connect: Connect) -> None:
    ready_s: list[float] = []

    def take_time(request: Exchange) -> bool:
        date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(1e9))
        head = f"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nDate: {date}\r\n\r\n"
        request.send(head.encode())
        threading.Event().wait(0.5)
        ready_s.append(time.time())
        request.send(b"[]")
        return True

    transport = connect(serve(take_time), signer=signer())
    transport.request("POST", READ)
    assert transport.clock_skew_s is not None
    assert transport.clock_skew_s + 1e9 + 0.5 < ready_s[0]


# --- writes: again only where nothing was executed --------------------------------------------

AGAIN = [
    (500, ["error", 11000, "ready: invalid"]),
    (200, ["error", 11000, "ready: invalid"]),
    (500, NONCE_TOO_SMALL),
]
REFUSED = [
    (500, ["error", 10001, "Invalid order: not enough exchange balance"]),
    (500, ["error", 10020, "symbol: invalid"]),
    (500, ["error", 10100, "apikey: invalid"]),
    (500, ["error", 10008, "concurrency"]),
    (200, ["error", 20060, "maintenance"]),
    (400, {"message": "bad"}),
    (403, b"<html></html>"),
    (403, {"code": 403, "error": "forbidden"}),
    (404, b""),
]
OPEN = [
    (0, None),
    (200, b""),
    (200, b"<html></html>"),
    (200, b'[1,"on-req"'),
    (302, b""),
    (307, {"error": "moved"}),
    (408, b""),
    (500, b"<html></html>"),
    (500, []),
    (500, ["error", None, "unknown"]),
    (500, ["error", 10000, "unknown"]),
    (502, b"<html></html>"),
    (503, b""),
    (503, {"code": 503, "error": "temporarily_unavailable"}),
    (500, {"code": 500, "error": "internal"}),
    (524, {"code": 524, "error": "origin_timeout"}),
    (200, {"code": 500, "error": "internal"}),
    (504, b"<html></html>"),
]
WRITES = pytest.mark.parametrize("path", [WRITE, ORDER])


@WRITES
@pytest.mark.parametrize("refusal", AGAIN, ids=str)
def test_write_is_sent_again_where_nothing_was_executed(
    serve: Serve, connect: Connect, no_delays: None, path: str, refusal: Any
) -> None:
    server = serve(answered(refusal, (200, ["done"])))
    transport = connect(server, signer=signer())
    assert transport.request("POST", path) == ["done"]
    assert len(server.requests) == 2


@WRITES
def test_write_waits_for_the_end_of_a_rate_limit(
    serve: Serve, connect: Connect, path: str
) -> None:
    first = threading.Event()

    def limit_once(request: Exchange) -> object:
        if first.is_set():
            return request.answer(["done"])
        first.set()
        return request.answer(["error", 11010, "ratelimit"], 429, Retry_After="1")

    transport = connect(serve(limit_once), signer=signer())
    started = time.monotonic()
    assert transport.request("POST", path) == ["done"]
    assert time.monotonic() - started >= 0.9


@WRITES
def test_write_does_not_wait_for_a_rate_limit_if_told_so(
    serve: Serve, connect: Connect, path: str
) -> None:
    server = serve(answered((429, ["error", 11010, "ratelimit"])))
    with pytest.raises(RateLimited):
        connect(server, signer=signer(), on_limit="raise").request("POST", path)
    assert len(server.requests) == 1


@WRITES
def test_write_is_sent_again_after_a_connection_that_was_refused(
    serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    server = serve(answered((200, ["done"])))
    transport = connect(server, signer=signer())
    connecting = urllib3.util.connection.create_connection
    refused: list[Any] = []

    def refuse_twice(address: Any, *arguments: Any, **options: Any) -> Any:
        if len(refused) < 2:
            refused.append(address)
            raise ConnectionRefusedError(111, "Connection refused")
        return connecting(address, *arguments, **options)

    monkeypatch.setattr(retry_policy, "_FIRST_DELAY_S", 0.0)
    monkeypatch.setattr(urllib3.util.connection, "create_connection", refuse_twice)
    assert transport.request("POST", path) == ["done"]
    assert (len(refused), len(server.requests)) == (2, 1)


@WRITES
def test_write_without_a_connection_was_not_executed(
    serve: Serve, connect: Connect, no_delays: None, path: str
) -> None:
    transport = connect(serve(nothing), signer=signer())
    with socket.create_server(("127.0.0.1", 0)) as closed:
        transport.host = f"http://127.0.0.1:{closed.getsockname()[1]}/v2"
    with pytest.raises(NetworkError, match="refused") as caught:
        transport.request("POST", path)
    assert caught.value.phase == "connect"
    assert not isinstance(caught.value, OutcomeUnknown)


@WRITES
@pytest.mark.parametrize("refusal", REFUSED, ids=str)
def test_refused_write_is_told_and_not_sent_again(
    serve: Serve, connect: Connect, path: str, refusal: Any
) -> None:
    server = serve(answered(refusal))
    with pytest.raises(ApiError) as caught:
        connect(server, signer=signer()).request("POST", path)
    assert len(server.requests) == 1
    assert (caught.value.endpoint, caught.value.http_status) == (path, refusal[0])


@WRITES
@pytest.mark.parametrize("answer", OPEN, ids=str)
def test_r07_write_that_may_have_been_executed_leaves_its_outcome_open(
    serve: Serve, connect: Connect, path: str, answer: Any
) -> None:
    server = serve(answered(answer))
    with pytest.raises(OutcomeUnknown) as caught:
        connect(server, signer=signer()).request("POST", path)
    assert len(server.requests) == 1
    error = caught.value
    assert (error.endpoint, error.http_status) == (path, answer[0] or None)
    assert not error.retryable
    assert error.__cause__ is not None


@pytest.mark.parametrize("answer", [a for a in OPEN if a[0] in (0, 502, 503, 504)])
def test_read_is_sent_again_where_a_write_is_not(
    serve: Serve, connect: Connect, no_delays: None, answer: Any
) -> None:
    server = serve(answered(answer))
    with pytest.raises((NetworkError, NotReady)) as caught:
        connect(server, signer=signer()).request("POST", READ)
    assert not isinstance(caught.value, OutcomeUnknown)
    assert len(server.requests) == MAX_ATTEMPTS


def test_r07_silence_after_a_write_leaves_its_outcome_open(
    serve: Serve, connect: Connect
) -> None:
    server = serve(lambda request: server.stopping.wait(DEADLINE_S) and False)
    transport = connect(server, signer=signer(), timeout=(5, 0.2, 5))
    with pytest.raises(OutcomeUnknown) as caught:
        transport.request("POST", ORDER)
    assert caught.value.phase == "receive"
    assert isinstance(caught.value.__cause__, RequestTimeout)
    assert len(server.requests) == 1


@pytest.mark.parametrize("is_used", [True, False])
def test_r07_write_that_takes_too_long_to_be_sent_is_not_sent_again(
    serve: Serve,
    connect: Connect,
    no_delays: None,
    monkeypatch: pytest.MonkeyPatch,
    is_used: bool,
) -> None:
    server = serve(answered((200, [])))
    transport = connect(server, signer=signer())
    if is_used:
        transport.request("POST", READ)
    sending = http.client.HTTPConnection.send

    def send_and_time_out(connection: Any, data: Any) -> None:
        sending(connection, data)
        if b"{}" in bytes(data):
            raise socket.timeout("timed out")

    monkeypatch.setattr(http.client.HTTPConnection, "send", send_and_time_out)
    with pytest.raises(OutcomeUnknown) as caught:
        transport.request("POST", ORDER)
    assert caught.value.phase == "send"
    server.wait_for_requests(1 + is_used)
    assert len(server.requests) == 1 + is_used


def test_forged_signature_is_an_authentication_error(
    serve: Serve, connect: Connect
) -> None:
    verifier = Verifier(nothing)
    with pytest.raises(AuthError):
        connect(serve(verifier), signer=Signer(KEY, "another")).request("POST", READ)
    assert verifier.forged == 1


# --- connections that were idle ---------------------------------------------------------------


def connections(server: Server) -> list[int]:
    return [request.connection for request in server.requests]


@WRITES
def test_write_never_goes_out_on_a_connection_that_was_idle_for_long(
    serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    assert transport_module.LONGEST_IDLE_S == 5.0
    monkeypatch.setattr(transport_module, "LONGEST_IDLE_S", 0.05)
    server = serve(Verifier(nothing))
    transport = connect(server, signer=signer())
    transport.request("POST", READ)
    transport.request("POST", path)
    threading.Event().wait(0.1)
    transport.request("POST", path)
    threading.Event().wait(0.1)
    transport.request("POST", READ)
    assert connections(server) == [1, 1, 2, 2]


def test_write_may_use_a_connection_that_was_just_used(
    serve: Serve, connect: Connect
) -> None:
    server = serve(Verifier(nothing))
    transport = connect(server, signer=signer())
    for path in (READ, WRITE, ORDER, READ):
        transport.request("POST", path)
    assert connections(server) == [1, 1, 1, 1]
