"""The searches of the finders over a reader that needs no server."""

from __future__ import annotations

import time
from typing import Any, Iterator, List

import attrs
import pytest

from bfxsync.errors import RemoteError
from bfxsync.models.orders import Order
from bfxsync.models.positions import PositionHistory
from bfxsync.outcome.clocks import ExchangeClock
from bfxsync.outcome.find_orders import OrderFinder
from bfxsync.outcome.find_positions import PositionFinder
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
    past_positions: List[PositionHistory] = attrs.Factory(list)
    unreadable: List[Any] = attrs.Factory(list)
    is_cut: bool = False

    def around(self, unread: UnreadRows) -> Any:
        unread.rows += self.unreadable
        unread.is_cut = self.is_cut
        return self

    def get_orders(self, **_: Any) -> List[Order]:
        return self.open

    def iter_orders_history(self, **_: Any) -> Iterator[Order]:
        return iter([])

    def iter_trades_history(self, **_: Any) -> Iterator[Any]:
        return iter([])

    def get_positions(self) -> List[Any]:
        return []

    def get_positions_history(self, **_: Any) -> List[PositionHistory]:
        return self.past_positions


def attempt() -> Attempt:
    record = WriteRecord()
    record.mark_sent()
    record.mark_ended()
    return Attempt(record, Transport())


def unreadable_order(**fields: Any) -> List[Any]:
    places = {"id": 0, "gid": 1, "cid": 2, "symbol": 3}
    row: List[Any] = [None] * 32
    for name, value in fields.items():
        row[places[name]] = value
    return row


def test_r07_unreadable_row_does_not_make_a_found_operation_doubtful() -> None:
    reader = Reader(open=[ORDER], unreadable=[unreadable_order(cid=77)])
    search = OrderFinder(reader.around).operations([("on", NEW)], {77})
    assert search.find(attempt()) == [ORDER]
    lost = OrderFinder(Reader(unreadable=reader.unreadable).around)
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
    found = OrderFinder(reader.around).operations(ops, ()).find(attempt())
    assert found == (Candidates(reader.unreadable) if is_candidate else Pending([[]]))


@pytest.mark.parametrize("is_cut", [True, False])
def test_r07_rows_behind_an_unreadable_one_may_be_any_order(is_cut: bool) -> None:
    other = unreadable_order(id=4, cid=78)
    reader = Reader(open=[ORDER], unreadable=[other], is_cut=is_cut)
    search = OrderFinder(reader.around).operations([("on", NEW)], {77})
    assert search.find(attempt()) == (Candidates([other]) if is_cut else [ORDER])


def test_r07_closed_position_with_another_id_is_not_the_one() -> None:
    row = ["tBTCUSD", "CLOSED", 0.1, 30000, 0, 0, None, None, None, None, None, 5]
    other = PositionHistory.from_row([*row, 1, 2])
    reader = Reader(past_positions=[other])
    assert PositionFinder(reader.around).by_id(6).find(attempt()) is None
    assert PositionFinder(reader.around).by_id(5).find(attempt()) == other


def test_error_without_unreadable_rows_ends_a_search() -> None:
    def rows() -> Iterator[int]:
        yield 1
        raise RemoteError("no list")

    unread = UnreadRows()
    with pytest.raises(RemoteError, match="no list"):
        list(unread.around(rows()))
    assert unread.rows == [] and not unread.is_cut
