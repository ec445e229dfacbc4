"""What an account has, and how it changed."""

from __future__ import annotations

from typing import Any

import attrs

from bfxsync._base.aliases import Mts, NumberType, Row
from bfxsync.models.rows import Kind, Layout


@attrs.define
class Wallet:
    """
    What one wallet has of one currency.

    Attributes
    ----------
    wallet_type : str
        ``exchange``, ``margin`` or ``funding``; that of derivatives is ``margin`` with a
        currency such as ``USTF0``.
    currency : str
    balance : float
    unsettled_interest : float
    available_balance : float or None
        What is not bound by orders, offers and positions; None where it is not known.
    last_change : str or None
        What changed it last, in words: they may change at any time.
    trade_details : dict or None
        More about that: ``reason``, ``order_id``, ``trade_price``, …

    References
    ----------
    https://docs.bitfinex.com/reference/rest-auth-wallets
    """

    wallet_type: str
    currency: str
    balance: float
    unsettled_interest: float
    available_balance: float | None
    last_change: str | None
    trade_details: dict[str, Any] | None

    @classmethod
    def from_row(cls, row: Row, number: NumberType = float) -> Wallet:
        """Build from a row of 4 or more values, 7 as the exchange sends it."""
        return cls(*_WALLET.read(row, number))


_WALLET = Layout(
    "Wallet",
    ("wallet_type", 0, Kind.TEXT),
    ("currency", 1, Kind.TEXT),
    ("balance", 2, Kind.NUMBER),
    ("unsettled_interest", 3, Kind.NUMBER),
    ("available_balance", 4, Kind.OPTIONAL_NUMBER),
    ("last_change", 5, Kind.OPTIONAL_TEXT),
    ("trade_details", 6, Kind.OPTIONAL_OBJECT),
)


@attrs.define
class WalletHistory:
    """
    What one wallet had of one currency at a time.

    Attributes
    ----------
    wallet_type : str
        ``exchange``, ``margin`` or ``funding``.
    currency : str
    balance : float
    unsettled_interest : float
    available_balance : float or None
    mts_update : int or None
        The time that this is of, in milliseconds UTC.

    References
    ----------
    https://github.com/bitfinexcom/bfx-api-node-models
    """

    wallet_type: str
    currency: str
    balance: float
    unsettled_interest: float
    available_balance: float | None
    mts_update: Mts | None

    @classmethod
    def from_row(cls, row: Row, number: NumberType = float) -> WalletHistory:
        """Build from a row of 4 or more values, 7 as the exchange sends it."""
        return cls(*_WALLET_HISTORY.read(row, number))


_WALLET_HISTORY = Layout(
    "WalletHistory",
    ("wallet_type", 0, Kind.TEXT),
    ("currency", 1, Kind.TEXT),
    ("balance", 2, Kind.NUMBER),
    ("unsettled_interest", 3, Kind.NUMBER),
    ("available_balance", 4, Kind.OPTIONAL_NUMBER),
    ("mts_update", 6, Kind.OPTIONAL_INTEGER),
)


@attrs.define
class BalanceAvailable:
    """
    What can be used for an order or an offer.

    Attributes
    ----------
    amount : float
        In base currency, or in the currency of the offer. The page says nothing of its sign:
        that of an offer has come negative.

    References
    ----------
    https://docs.bitfinex.com/reference/rest-auth-calc-order-avail
    """

    amount: float

    @classmethod
    def from_row(cls, row: Row, number: NumberType = float) -> BalanceAvailable:
        """Build from a row of 1 or more values."""
        return cls(*_BALANCE_AVAILABLE.read(row, number))


_BALANCE_AVAILABLE = Layout("BalanceAvailable", ("amount", 0, Kind.NUMBER))


@attrs.define
class Ledger:
    """
    One change of a wallet.

    Attributes
    ----------
    id : int
    currency : str
    wallet : str or None
        ``exchange``, ``margin``, ``funding`` or ``contribution``; None in rows from before it
        was told.
    mts : int
        When, in milliseconds UTC; many have the same.
    amount : float
        What came (positive) or went (negative).
    balance : float
        What the wallet had of the currency afterwards.
    description : str or None
        In words: they may change at any time.

    References
    ----------
    https://docs.bitfinex.com/reference/rest-auth-ledgers
    """

    id: int
    currency: str
    wallet: str | None
    mts: Mts
    amount: float
    balance: float
    description: str | None

    @classmethod
    def from_row(cls, row: Row, number: NumberType = float) -> Ledger:
        """Build from a row of 7 or more values, 9 as the exchange sends it."""
        return cls(*_LEDGER.read(row, number))


_LEDGER = Layout(
    "Ledger",
    ("id", 0, Kind.INTEGER),
    ("currency", 1, Kind.TEXT),
    ("wallet", 2, Kind.OPTIONAL_TEXT),
    ("mts", 3, Kind.INTEGER),
    ("amount", 5, Kind.NUMBER),
    ("balance", 6, Kind.NUMBER),
    ("description", 8, Kind.OPTIONAL_TEXT),
)
