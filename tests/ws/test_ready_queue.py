from __future__ import annotations

import errno
import gc
import os
import queue
import threading
import time

import pytest

from bfxsync.ws.dispatch.dispatcher import CallbackQueue, Dispatcher
from bfxsync.ws.dispatch.ready_queue import ReadyQueue, Sleeper

PATIENCE_S = 10.0


class Consumers:
    """Threads that get items; each holds its item until all of them, or `together`, have one."""

    def __init__(self, count, together):
        self.ready, self.got = ReadyQueue(), queue.SimpleQueue()
        self._barrier = threading.Barrier(together)
        self._threads = [threading.Thread(target=self._consume) for _ in range(count)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.ready.put(None)
        for thread in self._threads:
            thread.join(PATIENCE_S)
            assert not thread.is_alive()

    def _consume(self):
        sleeper = Sleeper()
        for item in iter(lambda: self.ready.get(sleeper), None):
            self.got.put(item)
            self._barrier.wait(PATIENCE_S)
        # For the next one.
        self.ready.put(None)

    def take(self, count):
        return sorted(self.got.get(timeout=PATIENCE_S) for _ in range(count))


def test_one_thread_gets_items_in_order():
    ready, sleeper = ReadyQueue(), Sleeper()
    for item in range(3):
        ready.put(item)
    assert [ready.get(sleeper) for _ in range(3)] == [0, 1, 2]


def test_added_items_wait_for_the_wake_up():
    with Consumers(1, together=1) as consumers:
        for item in range(200):
            # Whether it sleeps by now, is about to, or is still awake.
            consumers.ready.items.append(item)
            consumers.ready.wake()
            assert consumers.take(1) == [item]


def test_one_wake_up_brings_every_thread_its_item():
    """Otherwise an item would wait for a callback that does not end."""
    with Consumers(3, together=3) as consumers:
        for first in range(0, 300, 3):
            three = [first, first + 1, first + 2]
            consumers.ready.items.extend(three)
            consumers.ready.wake()
            assert consumers.take(3) == three


def test_every_item_of_several_writers_comes_once():
    with Consumers(4, together=1) as consumers:

        def write(first):
            for item in range(first, first + 1_000):
                consumers.ready.put(item)

        writers = [threading.Thread(target=write, args=(n * 1_000,)) for n in range(4)]
        for writer in writers:
            writer.start()
        assert consumers.take(4_000) == list(range(4_000))
        for writer in writers:
            writer.join(PATIENCE_S)


def test_a_thread_that_is_not_yet_asleep_is_not_forgotten():
    """The waker removes a sleep that is over, and not the next one of the same thread."""
    ready, sleeper = ReadyQueue(), Sleeper()
    ready.items.append(1)

    class Late(Sleeper):
        def wake(self):
            # The thread is so quick that it sleeps again before the waker goes on.
            super().wake()
            ready._sleepers.clear()
            ready._sleepers.append((self, object()))

    late = Late()
    ready._sleepers.append((late, object()))
    ready.wake()
    assert [entry[0] for entry in ready._sleepers] == [late]
    assert ready.get(sleeper) == 1


def open_descriptors():
    gc.collect()
    return len(os.listdir("/dev/fd"))


@pytest.mark.skipif(not os.path.isdir("/dev/fd"), reason="needs a list of descriptors")
def test_r10_an_ended_thread_leaves_no_descriptor():
    before = open_descriptors()
    dispatcher = Dispatcher("bfxsync-dispatch", thread_count=3)
    dispatcher.start()
    assert open_descriptors() == before + 6
    dispatcher.stop(time.monotonic() + PATIENCE_S)
    assert dispatcher.join(time.monotonic() + PATIENCE_S)
    assert open_descriptors() == before


@pytest.mark.skipif(not os.path.isdir("/dev/fd"), reason="needs a list of descriptors")
def test_r10_a_kept_exception_keeps_no_descriptor():
    before = open_descriptors()
    dispatcher = Dispatcher("bfxsync-dispatch", thread_count=1)
    dispatcher.start()
    # Its traceback refers to the frames of the thread.
    callback_queue = CallbackQueue("test", {int: lambda _: 1 / 0}, dispatcher, size=10)
    callback_queue.mailbox.put([1], list)
    dispatcher.stop(time.monotonic() + PATIENCE_S)
    assert dispatcher.join(time.monotonic() + PATIENCE_S)
    assert isinstance(dispatcher.last_error, ZeroDivisionError)
    assert open_descriptors() == before


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_r10_a_forked_copy_wakes_no_thread_of_the_parent(record):
    got = record()
    dispatcher = Dispatcher("bfxsync-dispatch", thread_count=1)
    dispatcher.start()
    callback_queue = CallbackQueue("test", {int: got}, dispatcher, size=10)
    callback_queue.mailbox.put([1], list)
    got.wait_for(1)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            dispatcher.detach_after_fork()
            callback_queue.mailbox.put([2], list)
            code = 0
        finally:
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0
    callback_queue.mailbox.put([3], list)
    assert got.wait_for(2) == [1, 3]
    dispatcher.stop(time.monotonic() + PATIENCE_S)
    assert dispatcher.join(time.monotonic() + PATIENCE_S)


def test_a_thread_without_a_descriptor_is_not_started(monkeypatch):
    def none_left():
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    dispatcher = Dispatcher("bfxsync-dispatch", thread_count=1)
    monkeypatch.setattr(os, "pipe", none_left)
    with pytest.raises(OSError, match="Too many open files"):
        dispatcher.start()
    monkeypatch.undo()
    dispatcher.start()
    dispatcher.stop(time.monotonic() + PATIENCE_S)
    assert dispatcher.join(time.monotonic() + PATIENCE_S)
