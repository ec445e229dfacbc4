"""After random trading through cuts, the state of an account is that of the exchange."""

from __future__ import annotations

import random
import threading
from typing import Any, Callable, List

import pytest

from bfxsync import BfxError, Client
from bfxsync.models import AccountUpdate, Order
from bfxsync.models.stream import Gap, Snapshot
from bfxsync.paper import PaperExchange

from .conftest import DEADLINE_S

Connect = Callable[..., Client]


def trade(client: Client, seed: int, steps: int) -> None:
    """Place, fill and cancel orders by REST; a refusal is of no interest here."""
    rng, auth = random.Random(seed), client.rest.auth
    mine: List[int] = []
    for _ in range(steps):
        try:
            if mine and rng.random() < 0.4:
                auth.cancel_order(id=mine.pop())
            elif rng.random() < 0.5:
                amount = rng.choice(["0.01", "-0.01"])
                auth.submit_order("EXCHANGE MARKET", "tBTCUSD", amount)
            else:
                note = auth.submit_order("EXCHANGE LIMIT", "tBTCUSD", "0.01", "100")
                mine.append(note.raise_for_status().data.id)
        except BfxError:
            pass


@pytest.mark.parametrize("seed", range(3))
def test_r03_state_is_that_of_the_exchange_after_cuts(
    exchange: PaperExchange, connect: Connect, seed: int
) -> None:
    client, other = connect(), connect()
    fills: List[Any] = []
    fees: List[Any] = []
    client.wss.on("trade_execution", fills.append)
    client.wss.on("trade_execution_update", fees.append)
    items: List[Any] = []
    account = client.wss.account
    handle = client.wss.subscribe_account(items.append, on_event=items.append)
    since = max((each.id for each in other.rest.auth.get_trades_history()), default=0)
    threads = [
        threading.Thread(target=trade, args=(other, seed * 10 + n, 25))
        for n in range(2)
    ]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        threads[0].join(0.05)
        exchange.drop_connections()
    for thread in threads:
        thread.join(DEADLINE_S)
    wanted = {
        each.id: each
        for each in other.rest.auth.get_trades_history(limit=200)
        if each.id > since
    }

    orders = {each.id: each for each in other.rest.auth.get_orders()}

    def is_settled() -> bool:
        return (
            not account.is_stale
            and {each.id for each in fees} >= set(wanted)
            and account.orders == orders
            and replayed(items).keys() == orders.keys()
        )

    while not is_settled():
        assert client.wss.wait_on_update(DEADLINE_S), "the last updates have not come"
    assert handle.gap_count > 0
    # Each fill once, and once with its fee.
    ids = sorted(each.id for each in fills)
    assert ids == sorted(wanted) == sorted(each.id for each in fees)
    assert {key: account.trades[key] for key in wanted} == wanted
    assert account.is_complete
    balances = {
        (each.wallet_type, each.currency): each.balance
        for each in other.rest.auth.get_wallets()
    }
    assert {key: each.balance for key, each in account.wallets.items()} == balances
    assert [each for each in items if isinstance(each, Gap)]


def replayed(items: List[Any]) -> "dict[int, Order]":
    """Return the orders as a consumer of the updates knows them; checks their order."""
    known: dict[int, Any] = {}
    is_gap = True
    for item in items:
        if isinstance(item, Gap):
            is_gap = True
        elif isinstance(item, Snapshot):
            is_gap = False
            known = {
                order.id: order
                for update in item.rows
                if update.code == "os"
                for order in update.data
            }
        elif isinstance(item, AccountUpdate):
            assert not is_gap
            if item.code in ("on", "ou"):
                assert isinstance(item.data, Order)
                known[item.data.id] = item.data
            elif item.code == "oc":
                assert isinstance(item.data, Order)
                known.pop(item.data.id, None)
    return known
