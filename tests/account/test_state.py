"""The state of an account, and its events, on the local exchange."""

from __future__ import annotations

import threading
from queue import Queue
from typing import Any, Callable, Iterator, List, Tuple

import pytest

from bfxsync import Client, UsageError, WebSocketClient
from bfxsync.models import AccountUpdate
from bfxsync.models.stream import Gap, Snapshot
from bfxsync.paper import PaperExchange

from .conftest import DEADLINE_S

Connect = Callable[..., Client]


def place(client: Client, type: str = "EXCHANGE LIMIT", **terms: Any) -> Any:
    terms = {"amount": "0.01", "price": "100", **terms}
    note = client.rest.auth.submit_order(type, "tBTCUSD", **terms)
    return note.raise_for_status().data


def buy(client: Client) -> Any:
    return place(client, "EXCHANGE MARKET", price=None)


def until(items: Iterator[Any], wanted: Callable[[Any], bool]) -> Any:
    return next(item for item in items if wanted(item))


def code_is(*codes: str) -> Callable[[Any], bool]:
    return lambda item: isinstance(item, AccountUpdate) and item.code in codes


def test_state_needs_a_key_and_a_snapshot(connect: Connect) -> None:
    with WebSocketClient("ws://127.0.0.1:1/ws/2") as keyless:
        with pytest.raises(UsageError, match="key"):
            keyless.account
    client = connect()
    account = client.wss.account
    assert not account.is_ready and client.wss.stats()["connections"] == []
    with pytest.raises(UsageError, match="not known yet"):
        account.orders[1]
    account.wait_ready(DEADLINE_S)
    assert account.is_ready and account.is_complete and not account.is_stale


def test_state_equals_that_of_rest(connect: Connect) -> None:
    client = connect()
    account = client.wss.account
    orders = [place(client) for _ in range(3)]
    account.wait_ready(DEADLINE_S)
    with client.wss.subscribe_account() as updates:
        events = updates.events()
        next(events)
        client.rest.auth.cancel_order(id=orders[0].id)
        until(events, code_is("oc"))
        buy(client)
        until(events, code_is("tu"))
        place(client, cid=77)
        until(events, code_is("on"))
    by_id = {order.id: order for order in client.rest.auth.get_orders()}
    assert account.orders == by_id and len(by_id) == 3
    cid = account.orders.by_cid(77)
    assert cid is not None and by_id[cid.id].cid == 77
    theirs = client.rest.auth.get_wallets()
    mine = account.wallets
    assert {key: wallet.balance for key, wallet in mine.items()} == {
        (wallet.wallet_type, wallet.currency): wallet.balance for wallet in theirs
    }
    (trade,) = account.trades.values()
    assert trade == client.rest.auth.get_trades_history(symbol="tBTCUSD", limit=1)[0]


def test_available_is_none_until_it_is_refreshed(connect: Connect) -> None:
    client = connect()
    account = client.wss.account
    place(client)
    account.wait_ready(DEADLINE_S)
    assert account.wallets["exchange", "USD"].available is None
    assert account.balance is None and account.margin.base is None
    with client.wss.subscribe_account() as updates:
        events = updates.events()
        next(events)
        account.refresh()
        missing = {"wu", "bu", "miu"}
        while missing:
            missing.discard(until(events, code_is(*missing)).code)
    theirs = {
        (wallet.wallet_type, wallet.currency): wallet.available_balance
        for wallet in client.rest.auth.get_wallets()
    }
    key = ("exchange", "USD")
    while account.wallets[key].available is None:
        assert client.wss.wait_on_update(DEADLINE_S)
    assert account.wallets[key].available == theirs[key]
    assert account.balance is not None and account.margin.base is not None


def test_handlers_get_official_events_with_the_data(
    exchange: PaperExchange, connect: Connect
) -> None:
    client = connect()
    seen: Queue[Tuple[str, Any]] = Queue()
    names = (
        "order_snapshot",
        "wallet_snapshot",
        "order_new",
        "order_cancel",
        "trade_execution",
        "trade_execution_update",
        "wallet_update",
    )
    # The first handler opens the connection: snapshots must not come before the others.
    exchange.inject("refuse_handshake", times=None)
    for name in names:
        client.wss.on(name, lambda data, name=name: seen.put((name, data)))
    exchange.clear_faults()
    client.wss.account.wait_ready(DEADLINE_S)
    place(client)
    buy(client)
    found = {}
    while set(found) != set(names):
        name, data = seen.get(timeout=DEADLINE_S)
        found.setdefault(name, data)
    assert isinstance(found["wallet_snapshot"], list)
    assert found["trade_execution"].fee is None
    assert found["trade_execution_update"].fee is not None
    assert found["trade_execution"].id == found["trade_execution_update"].id


def test_every_handler_begins_with_the_present_state(
    exchange: PaperExchange, connect: Connect
) -> None:
    client = connect()
    order = place(client)
    client.wss.account.wait_ready(DEADLINE_S)
    seen: Queue[Tuple[str, Any]] = Queue()
    client.wss.on("order_snapshot", lambda orders: seen.put(("orders", orders)))
    name, orders = seen.get(timeout=DEADLINE_S)
    assert order.id in [each.id for each in orders]
    client.wss.on("wallet_snapshot", lambda wallets: seen.put(("wallets", wallets)))
    name, wallets = seen.get(timeout=DEADLINE_S)
    assert name == "wallets" and wallets
    other = place(client)
    while other.id not in client.wss.account.orders:
        client.wss.wait_on_update(0.1)
    client.wss.on("order_snapshot", lambda orders: seen.put(("late", orders)))
    name, orders = seen.get(timeout=DEADLINE_S)
    assert name == "late", "the others have it"
    assert {order.id, other.id} <= {each.id for each in orders}
    exchange.drop_connections()
    names = [seen.get(timeout=DEADLINE_S)[0] for _ in range(3)]
    assert sorted(names) == ["late", "orders", "wallets"]


def test_slow_consumer_is_told_of_fills_that_others_keep(connect: Connect) -> None:
    client = connect()
    slow = client.wss.subscribe_account(mailbox_size=4)
    events = slow.events()
    assert isinstance(next(events), Snapshot)
    fills: List[Any] = []
    for _ in range(4):
        terms = ("EXCHANGE MARKET", "tBTCUSD", "0.001")
        reply = client.wss.inputs.submit_order(*terms)
        reply.wait_filled(DEADLINE_S)
        fills += reply.fills
    assert {fill.id for fill in fills} <= set(client.wss.account.trades)
    assert sum(fill.exec_amount for fill in fills) == pytest.approx(0.004)
    gap = until(events, lambda item: isinstance(item, Gap))
    assert gap.dropped > 4 and slow.dropped_count >= gap.dropped
    assert isinstance(next(events), Snapshot)


def test_r03_fills_of_an_outage_are_delivered_once(
    exchange: PaperExchange, connect: Connect
) -> None:
    client, other = connect(), connect()
    fills: List[Any] = []
    fees: List[Any] = []
    client.wss.on("trade_execution", fills.append)
    client.wss.on("trade_execution_update", fees.append)
    resting = place(client)
    with client.wss.subscribe_account() as updates:
        events = updates.events()
        assert isinstance(next(events), Snapshot)
        buy(other)
        until(events, code_is("tu"))
        exchange.inject("refuse_handshake", times=1_000)
        exchange.drop_connections()
        until(events, lambda item: isinstance(item, Gap))
        assert client.wss.account.is_stale and resting.id in client.wss.account.orders
        buy(other)
        other.rest.auth.cancel_order(id=resting.id)
        exchange.clear_faults()
        snapshot = until(events, lambda item: isinstance(item, Snapshot))
        assert isinstance(snapshot, Snapshot)
        codes = []
        while codes.count("tu") < 1 or "oc" not in codes:
            codes.append(next(events).code)
        assert codes.count("te") == 1
        account = client.wss.account
        assert resting.id not in account.orders and not account.is_stale
        theirs = client.rest.auth.get_trades_history(symbol="tBTCUSD", limit=2)
        assert set(account.trades) >= {trade.id for trade in theirs}
    while len(fees) < 2:
        client.wss.wait_on_update(DEADLINE_S)
    assert len({trade.id for trade in fills}) == len(fills) == 2


def test_every_read_of_threads_is_a_whole_state(connect: Connect) -> None:
    client = connect()
    account = client.wss.account
    account.wait_ready(DEADLINE_S)
    done = threading.Event()
    errors: List[BaseException] = []

    def read() -> None:
        try:
            while not done.wait(0.0005):
                for order in account.orders.values():
                    assert order.id > 0
                assert len(list(account.orders.items())) <= 10
                repr(account.wallets), account.orders.by_gid(5), account.is_stale
        except BaseException as exc:
            errors.append(exc)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    with client.wss.subscribe_account() as updates:
        events = updates.events()
        for _ in range(10):
            place(client, gid=5)
            until(events, code_is("on"))
    done.set()
    for reader in readers:
        reader.join(DEADLINE_S)
    assert errors == [] and len(account.orders.by_gid(5)) == 10
