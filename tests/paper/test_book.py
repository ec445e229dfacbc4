from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bfxsync.paper.engine.book import SIGNIFICANT_DIGITS, Book, Entry, round_price
from bfxsync.paper.engine.units import SCALE, to_units


@pytest.mark.parametrize(
    ("price", "digits", "down", "up"),
    [
        (6443.1, 5, 6443.1, 6443.1),
        (6443.1, 4, 6443, 6444),
        (6443.1, 3, 6440, 6450),
        (6443.1, 2, 6400, 6500),
        (6443.1, 1, 6000, 7000),
        (9342.938663676, 5, 9342.9, 9343),
        (0.00002505, 2, 0.000025, 0.000026),
        (99999.5, 5, 99999, 100000),
        (100000, 5, 100000, 100000),
        (0.002, 1, 0.002, 0.002),
    ],
)
def test_prices_are_rounded_away_from_the_other_side(
    price: float, digits: int, down: float, up: float
) -> None:
    units = to_units(price)
    assert round_price(units, digits, up=False) == to_units(down)
    assert round_price(units, digits, up=True) == to_units(up)


# Few prices and ids, so that levels are shared, emptied and filled again.
actions = st.lists(
    st.tuples(
        st.integers(1, 12),
        st.booleans(),
        st.integers(99_970, 100_030),
        st.integers(0, 3),
    ),
    max_size=60,
)


def play(book: Book, todo: list[tuple[int, bool, int, int]]) -> None:
    """Amount 0 removes; a known order keeps its side and price."""
    for order_id, is_bid, price, amount in todo:
        known = book.orders.get(order_id)
        if amount and known:
            book.set_order(known[0], known[1]._replace(amount=amount))
        elif amount:
            book.set_order(
                is_bid, Entry(price * SCALE // 100, order_id % 2, 1, amount, order_id)
            )
        elif known:
            book.remove_order(order_id)


@given(actions, st.integers(0, 60), st.sampled_from(list(SIGNIFICANT_DIGITS)))
def test_levels_are_the_sums_of_their_orders_in_every_precision(
    todo: list[tuple[int, bool, int, int]], cut: int, prec: str
) -> None:
    book = Book()
    play(book, todo[:cut])
    book.depth(prec)
    play(book, todo[cut:])
    for is_bid in (True, False):
        orders: Counter[tuple[int, int]] = Counter()
        amounts: Counter[tuple[int, int]] = Counter()
        for side, order in book.orders.values():
            if side == is_bid:
                price = round_price(
                    order.price, SIGNIFICANT_DIGITS[prec], up=not is_bid
                )
                orders[price, order.period] += 1
                amounts[price, order.period] += order.amount
        sign = -1 if is_bid else 1
        wanted = sorted(orders, key=lambda key: (sign * key[0], key[1]))
        assert list(book.depth(prec).side(is_bid)) == [
            Entry(price, period, orders[price, period], amounts[price, period])
            for price, period in wanted
        ]


@given(actions)
def test_raw_orders_are_sorted_by_price_then_id(
    todo: list[tuple[int, bool, int, int]],
) -> None:
    book = Book()
    play(book, todo)
    for is_bid, sign in ((True, -1), (False, 1)):
        orders = [order for side, order in book.orders.values() if side == is_bid]
        orders.sort(key=lambda order: (sign * order.price, order.order_id))
        assert list(book.depth("R0").side(is_bid)) == orders
