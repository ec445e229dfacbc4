"""Fees of an account, and its volume and earnings of 30 days."""

from __future__ import annotations

from typing import Any

from bfxsync._base.aliases import NumberType
from bfxsync.models.model import ObjectModel, RestModel, at, key, model
from bfxsync.models.objects import anything_in_a_list, numbers


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
    """Maker part of `vol_safe`."""
    vol_bfx: float | None = key("vol_BFX")
    """Total volume on this exchange only."""
    vol_bfx_safe: float | None = key("vol_BFX_safe")
    """Volume that counts for the fees, on this exchange only."""
    vol_bfx_maker: float | None = key("vol_BFX_maker")
    """Maker part of `vol_bfx_safe`."""


def _volumes(value: object, number: NumberType) -> list[TradeVolume]:
    items = anything_in_a_list(value, number) or []
    return [TradeVolume.from_object(item, number) for item in items]


@model
class Summary(RestModel):
    """
    Trading fees of the account, and its volume and earnings of 30 days.

    The rates are ratios: 0.001 means 0.1 %. The kind of currency is that of the currency received.

    https://docs.bitfinex.com/reference/rest-auth-summary
    """

    maker_fee_to_crypto: float | None = at(4, 0, 0)
    maker_fee_to_stable: float | None = at(4, 0, 1)
    maker_fee_to_fiat: float | None = at(4, 0, 2)
    deriv_rebate: float | None = at(4, 0, 5)
    """Maker rebate of derivatives."""
    taker_fee_to_crypto: float | None = at(4, 1, 0)
    taker_fee_to_stable: float | None = at(4, 1, 1)
    taker_fee_to_fiat: float | None = at(4, 1, 2)
    deriv_taker_fee: float | None = at(4, 1, 5)
    """Taker fee of derivatives."""
    trade_vol_30d: list[TradeVolume] = at(5, 0, read=_volumes)
    fees_trading_30d: dict[str, Any] = at(5, 1, read=numbers)
    """Trading fees of 30 days, by currency."""
    fees_trading_total_30d: float = at(5, 2)
    """Sum of the trading fees, in USD."""
    funding_earnings_per_curr: dict[str, Any] = at(6, 1, read=numbers)
    """Funding earnings of 30 days, by currency."""
    funding_earnings_total: float = at(6, 2)
    """Sum of the funding earnings, in USD."""
    leo_lev: int | None = at(9, "leo_lev")
    """Level of the LEO discount."""
    leo_amount_avg: float | None = at(9, "leo_amount_avg")
    """Average LEO holdings of 30 days."""
