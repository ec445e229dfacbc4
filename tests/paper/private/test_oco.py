"""OCO orders: a limit order and a stop, of which at most one is filled."""

from __future__ import annotations

from typing import Any

import pytest

from bfxsync.paper import PaperAccount, PaperExchange
from bfxsync.paper.engine.errors import Declined, Invalid
from bfxsync.paper.engine.order import OCO, POST_ONLY, EngineOrder
from bfxsync.paper.engine.units import SCALE

from .support import EngineHarness, Signed

SPOT, MARGIN = "EXCHANGE LIMIT", "LIMIT"


@pytest.fixture
def harness() -> EngineHarness:
    """A market at 100 whose book the tests fill."""
    usd = {"USD": 1_000}
    account = PaperAccount(balances={"exchange": {**usd, "BTC": 10}, "margin": usd})
    harness = EngineHarness(account)
    harness.clear()
    harness.add_order(True, 99.0, 5.0)
    harness.add_order(False, 101.0, 5.0)
    harness.trade(100)
    return harness


def place(
    harness: EngineHarness,
    kind: str,
    amount: str,
    price: float,
    stop: float,
    **body: Any,
) -> tuple[EngineOrder, EngineOrder]:
    terms = {"flags": OCO, "price_oco_stop": str(stop), **body}
    order = harness.submit(kind, amount, price, **terms)
    (other,) = (o for o in _all(harness) if o.placed_id == order.id and o is not order)
    return order, other


def _all(harness: EngineHarness) -> list[EngineOrder]:
    account = harness.account
    return [*account.orders.values(), *account.closed.values()]


def reserved(harness: EngineHarness, kind: str, currency: str) -> float:
    wallet = harness.account.wallets.get(
        "margin" if kind == MARGIN else "exchange", currency
    )
    return wallet.reserved / SCALE


@pytest.mark.parametrize("kind", [SPOT, MARGIN])
def test_the_stop_is_an_order_of_its_own(harness: EngineHarness, kind: str) -> None:
    order, stop = place(
        harness, kind, "-1", 110, 90, cid=1, cid_oco=2, gid=3, flags=OCO | POST_ONLY
    )
    prefix = "EXCHANGE " if kind == SPOT else ""
    assert (order.kind, stop.kind) == (kind, f"{prefix}STOP")
    assert (order.cid, stop.cid, order.gid, stop.gid) == (1, 2, 3, 3)
    assert (order.flags, stop.flags) == (OCO | POST_ONLY, OCO)
    rows = order.row(), stop.row()
    assert [row[25] for row in rows] == [None, order.id]
    assert (rows[0][16], rows[0][19], rows[1][16]) == (110, 90, 90)
    assert list(harness.account.orders) == [order.id, stop.id]


@pytest.mark.parametrize("kind", [SPOT, MARGIN])
@pytest.mark.parametrize("amount", ["1", "-1"])
def test_a_fill_of_the_limit_order_cancels_the_stop(
    harness: EngineHarness, kind: str, amount: str
) -> None:
    is_buy = amount == "1"
    order, stop = place(
        harness, kind, amount, 98 if is_buy else 102, 110 if is_buy else 90
    )
    part = 0.25 * SCALE
    market = harness.venues["tBTCUSD"].market
    trade = [1, harness.now, 0.25, order.price / SCALE]
    market.account_orders[order.id](int(part), trade)
    assert stop.status == "CANCELED" and order.is_open
    assert abs(order.amount) == 0.75 * SCALE
    harness.engine.cancel(harness.account, [order])
    assert reserved(harness, kind, "BTC") == 0
    if kind == SPOT:
        assert reserved(harness, kind, "USD") == 0


@pytest.mark.parametrize("kind", [SPOT, MARGIN])
@pytest.mark.parametrize("amount", ["1", "-1"])
def test_the_stop_cancels_the_limit_order_when_triggered(
    harness: EngineHarness, kind: str, amount: str
) -> None:
    is_buy = amount == "1"
    order, stop = place(
        harness, kind, amount, 98 if is_buy else 102, 103 if is_buy else 97
    )
    harness.trade(103 if is_buy else 97)
    assert order.status == "CANCELED"
    assert stop.status.startswith(f"EXECUTED @ {101 if is_buy else 99}({amount})")
    assert harness.account.orders == {}


@pytest.mark.parametrize("which", [0, 1])
def test_cancelling_one_cancels_both(harness: EngineHarness, which: int) -> None:
    pair = place(harness, SPOT, "1", 98, 110)
    events: list[tuple[str, Any]] = []
    harness.account.listeners.append(lambda code, row: events.append((code, row[0])))
    harness.engine.cancel(harness.account, [pair[which]])
    assert [order.status for order in pair] == ["CANCELED", "CANCELED"]
    closed = [id for code, id in events if code == "oc"]
    assert sorted(closed) == [order.id for order in pair]


def test_both_are_cancelled_together_and_at_one_time(harness: EngineHarness) -> None:
    pair = place(harness, SPOT, "1", 98, 110)
    harness.engine.cancel(harness.account, list(pair))
    assert harness.account.orders == {}
    pair = place(harness, SPOT, "1", 98, 110, tif="2023-11-14 22:13:25")
    for _, expire in harness.later:
        expire()
    assert [order.status for order in pair] == ["CANCELED", "CANCELED"]


@pytest.mark.parametrize(
    ("kind", "amount", "currency", "expected"),
    [
        (SPOT, "2", "USD", 220),
        (SPOT, "-2", "BTC", 2),
        (MARGIN, "2", "USD", 44),
        (MARGIN, "-2", "USD", 40.8),
    ],
)
def test_a_pair_reserves_what_the_dearer_order_needs(
    harness: EngineHarness, kind: str, amount: str, currency: str, expected: float
) -> None:
    is_buy = amount == "2"
    order, stop = place(
        harness, kind, amount, 98 if is_buy else 102, 110 if is_buy else 90
    )
    assert reserved(harness, kind, currency) == expected
    harness.engine.update(harness.account, stop, {"price": "120" if is_buy else "80"})
    harness.engine.update(harness.account, order, {"delta": amount})
    if kind == SPOT:
        assert reserved(harness, kind, currency) == (392 if is_buy else 4)
    harness.engine.cancel(harness.account, [stop])
    assert reserved(harness, kind, currency) == 0


def test_a_pair_that_cannot_be_paid_is_declined(harness: EngineHarness) -> None:
    with pytest.raises(Declined, match="not enough exchange balance"):
        place(harness, SPOT, "10", 98, 110)
    place(harness, SPOT, "9", 98, 110)
    assert reserved(harness, SPOT, "USD") == 990


@pytest.mark.parametrize(
    ("kind", "body", "error", "text"),
    [
        (SPOT, {"flags": OCO}, Invalid, "price_oco_stop: invalid"),
        (SPOT, {"price_oco_stop": "110"}, Invalid, "price_oco_stop: invalid"),
        (SPOT, {"flags": OCO, "price_oco_stop": "x"}, Invalid, "price_oco_stop"),
        (
            SPOT,
            {"flags": OCO, "price_oco_stop": "110", "cid_oco": "1"},
            Invalid,
            "cid_oco: invalid",
        ),
        (
            "EXCHANGE IOC",
            {"flags": OCO, "price_oco_stop": "110"},
            Declined,
            "only a limit order can have an OCO stop",
        ),
    ],
)
def test_impossible_pairs_are_refused(
    harness: EngineHarness, kind: str, body: Any, error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text):
        harness.submit(kind, "1", 98, **body)
    assert _all(harness) == []


def test_an_order_that_takes_at_once_has_no_stop(harness: EngineHarness) -> None:
    order, stop = place(harness, SPOT, "1", 101, 110)
    assert order.status.startswith("EXECUTED") and stop.status == "CANCELED"
    assert harness.account.orders == {}


def test_the_answer_has_both_orders(exchange: PaperExchange, signed: Signed) -> None:
    note = signed.post(
        "auth/w/order/submit",
        type=SPOT,
        symbol="tBTCUSD",
        amount="0.1",
        price="30000",
        flags=OCO,
        price_oco_stop="90000",
    )
    order, stop = note[4]
    assert stop[25] == order[0] and order[25] is None
    assert len(exchange.account.orders) == 2
