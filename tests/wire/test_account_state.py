"""The state of an account: whole after every message, and bounded."""

from __future__ import annotations

import gc
import sys
import weakref
from threading import Event, Thread
from typing import Any, List

import pytest

from bfxsync.models import AccountTrade, Order
from bfxsync.models.account_streams import read_update, snapshot_update
from bfxsync.wire import account_state
from bfxsync.wire.account_state import AccountState


def order(identity: int, mts: int = 5) -> Order:
    row: List[Any] = [None] * 32
    row[:9] = [identity, None, 7, "tBTCUSD", 1, mts, 0.1, 0.1, "EXCHANGE LIMIT"]
    row[13] = "ACTIVE"
    return Order.from_row(row)


def trade(identity: int) -> AccountTrade:
    return AccountTrade.from_row([identity, "tBTCUSD", 9, 55, 0.1, 3e4])


@pytest.fixture
def few_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account_state, "REMEMBERED", 10)


def test_of_a_closed_order_only_the_id_is_kept() -> None:
    table = AccountState().orders
    closed = order(1)
    table.set(closed)
    table.replace([closed], [])
    table.close(closed)
    is_gone = weakref.ref(closed)
    del closed
    gc.collect()
    assert is_gone() is None and table.is_closed(order(1))


CALCULATED = [
    ("bu", [4131.85, 4131.85]),
    ("miu", ["base", [-13.0, 0, 49331.7, 49318.6, 27]]),
    ("miu", ["sym", "tETHUSD", [149361.0, 149639.2, 830.0, 895.0]]),
    ("fiu", ["sym", "fUSD", [0.0008, 0, 1.8, 0]]),
]


def test_calculated_values_belong_to_the_whole_state() -> None:
    state = AccountState()
    updates = [read_update(code, row, float) for code, row in CALCULATED]
    for update in updates:
        state.apply(update)
    state.wallets.replace([], [])
    assert list(state.rows()) == [snapshot_update("ws", []), *updates]
    assert list(state.margin) == ["tETHUSD"] and list(state.funding_info) == ["fUSD"]
    state.begin()
    assert list(state.rows()) == [snapshot_update("ws", [])]


def test_a_snapshot_that_is_newer_than_an_early_update_counts() -> None:
    table = AccountState().orders
    table.set(order(1, mts=5))
    table.set(order(2, mts=7))
    assert table.replace([order(1, mts=6), order(2, mts=6)], []) == []
    assert {key: item.mts_update for key, item in table.items.items()} == {1: 6, 2: 7}


def test_the_latest_fills_are_kept(few_remembered: None) -> None:
    log = AccountState().trades
    for identity in range(100):
        assert log.add(trade(identity)) and log.confirm(trade(identity))
    assert len(log.items) <= 10 and 99 in log.items and 94 in log.items
    assert not log.add(trade(99)) and not log.confirm(trade(99))


def test_the_latest_closed_orders_are_kept(few_remembered: None) -> None:
    table = AccountState().orders
    for identity in range(100):
        table.close(order(identity))
    assert table.is_closed(order(99)) and not table.is_closed(order(1))


def test_every_copy_is_the_state_after_a_whole_message() -> None:
    """Snapshots alternate between two states of many orders; no copy may mix them."""
    table = AccountState().orders
    states = [[order(start + place) for place in range(200)] for start in (0, 1_000)]
    table.replace(states[0], [])
    done, mixed = Event(), []

    def read() -> None:
        while not done.is_set():
            keys = sorted(table.items.copy())
            if len(keys) != 200 or keys[-1] - keys[0] != 199:
                mixed.append(keys)

    readers = [Thread(target=read) for _ in range(3)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for reader in readers:
            reader.start()
        for number in range(200):
            table.replace(states[number % 2], [])
    finally:
        sys.setswitchinterval(interval)
        done.set()
        for reader in readers:
            reader.join(10)
    assert mixed == []
