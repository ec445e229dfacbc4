from __future__ import annotations

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bfxsync.paper.engine.book import Book, Entry
from bfxsync.paper.engine.units import to_units
from bfxsync.paper.markets.captured import CapturedMarket
from bfxsync.paper.markets.recordings import MarketStep, Recording
from bfxsync.paper.server.book_window import WholeBook, Window, checksum_of
from bfxsync.paper.server.wire_json import encode

from .support import BookCopy, read_data

VECTORS = read_data("checksum-vectors.jsonl")

# What happens: an order comes (amount), changes, or goes (0).
moves = st.lists(
    st.tuples(
        st.integers(1, 20),  # order id
        st.booleans(),
        st.integers(1, 40),  # ticks away from the middle
        st.integers(0, 3),
        st.booleans(),  # does the window look afterwards
    ),
    max_size=80,
)


@pytest.mark.parametrize("is_funding", [False, True], ids=["pair", "funding"])
@pytest.mark.parametrize("prec", ["P0", "P1", "P4", "R0"])
@given(todo=moves, length=st.integers(1, 6))
def test_a_copy_equals_the_window_after_each_update(
    prec: str,
    is_funding: bool,
    todo: list[tuple[int, bool, int, int, bool]],
    length: int,
) -> None:
    book = Book()
    window = Window(book.depth(prec), prec, length, is_funding)
    copy = BookCopy(prec == "R0", is_funding)
    assert window.snapshot() == []
    for order_id, is_bid, distance, amount, does_look in todo:
        known = book.orders.get(order_id)
        if amount and known:
            book.set_order(known[0], known[1]._replace(amount=to_units(amount)))
        elif amount:
            price = to_units(6443.1) + (-distance if is_bid else distance) * to_units(
                0.1
            )
            period = order_id % 3 if is_funding else 0
            book.set_order(
                is_bid, Entry(price, period, 1, to_units(amount / 8), order_id)
            )
        elif known:
            book.remove_order(order_id)
        if does_look:
            copy.feed([json.loads(row) for row in window.update()], limit=length)
            fresh = Window(book.depth(prec), prec, length, is_funding)
            assert (
                [encode(row) for row in copy.rows()]
                == window.snapshot()
                == fresh.snapshot()
            )
            assert window.checksum() == fresh.checksum()
            assert window.update() == []


@pytest.mark.parametrize("is_funding", [False, True], ids=["pair", "funding"])
@pytest.mark.parametrize("prec", ["P0", "P4", "R0"])
@given(todo=moves, length=st.integers(1, 6))
# An order that has moved to another price between two looks.
@example(
    todo=[
        (1, True, 2, 1, True),
        (1, False, 1, 0, False),
        (1, True, 1, 1, True),
    ],
    length=1,
)
def test_a_copy_that_has_lost_a_row_is_another_book(
    prec: str,
    is_funding: bool,
    todo: list[tuple[int, bool, int, int, bool]],
    length: int,
) -> None:
    book = Book()
    window = Window(book.depth(prec), prec, length, is_funding)
    for order_id, is_bid, distance, amount, does_look in todo:
        known = book.orders.get(order_id)
        if amount:
            side, entry = known or (
                is_bid,
                Entry(to_units(100 + (-distance if is_bid else distance)), 2, 1, 1, 0),
            )
            book.set_order(
                side, entry._replace(amount=to_units(amount), order_id=order_id)
            )
        elif known:
            book.remove_order(order_id)
        if not does_look:
            continue
        copy = BookCopy(prec == "R0", is_funding)
        copy.feed([json.loads(row) for row in window.snapshot()])
        before = window.checksum()
        assert before == copy.checksum()
        rows = window.lossy_update()
        fresh = Window(book.depth(prec), prec, length, is_funding)
        if rows is None:
            assert window.checksum() == before
            # Nothing has moved: all of it is still to come.
            copy.feed([json.loads(row) for row in window.update()])
            assert window.checksum() == copy.checksum() == before
        else:
            copy.feed([json.loads(row) for row in rows])
            assert window.checksum() != copy.checksum()
        assert window.snapshot() == fresh.snapshot()


def test_a_row_is_only_lost_where_the_checksum_looks() -> None:
    book = Book()
    for n in range(30):
        book.set_order(True, Entry(to_units(100 - n), 0, 1, to_units(1), n))
    window = Window(book.depth("P0"), "P0", 25)
    book.set_order(True, Entry(to_units(101), 0, 1, to_units(2), 50))
    # With the row of the last level a copy would have one too many, which has no effect.
    assert window.lossy_update() == ["[76,0,1]"]
    # The same amount in two orders: not in the checksum.
    book.set_order(True, Entry(to_units(101), 0, 1, to_units(1), 50))
    book.set_order(True, Entry(to_units(101), 0, 1, to_units(1), 51))
    assert window.lossy_update() is None
    assert window.update() == ["[101,2,2]"]
    book.remove_order(50)
    book.remove_order(51)
    assert window.lossy_update() == ["[76,1,1]"]
    deep = Window(book.depth("P0"), "P0", 100)
    book.remove_order(28)
    assert deep.lossy_update() is None
    assert deep.update() == ["[72,0,1]"]


def test_a_level_that_leaves_is_deleted_before_another_enters() -> None:
    book = Book()
    for order_id, price in enumerate((100, 99, 98), 1):
        book.set_order(True, Entry(to_units(price), 0, 1, to_units(1), order_id))
    window = Window(book.depth("P0"), "P0", 2)
    assert window.snapshot() == ["[100,1,1]", "[99,1,1]"]
    book.set_order(True, Entry(to_units(101), 0, 1, to_units(0.5), 4))
    assert window.update() == ["[99,0,1]", "[101,1,0.5]"]
    book.remove_order(1)
    assert window.update() == ["[100,0,1]", "[99,1,1]"]
    book.remove_order(3)  # beyond the window
    assert window.update() == []


def test_funding_rows_have_their_own_layout_and_signs() -> None:
    book = Book()
    book.set_order(True, Entry(to_units(0.0002), 30, 1, to_units(530), 658282397))
    book.set_order(False, Entry(to_units(0.00021), 2, 1, to_units(66.5), 658286906))
    levels = Window(book.depth("P0"), "P0", 25, is_funding=True)
    offers = Window(book.depth("R0"), "R0", 25, is_funding=True)
    assert levels.snapshot() == ["[0.0002,30,1,-530]", "[0.00021,2,1,66.5]"]
    assert offers.snapshot() == [
        "[658282397,30,0.0002,-530]",
        "[658286906,2,0.00021,66.5]",
    ]
    book.remove_order(658282397)
    book.remove_order(658286906)
    assert levels.update() == ["[0.0002,30,0,-1]", "[0.00021,2,0,1]"]
    assert offers.update() == ["[658282397,30,0,-1]", "[658286906,2,0,1]"]


def test_raw_rows_name_the_order() -> None:
    book = Book()
    book.set_order(True, Entry(to_units(7294.7), 0, 1, to_units(0.5), 34753006045))
    book.set_order(False, Entry(to_units(7295), 0, 1, to_units(2), 34753006046))
    window = Window(book.depth("R0"), "R0", 25)
    assert window.snapshot() == ["[34753006045,7294.7,0.5]", "[34753006046,7295,-2]"]
    book.remove_order(34753006046)
    assert window.update() == ["[34753006046,0,-1]"]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["note"])
def test_checksum_of_known_texts(vector: dict[str, object]) -> None:
    assert checksum_of(str(vector["frame"])) == vector["crc32_signed"]


def test_checksum_of_levels() -> None:
    book = Book()
    for order_id, (price, amount) in enumerate([(6000, 1), (5900, 2)], 1):
        book.set_order(True, Entry(to_units(price), 0, 1, to_units(amount), order_id))
    for order_id, (price, amount) in enumerate([(6100, 3), (6200, 4)], 3):
        book.set_order(False, Entry(to_units(price), 0, 1, to_units(amount), order_id))
    assert Window(book.depth("P0"), "P0", 25).checksum() == 1756193398


def test_checksum_of_a_raw_book_is_taken_over_order_ids() -> None:
    book = Book()
    for order_id, is_bid, price, amount in (
        (100, True, 6000, 1),
        (101, True, 5900, 2),
        (102, False, 6100, 3),
        (103, False, 6200, 4),
    ):
        book.set_order(is_bid, Entry(to_units(price), 0, 1, to_units(amount), order_id))
    assert Window(book.depth("R0"), "R0", 25).checksum() == 1841538801


def test_a_checksum_covers_at_most_25_levels_of_a_side() -> None:
    book = Book()
    for n in range(40):
        book.set_order(True, Entry(to_units(1000 - n), 0, 1, to_units(1), n))
    for n in range(3):
        book.set_order(False, Entry(to_units(1001 + n), 0, 1, to_units(1), 100 + n))
    parts = []
    for n in range(25):
        parts.append(f"{1000 - n}:1")
        if n < 3:
            parts.append(f"{1001 + n}:-1")
    assert Window(book.depth("P0"), "P0", 100).checksum() == checksum_of(
        ":".join(parts)
    )


def test_checksums_of_a_recorded_book_with_tiny_prices_match() -> None:
    snapshot, update, checksum = (
        json.loads(record["frame"])
        for record in read_data("book-checksum-golden.jsonl")
    )
    recording = Recording("", {"tXRPBTC": {"book": snapshot[1]}}, {}, [])
    market = CapturedMarket(recording, "tXRPBTC")
    windows = [
        window(market.book.depth("P0"), "P0", 25) for window in (Window, WholeBook)
    ]
    market.apply(MarketStep(0, "tXRPBTC", "book", [update[1]]))
    windows[0].update()
    assert [window.checksum() for window in windows] == [checksum[2]] * 2
