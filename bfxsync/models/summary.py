"""What an account pays and earns."""

from __future__ import annotations

from typing import Any

import attrs

from bfxsync._base.aliases import NumberType, Row
from bfxsync.errors import RemoteError
from bfxsync.models.objects import ObjectLayout, list_of, numbers
from bfxsync.models.rows import Kind, Layout


@attrs.define
class TradeVolume:
    """
    What was traded in 30 days.

    Attributes
    ----------
    curr : str
        The currency, or ``Total (USD)``.
    vol, vol_safe, vol_maker : float or None
        Of all, of that which counts for the fees, and of it what rested in the book.
    vol_bfx, vol_bfx_safe, vol_bfx_maker : float or None
        The same, on this exchange only.
    """

    curr: str
    vol: float | None
    vol_safe: float | None
    vol_maker: float | None
    vol_bfx: float | None
    vol_bfx_safe: float | None
    vol_bfx_maker: float | None

    @classmethod
    def from_object(cls, fields: object, number: NumberType = float) -> TradeVolume:
        """Build from an object with ``curr``."""
        return cls(*_TRADE_VOLUME.read(fields, number))


_TRADE_VOLUME = ObjectLayout(
    "TradeVolume",
    ("curr", "curr", Kind.TEXT),
    ("vol", "vol", Kind.OPTIONAL_NUMBER),
    ("vol_safe", "vol_safe", Kind.OPTIONAL_NUMBER),
    ("vol_maker", "vol_maker", Kind.OPTIONAL_NUMBER),
    ("vol_bfx", "vol_BFX", Kind.OPTIONAL_NUMBER),
    ("vol_bfx_safe", "vol_BFX_safe", Kind.OPTIONAL_NUMBER),
    ("vol_bfx_maker", "vol_BFX_maker", Kind.OPTIONAL_NUMBER),
)


@attrs.define
class Summary:
    """
    What the account pays for trades, and what came of 30 days.

    The rates are ratios: 0.001 means 0.1 %.

    Attributes
    ----------
    maker_fee_to_crypto, maker_fee_to_stable, maker_fee_to_fiat : float or None
        Rates of orders that rest in the book, by the kind of currency that is got.
    deriv_rebate : float or None
        What such orders get, of derivatives.
    taker_fee_to_crypto, taker_fee_to_stable, taker_fee_to_fiat : float or None
        Rates of orders that take from the book.
    deriv_taker_fee : float or None
        The same of derivatives.
    trade_vol_30d : list of TradeVolume
    fees_trading_30d : dict
        Fees paid in 30 days, by currency.
    fees_trading_total_30d : float
        Their sum, in USD.
    funding_earnings_per_curr : dict
        What funding earned in 30 days, by currency.
    funding_earnings_total : float
        The sum, in USD.
    leo_lev : int or None
        Level of the discount for LEO.
    leo_amount_avg : float or None
        LEO held in 30 days, on average.

    References
    ----------
    https://docs.bitfinex.com/reference/rest-auth-summary
    """

    maker_fee_to_crypto: float | None
    maker_fee_to_stable: float | None
    maker_fee_to_fiat: float | None
    deriv_rebate: float | None
    taker_fee_to_crypto: float | None
    taker_fee_to_stable: float | None
    taker_fee_to_fiat: float | None
    deriv_taker_fee: float | None
    trade_vol_30d: list[TradeVolume]
    fees_trading_30d: dict[str, Any]
    fees_trading_total_30d: float
    funding_earnings_per_curr: dict[str, Any]
    funding_earnings_total: float
    leo_lev: int | None
    leo_amount_avg: float | None

    @classmethod
    def from_row(cls, row: Row, number: NumberType = float) -> Summary:
        """Build from a row of 7 or more values, 10 as the exchange sends it."""
        fees, trading, funding, leo = _SUMMARY.read(row, number)
        try:
            maker, taker = _FEES.read(fees, number)
            volumes, paid, paid_total = _TRADING.read(trading, number)
            earned, earned_total = _FUNDING.read(funding, number)
            values = [
                *_RATES.read(maker, number),
                *_RATES.read(taker, number),
                _read_volumes(volumes, number) or [],
                numbers(paid, number),
                paid_total,
                numbers(earned, number),
                earned_total,
                *_LEO.read(leo or {}, number),
            ]
        except RemoteError as exc:
            raise RemoteError(str(exc), raw=row) from None
        return cls(*values)


_read_volumes = list_of(TradeVolume.from_object)

_SUMMARY = Layout(
    "Summary",
    ("fee_info", 4, Kind.ANY),
    ("trading_vol_and_fee", 5, Kind.ANY),
    ("funding_earnings", 6, Kind.ANY),
    ("leo_info", 9, Kind.OPTIONAL_OBJECT),
)
_FEES = Layout("Summary.fee_info", ("maker", 0, Kind.ANY), ("taker", 1, Kind.ANY))
_RATES = Layout(
    "Summary.fee_info",
    ("to_crypto", 0, Kind.OPTIONAL_NUMBER),
    ("to_stable", 1, Kind.OPTIONAL_NUMBER),
    ("to_fiat", 2, Kind.OPTIONAL_NUMBER),
    ("deriv", 5, Kind.OPTIONAL_NUMBER),
)
_TRADING = Layout(
    "Summary.trading_vol_and_fee",
    ("trade_vol_30d", 0, Kind.ANY),
    ("fees_trading_30d", 1, Kind.ANY),
    ("fees_trading_total_30d", 2, Kind.NUMBER),
)
_FUNDING = Layout(
    "Summary.funding_earnings",
    ("funding_earnings_per_curr", 1, Kind.ANY),
    ("funding_earnings_total", 2, Kind.NUMBER),
)
_LEO = ObjectLayout(
    "Summary.leo_info",
    ("leo_lev", "leo_lev", Kind.OPTIONAL_INTEGER),
    ("leo_amount_avg", "leo_amount_avg", Kind.OPTIONAL_NUMBER),
)
