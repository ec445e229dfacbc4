"""Values to display: made by `watch`, drawn by `board`."""

from __future__ import annotations

import attrs

from bfxsync import BookUpdate, Ticker, Trade
from bfxsync.cli.summary import ChannelSummary


@attrs.frozen
class MarketView:
    """
    One symbol at one moment.

    Attributes
    ----------
    source : str
        Where the data comes from, as text.
    is_live : bool
        False while the book may be outdated.
    bids, asks : sequence of BookUpdate
        Best first.
    trades : tuple of Trade
        Newest first.
    """

    symbol: str
    source: str
    is_live: bool
    ticker: Ticker | None
    bids: list[BookUpdate]
    asks: list[BookUpdate]
    trades: tuple[Trade, ...]


@attrs.frozen
class View:
    """
    The whole display at one moment.

    Attributes
    ----------
    status : str
        Of the connection.
    left_s : float
        Seconds until the end.
    frames_per_s : float
        Over the last second.
    total : ChannelSummary
        All channels together.
    round_trip_s, lag_s : float or None
        The latest measurements.
    """

    host: str
    status: str
    left_s: float
    markets: tuple[MarketView, ...]
    frame_count: int
    frames_per_s: float
    total: ChannelSummary
    round_trip_s: float | None
    lag_s: float | None
