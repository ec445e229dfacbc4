from __future__ import annotations

import logging
import threading
from bisect import bisect_right
from typing import Any, Callable, Optional

import pytest
from hypothesis import given
from hypothesis import strategies as st
from interrupts import interrupted

from bfxsync._base.latch import Latch
from bfxsync.errors import ClosedError, RateLimited
from bfxsync.rest.http.rate_limiter import (
    LONGEST_REFUSAL_S,
    SHARED,
    WINDOW_S,
    RequestRateLimiter,
    is_loopback,
)

from .server import DEADLINE_S

HOST = "api.example"


class FakeTime:
    """A clock that only waiting moves on."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.waits: list[float] = []

    def clock(self) -> float:
        return self.now

    def wait(self, latch: Latch, seconds: float) -> bool:
        self.waits.append(seconds)
        if not latch.is_set:
            self.now += seconds
        return latch.is_set


@pytest.fixture
def time() -> FakeTime:
    return FakeTime()


@pytest.fixture
def limits(time: FakeTime) -> RequestRateLimiter:
    return RequestRateLimiter(time.clock, time.wait)


def acquire(
    limits: RequestRateLimiter,
    per_minute: int = 3,
    *,
    host: str = HOST,
    port: int = 443,
    group: str = "ticker",
    max_wait_s: Optional[float] = None,
    closed: Optional[Latch] = None,
) -> float:
    return limits.acquire(
        host,
        group,
        per_minute,
        port=port,
        max_wait_s=max_wait_s,
        closed=closed or Latch(),
    )


def test_whole_budget_goes_out_at_once(
    limits: RequestRateLimiter, time: FakeTime
) -> None:
    assert [acquire(limits, 90) for _ in range(90)] == [0.0] * 90
    assert time.waits == []


def test_next_one_waits_until_the_first_is_old(
    limits: RequestRateLimiter, time: FakeTime
) -> None:
    acquire(limits, 2)
    time.now += 20
    acquire(limits, 2)
    assert acquire(limits, 2) == WINDOW_S - 20
    assert acquire(limits, 2) == 20
    assert time.now == 1000 + WINDOW_S + 20


def test_whole_budget_is_there_again_after_a_pause(
    limits: RequestRateLimiter, time: FakeTime
) -> None:
    for _ in range(3):
        acquire(limits, 3)
    time.now += WINDOW_S
    assert [acquire(limits, 3) for _ in range(3)] == [0.0] * 3
    assert acquire(limits, 3) > 0


def test_groups_hosts_and_ports_are_counted_apart(limits: RequestRateLimiter) -> None:
    assert acquire(limits, 1) == 0
    assert acquire(limits, 1, group="candles") == 0
    assert acquire(limits, 1, host="other.example") == 0
    assert acquire(limits, 1, port=8443) == 0
    assert acquire(limits, 1) > 0


def test_each_call_keeps_to_its_own_budget_of_the_same_group(
    limits: RequestRateLimiter,
) -> None:
    assert [acquire(limits, 5) for _ in range(3)] == [0.0] * 3
    assert acquire(limits, 5, max_wait_s=0) == 0
    with pytest.raises(RateLimited):
        acquire(limits, 4, max_wait_s=0)
    assert acquire(limits, 5, max_wait_s=0) == 0


def test_nobody_overtakes_with_a_larger_budget(time: FakeTime) -> None:
    def wait(latch: Latch, seconds: float) -> bool:
        with pytest.raises(RateLimited):
            acquire(limits, 5, max_wait_s=0)
        return time.wait(latch, seconds)

    limits = RequestRateLimiter(time.clock, wait)
    acquire(limits, 1)
    acquire(limits, 1)
    assert acquire(limits, 5) == 0


@given(
    per_minute=st.integers(1, 6),
    script=st.lists(
        st.one_of(
            st.floats(0, 70).map(lambda seconds: ("pass", seconds)),
            st.integers(1, 8).map(lambda count: ("ask", count)),
            st.floats(1, 90).map(lambda seconds: ("refuse", seconds)),
            st.floats(0, 100).map(lambda seconds: ("impatient", seconds)),
        ),
        max_size=30,
    ),
)
def test_no_minute_ever_has_more_than_the_budget(
    per_minute: int, script: list[tuple[str, Any]]
) -> None:
    time = FakeTime()
    steps = iter(script)
    sent: list[float] = []
    closed_until = 0.0

    def ask(max_wait_s: float) -> None:
        try:
            acquire(limits, per_minute, max_wait_s=max_wait_s)
        except RateLimited:
            return
        assert time.now >= closed_until
        sent.append(time.now)

    def step() -> bool:
        nonlocal closed_until
        kind, number = next(steps, ("end", 0))
        if kind == "pass":
            time.now += number
        elif kind == "refuse":
            limits.refuse(HOST, "ticker", number)
            closed_until = max(closed_until, time.now + number)
        elif kind == "impatient":
            ask(number)
        elif kind == "ask":
            for _ in range(number):
                ask(1e9)
        return kind != "end"

    def wait(latch: Latch, seconds: float) -> bool:
        # Other threads do their part while this one waits, which makes it late.
        wake = time.now + seconds
        step()
        time.now = max(time.now, wake)
        return False

    limits = RequestRateLimiter(time.clock, wait)
    while step():
        pass
    sent.sort()
    for index, start in enumerate(sent):
        assert bisect_right(sent, start + 60.0) - index <= per_minute


def test_wait_that_would_be_too_long_is_refused_at_once(
    limits: RequestRateLimiter, time: FakeTime
) -> None:
    acquire(limits, 1)
    time.now += 11
    with pytest.raises(RateLimited) as info:
        acquire(limits, 1, max_wait_s=49)
    assert info.value.retry_after_s == 50
    assert (info.value.code, info.value.retryable) == (None, True)
    assert info.value.is_own_budget
    assert time.waits == []
    assert acquire(limits, 1, max_wait_s=50) == 50


def test_refused_wait_takes_nobodys_place(limits: RequestRateLimiter) -> None:
    acquire(limits, 1)
    for _ in range(5):
        with pytest.raises(RateLimited):
            acquire(limits, 1, max_wait_s=0)
    assert acquire(limits, 1) == WINDOW_S


def test_refusal_of_the_exchange_closes_the_group(
    limits: RequestRateLimiter, time: FakeTime
) -> None:
    limits.refuse(HOST, "ticker", 60)
    with pytest.raises(RateLimited) as info:
        acquire(limits, 90, max_wait_s=59)
    assert info.value.retry_after_s == 60
    assert not info.value.is_own_budget
    assert acquire(limits, 90, group="candles") == 0
    assert acquire(limits, 90) == 60
    assert acquire(limits, 90) == 0


def test_refusal_concerns_one_server_only(limits: RequestRateLimiter) -> None:
    limits.refuse("localhost", "ticker", 60, port=8001)
    assert acquire(limits, 90, host="localhost", port=8002) == 0
    assert acquire(limits, 90, host="localhost", port=8001) == 60


def test_own_budget_is_waited_for_as_long_as_it_takes(time: FakeTime) -> None:
    """A hundred threads wait in one line: the last for longer than any refusal may last."""
    waited: list[float] = []

    def wait(latch: Latch, seconds: float) -> bool:
        if len(waited) < 100:
            waited.append(seconds)
            acquire(limits, 1)
        return time.wait(latch, seconds)

    limits = RequestRateLimiter(time.clock, wait)
    acquire(limits, 1)
    acquire(limits, 1)
    assert waited == [WINDOW_S * (index + 1) for index in range(100)]
    assert waited[-1] > LONGEST_REFUSAL_S


@pytest.mark.parametrize("max_wait_s", [None, 0, 86_399])
def test_refusal_for_a_day_is_an_error_that_says_so(
    limits: RequestRateLimiter, time: FakeTime, max_wait_s: Optional[float]
) -> None:
    limits.refuse(HOST, "ticker", 86_400)
    with pytest.raises(RateLimited, match=r"refused by the exchange.* 24\.0 h") as info:
        acquire(limits, 90, max_wait_s=max_wait_s)
    assert (info.value.retry_after_s, info.value.is_own_budget) == (86_400, False)
    assert time.waits == []
    assert acquire(limits, 90, max_wait_s=86_400) == 86_400


def test_refusal_for_an_hour_is_waited_for(limits: RequestRateLimiter) -> None:
    limits.refuse(HOST, "ticker", LONGEST_REFUSAL_S)
    assert acquire(limits, 90) == LONGEST_REFUSAL_S


def test_shorter_refusal_does_not_open_earlier(limits: RequestRateLimiter) -> None:
    limits.refuse(HOST, "ticker", 60)
    limits.refuse(HOST, "ticker", 5)
    assert acquire(limits) == 60


def test_refusal_makes_those_wait_longer_who_wait(time: FakeTime) -> None:
    def wait(latch: Latch, seconds: float) -> bool:
        if not time.waits:
            limits.refuse(HOST, "ticker", 100)
        return time.wait(latch, seconds)

    limits = RequestRateLimiter(time.clock, wait)
    acquire(limits, 1)
    assert acquire(limits, 1) == 100


def test_refusal_may_make_a_wait_too_long(time: FakeTime) -> None:
    def wait(latch: Latch, seconds: float) -> bool:
        limits.refuse(HOST, "ticker", 300)
        return time.wait(latch, seconds)

    limits = RequestRateLimiter(time.clock, wait)
    acquire(limits, 1)
    with pytest.raises(RateLimited) as info:
        acquire(limits, 1, max_wait_s=120)
    assert info.value.retry_after_s == 300 - WINDOW_S


def test_late_thread_goes_back_to_the_end(time: FakeTime) -> None:
    """The machine slept while it waited: what its turn was, is in the past."""
    order: list[str] = []

    def wait(latch: Latch, seconds: float) -> bool:
        if not time.waits:
            time.now += 500
            acquire(limits, 1)
            order.append("second")
        return time.wait(latch, seconds)

    limits = RequestRateLimiter(time.clock, wait)
    acquire(limits, 1)
    acquire(limits, 1)
    order.append("first")
    assert order == ["second", "first"]


@pytest.mark.parametrize("how", ["closed", "interrupted"])
def test_wait_that_ends_early_gives_its_place_back(time: FakeTime, how: str) -> None:
    closed = Latch()

    def wait(latch: Latch, seconds: float) -> bool:
        if latch is not closed:
            return time.wait(latch, seconds)
        if how == "interrupted":
            raise KeyboardInterrupt
        return True

    limits = RequestRateLimiter(time.clock, wait)
    acquire(limits, 1)
    with pytest.raises(ClosedError if how == "closed" else KeyboardInterrupt):
        acquire(limits, 1, closed=closed)
    assert acquire(limits, 1) == WINDOW_S


def test_long_wait_is_logged_once_a_minute(
    limits: RequestRateLimiter, time: FakeTime, caplog: pytest.LogCaptureFixture
) -> None:
    closed = Latch()
    closed.set()
    acquire(limits, 1)
    for _ in range(3):
        with pytest.raises(ClosedError):
            acquire(limits, 1, closed=closed)
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert caplog.messages == [
        "bfxsync's limit of 1 requests per minute for 'ticker' is reached: waiting 61.0 s"
    ]
    acquire(limits, 1)
    acquire(limits, 1)
    assert len(caplog.records) == 2


def test_short_wait_is_not_logged(
    limits: RequestRateLimiter, time: FakeTime, caplog: pytest.LogCaptureFixture
) -> None:
    acquire(limits, 1)
    time.now += WINDOW_S - 2
    assert acquire(limits, 1) == 2
    assert caplog.records == []


def test_loopback_is_counted_unless_exempt(time: FakeTime) -> None:
    counted = RequestRateLimiter(time.clock, time.wait)
    acquire(counted, 1, host="localhost")
    assert acquire(counted, 1, host="localhost") > 0
    exempt = RequestRateLimiter(time.clock, time.wait, exempt_loopback=True)
    assert [acquire(exempt, 1, host="localhost") for _ in range(9)] == [0.0] * 9
    acquire(exempt, 1)
    assert acquire(exempt, 1) > 0


def test_clients_do_not_wait_for_this_machine() -> None:
    assert [acquire(SHARED, 1, host="127.0.0.1") for _ in range(9)] == [0.0] * 9


def test_exempt_loopback_may_refuse_all_the_same(time: FakeTime) -> None:
    limits = RequestRateLimiter(time.clock, time.wait, exempt_loopback=True)
    limits.refuse("127.0.0.1", "ticker", 60)
    assert acquire(limits, 1, host="127.0.0.1") == 60
    assert acquire(limits, 1, host="127.0.0.1") == 0


@pytest.mark.parametrize(
    "host, expected",
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("127.8.9.10", True),
        ("::1", True),
        ("api.example", False),
        ("localhost.example", False),
        ("10.0.0.1", False),
        ("", False),
    ],
)
def test_what_is_loopback(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


def test_memory_is_bounded_for_made_up_groups(
    limits: RequestRateLimiter, time: FakeTime
) -> None:
    for index in range(5000):
        acquire(limits, 90, group=str(index))
        time.now += 1
    assert len(limits._groups.get()) <= 256
    assert sum(len(group.slots) for group in limits._groups.get().values()) <= 256


def test_made_up_groups_push_out_none_that_is_used_up_or_refused(
    limits: RequestRateLimiter,
) -> None:
    acquire(limits, 1, group="used-up")
    limits.refuse(HOST, "refused", 600)
    for index in range(1000):
        acquire(limits, 90, group=str(index))
    assert acquire(limits, 1, group="used-up") == WINDOW_S
    with pytest.raises(RateLimited) as info:
        acquire(limits, 90, group="refused", max_wait_s=1)
    assert info.value.retry_after_s == 600 - WINDOW_S


def test_process_shares_one_instance() -> None:
    assert isinstance(SHARED, RequestRateLimiter)


class Stage:
    """A clock for threads: they wait until the test moves it to where the first wants to be."""

    def __init__(self) -> None:
        self.now = 0.0
        self._changed = threading.Condition()
        self._waiting: dict[int, float] = {}

    def clock(self) -> float:
        return self.now

    def wait(self, latch: Latch, seconds: float) -> bool:
        me = threading.get_ident()
        with self._changed:
            self._waiting[me] = self.now + seconds
            self._changed.notify_all()
            try:
                assert self._changed.wait_for(
                    lambda: latch.is_set or self.now >= self._waiting[me], DEADLINE_S
                )
            finally:
                del self._waiting[me]
        return latch.is_set

    def until(self, condition: Callable[[int], bool]) -> None:
        """Wait until the number of waiting threads is as wanted."""
        with self._changed:
            assert self._changed.wait_for(
                lambda: condition(len(self._waiting)), DEADLINE_S
            )

    def advance(self) -> None:
        """Go on to the moment that the first thread waits for."""
        with self._changed:
            self.now = min(self._waiting.values())
            self._changed.notify_all()

    def notify(self) -> None:
        with self._changed:
            self._changed.notify_all()


def test_threads_are_served_in_the_order_in_which_they_came() -> None:
    stage = Stage()
    limits = RequestRateLimiter(stage.clock, stage.wait)
    served: list[tuple[int, float]] = []
    changed = threading.Semaphore(0)

    def work(index: int) -> None:
        acquire(limits, 1)
        served.append((index, stage.now))
        changed.release()

    acquire(limits, 1)
    threads = [
        threading.Thread(target=work, args=(index,), name="test-worker")
        for index in range(8)
    ]
    for count, thread in enumerate(threads, 1):
        thread.start()
        stage.until(lambda waiting: waiting == count)
    for _ in threads:
        stage.advance()
        assert changed.acquire(timeout=DEADLINE_S)
    for thread in threads:
        thread.join(DEADLINE_S)
    assert served == [(index, WINDOW_S * (index + 1)) for index in range(8)]


def test_many_threads_get_exactly_the_budget() -> None:
    limits = RequestRateLimiter(lambda: 0.0)
    start = threading.Barrier(8)
    results: list[bool] = []

    def work() -> None:
        start.wait(DEADLINE_S)
        for _ in range(50):
            try:
                acquire(limits, 90, max_wait_s=0)
            except RateLimited:
                results.append(False)
            else:
                results.append(True)

    threads = [threading.Thread(target=work, name="test-worker") for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE_S)
    assert (len(results), sum(results)) == (400, 90)


def test_close_ends_all_waits_at_once() -> None:
    closed = Latch()
    errors: list[BaseException] = []
    entered = threading.Semaphore(0)

    def wait(latch: Latch, seconds: float) -> bool:
        entered.release()
        return latch.wait(seconds)

    def work() -> None:
        try:
            acquire(limits, 1, closed=closed)
        except ClosedError as error:
            errors.append(error)

    limits = RequestRateLimiter(wait=wait)
    acquire(limits, 1)
    threads = [threading.Thread(target=work, name="test-worker") for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in threads:
        assert entered.acquire(timeout=DEADLINE_S)
    closed.set()
    for thread in threads:
        thread.join(DEADLINE_S)
    assert len(errors) == 4


@pytest.mark.parametrize(
    "times",
    [pytest.param(1000, id="short"), pytest.param(30_000, marks=pytest.mark.long)],
)
def test_interrupts_keep_nobody_waiting_and_lose_no_slot(times: int) -> None:
    time = FakeTime()
    limits = RequestRateLimiter(time.clock, lambda latch, seconds: latch.wait(0.0002))
    over = threading.Event()
    count = 0

    def work() -> None:
        nonlocal count
        while not over.is_set():
            acquire(limits, 90, group="other")
            limits.refuse(HOST, "refused", 1)
            time.now += 1
            count += 1

    thread = threading.Thread(target=work, name="test-other")
    thread.start()
    try:
        # Some go out at once and most wait.
        interrupted(lambda: acquire(limits, 30), times)
    finally:
        over.set()
        thread.join(DEADLINE_S)
    assert not thread.is_alive() and count > 0
    # What an interrupt has left behind is over when its minute is.
    time.now += 2 * WINDOW_S
    assert [acquire(limits, 30, max_wait_s=0) for _ in range(30)] == [0.0] * 30
