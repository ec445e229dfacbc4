"""Interfaces of a market for the matching engine: its book, trading on it, and publishing."""

from __future__ import annotations

from typing import Callable, Iterable, NamedTuple, Protocol, Sequence

from bfxsync.paper.engine.book import Book, Entry
from bfxsync.paper.engine.units import Row


class Fill(NamedTuple):
    """A trade of a taker with one resting order; the row is the public trade."""

    amount: int
    price: int
    row: Row


OnFill = Callable[[int, Row], None]
"""Called with the filled amount, and the row of the public trade."""


class TradedMarket(Protocol):
    """
    A market on which orders of accounts trade.

    Attributes
    ----------
    last_price : int
        Price of the last trade, in units.
    shows_orders : bool
        Whether orders of accounts rest in the book of the market. If not, they wait until it offers
        their price.
    account_orders : dict of OnFill
        By order id, the orders of accounts in its book. Each is called for a fill before the next
        order is matched; it may remove others from the book.
    """

    symbol: str
    is_funding: bool
    is_derivative: bool
    shows_orders: bool
    book: Book
    account_orders: dict[int, OnFill]

    @property
    def last_price(self) -> int: ...

    @property
    def flash_return_rate(self) -> int:
        """Average rate of funding per day, in units; 0 before the first trade."""
        ...

    def offers(self, is_buy: bool, is_resting: bool = False) -> Iterable[Entry]:
        """Return the offers that a new or resting order to buy or sell can match, best first."""
        ...

    def trade(self, mts: int, is_buy: bool, part: Entry) -> Row:
        """
        Trade with a part of an offer, and return the row of the public trade.

        Funding is lent for the period of the part.
        """
        ...

    def withdraw(self, is_buy: bool, part: Entry) -> None:
        """Withdraw a part of an offer, which must not be an order of an account."""

    def make_room(self, mts: int) -> None:
        """Replace the market's own orders that cross those of accounts."""

    def continue_trade_ids(self, last_id: int) -> None:
        """Give trades larger ids than this one."""


class Venue(Protocol):
    """A market that publishes its changes."""

    @property
    def market(self) -> TradedMarket: ...

    def publish_fills(self, fills: Sequence[Fill] = ()) -> None:
        """Publish trades and the change of the book."""

    def set_active(self, is_active: bool) -> None:
        """Keep the market moving, subscribed to or not, while orders are open."""


def remove_from_book(market: TradedMarket, order_id: int) -> bool:
    """Remove an order of an account from a book, and return whether it was there."""
    market.account_orders.pop(order_id, None)
    is_there = order_id in market.book.orders
    if is_there:
        market.book.remove_order(order_id)
    return is_there
