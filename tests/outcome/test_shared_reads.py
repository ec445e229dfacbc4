"""Reads that the searches of one round share."""

from __future__ import annotations

import time
from typing import Any, Iterator, List, Sequence, Tuple

import attrs
import pytest

from bfxsync.errors import NetworkError, RemoteError
from bfxsync.models.account_trades import AccountTrade
from bfxsync.models.orders import Order
from bfxsync.outcome import shared_reads
from bfxsync.outcome.shared_reads import SharedReads
from bfxsync.outcome.unread import UnreadRows

DAY_MS = 86_400_000


def order(id: int, cid: int = 0, mts: int = 0, symbol: str = "tBTCUSD") -> Order:
    row: List[Any] = [id, None, cid, symbol, mts, mts, 0.5, 0.5, "LIMIT"]
    return Order.from_row([*row, None, None, None, 0, "ACTIVE", None, None, 30000, 0])


def trade(id: int, mts: int) -> AccountTrade:
    return AccountTrade.from_row([id, "tBTCUSD", mts, 1, 0.1, 1.0])


@attrs.define
class Account:
    """An account that counts the requests for its lists, one per row of a history."""

    open: List[Order] = attrs.Factory(list)
    closed: List[Order] = attrs.Factory(list)
    trades: List[AccountTrade] = attrs.Factory(list)
    unreadable: List[Any] = attrs.Factory(list)
    fails_after: int | None = None
    requests: List[Any] = attrs.Factory(list)

    def opened(self) -> Tuple[Any, UnreadRows]:
        unread = UnreadRows()
        return _Reader(self, unread), unread

    def row(self, name: str, row: Any) -> Any:
        if self.fails_after is not None and len(self.requests) >= self.fails_after:
            raise NetworkError("the connection failed", phase="receive")
        self.requests.append(name)
        return row


@attrs.define
class _Reader:
    account: Account
    unread: UnreadRows

    def get_orders(self, **options: Any) -> List[Order]:
        assert options == {}
        self.unread.rows += self.account.unreadable
        return self.account.row("open", list(self.account.open))

    def get_orders_history(self, *, ids: Sequence[int], limit: int) -> List[Order]:
        assert len(ids) == limit <= shared_reads.MOST_IDS
        self.account.row(f"by id {sorted(ids)}", None)
        return [order for order in self.account.closed if order.id in ids]

    def iter_orders_history(self, symbol: str | None) -> Iterator[Order]:
        for order in self.account.closed:
            if symbol in (None, order.symbol):
                yield self.account.row("closed", order)
        if self.account.unreadable:
            rows = [(row, "odd") for row in self.account.unreadable]
            raise RemoteError("odd", unreadable=rows)

    def iter_trades_history(self, symbol: str, start: int) -> Iterator[AccountTrade]:
        self.account.row(f"trades from {start}", None)
        yield from (each for each in self.account.trades if each.mts_create >= start)


def test_each_list_is_requested_once_per_round() -> None:
    account = Account(open=[order(1, cid=7), order(2, cid=8), order(3, cid=7)])
    reads = SharedReads(account.opened)
    for _ in range(3):
        reader, unread = reads.open()
        assert [each.id for each in reader.get_orders()] == [1, 2, 3]
        # Of any date, as a search looks at the date itself.
        found = reader.get_orders(cid=7, cid_date="2026-01-31")
        assert [each.id for each in found] == [1, 3]
        assert [each.id for each in reader.get_orders(ids=[2, 3])] == [2, 3]
    assert account.requests == ["open"]
    account.open.pop()
    before = reads.began_at
    reads.begin()
    assert before <= reads.began_at <= time.monotonic()
    assert len(reads.open()[0].get_orders()) == 2 and account.requests == ["open"] * 2


def test_history_is_read_only_as_far_as_one_search_needs() -> None:
    account = Account(closed=[order(9 - n, mts=(9 - n) * DAY_MS) for n in range(9)])
    reader, _ = SharedReads(account.opened).open()

    def ids(**options: Any) -> List[int]:
        return [each.id for each in reader.iter_orders_history(**options)]

    assert ids(start=7 * DAY_MS) == [9, 8, 7]
    assert len(account.requests) == 4
    assert ids(start=8 * DAY_MS, end=8 * DAY_MS + 5) == [8]
    assert len(account.requests) == 4
    assert ids() == [9, 8, 7, 6, 5, 4, 3, 2, 1] and len(account.requests) == 9
    assert ids(symbol="tETHUSD") == [] and ids(symbol="tBTCUSD", start=8 * DAY_MS)


def test_orders_by_id_are_requested_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_reads, "MOST_IDS", 2)
    account = Account(closed=[order(1), order(2), order(4)])
    reads = SharedReads(account.opened)
    reads.begin([1, 2, 3, 1])
    reader, _ = reads.open()
    assert [each.id for each in reader.get_orders_history(ids=[2])] == [2]
    assert [each.id for each in reader.get_orders_history(ids=[1])] == [1]
    assert reader.get_orders_history(ids=[3]) == []
    assert sorted(account.requests) == ["by id [1, 2]", "by id [3]"]
    # One that was not expected.
    found = reader.get_orders_history(ids=[4, 1], limit=2)
    assert [each.id for each in found] == [4, 1]
    assert len(account.requests) == 3 and account.requests[2] == "by id [4]"


def test_trades_are_read_again_only_for_an_earlier_start() -> None:
    account = Account(trades=[trade(n, n * DAY_MS) for n in range(5)])
    reader, _ = SharedReads(account.opened).open()

    def ids(start: int) -> List[int]:
        rows = reader.iter_trades_history(symbol="tBTCUSD", start=start)
        return [each.id for each in rows]

    assert ids(2 * DAY_MS) == [2, 3, 4]
    assert ids(2 * DAY_MS - 1000) == [2, 3, 4] and ids(3 * DAY_MS) == [3, 4]
    assert len(account.requests) == 1
    assert ids(DAY_MS) == [1, 2, 3, 4] and ids(0) == [0, 1, 2, 3, 4]
    assert len(account.requests) == 3


def test_list_that_failed_fails_for_the_whole_round() -> None:
    """Cut off, it would look as if the rest were not there."""
    closed = [order(3, mts=3), order(2, mts=2), order(1, mts=1)]
    account = Account(closed=closed, fails_after=2)
    reads = SharedReads(account.opened)
    for _ in range(2):
        reader, _ = reads.open()
        assert next(reader.iter_orders_history()).id == 3
        with pytest.raises(NetworkError):
            list(reader.iter_orders_history())
    account.fails_after = None
    reads.begin()
    assert len(list(reads.open()[0].iter_orders_history())) == 3


def test_unreadable_rows_are_those_of_the_lists_that_were_used() -> None:
    account = Account(open=[order(1)], closed=[order(2, mts=5)], unreadable=[[0]])
    reads = SharedReads(account.opened)
    reader, unread = reads.open()
    assert list(reader.iter_orders_history()) and unread.rows == [[0]]
    # What lies behind it was not read.
    assert unread.is_cut
    other, others = reads.open()
    assert others.rows == [] and not others.is_cut
    for _ in range(2):
        other.get_orders()
        assert others.rows == [[0]] and not others.is_cut
    reader.get_orders()
    assert unread.rows == [[0], [0]] and unread.is_cut
