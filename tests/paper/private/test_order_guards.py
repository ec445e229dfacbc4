"""Order guards of a client, on the local exchange."""

from __future__ import annotations

from typing import Any, Callable, Iterator

import pytest

from bfxsync import ApiError, Client, OrderBlocked, OrderFlag, UsageError
from bfxsync.paper import PaperAccount, PaperExchange
from bfxsync.rest.http import transport as transport_module
from bfxsync.rest.http.rate_limiter import RequestRateLimiter

Connect = Callable[..., Client]

# Far below the market, so that it rests.
LIMIT = {"type": "EXCHANGE LIMIT", "symbol": "tBTCUSD", "amount": "0.1", "price": "100"}
MARKET = {"type": "EXCHANGE MARKET", "symbol": "tBTCUSD", "amount": "0.1"}
SUBMIT, MULTI = "auth/w/order/submit", "auth/w/order/multi"


@pytest.fixture(scope="module")
def venue() -> Iterator[PaperExchange]:
    """One for all tests here: each has its orders cancelled."""
    with PaperExchange(rate=1e-3, accounts=[PaperAccount()]) as exchange:
        yield exchange


@pytest.fixture
def connect(venue: PaperExchange, monkeypatch: pytest.MonkeyPatch) -> Iterator[Connect]:
    limits = RequestRateLimiter(exempt_loopback=True)
    monkeypatch.setattr(transport_module, "SHARED", limits)
    clients: list[Client] = []

    def make(**options: Any) -> Client:
        key, secret = venue.account.api_key, venue.account.api_secret
        clients.append(Client(key, secret, rest_host=venue.rest_url, **options))
        return clients[-1]

    yield make
    clients[0].rest.auth.cancel_all_orders()
    for client in clients:
        client.close()


def ways(bfx: Client) -> list[Callable[..., Any]]:
    """Return all ways to place an order."""
    auth = bfx.rest.auth
    return [
        auth.submit_order,
        lambda **terms: auth.submit_order_multi([("on", terms)]),
        lambda **terms: bfx.rest.request("POST", SUBMIT, body=terms),
        lambda **terms: bfx.rest.request("POST", MULTI, body={"ops": [["on", terms]]}),
    ]


def writes(venue: PaperExchange) -> int:
    return len(venue.account.orders) + len(venue.account.trades)


# --- post_only --------------------------------------------------------------------------------


def test_post_only_reaches_every_order(connect: Connect, venue: PaperExchange) -> None:
    bfx = connect(post_only=True)
    for place in ways(bfx):
        place(**LIMIT)
    orders = bfx.rest.auth.get_orders()
    assert [order.flags for order in orders] == [OrderFlag.POST_ONLY] * 4
    changed = bfx.rest.auth.update_order(orders[0].id, price="101", flags=64)
    assert changed.raise_for_status().data.price == 101
    before = writes(venue)
    for place in ways(bfx):
        with pytest.raises(OrderBlocked, match="^post_only"):
            place(**MARKET)
    assert writes(venue) == before


def test_order_placed_elsewhere_may_not_be_made_to_take(connect: Connect) -> None:
    order = connect().rest.auth.submit_order(**LIMIT).raise_for_status().data
    with pytest.raises(OrderBlocked, match="not post-only"):
        connect(post_only=True).rest.auth.update_order(order.id, price="1000000")


# --- max_order_value --------------------------------------------------------------------------


def test_value_of_a_market_order_is_estimated(
    connect: Connect, venue: PaperExchange
) -> None:
    ask = connect().rest.public.get_t_ticker("tBTCUSD").ask
    assert ask is not None
    bfx = connect(max_order_value={"USD": ask * 0.11})
    for place in ways(bfx):
        place(**MARKET)
    before = writes(venue)
    for place in ways(bfx):
        with pytest.raises(OrderBlocked, match="^max_order_value"):
            place(**{**MARKET, "amount": "0.12"})
        # A sale at a low price is one at the market's.
        with pytest.raises(OrderBlocked, match="^max_order_value"):
            place(**{**LIMIT, "amount": "-0.12", "price": "1"})
    assert writes(venue) == before


@pytest.mark.parametrize(
    "changes", [{"amount": "10"}, {"delta": "9.9"}, {"price": "10000"}], ids=str
)
def test_update_is_checked_as_the_order_it_makes(
    connect: Connect, changes: Any
) -> None:
    bfx = connect(max_order_value={"USD": 900})
    order = bfx.rest.auth.submit_order(**LIMIT).raise_for_status().data
    with pytest.raises(OrderBlocked, match="is 1000.0+ USD, more than 900"):
        bfx.rest.auth.update_order(order.id, **changes)
    with pytest.raises(OrderBlocked):
        bfx.rest.auth.submit_order_multi([("ou", {"id": order.id, **changes})])
    bfx.rest.auth.update_order(order.id, amount="0.2").raise_for_status()
    assert bfx.rest.auth.get_orders()[0].price == 100


def test_update_cannot_turn_a_resting_sale_into_a_market_sale(
    connect: Connect, venue: PaperExchange
) -> None:
    bfx = connect(max_order_value={"USD": 9_000})
    sale = {**LIMIT, "amount": "-0.01", "price": "800000", "post_only": True}
    order = bfx.rest.auth.submit_order(**sale).raise_for_status().data
    with pytest.raises(OrderBlocked, match="^max_order_value"):
        bfx.rest.auth.update_order(order.id, amount="-5", price="1", flags=0)
    assert [item.amount for item in bfx.rest.auth.get_orders()] == [-0.01]


def test_price_that_cannot_be_asked_places_nothing(
    connect: Connect, venue: PaperExchange
) -> None:
    bfx, before = connect(max_order_value={"XXX": 1}), writes(venue)
    with pytest.raises(ApiError, match="tZZZXXX"):
        bfx.rest.auth.submit_order("MARKET", "tZZZXXX", "1")
    assert writes(venue) == before


# --- the number of orders ---------------------------------------------------------------------


def test_open_orders_of_the_account_are_counted(connect: Connect) -> None:
    for _ in range(2):
        connect().rest.auth.submit_order(**LIMIT)
    bfx = connect(max_open_orders=3)
    with pytest.raises(OrderBlocked, match="2 orders are open"):
        bfx.rest.auth.submit_order_multi([("on", LIMIT)] * 2)
    bfx.rest.auth.submit_order(**LIMIT).raise_for_status()
    for place in ways(bfx):
        with pytest.raises(OrderBlocked, match="3 orders are open"):
            place(**LIMIT)
    bfx.rest.auth.cancel_all_orders()
    bfx.rest.auth.submit_order(**LIMIT).raise_for_status()


def test_orders_of_a_minute_are_counted(connect: Connect) -> None:
    bfx = connect(max_orders_per_minute=2)
    for _ in range(2):
        bfx.rest.auth.submit_order(**LIMIT)
    for place in ways(bfx):
        with pytest.raises(OrderBlocked, match="2 orders or updates") as caught:
            place(**LIMIT)
        assert 0 < (caught.value.retry_after_s or 0) <= 60
    assert len(bfx.rest.auth.get_orders()) == 2


# --- halt -------------------------------------------------------------------------------------


def test_halt_cancels_all_orders_of_the_account(connect: Connect) -> None:
    other, bfx = connect(), connect()
    other.rest.auth.submit_order(**LIMIT)
    order = bfx.rest.auth.submit_order(**LIMIT).raise_for_status().data
    derivative = {**LIMIT, "type": "LIMIT", "symbol": "tBTCF0:USTF0"}
    bfx.rest.auth.submit_order(**derivative).raise_for_status()
    assert len(bfx.halt().raise_for_status().data) == 3
    assert bfx.is_halted and bfx.rest.auth.get_orders() == []
    for place in ways(bfx):
        with pytest.raises(OrderBlocked, match="halted until resume"):
            place(**LIMIT)
    with pytest.raises(OrderBlocked):
        bfx.rest.auth.update_order(order.id, price="101")
    bfx.rest.auth.cancel_all_orders()
    assert not other.is_halted
    bfx.resume()
    bfx.rest.auth.submit_order(**LIMIT).raise_for_status()


def test_halt_refuses_orders_even_if_the_cancellation_fails(connect: Connect) -> None:
    with Client(rest_host="http://127.0.0.1:9/v2") as bfx:
        with pytest.raises(UsageError, match="needs a key"):
            bfx.halt()
        assert bfx.is_halted
    connect()
