from __future__ import annotations

import signal
import threading

import pytest

from bfxsync._base.latch import Latch, WaitList


def test_wait_returns_at_once_when_it_is_set():
    latch = Latch()
    latch.set()
    assert latch.is_set
    assert latch.wait() and latch.wait(0.0)


def test_wait_ends_with_its_timeout():
    assert Latch().wait(0.01) is False


def test_every_waiting_thread_goes_on():
    latch, passed = Latch(), []
    threads = [
        threading.Thread(target=lambda: passed.append(latch.wait(5.0)))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    latch.set()
    latch.set()
    for thread in threads:
        thread.join(5.0)
    assert passed == [True] * 8


def test_a_signal_handler_may_set_it_while_the_main_thread_waits():
    latch = Latch()
    before = signal.signal(signal.SIGALRM, lambda *_: latch.set())
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.02)
        assert latch.wait(5.0)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_a_latch_that_is_cleared_holds_threads_up_again():
    latch = Latch()
    latch.set()
    latch.clear()
    assert not latch.is_set and not latch.wait(0.0)
    latch.set()
    assert latch.wait(0.0)


def test_who_was_let_through_is_not_called_back_by_a_clear():
    latch, passed = Latch(), []
    thread = threading.Thread(target=lambda: passed.append(latch.wait(5.0)))
    thread.start()
    while not latch._waiters:
        thread.join(0.001)
    latch.set()
    latch.clear()
    thread.join(5.0)
    assert passed == [True]


def test_a_second_set_wakes_those_that_the_first_forgot():
    """As when a signal handler interrupts whoever sets it."""
    latch, passed = Latch(), []
    thread = threading.Thread(target=lambda: passed.append(latch.wait(5.0)))
    thread.start()
    while not latch._waiters:
        thread.join(0.001)
    latch.is_set = True
    latch.set()
    thread.join(5.0)
    assert passed == [True]


@pytest.mark.parametrize("timeout_s", [0.0, 0.001, -1.0])
def test_a_wait_that_ends_in_vain_leaves_no_lock(timeout_s):
    waiters = WaitList()
    assert not waiters.wait(lambda: False, timeout_s)
    assert not waiters


def test_a_wait_may_take_longer_than_a_lock_can():
    latch = Latch()
    timer = threading.Timer(0.02, latch.set)
    timer.start()
    assert latch.wait(1e30)
    timer.join(5.0)


def test_many_may_wake_at_once():
    waiters, woken = WaitList(), []
    over = threading.Event()

    def wait():
        while not over.is_set():
            woken.append(waiters.wait(over.is_set, 5.0))

    def wake_all():
        for _ in range(300):
            waiters.wake_all()

    sleepers = [threading.Thread(target=wait) for _ in range(3)]
    wakers = [threading.Thread(target=wake_all) for _ in range(3)]
    for thread in (*sleepers, *wakers):
        thread.start()
    for thread in wakers:
        thread.join(10.0)
    over.set()
    waiters.wake_all()
    for thread in sleepers:
        thread.join(10.0)
    assert all(woken) and not waiters
