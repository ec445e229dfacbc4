"""The public endpoints, composed flat: ``rest.public.get_t_ticker("tBTCUSD")``."""

from __future__ import annotations

from bfxsync._base.describe import with_parts_named_publicly
from bfxsync.rest.public.books import BookEndpoints
from bfxsync.rest.public.calc import CalcEndpoints
from bfxsync.rest.public.candles import CandleEndpoints
from bfxsync.rest.public.misc import MiscEndpoints
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
    MiscEndpoints,
):
    """
    What can be asked without a key: a method per request, and iterators over histories.

    Arguments are checked before anything is sent: a wrong one raises `UsageError` at the
    caller's line. What the exchange refuses raises `ApiError`, what cannot be read
    `RemoteError`, a link that fails `NetworkError`.

    Parameters
    ----------
    transport : RestTransport
    numbers : type
        What the number fields of the models are: `float` or `decimal.Decimal`; the same that
        the transport was made with.
    """
