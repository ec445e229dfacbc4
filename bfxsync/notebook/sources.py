"""
What live views draw: books, candles, tickers, and orders with fills.

Strategy: a view reads the state that the I/O thread keeps, so it takes nothing from the callback or
the iteration of a subscription, and costs nothing between two pictures.
"""

from __future__ import annotations

from typing import Any, Dict, List, Protocol, Sequence

from bfxsync._base.enums import SubscriptionStatus
from bfxsync.errors import BfxError, ClosedError
from bfxsync.models.account_trades import AccountTrade
from bfxsync.notebook.drawing.board import AnyTicker, BoardRow, board_table
from bfxsync.notebook.drawing.books import (
    BookPicture,
    describe_book,
    draw_book,
    levels_of,
)
from bfxsync.notebook.drawing.candles import describe_candles, draw_candles
from bfxsync.notebook.drawing.orders import fills_table, orders_table
from bfxsync.notebook.picture import Picture
from bfxsync.ws.account import Account
from bfxsync.ws.core.core import Core
from bfxsync.ws.stateful_subscriptions import BookSubscription, CandleSubscription
from bfxsync.ws.subscription import Subscription

_STATES = {
    SubscriptionStatus.PENDING: "waiting for data",
    SubscriptionStatus.MAINTENANCE: "maintenance of the exchange",
    SubscriptionStatus.GAP: "reconnecting",
    SubscriptionStatus.STALE: "no news from the relay",
    SubscriptionStatus.DEGRADED: "the data is known to be wrong",
}
_SILENT = "no data from the exchange"
CLIENT_CLOSED = "the client is closed"

_DAY_MS = 24 * 3_600_000


class Source(Protocol):
    """What a view draws."""

    name: str
    core: Core
    """That of the client, which ends the view."""

    def draw(self) -> Picture | None:
        """Return the present picture; None if the last one is still the best there is."""

    def state(self) -> str:
        """Return why the data may be outdated; empty if it is not."""
        ...

    def ending(self) -> str:
        """Return why there will be no more data; empty while there will."""
        ...

    def close(self) -> None:
        """End what was made for the view only; idempotent."""


def state_of(subscription: Subscription[Any]) -> str:
    """Return why the data of a subscription may be outdated; empty if it is not."""
    state = _STATES.get(subscription.status, "")
    return state or (_SILENT if subscription.is_stale else "")


def ending_of(core: Core, *subscriptions: Subscription[Any]) -> str:
    """Return why a client, or all of some subscriptions, have ended; empty while they go on."""
    if core.lifetime.is_closing:
        error = core.lifetime.exception
        return CLIENT_CLOSED if error is None else f"{CLIENT_CLOSED}: {error}"
    if not subscriptions or any(each.is_active for each in subscriptions):
        return ""
    errors = [each.exception for each in subscriptions]
    reasons = (str(each) for each in errors if not isinstance(each, ClosedError))
    return next((reason for reason in reasons if reason != "None"), "unsubscribed")


class BookSource:
    """The best levels of a book."""

    def __init__(self, subscription: BookSubscription[Any], levels: int) -> None:
        self._subscription = subscription
        self._book = subscription.book
        self._levels = levels
        self.core: Core = subscription._core
        self.name: str = subscription._subscriber.name

    def draw(self) -> Picture | None:
        """Return depth and ladder; None between a gap and the next snapshot."""
        bids, asks = self._book.levels(self._levels)
        if not bids and not asks and not self._book.is_live:
            # Nothing at all is known, or nothing any more.
            return None
        is_funding = self._book.is_funding
        prec = self._subscription["prec"]
        drawn = BookPicture(
            f"{self._subscription.symbol} {prec}",
            levels_of(bids, is_funding),
            levels_of(asks, is_funding),
            is_funding,
        )
        return Picture.of_svg(draw_book(drawn), describe_book(drawn))

    def state(self) -> str:
        """Return why the book may be outdated."""
        return state_of(self._subscription)

    def ending(self) -> str:
        """Return why the subscription has ended."""
        return ending_of(self.core, self._subscription)

    def close(self) -> None:
        """Do nothing: the subscription is that of the user."""


class CandlesSource:
    """The latest candles of a subscription."""

    def __init__(self, subscription: CandleSubscription, count: int) -> None:
        self._subscription = subscription
        self._count = count
        self.core: Core = subscription._core
        self.name: str = subscription._subscriber.name
        _, timeframe, symbol = subscription["key"].split(":", 2)
        self._title = f"{symbol} {timeframe}"
        self._is_rate = symbol.startswith("f")

    def draw(self) -> Picture | None:
        """Return candlesticks with volume."""
        drawn = self._title, self._subscription.candles[-self._count :], self._is_rate
        return Picture.of_svg(draw_candles(*drawn), describe_candles(*drawn))

    def state(self) -> str:
        """Return why the candles may be outdated."""
        return state_of(self._subscription)

    def ending(self) -> str:
        """Return why the subscription has ended."""
        return ending_of(self.core, self._subscription)

    def close(self) -> None:
        """Do nothing: the subscription is that of the user."""


class BoardSource:
    """
    Tickers with the prices of the last 24 hours.

    Parameters
    ----------
    tickers : list of Subscription
        Ended by `close`.
    """

    def __init__(self, core: Core, tickers: Sequence[Subscription[Any]]) -> None:
        self.core = core
        self.charts: Dict[str, CandleSubscription] = {}
        """The candles of the sparklines, by symbol; ended by `close`."""
        self.name: str = f"board of {', '.join(each.symbol for each in tickers)}"
        self._tickers = tickers
        self._latest: Dict[str, AnyTicker] = {}

    def draw(self) -> Picture | None:
        """Return a table with sparklines."""
        return Picture.of_tables(
            board_table([self._row(each) for each in self._tickers])
        )

    def _row(self, subscription: Subscription[Any]) -> BoardRow:
        symbol = subscription.symbol
        # After a disconnect the last one stays.
        known = subscription._subscriber.channel.restart()
        if known:
            self._latest[symbol] = known[-1]
        ticker = self._latest.get(symbol)
        state = ""
        if not self.core.lifetime.is_closing:
            state = ending_of(self.core, subscription) or state_of(subscription)
        return BoardRow(symbol, ticker, self._prices(symbol, ticker), state)

    def _prices(self, symbol: str, ticker: AnyTicker | None) -> List[float]:
        """Return the prices of the last 24 hours, the last one from the ticker."""
        chart = self.charts.get(symbol)
        candles = [] if chart is None else chart.candles
        if not candles:
            return []
        since = candles[-1].mts - _DAY_MS
        prices = [candle.close for candle in candles if candle.mts > since]
        last = None if ticker is None else ticker.last_price
        return prices if last is None else [*prices[:-1], last]

    def state(self) -> str:
        """Return why all of it may be outdated; each row tells of its own."""
        states = {state_of(each) for each in self._tickers if each.is_active}
        return states.pop() if len(states) == 1 else ""

    def ending(self) -> str:
        """Return why the board has ended."""
        return ending_of(self.core, *self._tickers)

    def close(self) -> None:
        """Unsubscribe."""
        for subscription in (*self._tickers, *self.charts.values()):
            subscription.unsubscribe()


class OrdersSource:
    """
    Open orders and latest fills of an account.

    Parameters
    ----------
    past : list of AccountTrade
        Fills from before the connection.
    problem : str
        Why those are unknown.
    """

    def __init__(
        self,
        core: Core,
        account: Account,
        past: Sequence[AccountTrade],
        problem: str,
    ) -> None:
        self.core = core
        self.name = "orders"
        self._account = account
        self._past = {trade.id: trade for trade in past}
        self._problem = problem

    def draw(self) -> Picture | None:
        """Return two tables."""
        fills = {**self._past, **self._account.trades.copy()}
        shown = fills_table(list(fills.values()))
        if self._problem:
            shown = shown._replace(note=self._problem)
        return Picture.of_tables(orders_table(self._account.orders.values()), shown)

    def state(self) -> str:
        """Return why the orders may be outdated."""
        if not self._account.is_stale:
            return ""
        return _SILENT if self._account.age is not None else "reconnecting"

    def ending(self) -> str:
        """Return why the client has ended."""
        return ending_of(self.core)

    def close(self) -> None:
        """Do nothing: the connection of the account stays open."""


def latest_fills(rest: Any, count: int) -> tuple[Sequence[AccountTrade], str]:
    """Return the latest fills from REST, or none and the reason."""
    try:
        return rest.auth.get_trades_history(limit=count), ""
    except BfxError as exc:
        return (), f"fills from before the connection are unknown: {exc}"
