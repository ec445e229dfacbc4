"""What can be traded on margin. The exchange sends these as rows with rows in them."""

from __future__ import annotations

import attrs

from bfxsync._base.aliases import NumberType, Row, Symbol
from bfxsync.errors import RemoteError
from bfxsync.models.rows import Kind, Layout


@attrs.define
class BaseMarginInfo:
    """
    The state of the margin wallet, for all pairs together.

    Attributes
    ----------
    user_pl : float
        Profit (negative: loss) of all positions.
    user_swaps : float
        Amount of swaps, as the page has it: what funding costs.
    margin_balance : float
        What is in the wallet.
    margin_net : float
        The same with profit and loss.
    margin_min : float or None
        What must at least be there.

    References
    ----------
    https://docs.bitfinex.com/reference/rest-auth-info-margin
    """

    user_pl: float
    user_swaps: float
    margin_balance: float
    margin_net: float
    margin_min: float | None

    @classmethod
    def from_row(cls, row: Row, number: NumberType = float) -> BaseMarginInfo:
        """Build from ``["base", values]``, with 4 or more values."""
        try:
            (values,) = _BASE.read(row, number)
            return cls(*_BASE_VALUES.read(values, number))
        except RemoteError as exc:
            raise RemoteError(str(exc), raw=row) from None


_BASE = Layout("BaseMarginInfo", ("values", 1, Kind.ANY))
_BASE_VALUES = Layout(
    "BaseMarginInfo",
    ("user_pl", 0, Kind.NUMBER),
    ("user_swaps", 1, Kind.NUMBER),
    ("margin_balance", 2, Kind.NUMBER),
    ("margin_net", 3, Kind.NUMBER),
    ("margin_min", 4, Kind.OPTIONAL_NUMBER),
)


@attrs.define
class SymbolMarginInfo:
    """
    What can be traded of a pair on margin.

    Attributes
    ----------
    symbol : str
    tradable_balance : float or None
        What can be spent, borrowed money included.
    gross_balance : float or None
        The same with what is reserved.
    buy, sell : float or None
        Most that can be bought at the best ask and sold at the best bid.

    References
    ----------
    https://docs.bitfinex.com/reference/rest-auth-info-margin
    """

    symbol: Symbol
    tradable_balance: float | None
    gross_balance: float | None
    buy: float | None
    sell: float | None

    @classmethod
    def from_row(cls, row: Row, number: NumberType = float) -> SymbolMarginInfo:
        """Build from ``["sym", symbol, values]``."""
        try:
            symbol, values = _SYMBOL.read(row, number)
            return cls(symbol, *_SYMBOL_VALUES.read(values, number))
        except RemoteError as exc:
            raise RemoteError(str(exc), raw=row) from None


_SYMBOL = Layout("SymbolMarginInfo", ("symbol", 1, Kind.TEXT), ("values", 2, Kind.ANY))
_SYMBOL_VALUES = Layout(
    "SymbolMarginInfo",
    ("tradable_balance", 0, Kind.OPTIONAL_NUMBER),
    ("gross_balance", 1, Kind.OPTIONAL_NUMBER),
    ("buy", 2, Kind.OPTIONAL_NUMBER),
    ("sell", 3, Kind.OPTIONAL_NUMBER),
)


@attrs.define
class PositionIncreaseInfo:
    """
    By how much a position can be increased with what is in the margin wallet.

    Attributes
    ----------
    max_pos : float
        Largest position that is possible, in base currency.
    current_pos : float
        The position as it is.
    base_currency_balance : float
        What the margin wallet has of the base currency.
    tradable_balance_quote_currency, tradable_balance_quote_total : float
        What can be traded of the quote currency: without what open orders and positions bind,
        and with it.
    tradable_balance_base_currency, tradable_balance_base_total : float
        The same of the base currency.
    funding_avail : float
        Funding that can be had below 0.75 %, in the currency that is needed.
    funding_value : float or None
        What the funding that is needed is worth, in `funding_value_currency`.
    funding_required : float or None
        Funding that is needed, in `funding_required_currency`.
    funding_value_currency, funding_required_currency : str or None
        None, as the two above, where it was not asked for an amount.

    References
    ----------
    https://docs.bitfinex.com/reference/rest-auth-increase-position-info
    """

    max_pos: float
    current_pos: float
    base_currency_balance: float
    tradable_balance_quote_currency: float
    tradable_balance_quote_total: float
    tradable_balance_base_currency: float
    tradable_balance_base_total: float
    funding_avail: float
    funding_value: float | None
    funding_required: float | None
    funding_value_currency: str | None
    funding_required_currency: str | None

    @classmethod
    def from_row(cls, row: Row, number: NumberType = float) -> PositionIncreaseInfo:
        """Build from ``[position, balances, null, null, funding, currencies]``."""
        try:
            position, balances, funding, currencies = _PARTS.read(row, number)
            base, tradable, available = _BALANCES.read(balances, number)
            fields = [
                *_POSITION.read(position, number),
                base,
                *_TRADABLE.read(tradable, number),
                available,
                *_FUNDING.read([] if funding is None else funding, number),
                *_CURRENCIES.read([] if currencies is None else currencies, number),
            ]
        except RemoteError as exc:
            raise RemoteError(str(exc), raw=row) from None
        return cls(*fields)


_PARTS = Layout(
    "PositionIncreaseInfo",
    ("position_info", 0, Kind.ANY),
    ("balance_info", 1, Kind.ANY),
    ("funding_info", 4, Kind.ANY),
    ("funding_currency_info", 5, Kind.ANY),
)
_POSITION = Layout(
    "PositionIncreaseInfo",
    ("max_pos", 0, Kind.NUMBER),
    ("current_pos", 1, Kind.NUMBER),
)
_BALANCES = Layout(
    "PositionIncreaseInfo",
    ("base_currency_balance", 0, Kind.NUMBER),
    ("tradable_balance_info", 1, Kind.ANY),
    ("funding_avail", 2, Kind.NUMBER),
)
_TRADABLE = Layout(
    "PositionIncreaseInfo",
    ("tradable_balance_quote_currency", 0, Kind.NUMBER),
    ("tradable_balance_quote_total", 1, Kind.NUMBER),
    ("tradable_balance_base_currency", 2, Kind.NUMBER),
    ("tradable_balance_base_total", 3, Kind.NUMBER),
)
_FUNDING = Layout(
    "PositionIncreaseInfo",
    ("funding_value", 0, Kind.OPTIONAL_NUMBER),
    ("funding_required", 1, Kind.OPTIONAL_NUMBER),
)
_CURRENCIES = Layout(
    "PositionIncreaseInfo",
    ("funding_value_currency", 0, Kind.OPTIONAL_TEXT),
    ("funding_required_currency", 1, Kind.OPTIONAL_TEXT),
)
