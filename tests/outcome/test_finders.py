"""The searches of the finders over a reader that needs no server."""

from __future__ import annotations

import time
from typing import Any, Iterator, List, Tuple

import attrs
import pytest

from bfxsync.errors import RemoteError
from bfxsync.models.funding import FundingOffer
from bfxsync.models.orders import Order
from bfxsync.models.positions import Position, PositionHistory
from bfxsync.outcome.clocks import Clocks, ExchangeClock
from bfxsync.outcome.find_offers import OfferFinder
from bfxsync.outcome.find_orders import OrderFinder
from bfxsync.outcome.find_positions import PositionFinder
from bfxsync.outcome.find_transfers import TransferFinder
from bfxsync.outcome.resolve import Attempt, Candidates, Pending
from bfxsync.outcome.unread import UnreadRows
from bfxsync.outcome.writes import RecentWrites, WriteRecord

NOW_MTS = int(time.time() * 1000)

ROW: List[Any] = [1, None, 77, "tBTCUSD", NOW_MTS, NOW_MTS, 0.5, 0.5, "LIMIT"]
ORDER = Order.from_row([*ROW, None, None, None, 0, "ACTIVE", None, None, 30000, 0])
NEW = {"cid": 77, "symbol": "tBTCUSD", "type": "LIMIT", "amount": "0.5"}


class Transport:
    """The parts of a transport that an attempt needs."""

    absence_s = 60.0

    def __init__(self) -> None:
        self.clock = ExchangeClock()
        self.sent = RecentWrites()

    def pause(self, seconds: float) -> None:
        raise AssertionError("a search does not wait")


@attrs.define
class Reader:
    """An account with these rows; unreadable ones are collected with every request."""

    open: List[Order] = attrs.Factory(list)
    positions: List[Position] = attrs.Factory(list)
    past_positions: List[PositionHistory] = attrs.Factory(list)
    past_offers: List[FundingOffer] = attrs.Factory(list)
    unreadable: List[Any] = attrs.Factory(list)
    is_cut: bool = False
    read_ids: List[int] = attrs.Factory(list)

    def copied(self) -> Tuple[Any, UnreadRows]:
        unread = UnreadRows()
        unread.rows += self.unreadable
        unread.is_cut = self.is_cut
        return self, unread

    def get_orders(self, **_: Any) -> List[Order]:
        return self.open

    def iter_orders_history(self, **_: Any) -> Iterator[Order]:
        return iter([])

    def iter_trades_history(self, **_: Any) -> Iterator[Any]:
        return iter([])

    def get_funding_offers(self) -> List[FundingOffer]:
        return []

    def iter_funding_offers_history(self) -> Iterator[FundingOffer]:
        for offer in self.past_offers:
            self.read_ids.append(offer.id)
            yield offer

    def get_positions(self) -> List[Position]:
        return self.positions

    def get_positions_history(self, **_: Any) -> List[PositionHistory]:
        return self.past_positions


def attempt(is_clock_known: bool = False) -> Attempt:
    record, transport = WriteRecord(), Transport()
    record.mark_sent()
    if is_clock_known:
        transport.clock.see_own(record.sent_s, record.sent_s, record.sent_at)
    record.mark_ended()
    return Attempt(record, transport)


def unreadable_order(**fields: Any) -> List[Any]:
    places = {"id": 0, "gid": 1, "cid": 2, "symbol": 3}
    row: List[Any] = [None] * 32
    for name, value in fields.items():
        row[places[name]] = value
    return row


def test_r07_unreadable_row_does_not_make_a_found_operation_doubtful() -> None:
    reader = Reader(open=[ORDER], unreadable=[unreadable_order(cid=77)])
    search = OrderFinder(reader.copied).operations([("on", NEW)], {77})
    assert search.find(attempt()) == [ORDER]
    lost = OrderFinder(Reader(unreadable=reader.unreadable).copied)
    found = lost.operations([("on", NEW)], {77}).find(attempt())
    assert found == Candidates(reader.unreadable)


@pytest.mark.parametrize(
    "row, is_candidate",
    [({"gid": 9}, True), ({"gid": 8, "id": 4, "cid": 78}, False), ({}, True)],
    ids=str,
)
def test_r07_unreadable_order_of_a_cancelled_group_is_a_candidate(
    row: Any, is_candidate: bool
) -> None:
    reader = Reader(unreadable=[unreadable_order(**row)])
    ops = [("oc_multi", {"gid": [9]})]
    found = OrderFinder(reader.copied).operations(ops, ()).find(attempt())
    assert found == (Candidates(reader.unreadable) if is_candidate else Pending([[]]))


@pytest.mark.parametrize("is_cut", [True, False])
def test_r07_rows_behind_an_unreadable_one_may_be_any_order(is_cut: bool) -> None:
    other = unreadable_order(id=4, cid=78)
    reader = Reader(open=[ORDER], unreadable=[other], is_cut=is_cut)
    search = OrderFinder(reader.copied).operations([("on", NEW)], {77})
    assert search.find(attempt()) == (Candidates([other]) if is_cut else [ORDER])


def test_r07_closed_position_with_another_id_is_not_the_one() -> None:
    row = ["tBTCUSD", "CLOSED", 0.1, 30000, 0, 0, None, None, None, None, None, 5]
    other = PositionHistory.from_row([*row, 1, 2])
    reader = Reader(past_positions=[other])
    assert PositionFinder(reader.copied).by_id(6).find(attempt()) is None
    assert PositionFinder(reader.copied).by_id(5).find(attempt()) == other


def offer(id: int, ago_s: float) -> FundingOffer:
    mts = int((time.time() - ago_s) * 1000)
    row: List[Any] = [None] * 21
    row[0], row[1], row[2], row[3] = id, "fUSD", mts, mts
    row[4] = row[5] = 100.0
    row[6], row[10], row[14], row[15] = "LIMIT", "CANCELED", 0.001, 2
    row[16] = row[17] = row[19] = 0
    return FundingOffer.from_row(row)


@pytest.mark.parametrize(
    "is_clock_known, rows, read",
    [
        (True, [(4, 9000.0), (3, 9100.0)], [4]),
        # A larger id, or a recent change: the offer may still follow.
        (True, [(9, 9000.0), (4, 9100.0), (3, 9200.0)], [9, 4]),
        (True, [(4, 0.0), (3, 9100.0), (2, 9200.0)], [4, 3]),
        # Without a clock nothing tells which change is recent.
        (False, [(4, 200_000.0), (3, 200_100.0)], [4, 3]),
    ],
)
def test_r07_search_for_an_offer_stops_only_behind_it(
    is_clock_known: bool, rows: Any, read: List[int]
) -> None:
    reader = Reader(past_offers=[offer(*row) for row in rows])
    search = OfferFinder(reader.copied).by_id(5)
    assert search.find(attempt(is_clock_known)) is None
    assert reader.read_ids == read


def test_r07_offer_behind_a_newer_one_of_an_old_change_is_found() -> None:
    reader = Reader(past_offers=[offer(9, 9000.0), offer(5, 9100.0)])
    found = OfferFinder(reader.copied).by_id(5).find(attempt(is_clock_known=True))
    assert found == reader.past_offers[1]


def test_r07_open_position_without_an_id_may_be_the_one() -> None:
    short = Position.from_row(["tBTCUSD", "ACTIVE", 0.1, 30000, 0, 0, None, None])
    reader = Reader(positions=[short])
    assert PositionFinder(reader.copied).by_id(6).find(attempt()) == Candidates([short])


def test_r07_absence_needs_the_documented_clocks() -> None:
    open_reader = Reader().copied
    offer_body = {"symbol": "fUSD", "type": "LIMIT"}
    transfer_body = {"amount": "1", "from": "exchange", "currency": "USD"}
    orders, positions = OrderFinder(open_reader), PositionFinder(open_reader)
    known = [
        OfferFinder(open_reader).submitted(offer_body),
        positions.by_symbol("tBTCUSD"),
        TransferFinder(open_reader).transfer({**transfer_body, "currency_to": None}),
        TransferFinder(open_reader).withdrawal({"address": "a", "invoice": None}),
    ]
    assert {search.needs for search in known} == {Clocks.KNOWN}
    doubtful = [orders.submitted(NEW, False), orders.operations([("on", NEW)], ())]
    assert {search.needs for search in doubtful} == {Clocks.DOUBTFUL}
    by_name = [orders.by_id(1), orders.still_open({}), positions.by_id(1)]
    by_name += [OfferFinder(open_reader).by_id(1), positions.open_by_symbol("tBTCUSD")]
    assert {search.needs for search in by_name} == {Clocks.UNKNOWN}


def test_error_without_unreadable_rows_ends_a_search() -> None:
    def rows() -> Iterator[int]:
        yield 1
        raise RemoteError("no list")

    unread = UnreadRows()
    with pytest.raises(RemoteError, match="no list"):
        list(unread.readable(rows()))
    assert unread.rows == [] and not unread.is_cut
