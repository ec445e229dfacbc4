"""
The matching engine: submits, rests, triggers, fills, updates and cancels orders.

Strategy: a resting limit order is an entry of the market's own book, so it is matched in price
order with all others. Stops and hidden orders, which the book must not show, wait here and are
checked after every event of their market. While the engine processes a request such checks are
deferred to its end, since its own trades are events, too.
"""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from typing import Callable, Iterator, Mapping, Sequence

from bfxsync.paper.engine.account import Account
from bfxsync.paper.engine.book import Entry
from bfxsync.paper.engine.errors import Declined, Invalid
from bfxsync.paper.engine.match import Shortage, fillable, match
from bfxsync.paper.engine.order import (
    CLOSE,
    HIDDEN,
    POST_ONLY,
    REDUCE_ONLY,
    STOPS,
    EngineOrder,
)
from bfxsync.paper.engine.order_requests import (
    CHANGEABLE,
    Body,
    check_order,
    close_position,
    new_order,
    oco_stop,
    trailed_stop,
    update_order,
)
from bfxsync.paper.engine.risk import (
    check_funds,
    reduce_only_violation,
    would_match_itself,
)
from bfxsync.paper.engine.units import Row
from bfxsync.paper.engine.venue import TradedMarket, Venue, remove_from_book


class MatchingEngine:
    """
    The orders of all accounts.

    Parameters
    ----------
    venues : mapping
        The markets on which orders trade, by symbol.

    Attributes
    ----------
    is_processing : bool
        Whether a request is being processed, during which no other one may be made.
    on_idle : callable
        Called after each request.
    shortage : Shortage or None
        Lets a new order be filled only in part.
    """

    def __init__(
        self,
        venues: Mapping[str, Venue],
        now_mts: Callable[[], int],
        call_later: Callable[[float, Callable[[], None]], object],
    ) -> None:
        self.on_idle: Callable[[], None] = lambda: None
        self._venues = venues
        self._now_mts = now_mts
        self._call_later = call_later
        self._open: dict[str, dict[int, Account]] = {}
        # The open orders that are checked after every event of their market.
        self._reactive: dict[str, dict[int, Account]] = {}
        self.is_processing: bool = False
        self._moved: dict[str, None] = {}
        self.shortage: Shortage | None = None

    def submit(
        self,
        account: Account,
        body: Body,
        on_accepted: Callable[[EngineOrder], None] = lambda order: None,
    ) -> list[EngineOrder]:
        """
        Accept an order and match it; raises `Invalid` or `Declined` if it is not accepted.

        Calls `on_accepted` with the order before it is matched. Returns two orders if it is an OCO
        order.
        """
        market = self._market(body.get("symbol"))
        order = new_order(body, next(account.ids.order), self._now_mts(), market)
        with self._processing():
            if order.has(CLOSE):
                close_position(order, account.positions.amount(order.symbol))
            stop = oco_stop(order, body, account.ids.order)
            placed = order.with_pair
            for each in placed:
                check_order(each)
            violation = reduce_only_violation(account, order)
            if not violation:
                check_funds(account, order, market)
            for each in placed:
                self._add(account, each)
            on_accepted(order)
            if violation:
                self._close(account, order, violation)
            else:
                self._execute(account, order)
                if order.is_open:
                    account.emit("on", order.row())
                if stop is not None and stop.is_open:
                    self._rest(account, stop)
                    account.emit("on", stop.row())
        return placed

    def update(self, account: Account, order: EngineOrder, body: Body) -> None:
        """Change an open order; if that raises `Invalid` or `Declined`, it stays as it was."""
        market = self._market(order.symbol)
        before = {name: getattr(order, name) for name in CHANGEABLE}
        with self._processing():
            self._withdraw(order)
            try:
                update_order(order, body, self._now_mts(), market)
                check_order(order)
                if reduce_only_violation(account, order):
                    raise Declined("Invalid order: it would not reduce the position")
                check_funds(account, order, market)
            except (Invalid, Declined):
                for name, value in before.items():
                    setattr(order, name, value)
                self._rest(account, order)
                raise
            order.mts_update, order.kind_prev = self._now_mts(), order.kind
            if order.mts_tif not in (None, before["mts_tif"]):
                self._schedule_expiry(account, order)
            self._execute(account, order)
            if order.is_open:
                account.emit("ou", order.row())

    def cancel(self, account: Account, orders: Sequence[EngineOrder]) -> None:
        """Cancel open orders."""
        with self._processing():
            for order in orders:
                if order.is_open:  # it is not if it is of a pair with another one
                    self._close(account, order, "CANCELED")

    def rest_again(self, account: Account, order: EngineOrder) -> None:
        """Rest a restored order, which is not matched for that; call `make_room` after the last."""
        self._market(order.symbol)  # raises `Invalid`
        self._open.setdefault(order.symbol, {})[order.id] = account
        self._enter(account, order)
        self._schedule_expiry(account, order)

    def make_room(self) -> None:
        """Let new markets make room for restored orders, and check what waits outside books."""
        with self._processing():
            for symbol in self._open:
                self._market(symbol).make_room(self._now_mts())
                self._venues[symbol].publish_fills()
                self._venues[symbol].set_active(True)

    def force(self, account: Account, order: EngineOrder, last_price: int) -> None:
        """Execute a market order; the exchange takes over what the book cannot."""
        with self._processing():
            self._add(account, order)
            self._match(account, order, None)
            if order.amount:
                trade: Row = [next(account.ids.takeover), self._now_mts()]
                account.fill(order, abs(order.amount), trade, last_price, False)
            self._archive_filled(account, order)

    def market_moved(self, symbol: str) -> None:
        """Check the orders that react to events of a market, now or after the current request."""
        if self._reactive.get(symbol):
            self._moved[symbol] = None
            if not self.is_processing:
                with self._processing():
                    pass

    @contextmanager
    def _processing(self) -> Iterator[None]:
        assert not self.is_processing
        self.is_processing = True
        try:
            yield
            while self._moved:
                self._check_reactive(self._moved.popitem()[0])
        finally:
            self.is_processing = False
        self.on_idle()

    def _check_reactive(self, symbol: str) -> None:
        """Trigger, fill or close the reactive orders that an event of a market affects."""
        market = self._market(symbol)
        last = market.last_price
        for id, account in list(self._reactive[symbol].items()):
            order = account.orders.get(id)
            if order is None:
                continue
            if order.plain_kind == "TRAILING STOP":
                before, order.stop = order.stop, trailed_stop(order, last)
                if order.stop != before:
                    account.on_silent_change(order)
            violation = reduce_only_violation(account, order)
            if violation:
                self._close(account, order, violation)
            elif order.is_stop:
                if last >= order.stop if order.is_buy else last <= order.stop:
                    self._trigger(account, order)
            elif self._waits(order):
                before = order.amount
                if would_match_itself(account, order, order.price, market):
                    self._close(account, order, "CANCELED")
                    continue
                self._match(account, order, order.price, is_maker=True)
                if not self._archive_filled(account, order) and order.amount != before:
                    self._rest(account, order)
                    account.emit("ou", order.row())

    def _market(self, symbol: object) -> TradedMarket:
        venue = self._venues.get(symbol) if isinstance(symbol, str) else None
        if venue is None:
            raise Invalid("symbol: invalid")
        return venue.market

    def _add(self, account: Account, order: EngineOrder) -> None:
        account.orders[order.id] = order
        self._open.setdefault(order.symbol, {})[order.id] = account
        account.hold_for(order)
        self._schedule_expiry(account, order)

    def _schedule_expiry(self, account: Account, order: EngineOrder) -> None:
        if order.mts_tif is None:
            return
        delay_s = max(order.mts_tif - self._now_mts(), 0) / 1000
        self._call_later(delay_s, partial(self._expire, account, order, order.mts_tif))

    def _expire(self, account: Account, order: EngineOrder, mts: int) -> None:
        if order.is_open and order.mts_tif == mts:
            self.cancel(account, [order])

    def _execute(self, account: Account, order: EngineOrder) -> None:
        """Match an order as far as its type and the book allow; the remainder rests."""
        kind = order.plain_kind
        market = self._market(order.symbol)
        limit = None if kind == "MARKET" else order.price
        reach, _ = fillable(market.offers(order.is_buy), order.amount, limit)
        if kind not in STOPS:
            if order.has(POST_ONLY) and reach:
                self._close(account, order, "POSTONLY CANCELED")
                return
            if kind == "FOK" and reach < abs(order.amount):
                self._close(account, order, "FILLORKILL CANCELED")
                return
            if would_match_itself(account, order, limit, market):
                self._close(account, order, "CANCELED")
                return
            short = self.shortage
            amount = None if short is None else short.apply(market, order, reach)
            self._match(account, order, limit, amount=amount)
        if order.amount and kind in ("MARKET", "IOC"):
            status = "IOC CANCELED" if kind == "IOC" else "CANCELED"
            self._close(account, order, status)
        elif not self._archive_filled(account, order):
            self._rest(account, order)
            self._venues[market.symbol].set_active(True)

    def _trigger(self, account: Account, order: EngineOrder) -> None:
        """Turn a stop into a limit or market order, and execute it."""
        self._cancel_pair(account, order)
        is_limit = order.plain_kind == "STOP LIMIT"
        order.become("LIMIT" if is_limit else "MARKET")
        order.price = order.price_aux_limit if is_limit else 0
        order.stop = 0
        order.mts_update = self._now_mts()
        try:
            check_funds(account, order, self._market(order.symbol))
        except Declined:
            spot, margin = "INSUFFICIENT BALANCE (U1)", "INSUFFICIENT MARGIN"
            self._close(account, order, spot if order.is_spot else margin)
            return
        self._execute(account, order)
        if order.is_open:
            account.emit("ou", order.row())

    def _rest(self, account: Account, order: EngineOrder) -> None:
        """Rest an order, in the book unless it is a stop or hidden, and hold its funds."""
        if order.fills and order.wants("make_visible"):
            order.flags &= ~HIDDEN
        account.hold_for(order)
        self._enter(account, order)

    def _enter(self, account: Account, order: EngineOrder) -> None:
        reactive = self._reactive.setdefault(order.symbol, {})
        if order.is_stop or order.has(REDUCE_ONLY) or self._waits(order):
            reactive[order.id] = account
        else:
            reactive.pop(order.id, None)
        if order.is_stop:
            # The last trade may have been beyond the trigger price already.
            self._moved[order.symbol] = None
        if order.is_stop or self._waits(order):
            return
        venue = self._venues[order.symbol]
        entry = Entry(order.price, 0, 1, abs(order.amount), order.id)
        on_fill = partial(self._fill_maker, account, order)
        venue.market.account_orders[order.id] = on_fill
        venue.market.book.set_order(order.is_buy, entry)
        venue.publish_fills()

    def _waits(self, order: EngineOrder) -> bool:
        """Return whether an order is not in the book while it rests."""
        is_shown = self._venues[order.symbol].market.shows_orders
        return order.has(HIDDEN) or not is_shown

    def _withdraw(self, order: EngineOrder) -> None:
        """Remove an order from the book, if it is there, and publish the change."""
        venue = self._venues[order.symbol]
        if remove_from_book(venue.market, order.id):
            venue.publish_fills()

    def _fill_maker(
        self, account: Account, order: EngineOrder, amount: int, trade: Row
    ) -> None:
        """Fill a resting order; the market has already reduced its entry in the book."""
        account.fill(order, amount, trade, order.price, is_maker=True)
        self._cancel_pair(account, order)
        if not self._archive_filled(account, order):
            account.emit("ou", order.row())
        for id in list(self._reactive.get(order.symbol, {})):
            other = account.orders.get(id)
            violation = "" if other is None else reduce_only_violation(account, other)
            if other is not None and violation:
                # The taker may reach it next. Its removal is published with the trades.
                remove_from_book(self._market(other.symbol), other.id)
                self._close(account, other, violation)

    def _match(
        self,
        account: Account,
        order: EngineOrder,
        limit: int | None,
        is_maker: bool = False,
        amount: int | None = None,
    ) -> None:
        """Match an order, or a part of it, with the book, at the prices of the book."""
        amount = order.amount if amount is None else amount
        venue = self._venues[order.symbol]
        now = self._now_mts()
        fills = match(venue.market, now, amount, limit, is_resting=is_maker)
        for filled, price, row in fills:
            if is_maker and not venue.market.shows_orders:
                # A recorded price may be far beyond: an earlier order would have matched this one.
                price = order.price
            account.fill(order, filled, row, price, is_maker)
        if fills:
            self._cancel_pair(account, order)
            venue.publish_fills(fills)

    def _cancel_pair(self, account: Account, order: EngineOrder) -> None:
        """Cancel the other order of an OCO pair, of which one was filled, triggered or closed."""
        other = order.pair
        if other is not None:
            order.pair = other.pair = None
            self._close(account, other, "CANCELED")
            account.hold_for(order)

    def _archive_filled(self, account: Account, order: EngineOrder) -> bool:
        """Archive an order if it is filled, and return whether it is."""
        if order.is_open:
            return False
        self._archive(account, order)
        return True

    def _close(self, account: Account, order: EngineOrder, status: str) -> None:
        self._withdraw(order)
        order.closed_as = status
        order.mts_update = self._now_mts()
        self._archive(account, order)

    def _archive(self, account: Account, order: EngineOrder) -> None:
        """Remove a closed order from all collections of open orders, and release its hold."""
        del account.orders[order.id]
        account.remember(order)
        venue = self._venues[order.symbol]
        venue.market.account_orders.pop(order.id, None)
        self._reactive.get(order.symbol, {}).pop(order.id, None)
        still_open = self._open[order.symbol]
        del still_open[order.id]
        if not still_open:
            del self._open[order.symbol]
            venue.set_active(False)
        account.hold_for(order)
        account.emit("oc", order.row())
        self._cancel_pair(account, order)
