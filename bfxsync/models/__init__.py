"""Messages of the exchange as Python objects."""

from bfxsync.models.book_reads import BookSnapshot, Depth
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
from bfxsync.models.status import Candle, DerivativesStatus, Liquidation
from bfxsync.models.stream import Checksum, Degraded, Gap, Snapshot, Status

__all__ = [
    "BookSnapshot",
    "BookUpdate",
    "Candle",
    "Checksum",
    "Degraded",
    "Depth",
    "DerivativesStatus",
    "FundingBookUpdate",
    "FundingRawBookUpdate",
    "FundingTicker",
    "FundingTrade",
    "FundingTradeUpdate",
    "Gap",
    "Liquidation",
    "RawBookUpdate",
    "Snapshot",
    "Status",
    "Ticker",
    "Trade",
    "TradeUpdate",
]
