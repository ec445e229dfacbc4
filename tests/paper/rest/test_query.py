from __future__ import annotations

from typing import Any

import pytest

from bfxsync.paper.markets.market import Market
from bfxsync.paper.server.market_data import MarketData
from bfxsync.paper.server.rest.query import Page, Query, Refused


def query(**values: Any) -> Query:
    market_data = MarketData()
    market_data.add(Market("tBTCUSD"))
    return Query(market_data, values)


def test_a_page_has_defaults() -> None:
    assert query().page(100, 250) == (None, None, 100, True)
    asked = query(start="5", end=9, limit="250", sort="1")
    assert asked.page(100, 250) == (5, 9, 250, False)
    assert query(sort="-1").page(100, 250).newest_first


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("limit", "251"),
        ("limit", "0"),
        ("limit", "-1"),
        ("limit", ""),
        ("limit", "1e2"),
        ("limit", [5]),
        ("start", "now"),
        ("start", "1.5"),
        ("end", "9" * 17),
        ("sort", "0"),
        ("sort", "2"),
    ],
)
def test_wrong_values_are_refused_by_name(name: str, value: object) -> None:
    with pytest.raises(Refused) as caught:
        query(**{name: value}).page(100, 250)
    assert (caught.value.code, caught.value.status) == (10020, 500)
    assert caught.value.message == f"{name}: invalid"


def test_a_symbol_must_be_known_letter_for_letter() -> None:
    assert query(symbol="tBTCUSD").market().symbol == "tBTCUSD"
    for symbol in ("BTCUSD", "tbtcusd", "tNOPE", None):
        with pytest.raises(Refused, match="symbol: invalid"):
            query(symbol=symbol).market()


def test_times_are_multiples_of_the_step_within_the_page() -> None:
    page = Page(10, 30, 3, False)
    assert list(page.times(0, 100, 5)) == [10, 15, 20, 25, 30]
    assert list(page.times(12, 29, 5)) == [15, 20, 25]
    assert list(page._replace(newest_first=True).times(0, 100, 10)) == [30, 20, 10]
    assert list(Page(None, None, 3, True).times(1, 11, 5)) == [10, 5]
    assert list(page.shifted(1).times(0, 100, 10)) == [20, 30]
    assert Page(None, None, 1, True).shifted(5) == (None, None, 1, True)


def test_a_page_is_cut_without_asking_for_more() -> None:
    def rows() -> Any:
        yield 1
        yield 2
        raise AssertionError("one row too many")

    assert list(Page(None, None, 2, True).cut(rows())) == [1, 2]
    assert list(Page(None, None, 2, True).cut([1])) == [1]
    page = Page(5, 9, 1, True)
    assert [page.covers(mts) for mts in (4, 5, 9, 10)] == [False, True, True, False]
