"""Sizes and balances that are known locally."""

from __future__ import annotations

from contextlib import nullcontext
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bfxsync import NetworkError, OrderBlocked, UsageError
from bfxsync.guards.funds import FundsCheck
from bfxsync.models import Wallet

LIMIT = "EXCHANGE LIMIT"


class Sizes:
    def __init__(self, least=None, most=None):
        self.least, self.most = least, most

    def min_order_size(self, symbol):
        return self.least

    def max_order_size(self, symbol):
        return self.most


def wallets(**balances):
    """Wallets by currency: the balance, or (balance, available)."""
    found = {}
    for currency, value in balances.items():
        balance, available = value if isinstance(value, tuple) else (value, None)
        row = ["exchange", currency, balance, 0, available, None, None]
        found["exchange", currency] = Wallet.from_row(row)
    return found


def order(amount, price="100", type=LIMIT, symbol="tBTCUSD", **terms):
    return {"type": type, "symbol": symbol, "amount": amount, "price": price, **terms}


@pytest.mark.parametrize(
    "amount, reason",
    [("0.1", "less than the minimum 0.2"), ("-11", "more than the maximum 10")],
)
@pytest.mark.parametrize("type", [LIMIT, "LIMIT", "MARKET"])
def test_size_has_limits(amount, reason, type):
    check = FundsCheck(Sizes(Decimal("0.2"), Decimal(10)), None)
    with pytest.raises(OrderBlocked, match=reason) as it:
        check.check(order(amount, type=type))
    assert it.value.guard == "check_funds"
    for size in ("0.2", "-10"):
        check.check(order(size, type=type))


ENOUGH = {
    "purchase": order("2"),
    "sale": order("-1"),
    "sale at market": order("-1", None, "EXCHANGE MARKET"),
    "stop limit": order("2", "300", "EXCHANGE STOP LIMIT", price_aux_limit="100"),
}
TOO_MUCH = {
    "purchase": order("2.0000001"),
    "sale": order("-1.1"),
    "sale at market": order("-1.1", None, "EXCHANGE MARKET"),
    "stop limit": order("2", "90", "EXCHANGE STOP LIMIT", price_aux_limit="101"),
}
UNKNOWN = {
    "purchase at market": order("1000", None, "EXCHANGE MARKET"),
    "stop": order("1000", "100", "EXCHANGE STOP"),
    "pair of orders": order("1000", price_oco_stop="110"),
    "margin": order("1000", type="LIMIT"),
    "derivative": order("-1000", type="MARKET", symbol="tBTCF0:USTF0"),
    "other currency": order("1000", symbol="tBTCEUR"),
}


@pytest.mark.parametrize("name", ENOUGH)
def test_order_within_the_balance_passes(name):
    FundsCheck(Sizes(), wallets(USD=200, BTC=1)).check(ENOUGH[name])


@pytest.mark.parametrize("name", TOO_MUCH)
def test_order_beyond_the_balance_is_refused(name):
    with pytest.raises(OrderBlocked, match="is needed, and the exchange wallet has"):
        FundsCheck(None, wallets(USD=200, BTC=1)).check(TOO_MUCH[name])
    FundsCheck(None, None).check(TOO_MUCH[name])


@pytest.mark.parametrize("name", UNKNOWN)
def test_what_is_not_certain_is_left_to_the_exchange(name):
    FundsCheck(None, wallets(USD=200, BTC=1)).check(UNKNOWN[name])


def test_available_balance_counts_where_it_is_known():
    with pytest.raises(OrderBlocked, match="has 100"):
        FundsCheck(None, wallets(USD=(200, 100))).check(order("2"))


def test_missing_wallet_is_empty_only_if_all_are_known():
    FundsCheck(None, {}).check(order("1"))
    with pytest.raises(OrderBlocked, match="has 0"):
        FundsCheck(None, {}, has_all_wallets=True).check(order("1"))


def test_balance_counts_unless_it_may_grow():
    check = FundsCheck(Sizes(Decimal(1)), wallets(USD=200))
    check.check(order("3"), is_size_only=True)
    with pytest.raises(OrderBlocked, match="minimum"):
        check.check(order("0.5"), is_size_only=True)


@pytest.mark.parametrize(
    "error, raises",
    [(NetworkError("no", phase="connect"), False), (UsageError("no pair"), True)],
)
def test_sizes_that_cannot_be_fetched_limit_nothing(error, raises):
    class Failing(Sizes):
        def max_order_size(self, symbol):
            raise error

    check = FundsCheck(Failing(), None)
    with pytest.raises(UsageError) if raises else nullcontext():
        check.check(order("1"))


def test_orders_of_one_call_share_the_balance():
    check = FundsCheck(None, wallets(USD=200, BTC=1))
    check.check(order("1"))
    check.check(order("-1"))
    check.check(order("1"))
    with pytest.raises(OrderBlocked, match="200.100 USD is needed"):
        check.check(order("0.001"))


@given(st.lists(st.integers(1, 99), max_size=9), st.integers(0, 300))
def test_sum_of_accepted_orders_never_exceeds_the_balance(sizes, balance):
    check, accepted = FundsCheck(None, wallets(BTC=balance)), 0
    for size in sizes:
        try:
            check.check(order(f"-{size}"))
        except OrderBlocked:
            assert accepted + size > balance
        else:
            accepted += size
    assert accepted <= balance
