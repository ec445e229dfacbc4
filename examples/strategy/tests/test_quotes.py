"""Decisions, by tables: nothing here needs an exchange."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal as D

import pytest

from market_maker.quotes import (
    BUY,
    SELL,
    Quote,
    Settings,
    State,
    change,
    fair_price,
    others,
    quotes,
    round_price,
)

SETTINGS = Settings(
    size=D(1),
    max_position=D(4),
    edge=D("0.01"),
    skew=D("0.02"),
    tolerance=D("0.001"),
)
STATE = State(bids=[(D(999), D(2))], asks=[(D(1001), D(2))])


def wanted(**changes):
    """Return amounts and prices as text, the order to buy first."""
    found = quotes(replace(STATE, **changes), SETTINGS)
    return [
        (f"{q.amount.normalize():f}", f"{q.price.normalize():f}")
        for q in found.values()
    ]


@pytest.mark.parametrize(
    "position, expected",
    [
        ("0", [("1", "990"), ("-1", "1010")]),
        ("2", [("1", "980.1"), ("-1", "999.9")]),
        ("-2", [("1", "999.9"), ("-1", "1020.1")]),
        ("3.5", [("0.5", "972.67"), ("-1", "999.01")]),
        ("4", [("-1", "999.01")]),
        ("-4", [("1", "1000.9")]),
        ("5", [("-1", "999.01")]),
    ],
)
def test_position_moves_and_limits_the_quotes(position, expected):
    assert wanted(position=D(position)) == expected


@pytest.mark.parametrize(
    "changes",
    [
        {"is_trusted": False},
        {"bids": []},
        {"asks": []},
        {"min_size": D("1.1")},
        {"own": {BUY: Quote(D(2), D(999))}},
    ],
    ids=["not trusted", "no bids", "no asks", "too small", "only an own bid"],
)
def test_nothing_is_wanted(changes):
    assert wanted(**changes) == []


def test_sizes_are_within_the_limits_of_the_exchange():
    assert wanted(max_size=D("0.3"))[0][0] == "0.3"
    # What is left of the position limit would be too small.
    assert [amount for amount, _ in wanted(min_size=D("0.1"), position=D("3.95"))] == [
        "-1"
    ]


def test_no_price_reaches_the_other_side():
    wide = State(bids=[(D(900), D(1))], asks=[(D(901), D(99))])
    found = quotes(wide, replace(SETTINGS, edge=D("0.0001"), skew=D(0)))
    assert (found[BUY].price, found[SELL].price) == (D("899.91"), D("900.11"))
    found = quotes(replace(wide, position=D(-4)), SETTINGS)
    assert found[BUY].price == D("900.99")


def test_fair_price_is_closer_to_the_smaller_side():
    assert fair_price([(D(100), D(1))], [(D(102), D(1))]) == 101
    assert fair_price([(D(100), D(3))], [(D(102), D(1))]) == D("101.5")
    assert fair_price([], [(D(102), D(1))]) is None


def test_own_orders_do_not_count():
    bids = [(D(100), D(1)), (D(99), D(5))]
    assert others(bids, Quote(D(1), D(100))) == [(D(99), D(5))]
    assert others(bids, Quote(D(2), D(99))) == [(D(100), D(1)), (D(99), D(3))]
    assert others(bids, None) == bids


@pytest.mark.parametrize(
    "price, side, expected",
    [
        ("64123.45", BUY, "64123"),
        ("64123.45", SELL, "64124"),
        ("0.123456", BUY, "0.12345"),
        ("0.00001234567", SELL, "0.00001235"),
        ("123456", BUY, "123450"),
        ("99999.5", SELL, "100000"),
    ],
)
def test_prices_have_five_digits(price, side, expected):
    assert round_price(D(price), side) == D(expected)


@pytest.mark.parametrize(
    "now, then, expected",
    [
        (None, None, None),
        (None, (1, 100), "place"),
        ((1, 100), None, "cancel"),
        ((1, 100), (1, 100), None),
        ((1, 100), (1, "100.05"), None),
        ((1, 100), (1, "100.2"), "move"),
        ((-1, 100), (-1, "99.8"), "move"),
        (("0.4", 100), (1, 100), None),
        (("0.4", 100), (1, 101), "move"),
        ((1, 100), ("0.5", 100), "cancel"),
    ],
)
def test_what_is_done_with_an_order(now, then, expected):
    current, target = (each and Quote(D(each[0]), D(each[1])) for each in (now, then))
    assert change(target, current, D("0.001")) == expected


@pytest.mark.parametrize(
    "symbol, currencies",
    [("tBTCUSD", ("BTC", "USD")), ("tTESTBTC:TESTUSD", ("TESTBTC", "TESTUSD"))],
)
def test_currencies_of_a_pair(symbol, currencies):
    assert Settings(symbol).currencies == currencies
