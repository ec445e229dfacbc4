"""
A synchronous, threaded client for the Bitfinex API v2.

>>> from bfxsync import Client
>>> with Client() as bfx:
...     bfx.wss.subscribe_ticker("tBTCUSD", print)
...     bfx.wss.run()

PYTEST_DONT_REWRITE: pytest, of which there is a plugin here, warns if this was imported before it.
"""

from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING

from bfxsync._base.enums import (
    ConnectionStatus,
    Flag,
    InfoCode,
    LossCause,
    OrderFlag,
    OrderType,
    Policy,
    SubscriptionStatus,
)
from bfxsync._base.forks import lazily
from bfxsync._base.hosts import PUB_REST_HOST, PUB_WSS_HOST, REST_HOST, WSS_HOST
from bfxsync._version import __version__
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
    OrderBlocked,
    OrderNotFilled,
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

if TYPE_CHECKING:
    from bfxsync.auth.nonce import Nonce
    from bfxsync.auth.signer import Signer, TokenSigner
    from bfxsync.book.book import OrderBook
    from bfxsync.client import Client
    from bfxsync.joined.history import JoinedHistory
    from bfxsync.models import (
        AccountTrade,
        AccountUpdate,
        BookSnapshot,
        BookUpdate,
        Candle,
        CandleCorrected,
        Degraded,
        Depth,
        DerivativesStatus,
        FundingBookUpdate,
        FundingOffer,
        FundingRawBookUpdate,
        FundingTicker,
        FundingTrade,
        FundingTradeUpdate,
        Gap,
        LateTrade,
        Liquidation,
        Notification,
        Order,
        PartialOrder,
        Position,
        RawBookUpdate,
        RawRow,
        Snapshot,
        Status,
        Ticker,
        Trade,
        TradeUpdate,
        Wallet,
    )
    from bfxsync.shared_limits.budget import SharedBudget
    from bfxsync.ws.book_view import BookView
    from bfxsync.ws.client import WebSocketClient
    from bfxsync.ws.io.backoff import Backoff
    from bfxsync.ws.io.rate_limiter import ConnectionRateLimiter
    from bfxsync.ws.order_replies import OrderReply
    from bfxsync.ws.replay import Replay, replay
    from bfxsync.ws.replies import Reply
    from bfxsync.ws.stateful_subscriptions import BookSubscription, CandleSubscription
    from bfxsync.ws.subscription import Subscription

__all__ = [
    "AccountTrade",
    "AccountUpdate",
    "ApiError",
    "AuthError",
    "Backoff",
    "BfxError",
    "BookSnapshot",
    "BookSubscription",
    "BookUpdate",
    "BookView",
    "Candle",
    "CandleCorrected",
    "CandleSubscription",
    "ChecksumMismatch",
    "Client",
    "ClosedError",
    "ConnectionRateLimiter",
    "ConnectionStatus",
    "Degraded",
    "Depth",
    "DerivativesStatus",
    "Flag",
    "FundingBookUpdate",
    "FundingOffer",
    "FundingRawBookUpdate",
    "FundingTicker",
    "FundingTrade",
    "FundingTradeUpdate",
    "Gap",
    "InfoCode",
    "JoinedHistory",
    "LateTrade",
    "Liquidation",
    "LossCause",
    "NetworkError",
    "Nonce",
    "NonceTooSmall",
    "NotExecuted",
    "NotReady",
    "Notification",
    "Order",
    "OrderBlocked",
    "OrderBook",
    "OrderFlag",
    "OrderNotFilled",
    "OrderNotPlaced",
    "OrderRejected",
    "OrderReply",
    "OrderType",
    "OutcomeUnknown",
    "PUB_REST_HOST",
    "PUB_WSS_HOST",
    "PartialOrder",
    "Policy",
    "Position",
    "REST_HOST",
    "RateLimited",
    "RawBookUpdate",
    "RawRow",
    "RemoteError",
    "Replay",
    "Reply",
    "RequestTimeout",
    "SharedBudget",
    "Signer",
    "Snapshot",
    "Status",
    "Subscription",
    "SubscriptionRejected",
    "SubscriptionStatus",
    "Ticker",
    "TokenSigner",
    "Trade",
    "TradeUpdate",
    "UsageError",
    "VersionMismatch",
    "WSS_HOST",
    "Wallet",
    "WebSocketClient",
    "__version__",
    "replay",
]

# The modules that are imported on first use of one of their names; all names not listed here belong
# to `models`.
_MODULES = {
    "Backoff": "ws.io.backoff",
    "BookSubscription": "ws.stateful_subscriptions",
    "BookView": "ws.book_view",
    "CandleSubscription": "ws.stateful_subscriptions",
    "Client": "client",
    "ConnectionRateLimiter": "ws.io.rate_limiter",
    "JoinedHistory": "joined.history",
    "Nonce": "auth.nonce",
    "OrderBook": "book.book",
    "OrderReply": "ws.order_replies",
    "Replay": "ws.replay",
    "Reply": "ws.replies",
    "SharedBudget": "shared_limits.budget",
    "Signer": "auth.signer",
    "Subscription": "ws.subscription",
    "TokenSigner": "auth.signer",
    "WebSocketClient": "ws.client",
    # ``%load_ext bfxsync`` calls it.
    "load_ipython_extension": "notebook.extension",
    "replay": "ws.replay",
    "unload_ipython_extension": "notebook.extension",
}

if not TYPE_CHECKING:  # type checkers would accept any name as an attribute

    def __getattr__(name: str) -> object:
        if name in ("client", "credentials", "models", "notebook"):
            return lazily(partial(import_module, f"{__name__}.{name}"))
        if name not in __all__ and name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        place = f"{__name__}.{_MODULES.get(name, 'models')}"
        module = lazily(partial(import_module, place))
        return globals().setdefault(name, getattr(module, name))

    def __dir__() -> list:
        return sorted({*globals(), *__all__})
