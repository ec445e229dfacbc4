"""Closed orders come whole, whatever the exchange sorts its pages by."""

from __future__ import annotations

from collections import Counter
from typing import Any, List, Optional

import attrs
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bfxsync.errors import RemoteError
from bfxsync.models.orders import Order
from bfxsync.rest.history import order_pages
from bfxsync.rest.history import pages as paging
from bfxsync.rest.history.history import History, Iteration
from bfxsync.rest.history.order_pages import OrderPages
from bfxsync.rest.history.pages import pages

FEW = 25


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let histories of these tests be small ones."""
    monkeypatch.setattr(paging, "FEW", FEW)
    monkeypatch.setattr(order_pages, "FEW", FEW)


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

    def __init__(
        self,
        orders: List[Order],
        sort_by: str,
        filter_by: str,
        clamp: int = 2500,
    ) -> None:
        self.orders = sorted(orders, key=lambda o: getattr(o, sort_by), reverse=True)
        self.filter_by = filter_by
        self.clamp = clamp
        self.count = 0

    def __call__(
        self, *, start: Optional[int], end: Optional[int], limit: int
    ) -> List[Order]:
        self.count += 1
        return [
            order
            for order in self.orders
            if (start is None or start <= getattr(order, self.filter_by))
            and (end is None or getattr(order, self.filter_by) <= end)
        ][: min(limit, self.clamp)]


def read(
    exchange: Exchange, limit: int = MOST, most: int = MOST, **options: Any
) -> List[Order]:
    ask = OrderPages(exchange, most)

    def fetch(start: Any, end: Any, limit: int, sort: int) -> List[Order]:
        return ask(start=start, end=end, limit=limit)

    history: History[Order] = History(
        Order,
        most,
        mts_of=lambda order: order.mts_create,
        identity_of=lambda order: order.id,
    )
    parts = pages(fetch, history, Iteration(limit=limit, sort=-1, **options))
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
    # More of one time than the exchange gives at once cannot be told apart.
    times = Counter(getattr(order, filter_by) for order in orders)
    assume(max(times.values(), default=0) < MOST)
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


def test_orders_that_were_changed_at_once_hide_none() -> None:
    """Equal times of the last change do not show that a page is sorted by another time."""
    lives = [(58, 1), (0, 59), (10, 1), (61, 1), (62, 1)]
    orders = [made(number, *life) for number, life in enumerate(lives)]
    exchange = Exchange(orders, "mts_update", "mts_create")
    assert [order.id for order in read(exchange)] == [4, 3, 0, 2, 1]


def test_no_orders_are_one_request() -> None:
    exchange = Exchange([], "mts_update", "mts_create")
    assert read(exchange) == []
    assert exchange.count == 1


def test_pages_that_are_of_the_newest_cost_no_more_requests() -> None:
    # Every other one is closed after the next one.
    orders = [made(number, number * 10, number % 2 * 15) for number in range(12)]
    exchange = Exchange(orders, "mts_create", "mts_create")
    assert len(read(exchange)) == 12
    # A row that ends a page comes again with the next one, and the last one alone.
    assert exchange.count == 5


@given(lives=LIVES, clamp=st.integers(1, 40))
def test_page_that_is_shorter_than_asked_for_hides_no_order(
    lives: Any, clamp: int
) -> None:
    clamp = max(clamp, FEW)
    orders = [made(number, *life) for number, life in enumerate(lives * 2)]
    exchange = Exchange(orders, "mts_update", "mts_create", clamp)
    newest_first = sorted(orders, key=lambda order: order.mts_create, reverse=True)
    try:
        found = read(exchange, 2500, most=2500)
    except RemoteError as error:
        assert "may have" in str(error)
    else:
        assert {order.id for order in found} == {order.id for order in newest_first}


def test_unreadable_order_is_reported_with_the_orders_of_all_parts() -> None:
    lives = [(0, 59), (10, 1), (60, 1), (61, 1), (62, 1)]
    orders = [made(number, *life) for number, life in enumerate(lives)]
    exchange = Exchange(orders, "mts_update", "mts_create")

    def ask(**page: Any) -> List[Order]:
        rows = exchange(**page)
        if orders[2] not in rows:
            return rows
        rest = [order for order in rows if order is not orders[2]]
        raise RemoteError("no", rows=rest, unreadable=[("?", "no")])

    pages_of_orders = OrderPages(ask, MOST)
    with pytest.raises(RemoteError) as caught:
        pages_of_orders(start=None, end=None, limit=MOST)
    assert [order.id for order in caught.value.rows] == [4, 3, 1, 0]
    assert caught.value.unreadable == [("?", "no")]
    # They are known now, and the error has been told.
    assert len(pages_of_orders(start=None, end=None, limit=MOST)) == 4


def test_answer_that_is_no_list_of_orders_is_an_error() -> None:
    def ask(**page: Any) -> List[Order]:
        raise RemoteError("no list", raw={})

    with pytest.raises(RemoteError, match="no list"):
        OrderPages(ask, MOST)(start=None, end=None, limit=MOST)


def test_many_orders_of_one_time_are_whole_where_pages_are_longer() -> None:
    orders = [made(number, 5, number) for number in range(30)]
    others = [made(100 + number, 100 + number, 1) for number in range(31)]
    exchange = Exchange(orders + others, "mts_update", "mts_create")
    found = read(exchange, 2500, most=2500, end=T0 + 5)
    assert {order.id for order in found} == set(range(30))


@pytest.mark.parametrize("sort_by", ["mts_create", "mts_update"])
def test_more_orders_of_one_millisecond_than_fit_are_an_error(sort_by: str) -> None:
    orders = [made(number, 5, number) for number in range(9)]
    with pytest.raises(RemoteError, match=f"{T0 + 5} ms"):
        read(Exchange(orders, sort_by, "mts_create"))
