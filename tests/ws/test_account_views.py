"""The state of an account, as users read it."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any, List

import pytest

from bfxsync import models
from bfxsync.dataframes import dataframe
from bfxsync.errors import UsageError
from bfxsync.models.account_streams import SNAPSHOTS
from bfxsync.wire.channels.account import AccountChannel
from bfxsync.ws.account import Account

DATA = Path(__file__).parents[1] / "data" / "account-frames.jsonl"
FRAMES = {
    record["kind"]: json.loads(record["frame"])
    for record in map(json.loads, DATA.read_text("utf-8").splitlines())
}
NOW = 1_000.0


class Client:
    """What the state needs of a client, with a clock that stands still."""

    def __init__(self, **options: Any) -> None:
        self.channel = AccountChannel(**options)
        self.now = NOW
        self._core: Any = SimpleNamespace(
            account=SimpleNamespace(channel=self.channel, check_key=lambda: None),
            lifetime=SimpleNamespace(is_closing=False),
        )
        clock = SimpleNamespace(now=lambda: self.now)
        self._settings: Any = SimpleNamespace(
            stale_after_s=35.0, clock=clock, numbers=float
        )

    def subscribe_account(self, *, timeout: float | None) -> Any:
        raise AssertionError("no test here waits")


def order(identity: int, cid: int = 7, mts: int = 5, gid: Any = None) -> Any:
    row: List[Any] = [None] * 32
    row[:9] = [identity, gid, cid, "tBTCUSD", mts, mts, 0.1, 0.1, "EXCHANGE LIMIT"]
    row[13] = "ACTIVE"
    return row


def feed(client: Client, *frames: Any) -> None:
    client.channel.seen_at = client.now
    client.channel.feed_many(list(frames))


def synchronize(client: Client, *frames: Any) -> None:
    client.channel.begin(client.now)
    codes = {frame[1] for frame in frames}
    empty = [[0, code, []] for code in SNAPSHOTS if code not in codes]
    feed(client, *frames, *empty)


@pytest.fixture
def client() -> Client:
    return Client()


@pytest.fixture
def account(client: Client) -> Account:
    return Account(client)


def test_nothing_is_known_before_the_first_snapshot(
    client: Client, account: Account
) -> None:
    assert not account.is_ready and account.is_stale and not account.is_complete
    assert account.age is None and not account.orders.is_ready
    for read in (len, list, dict, lambda view: view[1], lambda view: view.by_cid(1)):
        with pytest.raises(UsageError, match="orders .* not known yet: call wait_rea"):
            read(account.orders)
    assert repr(account.orders) == "<orders of an account: not known yet>"
    assert repr(account) == "<Account: not ready>"
    # These have no snapshot.
    assert not account.trades and not account.margin and account.balance is None
    synchronize(client)
    assert account.orders == {} and account.is_ready and account.is_complete
    assert repr(account) == "<Account: ready>"
    assert repr(account.orders) == "<orders of an account: 0>"


def test_filters_and_permissions_are_named_as_the_reason() -> None:
    client = Client(filters=["trading"])
    account = Account(client)
    with pytest.raises(UsageError, match="filters of the client exclude the wallets"):
        len(account.wallets)
    client.channel.begin(NOW)
    feed(client, [0, "ps", []])
    client.channel.tick(NOW + 9)
    assert account.is_ready and not account.is_complete
    with pytest.raises(UsageError, match="no snapshot of the orders: the key may lack"):
        len(account.orders)


def test_state_is_stale_from_a_loss_to_the_next_snapshot(
    client: Client, account: Account
) -> None:
    synchronize(client, [0, "os", [order(1)]])
    orders = account.orders
    assert not orders.is_stale and not account.is_stale and account.age == 0.0
    client.now += 34.0
    assert not account.is_stale
    client.now += 1.0
    assert orders.is_stale and account.is_stale and account.age == 35.0
    client.channel.lose()
    client.channel.begin(client.now)
    feed(client, [0, "ws", []])
    assert list(orders) == [1] and orders.is_stale and orders.is_ready
    assert account.is_ready and repr(account) == "<Account: stale>"
    synchronize(client, [0, "os", [order(2)]])
    assert list(orders) == [2] and not orders.is_stale
    client._core.lifetime.is_closing = True
    assert account.is_stale and list(orders) == [2]


def test_orders_are_found_by_id_client_id_and_group(
    client: Client, account: Account
) -> None:
    rows = [order(3, cid=8, mts=9, gid=1), order(1, cid=8, gid=1), order(2, cid=9)]
    synchronize(client, [0, "os", rows])
    orders = account.orders
    assert orders[1].cid == 8 and 4 not in orders and orders.get(4) is None
    latest = orders.by_cid(8)
    assert latest is not None and latest.id == 3 and orders.by_cid(10) is None
    assert [each.id for each in orders.by_gid(1)] == [1, 3] and orders.by_gid(2) == []
    with pytest.raises(UsageError, match="cid must be"):
        orders.by_cid(-1)
    with pytest.raises(UsageError, match="gid must be"):
        orders.by_gid(2**32)


def test_every_kind_has_its_keys(client: Client, account: Account) -> None:
    synchronize(client, *(FRAMES[code] for code in SNAPSHOTS))
    kinds = (
        "auth.te",
        "auth.fte",
        "miu.base",
        "miu.sym",
        "fiu",
        "bu",
        "hos.deprecated",
    )
    feed(client, *(FRAMES[kind] for kind in kinds))
    assert account.positions["tETHUST"].leverage is None
    assert account.wallets["exchange", "SAN"].available is None
    keys = {
        name: list(getattr(account, name))
        for name in ("offers", "credits", "loans", "trades", "funding_trades")
    }
    assert keys == {
        "offers": [41237920],
        "credits": [26223578],
        "loans": [2995442],
        "trades": [402088407],
        "funding_trades": [636854],
    }
    assert account.margin["tETHUSD"].buy == 830.0182168075556
    assert account.margin.base is not None and account.balance is not None
    assert list(account.funding_info) == ["fUSD"]
    assert account.unknown_codes == {"'hos'": 1}


def test_views_do_not_change_while_they_are_iterated(
    client: Client, account: Account
) -> None:
    synchronize(client, [0, "os", [order(1), order(2)]])
    seen = []
    for found in account.orders.values():
        feed(client, [0, "on", order(found.id + 10)])
        seen.append(found.id)
    assert seen == [1, 2] and list(account.orders.keys()) == [1, 2, 11, 12]
    assert dict(account.orders.items()) == account.orders.copy() == account.orders


def test_an_unreadable_row_makes_the_state_incomplete(
    client: Client, account: Account
) -> None:
    synchronize(client, [0, "os", [order(1), [5]]])
    assert not account.is_complete and not account.orders.is_complete
    ((row, reason),) = account.orders.unreadable
    assert row == [5] and "Order" in reason
    assert account.wallets.is_complete


def test_refresh_requests_all_that_is_known(client: Client, account: Account) -> None:
    assert account.calculations() == ["balance", "margin_base"]
    synchronize(client, *(FRAMES[code] for code in SNAPSHOTS))
    assert account.calculations()[2:] == [
        "wallet_exchange_SAN",
        "position_tETHUST",
        "margin_sym_tETHUST",
        "funding_sym_fETH",
        "funding_sym_fUSD",
        "funding_sym_fUST",
    ]


def test_state_is_a_table(client: Client, account: Account) -> None:
    with pytest.raises(UsageError, match="orders .* not known yet: call wait_rea"):
        account.orders.df()
    synchronize(client, [0, "os", [order(1), order(2, gid=5)]])
    frame = account.orders.df()
    assert list(frame["id"]) == [1, 2] and frame.index.name == "time"
    assert frame["gid"].isna().tolist() == [True, False]
    assert account.orders.arrow()["id"].to_pylist() == [1, 2]
    model: Any
    for view, model in (
        (account.positions, models.Position),
        (account.wallets, models.Wallet),
        (account.offers, models.FundingOffer),
        (account.credits, models.FundingCredit),
        (account.loans, models.FundingLoan),
        (account.trades, models.AccountTrade),
        (account.funding_trades, models.AccountFundingTrade),
        (account.funding_info, models.FundingInfo),
        (account.margin, models.SymbolMarginInfo),
    ):
        assert view.df().equals(dataframe([], model))


def test_state_is_a_table_in_the_clients_numbers(
    client: Client, account: Account
) -> None:
    synchronize(client)
    assert str(account.wallets.df()["balance"].dtype) == "float64"
    client._settings.numbers = Decimal
    assert str(account.wallets.df()["balance"].dtype) == "object"
