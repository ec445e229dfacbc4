"""Wallets, their balances and their changes."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from bfxsync._base.aliases import Mts, Symbol
from bfxsync.models.model import RestModel, at, model
from bfxsync.models.moments import Moment, moment


@model
class Wallet(RestModel):
    """
    The balance of one currency in one wallet.

    https://docs.bitfinex.com/reference/rest-auth-wallets
    """

    wallet_type: str = at(0)
    """
    ``exchange``, ``margin`` or ``funding``; the wallet of derivatives is ``margin`` with a
    currency such as ``USTF0``.
    """
    currency: str = at(1)
    balance: float = at(2)
    unsettled_interest: float = at(3)
    available_balance: float | None = at(4)
    """Balance that is not reserved by orders, offers and positions; None where not known."""
    last_change: str | None = at(5)
    """Description of the last change; its wording may change at any time."""
    trade_details: dict[str, Any] | None = at(6)
    """Details of the last change: ``reason``, ``order_id``, ``trade_price``, …"""

    @property
    def available(self) -> float | None:
        """Short for `available_balance`: None where not known, as before a calculation."""
        return self.available_balance


@model
class WalletHistory(RestModel):
    """
    The balance of one currency in one wallet at a past time.

    https://github.com/bitfinexcom/bfx-api-node-models
    """

    wallet_type: str = at(0)
    """``exchange``, ``margin`` or ``funding``."""
    currency: str = at(1)
    balance: float = at(2)
    unsettled_interest: float = at(3)
    available_balance: float | None = at(4)
    mts_update: Mts | None = at(6)
    """Time of this balance, in milliseconds UTC."""

    updated_at: ClassVar[Moment[datetime | None]] = moment(mts_update)


@model
class BalanceInfo(RestModel):
    """
    Total balance of an account over all wallets.

    https://docs.bitfinex.com/reference/ws-auth-balance
    """

    aum: float = at(0)
    """Total assets under management."""
    aum_net: float = at(1)
    """Net assets."""


@model
class BalanceAvailable(RestModel):
    """
    Balance available for an order or an offer.

    https://docs.bitfinex.com/reference/rest-auth-calc-order-avail
    """

    amount: float = at(0)
    """
    In base currency, or in the currency of the offer. The exchange's page does not define its
    sign: for an offer it has been negative.
    """
    symbol: Symbol | None = at(default=None, eq=False)
    """Symbol of the request."""


@model
class Ledger(RestModel):
    """
    A ledger entry: one change of a wallet's balance.

    https://docs.bitfinex.com/reference/rest-auth-ledgers
    """

    id: int = at(0)
    currency: str = at(1)
    wallet: str | None = at(2)
    """``exchange``, ``margin``, ``funding`` or ``contribution``; None in old rows."""
    mts: Mts = at(3)
    """In milliseconds UTC; many entries share the same time."""
    amount: float = at(5)
    """Positive for a credit, negative for a debit."""
    balance: float = at(6)
    """Balance of the currency in the wallet after the change."""
    description: str | None = at(8)
    """Its wording may change at any time."""

    time: ClassVar[Moment[datetime]] = moment(mts)
