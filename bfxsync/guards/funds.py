"""
Limits of the exchange that are known locally: the sizes of orders, and the balances of wallets.

Strategy: an order is refused only if it certainly exceeds a limit. Unknown values limit nothing:
the exchange decides. Where the available balance of a wallet is unknown, the whole balance is the
limit. Only spot orders are compared with balances, as what a margin order needs depends on
positions.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Dict, Mapping, Protocol, Tuple

import attrs

from bfxsync._base.error_bases import BfxError, UsageError
from bfxsync._base.numbers import EXACT, decimal_of
from bfxsync._base.pairs import split_pair
from bfxsync.guards.limits import blocked
from bfxsync.guards.requests import Terms, is_oco
from bfxsync.models.wallets import Wallet

_GUARD = "check_funds"
_WALLET = "exchange"
_SPOT = "EXCHANGE "
# The price at which a purchase reserves funds, by order type; the others have none of their own.
_PRICES = {"LIMIT": "price", "IOC": "price", "FOK": "price"}
_PRICES["STOP LIMIT"] = "price_aux_limit"


class OrderSizes(Protocol):
    """Sizes of orders that the exchange accepts, in base currency; None where it states none."""

    def min_order_size(self, symbol: str) -> Decimal | None:
        """Return the minimum of a pair."""
        ...

    def max_order_size(self, symbol: str) -> Decimal | None:
        """Return the maximum of a pair."""
        ...


@attrs.define(eq=False)
class FundsCheck:
    """
    Checks the new orders of one call, which share the balances.

    Parameters
    ----------
    sizes : OrderSizes or None
        None if unknown.
    wallets : mapping or None
        By type and currency; None if unknown.
    has_all_wallets : bool
        A wallet that is missing has no balance.
    """

    sizes: OrderSizes | None
    wallets: Mapping[Tuple[str, str], Wallet] | None
    has_all_wallets: bool = False
    _reserved: Dict[str, Decimal] = attrs.field(factory=dict, init=False)

    def check(self, terms: Terms, is_size_only: bool = False) -> None:
        """
        Raise `OrderBlocked` if the exchange would refuse the order.

        Raises `UsageError` if it does not list the pair.
        """
        symbol, amount = str(terms["symbol"]), decimal_of(terms["amount"])
        self._check_size(symbol, amount.copy_abs())
        needed = _needed(terms, symbol, amount)
        if needed is not None and not is_size_only:
            self._check_balance(*needed)

    def _check_size(self, symbol: str, size: Decimal) -> None:
        if self.sizes is None:
            return
        try:
            least = self.sizes.min_order_size(symbol)
            most = self.sizes.max_order_size(symbol)
        except UsageError:
            raise
        except BfxError:
            return  # the lists cannot be fetched now
        if least is not None and size < least:
            raise blocked(
                _GUARD, f"{size:f} of {symbol} is less than the minimum {least:f}"
            )
        if most is not None and size > most:
            raise blocked(
                _GUARD, f"{size:f} of {symbol} is more than the maximum {most:f}"
            )

    def _check_balance(self, currency: str, needed: Decimal) -> None:
        limit = self._limit(currency)
        if limit is None:
            return
        total = EXACT.add(self._reserved.get(currency, Decimal(0)), needed)
        if total > limit:
            raise blocked(
                _GUARD,
                f"{total:f} {currency} is needed, and the exchange wallet has {limit:f}",
            )
        self._reserved[currency] = total

    def _limit(self, currency: str) -> Decimal | None:
        if self.wallets is None:
            return None
        wallet = self.wallets.get((_WALLET, currency))
        if wallet is None:
            return Decimal(0) if self.has_all_wallets else None
        known = wallet.available_balance
        return decimal_of(wallet.balance if known is None else known)


def _needed(terms: Terms, symbol: str, amount: Decimal) -> Tuple[str, Decimal] | None:
    """Return the currency and amount that an order reserves, if that is certain."""
    kind = str(terms["type"])
    if not kind.startswith(_SPOT):
        return None
    if amount < 0:
        return split_pair(symbol).base, amount.copy_abs()
    price = terms.get(_PRICES.get(kind[len(_SPOT) :], ""))
    if price is None or is_oco(terms):
        return None
    return split_pair(symbol).quote, EXACT.multiply(amount, decimal_of(price))
