"""Messages of the exchange as Python objects."""

from bfxsync.models.market import (
    BookUpdate,
    FundingBookUpdate,
    FundingRawBookUpdate,
    FundingTicker,
    FundingTrade,
    FundingTradeUpdate,
    RawBookUpdate,
    Ticker,
    Trade,
    TradeUpdate,
)
from bfxsync.models.stream import Checksum, Degraded, Gap, Snapshot, Status

__all__ = [
    "BookUpdate",
    "Checksum",
    "Degraded",
    "FundingBookUpdate",
    "FundingRawBookUpdate",
    "FundingTicker",
    "FundingTrade",
    "FundingTradeUpdate",
    "Gap",
    "RawBookUpdate",
    "Snapshot",
    "Status",
    "Ticker",
    "Trade",
    "TradeUpdate",
]
