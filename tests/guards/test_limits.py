"""What a client's orders may be, by their terms alone."""

from __future__ import annotations

import json
from decimal import Context, Decimal, Inexact, localcontext
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import JSON_VALUES

from bfxsync._base.enums import OrderFlag, OrderType
from bfxsync.errors import OrderBlocked, UsageError
from bfxsync.guards.limits import OrderLimits
from bfxsync.guards.requests import OrderAction, OrderRequest

MARKET_PRICE = Decimal(60_000)

TYPES = [kind.value for kind in OrderType]


def order(kind: str, amount: Any = "0.5", price: Any = "50000", **more: Any) -> Any:
    terms = {"type": kind, "symbol": "tBTCUSD", "amount": amount, "price": price}
    return {**terms, "cid": 7, **more}


def new(**terms: Any) -> OrderRequest:
    return OrderRequest(OrderAction.NEW, terms)


def market_price(symbol: str) -> Decimal:
    assert symbol == "tBTCUSD"
    return MARKET_PRICE


# --- options ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name, value",
    [
        ("post_only", 1.5),
        ("post_only", "no"),
        ("cancel_on_exit", None),
        ("max_order_value", 1000),
        ("max_order_value", {}),
        ("max_order_value", {"usd": 1}),
        ("max_order_value", {"USD": 0}),
        ("max_order_value", {"USD": "many"}),
        ("max_order_value", {"USD": float("nan")}),
        ("max_orders_per_minute", 0),
        ("max_orders_per_minute", 2.5),
        ("max_orders_per_minute", True),
        ("max_open_orders", -1),
        ("max_open_orders", "3"),
    ],
)
def test_impossible_option_is_named(name: str, value: Any) -> None:
    with pytest.raises(UsageError, match=f"^{name} "):
        OrderLimits.of(**{name: value})


def test_options_are_checked_into_limits() -> None:
    limits = OrderLimits.of(max_order_value={"USD": "1000.5", "BTC": 0.1})
    assert limits.max_order_value == {"USD": Decimal("1000.5"), "BTC": Decimal("0.1")}
    assert OrderLimits.of() == OrderLimits()


# --- post_only --------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", TYPES)
def test_post_only_leaves_limit_orders_only(kind: str) -> None:
    limits = OrderLimits(post_only=True)
    request = new(**order(kind, flags=OrderFlag.HIDDEN))
    if kind.endswith("LIMIT") and "STOP" not in kind:
        flags = limits.check(request)["flags"]
        # A plain integer, as it is sent.
        assert (type(flags), flags) == (int, 4096 | 64)
        assert json.dumps(flags) == "4160"
    else:
        with pytest.raises(OrderBlocked, match=f"type {kind} may take") as caught:
            limits.check(request)
        assert caught.value.guard == "post_only"


@pytest.mark.parametrize("flags", [None, 0, 4096])
def test_post_only_sets_its_flag(flags: Any) -> None:
    terms = order("LIMIT", flags=flags)
    assert OrderLimits(post_only=True).check(new(**terms)) == {**terms, "flags": 4096}
    assert OrderLimits().check(new(**terms)) == terms


@pytest.mark.parametrize("more", [{"flags": 16_384}, {"price_oco_stop": "40000"}])
def test_post_only_refuses_oco(more: Any) -> None:
    with pytest.raises(OrderBlocked, match="stop of an OCO order takes"):
        OrderLimits(post_only=True).check(new(**order("LIMIT", **more)))


@pytest.mark.parametrize("flags, sent", [(None, None), (64, 4160)])
def test_post_only_stays_in_an_update(flags: Any, sent: Any) -> None:
    update = OrderRequest(OrderAction.UPDATE, {"id": 1, "flags": flags})
    assert OrderLimits(post_only=True).check(update)["flags"] == sent
    assert OrderLimits().check(update) is update.terms


def test_update_of_an_order_that_may_take_is_refused() -> None:
    limits = OrderLimits(post_only=True)
    limits.check_update(order("LIMIT", flags=4096), market_price)
    for taking in (order("LIMIT", flags=64), order("STOP", flags=4096)):
        with pytest.raises(OrderBlocked, match="^post_only"):
            limits.check_update(taking, market_price)


# --- max_order_value --------------------------------------------------------------------------

VALUE = OrderLimits.of(max_order_value={"USD": 25_000})


@pytest.mark.parametrize(
    "terms, value",
    [
        (order("EXCHANGE LIMIT"), "25000.0"),
        (order("LIMIT", "0.51"), "25500.00"),
        (order("FOK", 0.25, 100_000), "25000.00"),
        (order("IOC", "2", "0.00001"), "0.00002"),
        # Bounded by the limit, whatever the trigger is.
        (order("STOP LIMIT", "0.5", "40000", price_aux_limit="41000"), "20500.0"),
        (order("STOP LIMIT", "0.5", "41000", price_aux_limit="40000"), "20500.0"),
        # Its limit is unknown, so the market's price counts.
        (order("STOP LIMIT", "0.5", "50000"), "30000.0"),
        # A sale may be executed above its price.
        (order("LIMIT", "-0.5", "1"), "30000.0"),
        (order("LIMIT", "-0.5", "70000"), "35000.0"),
        (order("LIMIT", "-0.5", "1", flags=4096), "0.5"),
        # No price, or one that only triggers.
        (order("MARKET", "0.5", None), "30000.0"),
        (order("EXCHANGE MARKET", "-0.4", None), "24000.0"),
        (order("STOP", "0.5", "50000"), "30000.0"),
        (order("STOP", "0.5", "70000"), "35000.0"),
        (order("TRAILING STOP", "0.5", None, price_trailing="10"), "30000.0"),
        (order("LIMIT", "0.5", "1", price_oco_stop="61000"), "30500.0"),
        (order("LIMIT", "0.5", "1", flags=16_384), "30000.0"),
        # An update.
        (order("LIMIT", 0.5, 50000.0, delta="0.01"), "25500.000"),
        (order("LIMIT", 0.5, 50000.0, delta="-0.01"), "24500.000"),
    ],
    ids=str,
)
def test_value_of_an_order(terms: Any, value: str) -> None:
    if Decimal(value) <= 25_000:
        VALUE.check_value(terms, market_price)
        return
    with pytest.raises(OrderBlocked) as caught:
        VALUE.check_value(terms, market_price)
    assert caught.value.guard == "max_order_value"
    assert f"is {Decimal(value):f} USD, more than 25000; nothing was sent" in str(
        caught.value
    )


def test_value_is_checked_without_a_request_where_its_prices_tell() -> None:
    with pytest.raises(OrderBlocked, match="is 25500.0 USD"):
        VALUE.check(new(**order("STOP", "-0.5", "51000")))
    for terms in (order("LIMIT"), order("MARKET", "100", None)):
        assert VALUE.check(new(**terms)) == terms


@pytest.mark.parametrize("prec", [1, 3])
def test_value_is_exact_in_any_decimal_context(prec: int) -> None:
    with localcontext(Context(prec, traps=[Inexact])):
        VALUE.check(new(**order("LIMIT", "-0.2499", "100000")))
        with pytest.raises(OrderBlocked, match="0.25001 of tBTCUSD .* 25001.00000 USD"):
            VALUE.check(new(**order("LIMIT", "-0.25001", "100000")))


def test_pair_without_a_value_is_refused() -> None:
    with pytest.raises(
        OrderBlocked, match="no maximum is set for BTC.* tETHBTC, only for USD"
    ):
        VALUE.check(new(**{**order("LIMIT"), "symbol": "tETHBTC"}))


def test_amount_that_the_exchange_sets_is_refused() -> None:
    with pytest.raises(OrderBlocked, match="sets the amount of a CLOSE order"):
        VALUE.check(new(**order("MARKET", flags=OrderFlag.CLOSE)))


def test_update_is_checked_as_the_order_that_it_makes() -> None:
    with pytest.raises(OrderBlocked, match="is 30000.0 USD"):
        VALUE.check_update(order("LIMIT", "-0.5", "1"), market_price)
    OrderLimits().check_update({}, market_price)


@pytest.mark.parametrize(
    "terms",
    [
        {"amount": None},
        {"amount": "many"},
        {"amount": "NaN"},
        {"amount": [1]},
        {"amount": "Infinity"},
        {"price": "many"},
        {"price": {"a": 1}},
        {"flags": "4096"},
        {"delta": "x"},
    ],
    ids=str,
)
def test_value_that_cannot_be_read_is_refused(terms: Any) -> None:
    with pytest.raises(OrderBlocked, match="cannot be checked") as caught:
        VALUE.check(new(**order("LIMIT", **terms)))
    assert caught.value.guard == "unreadable"


@given(st.dictionaries(st.sampled_from(list(order("LIMIT"))), JSON_VALUES))
def test_any_request_is_checked_or_refused(terms: Any) -> None:
    for limits in (OrderLimits.of(post_only=True), VALUE, OrderLimits()):
        try:
            limits.check(new(**terms))
        except OrderBlocked:
            assert limits != OrderLimits()


# --- the rest ---------------------------------------------------------------------------------

EVERY = [
    OrderLimits.of(post_only=True),
    VALUE,
    OrderLimits.of(max_orders_per_minute=5),
    OrderLimits.of(max_open_orders=5),
    OrderLimits.of(cancel_on_exit=True),
]


@pytest.mark.parametrize("limits", EVERY)
def test_what_is_unknown_passes_without_any_limit_only(limits: OrderLimits) -> None:
    request = OrderRequest(OrderAction.UNKNOWN, {})
    assert OrderLimits().check(request) == {}
    with pytest.raises(OrderBlocked, match="cannot be checked"):
        limits.check(request)


@pytest.mark.parametrize("limits", EVERY)
def test_recurring_orders_take_at_any_price(limits: OrderLimits) -> None:
    request = OrderRequest(OrderAction.RECURRING, {"amount": "1"})
    if limits.needs_whole_order:
        with pytest.raises(OrderBlocked, match="recurring orders"):
            limits.check(request)
    else:
        assert limits.check(request) == {"amount": "1"}


@pytest.mark.parametrize("cid", [None, "7"])
def test_order_that_must_be_found_needs_a_cid(cid: Any) -> None:
    limits = OrderLimits(cancel_on_exit=True)
    assert limits.check(new(cid=7)) == {"cid": 7}
    with pytest.raises(OrderBlocked, match="has no cid"):
        limits.check(new(cid=cid))
