"""Margin: balances, tradable amounts, and the collateral of derivatives."""

from __future__ import annotations

from bfxsync._base.aliases import Symbol
from bfxsync.models.model import RestModel, Switch, at, model


@model
class BaseMarginInfo(RestModel):
    """
    The state of the margin wallet, for all pairs together. The row is ``["base", values]``.

    https://docs.bitfinex.com/reference/rest-auth-info-margin
    """

    user_pl: float = at(1, 0)
    """Profit (negative: loss) of all positions."""
    user_swaps: float = at(1, 1)
    """Cost of funding; the exchange's page calls it the amount of swaps."""
    margin_balance: float = at(1, 2)
    """Balance of the wallet."""
    margin_net: float = at(1, 3)
    """Balance including profit and loss."""
    margin_min: float | None = at(1, 4)
    """Minimum balance that is required."""


@model
class SymbolMarginInfo(RestModel):
    """
    Amounts of a pair that can be traded on margin. The row is ``["sym", symbol, values]``.

    https://docs.bitfinex.com/reference/rest-auth-info-margin
    """

    symbol: Symbol = at(1)
    tradable_balance: float | None = at(2, 0)
    """Balance available for trading, including borrowed funds."""
    gross_balance: float | None = at(2, 1)
    """The same including reserved amounts."""
    buy: float | None = at(2, 2)
    """Maximum amount that can be bought at the best ask."""
    sell: float | None = at(2, 3)
    """Maximum amount that can be sold at the best bid."""


@model
class PositionIncreaseInfo(RestModel):
    """
    By how much a position can be increased with funds of the margin wallet.

    The row is ``[position, balances, null, null, funding, currencies]``. Without an amount in the
    request, the last two are missing and their fields None.

    https://docs.bitfinex.com/reference/rest-auth-increase-position-info
    """

    max_pos: float = at(0, 0)
    """Largest possible position, in base currency."""
    current_pos: float = at(0, 1)
    """Current position, in base currency."""
    base_currency_balance: float = at(1, 0)
    """Balance of the base currency in the margin wallet."""
    tradable_balance_quote_currency: float = at(1, 1, 0)
    """Tradable balance of the quote currency, without amounts reserved by orders and positions."""
    tradable_balance_quote_total: float = at(1, 1, 1)
    """The same including reserved amounts."""
    tradable_balance_base_currency: float = at(1, 1, 2)
    """Tradable balance of the base currency, without amounts reserved by orders and positions."""
    tradable_balance_base_total: float = at(1, 1, 3)
    """The same including reserved amounts."""
    funding_avail: float = at(1, 2)
    """Funding available below 0.75 %, in the currency that is needed."""
    funding_value: float | None = at(4, 0)
    """Value of the required funding, in `funding_value_currency`."""
    funding_required: float | None = at(4, 1)
    """Required funding, in `funding_required_currency`."""
    funding_value_currency: str | None = at(5, 0)
    funding_required_currency: str | None = at(5, 1)
    symbol: Symbol | None = at(default=None, eq=False)
    """Symbol of the request."""

    _optional_parts = (4, 5)


@model
class DerivativePositionCollateral(RestModel):
    """
    Result of setting the collateral of a position.

    https://docs.bitfinex.com/reference/rest-auth-deriv-pos-collateral-set
    """

    status: Switch = at(0)
    """1: the collateral was set."""


@model
class DerivativePositionCollateralLimits(RestModel):
    """
    Limits for the collateral of a position, in its currency, such as ``USTF0``.

    https://docs.bitfinex.com/reference/rest-auth-calc-deriv-collateral-limits
    """

    min_collateral: float = at(0)
    max_collateral: float = at(1)
    symbol: Symbol | None = at(default=None, eq=False)
    """Symbol of the request."""
