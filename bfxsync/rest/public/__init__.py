"""The public endpoints in one class: ``rest.public.get_t_ticker("tBTCUSD")``."""

from __future__ import annotations

from bfxsync._base.describe import with_parts_named_publicly
from bfxsync.rest.public.announcements import AnnouncementEndpoints
from bfxsync.rest.public.books import BookEndpoints
from bfxsync.rest.public.calc import CalcEndpoints
from bfxsync.rest.public.candles import CandleEndpoints
from bfxsync.rest.public.configuration import ConfigurationEndpoints
from bfxsync.rest.public.deprecated import DeprecatedPublicEndpoints
from bfxsync.rest.public.statistics import StatisticsEndpoints
from bfxsync.rest.public.status import StatusEndpoints
from bfxsync.rest.public.tickers import TickerEndpoints
from bfxsync.rest.public.trades import TradeEndpoints

__all__ = ["PublicEndpoints"]


@with_parts_named_publicly
class PublicEndpoints(
    TickerEndpoints,
    TradeEndpoints,
    CandleEndpoints,
    BookEndpoints,
    StatusEndpoints,
    StatisticsEndpoints,
    CalcEndpoints,
    ConfigurationEndpoints,
    AnnouncementEndpoints,
    DeprecatedPublicEndpoints,
):
    """
    Endpoints that need no key: one method per request, and iterators over histories.

    Arguments are checked before anything is sent: an invalid one raises `UsageError` at the
    caller's line. A refusal by the exchange raises `ApiError`, an unreadable response
    `RemoteError`, a failing connection `NetworkError`.
    """
