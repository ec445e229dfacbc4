from __future__ import annotations

import signal
import threading

from bfxsync.ws.latch import Latch


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
