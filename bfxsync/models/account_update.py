"""Updates of the account channel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, List, Union

import attrs

from bfxsync._base.aliases import Mts
from bfxsync._base.describe import elided_repr
from bfxsync._base.html import html_of
from bfxsync.models.reference import documented

if TYPE_CHECKING:
    from bfxsync.models.account_trades import AccountTrade
    from bfxsync.models.funding import (
        AccountFundingTrade,
        FundingCredit,
        FundingLoan,
        FundingOffer,
    )
    from bfxsync.models.funding_info import FundingInfo
    from bfxsync.models.margin import BaseMarginInfo, SymbolMarginInfo
    from bfxsync.models.notification import Notification
    from bfxsync.models.orders import Order
    from bfxsync.models.positions import Position
    from bfxsync.models.wallets import BalanceInfo, Wallet

    AccountData = Union[
        Order,
        Position,
        Wallet,
        AccountTrade,
        FundingOffer,
        FundingCredit,
        FundingLoan,
        AccountFundingTrade,
        BalanceInfo,
        BaseMarginInfo,
        SymbolMarginInfo,
        FundingInfo,
        Notification[Any],
        List[Any],
    ]


@documented
@attrs.define
class AccountUpdate:
    """
    One message of the account channel: ``isinstance(update.data, Order)`` tells what it is about.

    https://docs.bitfinex.com/reference/ws-auth-account-info
    """

    _repr_html_ = html_of

    code: str
    """The exchange's code: ``on``, ``ou``, ``oc``, ``te``, ``tu``, ``wu``, ``n``, …"""
    event: str
    """The event of its handlers: ``order_new``, …"""
    data: AccountData = attrs.field(repr=elided_repr)
    """A model; a list of them for ``os``, ``ps``, ``ws``, ``fos``, ``fcs`` and ``fls``."""
    server_mts: Mts | None = attrs.field(default=None, eq=False)
    """
    Time at which the exchange sent the message, in milliseconds UTC; None without `Flag.TIMESTAMP`.
    """
