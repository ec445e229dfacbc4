"""The handles of subscriptions whose state can be read and shown: books and candles."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, List

from bfxsync._base.forks import lazily
from bfxsync.models.status import Candle
from bfxsync.wire.channels.candles import CandlesChannel
from bfxsync.ws.book_view import BookView
from bfxsync.ws.subscription import Subscription

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    from bfxsync.notebook.live_view import LiveView

    L_co = TypeVar("L_co", covariant=True, default=Any)
else:
    from typing import TypeVar

    L_co = TypeVar("L_co", covariant=True)


class BookSubscription(Subscription[L_co]):
    """A subscription to an order book, which is kept current in the background."""

    @property
    def book(self) -> BookView[L_co]:
        """The book; reading it consumes no updates of the callback or the iteration."""
        return BookView(
            self, self._subscriber, partial(self._core.has_writer, self._subscriber)
        )

    def show(self, *, levels: int = 25, rate: float = 5.0) -> LiveView:
        """
        Show the book in the present cell of a notebook: its depth, and the best levels.

        The picture follows the book in the background until the view ends, see `LiveView`. It
        consumes no updates of the callback or the iteration. Needs the extra ``notebook``.

        Parameters
        ----------
        levels : int
            Levels of each side that are drawn, 1 to 250; at most those of the subscription.
        rate : float
            How often a second it looks for changes, at most 5.

        Returns
        -------
        LiveView
            ``stop()`` ends it. Another `show` in the same cell ends it too.

        Raises
        ------
        UsageError
            Invalid argument, or there is no notebook.
        ClosedError
            The subscription has ended.
        """
        return lazily(_views)[0](self, levels, rate)  # type: ignore[no-any-return]


class CandleSubscription(Subscription[Candle]):
    """A subscription to candles, of which the latest are kept in the background."""

    @property
    def candles(self) -> List[Candle]:
        """
        The latest candles, oldest first, at most 240: a list that does not change any more.

        Reading it consumes no updates of the callback or the iteration. After a disconnect these
        are the last known ones until the next snapshot, see `is_stale`.
        """
        channel = self._subscriber.channel
        assert isinstance(channel, CandlesChannel)
        return channel.latest()

    def show(self, *, count: int = 80, rate: float = 5.0) -> LiveView:
        """
        Show the latest candles in the present cell of a notebook, with their volumes.

        The picture follows the candles in the background until the view ends, see `LiveView`. It
        consumes no updates of the callback or the iteration. Needs the extra ``notebook``.

        Parameters
        ----------
        count : int
            Number of candles, 1 to 240.
        rate : float
            How often a second it looks for changes, at most 5.

        Returns
        -------
        LiveView
            ``stop()`` ends it. Another `show` in the same cell ends it too.

        Raises
        ------
        UsageError
            Invalid argument, or there is no notebook.
        ClosedError
            The subscription has ended.
        """
        return lazily(_views)[1](self, count, rate)  # type: ignore[no-any-return]


def _views() -> Any:
    from bfxsync.notebook.views import show_book, show_candles

    return show_book, show_candles
