"""
The types of an account, for type checkers alone: nothing here is ever run.

An expected error is marked for both checkers, which report a mark that is not needed.
"""

from __future__ import annotations

from typing import Union

from typing_extensions import assert_type

from bfxsync import AccountUpdate, Client, Degraded, Gap, Snapshot, Status, Subscription
from bfxsync.models import (
    AccountTrade,
    BaseMarginInfo,
    FundingOffer,
    Order,
    Position,
    SymbolMarginInfo,
    Wallet,
)


def state(bfx: Client) -> None:
    account = bfx.wss.account
    assert_type(account.orders[1], Order)
    assert_type(account.orders.get(1), Union[Order, None])
    assert_type(account.orders.by_cid(1), Union[Order, None])
    assert_type(account.positions["tBTCUSD"], Position)
    assert_type(account.wallets["exchange", "USD"], Wallet)
    assert_type(account.wallets["exchange", "USD"].available, Union[float, None])
    assert_type(account.trades[1], AccountTrade)
    assert_type(account.margin["tBTCUSD"], SymbolMarginInfo)
    assert_type(account.margin.base, Union[BaseMarginInfo, None])
    for offer in account.offers.values():
        assert_type(offer, FundingOffer)
    account.wallets["USD"]  # type: ignore[index]  # pyright: ignore[reportArgumentType]
    assert_type(bfx.wss.caps.can("orders.write"), bool)


def updates(bfx: Client) -> None:
    subscription = bfx.wss.subscribe_account()
    assert_type(subscription, Subscription[AccountUpdate])
    for update in subscription:
        if isinstance(update.data, Order):
            assert_type(update.data.amount, float)
    for event in subscription.events():
        assert_type(
            event,
            Union[AccountUpdate, Snapshot[AccountUpdate], Gap, Status, Degraded],
        )


def show(update: AccountUpdate) -> None: ...


def callbacks(bfx: Client) -> None:
    bfx.wss.subscribe_account(show)
    bfx.wss.subscribe_ticker("tBTCUSD", show)  # type: ignore  # pyright: ignore
