from __future__ import annotations

import sys
import threading
from typing import Iterator

import pytest
from interrupts import interrupted

from bfxsync._base.atomic import AtomicValue

DEADLINE_S = 10.0


@pytest.fixture
def restless() -> Iterator[None]:
    """Let threads change as often as possible."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def add_one(number: int) -> tuple[int, int]:
    return number + 1, number


def test_value_is_replaced() -> None:
    value = AtomicValue(5)
    assert value.get() == 5
    assert value.update(lambda number: (number * 2, "told")) == "told"
    assert value.get() == 10


def test_change_that_raises_changes_nothing() -> None:
    value = AtomicValue(5)
    with pytest.raises(ZeroDivisionError):
        value.update(lambda number: (number // 0, None))
    assert value.get() == 5


def test_change_is_made_again_if_another_was_faster() -> None:
    value = AtomicValue(5)
    seen: list[int] = []

    def change(number: int) -> tuple[int, None]:
        seen.append(number)
        if len(seen) == 1:
            value.update(add_one)
        return number * 10, None

    value.update(change)
    assert (seen, value.get()) == ([5, 6], 60)


def test_same_value_is_no_change() -> None:
    value = AtomicValue(5)
    node = value._newest
    assert value.update(lambda number: (number, "told")) == "told"
    assert value._newest is node and "next" not in node


def test_value_is_found_from_an_old_node() -> None:
    value = AtomicValue(0)
    oldest = value._newest
    for _ in range(5):
        value.update(add_one)
    value._newest = oldest
    assert value.get() == 5
    assert value.update(add_one) == 5
    assert value._newest == {"value": 6}


def test_changes_of_many_threads_are_all_made(restless: None) -> None:
    value = AtomicValue(0)
    seen: list[list[int]] = [[] for _ in range(8)]

    def work(index: int) -> None:
        for _ in range(500):
            seen[index].append(value.update(add_one))

    threads = [threading.Thread(target=work, args=(index,)) for index in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE_S)
    assert sorted(sum(seen, [])) == list(range(4000))
    assert value.get() == 4000


@pytest.mark.parametrize(
    "times",
    [pytest.param(1000, id="short"), pytest.param(30_000, marks=pytest.mark.long)],
)
def test_interrupts_keep_no_other_thread_waiting(times: int) -> None:
    value = AtomicValue(0)
    over = threading.Event()
    seen: list[int] = []

    def work() -> None:
        while not over.is_set():
            seen.append(value.update(add_one))

    thread = threading.Thread(target=work)
    thread.start()
    try:
        mine: list[int] = []
        interrupted(lambda: mine.append(value.update(add_one)), times)
    finally:
        over.set()
        thread.join(DEADLINE_S)
    assert not thread.is_alive()
    assert seen == sorted(set(seen)) and not set(seen) & set(mine)
    # An interrupted one was made, or it was not.
    assert len(seen) + len(mine) <= value.get() <= len(seen) + len(mine) + times
