"""
Books against plain dicts, sorted when they are read, and checksums against plain arithmetic.

Strategy: the references share nothing with the package but the models. They are as slow and as
obvious as they can be.
"""

from __future__ import annotations

import json
import pickle
from decimal import Decimal
from pathlib import Path
from typing import Any, Callable, NamedTuple

import pytest
from checksum_reference import plain_checksum
from hypothesis import example, given
from hypothesis import strategies as st
from strategies import (
    AMOUNTS,
    COUNTS,
    FUNDING_LEVELS,
    IDS,
    LEVELS,
    OFFERS,
    ORDERS,
    PERIODS,
    PRICES,
    SIZES,
)

from bfxsync.book.book import (
    AggregatedBook,
    FundingBook,
    FundingRawBook,
    OrderBook,
    RawBook,
)
from bfxsync.book.snapshots import BookSnapshot
from bfxsync.models import (
    BookUpdate,
    FundingBookUpdate,
    FundingRawBookUpdate,
    RawBookUpdate,
)

DATA = Path(__file__).parent / "data"
GOLDEN = [
    json.loads(line)["frame"]
    for line in (DATA / "book-checksum-golden.jsonl").read_text("utf-8").splitlines()
]


class Kind(NamedTuple):
    """A kind of book, and how a dict would keep it."""

    book: Callable[[], OrderBook[Any]]
    model: Any
    rows: st.SearchStrategy[Any]
    is_bid: Callable[[Any], bool]
    # What of a level goes into the checksum besides its amount.
    key: Callable[[Any], Any]
    # Sort key of the bids and of the asks, best first.
    bids: Callable[[Any], Any]
    asks: Callable[[Any], Any]
    # What names a level, and whether it is gone.
    name: Callable[[Any], Any]
    gone: Callable[[Any], bool]


def _side(update: Any) -> bool:
    return bool(update.amount > 0)


def _funding_side(update: Any) -> bool:
    return bool(update.amount < 0)


KINDS = {
    "aggregated": Kind(
        AggregatedBook,
        BookUpdate,
        LEVELS,
        _side,
        lambda u: u.price,
        lambda u: -u.price,
        lambda u: u.price,
        # A level is one of its side: the same price may stand on both.
        lambda u: (u.amount > 0, u.price),
        lambda u: u.count == 0,
    ),
    "funding": Kind(
        FundingBook,
        FundingBookUpdate,
        # Deletes are in the tests below: their side is a guess.
        FUNDING_LEVELS.filter(lambda row: row[2] > 0),
        _funding_side,
        lambda u: u.rate,
        lambda u: (-u.rate, u.period),
        lambda u: (u.rate, u.period),
        lambda u: (u.amount < 0, u.rate, u.period),
        lambda u: u.count == 0,
    ),
    "raw": Kind(
        RawBook,
        RawBookUpdate,
        ORDERS,
        _side,
        lambda u: u.order_id,
        lambda u: (-u.price, u.order_id),
        lambda u: (u.price, u.order_id),
        lambda u: u.order_id,
        lambda u: u.price == 0,
    ),
    "funding raw": Kind(
        FundingRawBook,
        FundingRawBookUpdate,
        OFFERS,
        _funding_side,
        lambda u: u.offer_id,
        lambda u: (-u.rate, u.period, u.offer_id),
        lambda u: (u.rate, u.period, u.offer_id),
        lambda u: u.offer_id,
        lambda u: u.rate == 0,
    ),
}

ALL_KINDS = pytest.mark.parametrize("name", KINDS)


class Plain:
    """A book as a dict."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.levels: dict[Any, Any] = {}
        self.unknown_deletes = 0

    def apply(self, update: Any) -> None:
        name = self.kind.name(update)
        if not self.kind.gone(update):
            self.levels[name] = update
        elif self.levels.pop(name, None) is None:
            self.unknown_deletes += 1

    def bids(self) -> list[Any]:
        levels = [u for u in self.levels.values() if self.kind.is_bid(u)]
        return sorted(levels, key=self.kind.bids)

    def asks(self) -> list[Any]:
        levels = [u for u in self.levels.values() if not self.kind.is_bid(u)]
        return sorted(levels, key=self.kind.asks)

    def checksum(self) -> int:
        return plain_checksum(
            *[
                [(self.kind.key(u), u.amount) for u in side]
                for side in (self.bids(), self.asks())
            ]
        )


def assert_same(book: OrderBook[Any], plain: Plain) -> None:
    bids, asks = plain.bids(), plain.asks()
    assert book.bids() == bids
    assert book.asks() == asks
    assert len(book) == len(bids) + len(asks)
    assert book.best_bid == (bids[0] if bids else None)
    assert book.best_ask == (asks[0] if asks else None)
    for count in (0, 1, 2, 25, 1000):
        assert book.bids(count) == bids[:count]
        assert book.asks(count) == asks[:count]
        assert book.levels(count) == (bids[:count], asks[:count])
    # Without the texts of levels and with them, and with those of a few levels only.
    for keep in (False, True, True):
        assert book.checksum(keep_texts=keep) == plain.checksum()
    assert book.unknown_deletes == plain.unknown_deletes


@ALL_KINDS
@given(data=st.data(), number=st.sampled_from([float, Decimal]))
def test_book_equals_a_dict_after_every_update(
    name: str, data: st.DataObject, number: Any
) -> None:
    kind = KINDS[name]
    book, plain = kind.book(), Plain(kind)
    for row in data.draw(st.lists(kind.rows, max_size=40)):
        update = kind.model.from_row(list(row), number)
        book.apply(update)
        plain.apply(update)
        assert_same(book, plain)


@ALL_KINDS
@given(data=st.data())
def test_reset_leaves_nothing_but_the_snapshot(name: str, data: st.DataObject) -> None:
    kind = KINDS[name]
    rows = st.lists(kind.rows, max_size=30)
    before, after = (
        [kind.model.from_row(list(row)) for row in data.draw(rows)] for _ in range(2)
    )
    book, plain = kind.book(), Plain(kind)
    book.reset(before)
    plain.unknown_deletes = book.unknown_deletes
    book.reset(after)
    for update in after:
        plain.apply(update)
    assert_same(book, plain)
    book.reset()
    assert len(book) == 0
    assert (book.best_bid, book.best_ask) == (None, None)


@given(
    st.sampled_from(list(KINDS)), st.data(), st.sampled_from([float, Decimal]), SIZES
)
def test_a_live_book_answers_what_its_copy_answers(
    name: str, data: st.DataObject, number: Any, size: Any
) -> None:
    kind = KINDS[name]
    book = kind.book()
    for row in data.draw(st.lists(kind.rows, max_size=20)):
        book.apply(kind.model.from_row(list(row), number))
    bids, asks = map(tuple, book.levels())
    symbol = "fUSD" if name.startswith("funding") else "tBTCUSD"
    copy = BookSnapshot(symbol, "P0", bids, asks, True, None)
    assert book.is_funding == copy.is_funding
    assert (book.mid, book.spread) == (copy.mid, copy.spread)
    assert (book.best_bid, book.best_ask) == (copy.best_bid, copy.best_ask)
    assert book.depth(within_ratio=size) == copy.depth(within_ratio=size)
    assert [book.vwap(s * size) for s in (1, -1)] == [
        copy.vwap(s * size) for s in (1, -1)
    ]


@ALL_KINDS
def test_book_is_empty_at_first(name: str) -> None:
    assert_same(KINDS[name].book(), Plain(KINDS[name]))


@given(
    st.lists(
        st.tuples(st.floats(1e-9, 1e22), AMOUNTS), max_size=60, unique_by=lambda t: t[0]
    ),
    st.sampled_from([float, Decimal]),
)
def test_checksum_takes_the_25_best_of_each_side_as_javascript_writes_them(
    levels: list[tuple[float, float]], number: Any
) -> None:
    book = AggregatedBook()
    for price, amount in levels:
        book.apply(BookUpdate.from_row([price, 1, amount], number))
    bids = sorted((level for level in levels if level[1] > 0), reverse=True)
    asks = sorted(level for level in levels if level[1] < 0)
    assert book.checksum() == plain_checksum(list(bids), list(asks))


@pytest.mark.parametrize("bids, asks", [(30, 30), (30, 2), (1, 30), (25, 0)])
def test_r11_checksum_is_over_25_levels_whatever_the_length(
    bids: int, asks: int
) -> None:
    book, raw = AggregatedBook(), RawBook()
    for index in range(max(bids, asks)):
        for count, price, sign in ((bids, 99.5 - index, 1), (asks, 100.5 + index, -1)):
            if index < count:
                book.apply(BookUpdate(price, 1, sign * 0.5))
                # Ties stand by id: the price does not tell which 25 are the best.
                raw.apply(RawBookUpdate(sign * 100 + index + 200, 99.5 - sign, sign))
    sides = [
        [(99.5 - index, 0.5) for index in range(bids)],
        [(100.5 + index, -0.5) for index in range(asks)],
    ]
    assert book.checksum() == plain_checksum(*sides)
    sides = [
        [(300 + index, 1) for index in range(bids)],
        [(100 + index, -1) for index in range(asks)],
    ]
    assert raw.checksum() == plain_checksum(*sides)


def read(frame: str, number: Any) -> Any:
    return json.loads(frame, parse_float=number)


@pytest.mark.parametrize("number", [float, Decimal])
def test_checksum_of_a_captured_book_is_the_exchanges(number: Any) -> None:
    snapshot, update, answer = (read(frame, number) for frame in GOLDEN)
    book = AggregatedBook()
    book.reset(BookUpdate.from_row(row, number) for row in snapshot[1])
    assert book.checksum(keep_texts=True) != answer[2]
    book.apply(BookUpdate.from_row(update[1], number))
    assert book.checksum() == book.checksum(keep_texts=True) == answer[2]


def test_reading_a_checksum_changes_nothing_in_the_book() -> None:
    book = AggregatedBook()
    book.reset([level(100.0, 1, 2.0), level(101.0, 1, -2.0)])
    before = pickle.dumps(book)
    book.checksum()
    assert pickle.dumps(book) == before


def level(price: float, count: int, amount: float) -> BookUpdate:
    return BookUpdate(price, count, amount)


def test_amount_of_a_level_is_its_new_total() -> None:
    book = AggregatedBook()
    book.reset([level(100.0, 1, 2.0), level(100.0, 3, 5.0)])
    assert book.bids() == [level(100.0, 3, 5.0)]


def test_delete_takes_the_level_of_its_side_only() -> None:
    book = AggregatedBook()
    book.reset([level(100.0, 1, 2.0), level(100.0, 1, -2.0)])
    book.apply(level(100.0, 0, 1))
    assert book.bids() == []
    assert book.asks() == [level(100.0, 1, -2.0)]
    assert book.unknown_deletes == 0
    book.apply(level(100.0, 0, 1))
    assert len(book) == 1
    assert book.unknown_deletes == 1


@pytest.mark.parametrize("count", [0, 3])
@pytest.mark.parametrize("amount", [2.0, -2.0], ids=["bid", "ask"])
def test_level_without_amount_is_gone_whatever_its_side(
    count: int, amount: float
) -> None:
    book = AggregatedBook()
    book.reset([level(100.0, 1, amount)])
    book.apply(level(100.0, count, 0))
    assert len(book) == 0
    assert book.unknown_deletes == 0
    book.apply(level(100.0, count, 0))
    assert book.unknown_deletes == 1


@pytest.mark.parametrize("amount", [2.0, -2.0], ids=["bid", "ask"])
def test_order_or_offer_without_amount_is_gone(amount: float) -> None:
    raw, funding, offers = RawBook(), FundingBook(), FundingRawBook()
    raw.reset([RawBookUpdate(1, 10.0, amount)])
    raw.apply(RawBookUpdate(1, 10.0, 0))
    funding.reset([FundingBookUpdate(0.001, 30, 1, amount)])
    funding.apply(FundingBookUpdate(0.001, 30, 1, 0))
    offers.reset([FundingRawBookUpdate(1, 30, 0.001, amount)])
    offers.apply(FundingRawBookUpdate(1, 30, 0.001, 0))
    for book in (raw, funding, offers):
        assert len(book) == 0
        assert book.unknown_deletes == 0


def test_crossed_book_is_kept_as_it_is() -> None:
    book = AggregatedBook()
    book.reset([level(101.0, 1, 1.0), level(100.0, 1, -1.0)])
    assert (book.best_bid, book.best_ask) == (
        level(101.0, 1, 1.0),
        level(100.0, 1, -1.0),
    )


@given(
    st.lists(FUNDING_LEVELS.filter(lambda row: row[2] > 0), max_size=10),
    PRICES,
    PERIODS,
    st.sampled_from([1, -1]),
)
@example([[0.0002, 30, 1, 5.0], [0.0002, 30, 1, -5.0]], 0.0002, 30, 1)
@example([[0.0002, 30, 1, 5.0], [0.0002, 30, 1, -5.0]], 0.0002, 30, -1)
def test_funding_delete_takes_the_named_side_or_else_the_other(
    rows: list[Any], rate: float, period: int, amount: int
) -> None:
    book = FundingBook()
    book.reset(FundingBookUpdate.from_row(list(row)) for row in rows)
    bids, asks = book.bids(), book.asks()

    def without(levels: list[FundingBookUpdate]) -> list[FundingBookUpdate]:
        return [u for u in levels if (u.rate, u.period) != (rate, period)]

    book.apply(FundingBookUpdate(rate, period, 0, amount))
    first, second = (asks, bids) if amount > 0 else (bids, asks)
    if without(first) != first:
        first = without(first)
    else:
        second = without(second)
    left = (book.asks(), book.bids()) if amount > 0 else (book.bids(), book.asks())
    assert left == (first, second)
    assert book.unknown_deletes == (len(book) == len(bids) + len(asks))


def test_funding_bids_are_those_who_want_money() -> None:
    book = FundingBook()
    wanted, offered = (FundingBookUpdate(0.0002, 30, 1, amount) for amount in (-5, 5))
    book.reset([offered, wanted])
    assert book.bids() == [wanted]
    assert book.asks() == [offered]


def test_order_that_changes_its_price_moves() -> None:
    book = RawBook()
    orders = [RawBookUpdate(i, price, 1.0) for i, price in ((1, 10.0), (2, 11.0))]
    book.reset(orders)
    moved = RawBookUpdate(1, 12.0, 1.0)
    book.apply(moved)
    assert book.bids() == [moved, orders[1]]
    assert book.unknown_deletes == 0


def test_order_that_changes_its_side_moves() -> None:
    book = RawBook()
    book.reset([RawBookUpdate(1, 10.0, 1.0)])
    book.apply(RawBookUpdate(1, 10.0, -1.0))
    assert book.bids() == []
    assert book.asks() == [RawBookUpdate(1, 10.0, -1.0)]


def test_orders_at_one_price_stand_by_id_on_both_sides() -> None:
    book = RawBook()
    book.reset(RawBookUpdate(i, 10.0, 1.0) for i in (3, 1, 2))
    book.reset(
        [RawBookUpdate(i, 10.0, 1.0) for i in (3, 1, 2)]
        + [RawBookUpdate(i, 11.0, -1.0) for i in (6, 4, 5)]
    )
    assert [order.order_id for order in book.bids()] == [1, 2, 3]
    assert [order.order_id for order in book.asks()] == [4, 5, 6]


@pytest.mark.parametrize("amount", [1, -1])
def test_delete_of_an_order_takes_it_whatever_side_it_names(amount: int) -> None:
    book = RawBook()
    book.reset([RawBookUpdate(1, 10.0, 1.0)])
    book.apply(RawBookUpdate(1, 0, amount))
    assert len(book) == 0
    assert book.unknown_deletes == 0


@given(st.lists(st.tuples(IDS, COUNTS), max_size=5))
def test_reading_a_side_gives_a_list_of_its_own(rows: list[Any]) -> None:
    book = AggregatedBook()
    book.reset(level(float(price), 1, 1.0) for price, _ in rows)
    book.bids().clear()
    book.asks().clear()
    assert len(book) == len({price for price, _ in rows})
