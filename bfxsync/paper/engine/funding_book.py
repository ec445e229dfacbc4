"""
The funding book: offers and bids of accounts in the books of the funding markets.

Strategy: as in `matching`, an offer rests as an entry of the market's own book, on the ask side, a
bid on the bid side; both match by rate, then time, and the book never crosses. Funding is lent for
the shorter of both periods. FRR offers move in the book with the flash return rate. Hidden offers,
which the book must not show, wait here and are checked after every event of their market.
"""

from __future__ import annotations

from functools import partial
from typing import Callable, Container, Mapping, NamedTuple

from bfxsync.paper.engine.book import Entry
from bfxsync.paper.engine.funding_loan import Party
from bfxsync.paper.engine.funding_offer import FRR_VAR, LIMIT, EngineOffer
from bfxsync.paper.engine.lending import Lending, Terms
from bfxsync.paper.engine.match import match
from bfxsync.paper.engine.units import SCALE, Row
from bfxsync.paper.engine.venue import Venue, remove_from_book


class _Taker(NamedTuple):
    """The offer that is matching the book; the pair is that of a borrowing position."""

    account: Party
    offer: EngineOffer
    pair: str | None


class FundingBook:
    """
    The open offers of all accounts.

    Parameters
    ----------
    venues : mapping
        The funding markets, by symbol.
    lending : Lending
        Makes the loans.
    """

    def __init__(
        self,
        venues: Mapping[str, Venue],
        now_mts: Callable[[], int],
        lending: Lending,
    ) -> None:
        self._venues = venues
        self._now_mts = now_mts
        self._lending = lending
        self._open: dict[str, dict[int, Party]] = {}
        # The open offers that are checked after every event of their market.
        self._reactive: dict[str, dict[int, Party]] = {}
        self._taker: _Taker | None = None
        # Trades of the taker with offers of accounts.
        self._met: set[object] = set()

    def place(self, account: Party, offer: EngineOffer) -> None:
        """Match a new offer; the remainder rests."""
        account.funding.offers[offer.id] = offer
        self._open.setdefault(offer.symbol, {})[offer.id] = account
        self._hold(account, offer)
        self._execute(account, offer)
        if offer.is_open:
            account.emit("fon", self.row(offer))

    def restore(self, account: Party, offer: EngineOffer) -> None:
        """Rest a restored offer."""
        self._open.setdefault(offer.symbol, {})[offer.id] = account
        self._rest(account, offer, offer.resting_rate)

    def make_room(self, symbol: str) -> None:
        """Let a new market make room for restored offers."""
        venue = self._venues[symbol]
        venue.market.make_room(self._now_mts())
        venue.publish_fills()
        venue.set_active(True)

    def cancel(self, account: Party, offer: EngineOffer) -> None:
        """Cancel an open offer."""
        self._withdraw(offer)
        self._close(account, offer, "CANCELED")

    def borrow(
        self, account: Party, bid: EngineOffer, pair: str, only_fixed: bool
    ) -> None:
        """Borrow for a position, as much as is available at the rate of a bid."""
        skip = self._variable(bid.symbol) if only_fixed else ()
        self._match(_Taker(account, bid, pair), bid.rate, skip=skip)

    def is_reactive(self, symbol: str) -> bool:
        """Return whether offers react to events of a market."""
        return bool(self._reactive.get(symbol))

    def check_reactive(self, symbol: str) -> None:
        """Match the hidden offers, and move those that follow the flash return rate."""
        for id, account in list(self._reactive.get(symbol, {}).items()):
            offer = account.funding.offers.get(id)
            if offer is None:
                continue
            rate = offer.rate_at(self._frr(symbol))
            before = offer.amount
            if self._waits(offer):
                self._match(_Taker(account, offer, None), rate, is_resting=True)
                if self._archive_taken(account, offer) or offer.amount == before:
                    continue
            elif rate == offer.resting_rate:
                continue
            else:
                self._withdraw(offer)
                self._execute(account, offer)
            if offer.is_open:
                account.emit("fou", self.row(offer))

    def row(self, offer: EngineOffer) -> Row:
        """Return the row of an offer."""
        return offer.row(self._frr(offer.symbol))

    def _frr(self, symbol: str) -> int:
        return self._venues[symbol].market.flash_return_rate

    def _execute(self, account: Party, offer: EngineOffer) -> None:
        rate = offer.rate_at(self._frr(offer.symbol))
        self._match(_Taker(account, offer, None), rate)
        if not self._archive_taken(account, offer):
            self._rest(account, offer, rate)
            self._venues[offer.symbol].set_active(True)

    def _rest(self, account: Party, offer: EngineOffer, rate: int) -> None:
        venue = self._venues[offer.symbol]
        waits = self._waits(offer)
        if waits or offer.kind != LIMIT:
            self._reactive.setdefault(offer.symbol, {})[offer.id] = account
        if not waits:
            offer.resting_rate = rate
            entry = Entry(rate, offer.period, 1, abs(offer.amount), offer.id)
            on_fill = partial(self._fill_maker, account, offer)
            venue.market.account_orders[offer.id] = on_fill
            venue.market.book.set_order(offer.is_bid, entry)
            venue.publish_fills()

    def _waits(self, offer: EngineOffer) -> bool:
        """Return whether an offer is not in the book while it rests."""
        return offer.is_hidden or not self._venues[offer.symbol].market.shows_orders

    def _variable(self, symbol: str) -> set[int]:
        """Return the ids of the offers whose rate varies during the loan."""
        found = set()
        for id, account in self._open.get(symbol, {}).items():
            if account.funding.offers[id].kind == FRR_VAR:
                found.add(id)
        return found

    def _match(
        self,
        taker: _Taker,
        limit: int,
        is_resting: bool = False,
        skip: Container[int] = (),
    ) -> None:
        """Match an offer with the book, at the rates of the book."""
        offer = taker.offer
        venue = self._venues[offer.symbol]
        self._taker = taker
        self._met.clear()
        fills = match(
            venue.market,
            self._now_mts(),
            -offer.amount,
            limit,
            is_resting=is_resting,
            period=offer.period,
            skip=skip,
        )
        self._taker = None
        for fill in fills:
            if fill.row[0] in self._met:
                continue
            rate = fill.price
            if is_resting and not venue.market.shows_orders:
                # A recorded rate may be far beyond: an earlier order would have matched the offer.
                rate = limit
            terms = Terms(
                offer.symbol, fill.amount, rate, fill.row[4], None, taker.pair
            )
            self._take(taker.account, offer, terms, fill.row, is_resting)
            self._lend(taker.account, offer, None, None, terms)
        if fills:
            venue.publish_fills(fills)

    def _fill_maker(
        self, account: Party, offer: EngineOffer, amount: int, row: Row
    ) -> None:
        """Fill a resting offer; the market has already reduced its entry in the book."""
        taker = self._taker
        pair = None if taker is None else taker.pair
        terms = Terms(offer.symbol, amount, offer.resting_rate, row[4], offer, pair)
        if taker is not None:
            self._met.add(row[0])
            self._take(taker.account, taker.offer, terms, row, is_maker=False)
        self._take(account, offer, terms, row, is_maker=True)
        if taker is None:
            self._lend(account, offer, None, None, terms)
        else:
            self._lend(account, offer, taker.account, taker.offer, terms)
        if not self._archive_taken(account, offer):
            account.emit("fou", self.row(offer))

    def _lend(
        self,
        account: Party,
        offer: EngineOffer,
        other: Party | None,
        other_offer: EngineOffer | None,
        terms: Terms,
    ) -> None:
        if offer.is_bid:
            self._lending.lend(other, account, terms, other_offer)
        else:
            self._lending.lend(account, other, terms, offer)

    def _take(
        self,
        account: Party,
        offer: EngineOffer,
        terms: Terms,
        trade: Row,
        is_maker: bool,
    ) -> None:
        """Reduce an offer by a matched amount, and announce the trade."""
        signed = -terms.amount if offer.is_bid else terms.amount
        offer.amount -= signed
        offer.fills.append((terms.rate, signed))
        offer.mts_update = self._now_mts()
        self._hold(account, offer)
        # fmt: off
        row = [
            trade[0], offer.symbol, trade[1], offer.id, signed / SCALE, terms.rate / SCALE,
            terms.period, 1 if is_maker else None,
        ]
        # fmt: on
        account.funding.trades.append(row)
        account.emit("fte", row)
        account.emit("ftu", row)

    def _hold(self, account: Party, offer: EngineOffer) -> None:
        if not offer.is_bid:
            amount = offer.amount if offer.is_open else 0
            wallets = account.wallets
            wallets.hold(("offer", offer.id), "funding", offer.currency, amount)

    def _withdraw(self, offer: EngineOffer) -> None:
        """Remove an offer from the book, if it is there, and publish the change."""
        venue = self._venues[offer.symbol]
        if remove_from_book(venue.market, offer.id):
            venue.publish_fills()

    def _archive_taken(self, account: Party, offer: EngineOffer) -> bool:
        """Archive an offer if it is completely filled, and return whether it is."""
        if offer.amount or not offer.is_open:
            return not offer.is_open
        self._close(account, offer, "EXECUTED")
        return True

    def _close(self, account: Party, offer: EngineOffer, status: str) -> None:
        """Remove an offer from all collections of open offers, and release its hold."""
        offer.closed_as = status
        offer.mts_update = self._now_mts()
        del account.funding.offers[offer.id]
        account.funding.remember(offer)
        venue = self._venues[offer.symbol]
        venue.market.account_orders.pop(offer.id, None)
        self._reactive.get(offer.symbol, {}).pop(offer.id, None)
        still_open = self._open[offer.symbol]
        del still_open[offer.id]
        if not still_open:
            venue.set_active(False)
        self._hold(account, offer)
        account.emit("foc", self.row(offer))
