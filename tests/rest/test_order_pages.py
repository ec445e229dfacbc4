"""Closed orders come whole, whatever the exchange sorts its pages by."""

from __future__ import annotations

from typing import Any, List, Optional

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bfxsync.errors import RemoteError
from bfxsync.models.orders import Order
from bfxsync.rest.auth.order_pages import OrderPages
from bfxsync.rest.paging import pages

T0 = 1_678_465_320_000
MOST = 4

ROW = [1, None, 1, "tBTCUSD", T0, T0, 0, 1, "LIMIT", None, None, None, 0, "EXECUTED"]
SAMPLE = Order.from_row([*ROW, None, None, 30000, 30000])

# When an order was made, and for how long it was open.
LIVES = st.lists(
    st.tuples(st.integers(0, 60), st.integers(0, 60)),
    max_size=30,
    unique_by=lambda life: life[0],
)


def made(number: int, created: int, lasted: int) -> Order:
    return attrs.evolve(
        SAMPLE,
        id=number,
        mts_create=T0 + created,
        mts_update=T0 + created + lasted,
    )


class Exchange:
    """Answers with orders as they are sorted and filtered by these times."""

    def __init__(self, orders: List[Order], sort_by: str, filter_by: str) -> None:
        self.orders = sorted(orders, key=lambda o: getattr(o, sort_by), reverse=True)
        self.filter_by = filter_by
        self.count = 0

    def __call__(
        self, *, start: Optional[int], end: Optional[int], limit: int
    ) -> List[Order]:
        assert limit <= MOST
        self.count += 1
        return [
            order
            for order in self.orders
            if (start is None or start <= getattr(order, self.filter_by))
            and (end is None or getattr(order, self.filter_by) <= end)
        ][:limit]


def read(exchange: Exchange, limit: int = MOST, **options: Any) -> List[Order]:
    ask = OrderPages(exchange, MOST)

    def fetch(start: Any, end: Any, limit: int, sort: int) -> List[Order]:
        return ask(start=start, end=end, limit=limit)

    parts = pages(
        fetch,
        **{"start": None, "end": None, **options},
        limit=limit,
        max_limit=MOST,
        sort=-1,
        mts_of=lambda order: order.mts_create,
        identity_of=lambda order: order.id,
    )
    return [order for part in parts for order in part]


@pytest.mark.parametrize(
    "sort_by, filter_by",
    [
        ("mts_create", "mts_create"),
        ("mts_update", "mts_create"),
        ("mts_update", "mts_update"),
    ],
)
@given(lives=LIVES, limit=st.integers(1, MOST))
def test_every_order_comes_once_and_newest_first(
    sort_by: str, filter_by: str, lives: Any, limit: int
) -> None:
    orders = [made(number, *life) for number, life in enumerate(lives)]
    newest_first = sorted(orders, key=lambda order: order.mts_create, reverse=True)
    assert read(Exchange(orders, sort_by, filter_by), limit) == newest_first


@given(
    lives=LIVES, limit=st.integers(1, MOST), ends=st.tuples(*[st.integers(0, 60)] * 2)
)
def test_range_is_that_of_the_times_when_they_were_made(
    lives: Any, limit: int, ends: Any
) -> None:
    start, end = T0 + min(ends), T0 + max(ends)
    orders = [made(number, *life) for number, life in enumerate(lives)]
    found = read(
        Exchange(orders, "mts_update", "mts_create"), limit, start=start, end=end
    )
    wanted = {order.id for order in orders if start <= order.mts_create <= end}
    assert {order.id for order in found} == wanted and len(found) == len(wanted)


def test_order_that_was_open_for_long_hides_none() -> None:
    """The second was made after the first one that ends the page, and is on no page."""
    lives = [(0, 59), (10, 1), (60, 1), (61, 1), (62, 1)]
    orders = [made(number, *life) for number, life in enumerate(lives)]
    exchange = Exchange(orders, "mts_update", "mts_create")
    assert [order.id for order in read(exchange)] == [4, 3, 2, 1, 0]


def test_pages_that_are_of_the_newest_cost_no_more_requests() -> None:
    # Every other one is closed after the next one.
    orders = [made(number, number * 10, number % 2 * 15) for number in range(12)]
    exchange = Exchange(orders, "mts_create", "mts_create")
    assert len(read(exchange)) == 12
    # A row that ends a page comes again with the next one.
    assert exchange.count == 4


@pytest.mark.parametrize("sort_by", ["mts_create", "mts_update"])
def test_more_orders_of_one_millisecond_than_fit_are_an_error(sort_by: str) -> None:
    orders = [made(number, 5, number) for number in range(9)]
    with pytest.raises(RemoteError, match=f"{T0 + 5} ms"):
        read(Exchange(orders, sort_by, "mts_create"))
