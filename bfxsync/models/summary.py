"""Fees of an account, and its volume and earnings of 30 days."""

from __future__ import annotations

from typing import Any

from bfxsync._base.aliases import NumberType, Row
from bfxsync.errors import RemoteError
from bfxsync.models.model import ObjectModel, RestModel, at, keep_extra, key, model
from bfxsync.models.objects import ObjectLayout, list_of, numbers
from bfxsync.models.rows import Kind, Layout


@model
class TradeVolume(ObjectModel):
    """Trading volume of 30 days in one currency."""

    curr: str = key("curr")
    """The currency, or ``Total (USD)``."""
    vol: float | None = key("vol")
    """Total volume."""
    vol_safe: float | None = key("vol_safe")
    """Volume that counts for the fees."""
    vol_maker: float | None = key("vol_maker")
    """Maker volume of that."""
    vol_bfx: float | None = key("vol_BFX")
    """Total volume on this exchange only."""
    vol_bfx_safe: float | None = key("vol_BFX_safe")
    """Volume that counts for the fees, on this exchange only."""
    vol_bfx_maker: float | None = key("vol_BFX_maker")
    """Maker volume of that, on this exchange only."""


_read_volumes = list_of(TradeVolume.from_object)


@model
class Summary(RestModel):
    """
    Trading fees of the account, and its volume and earnings of 30 days.

    The rates are ratios: 0.001 means 0.1 %. The kind of currency is that of the currency received.

    https://docs.bitfinex.com/reference/rest-auth-summary
    """

    maker_fee_to_crypto: float | None = at()
    maker_fee_to_stable: float | None = at()
    maker_fee_to_fiat: float | None = at()
    deriv_rebate: float | None = at()
    """Maker rebate of derivatives."""
    taker_fee_to_crypto: float | None = at()
    taker_fee_to_stable: float | None = at()
    taker_fee_to_fiat: float | None = at()
    deriv_taker_fee: float | None = at()
    """Taker fee of derivatives."""
    trade_vol_30d: list[TradeVolume] = at()
    fees_trading_30d: dict[str, Any] = at(read=numbers)
    """Trading fees of 30 days, by currency."""
    fees_trading_total_30d: float = at()
    """Sum of the trading fees, in USD."""
    funding_earnings_per_curr: dict[str, Any] = at(read=numbers)
    """Funding earnings of 30 days, by currency."""
    funding_earnings_total: float = at()
    """Sum of the funding earnings, in USD."""
    leo_lev: int | None = at()
    """Level of the LEO discount."""
    leo_amount_avg: float | None = at()
    """Average LEO holdings of 30 days."""

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
        return keep_extra(cls(*values), row)


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
    ("leo_lev", ("leo_lev",), Kind.OPTIONAL_INTEGER),
    ("leo_amount_avg", ("leo_amount_avg",), Kind.OPTIONAL_NUMBER),
)

# Its row is read above, part by part.
Summary._layout = _SUMMARY
