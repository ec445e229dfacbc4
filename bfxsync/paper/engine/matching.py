"""
Where orders meet markets: they come, rest, are triggered, filled, changed and cancelled.

Strategy: a limit order that rests is one of the market's own book, so whoever takes from that book
takes it in its turn. What the book must not show (stops, hidden orders) waits here, and is looked
at after every event of its market. While the desk is at work such looks are put off until it is
done, as its own trades are events, too.
"""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from typing import Callable, Iterator, Mapping, Protocol, Sequence

from bfxsync.paper.engine.account import Account
from bfxsync.paper.engine.book import Entry
from bfxsync.paper.engine.funds import check_funds, reduce_only_violation, walk
from bfxsync.paper.engine.inputs import (
    Body,
    changed_amount,
    check_order,
    new_order,
    read_leverage,
    read_terms,
    read_whole,
    trail,
)
from bfxsync.paper.engine.order import (
    CLOSE,
    HIDDEN,
    POST_ONLY,
    REDUCE_ONLY,
    STOPS,
    EngineOrder,
)
from bfxsync.paper.engine.refusals import Declined, Invalid
from bfxsync.paper.markets.market import BookChanged, Event
from bfxsync.paper.markets.random import RandomMarket
from bfxsync.paper.markets.tape import Row
from bfxsync.paper.server.market_data import MarketData, Source
from bfxsync.paper.text import to_units

# fmt: off
_CHANGEABLE = (
    "amount", "price", "price_aux_limit", "price_trailing", "stop", "gid", "flags", "lev",
    "mts_tif", "meta",
)
# fmt: on


class Venue(Protocol):
    """A market, and what makes it move."""

    @property
    def market(self) -> RandomMarket:
        """The market."""

    def publish(self, events: Sequence[Event]) -> None:
        """Tell everybody what has happened, besides what happens by itself."""

    def watch(self) -> None:
        """Let the market move from now on."""


class MatchingEngine:
    """
    All orders of all accounts.

    Parameters
    ----------
    hub : Hub
    venues : mapping
        By symbol, those markets where one can trade.
    later : callable
        Calls a function after so many seconds.
    """

    def __init__(
        self,
        market_data: MarketData,
        venues: Mapping[str, Venue],
        later: Callable[[float, Callable[[], None]], object],
    ) -> None:
        self._market_data = market_data
        self._venues = venues
        self._later = later
        self._open: dict[str, dict[int, Account]] = {}
        # Those of them for which every event of their market matters.
        self._alert: dict[str, dict[int, Account]] = {}
        self._is_busy = False
        self._to_look_at: dict[str, None] = {}
        market_data.listeners.append(self._happened)

    def submit(self, account: Account, body: Body) -> EngineOrder:
        """
        Take an order, and do with it what can be done at once.

        Raises
        ------
        Invalid, Declined
            It is not taken.
        """
        market = self._market(body.get("symbol"))
        now = self._market_data.now_mts()
        order = new_order(body, next(account.ids.order), now, market)
        with self._at_work():
            if order.has(CLOSE):
                order.flags |= REDUCE_ONLY
                position = account.position(order.symbol)
                if not order.is_spot and position is not None:
                    order.amount = order.amount_orig = -position.amount
            check_order(order)
            wrong = reduce_only_violation(account, order)
            if not wrong:
                check_funds(account, order, market.book)
            self._add(account, order)
            if wrong:
                self._close(account, order, wrong)
            else:
                self._work(account, order)
                if order.is_open:
                    account.emit("on", order.row())
        return order

    def update(self, account: Account, order: EngineOrder, body: Body) -> None:
        """
        Change an order.

        Raises
        ------
        Invalid, Declined
            It stays as it was.
        """
        market = self._market(order.symbol)
        before = {name: getattr(order, name) for name in _CHANGEABLE}
        with self._at_work():
            self._withdraw(order)
            try:
                order.amount = changed_amount(order, body)
                read_terms(order, body, self._market_data.now_mts())
                read_leverage(order, body, market)
                gid = read_whole("gid", body.get("gid"), 2**45)
                order.gid = order.gid if gid is None else gid
                check_order(order)
                if reduce_only_violation(account, order):
                    raise Declined("Invalid order: it would not reduce the position")
                check_funds(account, order, market.book)
            except (Invalid, Declined):
                for name, value in before.items():
                    setattr(order, name, value)
                self._rest(account, order)
                raise
            order.mts_update = self._market_data.now_mts()
            if order.mts_tif not in (None, before["mts_tif"]):
                self._watch_time(account, order)
            self._work(account, order)
            if order.is_open:
                account.emit("ou", order.row())

    def cancel(self, account: Account, orders: Sequence[EngineOrder]) -> None:
        """Take open orders back."""
        with self._at_work():
            for order in orders:
                self._close(account, order, "CANCELED")

    @contextmanager
    def _at_work(self) -> Iterator[None]:
        assert not self._is_busy
        self._is_busy = True
        try:
            yield
            while self._to_look_at:
                self._look_at(self._to_look_at.popitem()[0])
        finally:
            self._is_busy = False

    def _happened(self, source: Source, events: Sequence[Event]) -> None:
        if self._alert.get(source.symbol):
            self._to_look_at[source.symbol] = None
            if not self._is_busy:
                with self._at_work():
                    pass

    def _look_at(self, symbol: str) -> None:
        """Do what a market's new state makes due."""
        last = to_units(self._market(symbol).trades[0][3])
        for id, account in list(self._alert[symbol].items()):
            order = account.orders.get(id)
            if order is None:
                continue
            if order.plain_kind == "TRAILING STOP":
                order.stop = trail(order, last)
            wrong = reduce_only_violation(account, order)
            if wrong:
                self._close(account, order, wrong)
            elif order.is_stop:
                if last >= order.stop if order.is_buy else last <= order.stop:
                    self._trigger(account, order)
            elif order.has(HIDDEN):
                before = order.amount
                self._take(account, order, order.price, is_maker=True)
                if not self._settle(account, order) and order.amount != before:
                    account.emit("ou", order.row())

    def _market(self, symbol: object) -> RandomMarket:
        venue = self._venues.get(symbol) if isinstance(symbol, str) else None
        if venue is None:
            market = (
                self._market_data.markets.get(symbol)
                if isinstance(symbol, str)
                else None
            )
            if market is not None and not market.is_funding:
                raise Invalid("symbol: a recording is not traded by the local exchange")
            raise Invalid("symbol: invalid")
        return venue.market

    def _add(self, account: Account, order: EngineOrder) -> None:
        account.orders[order.id] = order
        self._open.setdefault(order.symbol, {})[order.id] = account
        account.hold_for(order)
        if order.mts_tif is not None:
            self._watch_time(account, order)

    def _watch_time(self, account: Account, order: EngineOrder) -> None:
        assert order.mts_tif is not None
        delay_s = max(order.mts_tif - self._market_data.now_mts(), 0) / 1000
        self._later(delay_s, partial(self._time_is_up, account, order, order.mts_tif))

    def _time_is_up(self, account: Account, order: EngineOrder, mts: int) -> None:
        if order.is_open and order.mts_tif == mts:
            self.cancel(account, [order])

    def _work(self, account: Account, order: EngineOrder) -> None:
        """Do what an order wants, as far as the book allows; the rest of it rests."""
        plain = order.plain_kind
        market = self._market(order.symbol)
        limit = None if plain == "MARKET" else order.price
        reach, _ = walk(market.book, order.amount, limit)
        if plain in STOPS:
            pass
        elif order.has(POST_ONLY) and reach:
            self._close(account, order, "POSTONLY CANCELED")
            return
        elif plain == "FOK":
            if reach < abs(order.amount):
                self._close(account, order, "FILLORKILL CANCELED")
                return
            self._take(account, order, limit)
        else:
            self._take(account, order, limit)
        if order.amount and plain in ("MARKET", "IOC"):
            self._close(
                account, order, "IOC CANCELED" if plain == "IOC" else "CANCELED"
            )
            return
        self._settle(account, order)
        if order.is_open:
            self._rest(account, order)
            self._market_data.awake.add(market.symbol)
            self._venues[market.symbol].watch()

    def _trigger(self, account: Account, order: EngineOrder) -> None:
        """Make an order that goes to the book of a stop."""
        is_limit = order.plain_kind == "STOP LIMIT"
        order.become("LIMIT" if is_limit else "MARKET")
        order.price = order.price_aux_limit if is_limit else 0
        order.stop = 0
        order.mts_update = self._market_data.now_mts()
        try:
            check_funds(account, order, self._market(order.symbol).book)
        except Declined:
            word = (
                "INSUFFICIENT BALANCE (U1)" if order.is_spot else "INSUFFICIENT MARGIN"
            )
            self._close(account, order, word)
            return
        self._work(account, order)
        if order.is_open:
            account.emit("ou", order.row())

    def _rest(self, account: Account, order: EngineOrder) -> None:
        """Put an order where it waits, and hold back what it needs."""
        account.hold_for(order)
        alert = self._alert.setdefault(order.symbol, {})
        if order.is_stop or order.has(HIDDEN | REDUCE_ONLY):
            alert[order.id] = account
        else:
            alert.pop(order.id, None)
        if order.is_stop:
            # The last trade may have been beyond it already.
            self._to_look_at[order.symbol] = None
        if order.is_stop or order.has(HIDDEN):
            return
        venue = self._venues[order.symbol]
        market = venue.market
        entry = Entry(order.price, 0, 1, abs(order.amount), order.id)
        market.guests[order.id] = partial(self._met, account, order)
        market.book.put(order.is_buy, entry)
        venue.publish([BookChanged()])

    def _withdraw(self, order: EngineOrder) -> None:
        """Take an order out of the book, if it is there."""
        if self._unbook(order):
            self._venues[order.symbol].publish([BookChanged()])

    def _unbook(self, order: EngineOrder) -> bool:
        market = self._venues[order.symbol].market
        market.guests.pop(order.id, None)
        is_there = order.id in market.book.orders
        if is_there:
            market.book.remove(order.id)
        return is_there

    def _met(
        self, account: Account, order: EngineOrder, amount: int, trade: Row
    ) -> None:
        """Fill an order that was in the book, which it has left as far as it was met."""
        account.fill(order, amount, trade, order.price, is_maker=True)
        if not self._settle(account, order):
            account.emit("ou", order.row())
        for id in list(self._alert.get(order.symbol, {})):
            other = account.orders.get(id)
            wrong = "" if other is None else reduce_only_violation(account, other)
            if other is not None and wrong:
                # Who takes may come to it next. The book's change is told with its trades.
                self._unbook(other)
                self._close(account, other, wrong)

    def _take(
        self,
        account: Account,
        order: EngineOrder,
        limit: int | None,
        is_maker: bool = False,
    ) -> None:
        """Let an order meet what is in the book, at the book's prices."""
        venue = self._venues[order.symbol]
        now = self._market_data.now_mts()
        size = abs(order.amount)
        events, trades = venue.market.take(now, order.is_buy, size, limit)
        for amount, price, row in trades:
            account.fill(order, amount, row, price, is_maker)
        if events:
            venue.publish([*events, BookChanged()])

    def _settle(self, account: Account, order: EngineOrder) -> bool:
        """Bring an order that is filled to its end, and say whether it is."""
        if order.is_open:
            return False
        self._leave(account, order)
        return True

    def _close(self, account: Account, order: EngineOrder, word: str) -> None:
        self._withdraw(order)
        order.closed_as = word
        order.mts_update = self._market_data.now_mts()
        self._leave(account, order)

    def _leave(self, account: Account, order: EngineOrder) -> None:
        del account.orders[order.id]
        account.remember(order)
        self._venues[order.symbol].market.guests.pop(order.id, None)
        self._alert.get(order.symbol, {}).pop(order.id, None)
        mine = self._open[order.symbol]
        del mine[order.id]
        if not mine:
            del self._open[order.symbol]
            self._market_data.awake.discard(order.symbol)
        account.hold_for(order)
        account.emit("oc", order.row())
