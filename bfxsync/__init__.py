"""
A synchronous, threaded client for the Bitfinex API v2.

>>> from bfxsync import Client
>>> with Client() as bfx:
...     bfx.wss.subscribe_ticker("tBTCUSD", print)
...     bfx.wss.run()
"""

import logging

from bfxsync._version import __version__
from bfxsync.auth import Nonce, Signer
from bfxsync.book import OrderBook
from bfxsync.client import Client
from bfxsync.errors import (
    ApiError,
    AuthError,
    BfxError,
    ChecksumMismatch,
    ClosedError,
    NetworkError,
    NonceTooSmall,
    NotExecuted,
    NotReady,
    OrderNotPlaced,
    OrderRejected,
    OutcomeUnknown,
    RateLimited,
    RemoteError,
    RequestTimeout,
    SubscriptionRejected,
    UsageError,
    VersionMismatch,
)
from bfxsync.hosts import PUB_REST_HOST, PUB_WSS_HOST, REST_HOST, WSS_HOST
from bfxsync.models import (
    BookUpdate,
    Candle,
    Degraded,
    DerivativesStatus,
    FundingBookUpdate,
    FundingRawBookUpdate,
    FundingTicker,
    FundingTrade,
    FundingTradeUpdate,
    Gap,
    Liquidation,
    RawBookUpdate,
    Snapshot,
    Status,
    Ticker,
    Trade,
    TradeUpdate,
)
from bfxsync.types import ConnectionStatus, Flag, InfoCode, SubscriptionStatus
from bfxsync.ws.backoff import Backoff
from bfxsync.ws.client import WebSocketClient
from bfxsync.ws.mailbox import Policy
from bfxsync.ws.subscription import BookSubscription, BookView, Subscription

__all__ = [
    "ApiError",
    "AuthError",
    "Backoff",
    "BfxError",
    "BookSubscription",
    "BookUpdate",
    "BookView",
    "Candle",
    "ChecksumMismatch",
    "Client",
    "ClosedError",
    "ConnectionStatus",
    "Degraded",
    "DerivativesStatus",
    "Flag",
    "FundingBookUpdate",
    "FundingRawBookUpdate",
    "FundingTicker",
    "FundingTrade",
    "FundingTradeUpdate",
    "Gap",
    "InfoCode",
    "Liquidation",
    "NetworkError",
    "Nonce",
    "NonceTooSmall",
    "NotExecuted",
    "NotReady",
    "OrderBook",
    "OrderNotPlaced",
    "OrderRejected",
    "OutcomeUnknown",
    "PUB_REST_HOST",
    "PUB_WSS_HOST",
    "Policy",
    "REST_HOST",
    "RateLimited",
    "RawBookUpdate",
    "RemoteError",
    "RequestTimeout",
    "Signer",
    "Snapshot",
    "Status",
    "Subscription",
    "SubscriptionRejected",
    "SubscriptionStatus",
    "Ticker",
    "Trade",
    "TradeUpdate",
    "UsageError",
    "VersionMismatch",
    "WSS_HOST",
    "WebSocketClient",
    "__version__",
]

# A library is silent until the application configures logging.
logging.getLogger(__name__).addHandler(logging.NullHandler())
